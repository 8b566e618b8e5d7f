//! Batch normalisation (Ioffe & Szegedy 2015) of a layer's pre-activations: over the batch in training, by running
//! statistics in prediction.

mod batch;

mod pooled;

mod running;

use crate::network::layer::{Layer, Norm};
use crate::slices::{cut, cut_mut};
use batch::{backward, train};
use pooled::{accumulate, follow_pooled, gradient, largest, pool, settle, step};
use running::{by_blocks, fold, normalised};

/// `ε`, which keeps a variance of zero from dividing.
const EPSILON: f32 = 1e-5;
/// How far running statistics go towards those of a batch.
const MOMENTUM: f32 = 0.1;

pub(crate) static NORM: Norm =
    Norm { forward, backward, step, accumulate, gradient, follow_pooled, largest, pool, settle, fold };

/// Parameters of a norm, one of each for a unit.
#[derive(Clone, Copy)]
struct Params<'a> {
    gamma: &'a [f32],
    beta: &'a [f32],
    mean: &'a [f32],
    variance: &'a [f32],
}

impl<'a> Params<'a> {
    /// From `params`, which begin with them; what follows comes, too.
    fn first(layer: &Layer, params: &'a [f32]) -> (Self, &'a [f32]) {
        let units = layer.outputs();
        let (gamma, rest) = cut(params, units);
        let (beta, rest) = cut(rest, units);
        let (mean, rest) = cut(rest, units);
        let (variance, rest) = cut(rest, units);
        (Self { gamma, beta, mean, variance }, rest)
    }

    /// Among those of the network.
    fn of(layer: &Layer, params: &'a [f32]) -> Self {
        Self::first(layer, cut(params, layer.norm_offset()).1).0
    }
}

/// Samples of a layer's batch.
fn samples_of(layer: &Layer, floats: &[f32]) -> usize {
    floats.len().checked_div(layer.outputs()).unwrap_or(0)
}

fn forward<'p>(layer: &Layer, z: &mut [f32], params: &'p [f32], norms: &mut &mut [f32]) -> &'p [f32] {
    let (norm, rest) = Params::first(layer, params);
    if norms.is_empty() {
        by_blocks(layer.outputs(), &norm, z, normalised);
    } else {
        let (room, others) = cut_mut(core::mem::take(norms), layer.norm_room(samples_of(layer, z)));
        *norms = others;
        train(layer, z, &norm, room);
    }
    rest
}
