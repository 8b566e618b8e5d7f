//! Replicas on all cores, and what they have in common.

mod crew;
mod middle;

use super::averages::{self, Average, AverageKind};
use super::norms::Norms;
use super::run::{Epoch, Observer, split};
use crate::Spec;
use crate::host::HostError;
use crate::host::data::Dataset;
use crate::host::evaluation::Evaluator;
use crate::host::plan::{OptimizerPlan, Plan};
use crate::replicas::{Pull, Start};
use crew::Crew;
use middle::{Meetings, Middle};
use std::format;
use std::num::NonZeroUsize;
use std::string::ToString;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Instant;
use std::vec::Vec;

/// Which samples replicas learn from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Batches {
    /// Each from all of them, in an order of its own.
    #[default]
    Parallel,
    /// From the batches of one order in turns: an epoch is one pass of all together.
    RoundRobin,
}

/// What holds replicas together.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Coupling {
    /// They are [pulled](crate::replicas::pull) to their mean, `θ_k ← θ_k + α(θ̄ − θ_k)`.
    Mean(Pull),
    /// Elastic averaging by this `α`, above 0 and at most `1/K`: in the round of a pull, replicas and a centre also
    /// [attract](crate::replicas::attract) each other, `x_i ← x_i − ηg_i − α(x_i − x̃)` and `x̃ ← x̃ + Kα(x̄ − x̃)`, all from the old values.
    /// The centre starts at the mean of the replicas.
    Elastic(f32),
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
    /// What holds them together.
    pub coupling: Coupling,
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
        Self { count: 5, start, batches, coupling: Coupling::Mean(Pull::Fading), every: None, threads }
    }
}

/// Why the mean of replicas that are [apart](ReplicaPlan::is_apart) is shown with a warning.
pub const APART: &str = "Replicas with independent initial weights and no pull end in different basins of the loss, where \
                         their hidden units have different orders: the average of their weights is not a useful model. Their \
                         votes are not affected.";

impl ReplicaPlan {
    /// Whether the numbers are in range, and replicas can be trained by `plan`.
    ///
    /// # Errors
    /// [`HostError::Usage`] that names the setting.
    pub fn check(&self, plan: &Plan) -> Result<(), HostError> {
        let asks_draws = |kind: &AverageKind| matches!(kind, AverageKind::Swag(..));
        let fault = match (*self, self.coupling) {
            (Self { count: 0 | 1, .. }, _) => format!("{} replicas are too few: at least 2 are needed", self.count),
            (Self { every: Some(0), .. }, _) => "pull-every 0 is out of range: at least 1".to_string(),
            (_, Coupling::Mean(Pull::Constant(alpha))) if !(0.0..=1.0).contains(&alpha) => {
                format!("pull {alpha:?} is out of range: from 0 to 1")
            }
            (_, Coupling::Elastic(alpha)) if !(alpha > 0.0 && alpha * self.count as f32 <= 1.0) => format!(
                "pull elastic:{alpha:?} is out of range: above 0, and at most 1/{0} for {0} replicas",
                self.count
            ),
            (Self { every: None, .. }, Coupling::Mean(Pull::Fading)) if plan.epochs == 1 => {
                "a fading pull has no effect in a single epoch: use more --epochs, or --pull-every".to_string()
            }
            _ if matches!(plan.optimizer, OptimizerPlan::ScheduleFree(_)) => {
                "replicas cannot use --optimizer schedule-free: the pull does not change its inner average".to_string()
            }
            _ if plan.growth.is_some() => "replicas cannot use a growing batch (--grow)".to_string(),
            _ if plan.averages.iter().flat_map(|averages| &averages.kinds).any(asks_draws) => {
                "replicas cannot use --average swag: use swa, ema or lawa".to_string()
            }
            _ => return Ok(()),
        };
        Err(HostError::Usage(fault))
    }

    /// Whether nothing ever pulls them together.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.coupling == Coupling::Mean(Pull::Constant(0.0))
    }

    /// Whether they lie in basins of their own, so that their mean is no model.
    #[must_use]
    pub fn is_apart(&self) -> bool {
        self.is_free() && self.start == Start::Independent
    }

    /// Rounds of an epoch: a batch of each replica, or of those whose turn it is.
    fn rounds(&self, plan: &Plan, samples: usize) -> u64 {
        let batches = plan.steps_per_epoch(samples);
        match self.batches {
            Batches::Parallel => batches,
            Batches::RoundRobin => batches.div_ceil(self.count as u64),
        }
    }
}

/// What a run of replicas leaves.
#[derive(Debug)]
pub struct Replicas {
    /// The network.
    pub spec: Spec,
    /// Each replica's weights.
    pub models: Vec<Vec<f32>>,
    /// Their mean, or the centre of elastic averaging, with statistics of norms of its own.
    pub mean: Vec<f32>,
    /// The averages that the plan asks for, of that mean over the run, and that have models, in its order. Averages are
    /// linear: the mean of the replicas' own would be the same.
    pub averages: Vec<MeanOverRun>,
    /// Every epoch; the average in it is the mean.
    pub history: Vec<Epoch>,
    /// Whether the run was stopped before its end.
    pub interrupted: bool,
    /// Why the run ended early with what its last good epoch left: [`HostError::Diverged`].
    pub diverged: Option<HostError>,
}

