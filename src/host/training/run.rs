//! The loop of a run: epochs over shuffled samples until the end, a stop or a divergence, for one model or several; then
//! their evaluation.

use super::averages::{Average, Memory};
use super::crew::{self, Crew, Team};
use super::frozen::Frozen;
use super::middle::{self, Meetings, Middle};
use super::norms::Norms;
use super::outcome::{Averaged, Drawn, Epoch, MeanOverRun, Observer, Outcome, Replicas, Stored};
use super::trainer::Sums;
use crate::error::Buffer;
use crate::host::HostError;
use crate::host::data::Dataset;
use crate::host::evaluation::{Evaluator, Marks, poll};
use crate::host::memory::room;
use crate::host::plan::{AverageKind, EXPONENTS, Plan, Pretrained, ReplicaPlan};
use crate::host::prelude::*;
use crate::{Error, Model, Spec};
use core::mem;
use core::ops::Range;
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Instant;

/// Trains as `plan` says until its end or until `stop` is set.
///
/// A run that diverges ends with what its last good epoch left.
///
/// # Errors
/// [`HostError::Usage`] for a plan that cannot be, [`HostError::Memory`] before anything is trained,
/// [`HostError::Diverged`] in the first epoch.
pub fn train(
    data: &Dataset,
    plan: &Plan,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Outcome, HostError> {
    train_on(thread::available_parallelism().unwrap_or(NonZeroUsize::MIN), data, plan, observer, stop)
}

/// [`train`] on so many threads: augmentation makes use of them.
pub(in crate::host) fn train_on(
    threads: NonZeroUsize,
    data: &Dataset,
    plan: &Plan,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Outcome, HostError> {
    if let Some(frozen) = Frozen::of(data, plan)? {
        let outcome = train_on(threads, &frozen.data, &frozen.plan, observer, stop)?;
        return Ok(frozen.outcome(outcome));
    }
    run(Team { replicas: None, threads }, data, plan, observer, stop, |run, left| run.outcome(left))
}

/// Trains `replicas` as `plan` says until its end or until `stop` is set; its averages are of the mean of the replicas, or
/// the centre of elastic averaging.
///
/// A run that diverges ends with what its last good epoch left.
///
/// # Errors
/// As [`train`]; [`HostError::Diverged`] in the first epoch, for the first replica that does.
pub fn train_replicas(
    data: &Dataset,
    plan: &Plan,
    replicas: &ReplicaPlan,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Replicas, HostError> {
    if let Some(frozen) = Frozen::of(data, plan)? {
        let left = train_replicas(&frozen.data, &frozen.plan, replicas, observer, stop)?;
        return Ok(frozen.replicas(left));
    }
    let team = Team { replicas: Some(replicas), threads: replicas.threads };
    run(team, data, plan, observer, stop, |run, left| run.replicas(left))
}

/// Trains a team to its end, and says what that leaves.
fn run<T>(
    team: Team<'_>,
    data: &Dataset,
    plan: &Plan,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
    end: impl FnOnce(Run<'_>, Left) -> Result<T, HostError>,
) -> Result<T, HostError> {
    plan.check()?;
    team.replicas.map_or(Ok(()), |replicas| replicas.check(plan))?;
    let spec = plan.spec(data.train.inputs(), data.classes)?;
    let (train, validation) = data.split(plan.split())?;
    plan.check_batches(train.len())?;
    let (p, rounds) = (spec.param_len(), plan.steps_per_epoch(train.len()));
    let posthoc = plan.averages.as_ref().and_then(|averages| averages.posthoc);
    let (asked, stored) = (plan.average_kinds(), EXPONENTS.map(AverageKind::Polynomial));
    let kinds = [asked, if posthoc.is_some() { &stored[..] } else { &[] }].concat();
    // All at once, since a system that promises each part may not have the whole: beside the crew what each epoch leaves of
    // its models, twice while it is made.
    let left = team.count().saturating_mul(2).saturating_mul(p);
    let parts = [Crew::len(plan, team, &spec, train.len()), left, Norms::len(&spec), Memory::len(&kinds, p)];
    room::<f32>(parts.into_iter().fold(0, usize::saturating_add))?;
    let mut memory = crew::Memory::new(plan, &spec, team.count())?;
    let mut evaluator = Evaluator::new(&spec, data)?;
    if plan.balanced {
        memory.of_classes = data.train.balanced(&train, spec.classes())?;
        evaluator.of_classes.clone_from(&memory.of_classes);
    }
    let start = plan.from.as_ref().map(|from| start(from, data)).transpose()?;
    let crew = Crew::new(plan, team, &spec, &data.train, &train, start, &mut memory)?;
    let mut memories = kinds.iter().map(|kind| Memory::new(kind, p)).collect::<Result<Vec<_>, _>>()?;
    let when = kinds.iter().filter_map(|kind| plan.updates(kind, rounds)).collect::<Vec<_>>();
    let averages = kinds.iter().zip(&when).zip(&mut memories);
    let averages = averages.map(|((kind, when), memory)| Average::new(kind, *when, plan.seed, memory));
    let mut averages = averages.collect::<Result<Vec<_>, _>>()?;
    let (moments, steps) = (posthoc.unwrap_or(0), plan.epochs.saturating_mul(rounds));
    let stored = averages.split_off(asked.len()).into_iter().map(|average| average.stored_at(moments, steps)).collect();
    let coupling = team.replicas.map(|replicas| replicas.coupling);
    let mut between = middle::Memory::new(coupling, team.count(), p)?;
    let middle = Middle::new(coupling, &crew.models, &mut between, averages)?;
    let meetings = team.replicas.map(|replicas| Meetings::new(replicas, rounds, when));
    let mut run = Run {
        plan,
        data,
        spec: &spec,
        train: &train,
        validation: &validation,
        rounds,
        meetings: meetings.unwrap_or_default(),
        crew,
        middle,
        stored,
        evaluator,
        norms: Norms::new(&spec, &data.train, &train)?,
        started: Instant::now(),
    };
    let left = run.epochs(observer, stop);
    run.crew.dropped().counted(plan.on_divergence).iter().for_each(|text| observer.warn(text));
    end(run, left?)
}

/// The parameters of a pretrained model for a run, which predicts standardised numbers.
fn start(Pretrained { spec, params, .. }: &Pretrained, data: &Dataset) -> Result<Vec<f32>, HostError> {
    Error::expect_len(Buffer::Params, spec.param_len(), params.len())?;
    let model = data.model(*spec, params.clone(), false);
    Ok(data.units.as_ref().map_or(model.params.clone(), |units| model.in_units(&units.inverse()).params))
}

/// The state of a run.
struct Run<'a> {
    plan: &'a Plan,
    data: &'a Dataset,
    spec: &'a Spec,
    train: &'a [u32],
    validation: &'a [u32],
    /// Rounds of an epoch, a step of each model.
    rounds: u64,
    /// After which rounds several models are pulled or averaged.
    meetings: Meetings,
    crew: Crew<'a>,
    middle: Middle<'a>,
    /// Averages that are stored on the way.
    stored: Vec<Average<'a>>,
    evaluator: Evaluator<'a>,
    norms: Norms<'a>,
    started: Instant,
}

/// What epochs leave.
#[derive(Default)]
struct Left {
    /// What predicts of each model, after the last good epoch.
    models: Vec<Vec<f32>>,
    history: Vec<Epoch>,
    best: Option<u64>,
    interrupted: bool,
    diverged: Option<HostError>,
}

impl<'a> Run<'a> {
    /// Every epoch.
    fn epochs(&mut self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Left, HostError> {
        let mut left = Left::default();
        let mut lowest = f32::INFINITY;
        for epoch in 1..=self.plan.epochs {
            if epoch > 1 && self.plan.averages.as_ref().is_some_and(|averages| averages.switch) {
                self.switch()?;
            }
            self.crew.begin(self.train, epoch);
            let passed = self.epoch(epoch, observer, stop).and_then(|done| {
                let models = self.crew.weights(&mut self.norms)?;
                Ok((self.row(epoch, &models)?, models, done))
            });
            match passed.map_err(self.failed()) {
                Ok((mut row, models, done)) => {
                    let losses = [row.validation_loss, row.average_validation_loss];
                    let loss = losses.into_iter().flatten().fold(f32::INFINITY, f32::min);
                    row.is_best = loss < lowest;
                    lowest = lowest.min(loss);
                    // An epoch that was interrupted before its first batch has nothing to say.
                    if row.steps > left.history.last().map_or(0, |before| before.steps) {
                        observer.epoch(&row);
                        left.history.push(row);
                    }
                    left.interrupted = !done;
                    // Without validation samples every epoch is as good as another.
                    if row.is_best || self.plan.patience.is_none() || self.validation.is_empty() {
                        left.models = models;
                        left.best = self.plan.patience.and(Some(epoch)).filter(|_| row.is_best);
                        self.middle.keep(&self.crew.models)?;
                    }
                }
                Err(error @ HostError::Diverged { .. }) if epoch > 1 => left.diverged = Some(error),
                Err(error) => return Err(error),
            }
            let is_over = |best: u64| self.plan.patience.is_some_and(|epochs| epoch >= best.saturating_add(epochs));
            if left.interrupted || left.diverged.is_some() || left.best.is_some_and(is_over) {
                break;
            }
        }
        Ok(left)
    }

    /// The model becomes its first average, with statistics of its own; what moves it goes on.
    fn switch(&mut self) -> Result<(), HostError> {
        let Self { crew, middle, norms, .. } = self;
        if let ([model], (_, Some(average))) = (&mut crew.models[..], middle.shown(&[])?) {
            model.params_mut().copy_from_slice(norms.of(average)?);
        }
        Ok(())
    }

    /// Rounds, pulls and averages until the end of the epoch; whether it was reached.
    fn epoch(&mut self, epoch: u64, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<bool, HostError> {
        let Self { crew, middle, stored, meetings, rounds, plan, data, .. } = self;
        let (before, end, total) = ((epoch - 1) * *rounds, epoch * *rounds, crew.total);
        let has_classes = data.train.has_classes();
        let mut now = before;
        while now < end {
            let until = meetings.next(now, end);
            if until == now + 1 {
                middle.look(&crew.models);
            }
            // Several models are averaged where they meet.
            let averages = if middle.is_of_several() { &mut [] } else { &mut middle.averages[..] };
            let each = |model: &Model<'_>, steps: Range<u64>, sums: &Sums, done| {
                let mut all = averages.iter_mut().chain(&mut *stored);
                all.try_for_each(|average| average.follow(model, steps.clone()))?;
                let accuracy = if has_classes { sums.accuracy() } else { f64::NAN };
                observer.step(done, total, sums.loss(), accuracy);
                Ok(())
            };
            let dropped = crew.dropped().count;
            let trained = crew.train((now - before) as usize..(until - before) as usize, each, stop);
            if let Some(text) = crew.dropped().told(self.spec, plan.on_divergence).filter(|_| dropped == 0) {
                observer.warn(&text);
            }
            // After rounds that were cut short there is no pull and no average.
            if !trained? {
                return Ok(false);
            }
            now = until;
            if meetings.pulls_at(now) {
                middle.pull(&mut crew.models, now, plan.epochs.saturating_mul(*rounds))?;
            }
            middle.follow(&crew.models, now, meetings)?;
        }
        Ok(true)
    }

    /// A line of the history, after an epoch that left the models so.
    fn row(&mut self, epoch: u64, models: &[Vec<f32>]) -> Result<Epoch, HostError> {
        let Self { crew, middle, evaluator, norms, data, validation, .. } = self;
        let samples = &data.train;
        let first = evaluator.validate(&models[0], samples, validation)?;
        let (averaged, average) = middle.shown(&crew.models)?;
        let average = match average {
            Some(average) if !validation.is_empty() => evaluator.validate(norms.of(average)?, samples, validation)?,
            _ => None,
        };
        let sums = crew.sums();
        Ok(Epoch {
            epoch,
            steps: crew.steps(),
            rate: crew.rate(),
            batch: crew.trainer().batch(),
            noise_scale: crew.trainer().noise_scale(),
            train_loss: sums.loss(),
            train_error: if samples.has_classes() { 1.0 - sums.accuracy() } else { f64::NAN },
            validation_error: first.and_then(|score| samples.error(score)),
            validation_loss: first.map(|score| score.loss()),
            averaged,
            average_validation_error: average.and_then(|score| samples.error(score)),
            average_validation_loss: average.map(|score| score.loss()),
            is_best: false,
            dropped: crew.dropped().count,
            seconds: self.started.elapsed().as_secs_f64(),
        })
    }

    /// What a number that is not finite means after the latest step.
    fn failed(&self) -> impl Fn(HostError) -> HostError + use<> {
        HostError::of_step(self.spec, self.crew.steps(), self.crew.rate())
    }

    /// What a run of one model leaves: the model and its averages, evaluated.
    fn outcome(mut self, left: Left) -> Result<Outcome, HostError> {
        let Left { models, history, best, interrupted, diverged } = left;
        let last = models.into_iter().next().unwrap_or_default();
        let last_marks = self.marks(&last).map_err(self.failed())?;
        let mut averages = Vec::new();
        for average in mem::take(&mut self.middle.averages) {
            let Some((mut params, count)) = average.kept() else { continue };
            self.norms.refresh(&mut params)?;
            let marks = self.marks(&params)?;
            let mut made = Averaged { name: average.name, params, count, marks, drawn: None };
            if diverged.is_none() {
                self.ask(&average, &mut made)?;
            }
            averages.push(made);
        }
        let stored = self.stored.into_iter().zip(EXPONENTS).flat_map(|(average, exponent)| {
            average.stored.into_iter().map(move |(params, models)| Stored { exponent, models, params })
        });
        Ok(Outcome {
            spec: *self.spec,
            stored: stored.collect(),
            last,
            last_is_average: self.crew.are_averages(),
            last_marks,
            averages,
            baseline: None,
            baseline_history: Vec::new(),
            history,
            best,
            interrupted,
            diverged,
        })
    }

    /// What a run of several models leaves: they, their middle and its averages.
    fn replicas(mut self, left: Left) -> Result<Replicas, HostError> {
        let Left { models, history, best, interrupted, diverged } = left;
        let mut mean = self.middle.kept;
        self.norms.refresh(&mut mean)?;
        let mut averages = Vec::new();
        for average in &self.middle.averages {
            let Some((mut params, count)) = average.kept() else { continue };
            self.norms.refresh(&mut params)?;
            averages.push(MeanOverRun { name: average.name, params, count });
        }
        Ok(Replicas { spec: *self.spec, models, mean, averages, history, best, interrupted, diverged })
    }

    fn marks(&mut self, params: &[f32]) -> Result<Marks, HostError> {
        self.evaluator.marks(params, self.data, self.train, self.validation)
    }

    /// Replaces the marks of a posterior's mean by what its draws predict.
    fn ask(&mut self, average: &Average<'_>, averaged: &mut Averaged) -> Result<(), HostError> {
        let Some(draws) = average.draws() else { return Ok(()) };
        let test: Vec<u32> = (0..self.data.test.len() as u32).collect();
        let Dataset { train: samples, test: others, .. } = self.data;
        let sets = [(samples, self.train), (samples, self.validation), (others, &test[..])];
        let Self { evaluator, norms, .. } = self;
        let [train, validation, test] = poll(self.spec, sets, |polls| average.ask(evaluator, norms, polls))?;
        let (soft, results) = ([&train[0], &validation[0], &test[0]], test[0].results.clone());
        let ([a, b, c], calibration) = (soft.map(|vote| vote.calibration.score()), Some(test[0].calibration));
        let marks = Marks { train: a, validation: b, test: c, calibration, results, ..averaged.marks.clone() };
        let mean = mem::replace(&mut averaged.marks, marks);
        averaged.drawn = Some(Drawn { draws, mean, votes: [validation, test] });
        Ok(())
    }
}
