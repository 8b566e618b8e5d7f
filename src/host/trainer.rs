//! One model's way through an epoch: batches in, updates out.

use super::HostError;
use super::averages::Average;
use super::memory::{Floats, zeros};
use super::mnist::Samples;
use super::plan::Plan;
use super::run::Observer;
use crate::{BatchSize, Error, Gradient, Model, Optimizer, Schedule, Score, Snapshots, Spec, Targets, Workspace};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::vec::Vec;

/// The memory that samples which pass together need.
struct Pass {
    work: Floats,
    lists: Floats,
    integers: Vec<u32>,
    labels: Vec<u16>,
}

impl Pass {
    fn new(spec: &Spec, samples: usize) -> Result<Self, HostError> {
        Ok(Self {
            work: Floats::zeros(spec.work_len(samples))?,
            lists: Floats::zeros(spec.list_len(samples))?,
            integers: zeros(spec.index_len(samples))?,
            labels: zeros(samples)?,
        })
    }

    /// Samples that may pass at once.
    fn capacity(&self) -> usize {
        self.labels.len()
    }

    /// Floats in it, an integer counted as one.
    fn len(&self) -> usize {
        self.work.len() + self.lists.len() + self.integers.len()
    }

    /// Training's workspace and the classes of a batch.
    fn ready(&mut self, spec: &Spec, samples: &Samples, batch: &[u32]) -> Result<(Workspace<'_>, Targets<'_>), Error> {
        let capacity = self.capacity();
        let Self { work, lists, integers, labels } = self;
        let work = Workspace::new(spec, capacity, work)?.with_lists(spec, lists, integers)?;
        Ok((work, Targets::Classes(samples.classes(batch, labels))))
    }

    fn accumulate(
        &mut self,
        samples: &Samples,
        micro: &[u32],
        model: &Model<'_>,
        gradient: &mut Gradient<'_>,
    ) -> Result<(), Error> {
        let (mut work, classes) = self.ready(model.spec(), samples, micro)?;
        model.accumulate(samples.inputs_of(micro), classes, gradient, &mut work).map(|_| ())
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

/// What stays the same from epoch to epoch.
pub(super) struct Trainer<'a> {
    pub(super) plan: &'a Plan,
    pub(super) schedule: Schedule,
    snapshots: Option<Snapshots>,
    /// Samples of an epoch, and its steps in batches of the plan's size.
    samples: u64,
    steps: u64,
    memory: Pass,
    /// For batches that do not pass at once; else empty.
    gradient: Floats,
    /// The batch of the moment, where it grows.
    growing: Option<BatchSize>,
    /// Rate of the latest step.
    pub(super) rate: f32,
}

impl<'a> Trainer<'a> {
    /// For epochs of so many steps over `samples` training samples.
    pub(super) fn new(plan: &'a Plan, spec: &Spec, samples: usize, steps: u64) -> Result<Self, HostError> {
        let gathers = plan.clip.is_some() || plan.growth.is_some() || plan.at_once(samples) < plan.batch.min(samples);
        Ok(Self {
            plan,
            schedule: plan.schedule(steps),
            snapshots: plan.snapshots(steps),
            samples: samples as u64,
            steps,
            memory: Pass::new(spec, plan.at_once(samples))?,
            gradient: Floats::zeros(if gathers { spec.param_len() } else { 0 })?,
            growing: plan.growth.map(|growth| growth.start(plan.batch, samples)).transpose()?,
            rate: plan.rate,
        })
    }

    /// Floats in the buffers, an integer counted as one.
    pub(super) fn len(&self) -> usize {
        self.memory.len() + self.gradient.len()
    }

    /// Samples of the next batch, and the noise scale where it was measured.
    pub(super) fn batch(&self) -> (u64, Option<f32>) {
        self.growing
            .map_or(((self.plan.batch as u64).min(self.samples), None), |batch| (batch.get(), batch.noise_scale()))
    }

