//! From a gradient to new weights: SGD with momentum, Adam, AdamW, each over any range of parameters.

use crate::error::{Buffer, Error, Setting};
use crate::kernels::{self, cut_mut};
use crate::math;
use crate::params::Bound;
use crate::spec::Spec;

/// What a training step asks of an optimizer; implement it for one of your own.
pub trait Optimizer {
    /// Whether the state fits `spec`; called before anything changes.
    ///
    /// # Errors
    /// [`Error::Length`] where it does not.
    fn check(&self, spec: &Spec) -> Result<(), Error>;

    /// Begins a step at learning rate `rate`; `scale = 1/n` makes the mean of the sums that [`update`](Self::update)
    /// gets.
    fn begin(&mut self, rate: f32, scale: f32);

    /// A bound on how far the step moves any weight, where weights and elements of the gradient, a sum over `n` samples,
    /// have at most these magnitudes; called once after [`begin`](Self::begin). NaN where there is none, as by default:
    /// an average then looks through each model first. One that is too small lets a model that is not finite into the
    /// average.
    fn reach(&mut self, weights: f32, gradient: f32) -> f32 {
        let _ = (weights, gradient);
        f32::NAN
    }

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
        (offset, x, rest) = (offset + weights.len(), kernels::cut(x, rows).1, tail);
    }
}

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
pub struct Sgd<'a> {
    config: SgdConfig,
    velocity: &'a mut [f32],
    /// On the velocity.
    bound: Bound,
    /// Weights of the present step that the bound covers and that have not moved yet.
    covered: usize,
    /// `1/n`.
    scale: f32,
    step: kernels::Sgd,
    /// None without a velocity.
    momentum: Option<Momentum>,
}

impl<'a> Sgd<'a> {
    /// Starts with no velocity; `state` has [`SgdConfig::state_len`] floats.
    ///
    /// # Errors
    /// [`Error::Spec`], [`Error::Setting`], or [`Error::Length`] unless the length is exact.
    #[inline(always)]
    pub fn new(config: SgdConfig, spec: &Spec, state: &'a mut [f32]) -> Result<Self, Error> {
        let mut sgd = Self::resume(config, spec, state)?;
        sgd.velocity.fill(0.0);
        sgd.bound = Bound::of(&[]);
        Ok(sgd)
    }

    /// Continues with the velocity in `state`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    #[inline(always)]
    pub fn resume(config: SgdConfig, spec: &Spec, state: &'a mut [f32]) -> Result<Self, Error> {
        // In the caller's own code, where the configuration is mostly a constant, so that plain SGD links no momentum.
        Self::checked(config, spec, state, if config.momentum > 0.0 { Some(kernels::momentum) } else { None })
    }

    fn checked(
        config: SgdConfig,
        spec: &Spec,
        state: &'a mut [f32],
        momentum: Option<Momentum>,
    ) -> Result<Self, Error> {
        spec.check()?;
        config.check()?;
        Error::expect_len(Buffer::Optimizer, config.state_len(spec), state.len())?;
        let SgdConfig { momentum: factor, nesterov, weight_decay } = config;
        let step = kernels::Sgd { rate: 0.0, decay: weight_decay, momentum: factor, nesterov };
        let bound = Bound::of(state);
        Ok(Self { config, velocity: state, bound, covered: 0, scale: 1.0, step, momentum })
    }
}

/// What moves weights by their velocity.
type Momentum = fn(&mut [f32], &mut [f32], &[f32], &[f32], kernels::Sgd);

impl Optimizer for Sgd<'_> {
    fn check(&self, spec: &Spec) -> Result<(), Error> {
        Error::expect_len(Buffer::Optimizer, self.config.state_len(spec), self.velocity.len())
    }

    fn begin(&mut self, rate: f32, scale: f32) {
        (self.step.rate, self.scale, self.covered) = (rate, scale, 0);
    }

    fn reach(&mut self, weights: f32, gradient: f32) -> f32 {
        let kernels::Sgd { rate, decay, momentum, .. } = self.step;
        let gradient = gradient * self.scale + decay * weights;
        if self.velocity.is_empty() {
            return rate * gradient;
        }
        self.covered = self.velocity.len();
        let velocity = self.bound.becomes(momentum * self.bound.get() + gradient);
        // Nesterov's form moves by less than this.
        rate * (gradient + velocity)
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
        let Some(momentum) = self.momentum else { return kernels::sgd(weights, x, d, self.step) };
        self.bound.cover(&mut self.covered, weights.len());
        momentum(weights, part(self.velocity, offset, weights.len()), x, d, self.step);
    }
}

