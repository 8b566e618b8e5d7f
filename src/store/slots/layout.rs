//! Where things are in a flash and in a slot, and what stands in a slot's header.

use crate::slices::cut;
use crate::store::slots::crc::Crc;
use crate::store::slots::error::{ConfigFault, SlotFault};

/// Bytes that are read at once, a multiple of every word.
pub(super) const PIECE: u32 = 32;
/// Bytes of a header: a piece.
pub(super) const HEADER: u32 = 32;
/// Bytes of a header before its checksum.
pub(super) const UNSEALED: u32 = 28;
/// Commit marks of a slot.
pub(super) const MARKS: u8 = 4;

const MAGIC: [u8; 8] = *b"\x89CYGSLT\n";
const VERSION: u16 = 1;

/// Where the slots are: `slots` of `slot_len` bytes each, one behind the other from `start` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SlotsConfig {
    /// Offset of the first slot in the flash, in bytes: where an erase block begins, a multiple of 32.
    pub start: u32,
    /// Bytes of a slot: whole erase blocks, a multiple of 32; [`Slots::slot_len`](super::Slots::slot_len) says how many.
    pub slot_len: u32,
    /// Number of slots: 2 to 255.
    pub slots: u8,
}

/// The sizes of a flash, in bytes: read at once, written at once, erased at once.
pub(super) type Sizes = [usize; 3];

/// The slots of a flash, after all of them was checked.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    pub(super) config: SlotsConfig,
    /// What the states are of.
    identity: u32,
    /// Bytes that are written or read at once: a power of two, 1 to 32.
    word: u32,
    /// Bytes that are erased at once.
    block: u32,
}

/// What a header says.
pub(super) enum Header {
    /// Nothing: blank, or not written to its end.
    None,
    /// A state of this sequence number and length was begun.
    Begun(u32, u32),
    /// Another program wrote it.
    Foreign(SlotFault),
}

impl Layout {
    pub(super) fn new(config: SlotsConfig, identity: u32, sizes: Sizes, capacity: usize) -> Result<Self, ConfigFault> {
        let [_, _, erase] = sizes;
        let SlotsConfig { start, slot_len, slots } = config;
        let Some(word) = word(sizes) else { return Err(ConfigFault::Word) };
        let begins_block = |at: u32| at.is_multiple_of(PIECE) && (at as usize).is_multiple_of(erase);
        if !erase.is_multiple_of(word as usize) || !begins_block(start) || !begins_block(slot_len) {
            return Err(ConfigFault::Blocks);
        }
        if slots < 2 {
            return Err(ConfigFault::Slots);
        }
        let layout = Self { config, identity, word, block: erase as u32 };
        if layout.capacity() == 0 {
            return Err(ConfigFault::Small);
        }
        let end = u64::from(slot_len).wrapping_mul(u64::from(slots)).wrapping_add(u64::from(start));
        if end > capacity as u64 || end > u64::from(u32::MAX) {
            return Err(ConfigFault::Capacity);
        }
        Ok(layout)
    }

    /// The bytes of data that fit into a slot.
    pub(super) const fn capacity(&self) -> u32 {
        self.config.slot_len.saturating_sub(HEADER).saturating_sub(marks_len(self.word))
    }

    /// Where a slot begins.
    pub(super) const fn base(&self, slot: u8) -> u32 {
        self.config.start.wrapping_add(self.config.slot_len.wrapping_mul(slot as u32))
    }

    /// The slot after this one, the first one after the last.
    pub(super) const fn after(&self, slot: u8) -> u8 {
        let next = slot.wrapping_add(1);
        if next < self.config.slots { next } else { 0 }
    }

    /// Bytes of `len`, up to a whole word.
    pub(super) const fn whole_words(&self, len: u32) -> u32 {
        len.wrapping_add(self.word.wrapping_sub(1)) & !self.word.wrapping_sub(1)
    }

    /// Where in a slot with `len` bytes of data all marks end.
    pub(super) const fn end(&self, len: u32) -> u32 {
        self.mark(len, MARKS)
    }

    /// Where in a slot mark `number` begins.
    pub(super) const fn mark(&self, len: u32, number: u8) -> u32 {
        let marks = self.whole_words(len).wrapping_add(HEADER);
        marks.wrapping_add(self.mark_len().wrapping_mul(number as u32))
    }

    /// Bytes of one mark.
    pub(super) const fn mark_len(&self) -> u32 {
        mark_len(self.word)
    }

