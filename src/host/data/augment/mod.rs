//! Augmentation: every epoch sees each image a little moved, so that a network learns the symbol and not its place.
//!
//! One inverse map a pixel, elastic displacement included, and one bilinear look-up, in integers; outside of the image
//! is background, 0. What happens to an image depends on seed, epoch and the sample's index alone, and is the same to
//! the byte on every machine: threads and order do not matter.

mod field;
mod warp;

use super::idx::MAX_PIXELS;
use crate::Error;
use crate::error::Buffer;
use crate::host::HostError;
use crate::math::{cos, sin};
use crate::random::{SampleDraws, symmetric};
use core::f32::consts::PI;
use field::Field;
use std::format;
use warp::{Map, Warp};

/// How far images move; each number is drawn uniformly from `(−x, x)`, for each sample in each epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Augment {
    /// Rotation about the centre, degrees, from 0 to 180.
    pub rotate: f32,
    /// Change of the size, in both directions the same, from 0 to 0.9: the image becomes `1 + z` times as large.
    pub zoom: f32,
    /// Shift, in shares of the width and, drawn apart, of the height, from 0 to 1.
    pub shift: f32,
    /// Shear along the rows, from 0 to 1: a slant, `x + h·y`.
    pub shear: f32,
    /// Whether every other image, by chance, is mirrored left to right; a mirrored digit is another symbol.
    pub flip: bool,
    /// Elastic displacement on top; none by default.
    pub elastic: Option<Elastic>,
}

impl Augment {
    /// Nothing moves.
    pub const NONE: Self = Self { rotate: 0.0, zoom: 0.0, shift: 0.0, shear: 0.0, flip: false, elastic: None };

    /// Whether the numbers are in range.
    ///
    /// # Errors
    /// [`HostError::Usage`] that names the setting and its value.
    pub fn check(&self) -> Result<(), HostError> {
        let Elastic { alpha, sigma } = self.elastic.unwrap_or_default();
        for (name, value, low, high) in [
            ("rotate", self.rotate, 0.0, 180.0),
            ("zoom", self.zoom, 0.0, 0.9),
            ("shift", self.shift, 0.0, 1.0),
            ("shear", self.shear, 0.0, 1.0),
            ("elastic-alpha", alpha, 0.0, 1000.0),
            ("elastic-sigma", sigma, 0.1, 1000.0),
        ] {
            if !(low..=high).contains(&value) {
                return Err(HostError::Usage(format!("{name} {value:?} is out of range: from {low} to {high}")));
            }
        }
        Ok(())
    }

    /// What happens to one sample.
    fn pose(&self, draws: &SampleDraws) -> Pose {
        let ([a, b, c, d], [e, f, ..]) = (draws.block(0), draws.block(1));
        let within = |bound, word| bound * symmetric(word);
        Pose {
            angle: within(self.rotate, a) * (PI / 180.0),
            size: 1.0 + within(self.zoom, b),
            shift: [within(self.shift, c), within(self.shift, d)],
            shear: within(self.shear, e),
            mirrored: self.flip && f >> 31 == 1,
        }
    }
}

impl Default for Augment {
    /// Rotation by 10 degrees, zoom, shift and shear by 0.1; neither mirrored nor elastic.
    fn default() -> Self {
        Self { rotate: 10.0, zoom: 0.1, shift: 0.1, shear: 0.1, ..Self::NONE }
    }
}

/// Elastic displacement (Simard, Steinkraus and Platt 2003): two fields of noise, uniform in `(−1, 1)` for each pixel,
/// smoothed by a Gaussian of `sigma` and scaled by `alpha`, say how far each pixel is displaced along each axis.
///
/// The Gaussian's weights sum to 1, as is common practice, and noise outside of the image is 0. A displacement then has a
/// standard deviation of `alpha / (√3 · 2√π · sigma)`, which is 1.4 pixels by default, and a little less near the
/// border. A field normalised to norm 1, as the authors' text can be read, would give `34 / 28 = 1.2`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elastic {
    /// Scale, pixels, from 0 to 1000.
    pub alpha: f32,
    /// Standard deviation of the Gaussian, pixels, from 0.1 to 1000.
    pub sigma: f32,
}

impl Default for Elastic {
    /// What its authors found best for MNIST: alpha 34, sigma 4.
    fn default() -> Self {
        Self { alpha: 34.0, sigma: 4.0 }
    }
}

/// One draw of everything but the displacement.
#[derive(Clone, Copy, Debug)]
struct Pose {
    /// Radians, clockwise.
    angle: f32,
    /// How large, 1 as it was.
    size: f32,
    /// Shares of width and height.
    shift: [f32; 2],
    shear: f32,
    mirrored: bool,
}

impl Pose {
    /// Where a pixel of the result comes from, for images of `rows` by `cols`.
    ///
    /// The image moves by `p ↦ c + t + z·R(θ)·S(h)·F·(p − c)` about its centre `c`, with `S` the shear and `F` the
    /// mirror; this is the inverse, `c + F·S(−h)·R(−θ)/z·(p − c − t)`.
    fn map(&self, rows: usize, cols: usize) -> Map {
        let [sin, cos] = [sin(self.angle), cos(self.angle)].map(f64::from);
        let (size, shear) = (f64::from(self.size), f64::from(self.shear));
        let mirror = if self.mirrored { -1.0 } else { 1.0 };
        let x = [mirror * (cos + shear * sin) / size, mirror * (sin - shear * cos) / size];
        let y = [-sin / size, cos / size];
        let (width, height) = (cols as f64, rows as f64);
        let centre = [(width - 1.0) / 2.0, (height - 1.0) / 2.0];
        let [dx, dy] = self.shift.map(f64::from);
        Map::new([x, y], centre, [centre[0] + width * dx, centre[1] + height * dy])
    }
}

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
        let map = self.warp.map(&self.augment.pose(&draws));
        self.warp.apply(&map, self.field.as_ref(), image, to);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
