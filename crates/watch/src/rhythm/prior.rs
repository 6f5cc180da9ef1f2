//! What is presumed of a home of which little is known yet: pooled from recordings of other homes, equal weight each.
//! It knows no home; a home's own days outweigh it within one to two weeks.

use super::HALF_HOURS;

/// Hours of the day are told apart in pairs.
pub(super) const BINS: usize = 12;

/// Chance that a 15-minute step of silence ends with a sign of life, by [out][elapsed class][pair of hours]:
/// out = the last sign was at the entrance; class 0 = silent for 30 to 60 minutes, 1 = longer.
pub(super) const ENDING: [[[f32; BINS]; 2]; 2] = [
    [
        [0.056, 0.048, 0.049, 0.116, 0.414, 0.256, 0.246, 0.192, 0.215, 0.299, 0.144, 0.103],
        [0.046, 0.028, 0.042, 0.079, 0.219, 0.315, 0.230, 0.216, 0.187, 0.144, 0.097, 0.093],
    ],
    [
        [0.081, 0.113, 0.113, 0.068, 0.149, 0.118, 0.119, 0.107, 0.135, 0.126, 0.062, 0.091],
        [0.109, 0.029, 0.024, 0.042, 0.092, 0.093, 0.086, 0.083, 0.119, 0.083, 0.106, 0.063],
    ],
];

/// Share of days on which a home shows a sign of life in each half-hour, from 0:00.
pub(super) const ACTIVE: [f32; HALF_HOURS] = [
    0.08, 0.16, 0.08, 0.10, 0.03, 0.03, 0.05, 0.05, 0.07, 0.07, 0.04, 0.09, 0.14, 0.11, 0.16, 0.17, //
    0.37, 0.49, 0.45, 0.49, 0.38, 0.30, 0.37, 0.34, 0.39, 0.38, 0.27, 0.26, 0.29, 0.28, 0.24, 0.26, //
    0.29, 0.26, 0.24, 0.38, 0.40, 0.38, 0.29, 0.26, 0.22, 0.23, 0.24, 0.15, 0.27, 0.20, 0.14, 0.08,
];

/// How many scores a day pass [`super::HIGH`], and by how much on average.
#[derive(Clone, Copy)]
pub(super) struct TailPrior {
    pub rate: f64,
    pub excess: f64,
}

/// [`super::Model::OneTail`].
pub(super) const TAIL_ALL: TailPrior = TailPrior { rate: 1.31, excess: 1.43 };

/// [`super::Model::TwoTails`]: at home, and seemingly out.
pub(super) const TAILS: [TailPrior; 2] =
    [TailPrior { rate: 0.42, excess: 1.13 }, TailPrior { rate: 0.26, excess: 2.24 }];
