//! A batch norm by its running statistics: in prediction, and folded into weights and bias.

use crate::kernels;
use crate::network::layout::Split;
use crate::slices::{cut, cut_mut, rows_mut};

/// `ε`, which keeps a variance of zero from dividing.
pub(super) const EPSILON: f32 = 1e-5;

pub(super) fn forward(params: &Split<&[f32]>, z: &mut [f32]) {
    by_blocks(params, z, normalised);
}

/// `s = γ/√(σ² + ε); W ← W·s; b ← (b − μ)·s + β`.
pub(super) fn fold(params: &Split<&[f32]>, weights: &mut [f32], bias: &mut [f32]) {
    by_blocks(params, weights, |w, _, scale, _| w * scale);
    by_blocks(params, bias, normalised);
}

fn normalised(z: f32, mean: f32, scale: f32, beta: f32) -> f32 {
    (z - mean) * scale + beta
}

/// `z ← f(z, μ, γ/√(σ² + ε), β)` of each unit, in rows of all units.
#[inline(always)]
fn by_blocks(params: &Split<&[f32]>, z: &mut [f32], f: impl Fn(f32, f32, f32, f32) -> f32) {
    /// Units whose scales are worked out before the rows pass: all in registers.
    const BLOCK: usize = 8;
    let Split { scale: mut gamma, shift: mut beta, mut mean, mut variance, .. } = *params;
    let width = gamma.len();
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
