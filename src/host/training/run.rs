//! The loop of a run: epochs over shuffled samples until the end, a stop or a divergence, for one model or several; then
//! their evaluation.

mod results;
mod state;

use super::averages::{Average, Memory};
use super::crew::{self, Crew, Team};
use super::frozen::Frozen;
use super::middle::{self, Meetings, Middle};
use super::norms::Norms;
use super::outcome::{Epoch, Observer, Outcome, Replicas};
use super::state::Saved;
use super::trainer::{Halt, Sums};
use crate::average::Snapshots;
use crate::error::Buffer;
use crate::host::HostError;
use crate::host::data::Dataset;
use crate::host::evaluation::Evaluator;
use crate::host::memory::room;
use crate::host::plan::{AverageKind, EXPONENTS, Plan, Pretrained, ReplicaPlan};
use crate::host::prelude::*;
use crate::{Error, Model, Spec};
use core::ops::Range;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
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
    run(Team { replicas: None, threads }, data, plan, observer, stop, |run| run.outcome())
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
    run(team, data, plan, observer, stop, |run| run.replicas())
}

/// Trains a team to its end, and says what that leaves.
fn run<T>(
    team: Team<'_>,
    data: &Dataset,
    plan: &Plan,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
    end: impl FnOnce(Run<'_>) -> Result<T, HostError>,
) -> Result<T, HostError> {
    plan.check().and_then(|()| team.replicas.map_or(Ok(()), |replicas| replicas.check(plan)))?;
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
    let (mut memory, mut evaluator) = (crew::Memory::new(plan, &spec, team.count())?, Evaluator::new(&spec, data)?);
    if plan.balanced {
        memory.of_classes = data.train.balanced(&train, spec.classes())?;
        evaluator.of_classes.clone_from(&memory.of_classes);
    }
    let bytes = observer.saved()?;
    let mut saved = bytes.as_deref().map(|bytes| Run::open(bytes, plan, team, data, &spec)).transpose()?;
    let start = plan.from.as_ref().map(|from| start(from, data)).transpose()?;
    let crew = Crew::new(plan, team, &spec, (&data.train, &train), start, &mut memory, saved.as_mut())?;
    let mut memories = kinds.iter().map(|kind| Memory::new(kind, p)).collect::<Result<Vec<_>, _>>()?;
    let when = kinds.iter().filter_map(|kind| plan.updates(kind, rounds)).collect::<Vec<_>>();
    let mut averages = averages(plan.seed, &kinds, &when, &mut memories, saved.as_mut())?;
    let (moments, steps) = (posthoc.unwrap_or(0), plan.epochs.saturating_mul(rounds));
    let stored = averages.split_off(asked.len()).into_iter().map(|average| average.stored_at(moments, steps)).collect();
    let coupling = team.replicas.map(|replicas| replicas.coupling);
    let mut between = middle::Memory::new(coupling, team.count(), p)?;
    let middle = Middle::new(coupling, &crew.models, &mut between, averages, saved.as_mut())?;
    let mut run = Run {
        plan,
        data,
        spec: &spec,
        train: &train,
        validation: &validation,
        rounds,
        meetings: team.replicas.map_or_else(Meetings::default, |replicas| Meetings::new(replicas, rounds, when)),
        crew,
        middle,
        stored,
        evaluator,
        norms: Norms::new(&spec, &data.train, &train)?,
        position: Position::default(),
        left: Left::default(),
        started: Instant::now(),
        team,
    };
    saved.map_or(Ok(()), |mut saved| run.restore(&mut saved))?;
    drop(bytes);
    run.all(observer, &Halt { stop, pause: AtomicBool::new(false) })?;
    end(run)
}

/// Averages of these kinds, new or as they were saved.
fn averages<'a>(
    seed: u64,
    kinds: &[AverageKind],
    when: &[Snapshots],
    memories: &'a mut [Memory],
    mut saved: Option<&mut Saved<'_>>,
) -> Result<Vec<Average<'a>>, HostError> {
    let of = |(((kind, when), memory), number): (((&AverageKind, &Snapshots), &'a mut Memory), usize)| match &mut saved
    {
        None => Average::new(kind, *when, seed, memory),
        Some(saved) => Average::resume(kind, *when, seed, memory, (saved, number)),
    };
    kinds.iter().zip(when).zip(memories).zip(0..).map(of).collect()
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
    position: Position,
    left: Left,
    started: Instant,
    team: Team<'a>,
}

/// Where a run is.
#[derive(Clone, Copy, Default)]
struct Position {
    /// From 1; 0 before the first.
    epoch: u64,
    /// Rounds of the run so far that ended where models meet.
    now: u64,
    /// Whether there is nothing left to train.
    is_complete: bool,
    /// How long it took until it was resumed.
    seconds: f64,
}

/// What epochs leave.
#[derive(Default)]
struct Left {
    /// What predicts of each model, after the last good epoch.
    models: Vec<Vec<f32>>,
    history: Vec<Epoch>,
    /// The lowest validation loss, and the epoch that training stops early by.
    lowest: Option<f32>,
    best: Option<u64>,
    interrupted: bool,
    diverged: Option<HostError>,
}

impl<'a> Run<'a> {
    /// Every epoch; what was dropped is told in any case.
    fn all(&mut self, observer: &mut dyn Observer, halt: &Halt<'_>) -> Result<(), HostError> {
        let trained = self.epochs(observer, halt);
        self.crew.dropped().counted(self.plan.on_divergence).iter().for_each(|text| observer.warn(text));
        trained
    }

    fn epochs(&mut self, observer: &mut dyn Observer, halt: &Halt<'_>) -> Result<(), HostError> {
        let is_resumed = self.position.epoch > 0;
        if self.position.is_complete {
            return Ok(());
        }
        for epoch in self.position.epoch.max(1)..=self.plan.epochs {
            if !is_resumed || epoch > self.position.epoch {
                self.begin(epoch)?;
            }
            let passed = self.epoch(observer, halt).and_then(|done| {
                let models = self.crew.weights(&mut self.norms)?;
                Ok((self.row(epoch, &models)?, models, done))
            });
            match passed.map_err(self.failed()) {
                Ok((row, models, done)) => {
                    self.left.interrupted = !done;
                    self.keep(row, models, observer)?;
                }
                Err(error @ HostError::Diverged { .. }) if epoch > 1 => self.left.diverged = Some(error),
                Err(error) => return Err(error),
            }
            let Left { interrupted, diverged, best, .. } = &self.left;
            let is_over = |best: u64| self.plan.patience.is_some_and(|epochs| epoch >= best.saturating_add(epochs));
            if *interrupted || diverged.is_some() || best.is_some_and(is_over) {
                break;
            }
        }
        if !self.left.interrupted && self.left.diverged.is_none() {
            self.position.is_complete = true;
            self.save(observer);
        }
        Ok(())
    }

    fn begin(&mut self, epoch: u64) -> Result<(), HostError> {
        if epoch > 1 && self.plan.averages.as_ref().is_some_and(|averages| averages.switch) {
            self.switch()?;
        }
        self.crew.begin(self.train, epoch);
        self.position = Position { epoch, now: (epoch - 1) * self.rounds, ..self.position };
        Ok(())
    }

    /// Keeps what an epoch left: its row, and its models where they are as good as any before.
    fn keep(&mut self, mut row: Epoch, models: Vec<Vec<f32>>, observer: &mut dyn Observer) -> Result<(), HostError> {
        let left = &mut self.left;
        let losses = [row.validation_loss, row.average_validation_loss];
        let loss = losses.into_iter().flatten().fold(f32::INFINITY, f32::min);
        row.is_best = loss < left.lowest.unwrap_or(f32::INFINITY);
        left.lowest = if row.is_best { Some(loss) } else { left.lowest };
        // An epoch that was interrupted before its first batch has nothing to say.
        if row.steps > left.history.last().map_or(0, |before| before.steps) {
            observer.epoch(&row);
            left.history.push(row);
        }
        // Without validation samples every epoch is as good as another.
        if row.is_best || self.plan.patience.is_none() || self.validation.is_empty() {
            left.models = models;
            left.best = self.plan.patience.and(Some(row.epoch)).filter(|_| row.is_best);
            self.middle.keep(&self.crew.models)?;
        }
        Ok(())
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
    fn epoch(&mut self, observer: &mut dyn Observer, halt: &Halt<'_>) -> Result<bool, HostError> {
        let end = self.position.epoch * self.rounds;
        while self.position.now < end {
            let until = self.meetings.next(self.position.now, end);
            // Also where it goes on before the first step from here.
            if until == self.position.now + 1 && self.crew.is_at(self.round(self.position.now)) {
                self.middle.look(&self.crew.models);
            }
            // After rounds that were cut short there is no pull and no average.
            if !self.train(until, observer, halt)? {
                return Ok(false);
            }
            let Self { crew, middle, meetings, rounds, plan, .. } = self;
            if meetings.pulls_at(until) {
                middle.pull(&mut crew.models, until, plan.epochs.saturating_mul(*rounds))?;
            }
            middle.follow(&crew.models, until, meetings)?;
            self.position.now = until;
        }
        Ok(true)
    }

    /// A round of the run in its epoch.
    fn round(&self, now: u64) -> usize {
        (now - (self.position.epoch - 1) * self.rounds) as usize
    }

    /// Trains the models to the end of this round, and saves the state when that is due; whether it was reached.
    fn train(&mut self, until: u64, observer: &mut dyn Observer, halt: &Halt<'_>) -> Result<bool, HostError> {
        let round = self.round(until);
        loop {
            let Self { crew, middle, stored, data, .. } = self;
            let (has_classes, total) = (data.train.has_classes(), crew.total);
            // Several models are averaged where they meet.
            let averages = if middle.is_of_several() { &mut [] } else { &mut middle.averages[..] };
            let each = |model: &Model<'_>, steps: Range<u64>, sums: &Sums, done| {
                let mut all = averages.iter_mut().chain(&mut *stored);
                all.try_for_each(|average| average.follow(model, steps.clone()))?;
                let accuracy = if has_classes { sums.accuracy() } else { f64::NAN };
                observer.step(done, total, sums.loss(), accuracy);
                if observer.is_due(done) {
                    halt.pause.store(true, Relaxed);
                }
                Ok(())
            };
            let dropped = crew.dropped().count;
            let trained = crew.train(round, each, halt);
            if let Some(text) = crew.dropped().told(self.spec, self.plan.on_divergence).filter(|_| dropped == 0) {
                observer.warn(&text);
            }
            if trained? {
                return Ok(true);
            }
            halt.pause.store(false, Relaxed);
            self.save(observer);
            if halt.stop.load(Relaxed) {
                return Ok(false);
            }
        }
    }

    /// Since the start, without the time between a stop and a resumption.
    fn seconds(&self) -> f64 {
        self.position.seconds + self.started.elapsed().as_secs_f64()
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
            seconds: self.seconds(),
        })
    }

    /// What a number that is not finite means after the latest step.
    fn failed(&self) -> impl Fn(HostError) -> HostError + use<> {
        HostError::of_step(self.spec, self.crew.steps(), self.crew.rate())
    }
}
