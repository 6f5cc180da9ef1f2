//! 同意: what an answer opens, and what its end closes in the same moment.

use super::*;

impl Region {
    fn state(&self, scope: ConsentScope) -> ConsentState {
        let person = self.s.person;
        self.read(self.clerk(), move |_, tx| consent_state(tx, person, scope)).unwrap()
    }

    fn current(&self, scope: ConsentScope) -> Consent {
        let person = self.s.person;
        let all = self.read(self.clerk(), move |ctx, tx| consents(ctx, tx, person)).unwrap();
        all.into_value().into_iter().find(|c| c.scope == scope).unwrap()
    }

    fn withdraw(&self, scope: ConsentScope) -> Result<(), PeopleError> {
        let (id, person) = (self.current(scope).id, self.s.person);
        let said = Withdrawal { by: line("髙橋 みほん"), reason: line("") };
        self.write(self.clerk(), move |ctx, tx| withdraw_consent(ctx, tx, person, id, &said))
    }

    fn record(&self, new: NewConsent) -> Result<base::ConsentId, PeopleError> {
        let person = self.s.person;
        self.write(self.clerk(), move |ctx, tx| record_consent(ctx, tx, person, &new))
    }
}

fn yes(scope: ConsentScope) -> NewConsent {
    NewConsent::given(scope, today(), line("計画 見本"), line("髙橋 みほん"))
}

#[test]
fn a_daughter_sees_what_her_mother_allowed_and_no_more() {
    let region = Region::new();
    let s = region.s;
    let (watch, alerts) = (ConsentScope::FamilyWatch(s.daughter), ConsentScope::FamilyAlerts(s.daughter));
    let daughter = || region.relative(s.daughter);
    assert!(region.may(daughter(), Act::SeeWatch) && region.may(daughter(), Act::SeeAlert));
    assert!(!region.may(daughter(), Act::SeeMedical) && !region.may(region.relative(s.son), Act::SeeAlert));
    region.withdraw(watch).unwrap();
    assert!(!region.may(daughter(), Act::SeeWatch) && region.may(daughter(), Act::SeeAlert));
    assert_eq!((region.state(watch), region.state(alerts)), (ConsentState::Withdrawn, ConsentState::Given));
    assert_eq!(refusal(region.withdraw(watch)), PeopleRefusal::NotWithdrawable(ConsentState::Withdrawn));
    let told = region.events("people.consent_withdrawn");
    assert_eq!((told.len(), &told[0]["scope"]), (1, &"family_watch".into()));
    assert!(told[0]["contact"].as_str().unwrap().parse::<ContactId>().is_ok_and(|c| c == s.daughter), "{}", told[0]);
    let kept = region.current(watch);
    assert_eq!((kept.ended_by.expose().as_str(), kept.signed_by.expose().as_str()), ("髙橋 みほん", "髙橋 みほん"));
    region.record(yes(watch)).unwrap();
    assert!(region.may(daughter(), Act::SeeWatch));
    assert_eq!(region.state(watch), ConsentState::Given);
}

#[test]
fn a_no_after_a_yes_is_a_withdrawal() {
    let region = Region::new();
    let alerts = ConsentScope::FamilyAlerts(region.s.daughter);
    let no = NewConsent { state: ConsentState::Declined, ..yes(alerts) };
    region.record(no.clone()).unwrap();
    assert!(!region.may(region.relative(region.s.daughter), Act::SeeIdentity));
    assert_eq!(region.events("people.consent_withdrawn").len(), 1);
    region.record(no).unwrap();
    assert_eq!(region.events("people.consent_withdrawn").len(), 1, "a second no withdraws nothing");
    let all = region
        .read(region.clerk(), {
            let p = region.s.person;
            move |ctx, tx| consents(ctx, tx, p)
        })
        .unwrap();
    assert_eq!(all.iter().filter(|c| c.scope == alerts).count(), 3, "every answer stays on record");
}

