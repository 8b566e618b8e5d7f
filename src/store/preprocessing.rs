//! A preprocessing as bytes, which follow the checkpoint in a model file: little-endian on every target.
//!
//! | byte | what |
//! |---|---|
//! | 0 | magic `89 43 59 47 50 52 45 0a` |
//! | 8 | `u16` format version, 1; `u16` features `n` |
//! | 12 | `5·n` numbers, `f32`: fill (NaN is `7fc00000`), low, high, shift, scale of each feature |
//! | 12 + 20·n | `u32` CRC-32 (ISO-HDLC) of all bytes before |

use crate::bytes::{Reader, Writer};
use crate::error::{Buffer, CheckpointFault, Error};
use crate::preprocess::{PARTS, Preprocess};
use crate::slices::numbered;

const MAGIC: [u8; 8] = *b"\x89CYGPRE\n";
const VERSION: u16 = 1;
const HEADER: usize = 12;
/// How NaN is written, whatever its payload.
const NAN: u32 = 0x7fc0_0000;

impl<'a> Preprocess<'a> {
    /// Bytes of the preprocessing of so many features: `16 + 20·inputs`.
    #[must_use]
    pub const fn section_len(inputs: usize) -> usize {
        Self::state_len(inputs).saturating_mul(4).saturating_add(HEADER + 4)
    }

    /// Writes it into `bytes`, [`section_len`](Self::section_len) of them: behind the checkpoint, where
    /// [`Spec::checkpoint_len`](crate::Spec::checkpoint_len) ends, for the host to find it.
    ///
    /// # Errors
    /// [`Error::Length`], also for more than 65,535 features; nothing is written then.
    pub fn save(&self, bytes: &mut [u8]) -> Result<(), Error> {
        let (got, needed) = (self.inputs(), usize::from(u16::MAX));
        let features = u16::try_from(got).map_err(|_| Error::Length { buffer: Buffer::Inputs, needed, got })?;
        Error::expect_len(Buffer::Section, Self::section_len(got), bytes.len())?;
        let mut out = Writer::new(bytes);
        out.bytes(&MAGIC);
        out.word(u32::from(VERSION) | u32::from(features) << 16);
        for x in self.floats() {
            out.word(if x.is_nan() { NAN } else { x.to_bits() });
        }
        out.seal();
        Ok(())
    }

    /// Reads that of `inputs` features from the beginning of `bytes`, which may go on behind it, into `floats`.
    ///
    /// # Errors
    /// [`Error::Length`] unless `floats` has exactly [`state_len`](Self::state_len) elements, [`Error::Checkpoint`],
    /// [`Error::Preprocess`]; `floats` is as before then.
    pub fn load(inputs: usize, bytes: &[u8], floats: &'a mut [f32]) -> Result<Self, Error> {
        Error::expect_len(Buffer::Preprocess, Self::state_len(inputs), floats.len())?;
        let numbers = numbers(inputs, bytes)?;
        let value = |bytes: &[u8; 4]| f32::from_le_bytes(*bytes);
        for (feature, five) in numbered(0, numbers.as_chunks::<PARTS>().0) {
            Preprocess::new(1, &five.map(|bytes| value(&bytes))).map_err(|_| Error::Preprocess { feature })?;
        }
        for (to, from) in floats.iter_mut().zip(numbers) {
            *to = value(from);
        }
        Preprocess::new(inputs, floats)
    }
}

/// The numbers as bytes, after header, length and checksum were checked.
fn numbers(inputs: usize, bytes: &[u8]) -> Result<&[[u8; 4]], Error> {
    let fault = |fault| Err(Error::Checkpoint(fault));
    let mut input = Reader::new(bytes);
    let [magic @ .., v0, v1, n0, n1] = input.array::<HEADER>()?;
    if magic != MAGIC {
        return fault(CheckpointFault::Magic);
    }
    match u16::from_le_bytes([v0, v1]) {
        VERSION => {}
        version => return fault(CheckpointFault::Version(version)),
    }
    if usize::from(u16::from_le_bytes([n0, n1])) != inputs {
        return fault(CheckpointFault::Field(10));
    }
    let numbers = input.words(Preprocess::state_len(inputs))?;
    input.seal()?;
    // One spelling of NaN: what is read is written again byte for byte.
    let is_odd = |bytes: &[u8; 4]| f32::from_le_bytes(*bytes).is_nan() && u32::from_le_bytes(*bytes) != NAN;
    match numbers.iter().position(is_odd) {
        Some(i) => fault(CheckpointFault::Field(HEADER.saturating_add(i.saturating_mul(4)) as u32)),
        None => Ok(numbers),
    }
}
