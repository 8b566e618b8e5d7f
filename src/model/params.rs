//! Parameters as an average takes them, and what is known of their magnitudes.
//!
//! A non-finite model must not reach an average. Looking for one costs a pass over all parameters; a bound that every
//! training step carries along, from the bound on its gradient, costs a few operations a step, and one pass at the first
//! step of a [`Model`](crate::Model) and wherever its parameters were borrowed to write to.

use crate::error::{Error, Value};
use crate::finite::is_moderate;
use crate::kernels;
use core::ops::Deref;

/// Differences of averaged models must not overflow: every magnitude is below `2^127`.
pub(crate) const LIMIT: f32 = 1.701_411_8e38;

/// Parameters for an [`Averager`](crate::Averager) or for [`save`](crate::store::save): a slice, which is checked first, or
/// a [`Model`](crate::Model), whose training keeps a bound on their magnitudes and which knows whether it is an average.
/// Whatever computes an average gives it as such, to be read like a slice.
#[derive(Clone, Copy)]
pub struct Params<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) bound: Bound,
    /// Whether they are those of an average; for a slice this is not known.
    pub(crate) is_average: bool,
}

debug_view!(Params<'_>: bound is_average; values);

impl<'a, T: AsRef<[f32]> + ?Sized> From<&'a T> for Params<'a> {
    fn from(values: &'a T) -> Self {
        Self { values: values.as_ref(), bound: Bound::UNKNOWN, is_average: false }
    }
}

impl<'a> Params<'a> {
    /// Those of an average in a slice.
    #[must_use]
    pub fn of_average(values: &'a [f32]) -> Self {
        Self { is_average: true, ..Self::from(values) }
    }

    /// The floats, which alone do not know whether they are an average.
    #[must_use]
    pub fn as_slice(self) -> &'a [f32] {
        self.values
    }

    /// Whether they are marked as those of an average.
    #[must_use]
    pub fn is_average(&self) -> bool {
        self.is_average
    }

    /// Refuses a magnitude of [`LIMIT`] or more, NaN and infinity.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.bound.is_known() || kernels::largest(self.values) < LIMIT {
            return Ok(());
        }
        let index = self.values.iter().position(|p| p.is_nan() || p.abs() >= LIMIT).unwrap_or(0);
        Err(Error::NonFinite { value: Value::Param, index })
    }
}

impl Deref for Params<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        self.values
    }
}

impl PartialEq for Params<'_> {
    /// The same numbers, both of an average or neither.
    fn eq(&self, other: &Self) -> bool {
        self.is_average == other.is_average && self.values == other.values
    }
}

/// A bound on the magnitudes of parameters or of an optimizer's state; not finite where none is known.
///
/// Running statistics of norms it covers as far as [`LIMIT`] goes: those that training moves them to are below 2e18.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound(f32);

impl Bound {
    /// To be found out.
    pub(crate) const UNKNOWN: Self = Self(f32::INFINITY);

    /// More than the rounding errors of a step can add to a magnitude.
    const GROWTH: f32 = 1.000_001;

    /// The largest magnitude itself.
    pub(crate) fn of(values: &[f32]) -> Self {
        Self(kernels::largest(values))
    }

    fn is_known(self) -> bool {
        (0.0..LIMIT).contains(&self.0)
    }

    pub(crate) fn get(self) -> f32 {
        self.0
    }

    /// The bound after what has this one becomes at most `magnitude`, computed in a few roundings.
    pub(crate) fn becomes(&mut self, magnitude: f32) -> f32 {
        self.0 = magnitude * Self::GROWTH;
        self.0
    }

    /// Counts `n` weights that move off those that this bound covers; none is known any more where they are too few.
    pub(crate) fn cover(&mut self, covered: &mut usize, n: usize) {
        match covered.checked_sub(n) {
            Some(rest) => *covered = rest,
            None => *self = Self(f32::NAN),
        }
    }

    /// Looks at the values where no bound is known, or one that is too large to tell whether a step goes too far.
    pub(crate) fn find(&mut self, values: &[f32]) -> f32 {
        if !is_moderate(self.0) {
            *self = Self::of(values);
        }
        self.0
    }
}

#[cfg(test)]
mod tests;
