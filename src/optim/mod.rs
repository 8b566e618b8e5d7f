//! Optimizers turn a gradient into new weights.
//!
//! | optimizer | floats of state |
//! |---|---|
//! | [`Sgd`] | 0, or P with momentum |
//! | [`Adam`], AdamW | 2 P |
//! | [`ScheduleFree`] | 2 P |
//! | [`Lookahead`] around any | P more |

mod adam;
mod lookahead;
mod schedule_free;
mod sgd;

use crate::error::{Error, Setting, Value};
use crate::kernels;
use crate::model::Model;
use crate::model::params::{Bound, LIMIT, Params};
use crate::slices::{cut, cut_mut};
pub use adam::{Adam, AdamConfig, AdamState};
pub use lookahead::{Lookahead, LookaheadConfig, LookaheadState};
pub use schedule_free::{ScheduleFree, ScheduleFreeConfig, ScheduleFreeState};
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
        Some(at) => Err(Error::NonFinite { value: Value::State, index: before + at }),
        None => Ok(Bound::of(state)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Buffer;
    use crate::network::activation::Activation;
    use crate::network::loss::Loss;
    use crate::network::spec::Spec;

    const NET: Spec = Spec::new(1).dense(1, Activation::Identity).loss(Loss::MeanSquared);

    #[test]
    fn settings_out_of_range_are_refused() {
        let mut none = [];
        for (momentum, nesterov, weight_decay, setting) in [
            (1.0, false, 0.0, Setting::Momentum),
            (-0.1, false, 0.0, Setting::Momentum),
            (f32::NAN, false, 0.0, Setting::Momentum),
            (0.0, true, 0.0, Setting::Momentum),
            (0.0, false, -1.0, Setting::WeightDecay),
            (0.0, false, f32::INFINITY, Setting::WeightDecay),
        ] {
            let config = SgdConfig { momentum, nesterov, weight_decay };
            assert_eq!(Sgd::new(config, &NET, &mut none).err(), Some(Error::Setting(setting)));
        }
        let good = AdamConfig::default();
        for (config, setting) in [
            (AdamConfig { beta1: 1.0, ..good }, Setting::Beta),
            (AdamConfig { beta2: f32::NAN, ..good }, Setting::Beta),
            (AdamConfig { epsilon: 0.0, ..good }, Setting::Epsilon),
            (AdamConfig { epsilon: 1e-15_f32.next_down(), ..good }, Setting::Epsilon),
            (AdamConfig { epsilon: f32::NAN, ..good }, Setting::Epsilon),
            (AdamConfig { epsilon: f32::INFINITY, ..good }, Setting::Epsilon),
            (AdamConfig { weight_decay: -1.0, ..good }, Setting::WeightDecay),
        ] {
            assert_eq!(Adam::new(config, &NET, &mut [0.0; 4]).err(), Some(Error::Setting(setting)));
        }
    }

    #[test]
    fn a_state_of_the_wrong_length_is_refused_and_a_new_one_starts_at_zero() {
        let length = |needed, got| Some(Error::Length { buffer: Buffer::Optimizer, needed, got });
        let momentum = SgdConfig { momentum: 0.9, ..SgdConfig::default() };
        assert_eq!(Sgd::new(momentum, &NET, &mut []).err(), length(2, 0));
        assert_eq!(Sgd::new(SgdConfig::default(), &NET, &mut [0.0; 2]).err(), length(0, 2));
        assert_eq!(Adam::new(AdamConfig::default(), &NET, &mut [0.0; 3]).err(), length(4, 3));
        let mut stale = [7.0; 4];
        let _ = Adam::new(AdamConfig::default(), &NET, &mut stale).unwrap();
        assert_eq!(stale, [0.0; 4]);
    }

    #[test]
    fn each_variant_moves_the_weight_as_its_formula_says() {
        // Two steps from w = 1 with gradients 2 and 1, worked out by hand.
        let run = |optimizer: &mut dyn Optimizer| {
            let mut w = [1.0];
            for g in [2.0, 1.0] {
                optimizer.begin(0.1, 1.0, w[0], g).unwrap();
                optimizer.update(0, &mut w, &[g]);
            }
            w[0]
        };
        let sgd = |momentum, nesterov, weight_decay| {
            let mut state = [0.0; 2];
            let config = SgdConfig { momentum, nesterov, weight_decay };
            let len = config.state_len(&NET);
            run(&mut Sgd::new(config, &NET, &mut state[..len]).unwrap())
        };
        let close = |a: f32, b: f32| assert!((a - b).abs() < 1e-6, "{a} {b}");
        close(sgd(0.0, false, 0.0), 0.7);
        close(sgd(0.5, false, 0.0), 1.0 - 0.2 - 0.2);
        close(sgd(0.5, true, 0.0), 1.0 - 0.1 * 3.0 - 0.1 * (1.0 + 0.5 * 2.0));
        close(sgd(0.0, false, 0.5), 0.75 - 0.1 * (1.0 + 0.5 * 0.75));
        let adam = |config: AdamConfig| run(&mut Adam::new(config, &NET, &mut [0.0; 4]).unwrap());
        // m̂ = 2 then (0.9·0.2 + 0.1)/0.19; v̂ = 4 then (0.999·0.004 + 0.001)/(1 − 0.999²).
        let second = (0.28 / 0.19) / ((0.004_996_f32 / 0.001_999).sqrt());
        close(adam(AdamConfig::default()), 0.9 - 0.1 * second);
        close(adam(AdamConfig::decoupled(0.5)), (0.95 - 0.1) * 0.95 - 0.1 * second);
        let coupled = adam(AdamConfig { weight_decay: 0.5, ..AdamConfig::default() });
        assert!((coupled - (0.9 - 0.1 * second)).abs() > 1e-4);
    }

    #[test]
    fn no_weight_moves_further_than_the_reach() {
        // Each configuration with gradients alone and with weights alone, whose decay then moves them.
        let follow = |optimizer: &mut dyn Optimizer, weight: f32, gradient: f32| {
            let mut w = [weight, weight];
            for step in 0..50 {
                let before = w;
                let reach = optimizer.begin(3.0, 0.5, w[0].abs().max(w[1].abs()), gradient).unwrap();
                optimizer.update(0, &mut w, &[gradient, gradient]);
                let moved = (w[0] - before[0]).abs();
                assert!(moved <= reach * 1.000_001, "step {step}: {moved} {reach}");
                // Not so loose that it would be of no use.
                assert!(reach <= 25.0 * moved.max(1e-3), "step {step}: {moved} {reach}");
            }
        };
        for (weight, gradient) in [(0.0, 2.0), (0.25, 0.0)] {
            for (momentum, nesterov) in [(0.0, false), (0.9, false), (0.9, true)] {
                let weight_decay = if weight > 0.0 { 0.1 } else { 0.0 };
                let config = SgdConfig { momentum, nesterov, weight_decay };
                let mut state = [0.0; 2];
                let len = config.state_len(&NET);
                let mut sgd = Sgd::new(config, &NET, &mut state[..len]).unwrap();
                if weight == 0.0 || momentum == 0.0 {
                    follow(&mut sgd, weight, gradient);
                } else {
                    let reach = sgd.begin(3.0, 1.0, weight, gradient).unwrap();
                    let mut w = [weight; 2];
                    sgd.update(0, &mut w, &[0.0; 2]);
                    assert!((w[0] - weight).abs() > 0.0 && (w[0] - weight).abs() <= reach);
                }
            }
            // With a large ε the bound is near; weights shrink by 1 − ηλ, here to −2 of themselves.
            let config = AdamConfig { epsilon: 1e3, ..AdamConfig::decoupled(1.0) };
            let mut moments = [0.0; 4];
            let mut adam = Adam::new(config, &NET, &mut moments).unwrap();
            let reach = adam.begin(3.0, 1.0, weight, gradient).unwrap();
            let mut w = [weight; 2];
            adam.update(0, &mut w, &[gradient; 2]);
            let moved = (w[0] - weight).abs();
            assert!(moved > 0.0 && moved <= reach * 1.000_001 && reach < 1.1 * moved, "{moved} {reach}");
        }
        let coupled = AdamConfig { weight_decay: 0.1, ..AdamConfig::default() };
        assert!(Adam::new(coupled, &NET, &mut [0.0; 4]).unwrap().begin(1.0, 1.0, 1.0, 1.0).unwrap().is_nan());
    }
}
