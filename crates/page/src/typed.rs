//! A form with one thing wrong: what was typed into it, and why it did not go.

use form::Form;

/// What was typed into a form that did not go, and why not. Empty on a page that nobody posted to.
#[derive(Clone, Default)]
pub struct Typed {
    form: Form,
    wrong: Option<Wrong>,
}

/// Why a form did not go.
#[derive(Clone)]
pub enum Wrong {
    /// A field cannot be read: 422, beside the field.
    Field(&'static str, String),
    /// A rule said no: 409, on top of the page.
    Rule(String),
}

impl Wrong {
    pub fn at(field: &'static str, words: &str) -> Wrong {
        Wrong::Field(field, words.to_owned())
    }
}

impl Typed {
    pub fn new(form: Form, wrong: Wrong) -> Typed {
        Typed { form, wrong: Some(wrong) }
    }

    pub fn value(&self, field: &str) -> &str {
        self.form.one(field)
    }

    pub fn error(&self, field: &str) -> Option<&str> {
        match &self.wrong {
            Some(Wrong::Field(at, words)) if *at == field => Some(words),
            _ => None,
        }
    }

    pub fn wrong(&self) -> Option<&Wrong> {
        self.wrong.as_ref()
    }
}
