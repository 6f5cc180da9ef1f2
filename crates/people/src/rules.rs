//! Pure decisions of the register: who fits which part, which state follows which, what a consent must hold.

use base::Role;
use base::wareki::Date;

use crate::{
    ConsentScope, ConsentState, Manner, NewConsent, ObtainedBy, OfficeKind, PeopleRefusal, Profession, Relation,
    Revision, StaffState, TeamPart,
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

/// What is wrong with a form: its field, and what to say.
pub type Fault = (&'static str, &'static str);

/// All that a recorded consent lacks. Without `birth` nothing is held against the person's age.
pub fn consent_faults(new: &NewConsent, today: Date, birth: Option<Date>) -> Vec<Fault> {
    let future = |date: Option<Date>| date.is_some_and(|d| d > today);
    let unborn = |date: Option<Date>| date.zip(birth).is_some_and(|(d, birth)| d < birth);
    let dates = [
        (future(new.explained_on), "explained_on", "説明日が未来の日付になっています。"),
        (future(new.obtained_on), "obtained_on", "取得日が未来の日付になっています。"),
        (unborn(new.explained_on), "explained_on", "説明日がご本人の生年月日より前になっています。"),
        (unborn(new.obtained_on), "obtained_on", "取得日がご本人の生年月日より前になっています。"),
    ];
    let mut faults: Vec<Fault> = those(&dates).collect();
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
        ConsentState::Given | ConsentState::Declined | ConsentState::OptedOut => {
            faults.extend(answer_faults(new, today));
        }
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
        faults.extend(sharing_fault(new));
    }
    faults
}

fn those(all: &[(bool, &'static str, &'static str)]) -> impl Iterator<Item = Fault> {
    all.iter().filter(|(lacks, ..)| *lacks).map(|(_, field, words)| (*field, *words))
}

