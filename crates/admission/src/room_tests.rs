//! The rooms as they fill and empty.

use super::*;

fn room(bounds: Bounds) -> Room {
    Room::new("test", bounds, Familiar::default())
}

fn ip(n: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, n])
}

#[test]
fn a_place_is_given_back_whatever_became_of_it() {
    let bounds = Bounds { known: 2, per_identity: 2, ..Bounds::all_alike(2) };
    let room = room(bounds);
    let (first, second) = (room.enter(ip(1)).unwrap(), room.enter(ip(2)).unwrap());
    assert_eq!(room.enter(ip(3)).err(), Some(Refusal::Full), "both have just come");
    assert!(first.know(7) && first.is_known() && first.know(7));
    assert_eq!(room.count(), (1, 1));
    let third = room.enter(ip(3)).unwrap();
    drop((first, second, third));
    assert_eq!(room.count(), (0, 0));
    assert!(room.table().identities.is_empty());
}

// shows: 5.1.2 no session and no gateway can take the room of those known
#[test]
fn one_session_takes_so_many_places_among_the_known_and_no_more() {
    let room = room(Bounds { known: 3, per_identity: 2, ..Bounds::all_alike(8) });
    let places: Vec<Place> = (0..5).map(|n| room.enter(ip(n)).unwrap()).collect();
    let known: Vec<bool> = places.iter().zip([1, 1, 1, 2, 3]).map(|(place, who)| place.know(who)).collect();
    assert_eq!(known, [true, true, false, true, false]);
    assert_eq!(room.count(), (2, 3));
}

#[tokio::test]
async fn who_gives_way_is_told_and_is_not_known_afterwards() {
    let room = room(Bounds { known: 1, per_identity: 1, ..Bounds::all_alike(1) });
    let first = room.enter(ip(1)).unwrap();
    assert!(room.relieve());
    first.gives_way().await;
    assert!(!first.know(1) && room.enter(ip(1)).is_ok() && !room.relieve());
}

// shows: 5.1.2 an address from which desks were known gets a larger allowance
#[test]
fn where_somebody_was_known_more_are_let_in() {
    let room = room(Bounds { known: 8, per_identity: 8, ..Bounds::strangers(16) });
    let desk = room.enter(ip(1)).unwrap();
    let most = |ip: IpAddr| {
        let places: Vec<Place> = std::iter::from_fn(|| room.enter(ip).ok()).collect();
        places.len()
    };
    assert_eq!(most(ip(2)), 2);
    assert!(desk.know(1));
    assert_eq!((most(ip(1)), most(ip(2))), (8, 2));
}

#[test]
fn a_trusted_proxy_is_bounded_in_all_and_not_by_its_address() {
    let room = room(Bounds { known: 4, per_identity: 1, ..Bounds::strangers(8) });
    let lines: Vec<Place> = std::iter::from_fn(|| room.enter_trusted().ok()).collect();
    assert_eq!(lines.len(), 12);
    assert_eq!(room.count(), (0, 12));
}
