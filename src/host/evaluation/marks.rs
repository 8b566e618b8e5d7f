//! How good a model is on every set of samples.

use super::calibration::{calibrate, to_probabilities};
use super::evaluator::Evaluator;
use super::intervals::Interval;
use super::regression::Regression;
use super::results::Results;
use crate::Loss;
use crate::host::HostError;
use crate::host::data::{Dataset, Samples};
use crate::host::prelude::*;
use crate::metrics::{Calibration, Score};
use std::collections::BTreeMap;

/// A model on the three sets of samples.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Marks {
    /// On the training samples, without dropout.
    pub train: Score,
    /// On the samples that were held out; no samples where the plan holds out none.
    pub validation: Score,
    /// What it never saw.
    pub test: Score,
    /// Its calibration there; none where the outputs are no classes.
    pub calibration: Option<Calibration>,
    /// How far its numbers are off on the same sets, several in the mean and in standard deviations; none where the outputs
    /// are classes.
    pub regression: Option<[Regression; 3]>,
    /// What it made of each test sample.
    pub results: Results,
    /// Whether it is not seen to be better on the training samples than a constant answer: the most frequent class and the
    /// frequencies of the classes, or the mean of the numbers. Never with weights or of quantiles.
    pub learned_nothing: bool,
}

impl Evaluator<'_> {
    /// How good a model is on all sets.
    pub(crate) fn marks(
        &mut self,
        params: &[f32],
        data: &Dataset,
        train: &[u32],
        held_out: &[u32],
    ) -> Result<Marks, HostError> {
        let test: Vec<u32> = (0..data.test.len() as u32).collect();
        let sets = [(&data.train, train), (&data.train, held_out), (&data.test, &test[..])];
        let [learned, validated, tested] = sets.map(|(samples, indices)| self.results(params, samples, indices));
        let ((score, learned), (validation, apart), (tested, results)) = (learned?, validated?, tested?);
        let validation = self.weighed(&data.train, held_out, validation, &apart);
        let mut marks = Marks { train: score, validation, test: tested, results, ..Marks::default() };
        if data.train.has_classes() {
            let has_probabilities = self.spec().loss_kind() == Loss::SoftmaxCrossEntropy;
            // With weights the most frequent class is no measure.
            marks.learned_nothing =
                !self.weighs(&data.train) && knows_no_class(&score, &learned, has_probabilities, &data.train, train);
            if has_probabilities {
                let (_, mut outputs) = self.outputs(params, &data.test, &test)?;
                to_probabilities(self.spec(), &mut outputs);
                marks.calibration = Some(calibrate(self.spec(), &data.test, &test, &outputs)?);
            }
            return Ok(marks);
        }
        // Only standardised numbers have a mean error.
        let units = data.units.as_ref().filter(|_| self.spec().targets() == 1);
        let regression = sets.map(|(samples, indices)| {
            let (_, outputs) = self.outputs(params, samples, indices)?;
            Ok::<_, HostError>(Regression::mean(samples, indices, &outputs, units))
        });
        let [a, b, c] = regression;
        let ((a, learned), (b, _), (c, results)) = (a?, b?, c?);
        let upper = learned.loss().high / learned.loss().estimate;
        // The share of the variance that is left at the upper bound of the mean squared error. With weights, and of quantiles,
        // the mean is no measure.
        let goes_by_mean = !self.weighs(&data.train) && !matches!(self.spec().loss_kind(), Loss::Pinball(_));
        marks.learned_nothing = goes_by_mean && upper.is_finite() && (1.0 - a.r2) * upper >= 1.0;
        (marks.regression, marks.results) = (Some([a, b, c]), results);
        Ok(marks)
    }
}

/// Whether neither the error is lower than with the most frequent class nor, of probabilities, the loss lower than with the
/// frequencies of the classes, each by its 95 % interval.
fn knows_no_class(score: &Score, each: &Results, has_probabilities: bool, samples: &Samples, indices: &[u32]) -> bool {
    let mut counts = BTreeMap::new();
    for &i in indices {
        *counts.entry(samples.label(i as usize)).or_insert(0_u32) += 1;
    }
    let shares = counts.values().map(|&count| f64::from(count) / indices.len() as f64);
    let entropy = -shares.clone().map(|share| share * share.ln()).sum::<f64>();
    let most = shares.fold(0.0, f64::max);
    let is_better = Interval::of_share(score.hits(), score.samples()).low > most;
    !(is_better || has_probabilities && each.loss().high < entropy)
}
