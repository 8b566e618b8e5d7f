//! The units that standardised values are in.

use crate::host::prelude::*;

/// What standardised values stand for: `value · deviation + mean`, for each output.
#[derive(Clone, Debug, PartialEq)]
pub struct Units {
    /// Mean of each.
    pub means: Vec<f32>,
    /// Standard deviation of each, above 0.
    pub deviations: Vec<f32>,
}

impl Units {
    /// The units in which values in these are standardised: `(value − mean) / deviation`.
    pub(in crate::host) fn inverse(&self) -> Self {
        let means = self.means.iter().zip(&self.deviations).map(|(mean, sd)| -mean / sd).collect();
        Self { means, deviations: self.deviations.iter().map(|sd| sd.recip()).collect() }
    }
}
