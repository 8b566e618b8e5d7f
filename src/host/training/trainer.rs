//! A model's way through the batches of an epoch, and its updates.

use super::dropped::Dropped;
use super::growing::Growing;
use crate::host::HostError;
use crate::host::data::{Samples, TargetSpace};
use crate::host::memory::{Floats, Work};
use crate::host::plan::{OnDivergence, Plan};
use crate::host::prelude::*;
use crate::metrics::Score;
use crate::optim::Optimizer;
use crate::schedule::Schedule;
use crate::train::{AnyTargets, Weighted};
use crate::{Error, Gradient, Inputs, Model, Spec, Targets, Workspace};
use core::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

/// What is done with samples that pass together, and which of the set they are; `false` ends the pass.
pub(super) type Visit<'a> = dyn FnMut(&Samples, &[u32]) -> Result<bool, HostError> + 'a;

/// Over the updates of an epoch, each before its step.
#[derive(Clone, Copy, Default)]
pub(super) struct Sums {
    loss: f64,
    hits: f64,
    weight: f64,
    /// Samples.
    pub(super) seen: u64,
}

impl Sums {
    /// With `is_weighted` where samples have weights.
    pub(super) fn add(&mut self, score: Score, is_weighted: bool) {
        let weight = f64::from(score.weight());
        self.loss += f64::from(score.loss()) * weight;
        self.hits += if is_weighted { f64::from(score.accuracy()) * weight } else { score.hits() as f64 };
        self.weight += weight;
        self.seen += score.samples();
    }

    pub(super) fn join(self, other: &Self) -> Self {
        Self {
            loss: self.loss + other.loss,
            hits: self.hits + other.hits,
            weight: self.weight + other.weight,
            seen: self.seen + other.seen,
        }
    }

    /// Mean loss of a sample.
    pub(super) fn loss(&self) -> f64 {
        if self.weight > 0.0 { self.loss / self.weight } else { 0.0 }
    }

    /// Share of samples that were classified right.
    pub(super) fn accuracy(&self) -> f64 {
        if self.weight > 0.0 { self.hits / self.weight } else { 0.0 }
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
    /// Of the run so far.
    pub(super) dropped: Dropped,
}

impl Progress {
    /// Counts an update of so many samples, of those of an epoch, or drops it where it failed and `how` says so.
    fn count(
        &mut self,
        score: Result<Score, Error>,
        is_weighted: bool,
        (samples, epoch): (u64, u64),
        how: OnDivergence,
        steps: u64,
    ) -> Result<(), Error> {
        match score {
            Ok(score) => {
                self.dropped.end_of_idle();
                self.sums.add(score, is_weighted);
            }
            Err(error) => {
                self.dropped.drop(how, error, (samples, epoch), (steps, self.rate))?;
                self.sums.seen += samples;
            }
        }
        Ok(())
    }

    /// Batches of the plan's size that are done; a batch that grows may have ended within the next one.
    pub(super) fn rounds(&self, plan: &Plan) -> usize {
        (self.sums.seen / plan.batch as u64) as usize
    }

    /// Numbers of [`to_longs`](Self::to_longs).
    pub(super) const LONGS: usize = 8;

    /// All but the epoch, as integers of eight bytes.
    pub(super) fn to_longs(self) -> [u64; Self::LONGS] {
        let Sums { loss, hits, weight, seen } = self.sums;
        let Dropped { count, halvings, idle, .. } = self.dropped;
        let [loss, hits, weight] = [loss, hits, weight].map(f64::to_bits);
        [loss, hits, weight, seen, self.rate.to_bits().into(), count, halvings.into(), idle]
    }

    /// There, in the same epoch.
    pub(super) fn at(self, [loss, hits, weight, seen, rate, count, halvings, idle]: [u64; Self::LONGS]) -> Self {
        let [loss, hits, weight] = [loss, hits, weight].map(f64::from_bits);
        let dropped =
            Dropped { count, halvings: halvings.min(Dropped::MOST_HALVINGS.into()) as u32, idle, first: None };
        Self { sums: Sums { loss, hits, weight, seen }, rate: f32::from_bits(rate as u32), dropped, ..self }
    }
}

/// What ends a pass early, where it can go on later: it starts again from the latest update.
pub(super) struct Halt<'a> {
    /// The end of the run.
    pub(super) stop: &'a AtomicBool,
    /// A moment at which the state of the run is saved.
    pub(super) pause: AtomicBool,
}

