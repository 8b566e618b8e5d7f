//! Which slot holds what, which one is written next, and in which order.

use crate::slices::{cut, cut_mut};
use crate::store::slots::crc::Crc;
use crate::store::slots::error::SlotFault;
use crate::store::slots::layout::{HEADER, Header, Layout, MARKS, PIECE, UNSEALED, mark};
use crate::store::slots::port::{DriverError, Nor, Stop, read};
use crate::store::slots::stream::Stream;

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

/// What is known of the slots.
pub(super) struct Ledger {
    pub(super) layout: Layout,
    newest: Option<Newest>,
    /// The highest sequence number of any header, also of a state that is not complete.
    highest: u32,
    /// The slot that was written last, or tried.
    latest: u8,
}

impl Ledger {
    /// Of slots without any state.
    pub(super) fn empty(layout: Layout) -> Self {
        Self { layout, newest: None, highest: 0, latest: layout.config.slots.wrapping_sub(1) }
    }

    /// Finds the newest complete state. A slot that cannot be read counts as incomplete, as one that was cut off can be
    /// on a flash with error correction, unless there is no complete one: then nobody knows what it held.
    pub(super) fn find(nor: &mut dyn Nor, layout: Layout) -> Result<Self, Stop> {
        let mut ledger = Self::empty(layout);
        let (mut is_first, mut unreadable) = (true, None);
        for slot in 0..layout.config.slots {
            match header(nor, &layout, slot) {
                Err(DriverError) => unreadable = Some(slot),
                Ok(Header::None) => {}
                Ok(Header::Foreign(fault)) => return Err(Stop::Fault(slot, fault)),
                Ok(Header::Begun(sequence, len)) => {
                    if is_first || is_newer(sequence, ledger.highest) {
                        (is_first, ledger.highest) = (false, sequence);
                    }
                    if ledger.consider(nor, Saved { slot, sequence, len: len as usize }).is_err() {
                        unreadable = Some(slot);
                    }
                }
            }
        }
        match (&ledger.newest, unreadable) {
            (None, Some(slot)) => Err(Stop::Driver(slot)),
            _ => Ok(ledger),
        }
    }

    /// Takes a state for the newest if it is complete and newer than that.
    fn consider(&mut self, nor: &mut dyn Nor, saved: Saved) -> Result<(), DriverError> {
        if self.newest().is_some_and(|newest| !is_newer(saved.sequence, newest.sequence)) {
            return Ok(());
        }
        let crc = checksum(nor, &self.layout, saved)?;
        if let Some(spare) = spare_mark(nor, &self.layout, saved, crc)? {
            self.newest = Some(Newest { saved, crc, spare });
            self.latest = saved.slot;
        }
        Ok(())
    }

    pub(super) fn newest(&self) -> Option<Saved> {
        self.newest.as_ref().map(|newest| newest.saved)
    }

    /// Makes sure of the newest state, erases a slot that holds another, and writes its header.
    pub(super) fn begin(&mut self, nor: &mut dyn Nor, len: u32) -> Result<Stream, Stop> {
        self.confirm(nor)?;
        let mut slot = self.layout.after(self.latest);
        if self.newest().is_some_and(|newest| newest.slot == slot) {
            slot = self.layout.after(slot);
        }
        // A slot that failed is not tried again before the others, and no number is given twice.
        (self.latest, self.highest) = (slot, self.highest.wrapping_add(1));
        erase(nor, &self.layout, slot, self.layout.end(len))?;
        Stream::new(nor, &self.layout, slot, self.highest, len)
    }

    /// Writes the next mark of the newest state, unless this program has seen one written to its end.
    fn confirm(&mut self, nor: &mut dyn Nor) -> Result<(), Stop> {
        let Some(Newest { saved, crc, spare }) = &mut self.newest else { return Ok(()) };
        if *spare < MARKS {
            let number = *spare;
            // A mark that fails is not written again.
            *spare = number.wrapping_add(1);
            commit(nor, &self.layout, *saved, *crc, number)?;
            *spare = MARKS;
        }
        Ok(())
    }

    /// Reads back what was written, and makes it the newest state by its first mark.
    pub(super) fn finish(&mut self, nor: &mut dyn Nor, stream: Stream) -> Result<Saved, Stop> {
        let Stream { slot, sequence, len, .. } = stream;
        let saved = Saved { slot, sequence, len: len as usize };
        let crc = stream.finish(nor, &self.layout)?;
        let there = header(nor, &self.layout, slot).and_then(|header| {
            let is_begun = matches!(header, Header::Begun(s, l) if (s, l) == (sequence, len));
            Ok(is_begun && checksum(nor, &self.layout, saved)? == crc)
        });
        if !there.map_err(|_| Stop::Driver(slot))? {
            return Err(Stop::Fault(slot, SlotFault::ReadBack));
        }
        commit(nor, &self.layout, saved, crc, 0)?;
        self.newest = Some(Newest { saved, crc, spare: MARKS });
        Ok(saved)
    }

