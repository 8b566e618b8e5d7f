//! What happens in the slots, and in which order.
//!
//! All of it is made for one driver, whose sizes are constants: that takes a third less flash than code for any.

use crate::crc::Crc;
use crate::slices::{cut, cut_mut};
use crate::store::slots::error::{SlotError, SlotFault};
use crate::store::slots::layout::{
    Frame, HEADER, Header, MARKS, Mark, PIECE, Piece, Sizes, UNSEALED, is_blank, is_newer, mark_len, read_header,
    read_mark, word, write_header, write_mark,
};
use embedded_storage::nor_flash::NorFlash;

/// A complete state in flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Saved {
    /// The slot that holds it, from 0 on.
    pub slot: u8,
    /// Its number: one more with each save, wrapping.
    pub sequence: u32,
    /// Its length in bytes.
    pub len: usize,
}

/// The newest complete state, and what its next mark takes.
struct Newest {
    saved: Saved,
    crc: u32,
    /// The next mark to write before another slot is erased; [`MARKS`] where none is needed.
    spare: u8,
}

/// What stopped the work on a slot.
pub(super) enum Stop<E> {
    Driver(E),
    NotErased,
    ReadBack,
    Length,
    Foreign(Header),
}

/// Some drivers move whole words of the chip, and refuse a buffer that does not begin with one.
#[repr(align(4))]
struct Aligned(Piece);

/// The slots behind a driver, what is known of them, and the save under way.
pub(super) struct Work<F> {
    pub(super) flash: F,
    pub(super) frame: Frame,
    newest: Option<Newest>,
    /// The highest sequence number of any header, also of a state that is not complete.
    highest: u32,
    /// The slot that was written last, or tried.
    latest: u8,
    /// The slot that is worked on.
    slot: u8,
    /// What its header said: sequence number and length, or why it is another program's.
    found: [u32; 2],
    /// Bytes that were read, or come next.
    piece: Aligned,
    /// Bytes of data: announced, and come.
    announced: u32,
    given: u32,
    /// Of what came.
    crc: Crc,
}

impl<F: NorFlash> Work<F> {
    pub(super) const SIZES: Sizes = [F::READ_SIZE, F::WRITE_SIZE, F::ERASE_SIZE];
    /// Bytes of a word; another driver is refused before anything else.
    pub(super) const WORD: u32 = match word(Self::SIZES) {
        Some(word) => word,
        None => 1,
    };

    /// Of slots without any state.
    pub(super) fn new(flash: F, frame: Frame) -> Self {
        let latest = frame.config.slots.wrapping_sub(1);
        // Not zeros, for which a chip would need a function more.
        let piece = Aligned(*b"These bytes are never looked at.");
        let crc = Crc::NEW;
        Self {
            flash,
            frame,
            newest: None,
            highest: 0,
            latest,
            slot: 0,
            found: [0; 2],
            piece,
            announced: 0,
            given: 0,
            crc,
        }
    }

    /// What stopped the work, in the caller's words.
    #[inline(never)]
    pub(super) fn told(&self, stop: Stop<F::Error>) -> SlotError<F::Error> {
        let (slot, [found, _]) = (self.slot, self.found);
        let fault = match stop {
            Stop::Driver(error) => return SlotError::Flash { slot, error },
            Stop::NotErased => SlotFault::NotErased,
            Stop::ReadBack => SlotFault::ReadBack,
            Stop::Length => SlotFault::Length(self.announced, self.given),
            Stop::Foreign(Header::Version) => SlotFault::Version(found as u16),
            Stop::Foreign(Header::Identity) => SlotFault::Identity(found, self.frame.identity),
            Stop::Foreign(_) => SlotFault::Config,
        };
        SlotError::Slot { slot, fault }
    }

    pub(super) fn newest(&self) -> Option<Saved> {
        self.newest.as_ref().map(|newest| newest.saved)
    }

    /// Finds the newest complete state. A slot that cannot be read counts as incomplete, as one that was cut off can be
    /// on a flash with error correction, unless there is no complete one: then nobody knows what it held.
    pub(super) fn find(&mut self) -> Result<(), Stop<F::Error>> {
        let (mut highest, mut unreadable) = (None, None);
        for slot in 0..self.frame.config.slots {
            self.slot = slot;
            match self.header() {
                Err(stop) => unreadable = Some((slot, stop)),
                Ok(Header::None) => {}
                Ok(Header::Begun) => {
                    let [sequence, len] = self.found;
                    if highest.is_none_or(|highest| is_newer(sequence, highest)) {
                        highest = Some(sequence);
                    }
                    if let Err(stop) = self.consider(sequence, len) {
                        unreadable = Some((slot, stop));
                    }
                }
                Ok(header) => return Err(Stop::Foreign(header)),
            }
        }
        self.highest = highest.unwrap_or(0);
        match unreadable {
            Some((slot, stop)) if self.newest.is_none() => {
                self.slot = slot;
                Err(stop)
            }
            _ => Ok(()),
        }
    }

