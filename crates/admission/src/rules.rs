//! Who may come in: pure decisions over what stands in a room, and how many places the machine's descriptors give.
//! No socket, no clock.

use std::time::Duration;

use base::limits;

use crate::Origin;

/// How many may be in one room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Not known yet.
    pub strangers: usize,
    /// Of these, only for addresses from which somebody was known lately.
    pub kept: usize,
    /// Strangers of one address (IPv6: of one /64).
    pub per_address: usize,
    /// Strangers of one address from which somebody was known lately: an office or a hospital has hundreds of desks
    /// behind one.
    pub per_familiar: usize,
    /// Strangers of one /48 of IPv6.
    pub per_network: usize,
    /// Known ones.
    pub known: usize,
    /// Of one session or gateway; further ones stay among the strangers.
    pub per_identity: usize,
}

/// Who asks to come in.
#[derive(Clone, Copy, Debug)]
pub struct Newcomer {
    pub origin: Origin,
    /// Somebody was known lately at this address.
    pub familiar: bool,
}

/// Who is in and not known yet.
#[derive(Clone, Copy, Debug)]
pub struct Stranger {
    pub origin: Origin,
    pub familiar: bool,
    /// We work for it at this moment: it is not the one who is waited for.
    pub busy: bool,
    /// Since its last byte.
    pub silent: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Welcome,
    /// The stranger with this number gives way.
    InPlaceOf(usize),
    Refused(Refusal),
}

/// Why somebody is not let in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    Address,
    Network,
    Full,
}

impl Refusal {
    /// The word in the counter.
    pub const fn key(self) -> &'static str {
        match self {
            Refusal::Address => "address",
            Refusal::Network => "network",
            Refusal::Full => "full",
        }
    }
}

/// Nobody who said something within this time gives way: where many honest clients come at once (gateways after a
/// power cut), those in the middle of a handshake finish it.
pub const TENURE: Duration = Duration::from_millis(250);

/// Decides on a newcomer. Where a bound is reached, the longest silent one under that very bound gives way; a flood
/// from one address therefore pushes out itself and nobody else.
pub fn decide(new: &Newcomer, strangers: impl Iterator<Item = Stranger>, bounds: &Bounds) -> Verdict {
    let (mut address, mut network, mut unfamiliar, mut all) =
        (Group::default(), Group::default(), Group::default(), Group::default());
    for (at, stranger) in strangers.enumerate() {
        if stranger.origin == new.origin {
            address.add(at, &stranger, true);
        }
        // Whoever comes from where nobody is known never pushes out somebody from where somebody is.
        let below = new.familiar || !stranger.familiar;
        if stranger.origin.shares_network(new.origin) {
            network.add(at, &stranger, below);
        }
        unfamiliar.add(at, &stranger, !stranger.familiar);
        all.add(at, &stranger, below);
    }
    let own = if new.familiar { bounds.per_familiar } else { bounds.per_address };
    if address.count >= own {
        return address.gives_way(Refusal::Address);
    }
    if network.count >= bounds.per_network.max(own) {
        return network.gives_way(Refusal::Network);
    }
    let room = if new.familiar { bounds.strangers } else { bounds.strangers.saturating_sub(bounds.kept) };
    if all.count < room {
        return Verdict::Welcome;
    }
    match unfamiliar.gives_way(Refusal::Full) {
        Verdict::Refused(_) => all.gives_way(Refusal::Full),
        verdict => verdict,
    }
}

#[derive(Default)]
struct Group {
    count: usize,
    /// Who would give way, and how long they have been silent.
    longest: Option<(usize, Duration)>,
}

impl Group {
    fn add(&mut self, at: usize, stranger: &Stranger, below: bool) {
        self.count += 1;
        let may = below && !stranger.busy && stranger.silent >= TENURE;
        if may && self.longest.is_none_or(|(_, silent)| silent < stranger.silent) {
            self.longest = Some((at, stranger.silent));
        }
    }

    fn gives_way(&self, otherwise: Refusal) -> Verdict {
        self.longest.map_or(Verdict::Refused(otherwise), |(at, _)| Verdict::InPlaceOf(at))
    }
}

/// What each room holds on this machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Descriptors of the process in all.
    pub descriptors: u64,
    /// Kept for the database, files, and lines to the outside.
    pub own: u64,
    pub site: Bounds,
    pub gateways: Bounds,
    pub operations: Bounds,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{found} descriptors are too few, {floor} are needed", floor = limits::DESCRIPTORS_LEAST)]
pub struct TooFew {
    pub found: u64,
}

/// Divides the descriptors: first what the program itself needs, then the operations address, then pages and gateways,
/// each with room of its own for those it knows.
pub fn plan(descriptors: u64) -> Result<Plan, TooFew> {
    if descriptors < limits::DESCRIPTORS_LEAST {
        return Err(TooFew { found: descriptors });
    }
    let own = (descriptors / 8).clamp(96, 512);
    let operations = Bounds::all_alike(limits::OPERATIONS_CONNECTIONS);
    let rest = usize::try_from(descriptors - own).unwrap_or(usize::MAX) - limits::OPERATIONS_CONNECTIONS;
    // In sixteenths: 4 and 6 for pages, 2 and 4 for gateways.
    let share = |sixteenths: usize, most: usize| (rest / 16).saturating_mul(sixteenths).min(most);
    let site = Bounds {
        known: share(6, limits::SITE_KNOWN),
        per_identity: limits::CONNECTIONS_PER_SESSION,
        ..Bounds::strangers(share(4, limits::SITE_STRANGERS))
    };
    let gateways = Bounds {
        known: share(4, limits::MQTT_CONNECTIONS),
        // One more ends the oldest, which is here for another moment.
        per_identity: limits::MQTT_LINES_PER_GATEWAY * 2,
        ..Bounds::strangers(share(2, limits::MQTT_STRANGERS))
    };
    Ok(Plan { descriptors, own, site, gateways, operations })
}

impl Bounds {
    /// A room for so many strangers and nobody else.
    pub fn strangers(strangers: usize) -> Bounds {
        let [eighth, quarter, half] = [8, 4, 2].map(|part| (strangers / part).max(1));
        Bounds {
            strangers,
            kept: quarter,
            per_address: eighth,
            per_familiar: half,
            per_network: quarter,
            known: 0,
            per_identity: 0,
        }
    }

    /// A room where one address may take every place: whoever runs the machine comes from one.
    pub fn all_alike(places: usize) -> Bounds {
        Bounds { kept: 0, per_address: places, per_familiar: places, per_network: places, ..Bounds::strangers(places) }
    }

    /// Requests under way, on connections that are not known.
    pub fn requests() -> Bounds {
        Bounds {
            known: usize::MAX,
            per_identity: usize::MAX,
            per_address: limits::REQUESTS_PER_ADDRESS,
            ..Bounds::strangers(limits::REQUESTS_OF_STRANGERS)
        }
    }

    /// Connections that this room can hold at once.
    pub fn places(&self) -> usize {
        self.strangers.saturating_add(self.known)
    }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
