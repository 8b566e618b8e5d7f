//! Schedule-free AdamW: the average of [`ScheduleFree`] over steps of Adam's length.

use super::decay::in_pieces;
use super::schedule_free::{ScheduleFree, ScheduleFreeConfig, ScheduleFreeState};
use super::{AdamConfig, Optimizer, check_state, expect_room, part, parts, through_block};
use crate::bytes::{Reader, Writer};
use crate::error::{Buffer, CheckpointFault, Error};
use crate::kernels;
use crate::math;
use crate::model::Model;
use crate::model::params::Params;
use crate::network::spec::Spec;
use crate::slices::cut_mut;

/// Settings of [`ScheduleFreeAdam`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ScheduleFreeAdamConfig {
    /// `β₁`, in `[0, 1)`: where between `z` (0) and `x` (1) gradients are taken.
    pub beta1: f32,
    /// Decay rate `β₂` of the second moment.
    pub beta2: f32,
    /// `ε`, at least 1e-15.
    pub epsilon: f32,
    /// Decoupled weight decay `λ`, at `y`.
    pub weight_decay: f32,
    /// Whether `λ` leaves out biases and what norms learn ("no bias decay"; He et al. 2019, section 3.1).
    pub no_bias_decay: bool,
}

impl Default for ScheduleFreeAdamConfig {
    fn default() -> Self {
        ScheduleFreeAdam::DEFAULT
    }
}

impl ScheduleFreeAdamConfig {
    /// Floats of state: `3P`.
    #[must_use]
    pub const fn state_len(&self, spec: &Spec) -> usize {
        spec.param_len().saturating_mul(3)
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let Self { beta1, beta2, epsilon, weight_decay, no_bias_decay } = *self;
        AdamConfig { beta1, beta2, epsilon, weight_decay, decoupled: true, no_bias_decay }.check()
    }

    /// Those of the average.
    const fn average(&self) -> ScheduleFreeConfig {
        ScheduleFreeConfig { beta: self.beta1, weight_decay: self.weight_decay, no_bias_decay: false }
    }
}

/// What it is besides its floats: kept with them, for [`ScheduleFreeAdam::resume`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ScheduleFreeAdamState {
    pub(super) config: ScheduleFreeAdamConfig,
    pub(super) average: ScheduleFreeState,
    pub(super) steps: u64,
}

impl ScheduleFreeAdamState {
    /// Bytes of a state.
    pub const BYTES: usize = 16;

    /// That of no step yet.
    #[must_use]
    pub const fn new(config: ScheduleFreeAdamConfig) -> Self {
        Self { config, average: ScheduleFreeState::new(config.average()), steps: 0 }
    }

    /// Steps taken.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// What its steps left as bytes, little-endian on every target: the 8 of a [`ScheduleFreeState`], `u64` steps. The
    /// settings are the program's.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let mut out = Writer::new(&mut bytes);
        out.bytes(&self.average.to_bytes());
        out.long(self.steps);
        bytes
    }

    /// The state that these bytes and the program's settings describe.
    ///
    /// # Errors
    /// [`Error::Setting`]; [`Error::Checkpoint`] as for a [`ScheduleFreeState`], and for rates without a step.
    pub fn from_bytes(config: ScheduleFreeAdamConfig, bytes: &[u8; Self::BYTES]) -> Result<Self, Error> {
        config.check()?;
        let none = Self::new(config);
        let mut input = Reader::new(bytes);
        let average = ScheduleFreeState::from_bytes(config.average(), &input.array()?)?;
        let steps = input.long()?;
        if steps == 0 && average != none.average {
            return Err(Error::Checkpoint(CheckpointFault::Field(8)));
        }
        Ok(Self { config, average, steps })
    }
}

/// Schedule-free AdamW (Defazio et al. 2024, arXiv 2405.15682, algorithm 1 with Adam's second moment): as
/// [`ScheduleFree`], but `v ← β₂v + (1 − β₂)g²; γₜ = γ·√(1 − β₂ᵗ); z ← z − γₜ(g/(√v + ε) + λy); c = γₜ²/Σγₜ²`.
///
/// Everything that is said there of the model's parameters, of `x` and of the rate holds here. Second moments below 1e-30
/// become zero. Memory: `3P` floats, `z` before `x` before `v`.
#[must_use = "an optimizer moves the weights of a model that is trained with it"]
pub struct ScheduleFreeAdam<'a> {
    pub(super) average: ScheduleFree<'a>,
    /// `v`.
    second: &'a mut [f32],
    config: ScheduleFreeAdamConfig,
    steps: u64,
}