    /// Bytes of the erase blocks that begin within the first `len` bytes of a slot.
    pub(super) const fn whole_blocks(&self, len: u32) -> u32 {
        match len.checked_next_multiple_of(self.block) {
            Some(blocks) => blocks,
            None => self.config.slot_len,
        }
    }

    /// A slot's header.
    pub(super) fn header(&self, sequence: u32, len: u32) -> [u8; HEADER as usize] {
        let mut header = [0; HEADER as usize];
        let words = [self.config.slot_len, self.identity, sequence, len];
        let sizes = [self.config.slots, self.word as u8];
        let fields = MAGIC.into_iter().chain(VERSION.to_le_bytes()).chain(sizes);
        let fields = fields.chain(words.into_iter().flat_map(u32::to_le_bytes));
        header.iter_mut().zip(fields).for_each(|(to, from)| *to = from);
        let crc = Crc::NEW.bytes(cut(&header, UNSEALED as usize).0).get();
        let seal = header.iter_mut().skip(UNSEALED as usize);
        seal.zip(crc.to_le_bytes()).for_each(|(to, from)| *to = from);
        header
    }

    /// What a slot's first bytes say.
    pub(super) fn read(&self, bytes: &[u8; HEADER as usize]) -> Header {
        let (fields, seal) = cut(bytes, UNSEALED as usize);
        let [m0, m1, m2, m3, m4, m5, m6, m7, v0, v1, rest @ ..] = *bytes;
        let [slots, word, l0, l1, l2, l3, i0, i1, i2, i3, s0, s1, s2, s3, n0, n1, n2, n3, ..] = rest;
        if [m0, m1, m2, m3, m4, m5, m6, m7] != MAGIC || seal != Crc::NEW.bytes(fields).get().to_le_bytes() {
            return Header::None;
        }
        let version = u16::from_le_bytes([v0, v1]);
        let [slot_len, identity, sequence, len] =
            [[l0, l1, l2, l3], [i0, i1, i2, i3], [s0, s1, s2, s3], [n0, n1, n2, n3]].map(u32::from_le_bytes);
        if version != VERSION {
            Header::Foreign(SlotFault::Version(version))
        } else if identity != self.identity {
            Header::Foreign(SlotFault::Identity(identity, self.identity))
        } else if (slots, u32::from(word), slot_len) != (self.config.slots, self.word, self.config.slot_len) {
            Header::Foreign(SlotFault::Config)
        } else if len > self.capacity() {
            Header::None
        } else {
            Header::Begun(sequence, len)
        }
    }
}

/// The mark of a state with this checksum, repeated for the longest word.
pub(super) fn mark(crc: u32) -> [u8; PIECE as usize] {
    let mut mark = [0; PIECE as usize];
    let halves = [crc.to_le_bytes(), (!crc).to_le_bytes()];
    mark.iter_mut().zip(halves.as_flattened().iter().cycle()).for_each(|(to, &from)| *to = from);
    mark
}

/// Bytes of a slot that holds `len` bytes of data, of whole erase blocks; `u32::MAX` where there is none.
pub(super) const fn slot_len(len: usize, sizes: Sizes) -> u32 {
    let ([_, _, erase], Some(word)) = (sizes, word(sizes)) else { return u32::MAX };
    if erase == 0 || len > u32::MAX as usize {
        return u32::MAX;
    }
    let (data, word) = (len as u64, word as u64);
    let least = data.next_multiple_of(word) + HEADER as u64 + marks_len(word as u32) as u64;
    let mut blocks = least.next_multiple_of(erase as u64);
    // An erase block may be shorter than a piece.
    while !blocks.is_multiple_of(PIECE as u64) {
        blocks += erase as u64;
    }
    if blocks > u32::MAX as u64 { u32::MAX } else { blocks as u32 }
}

/// Bytes that are written or read at once, the more of both.
const fn word([read, write, _]: Sizes) -> Option<u32> {
    let word = if read > write { read } else { write };
    let is_word = read.is_power_of_two() && write.is_power_of_two() && word <= PIECE as usize;
    if is_word { Some(word as u32) } else { None }
}

const fn mark_len(word: u32) -> u32 {
    if word < 8 { 8 } else { word }
}

const fn marks_len(word: u32) -> u32 {
    mark_len(word).wrapping_mul(MARKS as u32)
}
