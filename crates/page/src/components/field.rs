//! One field of a form: label, hint, what is wrong with it, and what was typed, which is never lost. It reads nothing:
//! values are parsed at the door of the desk that takes the form.
//!
//! `(Field::text("name", "氏名").value(&typed).required().error(problem))` inside `html!`.

use base::limits;
use maud::{Markup, Render, html};

use super::icon::{Icon, icon};
use super::time::whole_dates;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Line(&'static str),
    Area(u8),
}

/// Built by one of the constructors, then refined; rendered by maud.
#[derive(Clone, Debug)]
pub struct Field<'a> {
    name: &'a str,
    label: &'a str,
    kind: Kind,
    id: Option<&'a str>,
    hint: Option<&'a str>,
    error: Option<&'a str>,
    value: &'a str,
    required: bool,
    required_for: Option<&'a str>,
    marked: bool,
    mode: Option<&'static str>,
    autocomplete: &'static str,
    longest: usize,
    narrow: bool,
    focus: bool,
}

impl<'a> Field<'a> {
    fn new(name: &'a str, label: &'a str, kind: Kind) -> Field<'a> {
        Field {
            name,
            label,
            kind,
            id: None,
            hint: None,
            error: None,
            value: "",
            required: false,
            required_for: None,
            marked: true,
            mode: None,
            autocomplete: "off",
            longest: limits::LINE_CHARS,
            narrow: false,
            focus: false,
        }
    }

    pub fn text(name: &'a str, label: &'a str) -> Field<'a> {
        Field::new(name, label, Kind::Line("text"))
    }
    /// 氏名カナ: full-width katakana (hiragana is turned into it at the door).
    pub fn kana(name: &'a str, label: &'a str) -> Field<'a> {
        Field::text(name, label).hint("全角カタカナ（ひらがなで入力しても変換します）")
    }
    pub fn tel(name: &'a str, label: &'a str) -> Field<'a> {
        Field { mode: Some("tel"), narrow: true, ..Field::new(name, label, Kind::Line("tel")) }
    }
    pub fn email(name: &'a str, label: &'a str) -> Field<'a> {
        Field { mode: Some("email"), ..Field::new(name, label, Kind::Line("email")) }
    }
    /// A count or measure. Typed as text with a number pad: a `number` field changes when a page is scrolled over it.
    pub fn number(name: &'a str, label: &'a str) -> Field<'a> {
        Field { mode: Some("decimal"), narrow: true, longest: 12, ..Field::text(name, label) }
    }
    /// A date in any writing that `base::wareki::Date::read` reads, eras included.
    pub fn date(name: &'a str, label: &'a str) -> Field<'a> {
        Field { narrow: true, longest: 40, ..Field::text(name, label) }
            .hint("例：昭和13年4月1日、S13.4.1、1938\u{2011}04\u{2011}01")
    }
    /// A day to come, picked from the device's calendar: `2026-11-22`.
    pub fn day(name: &'a str, label: &'a str) -> Field<'a> {
        Field { narrow: true, ..Field::new(name, label, Kind::Line("date")) }
    }
    /// A day and time to come: `2026-11-22T10:42`, Japanese wall time; read by
    /// `form::read_moment`, for not every browser has a calendar.
    pub fn moment(name: &'a str, label: &'a str) -> Field<'a> {
        Field { narrow: true, ..Field::new(name, label, Kind::Line("datetime-local")) }
    }
    pub fn time(name: &'a str, label: &'a str) -> Field<'a> {
        Field { narrow: true, ..Field::new(name, label, Kind::Line("time")) }
    }
    pub fn search(name: &'a str, label: &'a str) -> Field<'a> {
        Field { mode: Some("search"), marked: false, ..Field::new(name, label, Kind::Line("search")) }
    }
    /// What an account signs in with.
    pub fn user_name(name: &'a str, label: &'a str) -> Field<'a> {
        Field { autocomplete: "username", marked: false, ..Field::text(name, label) }.required()
    }
    pub fn password(name: &'a str, label: &'a str) -> Field<'a> {
        let field = Field::new(name, label, Kind::Line("password"));
        Field { autocomplete: "current-password", marked: false, ..field }.required()
    }
    pub fn new_password(name: &'a str, label: &'a str) -> Field<'a> {
        Field { autocomplete: "new-password", ..Field::new(name, label, Kind::Line("password")) }.required()
    }
    /// Six digits from the authenticator.
    pub fn code(name: &'a str, label: &'a str) -> Field<'a> {
        let field = Field::text(name, label);
        Field {
            autocomplete: "one-time-code",
            mode: Some("numeric"),
            marked: false,
            narrow: true,
            longest: 12,
            ..field
        }
        .required()
    }
    /// Several lines, `limits::TEXT_CHARS` at most.
    pub fn area(name: &'a str, label: &'a str, rows: u8) -> Field<'a> {
        Field { longest: limits::TEXT_CHARS, ..Field::new(name, label, Kind::Area(rows)) }
    }

    pub fn value(self, typed: &'a str) -> Self {
        Field { value: typed, ..self }
    }
    pub fn hint(self, hint: &'a str) -> Self {
        Field { hint: Some(hint), ..self }
    }
    pub fn error(self, error: Option<&'a str>) -> Self {
        Field { error, ..self }
    }
    pub fn required(self) -> Self {
        Field { required: true, ..self }
    }
    /// What else is chosen in the form decides whether it must be filled: the words say when.
    pub fn required_for(self, when: &'a str) -> Self {
        Field { required_for: Some(when), ..self }
    }
    pub fn longest(self, characters: usize) -> Self {
        Field { longest: characters, ..self }
    }
    /// Where two forms of a page have a field of one name.
    pub fn id(self, id: &'a str) -> Self {
        Field { id: Some(id), ..self }
    }
    /// A token of the HTML standard, for what the user says about themselves (`name`, `tel`, `email`).
    pub fn autocomplete(self, token: &'static str) -> Self {
        Field { autocomplete: token, ..self }
    }
    pub fn autofocus(self) -> Self {
        Field { focus: true, ..self }
    }
}

