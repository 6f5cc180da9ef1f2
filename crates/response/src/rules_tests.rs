//! The rules of a case: by tables, and by any sequence of commands.

use std::collections::VecDeque;

use base::{Instant, Span, StaffId};
use proptest::prelude::*;
use uuid::Uuid;

use crate::duty::*;
use crate::rules::*;
use crate::table::{commands, states};
use crate::{CallOutcome, Cause, Condition, Help, How, Refusal, Rung, Settings, Step};

fn at(minutes: i64) -> Instant {
    Instant(0) + Span::minutes(minutes)
}

fn after(state: State, command: Command, minutes: i64) -> State {
    next(state, command, at(minutes), &Settings::default()).unwrap().state
}

/// A case as the rules see it over time.
#[derive(Clone, Copy, Debug)]
struct Standing {
    state: State,
    due: Option<Instant>,
}

impl Standing {
    fn opened() -> Standing {
        let state = State::Detected;
        Standing { state, due: Some(at(0) + state.limit(&Settings::default())) }
    }

    fn with(self, command: Command, now: Instant) -> Result<Standing, Refusal> {
        let t = next(self.state, command, now, &Settings::default())?;
        let due = match t.due {
            Due::Keep => self.due,
            Due::At(limit) => Some(limit),
            Due::AtLatest(limit) => Some(self.due.map_or(limit, |due| due.min(limit))),
            Due::Never => None,
        };
        Ok(Standing { state: t.state, due })
    }
}

#[test]
fn every_step_has_its_line_once() {
    let steps: Vec<Step> = TABLE.iter().map(|r| r.step).collect();
    assert_eq!(steps, Step::ALL);
}

