//! Optimizers turn a gradient into new weights.
//!
//! | optimizer | floats of state |
//! |---|---|
//! | [`Sgd`] | 0, or P with momentum |
//! | [`Adam`], AdamW | 2 P |
//! | [`ScheduleFree`] | 2 P |
//! | [`ScheduleFreeAdam`] | 3 P |
//! | [`Lookahead`] around any | P more |

mod decay;

mod sgd;

mod adam;

mod schedule_free;

mod schedule_free_adam;

mod lookahead;

use crate::error::{Error, Setting, Value};
use crate::kernels;
use crate::model::Model;
use crate::model::params::{Bound, LIMIT, Params};
use crate::slices::{cut, cut_mut};
pub use adam::{Adam, AdamConfig, AdamState};
pub use lookahead::{Lookahead, LookaheadConfig, LookaheadState};
pub use schedule_free::{ScheduleFree, ScheduleFreeConfig, ScheduleFreeState};
pub use schedule_free_adam::{ScheduleFreeAdam, ScheduleFreeAdamConfig, ScheduleFreeAdamState};
pub use sgd::{Sgd, SgdConfig, SgdState};

/// What a training step asks of an optimizer; implement it for one of your own.
pub trait Optimizer {
    /// Whether it can take a step of `model`; called before anything changes. An optimizer knows its network by
    /// [`Spec::digest`](crate::Spec::digest); one that [owns the weights](Self::owns_weights) also knows the model by
    /// where its parameters are and by [`Model::changes`], which it counts along, one for each step.
    ///
    /// # Errors
    /// [`Error::Network`] for another network than that of the state, [`Error::Changed`] where the weights were changed by
    /// others, or are another model's.
    fn check(&self, model: &Model<'_>) -> Result<(), Error>;

    /// Whether each step computes the model's weights from others that are the optimizer's own, as [`ScheduleFree`] does:
    /// it would undo what changed them meanwhile, so that the optimizer is started anew then.
    fn owns_weights(&self) -> bool {
        false
    }

    /// Begins a step at learning rate `rate`; `scale = 1/n` makes the mean of the sums that [`update`](Self::update)
    /// gets. Weights and elements of the gradient, a sum over `n` samples, have magnitudes up to `weights` and
    /// `gradient`.
    ///
    /// Returns a bound on how much further from zero the step takes any weight, NaN where there is none: an average then
    /// checks each model first. A bound that is too small lets a model that is not finite into the average.
    ///
    /// # Errors
    /// [`Error::NonFinite`] where a weight or a number of the state might become `2^127` or more; nothing has changed
    /// then.
    fn begin(&mut self, rate: f32, scale: f32, weights: f32, gradient: f32) -> Result<f32, Error>;

    /// Whether a gradient of zero leaves weights and state as they are, so that [`update`](Self::update) need not be
    /// called for it.
    fn rests_at_zero(&self) -> bool {
        false
    }

    /// Moves `weights`, which stand from `offset` on among the parameters, along `gradient`, a sum over `n` samples.
    /// Called once for every parameter in a step, or not at all where it [rests](Self::rests_at_zero).
    fn update(&mut self, offset: usize, weights: &mut [f32], gradient: &[f32]);

    /// [`update`](Self::update) along the gradient of one sample, `x·dᵀ`: rows of `d.len()` weights, one for each `x`.
    /// `block` has room for a row or more of the gradient.
    fn update_outer(&mut self, offset: usize, weights: &mut [f32], x: &[f32], d: &[f32], block: &mut [f32]) {
        through_block(offset, weights, x, d, block, |offset, weights, gradient| self.update(offset, weights, gradient));
    }

    /// Weights to predict with in place of the model's, which are where the next gradient is taken; none where the
    /// model's own are. Running statistics of norms in them are those of the start: a [`NormUpdate`](crate::average::NormUpdate)
    /// must come before.
    fn averaged(&self) -> Option<Params<'_>> {
        None
    }
}

impl<T: Optimizer + ?Sized> Optimizer for &mut T {
    fn check(&self, model: &Model<'_>) -> Result<(), Error> {
        (**self).check(model)
    }

    fn owns_weights(&self) -> bool {
        (**self).owns_weights()
    }

    fn begin(&mut self, rate: f32, scale: f32, weights: f32, gradient: f32) -> Result<f32, Error> {
        (**self).begin(rate, scale, weights, gradient)
    }

    fn rests_at_zero(&self) -> bool {
        (**self).rests_at_zero()
    }

    fn update(&mut self, offset: usize, weights: &mut [f32], gradient: &[f32]) {
        (**self).update(offset, weights, gradient);
    }

    fn update_outer(&mut self, offset: usize, weights: &mut [f32], x: &[f32], d: &[f32], block: &mut [f32]) {
        (**self).update_outer(offset, weights, x, d, block);
    }

    fn averaged(&self) -> Option<Params<'_>> {
        (**self).averaged()
    }
}

/// Hands the rows of `x·dᵀ` to `update`, as many at once as `block` has room for.
fn through_block(
    offset: usize,
    weights: &mut [f32],
    x: &[f32],
    d: &[f32],
    block: &mut [f32],
    mut update: impl FnMut(usize, &mut [f32], &[f32]),
) {
    let rows = block.len().checked_div(d.len()).unwrap_or(0);
    let (mut rest, mut x, mut offset) = (weights, x, offset);
    while !rest.is_empty() && rows > 0 {
        let (weights, tail) = cut_mut(rest, rows.saturating_mul(d.len()));
        let gradient = cut_mut(block, weights.len()).0;
        kernels::outer(gradient, x, d, true);
        update(offset, weights, gradient);
        (offset, x, rest) = (offset.wrapping_add(weights.len()), cut(x, rows).1, tail);
    }
}

/// `n` elements from `offset` on of both halves of `state`.
fn parts(state: &mut [f32], offset: usize, n: usize) -> (&mut [f32], &mut [f32]) {
    let half = state.len() / 2;
    let (first, second) = cut_mut(state, half);
    (part(first, offset, n), part(second, offset, n))
}

/// `n` elements of `state` from `offset` on.
fn part(state: &mut [f32], offset: usize, n: usize) -> &mut [f32] {
    cut_mut(cut_mut(state, offset).1, n).0
}

fn check_decay(weight_decay: f32) -> Result<(), Error> {
    if (0.0..=1.0).contains(&weight_decay) { Ok(()) } else { Err(Error::Setting(Setting::WeightDecay)) }
}

/// Refuses a step after which a magnitude may be as large as this, or no number.
fn expect_room(largest: f32) -> Result<(), Error> {
    if largest < LIMIT { Ok(()) } else { Err(Error::NonFinite { value: Value::Step, index: 0 }) }
}

/// A bound on a state to continue with, whose numbers lie in `least..LIMIT`; errors count from `before` on.
fn check_state(state: &[f32], least: f32, before: usize) -> Result<Bound, Error> {
    match state.iter().position(|s| !(least..LIMIT).contains(s)) {
        Some(at) => Err(Error::NonFinite { value: Value::State, index: before.wrapping_add(at) }),
        None => Ok(Bound::of(state)),
    }
}

#[cfg(test)]
mod tests;
