//! What an administrator does to somebody else's account: a second factor shown anew, and a second administrator.

use super::*;
use crate::store;

/// An administrator who signed in with both steps.
fn at_the_desk(region: &mut Region, id: u128, login: &'static str) -> (Owner, base::Actor) {
    let owner = region.member(id, login, Role::Administrator);
    let actor = region.enter(&owner).session.actor;
    (owner, actor)
}

fn show(region: &mut Region, actor: &base::Actor, typed: &str) -> SecondShown {
    let typed = typed.to_owned();
    region.write(actor.clone(), move |ctx, tx, _| show_second(ctx, tx, &typed)).unwrap()
}

fn shows_now(region: &mut Region, (owner, actor): &(Owner, base::Actor)) {
    region.pass(Span::seconds(30));
    let typed = second_factor::code_at(&owner.totp, region.now).unwrap();
    assert_eq!(show(region, actor, &typed), SecondShown::Fresh);
}

/// Two administrators who showed their second factors just now.
fn two(region: &mut Region) -> [(Owner, base::Actor); 2] {
    let both = [at_the_desk(region, 9, "jimu1"), at_the_desk(region, 10, "jimu2")];
    both.iter().for_each(|one| shows_now(region, one));
    both
}

fn waiting(region: &mut Region, who: &base::Actor) -> Vec<Request> {
    let ctx = region.ctx_as(who.clone());
    region.read(move |tx| account_requests(&ctx, tx)).unwrap()
}

fn approve(region: &mut Region, who: &base::Actor, id: Uuid) -> Result<(Account, Option<Code>), SigninError> {
    region.write(who.clone(), move |ctx, tx, s| approve_request(ctx, tx, id, s))
}

fn suspend(region: &mut Region, who: &base::Actor, id: AccountId) -> Result<Settled<()>, SigninError> {
    region.write(who.clone(), move |ctx, tx, _| suspend_account(ctx, tx, id))
}

fn reissue(region: &mut Region, who: &base::Actor, id: AccountId) -> Result<Settled<Code>, SigninError> {
    region.write(who.clone(), move |ctx, tx, s| reissue_account(ctx, tx, id, s))
}

fn create(region: &mut Region, who: &base::Actor, new: NewAccount) -> Result<Settled<Code>, SigninError> {
    region.write(who.clone(), move |ctx, tx, s| create_account(ctx, tx, &new, s))
}

fn refused_as<T>(outcome: Result<T, SigninError>, why: SigninRefusal) {
    match outcome {
        Err(SigninError::Refused(refusal)) => assert_eq!(refusal, why),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("was not refused: {why}"),
    }
}

fn state(region: &Region, id: AccountId) -> AccountState {
    region.read(move |tx| find_account(tx, id)).unwrap().state
}

// shows: 5.5.1 an administrator's reissue, suspension or creation of an account asks for a fresh second factor
#[test]
fn what_is_done_to_somebody_elses_account_asks_for_a_second_factor_shown_just_now() {
    let mut region = Region::new();
    let nurse = region.member(1, "hanako", Role::Nurse).id;
    let jimu = at_the_desk(&mut region, 9, "jimu1");
    let office = jimu.1.clone();
    let refused = |region: &mut Region, office: &base::Actor| {
        use SigninRefusal::SecondFactorWanted;
        refused_as(create(region, office, account(5, "new", Role::Nurse)), SecondFactorWanted);
        refused_as(reissue(region, office, nurse), SecondFactorWanted);
        refused_as(suspend(region, office, nurse), SecondFactorWanted);
        let back = region.write(office.clone(), move |ctx, tx, _| reinstate_account(ctx, tx, nurse));
        refused_as(back, SecondFactorWanted);
    };
    refused(&mut region, &office);
    assert_eq!(show(&mut region, &office, ""), SecondShown::Missing);
    assert_eq!(show(&mut region, &office, "000000"), SecondShown::Wrong);
    let recovery = jimu.0.recovery[0].expose().to_owned();
    assert_eq!(show(&mut region, &office, &recovery), SecondShown::Wrong, "a recovery code is none");
    refused(&mut region, &office);

    shows_now(&mut region, &jimu);
    assert_eq!(show(&mut region, &office, ""), SecondShown::Fresh, "for some minutes nothing more is asked");
    let typed = second_factor::code_at(&jimu.0.totp, region.now).unwrap();
    assert_eq!(show(&mut region, &office, &typed), SecondShown::Wrong, "no code stands twice");
    region.pass(Span::seconds(31));
    let other = region.enter(&jimu.0).session.actor;
    refused(&mut region, &other);
    assert_eq!(suspend(&mut region, &office, nurse).unwrap(), Settled::Done(()));
    region.pass(SECOND_FRESH);
    refused(&mut region, &office);
}

