use super::*;

#[test]
fn figures_of_known_predictions() {
    let r = Regression::of([(1.0, 2.0), (3.0, 3.0), (5.0, 4.0), (6.0, 8.0)].into_iter());
    // Targets 2, 3, 4, 8 spread by 20.75 around 4.25.
    assert_eq!((r.samples, r.mae, r.rmse), (4, 1.0, 1.5_f64.sqrt()));
    assert!((r.r2 - (1.0 - 6.0 / 20.75)).abs() < 1e-12);
    assert!(Regression::of([(1.0, 2.0), (3.0, 2.0)].into_iter()).r2.is_nan());
}
