//! SGD that needs no schedule, since it averages as it goes.

use super::{Optimizer, check_decay, parts, through_block};
use crate::error::{Buffer, CheckpointFault, Error, Setting};
use crate::kernels::{self, cut_mut};
use crate::math::Total;
use crate::model::{Mark, Model};
use crate::params::{Bound, Params};
use crate::spec::Spec;

/// Settings of [`ScheduleFree`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ScheduleFreeConfig {
    /// `β`, in `[0, 1)`: where between `z` (0) and `x` (1) gradients are taken.
    pub beta: f32,
    /// `λ`, at `y`.
    pub weight_decay: f32,
}

impl Default for ScheduleFreeConfig {
    fn default() -> Self {
        Self { beta: 0.9, weight_decay: 0.0 }
    }
}

impl ScheduleFreeConfig {
    /// Floats of state: `2P`.
    #[must_use]
    pub const fn state_len(&self, spec: &Spec) -> usize {
        spec.param_len().saturating_mul(2)
    }

    fn check(&self) -> Result<(), Error> {
        if !(0.0..1.0).contains(&self.beta) {
            return Err(Error::Setting(Setting::Beta));
        }
        check_decay(self.weight_decay)
    }
}

/// What a schedule-free optimizer is besides its floats.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ScheduleFreeState {
    /// `Σ γ²` of the steps so far.
    squares: Total,
}

impl ScheduleFreeState {
    /// Bytes of a state.
    pub const BYTES: usize = 8;

    /// The state as bytes, little-endian on every target: `f32` sum, `f32` what rounding took from it.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let (high, low) = self.squares.parts();
        let [[a, b, c, d], [e, f, g, h]] = [high, low].map(f32::to_le_bytes);
        [a, b, c, d, e, f, g, h]
    }

    /// The state that these bytes stand for.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] for a sum that is negative, not finite, or none that additions leave.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Self, Error> {
        let [a, b, c, d, e, f, g, h] = *bytes;
        let (high, low) = (f32::from_le_bytes([a, b, c, d]), f32::from_le_bytes([e, f, g, h]));
        match Total::from_parts(high, low) {
            Some(squares) => Ok(Self { squares }),
            None => Err(Error::Checkpoint(CheckpointFault::Field(0))),
        }
    }
}

/// Schedule-free SGD (Defazio et al. 2024, arXiv 2405.15682, algorithm 1): gradients are taken at `y`, the model's
/// parameters; `z ← z − γ(g + λy); c = γ²/Σγ²; x ← x + c(z − x); y ← z + β(x − z)`. Predict with `x`, which
/// [`averaged`](Optimizer::averaged) gives, or which [`finish`](Self::finish) puts in the model's place.
///
/// The rate stays as it is, after a warm-up if one helps. Memory: `2P` floats, `z` before `x`.
#[derive(Debug)]
#[must_use = "an optimizer moves the weights of a model that is trained with it"]
pub struct ScheduleFree<'a> {
    config: ScheduleFreeConfig,
    floats: &'a mut [f32],
    state: ScheduleFreeState,
    /// `1/n`.
    scale: f32,
    step: kernels::ScheduleFree,
    /// On `z` and `x`.
    bound: Bound,
    /// Weights of the present step that the bound covers and that have not moved yet.
    covered: usize,
}

impl<'a> ScheduleFree<'a> {
    /// Starts from `params`, the model's, which `z` and `x` become copies of.
    ///
    /// # Errors
    /// [`Error::Setting`], or [`Error::Length`] unless `floats` has twice as many.
    pub fn new(config: ScheduleFreeConfig, params: &[f32], floats: &'a mut [f32]) -> Result<Self, Error> {
        config.check()?;
        Error::expect_len(Buffer::Optimizer, params.len().saturating_mul(2), floats.len())?;
        let (z, x) = cut_mut(floats, params.len());
        kernels::copy(z, params);
        kernels::copy(x, params);
        Self::resume(config, ScheduleFreeState::default(), floats)
    }

    /// Continues with `z` and `x` in `floats`, as [`state`](Self::state) was.
    ///
    /// # Errors
    /// [`Error::Setting`]; their length is checked by the first training step.
    pub fn resume(config: ScheduleFreeConfig, state: ScheduleFreeState, floats: &'a mut [f32]) -> Result<Self, Error> {
        config.check()?;
        let bound = Bound::of(floats);
        let step = kernels::ScheduleFree { rate: 0.0, decay: config.weight_decay, beta: config.beta, gain: 0.0 };
        Ok(Self { config, floats, state, scale: 1.0, step, bound, covered: 0 })
    }

    /// Ends the training: the model's parameters become `x`. Running statistics of norms stay those of `y` until a
    /// [`NormUpdate`](crate::NormUpdate).
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn finish(&self, model: &mut Model<'_>) -> Result<(), Error> {
        Error::expect_len(Buffer::Optimizer, self.config.state_len(model.spec), self.floats.len())?;
        let x = kernels::cut(self.floats, self.floats.len() / 2).1;
        for layer in model.spec.layers() {
            let learned = cut_mut(cut_mut(model.params, layer.offset()).1, layer.learned_len()).0;
            kernels::copy(learned, kernels::cut(x, layer.offset()).1);
        }
        (model.bound, model.mark) = (Bound::UNKNOWN, Mark::Average);
        Ok(())
    }

    /// What to keep beside the floats, for [`resume`](Self::resume).
    #[must_use]
    pub fn state(&self) -> ScheduleFreeState {
        self.state
    }
}

impl Optimizer for ScheduleFree<'_> {
    fn check(&self, spec: &Spec) -> Result<(), Error> {
        Error::expect_len(Buffer::Optimizer, self.config.state_len(spec), self.floats.len())
    }

    fn begin(&mut self, rate: f32, scale: f32) {
        let square = rate * rate;
        let squares = self.state.squares.add(square);
        // Rates of 1e9 and more steps than there are would overflow: the average then stays where it is.
        if squares.value().is_finite() {
            self.state.squares = squares;
        }
        let total = squares.value();
        self.step.gain = if total > 0.0 { square / total } else { 0.0 };
        (self.step.rate, self.scale, self.covered) = (rate, scale, 0);
    }

    /// `x` and `y` lie between what was and `z`.
    fn reach(&mut self, weights: f32, gradient: f32) -> f32 {
        self.covered = self.floats.len() / 2;
        let moved = self.step.rate * (gradient * self.scale + self.step.decay * weights);
        let now = self.bound.becomes(self.bound.get() + moved);
        if now > weights { now - weights } else { 0.0 * now }
    }

    fn update(&mut self, offset: usize, weights: &mut [f32], gradient: &[f32]) {
        self.bound.cover(&mut self.covered, weights.len());
        let (z, x) = parts(self.floats, offset, weights.len());
        kernels::schedule_free(weights, z, x, gradient, self.scale, self.step);
    }

    fn update_outer(&mut self, offset: usize, weights: &mut [f32], x: &[f32], d: &[f32], block: &mut [f32]) {
        through_block(offset, weights, x, d, block, |offset, weights, g| self.update(offset, weights, g));
    }

    fn averaged(&self) -> Option<Params<'_>> {
        Some(Params::of_average(kernels::cut(self.floats, self.floats.len() / 2).1))
    }
}
