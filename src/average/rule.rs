//! The share of each new model in an average.

use crate::error::{Error, Setting};
use crate::math::{self, Math, Total};
use crate::network::link::Link;

/// What kind of average it is; each constructor links its own arithmetic alone.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rule {
    pub(super) kind: Kind,
    next: Link<Next>,
}

/// The gain of the next model, and the new progress; the model's weight is 1 but for [`Kind::Weighted`].
type Next = fn(&Rule, Progress, f32) -> (f32, Progress);

#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Kind {
    Mean,
    Weighted,
    Capped(u64),
    Ema(Ema),
    Polynomial(f32),
}

impl Rule {
    /// Running mean, `m ← m + (w − m)/n` (SWA; Izmailov et al. 2018).
    #[must_use]
    pub const fn mean() -> Self {
        Self { kind: Kind::Mean, next: Link(Some(|_, now, _| (1.0 / now.count as f32, now))) }
    }

    /// `W ← W + ω; m ← m + (ω/W)(w − m)`: what [`update_weighted`](crate::Averager::update_weighted) makes of a running
    /// mean.
    pub(super) const fn weighted() -> Self {
        let next: Next = |_, now, weight| {
            let total = now.total.add(weight);
            (weight / total.value(), Progress { total, ..now })
        };
        Self { kind: Kind::Weighted, next: Link(Some(next)) }
    }

    /// A running mean whose divisor stops at `most` models: `m ← m + (w − m)/min(n, most)`, then an exponential average.
    #[must_use]
    pub const fn capped(most: u64) -> Self {
        let next: Next = |rule, now, _| match rule.kind {
            Kind::Capped(most) => (1.0 / now.count.min(most) as f32, now),
            _ => (0.0, now),
        };
        Self { kind: Kind::Capped(most), next: Link(Some(next)) }
    }

    /// Polynomial average, `m ← m + (w − m)·(η + 1)/(t + η)` for model `t`, from 1 (Shamir & Zhang 2013, section 4): model `s`
    /// of `t` has a share of about `(η + 1)/t · (s/t)^η`, so that the average forgets the first models however long the run
    /// becomes, and needs neither its length nor a start.
    ///
    /// `η` is finite and at least 0, where it is the running mean; 7 is a good value, with a model every few dozen steps
    /// from the first on, at a constant learning rate. The relative standard deviation of the shares' times,
    /// `√(η + 1)/((η + 2)·√(η + 3))`, is 0.10 then.
    #[must_use]
    pub const fn polynomial(eta: f32) -> Self {
        let next: Next = |rule, now, _| match rule.kind {
            Kind::Polynomial(eta) => ((eta + 1.0) / (now.count as f32 + eta), now),
            _ => (0.0, now),
        };
        // −0 is 0: equal rules have equal bytes.
        Self { kind: Kind::Polynomial(eta + 0.0), next: Link(Some(next)) }
    }

    /// Exponential moving average.
    #[must_use]
    pub const fn ema(ema: Ema) -> Self {
        let next: Next = |rule, now, _| match rule.kind {
            Kind::Ema(ema) => ema.next(now),
            _ => (0.0, now),
        };
        Self { kind: Kind::Ema(ema), next: Link(Some(next)) }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        match self.kind {
            Kind::Capped(0) => Err(Error::Setting(Setting::Cap)),
            Kind::Ema(ema) => ema.check(),
            Kind::Polynomial(eta) if !(eta >= 0.0 && eta.is_finite()) => Err(Error::Setting(Setting::Eta)),
            _ => Ok(()),
        }
    }

    /// Whether it is the mean of its models, which merges and removes models.
    pub(super) fn is_mean(&self) -> bool {
        matches!(self.kind, Kind::Mean | Kind::Weighted)
    }

    /// Whether every model has weight 1.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.kind, Kind::Mean)
    }

    /// Whether `count` models may have left `total`: the others have none.
    pub(super) fn leaves(&self, count: u64, total: Total) -> bool {
        match self.kind {
            Kind::Weighted => (total.value() > 0.0) == (count > 0),
            Kind::Ema(ema) if count > 0 => ema.leaves(total),
            _ => total == Total::NONE,
        }
    }

    /// The gain of a model of `weight` after `now`, whose count it is part of already.
    pub(super) fn next(&self, now: Progress, weight: f32) -> (f32, Progress) {
        self.next.0.map_or((0.0, now), |next| next(self, now, weight))
    }
}

