//! A form as it stands: what was typed (or is on record), what is wrong with it beside each field, and what a rule said
//! to the whole. It checks nothing; the capability's `parse` does.

use axum::http::StatusCode;
use form::{FieldError, Form, Kind, Refusal};
use maud::{Markup, html};

use crate::components::{self, Field, Options, error_summary, refusal};
use crate::problem::status_of;

/// The words of a closed set as (value, word) for a field.
#[macro_export]
macro_rules! options {
    ($words:ty) => {
        <$words>::ALL.iter().map(|w| (w.key(), w.ja())).collect::<Vec<(&'static str, &'static str)>>()
    };
}

/// Shown by a form page; `Draft::default()` is an empty form.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    form: Form,
    wrong: Vec<(String, String)>,
    refused: Option<Refusal>,
    kind: Option<Kind>,
}

impl Draft {
    /// What was typed.
    pub fn typed(form: Form) -> Draft {
        Draft { form, ..Draft::default() }
    }

    /// What is on record, field by field.
    pub fn on_record(pairs: Vec<(&str, String)>) -> Draft {
        Draft::typed(Form::new(pairs.into_iter().map(|(field, value)| (field.to_owned(), value)).collect()))
    }

    /// With what a parser found wrong; `prefix` is what the page put before the parser's field names.
    pub fn wrong_in(mut self, prefix: &str, errors: Vec<FieldError>) -> Draft {
        self.wrong.extend(errors.into_iter().map(|e| (format!("{prefix}{}", e.field), e.message_ja)));
        self
    }

    pub fn wrong(self, errors: Vec<FieldError>) -> Draft {
        self.wrong_in("", errors)
    }

    pub fn wrong_field(mut self, field: &str, words: impl Into<String>) -> Draft {
        self.wrong.push((field.to_owned(), words.into()));
        self
    }

    /// With a rule's refusal: beside its field where it names one, else on top of the page.
    pub fn refused(self, why: Refusal) -> Draft {
        let kind = Some(why.kind);
        match why.field {
            Some(field) => Draft { kind, ..self.wrong_field(field, why.words) },
            None => Draft { kind, refused: Some(why), ..self },
        }
    }

    /// What a page that shows this draft is answered with.
    pub fn status(&self) -> StatusCode {
        status_of(self.kind.unwrap_or(Kind::Unfit))
    }

    /// With one more field as it was typed.
    pub fn and(self, field: &str, value: String) -> Draft {
        let mut pairs = self.form.pairs().to_vec();
        pairs.push((field.to_owned(), value));
        Draft { form: Form::new(pairs), ..self }
    }

    pub fn value(&self, field: &str) -> &str {
        self.form.one(field)
    }

    /// What was typed into the field, blanks and all: a password.
    pub fn as_typed(&self, field: &str) -> &str {
        self.form.as_typed(field)
    }

    pub fn values<'a>(&'a self, field: &'a str) -> Vec<&'a str> {
        self.form.all(field).collect()
    }

    pub fn error(&self, field: &str) -> Option<&str> {
        self.wrong.iter().find(|(f, _)| f == field).map(|(_, words)| words.as_str())
    }

    /// First on the page: a rule's refusal, then the fields to look at, each once.
    pub fn summary(&self) -> Markup {
        let mut errors: Vec<(&str, &str)> = Vec::new();
        for (field, words) in &self.wrong {
            if !errors.iter().any(|(known, _)| known == field) {
                errors.push((field, words));
            }
        }
        html! {
            @if let Some(why) = &self.refused { (refusal(&why.words, &[])) }
            (error_summary(&errors))
        }
    }

