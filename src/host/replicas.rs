//! Replicas on all cores: each trains by itself between two pulls, so that no thread changes a bit.

use super::memory::{Floats, zeros};
use super::mnist::{Dataset, Samples};
use super::norms::Norms;
use super::plan::Plan;
use super::run::{Epoch, Observer, split};
use super::trainer::{Learner, Trainer};
use super::{Evaluator, HostError};
use crate::random::{self, Purpose};
use crate::{Model, Optimizer, Pull, Score, Spec, Start, init_replicas, mean_of, pull, replica_seed};
use core::ops::Range;
use std::borrow::ToOwned;
use std::boxed::Box;
use std::collections::VecDeque;
use std::format;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;
use std::vec::Vec;

/// Rounds that a thread trains one replica for before it takes the next: all end nearly together.
const SLICE: usize = 64;

/// Which samples replicas learn from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Batches {
    /// Each from all of them, in an order of its own.
    #[default]
    Parallel,
    /// From the batches of one order in turns: an epoch is one pass of all together.
    RoundRobin,
}

/// Several models side by side, each trained as a [`Plan`] says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReplicaPlan {
    /// How many, at least 2.
    pub count: usize,
    /// Where they begin.
    pub start: Start,
    /// What each learns from.
    pub batches: Batches,
    /// How far they are pulled to their mean.
    pub pull: Pull,
    /// Rounds, a step of each, between two pulls; `None` pulls at the end of each epoch.
    pub every: Option<u64>,
    /// Threads to train on, which change no bit.
    pub threads: NonZeroUsize,
}

impl Default for ReplicaPlan {
    /// The article's five, from a common start, pulled at the end of each epoch by `1 − t/total`, on all cores.
    fn default() -> Self {
        let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let (start, batches) = (Start::default(), Batches::default());
        Self { count: 5, start, batches, pull: Pull::Fading, every: None, threads }
    }
}

impl ReplicaPlan {
    /// Whether the numbers are in range.
    ///
    /// # Errors
    /// [`HostError::Usage`] that names the setting.
    pub fn check(&self) -> Result<(), HostError> {
        let fault = match (*self, self.pull) {
            (Self { count: 0 | 1, .. }, _) => format!("{} replicas, but at least 2 are averaged", self.count),
            (Self { every: Some(0), .. }, _) => "pull-every 0 is out of range: at least 1".into(),
            (_, Pull::Constant(alpha)) if !(0.0..=1.0).contains(&alpha) => {
                format!("pull {alpha:?} is out of range: from 0 to 1")
            }
            _ => return Ok(()),
        };
        Err(HostError::Usage(fault))
    }

    /// Whether nothing ever pulls them together.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.pull == Pull::Constant(0.0)
    }
}

/// What a run of replicas leaves.
#[derive(Debug)]
pub struct Replicas {
    /// The network.
    pub spec: Spec,
    /// Each replica's weights.
    pub models: Vec<Vec<f32>>,
    /// Their mean, with statistics of norms of its own.
    pub mean: Vec<f32>,
    /// Every epoch; the average in it is the mean.
    pub history: Vec<Epoch>,
    /// Whether the run was stopped before its end.
    pub interrupted: bool,
}

