//! The flash store itself.

use crate::store::slots::error::SlotError;
use crate::store::slots::layout::{Frame, SlotsConfig, check, data_len, slot_len};
use crate::store::slots::work::{Saved, Work};
use core::fmt;
use embedded_storage::nor_flash::NorFlash;

/// Where a save's data go, in parts of any length.
pub type Sink<'s, E> = &'s mut dyn FnMut(&[u8]) -> Result<(), SlotError<E>>;

/// States in the flash of a chip, over any driver with the NorFlash traits: two or more slots, of which each save writes
/// the next one, so that the newest complete state survives a power cut at any moment.
///
/// It holds no buffer of a state: data are written as they come, and read by their place, through 32 bytes of its own, which
/// are aligned to 4 whatever the caller's are.
///
/// ```
/// use cygnet::store::{Slots, SlotsConfig};
/// # use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
/// # struct Flash(Vec<u8>);
/// # impl ErrorType for Flash { type Error = NorFlashErrorKind; }
/// # impl ReadNorFlash for Flash {
/// #     const READ_SIZE: usize = 1;
/// #     fn read(&mut self, at: u32, bytes: &mut [u8]) -> Result<(), Self::Error> { bytes.copy_from_slice(&self.0[at as usize..][..bytes.len()]); Ok(()) }
/// #     fn capacity(&self) -> usize { self.0.len() }
/// # }
/// # impl NorFlash for Flash {
/// #     const WRITE_SIZE: usize = 4;
/// #     const ERASE_SIZE: usize = 1024;
/// #     fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> { self.0[from as usize..to as usize].fill(0xff); Ok(()) }
/// #     fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Self::Error> { self.0[at as usize..].iter_mut().zip(bytes).for_each(|(to, byte)| *to &= byte); Ok(()) }
/// # }
/// # let mut flash = Flash(vec![0; 4096]);
/// const SLOTS: SlotsConfig = SlotsConfig { start: 0, slot_len: Slots::<Flash>::slot_len(500), slots: 2 };
/// let mut slots = Slots::mount(SLOTS, 7, &mut flash)?;
/// assert_eq!(slots.newest(), None);
/// slots.save(5, |out| {
///     out(b"hel")?; // in parts, from where they are
///     out(b"lo")
/// })?;
///
/// let mut slots = Slots::mount(SLOTS, 7, &mut flash)?; // after a power cut
/// let mut bytes = [0; 5];
/// slots.read(0, &mut bytes)?;
/// assert_eq!(&bytes, b"hello");
/// # Ok::<(), cygnet::store::SlotError<NorFlashErrorKind>>(())
/// ```
pub struct Slots<F: NorFlash>(Work<F>);

impl<F: NorFlash> fmt::Debug for Slots<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slots")
            .field("config", &self.0.frame.config)
            .field("newest", &self.newest())
            .finish_non_exhaustive()
    }
}

impl<F: NorFlash> Slots<F> {
    /// Bytes of a slot that holds `len` bytes of data in this flash: whole erase blocks, with `64 + len` bytes or more;
    /// `u32::MAX` where there are none.
    #[must_use]
    pub const fn slot_len(len: usize) -> u32 {
        slot_len(len, Work::<F>::SIZES)
    }

    /// Finds the newest complete state; nothing is written. `identity` says whose states they are: the network's
    /// [digest](crate::Spec::digest), say. An error drops the driver; one that is lent, `&mut flash`, can be used again.
    ///
    /// # Errors
    /// [`SlotError::Config`]; [`SlotError::Slot`] where a slot was written by another version, with another configuration,
    /// or for another identity, for [`format`](Self::format) to decide; [`SlotError::Flash`] where a slot cannot be read and
    /// no other one holds a complete state.
    pub fn mount(config: SlotsConfig, identity: u32, flash: F) -> Result<Self, SlotError<F::Error>> {
        let mut work = Self::checked(config, identity, flash)?;
        match work.find() {
            Ok(()) => Ok(Self(work)),
            Err(stop) => Err(work.told(stop)),
        }
    }

    /// Erases the first block of each slot, whatever it holds: there is no state then. Call it again after a power cut.
    ///
    /// # Errors
    /// [`SlotError::Config`], [`SlotError::Flash`], or [`SlotError::Slot`] for a slot that is not erased.
    pub fn format(config: SlotsConfig, identity: u32, flash: F) -> Result<Self, SlotError<F::Error>> {
        let mut work = Self::checked(config, identity, flash)?;
        match work.format() {
            Ok(()) => Ok(Self(work)),
            Err(stop) => Err(work.told(stop)),
        }
    }

    fn checked(config: SlotsConfig, identity: u32, flash: F) -> Result<Work<F>, SlotError<F::Error>> {
        check(config, Work::<F>::SIZES, flash.capacity()).map_err(SlotError::Config)?;
        Ok(Work::new(flash, Frame { config, identity, word: Work::<F>::WORD }))
    }

    /// The most bytes that a state may have.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        data_len(self.0.frame.config.slot_len, Work::<F>::WORD) as usize
    }

    /// The newest complete state, if there is any.
    #[must_use]
    pub fn newest(&self) -> Option<Saved> {
        self.0.newest()
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
        let work = &mut self.0;
        work.begin(len as u32).map_err(|stop| work.told(stop))?;
        write(&mut |bytes| work.push(bytes).map_err(|stop| work.told(stop)))?;
        work.finish().map_err(|stop| work.told(stop))
    }

    /// Reads bytes of the newest complete state, from its byte `offset` on.
    ///
    /// # Errors
    /// [`SlotError::Empty`], [`SlotError::Range`], [`SlotError::Flash`]; after that last one `bytes` are of no use.
    pub fn read(&mut self, offset: usize, bytes: &mut [u8]) -> Result<(), SlotError<F::Error>> {
        let saved = self.newest().ok_or(SlotError::Empty)?;
        let end = offset.saturating_add(bytes.len());
        if end > saved.len {
            return Err(SlotError::Range { len: saved.len, end });
        }
        self.0.copy(saved, offset as u32, bytes).map_err(|stop| self.0.told(stop))
    }

    /// The driver, to look at.
    #[must_use]
    pub const fn flash(&self) -> &F {
        &self.0.flash
    }

    /// The driver.
    #[must_use]
    pub fn into_flash(self) -> F {
        self.0.flash
    }
}
