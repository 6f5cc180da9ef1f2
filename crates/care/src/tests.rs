//! 連絡帳 as a care team uses it.

use base::{Ctx, Instant, NoteId, PersonId, Purpose, Redacted, Role, Span, StaffId};
use db::Tx;
use db::testing::{TestDb, fresh};
use people::testing::{Sample, acting, sample, system};
use proptest::prelude::*;

use crate::*;

const START: &str = "2026-11-22T10:00";

struct Team {
    region: TestDb,
    s: Sample,
    requests: std::cell::Cell<u128>,
}

impl Team {
    fn new() -> Team {
        let region = fresh(&[people::testing::MIGRATIONS, &[MIGRATIONS]].concat());
        let s = region.db.write_blocking(|tx| sample(&system(start(), 1), tx)).unwrap();
        Team { region, s, requests: std::cell::Cell::new(100) }
    }

    fn as_of(&self, role: Role, minutes: i64) -> Ctx {
        self.requests.set(self.requests.get() + 1);
        let s = &self.s;
        let (staff, office) = match role {
            Role::Doctor => (s.doctor, s.clinic),
            Role::Nurse => (s.nurse, s.nursing),
            Role::Operator => (s.operator, s.call_centre),
            _ => (s.care_manager, s.care_office),
        };
        let purpose = if role == Role::Operator { Purpose::WatchResponse } else { Purpose::Care };
        acting(role, staff, office, purpose, start() + Span::minutes(minutes), self.requests.get())
    }

    fn write<T: Send + 'static>(
        &self,
        ctx: Ctx,
        f: impl Fn(&Ctx, &mut dyn Tx) -> Result<T, CareError> + Send + 'static,
    ) -> Result<T, CareError> {
        self.region.db.write_blocking(move |tx| f(&ctx.clone(), tx))
    }

    fn read<T: Send + 'static>(
        &self,
        ctx: Ctx,
        f: impl FnOnce(&Ctx, &mut dyn Tx) -> Result<T, CareError> + Send + 'static,
    ) -> Result<T, CareError> {
        self.region.db.read_blocking(move |tx| f(&ctx, tx))
    }

    fn ask(&self, to: Addressee, minutes: i64) -> NoteId {
        let note = consultation(self.s.person, to);
        self.write(self.as_of(Role::CareManager, minutes), move |c, tx| write_note(c, tx, note.clone())).unwrap()
    }

    fn owed(&self, role: Role, minutes: i64) -> Vec<NoteId> {
        let notes = self.read(self.as_of(role, minutes), waiting_for).unwrap();
        notes.iter().map(|n| n.id).collect()
    }
}

fn start() -> Instant {
    Instant::parse(START).unwrap()
}

fn words(text: &str) -> Redacted<String> {
    Redacted::new(text.to_owned())
}

fn consultation(person: PersonId, to: Addressee) -> NewNote {
    NewNote {
        person,
        kind: NoteKind::Consultation,
        subject: words("ふらつきについて"),
        body: words("昨日から立ち上がるときにふらつくそうです。受診が必要でしょうか。"),
        addressees: vec![to],
        importance: Importance::Urgent,
        reply_by: Some(start() + Span::hours(3)),
        visibility: Visibility::Team,
        case: None,
    }
}

#[test]
fn a_doctor_sees_what_is_owed_and_answers() {
    let team = Team::new();
    let note = team.ask(Addressee::Staff(team.s.doctor), 0);
    assert_eq!(team.owed(Role::Doctor, 1), [note]);
    assert!(team.owed(Role::Nurse, 1).is_empty(), "the nurse was not asked");
    assert!(team.owed(Role::CareManager, 1).is_empty(), "who asks owes nothing");
    team.write(team.as_of(Role::Doctor, 5), move |c, tx| reply(c, tx, note, words("本日午後に往診します。"))).unwrap();
    assert!(team.owed(Role::Doctor, 6).is_empty());
    let seen = team.read(team.as_of(Role::CareManager, 7), move |c, tx| crate::note(c, tx, note)).unwrap();
    assert!(!seen.awaited && seen.replies.len() == 1);
    assert_eq!(seen.replies[0].by.name.expose(), "医師 見本");
    assert_eq!(seen.reads.len(), 1, "who answered has read it");
}

#[test]
fn a_note_to_a_profession_waits_for_one_of_them() {
    let team = Team::new();
    let to_nurses = team.ask(Addressee::Profession(Role::Nurse), 0);
    let to_all = team.ask(Addressee::Team, 1);
    assert_eq!(team.owed(Role::Nurse, 2), [to_nurses, to_all]);
    assert_eq!(team.owed(Role::Doctor, 2), [to_all]);
    team.write(team.as_of(Role::Nurse, 3), move |c, tx| reply(c, tx, to_all, words("承知しました。"))).unwrap();
    assert_eq!(team.owed(Role::Nurse, 4), [to_nurses]);
    assert!(team.owed(Role::Doctor, 4).is_empty(), "one answer of the team is enough");
}

