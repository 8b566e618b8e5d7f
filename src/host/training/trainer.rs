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
use crate::{Error, Gradient, Model, Spec, Targets};
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
    seen: u64,
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
    growing: Option<Growing>,
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
        let Learner { model, optimizer } = learner;
        let spec = *model.spec();
        let before = (progress.epoch - 1) * self.steps;
        let Self { plan, schedule, samples: all, work, targets, weights, of_classes, gradient, growing, .. } = self;
        let in_steps = |seen: u64| before + seen.div_ceil(plan.batch as u64);
        let mut gradient = if gradient.is_empty() { None } else { Some(Gradient::new(&spec, gradient)?) };
        if growing.is_some() {
            gradient = gradient.map(Gradient::measured);
        }
        // Samples of the update so far, and why it fails.
        let (mut gathered, mut failed) = (0, None);
        visits(&mut |samples, batch| {
            for micro in batch.chunks(work.samples) {
                if stop.load(Relaxed) {
                    return Ok(false);
                }
                let at = in_steps(progress.sums.seen);
                progress.rate = schedule.at(at) * progress.dropped.factor();
                let mut work = work.space(&spec)?;
                samples.weights_of(micro, weights);
                let targets = weighted(samples.targets(micro, targets), plan.label_smoothing, weights, of_classes);
                let inputs = samples.inputs_of(micro);
                gathered += micro.len() as u64;
                let score = match &mut gradient {
                    // Fused, without memory for a gradient.
                    None => model.train(inputs, targets, *optimizer, progress.rate, &mut work),
                    Some(gradient) => {
                        if failed.is_none() {
                            failed = model.accumulate(inputs, targets, gradient, &mut work).err();
                        }
                        let size = growing.as_ref().map_or(plan.batch as u64, Growing::get);
                        if gathered < size && progress.sums.seen + gathered < *all {
                            continue;
                        }
                        let learner = &mut Learner { model, optimizer: &mut **optimizer };
                        let score = failed
                            .take()
                            .map_or_else(|| step(learner, gradient, progress.rate, plan.clip, growing.as_mut()), Err);
                        if score.is_err() {
                            gradient.reset();
                        }
                        score
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

/// A step along what was gathered, clipped where there is a norm to clip to.
fn step(
    learner: &mut Learner<'_, '_>,
    gradient: &mut Gradient<'_>,
    rate: f32,
    clip: Option<f32>,
    growing: Option<&mut Growing>,
) -> Result<Score, Error> {
    // None of a single micro-batch, as the last of an epoch may be, nor of squares that are too large.
    let noise = gradient.noise().ok();
    clip.map_or(Ok(1.0), |norm| gradient.clip(norm))?;
    let score = learner.model.step(gradient, learner.optimizer, rate)?;
    growing.into_iter().for_each(|size| size.update(score.samples(), noise));
    Ok(score)
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
