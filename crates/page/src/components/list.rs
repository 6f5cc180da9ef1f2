//! Lists: a table that becomes cards on a phone, a list of facts, pages of a list, tabs.

use maud::{Markup, Render, html};

/// `Table::new("対応の一覧", &["期限", "氏名"]).row(vec![html!{…}, html!{…}])`, rendered by maud. Below 640 px each
/// row becomes a card whose cells carry the heading of their column; the roles keep it a table to the ear.
pub struct Table<'a> {
    caption: &'a str,
    headings: &'a [&'a str],
    rows: Vec<(Option<&'a str>, bool, Vec<Markup>)>,
    caption_shown: bool,
}

impl<'a> Table<'a> {
    pub fn new(caption: &'a str, headings: &'a [&'a str]) -> Table<'a> {
        Table { caption, headings, rows: Vec::new(), caption_shown: false }
    }
    pub fn show_caption(self) -> Self {
        Table { caption_shown: true, ..self }
    }
    pub fn row(mut self, cells: Vec<Markup>) -> Self {
        self.rows.push((None, false, cells));
        self
    }
    /// A row that somebody must take: the sound repeats while one stands on the page.
    pub fn alarm_row(mut self, cells: Vec<Markup>) -> Self {
        self.rows.push((Some("is-needed"), true, cells));
        self
    }
}

impl Render for Table<'_> {
    fn render(&self) -> Markup {
        html! {
            table.table role="table" {
                caption class=[(!self.caption_shown).then_some("sr-only")] { (self.caption) }
                thead role="rowgroup" { tr role="row" {
                    @for heading in self.headings { th scope="col" role="columnheader" { (heading) } }
                } }
                tbody role="rowgroup" {
                    @for (class, alarm, cells) in &self.rows {
                        tr role="row" class=[class] data-alarm[*alarm] {
                            @for (index, cell) in cells.iter().enumerate() {
                                td role="cell" data-label=[self.headings.get(index)] { div { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Facts as term and value; an empty value is shown as 「不明」 and never left out.
pub fn definitions(facts: &[(&str, Markup)]) -> Markup {
    html! {
        dl.facts {
            @for (term, value) in facts {
                div { dt { (term) } dd { @if value.0.is_empty() { span.unknown { "不明" } } @else { (value) } } }
            }
        }
    }
}

/// Pages of a list: (address, label) of the one before and after.
pub fn pager(before: Option<&str>, after: Option<&str>, words: &str) -> Markup {
    html! {
        @if before.is_some() || after.is_some() {
            nav.pager aria-label="ページ送り" {
                @if let Some(href) = before { a.btn href=(href) rel="prev" { "前へ" } }
                span { (words) }
                @if let Some(href) = after { a.btn href=(href) rel="next" { "次へ" } }
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Tab<'a> {
    pub href: &'a str,
    pub label: &'a str,
    pub count: Option<usize>,
    pub current: bool,
}

/// Parts of one subject, each its own address.
pub fn tabs(label: &str, tabs: &[Tab]) -> Markup {
    html! {
        nav.tabs aria-label=(label) { ul {
            @for tab in tabs {
                li { a href=(tab.href) aria-current=[tab.current.then_some("page")] {
                    (tab.label)
                    @if let Some(count) = tab.count { " " span.count { (count) "件" } }
                } }
            }
        } }
    }
}

/// The strip of figures on top of a desk: each leads to its list. `near` and `over` colour it with a word for it.
#[derive(Clone, Debug)]
pub struct Figure<'a> {
    pub label: &'a str,
    pub value: String,
    pub hint: &'a str,
    pub href: Option<&'a str>,
    pub state: Option<super::state::State>,
}

pub fn figures(label: &str, figures: &[Figure]) -> Markup {
    html! {
        ul.figures aria-label=(label) {
            @for figure in figures {
                li class=[figure.state.map(super::state::State::class)] {
                    @if let Some(href) = figure.href { a href=(href) { (figure_words(figure)) } }
                    @else { (figure_words(figure)) }
                }
            }
        }
    }
}

fn figure_words(figure: &Figure) -> Markup {
    html! {
        span.figure-label { (figure.label) }
        strong { (figure.value) }
        @if !figure.hint.is_empty() { small { (figure.hint) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_knows_its_heading_and_an_unknown_fact_says_so() {
        let out = Table::new("一覧", &["期限", "氏名"]).alarm_row(vec![html! { "1分" }, html! { "見本" }]).render().0;
        assert!(out.contains("data-label=\"氏名\"") && out.contains("data-alarm"), "{out}");
        assert!(definitions(&[("服薬", html! {})]).0.contains("不明"));
    }
}
