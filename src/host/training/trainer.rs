//! A model's way through the batches of an epoch, and its updates.

use super::growing::Growing;
use crate::host::HostError;
use crate::host::data::{Samples, TargetSpace};
use crate::host::memory::{Floats, zeros};
use crate::host::plan::Plan;
use crate::host::prelude::*;
use crate::metrics::Score;
use crate::optim::Optimizer;
use crate::schedule::Schedule;
use crate::{Error, Gradient, Model, Spec, Targets, Workspace};
use core::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

/// The memory that samples which pass together need.
struct Pass {
    work: Floats,
    lists: Floats,
    integers: Vec<u32>,
    targets: TargetSpace,
}

impl Pass {
    fn new(spec: &Spec, samples: usize) -> Result<Self, HostError> {
        Ok(Self {
            work: Floats::zeros(spec.work_len(samples))?,
            lists: Floats::zeros(spec.list_len(samples))?,
            integers: zeros(spec.index_len(samples))?,
            targets: TargetSpace::room(samples)?,
        })
    }

    /// Samples that may pass at once.
    fn capacity(&self) -> usize {
        self.targets.capacity()
    }

    /// Training's workspace and what a batch should give.
    fn ready(&mut self, spec: &Spec, samples: &Samples, batch: &[u32]) -> Result<(Workspace<'_>, Targets<'_>), Error> {
        let capacity = self.capacity();
        let Self { work, lists, integers, targets } = self;
        let work = Workspace::new(spec, capacity, work)?.with_lists(spec, lists, integers)?;
        Ok((work, samples.targets(batch, targets)))
    }

    fn accumulate(
        &mut self,
        samples: &Samples,
        micro: &[u32],
        model: &Model<'_>,
        gradient: &mut Gradient<'_>,
    ) -> Result<(), Error> {
        let (mut work, targets) = self.ready(model.spec(), samples, micro)?;
        model.accumulate(samples.inputs_of(micro), targets, gradient, &mut work).map(|_| ())
    }

    /// One update: fused where there is no memory for a gradient.
    fn step(
        &mut self,
        samples: &Samples,
        batch: &[u32],
        gradient: &mut [f32],
        clip: Option<f32>,
        rate: f32,
        learner: &mut Learner<'_, '_>,
    ) -> Result<Score, HostError> {
        let spec = *learner.model.spec();
        if gradient.is_empty() {
            let (mut work, targets) = self.ready(&spec, samples, batch)?;
            let inputs = samples.inputs_of(batch);
            return Ok(learner.model.train(inputs, targets, learner.optimizer, rate, &mut work)?);
        }
        let mut gradient = Gradient::new(&spec, gradient)?;
        for micro in batch.chunks(self.capacity()) {
            self.accumulate(samples, micro, learner.model, &mut gradient)?;
        }
        Ok(descend(&mut gradient, clip, rate, learner)?)
    }
}

/// What is done with samples that pass together, and which of the set they are; `false` ends the pass.
pub(super) type Visit<'a> = dyn FnMut(&Samples, &[u32]) -> Result<bool, HostError> + 'a;

/// Over the updates of an epoch, each before its step.
#[derive(Clone, Copy, Default)]
pub(super) struct Sums {
    loss: f64,
    hits: u64,
    seen: u64,
}

impl Sums {
    pub(super) fn add(&mut self, score: Score) {
        self.loss += f64::from(score.loss()) * score.samples() as f64;
        self.hits += score.hits();
        self.seen += score.samples();
    }

    pub(super) fn join(self, other: &Self) -> Self {
        Self { loss: self.loss + other.loss, hits: self.hits + other.hits, seen: self.seen + other.seen }
    }

    /// Mean loss of a sample.
    pub(super) fn loss(&self) -> f64 {
        self.loss / self.seen.max(1) as f64
    }

    /// Share of samples that were classified right.
    pub(super) fn accuracy(&self) -> f64 {
        self.hits as f64 / self.seen.max(1) as f64
    }
}

/// A model and what moves its weights.
pub(super) struct Learner<'l, 'm> {
    pub(super) model: &'l mut Model<'m>,
    pub(super) optimizer: &'l mut dyn Optimizer,
}

/// How far a model is in an epoch.
#[derive(Clone, Copy, Default)]
pub(super) struct Progress {
    /// From 1.
    pub(super) epoch: u64,
    /// Of the epoch so far.
    pub(super) sums: Sums,
    /// Rate of the latest step.
    pub(super) rate: f32,
}

/// What is done after each update: with the model, the steps of the plan's batch before and after it, and the sums.
pub(super) type Each<'a> = dyn FnMut(&Model<'_>, Range<u64>, &Sums) -> Result<(), HostError> + 'a;

/// How a pass makes batches of its visits; there is one of it, on the stack.
#[allow(clippy::large_enum_variant)]
enum Batches<'g> {
    /// Each is one.
    Whole(&'g mut [f32]),
    /// Several are one, until it has the size of the moment.
    Gathered(Gradient<'g>, &'g mut Growing),
}