/// The clerk notes that a letter did not come back, or that somebody explained anew: nobody has taken anything back.
#[test]
fn only_an_answer_follows_an_answer() {
    let region = Region::new();
    let s = region.s;
    let watch = ConsentScope::FamilyWatch(s.daughter);
    let noted = |scope, state| NewConsent {
        state,
        obtained_by: None,
        obtained_on: None,
        signed_by: Line::blank(),
        signer_relation: None,
        ..yes(scope)
    };
    for scope in [ConsentScope::Watch, ConsentScope::CareSharing, watch] {
        for state in [ConsentState::Explained, ConsentState::NoAnswer] {
            let refused = PeopleRefusal::AnswerStands { answer: ConsentState::Given, instead_of: state };
            assert_eq!(refusal(region.record(noted(scope, state))), refused);
            assert_eq!(region.state(scope), ConsentState::Given);
        }
    }
    assert!(region.may(region.relative(s.daughter), Act::SeeWatch) && region.may(region.doctor(), Act::SeeMedical));
    assert!(region.events("people.consent_withdrawn").is_empty());
    // A refusal is an answer too: the city may not read a later explanation as if it had been lifted.
    let roster = ConsentScope::Roster;
    region.withdraw(roster).unwrap();
    region.record(noted(roster, ConsentState::Explained)).unwrap();
    region.record(noted(roster, ConsentState::NoAnswer)).unwrap();
    region.record(NewConsent { state: ConsentState::OptedOut, ..yes(roster) }).unwrap();
    let refused = region.record(noted(roster, ConsentState::NoAnswer));
    assert!(matches!(refusal(refused), PeopleRefusal::AnswerStands { answer: ConsentState::OptedOut, .. }));
    region.record(yes(roster)).unwrap();
    region.withdraw(roster).unwrap();
    region.record(noted(roster, ConsentState::Explained)).unwrap();
    assert_eq!(region.current(roster).signer_relation, None, "nobody signed an explanation");
}

#[test]
fn withdrawing_the_watch_ends_what_the_family_was_shown_of_it() {
    let region = Region::new();
    let s = region.s;
    region.withdraw(ConsentScope::Watch).unwrap();
    assert_eq!(region.state(ConsentScope::Watch), ConsentState::Withdrawn);
    assert_eq!(region.state(ConsentScope::FamilyWatch(s.daughter)), ConsentState::Expired);
    assert!(
        !region.may(region.relative(s.daughter), Act::SeeWatch)
            && !region.may(region.relative(s.daughter), Act::SeeAlert)
    );
    let scopes: Vec<_> = region.events("people.consent_withdrawn").iter().map(|e| e["scope"].clone()).collect();
    assert_eq!(scopes, ["watch", "family_alerts", "family_watch"]);
    assert!(region.may(region.doctor(), Act::SeeMedical), "the care team works on");
}