    /// One pass over the samples of an epoch, from 1 on: what its updates said, and whether it came to its end.
    ///
    /// The rate and the snapshots go by steps of the plan's batch, whatever the batch of the moment: they are at the same
    /// place where as many samples have passed.
    pub(super) fn epoch(
        &mut self,
        epoch: u64,
        pass: impl FnOnce(&mut Visit<'_>) -> Result<bool, HostError>,
        learner: &mut Learner<'_, '_>,
        averages: &mut [Average<'_>],
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<(Sums, bool), HostError> {
        let spec = *learner.model.spec();
        let (before, total) = ((epoch - 1) * self.steps, self.plan.epochs.saturating_mul(self.steps));
        let (mut sums, mut at) = (Sums::default(), before);
        // Out of the trainer, since a batch that grows is gathered over several visits.
        let mut floats = if self.growing.is_some() { core::mem::take(&mut self.gradient) } else { Floats::default() };
        let mut gathered = match self.growing {
            Some(_) => Some(Gradient::new(&spec, &mut floats)?.measured()),
            None => None,
        };
        let done = pass(&mut |samples, batch| {
            if stop.load(Relaxed) {
                return Ok(false);
            }
            self.rate = self.schedule.at(at);
            let score = match &mut gathered {
                None => Some(self.step(samples, batch, learner.model, learner.optimizer)?),
                Some(gathered) => {
                    let is_last = sums.seen + gathered.score().samples() + batch.len() as u64 == self.samples;
                    self.gather(samples, batch, is_last, gathered, learner)?
                }
            };
            let Some(score) = score else { return Ok(true) };
            sums.add(score);
            let now = before + sums.seen.div_ceil(self.plan.batch as u64);
            if let Some(snapshots) = self.snapshots {
                let is_due = (at + 1..=now).any(|step| snapshots.due(step));
                averages.iter_mut().try_for_each(|average| average.follow(&*learner.model, is_due))?;
            }
            at = now;
            observer.step(at, total, sums.loss(), sums.accuracy());
            Ok(true)
        })?;
        if self.growing.is_some() {
            self.gradient = floats;
        }
        Ok((sums, done))
    }

    /// One update: fused where the batch passes at once, else through a gradient.
    pub(super) fn step(
        &mut self,
        samples: &Samples,
        batch: &[u32],
        model: &mut Model<'_>,
        optimizer: &mut dyn Optimizer,
    ) -> Result<Score, HostError> {
        let spec = *model.spec();
        if self.gradient.is_empty() {
            let (mut work, classes) = self.memory.ready(&spec, samples, batch)?;
            return Ok(model.train(samples.inputs_of(batch), classes, optimizer, self.rate, &mut work)?);
        }
        let mut gradient = Gradient::new(&spec, &mut self.gradient)?;
        for micro in batch.chunks(self.memory.capacity()) {
            self.memory.accumulate(samples, micro, model, &mut gradient)?;
        }
        Ok(descend(&mut gradient, self.plan.clip, self.rate, model, optimizer)?)
    }

    /// Adds a micro-batch to the batch of the moment; an update where that is full or ends the epoch.
    fn gather(
        &mut self,
        samples: &Samples,
        micro: &[u32],
        is_last: bool,
        gradient: &mut Gradient<'_>,
        learner: &mut Learner<'_, '_>,
    ) -> Result<Option<Score>, HostError> {
        self.memory.accumulate(samples, micro, learner.model, gradient)?;
        if gradient.score().samples() < self.batch().0 && !is_last {
            return Ok(None);
        }
        // A short batch at the end of an epoch may be a single micro-batch, which says nothing.
        let noise = gradient.noise().ok();
        let score = descend(gradient, self.plan.clip, self.rate, learner.model, learner.optimizer)?;
        if let Some(size) = &mut self.growing {
            size.update(score.samples(), noise);
        }
        Ok(Some(score))
    }
}

/// A step along a gradient, clipped where the plan says so.
fn descend(
    gradient: &mut Gradient<'_>,
    clip: Option<f32>,
    rate: f32,
    model: &mut Model<'_>,
    optimizer: &mut dyn Optimizer,
) -> Result<Score, Error> {
    if let Some(norm) = clip {
        gradient.clip(norm)?;
    }
    model.step(gradient, optimizer, rate)
}

#[cfg(test)]
mod tests {
    use crate::SgdConfig;
    use crate::host::augment::Augment;
    use crate::host::averages::AverageKind;
    use crate::host::feed::tests::small;
    use crate::host::plan::{AveragePlan, DecayPlan, GrowthPlan, GrowthRule, OptimizerPlan, Plan};
    use crate::host::run::{Deaf, Outcome, train_on};
    use std::num::NonZeroUsize;
    use std::sync::atomic::AtomicBool;
    use std::vec;
    use std::vec::Vec;

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

    fn growing(growth: GrowthRule, most: usize) -> Plan {
        Plan { growth: Some(GrowthPlan { growth, most, patience: 2 }), ..plan() }
    }

    fn run(plan: &Plan, threads: usize) -> Outcome {
        let (data, threads) = (small(), NonZeroUsize::new(threads).unwrap());
        train_on(threads, &data, plan, &mut Deaf, &AtomicBool::new(false)).unwrap()
    }

    #[test]
    fn a_batch_that_may_not_grow_is_one_that_does_not() {
        let fixed = run(&plan(), 1);
        for clip in [None, Some(1.0)] {
            let plan = Plan { clip, ..growing(GrowthRule::Doubling(1), 20) };
            let fixed = run(&Plan { growth: None, ..plan.clone() }, 1);
            let bounded = run(&plan, 1);
            assert!(bounded.last == fixed.last && bounded.averages[0].params == fixed.averages[0].params);
            assert!(bounded.history.iter().all(|epoch| epoch.noise_scale.is_some() && epoch.batch == 20));
        }
        assert!(fixed.history.iter().all(|epoch| epoch.noise_scale.is_none() && epoch.batch == 20));
    }

    #[test]
    fn a_batch_that_grows_saves_updates_and_keeps_rates_and_snapshots_in_their_places() {
        let kinds = vec![AverageKind::Swa, AverageKind::Lawa(2)];
        let averages = Some(AveragePlan { kinds, start: 0.4, ..AveragePlan::default() });
        let fixed = run(&Plan { averages: averages.clone(), ..plan() }, 1);
        // An epoch of 25 of 20, of 12 of 40 and one of 20, of 6 of 80 and one of 20.
        let grown = run(&Plan { averages, ..growing(GrowthRule::Doubling(1), 1000) }, 1);
        let of = |outcome: &Outcome, what: fn(&crate::host::run::Epoch) -> u64| -> Vec<u64> {
            outcome.history.iter().map(what).collect()
        };
        assert_eq!(of(&grown, |epoch| epoch.steps), [25, 25 + 13, 25 + 13 + 7]);
        assert_eq!(of(&grown, |epoch| epoch.batch), [40, 80, 160]);
        assert_eq!(of(&grown, |epoch| epoch.averaged), of(&fixed, |epoch| epoch.averaged));
        assert_eq!(grown.averages.iter().map(|average| average.count).collect::<Vec<_>>(), [2, 2]);
        // Of the last update: its batch began at step 24 of 25, or at the last of the micro-batches of 10.
        assert!((grown.history[0].rate - fixed.history[0].rate).abs() < 1e-3);
        assert!(grown.history[2].rate < 0.012);
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
