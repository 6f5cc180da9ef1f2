//! Contacts, offices, staff and the care team: who is related to whom, and what ends with the relation.

use super::*;

#[test]
fn contacts_are_called_in_the_order_the_resident_wishes() {
    let region = Region::new();
    let s = region.s;
    let list = move |ctx: &Ctx, tx: &mut dyn Tx| contacts(ctx, tx, s.person);
    let names = |region: &Region| -> Vec<ContactId> {
        region.read(region.doctor(), list).unwrap().iter().map(|c| c.id).collect()
    };
    assert_eq!(names(&region), [s.daughter, s.son]);
    let order = |ids: Vec<ContactId>| move |ctx: &Ctx, tx: &mut dyn Tx| reorder_contacts(ctx, tx, s.person, &ids);
    for wrong in [vec![s.son], vec![s.son, s.son], vec![s.son, s.daughter, s.daughter], vec![]] {
        assert_eq!(refusal(region.write(region.clerk(), order(wrong))), PeopleRefusal::OrderMismatch);
    }
    region.write(region.clerk(), order(vec![s.son, s.daughter])).unwrap();
    assert_eq!(names(&region), [s.son, s.daughter]);
    let first = &region.read(region.doctor(), list).unwrap()[0];
    assert_eq!((first.order, first.minutes_away, first.has(ContactRole::KeyHolder)), (1, Some(90), true));
}

#[test]
fn a_contact_taken_out_sees_nothing_any_more() {
    let region = Region::new();
    let s = region.s;
    assert!(region.may(region.relative(s.daughter), Act::SeeWatch));
    let remove = move |ctx: &Ctx, tx: &mut dyn Tx| remove_contact(ctx, tx, s.daughter, &because(1, "ご本人の希望"));
    region.write(region.clerk(), remove).unwrap();
    assert!(!region.may(region.relative(s.daughter), Act::SeeWatch));
    assert!(!region.may(region.relative(s.daughter), Act::SeeIdentity));
    let alerts = ConsentScope::FamilyAlerts(s.daughter);
    let state = region.read(region.clerk(), move |_, tx| consent_state(tx, s.person, alerts)).unwrap();
    assert_eq!(state, ConsentState::Expired);
    assert_eq!(refusal(region.write(region.clerk(), remove)), PeopleRefusal::NoContact);
    assert!(region.read(region.system(), move |_, tx| reach(tx, s.daughter.0)).unwrap().is_none());
    let kept =
        region.read(region.clerk(), move |ctx, tx| versions(ctx, tx, s.person, Kept::Contact(s.daughter))).unwrap();
    assert_eq!(kept[0].reason.expose(), "ご本人の希望");
    let phone = PhoneNumber::parse("090-0000-0002").unwrap();
    assert!(region.read(region.clerk(), move |ctx, tx| persons_by_phone(ctx, tx, &phone)).unwrap().is_empty());
}

#[test]
fn a_contact_is_corrected_and_sees_their_own_entry() {
    let region = Region::new();
    let s = region.s;
    let typed = form(&[
        ("name", "山田 むすめ"),
        ("relation", "eldest_daughter"),
        ("phone", "090-0000-0009"),
        ("lives_with", "on"),
    ]);
    let facts = ContactFacts::parse(&typed, today()).unwrap();
    region
        .write(region.clerk(), move |ctx, tx| revise_contact(ctx, tx, s.daughter, &facts, &because(1, "機種変更")))
        .unwrap();
    let own = region.read(region.relative(s.daughter), move |ctx, tx| contact(ctx, tx, s.daughter)).unwrap();
    assert_eq!((own.phones[0].expose(), own.lives_with, own.order), ("09000000009", true, 1));
    assert!(is_denied(region.read(region.relative(s.daughter), move |ctx, tx| contact(ctx, tx, s.son))));
    let kept =
        region.read(region.clerk(), move |ctx, tx| versions(ctx, tx, s.person, Kept::Contact(s.daughter))).unwrap();
    assert_eq!(kept.len(), 2);
}

#[test]
fn a_list_of_contacts_has_an_end() {
    let region = Region::new();
    let s = region.s;
    let facts =
        ContactFacts::parse(&form(&[("name", "見本 友"), ("relation", "friend"), ("phone", "090-0000-0010")]), today())
            .unwrap();
    let mut added = 0;
    let refused = loop {
        let facts = facts.clone();
        match region.write(region.clerk(), move |ctx, tx| add_contact(ctx, tx, s.person, &facts)) {
            Ok(_) => added += 1,
            Err(_) if added == 0 => panic!("the first one fits"),
            refused => break refusal(refused),
        }
    };
    assert_eq!((added, refused), (10, PeopleRefusal::TooManyContacts(12)));
}

