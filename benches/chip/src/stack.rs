//! How deep the stack gets below a call: paint it, call, and look where the paint is gone.

use core::hint::black_box as opaque;
use cortex_m::register::msp;
use cortex_m_rt::STACK_PAINT_VALUE;

/// Bytes that are painted; `MEMORY` in memory.x has far more behind the statics.
const PAINTED: u32 = 32 * 1024;

/// The bytes of stack that `work` takes, below this function's own frame.
#[inline(never)]
pub fn high_water(work: &mut dyn FnMut()) -> u32 {
    let top = msp::read() & !3;
    let bottom = top - PAINTED;
    for address in (bottom..top).step_by(4) {
        // SAFETY: free stack below every frame; this loop calls nothing, and no interrupt is on.
        unsafe { (address as *mut u32).write_volatile(STACK_PAINT_VALUE) };
    }
    opaque(work)();
    let mut address = bottom;
    // SAFETY: within the stack, as above.
    while address < top && unsafe { (address as *const u32).read_volatile() } == STACK_PAINT_VALUE {
        address += 4;
    }
    top - address
}
