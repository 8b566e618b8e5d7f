//! Replicas: how many models are trained together, their initial weights, and the pull to their mean.

use super::averages::AverageKind;
use super::settings::Plan;
use crate::host::HostError;
use crate::host::prelude::*;
use crate::replicas::{Pull, Start};
use std::num::NonZeroUsize;
use std::thread;

/// What holds replicas together.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Coupling {
    /// They are [pulled](crate::replicas::pull) to their mean, `θ_k ← θ_k + α(θ̄ − θ_k)`.
    Mean(Pull),
    /// Elastic averaging by this `α`, above 0 and at most `1/K`: in the round of a pull, replicas and a centre also
    /// [attract](crate::replicas::attract) each other, `x_i ← x_i − ηg_i − α(x_i − x̃)` and `x̃ ← x̃ + Kα(x̄ − x̃)`, all from the old values.
    /// The centre starts at the mean of the replicas.
    Elastic(f32),
}

/// Several models that are trained together, each as a [`Plan`] says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReplicaPlan {
    /// How many, at least 2.
    pub count: usize,
    /// Where they begin.
    pub start: Start,
    /// What holds them together.
    pub coupling: Coupling,
    /// Rounds, a step of each, between two pulls; `None` pulls at the end of each epoch.
    pub every: Option<u64>,
    /// Threads to train on, which change no bit.
    pub threads: NonZeroUsize,
}

impl Default for ReplicaPlan {
    /// The article's five, from a common start, pulled at the end of each epoch by `1 − t/total`, on all cores.
    fn default() -> Self {
        let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self { count: 5, start: Start::default(), coupling: Coupling::Mean(Pull::Fading), every: None, threads }
    }
}

impl ReplicaPlan {
    /// Whether the numbers are in range, and replicas can be trained by `plan`.
    ///
    /// # Errors
    /// [`HostError::Usage`] that names the setting.
    pub fn check(&self, plan: &Plan) -> Result<(), HostError> {
        let asks_draws = |kind: &AverageKind| matches!(kind, AverageKind::Swag(..));
        let fault = match (*self, self.coupling) {
            (Self { count: 0 | 1, .. }, _) => format!("replicas {} is out of range: at least 2", self.count),
            (Self { every: Some(0), .. }, _) => "pull-every 0 is out of range: at least 1".to_string(),
            (_, Coupling::Mean(Pull::Constant(alpha))) if !(0.0..=1.0).contains(&alpha) => {
                format!("pull {alpha:?} is out of range: from 0 to 1")
            }
            (_, Coupling::Elastic(alpha)) if !(alpha > 0.0 && alpha * self.count as f32 <= 1.0) => format!(
                "pull elastic:{alpha:?} is out of range: above 0, and at most 1/{0} for {0} replicas",
                self.count
            ),
            (Self { every: None, .. }, Coupling::Mean(Pull::Fading)) if plan.epochs == 1 => {
                "a fading pull has no effect in a single epoch: use more --epochs, or --pull-every".to_string()
            }
            _ if plan.averages.as_ref().is_some_and(|averages| averages.switch || averages.posthoc.is_some()) => {
                "replicas cannot use --switch-average and --posthoc".to_string()
            }
            _ if plan.optimizer.is_schedule_free() => {
                "replicas cannot use --optimizer schedule-free: the pull does not change its inner average".to_string()
            }
            _ if plan.growth.is_some() => "replicas cannot use a growing batch (--grow)".to_string(),
            _ if plan.average_kinds().iter().any(asks_draws) => {
                "replicas cannot use --average swag: use polynomial, swa, ema or lawa".to_string()
            }
            _ => return Ok(()),
        };
        Err(HostError::Usage(fault))
    }

    /// Whether nothing ever pulls them together.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.coupling == Coupling::Mean(Pull::Constant(0.0))
    }

    /// Whether they lie in basins of their own, so that their mean is no model.
    #[must_use]
    pub fn is_apart(&self) -> bool {
        self.is_free() && self.start == Start::Independent
    }
}
