//! Calibration: how often predictions are right, by the probability that they have.

use crate::bytes::{Reader, Writer};
use crate::error::{Error, Value};
use crate::math;
use crate::score::Score;
use crate::targets::argmax;

/// Bins of equal width that confidences fall into.
const BINS: usize = 15;

/// Calibration of probabilities: expected calibration error (Guo et al. 2017, equation 3, 15 bins of equal width)
/// and negative log-likelihood of the true class.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Calibration {
    score: Score,
    bins: [Bin; BINS],
}

/// Samples whose confidence, the largest probability, lies in an interval of `1/15`: a bar of a reliability diagram.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reliability {
    /// How many.
    pub samples: u64,
    /// Their mean confidence.
    pub confidence: f32,
    /// Share of them whose class was right.
    pub accuracy: f32,
}

/// The sums of a [`Reliability`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Bin {
    samples: u64,
    hits: u64,
    /// Sum of confidences in units of 2⁻²⁴: exact, whatever the order.
    confidence: u64,
}

impl Calibration {
    /// Bytes of a calibration.
    pub const BYTES: usize = Score::BYTES + 24 * BINS;

    /// The calibration as bytes, little-endian on every target: the [`Score`], then of each bin `u64` samples, `u64` hits and
    /// `u64` sum of confidences in units of 2⁻²⁴.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let mut out = Writer::new(&mut bytes);
        self.score.write(&mut out);
        for Bin { samples, hits, confidence } in self.bins {
            [samples, hits, confidence].into_iter().for_each(|count| out.long(count));
        }
        bytes
    }

    /// The calibration that these bytes encode.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] with the byte of a number that no samples leave.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Self, Error> {
        let mut input = Reader::new(bytes);
        let mut read = Self { score: Score::read(&mut input)?, bins: Default::default() };
        let (mut samples, mut hits) = (0_u64, 0_u64);
        for bin in &mut read.bins {
            *bin = Bin { samples: input.long()?, hits: input.long()?, confidence: input.long()? };
            let most = bin.samples.saturating_mul(1 << 24);
            (samples, hits) = (samples.saturating_add(bin.samples), hits.saturating_add(bin.hits));
            if bin.hits > bin.samples || bin.confidence > most {
                return Err(input.fault());
            }
        }
        let is_all = (samples, hits) == (read.score.samples(), read.score.hits()) && !read.score.is_weighted();
        if is_all { Ok(read) } else { Err(input.fault()) }
    }

    /// Adds a sample's probabilities and its class; a class of probability zero counts as one of 2⁻¹²⁶. A single probability
    /// is that of class 1 against class 0.
    ///
    /// # Errors
    /// [`Error::Label`] for a class without a probability, [`Error::NonFinite`] for a probability outside `[0, 1]`.
    pub fn add(&mut self, probabilities: &[f32], class: u16) -> Result<(), Error> {
        if let Some(index) = probabilities.iter().position(|p| !(0.0..=1.0).contains(p)) {
            return Err(Error::NonFinite { value: Value::Output, index });
        }
        let both = probabilities.first().map_or([0.0; 2], |p| [1.0 - p, *p]);
        let probabilities = if probabilities.len() == 1 { &both } else { probabilities };
        let Some(&own) = probabilities.get(usize::from(class)) else {
            let sample = usize::try_from(self.score.samples()).unwrap_or(usize::MAX);
            return Err(Error::Label { sample, label: class, classes: probabilities.len() as u16 });
        };
        let top = argmax(probabilities);
        let hit = top == class;
        let confidence = probabilities.get(usize::from(top)).map_or(0, |p| (p * 16_777_216.0) as u64);
        // The interval (b/15, (b+1)/15].
        let place = confidence.wrapping_mul(BINS as u64).div_ceil(1 << 24).saturating_sub(1) as usize;
        if let Some(bin) = self.bins.get_mut(place) {
            bin.samples = bin.samples.wrapping_add(1);
            bin.hits = bin.hits.wrapping_add(u64::from(hit));
            bin.confidence = bin.confidence.wrapping_add(confidence);
        }
        self.score.add(-math::ln(if own < f32::MIN_POSITIVE { f32::MIN_POSITIVE } else { own }), hit);
        Ok(())
    }

    /// Mean negative log-likelihood and accuracy.
    #[must_use]
    pub fn score(&self) -> Score {
        self.score
    }

    /// Each bin that has samples, confidences ascending.
    pub fn reliability(&self) -> impl Iterator<Item = Reliability> {
        self.bins.iter().filter(|bin| bin.samples > 0).map(|bin| Reliability {
            samples: bin.samples,
            confidence: bin.confidence as f32 / 16_777_216.0 / bin.samples as f32,
            accuracy: bin.hits as f32 / bin.samples as f32,
        })
    }

    /// `Σ_b (n_b/n)·|accuracy_b − confidence_b|`; NaN without samples.
    #[must_use]
    pub fn ece(&self) -> f32 {
        let gap = |bin: &Bin| (bin.hits << 24).abs_diff(bin.confidence);
        let gaps: u64 = self.bins.iter().map(gap).fold(0, u64::saturating_add);
        gaps as f32 / 16_777_216.0 / self.score.samples() as f32
    }
}
