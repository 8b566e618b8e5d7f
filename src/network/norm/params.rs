//! The parameters of a norm, and the constants of batch normalisation.

use crate::network::layer::Layer;
use crate::slices::cut;

/// `ε`, which keeps a variance of zero from dividing.
pub(super) const EPSILON: f32 = 1e-5;
/// How far running statistics go towards those of a batch.
pub(super) const MOMENTUM: f32 = 0.1;

/// Parameters of a norm, one of each for a unit.
#[derive(Clone, Copy)]
pub(super) struct Params<'a> {
    pub(super) gamma: &'a [f32],
    pub(super) beta: &'a [f32],
    pub(super) mean: &'a [f32],
    pub(super) variance: &'a [f32],
}

impl<'a> Params<'a> {
    /// From `params`, which begin with them; what follows comes, too.
    pub(super) fn first(layer: &Layer, params: &'a [f32]) -> (Self, &'a [f32]) {
        let units = layer.outputs();
        let (gamma, rest) = cut(params, units);
        let (beta, rest) = cut(rest, units);
        let (mean, rest) = cut(rest, units);
        let (variance, rest) = cut(rest, units);
        (Self { gamma, beta, mean, variance }, rest)
    }

    /// Among those of the network.
    pub(super) fn of(layer: &Layer, params: &'a [f32]) -> Self {
        Self::first(layer, cut(params, layer.norm_offset()).1).0
    }
}

/// Samples of a layer's batch.
pub(super) fn samples_of(layer: &Layer, floats: &[f32]) -> usize {
    floats.len().checked_div(layer.outputs()).unwrap_or(0)
}
