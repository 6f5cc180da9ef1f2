//! The scopes of consent: what exactly a resident says yes or no to.

use base::ContactId;
use serde::{Deserialize, Serialize};

/// The ten scopes, stored apart (domain section 6, a to j); disclosure to family (i) is per contact and per item.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum ConsentScope {
    /// (a)
    CareSharing,
    /// (b)
    Watch,
    /// (c)
    Roster,
    /// (d)
    PlanMaking,
    /// (e)
    PlanSharing,
    /// (f)
    Emergency,
    /// (g)
    AcpEmergency,
    /// (h)
    Analysis,
    /// (i) that there was an alert and how it ended
    FamilyAlerts(ContactId),
    /// (i) the home's activity
    FamilyWatch(ContactId),
    /// (j)
    WideArea,
}

impl ConsentScope {
    /// The scopes that are about the person alone.
    pub const GENERAL: &'static [ConsentScope] = &[
        ConsentScope::CareSharing,
        ConsentScope::Watch,
        ConsentScope::Roster,
        ConsentScope::PlanMaking,
        ConsentScope::PlanSharing,
        ConsentScope::Emergency,
        ConsentScope::AcpEmergency,
        ConsentScope::Analysis,
        ConsentScope::WideArea,
    ];

    pub const fn key(self) -> &'static str {
        match self {
            ConsentScope::CareSharing => "care_sharing",
            ConsentScope::Watch => "watch",
            ConsentScope::Roster => "roster",
            ConsentScope::PlanMaking => "plan_making",
            ConsentScope::PlanSharing => "plan_sharing",
            ConsentScope::Emergency => "emergency",
            ConsentScope::AcpEmergency => "acp_emergency",
            ConsentScope::Analysis => "analysis",
            ConsentScope::FamilyAlerts(_) => "family_alerts",
            ConsentScope::FamilyWatch(_) => "family_watch",
            ConsentScope::WideArea => "wide_area",
        }
    }

    pub const fn ja(self) -> &'static str {
        match self {
            ConsentScope::CareSharing => "医療・介護の情報共有",
            ConsentScope::Watch => "見守りセンサーの設置とデータ利用",
            ConsentScope::Roster => "避難行動要支援者名簿の平時提供",
            ConsentScope::PlanMaking => "個別避難計画の作成",
            ConsentScope::PlanSharing => "個別避難計画の平時提供",
            ConsentScope::Emergency => "救急への事前提供",
            ConsentScope::AcpEmergency => "人生会議（ACP）の情報の救急への提供",
            ConsentScope::Analysis => "データ分析（匿名化）",
            ConsentScope::FamilyAlerts(_) => "家族への開示（アラートと結果）",
            ConsentScope::FamilyWatch(_) => "家族への開示（見守りの様子）",
            ConsentScope::WideArea => "広域（他市）連携",
        }
    }

    /// The scope under a stored word; `contact` is needed for the two of the family.
    pub fn from_key(key: &str, contact: Option<ContactId>) -> Option<ConsentScope> {
        match (key, contact) {
            ("family_alerts", Some(contact)) => Some(ConsentScope::FamilyAlerts(contact)),
            ("family_watch", Some(contact)) => Some(ConsentScope::FamilyWatch(contact)),
            _ => ConsentScope::GENERAL.iter().copied().find(|s| s.key() == key),
        }
    }

    pub const fn contact(self) -> Option<ContactId> {
        match self {
            ConsentScope::FamilyAlerts(contact) | ConsentScope::FamilyWatch(contact) => Some(contact),
            _ => None,
        }
    }

    pub const fn is_family(self) -> bool {
        self.contact().is_some()
    }
}
