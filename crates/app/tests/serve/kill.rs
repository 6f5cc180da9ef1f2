//! The program is killed at any moment, and nothing that it acknowledged is lost.

use base::Span;

use crate::harness::{Place, Town, ago};

#[test]
fn a_region_is_served_and_an_operator_signs_in() {
    let place = Place::new();
    let town = Town::settle(&place, 1, 4, ago(Span::hours(3)));
    let mut serving = place.serve();
    let mut operator = place.client();
    town.operator.sign_in(&mut operator);
    assert_eq!(operator.get("/cases").expect("an answer").status, 200);
    assert!(serving.stop(), "it ends well when asked to");
}