impl Halt<'_> {
    fn is_set(&self) -> bool {
        self.stop.load(Relaxed) || self.pause.load(Relaxed)
    }
}

/// What is done after each update: with the model, the steps of the plan's batch before and after it, and the sums.
pub(super) type Each<'a> = dyn FnMut(&Model<'_>, Range<u64>, &Sums) -> Result<(), HostError> + 'a;

/// What a thread trains with.
pub(super) struct Trainer<'a> {
    pub(super) plan: &'a Plan,
    schedule: Schedule,
    /// Samples of an epoch, and its steps in batches of the plan's size.
    samples: u64,
    steps: u64,
    /// For samples that pass together.
    work: Work,
    targets: TargetSpace,
    /// Of those samples, and of the classes; empty where they count 1.
    weights: Vec<f32>,
    of_classes: &'a [f32],
    /// For batches that do not pass at once; else empty.
    gradient: Floats,
    pub(super) growing: Option<Growing>,
}

impl<'a> Trainer<'a> {
    /// For epochs of so many steps over `samples` training samples.
    pub(super) fn new(
        plan: &'a Plan,
        spec: &Spec,
        samples: usize,
        steps: u64,
        of_classes: &'a [f32],
    ) -> Result<Self, HostError> {
        Ok(Self {
            plan,
            schedule: plan.schedule(steps),
            samples: samples as u64,
            steps,
            work: Work::new(spec, plan.at_once(samples))?,
            targets: TargetSpace::room(plan.at_once(samples))?,
            weights: Vec::new(),
            of_classes,
            gradient: Floats::zeros(gradient_len(plan, spec, samples))?,
            growing: Growing::new(plan, samples)?,
        })
    }

    /// Floats in the buffers, an integer counted as one.
    pub(super) fn len(plan: &Plan, spec: &Spec, samples: usize) -> usize {
        Work::len(spec, plan.at_once(samples)).saturating_add(gradient_len(plan, spec, samples))
    }

    /// Samples of the latest whole batch.
    pub(super) fn batch(&self) -> u64 {
        self.growing.as_ref().map_or((self.plan.batch as u64).min(self.samples), Growing::latest)
    }

    /// The gradient noise scale, where it was measured.
    pub(super) fn noise_scale(&self) -> Option<f32> {
        self.growing.as_ref().and_then(Growing::noise_scale)
    }

