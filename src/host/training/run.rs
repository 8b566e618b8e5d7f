//! A training run: epochs over shuffled samples, snapshots into the average, and what became of both models.

use super::averages::{Average, Memory, validate};
use super::feed::Feed;
use super::norms::Norms;
use super::outcome::{Averaged, Drawn, Epoch, Observer, Outcome};
use super::trainer::{Learner, Trainer, Visit};
use crate::host::HostError;
use crate::host::data::Dataset;
use crate::host::evaluation::{Evaluator, Marks, poll};
use crate::host::memory::{Floats, room, zeros};
use crate::host::plan::Plan;
use crate::optim::Optimizer;
use crate::random::{self, Purpose};
use crate::{Model, Spec};
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Instant;
use std::vec::Vec;

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
    plan.check()?;
    let spec = plan.spec(data.train.inputs(), data.classes)?;
    let (train, validation) = plan.split().of(data.train.len())?;
    plan.check_batches(train.len())?;
    let kinds = plan.averages.as_ref().map_or(&[][..], |averages| &averages.kinds);
    let state_lens = plan.optimizer.state_len(&spec, plan.lookahead);
    let mut trainer = Trainer::new(plan, &spec, train.len(), plan.steps_per_epoch(train.len()))?;
    // All at once, since a system that promises each part may not have the whole.
    let p = spec.param_len();
    room::<f32>(
        trainer
            .len()
            .saturating_add(3 * p + Norms::len(&spec) + state_lens[0] + state_lens[1])
            .saturating_add(Memory::len(kinds, p)),
    )?;
    let (mut params, mut last, mut kept) = (Floats::zeros(p)?, zeros(p)?, zeros(p)?);
    let [state, slow] = state_lens.map(Floats::zeros);
    let (mut state, mut slow) = (state?, slow?);
    let mut memories = kinds.iter().map(|kind| Memory::new(kind, p)).collect::<Result<Vec<_>, _>>()?;
    let averages = kinds.iter().zip(&mut memories).map(|(kind, memory)| Average::new(kind, plan.seed, memory));
    let mut averages = averages.collect::<Result<Vec<_>, _>>()?;
    let mut model = Model::new(&spec, &mut params)?;
    model.init(plan.init, plan.seed)?;
    let mut optimizer = plan.optimizer.start(&model, plan.lookahead, [&mut state, &mut slow])?;
    let mut evaluator = Evaluator::new(&spec, data)?;
    let mut norms = Norms::new(&spec, &data.train, &train)?;
    let augment = plan.augment.map(|augment| (augment, plan.seed));
    let mut feed = Feed::new(&data.train, train.len(), plan.unit(train.len()), augment, threads)?;
    let started = Instant::now();
    let (mut history, mut interrupted, mut diverged) = (Vec::new(), false, None);
    let mut order = train.clone();
    for epoch in 1..=plan.epochs {
        order.copy_from_slice(&train);
        random::shuffle(&mut order, &mut random::stream(plan.seed, Purpose::Shuffle, epoch));
        let mut pass = || {
            let pass = |visit: &mut Visit<'_>| feed.each(epoch, &order, visit);
            let mut learner = Learner { model: &mut model, optimizer: &mut *optimizer };
            let (sums, done) = trainer.epoch(epoch, pass, &mut learner, &mut averages, observer, stop)?;
            last.copy_from_slice(weights(&model, &*optimizer, &mut norms)?);
            let score = evaluator.validate(&last, &data.train, &validation)?;
            let average = match averages.first_mut() {
                Some(first) => validate(first, &mut norms, &mut evaluator, &data.train, &validation)?,
                None => None,
            };
            let row = Epoch {
                epoch,
                steps: model.steps(),
                rate: trainer.rate,
                batch: trainer.batch(),
                noise_scale: trainer.noise_scale(),
                train_loss: sums.loss(),
                train_error: if data.train.has_classes() { 1.0 - sums.accuracy() } else { f64::NAN },
                validation_error: score.and_then(|s| data.train.error(s)),
                validation_loss: score.map(|s| s.loss()),
                averaged: averages.first().map_or(0, Average::count),
                average_validation_error: average.and_then(|s| data.train.error(s)),
                average_validation_loss: average.map(|s| s.loss()),
                seconds: started.elapsed().as_secs_f64(),
            };
            Ok((row, done))
        };
        let passed = pass();
        match passed.map_err(HostError::of_step(model.steps(), trainer.rate)) {
            Ok((row, done)) => {
                // An epoch that was interrupted before its first batch has nothing to say.
                if row.steps > history.last().map_or(0, |before: &Epoch| before.steps) {
                    observer.epoch(&row);
                    history.push(row);
                }
                interrupted = !done;
                kept.copy_from_slice(&last);
                averages.iter_mut().for_each(Average::keep);
            }
            Err(error @ HostError::Diverged { .. }) if epoch > 1 => {
                diverged = Some(error);
            }
            Err(error) => return Err(error),
        }
        if interrupted || diverged.is_some() {
            break;
        }
    }
    let failed = HostError::of_step(model.steps(), trainer.rate);
    let sets = Sets { data, train: &train, validation: &validation };
    let last_marks = sets.marks(&mut evaluator, &kept).map_err(failed)?;
    let mut averaged = Vec::new();
    for average in &averages {
        let Some((mut params, count)) = average.kept() else { continue };
        norms.refresh(&mut params)?;
        let marks = sets.marks(&mut evaluator, &params)?;
        let mut made = Averaged { name: average.name, params, count, marks, drawn: None };
        if diverged.is_none() {
            sets.ask(average, &spec, &mut evaluator, &mut norms, &mut made)?;
        }
        averaged.push(made);
    }
    let last_is_average = optimizer.averaged().is_some();
    Ok(Outcome {
        spec,
        last: kept,
        last_is_average,
        last_marks,
        averages: averaged,
        baseline: None,
        baseline_history: Vec::new(),
        history,
        interrupted,
        diverged,
    })
}

