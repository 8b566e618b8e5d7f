//! What has to be kept beside the sum of a gradient, and its bytes.

use super::Squares;
use crate::bytes::{Reader, Writer};
use crate::error::Error;
use crate::score::Score;

/// What a gradient is besides its floats: kept with them, for [`Gradient::resume`](super::Gradient::resume).
///
/// | byte | what |
/// |---|---|
/// | 0 | `u32` digest of the network |
/// | 4 | `u8` 1 if micro-batches are measured; `u8` 1 if the sum was clipped; 2 zeros |
/// | 8 | the [`Score`](crate::metrics::Score) so far |
/// | 68 | of those that were measured: `f32` sum of `b·‖g‖²`, `u64` their number, `u64` their samples |
/// | 88 | `f32` square of the sum's norm before it was clipped, else 0 |
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradientState {
    pub(super) network: u32,
    pub(super) score: Score,
    pub(super) squares: Option<Squares>,
    pub(super) clipped: Option<f32>,
}

impl GradientState {
    /// Bytes of a state.
    pub const BYTES: usize = 92;

    /// Loss and hits of the samples so far.
    #[must_use]
    pub fn score(&self) -> Score {
        self.score
    }

    /// The state as bytes, little-endian on every target.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let Squares { sum, parts, samples } = self.squares.unwrap_or_default();
        let mut bytes = [0; Self::BYTES];
        let mut out = Writer::new(&mut bytes);
        out.word(self.network);
        out.bytes(&[u8::from(self.squares.is_some()), u8::from(self.clipped.is_some()), 0, 0]);
        self.score.write(&mut out);
        out.float(sum);
        out.long(parts);
        out.long(samples);
        out.float(self.clipped.unwrap_or(0.0));
        bytes
    }

    /// The state that these bytes encode.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] with the byte of a field that no micro-batches leave.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Self, Error> {
        let mut input = Reader::new(bytes);
        let network = input.word()?;
        let [measured, is_clipped, 0, 0] = input.array()? else { return Err(input.fault()) };
        if measured > 1 || is_clipped > 1 {
            return Err(input.fault());
        }
        let score = Score::read(&mut input)?;
        // Samples with weights are never measured.
        let most = if score.is_weighted() { 0 } else { score.samples() };
        let squares = read_squares(&mut input, measured == 1, most)?;
        let clipped = input.float()?;
        let is_possible = if is_clipped == 1 {
            score.samples() > 0 && clipped > 0.0 && clipped.is_finite()
        } else {
            clipped.to_bits() == 0
        };
        if !is_possible {
            return Err(input.fault());
        }
        Ok(Self { network, score, squares, clipped: (is_clipped == 1).then_some(clipped) })
    }
}

/// What is kept of micro-batches of at most `most` samples; zeros where they are not measured.
fn read_squares(input: &mut Reader<'_>, measured: bool, most: u64) -> Result<Option<Squares>, Error> {
    let sum = input.float()?;
    // Squares may overflow, and are refused when the noise is asked for.
    if sum.is_nan() || sum.is_sign_negative() {
        return Err(input.fault());
    }
    let parts = input.long()?;
    if parts > most || (parts == 0 && sum > 0.0) {
        return Err(input.fault());
    }
    let samples = input.long()?;
    if samples < parts || samples > most || (parts == 0) != (samples == 0) {
        return Err(input.fault());
    }
    if !measured && parts > 0 {
        return Err(input.fault());
    }
    Ok(measured.then_some(Squares { sum, parts, samples }))
}
