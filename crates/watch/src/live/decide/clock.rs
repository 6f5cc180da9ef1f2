//! What a decision does about the clocks of gateways, and calls for help by one that may be wrong.

use base::Instant;

use super::Draft;
use crate::clock::{GatewayClock, Moment};
use crate::live::Key;
use crate::live::hear::{Code, is_same_call};
use crate::live::home::HomeFixed;
use crate::{Arrival, Signal};

impl Draft<'_> {
    /// What a gateway says of its time is weighed before anything is judged by it. What a broker kept, or a gateway left
    /// for the end of its line, was not said just now.
    pub(super) fn hear_clock(&mut self, gateway: u32, arrival: &Arrival) {
        // A meter's interval comes when it comes, a day later too, and always by as much.
        let counted = matches!(arrival.signal, Signal::Energy(_) | Signal::Water(_));
        if let Some(claimed) = arrival.occurred_at.filter(|_| !arrival.retained && !self.is_will && !counted) {
            GatewayClock::hear(&mut self.line(gateway).clock, claimed, arrival.received_at);
        }
    }

    /// Whether this reading is stored, or will be with this commit.
    pub(super) fn is_told(&self, key: Key) -> bool {
        self.known.contains(&key) || self.seen.contains(&key)
    }

    /// As of when a call for help counts. In doubt about the clock it is none that was told before: where its time says
    /// so, it came when it arrived.
    pub(super) fn call_at(
        &mut self,
        no: u32,
        fixed: &HomeFixed,
        device: u32,
        moment: &Moment,
        received: Instant,
    ) -> Instant {
        let Some(likely) = moment.doubtful_call else { return moment.at };
        // The same words again.
        if self.is_told((likely, device, Code::Button as u8)) {
            return likely;
        }
        let told_at = self.state(no).device(device).changed_at;
        let is_explained = is_same_call(told_at, likely) || fixed.was_tested(device, likely);
        if is_explained { received } else { likely }
    }
}
