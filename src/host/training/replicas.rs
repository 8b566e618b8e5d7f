//! Replicas on all cores, and what they have in common.

use super::averages::{self, Average};
use super::crew::{self, Crew};
use super::middle::{self, Meetings, Middle};
use super::norms::Norms;
use super::outcome::{Epoch, MeanOverRun, Observer, Replicas};
use crate::host::HostError;
use crate::host::data::Dataset;
use crate::host::evaluation::Evaluator;
use crate::host::plan::{AverageKind, Plan, ReplicaPlan};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;
use std::vec::Vec;

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
    let (train, validation) = plan.split().of(data.train.len())?;
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
