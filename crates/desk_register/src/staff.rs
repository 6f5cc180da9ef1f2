//! 職員: registered at an office, corrected, activated, suspended, retired. Suspending and retiring also close the
//! account in the same transaction, so that nobody works on with a session that should be over.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use base::wareki::Date;
use base::{Ctx, OfficeId, Role, StaffId};
use db::Tx;
use maud::{Markup, html};
use page::components::{Field, definitions, guarded_when, link_button, submit};
use page::door::Door;
use page::draft::Draft;
use page::frame::Frame;
use page::named::Named;
use page::options;
use page::posted::Posted;
use page::problem::Problem;
use page::site::Site;
use page::visitor::Visitor;
use people::{Line, NewStaff, Office, Profession, Revision, Staff, StaffFacts, StaffState};
use signin::{Account, AccountState, SecondAsked, Settled, SigninError, SigninRefusal};

use super::account_pages::{Subject, account_panel};
use super::offices::{or_unset, staff_state};
use super::resident_fields::day;
use super::second::{Confirmed, SECOND, confirmed, second_field};
use super::{OFFICE, again};

pub fn doors() -> Vec<Door> {
    vec![
        Door::plain("/offices/{office}/staff/new", OFFICE, new_page),
        Door::command("/offices/{office}/staff", OFFICE, register),
        Door::plain("/staff/{staff}", OFFICE, staff_page),
        Door::plain("/staff/{staff}/edit", OFFICE, edit_page),
        Door::command("/staff/{staff}", OFFICE, revise),
        Door::command("/staff/{staff}/state", OFFICE, set_state),
    ]
}

struct Known {
    staff: Staff,
    office: Office,
    account: Option<Account>,
}

async fn known(site: &Site, id: StaffId) -> Result<Known, Problem> {
    let found = site.db().read(move |tx| {
        let staff = people::staff(tx, id)?;
        let office = people::office(tx, staff.office)?;
        let account = signin::find_account(tx, id.0.into()).ok();
        Ok::<_, Problem>(Known { staff, office, account })
    });
    found.await
}

async fn staff_page(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(id): Named<StaffId>,
) -> Result<Markup, Problem> {
    shown(&site, &visitor, &frame, id, &Draft::default()).await
}

async fn shown(site: &Site, visitor: &Visitor, frame: &Frame, id: StaffId, draft: &Draft) -> Result<Markup, Problem> {
    let Known { staff, office, account } = known(site, id).await?;
    let ctx = visitor.ctx(site);
    let asked = site.db().read(move |tx| signin::second_asked(&ctx, tx).map_err(Problem::from)).await?;
    // Where there is an account, its state follows.
    let asked = account.as_ref().map(|_| &asked);
    Ok(frame.page("職員の登録内容").body(html! {
        (draft.summary())
        h2 { ruby { (staff.name.expose()) rp { "（" } rt { (staff.kana.expose()) } rp { "）" } } }
        (definitions(&[
            ("状態", staff_state(staff.state)),
            ("事業所", html! { a href={ "/offices/" (office.id) } { (office.name) } }),
            ("区分", html! { (staff.role.ja()) }),
            ("職種", html! { (staff.profession.ja()) }),
            ("資格番号", or_unset(staff.qualification.clone())),
            ("電話", or_unset(staff.phone.as_ref().map(|p| p.shown()).unwrap_or_default())),
            ("メール", or_unset(staff.email.as_ref().map_or("", |e| e.expose()).to_owned())),
            ("研修修了日", or_unset(day(staff.trained_on))),
        ]))
        (link_button(&format!("/staff/{id}/edit"), "訂正する"))
        section.stack { h2 { "利用者登録" } (account_panel(Subject::Staff, id.0, account.as_ref())) }
        section.stack { h2 { "状態を変える" } (state_changes(&staff, asked, draft)) }
    }))
}

