//! Batch sizes that grow with the noise of gradients.

use crate::error::{Error, Setting};
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

impl BatchSize {
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
        let scale = NoiseScale::new(0.05)?;
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
            self.asked = 0;
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
        self.asked = 0;
    }
}
