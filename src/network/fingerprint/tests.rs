use super::*;

#[test]
fn the_functions_are_those_of_the_contract() {
    let found = Math::Libm.fingerprint();
    assert_eq!(found, 0xabb2_6fff, "{found:#010x}");
}

#[cfg(feature = "micromath")]
#[test]
fn each_mathematics_has_a_fingerprint_of_its_own() {
    let found = Math::Micromath.fingerprint();
    assert_eq!(found, 0x3620_2492, "{found:#010x}");
}