/// What a thread trains with.
pub(super) struct Trainer<'a> {
    pub(super) plan: &'a Plan,
    schedule: Schedule,
    /// Samples of an epoch, and its steps in batches of the plan's size.
    samples: u64,
    steps: u64,
    memory: Pass,
    /// For batches that do not pass at once; else empty.
    gradient: Floats,
    growing: Option<Growing>,
}

impl<'a> Trainer<'a> {
    /// For epochs of so many steps over `samples` training samples.
    pub(super) fn new(plan: &'a Plan, spec: &Spec, samples: usize, steps: u64) -> Result<Self, HostError> {
        Ok(Self {
            plan,
            schedule: plan.schedule(steps),
            samples: samples as u64,
            steps,
            memory: Pass::new(spec, plan.at_once(samples))?,
            gradient: Floats::zeros(gradient_len(plan, spec, samples))?,
            growing: Growing::new(plan, samples)?,
        })
    }

    /// Floats in the buffers, an integer counted as one.
    pub(super) fn len(plan: &Plan, spec: &Spec, samples: usize) -> usize {
        let n = plan.at_once(samples);
        let pass = [spec.work_len(n), spec.list_len(n), spec.index_len(n)];
        pass.into_iter().fold(gradient_len(plan, spec, samples), usize::saturating_add)
    }

    /// Samples of the latest whole batch.
    pub(super) fn batch(&self) -> u64 {
        self.growing.as_ref().map_or((self.plan.batch as u64).min(self.samples), Growing::latest)
    }

    /// The gradient noise scale, where it was measured.
    pub(super) fn noise_scale(&self) -> Option<f32> {
        self.growing.as_ref().and_then(Growing::noise_scale)
    }

    /// Trains on what `visits` visits, until told to stop; whether it came to its end.
    ///
    /// Rates and snapshots go by steps of the plan's batch, whatever the batch of the moment: they are at the same place where
    /// as many samples have passed. Exponential averages count updates.
    pub(super) fn pass(
        &mut self,
        progress: &mut Progress,
        visits: impl FnOnce(&mut Visit<'_>) -> Result<bool, HostError>,
        learner: &mut Learner<'_, '_>,
        each: &mut Each<'_>,
        stop: &AtomicBool,
    ) -> Result<bool, HostError> {
        let spec = *learner.model.spec();
        let Progress { epoch, sums, rate } = progress;
        let before = (*epoch - 1) * self.steps;
        let Self { plan, schedule, samples: all, memory, gradient, growing, .. } = self;
        let in_steps = |seen: u64| before + seen.div_ceil(plan.batch as u64);
        let mut batches = match growing {
            Some(size) => Batches::Gathered(Gradient::new(&spec, gradient)?.measured(), size),
            None => Batches::Whole(gradient),
        };
        visits(&mut |samples, batch| {
            if stop.load(Relaxed) {
                return Ok(false);
            }
            let (at, score) = match &mut batches {
                Batches::Whole(gradient) => {
                    let at = learner.model.steps();
                    *rate = schedule.at(at);
                    (at, memory.step(samples, batch, gradient, plan.clip, *rate, learner)?)
                }
                Batches::Gathered(gradient, size) => {
                    let at = in_steps(sums.seen);
                    *rate = schedule.at(at);
                    memory.accumulate(samples, batch, learner.model, gradient)?;
                    let gathered = gradient.score().samples();
                    if gathered < size.get() && sums.seen + gathered < *all {
                        return Ok(true);
                    }
                    // None of a single micro-batch, as the last of an epoch may be, nor of squares that are too large.
                    let noise = gradient.noise().ok();
                    let score = descend(gradient, plan.clip, *rate, learner)?;
                    size.update(score.samples(), noise);
                    (at, score)
                }
            };
            sums.add(score);
            let now = if matches!(batches, Batches::Whole(_)) { at + 1 } else { in_steps(sums.seen) };
            each(learner.model, at..now, sums)?;
            Ok(true)
        })
    }
}

/// Floats of a gradient, which batches need that do not pass at once.
fn gradient_len(plan: &Plan, spec: &Spec, samples: usize) -> usize {
    let gathers = plan.clip.is_some() || plan.growth.is_some() || plan.at_once(samples) < plan.batch.min(samples);
    if gathers { spec.param_len() } else { 0 }
}

/// A step along a gradient, clipped where the plan says so.
fn descend(
    gradient: &mut Gradient<'_>,
    clip: Option<f32>,
    rate: f32,
    Learner { model, optimizer }: &mut Learner<'_, '_>,
) -> Result<Score, Error> {
    if let Some(norm) = clip {
        gradient.clip(norm)?;
    }
    model.step(gradient, *optimizer, rate)
}

#[cfg(test)]
mod tests {
    use crate::host::data::Augment;
    use crate::host::plan::{AverageKind, AveragePlan, DecayPlan, GrowthPlan, GrowthRule, OptimizerPlan, Plan};
    use crate::host::prelude::*;
    use crate::host::training::feed::tests::small;
    use crate::host::training::outcome::{Deaf, Outcome};
    use crate::host::training::run::train_on;
    use crate::optim::SgdConfig;
    use std::num::NonZeroUsize;
    use std::sync::atomic::AtomicBool;

