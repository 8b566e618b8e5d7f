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
mod tests;
