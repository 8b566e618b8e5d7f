//! Whether the numbers of a plan are in range, and go together.

use super::averages::AverageKind;
use super::growth::GrowthRule;
use super::optimizer::OptimizerPlan;
use super::settings::{DecayPlan, Plan};
use crate::host::HostError;
use crate::host::prelude::*;
use crate::network::NormKind;
use crate::optim::{LookaheadConfig, SgdConfig};
use crate::{Init, Loss};
use core::ops::RangeInclusive;

/// Numbers with the names of their settings and where they may lie, and counts, which are at least 1.
type Settings = (Vec<(&'static str, f32, Rule)>, Vec<(&'static str, u64)>);

impl Plan {
    /// Whether the numbers are in range.
    ///
    /// # Errors
    /// [`HostError::Usage`] that names the setting and its value.
    pub fn check(&self) -> Result<(), HostError> {
        self.split().check()?;
        let (numbers, counts) = self.settings();
        let wrong = |(name, value, (range, rule)): (_, f32, Rule)| {
            (!range.contains(&value)).then(|| format!("{name} {value:?} is out of range: {rule}"))
        };
        let no_count = |(name, n): (&str, u64)| (n == 0).then(|| format!("{name} 0 is out of range: at least 1"));
        let fault = numbers.into_iter().find_map(wrong).or_else(|| counts.into_iter().find_map(no_count));
        match fault.or_else(|| self.odd_pair().map(Into::into)) {
            Some(fault) => return Err(HostError::Usage(fault)),
            None => self.augment.map_or(Ok(()), |augment| augment.check())?,
        }
        let frozen = self.from.as_ref().filter(|from| from.frozen > 0);
        Ok(frozen.map_or(Ok(()), |from| from.spec.after(from.frozen).check())?)
    }

    /// What may be out of range, in the order in which it is checked, numbers before counts.
    fn settings(&self) -> Settings {
        let Self { mut optimizer, mut decay, .. } = *self;
        let (momentum, weight_decay, _) = optimizer.settings();
        let mut numbers = vec![("dropout", self.dropout, BELOW_ONE), ("rate", self.rate, RATE)];
        numbers.push(("label-smoothing", self.label_smoothing, BELOW_ONE));
        numbers.extend([("warmup", self.warmup, NOT_NEGATIVE), ("weight-decay", *weight_decay, SHARE)]);
        numbers.extend(momentum.map(|momentum| ("momentum", *momentum, BELOW_ONE)));
        numbers.extend(self.clip.map(|norm| ("clip", norm, POSITIVE)));
        numbers.extend(decay.end().map(|to| ("final-rate", *to, RATE)));
        let mut counts = vec![("batch", self.batch as u64), ("epochs", self.epochs)];
        counts.extend(self.patience.map(|epochs| ("patience", epochs)));
        counts.extend(self.micro_batch.map(|n| ("micro-batch", n as u64)));
        if let Init::Normal(sigma) = self.init {
            numbers.push(("init", sigma, (0.0..=1e37, "from 0 to 1e37")));
        }
        match decay {
            DecayPlan::Step { every, factor } => {
                numbers.push(("factor of the schedule step", factor, SHARE));
                counts.push(("epochs of the schedule step", every));
            }
            DecayPlan::Cyclic { epochs, .. } | DecayPlan::Restarts { epochs, .. } => {
                numbers.push(("cycle", epochs, POSITIVE));
            }
            _ => {}
        }
        counts.extend(self.growth.map(|growth| ("patience of grow", growth.patience.into())));
        match self.growth.map(|growth| growth.rule) {
            Some(GrowthRule::NormTest(theta)) => numbers.push(("grow norm-test", theta, INSIDE)),
            Some(GrowthRule::NoiseScale(factor)) => numbers.push(("grow noise-scale", factor, POSITIVE)),
            Some(GrowthRule::Doubling(epochs)) => counts.push(("grow doubling", epochs)),
            None => {}
        }
        if let Some(LookaheadConfig { every, alpha }) = self.lookahead {
            numbers.push(("alpha of lookahead", alpha, SHARE));
            counts.push(("lookahead", every.into()));
        }
        if let Some(averages) = &self.averages {
            numbers.push(("swa-start", averages.start, SHARE));
            numbers.extend(averages.rate.map(|rate| ("swa-rate", rate, RATE)));
            counts.extend(averages.posthoc.map(|moments| ("posthoc", moments)));
            counts.extend(averages.every.map(|every| ("swa-every", every)));
        }
        for kind in self.average_kinds() {
            match *kind {
                AverageKind::Swa => {}
                AverageKind::Polynomial(eta) => numbers.push(("exponent of polynomial", eta, NOT_NEGATIVE)),
                AverageKind::Ema(ema) => {
                    let rule = (f32::MIN_POSITIVE..=1.0, "above 0 and at most 1");
                    numbers.push(("1 − decay of ema", ema.epsilon, rule));
                }
                AverageKind::Lawa(models) => counts.push(("snapshots of lawa", models as u64)),
                AverageKind::Swag(_, draws) => counts.push(("swag-samples", draws.into())),
            }
        }
        (numbers, counts)
    }

    /// Two settings that do not go together.
    fn odd_pair(&self) -> Option<&'static str> {
        let has_cycles = matches!(self.decay, DecayPlan::Cyclic { .. } | DecayPlan::Restarts { .. });
        let asks_draws = self.average_kinds().iter().any(|kind| matches!(kind, AverageKind::Swag(..)));
        Some(match self.optimizer {
            OptimizerPlan::Sgd(SgdConfig { momentum: 0.0, nesterov: true, .. }) => "nesterov needs a momentum above 0",
            _ if self.warmup > self.epochs as f32 => "the warmup is longer than the run",
            optimizer if optimizer.is_schedule_free() && self.lookahead.is_some() => {
                "schedule-free cannot be combined with lookahead"
            }
            optimizer
                if self.averages.as_ref().is_some_and(|averages| averages.switch)
                    && (optimizer.is_schedule_free() || self.lookahead.is_some()) =>
            {
                "switch-average cannot be combined with schedule-free or lookahead, which own the weights"
            }
            _ if self.growth.is_some_and(|growth| growth.most < self.batch) => "grow-to is smaller than the batch size",
            _ if self.label_smoothing > 0.0 && self.loss != Loss::SoftmaxCrossEntropy => {
                "label-smoothing needs the loss cross-entropy"
            }
            _ if self.growth.is_some() && self.balanced => "a growing batch cannot be combined with class-weight",
            _ if self.growth.is_some() && has_cycles => {
                "a growing batch cannot be combined with a cyclic learning rate schedule"
            }
            _ if self.norm.is_some() && self.hidden.is_empty() => {
                "batch-norm and layer-norm need at least one hidden layer"
            }
            _ if self.norm == Some(NormKind::Layer) && self.hidden.contains(&1) => {
                "layer-norm needs at least two units in each hidden layer"
            }
            _ if self.patience.is_some() && self.validation == 0.0 => {
                "patience needs validation samples, but validation is 0"
            }
            _ if self.augment.is_some() && self.from.as_ref().is_some_and(|from| from.frozen > 0) => {
                "freeze cannot be combined with augment: what the frozen layers predict is computed once"
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
