use std::sync::Arc;

use base::{Actor, Ctx, Instant, OfficeId, PersonId, Purpose, RequestId, Role};
use db::testing::fresh;
use db::{DbError, Tx, Value, params};
use proptest::prelude::*;
use uuid::Uuid;

use crate::scope::scope_by;
use crate::witness::{each_by, some_by};
use crate::*;

fn uuid(n: u8) -> Uuid {
    Uuid::from_u128(u128::from(n) + 1)
}

fn ctx(role: Role, purpose: Purpose, id: u8, office: Option<u8>, now: i64) -> Ctx {
    let person = (role == Role::Resident).then(|| PersonId(uuid(id)));
    let actor = Actor { role, id: uuid(id), office: office.map(|o| OfficeId(uuid(o))), person, device: "test".into() };
    Ctx::new(actor, purpose, Instant(now), RequestId(uuid(id)))
}

/// What any policies must hold: the program itself acts.
const PROGRAM: &str = r#"permit (principal, action, resource) when { principal.role == "system" };"#;

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
                (Role::System, _) | (Role::Administrator, Purpose::Registration) | (Role::Auditor, Purpose::Audit)
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
    let known: [(Role, Purpose, Ground, &[Act]); 2] = [
        (Role::Administrator, Purpose::Registration, Ground::Duty, &[Act::SeeLines, Act::SetWatch, Act::ManageDevices]),
        (Role::CityOfficer, Purpose::CityDuty, Ground::City, &[Act::SeeLines, Act::SetWatch]),
    ];
    for role in Role::ALL.iter().filter(|r| **r != Role::System) {
        for purpose in Purpose::ALL {
            for ground in Ground::ALL {
                for act in [Act::SeeLines, Act::SetWatch, Act::ManageDevices] {
                    let expected =
                        known.iter().any(|(r, p, g, acts)| (r, p, g) == (role, purpose, ground) && acts.contains(&act));
                    let decided = policies.decide(*role, *purpose, act, *ground);
                    assert_eq!(decided, expected, "{act:?} by {role:?} for {purpose:?} on {ground:?}");
                }
            }
        }
    }
}

/// Who may do what for the region, as one table.
// shows: 5.3.5 what a role may do stands in policies
#[test]
fn the_charges_of_the_region_are_those_of_this_table() {
    let policies = Policies::built_in().unwrap();
    let table: [(Charge, &[Role]); 9] = [
        (Charge::KeepRegister, &[Role::Administrator]),
        (Charge::ManageAccounts, &[Role::Administrator]),
        (Charge::SeeRecords, &[Role::Auditor]),
        (Charge::KeepConsents, &[Role::Administrator]),
        (Charge::KeepDevices, &[Role::Administrator]),
        (Charge::SetRegionWatch, &[Role::Administrator, Role::CityOfficer]),
        (Charge::SetCaseRules, &[Role::Administrator, Role::CityOfficer]),
        (Charge::SeeBoard, &[Role::Operator, Role::SupportCentre, Role::CityOfficer, Role::Administrator]),
        (Charge::MindMessages, &[Role::Operator, Role::CityOfficer, Role::Administrator]),
    ];
    assert_eq!(table.len(), Charge::ALL.len());
    for (charge, roles) in table {
        for role in Role::ALL.iter().filter(|r| **r != Role::System) {
            let ever = Purpose::ALL
                .iter()
                .any(|purpose| Ground::ALL.iter().any(|ground| policies.decide(*role, *purpose, charge, *ground)));
            assert_eq!(ever, roles.contains(role), "{charge:?} by {role:?}");
        }
    }
}