impl Render for Field<'_> {
    fn render(&self) -> Markup {
        let id = self.id.unwrap_or(self.name);
        let described = described_by(id, self.hint, self.error);
        let class = if self.narrow { "input is-narrow" } else { "input" };
        let invalid = self.error.map(|_| "true");
        let input = match self.kind {
            Kind::Line(kind) => html! {
                input class=(class) id=(id) name=(self.name) type=(kind) value=(self.value) maxlength=(self.longest)
                    required[self.required] inputmode=[self.mode] autocomplete=(self.autocomplete)
                    aria-describedby=[described] aria-invalid=[invalid] autofocus[self.focus];
            },
            Kind::Area(rows) => html! {
                textarea class=(class) id=(id) name=(self.name) rows=(rows) maxlength=(self.longest)
                    required[self.required] autocomplete=(self.autocomplete) aria-describedby=[described]
                    aria-invalid=[invalid] autofocus[self.focus] {
                    // A browser drops the first line break of a textarea: this one.
                    "\n" (self.value)
                }
            },
        };
        html! {
            div class={ "field" @if self.error.is_some() { " has-error" } } {
                label.field-label for=(id) { (self.label) @if self.marked { (need(self.required, self.required_for)) } }
                (hint_and_error(id, self.hint, self.error))
                (input)
            }
        }
    }
}

/// A choice out of a closed list: built by one of the constructors, then refined; rendered by maud. `options` are (value,
/// word); `chosen` is what was sent before. It says nothing of having to be filled until it is asked to.
pub struct Options<'a> {
    name: &'a str,
    label: &'a str,
    look: Look,
    options: Vec<(&'a str, &'a str)>,
    chosen: Vec<&'a str>,
    error: Option<&'a str>,
    need: Option<(bool, Option<&'a str>)>,
}

#[derive(Clone, Copy)]
enum Look {
    List,
    /// All of them seen, as large rows.
    Rows(&'static str),
}

impl<'a> Options<'a> {
    fn new(
        name: &'a str,
        label: &'a str,
        look: Look,
        options: &[(&'a str, &'a str)],
        chosen: Vec<&'a str>,
    ) -> Options<'a> {
        Options { name, label, look, options: options.to_vec(), chosen, error: None, need: None }
    }

    pub fn error(self, error: Option<&'a str>) -> Self {
        Options { error, ..self }
    }
    pub fn required(self) -> Self {
        Options { need: Some((true, None)), ..self }
    }
    pub fn optional(self) -> Self {
        Options { need: Some((false, None)), ..self }
    }
    /// What else is chosen in the form decides whether it must be filled: the words say when.
    pub fn required_for(self, when: &'a str) -> Self {
        Options { need: Some((false, Some(when))), ..self }
    }
}

