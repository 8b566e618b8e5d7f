//! How good models are on sets of samples that stay as they are in memory.

use super::HostError;
use super::memory::{Floats, zeros};
use super::mnist::{Dataset, Samples};
use super::run::Marks;
use crate::{Score, Spec, Targets, Workspace, evaluate};
use std::format;
use std::thread;
use std::vec::Vec;

/// Samples that pass at once; changes no bit.
const BATCH: usize = 64;

/// Scores models on sets that are kept as bytes.
pub(crate) struct Evaluator<'a> {
    spec: &'a Spec,
    params: Floats,
    work: Floats,
    lists: Floats,
    integers: Vec<u32>,
    labels: Vec<u16>,
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(spec: &'a Spec, data: &Dataset) -> Result<Self, HostError> {
        if spec.inputs() != data.train.inputs() || spec.outputs() < data.classes {
            return Err(HostError::Mismatch(format!(
                "the model takes {} inputs and knows {} classes, but the data have {} and {}",
                spec.inputs(),
                spec.outputs(),
                data.train.inputs(),
                data.classes
            )));
        }
        Ok(Self {
            spec,
            params: Floats::zeros(spec.param_len())?,
            work: Floats::zeros(spec.predict_len(BATCH))?,
            lists: Floats::zeros(spec.list_len(BATCH))?,
            integers: zeros(spec.index_len(BATCH))?,
            labels: zeros(BATCH)?,
        })
    }

    /// The score of `params` on the samples named by `indices`.
    pub(crate) fn score(&mut self, params: &[f32], samples: &Samples, indices: &[u32]) -> Result<Score, HostError> {
        self.params.copy_from_slice(params);
        let work = Workspace::for_prediction(self.spec, BATCH, &mut self.work)?;
        let mut work = work.with_lists(self.spec, &mut self.lists, &mut self.integers)?;
        let mut score = Score::default();
        for batch in indices.chunks(BATCH) {
            let classes = Targets::Classes(samples.classes(batch, &mut self.labels));
            evaluate(self.spec, &self.params, samples.inputs_of(batch), classes, &mut score, &mut work)?;
        }
        Ok(score)
    }

    pub(crate) fn validate(
        &mut self,
        params: &[f32],
        samples: &Samples,
        indices: &[u32],
    ) -> Result<Option<Score>, HostError> {
        if indices.is_empty() { Ok(None) } else { self.score(params, samples, indices).map(Some) }
    }

    fn marks(&mut self, params: &[f32], data: &Dataset, train: &[u32], validation: &[u32]) -> Result<Marks, HostError> {
        let test: Vec<u32> = (0..data.test.len() as u32).collect();
        Ok(Marks {
            train: self.score(params, &data.train, train)?,
            validation: self.score(params, &data.train, validation)?,
            test: self.score(params, &data.test, &test)?,
        })
    }
}

/// How good several models are on all sets, each on a thread of its own; the number of threads changes no bit.
///
/// # Errors
/// [`HostError::Memory`] and [`HostError::Mismatch`] for all of them, the rest for each.
pub(crate) fn marks(
    spec: &Spec,
    models: &[&[f32]],
    data: &Dataset,
    train: &[u32],
    validation: &[u32],
) -> Result<Vec<Result<Marks, HostError>>, HostError> {
    let evaluators = models.iter().map(|_| Evaluator::new(spec, data)).collect::<Result<Vec<_>, _>>()?;
    Ok(thread::scope(|scope| {
        let threads: Vec<_> = evaluators
            .into_iter()
            .zip(models)
            .map(|(mut evaluator, params)| scope.spawn(move || evaluator.marks(params, data, train, validation)))
            .collect();
        // A thread that panics passes its panic on.
        threads.into_iter().map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    }))
}
