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

pub fn buttons(action: &str) -> Markup {
    let button = |answer: Answer, icon| Action::post(action, word(answer)).hidden("answer", answer.key()).icon(icon);
    html! {
        div.stack {
            (button(Answer::Well, Icon::Check).primary())
            (button(Answer::CallMe, Icon::Phone))
            (button(Answer::Unwell, Icon::Warning))
        }
        p.soft { "「電話がほしい」「体調が悪い」を押すと、コールセンターからお電話します。急な病気やけがのときは、119番に電話してください。" }
    }
}

/// What was pressed. A form without a word is of a page drawn before there were three.
pub fn answered(form: &Form) -> Result<Answer, Problem> {
    match form.one("answer") {
        "" => Ok(Answer::Well),
        word => Answer::from_key(word).ok_or(Problem::NotFound),
    }
}
