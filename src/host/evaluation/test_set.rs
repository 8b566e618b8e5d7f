//! The outputs of a model for each test sample.

use super::calibration::calibrate;
use super::classes::{SetEvaluation, by_class};
use super::evaluator::Evaluator;
use crate::host::HostError;
use crate::host::data::{Dataset, Samples};
use crate::host::prelude::*;
use crate::metrics::{Calibration, softmax};
use crate::{Loss, Spec};

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
        let (score, mut outputs) = Evaluator::new(spec, data)?.outputs(params, samples, &indices)?;
        let set = SetEvaluation::new(spec, samples, &indices, (score, outputs.clone()))?.named(data.class_names());
        let has_probabilities = spec.loss_kind() == Loss::SoftmaxCrossEntropy;
        let mut calibration = None;
        if has_probabilities {
            outputs.chunks_mut(spec.outputs()).for_each(|row| softmax(row, spec.math_kind()));
            calibrate(spec, samples, &indices, &outputs, calibration.insert(Calibration::default()))?;
        }
        let outputs = by_class(spec, outputs);
        Ok(Self { samples, outputs, has_probabilities, calibration, set })
    }
}
