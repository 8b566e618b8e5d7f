//! From samples to outputs: `a = f(x·W + bias)`, layer by layer.

use crate::error::{Buffer, Error, Value};
use crate::finite::check_finite;
use crate::inputs::Inputs;
use crate::inputs::batch::{Batch, Floats, Several};
use crate::inputs::lists::Slot;
use crate::model::{Model, Workspace};
use crate::network::dropout::Draws;
use crate::network::layout::{Place, Split};
use crate::network::spec::Spec;
use crate::slices::{cut, cut_mut};

/// The outputs of `n` samples as `(n, spec.outputs())` floats in the workspace: logits for
/// the cross-entropies, values for the others. `params` may lie in flash.
///
/// # Errors
/// [`Error::Spec`], [`Error::Length`], [`Error::Empty`], [`Error::BatchTooLarge`], or [`Error::NonFinite`] for NaN or
/// infinity in a sample or in an output.
pub fn predict<'w, 'x>(
    spec: &Spec,
    params: &[f32],
    inputs: impl Into<Inputs<'x>>,
    work: &'w mut Workspace<'_>,
) -> Result<&'w mut [f32], Error> {
    predict_inputs(spec, params, inputs.into(), work)
}

fn predict_inputs<'w>(
    spec: &Spec,
    params: &[f32],
    inputs: Inputs<'_>,
    work: &'w mut Workspace<'_>,
) -> Result<&'w mut [f32], Error> {
    spec.check()?;
    Error::expect_len(Buffer::Params, spec.param_len(), params.len())?;
    predict_checked(spec, params, inputs, work)
}

/// By parameters that are as many as they should be.
fn predict_checked<'w>(
    spec: &Spec,
    params: &[f32],
    inputs: Inputs<'_>,
    work: &'w mut Workspace<'_>,
) -> Result<&'w mut [f32], Error> {
    let (n, _) = inputs.check(spec)?;
    let outputs = run(spec, params, &inputs, n, work)?;
    check_finite(outputs, Value::Output)?;
    Ok(outputs)
}

impl Model<'_> {
    /// [`predict`] with this model's parameters.
    ///
    /// # Errors
    /// As [`predict`].
    pub fn predict<'w, 'x>(
        &self,
        inputs: impl Into<Inputs<'x>>,
        work: &'w mut Workspace<'_>,
    ) -> Result<&'w mut [f32], Error> {
        predict_checked(self.spec, self.params, inputs.into(), work)
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
    let (several, mut slot) = (lists.several, Slot::default());
    let inputs = inputs.prepare(spec, n, lists, false, &mut slot)?;
    let (mut to, mut from) = cut_mut(floats, spec.widest_even().saturating_mul(n));
    let mut below;
    let mut x = inputs;
    for place in spec.places() {
        let len = n.wrapping_mul(place.shape.outputs());
        let z = cut_mut(to, len).0;
        through(spec, place, params, &x, z, &mut []);
        spec.nonlinearity(place).apply(z);
        core::mem::swap(&mut to, &mut from);
        below = Floats(cut(from, len).0);
        x = below.batch(several);
    }
    Ok(cut_mut(from, n.wrapping_mul(spec.outputs())).0)
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

/// Forward pass for training, with dropout where its draws and the number of the first sample are given.
pub(crate) fn run_training(
    spec: &Spec,
    params: &[f32],
    inputs: Batch<'_>,
    (n, several): (usize, Option<Several>),
    kept: &mut Kept<'_>,
    dropping: Option<(&Draws, u32)>,
) {
    let mut below;
    let (mut x, mut rest, mut slopes) = (inputs, &mut *kept.activations, &mut *kept.slopes);
    for place in spec.places() {
        let len = n.wrapping_mul(place.shape.outputs());
        let (a, tail) = cut_mut(rest, len);
        let (slope, slope_tail) = cut_mut(slopes, len);
        through(spec, place, params, &x, a, kept.norms);
        let nonlinearity = spec.nonlinearity(place);
        nonlinearity.apply(a);
        nonlinearity.slopes(a, slope);
        if let Some((draws, first_sample)) = dropping {
            spec.drop(place, draws, first_sample, a, slope);
        }
        (below, rest, slopes) = (Floats(a), tail, slope_tail);
        x = below.batch(several);
    }
}

/// `z ← x·W + bias`, normalised where the layer has a norm: by running statistics where `norms` is empty, which is its room
/// else. `params` are the network's.
#[inline(always)]
fn through(spec: &Spec, place: Place, params: &[f32], x: &Batch<'_>, z: &mut [f32], norms: &mut [f32]) {
    let Split { weights, bias, .. } = place.split(params);
    x.forward(place.shape, weights, bias, z);
    if let Some(norm) = spec.norm_of(place) {
        (norm.forward)(&spec.layout, place.index, params, z, norms);
    }
}
