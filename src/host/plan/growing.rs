//! A batch that grows over a run, in whole micro-batches.

use super::settings::Plan;
use crate::host::HostError;
use crate::train::{BatchSize, Growth, Noise};
use std::format;

/// How a batch grows over the run, from [`Plan::batch`] on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GrowthPlan {
    /// What asks for more.
    pub rule: GrowthRule,
    /// The largest batch.
    pub most: usize,
    /// Updates in a row that must ask for more.
    pub patience: u32,
}

/// [`Growth`] in terms that do not depend on the number of samples.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum GrowthRule {
    /// As [`Growth::NormTest`].
    NormTest(f32),
    /// As [`Growth::NoiseScale`].
    NoiseScale(f32),
    /// Twofold every so many epochs.
    Doubling(u64),
}

impl Default for GrowthPlan {
    /// Up to 1024 samples, by the norm test with 0.9, which 50 updates in a row have to fail.
    fn default() -> Self {
        Self { rule: GrowthRule::NormTest(0.9), most: 1024, patience: 50 }
    }
}

impl Plan {
    /// Samples that pass at once: the micro-batch; where the batch grows, half of the first unless it is said, since two
    /// gradients are the least that tell of their noise.
    pub(in crate::host) fn at_once(&self, samples: usize) -> usize {
        let usual = if self.growth.is_some() { self.batch / 2 } else { self.batch };
        self.micro_batch.unwrap_or(usual).min(self.batch).min(samples).max(1)
    }

    /// Samples that the trainer takes one after the other: a batch, or a micro-batch where batches grow.
    pub(in crate::host) fn unit(&self, samples: usize) -> usize {
        if self.growth.is_some() { self.at_once(samples) } else { self.batch.min(samples) }
    }

    /// Whether the batches of an epoch over `samples` can grow.
    ///
    /// # Errors
    /// [`HostError::Usage`] where the first is not at least two whole micro-batches.
    pub(in crate::host) fn check_growth(&self, samples: usize) -> Result<(), HostError> {
        let (whole, part) = (self.batch.min(samples), self.at_once(samples));
        let fits = part < whole && (samples < self.batch || self.batch.is_multiple_of(part));
        if self.growth.is_none() || fits {
            return Ok(());
        }
        Err(HostError::Usage(format!(
            "a growing batch must begin with two or more whole micro-batches, but {whole} samples in micro-batches of {part} \
             do not: change --batch or --micro-batch"
        )))
    }
}

/// The batch of the moment.
pub(in crate::host) struct Growing {
    size: BatchSize,
    /// Samples of a micro-batch, and of the most of them.
    part: u64,
    most: u64,
    latest: u64,
}

impl Growing {
    /// For epochs over so many samples; none where the batch stays.
    pub(in crate::host) fn new(plan: &Plan, samples: usize) -> Result<Option<Self>, HostError> {
        let Some(GrowthPlan { rule, most, patience }) = plan.growth else { return Ok(None) };
        let growth = match rule {
            GrowthRule::NormTest(theta) => Growth::NormTest(theta),
            GrowthRule::NoiseScale(factor) => Growth::NoiseScale(factor),
            GrowthRule::Doubling(epochs) => Growth::Doubling(epochs.saturating_mul(samples as u64)),
        };
        let [least, most] = [plan.batch, most].map(|size| size.min(samples) as u64);
        let size = BatchSize::new(growth, least, most, patience)?;
        let part = plan.at_once(samples) as u64;
        Ok(Some(Self { size, part, most: most / part * part, latest: least }))
    }

    /// Samples of the next batch: whole micro-batches, rounded up, since a demand for a little more would never be met.
    pub(in crate::host) fn get(&self) -> u64 {
        self.size.get().div_ceil(self.part).saturating_mul(self.part).min(self.most)
    }

    /// Samples of the latest batch that did not end an epoch.
    pub(in crate::host) fn latest(&self) -> u64 {
        self.latest
    }

    pub(in crate::host) fn noise_scale(&self) -> Option<f32> {
        self.size.noise_scale()
    }

    /// Takes in a step on so many samples and what it knows of its noise.
    pub(in crate::host) fn update(&mut self, samples: u64, noise: Option<Noise>) {
        self.latest = self.get();
        self.size.update(samples, noise);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demand_for_less_than_a_micro_batch_more_is_met() {
        let growth = Some(GrowthPlan { patience: 1, most: 60, ..GrowthPlan::default() });
        let mut batch = Growing::new(&Plan { growth, ..Plan::default() }, 1000).unwrap().unwrap();
        let mut sizes = std::vec![];
        for _ in 0..3 {
            // Noise alone: each time 1/0.81 of the batch is asked for.
            let samples = batch.get();
            let square = 1.0 / samples as f32;
            batch.update(samples, Some(Noise { variance: 1.0, signal: 1e-6, square, samples }));
            sizes.push(samples);
        }
        assert_eq!((sizes, batch.get(), batch.latest()), (std::vec![32, 48, 48], 48, 48));
    }
}
