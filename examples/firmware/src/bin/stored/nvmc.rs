//! The flash of an nRF51 through its controller's registers (nRF51 Series Reference Manual, "Non-Volatile Memory
//! Controller"). The core stops while the controller writes or erases, so that code may run from the same flash.
#![allow(unsafe_code)]

use crate::cut::Torn;
use core::ptr::{with_exposed_provenance, with_exposed_provenance_mut};
use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

/// Bit 0 says that neither a write nor an erase is under way.
const READY: usize = 0x4001_E400;
/// What the controller lets through: one of the three below.
const CONFIG: usize = 0x4001_E504;
const READ_ONLY: u32 = 0;
const WRITE: u32 = 1;
const ERASE: u32 = 2;
/// The address of a page, written here, erases it.
const ERASE_PAGE: usize = 0x4001_E508;

/// Pages of the chip's flash.
pub(crate) struct Nvmc {
    start: usize,
    len: usize,
}

impl Nvmc {
    /// The flash of `len` bytes at the address `start`.
    ///
    /// # Safety
    ///
    /// This is an nRF51. These bytes are whole pages of its flash, they hold no part of the program, and nothing else uses
    /// them or the controller.
    pub(crate) const unsafe fn new(start: usize, len: usize) -> Self {
        Self { start, len }
    }

    /// Lets the controller do one kind of change, then none.
    fn change(&mut self, kind: u32, words: impl Iterator<Item = (usize, u32)>) {
        store(CONFIG, kind);
        for (address, word) in words {
            store(address, word);
            while load(READY) & 1 == 0 {}
        }
        store(CONFIG, READ_ONLY);
    }
}

/// Writes a register, or a word of flash.
fn store(address: usize, word: u32) {
    // SAFETY: `Nvmc::new` was promised that this is the chip and that its words of flash are free; both are aligned.
    unsafe { with_exposed_provenance_mut::<u32>(address).write_volatile(word) }
}

/// Reads a register.
fn load(address: usize) -> u32 {
    // SAFETY: as in `store`.
    unsafe { with_exposed_provenance::<u32>(address).read_volatile() }
}

impl ErrorType for Nvmc {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Nvmc {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        check_read(self, offset, bytes.len())?;
        for (address, byte) in (self.start + offset as usize..).zip(bytes) {
            // SAFETY: `check_read` found it within the flash that `new` was promised.
            *byte = unsafe { with_exposed_provenance::<u8>(address).read_volatile() };
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.len
    }
}

impl NorFlash for Nvmc {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 1024;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        check_erase(self, from, to)?;
        let pages = (self.start + from as usize..self.start + to as usize).step_by(Self::ERASE_SIZE);
        self.change(ERASE, pages.map(|page| (ERASE_PAGE, page as u32)));
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        check_write(self, offset, bytes.len())?;
        let words = bytes.as_chunks().0.iter().map(|&bytes| u32::from_le_bytes(bytes));
        self.change(WRITE, (self.start + offset as usize..).step_by(4).zip(words));
        Ok(())
    }
}

impl Torn for Nvmc {
    /// The whole pages among the words: the core stops while a page is erased, so that no reset comes between.
    fn tear(&mut self, from: u32, words: u32) {
        let whole = (4 * words) - (4 * words) % Self::ERASE_SIZE as u32;
        let _ = self.erase(from, from.saturating_add(whole));
    }
}
