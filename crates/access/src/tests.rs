use base::{Actor, Ctx, Instant, OfficeId, PersonId, Purpose, RequestId, Role};
use db::testing::fresh;
use db::{DbError, Tx, params};
use proptest::prelude::*;
use uuid::Uuid;

use crate::*;

fn uuid(n: u8) -> Uuid {
    Uuid::from_u128(u128::from(n) + 1)
}

fn ctx(role: Role, purpose: Purpose, id: u8, office: Option<u8>, now: i64) -> Ctx {
    let person = (role == Role::Resident).then(|| PersonId(uuid(id)));
    let actor = Actor { role, id: uuid(id), office: office.map(|o| OfficeId(uuid(o))), person, device: "test".into() };
    Ctx::new(actor, purpose, Instant(now), RequestId(uuid(id)))
}

#[test]
fn the_built_in_policies_fit_their_schema() {
    Policies::built_in().unwrap();
}

#[test]
fn no_role_sees_anybody_without_a_ground_but_by_duty() {
    let policies = Policies::built_in().unwrap();
    for role in Role::ALL {
        for purpose in Purpose::ALL {
            let seen = policies.decide(*role, *purpose, Act::SeeIdentity, Ground::Duty);
            let expected = matches!(
                (role, purpose),
                (Role::System, _)
                    | (Role::Administrator, Purpose::Registration)
                    | (Role::CityOfficer, Purpose::CityDuty)
                    | (Role::Auditor, Purpose::Audit)
            );
            assert_eq!(seen, expected, "{role:?} for {purpose:?}");
        }
    }
}

#[test]
fn the_call_centre_never_sees_diagnoses_or_the_notebook() {
    let policies = Policies::built_in().unwrap();
    for purpose in Purpose::ALL {
        for ground in Ground::ALL {
            for act in [Act::SeeMedical, Act::SeeNotes, Act::WriteNote] {
                assert!(!policies.decide(Role::Operator, *purpose, act, *ground), "{act:?} on {ground:?}");
            }
        }
    }
    assert!(policies.decide(Role::Operator, Purpose::WatchResponse, Act::SeeEntry, Ground::Case));
}

#[test]
fn the_city_sets_the_watch_and_sees_its_lines_and_touches_no_device() {
    let policies = Policies::built_in().unwrap();
    let by_duty: [(Role, Purpose, &[Act]); 2] = [
        (Role::Administrator, Purpose::Registration, &[Act::SeeLines, Act::SetWatch, Act::ManageDevices]),
        (Role::CityOfficer, Purpose::CityDuty, &[Act::SeeLines, Act::SetWatch]),
    ];
    for role in Role::ALL.iter().filter(|r| **r != Role::System) {
        for purpose in Purpose::ALL {
            for ground in Ground::ALL {
                for act in [Act::SeeLines, Act::SetWatch, Act::ManageDevices] {
                    let expected = *ground == Ground::Duty
                        && by_duty.iter().any(|(r, p, acts)| r == role && p == purpose && acts.contains(&act));
                    let decided = policies.decide(*role, *purpose, act, *ground);
                    assert_eq!(decided, expected, "{act:?} by {role:?} for {purpose:?} on {ground:?}");
                }
            }
        }
    }
}

#[test]
fn a_case_opens_a_person_to_the_call_centre_and_its_end_closes_it() {
    let region = fresh(&[MIGRATIONS]);
    let (centre, case, person) = (9u8, uuid(200), PersonId(uuid(1)));
    let operator = move |now| ctx(Role::Operator, Purpose::WatchResponse, 5, Some(centre), now);
    let system = |now| ctx(Role::System, Purpose::Operation, 0, None, now);
    let sees = move |now| move |tx: &mut dyn Tx| Ok::<_, DbError>(may(&operator(now), tx, Act::SeeIdentity, person));
    assert!(!region.db.read_blocking(sees(10)).unwrap());
    region
        .db
        .write_blocking(move |tx| {
            let g = Grant { person, holder: uuid(centre), ground: Ground::Case, source: case, until: FOREVER };
            grant(&system(20), tx, g)?;
            grant(&system(21), tx, g)
        })
        .unwrap();
    assert!(region.db.read_blocking(sees(30)).unwrap());
    region.db.write_blocking(move |tx| revoke_source(&system(40), tx, case)).unwrap();
    assert!(!region.db.read_blocking(sees(40)).unwrap());
}