    /// 500 training samples, batches of 20.
    fn plan() -> Plan {
        Plan {
            hidden: vec![6],
            optimizer: OptimizerPlan::Sgd(SgdConfig { momentum: 0.9, ..SgdConfig::default() }),
            rate: 0.05,
            decay: DecayPlan::Linear(0.01),
            batch: 20,
            epochs: 3,
            averages: Some(AveragePlan { start: 0.4, ..AveragePlan::default() }),
            validation: 7.0 / 12.0,
            ..Plan::default()
        }
    }

    fn growing(rule: GrowthRule, most: usize) -> Plan {
        Plan { growth: Some(GrowthPlan { rule, most, patience: 2 }), ..plan() }
    }

    fn run(plan: &Plan, threads: usize) -> Outcome {
        let (data, threads) = (small(), NonZeroUsize::new(threads).unwrap());
        train_on(threads, &data, plan, &mut Deaf, &AtomicBool::new(false)).unwrap()
    }

    #[test]
    fn a_batch_that_may_not_grow_is_one_that_does_not() {
        for (batch, micro_batch, clip) in
            [(20, None, None), (20, None, Some(1.0)), (5, Some(1), None), (21, Some(7), None)]
        {
            let fixed = Plan { batch, micro_batch, clip, ..plan() };
            // There is no room for another micro-batch.
            let most = batch + micro_batch.unwrap_or(batch / 2) - 1;
            let growth = Some(GrowthPlan { rule: GrowthRule::NormTest(0.01), most, patience: 1 });
            let bounded = run(&Plan { growth, ..fixed.clone() }, 1);
            let fixed = run(&fixed, 1);
            assert!(bounded.last == fixed.last && bounded.averages[0].params == fixed.averages[0].params, "{batch}");
            assert!(bounded.history.iter().all(|epoch| epoch.batch == batch as u64));
            assert!(bounded.history.iter().any(|epoch| epoch.noise_scale.is_some()));
            assert!(fixed.history.iter().all(|epoch| epoch.noise_scale.is_none() && epoch.batch == batch as u64));
        }
    }

    #[test]
    fn a_batch_that_grows_saves_updates_and_keeps_rates_and_snapshots_in_their_places() {
        let kinds = vec![AverageKind::Swa, AverageKind::Lawa(2)];
        let averages = Some(AveragePlan { kinds, start: 0.4, ..AveragePlan::default() });
        let plan = Plan { averages, batch_norm: true, ..plan() };
        let fixed = run(&plan, 1);
        let grown = run(&Plan { growth: growing(GrowthRule::Doubling(1), 1000).growth, ..plan.clone() }, 1);
        let of = |outcome: &Outcome, what: fn(&crate::host::training::Epoch) -> u64| -> Vec<u64> {
            outcome.history.iter().map(what).collect()
        };
        // An epoch of 25 of 20, of 12 of 40 and one of 20, of 6 of 80 and one of 20.
        assert_eq!(of(&grown, |epoch| epoch.steps), [25, 25 + 13, 25 + 13 + 7]);
        assert_eq!(of(&grown, |epoch| epoch.batch), [20, 40, 80]);
        assert_eq!(of(&grown, |epoch| epoch.averaged), of(&fixed, |epoch| epoch.averaged));
        assert_eq!(grown.averages.iter().map(|average| average.count).collect::<Vec<_>>(), [2, 2]);
        // The last batch of each epoch begins where the last 20 samples do.
        let rates = |outcome: &Outcome| outcome.history.iter().map(|epoch| epoch.rate.to_bits()).collect::<Vec<_>>();
        assert_eq!(rates(&grown), rates(&fixed));
    }

    #[test]
    fn a_batch_is_no_larger_than_the_samples() {
        let plan = Plan { batch: 400, ..growing(GrowthRule::Doubling(1), usize::MAX) };
        let batches: Vec<u64> = run(&plan, 1).history.iter().map(|epoch| epoch.batch).collect();
        assert_eq!(batches, [400, 400, 400], "500 samples are the end of an epoch");
        let refused = Plan { batch: 1000, micro_batch: Some(600), ..plan };
        assert!(refused.check_batches(500).is_err() && refused.check_batches(1200).is_err());
        assert!(refused.check_batches(601).is_ok());
    }

    #[test]
    fn the_rules_differ_and_threads_do_not() {
        let rules = [GrowthRule::NormTest(0.5), GrowthRule::NoiseScale(1.0), GrowthRule::Doubling(2)];
        let runs = rules.map(|rule| {
            let plan = Plan { augment: Some(Augment::default()), ..growing(rule, 400) };
            let one = run(&plan, 1);
            let three = run(&plan, 3);
            assert!(one.last == three.last, "{rule:?}");
            one.history.iter().map(|epoch| epoch.batch).collect::<Vec<_>>()
        });
        assert!(runs.iter().all(|sizes| sizes.is_sorted() && sizes[2] > 20), "{runs:?}");
        assert!(runs[0] != runs[1] && runs[1] != runs[2] && runs[0] != runs[2], "{runs:?}");
    }
}
