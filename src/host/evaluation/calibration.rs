//! The calibration of a model: whether its probabilities agree with its accuracy.

use crate::host::HostError;
use crate::host::data::Samples;
use crate::host::memory::Floats;
use crate::host::prelude::*;
use crate::metrics::{Calibration, softmax};
use crate::{Loss, Spec, Workspace, predict};

/// Samples that pass at once.
const BATCH: usize = 64;

/// The calibration of a model; none where its outputs are no classes.
pub(in crate::host) fn calibration(
    spec: &Spec,
    params: &[f32],
    samples: &Samples,
) -> Result<Option<Calibration>, HostError> {
    if spec.loss_kind() != Loss::SoftmaxCrossEntropy {
        return Ok(None);
    }
    let indices: Vec<u32> = (0..samples.len() as u32).collect();
    let mut floats = Floats::zeros(spec.predict_len(BATCH))?;
    let mut work = Workspace::for_prediction(spec, BATCH, &mut floats)?;
    let mut total = Calibration::default();
    for batch in indices.chunks(BATCH) {
        let outputs = predict(spec, params, samples.inputs_of(batch), &mut work)?;
        outputs.chunks_mut(spec.outputs()).for_each(|row| softmax(row, spec.math_kind()));
        calibrate(spec, samples, batch, outputs, &mut total)?;
    }
    Ok(Some(total))
}

/// Adds what `probabilities` say of the samples.
pub(in crate::host) fn calibrate(
    spec: &Spec,
    samples: &Samples,
    indices: &[u32],
    probabilities: &[f32],
    total: &mut Calibration,
) -> Result<(), HostError> {
    for (row, &i) in probabilities.chunks(spec.outputs()).zip(indices) {
        total.add(row, samples.label(i as usize).map_or(u16::MAX, u16::from))?;
    }
    Ok(())
}
