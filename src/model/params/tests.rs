use super::*;

#[test]
fn a_bound_grows_by_more_than_rounding() {
    let mut bound = Bound::of(&[]);
    for magnitude in [1e-20, 1.0, 1.5, 1e30] {
        assert!(bound.becomes(magnitude) > magnitude * (1.0 + 4.0 * f32::EPSILON));
    }
}

#[test]
fn only_a_number_from_zero_to_the_limit_is_a_bound() {
    for (bound, known) in [(0.0, true), (1e38, true), (LIMIT, false), (f32::NAN, false), (-1.0, false)] {
        assert_eq!(Bound(bound).is_known(), known);
    }
}
