//! The flash store itself.

use crate::slices::cut_mut;
use crate::store::slots::error::SlotError;
use crate::store::slots::layout::{HEADER, Layout, Sizes, SlotsConfig, slot_len};
use crate::store::slots::ledger::{Ledger, Saved};
use crate::store::slots::port::{Port, Stop, read};
use core::fmt;
use embedded_storage::nor_flash::NorFlash;

/// Where a save's data go, in parts of any length.
pub type Sink<'s, E> = &'s mut dyn FnMut(&[u8]) -> Result<(), SlotError<E>>;

/// States in the flash of a chip, over any driver with the NorFlash traits: two or more slots, of which each save writes
/// the next one, so that the newest complete state survives a power cut at any moment.
///
/// It holds no buffer of a state: data are written as they come, and read by their place. On the stack a save has 32
/// bytes of data and 32 of a header.
pub struct Slots<F: NorFlash> {
    port: Port<F>,
    ledger: Ledger,
}

impl<F: NorFlash> fmt::Debug for Slots<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ledger { layout, .. } = &self.ledger;
        f.debug_struct("Slots").field("config", &layout.config).field("newest", &self.newest()).finish_non_exhaustive()
    }
}

impl<F: NorFlash> Slots<F> {
    const SIZES: Sizes = [F::READ_SIZE, F::WRITE_SIZE, F::ERASE_SIZE];

    /// Bytes of a slot that holds `len` bytes of data in this flash: whole erase blocks, with `64 + len` bytes or more.
    #[must_use]
    pub const fn slot_len(len: usize) -> u32 {
        slot_len(len, Self::SIZES)
    }

    /// Finds the newest complete state; nothing is written. `identity` says whose states they are: the network's
    /// [digest](crate::Spec::digest), say. An error drops the driver; one that is lent, `&mut flash`, can be used again.
    ///
    /// # Errors
    /// [`SlotError::Config`]; [`SlotError::Slot`] where a slot was written by another version, with another configuration,
    /// or for another identity, for [`format`](Self::format) to decide; [`SlotError::Flash`] where a slot cannot be read and
    /// no other one holds a complete state.
    pub fn mount(config: SlotsConfig, identity: u32, flash: F) -> Result<Self, SlotError<F::Error>> {
        let layout = Layout::new(config, identity, Self::SIZES, flash.capacity()).map_err(SlotError::Config)?;
        let mut port = Port { flash, error: None };
        match Ledger::find(&mut port, layout) {
            Ok(ledger) => Ok(Self { port, ledger }),
            Err(stop) => Err(port.told(stop)),
        }
    }

    /// Erases the first block of each slot, whatever it holds: there is no state then. Call it again after a power cut.
    ///
    /// # Errors
    /// [`SlotError::Config`], [`SlotError::Flash`], or [`SlotError::Slot`] for a slot that is not erased.
    pub fn format(config: SlotsConfig, identity: u32, flash: F) -> Result<Self, SlotError<F::Error>> {
        let layout = Layout::new(config, identity, Self::SIZES, flash.capacity()).map_err(SlotError::Config)?;
        let mut port = Port { flash, error: None };
        match Ledger::format(&mut port, layout) {
            Ok(ledger) => Ok(Self { port, ledger }),
            Err(stop) => Err(port.told(stop)),
        }
    }

    /// The most bytes that a state may have.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.ledger.layout.capacity() as usize
    }

    /// The newest complete state, if there is any.
    #[must_use]
    pub fn newest(&self) -> Option<Saved> {
        self.ledger.newest()
    }

    /// Saves `len` bytes, which `write` gives away in order and in parts of any length. They are the newest state once
    /// this returns `Ok`; until then that is the one before.
    ///
    /// # Errors
    /// [`SlotError::TooLong`]; [`SlotError::Flash`] or [`SlotError::Slot`], which name the slot that failed: call again, and
    /// another one is tried, if there are more than two; or what `write` returned. The newest state is as before.
    pub fn save<W>(&mut self, len: usize, write: W) -> Result<Saved, SlotError<F::Error>>
    where
        W: FnOnce(Sink<'_, F::Error>) -> Result<(), SlotError<F::Error>>,
    {
        let capacity = self.capacity();
        if len > capacity {
            return Err(SlotError::TooLong { capacity, needed: len });
        }
        let Self { port, ledger } = self;
        let mut stream = ledger.begin(port, len as u32).map_err(|stop| port.told(stop))?;
        write(&mut |bytes| stream.push(port, bytes).map_err(|stop| port.told(stop)))?;
        ledger.finish(port, stream).map_err(|stop| port.told(stop))
    }

    /// Reads bytes of the newest complete state, from its byte `offset` on.
    ///
    /// # Errors
    /// [`SlotError::Empty`], [`SlotError::Range`], [`SlotError::Flash`]; after that last one `bytes` are of no use.
    pub fn read(&mut self, offset: usize, bytes: &mut [u8]) -> Result<(), SlotError<F::Error>> {
        let Saved { slot, len, .. } = self.newest().ok_or(SlotError::Empty)?;
        let end = offset.saturating_add(bytes.len());
        if end > len {
            return Err(SlotError::Range { len, end });
        }
        let mut rest = bytes;
        let range = [offset, end].map(|at| (at as u32).wrapping_add(HEADER));
        let result = read(&mut self.port, &self.ledger.layout, slot, range, &mut |part| {
            let (now, later) = cut_mut(core::mem::take(&mut rest), part.len());
            now.iter_mut().zip(part).for_each(|(to, &from)| *to = from);
            rest = later;
        });
        result.map_err(|_| self.port.told(Stop::Driver(slot)))
    }

    /// The driver, to look at.
    #[must_use]
    pub const fn flash(&self) -> &F {
        &self.port.flash
    }

    /// The driver.
    #[must_use]
    pub fn into_flash(self) -> F {
        self.port.flash
    }
}
