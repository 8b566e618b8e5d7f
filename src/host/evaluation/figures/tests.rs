use super::*;

#[test]
fn mean_and_sd_of_known_values() {
    assert_eq!(mean_and_sd(&[1.0, 2.0, 3.0]), (2.0, 1.0));
    assert_eq!(mean_and_sd(&[4.0]), (4.0, 0.0));
}
