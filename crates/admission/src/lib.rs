//! The admission layer: one way in before everything that listens, so that strangers cost nothing.
//!
//! It knows addresses, connections, deadlines and how many of each may be here. It refuses to know who anybody is: a
//! desk or a gateway is known once somebody above says so ([`Caller::know`], [`Place::know`]), with a number that means
//! nothing here.
//!
//! A connection begins as a stranger in a small room. Where the room, or the part of it that one address may take, is
//! full, the connection that has been silent longest gives way to the newcomer, so that half requests push out half
//! requests. Once known, a connection moves to a room where no stranger stands.

mod accept;
mod body;
mod caller;
mod deadlines;
mod descriptors;
pub mod http;
mod line;
mod origin;
mod room;
pub mod rules;

pub use accept::Accepting;
pub use caller::Caller;
pub use deadlines::Deadlines;
pub use descriptors::raise;
pub use origin::Origin;
pub use room::{Familiar, Place, Room, Rooms, Working};
pub use rules::{Bounds, Plan, Refusal, TooFew, plan};
