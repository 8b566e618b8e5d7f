//! The innermost loops where no file is there for the target: plain Rust, or nothing where the loop around does as well.

use super::Adam;
use crate::slices::rows_mut;

/// Coefficients looked at before their rows are added: long enough to pay, short enough for a chip's stack.
pub(super) const CHUNK: usize = if cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) { 64 } else { 16 };

/// Whether [`add_rows`] is there.
pub(super) const TILES: bool = false;

/// `√x`, correctly rounded (IEEE 754), hence the same bits from the instruction and from software.
#[inline(always)]
pub(crate) fn sqrt(x: f32) -> f32 {
    #[cfg(feature = "std")]
    return x.sqrt();
    #[cfg(not(feature = "std"))]
    return libm::sqrtf(x);
}

/// `to ← from`.
#[inline(always)]
pub(crate) fn copy(to: &mut [f32], from: &[f32]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = from;
    }
}

/// `to ← 0`.
#[inline(always)]
pub(crate) fn clear(to: &mut [f32]) {
    to.fill(0.0);
}

/// As many zeros.
#[inline(always)]
pub(crate) const fn zeros<const N: usize>() -> [f32; N] {
    [0.0; N]
}

/// `z ← max(z, 0)`; a NaN stays one, for the loss to show.
#[inline(always)]
pub(crate) fn relu(z: &mut [f32]) {
    z.iter_mut().for_each(|z| *z = if *z < 0.0 { 0.0 } else { *z });
}

/// `slope ← 1` where `a > 0`, else 0.
#[inline(always)]
pub(crate) fn step(a: &[f32], slope: &mut [f32]) {
    a.iter().zip(slope).for_each(|(a, s)| *s = if *a > 0.0 { 1.0 } else { 0.0 });
}

/// Nothing: [`body`](super::body)'s loop does it.
#[inline(always)]
pub(super) fn add_rows(_: &mut [f32], _: &[f32], _: &[f32]) {}

/// Nothing: likewise.
#[inline(always)]
pub(super) fn forward_one(_: &mut [f32], _: &[f32], _: &[f32], _: &[f32]) {}

/// Nothing: likewise.
#[inline(always)]
pub(super) fn input_gradient(_: &mut [f32], _: &[f32], _: &[f32]) {}

/// Nothing: likewise.
#[inline(always)]
pub(super) fn products(_: &mut [f32], _: &[f32], _: &[f32]) {}

/// The largest magnitude as bits.
#[inline(always)]
pub(super) fn largest(x: &[f32]) -> f32 {
    f32::from_bits(x.iter().fold(0, |m, x| (x.to_bits() & 0x7fff_ffff).max(m)))
}

/// `w[k][j] ← w[k][j] − η·(x[k]·d[j])`, rows with `x = 0` skipped.
#[inline(always)]
pub(super) fn sgd(w: &mut [f32], x: &[f32], d: &[f32], rate: f32) {
    for (w, &x) in rows_mut(w, d.len()).zip(x) {
        if x != 0.0 {
            for (w, &d) in w.iter_mut().zip(d) {
                *w -= rate * (x * d);
            }
        }
    }
}

/// `m ← m + (w − m)·gain`.
#[inline(always)]
pub(super) fn mean_update(mean: &mut [f32], w: &[f32], gain: f32) {
    for (m, &w) in mean.iter_mut().zip(w) {
        *m += (w - *m) * gain;
    }
}

/// None done.
#[inline(always)]
pub(super) fn adam(_: &mut [f32], _: &mut [f32], _: &mut [f32], _: &[f32], _: &[f32], _: &Adam) -> usize {
    0
}
