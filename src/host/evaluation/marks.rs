//! How good a model is on every set of samples.

use super::calibration::calibration;
use super::evaluator::Evaluator;
use super::regression::Regression;
use crate::host::HostError;
use crate::host::data::Dataset;
use crate::host::prelude::*;
use crate::metrics::{Calibration, Score};

/// A model on the three sets of samples.
#[derive(Clone, Debug)]
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
}

impl Evaluator<'_> {
    /// How good a model is on all sets.
    pub(crate) fn marks(
        &mut self,
        params: &[f32],
        data: &Dataset,
        train: &[u32],
        validation: &[u32],
    ) -> Result<Marks, HostError> {
        let test: Vec<u32> = (0..data.test.len() as u32).collect();
        let sets = [(&data.train, train), (&data.train, validation), (&data.test, &test[..])];
        let [train, validation, test] = sets.map(|(samples, indices)| self.score(params, samples, indices));
        let (train, validation, test) = (train?, validation?, test?);
        if data.train.has_classes() {
            let calibration = calibration(self.spec(), params, &data.test)?;
            return Ok(Marks { train, validation, test, calibration, regression: None });
        }
        // Only standardised numbers have a mean error.
        let units = data.units.as_ref().filter(|_| self.spec().outputs() == 1);
        let regression = sets.map(|(samples, indices)| {
            let (_, outputs) = self.outputs(params, samples, indices)?;
            Ok::<_, HostError>(Regression::mean(&Regression::of_each(samples, indices, &outputs, units)))
        });
        let [a, b, c] = regression;
        Ok(Marks { train, validation, test, calibration: None, regression: Some([a?, b?, c?]) })
    }
}
