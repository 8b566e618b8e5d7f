//! What Rust's core does not offer of a Cortex-M's floating-point unit.
#![allow(unsafe_code)]

use core::arch::asm;

/// `√x` by the instruction, 14 cycles: correctly rounded as IEEE 754 asks, hence the bits of the software's.
#[inline(always)]
pub(super) fn sqrt(x: f32) -> f32 {
    let mut bits = x.to_bits();
    // SAFETY: moves and a square root of numbers, on a target whose calls pass floats in these very
    // registers; FPSCR's cumulative exception flags may change, which no option denies.
    unsafe {
        asm!(
            "vmov s0, {0}",
            "vsqrt.f32 s0, s0",
            "vmov {0}, s0",
            inout(reg) bits,
            out("s0") _,
            options(pure, nomem, nostack),
        );
    }
    f32::from_bits(bits)
}
