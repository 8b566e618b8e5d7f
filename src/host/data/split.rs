//! Which training samples are held out for validation.

use crate::host::HostError;
use crate::host::prelude::*;
use crate::random::{self, Purpose};

/// Which training samples a run holds out: a share of them, by its seed alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    /// Decides which.
    pub seed: u64,
    /// Share of the training samples held out for validation, `0 <= validation < 1`.
    pub validation: f32,
}

impl Split {
    /// Whether the share is in range.
    ///
    /// # Errors
    /// [`HostError::Usage`] that names it.
    pub fn check(&self) -> Result<(), HostError> {
        if (0.0..1.0).contains(&self.validation) {
            return Ok(());
        }
        let share = self.validation;
        Err(HostError::Usage(format!("validation {share:?} is out of range: at least 0 and below 1")))
    }

    /// How many of so many training samples are held out.
    ///
    /// # Errors
    /// [`HostError::Usage`] where none is left to learn from.
    pub fn held_out(&self, samples: usize) -> Result<usize, HostError> {
        let held_out = (f64::from(self.validation) * samples as f64).round() as usize;
        if held_out < samples {
            return Ok(held_out);
        }
        Err(HostError::Usage(format!(
            "{held_out} of {samples} samples are held out for validation, so that none is left for training"
        )))
    }

    /// Indices of the training and of the validation samples, both ascending.
    ///
    /// # Errors
    /// As [`held_out`](Self::held_out), and for more samples than there are indices.
    pub(in crate::host) fn of(&self, samples: usize) -> Result<(Vec<u32>, Vec<u32>), HostError> {
        let count = u32::try_from(samples).map_err(|_| HostError::Usage(format!("{samples} samples are too many")))?;
        let held_out = self.held_out(samples)?;
        let mut order: Vec<u32> = (0..count).collect();
        random::shuffle(&mut order, &mut random::stream(self.seed, Purpose::Split, 0));
        let mut train = order.split_off(held_out);
        train.sort_unstable();
        order.sort_unstable();
        Ok((train, order))
    }
}