debug_view!(ScheduleFreeAdam<'_>: config steps average; second);

impl<'a> ScheduleFreeAdam<'a> {
    /// `β₁ = 0.9`, `β₂ = 0.999`, `ε = 1e-8`, no weight decay.
    pub const DEFAULT: ScheduleFreeAdamConfig =
        ScheduleFreeAdamConfig { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0, no_bias_decay: false };

    /// Starts from `model`, whose parameters `z` and `x` become copies of; `v` becomes zero.
    ///
    /// # Errors
    /// [`Error::Setting`], or [`Error::Length`] unless `floats` has [`ScheduleFreeAdamConfig::state_len`].
    pub fn new(config: ScheduleFreeAdamConfig, model: &Model<'_>, floats: &'a mut [f32]) -> Result<Self, Error> {
        let (average, second) = cut_parts(&config, model, floats)?;
        let average = ScheduleFree::new(config.average(), model, average)?;
        kernels::clear(second);
        Ok(Self { average, second, config, steps: 0 })
    }

    /// Continues with `z`, `x` and `v` that are in the slice, from `model` as it was when `state` was taken.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`Error::NonFinite`] for a number in `floats` that is not finite, or of `2^127` or more,
    /// and a second moment below 0.
    pub fn resume(state: ScheduleFreeAdamState, model: &Model<'_>, floats: &'a mut [f32]) -> Result<Self, Error> {
        let ScheduleFreeAdamState { config, average, steps } = state;
        let (floats, second) = cut_parts(&config, model, floats)?;
        check_state(second, 0.0, floats.len())?;
        Ok(Self { average: ScheduleFree::resume(average, model, floats)?, second, config, steps })
    }

    /// As [`ScheduleFree::finish`].
    ///
    /// # Errors
    /// [`Error::Network`].
    pub fn finish(&self, model: &mut Model<'_>) -> Result<(), Error> {
        self.average.finish(model)
    }

    /// What to keep beside the floats, for [`resume`](Self::resume).
    #[must_use]
    pub fn state(&self) -> ScheduleFreeAdamState {
        ScheduleFreeAdamState { config: self.config, average: self.average.state(), steps: self.steps }
    }

    /// Ends it: its [`state`](Self::state), and the slice is the caller's again.
    #[must_use]
    pub fn into_state(self) -> ScheduleFreeAdamState {
        self.state()
    }

    /// `z` before `x`, each as long as the parameters.
    #[must_use]
    pub fn floats(&self) -> &[f32] {
        self.average.floats()
    }

    /// `v`, as long as the parameters.
    #[must_use]
    pub fn second_moments(&self) -> &[f32] {
        self.second
    }

    /// Steps taken.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }
}

/// Those of the average and the second moments, after the checks.
fn cut_parts<'f>(
    config: &ScheduleFreeAdamConfig,
    model: &Model<'_>,
    floats: &'f mut [f32],
) -> Result<(&'f mut [f32], &'f mut [f32]), Error> {
    config.check()?;
    Error::expect_len(Buffer::Optimizer, config.state_len(model.spec), floats.len())?;
    let len = config.average().state_len(model.spec);
    Ok(cut_mut(floats, len))
}

impl ScheduleFreeAdam<'_> {
    fn move_by(&mut self, step: kernels::ScheduleFree, offset: usize, weights: &mut [f32], gradient: &[f32]) {
        let Self { average, second, config: ScheduleFreeAdamConfig { beta2, epsilon, .. }, .. } = self;
        average.bound.cover(&mut average.covered, weights.len());
        let (z, x) = parts(average.floats, offset, weights.len());
        let v = part(second, offset, weights.len());
        let moment = kernels::SecondMoment { beta2: *beta2, gain2: 1.0 - *beta2, epsilon: *epsilon };
        kernels::schedule_free_adam(weights, (z, x, v), gradient, average.scale, step, moment);
    }
}

impl Optimizer for ScheduleFreeAdam<'_> {
    fn check(&self, model: &Model<'_>) -> Result<(), Error> {
        self.average.check(model)
    }

    fn owns_weights(&self) -> bool {
        true
    }

    /// `g² ≤ v/(1 − β₂)` bounds the elements of `g/√v`; where `v` is below its floor, `ε` does.
    fn begin(&mut self, rate: f32, scale: f32, weights: f32, gradient: f32) -> Result<f32, Error> {
        let gain = 1.0 - self.config.beta2;
        let gradient = gradient * scale;
        // The square is a bound on second moments to come.
        expect_room(gradient * gradient)?;
        let steps = self.steps.saturating_add(1);
        let rate = rate * kernels::sqrt(math::one_minus_power(gain, steps));
        let reach = self.average.advance(rate, scale, weights, 1.01 / kernels::sqrt(gain))?;
        self.steps = steps;
        Ok(reach)
    }

    fn update(&mut self, offset: usize, weights: &mut [f32], gradient: &[f32]) {
        let (step, layout) = (self.average.step, self.average.layout);
        if !self.config.no_bias_decay {
            return self.move_by(step, offset, weights, gradient);
        }
        in_pieces(&layout, offset, weights, (&[1.0], gradient), &mut |decays, offset, weights, gradient| {
            let step = if decays { step } else { kernels::ScheduleFree { decay: 0.0, ..step } };
            self.move_by(step, offset, weights, gradient);
        });
    }

    fn update_outer(&mut self, offset: usize, weights: &mut [f32], x: &[f32], d: &[f32], block: &mut [f32]) {
        through_block(offset, weights, x, d, block, |offset, weights, g| self.update(offset, weights, g));
    }

    fn averaged(&self) -> Option<Params<'_>> {
        self.average.averaged()
    }
}
