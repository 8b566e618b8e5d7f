//! Training of the models of a run, one or several. Between two pulls each is trained by itself, so that the number of
//! threads changes no bit.

use super::dropped::Dropped;
use super::feed::Feed;
use super::norms::Norms;
use super::state::{Part, Saved, Sections};
use super::trainer::{Each, Halt, Learner, Progress, Sums, Trainer, Visit};
use crate::host::HostError;
use crate::host::data::Samples;
use crate::host::memory::Floats;
use crate::host::plan::{Plan, ReplicaPlan};
use crate::host::prelude::*;
use crate::model::ModelState;
use crate::optim::{AnyOptimizer, AnyState, Optimizer};
use crate::random::{self, Purpose};
use crate::replicas::{Start, init_replicas, replica_seed};
use crate::store::{Place, Tag};
use crate::{Model, Spec};
use core::num::NonZeroUsize;
use core::ops::Range;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Rounds that a thread trains one of several models for before it takes the next: all end nearly together.
const SLICE: usize = 64;

/// One model, or several by their plan.
#[derive(Clone, Copy)]
pub(super) struct Team<'p> {
    pub(super) replicas: Option<&'p ReplicaPlan>,
    /// Threads there are: several models are trained on them, of one the images are made on them.
    pub(super) threads: NonZeroUsize,
}

impl Team<'_> {
    pub(super) fn count(self) -> usize {
        self.replicas.map_or(1, |replicas| replicas.count)
    }

    /// Threads that train, each a model at a time.
    fn workers(self) -> usize {
        self.threads.get().min(self.count())
    }

    /// Threads that make images for a model. Several models occupy every thread: each has its images made where it trains.
    fn threads_of_feed(self) -> NonZeroUsize {
        if self.replicas.is_some() { NonZeroUsize::MIN } else { self.threads }
    }
}

/// What models and their optimizers are made of.
pub(super) struct Memory {
    slab: Floats,
    states: Vec<Floats>,
    /// Weights of the classes, where they have some.
    pub(super) of_classes: Vec<f32>,
}

impl Memory {
    pub(super) fn new(plan: &Plan, spec: &Spec, models: usize) -> Result<Self, HostError> {
        let state = plan.optimizer.config(plan.lookahead).state_len(spec);
        let slab = Floats::zeros(spec.param_len().saturating_mul(models))?;
        let states = (0..models).map(|_| Floats::zeros(state)).collect::<Result<_, _>>()?;
        Ok(Self { slab, states, of_classes: Vec::new() })
    }
}

/// The models of a run, one or several, and who trains them.
pub(super) struct Crew<'a> {
    pub(super) models: Vec<Model<'a>>,
    tasks: Vec<Task<'a>>,
    /// One for each thread.
    trainers: Vec<Trainer<'a>>,
    /// Steps of all together, so far and at the end.
    done: AtomicU64,
    pub(super) total: u64,
}

impl<'a> Crew<'a> {
    /// Floats of models, optimizers and trainers.
    pub(super) fn len(plan: &Plan, team: Team<'_>, spec: &Spec, samples: usize) -> usize {
        let state = plan.optimizer.config(plan.lookahead).state_len(spec);
        let model = spec.param_len().saturating_add(state);
        let trainers = team.workers().saturating_mul(Trainer::len(plan, spec, samples));
        team.count().saturating_mul(model).saturating_add(trainers)
    }

