//! The checksum behind everything that lasts.

/// A CRC-32 on its way.
#[derive(Clone, Copy)]
pub(crate) struct Crc(u32);

impl Crc {
    /// Before any byte.
    pub(crate) const NEW: Self = Self(!0);

    /// After more bytes.
    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        for &byte in bytes {
            self.0 ^= u32::from(byte);
            for _ in 0..8 {
                self.0 = (self.0 >> 1) ^ (0xedb8_8320_u32.wrapping_mul(self.0 & 1));
            }
        }
        self
    }

    /// The checksum of all of them.
    pub(crate) const fn get(self) -> u32 {
        !self.0
    }
}
