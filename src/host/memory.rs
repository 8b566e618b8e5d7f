//! Memory on the host: asked for before it is used, and aligned for the kernels.

use super::error::HostError;
use crate::host::prelude::*;
use crate::{Error, Spec, Workspace};
use std::ops::{Deref, DerefMut};

/// So many zeros, or [`HostError::Memory`] where another program would be killed.
pub(crate) fn zeros<T: Clone + Default>(n: usize) -> Result<Vec<T>, HostError> {
    let mut zeros = room(n)?;
    zeros.resize(n, T::default());
    Ok(zeros)
}

/// An empty vector with room for exactly `n`.
pub(crate) fn room<T>(n: usize) -> Result<Vec<T>, HostError> {
    let mut room = Vec::new();
    let megabytes = n.saturating_mul(size_of::<T>()) as u64 / 1_000_000;
    room.try_reserve_exact(n).map_err(|_| HostError::Memory { megabytes })?;
    Ok(room)
}

/// Floats that begin at a cache line: a row of weights then spans as few lines as it can, a quarter faster.
#[derive(Debug, Default)]
pub(crate) struct Floats {
    floats: Vec<f32>,
    start: usize,
}

impl Floats {
    /// `n` zeros.
    pub(crate) fn zeros(n: usize) -> Result<Self, HostError> {
        const LINE: usize = 64;
        let floats = zeros::<f32>(n.saturating_add(LINE / size_of::<f32>()))?;
        let start = floats.as_ptr().align_offset(LINE).min(LINE / size_of::<f32>());
        let mut floats = Self { floats, start };
        floats.floats.truncate(start + n);
        Ok(floats)
    }
}

impl Deref for Floats {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.floats[self.start..]
    }
}

impl DerefMut for Floats {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.floats[self.start..]
    }
}

/// A workspace of training for so many samples at once.
pub(crate) struct Work {
    pub(crate) samples: usize,
    floats: Floats,
    lists: Floats,
    integers: Vec<u32>,
}

impl Work {
    /// Floats that it takes, an integer counted as one.
    pub(crate) fn len(spec: &Spec, samples: usize) -> usize {
        let parts = [spec.work_len(samples), spec.list_len(samples), spec.index_len(samples)];
        parts.into_iter().fold(0, usize::saturating_add)
    }

    pub(crate) fn new(spec: &Spec, samples: usize) -> Result<Self, HostError> {
        let [floats, lists] = [spec.work_len(samples), spec.list_len(samples)].map(Floats::zeros);
        Ok(Self { samples, floats: floats?, lists: lists?, integers: zeros(spec.index_len(samples))? })
    }

    pub(crate) fn space(&mut self, spec: &Spec) -> Result<Workspace<'_>, Error> {
        Workspace::new(spec, self.samples, &mut self.floats)?.with_lists(spec, &mut self.lists, &mut self.integers)
    }
}

#[cfg(test)]
mod tests;
