//! Slow weights behind any optimizer.

use super::{Optimizer, part};
use crate::error::{Buffer, Error, Setting};
use crate::kernels;
use crate::params::Bound;
use crate::spec::Spec;

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
        Self { every: 5, alpha: 0.5 }
    }
}

/// Lookahead (Zhang et al. 2019, algorithm 1): every `k` steps of the inner optimizer the slow weights `φ` follow the fast
/// ones, `φ ← φ + α(θ − φ); θ ← φ`.
///
/// Memory: `P` floats for the slow weights, and the inner optimizer's.
#[derive(Debug)]
#[must_use = "an optimizer moves the weights of a model that is trained with it"]
pub struct Lookahead<'a, O> {
    config: LookaheadConfig,
    inner: O,
    slow: &'a mut [f32],
    steps: u64,
    /// On the slow weights.
    bound: Bound,
    /// Weights of the present step that the bound covers and that have not moved yet.
    covered: usize,
}

impl<'a, O: Optimizer> Lookahead<'a, O> {
    /// Starts from `params`, the model's, which `slow` becomes a copy of.
    ///
    /// # Errors
    /// [`Error::Setting`] for a `k` of 0 or an `α` out of range, [`Error::Length`] unless both are of one length.
    pub fn new(config: LookaheadConfig, inner: O, params: &[f32], slow: &'a mut [f32]) -> Result<Self, Error> {
        config.check()?;
        Error::expect_len(Buffer::Optimizer, params.len(), slow.len())?;
        kernels::copy(slow, params);
        Self::resume(config, inner, slow, 0)
    }

    /// Continues with the slow weights in `slow` after `steps` steps.
    ///
    /// # Errors
    /// [`Error::Setting`]; their length is checked by the first training step.
    pub fn resume(config: LookaheadConfig, inner: O, slow: &'a mut [f32], steps: u64) -> Result<Self, Error> {
        config.check()?;
        let bound = Bound::of(slow);
        Ok(Self { config, inner, slow, steps, bound, covered: 0 })
    }

    /// Steps taken.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
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
    fn check(self) -> Result<(), Error> {
        if self.every > 0 && (0.0..=1.0).contains(&self.alpha) {
            Ok(())
        } else {
            Err(Error::Setting(Setting::Lookahead))
        }
    }
}

impl<O: Optimizer> Optimizer for Lookahead<'_, O> {
    fn check(&self, spec: &Spec) -> Result<(), Error> {
        Error::expect_len(Buffer::Optimizer, spec.param_len(), self.slow.len())?;
        self.inner.check(spec)
    }

    fn begin(&mut self, rate: f32, scale: f32) {
        self.inner.begin(rate, scale);
        self.steps = self.steps.saturating_add(1);
        self.covered = 0;
    }

    /// Slow weights lie between what they were and the fast ones.
    fn reach(&mut self, weights: f32, gradient: f32) -> f32 {
        let reach = self.inner.reach(weights, gradient);
        if !self.is_due() {
            return reach;
        }
        self.covered = self.slow.len();
        let fast = weights + reach;
        // Where either is no number, so is the bound.
        let larger = if self.bound.get() > fast { self.bound.get() } else { fast };
        let slow = self.bound.becomes(larger + 0.0 * self.bound.get());
        if slow > weights { slow - weights } else { 0.0 * slow }
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
