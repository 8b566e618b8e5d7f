//! What can go wrong with a flash store, and with which slot.

use crate::store::stored::OpenError;
use core::fmt;

named! {
    /// Why a flash cannot be cut into these slots.
    pub enum ConfigFault {
        /// Words: 1, 2, 4, 8, 16 or 32 bytes are written at once, and as many or fewer are read at once.
        Word = 1 => "a word must have 1, 2, 4, 8, 16 or 32 bytes",
        /// The start of the first slot or the length of each: whole erase blocks, and multiples of 32 bytes.
        Blocks = 2 => "slots must begin and end with an erase block, at a multiple of 32 bytes",
        /// The number of slots: at least two, so that one is intact while another is written.
        Slots = 3 => "there must be 2 to 255 slots",
        /// A slot that has no room for a single byte.
        Small = 4 => "a slot must have room for its header, its marks and at least one byte",
        /// Slots that end behind the end of the flash.
        Capacity = 5 => "the slots end behind the end of the flash",
    }
}

told! {
    /// What is wrong with a slot.
    pub enum SlotFault {
        /// It is not erased after an erase that reported no error: a worn block, or one that is protected.
        NotErased = 1 => "not erased after an erase";
        /// It holds other bytes than were written, although the write reported no error.
        ReadBack = 2 => "holds other bytes than were written";
        /// It was written by another version of the format: the version.
        Version(version: u16) = 3 => "written in format version {version}";
        /// It was written with another configuration, or by a driver with words of another size.
        Config = 4 => "written with slots or words of another size or number";
        /// It holds the state of another network: its identity, and the one that was expected.
        Identity(found: u32, expected: u32) = 5 => "belongs to {found:08x}, expected {expected:08x}";
        /// The program gave another number of bytes than it had announced: announced, given.
        Length(announced: u32, given: u32) = 6 => "announced {announced} bytes, got {given}";
    }
}

impl SlotFault {
    /// Its number, from 1 on, which never changes.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.row()
    }
}

/// Every error of a flash store; `E` is the driver's. After one the newest complete state is as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SlotError<E> {
    /// The driver reported an error.
    Flash {
        /// The slot, from 0 on.
        slot: u8,
        /// The driver's error.
        error: E,
    },
    /// A slot that cannot be used.
    Slot {
        /// The slot, from 0 on.
        slot: u8,
        /// What is wrong with it.
        fault: SlotFault,
    },
    /// A flash that cannot be cut into these slots.
    Config(ConfigFault),
    /// More bytes than a slot holds.
    TooLong {
        /// Bytes that fit.
        capacity: usize,
        /// Bytes that were announced.
        needed: usize,
    },
    /// Nothing was saved yet.
    Empty,
    /// A read beyond the end of what was saved.
    Range {
        /// Bytes that were saved.
        len: usize,
        /// Where the read would end.
        end: usize,
    },
}

impl<E> SlotError<E> {
    /// Its number, `32768 + 256·v + d`, which never changes and is that of no [`Error`](crate::Error): `v` from 1 on, in the
    /// order above, and `d` the number of the fault, or 0.
    #[must_use]
    pub const fn code(&self) -> u16 {
        let [v, d] = match self {
            Self::Flash { .. } => [1, 0],
            Self::Slot { fault, .. } => [2, fault.code()],
            Self::Config(fault) => [3, fault.code()],
            Self::TooLong { .. } => [4, 0],
            Self::Empty => [5, 0],
            Self::Range { .. } => [6, 0],
        };
        u16::from_be_bytes([v | 0x80, d])
    }
}

impl<E: fmt::Debug> fmt::Display for SlotError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash { slot, error } => write!(f, "slot {slot}: the flash driver reports {error:?}"),
            Self::Slot { slot, fault } => write!(f, "slot {slot}: {fault}"),
            Self::Config(fault) => write!(f, "slots: {fault}"),
            Self::TooLong { capacity, needed } => write!(f, "a slot holds {capacity} bytes, needed {needed}"),
            Self::Empty => f.write_str("nothing was saved yet"),
            Self::Range { len, end } => write!(f, "{len} bytes were saved, a read would end at {end}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for SlotError<E> {}

/// A container that is read from a flash store cannot be read then: `?` tells both kinds of error.
impl<E> From<SlotError<E>> for OpenError<SlotError<E>> {
    fn from(error: SlotError<E>) -> Self {
        Self::Read(error)
    }
}

#[cfg(test)]
mod tests;
