//! A layer norm: of one sample by its own statistics, in training as in prediction.
//!
//! Its room has, for `n` samples of `u` units, `1/√(σ² + ε)` of each sample, then `n·u` normalised values, then `n·u`
//! floats for what the backward pass got.

use crate::kernels;
use crate::network::layout::Split;
use crate::network::norm::running::EPSILON;
use crate::slices::{cut, cut_mut, rows, rows_mut};

/// Floats for each sample in the room of a norm of so many units.
pub(crate) const fn room(units: usize) -> usize {
    units.wrapping_mul(2).wrapping_add(1)
}

/// `z ← γ·x̂ + β` of each sample, which leaves nothing.
pub(super) fn predict(params: &Split<&[f32]>, z: &mut [f32]) {
    for z in rows_mut(z, params.scale.len()) {
        normalise(z);
        let units = params.scale.iter().zip(params.shift);
        z.iter_mut().zip(units).for_each(|(z, (gamma, beta))| *z = gamma * *z + beta);
    }
}

/// The same, and leaves in its room what the backward pass needs.
pub(super) fn forward(params: &Split<&[f32]>, z: &mut [f32], room: &mut [f32], samples: usize) {
    let width = params.scale.len();
    let (inverse, rest) = cut_mut(room, samples);
    for ((z, x), inverse) in rows_mut(z, width).zip(rows_mut(rest, width)).zip(inverse) {
        kernels::copy(x, z);
        *inverse = normalise(x);
        let units = params.scale.iter().zip(params.shift);
        for ((z, x), (gamma, beta)) in z.iter_mut().zip(x).zip(units) {
            *z = gamma * *x + beta;
        }
    }
}

/// `x̂ = (z − μ)/√(σ² + ε)` in place; returns `1/√(σ² + ε)`, NaN where the variance overflows.
fn normalise(z: &mut [f32]) -> f32 {
    let share = 1.0 / z.len() as f32;
    let mean = sum(z) * share;
    z.iter_mut().for_each(|z| *z -= mean);
    let variance = kernels::dot(z, z) * share;
    // Times 0 is 0, but for an infinity, which must show.
    let inverse = 1.0 / kernels::sqrt(variance + EPSILON) + 0.0 * variance;
    kernels::scale(z, inverse);
    inverse
}

/// `∂L/∂z = (g − (1/u)Σ g − x̂·(1/u)Σ g·x̂)/√(σ² + ε)` of each sample, where `g = γ·∂L/∂y`; leaves `x̂·∂L/∂y` in the place of
/// `x̂`, and `∂L/∂y` behind. Returns a bound on the sums of both.
pub(super) fn backward(params: &Split<&[f32]>, deltas: &mut [f32], room: &mut [f32], samples: usize) -> f32 {
    let gamma = params.scale;
    let width = gamma.len();
    let (inverse, rest) = cut_mut(room, samples);
    let (normal, kept) = cut_mut(rest, deltas.len());
    kernels::copy(kept, deltas);
    let share = 1.0 / width as f32;
    let of_samples = rows_mut(deltas, width).zip(rows_mut(&mut *normal, width)).zip(rows(&*kept, width));
    for (((d, x), kept), inverse) in of_samples.zip(inverse) {
        d.iter_mut().zip(gamma).for_each(|(d, gamma)| *d *= gamma);
        let (mean, slope) = (sum(d) * share, kernels::dot(d, x) * share);
        for ((d, x), kept) in d.iter_mut().zip(x).zip(kept) {
            *d = *inverse * (*d - mean - *x * slope);
            *x *= kept;
        }
    }
    kernels::largest(rest) * samples as f32
}

/// Sum in 8 lanes and the tree.
fn sum(x: &[f32]) -> f32 {
    let (groups, tail) = x.as_chunks::<8>();
    let mut lanes = kernels::zeros::<8>();
    for group in groups {
        lanes.iter_mut().zip(group).for_each(|(lane, x)| *lane += x);
    }
    lanes.iter_mut().zip(tail).for_each(|(lane, x)| *lane += x);
    kernels::tree(lanes)
}

/// What is left of the batch for `γ` and for `β`: a row for each sample.
pub(super) fn learned(room: &[f32], units: usize, samples: usize) -> (&[f32], &[f32]) {
    let (scale, shift) = cut(cut(room, samples).1, samples.wrapping_mul(units));
    (scale, shift)
}
