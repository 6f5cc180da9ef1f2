//! Accounts in keeping: suspended, issued anew, changed by their owner, and the door of a fictional region.

use super::*;

#[test]
fn a_suspended_account_is_out_at_once_and_back_when_reinstated() {
    let mut region = Region::new();
    let owner = region.member(1, "hanako", Role::Nurse);
    let entered = region.enter(&owner);
    let pending = region.pending(&owner);
    let id = owner.id;
    region.by_office(move |ctx, tx, _| suspend_account(ctx, tx, id)).unwrap();
    assert!(region.session(&entered.token).is_none());
    let code = second_factor::code_at(&owner.totp, region.now).unwrap();
    assert!(matches!(region.second(pending, SecondFactor::Totp(code)), SecondAnswer::Expired));
    assert!(matches!(region.password("hanako", PASSWORD, 1, None), Ok(PasswordAnswer::Wrong)));
    region.by_office(move |ctx, tx, _| reinstate_account(ctx, tx, id)).unwrap();
    region.enter(&owner);
    assert!(region.session(&entered.token).is_none(), "an ended session does not come back");
    let done = |r: &Region| r.actions().iter().filter(|a| **a == "signin.reinstate_account duty done").count();
    assert_eq!(done(&region), 1);
    region.by_office(move |ctx, tx, _| reinstate_account(ctx, tx, id)).unwrap();
    assert_eq!(done(&region), 2, "pressed once more it changes nothing and is recorded all the same");
}

#[test]
fn a_reissue_takes_everything_away_and_lets_the_owner_begin_anew() {
    let mut region = Region::new();
    let owner = region.member(1, "hanako", Role::Nurse);
    let entered = region.enter(&owner);
    let id = owner.id;
    let issued = region.by_office(move |ctx, tx, s| reissue_account(ctx, tx, id, s)).unwrap();
    let Settled::Done(code) = issued else { panic!("a nurse's account needs no second administrator") };
    assert!(region.session(&entered.token).is_none());
    assert!(matches!(region.password("hanako", PASSWORD, 1, None), Ok(PasswordAnswer::Wrong)));
    let again = region.enrol(1, "hanako", &code);
    assert_ne!(again.totp, owner.totp);
    region.enter(&again);
    let pending = region.pending(&again);
    let old = owner.recovery[0].expose().to_owned();
    assert!(matches!(region.second(pending, SecondFactor::Recovery(old)), SecondAnswer::Wrong));
    assert!(region.actions().contains(&"signin.reissue_account duty done".to_owned()));
}

#[test]
fn only_administrators_manage_accounts_and_never_their_own() {
    let mut region = Region::new();
    let admin = region.member(9, "jimukyoku", Role::Administrator);
    let id = admin.id;
    let nurse = base::Actor { role: Role::Nurse, ..administrator(1) };
    let new = account(5, "new", Role::Nurse);
    let refused = region.write(nurse, move |ctx, tx, s| create_account(ctx, tx, &new, s)).unwrap_err();
    assert!(matches!(refused, SigninError::Refused(SigninRefusal::NotAdministrator)));
    for refused in [
        region.write(administrator(9), move |ctx, tx, s| reissue_account(ctx, tx, id, s).map(drop)),
        region.write(administrator(9), move |ctx, tx, _| suspend_account(ctx, tx, id).map(drop)),
    ] {
        assert!(matches!(refused, Err(SigninError::Refused(SigninRefusal::OwnAccount))));
    }
    let first = region.write(administrator(9), |ctx, tx, s| {
        let login = LoginName::parse("second.admin")?;
        create_administrator(ctx, tx, AccountId(Uuid::from_u128(10)), login, "事務 次郎".to_owned().into(), None, s)
    });
    assert!(matches!(first, Err(SigninError::Refused(SigninRefusal::NotAdministrator))), "the command line only");
    assert!(matches!(
        region.create(11, "jimukyoku", Role::Nurse),
        Err(SigninError::Refused(SigninRefusal::LoginTaken))
    ));
    assert!(matches!(region.create(9, "other", Role::Nurse), Err(SigninError::Refused(SigninRefusal::AccountExists))));
    assert!(matches!(
        region.create(12, "sys", Role::System),
        Err(SigninError::Refused(SigninRefusal::RoleNotForAccounts))
    ));
    let ctx = region.ctx_as(administrator(9));
    let listed = region.read(move |tx| accounts(&ctx, tx, None, 50)).unwrap();
    assert_eq!(listed.len(), 1);
    assert!(!format!("{listed:?}").contains("jimukyoku") && !format!("{listed:?}").contains("花子"));
}