// shows: 5.3.5 the city's duty is its own city; who lives where no office answers is every city's
#[test]
fn a_city_knows_those_who_live_in_it_and_no_others() {
    let region = fresh(&[MIGRATIONS]);
    let (seto, owariasahi, elsewhere) = (PersonId(uuid(1)), PersonId(uuid(2)), PersonId(uuid(4)));
    let officer = ctx(Role::CityOfficer, Purpose::CityDuty, 5, Some(9), 10);
    region
        .db
        .write_blocking(move |tx| {
            settle_person(tx, seto, "23204")?;
            settle_person(tx, owariasahi, "23226")?;
            settle_person(tx, elsewhere, "23238")?;
            settle_office(tx, OfficeId(uuid(8)), "23226", true)?;
            settle_office(tx, OfficeId(uuid(9)), "23204", true)
        })
        .unwrap();
    let known = move |person| {
        let officer = officer.clone();
        move |tx: &mut dyn Tx| Ok::<_, DbError>(require(&officer, tx, Act::SeeIdentity, person).ok())
    };
    let witness = region.db.read_blocking(known(seto)).unwrap().expect("one's own city");
    assert_eq!((witness.person(), witness.ground()), (seto, Ground::City));
    assert!(region.db.read_blocking(known(owariasahi)).unwrap().is_none(), "the city next door");
    assert!(region.db.read_blocking(known(PersonId(uuid(3)))).unwrap().is_none(), "nobody's");
    assert!(region.db.read_blocking(known(elsewhere)).unwrap().is_some(), "a city without an office is every city's");
    region.db.write_blocking(move |tx| settle_person(tx, seto, "23226")).unwrap();
    assert!(region.db.read_blocking(known(seto)).unwrap().is_none(), "who moved to the city next door");
}

// shows: 5.3.6 grants can name the items they open
#[test]
fn a_grant_opens_what_it_names_and_no_more() {
    let region = fresh(&[MIGRATIONS]);
    let (doctor, person) = (7u8, PersonId(uuid(1)));
    region
        .db
        .write_blocking(move |tx| {
            let by = ctx(Role::System, Purpose::Operation, 0, None, 1);
            let items = Items::Only(&[Act::SeeIdentity, Act::SeeWatch]);
            let ground = Ground::CareTeam;
            grant(&by, tx, Grant { person, holder: uuid(doctor), ground, source: uuid(50), until: FOREVER, items })
        })
        .unwrap();
    let asking = ctx(Role::Doctor, Purpose::Care, doctor, None, 5);
    let open: Vec<Act> = region
        .db
        .read_blocking(move |tx| {
            Ok::<_, DbError>(Act::ALL.iter().copied().filter(|act| may(&asking, tx, *act, person)).collect())
        })
        .unwrap();
    assert_eq!(open, [Act::SeeIdentity, Act::SeeWatch]);
}

// shows: 5.3.5 policy sets by city
#[test]
fn a_citys_own_policies_hold_for_those_who_live_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let city = folder.path().join("23226");
    std::fs::create_dir(&city).unwrap();
    let all = r#"permit (principal, action, resource) when { principal.role == "administrator" && context.ground == "duty" };"#;
    std::fs::write(folder.path().join("region.cedar"), format!("{all}{PROGRAM}")).unwrap();
    let own =
        r#"permit (principal, action == Action::"SeeIdentity", resource) when { principal.role == "administrator" };"#;
    std::fs::write(city.join("own.cedar"), own).unwrap();
    // Policies under which the timers would stop are none.
    assert!(matches!(Rules::from_folder(folder.path()), Err(PolicyError::Program("SeeIdentity"))));
    std::fs::write(city.join("own.cedar"), format!("{own}{PROGRAM}")).unwrap();
    let rules = Rules::from_folder(folder.path()).unwrap();
    let region = fresh(&[MIGRATIONS]);
    let administrator = ctx(Role::Administrator, Purpose::Registration, 5, None, 10);
    let may_register = region.db.write_blocking(move |tx| {
        for (n, city) in [(1, "23204"), (2, "23226")] {
            settle_person(tx, PersonId(uuid(n)), city)?;
        }
        let see = |tx: &mut dyn Tx, n, act| {
            crate::witness::some_by(&rules, &administrator, tx, &[act], &[], PersonId(uuid(n))).is_ok()
        };
        assert!(see(tx, 1, Act::SeeIdentity) && see(tx, 2, Act::SeeIdentity));
        Ok::<_, DbError>((see(tx, 1, Act::Register), see(tx, 2, Act::Register)))
    });
    assert_eq!(may_register.unwrap(), (true, false));
    std::fs::create_dir(folder.path().join("seto")).unwrap();
    assert!(matches!(Rules::from_folder(folder.path()), Err(PolicyError::NoCity(name)) if name == "seto"));
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
            let g = Grant {
                person,
                holder: uuid(centre),
                ground: Ground::Case,
                source: case,
                until: FOREVER,
                items: Items::All,
            };
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
    assert!(
        matches!(Policies::from_folder(folder.path()), Err(PolicyError::Invalid { file, .. }) if file.ends_with("city.cedar"))
    );
}