#[test]
fn who_has_read_and_agreed_is_seen_once() {
    let team = Team::new();
    let note = team.ask(Addressee::Team, 0);
    let new = team.read(team.as_of(Role::Nurse, 1), new_for).unwrap();
    assert_eq!(new.len(), 1);
    for minute in [2, 3] {
        team.write(team.as_of(Role::Nurse, minute), move |c, tx| mark_read(c, tx, note)).unwrap();
        team.write(team.as_of(Role::Nurse, minute), move |c, tx| acknowledge(c, tx, note, Reaction::Understood))
            .unwrap();
    }
    let seen = team.read(team.as_of(Role::CareManager, 5), move |c, tx| crate::note(c, tx, note)).unwrap();
    assert_eq!((seen.reads.len(), seen.reactions.len()), (1, 1));
    assert_eq!(seen.reads[0].at, start() + Span::minutes(2));
    assert!(team.read(team.as_of(Role::Nurse, 6), new_for).unwrap().is_empty());
}

#[test]
fn a_correction_keeps_what_was_confirmed() {
    let team = Team::new();
    let note = team.ask(Addressee::Team, 0);
    let fix = |reason: &str| Correction {
        subject: words("ふらつきについて"),
        body: words("ふらつきは一昨日からでした。"),
        importance: Importance::Important,
        reply_by: None,
        reason: words(reason),
    };
    let (by_other, without_reason, right) = (fix("聞き直した"), fix(" "), fix("日付の聞き違い"));
    let refused = team.write(team.as_of(Role::Doctor, 1), move |c, tx| correct_note(c, tx, note, by_other.clone()));
    assert!(matches!(refused, Err(CareError::Refused(NoteRefusal::NotAuthor))));
    let refused =
        team.write(team.as_of(Role::CareManager, 1), move |c, tx| correct_note(c, tx, note, without_reason.clone()));
    assert!(matches!(refused, Err(CareError::Refused(NoteRefusal::NoReason))));
    team.write(team.as_of(Role::CareManager, 2), move |c, tx| correct_note(c, tx, note, right.clone())).unwrap();
    let all = team.read(team.as_of(Role::Nurse, 3), move |c, tx| versions(c, tx, note)).unwrap();
    let said: Vec<&str> = all.iter().map(|v| v.body.expose().as_str()).collect();
    assert_eq!(
        said,
        ["ふらつきは一昨日からでした。", "昨日から立ち上がるときにふらつくそうです。受診が必要でしょうか。"]
    );
    assert_eq!(all[0].reason.expose(), "日付の聞き違い");
    assert!(team.owed(Role::Doctor, 4).is_empty(), "the correction asks for no answer any more");
}

#[test]
fn a_withdrawn_note_stays_readable_and_takes_nothing_more() {
    let team = Team::new();
    let note = team.ask(Addressee::Staff(team.s.doctor), 0);
    team.write(team.as_of(Role::CareManager, 1), move |c, tx| withdraw_note(c, tx, note, words("別の方の記事でした")))
        .unwrap();
    assert!(team.owed(Role::Doctor, 2).is_empty());
    let refused = team.write(team.as_of(Role::Doctor, 2), move |c, tx| reply(c, tx, note, words("はい")));
    assert!(matches!(refused, Err(CareError::Refused(NoteRefusal::Withdrawn))));
    let again =
        team.write(team.as_of(Role::CareManager, 3), move |c, tx| withdraw_note(c, tx, note, words("もう一度")));
    assert!(matches!(again, Err(CareError::Refused(NoteRefusal::Withdrawn))));
    let seen = team.read(team.as_of(Role::Doctor, 4), move |c, tx| crate::note(c, tx, note)).unwrap();
    assert_eq!((seen.state, seen.version), (NoteState::Withdrawn, 2));
}