    /// Gives a field its value and error.
    pub fn fill<'a>(&'a self, name: &'a str, field: Field<'a>) -> Field<'a> {
        field.value(self.value(name)).error(self.error(name))
    }

    pub fn text<'a>(&'a self, name: &'a str, label: &'a str) -> Field<'a> {
        self.fill(name, Field::text(name, label))
    }
    pub fn kana<'a>(&'a self, name: &'a str, label: &'a str) -> Field<'a> {
        self.fill(name, Field::kana(name, label))
    }
    pub fn tel<'a>(&'a self, name: &'a str, label: &'a str) -> Field<'a> {
        self.fill(name, Field::tel(name, label))
    }
    pub fn email<'a>(&'a self, name: &'a str, label: &'a str) -> Field<'a> {
        self.fill(name, Field::email(name, label))
    }
    pub fn date<'a>(&'a self, name: &'a str, label: &'a str) -> Field<'a> {
        self.fill(name, Field::date(name, label))
    }
    pub fn number<'a>(&'a self, name: &'a str, label: &'a str) -> Field<'a> {
        self.fill(name, Field::number(name, label))
    }
    pub fn area<'a>(&'a self, name: &'a str, label: &'a str, rows: u8) -> Field<'a> {
        self.fill(name, Field::area(name, label, rows))
    }

    /// One of a list; `blank` is what nothing chosen is called, if nothing may be chosen.
    pub fn select<'a>(
        &'a self,
        name: &'a str,
        label: &'a str,
        options: &[(&'a str, &'a str)],
        blank: Option<&'a str>,
    ) -> Options<'a> {
        let mut all: Vec<(&str, &str)> = blank.map(|words| ("", words)).into_iter().collect();
        all.extend(options);
        components::select_field(name, label, &all, self.value(name), self.error(name))
    }

    pub fn radio<'a>(&'a self, name: &'a str, legend: &'a str, options: &[(&'a str, &'a str)]) -> Options<'a> {
        components::radio_field(name, legend, options, self.value(name), self.error(name))
    }

    pub fn checks<'a>(&'a self, name: &'a str, legend: &'a str, options: &[(&'a str, &'a str)]) -> Options<'a> {
        components::check_field(name, legend, options, &self.values(name), self.error(name))
    }

    pub fn yes(&self, name: &str, label: &str) -> Markup {
        components::yes_field(name, label, self.form.ticked(name))
    }

    /// Several telephone numbers in the order in which to call: two fields, and one more than is filled.
    pub fn phones(&self, name: &str, label: &str, hint: &str) -> Markup {
        let values = self.values(name);
        let shown = (values.len() + 1).clamp(2, 5);
        html! {
            @for n in 0..shown {
                @let (id, label) = (if n == 0 { name.to_owned() } else { format!("{name}-{}", n + 1) }, format!("{label}{}", n + 1));
                @let field = Field::tel(name, &label).id(&id).value(values.get(n).copied().unwrap_or_default());
                @if n == 0 { (field.hint(hint).error(self.error(name))) } @else { (field) }
            }
        }
    }

    /// The version on record and the reason: what a correction must bring.
    pub fn revision(&self) -> Markup {
        html! {
            input type="hidden" name="version" value=(self.value("version"));
            (self.text("reason", "変更の理由").hint("例：本人からの申し出、転記の誤り。履歴に残ります。").required())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_and_what_is_wrong_stay_together() {
        let form = Form::from(&[("name", "髙橋1"), ("phone", "052"), ("phone", "090-0000-0001")][..]);
        let error = |field, words: &str| FieldError { field, message_ja: words.to_owned() };
        let draft = Draft::typed(form)
            .wrong(vec![error("name", "数字は使えません"), error("name", "二つ目")])
            .wrong_in("contact_", vec![error("relation", "続柄を選んでください")]);
        assert_eq!(draft.error("name"), Some("数字は使えません"));
        assert_eq!(draft.error("contact_relation"), Some("続柄を選んでください"));
        let out = draft.phones("phone", "電話", "市外局番から").0;
        assert!(out.contains("value=\"052\"") && out.contains("id=\"phone-3\""), "{out}");
        let summary = draft.summary().0;
        assert!(summary.contains("2件") && summary.contains("href=\"#contact_relation\""), "{summary}");
    }
}
