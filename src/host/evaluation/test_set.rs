//! The outputs of a model for each test sample.

use super::classes::SetEvaluation;
use super::evaluator::Evaluator;
use crate::Spec;
use crate::host::HostError;
use crate::host::data::{Dataset, Samples};
use crate::host::prelude::*;
use crate::metrics::Calibration;

/// A model on the samples of the test.
#[derive(Debug)]
pub struct TestSet<'a> {
    pub(in crate::host) samples: &'a Samples,
    /// Probabilities of the classes, or outputs of a loss that knows none, shape `(samples, classes)`.
    pub(in crate::host) outputs: Vec<f32>,
    pub(in crate::host) has_probabilities: bool,
    pub(in crate::host) calibration: Option<Calibration>,
    pub(in crate::host) set: SetEvaluation,
}

impl<'a> TestSet<'a> {
    /// Asks the model about each sample, on all cores.
    ///
    /// # Errors
    /// As [`Evaluation::new`](super::Evaluation::new).
    pub fn new(spec: &Spec, params: &[f32], data: &'a Dataset) -> Result<Self, HostError> {
        let samples = &data.test;
        let indices: Vec<u32> = (0..samples.len() as u32).collect();
        let asked = Evaluator::new(spec, data)?.outputs(params, samples, &indices)?;
        let (set, outputs, calibration) = SetEvaluation::new(spec, samples, &indices, asked)?;
        let has_probabilities = calibration.is_some();
        Ok(Self { samples, outputs, has_probabilities, calibration, set: set.named(data.class_names()) })
    }
}