impl Render for Options<'_> {
    fn render(&self) -> Markup {
        let Options { name, error, .. } = *self;
        let described = described_by(name, None, error);
        let class = if error.is_some() { "field has-error" } else { "field" };
        let label = html! { (self.label) @if let Some((required, when)) = self.need { (need(required, when)) } };
        let chosen = |value: &str| self.chosen.contains(&value);
        match self.look {
            Look::List => html! {
                div class=(class) {
                    label.field-label for=(name) { (label) }
                    (hint_and_error(name, None, error))
                    select.input.is-narrow id=(name) name=(name) aria-describedby=[described]
                        aria-invalid=[error.map(|_| "true")] {
                        @for (value, word) in &self.options { option value=(value) selected[chosen(value)] { (word) } }
                    }
                }
            },
            Look::Rows(kind) => html! {
                fieldset class=(class) id=(name) {
                    legend.field-label { (label) }
                    (hint_and_error(name, None, error))
                    div.options {
                        @for (value, word) in &self.options {
                            label.option {
                                input type=(kind) name=(name) value=(value) checked[chosen(value)]
                                    aria-describedby=[described.as_deref()];
                                span { (word) }
                            }
                        }
                    }
                }
            },
        }
    }
}

/// One of a longer list.
pub fn select_field<'a>(
    name: &'a str,
    label: &'a str,
    options: &[(&'a str, &'a str)],
    chosen: &'a str,
    error: Option<&'a str>,
) -> Options<'a> {
    Options::new(name, label, Look::List, options, vec![chosen]).error(error)
}

/// One of a few.
pub fn radio_field<'a>(
    name: &'a str,
    legend: &'a str,
    options: &[(&'a str, &'a str)],
    chosen: &'a str,
    error: Option<&'a str>,
) -> Options<'a> {
    Options::new(name, legend, Look::Rows("radio"), options, vec![chosen]).error(error)
}

/// Any of a few.
pub fn check_field<'a>(
    name: &'a str,
    legend: &'a str,
    options: &[(&'a str, &'a str)],
    chosen: &[&'a str],
    error: Option<&'a str>,
) -> Options<'a> {
    Options::new(name, legend, Look::Rows("checkbox"), options, chosen.to_vec()).error(error)
}

/// A single yes: sent as `name=yes`.
pub fn yes_field(name: &str, label: &str, checked: bool) -> Markup {
    html! {
        div.field { label.option {
            input type="checkbox" name=(name) value="yes" checked[checked];
            span { (label) }
        } }
    }
}

/// What is wrong with the whole form, first on the page, each problem leading to its field: (id of the field, words).
pub fn error_summary(errors: &[(&str, &str)]) -> Markup {
    html! {
        @if !errors.is_empty() {
            div.notice.is-needed role="alert" tabindex="-1" {
                p.notice-title { (icon(Icon::Warning)) "入力内容をご確認ください（" (errors.len()) "件）" }
                ul { @for (id, problem) in errors { li { a href={ "#" (id) } { (whole_dates(problem)) } } } }
            }
        }
    }
}

fn need(required: bool, required_for: Option<&str>) -> Markup {
    html! {
        @if required { span.need.is-required { "必須" } } @else { span.need { (required_for.unwrap_or("任意")) } }
    }
}

fn hint_and_error(id: &str, hint: Option<&str>, error: Option<&str>) -> Markup {
    html! {
        @if let Some(hint) = hint { p.field-hint id={ (id) "-hint" } { (hint) } }
        @if let Some(error) = error {
            p.field-error id={ (id) "-error" } { (icon(Icon::Warning)) span { (whole_dates(error)) } }
        }
    }
}

fn described_by(id: &str, hint: Option<&str>, error: Option<&str>) -> Option<String> {
    let parts: Vec<String> =
        [hint.map(|_| format!("{id}-hint")), error.map(|_| format!("{id}-error"))].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_stays_and_the_error_stands_beside_it() {
        let field = Field::date("born", "生年月日").value("昭和99年<1>").required().error(Some("その日付はありません"));
        let out = field.render().0;
        assert!(out.contains("value=\"昭和99年&lt;1&gt;\""), "{out}");
        assert!(out.contains("aria-describedby=\"born-hint born-error\""), "{out}");
        assert!(out.contains("aria-invalid=\"true\"") && out.contains("必須") && out.contains("label"), "{out}");
        assert!(Field::text("a", "b").render().0.contains("任意"));
    }

    #[test]
    fn secrets_are_never_completed_as_other_fields_are() {
        assert!(Field::password("p", "パスワード").render().0.contains("current-password"));
        assert!(Field::code("c", "確認コード").render().0.contains("one-time-code"));
        assert!(Field::text("name", "氏名").render().0.contains("autocomplete=\"off\""));
    }
}