#[test]
fn the_documentation_is_what_the_rules_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/case-states.md");
    if std::env::var("UPDATE_DOCS").is_ok() {
        std::fs::write(path, crate::table::table()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(written, crate::table::table(), "run with UPDATE_DOCS=1 to print docs/case-states.md anew");
}

#[test]
fn a_case_walks_from_the_alert_to_its_review() {
    let mut state = State::Detected;
    let not_there = CallOutcome::NotThere;
    let way = [
        (0, Command::Take, Step::Taken),
        (1, Command::CallResident { outcome: not_there, contacts: 2 }, Step::CallingResident),
        (6, Command::CallResident { outcome: CallOutcome::Voicemail, contacts: 2 }, Step::CallingResident),
        (11, Command::CallResident { outcome: CallOutcome::Busy, contacts: 2 }, Step::CallingContacts),
        (12, Command::CallContact { outcome: not_there, left: 1 }, Step::CallingContacts),
        (15, Command::CallContact { outcome: CallOutcome::Unsure, left: 0 }, Step::VisitRequested),
        (16, Command::RequestVisit, Step::VisitRequested),
        (18, Command::AcceptVisit, Step::VisitRequested),
        (25, Command::Depart, Step::OnTheWay),
        (45, Command::Arrive, Step::Arrived),
        (50, Command::Report { condition: Condition::Unwell, how: How::Visitor }, Step::Reported),
        (52, Command::Consult, Step::Consultation),
        (70, Command::Answer, Step::Consultation),
        (80, Command::Close(Cause::Unwell), Step::Resolved),
        (90, Command::Review, Step::Reviewed),
    ];
    for (minute, command, step) in way {
        state = after(state, command, minute);
        assert_eq!(state.step(), step, "after {command:?}");
    }
}

#[test]
fn tries_within_the_interval_do_not_count() {
    let call = Command::CallResident { outcome: CallOutcome::NotThere, contacts: 1 };
    let first = after(State::Taken, call, 0);
    assert_eq!(first, State::CallingResident { tries: 1, last_try: at(0) });
    for minute in 1..5 {
        assert_eq!(after(first, call, minute), first, "a call after {minute} minutes is no second try");
    }
    assert_eq!(after(first, call, 5), State::CallingResident { tries: 2, last_try: at(5) });
}

#[test]
fn after_the_button_one_try_is_enough() {
    let urgent = Settings::default().for_urgency(true);
    let call = Command::CallResident { outcome: CallOutcome::NotThere, contacts: 1 };
    assert_eq!(next(State::Taken, call, at(0), &urgent).unwrap().state, State::CallingContacts);
    let alone = Command::CallResident { outcome: CallOutcome::NotThere, contacts: 0 };
    assert_eq!(next(State::Taken, alone, at(0), &urgent).unwrap().state, State::VisitRequested { accepted: false });
}

#[test]
fn a_shut_door_outweighs_an_earlier_word_that_all_is_well() {
    let well = State::Reported { condition: Condition::Well, how: How::Contact };
    let shut = Command::Report { condition: Condition::NoAnswer, how: How::Visitor };
    assert_eq!(after(well, shut, 1), State::NobodyAnswers { asked: None });
}

#[test]
fn what_a_relative_believes_does_not_make_the_ill_well() {
    let ill = State::Reported { condition: Condition::Unwell, how: How::Visitor };
    let believed = Command::CallContact { outcome: CallOutcome::Well, left: 0 };
    assert_eq!(after(ill, believed, 1), ill);
    let said = Command::CallResident { outcome: CallOutcome::Well, contacts: 0 };
    assert_eq!(after(ill, said, 1), State::Reported { condition: Condition::Well, how: How::Resident });
}

#[test]
fn a_second_visitor_never_sets_back_the_first() {
    for state in [State::OnTheWay, State::Arrived] {
        for command in [Command::RequestVisit, Command::AcceptVisit] {
            assert_eq!(after(state, command, 1), state);
        }
    }
    assert_eq!(after(State::Arrived, Command::DeclineVisit { others: None }, 1), State::Arrived);
}

#[test]
fn nobody_is_safe_whom_nobody_saw_or_heard() {
    let safe = |c: &&Cause| c.is_safe();
    for state in states() {
        let known = matches!(
            state,
            State::Reported { condition: Condition::Well | Condition::Absent, .. }
                | State::Consultation { answered: true, .. }
        );
        assert!(known || causes(&state).iter().find(safe).is_none(), "{state:?} ends as safe");
    }
}

#[test]
fn a_case_ends_unconfirmed_only_after_police_or_fire() {
    for state in states() {
        let helped = matches!(state, State::NobodyAnswers { asked: Some(Help::Police | Help::Fire) });
        assert_eq!(causes(&state).contains(&Cause::Unconfirmed), helped, "{state:?}");
    }
}

#[test]
fn a_closed_case_takes_only_its_review_and_calls_that_come_in() {
    for state in [State::Resolved { cause: Cause::WasOut }, State::Reviewed { cause: Cause::WasOut }] {
        for (name, command) in commands() {
            let took = next(state, command, at(1), &Settings::default());
            let allowed = matches!(command, Command::IncomingCall { .. })
                || (command == Command::Review && state.step() == Step::Resolved);
            assert_eq!(took.is_ok(), allowed, "{name} at {state:?}");
            if let Ok(t) = took {
                assert!(!t.state.open() && t.due == Due::Never);
            }
        }
    }
}

#[test]
fn from_every_state_there_is_a_way_to_the_end() {
    for start in states() {
        let mut seen = vec![start];
        let mut waiting = VecDeque::from([(start, 0)]);
        let mut ended = !start.open();
        while let Some((state, depth)) = waiting.pop_front() {
            ended |= !state.open();
            if ended || depth > 12 {
                break;
            }
            for (_, command) in commands() {
                let Ok(t) = next(state, command, at(1000 + depth * 10), &Settings::default()) else { continue };
                if !seen.contains(&t.state) {
                    seen.push(t.state);
                    waiting.push_back((t.state, depth + 1));
                }
            }
        }
        assert!(ended, "no way to an end from {start:?}");
    }
}

#[test]
fn the_next_in_line_is_told_and_the_top_again() {
    let all = |_| true;
    let mut told = None;
    let mut order = Vec::new();
    for _ in 0..6 {
        told = next_rung(&State::Detected, told, all);
        order.push(told.unwrap());
    }
    use Rung::*;
    assert_eq!(order, [ShiftLead, CareManager, SupportCentre, City, City, City]);
    let without = |r| r != CareManager && r != SupportCentre;
    assert_eq!(next_rung(&State::Detected, Some(ShiftLead), without), Some(City));
    assert_eq!(next_rung(&State::Ambulance, None, all), Some(CareManager));
    assert_eq!(next_rung(&State::Detected, None, |_| false), Some(City));
    assert_eq!(next_rung(&State::Resolved { cause: Cause::WasOut }, None, all), None);
}

#[test]
fn two_operators_are_never_on_one_case() {
    let (me, other) = (Uuid::from_u128(1), StaffId(Uuid::from_u128(2)));
    for hold in [Hold::Desk, Hold::Outcome] {
        assert_eq!(may_act(hold, false, me, Some(other)), Err(Blocked::HeldBy(other)), "{hold:?}");
        assert_eq!(may_act(hold, false, me, None), Err(Blocked::TakeFirst), "{hold:?}");
        assert_eq!(may_act(hold, false, me, Some(StaffId(me))), Ok(()), "{hold:?}");
    }
    assert_eq!(may_act(Hold::Desk, false, me, Some(other)), Err(Blocked::HeldBy(other)));
    assert_eq!(may_act(Hold::Outcome, true, me, Some(other)), Ok(()));
    assert_eq!(may_act(Hold::Free, false, me, Some(other)), Ok(()));
}

#[test]
fn settings_that_would_let_a_case_wait_for_ever_are_refused() {
    assert_eq!(Settings::default().check(), Ok(()));
    let long = Settings { police: Span::days(2), ..Settings::default() };
    assert_eq!(long.check(), Err(Refusal::LimitOutOfRange));
    assert_eq!(Settings { tries: 0, ..Settings::default() }.check(), Err(Refusal::TriesOutOfRange));
    let blank = Settings { script: vec!["  ".into()], ..Settings::default() };
    assert_eq!(blank.check(), Err(Refusal::ScriptTooLong));
}

fn any_command() -> impl Strategy<Value = Command> {
    let all: Vec<Command> = commands().into_iter().map(|(_, c)| c).collect();
    prop::sample::select(all)
}

proptest! {
    /// Whatever is done, in whatever order and at whatever times: an open case has a limit, a closed one has none and
    /// stays closed, a new limit lies ahead, and a refused command changes nothing.
    #[test]
    fn no_sequence_of_commands_loses_a_case(
        done in prop::collection::vec((any_command(), 0i64..200), 0..60)
    ) {
        let mut standing = Standing::opened();
        let mut now = at(0);
        for (command, minutes) in done {
            now = now + Span::minutes(minutes);
            let was = standing;
            if let Ok(moved) = standing.with(command, now) {
                standing = moved;
                if moved.due != was.due && moved.state.open() {
                    prop_assert!(moved.due.is_some_and(|due| due > now), "a new limit in the past after {:?}", command);
                }
            }
            prop_assert_eq!(standing.state.open(), standing.due.is_some(), "{:?} after {:?}", standing, command);
            prop_assert!(was.state.open() || !standing.state.open(), "{:?} reopened a case", command);
        }
    }

    /// Time alone changes nothing: the rules have no command for it, and who is told never goes down the ladder.
    #[test]
    fn time_never_moves_a_case_backwards(
        done in prop::collection::vec(any_command(), 0..20),
        rungs in 1usize..30,
        exists in prop::collection::vec(any::<bool>(), 4)
    ) {
        let mut standing = Standing::opened();
        for (n, command) in done.into_iter().enumerate() {
            standing = standing.with(command, at(n as i64)).unwrap_or(standing);
        }
        let there = |r: Rung| Rung::ALL.iter().position(|x| *x == r).is_some_and(|i| exists[i]);
        let mut told = None;
        for _ in 0..rungs {
            let next = next_rung(&standing.state, told, there);
            prop_assert_eq!(next.is_some(), standing.state.open());
            prop_assert!(next >= told, "{:?} after {:?}", next, told);
            told = next;
        }
    }

    /// What is stored of a state is what is read again.
    #[test]
    fn a_state_survives_the_database(done in prop::collection::vec(any_command(), 0..20)) {
        let mut standing = Standing::opened();
        for (n, command) in done.into_iter().enumerate() {
            standing = standing.with(command, at(n as i64 * 7)).unwrap_or(standing);
        }
        let text = serde_json::to_string(&standing.state).unwrap();
        prop_assert_eq!(serde_json::from_str::<State>(&text).unwrap(), standing.state);
    }
}