#[test]
fn without_consent_to_sharing_there_is_no_team_and_its_end_stops_the_team() {
    let region = Region::new();
    let s = region.s;
    region.withdraw(ConsentScope::CareSharing).unwrap();
    assert!(!region.may(region.doctor(), Act::SeeIdentity) && !region.may(region.nurse(), Act::SeeMedical));
    assert_eq!(region.read(region.clerk(), move |ctx, tx| team(ctx, tx, s.person)).unwrap().len(), 3);
    let refused = region.write(region.clerk(), move |ctx, tx| join_team(ctx, tx, s.person, s.doctor, TeamPart::Doctor));
    assert_eq!(refusal(refused), PeopleRefusal::SharingNotConsented(ConsentState::Withdrawn));
    // By office: the nurse's is not among those the resident chose.
    let some =
        NewConsent { manner: Some(Manner::PerOffice), offices: vec![s.clinic], ..yes(ConsentScope::CareSharing) };
    region.record(some).unwrap();
    assert!(region.may(region.doctor(), Act::SeeMedical) && !region.may(region.nurse(), Act::SeeIdentity));
    let nurse = region.read(region.clerk(), move |ctx, tx| team(ctx, tx, s.person)).unwrap();
    let left = nurse.iter().find(|m| m.staff == s.nurse).unwrap().membership;
    region.write(region.clerk(), move |ctx, tx| leave_team(ctx, tx, left)).unwrap();
    let refused = region.write(region.clerk(), move |ctx, tx| join_team(ctx, tx, s.person, s.nurse, TeamPart::Nurse));
    assert_eq!(refusal(refused), PeopleRefusal::OfficeNotConsented);
    // A suspended doctor who comes back is bound by the same answer.
    region.withdraw(ConsentScope::CareSharing).unwrap();
    for (state, why) in [(StaffState::Suspended, "休職"), (StaffState::Active, "")] {
        region.write(region.clerk(), move |ctx, tx| set_staff_state(ctx, tx, s.doctor, state, &line(why))).unwrap();
    }
    assert!(!region.may(region.doctor(), Act::SeeIdentity));
}

#[test]
fn an_answer_with_an_end_ends_by_itself() {
    let region = Region::new();
    let s = region.s;
    let alerts = ConsentScope::FamilyAlerts(s.son);
    region.record(NewConsent { expires_on: Some(today()), ..yes(alerts) }).unwrap();
    assert!(region.may(region.relative(s.son), Act::SeeAlert));
    let midnight = Instant::from_wall_day(i64::from(today().0) + 1);
    let later = |id: u128| system(midnight, id);
    let son = Ctx::new(region.relative(s.son).actor, Purpose::FamilyView, midnight, RequestId(Uuid::from_u128(900)));
    assert!(!region.may(son, Act::SeeAlert), "the grant knew its end");
    assert_eq!(region.state(alerts), ConsentState::Given);
    assert_eq!(region.write(region.system(), expire_consents).unwrap(), 0, "its last day is not over");
    assert_eq!(region.write(later(901), expire_consents).unwrap(), 1);
    assert_eq!(region.write(later(902), expire_consents).unwrap(), 0);
    assert_eq!(region.state(alerts), ConsentState::Expired);
    assert!(is_denied(region.write(region.doctor(), expire_consents)));
}

