//! The score of a model on any number of samples.

use crate::error::{Buffer, Error};
use crate::forward;
use crate::inputs::Inputs;
use crate::model::{Model, Workspace};
use crate::network::spec::Spec;
use crate::score::{Aim, Score, score};
use crate::targets::Targets;
use crate::weighted::{AnyTargets, Weighted};

/// Adds the loss and hits of any number of samples to `total`, without dropout; the workspace decides how many pass at
/// once, which changes no bit. `params` may lie in flash.
///
/// # Errors
/// As [`predict`](crate::predict()), and [`Error::Label`], [`Error::NoClasses`], [`Error::Target`], [`Error::NonFinite`] for a
/// target or the loss, for [weights](crate::train::Weighted) [`Error::Weight`], [`Error::NoWeight`], [`Error::MixedWeights`];
/// `total` is as before then.
#[inline(always)]
pub fn evaluate<'x, 't>(
    spec: &Spec,
    params: &[f32],
    inputs: impl Into<Inputs<'x>>,
    targets: impl Into<AnyTargets<'t>>,
    total: &mut Score,
    work: &mut Workspace<'_>,
) -> Result<(), Error> {
    match targets.into() {
        AnyTargets::Plain(targets) => evaluate_plain(spec, params, inputs.into(), targets, total, work),
        AnyTargets::Weighted(targets) => evaluate_weighted(spec, params, inputs.into(), &targets, total, work),
    }
}

fn evaluate_weighted(
    spec: &Spec,
    params: &[f32],
    inputs: Inputs<'_>,
    targets: &Weighted<'_>,
    total: &mut Score,
    work: &mut Workspace<'_>,
) -> Result<(), Error> {
    let mut sum = *total;
    let mut add = targets.add_to(&mut sum);
    score_each(spec, params, inputs, targets, work, &mut add)?;
    drop(add);
    sum.check(spec.layout.last())?;
    sum.check_weight()?;
    *total = sum;
    Ok(())
}

fn evaluate_plain(
    spec: &Spec,
    params: &[f32],
    inputs: Inputs<'_>,
    targets: Targets<'_>,
    total: &mut Score,
    work: &mut Workspace<'_>,
) -> Result<(), Error> {
    total.check_plain()?;
    let mut sum = *total;
    score_each(spec, params, inputs, &targets, work, &mut |loss, hit| sum.add(loss, hit))?;
    sum.check(spec.layout.last())?;
    *total = sum;
    Ok(())
}

/// Gives `each` the loss of every sample, in order, and whether it is a hit.
pub(crate) fn score_each(
    spec: &Spec,
    params: &[f32],
    inputs: Inputs<'_>,
    targets: &impl Aim,
    work: &mut Workspace<'_>,
    each: &mut dyn FnMut(f32, bool),
) -> Result<(), Error> {
    spec.check()?;
    Error::expect_len(Buffer::Params, spec.param_len(), params.len())?;
    let (samples, _) = targets.check(spec, &inputs)?;
    let mut done = 0;
    while done < samples {
        let n = work.capacity().min(samples.wrapping_sub(done));
        let outputs = forward::run(spec, params, &inputs.part(done, n, spec.inputs()), n, work)?;
        score(spec, outputs, targets.targets().skip(done, spec.targets()), &mut *each);
        done = usize::wrapping_add(done, n);
    }
    Ok(())
}

impl Model<'_> {
    /// [`evaluate`] with this model's parameters.
    ///
    /// # Errors
    /// As [`evaluate`].
    #[inline(always)]
    pub fn evaluate<'x, 't>(
        &self,
        inputs: impl Into<Inputs<'x>>,
        targets: impl Into<AnyTargets<'t>>,
        total: &mut Score,
        work: &mut Workspace<'_>,
    ) -> Result<(), Error> {
        evaluate(self.spec, self.params, inputs, targets, total, work)
    }
}
