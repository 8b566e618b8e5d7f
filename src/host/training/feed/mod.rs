//! The batches of an epoch: of the samples as they are, or of augmented ones, which other threads make ahead.

use super::ahead::{Helper, ahead};
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
    /// What this thread makes a chunk with, and where.
    here: (Augmenter, Samples),
    helpers: Vec<Helper<Augmenter, Samples>>,
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
        let no_images = || HostError::Usage("augmentation needs images, but the data are a table".to_owned());
        let images = samples.images().ok_or_else(no_images)?;
        let augmenter = || Augmenter::new(augment, seed, images.rows, images.cols);
        let buffer = || samples.memory(chunk)?.ok_or_else(no_images);
        // A thread alone makes no chunk ahead; a helper has two chunks to make at least.
        let helpers = if threads.get() == 1 { 0 } else { threads.get().min(count.div_ceil(chunk) / 2) };
        let helper = |_| Ok::<_, HostError>((augmenter()?, [buffer()?, buffer()?]));
        let (here, helpers) = ((augmenter()?, buffer()?), (0..helpers).map(helper).collect::<Result<_, _>>()?);
        let mut places = room(chunk)?;
        places.extend(0..chunk as u32);
        Ok(Self { samples, batch, augmented: Some(Augmented { chunk, here, helpers, places }) })
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
        let Some(Augmented { chunk, here: (here, own), helpers, places }) = &mut self.augmented else {
            return batches(samples, order);
        };
        let chunks: Vec<&[u32]> = order.chunks(*chunk).collect();
        let make = |augmenter: &mut Augmenter, i: usize, to: &mut Samples| {
            // Images of a set are all of its size.
            to.renew(samples, chunks[i], |sample, image, to| {
                let _ = augmenter.apply(epoch, sample, image, to);
            });
        };
        ahead(chunks.len(), (here, own), helpers, make, |i, made| batches(made, &places[..chunks[i].len()]))
    }
}

#[cfg(test)]
pub(in crate::host) mod tests;
