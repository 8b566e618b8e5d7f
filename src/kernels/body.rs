//! Each loop once, in safe Rust over register tiles, for the compiler to vectorise.
//!
//! `W` is the width of the main tile: as many accumulators as the instruction set's registers hold.

use super::{Adam, FIRST_MOMENT_FLOOR, SECOND_MOMENT_FLOOR, Sgd, cut_mut, rows, rows_mut, tree};
use crate::math;

/// `out[j] += Σ_i coefficients[i·stride] · matrix[i][j]`, `i` ascending, zero coefficients skipped: the primitive of
/// [`forward`] and [`gradient_rows`].
#[inline(always)]
fn weighted_rows<const W: usize>(out: &mut [f32], coefficients: &[f32], stride: usize, matrix: &[f32], width: usize) {
    let mut at = 0;
    let mut rest = out;
    while !rest.is_empty() {
        let columns = matrix.get(at..).unwrap_or(&[]);
        let n = match rest.len() {
            n if n >= W => tile::<W>(rest, coefficients, stride, columns, width),
            8.. => tile::<8>(rest, coefficients, stride, columns, width),
            2.. => tile::<2>(rest, coefficients, stride, columns, width),
            _ => tile::<1>(rest, coefficients, stride, columns, width),
        };
        at += n;
        rest = cut_mut(rest, n).1;
    }
}

/// The first `N` columns of [`weighted_rows`], accumulated in registers; returns `N`.
#[inline(always)]
fn tile<const N: usize>(
    out: &mut [f32],
    coefficients: &[f32],
    stride: usize,
    mut columns: &[f32],
    width: usize,
) -> usize {
    if let Some(out) = out.first_chunk_mut::<N>() {
        let mut acc = *out;
        let mut rest = coefficients;
        while let (Some(&c), Some(row)) = (rest.first(), columns.first_chunk::<N>()) {
            if c != 0.0 {
                for (a, &r) in acc.iter_mut().zip(row) {
                    *a += c * r;
                }
            }
            rest = rest.get(stride..).unwrap_or(&[]);
            columns = columns.get(width..).unwrap_or(&[]);
        }
        *out = acc;
    }
    N
}

#[inline(always)]
pub(super) fn forward<const W: usize>(x: &[f32], inputs: usize, weights: &[f32], bias: &[f32], z: &mut [f32]) {
    for (z, x) in rows_mut(z, bias.len()).zip(rows(x, inputs)) {
        for (z, &b) in z.iter_mut().zip(bias) {
            *z = b;
        }
        weighted_rows::<W>(z, x, 1, weights, bias.len());
    }
}

#[inline(always)]
pub(super) fn gradient_rows<const W: usize>(g: &mut [f32], a: &[f32], inputs: usize, d: &[f32], outputs: usize) {
    let mut a = a;
    for g in rows_mut(g, outputs) {
        weighted_rows::<W>(g, a, inputs, d, outputs);
        a = a.get(1..).unwrap_or(&[]);
    }
}

/// Σ_j a[j]·b[j] in 8 lanes.
#[inline(always)]
pub(super) fn dot<const W: usize>(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_tail), (b, b_tail)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut lanes = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for (l, (&a, &b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *l += a * b;
        }
    }
    for (l, (&a, &b)) in lanes.iter_mut().zip(a_tail.iter().zip(b_tail)) {
        *l += a * b;
    }
    tree(lanes)
}

#[inline(always)]
pub(super) fn sum<const W: usize>(a: &[f32]) -> f32 {
    let (chunks, tail) = a.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for chunk in chunks {
        for (l, &a) in lanes.iter_mut().zip(chunk) {
            *l += a;
        }
    }
    for (l, &a) in lanes.iter_mut().zip(tail) {
        *l += a;
    }
    tree(lanes)
}

#[inline(always)]
pub(super) fn input_gradient<const W: usize>(weights: &[f32], d: &[f32], outputs: usize, e: &mut [f32], inputs: usize) {
    for (e, d) in rows_mut(e, inputs).zip(rows(d, outputs)) {
        for (e, w) in e.iter_mut().zip(rows(weights, outputs)) {
            // A silenced unit stays silent whatever comes from above.
            if *e != 0.0 {
                *e *= dot::<W>(d, w);
            }
        }
    }
}

#[inline(always)]
pub(super) fn sgd<const W: usize>(w: &mut [f32], g: &[f32], c: Sgd) {
    for (w, &g) in w.iter_mut().zip(g) {
        *w -= c.rate * (g * c.scale + c.decay * *w);
    }
}

#[inline(always)]
pub(super) fn momentum<const W: usize>(w: &mut [f32], v: &mut [f32], g: &[f32], c: Sgd) {
    for ((w, v), &g) in w.iter_mut().zip(v).zip(g) {
        let g = g * c.scale + c.decay * *w;
        *v = floor(c.momentum * *v + g, FIRST_MOMENT_FLOOR);
        *w -= c.rate * if c.nesterov { g + c.momentum * *v } else { *v };
    }
}

#[inline(always)]
pub(super) fn adam<const W: usize>(w: &mut [f32], m: &mut [f32], v: &mut [f32], g: &[f32], c: Adam) {
    let (gain1, gain2) = (1.0 - c.beta1, 1.0 - c.beta2);
    for (((w, m), v), &g) in w.iter_mut().zip(m).zip(v).zip(g) {
        let g = g * c.scale + c.decay * *w;
        *m = floor(c.beta1 * *m + gain1 * g, FIRST_MOMENT_FLOOR);
        *v = floor(c.beta2 * *v + gain2 * (g * g), SECOND_MOMENT_FLOOR);
        *w = c.shrink * *w - c.rate * (*m / (math::sqrt(*v) * c.correction + c.epsilon));
    }
}

/// `x`, or 0 where `|x| < floor`.
#[inline(always)]
fn floor(x: f32, floor: f32) -> f32 {
    if x.abs() < floor { 0.0 } else { x }
}

#[inline(always)]
pub(super) fn mean_update<const W: usize>(mean: &mut [f32], w: &[f32], gain: f32) {
    for (m, &w) in mean.iter_mut().zip(w) {
        *m += (w - *m) * gain;
    }
}

#[inline(always)]
pub(super) fn scale<const W: usize>(x: &mut [f32], factor: f32) {
    for x in x {
        *x *= factor;
    }
}

#[inline(always)]
pub(super) fn swap<const W: usize>(a: &mut [f32], b: &mut [f32]) {
    for (a, b) in a.iter_mut().zip(b) {
        core::mem::swap(a, b);
    }
}

/// Whether no element is NaN or infinite: an exponent of all ones is the largest bit pattern without its sign.
#[inline(always)]
pub(super) fn all_finite<const W: usize>(x: &[f32]) -> bool {
    let largest = x.iter().fold(0, |m, x| (x.to_bits() & 0x7fff_ffff).max(m));
    largest < 0x7f80_0000
}