/// An average of the means of replicas, with statistics of norms of its own.
#[derive(Clone, Debug)]
pub struct MeanOverRun {
    /// Its kind.
    pub name: &'static str,
    /// The averaged weights.
    pub params: Vec<f32>,
    /// Means in it.
    pub count: u64,
}

/// Trains `replicas` as `plan` says until its end or until `stop` is set; its averages take in the mean of the replicas, or
/// the centre of elastic averaging.
///
/// A run that diverges ends with what its last good epoch left.
///
/// # Errors
/// As [`train`](crate::host::training::train); [`HostError::Diverged`] in the first epoch, for the first replica that does.
pub fn train_replicas(
    data: &Dataset,
    plan: &Plan,
    replicas: &ReplicaPlan,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Replicas, HostError> {
    plan.check()?;
    replicas.check(plan)?;
    let spec = plan.spec(data.train.inputs(), data.classes)?;
    let (train, validation) = split(data.train.len(), plan)?;
    plan.check_batches(train.len())?;
    let (p, rounds) = (spec.param_len(), replicas.rounds(plan, train.len()));
    let total = plan.epochs.saturating_mul(rounds);
    let mut memory = crew::Memory::new(plan, &spec, replicas.count)?;
    let mut crew = Crew::new(plan, replicas, &spec, &data.train, &train, &mut memory)?;
    let kinds = plan.averages.as_ref().map_or(&[][..], |averages| &averages.kinds);
    let mut memories = kinds.iter().map(|kind| averages::Memory::new(kind, p)).collect::<Result<Vec<_>, _>>()?;
    let averages = kinds.iter().zip(&mut memories).map(|(kind, memory)| Average::new(kind, plan.seed, memory));
    let averages = averages.collect::<Result<Vec<_>, _>>()?;
    let mut memory = middle::Memory::new(replicas, p)?;
    let mut middle = Middle::new(replicas.coupling, &crew.models, &mut memory, averages)?;
    let each = kinds.iter().any(|kind| matches!(kind, AverageKind::Ema(_)));
    let meetings = Meetings::new(replicas, rounds, plan.snapshots(rounds), each);
    let mut evaluator = Evaluator::new(&spec, data)?;
    let mut norms = Norms::new(&spec, &data.train, &train)?;
    let started = Instant::now();
    let mut left = Replicas {
        spec,
        models: Vec::new(),
        mean: Vec::new(),
        averages: Vec::new(),
        history: Vec::new(),
        interrupted: false,
        diverged: None,
    };
    for epoch in 1..=plan.epochs {
        crew.begin(plan, replicas.batches, &train, epoch);
        let mut pass = || {
            let (before, end) = ((epoch - 1) * rounds, epoch * rounds);
            let mut now = before;
            while now < end && !stop.load(Relaxed) {
                let until = meetings.next(now, end);
                if until == now + 1 {
                    middle.look(&crew.models);
                }
                crew.train((now - before) as usize..(until - before) as usize, observer, stop)?;
                now = until;
                // A round that was cut short is not followed by a meeting.
                if stop.load(Relaxed) {
                    break;
                }
                if meetings.pulls_at(now) {
                    middle.pull(&mut crew.models, now, total)?;
                }
                middle.follow(&crew.models, now, &meetings)?;
            }
            let first = evaluator.validate(crew.models[0].params(), &data.train, &validation)?;
            let average = evaluator.validate(norms.of(middle.of(&crew.models)?)?, &data.train, &validation)?;
            let (train_loss, train_error) = crew.means();
            Ok(Epoch {
                epoch,
                steps: crew.steps(),
                rate: crew.rate(),
                batch: plan.batch as u64,
                noise_scale: None,
                train_loss,
                train_error: if data.train.has_classes() { train_error } else { f64::NAN },
                validation_error: first.and_then(|s| data.train.error(s)),
                validation_loss: first.map(|s| s.loss()),
                averaged: replicas.count as u64,
                average_validation_error: average.and_then(|s| data.train.error(s)),
                average_validation_loss: average.map(|s| s.loss()),
                seconds: started.elapsed().as_secs_f64(),
            })
        };
        let passed = pass();
        match passed.map_err(HostError::of_step(crew.steps(), crew.rate())) {
            Ok(row) => {
                // An epoch that was interrupted before its first round has nothing to say.
                if row.steps > left.history.last().map_or(0, |before: &Epoch| before.steps) {
                    observer.epoch(&row);
                    left.history.push(row);
                }
                left.interrupted = stop.load(Relaxed);
                left.models = crew.models.iter().map(|model| model.params().to_vec()).collect();
                middle.keep(&crew.models)?;
            }
            Err(error @ HostError::Diverged { .. }) if epoch > 1 => left.diverged = Some(error),
            Err(error) => return Err(error),
        }
        if left.interrupted || left.diverged.is_some() {
            break;
        }
    }
    left.mean = middle.kept;
    norms.refresh(&mut left.mean)?;
    for average in &middle.averages {
        let Some((mut params, count)) = average.kept() else { continue };
        norms.refresh(&mut params)?;
        left.averages.push(MeanOverRun { name: average.name, params, count });
    }
    Ok(left)
}

#[cfg(test)]
mod tests;