#[test]
fn an_answer_must_say_who_explained_how_and_who_signed() {
    let base = [
        ("scope", "watch"),
        ("state", "given"),
        ("obtained_by", "written"),
        ("explained_by", "計画 見本"),
        ("explained_on", "2026-11-20"),
        ("obtained_on", "2026-11-21"),
        ("signed_by", "髙橋 みほん"),
        ("signer_relation", "oneself"),
    ];
    assert!(NewConsent::parse(&form(&base), today(), None).is_ok());
    for (changes, field) in [
        (&[("scope", "")][..], "scope"),
        (&[("scope", "family_alerts")], "scope"),
        (&[("state", "withdrawn")], "state"),
        (&[("state", "not_needed"), ("legal_basis", "見本条例第1条")], "state"),
        (&[("obtained_by", "")], "obtained_by"),
        (&[("explained_by", "")], "explained_by"),
        (&[("obtained_on", "")], "obtained_on"),
        (&[("obtained_on", "2026-11-23")], "obtained_on"),
        (&[("explained_on", "2026-11-22")], "explained_on"),
        (&[("signed_by", "")], "signed_by"),
        (&[("signer_relation", "")], "signer_relation"),
        (&[("obtained_by", "proxy"), ("proxy_reason", "ご本人は入院中")], "signer_relation"),
        (&[("obtained_by", "proxy"), ("signer_relation", "eldest_son")], "proxy_reason"),
        (&[("signer_relation", "eldest_son")], "proxy_reason"),
        (&[("expires_on", "2026-11-21")], "expires_on"),
        (&[("legal_basis", "見本条例第1条")], "legal_basis"),
        (&[("state", "declined"), ("expires_on", "2027-11-21")], "expires_on"),
    ] {
        let errors = NewConsent::parse(&form(&changed(&base, changes)), today(), None).unwrap_err();
        assert_eq!(errors.iter().map(|e| e.field).collect::<Vec<_>>(), [field], "{changes:?}");
    }
    // What was filled in for an answer and is sent with a state that is none is said, never kept.
    for (state, strays) in [
        ("explained", &["obtained_by", "obtained_on", "signed_by", "signer_relation"][..]),
        ("no_answer", &["obtained_by", "obtained_on", "signed_by", "signer_relation"]),
        (
            "not_needed",
            &[
                "legal_basis",
                "explained_by",
                "explained_on",
                "obtained_by",
                "obtained_on",
                "signed_by",
                "signer_relation",
            ],
        ),
        ("opted_out", &[]),
    ] {
        let sent = form(&changed(&base, &[("scope", "roster"), ("state", state)]));
        let fields = NewConsent::parse(&sent, today(), None).err().unwrap_or_default();
        assert_eq!(fields.iter().map(|e| e.field).collect::<Vec<_>>(), strays, "{state}");
    }
    let explained = &[("scope", "watch"), ("state", "explained")][..];
    let errors = NewConsent::parse(&form(explained), today(), None).unwrap_err();
    assert_eq!(errors.iter().map(|e| e.field).collect::<Vec<_>>(), ["explained_by", "explained_on"]);
    let nothing = &[("scope", "watch"), ("state", "given")][..];
    let errors = NewConsent::parse(&form(nothing), today(), None).unwrap_err();
    let all = ["explained_by", "obtained_by", "obtained_on", "signed_by", "signer_relation"];
    assert_eq!(errors.iter().map(|e| e.field).collect::<Vec<_>>(), all, "all that is missing is said at once");
    let region = Region::new();
    let unsigned = NewConsent { signed_by: Line::blank(), ..yes(ConsentScope::Watch) };
    assert!(matches!(refusal(region.record(unsigned)), PeopleRefusal::ConsentIncomplete { .. }));
    let stranger = ConsentScope::FamilyAlerts(ContactId(Uuid::from_u128(5)));
    assert_eq!(refusal(region.record(yes(stranger))), PeopleRefusal::NoContact);
}

// An ordinance that needs no consent honours a refusal (徳島市条例): only the person's own yes lifts their no.
#[test]
fn an_ordinance_lifts_no_refusal() {
    let region = Region::new();
    let roster = ConsentScope::Roster;
    let ordained = NewConsent {
        state: ConsentState::NotNeeded,
        legal_basis: line("見本条例第1条"),
        explained_by: Line::blank(),
        explained_on: None,
        obtained_by: None,
        obtained_on: None,
        signed_by: Line::blank(),
        signer_relation: None,
        ..yes(roster)
    };
    for no in [ConsentState::Declined, ConsentState::OptedOut] {
        region.record(NewConsent { state: no, ..yes(roster) }).unwrap();
        let refused = refusal(region.record(ordained.clone()));
        assert_eq!(refused, PeopleRefusal::AnswerStands { answer: no, instead_of: ConsentState::NotNeeded });
        assert!(!refused.to_string().contains("撤回") && refused.to_string().contains("断っている"), "{refused}");
        assert_eq!(region.state(roster), no);
        region.record(yes(roster)).unwrap();
    }
    // Who took their yes back said no too, whatever was noted since.
    region.withdraw(roster).unwrap();
    assert!(matches!(refusal(region.record(ordained.clone())), PeopleRefusal::AnswerStands { .. }));
    let noted = NewConsent { state: ConsentState::NoAnswer, legal_basis: Line::blank(), ..ordained.clone() };
    region.record(noted.clone()).unwrap();
    let refused = refusal(region.record(ordained.clone()));
    assert!(matches!(refused, PeopleRefusal::AnswerStands { answer: ConsentState::Withdrawn, .. }), "{refused}");
    region.record(yes(roster)).unwrap();
    region.record(ordained).unwrap();
    let refused = refusal(region.record(noted)).to_string();
    assert!(refused.contains("「条例により不要」の記録") && !refused.contains("同意をやめる"), "{refused}");
}

