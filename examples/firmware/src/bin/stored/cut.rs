//! A power cut at a chosen word: what stands between the store and the flash when the example is tried.

use core::cell::Cell;
use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash, check_erase, check_write};

/// Flash of words of 4 bytes of which it is known what an erase leaves that is cut.
pub(crate) trait Torn: NorFlash {
    /// Does the first `words` of an erase that starts at the byte `from`.
    fn tear(&mut self, from: u32, words: u32);
}

/// Flash whose power fails before a word of a write or of an erase: erasing a block is as many words as it has.
pub(crate) struct Cut<'a, F, P> {
    flash: F,
    /// Words written or erased so far.
    words: &'a Cell<u32>,
    /// The number of the word before which power fails.
    at: Option<u32>,
    power_fails: P,
}

impl<'a, F: Torn, P: Fn() -> F::Error> Cut<'a, F, P> {
    /// Counts in `words`, and calls `power_fails` before word `at`, which may not come back; if it does, its error is what
    /// every later change gets as well.
    pub(crate) fn new(flash: F, words: &'a Cell<u32>, at: Option<u32>, power_fails: P) -> Self {
        Self { flash, words, at, power_fails }
    }

    /// How many of `asked` words are done before power fails. Counts them.
    fn spend(&mut self, asked: u32) -> u32 {
        let left = self.at.map_or(u32::MAX, |at| at.saturating_sub(self.words.get()));
        let done = asked.min(left);
        self.words.set(self.words.get().wrapping_add(done));
        done
    }
}

impl<F: ErrorType, P> ErrorType for Cut<'_, F, P> {
    type Error = F::Error;
}

impl<F: ReadNorFlash, P> ReadNorFlash for Cut<'_, F, P> {
    const READ_SIZE: usize = F::READ_SIZE;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        self.flash.read(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.flash.capacity()
    }
}

impl<F: Torn, P: Fn() -> F::Error> NorFlash for Cut<'_, F, P> {
    const WRITE_SIZE: usize = F::WRITE_SIZE;
    const ERASE_SIZE: usize = F::ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        if check_erase(self, from, to).is_err() {
            return self.flash.erase(from, to); // which says why not
        }
        let asked = (to - from) / 4;
        let done = self.spend(asked);
        if done < asked {
            self.flash.tear(from, done);
            return Err((self.power_fails)());
        }
        self.flash.erase(from, to)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        if check_write(self, offset, bytes.len()).is_err() {
            return self.flash.write(offset, bytes);
        }
        let asked = (bytes.len() / 4) as u32;
        let done = self.spend(asked);
        self.flash.write(offset, bytes.get(..4 * done as usize).unwrap_or_default())?;
        if done < asked { Err((self.power_fails)()) } else { Ok(()) }
    }
}
