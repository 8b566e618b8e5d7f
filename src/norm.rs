//! Batch normalisation (Ioffe & Szegedy 2015) of a layer's pre-activations: over the batch in training, by running
//! statistics in prediction.

use crate::kernels::{self, cut, cut_mut, rows, rows_mut};
use crate::layer::{Layer, Norm};

/// `ε`, which keeps a variance of zero from dividing.
const EPSILON: f32 = 1e-5;
/// How far running statistics go towards those of a batch.
const MOMENTUM: f32 = 0.1;

pub(crate) static NORM: Norm =
    Norm { predict, train, backward, follow, accumulate, follow_pooled, largest, largest_pooled, pool, settle, fold };

/// Parameters of a norm, one of each for a unit.
#[derive(Clone, Copy)]
struct Params<'a> {
    gamma: &'a [f32],
    beta: &'a [f32],
    mean: &'a [f32],
    variance: &'a [f32],
}

impl<'a> Params<'a> {
    fn of(layer: &Layer, params: &'a [f32]) -> Self {
        let units = layer.outputs();
        let (gamma, rest) = cut(cut(params, layer.norm_offset()).1, units);
        let (beta, rest) = cut(rest, units);
        let (mean, rest) = cut(rest, units);
        Self { gamma, beta, mean, variance: cut(rest, units).0 }
    }
}

/// `γ` and `β`, and the places of both running statistics.
fn learned_and_running<'a>(layer: &Layer, params: &'a mut [f32]) -> (&'a mut [f32], &'a mut [f32]) {
    let norm = cut_mut(cut_mut(params, layer.norm_offset()).1, layer.norm_len()).0;
    cut_mut(norm, 2 * layer.outputs())
}

/// The layer's part of `norms` for so many samples: statistics of the batch, `1/√(σ² + ε)`, the gradients of `γ` and `β`.
struct Room<'a> {
    statistics: &'a [f32],
    gradient: &'a [f32],
}

impl<'a> Room<'a> {
    fn of(layer: &Layer, norms: &'a [f32], samples: usize) -> Self {
        let units = layer.outputs();
        let (statistics, rest) = cut(cut(norms, layer.norm_room(samples)).1, 2 * units);
        Self { statistics, gradient: cut(cut(rest, units).1, 2 * units).0 }
    }
}

/// The same to write: both statistics, `1/√(σ² + ε)`, the gradients, the normalised values.
fn room_mut<'a>(layer: &Layer, norms: &'a mut [f32], samples: usize) -> [&'a mut [f32]; 4] {
    let units = layer.outputs();
    let (statistics, rest) = cut_mut(cut_mut(norms, layer.norm_room(samples)).1, 2 * units);
    let (inverse, rest) = cut_mut(rest, units);
    let (gradient, normal) = cut_mut(rest, 2 * units);
    [statistics, inverse, gradient, normal]
}

fn predict(layer: &Layer, z: &mut [f32], params: &[f32]) {
    by_blocks(layer.outputs(), &Params::of(layer, params), z, normalised);
}

fn normalised(z: f32, mean: f32, scale: f32, beta: f32) -> f32 {
    (z - mean) * scale + beta
}

/// `z ← f(z, μ, γ/√(σ² + ε), β)` of each unit, in rows of `width`.
#[inline(always)]
fn by_blocks(width: usize, norm: &Params<'_>, z: &mut [f32], f: impl Fn(f32, f32, f32, f32) -> f32) {
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
        at += BLOCK;
        let rest = |s| cut(s, BLOCK).1;
        (gamma, beta, mean, variance) = (rest(gamma), rest(beta), rest(mean), rest(variance));
    }
}

