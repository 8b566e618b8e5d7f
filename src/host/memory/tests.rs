use super::*;

#[test]
fn floats_begin_at_a_cache_line() {
    for n in [0, 1, 15, 16, 1000] {
        let floats = Floats::zeros(n).unwrap();
        assert_eq!((floats.len(), floats.as_ptr() as usize % 64), (n, 0));
    }
}
