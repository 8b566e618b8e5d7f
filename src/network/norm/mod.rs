//! Batch normalisation (Ioffe & Szegedy 2015) of a layer's pre-activations: over the batch in training, by running
//! statistics in prediction.

use crate::kernels::{self, cut, cut_mut, rows, rows_mut};
use crate::network::layer::{Layer, Norm, Update};

/// `ε`, which keeps a variance of zero from dividing.
const EPSILON: f32 = 1e-5;
/// How far running statistics go towards those of a batch.
const MOMENTUM: f32 = 0.1;

pub(crate) static NORM: Norm =
    Norm { forward, backward, step, accumulate, gradient, follow_pooled, largest, pool, settle, fold };

/// Parameters of a norm, one of each for a unit.
#[derive(Clone, Copy)]
struct Params<'a> {
    gamma: &'a [f32],
    beta: &'a [f32],
    mean: &'a [f32],
    variance: &'a [f32],
}

impl<'a> Params<'a> {
    /// From `params`, which begin with them; what follows comes, too.
    fn first(layer: &Layer, params: &'a [f32]) -> (Self, &'a [f32]) {
        let units = layer.outputs();
        let (gamma, rest) = cut(params, units);
        let (beta, rest) = cut(rest, units);
        let (mean, rest) = cut(rest, units);
        let (variance, rest) = cut(rest, units);
        (Self { gamma, beta, mean, variance }, rest)
    }

    /// Among those of the network.
    fn of(layer: &Layer, params: &'a [f32]) -> Self {
        Self::first(layer, cut(params, layer.norm_offset()).1).0
    }
}

/// The running statistics among the network's parameters: means before variances.
fn running<'a>(layer: &Layer, params: &'a mut [f32]) -> (&'a mut [f32], &'a mut [f32]) {
    let learned = layer.offset().wrapping_add(layer.learned_len());
    cut_mut(cut_mut(cut_mut(params, learned).1, layer.outputs().wrapping_mul(2)).0, layer.outputs())
}

/// A layer's room in the workspace after a batch.
struct Room<'a> {
    /// Mean, then variance.
    statistics: &'a [f32],
    /// `∂L/∂γ`, then `∂L/∂β`.
    gradient: &'a [f32],
}

impl<'a> Room<'a> {
    /// The first in `norms`, which is shortened by it.
    fn first(layer: &Layer, norms: &mut &'a [f32], samples: usize) -> Self {
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

/// Samples of a layer's batch.
fn samples_of(layer: &Layer, floats: &[f32]) -> usize {
    floats.len().checked_div(layer.outputs()).unwrap_or(0)
}

fn forward<'p>(layer: &Layer, z: &mut [f32], params: &'p [f32], norms: &mut &mut [f32]) -> &'p [f32] {
    let (norm, rest) = Params::first(layer, params);
    if norms.is_empty() {
        by_blocks(layer.outputs(), &norm, z, normalised);
    } else {
        let (room, others) = cut_mut(core::mem::take(norms), layer.norm_room(samples_of(layer, z)));
        *norms = others;
        train(layer, z, &norm, room);
    }
    rest
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
        at = usize::wrapping_add(at, BLOCK);
        let rest = |s| cut(s, BLOCK).1;
        (gamma, beta, mean, variance) = (rest(gamma), rest(beta), rest(mean), rest(variance));
    }
}

fn train(layer: &Layer, z: &mut [f32], norm: &Params<'_>, room: &mut [f32]) {
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
fn backward(layer: &Layer, deltas: &mut [f32], params: &[f32], norms: &mut &mut [f32]) -> f32 {
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

fn step(layer: &Layer, norm: &mut [f32], norms: &mut &[f32], deltas: &[f32], update: Update<'_>) {
    let (units, samples) = (layer.outputs(), samples_of(layer, deltas));
    let room = Room::first(layer, norms, samples);
    let (learned, running) = cut_mut(norm, 2 * units);
    let (mean, variance) = cut_mut(running, units);
    let (batch_mean, batch_variance) = cut(room.statistics, units);
    let n = samples as f32;
    follow(mean, batch_mean, 1.0);
    // Unbiased, in the roundings of what is pooled.
    for (r, variance) in variance.iter_mut().zip(batch_variance) {
        *r += (variance * n * unbiased(n) - *r) * MOMENTUM;
    }
    update(layer.norm_offset(), learned, room.gradient);
}

fn accumulate<'g>(
    layer: &Layer,
    gradient: &'g mut [f32],
    norms: &mut &[f32],
    samples: usize,
    before: u64,
) -> &'g mut [f32] {
    let (learned, rest) = cut_mut(gradient, 2 * layer.outputs());
    let (pooled, rest) = cut_mut(rest, 2 * layer.outputs());
    let room = Room::first(layer, norms, samples);
    kernels::add(learned, room.gradient, 1.0);
    take_in(layer, pooled, &room, samples, before);
    rest
}

