//! What a training run is to do: the network, the optimizer, the rate, the budget, the averaging.

use super::growing::GrowthPlan;
use crate::average::Snapshots;
use crate::host::HostError;
use crate::host::data::Augment;
use crate::host::files::MAX_PARAMS;
use crate::host::training::AverageKind;
use crate::network::MAX_LAYERS;
use crate::optim::{AdamConfig, Lookahead, LookaheadConfig, Optimizer, ScheduleFree, ScheduleFreeConfig, SgdConfig};
use crate::schedule::{Anneal, Decay, Schedule, Shape};
use crate::{Activation, Adam, Error, Init, Loss, Model, Sgd, Spec};
use std::boxed::Box;
use std::format;
use std::vec;
use std::vec::Vec;

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
}

impl OptimizerPlan {
    /// Floats of state for `spec`, its own and the slow weights of a lookahead.
    #[must_use]
    pub fn state_len(&self, spec: &Spec, lookahead: Option<LookaheadConfig>) -> [usize; 2] {
        let own = match self {
            Self::Sgd(config) => config.state_len(spec),
            Self::Adam(config) => config.state_len(spec),
            Self::ScheduleFree(config) => config.state_len(spec),
        };
        [own, if lookahead.is_some() { spec.param_len() } else { 0 }]
    }

    /// The optimizer of `model`, over `state`.
    ///
    /// # Errors
    /// As [`Sgd::new`], [`Adam::new`], [`ScheduleFree::new`] and [`Lookahead::new`].
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

/// How the rate falls over the budget, in terms that do not depend on the number of samples.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
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
    /// Constant until half of the time to the first snapshot, then linearly to this rate at nine tenths of it (the
    /// schedule of SWA's authors).
    Paper(f32),
    /// In cycles of so many epochs from the base rate linearly to this one.
    Cyclic {
        /// Rate at the end of each cycle.
        to: f32,
        /// Epochs of a cycle.
        epochs: f32,
    },
    /// Half a cosine to this rate again and again.
    Restarts {
        /// Rate that each cycle falls to.
        to: f32,
        /// Epochs of the first cycle.
        epochs: f32,
        /// By what each cycle is longer than the one before.
        factor: u32,
    },
    /// From a 25th of the base rate up to it in 30 % of the budget, and along a cosine to this rate.
    OneCycle(f32),
}

/// What to average, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct AveragePlan {
    /// Which averages to keep; the history follows the first.
    pub kinds: Vec<AverageKind>,
    /// Share of the budget before the first snapshot, `0 <= start <= 1`.
    pub start: f32,
    /// Steps between snapshots; `None` takes one at the end of each epoch.
    pub every: Option<u64>,
    /// Rate that the schedule is annealed to from the start of averaging on; `None` leaves it as it is.
    pub rate: Option<f32>,
    /// Epochs of the annealing, and how it goes.
    pub anneal: (f32, Shape),
}

impl Default for AveragePlan {
    /// The running mean of the models at the end of each epoch from 75 % of the budget on.
    fn default() -> Self {
        Self { kinds: vec![AverageKind::Swa], start: 0.75, every: None, rate: None, anneal: (0.0, Shape::Linear) }
    }
}

