//! How good a model is on samples it does not learn from.

use crate::error::Error;
use crate::forward;
use crate::kernels::{cut, rows};
use crate::loss::{Score, Targets, score};
use crate::model::{Model, Workspace};
use crate::spec::Spec;

/// Adds the loss and hits of any number of samples to `total`, without dropout; the workspace decides how many pass at once, which
/// changes no bit. `params` may lie in flash.
///
/// # Errors
/// As [`predict`](crate::predict), and [`Error::Label`] or [`Error::NonFinite`] for a target; `total` is as before then.
pub fn evaluate(
    spec: &Spec,
    params: &[f32],
    inputs: &[f32],
    targets: Targets<'_>,
    total: &mut Score,
    work: &mut Workspace<'_>,
) -> Result<(), Error> {
    spec.check()?;
    Error::expect_len(crate::Buffer::Params, spec.param_len(), params.len())?;
    let samples = targets.check(spec, inputs)?;
    let capacity = work.capacity().min(samples);
    let floats = work.take(capacity, spec.predict_len(capacity))?;
    let mut done = 0;
    for batch in pieces(inputs, capacity.saturating_mul(spec.inputs())) {
        let n = capacity.min(samples.saturating_sub(done));
        let outputs = forward::run(spec, params, batch, n, floats);
        score(spec, outputs, targets.skip(done, spec.outputs()), total);
        done += n;
    }
    Ok(())
}

impl Model<'_> {
    /// [`evaluate`](crate::evaluate) with this model's parameters.
    ///
    /// # Errors
    /// As [`evaluate`](crate::evaluate).
    pub fn evaluate(
        &self,
        inputs: &[f32],
        targets: Targets<'_>,
        total: &mut Score,
        work: &mut Workspace<'_>,
    ) -> Result<(), Error> {
        evaluate(self.spec, self.params, inputs, targets, total, work)
    }
}

/// `slice` in pieces of `n`, the last one shorter.
fn pieces(slice: &[f32], n: usize) -> impl Iterator<Item = &[f32]> {
    let whole = rows(slice, n);
    let rest = cut(slice, slice.len() - slice.len().checked_rem(n).unwrap_or(0)).1;
    whole.chain((!rest.is_empty()).then_some(rest))
}