/// Trains `replicas` as `plan` says, whose averages are left out, until its end or until `stop` is set.
///
/// # Errors
/// As [`train`](super::run::train); [`HostError::Diverged`] for the first replica that does.
pub fn train_replicas(
    data: &Dataset,
    plan: &Plan,
    replicas: &ReplicaPlan,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Replicas, HostError> {
    plan.check()?;
    replicas.check()?;
    if plan.augment.is_some() {
        return Err(HostError::Usage("replicas learn from images as they are: no --augment".to_owned()));
    }
    let spec = plan.spec(data.train.inputs(), data.classes)?;
    let (train, validation) = split(data.train.len(), plan)?;
    plan.check_batches(train.len())?;
    let (k, p) = (replicas.count, spec.param_len());
    let mut slab = Floats::zeros(p.saturating_mul(k))?;
    let mut models = slab.chunks_mut(p).map(|params| Model::new(&spec, params)).collect::<Result<Vec<_>, _>>()?;
    init_replicas(&mut models, plan.init, replicas.start, plan.seed)?;
    let [own, slow] = plan.optimizer.state_len(&spec, plan.lookahead);
    let mut floats = (0..k).map(|_| Ok([Floats::zeros(own)?, Floats::zeros(slow)?]));
    let mut floats = floats.by_ref().collect::<Result<Vec<_>, HostError>>()?;
    let optimizers = models
        .iter()
        .zip(&mut floats)
        .map(|(model, [own, slow])| plan.optimizer.start(&spec, plan.lookahead, model.params(), [own, slow]));
    let optimizers = optimizers.collect::<Result<Vec<_>, _>>()?;
    let mut tasks: Vec<Task<'_>> = optimizers.into_iter().map(Task::new).collect();
    let rounds = rounds(plan, replicas, train.len());
    let workers = replicas.threads.get().min(k);
    let mut trainers = (0..workers)
        .map(|_| Trainer::new(plan, &spec, train.len(), rounds as u64))
        .collect::<Result<Vec<_>, HostError>>()?;
    let mut evaluator = Evaluator::new(&spec, data)?;
    let mut norms = Norms::new(&spec, &data.train, &train)?;
    let mut mean = zeros(p)?;
    let total = plan.epochs.saturating_mul(rounds as u64);
    let total_steps = total.saturating_mul(k as u64);
    let shared = Shared { samples: &data.train, done: AtomicU64::new(0), total: total_steps, stop };
    let started = Instant::now();
    let (mut history, mut interrupted) = (Vec::new(), false);
    for epoch in 1..=plan.epochs {
        for (task, k) in tasks.iter_mut().zip(0..) {
            task.begin(plan, replicas, &train, k, epoch);
        }
        let before = (epoch - 1) * rounds as u64;
        let mut at = 0;
        while at < rounds && !interrupted {
            // Up to the next pull.
            let until = replicas.every.map_or(rounds as u64, |every| every - (before + at as u64) % every + at as u64);
            let until = usize::try_from(until).unwrap_or(rounds).min(rounds);
            segment(&mut models, &mut tasks, &mut trainers, at..until, &shared, observer)?;
            interrupted = stop.load(Relaxed);
            at = until;
            let now = before + at as u64;
            let is_due = replicas.every.map_or(at == rounds, |every| now.is_multiple_of(every));
            if is_due && !interrupted && !replicas.is_free() {
                pull(&mut models, &mut mean, replicas.pull.at(now, total))?;
            }
        }
        mean_of(&models, &mut mean)?;
        let sum: Sums = tasks.iter().fold(Sums::default(), |all, task| all.join(&task.sums));
        let first = evaluator.validate(models[0].params(), &data.train, &validation)?;
        let average = evaluator.validate(norms.of(&mean)?, &data.train, &validation)?;
        let row = Epoch {
            epoch,
            steps: models[0].steps(),
            rate: trainers[0].rate,
            batch: plan.batch as u64,
            noise_scale: None,
            train_loss: sum.loss / sum.seen.max(1) as f64,
            train_error: 1.0 - sum.hits as f64 / sum.seen.max(1) as f64,
            validation_error: first.map(|s| 1.0 - s.accuracy()),
            validation_loss: first.map(|s| s.loss()),
            averaged: k as u64,
            average_validation_error: average.map(|s| 1.0 - s.accuracy()),
            average_validation_loss: average.map(|s| s.loss()),
            seconds: started.elapsed().as_secs_f64(),
        };
        if sum.seen > 0 {
            observer.epoch(&row);
            history.push(row);
        }
        if interrupted {
            break;
        }
    }
    norms.refresh(&mut mean)?;
    drop(tasks);
    let models = models.iter().map(|model| model.params().to_vec()).collect();
    Ok(Replicas { spec, models, mean, history, interrupted })
}

/// Rounds of an epoch: a batch of each replica, or of those whose turn it is.
fn rounds(plan: &Plan, replicas: &ReplicaPlan, samples: usize) -> usize {
    let batches = plan.steps_per_epoch(samples) as usize;
    match replicas.batches {
        Batches::Parallel => batches,
        Batches::RoundRobin => batches.div_ceil(replicas.count),
    }
}

/// What a replica has besides its model.
struct Task<'a> {
    optimizer: Box<dyn Optimizer + Send + 'a>,
    /// Its samples of the epoch, batch after batch.
    order: Vec<u32>,
    sums: Sums,
    error: Option<HostError>,
}

impl<'a> Task<'a> {
    fn new(optimizer: Box<dyn Optimizer + Send + 'a>) -> Self {
        Self { optimizer, order: Vec::new(), sums: Sums::default(), error: None }
    }

    /// Shuffles for an epoch.
    fn begin(&mut self, plan: &Plan, replicas: &ReplicaPlan, train: &[u32], k: u64, epoch: u64) {
        self.sums = Sums::default();
        self.order.clear();
        self.order.extend_from_slice(train);
        let seed = match replicas.batches {
            Batches::Parallel => replica_seed(plan.seed, k),
            Batches::RoundRobin => plan.seed,
        };
        random::shuffle(&mut self.order, &mut random::stream(seed, Purpose::Shuffle, epoch));
        if replicas.batches == Batches::RoundRobin {
            let turns = self.order.chunks(plan.batch).skip(k as usize).step_by(replicas.count);
            self.order = turns.flatten().copied().collect();
        }
    }
}

/// Over the batches of an epoch, each before its step.
#[derive(Clone, Copy, Default)]
struct Sums {
    loss: f64,
    hits: u64,
    seen: u64,
}

impl Sums {
    fn add(&mut self, score: Score) {
        self.loss += f64::from(score.loss()) * score.samples() as f64;
        self.hits += score.hits();
        self.seen += score.samples();
    }

    fn join(self, other: &Self) -> Self {
        Self { loss: self.loss + other.loss, hits: self.hits + other.hits, seen: self.seen + other.seen }
    }
}

/// What threads share: what is learned from, steps so far and in all, whether to stop.
struct Shared<'a> {
    samples: &'a Samples,
    done: AtomicU64,
    total: u64,
    stop: &'a AtomicBool,
}

