//! Adam and AdamW.

use super::decay::in_pieces;
use super::{Optimizer, check_decay, check_state, expect_room, parts};
use crate::error::{Buffer, Error, Setting};
use crate::finite::is_moderate;
use crate::kernels;
use crate::math;
use crate::model::Model;
use crate::model::params::{Bound, LIMIT};
use crate::network::layout::Layout;
use crate::network::spec::Spec;
use crate::slices::{cut, cut_mut};

/// Settings of [`Adam`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AdamConfig {
    /// Decay rate `β₁` of the first moment.
    pub beta1: f32,
    /// Decay rate `β₂` of the second moment.
    pub beta2: f32,
    /// `ε`, at least 1e-15: second moments below its square become zero, and steps are as long as `ε` allows there.
    pub epsilon: f32,
    /// `λ`.
    pub weight_decay: f32,
    /// Whether weights shrink by `1 − ηλ` (AdamW, Loshchilov & Hutter 2019) instead of `λw` joining the gradient.
    pub decoupled: bool,
    /// Whether `λ` leaves out biases and what norms learn ("no bias decay"; He et al. 2019, section 3.1).
    pub no_bias_decay: bool,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Adam::DEFAULT
    }
}

impl AdamConfig {
    /// AdamW: decoupled weight decay of `weight_decay`.
    #[must_use]
    pub const fn decoupled(weight_decay: f32) -> Self {
        Self { weight_decay, decoupled: true, ..Adam::DEFAULT }
    }

    /// Floats of state: `2P`.
    #[must_use]
    pub const fn state_len(&self, spec: &Spec) -> usize {
        spec.param_len().saturating_mul(2)
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let is_rate = |beta: f32| (0.0..1.0).contains(&beta);
        if !(is_rate(self.beta1) && is_rate(self.beta2)) {
            return Err(Error::Setting(Setting::Beta));
        }
        // The root of the least second moment that is kept.
        if !(self.epsilon.is_finite() && self.epsilon >= 1e-15) {
            return Err(Error::Setting(Setting::Epsilon));
        }
        check_decay(self.weight_decay)
    }
}

/// What Adam is besides its moments: kept with them, for [`Adam::resume`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AdamState {
    config: AdamConfig,
    /// The digest of the network.
    network: u32,
    /// Floats of both moments.
    len: usize,
    steps: u64,
    layout: Layout,
}

impl AdamState {
    /// After `steps` steps, with moments in [`AdamConfig::state_len`] floats.
    ///
    /// # Errors
    /// [`Error::Spec`], [`Error::Setting`].
    pub fn new(config: AdamConfig, spec: &Spec, steps: u64) -> Result<Self, Error> {
        spec.check()?;
        config.check()?;
        Ok(Self { config, network: spec.digest(), len: config.state_len(spec), steps, layout: spec.layout })
    }

    /// Steps taken.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }
}

/// Adam (Kingma & Ba 2015, algorithm 1): `m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²;
/// w ← w − η·m̂/(√v̂ + ε)` with `m̂ = m/(1−β₁ᵗ)`, `v̂ = v/(1−β₂ᵗ)`.
///
/// Moments below 1e-20 (first) and 1e-30 (second) become zero: inputs that are rarely lit would leave subnormals.
///
/// ```
/// # use cygnet::{Activation, Adam, Error, Model, Spec, Targets, Workspace};
/// const NET: Spec = Spec::new(2).dense(8, Activation::Relu).dense(2, Activation::Identity);
/// let (mut params, mut work) = ([0.5; NET.param_len()], [0.0; NET.work_len(1)]);
/// let mut moments = [0.0; Adam::DEFAULT.state_len(&NET)];
/// let mut model = Model::new(&NET, &mut params)?;
/// let mut adam = Adam::new(Adam::DEFAULT, &NET, &mut moments)?;
/// let mut work = Workspace::new(&NET, 1, &mut work)?;
/// model.train(&[1.0, -1.0], Targets::Classes(&[1]), &mut adam, 1e-3, &mut work)?;
/// let state = adam.into_state(); // by value: the moments are free again
/// let adam = Adam::resume(state, &mut moments)?;
/// assert_eq!(adam.steps(), 1);
/// # Ok::<(), Error>(())
/// ```
#[must_use = "an optimizer moves the weights of a model that is trained with it"]
pub struct Adam<'a> {
    config: AdamConfig,
    /// The digest of the network.
    network: u32,
    moments: &'a mut [f32],
    steps: u64,
    /// On the first moments.
    bound: Bound,
    /// Weights of the present step that the bound covers and that have not moved yet.
    covered: usize,
    /// `1/n`.
    scale: f32,
    step: kernels::Adam,
    layout: Layout,
    /// None where all parameters decay, or none.
    by_parts: Option<Move>,
}

