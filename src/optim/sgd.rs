//! Stochastic gradient descent, with and without momentum.

use super::{Optimizer, check_decay, check_state, expect_room, part};
use crate::error::{Buffer, Error, Setting};
use crate::kernels;
use crate::model::Model;
use crate::model::params::{Bound, LIMIT};
use crate::network::spec::Spec;

/// Settings of [`Sgd`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SgdConfig {
    /// `μ`, 0 for plain SGD.
    pub momentum: f32,
    /// Nesterov's form.
    pub nesterov: bool,
    /// `λ`, added to the gradient as `λw`.
    pub weight_decay: f32,
}

impl SgdConfig {
    /// Floats of state: 0, or `P` with momentum.
    #[must_use]
    pub const fn state_len(&self, spec: &Spec) -> usize {
        if self.momentum > 0.0 { spec.param_len() } else { 0 }
    }

    fn check(&self) -> Result<(), Error> {
        let momentum = if self.nesterov { self.momentum > 0.0 } else { self.momentum >= 0.0 };
        if !(momentum && self.momentum < 1.0) {
            return Err(Error::Setting(Setting::Momentum));
        }
        check_decay(self.weight_decay)
    }
}

/// Stochastic gradient descent: `g ← g + λw; v ← μv + g; w ← w − ηv`, or `w ← w − η(g + μv)` with Nesterov
/// (Sutskever et al. 2013, as PyTorch has it).
#[derive(Debug)]
#[must_use = "an optimizer moves the weights of a model that is trained with it"]
pub struct Sgd<'a> {
    /// The digest of the network.
    network: u32,
    velocity: &'a mut [f32],
    /// On the velocity.
    bound: Bound,
    /// Weights of the present step that the bound covers and that have not moved yet.
    covered: usize,
    /// `1/n`.
    scale: f32,
    step: kernels::Sgd,
    /// None for plain SGD.
    other: Option<Move>,
}

impl<'a> Sgd<'a> {
    /// Starts with no velocity; `state` has [`SgdConfig::state_len`] floats.
    ///
    /// # Errors
    /// [`Error::Spec`], [`Error::Setting`], or [`Error::Length`] unless the length is exact.
    #[inline(always)]
    pub fn new(config: SgdConfig, spec: &Spec, state: &'a mut [f32]) -> Result<Self, Error> {
        let sgd = Self::checked(config, spec, state, other(&config))?;
        kernels::clear(sgd.velocity);
        Ok(sgd)
    }

    /// Continues with the velocity in `state`.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`Error::NonFinite`] for a velocity that is not finite, or of `2^127` or more.
    #[inline(always)]
    pub fn resume(config: SgdConfig, spec: &Spec, state: &'a mut [f32]) -> Result<Self, Error> {
        let mut sgd = Self::checked(config, spec, state, other(&config))?;
        sgd.bound = check_state(sgd.velocity, -LIMIT, 0)?;
        Ok(sgd)
    }

    fn checked(config: SgdConfig, spec: &Spec, state: &'a mut [f32], other: Option<Move>) -> Result<Self, Error> {
        spec.check()?;
        config.check()?;
        Error::expect_len(Buffer::Optimizer, config.state_len(spec), state.len())?;
        let SgdConfig { momentum: factor, nesterov, weight_decay } = config;
        let step = kernels::Sgd { rate: 0.0, decay: weight_decay, momentum: factor, nesterov };
        let bound = Bound::of(&[]);
        Ok(Self { network: spec.digest(), velocity: state, bound, covered: 0, scale: 1.0, step, other })
    }
}

/// In the caller's own code, where the configuration is mostly a constant, so that plain SGD links no other.
#[inline(always)]
fn other(config: &SgdConfig) -> Option<Move> {
    if config.momentum > 0.0 {
        Some(kernels::momentum)
    } else if config.weight_decay > 0.0 {
        Some(|w, _, x, d, c| kernels::decayed(w, x, d, c))
    } else {
        None
    }
}

/// What moves weights, and their velocity where there is one.
type Move = fn(&mut [f32], &mut [f32], &[f32], &[f32], &kernels::Sgd);

impl Optimizer for Sgd<'_> {
    fn check(&self, model: &Model<'_>) -> Result<(), Error> {
        model.spec.check_digest(self.network)
    }

    fn begin(&mut self, rate: f32, scale: f32, weights: f32, gradient: f32) -> Result<f32, Error> {
        let kernels::Sgd { decay, momentum, .. } = self.step;
        let gradient = gradient * scale + decay * weights;
        let velocity =
            if self.velocity.is_empty() { 0.0 } else { momentum * self.bound.find(self.velocity) + gradient };
        // Nesterov's form moves by less than this.
        let reach = rate * (gradient + velocity);
        expect_room(weights + reach + velocity)?;
        self.bound.becomes(velocity);
        (self.step.rate, self.scale, self.covered) = (rate, scale, self.velocity.len());
        Ok(reach)
    }

    fn rests_at_zero(&self) -> bool {
        self.velocity.is_empty() && self.step.decay == 0.0
    }

    fn update(&mut self, offset: usize, weights: &mut [f32], gradient: &[f32]) {
        let scale = self.scale;
        self.update_outer(offset, weights, &[scale], gradient, &mut []);
    }

    fn update_outer(&mut self, offset: usize, weights: &mut [f32], x: &[f32], d: &[f32], _: &mut [f32]) {
        // x·scale is x: a mean over one sample.
        let Some(other) = self.other else { return kernels::sgd(weights, x, d, self.step.rate) };
        let velocity = part(self.velocity, offset, weights.len());
        self.bound.cover(&mut self.covered, velocity.len());
        other(weights, velocity, x, d, &self.step);
    }
}
