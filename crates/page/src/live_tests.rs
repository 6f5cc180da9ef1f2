use base::{Actor, OfficeId, Purpose, RequestId};

use super::*;

const GRANDMOTHER: PersonId = PersonId(Uuid::from_u128(10));
const NEIGHBOUR: PersonId = PersonId(Uuid::from_u128(11));
const DAUGHTER: Uuid = Uuid::from_u128(20);
const CENTRE: Uuid = Uuid::from_u128(30);

fn ctx(role: Role, id: Uuid, office: Option<Uuid>, person: Option<PersonId>) -> Ctx {
    let purpose = match role {
        Role::Family => Purpose::FamilyView,
        Role::Resident => Purpose::OwnView,
        Role::Operator => Purpose::WatchResponse,
        Role::CityOfficer => Purpose::CityDuty,
        _ => Purpose::Care,
    };
    let actor = Actor { role, id, office: office.map(OfficeId), person, device: "test".to_owned() };
    Ctx::new(actor, purpose, Instant(1), RequestId(Uuid::from_u128(1)))
}

fn daughter() -> Ctx {
    ctx(Role::Family, DAUGHTER, None, Some(GRANDMOTHER))
}

fn operator(n: u128) -> Ctx {
    ctx(Role::Operator, Uuid::from_u128(n), Some(CENTRE), None)
}

fn of(person: PersonId) -> [Happened; 1] {
    [Happened { channels: Channel::ALL, whom: Whom::Of(person) }]
}

fn known(person: PersonId, holder: Uuid, ground: Ground) -> Knower {
    Knower { person, holder, ground }
}

fn told(seat: &Seat) -> (u32, u32) {
    (seat.screen.changed.swap(QUIET, Ordering::Relaxed), seat.screen.messages.swap(QUIET, Ordering::Relaxed))
}

// shows: 5.6.3 a family screen wakes only for its own relative
#[test]
fn a_family_screen_wakes_only_for_its_own_relative_and_only_while_the_consent_stands() {
    let live = Live::new();
    let seat = live.seat(Channel::Family, &daughter()).expect("a seat");
    let consent = known(GRANDMOTHER, DAUGHTER, Ground::FamilyAlerts);
    assert_eq!(live.tell(&of(NEIGHBOUR), &[consent]).changed, 0);
    assert_eq!(live.tell(&of(GRANDMOTHER), &[]).changed, 0, "no consent, no word");
    assert_eq!(told(&seat), (QUIET, QUIET));
    assert_eq!(live.tell(&of(GRANDMOTHER), &[consent]).changed, 1);
    assert_eq!(told(&seat), (0, QUIET));
    let grandmother = live.seat(Channel::Family, &ctx(Role::Resident, GRANDMOTHER.0, None, Some(GRANDMOTHER)));
    let _grandmother = grandmother.expect("a seat");
    assert_eq!(live.tell(&of(GRANDMOTHER), &[]).changed, 1, "herself, without anybody's leave");
}

// shows: 5.6.3 the call centre wakes only for its cases; an alert that nobody holds wakes everybody
#[test]
fn the_call_centre_wakes_for_its_cases_and_all_of_it_for_an_alert_that_nobody_holds() {
    let live = Live::new();
    let _seats = [1, 2].map(|n| live.seat(Channel::Cases, &operator(n)).expect("a seat"));
    let elsewhere = known(GRANDMOTHER, Uuid::from_u128(31), Ground::Case);
    assert_eq!(live.tell(&of(GRANDMOTHER), &[elsewhere]).changed, 0, "another centre's case");
    let team = known(GRANDMOTHER, CENTRE, Ground::CareTeam);
    assert_eq!(live.tell(&of(GRANDMOTHER), &[team]).changed, 0, "a ground on which an operator sees nothing");
    let ours = known(GRANDMOTHER, CENTRE, Ground::Case);
    assert_eq!(live.tell(&of(GRANDMOTHER), &[ours]).changed, 2);
    let in_need = [Happened { channels: &[Channel::Cases], whom: Whom::InNeed(GRANDMOTHER) }];
    assert_eq!(live.tell(&in_need, &[elsewhere]).changed, 0);
    assert_eq!(live.tell(&in_need, &[]).changed, 2);
}

