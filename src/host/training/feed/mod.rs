//! The batches of an epoch: of the samples as they are, or of augmented ones, which other threads make ahead.

use super::ahead::ahead;
use crate::host::HostError;
use crate::host::data::{Augment, Augmenter, Samples};
use crate::host::memory::room;
use crate::host::prelude::*;
use core::num::NonZeroUsize;

/// Samples that a thread augments at once, in whole batches and at least one: enough that locks do not count, few enough
/// for its cache.
const CHUNK: usize = 128;

/// What training reads.
pub(in crate::host) struct Feed<'a> {
    samples: &'a Samples,
    batch: usize,
    augmented: Option<Augmented>,
}

struct Augmented {
    chunk: usize,
    /// One for each thread.
    augmenters: Vec<Augmenter>,
    /// Memory of chunks.
    buffers: Vec<Samples>,
    /// Every place in a chunk.
    places: Vec<u32>,
}

impl<'a> Feed<'a> {
    /// Batches of `batch` out of `count` of the samples, augmented on up to `threads` threads, this one among them.
    pub(in crate::host) fn new(
        samples: &'a Samples,
        count: usize,
        batch: usize,
        augment: Option<(Augment, u64)>,
        threads: NonZeroUsize,
    ) -> Result<Self, HostError> {
        let batch = batch.min(count).max(1);
        let Some((augment, seed)) = augment else { return Ok(Self { samples, batch, augmented: None }) };
        let chunk = (CHUNK / batch).max(1) * batch;
        let chunks = count.div_ceil(chunk);
        let threads = threads.get().min(chunks.max(1));
        let Some(images) = samples.images() else {
            return Err(HostError::Usage("augmentation needs images, but the data are a table".to_owned()));
        };
        let augmenter = |_| Augmenter::new(augment, seed, images.rows, images.cols);
        let augmenters = (0..threads).map(augmenter).collect::<Result<_, _>>()?;
        // One that is used, one for each thread, and one that waits; nobody makes one ahead on this thread alone.
        let buffers = if threads == 1 { 1 } else { (threads + 2).min(chunks.max(1)) };
        let buffers = (0..buffers).filter_map(|_| samples.memory(chunk).transpose()).collect::<Result<_, _>>()?;
        let mut places = room(chunk)?;
        places.extend(0..chunk as u32);
        Ok(Self { samples, batch, augmented: Some(Augmented { chunk, augmenters, buffers, places }) })
    }

    /// Calls `visit` with each batch of `order` until it fails or says `false`, and gives what it said last: samples, and
    /// which of them.
    pub(in crate::host) fn each(
        &mut self,
        epoch: u64,
        order: &[u32],
        mut visit: impl FnMut(&Samples, &[u32]) -> Result<bool, HostError>,
    ) -> Result<bool, HostError> {
        let (samples, batch) = (self.samples, self.batch);
        let mut batches = |samples: &Samples, picks: &[u32]| -> Result<bool, HostError> {
            for pick in picks.chunks(batch) {
                if !visit(samples, pick)? {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        let Some(Augmented { chunk, augmenters, buffers, places }) = &mut self.augmented else {
            return batches(samples, order);
        };
        let chunks: Vec<&[u32]> = order.chunks(*chunk).collect();
        let make = |augmenter: &mut Augmenter, i: usize, to: &mut Samples| {
            // Images of a set are all of its size.
            to.renew(samples, chunks[i], |sample, image, to| {
                let _ = augmenter.apply(epoch, sample, image, to);
            });
        };
        ahead(chunks.len(), buffers, augmenters, make, |i, made| batches(made, &places[..chunks[i].len()]))
    }
}

#[cfg(test)]
pub(in crate::host) mod tests;
