//! What can be done: every action is a plain form that posts to a resource; a link only leads somewhere. `live` lets
//! htmx swap a part of the page instead of loading all of it, and changes nothing else.

use maud::{Markup, Render, html};

use super::icon::{Icon, icon};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Weight {
    Primary,
    Outlined,
    Danger,
}

/// A button that posts. `(Action::post(url, "受け付ける").primary().hidden("version", "3"))` inside `html!`.
#[derive(Clone, Debug)]
pub struct Action<'a> {
    url: &'a str,
    label: &'a str,
    hint: Option<&'a str>,
    icon: Option<Icon>,
    weight: Weight,
    hidden: Vec<(&'a str, &'a str)>,
    confirm: Option<&'a str>,
    target: Option<&'a str>,
}

impl<'a> Action<'a> {
    pub fn post(url: &'a str, label: &'a str) -> Action<'a> {
        let weight = Weight::Outlined;
        Action { url, label, hint: None, icon: None, weight, hidden: Vec::new(), confirm: None, target: None }
    }
    /// The one filled button of a page.
    pub fn primary(self) -> Self {
        Action { weight: Weight::Primary, ..self }
    }
    /// Irreversible or disclosing. Without a script nothing asks again: put it inside [`guarded`].
    pub fn danger(self) -> Self {
        Action { weight: Weight::Danger, ..self }
    }
    pub fn icon(self, icon: Icon) -> Self {
        Action { icon: Some(icon), ..self }
    }
    /// A second, smaller line inside the button.
    pub fn hint(self, hint: &'a str) -> Self {
        Action { hint: Some(hint), ..self }
    }
    pub fn hidden(mut self, name: &'a str, value: &'a str) -> Self {
        self.hidden.push((name, value));
        self
    }
    /// Asked by the script before it is sent.
    pub fn confirm(self, question: &'a str) -> Self {
        Action { confirm: Some(question), ..self }
    }
    /// With a script: the answer replaces the element `target` (a CSS selector, for example `#case`).
    pub fn live(self, target: &'a str) -> Self {
        Action { target: Some(target), ..self }
    }
}

impl Render for Action<'_> {
    fn render(&self) -> Markup {
        let class = match self.weight {
            Weight::Primary => "btn is-primary",
            Weight::Outlined => "btn",
            Weight::Danger => "btn is-danger",
        };
        html! {
            form.action method="post" action=(self.url) data-confirm=[self.confirm]
                hx-post=[self.target.map(|_| self.url)] hx-target=[self.target] hx-swap=[self.target.map(|_| "outerHTML")] {
                @for (name, value) in &self.hidden { input type="hidden" name=(name) value=(value); }
                button class=(class) type="submit" {
                    @if let Some(shape) = self.icon { (icon(shape)) }
                    span { (self.label) @if let Some(hint) = self.hint { small { (hint) } } }
                }
            }
        }
    }
}

/// The button that ends a form of fields.
pub fn submit(label: &str) -> Markup {
    html! { button.btn.is-primary type="submit" { (label) } }
}

/// A link that looks like an outlined button: it leads somewhere and changes nothing.
pub fn link_button(href: &str, label: &str) -> Markup {
    html! { a.btn href=(href) { span { (label) } } }
}

/// An action that cannot be undone: closed at first, says what will happen and to whom, then shows its form. Works
/// without a script.
pub fn guarded(summary: &str, what_happens: &str, form: Markup) -> Markup {
    guarded_when(false, summary, what_happens, form)
}

/// The same, open where its form is shown again.
pub fn guarded_when(open: bool, summary: &str, what_happens: &str, form: Markup) -> Markup {
    html! {
        details.guarded open[open] {
            summary { (icon(Icon::Warning)) span { (summary) } }
            p { (what_happens) }
            (form)
        }
    }
}

/// One of the large buttons after a call or a visit.
#[derive(Clone, Debug)]
pub struct Choice<'a> {
    pub value: &'a str,
    pub label: &'a str,
    pub hint: &'a str,
    pub icon: Icon,
    /// Whether this answer means that a person must act.
    pub grave: bool,
}