debug_view!(Adam<'_>: config steps bound; moments);

impl<'a> Adam<'a> {
    /// `β₁ = 0.9`, `β₂ = 0.999`, `ε = 1e-8`, no weight decay.
    pub const DEFAULT: AdamConfig = AdamConfig {
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.0,
        decoupled: false,
        no_bias_decay: false,
    };

    /// Starts with moments of zero; `moments` has [`AdamConfig::state_len`] floats, first moments before second ones.
    ///
    /// # Errors
    /// [`Error::Spec`], [`Error::Setting`], or [`Error::Length`] unless the length is exact.
    #[inline(always)]
    pub fn new(config: AdamConfig, spec: &Spec, moments: &'a mut [f32]) -> Result<Self, Error> {
        Self::started(config, spec, moments, by_parts(&config))
    }

    /// Apart from [`new`](Self::new), which stands in the caller's own code.
    fn started(config: AdamConfig, spec: &Spec, moments: &'a mut [f32], by_parts: Option<Move>) -> Result<Self, Error> {
        let adam = Self::checked(AdamState::new(config, spec, 0)?, moments, by_parts)?;
        kernels::clear(adam.moments);
        Ok(adam)
    }

    /// Continues with the moments that are in the slice.
    ///
    /// # Errors
    /// [`Error::Length`], and [`Error::NonFinite`] for a moment that is not finite, or of `2^127` or more, and a second
    /// one below 0.
    #[inline(always)]
    pub fn resume(state: AdamState, moments: &'a mut [f32]) -> Result<Self, Error> {
        Self::resumed(state, moments, by_parts(&state.config))
    }

    fn resumed(state: AdamState, moments: &'a mut [f32], by_parts: Option<Move>) -> Result<Self, Error> {
        let mut adam = Self::checked(state, moments, by_parts)?;
        let half = adam.moments.len() / 2;
        let (first, second) = cut(adam.moments, half);
        check_state(second, 0.0, half)?;
        adam.bound = check_state(first, -LIMIT, 0)?;
        Ok(adam)
    }

    fn checked(state: AdamState, moments: &'a mut [f32], by_parts: Option<Move>) -> Result<Self, Error> {
        let AdamState { config, network, len, steps, layout } = state;
        Error::expect_len(Buffer::Optimizer, len, moments.len())?;
        let step = kernels::Adam {
            beta1: config.beta1,
            gain1: 1.0 - config.beta1,
            beta2: config.beta2,
            gain2: 1.0 - config.beta2,
            correction: 1.0,
            epsilon: config.epsilon,
            rate: 0.0,
            decay: if config.decoupled { 0.0 } else { config.weight_decay },
            shrink: 1.0,
        };
        let bound = Bound::of(&[]);
        Ok(Self { config, network, moments, steps, bound, covered: 0, scale: 1.0, step, layout, by_parts })
    }

    /// What to keep beside the moments, for [`resume`](Self::resume).
    #[must_use]
    pub fn state(&self) -> AdamState {
        let Self { config, network, steps, layout, .. } = *self;
        AdamState { config, network, len: self.moments.len(), steps, layout }
    }

    /// Ends it: its [`state`](Self::state), and the slice is the caller's again.
    #[must_use]
    pub fn into_state(self) -> AdamState {
        self.state()
    }

    /// The moments, the first before the second, each as long as the parameters.
    #[must_use]
    pub fn moments(&self) -> &[f32] {
        self.moments
    }

    /// Steps taken.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }
}

/// What moves weights from an offset on along `x·dᵀ`, and their moments.
type Move = fn(&mut Adam<'_>, usize, &mut [f32], &[f32], &[f32], &mut [f32]);

/// In the caller's own code, where the configuration is mostly a constant.
#[inline(always)]
fn by_parts(config: &AdamConfig) -> Option<Move> {
    if config.no_bias_decay && config.weight_decay > 0.0 { Some(move_by_parts) } else { None }
}

/// Weights decay, biases and norms do not.
fn move_by_parts(adam: &mut Adam<'_>, offset: usize, weights: &mut [f32], x: &[f32], d: &[f32], block: &mut [f32]) {
    let (layout, decaying) = (adam.layout, (adam.step.decay, adam.step.shrink));
    in_pieces(&layout, offset, weights, (x, d), &mut |decays, offset, weights, d| {
        (adam.step.decay, adam.step.shrink) = if decays { decaying } else { (0.0, 1.0) };
        adam.move_all(offset, weights, x, d, block);
    });
    (adam.step.decay, adam.step.shrink) = decaying;
}

impl Adam<'_> {
    #[inline(always)]
    fn move_all(&mut self, offset: usize, weights: &mut [f32], x: &[f32], d: &[f32], block: &mut [f32]) {
        self.bound.cover(&mut self.covered, weights.len());
        let (first, second) = parts(self.moments, offset, weights.len());
        let rows = block.len().checked_div(d.len()).unwrap_or(0);
        if rows == 0 || x.len() < 2 || d.len().is_multiple_of(8) {
            return kernels::adam(weights, first, second, x, d, &self.step);
        }
        // Rows whose ends would not fill a vector are better joined.
        let n = rows.saturating_mul(d.len());
        let (mut weights, mut first, mut second, mut x) = (weights, first, second, x);
        while !weights.is_empty() {
            let (w, weights_left) = cut_mut(weights, n);
            let (m, first_left) = cut_mut(first, n);
            let (v, second_left) = cut_mut(second, n);
            let gradient = cut_mut(block, w.len()).0;
            kernels::outer(gradient, x, d, true);
            kernels::adam(w, m, v, &[1.0], gradient, &self.step);
            (weights, first, second, x) = (weights_left, first_left, second_left, cut(x, rows).1);
        }
    }
}

impl Optimizer for Adam<'_> {
    fn check(&self, model: &Model<'_>) -> Result<(), Error> {
        model.spec.check_digest(self.network)
    }

    /// The bound, by `|m| / ε`, is loose but never adds up to a magnitude that matters; there is none with coupled decay,
    /// where it would.
    fn begin(&mut self, rate: f32, scale: f32, weights: f32, gradient: f32) -> Result<f32, Error> {
        let AdamConfig { beta1, beta2, weight_decay, decoupled, epsilon, .. } = self.config;
        let half = self.moments.len() / 2;
        if !is_moderate(self.bound.get()) {
            expect_room(kernels::largest(self.moments))?;
            self.bound = Bound::of(cut(self.moments, half).0);
        }
        let steps = self.steps.saturating_add(1);
        let shrink = if decoupled { 1.0 - rate * weight_decay } else { 1.0 };
        let corrected = rate / math::one_minus_power(1.0 - beta1, steps);
        let gradient = gradient * scale + self.step.decay * weights;
        let first = beta1 * self.bound.get() + (1.0 - beta1) * gradient;
        let reach = (1.0 - shrink).abs() * weights + corrected * (first / epsilon);
        // The square is a bound on second moments to come.
        expect_room(weights + reach + gradient * gradient)?;
        self.bound.becomes(first);
        (self.steps, self.scale, self.covered) = (steps, scale, half);
        (self.step.rate, self.step.shrink) = (corrected, shrink);
        self.step.correction = 1.0 / kernels::sqrt(math::one_minus_power(1.0 - beta2, steps));
        Ok(if self.step.decay == 0.0 { reach } else { f32::NAN })
    }

    fn update(&mut self, offset: usize, weights: &mut [f32], gradient: &[f32]) {
        let scale = self.scale;
        self.update_outer(offset, weights, &[scale], gradient, &mut []);
    }

    fn update_outer(&mut self, offset: usize, weights: &mut [f32], x: &[f32], d: &[f32], block: &mut [f32]) {
        if let Some(by_parts) = self.by_parts {
            return by_parts(self, offset, weights, x, d, block);
        }
        self.move_all(offset, weights, x, d, block);
    }
}
