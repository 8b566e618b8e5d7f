//! The checksum behind everything that lasts.

/// Four bits, one after the other, as the polynomial of CRC-32 (ISO-HDLC, that of zip and PNG) maps them: 64 bytes of flash,
/// where a table for whole bytes takes 1,024.
const NIBBLES: [u32; 16] = {
    let (mut table, mut nibble) = ([0; 16], 0);
    while nibble < 16 {
        let (mut crc, mut bit) = (nibble as u32, 0);
        while bit < 4 {
            crc = (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
            bit += 1;
        }
        table[nibble] = crc;
        nibble += 1;
    }
    table
};

/// A CRC-32 on its way.
#[derive(Clone, Copy)]
pub(crate) struct Crc(u32);

impl Crc {
    /// Before any byte.
    pub(crate) const NEW: Self = Self(!0);

    /// After the four bytes of a word besides, little-endian.
    #[inline(always)]
    pub(crate) const fn word(self, word: u32) -> Self {
        let crc = step(step(step(step(self.0 ^ word))));
        Self(step(step(step(step(crc)))))
    }

    /// After more bytes.
    #[inline(never)]
    pub(crate) const fn bytes(mut self, bytes: &[u8]) -> Self {
        let (mut words, mut tail) = bytes.as_chunks::<4>();
        while let Some((&word, rest)) = words.split_first() {
            (self, words) = (self.word(u32::from_le_bytes(word)), rest);
        }
        while let Some((&byte, rest)) = tail.split_first() {
            (self.0, tail) = (step(step(self.0 ^ byte as u32)), rest);
        }
        self
    }

    /// The checksum of all of them.
    pub(crate) const fn get(self) -> u32 {
        !self.0
    }
}

/// Moves the register on by four bits.
#[inline(always)]
const fn step(crc: u32) -> u32 {
    NIBBLES[(crc & 15) as usize] ^ crc >> 4
}

#[cfg(test)]
mod tests;
