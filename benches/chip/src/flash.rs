//! A driver of flash that is RAM, with as little code as a driver can have.

use core::hint::black_box as opaque;
use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};

/// RAM under the rules of a flash.
pub struct Flash(pub &'static mut [u8]);

impl ErrorType for Flash {
    type Error = NorFlashErrorKind;
}

impl Flash {
    fn part(&mut self, at: u32, len: usize) -> Result<&mut [u8], NorFlashErrorKind> {
        let part = self.0.get_mut(at as usize..).and_then(|rest| rest.get_mut(..len));
        part.ok_or(NorFlashErrorKind::OutOfBounds)
    }
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    #[inline(never)]
    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        let part = self.part(offset, bytes.len())?;
        bytes.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 1024;

    #[inline(never)]
    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        // Not `fill`, which would link a `memset` that no driver of a flash needs.
        self.part(from, to.wrapping_sub(from) as usize)?.iter_mut().for_each(|byte| *byte = opaque(0xff));
        Ok(())
    }

    #[inline(never)]
    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        let part = self.part(offset, bytes.len())?;
        part.iter_mut().zip(bytes).for_each(|(to, from)| *to &= from);
        Ok(())
    }
}
