//! Every refusal of every capability, and what it becomes on the wire.

use std::collections::BTreeSet;
use std::fmt::Debug;

use base::Redacted;
use form::{Form, Rule};
use page::draft::Draft;
use page::problem::Problem;
use page::typed::Typed;

/// Checks each of them, and that none of the enum's variants was forgotten; gives how many there are.
fn same_everywhere<R: Rule + Debug, E: form::Fails + From<R>>(source: &str, name: &str, all: Vec<R>) -> usize {
    let mut seen = BTreeSet::new();
    for rule in all {
        let debug = format!("{rule:?}");
        seen.insert(debug.split([' ', '(', '{']).next().unwrap_or_default().to_owned());
        let kind = rule.kind();
        let problem = Problem::from(E::from(rule));
        let status = problem.status();
        assert_eq!(status, page::problem::status_of(kind), "{debug} as a page of its own");
        let Problem::Refused(why) = problem else {
            assert_eq!(kind, form::Kind::NotThere, "{debug} is told as nothing there");
            continue;
        };
        assert!(!why.words.is_empty(), "{debug} says what to do");
        assert_eq!(Draft::default().refused(why.clone()).status(), status, "{debug} in a form of many fields");
        assert_eq!(Typed::new(Form::default(), why).status(), status, "{debug} in a form of one button");
    }
    let (_, enumeration) = source.split_once(&format!("pub enum {name} {{")).expect("the enum");
    let (enumeration, _) = enumeration.split_once("\n}").expect("its end");
    let written: BTreeSet<String> = enumeration
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        .map(|line| line.split([' ', '(', ',', '{']).next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(seen, written, "{name}");
    seen.len()
}

// shows: 5.6.4 the same refusal has the same status everywhere
#[test]
fn the_same_refusal_has_the_same_status_whichever_page_it_comes_from() {
    let people = same_everywhere::<_, people::PeopleError>(include_str!("../../people/src/lib.rs"), "PeopleRefusal", {
        use people::PeopleRefusal::*;
        use people::{ConsentState, StaffState, TeamPart};
        vec![
            NoPerson,
            NoHome,
            NoContact,
            NoOffice,
            NoStaff,
            NoConsent,
            NoMembership,
            CityWithoutOffice,
            MaybeDuplicate(vec![]),
            Stale,
            NoReason,
            Closed,
            FutureDate,
            OrderMismatch,
            TooManyContacts(1),
            RoleDoesNotFitOffice,
            NotAStaffRole,
            StaffStateChange { from: StaffState::Retired, to: StaffState::Active },
            StaffNotActive(StaffState::Retired),
            PartDoesNotFitRole(TeamPart::Doctor),
            AlreadyOnTeam,
            TeamFull(1),
            SharingNotConsented(ConsentState::Declined),
            OfficeNotConsented,
            ConsentIncomplete { field: "explained_by", words: "説明した方を入力してください。" },
            ConsentUnreadable,
            OfficeNamesake,
            SharingUnreadable,
            AnswerStands { answer: ConsentState::Given, instead_of: ConsentState::NoAnswer },
            NotWithdrawable(ConsentState::Declined),
            NotMedicalAuthor,
            CertificationPeriod,
        ]
    });
    let care = same_everywhere::<_, care::CareError>(include_str!("../../care/src/rules.rs"), "NoteRefusal", {
        use care::NoteRefusal::*;
        vec![
            NoSubject,
            SubjectTooLong,
            NoBody,
            BodyTooLong,
            NoAddressee,
            NotInTeam,
            NotAProfession,
            HiddenFromAddressee,
            ReplyByPast,
            NoReason,
            NotAuthor,
            Withdrawn,
            NoSuchNote,
        ]
    });
    let watch = same_everywhere::<_, watch::WatchError>(include_str!("../../watch/src/lib.rs"), "WatchRefusal", {
        use watch::WatchRefusal::*;
        vec![
            NoHome,
            NobodyLivesThere,
            LivesElsewhere,
            NoConsent,
            ContractRuns,
            NoContract,
            NoGateway,
            GatewayInUse,
            GatewayNameTaken,
            BadGatewayName,
            NoDevice,
            SerialInUse,
            BadLine("置き場所"),
            BadTestLength,
            Setting { at: "alert_days", field: "予算", range: "1から2" },
            DailyWithoutWay,
            DailyInQuietHours,
            DailyOfHomes { at: "asked", homes: 2 },
            NoMeter,
            Table { line: 1, why: watch::Unfit::NoDate },
            BadPeriod,
            TooLong { reason: "外出", days: 1 },
            BadWeekly,
            TooManyAbsences(1),
            NoAbsence,
            NoAlert,
            AlreadyEnded,
            NotANotice,
        ]
    });
    assert!(people + care + watch > 60);
}

// shows: 5.6.4 the same refusal has the same status everywhere
#[test]
fn refusals_of_cases_messages_and_accounts_have_one_status_too() {
    let response =
        same_everywhere::<_, response::ResponseError>(include_str!("../../response/src/lib.rs"), "Refusal", {
            use response::Refusal::*;
            vec![
                NoSuchCase,
                NoSuchVisit,
                NoSuchPhoto,
                Closed,
                NotClosedYet,
                AlreadyReviewed,
                TakeFirst,
                HeldBy(Redacted::new("見本".to_owned())),
                NotHolder,
                AlreadyYours,
                NoReason,
                NotColleague,
                OnlyForContacts,
                NoSuchContact,
                AmbulanceAlready,
                AmbulanceTime,
                HelpTooEarly,
                ReportFirst,
                AnswerFirst,
                NotKnownYet,
                CauseDoesNotFit,
                NotTheDoctor,
                VisitOver(response::VisitState::Declined),
                NotYourVisit,
                ColleagueGoes(Redacted::new("見本".to_owned())),
                ColleagueIsThere(Redacted::new("見本".to_owned())),
                PhotosOfWhoWent(Redacted::new("見本".to_owned())),
                VisitorAlreadyAsked,
                TooManyVisits,
                PhotosAfterReport,
                TooManyPhotos,
                NoPhoto,
                NoSuchVisitor,
                TextTooLong,
                NoText,
                NoCaseForNumber,
                LimitOutOfRange,
                TriesOutOfRange,
                ScriptTooLong,
                SettingsNotYours,
                NotYourBoard,
            ]
        });
    let notify = same_everywhere::<_, notify::NotifyError>(include_str!("../../notify/src/lib.rs"), "NotifyRefusal", {
        use notify::NotifyRefusal::*;
        vec![LinkUnknown, LinkUsed, LinkExpired, MessageUnknown, Settled, NotForYou]
    });
    let signin = same_everywhere::<_, signin::SigninError>(include_str!("../../signin/src/lib.rs"), "SigninRefusal", {
        use signin::SigninRefusal::*;
        vec![
            PasswordShort,
            PasswordLong,
            PasswordGuessable,
            Busy,
            LoginMalformed,
            LoginTaken,
            AccountExists,
            NameMalformed,
            RoleNotForAccounts,
            NotAdministrator,
            OwnAccount,
            AccountUnknown,
            NotWorking,
            SecondFactorWanted,
            AlreadyAsked,
            TooManyAsked,
            RequestOvertaken,
            SuspendFirst,
            OwnRequest,
            RequestUnknown,
            RoleNeedsTwo,
            AccountSuspended,
            SessionUnknown,
            OnlyFictional,
        ]
    });
    assert!(response + notify + signin > 55);
}
