//! Statistics of norms for weights that training did not leave: averaged, mixed, drawn, or on a plane between models.

use crate::average::NormUpdate;
use crate::host::HostError;
use crate::host::data::Samples;
use crate::host::memory::{Floats, zeros};
use crate::host::prelude::*;
use crate::{Spec, Workspace};
use core::mem;

/// Samples that are normalised together.
const BATCH: usize = 256;

/// The samples that statistics are recomputed over.
pub(in crate::host) struct Norms<'a> {
    spec: &'a Spec,
    samples: &'a Samples,
    batches: Vec<&'a [u32]>,
    /// None for a network without norms, whose weights stay as they are.
    memory: Option<Memory>,
    /// For a copy of parameters.
    own: Vec<f32>,
}

struct Memory {
    pooled: Floats,
    work: Floats,
    lists: Floats,
    integers: Vec<u32>,
}

impl<'a> Norms<'a> {
    /// Over the samples named by `indices`.
    ///
    /// # Errors
    /// [`HostError::Memory`]; [`HostError::Mismatch`] for a single sample, which has no variance.
    pub(in crate::host) fn new(spec: &'a Spec, samples: &'a Samples, indices: &'a [u32]) -> Result<Self, HostError> {
        let mut norms = Self { spec, samples, batches: Vec::new(), memory: None, own: Vec::new() };
        if spec.norm_len() == 0 {
            return Ok(norms);
        }
        if indices.len() < 2 {
            return Err(HostError::Mismatch("batch normalisation needs at least two training samples".to_owned()));
        }
        let mut rest = indices;
        while !rest.is_empty() {
            // No sample stays alone.
            let n = if rest.len() == BATCH + 1 { BATCH - 1 } else { rest.len().min(BATCH) };
            let (batch, tail) = rest.split_at(n);
            norms.batches.push(batch);
            rest = tail;
        }
        norms.own = zeros(spec.param_len())?;
        norms.memory = Some(Memory {
            pooled: Floats::zeros(spec.norm_len())?,
            work: Floats::zeros(spec.work_len(BATCH))?,
            lists: Floats::zeros(spec.list_len(BATCH))?,
            integers: zeros(spec.index_len(BATCH))?,
        });
        Ok(norms)
    }

    /// Floats that it takes for `spec`, an integer counted as one.
    pub(in crate::host) fn len(spec: &Spec) -> usize {
        let batch = [spec.work_len(BATCH), spec.list_len(BATCH), spec.index_len(BATCH)];
        let all = batch.into_iter().chain([spec.param_len(), spec.norm_len()]).fold(0, usize::saturating_add);
        if spec.norm_len() > 0 { all } else { 0 }
    }

    /// `params` with statistics of their own.
    ///
    /// # Errors
    /// As [`refresh`](Self::refresh).
    pub(in crate::host) fn of<'s>(&'s mut self, params: &'s [f32]) -> Result<&'s [f32], HostError> {
        if self.memory.is_none() {
            return Ok(params);
        }
        let mut own = mem::take(&mut self.own);
        own.copy_from_slice(params);
        let done = self.refresh(&mut own);
        self.own = own;
        done.map(|()| &*self.own)
    }