/// Settings of [`Adam`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AdamConfig {
    /// Decay rate `β₁` of the first moment.
    pub beta1: f32,
    /// Decay rate `β₂` of the second moment.
    pub beta2: f32,
    /// `ε`.
    pub epsilon: f32,
    /// `λ`.
    pub weight_decay: f32,
    /// Whether weights shrink by `1 − ηλ` (AdamW, Loshchilov & Hutter 2019) instead of `λw` joining the gradient.
    pub decoupled: bool,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0, decoupled: false }
    }
}

impl AdamConfig {
    /// AdamW: decoupled weight decay of `weight_decay`.
    #[must_use]
    pub fn decoupled(weight_decay: f32) -> Self {
        Self { weight_decay, decoupled: true, ..Self::default() }
    }

    /// Floats of state: `2P`.
    #[must_use]
    pub const fn state_len(&self, spec: &Spec) -> usize {
        spec.param_len().saturating_mul(2)
    }

    fn check(&self) -> Result<(), Error> {
        let is_rate = |beta: f32| (0.0..1.0).contains(&beta);
        if !(is_rate(self.beta1) && is_rate(self.beta2)) {
            return Err(Error::Setting(Setting::Beta));
        }
        if !(self.epsilon.is_finite() && self.epsilon > 0.0) {
            return Err(Error::Setting(Setting::Epsilon));
        }
        check_decay(self.weight_decay)
    }
}

/// Adam (Kingma & Ba 2015, algorithm 1): `m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²;
/// w ← w − η·m̂/(√v̂ + ε)` with `m̂ = m/(1−β₁ᵗ)`, `v̂ = v/(1−β₂ᵗ)`.
///
/// Moments below 1e-20 (first) and 1e-30 (second) become zero: inputs that are rarely lit would leave subnormals.
#[derive(Debug)]
pub struct Adam<'a> {
    config: AdamConfig,
    moments: &'a mut [f32],
    steps: u64,
    /// On the first moments; NaN where a second one is not a number of zero or more.
    bound: Bound,
    /// Weights of the present step that the bound covers and that have not moved yet.
    covered: usize,
    /// `1/n`.
    scale: f32,
    step: kernels::Adam,
}

impl<'a> Adam<'a> {
    /// Starts with moments of zero; `state` has [`AdamConfig::state_len`] floats, first moments before second ones.
    ///
    /// # Errors
    /// [`Error::Spec`], [`Error::Setting`], or [`Error::Length`] unless the length is exact.
    pub fn new(config: AdamConfig, spec: &Spec, state: &'a mut [f32]) -> Result<Self, Error> {
        let mut adam = Self::resume(config, spec, state, 0)?;
        adam.moments.fill(0.0);
        adam.bound = Bound::of(&[]);
        Ok(adam)
    }

    /// Continues with the moments in `state` after `steps` steps.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn resume(config: AdamConfig, spec: &Spec, state: &'a mut [f32], steps: u64) -> Result<Self, Error> {
        spec.check()?;
        config.check()?;
        Error::expect_len(Buffer::Optimizer, config.state_len(spec), state.len())?;
        let step = kernels::Adam {
            rate: 0.0,
            beta1: config.beta1,
            beta2: config.beta2,
            epsilon: config.epsilon,
            correction: 1.0,
            decay: if config.decoupled { 0.0 } else { config.weight_decay },
            shrink: 1.0,
        };
        let (first, second) = cut_mut(state, spec.param_len());
        let sound = second.iter().all(|&v| (0.0..f32::INFINITY).contains(&v));
        let bound = if sound { Bound::of(first) } else { Bound::of(&[f32::NAN]) };
        Ok(Self { config, moments: state, steps, bound, covered: 0, scale: 1.0, step })
    }

    /// Steps taken.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }
}

