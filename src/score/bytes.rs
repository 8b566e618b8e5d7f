//! A score as bytes, for one that goes on after a restart.

use super::Score;
use crate::bytes::{Reader, Writer};
use crate::error::Error;
use crate::math::Total;

impl Score {
    /// Bytes of a score.
    pub const BYTES: usize = 60;

    /// The score as bytes, little-endian on every target: 8 `f32` lanes of losses, `f32` the losses of the samples before
    /// them, `u64` samples. Without weights `u64` hits and 8 zeros follow. With weights these are the weight of the hits,
    /// a `u64` whose upper half is their `f32` sum and whose lower half is what rounding took from it, then the weight of
    /// all samples, `f32` sum, −0 while it is 0, and `f32` what rounding took.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        self.write(&mut Writer::new(&mut bytes));
        bytes
    }

    /// The score that these bytes encode.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] with the byte of a number that no samples leave.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Self, Error> {
        Self::read(&mut Reader::new(bytes))
    }

    pub(crate) fn write(&self, out: &mut Writer<'_>) {
        let Self { lanes, before, samples, hits, weight } = *self;
        let (high, low) = weight.parts();
        lanes.into_iter().chain([before]).for_each(|sum| out.float(sum));
        out.long(samples);
        out.long(hits);
        out.float(high);
        out.float(low);
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Self, Error> {
        let mut score = Self::default();
        for lane in 0..8 {
            let sum = input.float()?;
            if !sum.is_finite() {
                return Err(input.fault());
            }
            score.lanes[lane] = sum;
        }
        score.before = input.float()?;
        if !score.before.is_finite() {
            return Err(input.fault());
        }
        score.samples = input.long()?;
        if !score.is_possible() {
            return Err(input.fault());
        }
        score.hits = input.long()?;
        let (high, low) = (input.float()?, input.float()?);
        score.weight = if high == 0.0 && low.to_bits() == 0 {
            Total::from(high)
        } else {
            Total::from_parts(high, low).ok_or(input.fault())?
        };
        if score.has_hits() { Ok(score) } else { Err(input.fault()) }
    }

    /// Whether its samples may have had so many hits; with weights, whether they may have had this weight, and their hits theirs.
    fn has_hits(&self) -> bool {
        let Self { samples, hits, weight, .. } = *self;
        if !self.is_weighted() {
            return hits <= samples;
        }
        let (high, low) = Total::from_bits(hits).parts();
        let is_sum = Total::from_parts(high, low).is_some();
        // Without any weight there are no hits. Two sums of many weights may be rounded apart.
        let is_part = high <= weight.value() * (1.0 + f32::EPSILON);
        is_sum && is_part && samples > 0 && (weight.value() > 0.0 || hits == 0)
    }

    /// Whether so many samples may have left these sums: nothing but zeros stands where no sample came.
    fn is_possible(&self) -> bool {
        let Self { lanes, before, samples, .. } = *self;
        let is_zero = |x: f32| x.to_bits() == 0;
        let used = (samples % super::LEVEL).min(8) as usize;
        // After a level its rounding stands in the first lane.
        let used = if samples >= super::LEVEL { used.max(1) } else { used };
        let unused = lanes.iter().skip(used).all(|&lane| is_zero(lane));
        // Nobody counts so far that the next ones have no number.
        unused && (samples >= super::LEVEL || is_zero(before)) && samples >> 63 == 0
    }
}
