//! Schedule-free SGD, which averages its weights while it trains and needs no schedule.

use super::decay::in_pieces;
use super::{Optimizer, check_decay, check_state, expect_room, parts, through_block};
use crate::bytes::{Reader, Writer};
use crate::error::{Buffer, CheckpointFault, Error, Setting};
use crate::kernels;
use crate::math::Total;
use crate::model::params::{Bound, LIMIT, Params};
use crate::model::{Mark, Model};
use crate::network::layout::{self, Layout};
use crate::network::spec::Spec;
use crate::slices::{cut, cut_mut};

/// Settings of [`ScheduleFree`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ScheduleFreeConfig {
    /// `β`, in `[0, 1)`: where between `z` (0) and `x` (1) gradients are taken.
    pub beta: f32,
    /// `λ`, at `y`.
    pub weight_decay: f32,
    /// Whether `λ` leaves out biases and what norms learn ("no bias decay"; He et al. 2019, section 3.1).
    pub no_bias_decay: bool,
}

impl Default for ScheduleFreeConfig {
    fn default() -> Self {
        ScheduleFree::DEFAULT
    }
}

impl ScheduleFreeConfig {
    /// Floats of state: `2P`.
    #[must_use]
    pub const fn state_len(&self, spec: &Spec) -> usize {
        spec.param_len().saturating_mul(2)
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        if !(0.0..1.0).contains(&self.beta) {
            return Err(Error::Setting(Setting::Beta));
        }
        check_decay(self.weight_decay)
    }
}

/// What a schedule-free optimizer is besides its floats: kept with them, for [`ScheduleFree::resume`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ScheduleFreeState {
    pub(super) config: ScheduleFreeConfig,
    /// `Σ γ²` of the steps so far.
    squares: Total,
}

impl ScheduleFreeState {
    /// Bytes of a state.
    pub const BYTES: usize = 8;

    /// That of no step yet.
    #[must_use]
    pub const fn new(config: ScheduleFreeConfig) -> Self {
        Self { config, squares: Total::NONE }
    }

    /// What its steps left as bytes, little-endian on every target: `f32` sum of squared rates, `f32` what rounding took
    /// from it. The settings are the program's.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let (high, low) = self.squares.parts();
        let mut bytes = [0; Self::BYTES];
        let mut out = Writer::new(&mut bytes);
        out.float(high);
        out.float(low);
        bytes
    }

    /// The state that these bytes and the program's settings describe.
    ///
    /// # Errors
    /// [`Error::Setting`], and [`Error::Checkpoint`] for a sum that is negative, not finite, or none that additions leave.
    pub fn from_bytes(config: ScheduleFreeConfig, bytes: &[u8; Self::BYTES]) -> Result<Self, Error> {
        config.check()?;
        let mut input = Reader::new(bytes);
        match Total::from_parts(input.float()?, input.float()?) {
            Some(squares) => Ok(Self { config, squares }),
            None => Err(Error::Checkpoint(CheckpointFault::Field(0))),
        }
    }
}

/// Schedule-free SGD (Defazio et al. 2024, arXiv 2405.15682, algorithm 1): gradients are taken at `y`, the model's
/// parameters; `z ← z − γ(g + λy); c = γ²/Σγ²; x ← x + c(z − x); y ← z + β(x − z)`. Predict with `x`, which
/// [`averaged`](Optimizer::averaged) gives, or which [`finish`](Self::finish) puts in the model's place.
///
/// The model's parameters follow from `z` and `x` alone: whatever else changes them, such as [`Model::params_mut`], a load, a
/// pull or a step of another optimizer, the next step would undo. It is refused with [`Error::Changed`], until this is
/// started anew or resumed; so is a step of another model, even one of the same network.
///
/// The rate stays as it is, after a warm-up if one helps. Memory: `2P` floats, `z` before `x`.
#[must_use = "an optimizer moves the weights of a model that is trained with it"]
pub struct ScheduleFree<'a> {
    /// The digest of the network.
    pub(super) network: u32,
    /// Which model, and its changes, counted along.
    place: usize,
    changes: u32,
    pub(super) floats: &'a mut [f32],
    state: ScheduleFreeState,
    /// `1/n`.
    pub(super) scale: f32,
    pub(super) step: kernels::ScheduleFree,
    /// On `z` and `x`.
    pub(super) bound: Bound,
    /// Weights of the present step that the bound covers and that have not moved yet.
    pub(super) covered: usize,
    pub(super) layout: Layout,
    /// None where all parameters decay, or none.
    by_parts: Option<Move>,
}

