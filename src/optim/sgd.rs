//! Stochastic gradient descent, with and without momentum.

use super::decay::in_pieces;
use super::{Optimizer, check_decay, check_state, expect_room, part};
use crate::error::{Buffer, Error, Setting};
use crate::kernels;
use crate::model::Model;
use crate::model::params::{Bound, LIMIT};
use crate::network::layout::Layout;
use crate::network::spec::Spec;

/// Settings of [`Sgd`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SgdConfig {
    /// `μ`, 0 for plain SGD.
    pub momentum: f32,
    /// Nesterov's form.
    pub nesterov: bool,
    /// `λ`, added to the gradient as `λw`.
    pub weight_decay: f32,
    /// Whether `λ` leaves out biases and what norms learn ("no bias decay"; He et al. 2019, section 3.1).
    pub no_bias_decay: bool,
}

impl Default for SgdConfig {
    fn default() -> Self {
        Sgd::DEFAULT
    }
}

impl SgdConfig {
    /// Floats of state: 0, or `P` with momentum.
    #[must_use]
    pub const fn state_len(&self, spec: &Spec) -> usize {
        if self.momentum > 0.0 { spec.param_len() } else { 0 }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let momentum = if self.nesterov { self.momentum > 0.0 } else { self.momentum >= 0.0 };
        if !(momentum && self.momentum < 1.0) {
            return Err(Error::Setting(Setting::Momentum));
        }
        check_decay(self.weight_decay)
    }
}

/// What SGD is besides its velocity: kept with it, for [`Sgd::resume`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SgdState {
    pub(super) config: SgdConfig,
    /// The digest of the network.
    pub(super) network: u32,
    /// Floats of velocity.
    len: usize,
    layout: Layout,
}

impl SgdState {
    /// Bytes of a state.
    pub const BYTES: usize = 4;

    /// For a velocity in [`SgdConfig::state_len`] floats.
    ///
    /// # Errors
    /// [`Error::Spec`], [`Error::Setting`].
    pub fn new(config: SgdConfig, spec: &Spec) -> Result<Self, Error> {
        spec.check()?;
        config.check()?;
        Ok(Self { config, network: spec.digest(), len: config.state_len(spec), layout: spec.layout })
    }

    /// The state as bytes, little-endian on every target: `u32` digest of the network. The settings are the program's, and
    /// steps leave nothing but the velocity.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        self.network.to_le_bytes()
    }

    /// The state that these bytes, the program's settings and its network describe.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`Error::Network`] for the bytes of another network.
    pub fn from_bytes(config: SgdConfig, spec: &Spec, bytes: &[u8; Self::BYTES]) -> Result<Self, Error> {
        let state = Self::new(config, spec)?;
        spec.check_digest(u32::from_le_bytes(*bytes))?;
        Ok(state)
    }
}

/// Stochastic gradient descent: `g ← g + λw; v ← μv + g; w ← w − ηv`, or `w ← w − η(g + μv)` with Nesterov
/// (Sutskever et al. 2013, as PyTorch has it).
///
/// ```
/// # use cygnet::{Activation, Error, Model, Sgd, Spec};
/// # use cygnet::optim::SgdConfig;
/// const NET: Spec = Spec::new(2).dense(8, Activation::Relu).dense(2, Activation::Identity);
/// const NESTEROV: SgdConfig = SgdConfig { momentum: 0.9, nesterov: true, ..Sgd::DEFAULT };
/// let mut velocity = [0.0; NESTEROV.state_len(&NET)];
/// let sgd = Sgd::new(NESTEROV, &NET, &mut velocity)?;
/// let plain = Sgd::plain(&NET)?; // no momentum, no memory
/// # Ok::<(), Error>(())
/// ```
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
    no_bias_decay: bool,
    layout: Layout,
}