#[test]
fn a_reader_whom_no_policy_lets_see_anything_is_never_woken() {
    let live = Live::new();
    let _seat = live.seat(Channel::Notebook, &ctx(Role::Auditor, Uuid::from_u128(5), None, None)).expect("a seat");
    let everything = [Happened { channels: Channel::ALL, whom: Whom::All }];
    assert_eq!(live.tell(&everything, &[]).changed, 0);
}

#[test]
fn only_the_readers_own_screens_are_told_of_a_message() {
    let live = Live::new();
    let seat = live.seat(Channel::Cases, &operator(7)).expect("a seat");
    let to = |id| [Happened { channels: &[], whom: Whom::Messages(id) }];
    assert_eq!(live.tell(&to(Uuid::from_u128(8)), &[]).messages, 0);
    for own in [Uuid::from_u128(7), CENTRE] {
        assert_eq!(live.tell(&to(own), &[]), Woken { changed: 0, messages: 1 });
        assert_eq!(told(&seat), (QUIET, 0));
    }
}

// shows: 5.6.3 nothing an observer could learn from the event itself
#[test]
fn a_word_on_the_wire_says_neither_what_nor_whom() {
    use axum::response::IntoResponse;
    use futures_util::StreamExt;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _inside = runtime.enter();
    let live = Live::new();
    let screen = live.listen(Channel::Family, &daughter(), Instant(i64::MAX)).expect("a seat").into_response();
    let both = [of(GRANDMOTHER)[0], Happened { channels: &[], whom: Whom::Messages(DAUGHTER) }];
    live.tell(&both, &[known(GRANDMOTHER, DAUGHTER, Ground::FamilyAlerts)]);
    let mut stream = screen.into_body().into_data_stream();
    let heard: Vec<String> = runtime.block_on(async {
        let mut heard = Vec::new();
        while heard.len() < 3 {
            let frame = stream.next().await.expect("goes on").expect("is read");
            heard.push(String::from_utf8_lossy(&frame).trim().to_owned());
        }
        heard
    });
    assert!(heard[0].starts_with("retry:"), "{heard:?}");
    assert_eq!(heard[1..], ["event: messages\ndata: 0", "event: changed\ndata: 0"]);
    drop(stream);
    assert_eq!(live.tell(&both, &[]), Woken::default(), "the seat was given back");
}