/// How far an average has come.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Progress {
    /// Number of models.
    pub count: u64,
    /// Sum of their weights, or an exponential average's `z`; unused by the others.
    pub total: Total,
}

/// Settings of an exponential moving average, `m ← m + (ε/z)(w − m)`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ema {
    /// `ε = 1 − decay`, in `(0, 1]`: as a decay it would lose its digits, since `1 − 0.999999` is off by 1.3 % in f32.
    pub epsilon: f32,
    /// What the past is before the first model.
    pub origin: Origin,
    /// How the first models count more.
    pub warmup: Warmup,
}

/// What an exponential average holds before its first model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Origin {
    /// Nothing: `z ← z + ε(1 − z)` from 0, the bias correction of Adam without its division at reading.
    Corrected,
    /// The first model counts as the whole past, `z = 1`: `torch.optim.swa_utils`.
    First,
}

/// How the decay of an exponential average rises, with `t` models before this one.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Warmup {
    /// Not at all.
    None,
    /// `decay_t = min(decay, (1 + t)/(10 + t))` (TensorFlow's `num_updates`).
    Ratio,
    /// `decay_t = min(decay, 1 − (1 + t/γ)^(−p))`, where the power is `exp(−p·ln_1p(t/γ))`.
    Power {
        /// `γ > 0`, models.
        gamma: f32,
        /// `p > 0`.
        power: f32,
    },
}

impl Ema {
    /// By its decay, such as 0.999, bias-corrected and without a warm-up: `ε = 1 − decay`, subtracted in f64, so that a
    /// decay near 1 keeps its digits. (In a `const` no chip computes it.)
    #[must_use]
    pub const fn with_decay(decay: f64) -> Self {
        Self::with_epsilon((1.0 - decay) as f32)
    }

    /// By `ε = 1 − decay`, likewise.
    #[must_use]
    pub const fn with_epsilon(epsilon: f32) -> Self {
        Self { epsilon, origin: Origin::Corrected, warmup: Warmup::None }
    }

    /// A model's share halves every `half_life` steps, where there is a model every `interval` steps:
    /// `ε = −expm1(−ln 2 · interval / half_life)`; likewise.
    #[must_use]
    pub fn with_half_life(half_life: f32, interval: f32) -> Self {
        Self::with_epsilon(-math::exp_m1(-core::f32::consts::LN_2 * interval / half_life))
    }

    /// `ε` of the model that `t` models come before.
    #[must_use]
    pub fn epsilon_at(&self, t: u64) -> f32 {
        let at_least = match self.warmup {
            Warmup::None => 0.0,
            Warmup::Ratio => 9.0 / (10.0 + t as f32),
            Warmup::Power { gamma, power } => Math::Libm.exp(-power * math::ln_1p(t as f32 / gamma)),
        };
        if at_least > self.epsilon { at_least } else { self.epsilon }
    }

    fn check(&self) -> Result<(), Error> {
        let is_positive = |x: f32| x > 0.0 && x.is_finite();
        let warmup = match self.warmup {
            Warmup::Power { gamma, power } => is_positive(gamma) && is_positive(power),
            Warmup::None | Warmup::Ratio => true,
        };
        if !(self.epsilon > 0.0 && self.epsilon <= 1.0) {
            Err(Error::Setting(Setting::Decay))
        } else if warmup {
            Ok(())
        } else {
            Err(Error::Setting(Setting::Warmup))
        }
    }

    /// Whether some models may have left `z`: it begins with an `ε` of at least its own and comes closer to 1.
    fn leaves(&self, z: Total) -> bool {
        let least = if self.origin == Origin::First { 1.0 } else { self.epsilon };
        let (z, low) = z.parts();
        (least..=1.0).contains(&z) && low == 0.0
    }

    fn next(&self, now: Progress) -> (f32, Progress) {
        let epsilon = self.epsilon_at(now.count.saturating_sub(1));
        let z = now.total.value();
        let z = if self.origin == Origin::First { 1.0 } else { z + epsilon * (1.0 - z) };
        (epsilon / z, Progress { total: Total::from(z), ..now })
    }
}

#[cfg(test)]
mod tests;
