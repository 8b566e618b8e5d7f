//! What a run averages, and when.

use crate::average::Ema;
use crate::host::prelude::*;

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
    /// Gaussian around the mean of the snapshots, with so many columns; predicts by so many draws.
    Swag(usize, u32),
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
    /// Rate from the start of averaging on; `None` leaves it as it is.
    pub rate: Option<f32>,
}

impl Default for AveragePlan {
    /// The running mean of the models at the end of each epoch from 75 % of the budget on.
    fn default() -> Self {
        Self { kinds: vec![AverageKind::Swa], start: 0.75, every: None, rate: None }
    }
}
