//! Batch normalisation (Ioffe & Szegedy 2015) of a layer's pre-activations: over the batch in training, by running
//! statistics in prediction.

use crate::kernels::{self, cut, cut_mut, rows, rows_mut};

/// `ε`, which keeps a variance of zero from dividing.
const EPSILON: f32 = 1e-5;
/// How far running statistics go towards those of a batch.
const MOMENTUM: f32 = 0.1;
/// Floats a unit among the parameters, besides its weights and bias: `γ, β`, running mean and variance.
pub(crate) const PARAMS: usize = 4;
/// Floats a unit in the workspace besides its normalised values: mean, variance, `1/√(σ² + ε)`, `∂L/∂γ`, `∂L/∂β`.
pub(crate) const ROOM: usize = 5;

/// What a normalised layer needs, linked where one is described. Slices: `params` are `γ, β, μ, σ²` of all units, `room`
/// is the layer's part of the workspace, `pooled` mean and sum of squared deviations of all units.
pub(crate) struct Norm {
    /// `z ← γ(z − μ)/√(σ² + ε) + β` by the running statistics.
    pub predict: fn(z: &mut [f32], params: &[f32]),
    /// The same by the statistics of the batch, which stay in the room with the normalised values.
    pub train: fn(z: &mut [f32], params: &[f32], room: &mut [f32]),
    /// `∂L/∂y` to `∂L/∂z`; leaves `∂L/∂γ` and `∂L/∂β` in the room.
    pub backward: fn(deltas: &mut [f32], params: &[f32], room: &mut [f32]) -> Largest,
    /// Moves running statistics towards those of a batch of so many samples.
    pub follow: fn(params: &mut [f32], room: &[f32], samples: usize),
    /// Pools the statistics of so many samples with those of so many before.
    pub pool: fn(pooled: &mut [f32], room: &[f32], samples: usize, before: u64),
    /// Moves running statistics towards those pooled from so many samples.
    pub follow_pooled: fn(params: &mut [f32], pooled: &[f32], samples: u64),
    /// Replaces running statistics by those pooled from so many samples.
    pub settle: fn(params: &mut [f32], pooled: &[f32], samples: u64),
    /// Turns weights and bias into those of the same layer without a norm.
    pub fold: fn(weights: &mut [f32], bias: &mut [f32], params: &[f32]),
}

pub(crate) static NORM: Norm = Norm { predict, train, backward, follow, pool, follow_pooled, settle, fold };

/// The largest magnitudes after a backward pass; not finite where one is not.
pub(crate) struct Largest {
    /// Of `∂L/∂γ` and `∂L/∂β`.
    pub gradient: f32,
    /// Of the batch's means and variances.
    pub statistic: f32,
}

/// `∂L/∂γ`, then `∂L/∂β`, which [`Norm::backward`] left for so many units.
pub(crate) fn gradient(room: &[f32], units: usize) -> &[f32] {
    cut(cut(room, 3 * units).1, 2 * units).0
}

/// `γ, β` and the two statistics of all units.
fn split(params: &[f32]) -> (&[f32], &[f32], &[f32], &[f32]) {
    let units = params.len() / PARAMS;
    let ((gamma, rest), (mean, variance)) = (cut(params, units), cut(cut(params, 2 * units).1, units));
    (gamma, cut(rest, units).0, mean, variance)
}

/// The running mean and variance among `params`.
fn running(params: &mut [f32]) -> (&mut [f32], &mut [f32]) {
    let units = params.len() / PARAMS;
    cut_mut(cut_mut(params, 2 * units).1, units)
}

