//! Folds batch norms into the dense layers before them: a network for deployment.

use crate::error::{Buffer, Error, Value};
use crate::kernels::{copy, largest};
use crate::model::params::Params;
use crate::network::layout::Split;
use crate::network::norm;
use crate::network::spec::Spec;

/// Writes the parameters of [`Spec::folded`], a network without batch norms whose predictions are those of `params` up to
/// rounding: `s = γ/√(σ² + ε); W ← W·s; b ← (b − μ)·s + β`. Outputs differ by some 1e-7 of the largest times `1 + |μ|/σ`,
/// since a large mean is now subtracted from the bias alone. What they are of stays: an average's are an average's.
///
/// # Errors
/// [`Error::Spec`]; [`Error::Length`] unless `params` has [`Spec::param_len`] floats and `folded` as many as the folded
/// network; [`Error::NonFinite`] for a folded parameter, as after a negative variance: `folded` is then undefined.
pub fn fold<'p, 'f>(spec: &Spec, params: impl Into<Params<'p>>, folded: &'f mut [f32]) -> Result<Params<'f>, Error> {
    fold_params(spec, params.into(), folded)
}

fn fold_params<'f>(spec: &Spec, params: Params<'_>, folded: &'f mut [f32]) -> Result<Params<'f>, Error> {
    let Params { values: params, is_average, .. } = params;
    spec.check()?;
    Error::expect_len(Buffer::Params, spec.param_len(), params.len())?;
    let plain = spec.folded();
    Error::expect_len(Buffer::Params, plain.param_len(), folded.len())?;
    for (place, plain) in spec.places().zip(plain.places()) {
        let (from, Split { weights, bias, scale, shift, .. }) = (place.split(params), plain.split_mut(folded));
        copy(weights, from.weights);
        copy(bias, from.bias);
        // Those of a layer norm, which stays.
        copy(scale, from.scale);
        copy(shift, from.shift);
        if !from.variance.is_empty() {
            norm::fold(&place, params, weights, bias);
        }
    }
    if largest(folded) < f32::INFINITY {
        return Ok(Params { is_average, ..Params::from(&*folded) });
    }
    let index = folded.iter().position(|p| !p.is_finite()).unwrap_or(0);
    Err(Error::NonFinite { value: Value::Param, index })
}
