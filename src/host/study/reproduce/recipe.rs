//! What is trained: stages, and the settings that each of them changes in one place.

use crate::Loss;
use crate::host::HostError;
use crate::host::data::Dataset;
use crate::host::plan::{Coupling, DecayPlan, GrowthPlan, OptimizerPlan, Plan, ReplicaPlan};
use crate::host::prelude::*;
use crate::optim::SgdConfig;
use crate::replicas::{Pull, Start};

/// What is trained, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// One model, with SWA.
    Single,
    /// One model with learning rate decay to zero.
    Falling,
    /// One model whose batch grows by the norm test.
    Growing,
    /// Replicas from starts of their own, which nothing pulls.
    Apart,
    /// Replicas from a common start, pulled to their mean.
    Common,
    /// Replicas from starts of their own, pulled likewise.
    Independent,
}

impl Stage {
    /// All of them, in their order.
    pub const ALL: [Self; 6] =
        [Self::Single, Self::Falling, Self::Growing, Self::Apart, Self::Common, Self::Independent];

    /// What its files are called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Falling => "falling",
            Self::Growing => "growing",
            Self::Apart => "apart",
            Self::Common => "common",
            Self::Independent => "independent",
        }
    }

    /// What it is, in a few words.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Single => "one model with SWA",
            Self::Falling => "learning rate decay",
            Self::Growing => "growing batch",
            Self::Apart => "independent replicas",
            Self::Common => "pulled replicas, common start",
            Self::Independent => "pulled replicas, independent start",
        }
    }
}

/// The settings that every stage changes in one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// The network, its optimizer and its budget.
    pub plan: Plan,
    /// How the rate of the one model that is averaged moves.
    pub averaged: DecayPlan,
    /// How the batch of the one model that has a growing one grows.
    pub growth: GrowthPlan,
    /// How many replicas, on how many threads.
    pub replicas: ReplicaPlan,
}

impl Recipe {
    /// The article's: five replicas of [`Plan::article`], Adam with dropout at a constant rate.
    #[must_use]
    pub fn adam() -> Self {
        let (averaged, growth) = (DecayPlan::Constant, GrowthPlan::default());
        Self { plan: Plan::article(), averaged, growth, replicas: ReplicaPlan::default() }
    }

    /// The same network with SGD, momentum 0.9, weight decay 1e-4 and no dropout, 30 epochs in which the rate falls linearly
    /// from 0.05 to zero; where a run is averaged, to 0.02 by the schedule of SWA's authors.
    #[must_use]
    pub fn sgd() -> Self {
        let optimizer =
            OptimizerPlan::Sgd(SgdConfig { momentum: 0.9, nesterov: false, weight_decay: 1e-4, no_bias_decay: false });
        let (rate, decay) = (0.05, DecayPlan::Linear(0.0));
        let plan = Plan { optimizer, rate, decay, dropout: 0.0, epochs: 30, ..Plan::article() };
        Self { plan, averaged: DecayPlan::Paper(0.02), ..Self::adam() }
    }

    /// The run of one model, or of each replica, in `stage`.
    #[must_use]
    pub fn plan_of(&self, stage: Stage, seed: u64) -> Plan {
        let plan = Plan { seed, ..self.plan.clone() };
        match stage {
            Stage::Single => Plan { decay: self.averaged, ..plan },
            Stage::Falling => plan.baseline(),
            Stage::Growing => Plan { growth: Some(self.growth), averages: None, ..plan },
            Stage::Apart | Stage::Common | Stage::Independent => Plan { averages: None, ..plan },
        }
    }

    /// The replicas of `stage`, where it has some.
    #[must_use]
    pub fn replicas_of(&self, stage: Stage) -> Option<ReplicaPlan> {
        let (start, pull) = match stage {
            Stage::Single | Stage::Falling | Stage::Growing => return None,
            Stage::Apart => (Start::Independent, Pull::Constant(0.0)),
            Stage::Common => (Start::Common, Pull::Fading),
            Stage::Independent => (Start::Independent, Pull::Fading),
        };
        Some(ReplicaPlan { start, coupling: Coupling::Mean(pull), ..self.replicas })
    }

    /// Whether every stage can be trained on these samples.
    ///
    /// # Errors
    /// [`HostError::Usage`] for settings out of range, for models that cannot vote, or without validation samples.
    pub fn check(&self, data: &Dataset) -> Result<(), HostError> {
        let (train, validation) = data.split(self.plan.split())?;
        for stage in Stage::ALL {
            let plan = self.plan_of(stage, self.plan.seed);
            plan.check()?;
            plan.check_batches(train.len())?;
            self.replicas_of(stage).map_or(Ok(()), |replicas| replicas.check(&plan))?;
        }
        let fault = match self.plan {
            _ if validation.is_empty() => "there are no validation samples: --validation must be above 0",
            Plan { loss, .. } if loss != Loss::SoftmaxCrossEntropy => "votes need the loss cross-entropy",
            _ => return Ok(()),
        };
        Err(HostError::Usage(fault.to_owned()))
    }
}

#[cfg(test)]
mod tests;
