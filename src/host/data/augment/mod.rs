//! Augmentation: every epoch sees each image a little moved, so that a network learns the symbol and not its place.
//!
//! One inverse map a pixel, elastic displacement included, and one bilinear look-up, in integers; outside of the image
//! is background, 0. What happens to an image depends on seed, epoch and the sample's index alone, and is the same to
//! the byte on every machine: threads and order do not matter.

mod settings;
mod field;
mod warp;

use super::idx::MAX_PIXELS;
use crate::Error;
use crate::error::Buffer;
use crate::host::HostError;
use crate::host::prelude::*;
use crate::random::SampleDraws;
use field::Field;
pub use settings::{Augment, Elastic};
use warp::Warp;

/// Augments images of one size; one for each thread.
#[derive(Debug)]
pub struct Augmenter {
    augment: Augment,
    seed: u64,
    warp: Warp,
    field: Option<Field>,
}

impl Augmenter {
    /// For images of `rows` by `cols` pixels.
    ///
    /// # Errors
    /// As [`Augment::check`]; [`HostError::Usage`] for images that are not of 1 to [`MAX_PIXELS`] pixels or, for elastic
    /// displacement, whose sides are not of 1 to 4096; [`HostError::Memory`].
    pub fn new(augment: Augment, seed: u64, rows: usize, cols: usize) -> Result<Self, HostError> {
        augment.check()?;
        if !rows.checked_mul(cols).is_some_and(|pixels| (1..=MAX_PIXELS).contains(&pixels)) {
            return Err(HostError::Usage(format!(
                "images of {rows} x {cols} are not possible: an image has 1 to {MAX_PIXELS} pixels"
            )));
        }
        let field = augment.elastic.map(|elastic| Field::new(elastic, rows, cols)).transpose()?;
        Ok(Self { augment, seed, warp: Warp::new(rows, cols)?, field })
    }

    /// Makes `to`, what becomes of `image` as sample `sample` in `epoch`: `rows · cols` bytes each, row-major.
    ///
    /// # Errors
    /// [`Error::Length`], with nothing written.
    pub fn apply(&mut self, epoch: u64, sample: u32, image: &[u8], to: &mut [u8]) -> Result<(), Error> {
        let pixels = self.warp.pixels();
        Error::expect_len(Buffer::Inputs, pixels, image.len())?;
        Error::expect_len(Buffer::Inputs, pixels, to.len())?;
        let draws = SampleDraws::new(self.seed, epoch, sample);
        if let Some(field) = &mut self.field {
            field.draw(&draws);
        }
        self.warp.apply(&self.augment.pose(&draws), self.field.as_ref(), image, to);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
