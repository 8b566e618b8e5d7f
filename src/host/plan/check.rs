//! Whether the numbers of a plan are in range, and go together.

use super::averages::{AverageKind, AveragePlan};
use super::growth::{GrowthPlan, GrowthRule};
use super::optimizer::OptimizerPlan;
use super::settings::{DecayPlan, Plan};
use crate::host::HostError;
use crate::host::prelude::*;
use crate::optim::{LookaheadConfig, SgdConfig};
use crate::{Init, Loss};
use core::ops::RangeInclusive;

/// Numbers and counts of a plan with the names of their settings, in the order in which they are checked.
#[derive(Default)]
struct Settings {
    numbers: Vec<(&'static str, f32, Rule)>,
    counts: Vec<(&'static str, u64)>,
}

impl Settings {
    /// The first that is out of range, numbers before counts.
    fn fault(self) -> Option<String> {
        let wrong = |(name, value, (range, rule)): (_, f32, Rule)| {
            (!range.contains(&value)).then(|| format!("{name} {value:?} is out of range: {rule}"))
        };
        let no_count = |(name, n): (&str, u64)| (n == 0).then(|| format!("{name} 0 is out of range: at least 1"));
        self.numbers.into_iter().find_map(wrong).or_else(|| self.counts.into_iter().find_map(no_count))
    }

    fn of_network_and_batch(&mut self, plan: &Plan) {
        self.numbers.extend([("dropout", plan.dropout, BELOW_ONE), ("rate", plan.rate, RATE)]);
        self.numbers.push(("warmup", plan.warmup, NOT_NEGATIVE));
        self.counts.extend([("batch", plan.batch as u64), ("epochs", plan.epochs)]);
        self.counts.extend(plan.patience.map(|epochs| ("patience", epochs)));
        self.counts.extend(plan.micro_batch.map(|n| ("micro-batch", n as u64)));
        self.numbers.extend(plan.clip.map(|norm| ("clip", norm, POSITIVE)));
        if let Init::Normal(sigma) = plan.init {
            self.numbers.push(("init", sigma, (0.0..=1e37, "from 0 to 1e37")));
        }
    }

    fn of_optimizer(&mut self, mut optimizer: OptimizerPlan) {
        let (momentum, weight_decay) = optimizer.settings();
        self.numbers.extend(momentum.map(|momentum| ("momentum", *momentum, BELOW_ONE)));
        self.numbers.push(("weight-decay", *weight_decay, SHARE));
    }

    fn of_decay(&mut self, mut decay: DecayPlan) {
        self.numbers.extend(decay.end().map(|to| ("final-rate", *to, RATE)));
        match decay {
            DecayPlan::Step { every, factor } => {
                self.numbers.push(("factor of the schedule step", factor, SHARE));
                self.counts.push(("epochs of the schedule step", every));
            }
            DecayPlan::Cyclic { epochs, .. } | DecayPlan::Restarts { epochs, .. } => {
                self.numbers.push(("cycle", epochs, POSITIVE));
            }
            _ => {}
        }
    }

    fn of_growth(&mut self, GrowthPlan { rule, patience, .. }: GrowthPlan) {
        self.counts.push(("patience of grow", patience.into()));
        match rule {
            GrowthRule::NormTest(theta) => self.numbers.push(("grow norm-test", theta, INSIDE)),
            GrowthRule::NoiseScale(factor) => self.numbers.push(("grow noise-scale", factor, POSITIVE)),
            GrowthRule::Doubling(epochs) => self.counts.push(("grow doubling", epochs)),
        }
    }

    fn of_lookahead(&mut self, lookahead: LookaheadConfig) {
        self.counts.push(("lookahead", lookahead.every.into()));
        self.numbers.push(("alpha of lookahead", lookahead.alpha, SHARE));
    }

    fn of_averages(&mut self, swa: &AveragePlan) {
        self.numbers.push(("swa-start", swa.start, SHARE));
        for kind in &swa.kinds {
            match *kind {
                AverageKind::Swa => {}
                AverageKind::Ema(ema) => {
                    let rule = (f32::MIN_POSITIVE..=1.0, "above 0 and at most 1");
                    self.numbers.push(("1 − decay of ema", ema.epsilon, rule));
                }
                AverageKind::Lawa(models) => self.counts.push(("snapshots of lawa", models as u64)),
                AverageKind::Swag(_, draws) => self.counts.push(("swag-samples", draws.into())),
            }
        }
        self.numbers.extend(swa.rate.map(|rate| ("swa-rate", rate, RATE)));
        self.counts.extend(swa.every.map(|every| ("swa-every", every)));
    }
}

impl Plan {
    /// Whether the numbers are in range.
    ///
    /// # Errors
    /// [`HostError::Usage`] that names the setting and its value.
    pub fn check(&self) -> Result<(), HostError> {
        self.split().check()?;
        let mut settings = Settings::default();
        settings.of_network_and_batch(self);
        settings.of_optimizer(self.optimizer);
        settings.of_decay(self.decay);
        self.growth.into_iter().for_each(|growth| settings.of_growth(growth));
        self.lookahead.into_iter().for_each(|lookahead| settings.of_lookahead(lookahead));
        self.averages.iter().for_each(|averages| settings.of_averages(averages));
        match settings.fault().or_else(|| self.odd_pair().map(Into::into)) {
            Some(fault) => Err(HostError::Usage(fault)),
            None => self.augment.map_or(Ok(()), |augment| augment.check()),
        }
    }

    /// Two settings that do not go together.
    fn odd_pair(&self) -> Option<&'static str> {
        let has_cycles = matches!(self.decay, DecayPlan::Cyclic { .. } | DecayPlan::Restarts { .. });
        let asks_draws = self.average_kinds().iter().any(|kind| matches!(kind, AverageKind::Swag(..)));
        Some(match self.optimizer {
            OptimizerPlan::Sgd(SgdConfig { momentum: 0.0, nesterov: true, .. }) => "nesterov needs a momentum above 0",
            _ if self.warmup > self.epochs as f32 => "the warmup is longer than the run",
            OptimizerPlan::ScheduleFree(_) if self.lookahead.is_some() => {
                "schedule-free cannot be combined with lookahead"
            }
            _ if self.growth.is_some_and(|growth| growth.most < self.batch) => "grow-to is smaller than the batch size",
            _ if self.growth.is_some() && has_cycles => {
                "a growing batch cannot be combined with a cyclic learning rate schedule"
            }
            _ if self.batch_norm && self.hidden.is_empty() => "batch-norm needs at least one hidden layer",
            _ if self.patience.is_some() && self.validation == 0.0 => {
                "patience needs validation samples, but validation is 0"
            }
            _ if self.patience.is_some() && asks_draws => "patience cannot be combined with swag",
            _ if asks_draws && self.loss != Loss::SoftmaxCrossEntropy => "swag needs the loss cross-entropy",
            _ => return None,
        })
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
