//! 登録: from the first form to the end of a record.

use super::*;
use crate::testing::RESIDENT_FIELDS;

const SPOUSE: &[(&str, &str)] = &[
    ("name", "髙橋 れいじ"),
    ("kana", "タカハシ レイジ"),
    ("birth", "S10.1.2"),
    ("household", "elderly_only"),
    ("sex", "male"),
];

#[test]
fn a_clerk_registers_somebody_with_home_and_finds_them() {
    let region = Region::new();
    let s = region.s;
    let r = region.read(region.clerk(), move |ctx, tx| resident(ctx, tx, s.person)).unwrap();
    assert_eq!((r.name.expose().as_str(), r.kana.expose().as_str()), ("髙橋 みほん", "タカハシ ミホン"));
    assert_eq!((r.number.as_str(), r.age_on(today()), r.version), ("00000013", 88, 1));
    assert!(r.marks.contains(&Mark::LivesAlone) && r.risks_shown);
    assert_eq!(r.phones[0].shown(), "0561-00-1234");
    assert_eq!(r.provenance.confirmed_on, Date::parse("2026-04-01"));
    let h = region.read(region.clerk(), move |ctx, tx| home_of(ctx, tx, s.person)).unwrap();
    assert_eq!(h.address().expose(), "愛知県瀬戸市見本町一丁目1-2");
    assert_eq!((h.city_code.as_str(), h.entry, h.lat), ("23204", EntryMethod::KeyBox, Some(35.2237)));
    assert!(region.actions().contains(&"people.register_resident".to_owned()));
    assert_eq!(region.events("people.resident_registered").len(), 1);
}

#[test]
fn whose_duty_it_is_not_registers_nobody() {
    let region = Region::new();
    let s = region.s;
    let new = NewResident::parse(&form(&changed(RESIDENT_FIELDS, SPOUSE)), today()).unwrap();
    for ctx in [region.doctor(), region.operator(), region.city_officer(), region.relative(s.daughter)] {
        let new = new.clone();
        assert!(is_denied(region.write(ctx, move |ctx, tx| register_resident(ctx, tx, &new))));
    }
    let facts = OfficeFacts::named(line("見本"), OfficeKind::Clinic);
    assert!(is_denied(region.write(region.doctor(), move |ctx, tx| register_office(ctx, tx, &facts))));
    assert!(is_denied(region.write(region.doctor(), move |ctx, tx| join_team(
        ctx,
        tx,
        s.person,
        s.doctor,
        TeamPart::Doctor
    ))));
    let gone = StaffState::Retired;
    assert!(is_denied(region.write(region.doctor(), move |ctx, tx| set_staff_state(
        ctx,
        tx,
        s.nurse,
        gone,
        &line("退職")
    ))));
}

#[test]
fn the_same_reading_and_birthday_warns_until_the_clerk_says_it_is_somebody_else() {
    let region = Region::new();
    let twin = changed(RESIDENT_FIELDS, &[("name", "高橋 美本"), ("kana", "ﾀｶﾊｼ ﾐﾎﾝ"), ("birth", "1938-04-01")]);
    let refused = refusal(region.register(&twin));
    assert_eq!(refused, PeopleRefusal::MaybeDuplicate(vec![region.s.person]));
    assert!(refused.to_string().contains("すでに1名登録されています"));
    let mut sure = twin.clone();
    sure.push(("not_duplicate", "on"));
    let other = region.register(&sure).unwrap();
    let kana = Kana::parse("たかはしみほん").unwrap();
    let birth = Date::parse("1938-04-01").unwrap();
    let same = region.read(region.clerk(), move |ctx, tx| duplicates(ctx, tx, &kana, birth)).unwrap();
    assert_eq!(same, [region.s.person, other]);
}

