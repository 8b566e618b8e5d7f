//! A batch through a norm in training, forward and back, by its own statistics.

use super::{EPSILON, Params, samples_of};
use crate::kernels;
use crate::network::layer::Layer;
use crate::slices::{cut, cut_mut, rows, rows_mut};

/// A layer's room in the workspace after a batch.
pub(super) struct Room<'a> {
    /// Mean, then variance.
    pub(super) statistics: &'a [f32],
    /// `∂L/∂γ`, then `∂L/∂β`.
    pub(super) gradient: &'a [f32],
}

impl<'a> Room<'a> {
    /// The first in `norms`, which is shortened by it.
    pub(super) fn first(layer: &Layer, norms: &mut &'a [f32], samples: usize) -> Self {
        let units = layer.outputs();
        let (room, rest) = cut(norms, layer.norm_room(samples));
        *norms = rest;
        let (statistics, rest) = cut(room, 2 * units);
        Self { statistics, gradient: cut(cut(rest, units).1, 2 * units).0 }
    }
}

/// A room to write: both statistics, `1/√(σ² + ε)`, the gradients, the normalised values.
fn split<'a>(layer: &Layer, room: &'a mut [f32]) -> [&'a mut [f32]; 4] {
    let units = layer.outputs();
    let (statistics, rest) = cut_mut(room, 2 * units);
    let (inverse, rest) = cut_mut(rest, units);
    let (gradient, normal) = cut_mut(rest, 2 * units);
    [statistics, inverse, gradient, normal]
}

pub(super) fn train(layer: &Layer, z: &mut [f32], norm: &Params<'_>, room: &mut [f32]) {
    let Params { gamma, beta, .. } = *norm;
    let width = layer.outputs();
    let [statistics, inverse, _, normal] = split(layer, room);
    let (mean, variance) = cut_mut(statistics, width);
    let share = 1.0 / samples_of(layer, z) as f32;
    mean.fill(0.0);
    for row in rows(&*z, width) {
        mean.iter_mut().zip(row).for_each(|(m, z)| *m += z);
    }
    mean.iter_mut().for_each(|m| *m *= share);
    variance.fill(0.0);
    for row in rows(&*z, width) {
        for ((v, z), m) in variance.iter_mut().zip(row).zip(&*mean) {
            *v += (z - m) * (z - m);
        }
    }
    for (v, i) in variance.iter_mut().zip(&mut *inverse) {
        *v *= share;
        *i = 1.0 / kernels::sqrt(*v + EPSILON);
    }
    for (z, normal) in rows_mut(z, width).zip(rows_mut(normal, width)) {
        let units = mean.iter().zip(&*inverse).zip(gamma.iter().zip(beta));
        for ((z, x), ((m, i), (gamma, beta))) in z.iter_mut().zip(normal).zip(units) {
            *x = (*z - m) * i;
            *z = gamma * *x + beta;
        }
    }
}

/// `∂L/∂z = γ/√(σ² + ε) · (∂L/∂y − (1/n)Σ ∂L/∂y − x̂·(1/n)Σ ∂L/∂y·x̂)`.
pub(super) fn backward(layer: &Layer, deltas: &mut [f32], params: &[f32], norms: &mut &mut [f32]) -> f32 {
    let Params { gamma, .. } = Params::of(layer, params);
    let width = layer.outputs();
    let samples = samples_of(layer, deltas);
    let at = norms.len().saturating_sub(layer.norm_room(samples));
    let (others, room) = cut_mut(core::mem::take(norms), at);
    *norms = others;
    let [statistics, inverse, gradient, normal] = split(layer, room);
    let share = 1.0 / samples as f32;
    gradient.fill(0.0);
    let (of_gamma, of_beta) = cut_mut(&mut *gradient, width);
    for (row, x) in rows(&*deltas, width).zip(rows(&*normal, width)) {
        for (((g, b), d), x) in of_gamma.iter_mut().zip(&mut *of_beta).zip(row).zip(x) {
            *g += d * x;
            *b += d;
        }
    }
    for (row, x) in rows_mut(deltas, width).zip(rows(&*normal, width)) {
        let units = gamma.iter().zip(&*inverse).zip(of_gamma.iter().zip(&*of_beta));
        for ((d, x), ((gamma, i), (g, b))) in row.iter_mut().zip(x).zip(units) {
            *d = gamma * i * (*d - share * b - x * (share * g));
        }
    }
    kernels::largest(gradient) + kernels::largest(statistics)
}