/// With whom is shared. Nobody may come to mean everybody because a field was left alone: a yes says it in so many words.
fn sharing_fault(new: &NewConsent) -> Option<Fault> {
    if new.scope != ConsentScope::CareSharing {
        let strays = new.manner.is_some() || !new.offices.is_empty();
        return strays
            .then_some(("manner", "この範囲の同意では、共有先を選びません。共有先を選ばずに記録してください。"));
    }
    if !new.state.allows() {
        return None;
    }
    match new.manner {
        None => Some(("manner", "共有先の決め方を選んでください。")),
        Some(Manner::PerPerson) => {
            Some(("manner", "「個人個別」は共有先を限らないため、記録できません。ほかの決め方を選んでください。"))
        }
        Some(Manner::Blanket) if !new.offices.is_empty() => Some((
            "office",
            "「一括」はすべての事業所と共有します。一部の事業所に限るときは「施設リスト」か「施設個別」を選んでください。",
        )),
        Some(Manner::OfficeList | Manner::PerOffice) if new.offices.is_empty() => {
            Some(("office", "共有先の事業所を一つ以上選んでください。"))
        }
        Some(_) => None,
    }
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
fn strays(new: &NewConsent) -> Vec<Fault> {
    use ConsentState::{Declined, Given, NotNeeded, OptedOut};
    let state = new.state;
    let answer = matches!(state, Given | Declined | OptedOut);
    let explained = state != NotNeeded;
    let ruled = matches!(state, NotNeeded | OptedOut);
    macro_rules! stray {
        ($belongs:expr, $filled:expr, $field:literal, $label:literal) => {
            (!$belongs && $filled, $field, concat!("「", $label, "」は、選んだ状態の記録には使いません。空けてください。"))
        };
    }
    those(&[
        stray!(explained, !new.explained_by.is_blank(), "explained_by", "説明した方"),
        stray!(explained, new.explained_on.is_some(), "explained_on", "説明日"),
        stray!(answer, new.obtained_by.is_some(), "obtained_by", "取得方法"),
        stray!(answer, new.obtained_on.is_some(), "obtained_on", "取得日"),
        stray!(answer, !new.signed_by.is_blank(), "signed_by", "署名した方"),
        stray!(answer, new.signer_relation.is_some(), "signer_relation", "署名した方の続柄"),
        stray!(answer, !new.proxy_reason.is_blank(), "proxy_reason", "ご本人以外が署名した理由"),
        stray!(state.allows(), new.expires_on.is_some(), "expires_on", "有効期限"),
        stray!(state.allows(), !new.offices.is_empty(), "office", "共有先の事業所"),
        stray!(ruled, !new.legal_basis.is_blank(), "legal_basis", "根拠となる条文"),
    ])
    .collect()
}

/// An answer stays until another answer or its withdrawal: that somebody explained anew, or that a letter did not come
/// back, neither ends a yes nor lifts a no. Nor does an ordinance that needs no consent lift a no: those that exist
/// (徳島市条例) honour the person's refusal. `former` is what the person last said, whatever was noted since.
pub fn may_follow(former: ConsentState, next: ConsentState) -> bool {
    use ConsentState::{Declined, Explained, NoAnswer, NotNeeded, OptedOut, Withdrawn};
    match next {
        Explained | NoAnswer => !(former.allows() || matches!(former, Declined | OptedOut)),
        NotNeeded => !matches!(former, Declined | OptedOut | Withdrawn),
        _ => true,
    }
}

/// Why [`may_follow`] said no.
pub fn answer_stands(answer: ConsentState, instead_of: ConsentState) -> String {
    let stands = format!("「{}」の記録があります。「{}」では置き換わりません。", answer.ja(), instead_of.ja());
    let next = match (answer, instead_of) {
        (_, ConsentState::NotNeeded) => {
            "ご本人が断っている間は、条例によっても同意を省けません。あらためて同意をいただいたときに、「同意」を記録してください。"
        }
        (ConsentState::Given, _) => {
            "新しい答えをいただいたときに、その答えを記録してください。同意をやめる申し出は「撤回を記録する」から記録します。"
        }
        (ConsentState::NotNeeded, _) => {
            "ご本人から答えをいただいたときに、その答えを記録してください。望まない旨の申し出は「拒否申出」として記録します。"
        }
        _ => "新しい答えをいただいたときに、その答えを記録してください。",
    };
    stands + next
}

/// An answer, yes or no, names who explained, how and when it was given, and who signed. Who asks beforehand not to be
/// included may do so unexplained.
fn answer_faults(new: &NewConsent, today: Date) -> Vec<Fault> {
    let proxy = new.obtained_by == Some(ObtainedBy::Proxy);
    let oneself = new.signer_relation == Some(Relation::Oneself);
    let before = |day: Option<Date>, other: Option<Date>| day.zip(other).is_some_and(|(day, other)| day < other);
    let unexplained = new.state != ConsentState::OptedOut && new.explained_by.is_blank();
    let over = new.state == ConsentState::Given && before(new.expires_on, Some(today));
    let unreasoned =
        (proxy || new.signer_relation.is_some_and(|r| r != Relation::Oneself)) && new.proxy_reason.is_blank();
    those(&[
        (unexplained, "explained_by", "説明した方を入力してください。"),
        (new.obtained_by.is_none(), "obtained_by", "取得方法を選んでください。"),
        (new.obtained_on.is_none(), "obtained_on", "取得日を入力してください。"),
        (before(new.obtained_on, new.explained_on), "explained_on", "説明日が取得日より後になっています。"),
        (new.signed_by.is_blank(), "signed_by", "署名した方（口頭の場合は答えた方）を入力してください。"),
        (
            new.signer_relation.is_none(),
            "signer_relation",
            "署名した方とご本人との続柄を選んでください（ご本人なら「本人」）。",
        ),
        (proxy && oneself, "signer_relation", "代理の場合は、ご本人との続柄を選んでください。"),
        (unreasoned, "proxy_reason", "ご本人以外が署名した理由を入力してください。"),
        (
            oneself && !proxy && !new.proxy_reason.is_blank(),
            "proxy_reason",
            "署名した方が「本人」のときは、「ご本人以外が署名した理由」を空けてください。",
        ),
        (over, "expires_on", "有効期限がすでに過ぎています。"),
    ])
    .collect()
}

/// An address as on an envelope.
pub fn in_one_line(city: &str, town: &str, line: &str, building: &str) -> String {
    let blank = if building.is_empty() { "" } else { " " };
    format!("{city}{town}{line}{blank}{building}")
}
