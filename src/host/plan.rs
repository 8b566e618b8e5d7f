//! What a training run is to do: the network, the optimizer, the rate, the budget, the averaging.

use super::HostError;
use crate::{
    Activation, Adam, AdamConfig, Decay, Error, Init, Loss, MAX_LAYERS, Optimizer, Schedule, Sgd, SgdConfig, Snapshots,
    Spec,
};
use std::boxed::Box;
use std::format;
use std::vec;
use std::vec::Vec;

/// How weights move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OptimizerPlan {
    /// SGD, with or without momentum.
    Sgd(SgdConfig),
    /// Adam and AdamW.
    Adam(AdamConfig),
}

impl OptimizerPlan {
    /// Floats of state for `spec`.
    #[must_use]
    pub fn state_len(&self, spec: &Spec) -> usize {
        match self {
            Self::Sgd(config) => config.state_len(spec),
            Self::Adam(config) => config.state_len(spec),
        }
    }

    /// The optimizer over `state`.
    ///
    /// # Errors
    /// As [`Sgd::new`] and [`Adam::new`].
    pub fn start<'a>(&self, spec: &Spec, state: &'a mut [f32]) -> Result<Box<dyn Optimizer + 'a>, Error> {
        Ok(match *self {
            Self::Sgd(config) => Box::new(Sgd::new(config, spec, state)?),
            Self::Adam(config) => Box::new(Adam::new(config, spec, state)?),
        })
    }
}

/// How the rate falls over the budget, in terms that do not depend on the number of samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum DecayPlan {
    /// Not at all.
    Constant,
    /// By `factor` every so many epochs.
    Step {
        /// Epochs between two drops.
        every: u64,
        /// What each drop multiplies by.
        factor: f32,
    },
    /// Linearly to this rate at the end of the budget.
    Linear(f32),
    /// Along half a cosine to this rate at the end of the budget.
    Cosine(f32),
}

/// When to average.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SwaPlan {
    /// Share of the budget before the first snapshot, `0 <= start <= 1`.
    pub start: f32,
    /// Steps between snapshots; `None` takes one at the end of each epoch.
    pub every: Option<u64>,
    /// Constant rate from the start of averaging on; `None` leaves the schedule as it is.
    pub rate: Option<f32>,
}

/// Everything that decides a run, apart from the data: two runs with equal plans and data give equal bits.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Widths of the hidden layers.
    pub hidden: Vec<u16>,
    /// Nonlinearity of the hidden layers.
    pub activation: Activation,
    /// Dropout of the hidden layers.
    pub dropout: f32,
    /// What training minimises.
    pub loss: Loss,
    /// How weights start.
    pub init: Init,
    /// How they move.
    pub optimizer: OptimizerPlan,
    /// Base learning rate.
    pub rate: f32,
    /// Epochs of warm-up.
    pub warmup: f32,
    /// How the rate falls.
    pub decay: DecayPlan,
    /// Samples an update.
    pub batch: usize,
    /// Samples that pass at once, where that is fewer.
    pub micro_batch: Option<usize>,
    /// Clips the gradient to this norm.
    pub clip: Option<f32>,
    /// Passes over the training samples.
    pub epochs: u64,
    /// Decides the initial weights, the split, the order and the dropout masks.
    pub seed: u64,
    /// When to average; `None` for never.
    pub swa: Option<SwaPlan>,
    /// Share of the training samples set apart for validation, `0 <= validation < 1`.
    pub validation: f32,
}

impl Default for Plan {
    /// The article's reference configuration: 784-64-10, ReLU, dropout 0.5, Adam at 1e-3, batches of 32, averaged from
    /// 75 % of the budget on.
    fn default() -> Self {
        Self {
            hidden: vec![64],
            activation: Activation::Relu,
            dropout: 0.5,
            loss: Loss::SoftmaxCrossEntropy,
            init: Init::He,
            optimizer: OptimizerPlan::Adam(AdamConfig::default()),
            rate: 1e-3,
            warmup: 0.0,
            decay: DecayPlan::Constant,
            batch: 32,
            micro_batch: None,
            clip: None,
            epochs: 20,
            seed: 1,
            swa: Some(SwaPlan { start: 0.75, every: None, rate: None }),
            validation: 0.1,
        }
    }
}