#[test]
fn a_new_office_ends_the_sessions_that_speak_for_the_old_one() {
    let mut region = Region::new();
    let owner = region.member(1, "hanako", Role::Nurse);
    let entered = region.enter(&owner);
    let (id, name) = (owner.id, "見本 花".to_owned().into());
    let office = OfficeId(Uuid::from_u128(901));
    let revised =
        region.write(administrator(9), move |ctx, tx, _| revise_account(ctx, tx, id, Role::Nurse, Some(office), &name));
    assert_eq!(revised.unwrap().office, Some(office));
    assert!(region.session(&entered.token).is_none());
    assert_eq!(region.enter(&owner).session.actor.office, Some(office));
}

#[test]
fn a_new_password_wants_the_old_one_and_ends_the_other_sessions() {
    let mut region = Region::new();
    let owner = region.member(1, "hanako", Role::Nurse);
    let (here, elsewhere) = (region.enter(&owner), region.enter(&owner));
    let new = NewPassword::parse("kawa7yama", &OwnWords::of(["hanako"])).unwrap();
    let new = hash_password(&new, &mut Memory::default()).unwrap();
    for (typed, expected) in [("wrong-1", PasswordChange::Wrong), (PASSWORD, PasswordChange::Done)] {
        let PasswordStep::Compare(attempt) = region.begin("hanako", 1, None) else { panic!() };
        let proof = verify_password(typed, attempt.stored_hash(), &mut Memory::default());
        let (keep, new) = (here.session.id, new.clone());
        let change = region.write(here.session.actor.clone(), move |ctx, tx, _| {
            change_password(ctx, tx, &attempt, &proof, &new, keep)
        });
        assert_eq!(change.unwrap(), expected);
    }
    assert!(region.session(&here.token).is_some() && region.session(&elsewhere.token).is_none());
    assert!(matches!(region.password("hanako", PASSWORD, 1, None), Ok(PasswordAnswer::Wrong)));
    assert!(matches!(region.password("hanako", "kawa7yama", 1, None), Ok(PasswordAnswer::Next { .. })));
}

#[test]
fn new_recovery_codes_replace_the_old() {
    let mut region = Region::new();
    let owner = region.member(1, "hanako", Role::Nurse);
    let actor = region.enter(&owner).session.actor;
    let wrong = region.write(actor.clone(), |ctx, tx, s| renew_recovery_codes(ctx, tx, "000", s)).unwrap();
    assert!(matches!(wrong, Renewal::Wrong));
    let typed = second_factor::code_at(&owner.totp, region.now).unwrap();
    let done = region.write(actor, move |ctx, tx, s| renew_recovery_codes(ctx, tx, &typed, s)).unwrap();
    let Renewal::Done { recovery } = done else { panic!() };
    let pending = region.pending(&owner);
    let old = SecondFactor::Recovery(owner.recovery[0].expose().to_owned());
    assert!(matches!(region.second(pending, old), SecondAnswer::Wrong));
    let new = SecondFactor::Recovery(recovery[0].expose().to_owned());
    assert!(matches!(region.second(pending, new), SecondAnswer::Entered(_)));
}