// shows: 5.5.1 guesses at that second factor are bounded as at sign-in, durably and over all sessions of the account
#[test]
fn whoever_guesses_the_second_factor_for_an_act_must_wait_like_at_sign_in() {
    let mut region = Region::new();
    let jimu = at_the_desk(&mut region, 9, "jimu1");
    for _ in 0..ACCOUNT_ALLOWANCE.failures {
        assert_eq!(show(&mut region, &jimu.1, "000000"), SecondShown::Wrong);
    }
    let right = second_factor::code_at(&jimu.0.totp, region.now).unwrap();
    let SecondShown::Wait { until } = show(&mut region, &jimu.1, &right) else { panic!("is to wait") };
    assert_eq!(until, region.now + ACCOUNT_ALLOWANCE.first_block);
    let pending = region.pending(&jimu.0);
    assert!(matches!(region.second(pending, SecondFactor::Totp(right)), SecondAnswer::Wait { .. }));
    let wrong = region.actions().iter().filter(|a| **a == "signin.show_second wrong refused").count();
    assert_eq!(wrong, ACCOUNT_ALLOWANCE.failures as usize);
    region.pass(ACCOUNT_ALLOWANCE.first_block);
    shows_now(&mut region, &jimu);
}

#[test]
fn a_second_factor_stands_from_its_moment_for_five_minutes() {
    let at = Instant::parse("2026-11-22T08:00").unwrap();
    let cases = [(0, true), (299, true), (300, false), (301, false), (-1, false)];
    for (seconds, fresh) in cases {
        assert_eq!(still_fresh(at, at + Span::seconds(seconds)), fresh, "{seconds}");
    }
}

// shows: 5.5.1 accounts of auditors and administrators need a second administrator
#[test]
fn an_auditors_account_is_asked_for_by_one_administrator_and_made_by_another() {
    let mut region = Region::new();
    let [one, two] = two(&mut region);
    let new = account(20, "kansa", Role::Auditor);
    let id = new.id;
    assert_eq!(create(&mut region, &one.1, new.clone()).unwrap(), Settled::Asked);
    assert!(region.read(move |tx| find_account(tx, id)).is_err(), "nothing is there yet");
    refused_as(create(&mut region, &two.1, new), SigninRefusal::AlreadyAsked);
    let request = waiting(&mut region, &two.1).remove(0);
    assert_eq!((request.act, request.asked_by), (RequestedAct::Create, one.0.id));
    refused_as(approve(&mut region, &one.1, request.id), SigninRefusal::OwnRequest);
    let nurse = base::Actor { role: Role::Nurse, ..two.1.clone() };
    refused_as(approve(&mut region, &nurse, request.id), SigninRefusal::NotAdministrator);

    region.pass(SECOND_FRESH);
    refused_as(approve(&mut region, &two.1, request.id), SigninRefusal::SecondFactorWanted);
    shows_now(&mut region, &two);
    let (made, code) = approve(&mut region, &two.1, request.id).unwrap();
    assert_eq!((made.role, made.state), (Role::Auditor, AccountState::Invited));
    region.enrol(20, "kansa", &code.expect("whoever agrees hands the code over"));
    refused_as(approve(&mut region, &two.1, request.id), SigninRefusal::RequestUnknown);
    let done = region.actions();
    for said in ["signin.ask_for_account duty done", "signin.approve_request duty done"] {
        assert!(done.iter().any(|a| a == said), "{said}: {done:?}");
    }
}