fn train(layer: &Layer, z: &mut [f32], params: &[f32], norms: &mut [f32]) {
    let Params { gamma, beta, .. } = Params::of(layer, params);
    let width = layer.outputs();
    let samples = z.len().checked_div(width).unwrap_or(0);
    let [statistics, inverse, _, normal] = room_mut(layer, norms, samples);
    let (mean, variance) = cut_mut(statistics, width);
    let share = 1.0 / samples as f32;
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
fn backward(layer: &Layer, deltas: &mut [f32], params: &[f32], norms: &mut [f32]) -> f32 {
    let Params { gamma, .. } = Params::of(layer, params);
    let width = layer.outputs();
    let samples = deltas.len().checked_div(width).unwrap_or(0);
    let [statistics, inverse, gradient, normal] = room_mut(layer, norms, samples);
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

/// `r ← r + 0.1·(batch − r)`, the variance unbiased.
fn follow<'a>(layer: &Layer, params: &'a mut [f32], norms: &'a [f32], samples: usize) -> (&'a mut [f32], &'a [f32]) {
    let (learned, running) = learned_and_running(layer, params);
    let room = Room::of(layer, norms, samples);
    let n = samples as f32;
    let unbiased = 1.0 / (n - 1.0);
    let (mean, variance) = cut_mut(running, layer.outputs());
    let (batch_mean, batch_variance) = cut(room.statistics, layer.outputs());
    for ((m, v), (mean, variance)) in mean.iter_mut().zip(variance).zip(batch_mean.iter().zip(batch_variance)) {
        *m += (mean - *m) * MOMENTUM;
        *v += (variance * n * unbiased - *v) * MOMENTUM;
    }
    (learned, room.gradient)
}

fn accumulate(layer: &Layer, gradient: &mut [f32], norms: &[f32], samples: usize, before: u64) {
    let (learned, pooled) = learned_and_running(layer, gradient);
    kernels::add(learned, Room::of(layer, norms, samples).gradient, 1.0);
    pool(layer, pooled, norms, samples, before);
}

fn follow_pooled(layer: &Layer, params: &mut [f32], pooled: &[f32], samples: u64) {
    let (mean, variance) = cut_mut(learned_and_running(layer, params).1, layer.outputs());
    let (pooled, second) = cut(pooled, layer.outputs());
    let unbiased = 1.0 / (samples as f32 - 1.0);
    for ((m, v), (mean, second)) in mean.iter_mut().zip(variance).zip(pooled.iter().zip(second)) {
        *m += (mean - *m) * MOMENTUM;
        *v += (second * unbiased - *v) * MOMENTUM;
    }
}

fn largest(layer: &Layer, norms: &[f32], samples: usize) -> f32 {
    kernels::largest(Room::of(layer, norms, samples).statistics)
}

fn largest_pooled(layer: &Layer, pooled: &[f32], samples: u64) -> f32 {
    let (mean, second) = cut(pooled, layer.outputs());
    kernels::largest(mean) + kernels::largest(second) / (samples as f32 - 1.0)
}

/// `δ = m_b − m_a; m = m_a + δ·n_b/n; M₂ = M₂_a + M₂_b + δ²·n_a·n_b/n` (Chan et al. 1979).
fn pool(layer: &Layer, pooled: &mut [f32], norms: &[f32], samples: usize, before: u64) {
    let (mean, second) = cut_mut(pooled, layer.outputs());
    let (batch_mean, batch_variance) = cut(Room::of(layer, norms, samples).statistics, layer.outputs());
    let (n_a, n_b) = (before as f32, samples as f32);
    let share = n_b / (n_a + n_b);
    for ((m, v), (mean, variance)) in mean.iter_mut().zip(second).zip(batch_mean.iter().zip(batch_variance)) {
        if before == 0 {
            (*m, *v) = (*mean, variance * n_b);
        } else {
            let d = mean - *m;
            *m += d * share;
            *v = *v + variance * n_b + d * d * (n_a * share);
        }
    }
}

fn settle(layer: &Layer, params: &mut [f32], pooled: &[f32], samples: u64) {
    let (mean, variance) = cut_mut(learned_and_running(layer, params).1, layer.outputs());
    let (pooled, second) = cut(pooled, layer.outputs());
    let unbiased = 1.0 / (samples as f32 - 1.0);
    kernels::copy(mean, pooled);
    variance.iter_mut().zip(second).for_each(|(v, second)| *v = second * unbiased);
}

/// `s = γ/√(σ² + ε); W ← W·s; b ← (b − μ)·s + β`: the bias as a sample, each row of weights as one around 0.
fn fold(layer: &Layer, weights: &mut [f32], bias: &mut [f32], params: &[f32]) {
    let norm = Params::of(layer, params);
    by_blocks(layer.outputs(), &norm, weights, |w, _, scale, _| w * scale);
    by_blocks(layer.outputs(), &norm, bias, normalised);
}
