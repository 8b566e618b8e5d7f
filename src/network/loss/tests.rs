use super::*;

#[test]
fn softmax_survives_large_logits() {
    let mut z = [1000.0, 1000.0, -1000.0];
    softmax(&mut z, Math::Libm);
    assert_eq!(z, [0.5, 0.5, 0.0]);
}
