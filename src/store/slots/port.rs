//! The driver, as code that does not depend on its type sees it.

use crate::slices::{cut, cut_mut};
use crate::store::slots::error::{SlotError, SlotFault};
use crate::store::slots::layout::{Layout, PIECE};
use embedded_storage::nor_flash::NorFlash;

/// What stopped the work on a slot.
pub(super) enum Stop {
    /// The driver, whose error the port has.
    Driver(u8),
    /// Something else.
    Fault(u8, SlotFault),
}

/// The driver reported an error.
pub(super) struct DriverError;

/// A driver of any type. What calls it is in an image once, whatever the driver.
pub(super) trait Nor {
    /// Reads bytes from `at` on.
    fn read(&mut self, at: u32, bytes: &mut [u8]) -> Result<(), DriverError>;
    /// Writes whole words from `at` on.
    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), DriverError>;
    /// Erases whole blocks.
    fn erase(&mut self, from: u32, to: u32) -> Result<(), DriverError>;
}

/// A driver with its latest error.
pub(super) struct Port<F: NorFlash> {
    pub(super) flash: F,
    pub(super) error: Option<F::Error>,
}

impl<F: NorFlash> Port<F> {
    fn kept(&mut self, result: Result<(), F::Error>) -> Result<(), DriverError> {
        result.map_err(|error| {
            self.error = Some(error);
            DriverError
        })
    }

    /// What stopped the work, in the caller's words.
    pub(super) fn told(&mut self, stop: Stop) -> SlotError<F::Error> {
        match (stop, self.error.take()) {
            (Stop::Driver(slot), Some(error)) => SlotError::Flash { slot, error },
            (Stop::Fault(slot, fault), _) => SlotError::Slot { slot, fault },
            // Never: the error was kept before.
            (Stop::Driver(slot), None) => SlotError::Slot { slot, fault: SlotFault::ReadBack },
        }
    }
}

impl<F: NorFlash> Nor for Port<F> {
    fn read(&mut self, at: u32, bytes: &mut [u8]) -> Result<(), DriverError> {
        let result = self.flash.read(at, bytes);
        self.kept(result)
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), DriverError> {
        let result = self.flash.write(at, bytes);
        self.kept(result)
    }

    fn erase(&mut self, from: u32, to: u32) -> Result<(), DriverError> {
        let result = self.flash.erase(from, to);
        self.kept(result)
    }
}

/// Reads bytes `from..to` of a slot and gives them to `take` in parts. It reads whole words from multiples of a piece on, as
/// the driver wants it, and no word behind `to`: one that was cut off may be unreadable.
#[inline(never)]
pub(super) fn read(
    nor: &mut dyn Nor,
    layout: &Layout,
    slot: u8,
    [from, to]: [u32; 2],
    take: &mut dyn FnMut(&[u8]),
) -> Result<(), DriverError> {
    let mut piece = [0; PIECE as usize];
    let mut at = from & !PIECE.wrapping_sub(1);
    while at < to {
        let wanted = to.wrapping_sub(at);
        let words = cut_mut(&mut piece, layout.whole_words(wanted) as usize).0;
        nor.read(layout.base(slot).wrapping_add(at), words)?;
        take(cut(cut(words, wanted as usize).0, from.saturating_sub(at) as usize).1);
        at = at.wrapping_add(PIECE);
    }
    Ok(())
}
