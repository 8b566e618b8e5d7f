//! Batch normalisation (Ioffe & Szegedy 2015) of a layer's pre-activations: over the batch in training, by running
//! statistics in prediction.

mod params;
mod batch;
mod pooled;
mod running;

use crate::network::layer::{Layer, Norm};
use crate::slices::cut_mut;
use batch::{backward, train};
use params::{Params, samples_of};
use pooled::{accumulate, follow_pooled, gradient, largest, pool, settle, step};
use running::{by_blocks, fold, normalised};

pub(crate) static NORM: Norm =
    Norm { forward, backward, step, accumulate, gradient, follow_pooled, largest, pool, settle, fold };

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
