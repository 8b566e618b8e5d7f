//! Batch sizes that grow with the noise of gradients.

use crate::bytes::{Reader, Writer};
use crate::error::{CheckpointFault, Error, Setting};
use crate::train::noise::{Noise, NoiseScale};

/// By what a batch grows.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Growth {
    /// To what the norm test with this `θ`, in `(0, 1)`, wants, where it fails.
    NormTest(f32),
    /// To the gradient noise scale times this.
    NoiseScale(f32),
    /// Twofold after every so many samples (AdaBatch; Devarakonda et al. 2017), whatever the noise.
    Doubling(u64),
}

/// A batch size that only grows, from one bound to another, where its [`Growth`] asks for more several times running.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BatchSize {
    growth: Growth,
    size: u64,
    most: u64,
    /// Gradients in a row that must ask for more.
    patience: u32,
    asked: u32,
    /// The least size that all of these asked for.
    wanted: u64,
    samples: u64,
    scale: NoiseScale,
}

/// What a growing batch weighs the noise of each gradient by.
const EPSILON: f32 = 0.05;

impl BatchSize {
    /// Bytes of a batch size.
    pub const BYTES: usize = 68;

    /// From `least` to `most` samples, growing where `patience` gradients in a row ask for it.
    ///
    /// # Errors
    /// [`Error::Setting`] unless `1 <= least <= most`, `patience >= 1`, `0 < θ < 1`, and factor and period are positive.
    pub fn new(growth: Growth, least: u64, most: u64, patience: u32) -> Result<Self, Error> {
        let is_sound = match growth {
            Growth::NormTest(theta) => theta > 0.0 && theta < 1.0,
            Growth::NoiseScale(factor) => factor > 0.0 && factor.is_finite(),
            Growth::Doubling(every) => every > 0,
        };
        if !is_sound || least == 0 || least > most || patience == 0 {
            return Err(Error::Setting(Setting::Growth));
        }
        let scale = NoiseScale::new(EPSILON)?;
        Ok(Self { growth, size: least, most, patience, asked: 0, wanted: 0, samples: 0, scale })
    }

    /// Samples of the next batch.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.size
    }

    /// The noise scale so far, as [`NoiseScale::get`].
    #[must_use]
    pub fn noise_scale(&self) -> Option<f32> {
        self.scale.get()
    }

    /// Counts a step on so many samples with the noise of its gradient, where it came in micro-batches; returns the size of
    /// the next batch: where `patience` of them in a row asked for more, the least that they asked for. Without a
    /// positive `G²` the size holds.
    pub fn update(&mut self, samples: u64, noise: Option<Noise>) -> u64 {
        let before = self.samples;
        self.samples = before.saturating_add(samples);
        if let Some(noise) = noise {
            self.scale.update(noise);
        }
        match (self.growth, noise) {
            (Growth::Doubling(every), _) => {
                let periods = |samples: u64| samples.checked_div(every).unwrap_or(0);
                let passed = u32::try_from(periods(self.samples).saturating_sub(periods(before))).unwrap_or(u32::MAX);
                self.grow(self.size.saturating_mul(2_u64.saturating_pow(passed)));
            }
            (Growth::NormTest(theta), Some(noise)) if noise.signal > 0.0 => {
                self.ask(if noise.passes(theta) { 0 } else { noise.wanted(theta) });
            }
            (Growth::NoiseScale(factor), Some(_)) => {
                if let Some(scale) = self.scale.get() {
                    self.ask((scale * factor) as u64);
                }
            }
            _ => {}
        }
        self.size
    }

    /// Counts what one gradient asks for.
    fn ask(&mut self, wanted: u64) {
        if wanted <= self.size {
            (self.asked, self.wanted) = (0, 0);
            return;
        }
        self.wanted = if self.asked == 0 { wanted } else { wanted.min(self.wanted) };
        self.asked = self.asked.saturating_add(1);
        if self.asked >= self.patience {
            self.grow(self.wanted);
        }
    }

    fn grow(&mut self, size: u64) {
        self.size = size.min(self.most).max(self.size);
        (self.asked, self.wanted) = (0, 0);
    }

    /// The batch size with its settings as bytes, little-endian on every target, see below.
    ///
    /// | byte | what |
    /// |---|---|
    /// | 0 | `u8` growth: 0 norm test, 1 noise scale, 2 doubling; 3 zeros |
    /// | 4 | `u32` gradients in a row that must ask for more |
    /// | 8 | `f32` θ or factor and 4 zeros, or `u64` samples between two doublings |
    /// | 16 | `u64` samples of the next batch, `u64` most of them |
    /// | 32 | `u64` samples so far |
    /// | 40 | `u32` gradients in a row that asked, `u64` the least that they asked for |
    /// | 52 | the [`NoiseScale`] |
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let of_float = |x: f32| u64::from(x.to_bits());
        let (kind, constant) = match self.growth {
            Growth::NormTest(theta) => (0, of_float(theta)),
            Growth::NoiseScale(factor) => (1, of_float(factor)),
            Growth::Doubling(every) => (2, every),
        };
        let mut bytes = [0; Self::BYTES];
        let mut out = Writer::new(&mut bytes);
        out.word(kind);
        out.word(self.patience);
        [constant, self.size, self.most, self.samples].into_iter().for_each(|long| out.long(long));
        out.word(self.asked);
        out.long(self.wanted);
        self.scale.write(&mut out);
        bytes
    }

    /// The batch size that these bytes encode.
    ///
    /// # Errors
    /// [`Error::Setting`] for settings out of range, [`Error::Checkpoint`] with the byte of a number that no gradients leave,
    /// and 0 where a byte without a meaning is not zero.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Self, Error> {
        let wrong = Error::Checkpoint(CheckpointFault::Field(0));
        let mut input = Reader::new(bytes);
        let (kind, patience, constant) = (input.word()?, input.word()?, input.long()?);
        let growth = match kind {
            0 => Growth::NormTest(f32::from_bits(constant as u32)),
            1 => Growth::NoiseScale(f32::from_bits(constant as u32)),
            2 => Growth::Doubling(constant),
            _ => return Err(wrong),
        };
        let (size, most) = (input.long()?, input.long()?);
        let settings = Self::new(growth, size, most, patience)?;
        let (samples, asked) = (input.long()?, input.word()?);
        if asked >= patience {
            return Err(input.fault());
        }
        let wanted = input.long()?;
        if (asked == 0) != (wanted == 0) || (asked > 0 && wanted <= size) {
            return Err(input.fault());
        }
        let scale = NoiseScale::read(&mut input)?;
        let read = Self { samples, asked, wanted, scale, ..settings };
        let is_same = scale.epsilon() == EPSILON && read.to_bytes() == *bytes;
        if is_same { Ok(read) } else { Err(wrong) }
    }
}
