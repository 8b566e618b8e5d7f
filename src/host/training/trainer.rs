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
mod tests;
