//! The two machines of QEMU: where their flash is, two words that outlive a reset, and the command line.
#![allow(unsafe_code)]

use core::cell::Cell;
use core::ptr::with_exposed_provenance_mut;
use core::sync::atomic::{AtomicU32, Ordering};
use cortex_m_semihosting::nr::GET_CMDLINE;
use cortex_m_semihosting::syscall;

#[cfg(not(microbit))]
pub(crate) use crate::nor::Nor as Flash;
#[cfg(microbit)]
pub(crate) use crate::nvmc::Nvmc as Flash;

/// Words that no image touches: the end of the PSRAM of mps2-an386; the end of the microbit's RAM, which `microbit.x` leaves
/// out.
const KEPT: usize = if cfg!(microbit) { 0x2000_3FF0 } else { 0x21FF_FFF0 };
/// What the first of them holds once the second one counts.
const COUNTS: u32 = 0x5354_4f52;

/// Flash for two slots or more.
#[cfg(not(microbit))]
pub(crate) fn flash() -> Flash<'static> {
    const WORDS: usize = 16 * 1024;
    // SAFETY: the start of the PSRAM, which neither the image nor anything else uses; `main` calls this once.
    Flash::new(unsafe { core::slice::from_raw_parts_mut(with_exposed_provenance_mut(0x2100_0000), WORDS) })
}

/// Flash for two slots or more.
#[cfg(microbit)]
pub(crate) fn flash() -> Flash {
    // SAFETY: QEMU's microbit has an nRF51; these are the last 32 pages of its flash, which `microbit.x` leaves out.
    unsafe { Flash::new(0x0003_8000, 32 * 1024) }
}

/// The number of this start: 0 when the power came on, one more after each reset.
pub(crate) fn count_starts() -> u32 {
    // SAFETY: aligned words of RAM that neither the image nor anything else uses.
    let [mark, starts] = unsafe { &*with_exposed_provenance_mut::<[AtomicU32; 2]>(KEPT) };
    let start = if mark.load(Ordering::Relaxed) == COUNTS { starts.load(Ordering::Relaxed).wrapping_add(1) } else { 0 };
    starts.store(start, Ordering::Relaxed);
    mark.store(COUNTS, Ordering::Relaxed);
    start
}

/// The number at `place` of those that follow `-append`. Its line is on the stack for this call alone.
#[inline(never)]
pub(crate) fn argument(place: u32) -> Option<u32> {
    let mut line = [0_u8; 512];
    let block = [line.as_mut_ptr().expose_provenance(), line.len()].map(Cell::new);
    // SAFETY: the host writes the line to where the block says, no more than it has bytes, and its length into the block.
    if unsafe { syscall(GET_CMDLINE, &block) } != 0 {
        return None;
    }
    let words = line.split(|&byte| byte == b' ' || byte == 0);
    words.filter_map(|word| core::str::from_utf8(word).ok()?.parse().ok()).nth(place as usize)
}
