//! Replicas at work between two meetings, each by itself: the threads that train them change no bit.

use super::feed::Feed;
use super::outcome::Observer;
use super::trainer::{Learner, Sums, Trainer};
use crate::host::HostError;
use crate::host::data::Samples;
use crate::host::memory::Floats;
use crate::host::plan::{Batches, Plan, ReplicaPlan};
use crate::optim::Optimizer;
use crate::random::{self, Purpose};
use crate::replicas::{init_replicas, replica_seed};
use crate::{Model, Spec};
use core::num::NonZeroUsize;
use core::ops::Range;
use std::boxed::Box;
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::vec::Vec;

/// Rounds that a thread trains one replica for before it takes the next: all end nearly together.
const SLICE: usize = 64;

/// What replicas and their optimizers are made of.
pub(super) struct Memory {
    slab: Floats,
    states: Vec<[Floats; 2]>,
}

impl Memory {
    pub(super) fn new(plan: &Plan, spec: &Spec, replicas: usize) -> Result<Self, HostError> {
        let [own, slow] = plan.optimizer.state_len(spec, plan.lookahead);
        let slab = Floats::zeros(spec.param_len().saturating_mul(replicas))?;
        let states = (0..replicas).map(|_| Ok([Floats::zeros(own)?, Floats::zeros(slow)?]));
        Ok(Self { slab, states: states.collect::<Result<_, HostError>>()? })
    }
}

/// The replicas and who trains them.
pub(super) struct Crew<'a> {
    pub(super) models: Vec<Model<'a>>,
    tasks: Vec<Task<'a>>,
    /// One for each thread.
    trainers: Vec<Trainer<'a>>,
    /// Steps of all together, so far and at the end.
    done: AtomicU64,
    total: u64,
}

impl<'a> Crew<'a> {
    /// Replicas where they start, which learn from the samples that `train` names.
    pub(super) fn new(
        plan: &'a Plan,
        replicas: &ReplicaPlan,
        spec: &'a Spec,
        samples: &'a Samples,
        train: &'a [u32],
        memory: &'a mut Memory,
    ) -> Result<Self, HostError> {
        let models = memory.slab.chunks_mut(spec.param_len()).map(|params| Model::new(spec, params));
        let mut models = models.collect::<Result<Vec<_>, _>>()?;
        init_replicas(&mut models, plan.init, replicas.start, plan.seed)?;
        let task = |((model, [own, slow]), k): ((&Model<'_>, &'a mut [Floats; 2]), u64)| {
            let optimizer = plan.optimizer.start(model, plan.lookahead, [own, slow])?;
            let seed = match replicas.batches {
                Batches::Parallel => replica_seed(plan.seed, k),
                Batches::RoundRobin => plan.seed,
            };
            let augment = plan.augment.map(|augment| (augment, seed));
            // Replicas occupy every thread: each has its images made where it trains.
            let feed = Feed::new(samples, train.len(), plan.batch, augment, NonZeroUsize::MIN)?;
            Ok(Task { optimizer, feed, seed, epoch: 0, order: Vec::new(), sums: Sums::default(), error: None })
        };
        let tasks = models.iter().zip(&mut memory.states).zip(0..).map(task).collect::<Result<_, HostError>>()?;
        let rounds = replicas.rounds(plan, train.len());
        let workers = replicas.threads.get().min(replicas.count);
        let trainers = (0..workers).map(|_| Trainer::new(plan, spec, train.len(), rounds));
        let trainers = trainers.collect::<Result<_, _>>()?;
        let total = plan.epochs.saturating_mul(rounds).saturating_mul(replicas.count as u64);
        Ok(Self { models, tasks, trainers, done: AtomicU64::new(0), total })
    }

    /// Shuffles for an epoch.
    pub(super) fn begin(&mut self, plan: &Plan, batches: Batches, train: &[u32], epoch: u64) {
        let count = self.tasks.len();
        for (k, task) in self.tasks.iter_mut().enumerate() {
            (task.sums, task.epoch) = (Sums::default(), epoch);
            task.order.clear();
            task.order.extend_from_slice(train);
            random::shuffle(&mut task.order, &mut random::stream(task.seed, Purpose::Shuffle, epoch));
            if batches == Batches::RoundRobin {
                let turns = task.order.chunks(plan.batch).skip(k).step_by(count);
                task.order = turns.flatten().copied().collect();
            }
        }
    }

