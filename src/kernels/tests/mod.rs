//! Every kernel on every instruction set against the plain scalar form: the same bits.

use super::*;
use proptest::prelude::*;
use std::vec::Vec;

mod steps;
mod sums;
#[cfg(feature = "std")]
mod thresholds;

/// Zeros are as frequent as in a real image; magnitudes span the range where rounding shows.
fn numbers(n: usize) -> impl Strategy<Value = Vec<f32>> {
    let number = prop_oneof![2 => Just(0.0_f32), 3 => -2.0_f32..2.0, 1 => -1e6_f32..1e6, 1 => -1e-6_f32..1e-6];
    proptest::collection::vec(number, n)
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|&x| if x == 0.0 { 0 } else { x.to_bits() }).collect()
}

/// Runs `f` once on each instruction set of this processor.
fn on_each(mut f: impl FnMut()) {
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    for isa in [Isa::Scalar, Isa::Baseline, Isa::Avx2, Isa::Avx512] {
        if force(isa) {
            f();
            assert_ran(isa);
        }
    }
    #[cfg(not(all(feature = "std", target_arch = "x86_64")))]
    f();
}

/// Code for `isa` ran, and no other; on AVX-512 the dense tiles and the input gradients run AVX2's. A release build does not
/// know.
#[cfg(all(feature = "std", target_arch = "x86_64"))]
fn assert_ran(isa: Isa) {
    let did = |isa| ran(isa).unwrap_or(true);
    assert!(did(isa) || isa == Isa::Avx512 && did(Isa::Avx2), "{isa:?} was forced and did not run");
    for other in [Isa::Scalar, Isa::Baseline, Isa::Avx2, Isa::Avx512] {
        let may = other == isa || (isa, other) == (Isa::Avx512, Isa::Avx2);
        assert!(may || ran(other) != Some(true), "{isa:?} was forced, {other:?} ran");
    }
}