#[test]
fn a_broken_policy_file_is_refused_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("city.cedar"), "permit (principal, action, resource) when { nonsense };")
        .unwrap();
    assert!(Policies::from_folder(folder.path()).is_err());
    std::fs::write(folder.path().join("city.cedar"), r#"permit (principal, action == Action::"Fly", resource);"#)
        .unwrap();
    assert!(matches!(Policies::from_folder(folder.path()), Err(PolicyError::Invalid(_))));
}

#[derive(Clone, Debug)]
struct Given {
    person: u8,
    holder: u8,
    ground: Ground,
    from: i64,
    until: i64,
}

fn given() -> impl Strategy<Value = Given> {
    (0u8..4, 10u8..14, 0..Ground::ALL.len(), 0i64..5, 0i64..10).prop_map(|(person, holder, g, from, len)| Given {
        person,
        holder,
        ground: Ground::ALL[g],
        from,
        until: from + len,
    })
}

const EVERYBODY: &[db::Migration] =
    &[db::Migration { name: "test/everybody", sql: "CREATE TABLE everybody (id BYTEA PRIMARY KEY)" }];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    /// The filter of a list and the decision about one person never differ.
    #[test]
    fn the_two_walls_agree(given in prop::collection::vec(given(), 0..12), now in 0i64..10) {
        let region = fresh(&[MIGRATIONS, EVERYBODY]);
        let rows = given.clone();
        region.db.write_blocking(move |tx| {
            for n in 0..4 {
                tx.execute("INSERT INTO everybody (id) VALUES ($1)", params![uuid(n)])?;
            }
            for (i, g) in rows.iter().enumerate() {
                let by = ctx(Role::System, Purpose::Operation, 100 + i as u8, None, g.from);
                let made = Grant { person: PersonId(uuid(g.person)), holder: uuid(g.holder), ground: g.ground, source: uuid(i as u8), until: Instant(g.until) };
                grant(&by, tx, made)?;
            }
            Ok::<_, DbError>(())
        }).unwrap();
        for role in [Role::Operator, Role::CareManager, Role::Doctor, Role::Family, Role::CityOfficer, Role::Auditor] {
            for purpose in [Purpose::Care, Purpose::WatchResponse, Purpose::CityDuty, Purpose::FamilyView] {
                for act in [Act::SeeIdentity, Act::SeeMedical, Act::SeeCase] {
                    let asking = ctx(role, purpose, 10, Some(11), now);
                    let (listed, decided) = region.db.read_blocking(move |tx| {
                        let listed: Vec<Uuid> = match scope(&asking, act) {
                            Ok(scope) => {
                                let (filter, values) = scope.filter("id", 1);
                                let rows = tx.query(&format!("SELECT id FROM everybody WHERE {filter} ORDER BY id"), &values)?;
                                rows.iter().map(|r| r.get(0)).collect::<Result<_, _>>()?
                            }
                            Err(_) => vec![],
                        };
                        let decided: Vec<Uuid> = (0..4).map(uuid).filter(|p| may(&asking, tx, act, PersonId(*p))).collect();
                        Ok::<_, DbError>((listed, decided))
                    }).unwrap();
                    prop_assert_eq!(listed, decided, "{:?} {:?} {:?}", role, purpose, act);
                }
            }
        }
    }
}

#[test]
fn whoever_knew_a_person_up_to_this_moment_is_among_the_knowers_and_nobody_later() {
    let region = fresh(&[MIGRATIONS]);
    let (person, case, holder) = (PersonId(uuid(9)), uuid(8), uuid(7));
    let at = |now| ctx(Role::System, Purpose::Operation, 1, None, now);
    let grant_of = Grant { person, holder, ground: Ground::Case, source: case, until: FOREVER };
    let (opens, closes) = (at(10), at(20));
    region.db.write_blocking(move |tx| grant(&opens, tx, grant_of)).unwrap();
    region.db.write_blocking(move |tx| revoke_source(&closes, tx, case)).unwrap();
    let known = |since| {
        // More persons than one statement names.
        let persons: Vec<PersonId> = (0..=u8::MAX).map(|n| PersonId(uuid(n))).collect();
        region.db.read_blocking(move |tx| knowers(tx, &persons, Instant(since))).unwrap()
    };
    assert_eq!(known(20), [Knower { person, holder, ground: Ground::Case }], "the close itself is told");
    assert_eq!(known(21), []);
}
