//! What outputs should be.

use crate::kernels::{cut, numbered};

/// What the outputs of `n` samples should be.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Targets<'a> {
    /// A class a sample, each below the number of outputs.
    Classes(&'a [u16]),
    /// Shape `(n, outputs)`: values, or probabilities of classes.
    Values(&'a [f32]),
}

impl<'a> Targets<'a> {
    /// The targets of the samples from `done` on.
    pub(crate) fn skip(&self, done: usize, outputs: usize) -> Self {
        match *self {
            Self::Classes(classes) => Self::Classes(cut(classes, done).1),
            Self::Values(values) => Self::Values(cut(values, done.saturating_mul(outputs)).1),
        }
    }

    /// The target of one sample.
    pub(crate) fn get(&self, sample: usize, outputs: usize) -> Target<'a> {
        match *self {
            Self::Classes(classes) => Target::Class(classes.get(sample).map_or(0, |&c| usize::from(c))),
            Self::Values(values) => Target::Values(cut(cut(values, sample.saturating_mul(outputs)).1, outputs).0),
        }
    }
}

/// What the outputs of one sample should be.
#[derive(Clone, Copy)]
pub(crate) enum Target<'a> {
    Class(usize),
    Values(&'a [f32]),
}

impl Target<'_> {
    /// `t_j`: a class counts as its one-hot row.
    #[inline(always)]
    pub(crate) fn at(&self, j: usize) -> f32 {
        match *self {
            Self::Class(class) => f32::from(u8::from(j == class)),
            Self::Values(values) => values.get(j).copied().unwrap_or(0.0),
        }
    }

    /// The class that it names: of probabilities, the most probable.
    pub(crate) fn class(&self) -> usize {
        match *self {
            Self::Class(class) => class,
            Self::Values(values) => argmax(values),
        }
    }
}

/// Index of the largest value; of equal ones the first; 0 for none.
#[must_use]
pub fn argmax(values: &[f32]) -> usize {
    peak(values).0
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
mod tests {
    use super::*;

    #[test]
    fn argmax_takes_the_first_of_equals() {
        assert_eq!(argmax(&[1.0, 3.0, 3.0]), 1);
        assert_eq!(argmax(&[]), 0);
        assert_eq!(argmax(&[f32::NAN, 1.0]), 1);
    }
}
