use base::{Actor, Instant, OfficeId, Purpose, RequestId, Role};

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

// shows: 6 a family screen wakes only for its own relative
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

// shows: 6 the call centre wakes only for its cases; an alert that nobody holds wakes everybody
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

// shows: 6 nothing an observer could learn from the event itself
#[test]
fn a_word_on_the_wire_says_neither_what_nor_whom() {
    use axum::response::IntoResponse;
    use futures_util::StreamExt;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _inside = runtime.enter();
    let live = Live::new();
    let screen = live.listen(Channel::Family, &daughter()).expect("a seat").into_response();
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

// shows: 6 clients wait a random moment
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