#[test]
fn a_correction_is_a_new_version_with_its_reason() {
    let region = Region::new();
    let s = region.s;
    let facts = |changes: &[(&'static str, &'static str)]| {
        ResidentFacts::parse(&form(&changed(RESIDENT_FIELDS, changes)), today()).unwrap()
    };
    let moved = facts(&[("phone", "0561-00-9999"), ("risk_notes", "補聴器あり")]);
    let again = moved.clone();
    let without = moved.clone();
    let refused =
        region.write(region.clerk(), move |ctx, tx| revise_resident(ctx, tx, s.person, &without, &because(1, "")));
    assert_eq!(refusal(refused), PeopleRefusal::NoReason);
    let after = region
        .write(region.clerk(), move |ctx, tx| revise_resident(ctx, tx, s.person, &moved, &because(1, "電話番号の変更")))
        .unwrap();
    assert_eq!((after.version, after.phones[0].expose()), (2, "0561009999"));
    // A colleague who still sees version 1 does not overwrite it.
    let stale =
        region.write(region.clerk(), move |ctx, tx| revise_resident(ctx, tx, s.person, &again, &because(1, "誤記")));
    assert_eq!(refusal(stale), PeopleRefusal::Stale);
    region.write(region.clerk(), move |ctx, tx| confirm_resident(ctx, tx, s.person, Source::Family)).unwrap();
    let kept = region.read(region.clerk(), move |ctx, tx| versions(ctx, tx, s.person, Kept::Resident)).unwrap();
    assert_eq!(kept.iter().map(|v| v.version).collect::<Vec<_>>(), [3, 2, 1]);
    assert_eq!(kept[1].reason.expose(), "電話番号の変更");
    assert_eq!(kept[1].by, s.administrator.0);
    assert!(kept[2].snapshot.expose().contains("0561001234") && kept[1].snapshot.expose().contains("0561009999"));
    let r = region.read(region.clerk(), move |ctx, tx| resident(ctx, tx, s.person)).unwrap();
    assert_eq!((r.provenance.source, r.provenance.confirmed_on), (Source::Family, Some(today())));
}

#[test]
fn everybody_sees_what_their_part_needs() {
    let region = Region::new();
    let s = region.s;
    let see = move |ctx: &Ctx, tx: &mut dyn Tx| Ok((resident(ctx, tx, s.person)?, home(ctx, tx, s.home)?));
    let (r, h) = region.read(region.city_officer(), see).unwrap();
    assert!(!r.risks_shown && r.risk_notes.expose().is_empty());
    assert_eq!(r.marks, [Mark::LivesAlone], "hearing and pets are not the city's business");
    assert!(!h.entry_shown && h.entry == EntryMethod::Unknown && h.entry_note.expose().is_empty());
    assert!(is_denied(region.read(region.operator(), see)), "no case, nobody");
    // A case opens the person to the call centre's office: with risks and the way in, without diagnoses.
    let case = Uuid::from_u128(77);
    region
        .write(region.system(), move |ctx, tx| {
            let until = access::FOREVER;
            let grant = Grant {
                person: s.person,
                holder: s.call_centre.0,
                ground: Ground::Case,
                source: case,
                until,
                items: access::Items::All,
            };
            Ok(access::grant(ctx, tx, grant)?)
        })
        .unwrap();
    let (r, h) = region.read(region.operator(), see).unwrap();
    assert!(r.risks_shown && r.marks.contains(&Mark::HardOfHearing));
    assert_eq!((h.entry_shown, h.entry_note.expose().as_str()), (true, "玄関右のキーボックス"));
    assert!(is_denied(region.read(region.operator(), move |ctx, tx| medical_summary(ctx, tx, s.person))));
    assert!(is_denied(region.read(region.operator(), move |ctx, tx| consents(ctx, tx, s.person))));
    assert_eq!(region.read(region.operator(), move |ctx, tx| residents_of_home(ctx, tx, s.home)).unwrap(), [s.person]);
    assert_eq!(region.read(region.operator(), move |ctx, tx| team(ctx, tx, s.person)).unwrap().len(), 3);
}

