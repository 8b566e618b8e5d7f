//! Learning rates as closed forms of the step number: stateless, so that resuming at a step gives the same rate as
//! never stopping.

use crate::math;

/// How the rate moves after the warm-up; `t = clamp(step / steps, 0, 1)`, and 1 where `steps = 0`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Decay {
    /// `η`.
    Constant,
    /// `η · factor^⌊step / every⌋`; constant where `every = 0`.
    Step {
        /// Steps between two drops.
        every: u64,
        /// What each drop multiplies by.
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
}

/// A learning-rate schedule: `warmup` steps up from `η/(warmup+1)`, then `decay` from `η`.
///
/// ```
/// use cygnet::{Decay, Schedule};
/// let schedule = Schedule { rate: 0.1, warmup: 10, decay: Decay::Linear { to: 0.0, steps: 100 } };
/// assert_eq!(schedule.at(10), 0.1);
/// assert_eq!(schedule.at(60), 0.05);
/// assert_eq!(schedule.at(1_000_000), 0.0);
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
}

impl Schedule {
    /// The same rate for ever.
    #[must_use]
    pub const fn constant(rate: f32) -> Self {
        Self { rate, warmup: 0, decay: Decay::Constant }
    }

    /// The rate of step `step`, from 0.
    #[must_use]
    pub fn at(&self, step: u64) -> f32 {
        let Some(step) = step.checked_sub(self.warmup) else {
            return self.rate * ((step as f32 + 1.0) / (self.warmup as f32 + 1.0));
        };
        match self.decay {
            Decay::Constant => self.rate,
            Decay::Step { every, factor } => self.rate * math::power(factor, step.checked_div(every).unwrap_or(0)),
            Decay::Linear { to, steps } => {
                let t = fraction(step, steps);
                (1.0 - t) * self.rate + t * to
            }
            Decay::Cosine { to, steps } => {
                let t = fraction(step, steps);
                to + (self.rate - to) * (0.5 * (1.0 + math::cos(core::f32::consts::PI * t)))
            }
        }
    }
}

fn fraction(step: u64, steps: u64) -> f32 {
    if step >= steps { 1.0 } else { step as f32 / steps as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_gives_its_own_values() {
        let at = |decay, step| Schedule { rate: 0.4, warmup: 0, decay }.at(step);
        let step = Decay::Step { every: 10, factor: 0.5 };
        assert_eq!([at(step, 0), at(step, 9), at(step, 10), at(step, 29)], [0.4, 0.4, 0.2, 0.1]);
        assert_eq!(at(Decay::Step { every: 0, factor: 0.5 }, 99), 0.4);
        let linear = Decay::Linear { to: 0.1, steps: 4 };
        assert!((at(linear, 1) - 0.325).abs() < 1e-7);
        assert_eq!([at(linear, 4), at(linear, u64::MAX)], [0.1, 0.1]);
        assert_eq!(at(Decay::Linear { to: 0.1, steps: 0 }, 0), 0.1);
        let cosine = Decay::Cosine { to: 0.0, steps: 3 };
        assert!((at(cosine, 1) - 0.3).abs() < 1e-6 && (at(cosine, 2) - 0.1).abs() < 1e-6);
        assert_eq!([at(cosine, 0), at(Decay::Constant, 7)], [0.4, 0.4]);
        assert!(at(cosine, 3).abs() < 1e-7);
    }

    #[test]
    fn warm_up_rises_to_the_base_rate() {
        let schedule = Schedule { rate: 1.0, warmup: 3, decay: Decay::Constant };
        let rates: [f32; 5] = core::array::from_fn(|s| schedule.at(s as u64));
        assert_eq!(rates, [0.25, 0.5, 0.75, 1.0, 1.0]);
    }
}
