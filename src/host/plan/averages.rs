//! What a run averages, and when.

use crate::average::{Draws, Ema};
use crate::host::prelude::*;
use crate::schedule::Shape;

/// A kind of average.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum AverageKind {
    /// Running mean of the snapshots.
    Swa,
    /// Exponential average over every step of the run.
    Ema(Ema),
    /// Mean of the latest so many snapshots.
    Lawa(usize),
    /// Gaussian around the mean of the snapshots, with so many columns; predicts by these draws, of the run's seed.
    Swag(usize, Draws),
}

impl AverageKind {
    /// Its name on the command line and in tables.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Swa => "swa",
            Self::Ema(_) => "ema",
            Self::Lawa(_) => "lawa",
            Self::Swag(..) => "swag",
        }
    }
}

/// What to average, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct AveragePlan {
    /// Which averages to keep; the history follows the first.
    pub kinds: Vec<AverageKind>,
    /// Share of the budget before the first snapshot, `0 <= start <= 1`.
    pub start: f32,
    /// Steps between snapshots; `None` takes one at the end of each epoch.
    pub every: Option<u64>,
    /// Rate that the schedule is annealed to from the start of averaging on; `None` leaves it as it is.
    pub rate: Option<f32>,
    /// Epochs of the annealing, and how it goes.
    pub anneal: (f32, Shape),
}

impl Default for AveragePlan {
    /// The running mean of the models at the end of each epoch from 75 % of the budget on.
    fn default() -> Self {
        Self { kinds: vec![AverageKind::Swa], start: 0.75, every: None, rate: None, anneal: (0.0, Shape::Linear) }
    }
}