#[test]
fn a_spouse_moves_in_and_out_again() {
    let region = Region::new();
    let s = region.s;
    let known = s.home.to_string();
    let mut fields = changed(RESIDENT_FIELDS, SPOUSE);
    fields.push(("home", &known));
    let spouse = region.register(&fields).unwrap();
    let living = move |ctx: &Ctx, tx: &mut dyn Tx| residents_of_home(ctx, tx, s.home);
    assert_eq!(region.read(region.clerk(), living).unwrap(), [s.person, spouse]);
    let elsewhere =
        HomeFacts::parse(&form(&changed(RESIDENT_FIELDS, &[("town", "別見本町"), ("line", "9")])), today()).unwrap();
    let to = HomeChoice::New(elsewhere);
    let moved =
        region.write(region.clerk(), move |ctx, tx| move_home(ctx, tx, spouse, &to, &because(1, "転居"))).unwrap();
    assert_ne!(moved.home, s.home);
    assert_eq!(region.read(region.clerk(), living).unwrap(), [s.person]);
    let found = region.read(region.clerk(), |ctx, tx| search(ctx, tx, "別見本町", 0)).unwrap();
    assert_eq!(found.persons.iter().map(|p| p.id).collect::<Vec<_>>(), [spouse]);
    assert_eq!(region.events("people.home_changed").len(), 1);
    let home = moved.home;
    let facts =
        HomeFacts::parse(&form(&changed(RESIDENT_FIELDS, &[("town", "訂正見本町"), ("line", "9")])), today()).unwrap();
    region.write(region.clerk(), move |ctx, tx| revise_home(ctx, tx, home, &facts, &because(1, "町名の訂正"))).unwrap();
    let found = region.read(region.clerk(), |ctx, tx| search(ctx, tx, "訂正見本", 0)).unwrap();
    assert_eq!(found.persons.len(), 1);
    let kept = region.read(region.clerk(), move |ctx, tx| versions(ctx, tx, spouse, Kept::Home)).unwrap();
    assert_eq!(kept.len(), 2);
    let facts = HomeFacts::parse(&form(RESIDENT_FIELDS), today()).unwrap();
    let empty = region.write(region.clerk(), move |ctx, tx| register_home(ctx, tx, &facts)).unwrap();
    assert!(region.read(region.clerk(), move |ctx, tx| super::home(ctx, tx, empty)).unwrap().entry_shown);
    assert!(is_denied(region.read(region.doctor(), move |ctx, tx| super::home(ctx, tx, empty))));
}

#[test]
fn death_closes_the_record_for_the_team_and_ends_every_consent() {
    let region = Region::new();
    let s = region.s;
    assert!(region.may(region.doctor(), Act::SeeMedical) && region.may(region.relative(s.daughter), Act::SeeAlert));
    let dead = |since: Date, reason: &'static str| {
        move |ctx: &Ctx, tx: &mut dyn Tx| set_life(ctx, tx, s.person, LifeStatus::Dead, since, &line(reason))
    };
    let tomorrow = Date(today().0 + 1);
    assert_eq!(refusal(region.write(region.clerk(), dead(tomorrow, "逝去"))), PeopleRefusal::FutureDate);
    assert_eq!(refusal(region.write(region.clerk(), dead(today(), ""))), PeopleRefusal::NoReason);
    region.write(region.clerk(), dead(today(), "逝去（家族より連絡）")).unwrap();
    assert!(
        !region.may(region.doctor(), Act::SeeIdentity) && !region.may(region.relative(s.daughter), Act::SeeIdentity)
    );
    for scope in ConsentScope::GENERAL.iter().copied().chain([ConsentScope::FamilyWatch(s.daughter)]) {
        let state = region.read(region.clerk(), move |_, tx| consent_state(tx, s.person, scope)).unwrap();
        assert_eq!(state, ConsentState::Expired, "{scope:?}");
    }
    assert!(region.read(region.clerk(), move |ctx, tx| team(ctx, tx, s.person)).unwrap().is_empty());
    assert!(region.read(region.clerk(), move |ctx, tx| residents_of_home(ctx, tx, s.home)).unwrap().is_empty());
    assert_eq!(region.events("people.life_changed")[0]["life"], "dead");
    assert_eq!(region.events("people.team_left").len(), 3);
    assert_eq!(region.events("people.consent_withdrawn").len(), 11);
    let joins = region.write(region.clerk(), move |ctx, tx| join_team(ctx, tx, s.person, s.doctor, TeamPart::Doctor));
    assert_eq!(refusal(joins), PeopleRefusal::Closed);
    assert!(region.read(region.clerk(), move |_, tx| reach(tx, s.person.0)).unwrap().is_none(), "no mail to the dead");
    // A mistake is corrected with a reason; what ended stays ended.
    let back = move |ctx: &Ctx, tx: &mut dyn Tx| {
        set_life(ctx, tx, s.person, LifeStatus::AtHome, today(), &line("別人の届けを誤って入力"))
    };
    region.write(region.clerk(), back).unwrap();
    assert!(!region.may(region.doctor(), Act::SeeIdentity));
}

