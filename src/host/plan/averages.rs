//! What a run averages, and when.

use crate::average::Ema;
use crate::host::prelude::*;

/// A kind of average.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum AverageKind {
    /// Running mean of the snapshots.
    Swa,
    /// Polynomial average of this exponent, of snapshots from the first steps on.
    Polynomial(f32),
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
            Self::Polynomial(_) => "polynomial",
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
    /// Share of the budget before the first snapshot, `0 <= start <= 1`; polynomial and exponential averages start at once.
    pub start: f32,
    /// Steps between snapshots; `None` takes one at the end of each epoch, for a polynomial average
    /// [a few steps apart](Self::polynomial_every).
    pub every: Option<u64>,
    /// Rate from the start of averaging on; `None` leaves it as it is.
    pub rate: Option<f32>,
    /// Whether each epoch continues from the first average (Switch EMA; Li et al. 2024, arXiv 2402.09240).
    pub switch: bool,
    /// At how many equally spaced moments of the run polynomial averages of [`EXPONENTS`] are stored, for another width
    /// afterwards.
    pub posthoc: Option<u64>,
}

/// The exponents of the averages that are stored, of widths 0.10 and 0.25.
pub const EXPONENTS: [f32; 2] = [6.94, 0.72];

impl AveragePlan {
    /// The polynomial average of exponent 7, whose shares have a standard deviation of a tenth of the run.
    #[must_use]
    pub fn polynomial() -> Self {
        Self { kinds: vec![AverageKind::Polynomial(7.0)], start: 0.0, ..Self::default() }
    }

    /// Steps between two models of a polynomial average, for epochs of `epoch` steps: 20, but at least 8 models an epoch.
    #[must_use]
    pub fn polynomial_every(&self, epoch: u64) -> u64 {
        self.every.unwrap_or((epoch / 8).clamp(1, 20))
    }
}

impl Default for AveragePlan {
    /// The running mean of the models at the end of each epoch from 75 % of the budget on.
    fn default() -> Self {
        Self { kinds: vec![AverageKind::Swa], start: 0.75, every: None, rate: None, switch: false, posthoc: None }
    }
}