fn gradient<'n>(layer: &Layer, norms: &mut &'n [f32], samples: usize) -> &'n [f32] {
    Room::first(layer, norms, samples).gradient
}

fn follow_pooled(layer: &Layer, params: &mut [f32], pooled: &[f32], samples: u64) {
    let (mean, variance) = running(layer, params);
    let (pooled, second) = cut(pooled, layer.outputs());
    follow(mean, pooled, 1.0);
    follow(variance, second, unbiased(samples as f32));
}

/// `r ← r + 0.1·(s·gain − r)`.
fn follow(running: &mut [f32], statistic: &[f32], gain: f32) {
    running.iter_mut().zip(statistic).for_each(|(r, s)| *r += (s * gain - *r) * MOMENTUM);
}

/// What makes a variance of a sum of squared deviations.
fn unbiased(samples: f32) -> f32 {
    1.0 / (samples - 1.0)
}

fn largest(layer: &Layer, pooled: &[f32], norms: &mut &[f32], samples: usize, before: u64) -> f32 {
    let room = Room::first(layer, norms, samples);
    let (mean, second) = cut(pooled, layer.outputs());
    let (batch_mean, batch_variance) = cut(room.statistics, layer.outputs());
    let (join, unbiased) = (joined(samples, before), unbiased(before.saturating_add(samples as u64) as f32));
    // Pooled means lie between those that are pooled, variances may be larger.
    let mut largest = kernels::largest(room.statistics);
    for ((&m, &v), (&mean, &variance)) in mean.iter().zip(second).zip(batch_mean.iter().zip(batch_variance)) {
        let variance = join((m, v), (mean, variance)).1 * unbiased;
        // A NaN stays.
        if variance > largest || variance.is_nan() {
            largest = variance;
        }
    }
    largest
}

fn pool(layer: &Layer, pooled: &mut [f32], norms: &mut &[f32], samples: usize, before: u64) {
    take_in(layer, pooled, &Room::first(layer, norms, samples), samples, before);
}

fn take_in(layer: &Layer, pooled: &mut [f32], room: &Room<'_>, samples: usize, before: u64) {
    let (mean, second) = cut_mut(pooled, layer.outputs());
    let (batch_mean, batch_variance) = cut(room.statistics, layer.outputs());
    let join = joined(samples, before);
    for ((m, v), (mean, variance)) in mean.iter_mut().zip(second).zip(batch_mean.iter().zip(batch_variance)) {
        (*m, *v) = join((*m, *v), (*mean, *variance));
    }
}

/// Mean and sum of squared deviations of `before` samples, with mean and variance of a batch:
/// `δ = m_b − m_a; m = m_a + δ·n_b/n; M₂ = M₂_a + M₂_b + δ²·n_a·n_b/n` (Chan et al. 1979).
fn joined(samples: usize, before: u64) -> impl Fn((f32, f32), (f32, f32)) -> (f32, f32) {
    let (n_a, n_b) = (before as f32, samples as f32);
    let share = n_b / (n_a + n_b);
    move |(m, v), (mean, variance)| {
        if before == 0 {
            return (mean, variance * n_b);
        }
        let d = mean - m;
        (m + d * share, v + variance * n_b + d * d * (n_a * share))
    }
}

fn settle(layer: &Layer, params: &mut [f32], pooled: &[f32], samples: u64) {
    let (mean, variance) = running(layer, params);
    let (pooled, second) = cut(pooled, layer.outputs());
    kernels::copy(mean, pooled);
    variance.iter_mut().zip(second).for_each(|(v, second)| *v = second * unbiased(samples as f32));
}

/// `s = γ/√(σ² + ε); W ← W·s; b ← (b − μ)·s + β`.
fn fold(layer: &Layer, weights: &mut [f32], bias: &mut [f32], params: &[f32]) {
    let norm = Params::of(layer, params);
    by_blocks(layer.outputs(), &norm, weights, |w, _, scale, _| w * scale);
    by_blocks(layer.outputs(), &norm, bias, normalised);
}