#[derive(Clone, Debug)]
struct Given {
    person: u8,
    holder: u8,
    ground: Ground,
    from: i64,
    until: i64,
    /// Only these acts, if any.
    items: Vec<Act>,
}

fn given() -> impl Strategy<Value = Given> {
    let items = prop::sample::subsequence(vec![Act::SeeIdentity, Act::SeeMedical, Act::SeeCase], 0..3);
    (0u8..4, 10u8..14, 0..Ground::ALL.len(), 0i64..5, 0i64..10, items).prop_map(
        |(person, holder, g, from, len, items)| Given {
            person,
            holder,
            ground: Ground::ALL[g],
            from,
            until: from + len,
            items,
        },
    )
}

const CITIES: [&str; 3] = ["", "23204", "23226"];

/// The region's policies alone, or a city with stricter ones beside them.
fn rules(own_set: bool) -> Rules {
    let mut rules = Rules::built_in().unwrap();
    if own_set {
        let folder = tempfile::tempdir().unwrap();
        let strict =
            r#"permit (principal, action == Action::"SeeIdentity", resource) when { context.ground != "duty" };"#;
        std::fs::write(folder.path().join("strict.cedar"), format!("{strict}{PROGRAM}")).unwrap();
        rules.cities.insert("23226".into(), Policies::from_folder(folder.path()).unwrap());
    }
    rules
}