    /// Rate of the latest step.
    pub(super) fn rate(&self) -> f32 {
        self.trainers[0].schedule.at(self.models[0].steps().saturating_sub(1))
    }

    /// Steps of the replica that has most: an interruption leaves some behind.
    pub(super) fn steps(&self) -> u64 {
        self.models.iter().map(|model| model.steps()).max().unwrap_or(0)
    }

    /// Over the epoch so far: mean loss and share of errors.
    pub(super) fn means(&self) -> (f64, f64) {
        let all = self.tasks.iter().fold(Sums::default(), |all, task| all.join(&task.sums));
        (all.loss(), 1.0 - all.accuracy())
    }

    /// Trains every replica for these rounds of the epoch, or until told to stop.
    ///
    /// # Errors
    /// That of the first replica that has one.
    pub(super) fn train(
        &mut self,
        rounds: Range<usize>,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<(), HostError> {
        let Self { models, tasks, trainers, done, total } = self;
        let queue: VecDeque<Way<'_, '_>> =
            models.iter_mut().zip(&mut *tasks).map(|pair| (pair, rounds.start)).collect();
        let queue = Mutex::new(queue);
        let work = |trainer: &mut Trainer<'_>, mut observer: Option<&mut dyn Observer>| {
            while !stop.load(Relaxed) {
                // Nothing here panics while it holds the lock.
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some(((model, task), at)) = next else { return };
                let until = rounds.end.min(at + SLICE);
                task.error = task.train(trainer, model, at..until, stop).err();
                let steps = done.fetch_add((until - at) as u64, Relaxed) + (until - at) as u64;
                if let Some(observer) = &mut observer {
                    observer.step(steps, *total, task.sums.loss(), task.sums.accuracy());
                }
                if until < rounds.end && task.error.is_none() {
                    queue.lock().unwrap_or_else(PoisonError::into_inner).push_back(((model, task), until));
                }
            }
        };
        thread::scope(|scope| {
            let Some((here, others)) = trainers.split_first_mut() else { return };
            for trainer in others {
                // A thread that the system refuses is no loss but of time: the others take its replicas.
                let _ = thread::Builder::new().spawn_scoped(scope, || work(trainer, None));
            }
            work(here, Some(observer));
        });
        for (task, model) in tasks.iter_mut().zip(models) {
            if let Some(error) = task.error.take() {
                return Err(HostError::of_step(model.steps(), trainers[0].schedule.at(model.steps()))(error));
            }
        }
        Ok(())
    }
}

/// A replica on its way: its model, what it has besides, the round that it is at.
type Way<'w, 'a> = ((&'w mut Model<'a>, &'w mut Task<'a>), usize);

/// What a replica has besides its model.
struct Task<'a> {
    optimizer: Box<dyn Optimizer + Send + 'a>,
    feed: Feed<'a>,
    /// Decides its order and its augmentation.
    seed: u64,
    epoch: u64,
    /// Its samples of the epoch, batch after batch.
    order: Vec<u32>,
    sums: Sums,
    error: Option<HostError>,
}

impl Task<'_> {
    /// Some rounds of the epoch; an error ends them.
    fn train(
        &mut self,
        trainer: &mut Trainer<'_>,
        model: &mut Model<'_>,
        rounds: Range<usize>,
        stop: &AtomicBool,
    ) -> Result<(), HostError> {
        let Self { optimizer, feed, epoch, order, sums, .. } = self;
        // The last of them may have no batch for every replica.
        let [start, end] = [rounds.start, rounds.end].map(|at| at.saturating_mul(trainer.plan.batch).min(order.len()));
        feed.each(*epoch, &order[start..end], |samples, batch| {
            trainer.rate = trainer.schedule.at(model.steps());
            sums.add(trainer.step(samples, batch, &mut Learner { model, optimizer: &mut **optimizer })?);
            Ok(!stop.load(Relaxed))
        })?;
        Ok(())
    }
}
