//! A score as bytes, for one that goes on after a restart.

use super::Score;
use crate::bytes::{Reader, Writer};
use crate::error::Error;

impl Score {
    /// Bytes of a score.
    pub const BYTES: usize = 60;

    /// The score as bytes, little-endian on every target: 8 `f32` lanes of losses, `f32` the losses of the samples before
    /// them, `u64` samples, `u64` hits, 8 zeros.
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
        let Self { lanes, before, samples, hits } = *self;
        lanes.into_iter().for_each(|lane| out.float(lane));
        out.float(before);
        out.long(samples);
        out.long(hits);
        out.long(0);
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
        if score.hits > score.samples {
            return Err(input.fault());
        }
        if input.long()? != 0 { Err(input.fault()) } else { Ok(score) }
    }

    /// Whether so many samples may have left these sums: nothing but zeros stands where no sample came.
    fn is_possible(&self) -> bool {
        let Self { lanes, before, samples, .. } = *self;
        let is_zero = |x: f32| x.to_bits() == 0;
        let used = (samples % super::LEVEL).min(8) as usize;
        // After a level its rounding stands in the first lane.
        let used = if samples >= super::LEVEL { used.max(1) } else { used };
        let unused = lanes.iter().skip(used).all(|&lane| is_zero(lane));
        unused && (samples >= super::LEVEL || is_zero(before))
    }
}
