//! The gentle question whether all is well: its three answers, wherever it is asked.

use form::Form;
use maud::{Markup, html};
use page::components::{Action, Icon};
use page::problem::Problem;
use watch::Answer;

/// As the buttons say it.
pub fn word(answer: Answer) -> &'static str {
    match answer {
        Answer::Well => "大丈夫です",
        Answer::CallMe => "電話がほしい",
        Answer::Unwell => "体調が悪い",
    }
}

/// What follows an answer other than 「大丈夫です」, to whoever gave it.
pub const CALLS: &str = "コールセンターからお電話します。";

/// Whom the question is about, as seen by whoever is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum About {
    Oneself,
    Relative,
}

impl About {
    /// The question, where no name may stand.
    pub fn title(self) -> &'static str {
        match self {
            About::Oneself => "お変わりありませんか",
            About::Relative => "ご家族は、お変わりありませんか",
        }
    }
}

/// A relative takes a question without a name for one about themselves.
pub fn whose(about: About) -> Markup {
    html! {
        @if about == About::Relative {
            p { "見守りを受けているご家族の様子をお尋ねしています。あなたご自身のことではありません。様子が分からないときは、押さなくてかまいません。" }
        }
    }
}

pub fn buttons(action: &str) -> Markup {
    let button = |answer: Answer, icon| Action::post(action, word(answer)).hidden("answer", answer.key()).icon(icon);
    html! {
        div.answers {
            (button(Answer::Well, Icon::Check).primary())
            (button(Answer::CallMe, Icon::Phone))
            (button(Answer::Unwell, Icon::Warning))
        }
        p.soft { "「電話がほしい」「体調が悪い」を押すと、" (CALLS) "急な病気やけがのときは、119番に電話してください。" }
    }
}

/// What was pressed. A form without a word is of a page drawn before there were three.
pub fn answered(form: &Form) -> Result<Answer, Problem> {
    match form.one("answer") {
        "" => Ok(Answer::Well),
        word => Answer::from_key(word).ok_or(Problem::NotFound),
    }
}
