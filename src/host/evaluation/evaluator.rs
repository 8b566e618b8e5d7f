//! How good models are on sets of samples that stay as they are in memory, on all cores.

use super::results::Results;
use super::threads::share;
use crate::error::Buffer;
use crate::host::HostError;
use crate::host::data::{Dataset, Samples, TargetSpace};
use crate::host::memory::{Floats, room, zeros};
use crate::host::prelude::*;
use crate::metrics::{Score, score_each};
use crate::score::score;
use crate::{Error, Loss, Spec, Workspace, predict};
use std::num::NonZeroUsize;
use std::thread;

/// Samples that pass at once.
const BATCH: usize = 64;
/// Samples that a thread takes at once.
const CHUNK: usize = 8 * BATCH;

/// Scores models on sets that are kept as bytes.
#[derive(Debug)]
pub struct Evaluator<'a> {
    spec: &'a Spec,
    params: Floats,
    workers: Vec<Worker>,
    /// Weights of the classes in training; empty where they count 1.
    pub(in crate::host) of_classes: Vec<f32>,
}

impl<'a> Evaluator<'a> {
    /// For models of `spec`, on as many threads as there are cores.
    ///
    /// # Errors
    /// [`HostError::Mismatch`] where `data` do not fit, [`HostError::Memory`].
    pub fn new(spec: &'a Spec, data: &Dataset) -> Result<Self, HostError> {
        Self::with_threads(spec, data, thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }

    /// [`new`](Self::new) on at most `threads` threads.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_threads(spec: &'a Spec, data: &Dataset, threads: NonZeroUsize) -> Result<Self, HostError> {
        check(spec, data)?;
        let useful = data.train.len().max(data.test.len()).div_ceil(CHUNK).max(1);
        let workers = (0..threads.get().min(useful)).map(|_| Worker::new(spec)).collect::<Result<_, _>>()?;
        Ok(Self { spec, params: Floats::zeros(spec.param_len())?, workers, of_classes: Vec::new() })
    }

    pub(super) fn spec(&self) -> &'a Spec {
        self.spec
    }

    /// The score of `params` on the samples named by `indices`: that of [`evaluate`](crate::metrics::evaluate), bit for bit, on
    /// any number of threads; no indices, no samples.
    ///
    /// # Errors
    /// [`HostError::Core`] as [`evaluate`](crate::metrics::evaluate), for the first samples concerned, a sample counted within
    /// the 512 that a thread takes at once.
    pub fn score(&mut self, params: &[f32], samples: &Samples, indices: &[u32]) -> Result<Score, HostError> {
        self.results(params, samples, indices).map(|(score, _)| score)
    }

    /// The score likewise, and what it is of.
    ///
    /// # Errors
    /// As [`score`](Self::score).
    pub(crate) fn results(
        &mut self,
        params: &[f32],
        samples: &Samples,
        indices: &[u32],
    ) -> Result<(Score, Results), HostError> {
        self.ask(params, samples, indices, false).map(|(score, results, _)| (score, results))
    }

    /// The score likewise, and the outputs, shape `(indices.len(), outputs)`, or the numbers that they [predict](predicted).
    /// Outputs that are not finite are an error.
    pub(crate) fn outputs(
        &mut self,
        params: &[f32],
        samples: &Samples,
        indices: &[u32],
    ) -> Result<(Score, Vec<f32>), HostError> {
        let (score, _, outputs) = self.ask(params, samples, indices, true)?;
        Ok((score, if samples.has_classes() { outputs } else { predicted(self.spec, outputs) }))
    }

    /// Score, loss and hit of each sample, and the outputs if they are kept: thread by thread, in their order.
    fn ask(
        &mut self,
        params: &[f32],
        samples: &Samples,
        indices: &[u32],
        keeps: bool,
    ) -> Result<(Score, Results, Vec<f32>), HostError> {
        Error::expect_len(Buffer::Params, self.spec.param_len(), params.len())?;
        self.params.copy_from_slice(params);
        let (spec, params) = (self.spec, &*self.params);
        let chunks: Vec<&[u32]> = indices.chunks(CHUNK).collect();
        let ask = |worker: &mut Worker, i: usize| worker.ask(spec, params, samples, chunks[i], keeps);
        let (mut total, mut results) = (Score::default(), Results::default());
        let mut outputs = room(if keeps { indices.len().saturating_mul(spec.outputs()) } else { 0 })?;
        for asked in share(&mut self.workers, chunks.len(), ask) {
            let (scored, of_chunk) = asked?;
            for (loss, hit) in scored {
                total.add(loss, hit);
                results.hits.push(hit);
                results.losses.push(loss);
            }
            outputs.extend(of_chunk);
        }
        total.check(self.spec.layout.last())?;
        Ok((total, results, outputs))
    }

    /// The mean of the outputs of models, given by their parameters and weights, shape `(indices.len(), outputs)`, and its
    /// score.
    pub(in crate::host) fn mean_outputs(
        &mut self,
        models: &[(&[f32], f32)],
        samples: &Samples,
        indices: &[u32],
    ) -> Result<(Score, Vec<f32>), HostError> {
        let total: f32 = models.iter().map(|(_, weight)| weight).sum();
        let mut mean = zeros(indices.len().saturating_mul(self.spec.outputs()))?;
        for (params, weight) in models {
            let (_, _, outputs) = self.ask(params, samples, indices, true)?;
            mean.iter_mut().zip(outputs).for_each(|(mean, output)| *mean += output * (weight / total));
        }
        let (mut sum, mut targets) = (Score::default(), TargetSpace::room(indices.len())?);
        score(self.spec, &mut mean.clone(), samples.targets(indices, &mut targets), |loss, hit| sum.add(loss, hit));
        sum.check(self.spec.layout.last())?;
        Ok((sum, if samples.has_classes() { mean } else { predicted(self.spec, mean) }))
    }

    pub(crate) fn validate(
        &mut self,
        params: &[f32],
        samples: &Samples,
        indices: &[u32],
    ) -> Result<Option<Score>, HostError> {
        if indices.is_empty() {
            return Ok(None);
        }
        let (score, results) = self.results(params, samples, indices)?;
        Ok(Some(self.weighed(samples, indices, score, &results)))
    }

    /// Whether samples count by weights in training.
    pub(super) fn weighs(&self, samples: &Samples) -> bool {
        !self.of_classes.is_empty() || samples.has_weights()
    }

    /// The score of these samples for validation, which count as in training.
    pub(super) fn weighed(&self, samples: &Samples, indices: &[u32], score: Score, results: &Results) -> Score {
        if !self.weighs(samples) {
            return score;
        }
        let mut weighed = Score::default();
        weighed.weigh();
        for ((&i, &loss), &hit) in indices.iter().zip(&results.losses).zip(&results.hits) {
            let class = samples.label(i as usize).map(usize::from);
            let of_class = class.and_then(|class| self.of_classes.get(class)).copied().unwrap_or(1.0);
            weighed.add_weighted(samples.weight(i as usize) * of_class, loss, hit);
        }
        weighed
    }
}

