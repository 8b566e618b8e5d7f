//! Learning rates as closed forms of the step number: stateless, so that resuming at a step gives the same rate as
//! never stopping.

use crate::error::{Error, Setting};
use crate::math;

/// The largest rate that a training step takes.
const MOST: f32 = 1e9;

/// How the rate moves after the warm-up; `t = clamp(step / steps, 0, 1)`, and 1 where `steps = 0`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Decay {
    /// `η`.
    Constant,
    /// `η · factor^⌊step / every⌋`; constant where `every = 0`.
    Step {
        /// Steps between two drops.
        every: u64,
        /// What each drop multiplies by, from 0 to 1.
        factor: f32,
    },
    /// `(1 − t)·η + t·to`.
    Linear {
        /// Rate at the end.
        to: f32,
        /// Steps until then.
        steps: u64,
    },
    /// `to + (η − to)·(1 + cos πt)/2` (Loshchilov & Hutter 2017, equation 5).
    Cosine {
        /// Rate at the end.
        to: f32,
        /// Steps until then.
        steps: u64,
    },
    /// `η` for `t <= 0.5`, then linearly to `to` at `t = 0.9`, then `to`: the rate before and while weights are averaged
    /// from step `steps` on (Izmailov et al. 2018, their code).
    ConstantThenLinear {
        /// Rate from `t = 0.9` on.
        to: f32,
        /// Steps until averaging starts.
        steps: u64,
    },
    /// `(1 − t)·η + t·to` with `t = ((i − 1) mod cycle + 1)/cycle` for step `i = 1, 2, …` (Izmailov et al. 2018,
    /// equation 1): the model after the last step of each cycle is averaged.
    Cyclic {
        /// Rate of a cycle's last step.
        to: f32,
        /// Steps of a cycle.
        cycle: u64,
    },
    /// Half a cosine from `η` to `to` again and again: cycles of `first`, `first·factor`, `first·factor²`, … steps (SGDR;
    /// Loshchilov & Hutter 2017).
    WarmRestarts {
        /// Rate that each cycle falls to.
        to: f32,
        /// Steps of the first cycle.
        first: u64,
        /// By what each cycle is longer than the one before, at least 1.
        factor: u32,
    },
    /// Up from `from` to `η` in `rise` steps, then down to `to` at step `steps` (one-cycle; Smith & Topin 2018). PyTorch's
    /// `OneCycleLR` over `n` steps has `rise = ⌊pct·n⌋ − 1` and `steps = n − 1`.
    OneCycle {
        /// Rate at the start.
        from: f32,
        /// Rate at the end.
        to: f32,
        /// Steps of the rise, no more than `steps`.
        rise: u64,
        /// Steps in all.
        steps: u64,
        /// How both phases go.
        shape: Shape,
    },
}

/// How a rate goes from one value to another, `(1 − a)·from + a·to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Shape {
    /// `a = t`.
    Linear,
    /// `a = (1 − cos πt)/2`.
    Cosine,
}

impl Shape {
    fn between(self, from: f32, to: f32, t: f32) -> f32 {
        let a = match self {
            Self::Linear => t,
            Self::Cosine => 0.5 * (1.0 - math::cos(core::f32::consts::PI * t)),
        };
        (1.0 - a) * from + a * to
    }
}

/// The way to the rate at which models are averaged (PyTorch's `SWALR`): from step `start` on, in `steps` steps from the
/// rate of the schedule there to `to`, at once where `steps = 0`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Anneal {
    /// First step of averaging.
    pub start: u64,
    /// Steps of the way.
    pub steps: u64,
    /// Rate while averaging.
    pub to: f32,
    /// How it gets there.
    pub shape: Shape,
}

/// A learning-rate schedule: `warmup` steps up from `η/(warmup+1)`, then `decay` from `η`, then `anneal` on top of both.
///
/// ```
/// use cygnet::schedule::{Anneal, Decay, Schedule, Shape};
/// let decay = Decay::Linear { to: 0.0, steps: 100 };
/// let schedule = Schedule { rate: 0.1, warmup: 10, decay, ..Schedule::constant(0.0) };
/// assert_eq!(schedule.at(10), 0.1);
/// assert_eq!(schedule.at(60), 0.05);
/// assert_eq!(schedule.at(1_000_000), 0.0);
/// let anneal = Anneal { start: 60, steps: 10, to: 0.01, shape: Shape::Cosine };
/// let schedule = Schedule { anneal: Some(anneal), ..schedule };
/// assert_eq!([schedule.at(59), schedule.at(60), schedule.at(70), schedule.at(500)], [0.051, 0.05, 0.01, 0.01]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Schedule {
    /// Base rate `η`.
    pub rate: f32,
    /// Steps of warm-up: `η · (step + 1)/(warmup + 1)` during them.
    pub warmup: u64,
    /// What follows; its steps count from the end of the warm-up.
    pub decay: Decay,
    /// The way to another rate for averaging; its steps count from the start of training.
    pub anneal: Option<Anneal>,
}

