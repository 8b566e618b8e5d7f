//! A model of NOR flash in ordinary memory: a block is erased to ones, a write can only clear bits, word by word. It is a
//! model: no chip has this memory as its flash.

use crate::cut::Torn;
use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

/// Flash of whole blocks in `words`, which may hold anything at first.
pub(crate) struct Nor<'a> {
    words: &'a mut [u32],
}

impl<'a> Nor<'a> {
    /// Words that do not fill a block are left out.
    pub(crate) fn new(words: &'a mut [u32]) -> Self {
        let whole = words.len() - words.len() % (Self::ERASE_SIZE / 4);
        Self { words: words.get_mut(..whole).unwrap_or_default() }
    }

    /// The words from the byte at `offset` on.
    fn words_from(&mut self, offset: u32) -> &mut [u32] {
        self.words.get_mut(offset as usize / 4..).unwrap_or_default()
    }
}

impl ErrorType for Nor<'_> {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Nor<'_> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        check_read(self, offset, bytes.len())?;
        let held = self.words_from(offset).iter().flat_map(|word| word.to_le_bytes()).skip(offset as usize % 4);
        bytes.iter_mut().zip(held).for_each(|(to, byte)| *to = byte);
        Ok(())
    }

    fn capacity(&self) -> usize {
        size_of_val(self.words)
    }
}

impl NorFlash for Nor<'_> {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4096;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        check_erase(self, from, to)?;
        self.tear(from, (to - from) / 4);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        check_write(self, offset, bytes.len())?;
        let words = bytes.as_chunks().0.iter().map(|&bytes| u32::from_le_bytes(bytes));
        self.words_from(offset).iter_mut().zip(words).for_each(|(held, word)| *held &= word);
        Ok(())
    }
}

impl Torn for Nor<'_> {
    fn tear(&mut self, from: u32, words: u32) {
        self.words_from(from).iter_mut().take(words as usize).for_each(|word| *word = u32::MAX);
    }
}