#[test]
fn hospital_changes_the_record_and_nothing_else() {
    let region = Region::new();
    let s = region.s;
    let stay =
        move |ctx: &Ctx, tx: &mut dyn Tx| set_life(ctx, tx, s.person, LifeStatus::InHospital, today(), &line(""));
    let r = region.write(region.clerk(), stay).unwrap();
    assert_eq!((r.life, r.household), (LifeStatus::InHospital, Household::Alone), "who lives with whom did not change");
    assert!(region.may(region.doctor(), Act::SeeMedical));
    assert_eq!(region.read(region.clerk(), move |ctx, tx| residents_of_home(ctx, tx, s.home)).unwrap(), [s.person]);
}

#[test]
fn the_summary_is_written_by_doctor_or_care_manager_and_read_by_the_team() {
    let region = Region::new();
    let s = region.s;
    let typed = form(&[
        ("diagnoses", "慢性心不全\n高血圧症\n"),
        ("allergies", "ペニシリン"),
        ("care_level", "care2"),
        ("valid_from", "令和8年4月1日"),
        ("valid_until", "令和10年3月31日"),
    ]);
    let facts = MedicalFacts::parse(&typed, today()).unwrap();
    let read = move |ctx: &Ctx, tx: &mut dyn Tx| medical_summary(ctx, tx, s.person);
    let blank = region.read(region.nurse(), read).unwrap();
    assert_eq!((blank.version, blank.provenance.is_none()), (0, true));
    let write = |seen: i64, reason: &'static str| {
        let facts = facts.clone();
        move |ctx: &Ctx, tx: &mut dyn Tx| revise_medical(ctx, tx, s.person, &facts, &because(seen, reason))
    };
    assert_eq!(refusal(region.write(region.nurse(), write(0, ""))), PeopleRefusal::NotMedicalAuthor);
    assert!(
        is_denied(region.write(region.clerk(), write(0, "")))
            && is_denied(region.write(region.operator(), write(0, "")))
    );
    region.write(region.doctor(), write(0, "")).unwrap();
    assert_eq!(refusal(region.write(region.doctor(), write(0, "追記"))), PeopleRefusal::Stale);
    assert_eq!(refusal(region.write(region.doctor(), write(1, ""))), PeopleRefusal::NoReason);
    region.write(region.doctor(), write(1, "更新認定")).unwrap();
    let m = region.read(region.nurse(), read).unwrap();
    assert_eq!((m.version, m.care_level, m.diagnoses.len()), (2, Some(CareLevel::Care2), 2));
    assert!(is_denied(region.read(region.clerk(), read)) && is_denied(region.read(region.city_officer(), read)));
    let kept = region.read(region.doctor(), move |ctx, tx| versions(ctx, tx, s.person, Kept::Medical)).unwrap();
    assert_eq!(kept.len(), 2);
    let wrong = MedicalFacts::parse(&form(&[("valid_from", "2026-04-01"), ("valid_until", "2026-03-31")]), today());
    assert_eq!(wrong.unwrap_err()[0].field, "valid_until");
}
