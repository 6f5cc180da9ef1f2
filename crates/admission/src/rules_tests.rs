//! Tables and properties of the rules.

use std::net::Ipv6Addr;

use proptest::prelude::*;

use super::*;

const BOUNDS: Bounds =
    Bounds { strangers: 16, kept: 4, per_address: 3, per_familiar: 6, per_network: 5, known: 0, per_identity: 0 };

fn v4(n: u32) -> Origin {
    Origin::V4(n)
}

/// From one /48, in its n-th /64.
fn v6(n: u64) -> Origin {
    Origin::V6(0x2001_0db8_0001_0000 + n)
}

fn silent(origin: Origin, millis: u64) -> Stranger {
    Stranger { origin, familiar: false, busy: false, silent: Duration::from_millis(millis) }
}

fn unfamiliar(origin: Origin) -> Newcomer {
    Newcomer { origin, familiar: false }
}

fn familiar(origin: Origin) -> Newcomer {
    Newcomer { origin, familiar: true }
}

fn asked(new: Newcomer, strangers: &[Stranger]) -> Verdict {
    decide(&new, strangers.iter().copied(), &BOUNDS)
}

// shows: 5.1.1 connections bounded per address: a flood pushes out itself
#[test]
fn at_its_bound_an_address_pushes_out_its_own_longest_silent_one() {
    let here = [silent(v4(1), 900), silent(v4(2), 9_000), silent(v4(1), 2_000), silent(v4(1), 1_000)];
    assert_eq!(asked(unfamiliar(v4(1)), &here), Verdict::InPlaceOf(2));
    assert_eq!(asked(unfamiliar(v4(3)), &here), Verdict::Welcome);
    assert_eq!(asked(familiar(v4(1)), &here), Verdict::Welcome, "where desks were known it has more room");
}

#[test]
fn whom_we_work_for_and_who_has_just_spoken_does_not_give_way() {
    let busy = Stranger { busy: true, ..silent(v4(1), 9_000) };
    let here = [busy, silent(v4(1), 10), silent(v4(1), 249)];
    assert_eq!(asked(unfamiliar(v4(1)), &here), Verdict::Refused(Refusal::Address));
    let here = [busy, silent(v4(1), 10), silent(v4(1), 250)];
    assert_eq!(asked(unfamiliar(v4(1)), &here), Verdict::InPlaceOf(2));
}

// shows: 5.1.1 IPv6 by /64, and again by /48
#[test]
fn a_customer_with_many_networks_is_bounded_as_a_whole() {
    let here: Vec<Stranger> = (0..5).map(|n| silent(v6(n), 1_000 + n)).collect();
    assert_eq!(asked(unfamiliar(v6(77)), &here), Verdict::InPlaceOf(4));
    assert_eq!(asked(unfamiliar(Origin::V6(1 << 40)), &here), Verdict::Welcome, "another customer");
    let fresh: Vec<Stranger> = (0..5).map(|n| silent(v6(n), 0)).collect();
    assert_eq!(asked(unfamiliar(v6(77)), &fresh), Verdict::Refused(Refusal::Network));
}

// shows: 5.1.2 room kept for addresses of known gateways and desks
#[test]
fn strangers_of_a_thousand_addresses_leave_the_kept_places_to_familiar_ones() {
    let here: Vec<Stranger> = (0..12).map(|n| silent(v4(100 + n), 0)).collect();
    assert_eq!(asked(unfamiliar(v4(1)), &here), Verdict::Refused(Refusal::Full));
    assert_eq!(asked(familiar(v4(1)), &here), Verdict::Welcome);
    let familiar_ones = (0..4).map(|n| Stranger { familiar: true, ..silent(v4(n), 5_000) });
    let full: Vec<Stranger> = here.iter().copied().chain(familiar_ones).collect();
    assert_eq!(asked(unfamiliar(v4(50)), &full), Verdict::Refused(Refusal::Full), "no familiar one gives way to it");
    assert_eq!(asked(familiar(v4(50)), &full), Verdict::InPlaceOf(12), "to another familiar one it does");
}

