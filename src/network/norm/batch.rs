//! A batch norm in training: forward and backward pass of a batch by its own statistics, and what it leaves.

use crate::error::{Error, Value};
use crate::finite::is_moderate;
use crate::kernels;
use crate::network::layout::Split;
use crate::network::norm::pooled::Pooled;
use crate::network::norm::running::EPSILON;
use crate::slices::{cut, cut_mut, rows, rows_mut};

/// What a batch leaves of a norm after its backward pass.
pub(crate) struct Left<'w> {
    /// What sums up to `∂L/∂γ`: rows of all units, of a batch norm a single one.
    pub scale: &'w [f32],
    /// The same of `∂L/∂β`.
    pub shift: &'w [f32],
    /// Statistics of the batch and of all samples before it.
    pub statistics: Pooled<'w>,
    /// The largest magnitude of a statistic, the batch's or a pooled one; not finite where one is not.
    pub(super) largest: f32,
}

impl Left<'_> {
    /// Refuses statistics of 1e18 or more.
    pub(crate) fn check(&self, layer: u8) -> Result<(), Error> {
        if is_moderate(self.largest) {
            return Ok(());
        }
        Err(Error::NonFinite { value: Value::Statistic, index: layer.into() })
    }
}

/// What the batch in `room` leaves, with the statistics of the samples `before` it; as often as it is asked.
pub(super) fn left<'w>(room: &'w mut [f32], units: usize, before: Pooled<'_>) -> Left<'w> {
    let Room { statistics, gradient, inverse_and_normal } = Room::of(room, units);
    let rows = samples_of(inverse_and_normal, units);
    let batch = kernels::largest(statistics);
    // Nothing needs what stood there any more.
    let free = cut_mut(inverse_and_normal, units.wrapping_mul(2)).0;
    let statistics = before.add(statistics, rows.saturating_sub(1), free);
    let pooled = statistics.largest();
    // A NaN stays.
    let largest = if pooled > batch || pooled.is_nan() { pooled } else { batch };
    let (scale, shift) = cut(gradient, units);
    Left { scale, shift, statistics, largest }
}

/// A norm's room in the workspace.
struct Room<'w> {
    /// Means, then variances.
    statistics: &'w mut [f32],
    gradient: &'w mut [f32],
    /// `1/√(σ² + ε)` of each unit, then the normalised values.
    inverse_and_normal: &'w mut [f32],
}

impl<'w> Room<'w> {
    fn of(room: &'w mut [f32], units: usize) -> Self {
        let two = units.wrapping_mul(2);
        let (statistics, rest) = cut_mut(room, two);
        let (gradient, inverse_and_normal) = cut_mut(rest, two);
        Self { statistics, gradient, inverse_and_normal }
    }
}

pub(super) fn forward(params: &Split<&[f32]>, z: &mut [f32], room: &mut [f32]) {
    let Split { scale: gamma, shift: beta, .. } = *params;
    let width = gamma.len();
    let Room { statistics, inverse_and_normal, .. } = Room::of(room, width);
    let (mean, variance) = cut_mut(statistics, width);
    let (inverse, normal) = cut_mut(inverse_and_normal, width);
    let share = 1.0 / samples_of(z, width) as f32;
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
pub(super) fn backward(params: &Split<&[f32]>, deltas: &mut [f32], room: &mut [f32]) -> f32 {
    let gamma = params.scale;
    let width = gamma.len();
    let Room { statistics, gradient, inverse_and_normal } = Room::of(room, width);
    let (inverse, normal) = cut_mut(inverse_and_normal, width);
    let share = 1.0 / samples_of(deltas, width) as f32;
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

/// Samples in `floats`, which has one for each sample and unit.
pub(super) fn samples_of(floats: &[f32], units: usize) -> usize {
    floats.len().checked_div(units).unwrap_or(0)
}
