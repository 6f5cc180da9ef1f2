//! What is asked before somebody else's account is touched: a code of one's own authenticator, in the same form.

use audit::Action;
use base::Ctx;
use db::Tx;
use maud::{Markup, html};
use page::components::{Field, ja_time};
use page::draft::Draft;
use page::problem::Problem;
use page::site::Site;
use page::visitor::Visitor;
use signin::{SecondAsked, SecondShown};

/// The field's name, as the rule that wants it says it.
pub(super) const SECOND: &str = "totp";

/// How an act came out that may need a code first.
pub(super) enum Confirmed<T> {
    Done(T),
    /// The form is shown again, with these words beside the code.
    Again(String),
}

/// Checks the code, if one was typed, and then acts: two commands, so that a wrong code is counted and a right one spent
/// whatever becomes of the act.
pub(super) async fn confirmed<T, F>(
    site: &Site,
    visitor: &Visitor,
    verb: impl Into<Action>,
    typed: &str,
    act: F,
) -> Result<Confirmed<T>, Problem>
where
    T: Send + 'static,
    F: Fn(&Ctx, &mut dyn Tx) -> Result<T, Problem> + Send + 'static,
{
    if !typed.is_empty()
        && let Some(words) = wrong(site, visitor, typed.to_owned()).await?
    {
        return Ok(Confirmed::Again(words));
    }
    match visitor.command(site, verb, act).await {
        Ok(done) => Ok(Confirmed::Done(done)),
        Err(Problem::Refused(why)) if why.field == Some(SECOND) => Ok(Confirmed::Again(why.words)),
        Err(other) => Err(other),
    }
}

async fn wrong(site: &Site, visitor: &Visitor, typed: String) -> Result<Option<String>, Problem> {
    let shown =
        visitor.command(site, signin::Verb::ShowSecond, move |ctx, tx| Ok(signin::show_second(ctx, tx, &typed)?));
    Ok(match shown.await? {
        SecondShown::Fresh => None,
        SecondShown::Missing => Some("確認コードを入力してください。".to_owned()),
        SecondShown::Wrong => {
            Some("確認コードが違います。認証アプリに表示されている、新しい数字を入力してください。".to_owned())
        }
        SecondShown::Wait { until } => Some(format!("間違いが続いたため、{}まで受け付けられません。", ja_time(until))),
    })
}

/// `id` is the field's on this page, where several forms may ask; what is wrong is told under it.
pub(super) fn second_field(asked: &SecondAsked, id: &str, draft: &Draft) -> Markup {
    let error = draft.error(id);
    let field = Field::code(SECOND, "あなたの確認コード（6桁）").id(id).error(error);
    html! {
        @if asked.fresh && error.is_none() {
            p.soft { "確認コードは入力済みです。入力から5分間は、続けて操作できます。" }
        } @else if let Some(code) = &asked.invented {
            (field.value(code.expose()).hint("デモでは、架空の認証アプリの数字が入っています。そのまま進めてください。"))
        } @else {
            (field.hint("あなたの認証アプリに表示されている数字です。"))
        }
    }
}