#[test]
fn nobody_comes_to_mean_everybody_with_whom_is_shared() {
    let region = Region::new();
    let (one, other) = (region.s.clinic, region.s.nursing);
    let (scope, none) = (ConsentScope::CareSharing, Vec::new);
    for (manner, offices, field) in [
        (None, none(), "manner"),
        (None, vec![one], "manner"),
        (Some(Manner::PerPerson), none(), "manner"),
        (Some(Manner::Blanket), vec![one], "office"),
        (Some(Manner::OfficeList), none(), "office"),
        (Some(Manner::PerOffice), none(), "office"),
        (Some(Manner::OfficeList), vec![one, OfficeId(Uuid::from_u128(9))], "office"),
    ] {
        let new = NewConsent { manner, offices, ..yes(scope) };
        let refused = refusal(region.record(new.clone()));
        assert!(
            matches!(refused, PeopleRefusal::ConsentIncomplete { field: f, .. } if f == field),
            "{new:?}: {refused}"
        );
    }
    for (manner, offices) in [(Some(Manner::OfficeList), none()), (None, vec![one])] {
        let refused = refusal(region.record(NewConsent { manner, offices, ..yes(ConsentScope::Roster) }));
        assert!(matches!(refused, PeopleRefusal::ConsentIncomplete { field: "manner", .. }), "{refused}");
    }
    region.record(NewConsent { manner: Some(Manner::OfficeList), offices: vec![one, other], ..yes(scope) }).unwrap();
    assert_eq!(region.current(scope).offices, [one, other]);
    let no = NewConsent { state: ConsentState::Declined, manner: Some(Manner::OfficeList), ..yes(scope) };
    region.record(no).unwrap();
}

#[test]
fn a_form_says_all_that_is_wrong_at_once_and_names_the_field() {
    let sent = form(&[
        ("scope", "watch"),
        ("state", "given"),
        ("explained_by", "<script>"),
        ("explained_on", "昭和12年1月1日"),
        ("obtained_on", "昭和20年2月30日"),
        ("signed_by", "髙橋 みほん"),
        ("signer_relation", "oneself"),
        ("proxy_reason", "入院中"),
        ("expires_on", "きのう"),
    ]);
    let birth = Date::parse("昭和13年4月1日");
    let errors = NewConsent::parse(&sent, today(), birth).unwrap_err();
    let said = |field: &str| {
        let words: Vec<&str> = errors.iter().filter(|e| e.field == field).map(|e| e.message_ja.as_str()).collect();
        assert_eq!(words.len(), 1, "{field}: {errors:?}");
        words[0]
    };
    assert!(said("explained_by").contains("記号は使えません"));
    assert!(said("explained_on").contains("生年月日より前"));
    assert!(said("obtained_on").starts_with("取得日："));
    assert!(said("expires_on").starts_with("有効期限：日付を読み取れません"));
    assert!(said("obtained_by").contains("取得方法を選んで"));
    assert!(said("proxy_reason").contains("空けてください"));
    let explained = form(&[
        ("scope", "watch"),
        ("state", "no_answer"),
        ("obtained_on", "2026-11-20"),
        ("obtained_by", "written"),
        ("signed_by", "髙橋 みほん"),
        ("signer_relation", "oneself"),
    ]);
    let mut words: Vec<String> =
        NewConsent::parse(&explained, today(), birth).unwrap_err().into_iter().map(|e| e.message_ja).collect();
    words.sort();
    words.dedup();
    assert_eq!(words.len(), 4, "no line says what another says: {words:?}");
    let opted_out = form(&[("scope", "roster"), ("state", "opted_out")]);
    let fields: Vec<_> =
        NewConsent::parse(&opted_out, today(), birth).unwrap_err().into_iter().map(|e| e.field).collect();
    assert_eq!(fields, ["obtained_by", "obtained_on", "signed_by", "signer_relation"]);
}

