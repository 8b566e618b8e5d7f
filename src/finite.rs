//! NaN and infinity are refused.

use crate::error::{Error, Value};
use crate::kernels;

/// [`Error::NonFinite`] with the place of the first number that is not finite.
pub(crate) fn check_finite(x: &[f32], value: Value) -> Result<(), Error> {
    not_finite(x).map_or(Ok(()), |index| Err(Error::NonFinite { value, index }))
}

/// The place of the first number that is not finite.
fn not_finite(x: &[f32]) -> Option<usize> {
    if kernels::largest(x).is_finite() { None } else { x.iter().position(|x| !x.is_finite()) }
}