/// A replica on its way: its model, what it has besides, the round that it is at.
type Way<'m, 'a, 't, 'o> = (&'m mut Model<'a>, &'t mut Task<'o>, usize);

/// Trains every replica for these rounds, or until told to stop.
fn segment(
    models: &mut [Model<'_>],
    tasks: &mut [Task<'_>],
    trainers: &mut [Trainer<'_>],
    rounds: Range<usize>,
    shared: &Shared<'_>,
    observer: &mut dyn Observer,
) -> Result<(), HostError> {
    let queue: VecDeque<Way<'_, '_, '_, '_>> =
        models.iter_mut().zip(&mut *tasks).map(|(model, task)| (model, task, rounds.start)).collect();
    let queue = Mutex::new(queue);
    let work = |trainer: &mut Trainer<'_>, mut observer: Option<&mut dyn Observer>| {
        while !shared.stop.load(Relaxed) {
            // Nothing here panics while it holds the lock.
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some((model, task, at)) = next else { return };
            let until = rounds.end.min(at + SLICE);
            train_for(shared.samples, trainer, model, task, at..until);
            let steps = shared.done.fetch_add((until - at) as u64, Relaxed) + (until - at) as u64;
            if let Some(observer) = &mut observer {
                let Sums { loss, hits, seen } = task.sums;
                observer.step(steps, shared.total, loss / seen.max(1) as f64, hits as f64 / seen.max(1) as f64);
            }
            if until < rounds.end && task.error.is_none() {
                queue.lock().unwrap_or_else(PoisonError::into_inner).push_back((model, task, until));
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

/// Some rounds of one replica; an error ends them.
fn train_for(
    samples: &Samples,
    trainer: &mut Trainer<'_>,
    model: &mut Model<'_>,
    task: &mut Task<'_>,
    rounds: Range<usize>,
) {
    let batches = task.order.chunks(trainer.plan.batch).skip(rounds.start).take(rounds.len());
    for batch in batches {
        trainer.rate = trainer.schedule.at(model.steps());
        match trainer.step(samples, batch, &mut Learner { model, optimizer: &mut *task.optimizer }) {
            Ok(score) => task.sums.add(score),
            Err(error) => {
                task.error = Some(error);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::plan::OptimizerPlan;
    use crate::host::run::Deaf;
    use crate::{LookaheadConfig, SgdConfig};
    use std::vec;

    fn run(replicas: ReplicaPlan, batch_norm: bool) -> Replicas {
        let data = Dataset::sample().unwrap();
        let optimizer = OptimizerPlan::Sgd(SgdConfig { momentum: 0.9, ..SgdConfig::default() });
        let (hidden, lookahead) = (vec![5], Some(LookaheadConfig::default()));
        let plan = Plan { hidden, batch_norm, optimizer, lookahead, validation: 0.97, epochs: 1, ..Plan::default() };
        train_replicas(&data, &plan, &replicas, &mut Deaf, &AtomicBool::new(false)).unwrap()
    }

    fn with_threads(threads: usize) -> ReplicaPlan {
        ReplicaPlan { count: 3, threads: NonZeroUsize::new(threads).unwrap(), ..ReplicaPlan::default() }
    }

    #[test]
    fn threads_change_no_bit() {
        for (batches, every, start) in
            [(Batches::Parallel, None, Start::Common), (Batches::RoundRobin, Some(3), Start::Independent)]
        {
            let one = run(ReplicaPlan { batches, every, start, ..with_threads(1) }, every.is_none());
            let many = run(ReplicaPlan { batches, every, start, ..with_threads(3) }, every.is_none());
            assert!(many.models == one.models && many.mean == one.mean, "{batches:?}");
            assert!(one.models.windows(2).all(|pair| pair[0] != pair[1]));
            assert_eq!(one.history.last().unwrap().steps, if batches == Batches::Parallel { 10 } else { 4 });
        }
    }

    #[test]
    fn a_whole_pull_at_the_end_leaves_replicas_equal_and_none_leaves_them_alone() {
        let pulled = run(ReplicaPlan { pull: Pull::Growing, ..with_threads(2) }, false);
        assert!(pulled.models.iter().all(|model| *model == pulled.mean));
        let free = run(ReplicaPlan { pull: Pull::Constant(0.0), ..with_threads(2) }, false);
        let more = ReplicaPlan { count: 4, pull: Pull::Constant(0.0), ..with_threads(2) };
        // A replica that nothing pulls does not know of the others.
        assert_eq!(run(more, false).models[..3], free.models[..]);
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        for wrong in [
            ReplicaPlan { count: 1, ..ReplicaPlan::default() },
            ReplicaPlan { every: Some(0), ..ReplicaPlan::default() },
            ReplicaPlan { pull: Pull::Constant(f32::NAN), ..ReplicaPlan::default() },
            ReplicaPlan { pull: Pull::Constant(1.5), ..ReplicaPlan::default() },
        ] {
            assert!(matches!(wrong.check(), Err(HostError::Usage(_))), "{wrong:?}");
        }
    }
}
