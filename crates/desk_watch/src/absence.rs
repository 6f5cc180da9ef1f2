//! 不在予定: entered by the resident, a relative or staff, on one page for all of them.

use access::Witnesses;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use base::{AbsenceId, HomeId, Role};
use maud::{Markup, html};
use page::components::local;
use page::components::{Action, Field, link_button, submit};
use page::draft::Draft;
use page::frame::{Frame, home as first_page};
use page::named::Named;
use page::posted::Posted;
use page::problem::Problem;
use page::site::Site;
use page::visitor::{Seen, Visitor};
use parts::home::{WEEKDAYS, absence_words};
use people::Form;
use watch::{AbsenceReason, NewAbsence, Weekly};

use crate::verbs::Look;

pub async fn page(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(home): Named<HomeId>,
) -> Result<Markup, Problem> {
    let from = local(frame.now);
    let blank = Draft::on_record(vec![("reason", "outing".to_owned()), ("from", from)]);
    shown(&site, &visitor, &frame, home, &blank).await
}

async fn shown(site: &Site, visitor: &Visitor, frame: &Frame, home: HomeId, draft: &Draft) -> Result<Markup, Problem> {
    let absences = visitor
        .look(site, Look::Absences, move |ctx, tx| {
            let mut seen = Witnesses::default();
            super::known_or_watched(ctx, tx, home)?;
            let contract = watch::contract_of_home(tx, home)?.ok_or(watch::WatchRefusal::NoContract);
            let contract = contract.map_err(watch::WatchError::from)?;
            seen.extend([access::require(ctx, tx, access::Act::EnterAbsence, contract.person)?]);
            let absences = seen.take(watch::absences(ctx, tx, home)?);
            Ok(Seen::of(absences, seen))
        })
        .await?;
    Ok(frame.page("いつ、出かけますか").body(html! {
        (draft.summary())
        (form(draft, home, visitor.role()))
        section.card.stack {
            h2 { "登録されている予定" }
            @if absences.is_empty() { p { "予定はありません。" } }
            ul.stack { @for absence in &absences { li {
                (absence_words(absence, frame.now))
                span.soft { "　入力：" (absence.entered_role.ja()) }
                @if absence.activity_count > 0 { p.soft { "この間に動きが" (absence.activity_count) "回ありました。" } }
                (Action::post(&format!("/absences/{}/cancellation", absence.id), "取り消す・終わりにする"))
            } } }
        }
        (link_button(&back(visitor.role(), home), "戻る"))
    }))
}

fn form(draft: &Draft, home: HomeId, role: Role) -> Markup {
    let own = matches!(role, Role::Family | Role::Resident);
    let reasons: Vec<(&str, &str)> = AbsenceReason::ALL
        .iter()
        .filter(|r| !own || **r != AbsenceReason::DayService)
        .map(|r| (r.key(), r.ja()))
        .collect();
    html! {
        form.stack.card method="post" action={ "/homes/" (home) "/absences" } {
            (draft.radio("reason", "どこへ", &reasons))
            (draft.fill("from", Field::moment("from", "出かける日時")).required())
            (draft.fill("until", Field::moment("until", "戻る日時")).required())
            @if !own {
                details open[draft.value("reason") == AbsenceReason::DayService.key()] {
                    summary { "デイサービスの曜日と時間" }
                    (draft.checks("weekday", "曜日", &WEEKDAYS))
                    (draft.fill("from_time", Field::time("from_time", "迎えの時刻")))
                    (draft.fill("until_time", Field::time("until_time", "送りの時刻")))
                }
            }
            p.soft { "不在の間も、呼び出しボタン・室温・玄関の開けたままは見守りを続けます。" }
            @if role == Role::Family { p.soft { "登録したことは、ご本人と担当のケアマネジャーにお知らせします。" } }
            (submit("登録する"))
        }
    }
}

fn back(role: Role, home: HomeId) -> String {
    match role {
        Role::Family | Role::Resident => first_page(Some(role)).to_owned(),
        Role::Administrator => format!("/homes/{home}/devices"),
        _ => format!("/homes/{home}"),
    }
}

pub async fn enter(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(home): Named<HomeId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let draft = Draft::typed(form.clone());
    let draft = match read(&form) {
        Err((field, why)) => draft.wrong_field(field, why),
        Ok(new) => {
            let entered = visitor
                .command(&site, watch::Verb::EnterAbsence, move |ctx, tx| {
                    super::known_or_watched(ctx, tx, home)?;
                    Ok(watch::enter_absence(ctx, tx, home, new)?)
                })
                .await;
            match entered {
                Ok(_) => return Ok(Redirect::to(&back(visitor.role(), home)).into_response()),
                Err(Problem::Refused(why)) => draft.refused(why),
                Err(other) => return Err(other),
            }
        }
    };
    let page = shown(&site, &visitor, &frame, home, &draft).await?;
    Ok((draft.status(), page).into_response())
}

fn read(form: &Form) -> Result<NewAbsence, (&'static str, String)> {
    let reason = AbsenceReason::from_key(form.one("reason")).ok_or(("reason", "理由を選んでください。".to_owned()))?;
    let moment = |field: &'static str, label| form::read_moment(form.one(field), label).map_err(|why| (field, why));
    let (from, until) = (moment("from", "出かける日時")?, moment("until", "戻る日時")?);
    let weekly = (reason == AbsenceReason::DayService).then(|| weekly(form)).transpose();
    let weekly = weekly.map_err(|(field, why)| (field, why.to_owned()))?;
    Ok(NewAbsence { reason, from, until, weekly })
}

fn weekly(form: &Form) -> Result<Weekly, (&'static str, &'static str)> {
    let days = form.all("weekday").filter_map(|d| d.parse::<u8>().ok()).filter(|d| *d < 7);
    let weekdays = days.fold(0, |set, day| set | 1 << day);
    if weekdays == 0 {
        return Err(("weekday", "曜日を1つ以上選んでください。"));
    }
    let minute =
        |field: &'static str| form::read_time(form.one(field)).ok_or((field, "時刻を入力してください。例：9:30"));
    Ok(Weekly { weekdays, from_minute: minute("from_time")?, until_minute: minute("until_time")? })
}

pub async fn cancel(
    State(site): State<Site>,
    visitor: Visitor,
    Named(id): Named<AbsenceId>,
    Posted(_): Posted,
) -> Result<Redirect, Problem> {
    let home = visitor
        .command(&site, watch::Verb::CancelAbsence, move |ctx, tx| {
            let home = watch::absence(ctx, tx, id)?.home;
            watch::cancel_absence(ctx, tx, id)?;
            Ok(home)
        })
        .await?;
    Ok(Redirect::to(&format!("/homes/{home}/absences")))
}
