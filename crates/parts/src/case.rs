//! What can be done with a case from more than one desk: the ambulance, the doctor, the end. Each form posts to the
//! case's own resource.

use access::Witnesses;
use base::{Ctx, PersonId, StaffId};
use db::Tx;
use maud::{Markup, html};
use page::address;
use page::components::{Field, guarded, radio_field, select_field, submit, tel_button};
use page::problem::Problem;
use page::typed::Typed;
use response::Case;

/// `visit` leads back to the visitor's own page; empty for the case.
pub fn ambulance_form(case: &Case, typed: &Typed, visit: &str) -> Markup {
    let what = "119番に電話したあと、時刻と電話した方を記録します。記録は消せません。";
    guarded(
        "救急車を呼ぶ・呼んだことを記録する",
        what,
        html! {
            div.buttons { (tel_button("救急車を呼ぶ", "119", false)) }
            form.stack method="post" action={ (address::case(case.id)) "/ambulance" } {
                @if !visit.is_empty() { input type="hidden" name="visit" value=(visit); }
                (Field::time("at", "119番に電話した時刻").value(typed.value("at")).error(typed.error("at")).hint("空のときは、いまの時刻を記録します。"))
                (Field::text("by", "電話した方").value(typed.value("by")).error(typed.error("by")).required().hint("例：コールセンター、長女、ケアマネジャー"))
                (Field::area("note-ambulance", "様子", 2).value(typed.value("note-ambulance")))
                button.btn.is-danger type="submit" { "救急要請を記録する" }
            }
        },
    )
}

pub fn consult_form(case: &Case, doctors: &[(StaffId, String)], typed: &Typed, question: &str, visit: &str) -> Markup {
    let keys: Vec<String> = doctors.iter().map(|(id, _)| id.to_string()).collect();
    let options: Vec<(&str, &str)> =
        keys.iter().zip(doctors).map(|(k, (_, label))| (k.as_str(), label.as_str())).collect();
    html! {
        @if options.is_empty() {
            p { "この方のケアチームに医師がいません。事務局にご連絡ください。" }
        } @else {
            form.stack method="post" action={ (address::case(case.id)) "/consultations" } {
                @if !visit.is_empty() { input type="hidden" name="visit" value=(visit); }
                (select_field("doctor", "相談する医師", &options, typed.value("doctor"), typed.error("doctor")))
                (Field::area("question", "相談の内容", 5).value(question).error(typed.error("question")).required()
                    .hint("連絡帳に至急の相談として届きます。"))
                (submit("医師に相談する"))
            }
        }
    }
}

/// The doctors who can be asked, as a form lists them.
pub fn doctors(
    ctx: &Ctx,
    tx: &mut dyn Tx,
    person: PersonId,
    seen: &mut Witnesses,
) -> Result<Vec<(StaffId, String)>, Problem> {
    let doctors = seen.take(response::doctors_to_ask(ctx, tx, person)?);
    Ok(doctors.into_iter().map(|(part, s)| (s.id, format!("{} {}", part.ja(), s.name.expose()))).collect())
}

pub fn closure_form(case: &Case, causes: &[response::Cause], typed: &Typed) -> Markup {
    let options: Vec<(&str, &str)> = causes.iter().map(|c| (c.key(), c.ja())).collect();
    let chosen = match (typed.value("cause"), options.as_slice()) {
        ("", [only]) => only.0,
        (typed, _) => typed,
    };
    html! {
        form.stack method="post" action={ (address::case(case.id)) "/closure" } {
            (radio_field("cause", "結果", &options, chosen, typed.error("cause")))
            (Field::area("closing", "まとめ", 2).value(typed.value("closing")).hint("電話や訪問で分かったこと。次に同じアラートが出たときに役立ちます。"))
            (submit("解消する"))
        }
    }
}
