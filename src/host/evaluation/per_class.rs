//! Each class against the rest, its curves included.

use super::threads::share;
use crate::Error;
use crate::host::HostError;
use crate::host::memory::room;
use crate::host::prelude::*;
use crate::metrics::{ClassCounts, ClassScore, Confusion, Curves};
use std::num::NonZeroUsize;
use std::thread;

/// One class against the rest.
#[derive(Clone, Debug, serde::Serialize)]
#[non_exhaustive]
pub struct ClassEvaluation {
    /// What the class is called, where a table has names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Samples of the class.
    pub support: u64,
    /// Samples that were taken for it.
    pub predicted: u64,
    /// Share of those that are of the class.
    pub precision: f32,
    /// Share of the class that was taken for it.
    pub recall: f32,
    /// Harmonic mean of both.
    pub f1: f32,
    /// Area under the ROC curve.
    pub roc_auc: f32,
    /// Area under the precision-recall curve.
    pub average_precision: f32,
    /// Every score that a sample has for the class, the highest first: probabilities for softmax cross-entropy, outputs
    /// for other losses. The curves have a point before the first, which no sample passes.
    #[serde(skip_serializing_if = "is_empty")]
    pub thresholds: Vec<f32>,
    /// Receiver operating characteristic.
    #[serde(skip_serializing_if = "is_empty")]
    pub roc: Roc,
    /// Precision-recall curve.
    #[serde(skip_serializing_if = "is_empty")]
    pub pr: Pr,
}

/// Points of a receiver operating characteristic.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Roc {
    /// Share of the rest that passes, from 0 to 1.
    pub false_positive_rate: Vec<f32>,
    /// Share of the class that passes, from 0 to 1.
    pub true_positive_rate: Vec<f32>,
}

/// Points of a precision-recall curve.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Pr {
    /// Share of the class that passes, from 0 to 1.
    pub recall: Vec<f32>,
    /// Share of what passes that is of the class; 1 where nothing passes.
    pub precision: Vec<f32>,
}

/// Whether there are no points.
fn is_empty<T: Default + PartialEq>(points: &T) -> bool {
    *points == T::default()
}

impl ClassEvaluation {
    /// Removes the points of the curves.
    pub(super) fn clear_curves(&mut self) {
        (self.thresholds, self.roc, self.pr) = Default::default();
    }

    fn new(counts: ClassCounts, scores: &mut [ClassScore]) -> Result<Self, Error> {
        let curves = Curves::new(scores)?;
        let (false_positive_rate, true_positive_rate) = curves.roc().unzip();
        let (recall, precision) = curves.pr().unzip();
        Ok(Self {
            name: None,
            support: counts.support,
            predicted: counts.predicted,
            precision: counts.precision(),
            recall: counts.recall(),
            f1: counts.f1(),
            roc_auc: curves.roc_auc(),
            average_precision: curves.average_precision(),
            thresholds: curves.thresholds().map(|t| t.score).collect(),
            roc: Roc { false_positive_rate, true_positive_rate },
            pr: Pr { recall, precision },
        })
    }
}

/// Every class, on all cores; `scores` has the shape `(samples, classes)`.
pub(in crate::host) fn all(
    confusion: &Confusion<'_>,
    scores: &[f32],
    classes: &[u16],
) -> Result<Vec<ClassEvaluation>, HostError> {
    let counts: Vec<ClassCounts> = confusion.per_class().collect();
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(counts.len());
    let mut columns = vec![Vec::new(); threads];
    let evaluated = share(&mut columns, counts.len(), |column, c| {
        *column = room(classes.len())?;
        let of_class = scores.iter().skip(c).step_by(counts.len()).zip(classes);
        column.extend(of_class.map(|(&score, &class)| ClassScore { score, is_positive: usize::from(class) == c }));
        Ok(ClassEvaluation::new(counts[c], column)?)
    });
    evaluated.into_iter().collect()
}
