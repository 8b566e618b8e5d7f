//! What a training run is to do: the network, the optimizer, the rate, the budget, the averaging.

use super::HostError;
use super::augment::Augment;
use super::averages::AverageKind;
use super::model_file::MAX_PARAMS;
use crate::{
    Activation, Adam, AdamConfig, Anneal, BatchSize, Decay, Error, Growth, Init, Lookahead, LookaheadConfig, Loss,
    MAX_LAYERS, Optimizer, Schedule, ScheduleFree, ScheduleFreeConfig, Sgd, SgdConfig, Shape, Snapshots, Spec,
};
use core::ops::RangeInclusive;
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

    /// The optimizer over `state`, from a model with `params`.
    ///
    /// # Errors
    /// As [`Sgd::new`], [`Adam::new`], [`ScheduleFree::new`] and [`Lookahead::new`].
    pub fn start<'a>(
        &self,
        spec: &Spec,
        lookahead: Option<LookaheadConfig>,
        params: &[f32],
        [state, slow]: [&'a mut [f32]; 2],
    ) -> Result<Box<dyn Optimizer + Send + 'a>, Error> {
        match *self {
            Self::Sgd(config) => behind(lookahead, Sgd::new(config, spec, state)?, params, slow),
            Self::Adam(config) => behind(lookahead, Adam::new(config, spec, state)?, params, slow),
            Self::ScheduleFree(config) => behind(lookahead, ScheduleFree::new(config, params, state)?, params, slow),
        }
    }
}

/// The optimizer itself, or slow weights behind it.
fn behind<'a>(
    lookahead: Option<LookaheadConfig>,
    optimizer: impl Optimizer + Send + 'a,
    params: &[f32],
    slow: &'a mut [f32],
) -> Result<Box<dyn Optimizer + Send + 'a>, Error> {
    Ok(match lookahead {
        Some(config) => Box::new(Lookahead::new(config, optimizer, params, slow)?),
        None => Box::new(optimizer),
    })
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

/// How a batch grows over the run, from [`Plan::batch`] on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GrowthPlan {
    /// What asks for more.
    pub growth: GrowthRule,
    /// The largest batch.
    pub most: usize,
    /// Updates in a row that must ask for more.
    pub patience: u32,
}

/// [`Growth`] in terms that do not depend on the number of samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GrowthRule {
    /// As [`Growth::NormTest`].
    NormTest(f32),
    /// As [`Growth::NoiseScale`].
    NoiseScale(f32),
    /// Twofold after so many epochs.
    Doubling(u64),
}

