//! From samples to outputs: `a = f(x·W + bias)`, layer by layer.

use crate::error::{Buffer, Error, Value};
use crate::kernels::{cut, cut_mut, rows_mut};
use crate::math::Math;
use crate::model::{Model, Workspace};
use crate::random::Masks;
use crate::rows::Rows;
use crate::samples::{Inputs, check_finite};
use crate::spec::{Activation, Layer, Spec};

/// The outputs of `n` samples as `(n, spec.outputs())` floats in the workspace: logits for
/// the cross-entropies, values for the others. `params` may lie in flash.
///
/// # Errors
/// [`Error::Spec`], [`Error::Length`], [`Error::Empty`], [`Error::BatchTooLarge`], or [`Error::NonFinite`] for NaN or
/// infinity in a sample or in an output.
pub fn predict<'w, 'x: 'w>(
    spec: &Spec,
    params: &[f32],
    inputs: impl Into<Inputs<'x>>,
    work: &'w mut Workspace<'_>,
) -> Result<&'w mut [f32], Error> {
    predict_inputs(spec, params, inputs.into(), work)
}

fn predict_inputs<'w, 'x: 'w>(
    spec: &Spec,
    params: &[f32],
    inputs: Inputs<'x>,
    work: &'w mut Workspace<'_>,
) -> Result<&'w mut [f32], Error> {
    spec.check()?;
    Error::expect_len(Buffer::Params, spec.param_len(), params.len())?;
    let n = inputs.check(spec)?;
    let (floats, lists) = work.take(spec, n, spec.predict_len(n))?;
    let rows = lists.prepare(spec, inputs, n, false)?;
    let outputs = run(spec, params, rows, n, floats);
    check_finite(outputs, Value::Output)?;
    Ok(outputs)
}

impl Model<'_> {
    /// [`predict`](crate::predict) with this model's parameters.
    ///
    /// # Errors
    /// As [`predict`](crate::predict).
    pub fn predict<'w, 'x: 'w>(
        &self,
        inputs: impl Into<Inputs<'x>>,
        work: &'w mut Workspace<'_>,
    ) -> Result<&'w mut [f32], Error> {
        predict_inputs(self.spec, self.params, inputs.into(), work)
    }
}

/// A layer's weights and bias.
pub(crate) fn layer_params<'p>(params: &'p [f32], layer: &Layer) -> (&'p [f32], &'p [f32]) {
    let (weights, rest) = cut(cut(params, layer.offset).1, layer.weight_len());
    (weights, cut(rest, layer.outputs).0)
}

/// Forward pass for prediction: layers write into two halves of `floats` in turn.
pub(crate) fn run<'w>(spec: &Spec, params: &[f32], inputs: Rows<'_>, n: usize, floats: &'w mut [f32]) -> &'w mut [f32] {
    let (_, _, even, _) = spec.widths();
    let (mut to, mut from) = cut_mut(floats, even.saturating_mul(n));
    for layer in spec.layers() {
        let x = if layer.index == 0 { inputs } else { Rows::Dense(cut(from, n * layer.inputs).0) };
        let (weights, bias) = layer_params(params, &layer);
        let z = cut_mut(to, n * layer.outputs).0;
        x.forward(&layer, weights, bias, z);
        activate(layer.activation, spec.math_kind(), z);
        core::mem::swap(&mut to, &mut from);
    }
    cut_mut(from, n * spec.outputs()).0
}

/// Forward pass for training: activations of all layers into `activations`, and `f'(z)` times the dropout mask into
/// `slopes`, where the backward pass multiplies what comes from above.
pub(crate) fn run_training(
    spec: &Spec,
    params: &[f32],
    inputs: Rows<'_>,
    activations: &mut [f32],
    slopes: &mut [f32],
    masks: Masks,
    first_sample: u32,
) {
    let n = activations.len().checked_div(spec.widths().0).unwrap_or(0);
    let (mut x, mut rest, mut slopes) = (inputs, activations, slopes);
    for layer in spec.layers() {
        let (a, tail) = cut_mut(core::mem::take(&mut rest), n * layer.outputs);
        let (slope, slope_tail) = cut_mut(core::mem::take(&mut slopes), n * layer.outputs);
        let (weights, bias) = layer_params(params, &layer);
        x.forward(&layer, weights, bias, a);
        activate(layer.activation, spec.math_kind(), a);
        slopes_of(layer.activation, a, slope);
        if layer.dropout > 0.0 {
            drop_units(&layer, a, slope, masks, first_sample);
        }
        (x, rest, slopes) = (Rows::Dense(a), tail, slope_tail);
    }
}

/// `z ← f(z)`.
fn activate(activation: Activation, math: Math, z: &mut [f32]) {
    match activation {
        Activation::Identity => {}
        // A NaN stays one, for the loss to show.
        Activation::Relu => z.iter_mut().for_each(|z| *z = if *z < 0.0 { 0.0 } else { *z }),
        Activation::LeakyRelu(slope) => z.iter_mut().for_each(|z| *z = if *z > 0.0 { *z } else { slope * *z }),
        Activation::Tanh => z.iter_mut().for_each(|z| *z = math.tanh(*z)),
        Activation::Sigmoid => z.iter_mut().for_each(|z| *z = math.sigmoid(*z)),
    }
}

/// `slope ← f'(z)`, which each of these functions has in terms of `a = f(z)`.
fn slopes_of(activation: Activation, a: &[f32], slope: &mut [f32]) {
    let pairs = a.iter().zip(slope);
    match activation {
        Activation::Identity => pairs.for_each(|(_, s)| *s = 1.0),
        Activation::Relu => pairs.for_each(|(a, s)| *s = if *a > 0.0 { 1.0 } else { 0.0 }),
        Activation::LeakyRelu(below) => pairs.for_each(|(a, s)| *s = if *a > 0.0 { 1.0 } else { below }),
        Activation::Tanh => pairs.for_each(|(a, s)| *s = 1.0 - a * a),
        Activation::Sigmoid => pairs.for_each(|(a, s)| *s = a * (1.0 - a)),
    }
}

/// Inverted dropout: kept units and their slopes times `1/(1 − p)`, the others 0.
fn drop_units(layer: &Layer, a: &mut [f32], slope: &mut [f32], masks: Masks, first_sample: u32) {
    let kept = ((1.0 - layer.dropout) * 65_536.0 + 0.5) as u32;
    let kept = kept.max(1);
    let gain = 65_536.0 / kept as f32;
    let samples = rows_mut(a, layer.outputs).zip(rows_mut(slope, layer.outputs));
    for (sample, (a, slope)) in (first_sample..).zip(samples) {
        for (block, (a, slope)) in (0..).zip(blocks(a).zip(blocks(slope))) {
            let draws = masks.block(layer.index as u16, sample, block);
            for ((a, slope), draw) in a.iter_mut().zip(slope).zip(draws) {
                let factor = if u32::from(draw) < kept { gain } else { 0.0 };
                *a *= factor;
                *slope *= factor;
            }
        }
    }
}

/// `slice` in pieces of 8, the last one shorter: `chunks_mut` without its panic.
fn blocks(mut slice: &mut [f32]) -> impl Iterator<Item = &mut [f32]> {
    core::iter::from_fn(move || {
        let (block, rest) = cut_mut(core::mem::take(&mut slice), 8);
        slice = rest;
        (!block.is_empty()).then_some(block)
    })
}