impl Schedule {
    /// The same rate for ever.
    #[must_use]
    pub const fn constant(rate: f32) -> Self {
        Self { rate, warmup: 0, decay: Decay::Constant, anneal: None }
    }

    /// The rate of step `step`, from 0.
    #[must_use]
    pub fn at(&self, step: u64) -> f32 {
        let rate = match self.anneal {
            Some(Anneal { start, steps, to, shape }) if step >= start => {
                shape.between(self.before(start), to, fraction(step - start, steps))
            }
            _ => self.before(step),
        };
        // Weights of a mean, rounded, may sum up to a little more than 1.
        if rate > MOST { MOST } else { rate }
    }

    /// Without the annealing.
    fn before(&self, step: u64) -> f32 {
        match step.checked_sub(self.warmup) {
            Some(step) => self.decay.at(self.rate, step),
            None => self.rate * ((step as f32 + 1.0) / (self.warmup as f32 + 1.0)),
        }
    }

    /// Whether every rate is from 0 to 1e9, every step down by a factor from 0 to 1, every cycle at least one step, and a
    /// one-cycle's rise no longer than its schedule: [`at`](Self::at) then gives rates from 0 to 1e9, whatever the step.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<(), Error> {
        let is_rate = |rate: f32| (0.0..=MOST).contains(&rate);
        let ends = match self.decay {
            Decay::Constant => [self.rate, self.rate],
            Decay::Step { .. } => [self.rate, self.rate],
            Decay::OneCycle { from, to, .. } => [from, to],
            Decay::Linear { to, .. }
            | Decay::Cosine { to, .. }
            | Decay::ConstantThenLinear { to, .. }
            | Decay::Cyclic { to, .. }
            | Decay::WarmRestarts { to, .. } => [to, to],
        };
        let anneal = self.anneal.is_none_or(|anneal| is_rate(anneal.to));
        if !(is_rate(self.rate) && ends.into_iter().all(is_rate) && anneal) {
            return Err(Error::Setting(Setting::Rate));
        }
        match self.decay {
            Decay::Cyclic { cycle: 0, .. }
            | Decay::WarmRestarts { first: 0, .. }
            | Decay::WarmRestarts { factor: 0, .. } => Err(Error::Setting(Setting::Cycle)),
            // A rate that grows by a factor is infinite soon.
            Decay::Step { factor, .. } if !(0.0..=1.0).contains(&factor) => Err(Error::Setting(Setting::Factor)),
            Decay::OneCycle { rise, steps, .. } if rise > steps => Err(Error::Setting(Setting::Rise)),
            _ => Ok(()),
        }
    }
}

impl Decay {
    /// The rate `step` steps after the warm-up to `rate`.
    fn at(self, rate: f32, step: u64) -> f32 {
        match self {
            Self::Constant => rate,
            Self::Step { every, factor } => rate * math::power(factor, step.checked_div(every).unwrap_or(0)),
            Self::Linear { to, steps } => Shape::Linear.between(rate, to, fraction(step, steps)),
            Self::Cosine { to, steps } => cosine(rate, to, fraction(step, steps)),
            Self::ConstantThenLinear { to, steps } => {
                // `(t − 0.5)/0.4` in integers, which do not cancel.
                let since = step.saturating_mul(10).saturating_sub(steps.saturating_mul(5));
                Shape::Linear.between(rate, to, fraction(since, steps.saturating_mul(4)))
            }
            Self::Cyclic { to, cycle } => {
                let place = step.checked_rem(cycle).unwrap_or(0);
                Shape::Linear.between(rate, to, fraction(place + 1, cycle))
            }
            Self::WarmRestarts { to, first, factor } => cosine(rate, to, share_of_cycle(step, first, factor)),
            Self::OneCycle { from, to, rise, steps, shape } => match step.checked_sub(rise) {
                None => shape.between(from, rate, fraction(step, rise)),
                Some(since) => shape.between(rate, to, fraction(since, steps.saturating_sub(rise))),
            },
        }
    }
}

/// `to + (from − to)·(1 + cos πt)/2`.
fn cosine(from: f32, to: f32, t: f32) -> f32 {
    to + (from - to) * (0.5 * (1.0 + math::cos(core::f32::consts::PI * t)))
}

/// How far `step` is in its cycle: the lengths grow geometrically, so there are at most 64 turns.
fn share_of_cycle(step: u64, first: u64, factor: u32) -> f32 {
    if factor <= 1 {
        return fraction(step.checked_rem(first).unwrap_or(0), first);
    }
    let (mut rest, mut steps) = (step, first);
    while rest >= steps && steps > 0 {
        rest -= steps;
        match steps.checked_mul(factor.into()) {
            Some(longer) => steps = longer,
            // Longer than any step is late.
            None => return rest as f32 / (steps as f32 * factor as f32),
        }
    }
    fraction(rest, steps)
}

fn fraction(step: u64, steps: u64) -> f32 {
    if step >= steps { 1.0 } else { step as f32 / steps as f32 }
}

#[cfg(test)]
mod tests;