    /// Takes the slot's state for the newest if it is complete and newer than that.
    fn consider(&mut self, sequence: u32, len: u32) -> Result<(), Stop<F::Error>> {
        if self.newest.as_ref().is_some_and(|newest| !is_newer(sequence, newest.saved.sequence)) {
            return Ok(());
        }
        let crc = self.checksum(len)?;
        if let Some(spare) = self.spare_mark(len, crc)? {
            self.latest = self.slot;
            self.newest = Some(Newest { saved: Saved { slot: self.slot, sequence, len: len as usize }, crc, spare });
        }
        Ok(())
    }

    /// Erases the headers of all slots.
    pub(super) fn format(&mut self) -> Result<(), Stop<F::Error>> {
        for slot in 0..self.frame.config.slots {
            self.slot = slot;
            self.erase(HEADER)?;
        }
        Ok(())
    }

    /// Makes sure of the newest state, erases a slot that holds another, and writes its header.
    pub(super) fn begin(&mut self, len: u32) -> Result<(), Stop<F::Error>> {
        self.confirm()?;
        let mut slot = self.after(self.latest);
        if self.newest.as_ref().is_some_and(|newest| newest.saved.slot == slot) {
            slot = self.after(slot);
        }
        // A slot that failed is not tried again before the others, and no number is given twice.
        (self.slot, self.latest, self.highest) = (slot, slot, self.highest.wrapping_add(1));
        (self.announced, self.given) = (len, 0);
        self.erase(Self::mark(len, MARKS))?;
        self.crc = write_header(&self.frame, self.highest, len, &mut self.piece.0);
        self.write(0, HEADER)
    }

    /// Writes the next mark of the newest state, unless this program has seen one written to its end.
    fn confirm(&mut self) -> Result<(), Stop<F::Error>> {
        if let Some(Newest { saved, crc, spare }) = &mut self.newest
            && *spare < MARKS
        {
            let (slot, len, crc, number) = (saved.slot, saved.len as u32, *crc, *spare);
            // A mark that fails is not written again.
            *spare = number.wrapping_add(1);
            self.slot = slot;
            self.commit(len, crc, number)?;
            if let Some(newest) = &mut self.newest {
                newest.spare = MARKS;
            }
        }
        Ok(())
    }