#[test]
fn a_medical_note_is_hidden_from_care_staff() {
    let team = Team::new();
    let s = team.s;
    let mut hidden = consultation(s.person, Addressee::Profession(Role::Doctor));
    hidden.visibility = Visibility::Medical;
    let mut wrong = hidden.clone();
    wrong.addressees = vec![Addressee::Staff(s.care_manager)];
    let refused = team.write(team.as_of(Role::Nurse, 0), move |c, tx| write_note(c, tx, wrong.clone()));
    assert!(matches!(refused, Err(CareError::Refused(NoteRefusal::HiddenFromAddressee))));
    let note = team.write(team.as_of(Role::Nurse, 0), move |c, tx| write_note(c, tx, hidden.clone())).unwrap();
    let page = team.read(team.as_of(Role::CareManager, 1), move |c, tx| notes(c, tx, s.person, None)).unwrap();
    assert!(page.notes.is_empty());
    let refused = team.read(team.as_of(Role::CareManager, 1), move |c, tx| crate::note(c, tx, note));
    assert!(matches!(refused, Err(CareError::Refused(NoteRefusal::NoSuchNote))));
    assert_eq!(team.owed(Role::Doctor, 1), [note]);
}

#[test]
fn the_call_centre_has_no_notebook() {
    let team = Team::new();
    let (person, note) = (team.s.person, team.ask(Addressee::Team, 0));
    let refused = team.read(team.as_of(Role::Operator, 1), move |c, tx| notes(c, tx, person, None));
    assert!(matches!(refused, Err(CareError::Access(_))));
    assert!(matches!(team.read(team.as_of(Role::Operator, 1), waiting_for), Err(CareError::Access(_))));
    let refused = team.write(team.as_of(Role::Operator, 1), move |c, tx| mark_read(c, tx, note));
    assert!(matches!(refused, Err(CareError::Access(_))));
}

#[test]
fn a_stranger_to_the_team_cannot_be_addressed() {
    let team = Team::new();
    let note = consultation(team.s.person, Addressee::Staff(StaffId(uuid::Uuid::from_u128(9))));
    let refused = team.write(team.as_of(Role::CareManager, 0), move |c, tx| write_note(c, tx, note.clone()));
    assert!(matches!(refused, Err(CareError::Refused(NoteRefusal::NotInTeam))));
}

#[test]
fn a_long_notebook_is_read_page_by_page() {
    let team = Team::new();
    let person = team.s.person;
    let written: Vec<NoteId> = (0..120).map(|n| team.ask(Addressee::Team, n / 7)).collect();
    let mut read = Vec::new();
    let mut older = None;
    loop {
        let page = team.read(team.as_of(Role::Nurse, 60), move |c, tx| notes(c, tx, person, older)).unwrap();
        read.extend(page.notes.iter().map(|n| n.id));
        older = page.older;
        if older.is_none() {
            break;
        }
    }
    let mut sorted = read.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let mut all = written.clone();
    all.sort_unstable();
    assert_eq!(sorted, all, "every note on exactly one page");
    assert_eq!(read.len(), written.len());
}

#[test]
fn every_step_is_in_the_audit_chain() {
    let team = Team::new();
    let note = team.ask(Addressee::Team, 0);
    team.write(team.as_of(Role::Nurse, 1), move |c, tx| acknowledge(c, tx, note, Reaction::WillAct)).unwrap();
    team.write(team.as_of(Role::Doctor, 2), move |c, tx| reply(c, tx, note, words("了解です。"))).unwrap();
    let rows = team.region.db.read_blocking(|tx| audit::newest(tx, 3)).unwrap();
    let actions: Vec<&str> = rows.iter().map(|r| r.action.as_str()).collect();
    assert_eq!(actions, ["care.reply", "care.acknowledge", "care.write_note"]);
    assert!(rows.iter().all(|r| r.persons == [team.s.person]));
}

proptest! {
    /// Whoever a note speaks to, it is answered when and only when each of them has an answer.
    #[test]
    fn an_answer_is_awaited_until_everybody_addressed_gave_one(
        staff in prop::collection::vec(0u128..4, 1..4), repliers in prop::collection::vec(0u128..4, 0..6)
    ) {
        let id = |n: u128| uuid::Uuid::from_u128(n + 1);
        let to: Vec<Addressee> = staff.iter().map(|n| Addressee::Staff(StaffId(id(*n)))).collect();
        let replies: Vec<(uuid::Uuid, Role)> = repliers.iter().map(|n| (id(*n), Role::Nurse)).collect();
        let missing = staff.iter().any(|n| !repliers.contains(n));
        prop_assert_eq!(rules::awaited(&to, id(99), &replies), missing);
    }

    #[test]
    fn text_is_bounded(subject in "\\PC{0,200}", body in "\\PC{0,50}") {
        let mut note = consultation(PersonId(uuid::Uuid::from_u128(1)), Addressee::Team);
        (note.subject, note.body) = (words(&subject), words(&body));
        let fits = !subject.trim().is_empty() && subject.chars().count() <= base::limits::LINE_CHARS && !body.trim().is_empty();
        prop_assert_eq!(rules::check_new(&note, &[], start()).is_ok(), fits);
    }
}