fn predict(z: &mut [f32], params: &[f32]) {
    /// Units whose scales are worked out before the samples pass: all in registers.
    const BLOCK: usize = 8;
    let width = params.len() / PARAMS;
    let (mut gamma, mut beta, mut mean, mut variance) = split(params);
    let mut at = 0;
    while !gamma.is_empty() {
        let mut units = [(0.0, 0.0, 0.0); BLOCK];
        for ((unit, (gamma, beta)), (mean, variance)) in
            units.iter_mut().zip(gamma.iter().zip(beta)).zip(mean.iter().zip(variance))
        {
            *unit = (*mean, gamma / kernels::sqrt(variance + EPSILON), *beta);
        }
        for row in rows_mut(&mut *z, width) {
            for (z, (mean, scale, beta)) in cut_mut(row, at).1.iter_mut().zip(units).take(gamma.len()) {
                *z = (*z - mean) * scale + beta;
            }
        }
        at += BLOCK;
        let rest = |s| cut(s, BLOCK).1;
        (gamma, beta, mean, variance) = (rest(gamma), rest(beta), rest(mean), rest(variance));
    }
}

fn train(z: &mut [f32], params: &[f32], room: &mut [f32]) {
    let (gamma, beta, ..) = split(params);
    let width = gamma.len();
    let (mean, rest) = cut_mut(room, width);
    let (variance, rest) = cut_mut(rest, width);
    let (inverse, rest) = cut_mut(rest, width);
    let normal = cut_mut(rest, 2 * width).1;
    let share = 1.0 / (z.len().checked_div(width).unwrap_or(0)) as f32;
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
fn backward(deltas: &mut [f32], params: &[f32], room: &mut [f32]) -> Largest {
    let gamma = split(params).0;
    let width = gamma.len();
    let (statistics, rest) = cut_mut(room, 2 * width);
    let (inverse, rest) = cut_mut(rest, width);
    let (gradient, normal) = cut_mut(rest, 2 * width);
    let share = 1.0 / (deltas.len().checked_div(width).unwrap_or(0)) as f32;
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
    Largest { gradient: kernels::largest(gradient), statistic: kernels::largest(statistics) }
}

/// `r ← r + 0.1·(batch − r)`, the variance unbiased.
fn follow(params: &mut [f32], room: &[f32], samples: usize) {
    let (mean, variance) = running(params);
    let n = samples as f32;
    let unbiased = 1.0 / (n - 1.0);
    let (batch_mean, batch_variance) = cut(room, mean.len());
    for ((m, v), (mean, variance)) in mean.iter_mut().zip(variance).zip(batch_mean.iter().zip(batch_variance)) {
        *m += (mean - *m) * MOMENTUM;
        *v += (variance * n * unbiased - *v) * MOMENTUM;
    }
}

/// `δ = m_b − m_a; m = m_a + δ·n_b/n; M₂ = M₂_a + M₂_b + δ²·n_a·n_b/n` (Chan et al. 1979).
fn pool(pooled: &mut [f32], room: &[f32], samples: usize, before: u64) {
    let units = pooled.len() / 2;
    let (mean, second) = cut_mut(pooled, units);
    let (batch_mean, batch_variance) = cut(room, units);
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

fn follow_pooled(params: &mut [f32], pooled: &[f32], samples: u64) {
    let (mean, variance) = running(params);
    let (pooled, second) = cut(pooled, mean.len());
    let unbiased = 1.0 / (samples as f32 - 1.0);
    for ((m, v), (mean, second)) in mean.iter_mut().zip(variance).zip(pooled.iter().zip(second)) {
        *m += (mean - *m) * MOMENTUM;
        *v += (second * unbiased - *v) * MOMENTUM;
    }
}

fn settle(params: &mut [f32], pooled: &[f32], samples: u64) {
    let (mean, variance) = running(params);
    let (pooled, second) = cut(pooled, mean.len());
    let unbiased = 1.0 / (samples as f32 - 1.0);
    kernels::copy(mean, pooled);
    variance.iter_mut().zip(second).for_each(|(v, second)| *v = second * unbiased);
}

/// `s = γ/√(σ² + ε); W ← W·s; b ← (b − μ)·s + β`.
fn fold(weights: &mut [f32], bias: &mut [f32], params: &[f32]) {
    let (gamma, .., variance) = split(params);
    for row in rows_mut(weights, gamma.len()) {
        for ((w, gamma), variance) in row.iter_mut().zip(gamma).zip(variance) {
            *w *= gamma / kernels::sqrt(variance + EPSILON);
        }
    }
    predict(bias, params);
}