#[test]
fn the_demo_door_exists_in_a_fictional_region_only() {
    let mut region = Region::new();
    let people = vec![account(1, "demo.operator", Role::Operator), account(2, "demo.doctor", Role::Doctor)];
    let id = people[0].id;
    let owner = region.member(7, "hanako", Role::Nurse);
    let real = owner.id;
    let enter = move |id| move |ctx: &Ctx, tx: &mut dyn Tx, s: &Secrets| enter_as(ctx, tx, id, "demo", s);
    let refused = region.write(visitor(), enter(real)).unwrap_err();
    assert!(matches!(refused, SigninError::Refused(SigninRefusal::OnlyFictional)));
    let made = people.clone();
    let refused = region.write(visitor(), move |ctx, tx, _| create_fictional_accounts(ctx, tx, &made)).unwrap_err();
    assert!(matches!(refused, SigninError::Refused(SigninRefusal::OnlyFictional)));

    let listed = region.read(|tx| fictional_accounts(tx, Role::Nurse, 10));
    assert!(matches!(listed, Err(SigninError::Refused(SigninRefusal::OnlyFictional))));
    assert!(region.read(featured_accounts).is_err());

    region.write(visitor(), |_, tx, _| marks::set(tx, marks::FICTIONAL, "1")).unwrap();
    region.write(visitor(), move |ctx, tx, _| create_fictional_accounts(ctx, tx, &people)).unwrap();
    let listed = region.read(|tx| fictional_accounts(tx, Role::Operator, 10)).unwrap();
    assert_eq!(listed.iter().map(|a| a.id).collect::<Vec<_>>(), [id]);
    let noted = format!(r#"[{{"account":"{id}","label":"夜勤の受付"}}]"#);
    region.write(visitor(), move |_, tx, _| marks::set(tx, "demo.featured", &noted)).unwrap();
    let shown = region.read(featured_accounts).unwrap();
    assert_eq!((shown[0].0.id, shown[0].1.as_str()), (id, "夜勤の受付"));
    let entered = region.write(visitor(), enter(id)).unwrap();
    assert_eq!(region.session(&entered.token).unwrap().role(), Role::Operator);
    assert!(
        matches!(region.password("demo.operator", "", 1, None), Ok(PasswordAnswer::Wrong)),
        "no password is not an empty one"
    );
}

#[test]
fn an_ipv6_household_is_one_address() {
    let of = |text: &str| Address::of(text.parse().unwrap());
    assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
    assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    assert_eq!(of("::ffff:203.0.113.9"), of("203.0.113.9"));
}

#[test]
fn a_session_id_is_not_its_token() {
    let secrets = Secrets::from_seed([7; 32]);
    let labels = ["pending", "session", "device"].map(|l| secrets.token(l).expose().to_owned());
    assert!(labels.iter().all(|t| t.len() == 43) && labels[0] != labels[1] && labels[1] != labels[2]);
    assert_eq!(SessionId(Uuid::nil()).to_string().len(), 32);
    assert!(!format!("{secrets:?} {:?}", secrets.token("x")).contains(&labels[0][..8]));
}

proptest! {
    /// However failures fall in time, no block is longer than the longest, none shrinks while they go on, and within
    /// any hour an attacker gets at most a handful of guesses.
    #[test]
    fn a_throttle_never_opens_wide(gaps in prop::collection::vec(0i64..4000, 1..200)) {
        let mut now = Instant::from_unix_seconds(1_800_000_000);
        let start = now;
        let (mut state, mut tried): (Option<Throttle>, Vec<Instant>) = (None, Vec::new());
        for gap in gaps {
            now = now + Span::seconds(gap);
            if blocked(state.as_ref(), now).is_some() {
                continue;
            }
            let next = count_failure(state.as_ref(), ACCOUNT_ALLOWANCE, now);
            prop_assert!(next.blocked_until <= now + ACCOUNT_ALLOWANCE.longest_block);
            tried.push(now);
            state = Some(next);
        }
        let first_hour = tried.iter().filter(|t| **t - start < Span::hours(1)).count();
        prop_assert!(first_hour <= 11, "{first_hour} guesses in the first hour");
        for pair in tried.windows(2).skip(11) {
            prop_assert!(pair[1] - pair[0] >= ACCOUNT_ALLOWANCE.longest_block);
        }
    }
}

// shows: 5.3.8 the register's state of a staff member decides at creation, reissue and reinstatement of an account too
#[test]
fn whoever_does_not_work_here_gets_no_account_and_none_back() {
    let mut r = Region::new();
    let now = r.now;
    let (office, staff) = r
        .region
        .db
        .write_blocking(move |tx| {
            let ctx = people::testing::system(now, 1 << 90);
            let sample = people::testing::sample(&ctx, tx)?;
            Ok::<_, people::PeopleError>((sample.nursing, sample.nurse))
        })
        .unwrap();
    let id = AccountId(staff.0);
    let new = NewAccount {
        id,
        login: LoginName::parse("kango").unwrap(),
        role: Role::Nurse,
        office: Some(office),
        person: None,
        display_name: base::Redacted::new("看護 見本".to_owned()),
    };
    let state = |r: &mut Region, state| {
        let now = r.now;
        r.count += 1;
        let request = r.count << 64;
        r.region
            .db
            .write_blocking(move |tx| {
                let ctx = people::testing::system(now, request);
                people::set_staff_state(&ctx, tx, staff, state, &people::testing::line("届け出"))
            })
            .unwrap();
    };
    use people::StaffState::{Active, Retired, Suspended};
    state(&mut r, Suspended);
    let account = new.clone();
    let made = r.by_office(move |ctx, tx, secrets| create_account(ctx, tx, &account, secrets));
    assert!(matches!(made, Err(SigninError::Refused(SigninRefusal::NotWorking))));
    state(&mut r, Active);
    let account = new.clone();
    r.by_office(move |ctx, tx, secrets| create_account(ctx, tx, &account, secrets)).unwrap();
    r.by_office(move |ctx, tx, _| suspend_account(ctx, tx, id)).unwrap();
    state(&mut r, Retired);
    let back = r.by_office(move |ctx, tx, _| reinstate_account(ctx, tx, id));
    assert!(matches!(back, Err(SigninError::Refused(SigninRefusal::NotWorking))));
}
