//! Checks before a step, and the bound on the parameters that it carries along, so that an average need not read them twice.

use crate::error::{Error, Setting};
use crate::model::params::Bound;
use crate::optim::Optimizer;

/// Refuses a learning rate that is not from 0 to 1e9.
pub(super) fn check_rate(rate: f32) -> Result<(), Error> {
    if (0.0..=1e9).contains(&rate) { Ok(()) } else { Err(Error::Setting(Setting::Rate)) }
}

/// A bound on a gradient as it is computed, from one on the exact sums over so many samples.
pub(super) fn with_rounding(bound: f32, samples: usize) -> f32 {
    // Twice, since sums over up to 2²² samples are rounded too.
    if samples < 1 << 22 { 2.0 * bound } else { f32::NAN }
}

/// Begins a step along a gradient of magnitudes up to `gradient`, a sum over samples of this weight in all, and carries the bound on
/// `params` over it; after an error nothing has changed.
pub(super) fn begin(
    bound: &mut Bound,
    params: &[f32],
    optimizer: &mut dyn Optimizer,
    rate: f32,
    weight: f32,
    gradient: f32,
) -> Result<(), Error> {
    let now = bound.find(params);
    let reach = optimizer.begin(rate, 1.0 / weight, now, gradient)?;
    bound.becomes(if reach >= 0.0 { now + reach } else { f32::NAN });
    Ok(())
}

#[cfg(test)]
mod tests;
