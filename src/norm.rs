//! Batch normalisation (Ioffe & Szegedy 2015) of a layer's pre-activations: over the batch in training, by running
//! statistics in prediction.

use crate::kernels::{self, cut, cut_mut, rows, rows_mut};

/// `ε`, which keeps a variance of zero from dividing.
pub(crate) const EPSILON: f32 = 1e-5;
/// How far running statistics go towards those of a batch.
pub(crate) const MOMENTUM: f32 = 0.1;
/// Floats a unit besides its weights and bias: `γ, β`, running mean and variance.
pub(crate) const PARAMS: usize = 4;
/// Floats a unit in the workspace besides its normalised values: mean, variance, `1/√(σ² + ε)`, `∂L/∂γ`, `∂L/∂β`.
pub(crate) const ROOM: usize = 5;

/// What a normalised layer needs; linked where one is described.
pub(crate) struct Norm {
    /// `z ← γ(z − μ)/√(σ² + ε) + β` by the running statistics in `params`: `γ, β, μ, σ²` of each unit.
    pub predict: fn(&mut [f32], &[f32]),
    /// The same by the statistics of the batch, which stay in the room with the normalised values.
    pub train: fn(&mut [f32], &[f32], Room<'_>),
    /// `∂L/∂y` to `∂L/∂z`; leaves `∂L/∂γ` and `∂L/∂β` in the room.
    pub backward: fn(&mut [f32], &[f32], Room<'_>),
    /// Running statistics in `params` after a batch of so many samples.
    pub follow: fn(&mut [f32], &Batch<'_>, usize),
    /// Pools the statistics of so many samples with those of so many before (definition of a merge), as mean and sum of
    /// squared deviations.
    pub pool: fn(&mut [f32], &Batch<'_>, usize, u64),
}

pub(crate) static NORM: Norm = Norm { predict, train, backward, follow, pool };

/// A layer's part of the workspace for a batch.
pub(crate) struct Room<'a> {
    normal: &'a mut [f32],
    mean: &'a mut [f32],
    variance: &'a mut [f32],
    inverse: &'a mut [f32],
    gradient: &'a mut [f32],
}

impl<'a> Room<'a> {
    /// Of `samples` samples of a layer of `units`.
    pub(crate) fn new(floats: &'a mut [f32], samples: usize, units: usize) -> Self {
        let (normal, rest) = cut_mut(floats, samples.saturating_mul(units));
        let (mean, rest) = cut_mut(rest, units);
        let (variance, rest) = cut_mut(rest, units);
        let (inverse, rest) = cut_mut(rest, units);
        Self { normal, mean, variance, inverse, gradient: cut_mut(rest, 2 * units).0 }
    }
}

/// What a batch left in a layer's room.
pub(crate) struct Batch<'a> {
    mean: &'a [f32],
    variance: &'a [f32],
    /// `∂L/∂γ`, then `∂L/∂β`, summed over the batch.
    pub gradient: &'a [f32],
}

impl<'a> Batch<'a> {
    pub(crate) fn new(floats: &'a [f32], samples: usize, units: usize) -> Self {
        let rest = cut(floats, samples.saturating_mul(units)).1;
        let (mean, rest) = cut(rest, units);
        let (variance, rest) = cut(rest, units);
        Self { mean, variance, gradient: cut(cut(rest, units).1, 2 * units).0 }
    }

    /// The largest magnitude of a mean or a variance.
    pub(crate) fn largest(&self) -> f32 {
        let (mean, variance) = (kernels::largest(self.mean), kernels::largest(self.variance));
        if mean > variance || !mean.is_finite() { mean } else { variance }
    }
}

/// `γ, β` and the two statistics of all units.
fn split(params: &[f32]) -> (&[f32], &[f32], &[f32], &[f32]) {
    let units = params.len() / PARAMS;
    let ((gamma, rest), (mean, variance)) = (cut(params, units), cut(cut(params, 2 * units).1, units));
    (gamma, cut(rest, units).0, mean, variance)
}

fn predict(z: &mut [f32], params: &[f32]) {
    let (gamma, beta, mean, variance) = split(params);
    let width = gamma.len();
    let units = gamma.iter().zip(beta).zip(mean.iter().zip(variance));
    for (j, ((gamma, beta), (mean, variance))) in units.enumerate() {
        let scale = gamma / kernels::sqrt(variance + EPSILON);
        for z in rows_mut(&mut *z, width).filter_map(|row| row.get_mut(j)) {
            *z = (*z - mean) * scale + beta;
        }
    }
}

fn train(z: &mut [f32], params: &[f32], room: Room<'_>) {
    let Room { normal, mean, variance, inverse, .. } = room;
    let (gamma, beta, ..) = split(params);
    let width = gamma.len();
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
fn backward(deltas: &mut [f32], params: &[f32], room: Room<'_>) {
    let Room { normal, inverse, gradient, .. } = room;
    let gamma = split(params).0;
    let width = gamma.len();
    let share = 1.0 / (deltas.len().checked_div(width).unwrap_or(0)) as f32;
    gradient.fill(0.0);
    let (of_gamma, of_beta) = cut_mut(gradient, width);
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
}

/// `r ← r + 0.1·(batch − r)`, the variance unbiased.
fn follow(params: &mut [f32], batch: &Batch<'_>, samples: usize) {
    let units = params.len() / PARAMS;
    let (mean, variance) = cut_mut(cut_mut(params, 2 * units).1, units);
    let unbiased = samples as f32 / (samples as f32 - 1.0);
    for ((m, v), (mean, variance)) in mean.iter_mut().zip(variance).zip(batch.mean.iter().zip(batch.variance)) {
        *m += (mean - *m) * MOMENTUM;
        *v += (variance * unbiased - *v) * MOMENTUM;
    }
}

/// `δ = m_b − m_a; m = m_a + δ·n_b/n; M₂ = M₂_a + M₂_b + δ²·n_a·n_b/n`.
fn pool(pooled: &mut [f32], batch: &Batch<'_>, samples: usize, before: u64) {
    let (mean, second) = cut_mut(pooled, pooled.len() / 2);
    let (n_a, n_b) = (before as f32, samples as f32);
    let share = n_b / (n_a + n_b);
    for ((m, v), (mean, variance)) in mean.iter_mut().zip(second).zip(batch.mean.iter().zip(batch.variance)) {
        if before == 0 {
            (*m, *v) = (*mean, variance * n_b);
        } else {
            let d = mean - *m;
            *m += d * share;
            *v = *v + variance * n_b + d * d * (n_a * share);
        }
    }
}