#[test]
fn over_a_damaged_answer_goes_a_no_and_never_a_yes() {
    let region = Region::new();
    let s = region.s;
    let watch = ConsentScope::FamilyWatch(s.daughter);
    let damage = "UPDATE people_consent SET state = '???' WHERE person_id = $1";
    let damaged: Vec<_> = [watch, ConsentScope::CareSharing].map(|scope| region.current(scope).id).to_vec();
    region.db.db.write_blocking(move |tx| tx.tell(damage, db::params![s.person])).unwrap();
    for scope in [watch, ConsentScope::CareSharing] {
        assert_eq!(refusal(region.record(yes(scope))), PeopleRefusal::ConsentUnreadable);
    }
    let said = Withdrawal { by: line("髙橋 みほん"), reason: line("") };
    let id = damaged[0];
    let taken = region.write(region.clerk(), move |ctx, tx| withdraw_consent(ctx, tx, s.person, id, &said));
    assert_eq!(refusal(taken), PeopleRefusal::ConsentUnreadable);
    for scope in [watch, ConsentScope::CareSharing] {
        region.record(NewConsent { state: ConsentState::Declined, manner: None, ..yes(scope) }).unwrap();
        assert_eq!(region.state(scope), ConsentState::Declined);
    }
    assert!(!region.may(region.relative(s.daughter), Act::SeeWatch) && !region.may(region.doctor(), Act::SeeMedical));
    assert_eq!(region.events("people.consent_withdrawn").len(), 2);
    let left = region.read(region.clerk(), move |ctx, tx| unreadable_consents(ctx, tx, s.person)).unwrap();
    assert!(left.iter().any(|u| u.id == id && u.scope == Some(watch)), "what was damaged stays in the history");
    // Whoever may not read it does not keep it open either.
    region
        .write(region.clerk(), move |ctx, tx| {
            set_life(ctx, tx, s.person, LifeStatus::MovedOut, today(), &line("長男宅へ"))
        })
        .unwrap();
    assert!(!region.may(region.relative(s.daughter), Act::SeeAlert));
}

#[test]
fn only_the_register_records_answers() {
    let region = Region::new();
    let s = region.s;
    let id = region.current(ConsentScope::Watch).id;
    for ctx in [region.doctor(), region.operator(), region.city_officer(), region.relative(s.daughter)] {
        let said = Withdrawal { by: line("だれか"), reason: line("") };
        assert!(is_denied(region.write(ctx.clone(), move |ctx, tx| withdraw_consent(ctx, tx, s.person, id, &said))));
        assert!(is_denied(region.write(ctx, move |ctx, tx| record_consent(
            ctx,
            tx,
            s.person,
            &yes(ConsentScope::Watch)
        ))));
    }
    assert_eq!(region.state(ConsentScope::Watch), ConsentState::Given);
}

#[test]
fn every_scope_is_stored_under_a_word_of_its_own() {
    let contact = ContactId(Uuid::from_u128(3));
    let family = [ConsentScope::FamilyAlerts(contact), ConsentScope::FamilyWatch(contact)];
    let all: Vec<ConsentScope> = ConsentScope::GENERAL.iter().copied().chain(family).collect();
    for scope in &all {
        assert_eq!(ConsentScope::from_key(scope.key(), Some(contact)), Some(*scope));
        assert_eq!(scope.contact().is_some(), ConsentScope::from_key(scope.key(), None).is_none());
    }
    let mut words: Vec<&str> = all.iter().map(|s| s.key()).collect();
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), 11);
}
