//! The closed words a decision depends on.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $key:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            pub const fn key(self) -> &'static str {
                match self { $($name::$variant => $key),+ }
            }
            pub fn from_key(key: &str) -> Option<$name> {
                match key { $($key => Some($name::$variant),)+ _ => None }
            }
        }
    };
}

words! {
    /// What can be done with a person's record; the actions of the policies on a `Person`.
    Act {
        SeeIdentity = "SeeIdentity";
        SeeContacts = "SeeContacts";
        /// How to get into the home.
        SeeEntry = "SeeEntry";
        /// Risk notes: hearing, pets, stairs. No diagnoses.
        SeeRisks = "SeeRisks";
        SeeMedical = "SeeMedical";
        /// Activity, climate and devices of the home.
        SeeWatch = "SeeWatch";
        /// That there was an alert, that somebody took it, how it ended.
        SeeAlert = "SeeAlert";
        /// That a case is past its limit, for whoever answers for it.
        SeeOverdue = "SeeOverdue";
        /// The whole story of a case.
        SeeCase = "SeeCase";
        SeeNotes = "SeeNotes";
        /// Notes that are for the medical professions only.
        SeeMedicalNotes = "SeeMedicalNotes";
        SeeConsents = "SeeConsents";
        /// Who looked at the person.
        SeeLooks = "SeeLooks";
        Register = "Register";
        RecordConsent = "RecordConsent";
        /// The medical summary in brief.
        WriteMedical = "WriteMedical";
        ManageDevices = "ManageDevices";
        /// Whether the line to the person's gateway is down.
        SeeLines = "SeeLines";
        /// How the watch is set for a home.
        SetWatch = "SetWatch";
        EnterAbsence = "EnterAbsence";
        WorkCase = "WorkCase";
        /// Decides how a case goes on though somebody at the desk holds it: for whoever is responsible for the person.
        DecideCase = "DecideCase";
        ReportVisit = "ReportVisit";
        /// 「大丈夫です」 to a gentle question.
        AnswerNotice = "AnswerNotice";
        WriteNote = "WriteNote";
        AnswerNote = "AnswerNote";
        CloseCase = "CloseCase";
        /// 振り返り of a closed case.
        ReviewCase = "ReviewCase";
        /// What could not be delivered about the person, and that it was settled another way.
        SeeUndelivered = "SeeUndelivered";
    }
}

words! {
    /// What can be done for the region as a whole, with no person; the actions of the policies on the `Region`.
    Charge {
        /// Offices, staff, homes in which nobody lives yet.
        KeepRegister = "KeepRegister";
        ManageAccounts = "ManageAccounts";
        /// Who did what, office by office.
        SeeRecords = "SeeRecords";
        /// Consents that ran out, for all.
        KeepConsents = "KeepConsents";
        /// Gateways and devices that hang nowhere yet.
        KeepDevices = "KeepDevices";
        SetRegionWatch = "SetRegionWatch";
        /// Limits of a case and the questions an operator asks.
        SetCaseRules = "SetCaseRules";
        /// 状況板: figures without persons.
        SeeBoard = "SeeBoard";
        /// Messages that reached nobody: to call instead and settle them.
        MindMessages = "MindMessages";
    }
}

words! {
    /// Why somebody knows a person.
    Ground {
        /// The duty of the office, for everybody in the region.
        Duty = "duty";
        /// The duty of the office, for everybody who lives in its city.
        City = "city";
        /// The person is the one who asks.
        Own = "own";
        CareTeam = "care_team";
        Case = "case";
        Visit = "visit";
        Escalation = "escalation";
        /// A case that this office worked has ended and waits to be looked back at.
        Review = "review";
        /// The resident lets this relative know of alerts and their end.
        FamilyAlerts = "family_alerts";
        /// The resident lets this relative see the home's activity.
        FamilyWatch = "family_watch";
    }
}

impl Ground {
    /// Whether it is written as a grant; the others follow from who and where somebody is.
    pub const fn is_granted(self) -> bool {
        !matches!(self, Ground::Duty | Ground::City | Ground::Own)
    }
}

impl Act {
    /// The item of the record that the act opens, as the record of looks names it; none for acts that show nothing.
    pub const fn item(self) -> Option<&'static str> {
        Some(match self {
            Act::SeeIdentity => "identity",
            Act::SeeContacts => "contacts",
            Act::SeeEntry => "entry",
            Act::SeeRisks => "risks",
            Act::SeeMedical => "medical",
            Act::SeeWatch => "watch",
            Act::SeeAlert | Act::SeeOverdue | Act::AnswerNotice => "alert",
            Act::SeeCase | Act::WorkCase | Act::DecideCase | Act::ReportVisit | Act::CloseCase | Act::ReviewCase => {
                "case"
            }
            Act::SeeNotes | Act::SeeMedicalNotes => "notes",
            Act::SeeConsents => "consents",
            Act::SeeLooks => "looks",
            Act::SeeLines => "lines",
            Act::SeeUndelivered => "message",
            _ => return None,
        })
    }
}
