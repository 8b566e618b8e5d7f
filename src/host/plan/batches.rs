//! How the samples of an epoch become batches.

use super::settings::Plan;
use crate::host::HostError;
use crate::host::prelude::*;
use crate::network::NormKind;

impl Plan {
    /// Samples that pass at once: the micro-batch; where the batch grows, half of the first unless it is said, since two
    /// gradients are the least that tell of their noise.
    pub(in crate::host) fn at_once(&self, samples: usize) -> usize {
        let usual = if self.growth.is_some() { self.batch / 2 } else { self.batch };
        self.micro_batch.unwrap_or(usual).min(self.batch).min(samples).max(1)
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

    /// Whether every batch of an epoch over `samples` can be normalised, and grow where it is to.
    ///
    /// # Errors
    /// [`HostError::Usage`] where one would be a single sample, which has no variance, or one micro-batch, which does not
    /// tell its noise.
    pub fn check_batches(&self, samples: usize) -> Result<(), HostError> {
        self.check_growth(samples)?;
        let (whole, passes) = (self.batch.min(samples), self.at_once(samples));
        // Of a batch, the samples that pass last.
        let is_alone = |batch: usize| passes == 1 || batch % passes == 1;
        if self.norm == Some(NormKind::Batch) && (is_alone(whole) || is_alone(samples % whole.max(1))) {
            return Err(HostError::Usage(format!(
                "batch normalisation needs at least two samples at once, but {samples} samples in batches of {whole}, \
                 computed {passes} at once, leave a single sample: change --batch or --micro-batch"
            )));
        }
        Ok(())
    }

    /// Steps of an epoch over `samples`: `⌈samples / batch⌉`.
    #[must_use]
    pub fn steps_per_epoch(&self, samples: usize) -> u64 {
        samples.div_ceil(self.batch.max(1)) as u64
    }
}
