//! What a network asks of a norm, and what a norm needs of a network: a layer's places among its parameters, and its room
//! among `norms`, the part of a training workspace for all norms.

use crate::network::layout::{Layout, Place, at_mut};
use crate::network::norm::batch::{self, Left, samples_of};
use crate::network::norm::pooled::Pooled;
use crate::network::norm::running;

/// Floats a unit that a norm's room has besides the normalised values: mean, variance, `∂L/∂γ`, `∂L/∂β`, `1/√(σ² + ε)`.
pub(crate) const ROOM: usize = 5;

/// What a layer with a norm needs, linked where one is described.
pub(crate) struct Norm {
    /// `z ← γ(z − μ)/√(σ² + ε) + β` by the statistics of the batch, which stay in `norms` with the normalised values, or,
    /// where `norms` is empty, by the running ones.
    pub forward: Forward,
    /// `∂L/∂y` to `∂L/∂z`; `∂L/∂γ` and `∂L/∂β` stay in `norms`. Returns a bound on both and on the batch's statistics, not
    /// finite where a number is not.
    pub backward: Backward,
    /// [`left`].
    pub left: for<'w> fn(&Layout, index: u8, norms: &'w mut [f32], samples: usize, before: Pooled<'_>) -> Left<'w>,
    /// Moves the running statistics among `params` towards others: [`Pooled::follow`].
    pub follow: fn(&Layout, index: u8, params: &mut [f32], &Pooled<'_>),
}

type Forward = fn(&Layout, index: u8, params: &[f32], z: &mut [f32], norms: &mut [f32]);
type Backward = fn(&Layout, index: u8, params: &[f32], deltas: &mut [f32], norms: &mut [f32]) -> f32;

pub(crate) static NORM: Norm = Norm {
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
    left,
    follow: |layout, index, params, statistics| {
        statistics.follow(at_mut(params, layout.find(index.into()).statistics()));
    },
};

/// Turns a copy of a layer's weights and bias into those of the same layer without its norm.
pub(crate) fn fold(place: &Place, params: &[f32], weights: &mut [f32], bias: &mut [f32]) {
    running::fold(&place.split(params), weights, bias);
}

/// What a batch of so many samples left of a layer's norm, with the statistics of those `before`; as often as it is asked.
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

/// The room of a layer's norm.
fn room<'w>(norms: &'w mut [f32], layout: &Layout, place: &Place, samples: usize) -> &'w mut [f32] {
    let len = |units| samples.wrapping_add(ROOM).wrapping_mul(units);
    let first = len(layout.normed_before(place.index));
    at_mut(norms, first..first.wrapping_add(len(place.normed())))
}
