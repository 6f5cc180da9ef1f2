//! Which faults are one outage: lines of one area, or of one carrier, that fell silent within a quarter of an hour.

use std::collections::HashMap;
use std::sync::Arc;

use base::{Ctx, Instant};
use uuid::Uuid;

use super::decision::{NewFault, NewOutage};
use super::gateway::Gateway;
use super::line::{CARRIER_SHARE, Line, OUTAGE_HOMES, TOGETHER};
use super::{Live, Shared};

#[derive(Default)]
pub(super) struct Grouping {
    pub outages: Vec<NewOutage>,
    /// Faults known before, now part of an outage.
    pub joined: Vec<(Uuid, Uuid)>,
    /// New faults by their outage.
    pub new_joined: HashMap<Uuid, Uuid>,
    pub ended: Vec<Uuid>,
}

/// Something that many homes share.
#[derive(Clone, PartialEq)]
struct Common {
    shared: Shared,
    name: Arc<str>,
}

impl Common {
    fn includes(&self, gateway: &Gateway) -> bool {
        !self.name.is_empty()
            && match self.shared {
                Shared::Area => gateway.area == self.name,
                Shared::Carrier => gateway.carrier == self.name,
            }
    }
}

pub(super) fn group(
    live: &Live,
    ctx: &Ctx,
    lines: &HashMap<u32, Line>,
    faults: &[NewFault],
    ended: &[(Uuid, u32)],
) -> Grouping {
    let mut made = Grouping::default();
    for fault in faults {
        if made.new_joined.contains_key(&fault.id) {
            continue;
        }
        let Some(gateway) = live.gateways.get(&fault.gateway).filter(|_| fault.cause.is_none()) else { continue };
        if let Some(outage) = running_outage(live, &made, gateway, fault.began_at) {
            made.new_joined.insert(fault.id, outage);
            continue;
        }
        let Some(common) = what_is_common(live, lines, gateway, fault.began_at) else { continue };
        let id: Uuid = ctx.id();
        let near = |began: Instant| (began - fault.began_at).0.abs() <= TOGETHER.0;
        let alike = |no: u32| live.gateways.get(&no).is_some_and(|g| common.includes(g) && !g.line.has_cause());
        for other in faults.iter().filter(|f| near(f.began_at) && alike(f.gateway) && f.cause.is_none()) {
            made.new_joined.entry(other.id).or_insert(id);
        }
        for (other, open) in &live.open_faults {
            if open.outage.is_none() && near(open.began_at) && alike(open.gateway) {
                made.joined.push((*other, id));
            }
        }
        made.joined.sort_unstable();
        made.outages.push(NewOutage { id, shared: common.shared, name: common.name.clone(), began_at: fault.began_at });
    }
    made.ended = ended_outages(live, &made, ended);
    made
}

fn running_outage(live: &Live, made: &Grouping, gateway: &Gateway, began: Instant) -> Option<Uuid> {
    let known = live.open_outages.iter().map(|(id, o)| (*id, o.shared, &o.name, o.began_at));
    let new = made.outages.iter().map(|o| (o.id, o.shared, &o.name, o.began_at));
    let fits = |shared: Shared, name: &Arc<str>| Common { shared, name: name.clone() }.includes(gateway);
    known
        .chain(new)
        .find(|(_, shared, name, at)| (*at - began).0.abs() <= TOGETHER.0 && fits(*shared, name))
        .map(|(id, ..)| id)
}

/// Of area and carrier, the one in which more lines fell silent then; `None` while it may be chance.
fn what_is_common(live: &Live, lines: &HashMap<u32, Line>, gateway: &Gateway, began: Instant) -> Option<Common> {
    let area = Common { shared: Shared::Area, name: gateway.area.clone() };
    let carrier = Common { shared: Shared::Carrier, name: gateway.carrier.clone() };
    let (mut of_area, mut of_carrier, mut carried) = (0, 0, 0);
    for (no, other) in &live.gateways {
        let line = lines.get(no).unwrap_or(&other.line);
        let (here, same) = (area.includes(other), carrier.includes(other));
        if !here && !same {
            continue;
        }
        carried += usize::from(same);
        let silent = line.fell_silent_around(began) && live.is_watched(other);
        of_area += usize::from(here && silent);
        of_carrier += usize::from(same && silent);
    }
    let enough = OUTAGE_HOMES.max(carried / CARRIER_SHARE);
    match (of_area >= OUTAGE_HOMES, of_carrier >= enough) {
        (true, true) if of_carrier > of_area => Some(carrier),
        (true, _) => Some(area),
        (false, true) => Some(carrier),
        (false, false) => None,
    }
}

/// Outages whose last fault ended.
fn ended_outages(live: &Live, made: &Grouping, ended: &[(Uuid, u32)]) -> Vec<Uuid> {
    let over = |fault: &Uuid| ended.iter().any(|(id, _)| id == fault);
    let mut outages: Vec<Uuid> = ended.iter().filter_map(|(id, _)| live.open_faults.get(id)?.outage).collect();
    outages.sort_unstable();
    outages.dedup();
    outages.retain(|outage| {
        let remains = live.open_faults.iter().any(|(id, f)| f.outage == Some(*outage) && !over(id));
        !remains && !made.new_joined.values().any(|o| o == outage)
    });
    outages
}