impl Optimizer for Adam<'_> {
    fn check(&self, spec: &Spec) -> Result<(), Error> {
        Error::expect_len(Buffer::Optimizer, self.config.state_len(spec), self.moments.len())
    }

    fn begin(&mut self, rate: f32, scale: f32) {
        self.steps = self.steps.saturating_add(1);
        let AdamConfig { beta1, beta2, weight_decay, decoupled, .. } = self.config;
        self.covered = 0;
        self.scale = scale;
        self.step.rate = rate / math::one_minus_power(1.0 - beta1, self.steps);
        self.step.correction = 1.0 / kernels::sqrt(math::one_minus_power(1.0 - beta2, self.steps));
        self.step.shrink = if decoupled { 1.0 - rate * weight_decay } else { 1.0 };
    }

    /// By `|m| / ε`, which is loose but never adds up to a magnitude that matters; none with coupled decay, where it would.
    fn reach(&mut self, weights: f32, gradient: f32) -> f32 {
        self.covered = self.moments.len() / 2;
        let kernels::Adam { rate, beta1, decay, epsilon, shrink, .. } = self.step;
        let gradient = gradient * self.scale;
        // An infinite square makes a second moment that is, with β₂ = 0, no number.
        if decay != 0.0 || !(gradient * gradient).is_finite() {
            return self.bound.becomes(f32::NAN);
        }
        let first = self.bound.becomes(beta1 * self.bound.get() + (1.0 - beta1) * gradient);
        (1.0 - shrink).abs() * weights + rate * (first / epsilon)
    }

    fn update(&mut self, offset: usize, weights: &mut [f32], gradient: &[f32]) {
        self.along(offset, weights, &[self.scale], gradient);
    }

    fn update_outer(&mut self, offset: usize, weights: &mut [f32], x: &[f32], d: &[f32], block: &mut [f32]) {
        // Rows whose ends would not fill a vector are better joined.
        if d.len().is_multiple_of(8) {
            self.along(offset, weights, x, d);
        } else {
            through_block(offset, weights, x, d, block, |offset, weights, g| self.update(offset, weights, g));
        }
    }
}

impl Adam<'_> {
    /// Along `x·dᵀ`.
    fn along(&mut self, offset: usize, weights: &mut [f32], x: &[f32], d: &[f32]) {
        self.bound.cover(&mut self.covered, weights.len());
        let half = self.moments.len() / 2;
        let (first, second) = cut_mut(self.moments, half);
        let n = weights.len();
        kernels::adam(weights, part(first, offset, n), part(second, offset, n), x, d, self.step);
    }
}

/// `n` elements of `state` from `offset` on.
fn part(state: &mut [f32], offset: usize, n: usize) -> &mut [f32] {
    cut_mut(cut_mut(state, offset).1, n).0
}

fn check_decay(weight_decay: f32) -> Result<(), Error> {
    if (0.0..=1.0).contains(&weight_decay) { Ok(()) } else { Err(Error::Setting(Setting::WeightDecay)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activation::Activation;

    const NET: Spec = Spec::new(1).dense(1, Activation::Identity);

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
        Adam::new(AdamConfig::default(), &NET, &mut stale).unwrap();
        assert_eq!(stale, [0.0; 4]);
    }

    #[test]
    fn each_variant_moves_the_weight_as_its_formula_says() {
        // Two steps from w = 1 with gradients 2 and 1, worked out by hand.
        let run = |optimizer: &mut dyn Optimizer| {
            let mut w = [1.0];
            for g in [2.0, 1.0] {
                optimizer.begin(0.1, 1.0);
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
                optimizer.begin(3.0, 0.5);
                let before = w;
                let reach = optimizer.reach(w[0].abs().max(w[1].abs()), gradient);
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
                    sgd.begin(3.0, 1.0);
                    let reach = sgd.reach(weight, gradient);
                    let mut w = [weight; 2];
                    sgd.update(0, &mut w, &[0.0; 2]);
                    assert!((w[0] - weight).abs() > 0.0 && (w[0] - weight).abs() <= reach);
                }
            }
            // With a large ε the bound is near; weights shrink by 1 − ηλ, here to −2 of themselves.
            let config = AdamConfig { epsilon: 1e3, ..AdamConfig::decoupled(1.0) };
            let mut moments = [0.0; 4];
            let mut adam = Adam::new(config, &NET, &mut moments).unwrap();
            adam.begin(3.0, 1.0);
            let reach = adam.reach(weight, gradient);
            let mut w = [weight; 2];
            adam.update(0, &mut w, &[gradient; 2]);
            let moved = (w[0] - weight).abs();
            assert!(moved > 0.0 && moved <= reach * 1.000_001 && reach < 1.1 * moved, "{moved} {reach}");
        }
        let coupled = AdamConfig { weight_decay: 0.1, ..AdamConfig::default() };
        assert!(Adam::new(coupled, &NET, &mut [0.0; 4]).unwrap().reach(1.0, 1.0).is_nan());
    }
}
