//! What a network asks of a norm, and what a norm needs of a network: a layer's places among its parameters, and its room
//! among `norms`, the part of a training workspace for all norms.

use crate::network::layout::{Layout, Place, at, at_mut};
use crate::network::norm::batch::{self, Left, samples_of};
use crate::network::norm::by_sample;
use crate::network::norm::pooled::Pooled;
use crate::network::norm::running;
use crate::slices::cut;
use core::ops::Range;

/// Floats a unit that a batch norm's room has besides the normalised values: mean, variance, `∂L/∂γ`, `∂L/∂β`, `1/√(σ² + ε)`.
pub(crate) const ROOM: usize = 5;

/// What a layer with a norm needs, linked where one is described.
pub(crate) struct Norm {
    /// `z ← γ(z − μ)/√(σ² + ε) + β`; what the backward pass needs stays in `norms`. Where that is empty, a batch norm goes by
    /// its running statistics.
    pub forward: Forward,
    /// `∂L/∂y` to `∂L/∂z`; what sums up to `∂L/∂γ` and `∂L/∂β` stays in `norms`. Returns a bound on both and on the batch's
    /// statistics, not finite where a number is not.
    pub backward: Backward,
    /// `∂L/∂γ`, then `∂L/∂β`, of a single sample; a batch norm takes none.
    pub single: for<'w> fn(&Layout, index: u8, norms: &'w [f32]) -> &'w [f32],
    /// What a batch of so many samples left, with the statistics of those `before`; as often as it is asked.
    pub left: for<'w> fn(&Layout, index: u8, norms: &'w mut [f32], samples: usize, before: Pooled<'_>) -> Left<'w>,
    /// Moves the running statistics among `params` towards others: [`Pooled::follow`].
    pub follow: fn(&Layout, index: u8, params: &mut [f32], &Pooled<'_>),
}

type Forward = fn(&Layout, index: u8, params: &[f32], z: &mut [f32], norms: &mut [f32]);
type Backward = fn(&Layout, index: u8, params: &[f32], deltas: &mut [f32], norms: &mut [f32]) -> f32;

pub(crate) static BATCH_NORM: Norm = Norm {
    forward: |layout, index, params, z, norms| {
        let place = layout.find(index.into());
        let params = place.split(params);
        if norms.is_empty() {
            running::forward(&params, z);
        } else {
            batch::forward(&params, z, room(norms, layout, &place, samples_of(z, place.normed())));
        }
    },
    backward: |layout, index, params, deltas, norms| {
        let place = layout.find(index.into());
        let room = room(norms, layout, &place, samples_of(deltas, place.normed()));
        batch::backward(&place.split(params), deltas, room)
    },
    single: |_, _, _| &[],
    left,
    follow: |layout, index, params, statistics| {
        statistics.follow(at_mut(params, layout.find(index.into()).statistics()));
    },
};

pub(crate) static LAYER_NORM: Norm = Norm {
    forward: |layout, index, params, z, norms| {
        let place = layout.find(index.into());
        let (params, samples) = (place.split(params), samples_of(z, place.normed()));
        if norms.is_empty() {
            by_sample::predict(&params, z);
        } else {
            by_sample::forward(&params, z, at_mut(norms, of_layer(layout, &place, samples)), samples);
        }
    },
    backward: |layout, index, params, deltas, norms| {
        let place = layout.find(index.into());
        let samples = samples_of(deltas, place.normed());
        by_sample::backward(&place.split(params), deltas, at_mut(norms, of_layer(layout, &place, samples)), samples)
    },
    single: |layout, index, norms| cut(at(norms, of_layer(layout, &layout.find(index.into()), 1)), 1).1,
    left: |layout, index, norms, samples, _| {
        let place = layout.find(index.into());
        let room = at_mut(norms, of_layer(layout, &place, samples));
        let (scale, shift) = by_sample::learned(room, place.normed(), samples);
        Left { scale, shift, statistics: Pooled::NONE, largest: 0.0 }
    },
    follow: |_, _, _, _| {},
};

/// Turns a copy of a layer's weights and bias into those of the same layer without its norm.
pub(crate) fn fold(place: &Place, params: &[f32], weights: &mut [f32], bias: &mut [f32]) {
    running::fold(&place.split(params), weights, bias);
}

/// What a batch of so many samples left of a layer's batch norm, with the statistics of those `before`.
pub(crate) fn left<'w>(
    layout: &Layout,
    index: u8,
    norms: &'w mut [f32],
    samples: usize,
    before: Pooled<'_>,
) -> Left<'w> {
    let place = layout.find(index.into());
    batch::left(room(norms, layout, &place, samples), place.normed(), before)
}

/// The room of a layer's batch norm.
fn room<'w>(norms: &'w mut [f32], layout: &Layout, place: &Place, samples: usize) -> &'w mut [f32] {
    let len = |units| samples.wrapping_add(ROOM).wrapping_mul(units);
    let first = len(layout.normed_before(place.index));
    at_mut(norms, first..first.wrapping_add(len(place.normed())))
}

/// The room of a layer norm.
fn of_layer(layout: &Layout, place: &Place, samples: usize) -> Range<usize> {
    let before = layout.places(0).take(place.index.into()).filter(|place| place.is_normed());
    let each = before.fold(0, |each: usize, place| each.wrapping_add(by_sample::room(place.normed())));
    let first = each.wrapping_mul(samples);
    first..first.wrapping_add(by_sample::room(place.normed()).wrapping_mul(samples))
}
