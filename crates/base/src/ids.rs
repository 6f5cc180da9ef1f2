//! Typed 16-byte identifiers (UUID v7), one type per kind of thing, so that a case is never taken for a person.

use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub struct $name(pub Uuid);

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Uuid {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.simple().fmt(f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.simple())
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self)
            }
        }
    )+};
}

ids! {
    /// A resident (対象者).
    PersonId,
    /// A dwelling (住まい) in which residents live and devices hang.
    HomeId,
    /// Somebody a resident named to be called (連絡先).
    ContactId,
    /// An office (事業所): clinic, care office, call centre, city department.
    OfficeId,
    /// A member of staff (職員).
    StaffId,
    /// One account that can sign in (利用者).
    AccountId,
    /// A signed-in session.
    SessionId,
    /// A gateway (GW) through which a home's devices speak.
    GatewayId,
    /// A sensor or button (機器).
    DeviceId,
    /// One alert (アラート) the watch raised.
    AlertId,
    /// A case (案件): from an alert to its end.
    CaseId,
    /// A telephone call made or received in a case (通話).
    CallId,
    /// A request that somebody visit (訪問依頼).
    VisitId,
    /// A photo taken on a visit (写真).
    PhotoId,
    /// A note in the resident's notebook (記事).
    NoteId,
    /// A consent (同意).
    ConsentId,
    /// An announced absence (不在予定).
    AbsenceId,
    /// A grant of access (閲覧権).
    GrantId,
    /// One message to one recipient (通知).
    MessageId,
    /// A background job.
    /// One request from outside: the thread that ties its audit rows together.
    RequestId,
}