/// Everything that decides a run, apart from the data: two runs with equal plans and data give equal bits.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Widths of the hidden layers.
    pub hidden: Vec<u16>,
    /// Nonlinearity of the hidden layers.
    pub activation: Activation,
    /// Whether their pre-activations are normalised over the batch.
    pub batch_norm: bool,
    /// Dropout of the hidden layers.
    pub dropout: f32,
    /// What training minimises.
    pub loss: Loss,
    /// How weights start.
    pub init: Init,
    /// How they move.
    pub optimizer: OptimizerPlan,
    /// Slow weights behind that.
    pub lookahead: Option<LookaheadConfig>,
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
    /// How the batch grows; `None` leaves it as it is.
    pub growth: Option<GrowthPlan>,
    /// Clips the gradient to this norm.
    pub clip: Option<f32>,
    /// Passes over the training samples.
    pub epochs: u64,
    /// How training samples move, anew in each epoch; `None` leaves them as they are.
    pub augment: Option<Augment>,
    /// Decides the initial weights, the split, the order, the dropout masks and what augmentation draws.
    pub seed: u64,
    /// What to average, and when; `None` for nothing.
    pub averages: Option<AveragePlan>,
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
            batch_norm: false,
            dropout: 0.5,
            loss: Loss::SoftmaxCrossEntropy,
            init: Init::He,
            optimizer: OptimizerPlan::Adam(AdamConfig::default()),
            lookahead: None,
            rate: 1e-3,
            warmup: 0.0,
            decay: DecayPlan::Constant,
            batch: 32,
            micro_batch: None,
            growth: None,
            clip: None,
            epochs: 20,
            augment: None,
            seed: 1,
            averages: Some(AveragePlan::default()),
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
            return Err(HostError::Usage(format!(
                "{} hidden layers are too many: the maximum is {most}",
                self.hidden.len()
            )));
        }
        let width = |n: usize| {
            u16::try_from(n).map_err(|_| HostError::Usage(format!("a width of {n} is too large: the maximum is 65535")))
        };
        let mut spec = Spec::new(width(inputs)?).loss(self.loss);
        for &units in &self.hidden {
            spec = spec.dense(units, self.activation);
            if self.batch_norm {
                spec = spec.norm();
            }
            if self.dropout != 0.0 {
                spec = spec.dropout(self.dropout);
            }
        }
        spec = spec.dense(width(classes)?, Activation::Identity);
        spec.check()?;
        if spec.param_len() > MAX_PARAMS {
            let n = spec.param_len();
            return Err(HostError::Usage(format!(
                "a network of {n} parameters is too large: the maximum is {MAX_PARAMS}"
            )));
        }
        Ok(spec)
    }

    /// How many of so many training samples are set apart for validation.
    ///
    /// # Errors
    /// [`HostError::Usage`] where none is left to learn from.
    pub fn held_out(&self, samples: usize) -> Result<usize, HostError> {
        let held_out = (f64::from(self.validation) * samples as f64).round() as usize;
        if held_out < samples {
            return Ok(held_out);
        }
        Err(HostError::Usage(format!(
            "{held_out} of {samples} samples are held out for validation, so that none is left for training"
        )))
    }

    /// Whether every batch of an epoch over `samples` can be normalised, and grow where it is to.
    ///
    /// # Errors
    /// [`HostError::Usage`] where one would be a single sample, which has no variance, or one micro-batch, which does not
    /// tell its noise.
    pub fn check_batches(&self, samples: usize) -> Result<(), HostError> {
        self.check_growth(samples)?;
        let (whole, passes) = (self.unit(samples), self.at_once(samples));
        // Of a batch, the samples that pass last.
        let is_alone = |batch: usize| passes == 1 || batch % passes == 1;
        if self.batch_norm && (is_alone(whole) || is_alone(samples % whole.max(1))) {
            return Err(HostError::Usage(format!(
                "batch normalisation needs at least two samples at once, but {samples} samples in batches of {whole}, \
                 computed {passes} at once, leave a single sample: change --batch or --micro-batch"
            )));
        }
        Ok(())
    }

    /// Steps of an epoch over `samples`: `⌈samples / batch⌉`.
    #[must_use]
    pub fn steps_per_epoch(&self, samples: usize) -> u64 {
        samples.div_ceil(self.batch.max(1)) as u64
    }

    /// The rate as a function of the step, for epochs of `epoch` steps.
    #[must_use]
    pub fn schedule(&self, epoch: u64) -> Schedule {
        let steps_of = |epochs: f32| (f64::from(epochs) * epoch as f64) as u64;
        let warmup = steps_of(self.warmup);
        let steps = self.epochs.saturating_mul(epoch).saturating_sub(warmup);
        let start = self.snapshots(epoch).map(|snapshots| snapshots.start);
        let decay = match self.decay {
            DecayPlan::Constant => Decay::Constant,
            DecayPlan::Step { every, factor } => Decay::Step { every: every.saturating_mul(epoch), factor },
            DecayPlan::Linear(to) => Decay::Linear { to, steps },
            DecayPlan::Cosine(to) => Decay::Cosine { to, steps },
            DecayPlan::Paper(to) => {
                Decay::ConstantThenLinear { to, steps: start.map_or(steps, |start| start.saturating_sub(warmup)) }
            }
            DecayPlan::Cyclic { to, epochs } => Decay::Cyclic { to, cycle: steps_of(epochs).max(1) },
            DecayPlan::Restarts { to, epochs, factor } => {
                Decay::WarmRestarts { to, first: steps_of(epochs).max(1), factor }
            }
            DecayPlan::OneCycle(to) => {
                let rise = (0.3 * steps as f64) as u64;
                Decay::OneCycle { from: self.rate / 25.0, to, rise, steps, shape: Shape::Cosine }
            }
        };
        let anneal = self.averages.as_ref().and_then(|averages| {
            let (epochs, shape) = averages.anneal;
            Some(Anneal { start: start?, steps: steps_of(epochs), to: averages.rate?, shape })
        });
        Schedule { rate: self.rate, warmup, decay, anneal }
    }

    /// The same budget with a rate that falls linearly to zero, and no average: what averaging has to be compared with.
    #[must_use]
    pub fn baseline(&self) -> Self {
        Self { decay: DecayPlan::Linear(0.0), averages: None, ..self.clone() }
    }

    /// The steps after which a snapshot is taken, for epochs of `epoch` steps.
    #[must_use]
    pub fn snapshots(&self, epoch: u64) -> Option<Snapshots> {
        let swa = self.averages.as_ref()?;
        let total = self.epochs.saturating_mul(epoch);
        // A share such as 0.6 is a little more as f32; it is not to cost an epoch.
        let start = (f64::from(swa.start) * total as f64 * (1.0 - 1e-7)).ceil() as u64;
        Some(match swa.every {
            // Whole epochs, so that every snapshot has seen the same samples equally often.
            None => {
                let whole = start.checked_next_multiple_of(epoch).unwrap_or(total);
                Snapshots { start: whole.max(epoch).min(total), every: epoch }
            }
            Some(every) => Snapshots { start: start.max(1).min(total), every },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averaging_starts_at_the_epoch_that_the_share_says() {
        for (share, epochs, first) in [
            (0.1, 20, 2),
            (0.2, 20, 4),
            (0.3, 20, 6),
            (0.4, 20, 8),
            (0.6, 20, 12),
            (0.75, 20, 15),
            (0.8, 20, 16),
            (0.6, 5, 3),
            (0.5, 5, 3),
            (0.0, 5, 1),
            (1.0, 5, 5),
        ] {
            let averages = Some(AveragePlan { start: share, ..AveragePlan::default() });
            let snapshots = Plan { epochs, averages, ..Plan::default() }.snapshots(1688).unwrap();
            assert_eq!(snapshots, Snapshots { start: first * 1688, every: 1688 }, "{share} of {epochs}");
        }
        assert_eq!(Plan { averages: None, ..Plan::default() }.snapshots(10), None);
    }
}
