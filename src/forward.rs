//! From samples to outputs: `a = f(x·W + bias)`, layer by layer.

use crate::dropout::Drop;
use crate::error::{Buffer, Error, Value};
use crate::finite::check_finite;
use crate::kernels::{cut, cut_mut};
use crate::layer::Layer;
use crate::model::{Model, Workspace};
use crate::random::Masks;
use crate::rows::{Floats, Many, Rows};
use crate::samples::Inputs;
use crate::sets::Form;
use crate::spec::Spec;

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
    let (n, _) = inputs.check(spec)?;
    let (floats, lists) = work.take(spec, n, spec.predict_len(n))?;
    let many = lists.many;
    let mut form = Form::NONE;
    let rows = inputs.prepare(spec, n, lists, false, &mut form)?;
    let outputs = run(spec, params, rows, (n, many), floats);
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
    let (weights, rest) = cut(cut(params, layer.offset()).1, layer.weight_len());
    (weights, cut(rest, layer.outputs()).0)
}

/// Forward pass for prediction: layers write into two halves of `floats` in turn.
pub(crate) fn run<'w>(
    spec: &Spec,
    params: &[f32],
    inputs: Rows<'_>,
    (n, many): (usize, Option<Many>),
    floats: &'w mut [f32],
) -> &'w mut [f32] {
    let (mut to, mut from) = cut_mut(floats, spec.widest_even().saturating_mul(n));
    for layer in spec.layers() {
        let below = Floats(cut(from, n * layer.inputs()).0);
        let x = if layer.index() == 0 { inputs } else { below.rows(n, many) };
        let (weights, bias) = layer_params(params, layer);
        let z = cut_mut(to, n * layer.outputs()).0;
        x.forward(layer, weights, bias, z);
        if let Some(norm) = layer.norm() {
            (norm.predict)(layer, z, params);
        }
        layer.activate(spec.math_kind(), z);
        core::mem::swap(&mut to, &mut from);
    }
    cut_mut(from, n * spec.outputs()).0
}

/// What a forward pass for training keeps of `n` samples, layer after layer.
pub(crate) struct Kept<'w> {
    pub activations: &'w mut [f32],
    /// `f'(z)` times the dropout mask: what the backward pass multiplies what comes from above by.
    pub slopes: &'w mut [f32],
    /// What norms need of the batch.
    pub norms: &'w mut [f32],
}

impl<'w> Kept<'w> {
    /// In [`Spec::work_len`] floats for `n` samples; gives those of one row of a gradient besides.
    pub(crate) fn split(floats: &'w mut [f32], spec: &Spec, n: usize) -> (Self, &'w mut [f32]) {
        let units = spec.units().saturating_mul(n);
        let (activations, rest) = cut_mut(floats, units);
        let (slopes, rest) = cut_mut(rest, units);
        let (row, norms) = cut_mut(rest, spec.widest());
        (Self { activations, slopes, norms }, row)
    }
}

/// Forward pass for training, with dropout where its masks and the number of the first sample are given.
pub(crate) fn run_training(
    spec: &Spec,
    params: &[f32],
    inputs: Rows<'_>,
    (n, many): (usize, Option<Many>),
    kept: &mut Kept<'_>,
    dropping: Option<(Masks, u32)>,
) {
    let (mut below, mut rest, mut slopes) = (Floats(&[]), &mut *kept.activations, &mut *kept.slopes);
    for layer in spec.layers() {
        let (a, tail) = cut_mut(core::mem::take(&mut rest), n * layer.outputs());
        let (slope, slope_tail) = cut_mut(core::mem::take(&mut slopes), n * layer.outputs());
        let (weights, bias) = layer_params(params, layer);
        let x = if layer.index() == 0 { inputs } else { below.rows(n, many) };
        x.forward(layer, weights, bias, a);
        if let Some(norm) = layer.norm() {
            (norm.train)(layer, a, params, kept.norms);
        }
        layer.activate(spec.math_kind(), a);
        layer.slopes(a, slope);
        if let (Some(drop_units), Some((masks, first_sample))) = (layer.drop_units(), dropping) {
            let drop = Drop { p: layer.dropout(), layer: layer.index() as u16, first_sample, masks };
            drop_units(&drop, layer.outputs(), a, slope);
        }
        (below, rest, slopes) = (Floats(a), tail, slope_tail);
    }
}
