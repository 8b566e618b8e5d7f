//! How far images move, and what that is for one of them.

use crate::host::HostError;
use crate::host::prelude::*;
use crate::random::{SampleDraws, symmetric};
use core::f32::consts::PI;

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
    pub(super) fn pose(&self, draws: &SampleDraws) -> Pose {
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
pub(super) struct Pose {
    /// Radians, clockwise.
    pub(super) angle: f32,
    /// How large, 1 as it was.
    pub(super) size: f32,
    /// Shares of width and height.
    pub(super) shift: [f32; 2],
    pub(super) shear: f32,
    pub(super) mirrored: bool,
}
