//! Numbers as bytes: little-endian on every target, a checksum behind them where they last. All formats are written and read
//! by these two.

use crate::crc::Crc;
use crate::error::{CheckpointFault, Error};
use crate::slices::cut;

/// Fills a slice from its beginning; what does not fit is left out.
pub(crate) struct Writer<'b> {
    to: &'b mut [u8],
    at: usize,
}

impl<'b> Writer<'b> {
    pub(crate) fn new(to: &'b mut [u8]) -> Self {
        Self { to, at: 0 }
    }

    /// Once in an image.
    #[inline(never)]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        let room = self.to.get_mut(self.at..).unwrap_or_default();
        room.iter_mut().zip(bytes).for_each(|(to, &from)| *to = from);
        self.at = self.at.wrapping_add(bytes.len());
    }

    pub(crate) fn word(&mut self, word: u32) {
        self.bytes(&word.to_le_bytes());
    }

    pub(crate) fn float(&mut self, float: f32) {
        self.word(float.to_bits());
    }

    pub(crate) fn long(&mut self, long: u64) {
        self.bytes(&long.to_le_bytes());
    }

    /// Ends with the checksum of all bytes before.
    pub(crate) fn seal(mut self) {
        let crc = Crc::NEW.bytes(cut(self.to, self.at).0).get();
        self.word(crc);
    }
}

/// Reads a slice from its beginning; where it ends early, [`CheckpointFault::Length`].
pub(crate) struct Reader<'b> {
    from: &'b [u8],
    at: usize,
    /// Where the latest field begins.
    field: usize,
}

impl<'b> Reader<'b> {
    pub(crate) fn new(from: &'b [u8]) -> Self {
        Self { from, at: 0, field: 0 }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let array = self.rest().first_chunk::<N>().ok_or(Error::Checkpoint(CheckpointFault::Length))?;
        (self.field, self.at) = (self.at, self.at.wrapping_add(N));
        Ok(*array)
    }

    pub(crate) fn short(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn word(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn float(&mut self) -> Result<f32, Error> {
        self.array().map(f32::from_le_bytes)
    }

    pub(crate) fn long(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_le_bytes)
    }

    /// The next `n` bytes.
    pub(crate) fn bytes(&mut self, n: usize) -> Result<&'b [u8], Error> {
        let bytes = self.rest().get(..n).ok_or(Error::Checkpoint(CheckpointFault::Length))?;
        (self.field, self.at) = (self.at, self.at.wrapping_add(n));
        Ok(bytes)
    }

    /// The next `n` words.
    pub(crate) fn words(&mut self, n: usize) -> Result<&'b [[u8; 4]], Error> {
        Ok(self.bytes(n.saturating_mul(4))?.as_chunks().0)
    }

    /// The checksum of all bytes before, which must be theirs.
    pub(crate) fn seal(&mut self) -> Result<(), Error> {
        let computed = Crc::NEW.bytes(cut(self.from, self.at).0).get();
        let stored = self.word()?;
        if stored == computed { Ok(()) } else { Err(Error::Checkpoint(CheckpointFault::Crc(stored, computed))) }
    }

    /// What follows.
    pub(crate) fn rest(&self) -> &'b [u8] {
        cut(self.from, self.at).1
    }

    /// The latest field cannot be.
    pub(crate) fn fault(&self) -> Error {
        Error::Checkpoint(CheckpointFault::Field(self.field as u32))
    }
}