    /// Writes more data.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), Stop<F::Error>> {
        if bytes.len() > self.announced.saturating_sub(self.given) as usize {
            // Too many for ever.
            self.given = self.given.saturating_add(bytes.len() as u32).max(self.announced.saturating_add(1));
            return Err(Stop::Length);
        }
        self.crc = self.crc.bytes(bytes);
        self.fill(bytes)
    }

    /// Writes each piece that these bytes fill.
    #[inline(never)]
    fn fill(&mut self, mut bytes: &[u8]) -> Result<(), Stop<F::Error>> {
        while !bytes.is_empty() {
            let room = cut_mut(&mut self.piece.0, (self.given % PIECE) as usize).1;
            let (now, later) = cut(bytes, room.len());
            room.iter_mut().zip(now).for_each(|(to, &from)| *to = from);
            (self.given, bytes) = (self.given.wrapping_add(now.len() as u32), later);
            if self.given.is_multiple_of(PIECE) {
                // A header is a piece long.
                self.write(self.given, PIECE)?;
            }
        }
        Ok(())
    }

    /// Writes what is left, reads back all, and makes it the newest state by its first mark.
    pub(super) fn finish(&mut self) -> Result<Saved, Stop<F::Error>> {
        let (len, sequence, crc) = (self.announced, self.highest, self.crc.get());
        if self.given != len {
            return Err(Stop::Length);
        }
        self.fill(cut(&[0xff; PIECE as usize], Self::whole_words(len).wrapping_sub(len) as usize).0)?;
        let rest = self.given % PIECE;
        if rest > 0 {
            self.write(self.given.wrapping_sub(rest).wrapping_add(HEADER), rest)?;
        }
        let is_there = self.header()? == Header::Begun && self.found == [sequence, len];
        if !is_there || self.checksum(len)? != crc {
            return Err(Stop::ReadBack);
        }
        self.commit(len, crc, 0)?;
        let saved = Saved { slot: self.slot, sequence, len: len as usize };
        self.newest = Some(Newest { saved, crc, spare: MARKS });
        Ok(saved)
    }

    /// The slot after this one, the first one after the last.
    fn after(&self, slot: u8) -> u8 {
        let next = slot.wrapping_add(1);
        if next < self.frame.config.slots { next } else { 0 }
    }

    /// Bytes of `len`, up to a whole word.
    const fn whole_words(len: u32) -> u32 {
        len.wrapping_add(Self::WORD.wrapping_sub(1)) & !Self::WORD.wrapping_sub(1)
    }

    /// Where in a slot mark `number` begins, behind `len` bytes of data.
    const fn mark(len: u32, number: u8) -> u32 {
        let marks = Self::whole_words(len).wrapping_add(HEADER);
        marks.wrapping_add(mark_len(Self::WORD).wrapping_mul(number as u32))
    }

    /// The header of the slot.
    fn header(&mut self) -> Result<Header, Stop<F::Error>> {
        self.read(0, HEADER)?;
        let header;
        (header, self.found) = read_header(&self.frame, &self.piece.0);
        Ok(header)
    }

    /// The checksum of what the slot holds: its header's checksum and the data.
    fn checksum(&mut self, len: u32) -> Result<u32, Stop<F::Error>> {
        let mut crc = Crc::NEW;
        self.each(UNSEALED, len.wrapping_add(HEADER), &mut |part| crc = crc.bytes(part))?;
        Ok(crc.get())
    }

    /// The first mark behind which all are blank; none if no mark is intact, so that the state is not complete.
    fn spare_mark(&mut self, len: u32, crc: u32) -> Result<Option<u8>, Stop<F::Error>> {
        let (mut spare, mut is_complete, mut result) = (0, false, Ok(None));
        for number in 0..MARKS {
            let mark = self.mark_there(len, crc, number).unwrap_or_else(|stop| {
                result = Err(stop);
                Mark::Other
            });
            is_complete |= mark == Mark::Intact;
            if mark != Mark::Blank {
                spare = number.wrapping_add(1);
            }
        }
        if is_complete { Ok(Some(spare)) } else { result }
    }

    /// Reads a mark, and nothing else, which might be unreadable.
    fn mark_there(&mut self, len: u32, crc: u32, number: u8) -> Result<Mark, Stop<F::Error>> {
        let mark_len = mark_len(Self::WORD);
        self.read(Self::mark(len, number), mark_len)?;
        Ok(read_mark(crc, cut(&self.piece.0, mark_len as usize).0))
    }

    /// Writes a mark, and reads it back.
    fn commit(&mut self, len: u32, crc: u32, number: u8) -> Result<(), Stop<F::Error>> {
        write_mark(crc, &mut self.piece.0);
        self.write(Self::mark(len, number), mark_len(Self::WORD))?;
        match self.mark_there(len, crc, number)? {
            Mark::Intact => Ok(()),
            _ => Err(Stop::ReadBack),
        }
    }

    /// Erases the blocks of the first `len` bytes of the slot, and looks whether these bytes are blank.
    fn erase(&mut self, len: u32) -> Result<(), Stop<F::Error>> {
        let (base, mut all_blank) = (self.base(), true);
        let blocks = len.checked_next_multiple_of(F::ERASE_SIZE as u32).unwrap_or(len);
        self.flash.erase(base, base.wrapping_add(blocks)).map_err(Stop::Driver)?;
        self.each(0, len, &mut |part| all_blank &= is_blank(part))?;
        if all_blank { Ok(()) } else { Err(Stop::NotErased) }
    }

    /// Reads bytes of a state.
    pub(super) fn copy(&mut self, saved: Saved, offset: u32, bytes: &mut [u8]) -> Result<(), Stop<F::Error>> {
        self.slot = saved.slot;
        let from = offset.wrapping_add(HEADER);
        let mut to = bytes.iter_mut();
        let end = from.wrapping_add(to.len() as u32);
        self.each(from, end, &mut |part| to.by_ref().zip(part).for_each(|(to, &from)| *to = from))
    }

    /// Reads bytes `from..to` of the slot and gives them to `take` in parts. It reads whole words from multiples of a
    /// piece on, as the driver wants it, and no word behind `to`: one that was cut off may be unreadable.
    #[inline(never)]
    fn each(&mut self, from: u32, to: u32, take: &mut dyn FnMut(&[u8])) -> Result<(), Stop<F::Error>> {
        let mut at = from & !PIECE.wrapping_sub(1);
        while at < to {
            let wanted = to.wrapping_sub(at).min(PIECE);
            self.read(at, Self::whole_words(wanted))?;
            take(cut(cut(&self.piece.0, wanted as usize).0, from.saturating_sub(at) as usize).1);
            at = at.wrapping_add(PIECE);
        }
        Ok(())
    }

    /// Reads a piece from byte `at` of the slot on.
    #[inline(never)]
    fn read(&mut self, at: u32, len: u32) -> Result<(), Stop<F::Error>> {
        let at = self.base().wrapping_add(at);
        self.flash.read(at, cut_mut(&mut self.piece.0, len as usize).0).map_err(Stop::Driver)
    }

    /// Writes the piece to byte `at` of the slot.
    #[inline(never)]
    fn write(&mut self, at: u32, len: u32) -> Result<(), Stop<F::Error>> {
        let at = self.base().wrapping_add(at);
        self.flash.write(at, cut(&self.piece.0, len as usize).0).map_err(Stop::Driver)
    }

    /// Where the slot begins.
    fn base(&self) -> u32 {
        let config = &self.frame.config;
        config.start.wrapping_add(config.slot_len.wrapping_mul(u32::from(self.slot)))
    }
}