// shows: 5.5.5 while the database is away every live screen is told so, and told when it is back
#[test]
fn a_screen_is_told_that_the_database_is_away_and_that_it_is_back() {
    use futures_util::{FutureExt, StreamExt};
    let live = Live::new();
    let listen = || Box::pin(live.words(Channel::Family, &daughter(), Instant(i64::MAX)).expect("a seat"));
    let (mut open, said) =
        (listen(), |words: Option<Option<(&'static str, u32)>>| words.flatten().map(|(word, _)| word));
    assert_eq!(said(open.next().now_or_never()), None, "nothing is said while it is there");
    live.tell_away(true);
    assert_eq!(said(open.next().now_or_never()), Some("away"));
    assert_eq!(said(open.next().now_or_never()), None, "it is said once");
    let mut late = listen();
    assert_eq!(said(late.next().now_or_never()), Some("away"), "who dials meanwhile hears it first");
    // Whoever was told neither yet is told what is so now.
    live.tell_away(false);
    live.tell_away(true);
    live.tell_away(false);
    for screen in [&mut open, &mut late] {
        assert_eq!(said(screen.next().now_or_never()), Some("back"));
        assert_eq!(said(screen.next().now_or_never()), None);
    }
}

// shows: 5.6.3 clients wait a random moment
#[test]
fn the_more_screens_are_told_the_longer_they_spread_their_asking() {
    let live = Live::new();
    let seats: Vec<Seat> =
        (0..limits::LIVE_SCREENS as u128).map(|n| live.seat(Channel::Cases, &operator(n)).expect("a seat")).collect();
    assert!(live.seat(Channel::Cases, &operator(9999)).is_err(), "every seat is taken");
    let woken = live.tell(&of(GRANDMOTHER), &[known(GRANDMOTHER, CENTRE, Ground::Case)]);
    assert_eq!(woken.changed, limits::LIVE_SCREENS);
    assert_eq!(told(&seats[0]).0, 4000);
    let spreads = [1, 16, 17, 300, 600, 2048].map(spread);
    assert_eq!(spreads, [0, 0, 250, 1000, 2000, 4000]);
}

fn of_session(role: Role, account: u128, session: u128) -> Ctx {
    let mut ctx = ctx(role, Uuid::from_u128(account), None, None);
    ctx.actor.device = SessionId(Uuid::from_u128(session)).to_string();
    ctx
}

// shows: 5.1.6 seats are kept for operators and crews, so that no family account can take them all
#[test]
fn families_and_staff_leave_seats_for_those_who_act() {
    let live = Live::new();
    let mut kept = Vec::new();
    // However many sessions, each with two screens.
    let mut taken = |role: Role, from: u128| {
        let sat = (0..5000).filter_map(|n| live.seat(Channel::Notebook, &of_session(role, from, from + n / 2)).ok());
        let before = kept.len();
        kept.extend(sat);
        kept.len() - before
    };
    assert_eq!(taken(Role::Family, 10_000), limits::LIVE_SCREENS_OF_FAMILIES);
    assert_eq!(taken(Role::CareManager, 20_000), limits::LIVE_SCREENS_OF_STAFF - limits::LIVE_SCREENS_OF_FAMILIES);
    assert_eq!(taken(Role::Operator, 30_000), limits::LIVE_SCREENS - limits::LIVE_SCREENS_OF_STAFF);
    drop(kept);
    assert!(
        live.seat(Channel::Family, &of_session(Role::Family, 1, 1)).is_ok(),
        "a line that ended gives its seat back"
    );
}

// shows: 5.1.6 a few seats a session
#[test]
fn a_session_has_a_few_seats() {
    let live = Live::new();
    let sit = |session| live.seat(Channel::Cases, &of_session(Role::Operator, 1, session));
    let mut seats: Vec<Seat> = (0..limits::LIVE_SCREENS_PER_SESSION).map(|_| sit(1).expect("a seat")).collect();
    assert!(matches!(sit(1), Err(Problem::Busy)));
    assert!(sit(2).is_ok());
    seats.pop();
    assert!(sit(1).is_ok());
}

// shows: 6.2.9 a proxy that keeps the line of a page that was left hears of it with the session's next page
#[test]
fn a_further_page_lets_the_other_lines_of_its_session_say_that_they_live() {
    let live = Live::new();
    let sit = |session| live.seat(Channel::Cases, &of_session(Role::Operator, 1, session)).expect("a seat");
    let (first, elsewhere) = (sit(1), sit(2));
    let hears = |seat: &Seat| seat.screen.alive.load(Ordering::Relaxed) != QUIET;
    assert!(!hears(&first));
    let second = sit(1);
    assert!(hears(&first) && !hears(&second) && !hears(&elsewhere));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    assert_eq!(runtime.block_on(first.screen.next()), Some(("alive", 0)));
}

// shows: 5.5.2 signing out, suspension and the absolute end close live lines
#[test]
fn a_line_ends_with_its_session() {
    let live = Live::new();
    let open =
        |account, session| live.seat(Channel::Cases, &of_session(Role::Operator, account, session)).expect("a seat");
    let over = |seat: &Seat| seat.screen.over.load(Ordering::Relaxed);
    let (account, of) = (AccountId(Uuid::from_u128(1)), |n: u128| Some(SessionId(Uuid::from_u128(n))));
    let (a, b, c, other) = (open(1, 1), open(1, 2), open(1, 3), open(2, 4));
    live.close(account, of(1), None);
    assert!(over(&a) && !over(&b));
    live.close(account, None, of(3));
    assert!(over(&b) && !over(&c));
    live.close(account, None, None);
    assert!(over(&c) && !over(&other));
    other.screen.until.store(1000, Ordering::Relaxed);
    live.close_over(Instant(999));
    assert!(!over(&other));
    live.close_over(Instant(1000));
    assert!(over(&other));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    assert_eq!(runtime.block_on(other.screen.next()), None, "and so does its stream");
}