// shows: 5.5.1 suspension, reinstatement and reissue of an auditor's or administrator's account need a second one too
#[test]
fn an_account_that_needs_two_is_closed_opened_and_taken_over_by_two() {
    let mut region = Region::new();
    let auditor = region.member(20, "kansa", Role::Auditor).id;
    let [one, two] = two(&mut region);
    let agreed = |region: &mut Region| {
        let request = waiting(region, &two.1).remove(0).id;
        approve(region, &two.1, request).unwrap().1
    };
    assert_eq!(suspend(&mut region, &one.1, auditor).unwrap(), Settled::Asked);
    assert_eq!(state(&region, auditor), AccountState::Active);
    assert_eq!(agreed(&mut region), None);
    assert_eq!(state(&region, auditor), AccountState::Suspended);
    let back = region.write(one.1.clone(), move |ctx, tx, _| reinstate_account(ctx, tx, auditor));
    assert_eq!(back.unwrap(), Settled::Asked);
    assert_eq!(state(&region, auditor), AccountState::Suspended);
    assert_eq!(agreed(&mut region), None);
    assert_eq!(state(&region, auditor), AccountState::Active);
    assert_eq!(reissue(&mut region, &one.1, auditor).unwrap(), Settled::Asked);
    assert!(agreed(&mut region).is_some());
    assert_eq!(state(&region, auditor), AccountState::Invited);

    // Nobody agrees to what is about themselves, and no revision makes an administrator or unmakes one.
    assert_eq!(suspend(&mut region, &one.1, two.0.id).unwrap(), Settled::Asked);
    let request = waiting(&mut region, &two.1).remove(0).id;
    refused_as(approve(&mut region, &two.1, request), SigninRefusal::OwnAccount);
    let unmade = two.0.id;
    let revised = region.write(one.1.clone(), move |ctx, tx, _| {
        revise_account(ctx, tx, unmade, Role::Nurse, None, &"見本 花子".to_owned().into()).map(drop)
    });
    refused_as(revised, SigninRefusal::RoleNeedsTwo);
}

// shows: 5.5.1 a request is declined on record, has an end, dies with the rights of whoever asked, and is refused where the facts changed
#[test]
fn a_request_ends_in_more_ways_than_being_agreed_to() {
    let mut region = Region::new();
    let auditor = region.member(20, "kansa", Role::Auditor);
    let [one, two] = two(&mut region);
    let ask = |region: &mut Region| {
        assert_eq!(reissue(region, &one.1, auditor.id).unwrap(), Settled::Asked);
        waiting(region, &two.1).remove(0).id
    };
    let declined = ask(&mut region);
    region.write(two.1.clone(), move |ctx, tx, _| decline_request(ctx, tx, declined)).unwrap();
    refused_as(approve(&mut region, &two.1, declined), SigninRefusal::RequestUnknown);
    assert!(region.actions().iter().any(|a| a == "signin.decline_request duty done"));

    let overtaken = ask(&mut region);
    let id = auditor.id;
    let by_the_machine = |region: &mut Region, suspended: bool, id: AccountId| {
        let done = region.write(visitor(), move |ctx, tx, _| match suspended {
            true => suspend_account(ctx, tx, id),
            false => reinstate_account(ctx, tx, id),
        });
        assert_eq!(done.unwrap(), Settled::Done(()));
    };
    by_the_machine(&mut region, true, id);
    refused_as(approve(&mut region, &two.1, overtaken), SigninRefusal::RequestOvertaken);
    by_the_machine(&mut region, false, id);
    region.write(one.1.clone(), move |ctx, tx, _| decline_request(ctx, tx, overtaken)).unwrap();

    let orphaned = ask(&mut region);
    by_the_machine(&mut region, true, one.0.id);
    by_the_machine(&mut region, false, one.0.id);
    refused_as(approve(&mut region, &two.1, orphaned), SigninRefusal::RequestUnknown);

    let one = (region.enter(&one.0).session.actor, one.0);
    let one = (one.1, one.0);
    shows_now(&mut region, &one);
    assert_eq!(reissue(&mut region, &one.1, id).unwrap(), Settled::Asked);
    let late = waiting(&mut region, &two.1).remove(0).id;
    region.pass(REQUEST_VALID);
    assert!(waiting(&mut region, &two.1).is_empty());
    shows_now(&mut region, &two);
    refused_as(approve(&mut region, &two.1, late), SigninRefusal::RequestUnknown);
    shows_now(&mut region, &one);
    assert_eq!(reissue(&mut region, &one.1, id).unwrap(), Settled::Asked, "it can be asked for anew");
    let events = region.read(|tx| db::outbox::after(tx, 0, 100)).unwrap();
    let told: Vec<RequestChange> = events
        .iter()
        .filter_map(|event| match Event::of(event)? {
            Event::RequestChanged { asked_by, change, .. } if asked_by == one.0.id => Some(change),
            _ => None,
        })
        .collect();
    use RequestChange::{Asked, Declined, Ended};
    // What the asker took back themselves is no news to them.
    assert_eq!(told, [Asked, Declined, Asked, Asked, Ended, Asked, Ended, Asked]);
    let ended = region.actions().into_iter().filter(|a| a.starts_with("signin.end_request")).collect::<Vec<_>>();
    assert_eq!(ended, ["signin.end_request program done", "signin.end_request time done"]);
}

