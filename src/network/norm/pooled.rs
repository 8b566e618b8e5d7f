//! What batches leave: gradients, running statistics that follow, statistics pooled over batches.

use super::batch::Room;
use super::{MOMENTUM, samples_of};
use crate::kernels;
use crate::network::layer::{Layer, Update};
use crate::slices::{cut, cut_mut};

/// The running statistics among the network's parameters: means before variances.
fn running<'a>(layer: &Layer, params: &'a mut [f32]) -> (&'a mut [f32], &'a mut [f32]) {
    let learned = layer.offset().wrapping_add(layer.learned_len());
    cut_mut(cut_mut(cut_mut(params, learned).1, layer.outputs().wrapping_mul(2)).0, layer.outputs())
}

pub(super) fn step(layer: &Layer, norm: &mut [f32], norms: &mut &[f32], deltas: &[f32], update: Update<'_>) {
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

pub(super) fn accumulate<'g>(
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

pub(super) fn gradient<'n>(layer: &Layer, norms: &mut &'n [f32], samples: usize) -> &'n [f32] {
    Room::first(layer, norms, samples).gradient
}

pub(super) fn follow_pooled(layer: &Layer, params: &mut [f32], pooled: &[f32], samples: u64) {
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

pub(super) fn largest(layer: &Layer, pooled: &[f32], norms: &mut &[f32], samples: usize, before: u64) -> f32 {
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

pub(super) fn pool(layer: &Layer, pooled: &mut [f32], norms: &mut &[f32], samples: usize, before: u64) {
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

pub(super) fn settle(layer: &Layer, params: &mut [f32], pooled: &[f32], samples: u64) {
    let (mean, variance) = running(layer, params);
    let (pooled, second) = cut(pooled, layer.outputs());
    kernels::copy(mean, pooled);
    variance.iter_mut().zip(second).for_each(|(v, second)| *v = second * unbiased(samples as f32));
}
