//! Statistics over samples of several batches.

use crate::error::{Error, Value};
use crate::finite::is_moderate;
use crate::kernels;
use crate::slices::{cut, cut_mut};

/// How far running statistics go towards those of a step.
const MOMENTUM: f32 = 0.1;

/// Statistics of so many samples: of each unit the mean, and the sum of squared deviations from it.
#[derive(Clone, Copy)]
pub(crate) struct Pooled<'a> {
    pub mean: &'a [f32],
    pub second: &'a [f32],
    pub samples: u64,
}

impl<'a> Pooled<'a> {
    /// Of no samples.
    pub(crate) const NONE: Self = Self { mean: &[], second: &[], samples: 0 };

    /// From means before sums of squares.
    pub(crate) fn of(statistics: &'a [f32], samples: u64) -> Self {
        let (mean, second) = cut(statistics, statistics.len() / 2);
        Self { mean, second, samples }
    }

    /// These samples and then a batch of `samples`, whose means and variances are in `batch`; written to `to`.
    ///
    /// `δ = m_b − m_a; m = m_a + δ·n_b/n; M₂ = M₂_a + M₂_b + δ²·n_a·n_b/n` (Chan et al. 1979).
    pub(super) fn add<'w>(&self, batch: &[f32], samples: usize, to: &'w mut [f32]) -> Pooled<'w> {
        let (n_a, n_b) = (self.samples as f32, samples as f32);
        let units = batch.len() / 2;
        let (mean, second) = cut_mut(&mut *to, units);
        let (batch_mean, batch_variance) = cut(batch, units);
        kernels::copy(mean, batch_mean);
        second.iter_mut().zip(batch_variance).for_each(|(second, variance)| *second = variance * n_b);
        if self.samples > 0 {
            let share = n_b / (n_a + n_b);
            let before = self.mean.iter().zip(self.second);
            for ((m, v), (mean, second)) in mean.iter_mut().zip(second).zip(before) {
                let d = *m - mean;
                *m = mean + d * share;
                *v = second + *v + d * d * (n_a * share);
            }
        }
        Pooled::of(to, self.samples.saturating_add(samples as u64))
    }

    /// The largest magnitude of an unbiased variance, NaN where one is; means lie between those that were pooled.
    pub(super) fn largest(&self) -> f32 {
        kernels::largest(self.second) * self.unbiased()
    }

    /// Refuses what no samples leave: means and variances of 1e18 or more, and sums of squares below zero.
    pub(crate) fn check(&self, layer: u8) -> Result<(), Error> {
        let is_possible = is_moderate(kernels::largest(self.mean) + self.largest());
        if is_possible && self.second.iter().all(|&second| second >= 0.0) {
            return Ok(());
        }
        Err(Error::NonFinite { value: Value::Statistic, index: layer.into() })
    }

    /// Moves running statistics, means before variances, towards these: `r ← r + 0.1·(s − r)`, of unbiased variances.
    pub(crate) fn follow(&self, running: &mut [f32]) {
        let (mean, variance) = cut_mut(running, self.mean.len());
        mean.iter_mut().zip(self.mean).for_each(|(r, s)| *r += (s - *r) * MOMENTUM);
        let unbiased = self.unbiased();
        variance.iter_mut().zip(self.second).for_each(|(r, s)| *r += (s * unbiased - *r) * MOMENTUM);
    }

    /// Replaces running statistics by these, of unbiased variances.
    pub(crate) fn settle(&self, running: &mut [f32]) {
        let (mean, variance) = cut_mut(running, self.mean.len());
        kernels::copy(mean, self.mean);
        let unbiased = self.unbiased();
        variance.iter_mut().zip(self.second).for_each(|(v, second)| *v = second * unbiased);
    }

    /// Writes them, means before sums of squares.
    pub(crate) fn write(&self, to: &mut [f32]) {
        let (mean, second) = cut_mut(to, self.mean.len());
        kernels::copy(mean, self.mean);
        kernels::copy(second, self.second);
    }

    /// What makes a variance of a sum of squared deviations.
    fn unbiased(&self) -> f32 {
        1.0 / (self.samples as f32 - 1.0)
    }
}
