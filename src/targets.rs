//! What outputs should be.

use crate::debug::Elements;
use crate::error::{Error, Setting};
use crate::slices::{cut, numbered};
use core::fmt;

/// What the outputs of `n` samples should be.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Targets<'a> {
    /// A class a sample, each below [`Spec::classes`](crate::Spec::classes): 0 or 1 for one output under binary cross-entropy.
    Classes(&'a [u16]),
    /// Shape `(n, targets)`, [`Spec::targets`](crate::Spec::targets) values a sample; under softmax cross-entropy probabilities or weights of classes, not negative; under
    /// binary cross-entropy probabilities, from 0 to 1.
    Values(&'a [f32]),
}

/// Not the numbers: there may be many.
impl fmt::Debug for Targets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, len) = match self {
            Self::Classes(classes) => ("Classes", classes.len()),
            Self::Values(values) => ("Values", values.len()),
        };
        f.debug_tuple(kind).field(&Elements(len)).finish()
    }
}

impl<'a> Targets<'a> {
    /// The targets of the samples from `done` on.
    pub(crate) fn skip(&self, done: usize, width: usize) -> Self {
        match *self {
            Self::Classes(classes) => Self::Classes(cut(classes, done).1),
            Self::Values(values) => Self::Values(cut(values, done.saturating_mul(width)).1),
        }
    }

    /// The target of one sample, of so many values.
    pub(crate) fn get(&self, sample: usize, width: usize) -> Target<'a> {
        match *self {
            Self::Classes(classes) => match (width, classes.get(sample).map_or(0, |&c| usize::from(c))) {
                // The class is the target itself.
                (1, 0) => Target::Values(&[0.0]),
                (1, _) => Target::Values(&[1.0]),
                (_, class) => Target::Class(class),
            },
            Self::Values(values) => Target::Values(cut(cut(values, sample.saturating_mul(width)).1, width).0),
        }
    }
}

/// What the outputs of one sample should be.
#[derive(Clone, Copy)]
pub(crate) enum Target<'a> {
    Class(usize),
    Values(&'a [f32]),
}

/// A target as numbers, one for each output.
pub(crate) trait Row {
    /// `t_j`.
    fn at(&self, j: usize) -> f32;

    /// The class that it names: of probabilities, the most probable.
    fn class(&self) -> usize;
}

impl Row for Target<'_> {
    /// A class counts as its one-hot row.
    #[inline(always)]
    fn at(&self, j: usize) -> f32 {
        match *self {
            Self::Class(class) => f32::from(u8::from(j == class)),
            Self::Values(values) => values.get(j).copied().unwrap_or(0.0),
        }
    }

    fn class(&self) -> usize {
        match *self {
            Self::Class(class) => class,
            Self::Values(values) => peak(values).0,
        }
    }
}

/// The class that a row of outputs names: [`argmax`]; of a single output, a logit of class 1 against class 0, whether it is
/// above 0. (A single probability, as [`Swag::predict`](crate::average::Swag::predict) gives, names class 1 where it is above a half.)
#[must_use]
pub fn class_of(outputs: &[f32]) -> u16 {
    if let [logit] = outputs { u16::from(*logit > 0.0) } else { argmax(outputs) }
}

/// Refuses a number of classes that no `u16` tells apart, and none.
pub(crate) fn check_classes(classes: usize) -> Result<(), Error> {
    // Without a constant that 16 bits do not hold.
    if classes > 0 && classes - 1 <= usize::from(u16::MAX) { Ok(()) } else { Err(Error::Setting(Setting::Classes)) }
}

/// The class of the largest of at most 65,536 values; of equal ones the first; 0 for none.
///
/// A network with one output under binary cross-entropy names its class by [`class_of`].
#[must_use]
pub fn argmax(values: &[f32]) -> u16 {
    peak(values).0 as u16
}

/// The largest value and its index.
pub(crate) fn peak(values: &[f32]) -> (usize, f32) {
    let (mut best, mut at) = (f32::NEG_INFINITY, 0);
    for (j, &v) in numbered(0, values) {
        if v > best {
            (best, at) = (v, j);
        }
    }
    (at, best)
}

#[cfg(test)]
mod tests;
