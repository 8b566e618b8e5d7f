//! The optimizer of a run.

use crate::optim::{AdamConfig, AnyConfig, LookaheadConfig, ScheduleFreeAdamConfig, ScheduleFreeConfig, SgdConfig};

/// How weights move.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum OptimizerPlan {
    /// SGD, with or without momentum.
    Sgd(SgdConfig),
    /// Adam and AdamW.
    Adam(AdamConfig),
    /// Schedule-free SGD, whose average is the model.
    ScheduleFree(ScheduleFreeConfig),
    /// Schedule-free AdamW, likewise.
    ScheduleFreeAdam(ScheduleFreeAdamConfig),
}

impl OptimizerPlan {
    /// Its momentum, where it has one, its weight decay, and whether that leaves biases and norms out.
    pub fn settings(&mut self) -> (Option<&mut f32>, &mut f32, &mut bool) {
        match self {
            Self::Sgd(c) => (Some(&mut c.momentum), &mut c.weight_decay, &mut c.no_bias_decay),
            Self::Adam(c) => (None, &mut c.weight_decay, &mut c.no_bias_decay),
            Self::ScheduleFree(c) => (Some(&mut c.beta), &mut c.weight_decay, &mut c.no_bias_decay),
            Self::ScheduleFreeAdam(c) => (Some(&mut c.beta1), &mut c.weight_decay, &mut c.no_bias_decay),
        }
    }

    /// Whether its average is the model.
    pub(in crate::host) fn is_schedule_free(&self) -> bool {
        matches!(self, Self::ScheduleFree(_) | Self::ScheduleFreeAdam(_))
    }

    /// What the core calls it, behind slow weights where there is a lookahead: a schedule-free one has none.
    #[must_use]
    pub fn config(&self, lookahead: Option<LookaheadConfig>) -> AnyConfig {
        match (*self, lookahead) {
            (Self::Sgd(config), None) => AnyConfig::Sgd(config),
            (Self::Sgd(config), Some(slow)) => AnyConfig::LookaheadSgd(slow, config),
            (Self::Adam(config), None) => AnyConfig::Adam(config),
            (Self::Adam(config), Some(slow)) => AnyConfig::LookaheadAdam(slow, config),
            (Self::ScheduleFree(config), _) => AnyConfig::ScheduleFree(config),
            (Self::ScheduleFreeAdam(config), _) => AnyConfig::ScheduleFreeAdam(config),
        }
    }
}