/// What predicts: an optimizer's average, or the model's own parameters.
fn weights<'a>(
    model: &'a Model<'_>,
    optimizer: &'a dyn Optimizer,
    norms: &'a mut Norms<'_>,
) -> Result<&'a [f32], HostError> {
    optimizer.averaged().map_or(Ok(model.params()), |averaged| norms.of(averaged.as_slice()))
}

/// What models are judged by.
struct Sets<'a> {
    data: &'a Dataset,
    train: &'a [u32],
    validation: &'a [u32],
}

impl Sets<'_> {
    fn marks(&self, evaluator: &mut Evaluator<'_>, params: &[f32]) -> Result<Marks, HostError> {
        evaluator.marks(params, self.data, self.train, self.validation)
    }

    /// Replaces the marks of a posterior's mean by what its draws predict.
    fn ask(
        &self,
        average: &Average<'_>,
        spec: &Spec,
        evaluator: &mut Evaluator<'_>,
        norms: &mut Norms<'_>,
        averaged: &mut Averaged,
    ) -> Result<(), HostError> {
        let Some(draws) = average.draws() else { return Ok(()) };
        let test: Vec<u32> = (0..self.data.test.len() as u32).collect();
        let Dataset { train: samples, test: others, .. } = self.data;
        let sets = [(samples, self.train), (samples, self.validation), (others, &test[..])];
        let [train, validation, test] = poll(spec, sets, |polls| average.ask(evaluator, norms, polls))?;
        averaged.drawn = Some(Drawn { draws, mean: averaged.marks.clone(), votes: [validation, test] });
        let [train, validation, test] = [train, validation, test].map(|[soft, ..]| soft.calibration);
        let [a, b, c] = [train, validation, test].map(|asked| asked.score());
        averaged.marks = Marks { train: a, validation: b, test: c, calibration: Some(test), regression: None };
        Ok(())
    }
}
