//! How good models are on sets of samples that stay as they are in memory, on all cores.

use super::HostError;
use super::memory::{Floats, zeros};
use super::mnist::{Dataset, Samples};
use super::run::Marks;
use crate::{Buffer, Error, Score, Spec, Targets, Value, Workspace, evaluate};
use std::format;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::vec::Vec;

/// Samples that pass at once.
const BATCH: usize = 64;
/// Samples that a thread takes at once. Their scores are merged in order: the number of threads changes no bit.
const CHUNK: usize = 8 * BATCH;

/// Scores models on sets that are kept as bytes.
#[derive(Debug)]
pub struct Evaluator<'a> {
    spec: &'a Spec,
    params: Floats,
    workers: Vec<Worker>,
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
        if spec.inputs() != data.train.inputs() || spec.outputs() < data.classes {
            return Err(HostError::Mismatch(format!(
                "the model takes {} inputs and knows {} classes, but the data have {} and {}",
                spec.inputs(),
                spec.outputs(),
                data.train.inputs(),
                data.classes
            )));
        }
        let useful = data.train.len().max(data.test.len()).div_ceil(CHUNK).max(1);
        let workers = (0..threads.get().min(useful)).map(|_| Worker::new(spec)).collect::<Result<_, _>>()?;
        Ok(Self { spec, params: Floats::zeros(spec.param_len())?, workers })
    }

    /// The score of `params` on the samples named by `indices`: those of 512 samples each, merged in order, so that the
    /// loss may differ from that of [`evaluate`] in its last digits.
    ///
    /// # Errors
    /// [`HostError::Core`] as [`evaluate`], for the first samples concerned, a sample counted within its 512.
    pub fn score(&mut self, params: &[f32], samples: &Samples, indices: &[u32]) -> Result<Score, HostError> {
        Error::expect_len(Buffer::Params, self.spec.param_len(), params.len())?;
        self.params.copy_from_slice(params);
        let (spec, params) = (self.spec, &*self.params);
        let chunks: Vec<&[u32]> = indices.chunks(CHUNK).collect();
        let next = AtomicUsize::new(0);
        let work = |worker: &mut Worker| {
            let mut scores = Vec::new();
            while let Some((i, chunk)) = Some(next.fetch_add(1, Relaxed)).and_then(|i| Some((i, *chunks.get(i)?))) {
                scores.push((i, worker.score(spec, params, samples, chunk)));
            }
            scores
        };
        let busy = self.workers.len().min(chunks.len());
        let (first, others) = self.workers[..busy].split_at_mut(1.min(busy));
        let mut scores = thread::scope(|scope| {
            // A thread that the system refuses is no loss but of time: the others take its chunks.
            let spawn = |worker| thread::Builder::new().spawn_scoped(scope, || work(worker)).ok();
            let threads: Vec<_> = others.iter_mut().filter_map(spawn).collect();
            let mut scores: Vec<_> = first.iter_mut().flat_map(work).collect();
            for thread in threads {
                // A thread that panics passes its panic on.
                scores.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            scores
        });
        scores.sort_unstable_by_key(|&(i, _)| i);
        let mut total = Score::default();
        for (_, score) in scores {
            total.merge(&score?);
        }
        if total.samples() > 0 && !total.loss().is_finite() {
            return Err(Error::NonFinite { value: Value::Loss, index: 0 }.into());
        }
        Ok(total)
    }

    pub(crate) fn validate(
        &mut self,
        params: &[f32],
        samples: &Samples,
        indices: &[u32],
    ) -> Result<Option<Score>, HostError> {
        if indices.is_empty() { Ok(None) } else { self.score(params, samples, indices).map(Some) }
    }

    /// How good a model is on all sets.
    pub(crate) fn marks(
        &mut self,
        params: &[f32],
        data: &Dataset,
        train: &[u32],
        validation: &[u32],
    ) -> Result<Marks, HostError> {
        let test: Vec<u32> = (0..data.test.len() as u32).collect();
        Ok(Marks {
            train: self.score(params, &data.train, train)?,
            validation: self.score(params, &data.train, validation)?,
            test: self.score(params, &data.test, &test)?,
        })
    }
}

/// The memory of one thread.
#[derive(Debug)]
struct Worker {
    work: Floats,
    lists: Floats,
    integers: Vec<u32>,
    labels: Vec<u16>,
}

impl Worker {
    fn new(spec: &Spec) -> Result<Self, HostError> {
        Ok(Self {
            work: Floats::zeros(spec.predict_len(BATCH))?,
            lists: Floats::zeros(spec.list_len(BATCH))?,
            integers: zeros(spec.index_len(BATCH))?,
            labels: zeros(CHUNK)?,
        })
    }

    fn score(&mut self, spec: &Spec, params: &[f32], samples: &Samples, chunk: &[u32]) -> Result<Score, HostError> {
        let work = Workspace::for_prediction(spec, BATCH, &mut self.work)?;
        let mut work = work.with_lists(spec, &mut self.lists, &mut self.integers)?;
        let classes = Targets::Classes(samples.classes(chunk, &mut self.labels));
        let mut score = Score::default();
        evaluate(spec, params, samples.inputs_of(chunk), classes, &mut score, &mut work)?;
        Ok(score)
    }
}
