//! Where things are in a flash and in a slot, and what stands in a slot's header.

use crate::crc::Crc;
use crate::slices::cut;
use crate::store::slots::error::ConfigFault;

/// Bytes that are read or written at once at most: a multiple of every word.
pub(super) const PIECE: u32 = 32;
/// Bytes of a header: a piece.
pub(super) const HEADER: u32 = 32;
/// Bytes of a header before its checksum.
pub(super) const UNSEALED: u32 = 28;
/// Commit marks of a slot.
pub(super) const MARKS: u8 = 4;

/// Bytes of a slot on their way.
pub(super) type Piece = [u8; PIECE as usize];

const MAGIC: [u32; 2] = [u32::from_le_bytes(*b"\x89CYG"), u32::from_le_bytes(*b"SLT\n")];
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

/// Refuses slots that this flash cannot have.
pub(super) const fn check(config: SlotsConfig, sizes: Sizes, capacity: usize) -> Result<(), ConfigFault> {
    let ([_, _, erase], Some(word)) = (sizes, word(sizes)) else { return Err(ConfigFault::Word) };
    let SlotsConfig { start, slot_len, slots } = config;
    let are_whole = erase.is_multiple_of(word as usize)
        && (start as usize).is_multiple_of(erase)
        && (slot_len as usize).is_multiple_of(erase)
        && start.is_multiple_of(PIECE)
        && slot_len.is_multiple_of(PIECE);
    if !are_whole {
        return Err(ConfigFault::Blocks);
    }
    if slots < 2 {
        return Err(ConfigFault::Slots);
    }
    if data_len(slot_len, word) == 0 {
        return Err(ConfigFault::Small);
    }
    let end = (slot_len as u64).wrapping_mul(slots as u64).wrapping_add(start as u64);
    if end > capacity as u64 || end > u32::MAX as u64 { Err(ConfigFault::Capacity) } else { Ok(()) }
}

/// Bytes of a slot that holds `len` bytes of data, of whole erase blocks; `u32::MAX` where there is none.
pub(super) const fn slot_len(len: usize, sizes: Sizes) -> u32 {
    let ([_, _, erase], Some(word)) = (sizes, word(sizes)) else { return u32::MAX };
    if erase == 0 || len > u32::MAX as usize {
        return u32::MAX;
    }
    let fixed = HEADER.wrapping_add(marks_len(word)) as u64;
    let Some(data) = (len as u64).checked_next_multiple_of(word as u64) else { return u32::MAX };
    let Some(mut blocks) = data.wrapping_add(fixed).checked_next_multiple_of(erase as u64) else { return u32::MAX };
    // An erase block may be shorter than a piece.
    while !blocks.is_multiple_of(PIECE as u64) {
        blocks = blocks.wrapping_add(erase as u64);
    }
    if blocks > u32::MAX as u64 { u32::MAX } else { blocks as u32 }
}

/// The bytes of data that fit into a slot.
pub(super) const fn data_len(slot_len: u32, word: u32) -> u32 {
    slot_len.saturating_sub(HEADER).saturating_sub(marks_len(word))
}

/// Bytes that are written or read at once, the more of both: a power of two, 1 to 32.
pub(super) const fn word([read, write, _]: Sizes) -> Option<u32> {
    let word = if read > write { read } else { write };
    let is_word = read.is_power_of_two() && write.is_power_of_two() && word <= PIECE as usize;
    if is_word { Some(word as u32) } else { None }
}

/// Bytes of one mark.
pub(super) const fn mark_len(word: u32) -> u32 {
    if word < 8 { 8 } else { word }
}

const fn marks_len(word: u32) -> u32 {
    mark_len(word).wrapping_mul(MARKS as u32)
}

/// What a header says of the flash and of the program.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) config: SlotsConfig,
    pub(super) identity: u32,
    pub(super) word: u32,
}

/// What stands in the place of a header.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    /// No header: blank, or not written to its end.
    None,
    /// That of a state which was begun: sequence number and length.
    Begun,
    /// That of another version: which.
    Version,
    /// That of a state of something else: whose.
    Identity,
    /// That of slots of another size or number.
    Config,
}

/// Makes `piece` the header of a state; returns a checksum that goes on behind it.
pub(super) fn write_header(frame: &Frame, sequence: u32, len: u32, piece: &mut Piece) -> Crc {
    let words = [MAGIC[0], MAGIC[1], sizes_word(frame), frame.config.slot_len, frame.identity, sequence, len];
    write_words(piece, words.into_iter());
    let crc = Crc::NEW.bytes(cut(piece, UNSEALED as usize).0).get();
    write_words(piece, words.into_iter().chain([crc]));
    // The checksum of fields with their own checksum behind them is always the same; that of theirs alone is not.
    Crc::NEW.bytes(&crc.to_le_bytes())
}

/// The format's version, the number of slots, and the bytes of a word.
fn sizes_word(frame: &Frame) -> u32 {
    u32::from(VERSION) | u32::from(frame.config.slots) << 16 | frame.word << 24
}

/// What a header is, and the two numbers that it says.
pub(super) fn read_header(frame: &Frame, piece: &Piece) -> (Header, [u32; 2]) {
    let computed = Crc::NEW.bytes(cut(piece, UNSEALED as usize).0).get();
    // A piece has eight words.
    let &[m0, m1, sizes, slot_len, identity, sequence, len, crc] = piece.as_chunks().0 else {
        return (Header::None, [0; 2]);
    };
    let [m0, m1, crc] = [m0, m1, crc].map(u32::from_le_bytes);
    let [sizes, slot_len, identity, sequence, len] = [sizes, slot_len, identity, sequence, len].map(u32::from_le_bytes);
    if m0 != MAGIC[0] || m1 != MAGIC[1] || crc != computed {
        (Header::None, [0; 2])
    } else if sizes as u16 != VERSION {
        (Header::Version, [sizes & 0xffff, 0])
    } else if identity != frame.identity {
        (Header::Identity, [identity, 0])
    } else if sizes != sizes_word(frame) || slot_len != frame.config.slot_len {
        (Header::Config, [0; 2])
    } else if len > data_len(slot_len, frame.word) {
        (Header::None, [0; 2])
    } else {
        (Header::Begun, [sequence, len])
    }
}

/// Makes `piece` the mark of a state with this checksum, as often as it fits.
pub(super) fn write_mark(crc: u32, piece: &mut Piece) {
    write_words(piece, [crc, !crc].into_iter().cycle());
}

fn write_words(piece: &mut Piece, words: impl Iterator<Item = u32>) {
    piece.as_chunks_mut().0.iter_mut().zip(words).for_each(|(to, word)| *to = word.to_le_bytes());
}

/// A mark of a slot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Intact,
    Blank,
    /// Neither; or, on a flash with error correction, not to be read.
    Other,
}

/// What the bytes of a mark say.
pub(super) fn read_mark(mut crc: u32, bytes: &[u8]) -> Mark {
    let mut mark = Mark::Intact;
    for &word in bytes.as_chunks().0 {
        if u32::from_le_bytes(word) != crc {
            mark = Mark::Other;
        }
        crc = !crc;
    }
    if is_blank(bytes) { Mark::Blank } else { mark }
}

/// Whether no bit was written since an erase.
pub(super) fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0xff)
}

/// Whether a sequence number comes after another, where numbers wrap.
pub(super) const fn is_newer(sequence: u32, other: u32) -> bool {
    (sequence.wrapping_sub(other) as i32) > 0
}
