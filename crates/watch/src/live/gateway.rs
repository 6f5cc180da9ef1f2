//! A gateway in memory: its line, and whose devices speak through it: one home's, or those of many (an apartment house,
//! a bridge).

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use base::{GatewayId, Instant};

use super::home::HomeFixed;
use super::line::Line;
use crate::clock::GatewayClock;

pub(super) struct Gateway {
    pub no: u32,
    pub id: GatewayId,
    /// Where it stands; its area and its limits count for the line.
    pub home: u32,
    pub area: Arc<str>,
    pub carrier: Arc<str>,
    pub line: Line,
    pub wake: Option<Instant>,
    pub saved_at: Instant,
    /// `None`: it serves its own home only.
    pub index: Option<Box<Index>>,
}

/// Where the serials of a gateway with many homes are.
#[derive(Default)]
pub(super) struct Index {
    homes: Vec<u32>,
    /// (hash of the serial, home), sorted.
    serials: Vec<(u32, u32)>,
}

impl Gateway {
    /// The homes heard through it.
    pub fn homes(&self) -> &[u32] {
        self.index.as_ref().map_or(std::slice::from_ref(&self.home), |index| &index.homes)
    }

    /// Homes that may hold the device of this serial.
    pub fn candidates(&self, serial: &str) -> impl Iterator<Item = u32> {
        let (own, serials) = match &self.index {
            None => (Some(self.home), &[][..]),
            Some(index) => (None, &index.serials[..]),
        };
        let hash = hash(serial);
        let first = serials.partition_point(|(h, _)| *h < hash);
        let found = serials[first..].iter().take_while(move |(h, _)| *h == hash).map(|(_, home)| *home);
        own.into_iter().chain(found)
    }

    /// Notes which homes speak through it now.
    pub fn link<'h>(&mut self, homes: impl Iterator<Item = &'h HomeFixed>) {
        let mut index = Index { homes: vec![self.home], serials: Vec::new() };
        for home in homes {
            let mut speaks = false;
            for device in home.devices.iter().filter(|d| d.gateway == self.no) {
                index.serials.push((hash(&device.serial), home.no));
                speaks = true;
            }
            if speaks && home.no != self.home {
                index.homes.push(home.no);
            }
        }
        index.serials.sort_unstable();
        index.serials.dedup();
        self.index = (index.homes.len() > 1).then(|| Box::new(index));
    }

    pub fn bytes(&self) -> usize {
        let index =
            self.index.as_ref().map_or(0, |i| size_of::<Index>() + i.homes.capacity() * 4 + i.serials.capacity() * 8);
        let clock = self.line.clock.as_ref().map_or(0, |_| size_of::<GatewayClock>());
        size_of::<Gateway>() + index + clock
    }
}

fn hash(serial: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    serial.hash(&mut hasher);
    hasher.finish() as u32
}
