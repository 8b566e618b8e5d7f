//! Data on its way into a slot.

use crate::slices::cut;
use crate::store::slots::crc::Crc;
use crate::store::slots::error::SlotFault;
use crate::store::slots::layout::{HEADER, Layout, PIECE, UNSEALED};
use crate::store::slots::port::{Nor, Stop};

/// A slot whose header is written and whose data come in parts of any length; nothing of them is kept but what fills no
/// piece yet.
pub(super) struct Stream {
    pub(super) slot: u8,
    pub(super) sequence: u32,
    /// Bytes that were announced.
    pub(super) len: u32,
    /// Bytes that came.
    given: u32,
    /// Where in the flash the next piece is written.
    at: u32,
    /// The piece, and how much of it came.
    piece: [u8; PIECE as usize],
    filled: usize,
    /// Of the header's checksum and the data. (The header's fields with their checksum behind them would leave every
    /// register the same.)
    crc: Crc,
}

impl Stream {
    /// Writes the header.
    pub(super) fn new(nor: &mut dyn Nor, layout: &Layout, slot: u8, sequence: u32, len: u32) -> Result<Self, Stop> {
        let header = layout.header(sequence, len);
        let base = layout.base(slot);
        nor.write(base, &header).map_err(|_| Stop::Driver(slot))?;
        let crc = Crc::NEW.bytes(cut(&header, UNSEALED as usize).1);
        let at = base.wrapping_add(HEADER);
        Ok(Self { slot, sequence, len, given: 0, at, piece: [0; PIECE as usize], filled: 0, crc })
    }

    /// Writes more data.
    #[inline(never)]
    pub(super) fn push(&mut self, nor: &mut dyn Nor, mut bytes: &[u8]) -> Result<(), Stop> {
        self.given = self.given.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        if self.given > self.len {
            return Err(self.of_another_length());
        }
        self.crc = self.crc.bytes(bytes);
        while !bytes.is_empty() {
            let room = self.piece.get_mut(self.filled..).unwrap_or_default();
            let (now, later) = cut(bytes, room.len());
            room.iter_mut().zip(now).for_each(|(to, &from)| *to = from);
            self.filled = self.filled.wrapping_add(now.len());
            bytes = later;
            if self.filled >= PIECE as usize {
                self.flush(nor, PIECE)?;
            }
        }
        Ok(())
    }

    /// Writes what is left, and gives the checksum of all.
    pub(super) fn finish(mut self, nor: &mut dyn Nor, layout: &Layout) -> Result<u32, Stop> {
        if self.given != self.len {
            return Err(self.of_another_length());
        }
        self.piece.iter_mut().skip(self.filled).for_each(|byte| *byte = 0xff);
        let rest = layout.whole_words(self.filled as u32);
        if rest > 0 {
            self.flush(nor, rest)?;
        }
        Ok(self.crc.get())
    }

    /// Writes the first `len` bytes of the piece; what the caller does after an error begins with the next one.
    fn flush(&mut self, nor: &mut dyn Nor, len: u32) -> Result<(), Stop> {
        let at = self.at;
        (self.at, self.filled) = (at.wrapping_add(len), 0);
        nor.write(at, cut(&self.piece, len as usize).0).map_err(|_| Stop::Driver(self.slot))
    }

    fn of_another_length(&self) -> Stop {
        Stop::Fault(self.slot, SlotFault::Length(self.len, self.given))
    }
}
