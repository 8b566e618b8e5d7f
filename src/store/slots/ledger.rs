//! Which slot holds what, which one is written next, and in which order.

use crate::slices::cut;
use crate::store::slots::crc::Crc;
use crate::store::slots::error::SlotFault;
use crate::store::slots::layout::{HEADER, Header, Layout, MARKS, UNSEALED, mark};
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

/// What the marks of a slot say.
struct Marks {
    /// A bit for each that is intact.
    intact: u8,
    /// The first behind which all are blank.
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
        let (base, len) = (self.layout.base(saved.slot), saved.len as u32);
        let crc = checksum(nor, base, len)?;
        let marks = marks(nor, &self.layout, base, len, crc)?;
        if marks.intact != 0 {
            self.newest = Some(Newest { saved, crc, spare: marks.spare });
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
        let crc = stream.finish(nor, &self.layout)?;
        let base = self.layout.base(slot);
        let is_begun = match header(nor, &self.layout, slot) {
            Ok(Header::Begun(sequence_there, len_there)) => (sequence_there, len_there) == (sequence, len),
            Ok(_) => false,
            Err(DriverError) => return Err(Stop::Driver(slot)),
        };
        if !is_begun || checksum(nor, base, len).map_err(|_| Stop::Driver(slot))? != crc {
            return Err(Stop::Fault(slot, SlotFault::ReadBack));
        }
        let saved = Saved { slot, sequence, len: len as usize };
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

/// The checksum of what the slot at `base` holds: the header's checksum and the data.
fn checksum(nor: &mut dyn Nor, base: u32, len: u32) -> Result<u32, DriverError> {
    let mut crc = Crc::NEW;
    read(nor, base, UNSEALED, len.wrapping_add(HEADER), &mut |part| crc = crc.bytes(part))?;
    Ok(crc.get())
}

/// What the marks behind `len` bytes with this checksum say.
fn marks(nor: &mut dyn Nor, layout: &Layout, base: u32, len: u32, crc: u32) -> Result<Marks, DriverError> {
    let (mut marks, mut at) = (Marks { intact: (1 << MARKS) - 1, spare: 0 }, 0_u32);
    let (expected, mark_len) = (mark(crc), layout.mark_len());
    read(nor, base, layout.marks(len), layout.end(len), &mut |part| {
        for &byte in part {
            // Eight bytes or a multiple of that are a mark.
            let number = at.checked_div(mark_len).unwrap_or(0) as u8;
            if byte != 0xff {
                marks.spare = number.wrapping_add(1);
            }
            if Some(&byte) != expected.get((at & 7) as usize) {
                marks.intact &= !1_u8.wrapping_shl(u32::from(number));
            }
            at = at.wrapping_add(1);
        }
    })?;
    Ok(marks)
}

/// Writes mark `number` of a state, and reads it back.
fn commit(nor: &mut dyn Nor, layout: &Layout, saved: Saved, crc: u32, number: u8) -> Result<(), Stop> {
    let (base, len) = (layout.base(saved.slot), saved.len as u32);
    let mark = mark(crc);
    let mut bytes = [0; HEADER as usize];
    bytes.iter_mut().zip(mark.iter().cycle()).for_each(|(to, &from)| *to = from);
    let at = layout.marks(len).wrapping_add(layout.mark_len().wrapping_mul(u32::from(number)));
    let written = nor.write(base.wrapping_add(at), cut(&bytes, layout.mark_len() as usize).0);
    let marks = written.and_then(|()| marks(nor, layout, base, len, crc)).map_err(|_| Stop::Driver(saved.slot))?;
    if marks.intact >> number & 1 == 0 {
        return Err(Stop::Fault(saved.slot, SlotFault::ReadBack));
    }
    Ok(())
}

/// Erases the blocks of the first `len` bytes of a slot, and looks whether these bytes are blank.
fn erase(nor: &mut dyn Nor, layout: &Layout, slot: u8, len: u32) -> Result<(), Stop> {
    let base = layout.base(slot);
    let mut is_blank = true;
    let erased = nor.erase(base, base.wrapping_add(layout.whole_blocks(len)));
    let looked =
        erased.and_then(|()| read(nor, base, 0, len, &mut |part| is_blank &= part.iter().all(|&byte| byte == 0xff)));
    looked.map_err(|_| Stop::Driver(slot))?;
    if is_blank { Ok(()) } else { Err(Stop::Fault(slot, SlotFault::NotErased)) }
}
