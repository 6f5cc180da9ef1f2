//! Pure decisions of the register: who fits which part, which state follows which, what a consent must hold.

use base::Role;
use base::wareki::Date;

use crate::{
    ConsentScope, ConsentState, NewConsent, ObtainedBy, OfficeKind, PeopleRefusal, Profession, Relation, Revision,
    StaffState, TeamPart,
};

/// Oldest age a date of birth may give; beyond it somebody mistyped the year. (The oldest Japanese lived to 119.)
pub const MAX_AGE: i32 = 120;

/// Why a date cannot be a date of birth.
pub fn birth_fault(birth: Date, today: Date) -> Option<String> {
    if birth > today {
        return Some(format!("生年月日が未来の日付（{}）になっています。", birth.wareki()));
    }
    let age = birth.age_on(today);
    (age > MAX_AGE).then(|| format!("生年月日が{}では{age}歳になります。年をご確認ください。", birth.wareki()))
}

/// A correction needs a reason and the version that is in force.
pub fn revisable(current: i64, revision: &Revision) -> Result<(), PeopleRefusal> {
    if revision.reason.is_blank() {
        return Err(PeopleRefusal::NoReason);
    }
    if revision.seen != current {
        return Err(PeopleRefusal::Stale);
    }
    Ok(())
}

/// Roles of people who work; family, residents and machines are no staff.
pub fn is_staff_role(role: Role) -> bool {
    !matches!(role, Role::Family | Role::Resident | Role::Link | Role::Gateway | Role::System)
}

/// Roles whose access comes from their office work in that kind of office only: a case is granted to the office.
pub fn role_fits(role: Role, office: OfficeKind) -> Result<(), PeopleRefusal> {
    if !is_staff_role(role) {
        return Err(PeopleRefusal::NotAStaffRole);
    }
    let city = office.is_of_a_city();
    let fits = match role {
        Role::Operator => office == OfficeKind::CallCentre,
        Role::SupportCentre => office == OfficeKind::SupportCentre,
        Role::CityOfficer => city,
        Role::Administrator | Role::Auditor => city || office == OfficeKind::Association,
        _ => office != OfficeKind::CallCentre,
    };
    if fits { Ok(()) } else { Err(PeopleRefusal::RoleDoesNotFitOffice) }
}

/// The profession somebody of this role usually has.
pub fn usual_profession(role: Role) -> Profession {
    match role {
        Role::Doctor => Profession::Doctor,
        Role::Nurse => Profession::Nurse,
        Role::Pharmacist => Profession::Pharmacist,
        Role::CareManager => Profession::CareManager,
        Role::CareWorker => Profession::Helper,
        Role::Operator => Profession::Operator,
        Role::SupportCentre => Profession::PublicHealthNurse,
        Role::CityOfficer => Profession::CityOfficial,
        Role::Commissioner => Profession::Commissioner,
        Role::Auditor => Profession::Auditor,
        _ => Profession::Clerk,
    }
}

/// Who may take which part of a care team.
pub fn part_fits(part: TeamPart, role: Role) -> Result<(), PeopleRefusal> {
    let wanted = match part {
        TeamPart::AttendingDoctor | TeamPart::Doctor => Role::Doctor,
        TeamPart::CareManager => Role::CareManager,
        TeamPart::Nurse => Role::Nurse,
        TeamPart::CareWorker => Role::CareWorker,
        TeamPart::Pharmacist => Role::Pharmacist,
    };
    if role == wanted { Ok(()) } else { Err(PeopleRefusal::PartDoesNotFitRole(part)) }
}

/// 申請中 → 有効 ⇄ 停止, anything → 退職, and nothing leads back from there.
pub fn staff_state_change(from: StaffState, to: StaffState) -> Result<(), PeopleRefusal> {
    use StaffState::{Active, Applied, Retired, Suspended};
    match (from, to) {
        (Applied | Suspended, Active) | (Active, Suspended) | (Applied | Active | Suspended, Retired) => Ok(()),
        _ => Err(PeopleRefusal::StaffStateChange { from, to }),
    }
}

/// All that a recorded consent lacks: the form's field and what to say.
pub fn consent_faults(new: &NewConsent, today: Date) -> Vec<(&'static str, &'static str)> {
    let future = |date: Option<Date>| date.is_some_and(|d| d > today);
    let mut faults = vec![];
    if future(new.explained_on) {
        faults.push(("explained_on", "説明日が未来の日付になっています。"));
    }
    if future(new.obtained_on) {
        faults.push(("obtained_on", "取得日が未来の日付になっています。"));
    }
    match new.state {
        ConsentState::Withdrawn | ConsentState::Expired | ConsentState::NotObtained => {
            faults.push(("state", "この状態は記録として選べません。撤回は、同意の記録から撤回の操作をしてください。"));
        }
        state if !consent_states(new.scope).contains(&state) => {
            faults.push(("state", "この範囲の同意は、条例によって省くことができません。"));
        }
        ConsentState::NotNeeded if new.legal_basis.is_blank() => {
            faults.push(("legal_basis", "根拠となる条文を入力してください。"));
        }
        ConsentState::Given | ConsentState::Declined => faults.extend(answer_faults(new, today)),
        ConsentState::Explained => {
            if new.explained_by.is_blank() {
                faults.push(("explained_by", "説明した方を入力してください。"));
            }
            if new.explained_on.is_none() {
                faults.push(("explained_on", "説明した日を入力してください。"));
            }
        }
        _ => {}
    }
    if consent_states(new.scope).contains(&new.state) {
        faults.extend(strays(new));
    }
    faults
}