    /// Models where they start, all from `start` if it is given, or as they were saved, which learn from the samples that
    /// `train` names.
    pub(super) fn new(
        plan: &'a Plan,
        team: Team<'_>,
        spec: &'a Spec,
        (samples, train): (&'a Samples, &[u32]),
        start: Option<Vec<f32>>,
        memory: &'a mut Memory,
        mut saved: Option<&mut Saved<'_>>,
    ) -> Result<Self, HostError> {
        let models = memory.slab.chunks_mut(spec.param_len()).map(|params| Model::new(spec, params));
        let mut models = models.collect::<Result<Vec<_>, _>>()?;
        let begin = team.replicas.map_or_else(Start::default, |replicas| replicas.start);
        init_replicas(&mut models, plan.init, begin, plan.seed)?;
        if let Some(params) = start {
            models.iter_mut().for_each(|model| model.params_mut().copy_from_slice(&params));
        }
        let task = |((model, floats), k): ((&mut Model<'_>, &'a mut Floats), u64)| {
            let config = plan.optimizer.config(plan.lookahead);
            let optimizer = match &mut saved {
                None => AnyOptimizer::new(config, model, floats)?,
                Some(saved) => {
                    let state = restore(saved, model, floats, k as usize)?;
                    AnyOptimizer::resume(AnyState::from_bytes(config, spec, &state)?, model, floats)?
                }
            };
            let seed = replica_seed(plan.seed, k);
            let augment = plan.augment.map(|augment| (augment, seed));
            let feed = Feed::new(samples, train.len(), plan.batch, augment, team.threads_of_feed())?;
            let progress = Progress { rate: plan.rate, ..Progress::default() };
            Ok(Task { optimizer, feed, seed, order: Vec::new(), progress, error: None })
        };
        let tasks = models.iter_mut().zip(&mut memory.states).zip(0..).map(task).collect::<Result<_, HostError>>()?;
        let rounds = plan.steps_per_epoch(train.len());
        let of_classes = &memory.of_classes[..];
        let trainers = (0..team.workers()).map(|_| Trainer::new(plan, spec, train.len(), rounds, of_classes));
        let mut trainers = trainers.collect::<Result<Vec<_>, _>>()?;
        if let (Some(saved), Some(growing)) = (saved, &mut trainers[0].growing) {
            growing.restore(saved)?;
        }
        let total = plan.epochs.saturating_mul(rounds).saturating_mul(team.count() as u64);
        Ok(Self { models, tasks, trainers, done: AtomicU64::new(0), total })
    }

    /// Shuffles for an epoch.
    pub(super) fn begin(&mut self, train: &[u32], epoch: u64) {
        for task in &mut self.tasks {
            task.progress = Progress { epoch, sums: Sums::default(), ..task.progress };
            task.order.clear();
            task.order.extend_from_slice(train);
            random::shuffle(&mut task.order, &mut random::stream(task.seed, Purpose::Shuffle, epoch));
        }
    }

    /// Adds models, optimizers and the growth of the batch to the state of a run.
    pub(super) fn save<'s>(&'s self, to: &mut Sections<'s>) {
        for ((model, task), k) in self.models.iter().zip(&self.tasks).zip(0..) {
            let (state, optimizer) = (model.state().to_bytes(), &task.optimizer);
            to.add(Tag::PARAMS, k, [Part::Bytes(state.to_vec()), Part::Floats(model.params())]);
            let state = Part::Bytes(optimizer.state().to_bytes().to_vec());
            to.add(Tag::OPTIMIZER, k, [state].into_iter().chain(floats_of(optimizer).map(Part::Floats)));
        }
        self.trainer().growing.iter().for_each(|growing| growing.save(to));
    }

    /// Steps of all models, and where each is in the epoch.
    pub(super) fn progress(&self) -> (u64, Vec<[u64; Progress::LONGS]>) {
        (self.done.load(Relaxed), self.tasks.iter().map(|task| task.progress.to_longs()).collect())
    }

    /// Goes on from there, in an epoch that has [begun](Self::begin).
    pub(super) fn advance(&mut self, done: u64, progress: &[[u64; Progress::LONGS]]) {
        self.done = AtomicU64::new(done);
        for (task, longs) in self.tasks.iter_mut().zip(progress) {
            task.progress = task.progress.at(*longs);
        }
    }

    /// Whether no model has begun what comes after this round of the epoch.
    pub(super) fn is_at(&self, round: usize) -> bool {
        let samples = round.saturating_mul(self.trainer().plan.batch) as u64;
        self.tasks.iter().all(|task| task.progress.sums.seen <= samples)
    }

    /// Who trains the first model, which tells of the batch.
    pub(super) fn trainer(&self) -> &Trainer<'a> {
        &self.trainers[0]
    }

    /// Rate of the latest step of the first model.
    pub(super) fn rate(&self) -> f32 {
        self.tasks[0].progress.rate
    }

    /// Steps of the model that has most: an interruption leaves some behind.
    pub(super) fn steps(&self) -> u64 {
        self.models.iter().map(|model| model.steps()).max().unwrap_or(0)
    }

    /// Of all models over the epoch so far.
    pub(super) fn sums(&self) -> Sums {
        self.tasks.iter().fold(Sums::default(), |all, task| all.join(&task.progress.sums))
    }

    /// What was dropped of all models.
    pub(super) fn dropped(&self) -> Dropped {
        self.tasks.iter().fold(Dropped::default(), |all, task| all.join(&task.progress.dropped))
    }

    /// Whether models are the averages that their optimizers are.
    pub(super) fn are_averages(&self) -> bool {
        self.tasks.iter().any(|task| task.optimizer.averaged().is_some())
    }

    /// What predicts: of each model its optimizer's average, or its own parameters.
    pub(super) fn weights(&self, norms: &mut Norms<'_>) -> Result<Vec<Vec<f32>>, HostError> {
        let of = |(model, task): (&Model<'_>, &Task<'_>)| match task.optimizer.averaged() {
            Some(averaged) => norms.of(averaged.as_slice()).map(<[f32]>::to_vec),
            None => Ok(model.params().to_vec()),
        };
        self.models.iter().zip(&self.tasks).map(of).collect()
    }

    /// Trains every model from where it is to the end of this round of the epoch, or until told to stop; whether all came to
    /// their end. `each` hears of the updates on this thread, all of them where there is one model, with the steps of all
    /// models so far.
    /// An error is that of the first model that has one.
    pub(super) fn train(
        &mut self,
        end: usize,
        mut each: impl FnMut(&Model<'_>, Range<u64>, &Sums, u64) -> Result<(), HostError>,
        halt: &Halt<'_>,
    ) -> Result<bool, HostError> {
        let Self { models, tasks, trainers, done, .. } = self;
        // A model by itself is not cut: its batches may grow on.
        let slice = if models.len() > 1 { SLICE } else { usize::MAX };
        let queue: VecDeque<Way<'_, '_>> = models.iter_mut().zip(&mut *tasks).collect();
        let (queue, is_whole) = (Mutex::new(queue), AtomicBool::new(true));
        let count = |steps: &Range<u64>| {
            let more = steps.end - steps.start;
            done.fetch_add(more, Relaxed) + more
        };
        let work = |trainer: &mut Trainer<'_>, each: &mut Each<'_>| loop {
            // Nothing here panics while it holds the lock.
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some((model, task)) = next else { return };
            let until = end.min(task.progress.rounds(trainer.plan).saturating_add(slice));
            match task.train(trainer, model, until, each, halt) {
                Ok(true) if until < end => {
                    queue.lock().unwrap_or_else(PoisonError::into_inner).push_back((model, task));
                }
                Ok(came) => _ = is_whole.fetch_and(came, Relaxed),
                Err(error) => task.error = Some(error),
            }
        };
        thread::scope(|scope| {
            let Some((here, others)) = trainers.split_first_mut() else { return };
            for trainer in others {
                let mut count = |_: &Model<'_>, steps: Range<u64>, _: &Sums| {
                    count(&steps);
                    Ok(())
                };
                // A thread that the system refuses is no loss but of time: the others take its models.
                let _ = thread::Builder::new().spawn_scoped(scope, move || work(trainer, &mut count));
            }
            work(here, &mut |model, steps, sums| {
                let done = count(&steps);
                each(model, steps, sums, done)
            });
        });
        for (task, model) in tasks.iter_mut().zip(models) {
            if let Some(error) = task.error.take() {
                return Err(HostError::of_step(model.spec(), model.steps(), task.progress.rate)(error));
            }
        }
        Ok(is_whole.into_inner())
    }
}