/// What may follow the present state, with what it does.
fn state_changes(staff: &Staff, asked: Option<&SecondAsked>, draft: &Draft) -> Markup {
    let url = format!("/staff/{}/state", staff.id);
    let second =
        |state: StaffState| html! { @if let Some(asked) = asked { (second_field(asked, &code_of(state), draft)) } };
    let again = |state: StaffState| draft.error(&code_of(state)).is_some();
    let with_reason = |state: StaffState, label: &'static str| {
        let field = format!("reason-{}", state.key());
        let typed = if again(state) { draft.value("reason") } else { "" };
        html! {
            form.stack method="post" action=(url) {
                input type="hidden" name="state" value=(state.key());
                (Field::text("reason", "理由").id(&field).value(typed).required())
                (second(state))
                button.btn.is-danger type="submit" { (label) }
            }
        }
    };
    html! {
        @match staff.state {
            StaffState::Applied | StaffState::Suspended => {
                form.stack method="post" action=(url) {
                    input type="hidden" name="state" value=(StaffState::Active.key());
                    (second(StaffState::Active))
                    (submit("有効にする"))
                }
                p.soft { "有効にすると、参加しているケアチームの情報を、同意の範囲で見られるようになります。" }
            },
            StaffState::Active => {
                (guarded_when(again(StaffState::Suspended), "一時的に停止する", "サインインと、担当の方の情報の閲覧がその場で止まります。ケアチームへの参加は残り、有効に戻すと再開します。", with_reason(StaffState::Suspended, "停止する")))
            },
            StaffState::Retired => { p { "退職した職員です。戻られるときは、新しく登録してください。" } },
        }
        @if staff.state != StaffState::Retired {
            (guarded_when(again(StaffState::Retired), "退職とする", "サインインと閲覧がその場で止まり、すべてのケアチームから外れます。元に戻せません。", with_reason(StaffState::Retired, "退職とする")))
        }
    }
}

/// The field for a code in the form that leads to this state.
fn code_of(state: StaffState) -> String {
    format!("{SECOND}-{}", state.key())
}

async fn new_page(State(site): State<Site>, frame: Frame, Named(id): Named<OfficeId>) -> Result<Markup, Problem> {
    let office = site.db().read(move |tx| people::office(tx, id)).await?;
    let draft = Draft::on_record(vec![("active", "yes".to_owned())]);
    Ok(form_page(&frame, &office, None, &draft))
}

async fn edit_page(State(site): State<Site>, frame: Frame, Named(id): Named<StaffId>) -> Result<Markup, Problem> {
    let Known { staff, office, .. } = known(&site, id).await?;
    let mut pairs = vec![
        ("name", staff.name.expose().clone()),
        ("kana", staff.kana.expose().clone()),
        ("profession", staff.profession.key().to_owned()),
        ("qualification", staff.qualification.clone()),
        ("trained_on", day(staff.trained_on)),
        ("version", staff.version.to_string()),
    ];
    pairs.extend(staff.phone.iter().map(|p| ("phone", p.shown())));
    pairs.extend(staff.email.iter().map(|e| ("email", e.expose().to_owned())));
    Ok(form_page(&frame, &office, Some(&staff), &Draft::on_record(pairs)))
}

fn form_page(frame: &Frame, office: &Office, staff: Option<&Staff>, draft: &Draft) -> Markup {
    let (url, back) = match staff {
        Some(staff) => (format!("/staff/{}", staff.id), format!("/staff/{}", staff.id)),
        None => (format!("/offices/{}/staff", office.id), format!("/offices/{}", office.id)),
    };
    frame.page(if staff.is_some() { "職員の訂正" } else { "職員の登録" }).body(html! {
        (draft.summary())
        p { "事業所：" (office.name) "（" (office.kind.ja()) "）" }
        form.stack.card method="post" action=(url) {
            (draft.text("name", "氏名").hint("姓と名の間を空けてください。").required())
            (draft.kana("kana", "フリガナ").required())
            @match staff {
                Some(staff) => {
                    p { "区分：" (staff.role.ja()) span.soft { "（変えられません。事業所や区分が変わるときは、退職とし、新しく登録してください）" } }
                },
                None => {
                    (draft.select("role", "区分", &staff_roles(), Some("選んでください")).required())
                    p.soft { "区分によって、見られる情報と行える操作が決まります。" }
                },
            }
            (draft.select("profession", "職種", &options!(Profession), Some("区分に合わせる")))
            (draft.text("qualification", "資格番号"))
            (draft.tel("phone", "電話番号").hint("訪問依頼などの知らせを受ける番号"))
            (draft.email("email", "メールアドレス").hint("知らせには、対象者の氏名などは書かれません。"))
            (draft.date("trained_on", "研修修了日"))
            @if staff.is_some() { (draft.revision()) } @else { (draft.yes("active", "すぐに有効にする（外すと「申請中」で登録します）")) }
            (submit("登録する"))
        }
        (link_button(&back, "やめる"))
    })
}

/// Roles that people who work here may have.
fn staff_roles() -> Vec<(&'static str, &'static str)> {
    let none = [Role::Family, Role::Resident, Role::Link, Role::Gateway, Role::System];
    Role::ALL.iter().filter(|r| !none.contains(r)).map(|r| (r.key(), r.ja())).collect()
}

