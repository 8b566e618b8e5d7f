//! A flash store: the newest complete state survives a power cut at any moment, and a block that fails.
//!
//! | byte of a slot | what |
//! |---|---|
//! | 0 | magic `89 43 59 47 53 4c 54 0a` |
//! | 8 | `u16` format version, 1 |
//! | 10 | `u8` number of slots; `u8` bytes of a word |
//! | 12 | `u32` bytes of a slot |
//! | 16 | `u32` identity: the digest of the network |
//! | 20 | `u32` sequence number, one more than that of the save before, wrapping |
//! | 24 | `u32` length `n` of the data |
//! | 28 | `u32` CRC-32 of the 28 bytes before |
//! | 32 | the data, then `ff` up to a whole word |
//! | then | four commit marks, each of whole words and of 8 bytes or more: `u32` CRC-32 of bytes 28 to `32 + n`, and its complement, repeated |
//!
//! **A save** writes the first mark last, after all before it was read back. A mark that is not written to its end is no
//! mark: each of its bits stands there once as it is and once inverted, and a write only clears bits.
//!
//! **After a mount** nothing tells a mark that was written to its end from one that a cut left half programmed, so that it
//! reads right now and wrong later. So the first save after each mount writes the next mark of the newest slot before it
//! erases another slot. Four marks are enough for three cuts in a row, each within one of them.

mod error;

mod layout;

mod work;

mod store;

pub use error::{ConfigFault, SlotError, SlotFault};
pub use layout::SlotsConfig;

pub use store::{Sink, Slots};
pub use work::Saved;
