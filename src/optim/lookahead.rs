//! Lookahead: slow weights that follow those of any optimizer.

use super::{Optimizer, check_state, expect_room, part};
use crate::error::{Buffer, Error, Setting};
use crate::kernels;
use crate::model::Model;
use crate::model::params::{Bound, LIMIT};
use crate::network::spec::Spec;

/// Settings of [`Lookahead`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LookaheadConfig {
    /// `k`, steps of the inner optimizer between two of the slow weights.
    pub every: u32,
    /// `α`, in `[0, 1]`.
    pub alpha: f32,
}

impl Default for LookaheadConfig {
    fn default() -> Self {
        Lookahead::DEFAULT
    }
}

/// What Lookahead is besides its slow weights and the inner optimizer: kept with them, for [`Lookahead::resume`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LookaheadState {
    /// Its settings.
    pub config: LookaheadConfig,
    /// Steps taken.
    pub steps: u64,
}

impl LookaheadState {
    /// Bytes of a state.
    pub const BYTES: usize = 8;

    /// What its steps left as bytes, little-endian on every target: `u64` steps. The settings are the program's; the inner
    /// optimizer has a state of its own.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        self.steps.to_le_bytes()
    }

    /// The state that these bytes and the program's settings describe.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn from_bytes(config: LookaheadConfig, bytes: &[u8; Self::BYTES]) -> Result<Self, Error> {
        config.check()?;
        Ok(Self { config, steps: u64::from_le_bytes(*bytes) })
    }
}

/// Lookahead (Zhang et al. 2019, algorithm 1): every `k` steps of the inner optimizer the slow weights `φ` follow the fast
/// ones, `φ ← φ + α(θ − φ); θ ← φ`.
///
/// Memory: `P` floats for the slow weights, and the inner optimizer's.
#[must_use = "an optimizer moves the weights of a model that is trained with it"]
pub struct Lookahead<'a, O> {
    config: LookaheadConfig,
    inner: O,
    /// The digest of the network.
    network: u32,
    slow: &'a mut [f32],
    steps: u64,
    /// On the slow weights.
    bound: Bound,
    /// Weights of the present step that the bound covers and that have not moved yet.
    covered: usize,
}

debug_view!(Lookahead<'_, O>: config inner steps bound; slow);

impl Lookahead<'_, ()> {
    /// `k = 5`, `α = 0.5`.
    pub const DEFAULT: LookaheadConfig = LookaheadConfig { every: 5, alpha: 0.5 };
}

impl<'a, O: Optimizer> Lookahead<'a, O> {
    /// Starts from `model`, whose parameters `slow` becomes a copy of. What changes the model from outside later, the slow
    /// weights follow as they follow a step. An inner optimizer that has taken steps may be passed as `&mut`, so that it is not lost after an error.
    ///
    /// # Errors
    /// [`Error::Setting`] for a `k` of 0 or an `α` out of range, [`Error::OwnsWeights`] for an inner optimizer that does
    /// (slow weights would have no effect), [`Error::Network`] for one of another network, [`Error::Length`] unless `slow`
    /// has exactly [`LookaheadConfig::state_len`] floats.
    pub fn new(config: LookaheadConfig, inner: O, model: &Model<'_>, slow: &'a mut [f32]) -> Result<Self, Error> {
        let lookahead = Self::checked(LookaheadState { config, steps: 0 }, inner, model, slow)?;
        kernels::copy(lookahead.slow, model.params);
        Ok(lookahead)
    }

    /// Continues with the slow weights that are in the slice.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`Error::NonFinite`] for a slow weight that is not finite, or of `2^127` or more.
    pub fn resume(state: LookaheadState, inner: O, model: &Model<'_>, slow: &'a mut [f32]) -> Result<Self, Error> {
        let lookahead = Self::checked(state, inner, model, slow)?;
        check_state(lookahead.slow, -LIMIT, 0)?;
        Ok(lookahead)
    }

