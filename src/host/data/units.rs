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
