//! How much of the stack was ever in use: `cortex-m-rt` paints it before `main`.
#![allow(unsafe_code)]

use cortex_m_rt::STACK_PAINT_VALUE;

unsafe extern "C" {
    static _stack_start: u32;
    static _stack_end: u32;
}

/// Bytes between the first word from below that is not painted any more and the top.
pub(crate) fn high_water() -> u32 {
    let (top, mut word) = (&raw const _stack_start, &raw const _stack_end);
    // SAFETY: reads aligned words between the ends of the stack, which the linker sets.
    while word < top && unsafe { word.read_volatile() } == STACK_PAINT_VALUE {
        word = word.wrapping_add(1);
    }
    (top.addr() - word.addr()) as u32
}
