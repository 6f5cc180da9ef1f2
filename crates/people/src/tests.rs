use base::wareki::Date;
use base::{Ctx, Instant};
use db::Tx;
use db::testing::fresh;

use crate::testing::{sample, system};
use crate::*;

fn today() -> Date {
    Date::new(2026, 11, 22).unwrap()
}

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

#[test]
fn the_sample_household_stands() {
    let region = fresh(testing::MIGRATIONS);
    let s = region.db.write_blocking(|tx| sample(&system(at("2026-11-22T09:00"), 1), tx)).unwrap();
    let _ = (s, today());
}
