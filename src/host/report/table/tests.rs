use super::*;

#[test]
fn figures_have_four_digits() {
    let text = [0.0, 123_456.7, 12.345, 0.001_234_5, 2e7, f64::NAN].map(significant);
    assert_eq!(text, ["0", "123457", "12.35", "0.001234", "2.000e7", "–"]);
}
