//! How well a score tells one class from the rest, whatever the threshold.

use super::sort::{ClassScore, sort_descending};
use crate::error::{Error, Value};
use crate::slices::{cut, numbered};
use core::iter;

/// Samples whose score is at least a threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Threshold {
    /// The threshold, a score that samples have.
    pub score: f32,
    /// Those of the class.
    pub true_positives: u32,
    /// Those of the rest.
    pub false_positives: u32,
}

/// Receiver operating characteristic and precision-recall curve of one class against the rest, with their areas
/// (Fawcett 2006; Davis and Goadrich 2006). Samples of equal score pass a threshold together.
///
/// Counts are exact, so that the order of the samples changes no bit. What is a share of none is NaN: recall and both
/// areas without samples of the class, the false-positive rate and its area without samples of the rest.
#[derive(Clone, Copy)]
pub struct Curves<'a> {
    scores: &'a [ClassScore],
    positives: u32,
    negatives: u32,
}

debug_view!(Curves<'_>: positives negatives; scores);

impl<'a> Curves<'a> {
    /// Of `scores`, one a sample, which are sorted in place: the largest first.
    ///
    /// # Errors
    /// [`Error::NonFinite`] for a score, [`Error::CountOverflow`] for more than 2³² − 1 samples; `scores` are as before
    /// then.
    pub fn new(scores: &'a mut [ClassScore]) -> Result<Self, Error> {
        let samples = u32::try_from(scores.len()).map_err(|_| Error::CountOverflow)?;
        if let Some(index) = scores.iter().position(|s| !s.score.is_finite()) {
            return Err(Error::NonFinite { value: Value::Score, index });
        }
        sort_descending(scores);
        let positives = count(scores);
        Ok(Self { scores, positives, negatives: samples.saturating_sub(positives) })
    }

    /// Samples of the class.
    #[must_use]
    pub fn positives(&self) -> u32 {
        self.positives
    }

    /// Samples of the rest.
    #[must_use]
    pub fn negatives(&self) -> u32 {
        self.negatives
    }

    /// What passes each threshold, the highest first.
    pub fn thresholds(&self) -> impl Iterator<Item = Threshold> {
        let (mut rest, mut true_positives, mut false_positives) = (self.scores, 0, 0);
        iter::from_fn(move || {
            let score = rest.first()?.score;
            let (ties, below) =
                cut(rest, numbered(1, rest.iter().take_while(|s| s.score == score)).last().map_or(0, |(n, _)| n));
            let positives = count(ties);
            true_positives = u32::wrapping_add(true_positives, positives);
            false_positives = u32::wrapping_add(false_positives, (ties.len() as u32).wrapping_sub(positives));
            rest = below;
            Some(Threshold { score, true_positives, false_positives })
        })
    }

    /// Points `(false-positive rate, true-positive rate)`: `(0, 0)`, then one a threshold.
    pub fn roc(&self) -> impl Iterator<Item = (f32, f32)> {
        let point = |t: Threshold| (share(t.false_positives, self.negatives), share(t.true_positives, self.positives));
        iter::once((0.0, 0.0)).chain(self.thresholds().map(point))
    }

    /// Points `(recall, precision)`: `(0, 1)`, then one a threshold.
    pub fn pr(&self) -> impl Iterator<Item = (f32, f32)> {
        let point = |t: Threshold| {
            let passed = t.true_positives.saturating_add(t.false_positives);
            (share(t.true_positives, self.positives), share(t.true_positives, passed))
        };
        iter::once((0.0, 1.0)).chain(self.thresholds().map(point))
    }

    /// Area under the ROC curve by trapezoids: the probability that a sample of the class has the larger score than one
    /// of the rest, ties counting half.
    #[must_use]
    pub fn roc_auc(&self) -> f32 {
        // Twice the area in units of a pair, below 2⁶³.
        let (mut area, mut left, mut below) = (0_u64, 0, 0);
        for t in self.thresholds() {
            let (step, height) = (t.false_positives.wrapping_sub(left), u64::from(below) + u64::from(t.true_positives));
            area = area.wrapping_add(u64::from(step).wrapping_mul(height));
            (left, below) = (t.false_positives, t.true_positives);
        }
        let pairs = u64::from(self.positives) * u64::from(self.negatives);
        area as f32 / 2.0 / pairs as f32
    }

    /// Area under the precision-recall curve by steps: `Σ_t (R_t − R_{t−1})·P_t` over thresholds, the average precision.
    #[must_use]
    pub fn average_precision(&self) -> f32 {
        // Precisions in units of 2⁻³¹, so that the sum is exact whatever its length.
        let (mut area, mut below) = (0_u64, 0);
        for t in self.thresholds() {
            let passed = u64::from(t.true_positives) + u64::from(t.false_positives);
            let precision = (u64::from(t.true_positives) << 31).checked_div(passed).unwrap_or(0);
            area = area.wrapping_add(u64::from(t.true_positives.wrapping_sub(below)).wrapping_mul(precision));
            below = t.true_positives;
        }
        area as f32 / 2_147_483_648.0 / self.positives as f32
    }
}

/// Those of the class.
fn count(scores: &[ClassScore]) -> u32 {
    scores.iter().fold(0, |n: u32, s| n.wrapping_add(u32::from(s.is_positive)))
}

fn share(part: u32, of: u32) -> f32 {
    part as f32 / of as f32
}