    /// Erases the headers of all slots.
    pub(super) fn format(nor: &mut dyn Nor, layout: Layout) -> Result<Self, Stop> {
        for slot in 0..layout.config.slots {
            erase(nor, &layout, slot, HEADER)?;
        }
        Ok(Self::empty(layout))
    }
}

/// Whether a sequence number comes after another, where numbers wrap.
const fn is_newer(sequence: u32, other: u32) -> bool {
    (sequence.wrapping_sub(other) as i32) > 0
}

/// The header of a slot.
fn header(nor: &mut dyn Nor, layout: &Layout, slot: u8) -> Result<Header, DriverError> {
    let mut bytes = [0; HEADER as usize];
    nor.read(layout.base(slot), &mut bytes)?;
    Ok(layout.read(&bytes))
}

/// The checksum of what a slot holds: its header's checksum and its data.
fn checksum(nor: &mut dyn Nor, layout: &Layout, saved: Saved) -> Result<u32, DriverError> {
    let mut crc = Crc::NEW;
    let end = (saved.len as u32).wrapping_add(HEADER);
    read(nor, layout, saved.slot, [UNSEALED, end], &mut |part| crc = crc.bytes(part))?;
    Ok(crc.get())
}

/// A mark of a slot.
#[derive(PartialEq, Eq)]
enum Mark {
    Intact,
    Blank,
    /// Neither; or, on a flash with error correction, not to be read.
    Other,
}

/// Reads mark `number` of a state with this checksum, and nothing else, which might be unreadable.
fn read_mark(nor: &mut dyn Nor, layout: &Layout, saved: Saved, crc: u32, number: u8) -> Result<Mark, DriverError> {
    let (mut bytes, mark) = ([0; PIECE as usize], mark(crc));
    let found = cut_mut(&mut bytes, layout.mark_len() as usize).0;
    nor.read(layout.base(saved.slot).wrapping_add(layout.mark(saved.len as u32, number)), found)?;
    Ok(if found.iter().eq(mark.iter().take(found.len())) {
        Mark::Intact
    } else if is_blank(found) {
        Mark::Blank
    } else {
        Mark::Other
    })
}

/// The first mark of a state behind which all are blank; none if no mark is intact, so that the state is not complete.
fn spare_mark(nor: &mut dyn Nor, layout: &Layout, saved: Saved, crc: u32) -> Result<Option<u8>, DriverError> {
    let (mut spare, mut is_complete, mut result) = (0, false, Ok(None));
    for number in 0..MARKS {
        let mark = read_mark(nor, layout, saved, crc, number).unwrap_or_else(|error| {
            result = Err(error);
            Mark::Other
        });
        is_complete |= mark == Mark::Intact;
        if mark != Mark::Blank {
            spare = number.wrapping_add(1);
        }
    }
    if is_complete { Ok(Some(spare)) } else { result }
}

/// Writes mark `number` of a state, and reads it back.
fn commit(nor: &mut dyn Nor, layout: &Layout, saved: Saved, crc: u32, number: u8) -> Result<(), Stop> {
    let at = layout.base(saved.slot).wrapping_add(layout.mark(saved.len as u32, number));
    let written = nor.write(at, cut(&mark(crc), layout.mark_len() as usize).0);
    match written.and_then(|()| read_mark(nor, layout, saved, crc, number)) {
        Ok(Mark::Intact) => Ok(()),
        Ok(_) => Err(Stop::Fault(saved.slot, SlotFault::ReadBack)),
        Err(DriverError) => Err(Stop::Driver(saved.slot)),
    }
}

/// Erases the blocks of the first `len` bytes of a slot, and looks whether these bytes are blank.
fn erase(nor: &mut dyn Nor, layout: &Layout, slot: u8, len: u32) -> Result<(), Stop> {
    let base = layout.base(slot);
    let mut all_blank = true;
    let erased = nor.erase(base, base.wrapping_add(layout.whole_blocks(len)));
    let looked = erased.and_then(|()| read(nor, layout, slot, [0, len], &mut |part| all_blank &= is_blank(part)));
    looked.map_err(|_| Stop::Driver(slot))?;
    if all_blank { Ok(()) } else { Err(Stop::Fault(slot, SlotFault::NotErased)) }
}

/// Whether no bit was written since an erase.
fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0xff)
}
