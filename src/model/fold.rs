//! Norms go into the dense layers before them: a network for deployment.

use crate::error::{Buffer, Error, Value};
use crate::kernels::{copy, cut, cut_mut, largest};
use crate::model::params::Params;
use crate::network::spec::Spec;

/// Writes the parameters of [`Spec::folded`], a network without norms whose predictions are those of `params` up to
/// rounding: `s = γ/√(σ² + ε); W ← W·s; b ← (b − μ)·s + β`. Outputs differ by some 1e-7 of the largest times `1 + |μ|/σ`,
/// since a large mean is now subtracted from the bias alone. What they are of stays: an average's are an average's.
///
/// # Errors
/// [`Error::Spec`]; [`Error::Length`] unless `params` has [`Spec::param_len`] floats and `folded` as many as the folded
/// network; [`Error::NonFinite`] for a folded parameter, as after a negative variance: `folded` is of no use then.
pub fn fold<'p, 'f>(spec: &Spec, params: impl Into<Params<'p>>, folded: &'f mut [f32]) -> Result<Params<'f>, Error> {
    fold_params(spec, params.into(), folded)
}

fn fold_params<'f>(spec: &Spec, params: Params<'_>, folded: &'f mut [f32]) -> Result<Params<'f>, Error> {
    let Params { values: params, is_average, .. } = params;
    spec.check()?;
    Error::expect_len(Buffer::Params, spec.param_len(), params.len())?;
    Error::expect_len(Buffer::Params, spec.folded().param_len(), folded.len())?;
    let mut rest = &mut *folded;
    for layer in spec.layers() {
        let (here, tail) = cut_mut(core::mem::take(&mut rest), layer.weight_len() + layer.outputs());
        copy(here, cut(params, layer.offset()).1);
        let (weights, bias) = cut_mut(here, layer.weight_len());
        if let Some(norm) = layer.norm() {
            (norm.fold)(layer, weights, bias, params);
        }
        rest = tail;
    }
    if largest(folded) < f32::INFINITY {
        return Ok(Params { is_average, ..Params::from(&*folded) });
    }
    let index = folded.iter().position(|p| !p.is_finite()).unwrap_or(0);
    Err(Error::NonFinite { value: Value::Param, index })
}
