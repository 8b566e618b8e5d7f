//! The calibration of a model: whether its probabilities agree with its accuracy.

use crate::Spec;
use crate::host::HostError;
use crate::host::data::Samples;
use crate::metrics::{Calibration, softmax};

/// Turns the outputs of a classifier into probabilities, sample by sample.
pub(in crate::host) fn to_probabilities(spec: &Spec, outputs: &mut [f32]) {
    outputs.chunks_mut(spec.outputs()).for_each(|row| softmax(row, spec.math_kind()));
}

/// Of the probabilities of the samples that `indices` name.
pub(in crate::host) fn calibrate(
    spec: &Spec,
    samples: &Samples,
    indices: &[u32],
    probabilities: &[f32],
) -> Result<Calibration, HostError> {
    let mut total = Calibration::default();
    for (row, &i) in probabilities.chunks(spec.outputs()).zip(indices) {
        total.add(row, samples.label(i as usize).map_or(u16::MAX, u16::from))?;
    }
    Ok(total)
}
