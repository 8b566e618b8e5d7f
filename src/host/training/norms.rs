//! Statistics of norms for weights that training did not leave: averaged, mixed, drawn, or on a plane between models.

use crate::Spec;
use crate::average::NormUpdate;
use crate::host::HostError;
use crate::host::data::Samples;
use crate::host::memory::{Floats, Work, zeros};
use crate::host::prelude::*;
use core::mem;

/// Samples that are normalised together.
const BATCH: usize = 256;

/// The samples that statistics are recomputed over.
pub(in crate::host) struct Norms<'a> {
    spec: &'a Spec,
    samples: &'a Samples,
    batches: Vec<&'a [u32]>,
    /// None for a network without norms, whose weights stay as they are.
    memory: Option<(Floats, Work)>,
    /// For a copy of parameters.
    own: Vec<f32>,
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
        norms.memory = Some((Floats::zeros(spec.norm_len())?, Work::new(spec, BATCH)?));
        Ok(norms)
    }

    /// Floats that it takes for `spec`, an integer counted as one.
    pub(in crate::host) fn len(spec: &Spec) -> usize {
        let all = [spec.param_len(), spec.norm_len()].into_iter().fold(Work::len(spec, BATCH), usize::saturating_add);
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
        let Some((pooled, work)) = &mut self.memory else { return Ok(()) };
        let mut work = work.space(self.spec)?;
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