debug_view!(ScheduleFree<'_>: state bound; floats);

impl<'a> ScheduleFree<'a> {
    /// `β = 0.9`, no weight decay.
    pub const DEFAULT: ScheduleFreeConfig = ScheduleFreeConfig { beta: 0.9, weight_decay: 0.0, no_bias_decay: false };

    /// Starts from `model`, whose parameters `z` and `x` become copies of.
    ///
    /// # Errors
    /// [`Error::Setting`], or [`Error::Length`] unless `floats` has [`ScheduleFreeConfig::state_len`].
    #[inline(always)]
    pub fn new(config: ScheduleFreeConfig, model: &Model<'_>, floats: &'a mut [f32]) -> Result<Self, Error> {
        Self::started(config, model, floats, by_parts(&config))
    }

    /// Apart from [`new`](Self::new), which stands in the caller's own code.
    fn started(
        config: ScheduleFreeConfig,
        model: &Model<'_>,
        floats: &'a mut [f32],
        by_parts: Option<Move>,
    ) -> Result<Self, Error> {
        let free = Self::checked(ScheduleFreeState::new(config), model, floats, by_parts)?;
        let (z, x) = cut_mut(free.floats, model.params.len());
        kernels::copy(z, model.params);
        kernels::copy(x, model.params);
        Ok(free)
    }

    /// Continues with `z` and `x` that are in the slice, from `model` as it was when `state` was taken.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`Error::NonFinite`] for a number in `floats` that is not finite, or of `2^127` or more.
    #[inline(always)]
    pub fn resume(state: ScheduleFreeState, model: &Model<'_>, floats: &'a mut [f32]) -> Result<Self, Error> {
        let free = Self::checked(state, model, floats, by_parts(&state.config))?;
        check_state(free.floats, -LIMIT, 0)?;
        Ok(free)
    }

    fn checked(
        state: ScheduleFreeState,
        model: &Model<'_>,
        floats: &'a mut [f32],
        by_parts: Option<Move>,
    ) -> Result<Self, Error> {
        let config = state.config;
        config.check()?;
        Error::expect_len(Buffer::Optimizer, config.state_len(model.spec), floats.len())?;
        let step = kernels::ScheduleFree { rate: 0.0, decay: config.weight_decay, beta: config.beta, gain: 0.0 };
        let (network, place, changes) = (model.spec.digest(), model.place(), model.changes);
        let (layout, bound) = (model.spec.layout, Bound::UNKNOWN);
        Ok(Self { network, place, changes, floats, state, scale: 1.0, step, bound, covered: 0, layout, by_parts })
    }

    /// Ends the training: the model's parameters become `x`. Running statistics of norms stay those of `y` until a
    /// [`NormUpdate`](crate::average::NormUpdate).
    ///
    /// # Errors
    /// [`Error::Network`].
    pub fn finish(&self, model: &mut Model<'_>) -> Result<(), Error> {
        model.spec.check_digest(self.network)?;
        let x = cut(self.floats, self.floats.len() / 2).1;
        for place in model.spec.places() {
            kernels::copy(layout::at_mut(model.params, place.learned()), layout::at(x, place.learned()));
        }
        model.becomes(Mark::Average);
        Ok(())
    }

    /// Begins a step of length `rate`, which moves `z` along elements of magnitudes up to `direction`, and weights as they
    /// decay.
    pub(super) fn advance(&mut self, rate: f32, scale: f32, weights: f32, direction: f32) -> Result<f32, Error> {
        let moved = rate * (direction + self.step.decay * weights);
        let now = self.bound.find(self.floats) + moved;
        expect_room(now)?;
        let now = self.bound.becomes(now);
        let square = rate * rate;
        let squares = self.state.squares.add(square);
        // Rates of 1e9 and more steps than there are would overflow: the average then stays where it is.
        if squares.value().is_finite() {
            self.state.squares = squares;
        }
        let total = squares.value();
        self.step.gain = if total > 0.0 { square / total } else { 0.0 };
        (self.step.rate, self.scale, self.covered) = (rate, scale, self.floats.len() / 2);
        self.changes = self.changes.wrapping_add(1);
        Ok(if now > weights { now - weights } else { 0.0 * now })
    }

    /// What to keep beside the floats, for [`resume`](Self::resume).
    #[must_use]
    pub fn state(&self) -> ScheduleFreeState {
        self.state
    }

    /// Ends it: its [`state`](Self::state), and the slice is the caller's again.
    #[must_use]
    pub fn into_state(self) -> ScheduleFreeState {
        self.state
    }

    /// `z` before `x`, each as long as the parameters.
    #[must_use]
    pub fn floats(&self) -> &[f32] {
        self.floats
    }
}

/// What moves weights from an offset on along a gradient, and what they are computed from.
type Move = fn(&mut ScheduleFree<'_>, usize, &mut [f32], &[f32]);

/// In the caller's own code, where the configuration is mostly a constant.
#[inline(always)]
fn by_parts(config: &ScheduleFreeConfig) -> Option<Move> {
    if config.no_bias_decay && config.weight_decay > 0.0 { Some(move_by_parts) } else { None }
}

/// Weights decay, biases and norms do not.
fn move_by_parts(free: &mut ScheduleFree<'_>, offset: usize, weights: &mut [f32], gradient: &[f32]) {
    let (layout, decay) = (free.layout, free.step.decay);
    in_pieces(&layout, offset, weights, (&[1.0], gradient), &mut |decays, offset, weights, gradient| {
        free.step.decay = if decays { decay } else { 0.0 };
        free.move_all(offset, weights, gradient);
    });
    free.step.decay = decay;
}

impl ScheduleFree<'_> {
    #[inline(always)]
    fn move_all(&mut self, offset: usize, weights: &mut [f32], gradient: &[f32]) {
        self.bound.cover(&mut self.covered, weights.len());
        let (z, x) = parts(self.floats, offset, weights.len());
        kernels::schedule_free(weights, z, x, gradient, self.scale, self.step);
    }
}

impl Optimizer for ScheduleFree<'_> {
    fn check(&self, model: &Model<'_>) -> Result<(), Error> {
        model.spec.check_digest(self.network)?;
        if (model.place(), model.changes) == (self.place, self.changes) { Ok(()) } else { Err(Error::Changed) }
    }

    fn owns_weights(&self) -> bool {
        true
    }

    /// `x` and `y` lie between what was and `z`.
    fn begin(&mut self, rate: f32, scale: f32, weights: f32, gradient: f32) -> Result<f32, Error> {
        self.advance(rate, scale, weights, gradient * scale)
    }

    fn update(&mut self, offset: usize, weights: &mut [f32], gradient: &[f32]) {
        match self.by_parts {
            Some(by_parts) => by_parts(self, offset, weights, gradient),
            None => self.move_all(offset, weights, gradient),
        }
    }

    fn update_outer(&mut self, offset: usize, weights: &mut [f32], x: &[f32], d: &[f32], block: &mut [f32]) {
        through_block(offset, weights, x, d, block, |offset, weights, g| self.update(offset, weights, g));
    }

    fn averaged(&self) -> Option<Params<'_>> {
        Some(Params::of_average(cut(self.floats, self.floats.len() / 2).1))
    }
}