async fn register(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(id): Named<OfficeId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let office = site.db().read(move |tx| people::office(tx, id)).await?;
    let mut pairs: Vec<(String, String)> = form.pairs().iter().filter(|(f, _)| f != "office").cloned().collect();
    pairs.push(("office".into(), id.to_string()));
    let new = match NewStaff::parse(&people::Form::new(pairs), Date::of(frame.now)) {
        Ok(new) => new,
        Err(errors) => return Ok(form_again(&frame, &office, None, Draft::typed(form).wrong(errors))),
    };
    let done = visitor
        .command(&site, people::Verb::RegisterStaff, move |ctx, tx| Ok(people::register_staff(ctx, tx, &new)?))
        .await;
    match done {
        Ok(staff) => Ok(Redirect::to(&format!("/staff/{staff}")).into_response()),
        Err(Problem::Refused(why)) => Ok(form_again(&frame, &office, None, Draft::typed(form).refused(why))),
        Err(other) => Err(other),
    }
}

async fn revise(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(id): Named<StaffId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let Known { staff, office, .. } = known(&site, id).await?;
    let facts = StaffFacts::parse(&form, Date::of(frame.now));
    let (facts, revision) = match (facts, Revision::parse(&form)) {
        (Ok(facts), Ok(revision)) => (facts, revision),
        (facts, revision) => {
            let draft = Draft::typed(form).wrong(facts.err().unwrap_or_default());
            let draft = draft.wrong(revision.err().unwrap_or_default());
            return Ok(form_again(&frame, &office, Some(&staff), draft));
        }
    };
    let done = visitor
        .command(&site, people::Verb::ReviseStaff, move |ctx, tx| {
            let after = people::revise_staff(ctx, tx, id, &facts, &revision)?;
            follow_name(ctx, tx, &after)
        })
        .await;
    match done {
        Ok(()) => Ok(Redirect::to(&format!("/staff/{id}")).into_response()),
        Err(Problem::Refused(why)) => Ok(form_again(&frame, &office, Some(&staff), Draft::typed(form).refused(why))),
        Err(other) => Err(other),
    }
}

fn form_again(frame: &Frame, office: &Office, staff: Option<&Staff>, draft: Draft) -> Response {
    again(&draft, form_page(frame, office, staff, &draft))
}

/// The account shows the name that the register holds.
fn follow_name(ctx: &Ctx, tx: &mut dyn Tx, staff: &Staff) -> Result<(), Problem> {
    let Ok(account) = signin::find_account(tx, staff.id.0.into()) else { return Ok(()) };
    if account.display_name != staff.name {
        signin::revise_account(ctx, tx, account.id, account.role, account.office, &staff.name)?;
    }
    Ok(())
}

async fn set_state(
    State(site): State<Site>,
    visitor: Visitor,
    frame: Frame,
    Named(id): Named<StaffId>,
    Posted(form): Posted,
) -> Result<Response, Problem> {
    let unfit = |field: &'static str, words: String| Problem::Refused(form::Refusal::at(field, words));
    let state =
        StaffState::from_key(form.one("state")).ok_or_else(|| unfit("state", "状態を選び直してください。".into()))?;
    let reason = Line::parse(form.one("reason")).map_err(|words| unfit("reason", words))?;
    let done = confirmed(&site, &visitor, people::Verb::SetStaffState, form.one(SECOND), move |ctx, tx| {
        people::set_staff_state(ctx, tx, id, state, &reason)?;
        follow_state(ctx, tx, id, state)
    });
    match done.await? {
        Confirmed::Done(()) => Ok(Redirect::to(&format!("/staff/{id}")).into_response()),
        Confirmed::Again(words) => {
            let draft = Draft::typed(form).wrong_field(&code_of(state), words);
            let page = shown(&site, &visitor, &frame, id, &draft).await?;
            Ok(again(&draft, page))
        }
    }
}

/// One of an administrator or auditor is opened again by two, and closed by two before the register follows: else the
/// register were the way around the second administrator.
fn follow_state(ctx: &Ctx, tx: &mut dyn Tx, id: StaffId, state: StaffState) -> Result<(), Problem> {
    let Ok(account) = signin::find_account(tx, id.0.into()) else { return Ok(()) };
    match (state, account.state) {
        (StaffState::Active, AccountState::Suspended) => Ok(signin::reinstate_account(ctx, tx, account.id).map(drop)?),
        (StaffState::Suspended | StaffState::Retired, AccountState::Active | AccountState::Invited) => {
            match signin::suspend_account(ctx, tx, account.id)? {
                Settled::Done(()) => Ok(()),
                Settled::Asked => Err(SigninError::from(SigninRefusal::SuspendFirst).into()),
            }
        }
        _ => Ok(()),
    }
}