impl Plan {
    /// The network for samples of `inputs` numbers and so many classes.
    ///
    /// # Errors
    /// [`HostError::Usage`] or [`Error::Spec`] for a network that cannot be.
    pub fn spec(&self, inputs: usize, classes: usize) -> Result<Spec, HostError> {
        if self.hidden.len() >= MAX_LAYERS {
            let most = MAX_LAYERS - 1;
            return Err(HostError::Usage(format!("{} hidden layers, but {most} are the most", self.hidden.len())));
        }
        let width = |n: usize| {
            u16::try_from(n).map_err(|_| HostError::Usage(format!("a width of {n}, but 65535 is the largest")))
        };
        let mut spec = Spec::new(width(inputs)?).loss(self.loss);
        for &units in &self.hidden {
            spec = spec.dense(units, self.activation);
            if self.dropout != 0.0 {
                spec = spec.dropout(self.dropout);
            }
        }
        spec = spec.dense(width(classes)?, Activation::Identity);
        spec.check()?;
        Ok(spec)
    }

    /// Steps of an epoch over `samples`: `⌈samples / batch⌉`.
    #[must_use]
    pub fn steps_per_epoch(&self, samples: usize) -> u64 {
        samples.div_ceil(self.batch.max(1)) as u64
    }

    /// The rate as a function of the step, for epochs of `epoch` steps.
    #[must_use]
    pub fn schedule(&self, epoch: u64) -> Schedule {
        let warmup = (self.warmup * epoch as f32) as u64;
        let steps = (self.epochs * epoch).saturating_sub(warmup);
        let decay = match self.decay {
            DecayPlan::Constant => Decay::Constant,
            DecayPlan::Step { every, factor } => Decay::Step { every: every * epoch, factor },
            DecayPlan::Linear(to) => Decay::Linear { to, steps },
            DecayPlan::Cosine(to) => Decay::Cosine { to, steps },
        };
        Schedule { rate: self.rate, warmup, decay }
    }

    /// The steps after which a snapshot is taken, for epochs of `epoch` steps.
    #[must_use]
    pub fn snapshots(&self, epoch: u64) -> Option<Snapshots> {
        let swa = self.swa?;
        let total = self.epochs * epoch;
        let start = (f64::from(swa.start) * total as f64).ceil() as u64;
        Some(match swa.every {
            // Whole epochs, so that every snapshot has seen the same samples equally often.
            None => Snapshots { start: start.next_multiple_of(epoch.max(1)).clamp(epoch, total), every: epoch },
            Some(every) => Snapshots { start: start.clamp(1, total), every },
        })
    }

    /// Whether the numbers are in range.
    ///
    /// # Errors
    /// [`HostError::Usage`] that names the setting.
    pub fn check(&self) -> Result<(), HostError> {
        let mut rates = vec![self.rate];
        rates.extend(self.swa.and_then(|swa| swa.rate));
        if let DecayPlan::Linear(to) | DecayPlan::Cosine(to) = self.decay {
            rates.push(to);
        }
        let share = |x: f32| (0.0..=1.0).contains(&x);
        let faults = [
            (rates.iter().any(|r| !(r.is_finite() && *r >= 0.0)), "a rate is finite and not negative"),
            (self.batch == 0, "a batch has at least one sample"),
            (self.micro_batch == Some(0), "a micro-batch has at least one sample"),
            (self.epochs == 0, "at least one epoch"),
            (!(0.0..1.0).contains(&self.validation), "the validation share lies in [0, 1)"),
            (self.swa.is_some_and(|swa| !share(swa.start)), "the start of averaging lies in [0, 1]"),
            (self.swa.is_some_and(|swa| swa.every == Some(0)), "snapshots are at least one step apart"),
            (!(self.warmup.is_finite() && self.warmup >= 0.0), "the warm-up is finite and not negative"),
            (self.clip.is_some_and(|n| !(n.is_finite() && n > 0.0)), "the norm to clip to is finite and positive"),
            (matches!(self.decay, DecayPlan::Step { factor, .. } if !share(factor)), "the step factor lies in [0, 1]"),
        ];
        match faults.into_iter().find(|(wrong, _)| *wrong) {
            Some((_, rule)) => Err(HostError::Usage(format!("setting out of range: {rule}"))),
            None => Ok(()),
        }
    }
}
