use super::*;

#[test]
fn rates_stay_short() {
    assert_eq!([short(0.001), short(0.1), short(0.000_123_4), short(1.0 / 3.0)], ["0.001", "0.1", "1e-4", "3e-1"]);
}