/// Outcomes with one touch: a form whose buttons are the answers (`name=value`), with an optional note that goes along.
pub fn choice_grid(
    url: &str,
    name: &str,
    legend: &str,
    choices: &[Choice],
    note: Option<&str>,
    hidden: &[(&str, &str)],
) -> Markup {
    html! {
        form.choices method="post" action=(url) {
            @for (name, value) in hidden { input type="hidden" name=(name) value=(value); }
            fieldset {
                legend { (legend) }
                div.choice-grid {
                    @for choice in choices {
                        button class={ "choice" @if choice.grave { " is-grave" } } type="submit" name=(name) value=(choice.value) {
                            (icon(choice.icon))
                            span { (choice.label) @if !choice.hint.is_empty() { small { (choice.hint) } } }
                        }
                    }
                }
                @if let Some(note) = note { (super::field::Field::area(note, "メモ", 2)) }
            }
        }
    }
}

/// Calls when touched on a phone, shows the number to whoever dials by hand. `number` as written: 「0561-82-0000」.
pub fn tel_button(label: &str, number: &str, primary: bool) -> Markup {
    let digits: String = number.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
    html! {
        a class={ "btn is-tel" @if primary { " is-primary" } } href={ "tel:" (digits) } {
            (icon(Icon::Phone))
            span { (label) " " span.number { (number) } }
        }
    }
}

/// The address with a way to a map. The position stands behind the `#` of the 地理院地図, where no server sees it; a
/// position off the map is left out.
pub fn map_link(address: &str, position: Option<(f64, f64)>) -> Markup {
    html! {
        span.address {
            span { (address) }
            @if let Some((lat, lon)) = position.filter(|(lat, lon)| lat.abs() <= 90.0 && lon.abs() <= 180.0) {
                " "
                a.btn.is-small href={ "https://maps.gsi.go.jp/#17/" (format!("{lat:.5}/{lon:.5}")) } rel="noreferrer noopener"
                    target="_blank" {
                    (icon(Icon::Map)) span { "地図を開く" small { "新しい画面" } }
                }
            }
        }
    }
}

/// The page's main button within the thumb's reach: stays at the lower edge of a phone, stands in the text elsewhere.
pub fn action_bar(content: Markup) -> Markup {
    html! { div.action-bar { (content) } }
}

/// Buttons side by side, 8 px apart, wrapping.
pub fn buttons(content: Markup) -> Markup {
    html! { div.buttons { (content) } }
}

/// The button that unlocks the alarm when the shift starts; a browser gives no sound before a touch. It shows whether
/// sound is on. Rows that somebody must take carry `data-alarm`: the sound repeats until the last of them is gone.
pub fn sound_button() -> Markup {
    html! {
        button.btn.is-small type="button" hidden data-sound aria-pressed="false"
            data-on="アラート音：入" data-off="アラート音：切（押すと鳴ります）" data-stopped="アラート音が止まっています（画面に触れると戻ります）" {
            (icon(Icon::Sound)) span data-text { "アラート音：切（押すと鳴ります）" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_a_form_with_and_without_a_script() {
        let out =
            Action::post("/cases/1/taking", "受け付ける").primary().hidden("v", "\"><b>").live("#case").render().0;
        assert!(out.contains("method=\"post\" action=\"/cases/1/taking\""), "{out}");
        assert!(out.contains("hx-target=\"#case\"") && out.contains("&quot;&gt;&lt;b&gt;"), "{out}");
        assert!(!Action::post("/x", "y").render().0.contains("hx-"));
    }

    #[test]
    fn a_number_is_dialled_by_its_digits() {
        assert!(tel_button("本人に電話", "0561-82-0000", true).0.contains("href=\"tel:0561820000\""));
        assert!(tel_button("x", "javascript:alert(1)", true).0.contains("href=\"tel:1\""));
    }

    #[test]
    fn a_position_stays_on_the_device() {
        let out = map_link("見本市架空町1-2", Some((35.22, 137.08))).0;
        assert!(out.contains("maps.gsi.go.jp/#17/35.22000/137.08000"), "{out}");
        assert!(!map_link("見本市", Some((999.0, 0.0))).0.contains("maps"));
    }
}