    fn checked(state: LookaheadState, inner: O, model: &Model<'_>, slow: &'a mut [f32]) -> Result<Self, Error> {
        let LookaheadState { config, steps } = state;
        config.check()?;
        if inner.owns_weights() {
            return Err(Error::OwnsWeights);
        }
        inner.check(model)?;
        Error::expect_len(Buffer::Optimizer, config.state_len(model.spec), slow.len())?;
        Ok(Self { config, inner, network: model.spec.digest(), slow, steps, bound: Bound::UNKNOWN, covered: 0 })
    }

    /// Steps taken.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The inner optimizer, whose state is kept beside this one.
    #[must_use]
    pub fn inner(&self) -> &O {
        &self.inner
    }

    /// What to keep beside the slow weights and the state of the [inner](Self::inner) optimizer, for
    /// [`resume`](Self::resume).
    #[must_use]
    pub fn state(&self) -> LookaheadState {
        LookaheadState { config: self.config, steps: self.steps }
    }

    /// Ends it: its [`state`](Self::state) and the inner optimizer, and the slice is the caller's again.
    #[must_use]
    pub fn into_state(self) -> (LookaheadState, O) {
        (self.state(), self.inner)
    }

    /// The slow weights; running statistics of norms in them are those of the start.
    #[must_use]
    pub fn slow(&self) -> &[f32] {
        self.slow
    }

    /// Whether the slow weights move in this step.
    fn is_due(&self) -> bool {
        self.steps.is_multiple_of(self.config.every.into())
    }

    /// Moves the slow weights where it is time, and the fast ones to them.
    fn follow(&mut self, offset: usize, weights: &mut [f32]) {
        if self.is_due() {
            self.bound.cover(&mut self.covered, weights.len());
            let slow = part(self.slow, offset, weights.len());
            kernels::mean_update(slow, weights, self.config.alpha);
            kernels::copy(weights, slow);
        }
    }
}

impl LookaheadConfig {
    /// Floats of state: `P`, besides those of the inner optimizer.
    #[must_use]
    pub const fn state_len(&self, spec: &Spec) -> usize {
        spec.param_len()
    }

    pub(super) fn check(self) -> Result<(), Error> {
        if self.every > 0 && (0.0..=1.0).contains(&self.alpha) {
            Ok(())
        } else {
            Err(Error::Setting(Setting::Lookahead))
        }
    }
}

impl<O: Optimizer> Optimizer for Lookahead<'_, O> {
    fn check(&self, model: &Model<'_>) -> Result<(), Error> {
        model.spec.check_digest(self.network)?;
        self.inner.check(model)
    }

    /// Slow weights lie between what they were and the fast ones.
    fn begin(&mut self, rate: f32, scale: f32, weights: f32, gradient: f32) -> Result<f32, Error> {
        expect_room(self.bound.find(self.slow))?;
        let reach = self.inner.begin(rate, scale, weights, gradient)?;
        self.steps = self.steps.saturating_add(1);
        self.covered = 0;
        if !self.is_due() {
            return Ok(reach);
        }
        self.covered = self.slow.len();
        let fast = weights + reach;
        // Where either is no number, so is the bound.
        let larger = if self.bound.get() > fast { self.bound.get() } else { fast };
        let slow = self.bound.becomes(larger + 0.0 * self.bound.get());
        Ok(if slow > weights { slow - weights } else { 0.0 * slow })
    }

    fn rests_at_zero(&self) -> bool {
        !self.is_due() && self.inner.rests_at_zero()
    }

    fn update(&mut self, offset: usize, weights: &mut [f32], gradient: &[f32]) {
        self.inner.update(offset, weights, gradient);
        self.follow(offset, weights);
    }

    fn update_outer(&mut self, offset: usize, weights: &mut [f32], x: &[f32], d: &[f32], block: &mut [f32]) {
        self.inner.update_outer(offset, weights, x, d, block);
        self.follow(offset, weights);
    }
}