debug_view!(Sgd<'_>: step bound; velocity);

impl<'a> Sgd<'a> {
    /// Plain SGD: no momentum, no weight decay.
    pub const DEFAULT: SgdConfig =
        SgdConfig { momentum: 0.0, nesterov: false, weight_decay: 0.0, no_bias_decay: false };

    /// Plain SGD, `w ← w − ηg`, which has no floats of its own.
    ///
    /// # Errors
    /// [`Error::Spec`].
    #[inline(always)]
    pub fn plain(spec: &Spec) -> Result<Self, Error> {
        Self::new(Self::DEFAULT, spec, &mut [])
    }

    /// Starts with no velocity; `velocity` has [`SgdConfig::state_len`] floats.
    ///
    /// # Errors
    /// [`Error::Spec`], [`Error::Setting`], or [`Error::Length`] unless the length is exact.
    #[inline(always)]
    pub fn new(config: SgdConfig, spec: &Spec, velocity: &'a mut [f32]) -> Result<Self, Error> {
        let sgd = Self::started(config, spec, velocity, other(&config))?;
        kernels::clear(sgd.velocity);
        Ok(sgd)
    }

    /// Continues with the velocity that is in the slice.
    ///
    /// # Errors
    /// [`Error::Length`], and [`Error::NonFinite`] for a velocity that is not finite, or of `2^127` or more.
    #[inline(always)]
    pub fn resume(state: SgdState, velocity: &'a mut [f32]) -> Result<Self, Error> {
        let mut sgd = Self::checked(state, velocity, other(&state.config))?;
        sgd.bound = check_state(sgd.velocity, -LIMIT, 0)?;
        Ok(sgd)
    }

    /// Apart from [`new`](Self::new), which stands in the caller's own code.
    fn started(config: SgdConfig, spec: &Spec, velocity: &'a mut [f32], other: Option<Move>) -> Result<Self, Error> {
        Self::checked(SgdState::new(config, spec)?, velocity, other)
    }

    fn checked(state: SgdState, velocity: &'a mut [f32], other: Option<Move>) -> Result<Self, Error> {
        let SgdState { config, network, len, layout } = state;
        let SgdConfig { momentum, nesterov, weight_decay, no_bias_decay } = config;
        Error::expect_len(Buffer::Optimizer, len, velocity.len())?;
        let step = kernels::Sgd { rate: 0.0, decay: weight_decay, momentum, nesterov };
        let bound = Bound::of(&[]);
        Ok(Self { network, velocity, bound, covered: 0, scale: 1.0, step, other, no_bias_decay, layout })
    }

    /// What to keep beside the velocity, for [`resume`](Self::resume).
    #[must_use]
    pub fn state(&self) -> SgdState {
        let kernels::Sgd { momentum, nesterov, decay: weight_decay, .. } = self.step;
        let config = SgdConfig { momentum, nesterov, weight_decay, no_bias_decay: self.no_bias_decay };
        SgdState { config, network: self.network, len: self.velocity.len(), layout: self.layout }
    }

    /// Ends it: its [`state`](Self::state), and the slice is the caller's again.
    #[must_use]
    pub fn into_state(self) -> SgdState {
        self.state()
    }

    /// The velocity, as long as the parameters; of plain SGD nothing.
    #[must_use]
    pub fn velocity(&self) -> &[f32] {
        self.velocity
    }
}

/// In the caller's own code, where the configuration is mostly a constant, so that plain SGD links no other.
#[inline(always)]
fn other(config: &SgdConfig) -> Option<Move> {
    if config.no_bias_decay && config.weight_decay > 0.0 {
        Some(by_parts)
    } else if config.momentum > 0.0 {
        Some(with_momentum)
    } else if config.weight_decay > 0.0 {
        Some(|sgd, _, w, x, d| kernels::decayed(w, x, d, &sgd.step))
    } else {
        None
    }
}

/// What moves weights from an offset on along `x·dᵀ`, and their velocity where there is one.
type Move = fn(&mut Sgd<'_>, usize, &mut [f32], &[f32], &[f32]);

/// Weights decay, biases and norms do not.
fn by_parts(sgd: &mut Sgd<'_>, offset: usize, weights: &mut [f32], x: &[f32], d: &[f32]) {
    let (layout, decay) = (sgd.layout, sgd.step.decay);
    in_pieces(&layout, offset, weights, (x, d), &mut |decays, offset, weights, d| {
        sgd.step.decay = if decays { decay } else { 0.0 };
        if sgd.velocity.is_empty() {
            kernels::decayed(weights, x, d, &sgd.step);
        } else {
            with_momentum(sgd, offset, weights, x, d);
        }
    });
    sgd.step.decay = decay;
}

fn with_momentum(sgd: &mut Sgd<'_>, offset: usize, weights: &mut [f32], x: &[f32], d: &[f32]) {
    let velocity = part(sgd.velocity, offset, weights.len());
    sgd.bound.cover(&mut sgd.covered, velocity.len());
    kernels::momentum(weights, velocity, x, d, &sgd.step);
}

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
        other(self, offset, weights, x, d);
    }
}