const EVERYBODY: &[db::Migration] =
    &[db::Migration { name: "test/everybody", sql: "CREATE TABLE everybody (id BYTEA PRIMARY KEY)" }];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    /// The filter of a list and the decision about one person never differ.
    #[test]
    fn the_two_walls_agree(
        given in prop::collection::vec(given(), 0..12),
        cities in prop::collection::vec(0usize..3, 5),
        own_set: bool,
        now in 0i64..10,
    ) {
        let rules = Arc::new(rules(own_set));
        let region = fresh(&[MIGRATIONS, EVERYBODY]);
        let rows = given.clone();
        region.db.write_blocking(move |tx| {
            for n in 0..4 {
                tx.execute("INSERT INTO everybody (id) VALUES ($1)", params![uuid(n)])?;
                settle_person(tx, PersonId(uuid(n)), CITIES[cities[usize::from(n)]])?;
            }
            settle_office(tx, OfficeId(uuid(11)), CITIES[cities[4]], own_set)?;
            for (i, g) in rows.iter().enumerate() {
                let by = ctx(Role::System, Purpose::Operation, 100 + i as u8, None, g.from);
                let items = if g.items.is_empty() { Items::All } else { Items::Only(&g.items) };
                let made = Grant { person: PersonId(uuid(g.person)), holder: uuid(g.holder), ground: g.ground, source: uuid(i as u8), until: Instant(g.until), items };
                grant(&by, tx, made)?;
            }
            Ok::<_, DbError>(())
        }).unwrap();
        for role in [Role::Operator, Role::CareManager, Role::Doctor, Role::Family, Role::CityOfficer, Role::Auditor, Role::Administrator] {
            for purpose in [Purpose::Care, Purpose::WatchResponse, Purpose::CityDuty, Purpose::FamilyView] {
                for act in [Act::SeeIdentity, Act::SeeMedical, Act::SeeCase] {
                    let asking = ctx(role, purpose, 10, Some(11), now);
                    let rules = rules.clone();
                    let (listed, decided, each) = region.db.read_blocking(move |tx| {
                        let listed: Vec<PersonId> = match scope_by(&rules, &asking, act) {
                            Ok(scope) => {
                                let found = |tx: &mut dyn Tx, (filter, values): (String, Vec<Value>)| {
                                    let sql = format!("SELECT id FROM everybody WHERE {filter} ORDER BY id");
                                    tx.query(&sql, &values)?.iter().map(|r| r.get(0)).collect::<Result<Vec<PersonId>, DbError>>()
                                };
                                let each_row = found(tx, scope.filter("everybody.id", 1))?;
                                assert_eq!(found(tx, scope.filter_all("everybody.id", 1))?, each_row);
                                each_row
                            }
                            Err(_) => vec![],
                        };
                        let all: Vec<PersonId> = (0..4).map(|n| PersonId(uuid(n))).collect();
                        let one = |tx: &mut dyn Tx, p| some_by(&rules, &asking, tx, &[act], &[], p).ok();
                        let decided: Vec<Witness> = all.iter().filter_map(|p| one(tx, *p)).collect();
                        let each = each_by(&rules, &asking, tx, &[act], &[], &all).expect("witnesses");
                        Ok::<_, DbError>((listed, decided, each))
                    }).unwrap();
                    let decided_persons: Vec<PersonId> = decided.iter().map(Witness::person).collect();
                    prop_assert_eq!(&listed, &decided_persons, "{:?} {:?} {:?}", role, purpose, act);
                    prop_assert_eq!(each, decided);
                }
            }
        }
    }
}

#[test]
fn a_right_that_ends_within_a_command_is_not_remembered_behind_its_end() {
    let region = fresh(&[MIGRATIONS]);
    let (person, case) = (PersonId(uuid(9)), uuid(8));
    let asking = ctx(Role::Operator, Purpose::WatchResponse, 7, None, 10);
    let grant_of =
        Grant { person, holder: uuid(7), ground: Ground::Case, source: case, until: FOREVER, items: Items::All };
    let seen = region.db.write_blocking(move |tx| {
        let by = ctx(Role::System, Purpose::Operation, 1, None, 10);
        let mut seen = vec![may(&asking, tx, Act::SeeCase, person)];
        grant(&by, tx, grant_of)?;
        seen.extend([may(&asking, tx, Act::SeeCase, person), may(&asking, tx, Act::SeeCase, PersonId(uuid(5)))]);
        seen.push(may(&asking, tx, Act::SeeCase, person));
        revoke_source(&by, tx, case)?;
        seen.push(may(&asking, tx, Act::SeeCase, person));
        grant(&by, tx, grant_of)?;
        let undone: Result<(), DbError> = tx.apart(|tx| {
            revoke_source(&by, tx, case)?;
            seen.push(may(&asking, tx, Act::SeeCase, person));
            Err(DbError::NoRow)
        })?;
        assert!(undone.is_err());
        seen.push(may(&asking, tx, Act::SeeCase, person));
        Ok::<_, DbError>(seen)
    });
    assert_eq!(seen.unwrap(), [false, true, false, true, false, false, true]);
}

#[test]
fn whoever_knew_a_person_up_to_this_moment_is_among_the_knowers_and_nobody_later() {
    let region = fresh(&[MIGRATIONS]);
    let (person, case, holder) = (PersonId(uuid(9)), uuid(8), uuid(7));
    let at = |now| ctx(Role::System, Purpose::Operation, 1, None, now);
    let grant_of = Grant { person, holder, ground: Ground::Case, source: case, until: FOREVER, items: Items::All };
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
