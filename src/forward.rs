//! From samples to outputs: `a = f(x·W + bias)`, layer by layer.

use crate::dropout::Draws;
use crate::error::{Buffer, Error, Value};
use crate::finite::check_finite;
use crate::kernels::{cut, cut_mut};
use crate::layer::Layer;
use crate::math::Math;
use crate::model::{Model, Workspace};
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
    let outputs = run(spec, params, &inputs, n, work)?;
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

/// Forward pass for prediction, of `n` samples that are checked: layers write into two halves of the workspace in turn.
pub(crate) fn run<'w>(
    spec: &Spec,
    params: &[f32],
    inputs: &Inputs<'_>,
    n: usize,
    work: &'w mut Workspace<'_>,
) -> Result<&'w mut [f32], Error> {
    let (floats, lists) = work.take(spec, n, spec.predict_len(n))?;
    let (many, mut form) = (lists.many, Form::Unused);
    let inputs = inputs.prepare(spec, n, lists, false, &mut form)?;
    let (mut to, mut from) = cut_mut(floats, spec.widest_even().saturating_mul(n));
    let mut params = params;
    for layer in spec.layers() {
        let below = Floats(cut(from, n * layer.inputs()).0);
        let x = if layer.index() == 0 { inputs } else { below.rows(n, many) };
        params = through(layer, spec.math_kind(), params, &x, cut_mut(to, n * layer.outputs()).0);
        core::mem::swap(&mut to, &mut from);
    }
    Ok(cut_mut(from, n * spec.outputs()).0)
}

/// Forward pass for training: activations of all layers into `activations`, and `f'(z)` times the dropout mask into
/// `slopes`, where the backward pass multiplies what comes from above.
pub(crate) fn run_training(
    spec: &Spec,
    params: &[f32],
    inputs: Rows<'_>,
    (n, many): (usize, Option<Many>),
    activations: &mut [f32],
    slopes: &mut [f32],
    (draws, first_sample): (&Draws, u32),
) {
    let (mut params, mut below, mut rest, mut slopes) = (params, Floats(&[]), activations, slopes);
    for layer in spec.layers() {
        let (a, tail) = cut_mut(core::mem::take(&mut rest), n * layer.outputs());
        let (slope, slope_tail) = cut_mut(core::mem::take(&mut slopes), n * layer.outputs());
        let x = if layer.index() == 0 { inputs } else { below.rows(n, many) };
        params = through(layer, spec.math_kind(), params, &x, a);
        layer.slopes(a, slope);
        layer.drop(draws, first_sample, a, slope);
        (below, rest, slopes) = (Floats(a), tail, slope_tail);
    }
}

/// `a ← f(x·W + bias)`; `params` begin with those of `layer`, and what follows them is given back.
fn through<'p>(layer: &Layer, math: Math, params: &'p [f32], x: &Rows<'_>, a: &mut [f32]) -> &'p [f32] {
    let (weights, rest) = cut(params, layer.weight_len());
    let (bias, rest) = cut(rest, layer.outputs());
    x.forward(layer, weights, bias, a);
    layer.activate(math, a);
    rest
}
