//! Who acts, for what purpose, when: the first argument of every verb.

use std::sync::atomic::{AtomicU32, Ordering};

use uuid::Uuid;

use crate::{Instant, OfficeId, PersonId, RequestId};

crate::words! {
    /// What an actor is to the region; decides, with purpose and grants, what may be seen (access matrix).
    Role {
        Doctor = "doctor", "医師";
        Nurse = "nurse", "訪問看護師";
        Pharmacist = "pharmacist", "薬剤師";
        CareManager = "care_manager", "ケアマネジャー";
        CareWorker = "care_worker", "訪問介護員";
        Operator = "operator", "コールセンター";
        SupportCentre = "support_centre", "地域包括支援センター";
        CityOfficer = "city_officer", "市 高齢福祉";
        Commissioner = "commissioner", "民生委員";
        Administrator = "administrator", "事務局";
        Auditor = "auditor", "監査";
        Family = "family", "家族";
        Resident = "resident", "本人";
        /// The bearer of a one-time link in a message: nameless, may press its one button.
        Link = "link", "通知リンク";
        Gateway = "gateway", "ゲートウェイ";
        /// The program itself: timers, jobs, the watch.
        System = "system", "システム";
    }
}

crate::words! {
    /// For what a person is looked at or written about; every audit row carries one.
    Purpose {
        Care = "care", "診療・介護";
        WatchResponse = "watch_response", "見守り対応";
        Registration = "registration", "登録・台帳管理";
        FamilyView = "family_view", "家族による閲覧";
        OwnView = "own_view", "本人による閲覧";
        CityDuty = "city_duty", "市の業務";
        Audit = "audit", "監査";
        Operation = "operation", "システム運用";
    }
}

/// Who acts. `id` is the account's, the gateway's or the message's id; nil for the program itself.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Actor {
    pub role: Role,
    pub id: Uuid,
    pub office: Option<OfficeId>,
    /// The person this actor is (resident) or acts as family of.
    pub person: Option<PersonId>,
    /// A word for the terminal, never personal: session id or address class.
    pub device: String,
}

impl Actor {
    /// The program itself; `part` names which part of it, for the audit row.
    pub fn system(part: &str) -> Actor {
        Actor { role: Role::System, id: Uuid::nil(), office: None, person: None, device: part.to_owned() }
    }
}

/// The circumstances of one command. Re-running a command with the same `Ctx` is allowed.
#[derive(Debug)]
pub struct Ctx {
    pub actor: Actor,
    pub purpose: Purpose,
    pub now: Instant,
    pub request: RequestId,
    drawn: AtomicU32,
}

impl Clone for Ctx {
    fn clone(&self) -> Self {
        Ctx::new(self.actor.clone(), self.purpose, self.now, self.request)
    }
}

impl Ctx {
    pub fn new(actor: Actor, purpose: Purpose, now: Instant, request: RequestId) -> Ctx {
        Ctx { actor, purpose, now, request, drawn: AtomicU32::new(0) }
    }

    /// A fresh id in the order of time, derived from the request: the same request draws the same ids.
    pub fn id<T: From<Uuid>>(&self) -> T {
        let n = self.drawn.fetch_add(1, Ordering::Relaxed);
        let seed =
            self.request.0.as_u128() ^ (u128::from(n) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        let mixed = mix(seed);
        let mut random = [0u8; 10];
        random.copy_from_slice(&mixed.to_be_bytes()[..10]);
        let millis = u64::try_from(self.now.0 / 1000).unwrap_or(0);
        T::from(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
}

/// Spreads every input bit over the output (two rounds of a 64-bit finaliser on each half).
fn mix(seed: u128) -> u128 {
    let round = |mut z: u64| {
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    };
    let (high, low) = ((seed >> 64) as u64, seed as u64);
    let a = round(high ^ round(low));
    let b = round(low ^ a.rotate_left(17));
    (u128::from(a) << 64) | u128::from(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CaseId, NoteId};

    #[test]
    fn a_request_draws_distinct_ids_and_the_same_ones_again() {
        let ctx = Ctx::new(Actor::system("test"), Purpose::Operation, Instant(1), RequestId(Uuid::from_u128(7)));
        let (a, b): (CaseId, NoteId) = (ctx.id(), ctx.id());
        assert_ne!(a.0, b.0);
        assert_eq!(ctx.clone().id::<CaseId>(), a);
        assert_eq!(a.0.get_version_num(), 7);
    }
}