impl GrowthPlan {
    /// The batch size at the beginning, for epochs over so many samples.
    ///
    /// # Errors
    /// As [`BatchSize::new`].
    pub(super) fn start(&self, least: usize, samples: usize) -> Result<BatchSize, Error> {
        let growth = match self.growth {
            GrowthRule::NormTest(theta) => Growth::NormTest(theta),
            GrowthRule::NoiseScale(factor) => Growth::NoiseScale(factor),
            GrowthRule::Doubling(epochs) => Growth::Doubling(epochs.saturating_mul(samples as u64)),
        };
        BatchSize::new(growth, least as u64, self.most as u64, self.patience)
    }
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
            return Err(HostError::Usage(format!("{} hidden layers, but {most} are the most", self.hidden.len())));
        }
        let width = |n: usize| {
            u16::try_from(n).map_err(|_| HostError::Usage(format!("a width of {n}, but 65535 is the largest")))
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
            return Err(HostError::Usage(format!("a network of {n} parameters, but {MAX_PARAMS} are the most")));
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
        Err(HostError::Usage(format!("{held_out} of {samples} samples set apart leave none to learn from")))
    }

    /// Whether every batch of an epoch over `samples` can be normalised.
    ///
    /// # Errors
    /// [`HostError::Usage`] where one would be a single sample, which has no variance.
    pub fn check_batches(&self, samples: usize) -> Result<(), HostError> {
        let (whole, passes) = (self.unit(samples), self.at_once(samples));
        // Of a batch, the samples that pass last.
        let is_alone = |batch: usize| passes == 1 || batch % passes == 1;
        if self.batch_norm && (is_alone(whole) || is_alone(samples % whole.max(1))) {
            return Err(HostError::Usage(format!(
                "batch normalisation takes no single sample, as one of {samples} would be in batches of {whole} that \
                 pass {passes} at once: another --batch or --micro-batch"
            )));
        }
        Ok(())
    }

    /// Samples that pass at once: the micro-batch; where the batch grows, half of the first unless it is said, since two
    /// gradients are the least that tell of their noise.
    pub(super) fn at_once(&self, samples: usize) -> usize {
        let whole = self.batch.min(samples);
        let usual = if self.growth.is_some() { whole.div_ceil(2) } else { whole };
        self.micro_batch.unwrap_or(usual).min(whole).max(1)
    }

    /// Samples that the trainer takes one after the other: a batch, or a micro-batch where batches grow.
    pub(super) fn unit(&self, samples: usize) -> usize {
        if self.growth.is_some() { self.at_once(samples) } else { self.batch.min(samples) }
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

    fn asks_draws(&self) -> bool {
        let kinds = self.averages.iter().flat_map(|averages| &averages.kinds);
        kinds.into_iter().any(|kind| matches!(kind, AverageKind::Swag(..)))
    }

    /// Whether the numbers are in range.
    ///
    /// # Errors
    /// [`HostError::Usage`] that names the setting and its value.
    pub fn check(&self) -> Result<(), HostError> {
        let mut numbers = vec![
            ("validation", self.validation, BELOW_ONE),
            ("dropout", self.dropout, BELOW_ONE),
            ("rate", self.rate, RATE),
            ("warmup", self.warmup, NOT_NEGATIVE),
        ];
        let mut counts = vec![("batch", self.batch as u64), ("epochs", self.epochs)];
        counts.extend(self.micro_batch.map(|n| ("micro-batch", n as u64)));
        numbers.extend(self.clip.map(|norm| ("clip", norm, POSITIVE)));
        match self.optimizer {
            OptimizerPlan::Sgd(SgdConfig { momentum, weight_decay, .. }) => {
                numbers.extend([("momentum", momentum, BELOW_ONE), ("weight-decay", weight_decay, SHARE)]);
            }
            OptimizerPlan::Adam(config) => numbers.push(("weight-decay", config.weight_decay, SHARE)),
            OptimizerPlan::ScheduleFree(config) => {
                numbers.extend([("momentum", config.beta, BELOW_ONE), ("weight-decay", config.weight_decay, SHARE)]);
            }
        }
        match self.decay {
            DecayPlan::Constant => {}
            DecayPlan::Step { every, factor } => {
                numbers.push(("drop-factor", factor, SHARE));
                counts.push(("drop-every", every));
            }
            DecayPlan::Linear(to) | DecayPlan::Cosine(to) | DecayPlan::Paper(to) | DecayPlan::OneCycle(to) => {
                numbers.push(("final-rate", to, RATE));
            }
            DecayPlan::Cyclic { to, epochs } => {
                numbers.extend([("final-rate", to, RATE), ("cycle", epochs, POSITIVE)]);
            }
            DecayPlan::Restarts { to, epochs, factor } => {
                numbers.extend([("final-rate", to, RATE), ("cycle", epochs, POSITIVE)]);
                counts.push(("cycle-factor", factor.into()));
            }
        }
        if let Some(GrowthPlan { growth, patience, .. }) = self.growth {
            counts.push(("grow-patience", patience.into()));
            match growth {
                GrowthRule::NormTest(theta) => numbers.push(("grow norm-test", theta, INSIDE)),
                GrowthRule::NoiseScale(factor) => numbers.push(("grow noise-scale", factor, POSITIVE)),
                GrowthRule::Doubling(epochs) => counts.push(("grow doubling", epochs)),
            }
        }
        if let Some(lookahead) = self.lookahead {
            counts.push(("lookahead", lookahead.every.into()));
            numbers.push(("lookahead-alpha", lookahead.alpha, SHARE));
        }
        if let Some(swa) = &self.averages {
            numbers.push(("swa-start", swa.start, SHARE));
            numbers.push(("swa-anneal", swa.anneal.0, NOT_NEGATIVE));
            for kind in &swa.kinds {
                match *kind {
                    AverageKind::Swa => {}
                    AverageKind::Ema(ema) => {
                        numbers.push(("1 − ema-decay", ema.epsilon, (f32::MIN_POSITIVE..=1.0, "above 0 and at most 1")))
                    }
                    AverageKind::Lawa(models) => counts.push(("lawa-window", models as u64)),
                    AverageKind::Swag(_, draws) => {
                        counts.push(("swag-samples", draws.samples.into()));
                        numbers.push(("swag-scale", draws.scale, NOT_NEGATIVE));
                    }
                }
            }
            numbers.extend(swa.rate.map(|rate| ("swa-rate", rate, RATE)));
            counts.extend(swa.every.map(|every| ("swa-every", every)));
        }
        let wrong = |(name, value, (range, rule)): (_, f32, Rule)| {
            (!range.contains(&value)).then(|| format!("{name} {value:?} is out of range: {rule}"))
        };
        let no_count = |(name, n): (&str, u64)| (n == 0).then(|| format!("{name} 0 is out of range: at least 1"));
        let odd_pair = match self.optimizer {
            OptimizerPlan::Sgd(SgdConfig { momentum: 0.0, nesterov: true, .. }) => "nesterov needs a momentum above 0",
            _ if self.warmup > self.epochs as f32 => "the warmup is longer than the run",
            OptimizerPlan::ScheduleFree(_) if self.lookahead.is_some() => {
                "schedule-free averages: it takes no lookahead"
            }
            _ if self.growth.is_some_and(|growth| growth.most < self.batch) => "grow-to is less than the batch",
            _ if self.growth.is_some() && self.at_once(self.batch) >= self.batch => {
                "a batch that grows is measured by its micro-batches: at least two in the first --batch"
            }
            _ if self.batch_norm && self.hidden.is_empty() => "batch-norm normalises hidden layers, and there is none",
            _ if self.asks_draws() && self.loss != Loss::SoftmaxCrossEntropy => {
                "swag predicts classes: it needs the loss cross-entropy"
            }
            _ => "",
        };
        let fault = numbers.into_iter().find_map(wrong).or_else(|| counts.into_iter().find_map(no_count));
        match fault.or_else(|| (!odd_pair.is_empty()).then(|| odd_pair.into())) {
            Some(fault) => Err(HostError::Usage(fault)),
            None => self.augment.map_or(Ok(()), |augment| augment.check()),
        }
    }
}

/// Where a number may lie, and how to say so.
type Rule = (RangeInclusive<f32>, &'static str);
const NOT_NEGATIVE: Rule = (0.0..=f32::MAX, "finite and at least 0");
/// The core takes no larger one.
const RATE: Rule = (0.0..=1e9, "from 0 to 1e9");
const POSITIVE: Rule = (f32::MIN_POSITIVE..=f32::MAX, "finite and above 0");
const BELOW_ONE: Rule = (0.0..=1_f32.next_down(), "at least 0 and below 1");
const INSIDE: Rule = (f32::MIN_POSITIVE..=1_f32.next_down(), "above 0 and below 1");
const SHARE: Rule = (0.0..=1.0, "from 0 to 1");

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
