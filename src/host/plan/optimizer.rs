//! The optimizer of a run.

use crate::host::prelude::*;
use crate::optim::{
    AdamConfig, Lookahead, LookaheadConfig, Optimizer, ScheduleFree, ScheduleFreeAdam, ScheduleFreeAdamConfig,
    ScheduleFreeConfig, SgdConfig,
};
use crate::{Adam, Error, Model, Sgd, Spec};

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

    /// Floats of state for `spec`, its own and the slow weights of a lookahead.
    #[must_use]
    pub fn state_len(&self, spec: &Spec, lookahead: Option<LookaheadConfig>) -> [usize; 2] {
        let own = match self {
            Self::Sgd(config) => config.state_len(spec),
            Self::Adam(config) => config.state_len(spec),
            Self::ScheduleFree(config) => config.state_len(spec),
            Self::ScheduleFreeAdam(config) => config.state_len(spec),
        };
        [own, if lookahead.is_some() { spec.param_len() } else { 0 }]
    }

    /// The optimizer of `model`, over `state`.
    ///
    /// # Errors
    /// As [`Sgd::new`], [`Adam::new`], [`ScheduleFree::new`], [`ScheduleFreeAdam::new`] and [`Lookahead::new`].
    pub fn start<'a>(
        &self,
        model: &Model<'_>,
        lookahead: Option<LookaheadConfig>,
        [state, slow]: [&'a mut [f32]; 2],
    ) -> Result<Box<dyn Optimizer + Send + 'a>, Error> {
        let spec = model.spec();
        match *self {
            Self::Sgd(config) => behind(lookahead, Sgd::new(config, spec, state)?, model, slow),
            Self::Adam(config) => behind(lookahead, Adam::new(config, spec, state)?, model, slow),
            Self::ScheduleFree(config) => behind(lookahead, ScheduleFree::new(config, model, state)?, model, slow),
            Self::ScheduleFreeAdam(config) => {
                behind(lookahead, ScheduleFreeAdam::new(config, model, state)?, model, slow)
            }
        }
    }
}

/// The optimizer itself, or slow weights behind it.
fn behind<'a>(
    lookahead: Option<LookaheadConfig>,
    optimizer: impl Optimizer + Send + 'a,
    model: &Model<'_>,
    slow: &'a mut [f32],
) -> Result<Box<dyn Optimizer + Send + 'a>, Error> {
    Ok(match lookahead {
        Some(config) => Box::new(Lookahead::new(config, optimizer, model, slow)?),
        None => Box::new(optimizer),
    })
}
