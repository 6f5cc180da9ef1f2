//! A town in a box: invented people, homes and days, from a seed, for the demonstration, the tests and the benches.
//! The same seed and the same moment give the same town.

pub mod life;
pub mod names;
pub mod places;