/// Fills a model and the floats of its optimizer with what was saved, and gives the bytes of the optimizer's state.
fn restore(
    saved: &mut Saved<'_>,
    model: &mut Model<'_>,
    floats: &mut [f32],
    k: usize,
) -> Result<[u8; AnyState::BYTES], HostError> {
    let (mut state, mut optimizer) = ([0; ModelState::BYTES], [0; AnyState::BYTES]);
    saved.read(Tag::PARAMS, k, &mut [Place::Bytes(&mut state), Place::Floats(model.params_mut())])?;
    let ModelState { seed, steps, .. } = ModelState::from_bytes(model.spec(), &state)?;
    model.resume(seed, steps);
    saved.read(Tag::OPTIMIZER, k, &mut [Place::Bytes(&mut optimizer), Place::Floats(floats)])?;
    Ok(optimizer)
}

/// The floats of an optimizer as they lie in its slice.
fn floats_of<'o>(optimizer: &'o AnyOptimizer<'_>) -> impl Iterator<Item = &'o [f32]> {
    let none: &[f32] = &[];
    let [first, second] = match optimizer {
        AnyOptimizer::Sgd(sgd) => [sgd.velocity(), none],
        AnyOptimizer::Adam(adam) => [adam.moments(), none],
        AnyOptimizer::ScheduleFree(free) => [free.floats(), none],
        AnyOptimizer::ScheduleFreeAdam(free) => [free.floats(), free.second_moments()],
        AnyOptimizer::LookaheadSgd(lookahead) => [lookahead.slow(), lookahead.inner().velocity()],
        AnyOptimizer::LookaheadAdam(lookahead) => [lookahead.slow(), lookahead.inner().moments()],
    };
    [first, second].into_iter()
}

/// A model on its way, and what it has besides.
type Way<'w, 'a> = (&'w mut Model<'a>, &'w mut Task<'a>);

/// What a model has besides its parameters.
struct Task<'a> {
    optimizer: AnyOptimizer<'a>,
    feed: Feed<'a>,
    /// Decides its order and its augmentation.
    seed: u64,
    /// Its samples of the epoch, batch after batch.
    order: Vec<u32>,
    progress: Progress,
    error: Option<HostError>,
}

impl Task<'_> {
    /// The epoch from where it is to the end of this round; an error ends it.
    fn train(
        &mut self,
        trainer: &mut Trainer<'_>,
        model: &mut Model<'_>,
        until: usize,
        each: &mut Each<'_>,
        halt: &Halt<'_>,
    ) -> Result<bool, HostError> {
        let Self { optimizer, feed, order, progress, .. } = self;
        let [start, end] = [progress.rounds(trainer.plan), until]
            .map(|round| round.saturating_mul(trainer.plan.batch).min(order.len()));
        let epoch = progress.epoch;
        let visits = |visit: &mut Visit<'_>| feed.each(epoch, &order[start..end.max(start)], visit);
        trainer.pass(progress, visits, &mut Learner { model, optimizer: optimizer.get_mut() }, each, halt)
    }
}