// shows: 5.1.3 1,500 half requests from one /48 of IPv6 leave others their places
#[test]
fn a_siege_from_one_48_takes_a_quarter_of_the_room_and_no_more() {
    let bounds = plan(1_024).unwrap().site;
    let mut here: Vec<Stranger> = Vec::new();
    for n in 0..1_500_u64 {
        here.iter_mut().for_each(|s| s.silent += Duration::from_millis(1));
        match decide(&unfamiliar(v6(n % 700)), here.iter().copied(), &bounds) {
            Verdict::Welcome => here.push(silent(v6(n % 700), 0)),
            Verdict::InPlaceOf(at) => here[at] = silent(v6(n % 700), 0),
            Verdict::Refused(_) => {}
        }
    }
    assert!(here.len() <= bounds.per_network, "{}", here.len());
    for other in [v4(9), Origin::V6(7 << 50)] {
        assert_eq!(decide(&unfamiliar(other), here.iter().copied(), &bounds), Verdict::Welcome);
    }
}

// shows: 5.1.2 descriptors: some kept for the program itself and the operations address
#[test]
fn the_rooms_together_never_take_more_descriptors_than_there_are() {
    assert_eq!(plan(511), Err(TooFew { found: 511 }));
    for descriptors in [512, 1_000, 1_024, 4_096, 65_536, 524_288, u64::MAX] {
        let plan = plan(descriptors).unwrap();
        let places = plan.site.places() + plan.gateways.places() + plan.operations.places();
        assert!(plan.own + places as u64 <= descriptors, "{descriptors}: {plan:?}");
        for bounds in [plan.site, plan.gateways] {
            assert!(bounds.known >= 70 && bounds.strangers >= 40 && bounds.per_address >= 5, "{plan:?}");
            assert!(bounds.per_address < bounds.per_network && bounds.per_network < bounds.strangers, "{plan:?}");
        }
    }
    let ample = plan(65_536).unwrap();
    assert_eq!((ample.site.known, ample.gateways.known), (limits::SITE_KNOWN, limits::MQTT_CONNECTIONS));
}

fn any_origin() -> impl Strategy<Value = Origin> {
    prop_oneof![
        (0..4_u32).prop_map(v4),
        (0..4_u64).prop_map(v6),
        (0..3_u16).prop_map(|n| { Origin::of(Ipv6Addr::new(0x2001, 0xdb8, 9, n, 0, 0, 0, 1).into()) })
    ]
}

proptest! {
    // shows: 5.1.1 connections bounded in all, per address, by /64 and /48, whoever comes in which order
    #[test]
    fn no_bound_is_ever_passed(arrivals in prop::collection::vec((any_origin(), 0..600_u64, any::<bool>()), 0..300)) {
        // Whether an address is familiar belongs to the address and not to the arrival.
        let is_familiar = |origin: Origin| origin == v4(0) || origin == v6(0);
        let mut here: Vec<Stranger> = Vec::new();
        for (origin, passed, busy) in arrivals {
            here.iter_mut().for_each(|s| s.silent += Duration::from_millis(passed));
            let new = Newcomer { origin, familiar: is_familiar(origin) };
            let one = Stranger { origin, familiar: new.familiar, busy, silent: Duration::ZERO };
            match decide(&new, here.iter().copied(), &BOUNDS) {
                Verdict::Welcome => here.push(one),
                Verdict::InPlaceOf(at) => {
                    prop_assert!(!here[at].busy && here[at].silent >= TENURE);
                    prop_assert!(new.familiar || !here[at].familiar);
                    here[at] = one;
                }
                Verdict::Refused(_) => {}
            }
            prop_assert!(here.len() <= BOUNDS.strangers);
            for s in &here {
                let own = here.iter().filter(|o| o.origin == s.origin).count();
                let most = if s.familiar { BOUNDS.per_familiar } else { BOUNDS.per_address };
                prop_assert!(own <= most);
                let network = here.iter().filter(|o| o.origin.shares_network(s.origin)).count();
                prop_assert!(network <= BOUNDS.per_familiar.max(BOUNDS.per_network));
            }
            prop_assert!(here.iter().filter(|s| !s.familiar).count() <= BOUNDS.strangers - BOUNDS.kept);
        }
    }
}