#[test]
fn a_case_that_runs_over_finds_the_offices_that_must_know() {
    let region = Region::new();
    let s = region.s;
    let (centre, city, support, nobody) = region
        .read(region.system(), |_, tx| {
            let found = (call_centre(tx)?, city_office(tx, "23204")?, support_centre(tx, "見本圏域")?);
            Ok((found.0, found.1, found.2, (city_office(tx, "23226")?, support_centre(tx, "よその圏域")?)))
        })
        .unwrap();
    assert_eq!(
        (centre, city, support, nobody),
        (Some(s.call_centre), Some(s.city), Some(s.support_centre), (None, None))
    );
    let mut facts = OfficeFacts::named(line("見本地域包括支援センター"), OfficeKind::SupportCentre);
    facts.areas = vec![line("よその圏域")];
    facts.fax = Some(PhoneNumber::parse("0561-00-7777").unwrap());
    region
        .write(region.clerk(), move |ctx, tx| {
            revise_office(ctx, tx, s.support_centre, &facts, &because(1, "圏域の再編"))
        })
        .unwrap();
    let (old, new, list) = region
        .read(region.system(), move |_, tx| {
            let list = offices(tx, Some(OfficeKind::SupportCentre))?;
            Ok((support_centre(tx, "見本圏域")?, support_centre(tx, "よその圏域")?, list))
        })
        .unwrap();
    assert_eq!((old, new), (None, Some(s.support_centre)));
    assert_eq!((list.len(), list[0].areas.as_slice()), (1, ["よその圏域".to_owned()].as_slice()));
    assert_eq!(region.read(region.system(), |_, tx| offices(tx, None)).unwrap().len(), 6);
    assert_eq!(region.read(region.system(), move |_, tx| office(tx, s.clinic)).unwrap().kind, OfficeKind::Clinic);
}

#[test]
fn staff_work_in_offices_that_fit_their_role() {
    let region = Region::new();
    let s = region.s;
    for (role, office, fits) in [
        ("operator", s.call_centre, true),
        ("operator", s.clinic, false),
        ("doctor", s.call_centre, false),
        ("city_officer", s.city, true),
        ("city_officer", s.care_office, false),
        ("support_centre", s.support_centre, true),
        ("administrator", s.care_office, false),
    ] {
        let office = office.to_string();
        let fields =
            [("name", "見本 職員"), ("kana", "ミホン ショクイン"), ("role", role), ("office", office.as_str())];
        let new = NewStaff::parse(&form(&fields), today()).unwrap();
        let done = region.write(region.clerk(), move |ctx, tx| register_staff(ctx, tx, &new));
        match fits {
            true => drop(done.unwrap()),
            false => assert_eq!(refusal(done), PeopleRefusal::RoleDoesNotFitOffice, "{role}"),
        }
    }
    assert_eq!(NewStaff::parse(&form(&[("role", "family")]), today()).unwrap_err()[1].field, "role");
    let staff = region.read(region.system(), move |_, tx| staff_of_office(tx, s.call_centre)).unwrap();
    assert_eq!(staff.len(), 3);
}

#[test]
fn a_suspended_doctor_sees_nobody_from_that_moment() {
    let region = Region::new();
    let s = region.s;
    let set = |state, why: &'static str| {
        move |ctx: &Ctx, tx: &mut dyn Tx| set_staff_state(ctx, tx, s.doctor, state, &line(why))
    };
    assert_eq!(refusal(region.write(region.clerk(), set(StaffState::Suspended, ""))), PeopleRefusal::NoReason);
    region.write(region.clerk(), set(StaffState::Suspended, "端末の紛失")).unwrap();
    assert!(!region.may(region.doctor(), Act::SeeIdentity));
    assert_eq!(
        region.read(region.nurse(), move |ctx, tx| team(ctx, tx, s.person)).unwrap().len(),
        3,
        "the place waits"
    );
    assert!(region.read(region.system(), move |_, tx| reach(tx, s.doctor.0)).unwrap().is_none());
    region.write(region.clerk(), set(StaffState::Active, "")).unwrap();
    assert!(region.may(region.doctor(), Act::SeeMedical));
    region.write(region.clerk(), set(StaffState::Retired, "退職")).unwrap();
    assert!(!region.may(region.doctor(), Act::SeeIdentity));
    assert_eq!(region.read(region.nurse(), move |ctx, tx| team(ctx, tx, s.person)).unwrap().len(), 2);
    let back = refusal(region.write(region.clerk(), set(StaffState::Active, "")));
    assert!(back.to_string().contains("「退職」から「有効」"));
    let states: Vec<_> = region.events("people.staff_state_changed").iter().map(|e| e["state"].clone()).collect();
    assert_eq!(states, ["suspended", "active", "retired"]);
}

