//! How noisy gradients are, from the micro-batches that make up a batch.

use crate::bytes::{Reader, Writer};
use crate::error::{Error, Setting};
use crate::model::params::LIMIT;

/// What the micro-batches of a gradient say of its noise: scalars only, without a second gradient.
///
/// With `m` micro-batches of `b_i` samples, `B` in all, and the mean gradients `g_i` and `ḡ`:
/// `S = (Σ b_i|g_i|² − B|ḡ|²)/(m − 1)` estimates the trace of the gradients' covariance, `G² = |ḡ|² − S/B` the square of the
/// true gradient (McCandlish et al. 2018, appendix A.1; for equal `b` their equation).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Noise {
    /// `S`, the trace of the covariance of one sample's gradient.
    pub variance: f32,
    /// `G²`; it may come out negative where noise hides the gradient.
    pub signal: f32,
    /// `|ḡ|²`.
    pub square: f32,
    /// `B`.
    pub samples: u64,
}

impl Noise {
    /// From `Σ b_i|g_i|²` over `m` micro-batches of `B` samples, and `|ḡ|²`; none where a square is too large.
    pub(crate) fn new(squares: f32, parts: u64, square: f32, samples: u64) -> Result<Option<Self>, Error> {
        if parts < 2 {
            return Err(Error::SinglePart);
        }
        let n = samples as f32;
        let variance = (squares - n * square) / parts.saturating_sub(1) as f32;
        let noise = Self { variance, signal: square - variance / n, square, samples };
        Ok(Some(noise).filter(Self::is_moderate))
    }

    /// Whether differences of two do not overflow.
    fn is_moderate(&self) -> bool {
        self.variance.abs() < LIMIT && self.signal.abs() < LIMIT
    }

    /// The norm test (Byrd et al. 2012): whether `S/B <= θ²|ḡ|²`, the gradient's error being a share `θ` of it at most.
    #[must_use]
    pub fn passes(&self, theta: f32) -> bool {
        self.variance <= theta * theta * self.square * self.samples as f32
    }

    /// The least batch that would pass: `⌈S/(θ²|ḡ|²)⌉`, at least 1; `u64::MAX` where the gradient is zero.
    #[must_use]
    pub fn wanted(&self, theta: f32) -> u64 {
        let wanted = self.variance / (theta * theta * self.square);
        if wanted.is_nan() {
            u64::MAX
        } else {
            (wanted as u64).saturating_add(u64::from((wanted as u64) as f32 != wanted)).max(1)
        }
    }
}

/// The gradient noise scale (McCandlish et al. 2018): `B_simple = EMA(S)/EMA(G²)`, the batch size up to which a larger batch
/// saves about as many steps as it has samples more.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NoiseScale {
    epsilon: f32,
    weight: f32,
    variance: f32,
    signal: f32,
}

impl NoiseScale {
    /// Bytes of a noise scale.
    pub const BYTES: usize = 16;

    /// Nothing seen yet; each gradient counts `epsilon = 1 − decay`, bias-corrected, such as 0.05.
    ///
    /// # Errors
    /// [`Error::Setting`] unless `0 < epsilon <= 1`.
    pub fn new(epsilon: f32) -> Result<Self, Error> {
        if !(epsilon > 0.0 && epsilon <= 1.0) {
            return Err(Error::Setting(Setting::Decay));
        }
        Ok(Self { epsilon, weight: 0.0, variance: 0.0, signal: 0.0 })
    }

    /// Adds the noise of one more gradient; one that is not finite, or too large, is left out.
    pub fn update(&mut self, noise: Noise) {
        if !noise.is_moderate() {
            return;
        }
        self.weight += self.epsilon * (1.0 - self.weight);
        let gain = self.epsilon / self.weight;
        self.variance += (noise.variance - self.variance) * gain;
        self.signal += (noise.signal - self.signal) * gain;
    }

    /// `B_simple`; none before the first gradient, or while noise hides the gradient, `EMA(G²) <= 0`.
    #[must_use]
    pub fn get(&self) -> Option<f32> {
        (self.signal > 0.0 && self.variance >= 0.0).then(|| self.variance / self.signal)
    }

    /// The noise scale as bytes, little-endian on every target: `f32` ε, `f32` weight of the gradients so far, `f32` mean of
    /// `S`, `f32` mean of `G²`.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        self.write(&mut Writer::new(&mut bytes));
        bytes
    }

    /// The noise scale that these bytes encode.
    ///
    /// # Errors
    /// [`Error::Setting`] for an ε out of range, [`Error::Checkpoint`] for a number that no gradients leave.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Self, Error> {
        Self::read(&mut Reader::new(bytes))
    }

    /// How much each gradient counts.
    pub(super) fn epsilon(&self) -> f32 {
        self.epsilon
    }

    pub(super) fn write(&self, out: &mut Writer<'_>) {
        [self.epsilon, self.weight, self.variance, self.signal].into_iter().for_each(|x| out.float(x));
    }

    pub(super) fn read(input: &mut Reader<'_>) -> Result<Self, Error> {
        let mut scale = Self::new(input.float()?)?;
        scale.weight = input.float()?;
        // The first gradient has weight ε, each other one comes closer to 1.
        let is_empty = scale.weight.to_bits() == 0;
        if !(is_empty || (scale.epsilon..=1.0).contains(&scale.weight)) {
            return Err(input.fault());
        }
        for mean in [&mut scale.variance, &mut scale.signal] {
            *mean = input.float()?;
            let is_possible = if is_empty { mean.to_bits() == 0 } else { mean.abs() < LIMIT };
            if !is_possible {
                return Err(input.fault());
            }
        }
        Ok(scale)
    }
}
