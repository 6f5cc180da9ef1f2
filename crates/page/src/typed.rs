//! A form with one thing wrong: what was typed into it, and why it did not go.

use axum::http::StatusCode;
use form::{Form, Kind, Refusal};

use crate::problem::status_of;

/// What was typed into a form that did not go, and why not. Empty on a page that nobody posted to.
#[derive(Clone, Default)]
pub struct Typed {
    form: Form,
    wrong: Option<Refusal>,
}

impl Typed {
    pub fn new(form: Form, wrong: Refusal) -> Typed {
        Typed { form, wrong: Some(wrong) }
    }

    pub fn value(&self, field: &str) -> &str {
        self.form.one(field)
    }

    pub fn error(&self, field: &str) -> Option<&str> {
        self.wrong.as_ref().filter(|why| why.field == Some(field)).map(|why| why.words.as_str())
    }

    pub fn wrong(&self) -> Option<&Refusal> {
        self.wrong.as_ref()
    }

    /// What a page that shows this is answered with.
    pub fn status(&self) -> StatusCode {
        status_of(self.wrong.as_ref().map_or(Kind::Unfit, |why| why.kind))
    }
}