    /// Trains on what `visits` visits, from the beginning of the batch that the progress is in, until told to stop; whether it
    /// came to its end. What was gathered for an update that is not made is gathered again by the next pass.
    ///
    /// Rates and snapshots go by steps of the plan's batch, whatever the batch of the moment: they are at the same place where
    /// as many samples have passed. Exponential averages count updates.
    pub(super) fn pass(
        &mut self,
        progress: &mut Progress,
        visits: impl FnOnce(&mut Visit<'_>) -> Result<bool, HostError>,
        learner: &mut Learner<'_, '_>,
        each: &mut Each<'_>,
        halt: &Halt<'_>,
    ) -> Result<bool, HostError> {
        let Learner { model, optimizer } = learner;
        let spec = *model.spec();
        let before = (progress.epoch - 1) * self.steps;
        let Self { plan, schedule, samples: all, work, targets, weights, of_classes, gradient, growing, .. } = self;
        let in_steps = |seen: u64| before + seen.div_ceil(plan.batch as u64);
        let gathers = !gradient.is_empty();
        let mut sum = gathers.then(|| Sum::new(&spec, gradient, growing.is_some())).transpose()?;
        // Samples of the update so far.
        let mut gathered = 0;
        let mut past = progress.sums.seen % plan.batch as u64;
        visits(&mut |samples, batch| {
            for micro in batch.chunks(work.samples) {
                // In whole micro-batches, as before.
                if past > 0 {
                    past = past.saturating_sub(micro.len() as u64);
                    continue;
                }
                if halt.is_set() {
                    return Ok(false);
                }
                let at = in_steps(progress.sums.seen);
                progress.rate = schedule.at(at) * progress.dropped.factor();
                let mut work = work.space(&spec)?;
                samples.weights_of(micro, weights);
                let targets = weighted(samples.targets(micro, targets), plan.label_smoothing, weights, of_classes);
                let inputs = samples.inputs_of(micro);
                gathered += micro.len() as u64;
                let score = match &mut sum {
                    // Fused, without memory for a gradient.
                    None => model.train(inputs, targets, *optimizer, progress.rate, &mut work),
                    Some(sum) => {
                        sum.add(model, inputs, targets, &mut work);
                        let size = growing.as_ref().map_or(plan.batch as u64, Growing::get);
                        if gathered < size && progress.sums.seen + gathered < *all {
                            continue;
                        }
                        let learner = &mut Learner { model, optimizer: &mut **optimizer };
                        sum.step(learner, progress.rate, plan.clip, growing.as_mut())
                    }
                };
                let is_weighted = !weights.is_empty() || !of_classes.is_empty();
                progress.count(score, is_weighted, (gathered, *all), plan.on_divergence, model.steps())?;
                gathered = 0;
                each(model, at..in_steps(progress.sums.seen), &progress.sums)?;
            }
            Ok(true)
        })
    }
}

/// The gradient of an update of several micro-batches, and why it fails, where it does.
struct Sum<'g> {
    gradient: Gradient<'g>,
    failed: Option<Error>,
}

impl<'g> Sum<'g> {
    fn new(spec: &Spec, floats: &'g mut [f32], is_measured: bool) -> Result<Self, Error> {
        let gradient = Gradient::new(spec, floats)?;
        Ok(Self { gradient: if is_measured { gradient.measured() } else { gradient }, failed: None })
    }

    /// Adds a micro-batch; after one that failed the others make no difference.
    fn add(&mut self, model: &Model<'_>, inputs: Inputs<'_>, targets: AnyTargets<'_>, work: &mut Workspace<'_>) {
        if self.failed.is_none() {
            self.failed = model.accumulate(inputs, targets, &mut self.gradient, work).err();
        }
    }

    /// Ends it with a step, clipped where there is a norm to clip to.
    fn step(
        &mut self,
        learner: &mut Learner<'_, '_>,
        rate: f32,
        clip: Option<f32>,
        growing: Option<&mut Growing>,
    ) -> Result<Score, Error> {
        let Self { gradient, failed } = self;
        // None of a single micro-batch, as the last of an epoch may be, nor of squares that are too large.
        let noise = gradient.noise().ok();
        let stepped = failed.take().map_or(Ok(()), Err).and_then(|()| {
            clip.map_or(Ok(1.0), |norm| gradient.clip(norm))?;
            learner.model.step(gradient, learner.optimizer, rate)
        });
        match &stepped {
            Ok(score) => growing.into_iter().for_each(|size| size.update(score.samples(), noise)),
            Err(_) => gradient.reset(),
        }
        stepped
    }
}

/// Targets with the weights of samples and classes, where there are any, and smoothed labels.
fn weighted<'t>(targets: Targets<'t>, smoothing: f32, samples: &'t [f32], classes: &'t [f32]) -> AnyTargets<'t> {
    let mut weighted = Weighted::new(targets).smoothed(smoothing);
    if !samples.is_empty() {
        weighted = weighted.by_sample(samples);
    }
    if !classes.is_empty() {
        weighted = weighted.by_class(classes);
    }
    weighted.into()
}

/// Floats of a gradient, which batches need that do not pass at once.
fn gradient_len(plan: &Plan, spec: &Spec, samples: usize) -> usize {
    let gathers = plan.clip.is_some() || plan.growth.is_some() || plan.at_once(samples) < plan.batch.min(samples);
    if gathers { spec.param_len() } else { 0 }
}

#[cfg(test)]
mod tests;
