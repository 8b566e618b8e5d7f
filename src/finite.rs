//! The check for NaN and infinity.

use crate::error::{Error, Value};
use crate::kernels;

/// The largest magnitude, or [`Error::NonFinite`] with the place of the first number that is not finite.
pub(crate) fn check_finite(x: &[f32], value: Value) -> Result<f32, Error> {
    let largest = kernels::largest(x);
    if largest.is_finite() {
        return Ok(largest);
    }
    Err(Error::NonFinite { value, index: x.iter().position(|x| !x.is_finite()).unwrap_or(0) })
}

/// Whether no optimizer overflows on a gradient of magnitudes up to `bound`: squares, velocities and rates have room. NaN
/// is not.
pub(crate) fn is_moderate(bound: f32) -> bool {
    bound < 1e18
}