/// What can be recorded about a scope. Taking back has a verb of its own, nobody records that nothing was obtained, and
/// no ordinance opens a home to sensors or to a relative.
pub fn consent_states(scope: ConsentScope) -> Vec<ConsentState> {
    use ConsentState::{Declined, Explained, Given, NoAnswer, NotNeeded, OptedOut};
    let waivable = !scope.is_family() && scope != ConsentScope::Watch;
    let all = [Given, Declined, Explained, NoAnswer, NotNeeded, OptedOut];
    all.into_iter().filter(|state| *state != NotNeeded || waivable).collect()
}

/// Fields filled that say nothing of this state: kept, they would read as if somebody had signed what nobody answered.
fn strays(new: &NewConsent) -> impl Iterator<Item = (&'static str, &'static str)> {
    use ConsentState::{Declined, Given, NotNeeded, OptedOut};
    let state = new.state;
    let answer = matches!(state, Given | Declined | OptedOut);
    let explained = state != NotNeeded;
    let fields = [
        (explained, !new.explained_by.is_blank(), "explained_by"),
        (explained, new.explained_on.is_some(), "explained_on"),
        (answer, new.obtained_by.is_some(), "obtained_by"),
        (answer, new.obtained_on.is_some(), "obtained_on"),
        (answer, !new.signed_by.is_blank(), "signed_by"),
        (answer, new.signer_relation.is_some(), "signer_relation"),
        (answer, !new.proxy_reason.is_blank(), "proxy_reason"),
        (state.allows(), new.expires_on.is_some(), "expires_on"),
        (state.allows(), !new.offices.is_empty(), "office"),
        (matches!(state, NotNeeded | OptedOut), !new.legal_basis.is_blank(), "legal_basis"),
    ];
    let stray = fields.into_iter().filter(|(belongs, filled, _)| !belongs && *filled);
    stray.map(|(.., field)| (field, "選んだ状態の記録には使わない項目です。空けてください。"))
}

/// An answer stays until another answer or its withdrawal: that somebody explained anew, or that a letter did not come
/// back, neither ends a yes nor lifts a no.
pub fn may_follow(former: ConsentState, next: ConsentState) -> bool {
    use ConsentState::{Declined, Explained, NoAnswer, OptedOut};
    let answered = former.allows() || matches!(former, Declined | OptedOut);
    !(answered && matches!(next, Explained | NoAnswer))
}

/// An answer, yes or no, names who explained, how and when it was given, and who signed.
fn answer_faults(new: &NewConsent, today: Date) -> Vec<(&'static str, &'static str)> {
    let proxy = new.obtained_by == Some(ObtainedBy::Proxy);
    let before = |day: Option<Date>, other: Option<Date>| day.zip(other).is_some_and(|(day, other)| day < other);
    let all = [
        (new.explained_by.is_blank(), "explained_by", "説明した方を入力してください。"),
        (new.obtained_by.is_none(), "obtained_by", "取得方法を選んでください。"),
        (new.obtained_on.is_none(), "obtained_on", "取得日を入力してください。"),
        (before(new.obtained_on, new.explained_on), "explained_on", "説明日が取得日より後になっています。"),
        (new.signed_by.is_blank(), "signed_by", "署名した方（口頭の場合は答えた方）を入力してください。"),
        (
            new.signer_relation.is_none(),
            "signer_relation",
            "署名した方とご本人との続柄を選んでください（ご本人なら「本人」）。",
        ),
        (
            proxy && new.signer_relation == Some(Relation::Oneself),
            "signer_relation",
            "代理の場合は、ご本人との続柄を選んでください。",
        ),
        (
            (proxy || new.signer_relation.is_some_and(|r| r != Relation::Oneself)) && new.proxy_reason.is_blank(),
            "proxy_reason",
            "ご本人以外が署名した理由を入力してください。",
        ),
        (
            new.state == ConsentState::Given && before(new.expires_on, Some(today)),
            "expires_on",
            "有効期限がすでに過ぎています。",
        ),
    ];
    all.into_iter().filter(|(lacks, ..)| *lacks).map(|(_, field, words)| (field, words)).collect()
}

/// An address as on an envelope.
pub fn in_one_line(city: &str, town: &str, line: &str, building: &str) -> String {
    let blank = if building.is_empty() { "" } else { " " };
    format!("{city}{town}{line}{blank}{building}")
}