// shows: 5.5.1 a request about somebody whose entry in the register changed meanwhile is refused
#[test]
fn an_account_is_not_made_for_somebody_whom_the_register_calls_otherwise_by_then() {
    let mut region = Region::new();
    let [one, two] = two(&mut region);
    let now = region.now;
    let (office, staff) = region
        .region
        .db
        .write_blocking(move |tx| {
            let ctx = people::testing::system(now, 1 << 90);
            let sample = people::testing::sample(&ctx, tx)?;
            Ok::<_, people::PeopleError>((sample.city, sample.administrator))
        })
        .unwrap();
    let known = region.read(move |tx| people::staff(tx, staff)).unwrap();
    let right = NewAccount {
        display_name: known.name,
        office: Some(office),
        ..account(staff.0.as_u128(), "jimu3", Role::Administrator)
    };
    let renamed = NewAccount { display_name: "別の 名前".to_owned().into(), ..right.clone() };
    assert_eq!(create(&mut region, &one.1, renamed).unwrap(), Settled::Asked);
    let request = waiting(&mut region, &two.1).remove(0).id;
    refused_as(approve(&mut region, &two.1, request), SigninRefusal::RequestOvertaken);
    region.write(two.1.clone(), move |ctx, tx, _| decline_request(ctx, tx, request)).unwrap();
    assert_eq!(create(&mut region, &one.1, right).unwrap(), Settled::Asked);
    let request = waiting(&mut region, &two.1).remove(0).id;
    approve(&mut region, &two.1, request).unwrap();
}

#[test]
fn requests_do_not_pile_up() {
    let mut region = Region::new();
    let [one, _] = two(&mut region);
    for n in 0..REQUESTS_WAITING {
        let login = format!("kansa{n}");
        let new = account(1000 + n as u128, &login, Role::Auditor);
        assert_eq!(create(&mut region, &one.1, new).unwrap(), Settled::Asked);
    }
    let further = account(5000, "further", Role::Auditor);
    refused_as(create(&mut region, &one.1, further), SigninRefusal::TooManyAsked);
}

// shows: 5.5.1 a region with one administrator goes on from the command line, and the record says so
#[test]
fn whoever_runs_the_machine_is_the_second_administrator() {
    let mut region = Region::new();
    let id = AccountId(Uuid::from_u128(9));
    let login = LoginName::parse("jimu1").unwrap();
    let code = region.write(visitor(), move |ctx, tx, s| {
        create_administrator(ctx, tx, id, login.clone(), "見本 花子".to_owned().into(), None, s)
    });
    let owner = region.enrol(9, "jimu1", &code.unwrap());
    assert_eq!(region.actions()[0], "signin.create_administrator duty done");
    let only = (region.enter(&owner).session.actor, owner);
    let only = (only.1, only.0);
    shows_now(&mut region, &only);
    assert_eq!(create(&mut region, &only.1, account(20, "kansa", Role::Auditor)).unwrap(), Settled::Asked);
    let request = waiting(&mut region, &visitor()).remove(0).id;
    let (_, code) = approve(&mut region, &visitor(), request).unwrap();
    assert!(code.is_some());
    let anew = region.write(visitor(), move |ctx, tx, s| reissue_account(ctx, tx, id, s)).unwrap();
    assert!(matches!(anew, Settled::Done(_)));
}

