//! What a model made of each sample of a set, so that two models are compared sample by sample.

use super::intervals::Interval;
use crate::host::prelude::*;

/// A model on each sample of a set, five bytes a sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results {
    /// Whether the class was right; nothing where numbers are predicted.
    pub hits: Vec<bool>,
    /// The loss; of numbers the squared error, the mean over several. Nothing for ballots, which have no loss.
    pub losses: Vec<f32>,
}

impl Results {
    /// The error minus that of another model on the same samples, as a share: [`Interval::of_errors`].
    #[must_use]
    pub fn errors_against(&self, other: &Self) -> Interval {
        let only = |mine: bool| self.hits.iter().zip(&other.hits).filter(|&(&a, &b)| a == mine && b != mine).count();
        Interval::of_errors(only(false) as u64, only(true) as u64, self.hits.len() as u64)
    }

    /// The mean loss minus that of another model on the same samples: [`Interval::of_mean`].
    #[must_use]
    pub fn losses_against(&self, other: &Self) -> Interval {
        let differences = self.losses.iter().zip(&other.losses).map(|(&a, &b)| f64::from(a) - f64::from(b));
        Interval::of_mean(&differences.collect::<Vec<_>>())
    }

    /// The mean loss.
    #[must_use]
    pub fn loss(&self) -> Interval {
        Interval::of_mean(&self.losses.iter().map(|&loss| loss.into()).collect::<Vec<_>>())
    }
}
