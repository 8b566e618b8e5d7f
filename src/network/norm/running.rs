//! A norm by its running statistics: in prediction, and folded into weights and bias.

use super::{EPSILON, Params};
use crate::kernels;
use crate::network::layer::Layer;
use crate::slices::{cut, cut_mut, rows_mut};

pub(super) fn normalised(z: f32, mean: f32, scale: f32, beta: f32) -> f32 {
    (z - mean) * scale + beta
}

/// `z ← f(z, μ, γ/√(σ² + ε), β)` of each unit, in rows of `width`.
#[inline(always)]
pub(super) fn by_blocks(width: usize, norm: &Params<'_>, z: &mut [f32], f: impl Fn(f32, f32, f32, f32) -> f32) {
    /// Units whose scales are worked out before the rows pass: all in registers.
    const BLOCK: usize = 8;
    let Params { mut gamma, mut beta, mut mean, mut variance } = *norm;
    let mut at = 0;
    while !gamma.is_empty() {
        let mut units = [(0.0, 0.0, 0.0); BLOCK];
        let here = gamma.iter().zip(beta).zip(mean.iter().zip(variance));
        for (unit, ((gamma, beta), (mean, variance))) in units.iter_mut().zip(here) {
            *unit = (*mean, gamma / kernels::sqrt(variance + EPSILON), *beta);
        }
        for row in rows_mut(&mut *z, width) {
            for (z, (mean, scale, beta)) in cut_mut(row, at).1.iter_mut().zip(units) {
                *z = f(*z, mean, scale, beta);
            }
        }
        at = usize::wrapping_add(at, BLOCK);
        let rest = |s| cut(s, BLOCK).1;
        (gamma, beta, mean, variance) = (rest(gamma), rest(beta), rest(mean), rest(variance));
    }
}

/// `s = γ/√(σ² + ε); W ← W·s; b ← (b − μ)·s + β`.
pub(super) fn fold(layer: &Layer, weights: &mut [f32], bias: &mut [f32], params: &[f32]) {
    let norm = Params::of(layer, params);
    by_blocks(layer.outputs(), &norm, weights, |w, _, scale, _| w * scale);
    by_blocks(layer.outputs(), &norm, bias, normalised);
}