// shows: 5.5.1 each change of an account by somebody else is told to its owner
#[test]
fn each_change_of_an_account_is_an_event_for_its_owner() {
    let mut region = Region::new();
    let id = region.member(1, "hanako", Role::Nurse).id;
    region.by_office(move |ctx, tx, s| reissue_account(ctx, tx, id, s)).unwrap();
    region.by_office(move |ctx, tx, _| suspend_account(ctx, tx, id)).unwrap();
    region.by_office(move |ctx, tx, _| reinstate_account(ctx, tx, id)).unwrap();
    let events = region.read(|tx| db::outbox::after(tx, 0, 100)).unwrap();
    let told: Vec<_> = events
        .iter()
        .filter_map(|event| match Event::of(event)? {
            Event::AccountChanged { account, change } => Some((account, change)),
            Event::Ended { .. } | Event::RequestChanged { .. } => None,
        })
        .collect();
    use AccountChange::{Created, Reinstated, Reissued, Suspended};
    assert_eq!(told, [Created, Reissued, Suspended, Reinstated].map(|change| (id, change)));
}

// shows: 5.5.1 the demonstration asks too: an invented administrator has an invented authenticator, shown in the demonstration only
#[test]
fn an_invented_administrator_shows_an_invented_code() {
    let mut region = Region::new();
    region.write(visitor(), |_, tx, _| marks::set(tx, marks::FICTIONAL, "town")).unwrap();
    let made = [account(9, "jimu1", Role::Administrator), account(1, "hanako", Role::Nurse)];
    let [jimu, nurse] = made.clone().map(|new| new.id);
    region.write(visitor(), move |ctx, tx, _| create_fictional_accounts(ctx, tx, &made)).unwrap();
    let mut enter = |id: AccountId| {
        region.write(visitor(), move |ctx, tx, s| enter_as(ctx, tx, id, "demo", s)).unwrap().session.actor
    };
    let (jimu, own) = (enter(jimu), enter(nurse));
    let asked = |region: &mut Region, who: &base::Actor| {
        let ctx = region.ctx_as(who.clone());
        region.read(move |tx| second_asked(&ctx, tx)).unwrap()
    };
    assert_eq!(asked(&mut region, &own), SecondAsked::default());
    refused_as(suspend(&mut region, &jimu, nurse), SigninRefusal::SecondFactorWanted);
    let code = asked(&mut region, &jimu).invented.expect("a code").expose().to_owned();
    assert_eq!(show(&mut region, &jimu, &code), SecondShown::Fresh);
    assert_eq!(asked(&mut region, &jimu), SecondAsked { fresh: true, invented: None });
    assert_eq!(suspend(&mut region, &jimu, nurse).unwrap(), Settled::Done(()));

    let mut at_work = Region::new();
    let jimu = at_the_desk(&mut at_work, 9, "jimu1");
    assert_eq!(asked(&mut at_work, &jimu.1), SecondAsked::default());
}

// shows: 5.5.4 recovery and enrolment codes carry 120 bits
#[test]
fn a_code_has_120_bits_and_one_given_out_before_still_opens() {
    let mut region = Region::new();
    let code = region.create(1, "hanako", Role::Nurse).unwrap();
    let letters = code.expose().chars().filter(char::is_ascii_alphanumeric).count();
    assert!(letters * 5 >= 120, "{letters} letters of five bits");
    assert!(code.expose().split('-').all(|group| group.len() == 4), "in groups that can be read out");
    let former = "7K2M-0QXA-9BCD-EFGH";
    let kept = "UPDATE signin_enrolment SET code_hash = $1";
    let put = move |_: &Ctx, tx: &mut dyn Tx, _: &Secrets| tx.execute(kept, db::params![CodeHash::of(former).0]);
    assert_eq!(region.write(visitor(), put).unwrap(), 1);
    assert!(matches!(region.begin_enrolment(former), EnrolmentAnswer::Open(_)));

    let owner = region.member(2, "taro", Role::Nurse);
    assert!(owner.recovery.iter().all(|c| c.expose().len() == code.expose().len()));
    let id = owner.id;
    let put = move |_: &Ctx, tx: &mut dyn Tx, _: &Secrets| store::put_recovery(tx, id, &[CodeHash::of(former)]);
    region.write(visitor(), put).unwrap();
    let pending = region.pending(&owner);
    let entered = region.second(pending, SecondFactor::Recovery(former.to_lowercase()));
    assert!(matches!(entered, SecondAnswer::Entered(_)));
}