    /// Gives `params` statistics of their own.
    ///
    /// # Errors
    /// As [`NormUpdate::add`] and [`NormUpdate::finish`]; `params` are as before then.
    pub(in crate::host) fn refresh(&mut self, params: &mut [f32]) -> Result<(), HostError> {
        let Some(Memory { pooled, work, lists, integers }) = &mut self.memory else { return Ok(()) };
        let mut work = Workspace::new(self.spec, BATCH, work)?.with_lists(self.spec, lists, integers)?;
        let mut update = NormUpdate::new(self.spec, params, pooled)?;
        for batch in &self.batches {
            update.add(self.samples.inputs_of(batch), &mut work)?;
        }
        update.finish()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::average::Draws;
    use crate::host::data::Dataset;
    use crate::host::evaluation::SavedModel;
    use crate::host::plan::{AverageKind, AveragePlan, OptimizerPlan, Plan};
    use crate::host::study::soup::{Method, average};
    use crate::host::training::outcome::Deaf;
    use crate::host::training::run::train;
    use crate::optim::ScheduleFreeConfig;
    use std::sync::atomic::AtomicBool;

    /// An epoch on a tenth of the sample, with an average that is one, and a posterior.
    fn plan(optimizer: OptimizerPlan) -> Plan {
        let draws = Draws { seed: 1, samples: 1, scale: 1.0 };
        let kinds = vec![AverageKind::Swa, AverageKind::Swag(0, draws)];
        let averages = Some(AveragePlan { kinds, start: 0.5, every: Some(5), ..AveragePlan::default() });
        let (batch_norm, validation, epochs) = (true, 0.9, 1);
        Plan { hidden: vec![8, 7], batch_norm, validation, epochs, optimizer, averages, rate: 0.01, ..Plan::default() }
    }

    #[test]
    fn averages_of_a_run_have_statistics_of_their_own_and_the_last_iterate_running_ones() {
        let data = Dataset::sample().unwrap();
        let free = OptimizerPlan::ScheduleFree(ScheduleFreeConfig::default());
        for (plan, is_free) in [(plan(Plan::default().optimizer), false), (plan(free), true)] {
            let outcome = train(&data, &plan, &mut Deaf, &AtomicBool::new(false)).unwrap();
            let (indices, _) = plan.split().of(data.train.len()).unwrap();
            let mut norms = Norms::new(&outcome.spec, &data.train, &indices).unwrap();
            assert_eq!(outcome.averages.len(), 2);
            for average in &outcome.averages {
                assert!(norms.of(&average.params).unwrap() == average.params, "{}", average.name);
                assert!(average.marks.test.accuracy() > 0.2, "{}: {:?}", average.name, average.marks.test);
            }
            assert_eq!(norms.of(&outcome.last).unwrap() == outcome.last, is_free);

            let models = [&outcome.last, &outcome.averages[0].params];
            let saved = |params: &Vec<f32>| SavedModel {
                spec: outcome.spec,
                params: params.clone(),
                is_average: false,
                preparation: None,
                trained_on: None,
            };
            let models: Vec<_> = models.into_iter().map(|params| ("a".to_string(), saved(params))).collect();
            let mean = average(&models, &Method::Uniform, Some(&data), plan.split()).unwrap().average;
            assert!(norms.of(&mean.params).unwrap() == mean.params);
        }
    }

    #[test]
    fn no_sample_is_alone_and_a_network_without_norms_stays_as_it_is() {
        let data = Dataset::sample().unwrap();
        let spec = plan(Plan::default().optimizer).spec(784, 10).unwrap();
        let indices: Vec<u32> = (0..600).collect();
        for (n, sizes) in [(2, vec![2]), (256, vec![256]), (257, vec![255, 2]), (513, vec![256, 255, 2])] {
            let norms = Norms::new(&spec, &data.train, &indices[..n]).unwrap();
            assert_eq!(norms.batches.iter().map(|batch| batch.len()).collect::<Vec<_>>(), sizes);
        }
        assert!(Norms::new(&spec, &data.train, &indices[..1]).is_err());
        let plain = spec.folded();
        let mut params = vec![0.5; plain.param_len()];
        let mut norms = Norms::new(&plain, &data.train, &indices[..1]).unwrap();
        assert_eq!(norms.of(&params).unwrap().as_ptr(), params.as_ptr());
        norms.refresh(&mut params).unwrap();
        assert!(params.iter().all(|&p| p == 0.5));
    }

    #[test]
    fn weights_that_are_no_numbers_keep_their_statistics() {
        let data = Dataset::sample().unwrap();
        let spec = plan(Plan::default().optimizer).spec(784, 10).unwrap();
        let indices: Vec<u32> = (0..300).collect();
        let mut norms = Norms::new(&spec, &data.train, &indices).unwrap();
        let mut params = vec![1e30; spec.param_len()];
        assert!(norms.refresh(&mut params).is_err() && norms.of(&params).is_err());
        assert!(params.iter().all(|&p| p == 1e30));
    }

    #[test]
    fn batches_that_leave_a_sample_alone_are_refused() {
        let refused = |batch, micro_batch, samples| {
            Plan { batch, micro_batch, ..plan(Plan::default().optimizer) }.check_batches(samples).is_err()
        };
        for (batch, micro, samples, expected) in [
            (32, None, 64, false),
            (32, None, 65, true),
            (32, None, 66, false),
            (1, None, 64, true),
            (32, Some(1), 64, true),
            (33, Some(32), 66, true),
            (34, Some(32), 68, false),
            (32, Some(8), 64 + 9, true),
            (100, None, 5, false),
            (100, None, 1, true),
            (100, Some(4), 5, true),
        ] {
            assert_eq!(refused(batch, micro, samples), expected, "{batch} {micro:?} {samples}");
            let without = Plan { batch, micro_batch: micro, ..Plan::default() };
            assert!(without.check_batches(samples).is_ok());
        }
    }
}