#[test]
fn staff_states_follow_one_table() {
    use StaffState::*;
    for from in StaffState::ALL {
        let to: Vec<StaffState> =
            StaffState::ALL.iter().copied().filter(|to| crate::rules::staff_state_change(*from, *to).is_ok()).collect();
        let expected: &[StaffState] = match from {
            Applied => &[Active, Retired],
            Active => &[Suspended, Retired],
            Suspended => &[Active, Retired],
            Retired => &[],
        };
        assert_eq!(to, expected, "{from:?}");
    }
}

#[test]
fn a_member_of_staff_is_corrected() {
    let region = Region::new();
    let s = region.s;
    let fields =
        [("name", "看護 改姓"), ("kana", "カンゴ カイセイ"), ("phone", "090-0000-0020"), ("profession", "nurse")];
    let facts = StaffFacts::parse(&form(&fields), today()).unwrap();
    region.write(region.clerk(), move |ctx, tx| revise_staff(ctx, tx, s.nurse, &facts, &because(1, "改姓"))).unwrap();
    let nurse = region.read(region.system(), move |_, tx| staff(tx, s.nurse)).unwrap();
    assert_eq!((nurse.name.expose().as_str(), nurse.role, nurse.version), ("看護 改姓", Role::Nurse, 2));
    let reached = region.read(region.system(), move |_, tx| reach(tx, s.nurse.0)).unwrap().unwrap();
    assert!(reached.phones[0].is_mobile());
    assert!(region.read(region.system(), move |_, tx| reach(tx, s.clinic.0)).unwrap().is_some());
}

#[test]
fn a_team_takes_who_fits_and_is_left_at_once() {
    let region = Region::new();
    let s = region.s;
    let join = |staff, part| move |ctx: &Ctx, tx: &mut dyn Tx| join_team(ctx, tx, s.person, staff, part);
    let wrong = refusal(region.write(region.clerk(), join(s.nurse, TeamPart::AttendingDoctor)));
    assert_eq!(wrong, PeopleRefusal::PartDoesNotFitRole(TeamPart::AttendingDoctor));
    assert_eq!(refusal(region.write(region.clerk(), join(s.nurse, TeamPart::Nurse))), PeopleRefusal::AlreadyOnTeam);
    let second = region.write(region.clerk(), join(s.doctor, TeamPart::Doctor)).unwrap();
    let members = region.read(region.nurse(), move |ctx, tx| team(ctx, tx, s.person)).unwrap();
    assert_eq!(members.len(), 4);
    // In two parts at once: leaving one keeps the other's access.
    region.write(region.clerk(), move |ctx, tx| leave_team(ctx, tx, second.membership)).unwrap();
    assert!(region.may(region.doctor(), Act::SeeMedical));
    let attending = members.iter().find(|m| m.part == TeamPart::AttendingDoctor).unwrap().membership;
    let leave = move |ctx: &Ctx, tx: &mut dyn Tx| leave_team(ctx, tx, attending);
    region.write(region.clerk(), leave).unwrap();
    assert!(!region.may(region.doctor(), Act::SeeIdentity));
    assert_eq!(refusal(region.write(region.clerk(), leave)), PeopleRefusal::NoMembership);
    let kana = "イシ";
    let fields = [("name", "医師 申請"), ("kana", kana), ("role", "doctor"), ("office", &s.clinic.to_string())];
    let new = NewStaff::parse(&form(&fields), today()).unwrap();
    let applied = region.write(region.clerk(), move |ctx, tx| register_staff(ctx, tx, &new)).unwrap();
    let refused = refusal(region.write(region.clerk(), join(applied, TeamPart::Doctor)));
    assert_eq!(refused, PeopleRefusal::StaffNotActive(StaffState::Applied));
}
