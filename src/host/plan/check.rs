//! Whether the numbers of a plan are in range, and go together.

use super::growing::{GrowthPlan, GrowthRule};
use super::settings::{DecayPlan, OptimizerPlan, Plan};
use crate::host::HostError;
use crate::host::training::AverageKind;
use crate::optim::SgdConfig;
use crate::{Init, Loss};
use core::ops::RangeInclusive;
use std::format;
use std::vec;

impl Plan {
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
        if let Init::Normal(sigma) = self.init {
            numbers.push(("init", sigma, (0.0..=1e37, "from 0 to 1e37")));
        }
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
        if let Some(GrowthPlan { rule, patience, .. }) = self.growth {
            counts.push(("grow-patience", patience.into()));
            match rule {
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
        let has_cycles = matches!(self.decay, DecayPlan::Cyclic { .. } | DecayPlan::Restarts { .. });
        let odd_pair = match self.optimizer {
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
            _ if self.asks_draws() && self.loss != Loss::SoftmaxCrossEntropy => "swag needs the loss cross-entropy",
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