/// The numbers that outputs predict, as many as the targets of each sample: of means and log-variances the means, of
/// several labels their probabilities, else the outputs.
fn predicted(spec: &Spec, outputs: Vec<f32>) -> Vec<f32> {
    match spec.loss_kind() {
        Loss::GaussianNll => outputs.chunks(spec.outputs()).flat_map(|row| &row[..spec.targets()]).copied().collect(),
        Loss::BinaryCrossEntropy => outputs.into_iter().map(|z| spec.math_kind().sigmoid(z)).collect(),
        _ => outputs,
    }
}

/// The memory of one thread.
#[derive(Debug)]
struct Worker {
    work: Floats,
    lists: Floats,
    integers: Vec<u32>,
    targets: TargetSpace,
}

/// Whether models of `spec` can be evaluated on `data`.
fn check(spec: &Spec, data: &Dataset) -> Result<(), HostError> {
    let (takes, have, asked) = (spec.inputs(), data.train.inputs(), data.classes);
    let has_classes = data.train.has_classes();
    let known = if has_classes { spec.classes() } else { spec.targets() };
    Err(HostError::Mismatch(if takes != have {
        format!("the model has {takes} inputs, but the data have {have}")
    } else if known >= asked {
        return Ok(());
    } else if !has_classes {
        format!("the model predicts {known} numbers, but the data have {asked}")
    } else if known == 0 {
        "the model predicts a number, but the data contain classes".to_owned()
    } else {
        format!("the model has {known} classes, but the data have {asked}")
    }))
}

impl Worker {
    fn new(spec: &Spec) -> Result<Self, HostError> {
        Ok(Self {
            work: Floats::zeros(spec.predict_len(BATCH))?,
            lists: Floats::zeros(spec.list_len(BATCH))?,
            integers: zeros(spec.index_len(BATCH))?,
            targets: TargetSpace::room(CHUNK)?,
        })
    }

    /// Loss and hit of each sample, and the outputs if they are kept.
    fn ask(
        &mut self,
        spec: &Spec,
        params: &[f32],
        samples: &Samples,
        chunk: &[u32],
        keeps: bool,
    ) -> Result<Chunk, HostError> {
        let work = Workspace::for_prediction(spec, BATCH, &mut self.work)?;
        let mut work = work.with_lists(spec, &mut self.lists, &mut self.integers)?;
        let targets = samples.targets(chunk, &mut self.targets);
        let (mut scored, mut all) = (Vec::with_capacity(chunk.len()), Vec::new());
        let mut each = |loss, hit| scored.push((loss, hit));
        if !keeps {
            score_each(spec, params, samples.inputs_of(chunk), &targets, &mut work, &mut each)?;
            return Ok((scored, all));
        }
        for (done, batch) in (0..).step_by(BATCH).zip(chunk.chunks(BATCH)) {
            let outputs = predict(spec, params, samples.inputs_of(batch), &mut work)?;
            all.extend_from_slice(outputs);
            score(spec, outputs, targets.skip(done, spec.targets()), &mut each);
        }
        Ok((scored, all))
    }
}

/// Loss and hit of up to [`CHUNK`] samples, and their outputs.
type Chunk = (Vec<(f32, bool)>, Vec<f32>);

#[cfg(test)]
mod tests;
