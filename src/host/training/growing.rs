//! A batch that grows over a run, in whole micro-batches.

use super::state::{Part, SIZE, Saved, Sections};
use crate::host::HostError;
use crate::host::plan::{GrowthPlan, GrowthRule, Plan};
use crate::store::{Place, Tag};
use crate::train::{BatchSize, Growth, Noise};

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

    /// Adds it to the state of a run.
    pub(in crate::host) fn save(&self, to: &mut Sections<'_>) {
        to.add(Tag::GROWTH, 0, [Part::Bytes(self.size.to_bytes().to_vec())]);
        to.add(SIZE, 0, [Part::longs([self.latest])]);
    }

    /// Becomes what was saved.
    pub(in crate::host) fn restore(&mut self, saved: &mut Saved<'_>) -> Result<(), HostError> {
        let (mut size, mut latest) = ([0; BatchSize::BYTES], [0; 8]);
        saved.read(Tag::GROWTH, 0, &mut [Place::Bytes(&mut size)])?;
        saved.read(SIZE, 0, &mut [Place::Bytes(&mut latest)])?;
        (self.size, self.latest) = (BatchSize::from_bytes(&size)?, u64::from_le_bytes(latest));
        Ok(())
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

    /// Counts a step on so many samples, with what is known of its noise.
    pub(in crate::host) fn update(&mut self, samples: u64, noise: Option<Noise>) {
        self.latest = self.get();
        self.size.update(samples, noise);
    }
}

#[cfg(test)]
mod tests;
