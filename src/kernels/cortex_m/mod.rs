//! The innermost loops for a Cortex-M with a floating-point unit, by hand: the bits of the plain ones, since each product
//! and each sum is rounded as there.
//!
//! Compilers load one register at a time; VLDM and VSTM move many in one instruction, and a sum that waits for no product
//! before it does not stall. `VMLA` rounds its product, unlike `VFMA`: fewer instructions, a cycle more. It stands where
//! the square root and the division take most of the time, and where a single sum would wait for its product anyway.
#![allow(unsafe_code)]

mod steps;
mod sums;
mod units;

use core::arch::asm;
pub(super) use steps::{adam, mean_update, sgd};
pub(super) use sums::{CHUNK, TILES, add_rows, forward_one};
pub(super) use units::{input_gradient, products};
pub(crate) use units::{relu, step};

/// `√x` by the instruction, 14 cycles: correctly rounded as IEEE 754 asks, hence the bits of the software's.
#[inline(always)]
pub(crate) fn sqrt(x: f32) -> f32 {
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

/// `to ← from`; from a loop in Rust the compiler makes a call of `memcpy`, which takes 900 bytes of flash.
#[inline(never)]
pub(crate) fn copy(to: &mut [f32], from: &[f32]) {
    let n = to.len().min(from.len());
    // SAFETY: reads and writes `n` floats.
    unsafe {
        asm!(
            "subs {n}, {n}, #4",
            "blo 3f",
            "2:",
            "ldmia {from}!, {{r2-r5}}",
            "stmia {to}!, {{r2-r5}}",
            "subs {n}, {n}, #4",
            "bhs 2b",
            "3:",
            "adds {n}, {n}, #4",
            "beq 5f",
            "4:",
            "ldr r2, [{from}], #4",
            "str r2, [{to}], #4",
            "subs {n}, {n}, #1",
            "bne 4b",
            "5:",
            to = inout(reg) to.as_mut_ptr() => _,
            from = inout(reg) from.as_ptr() => _,
            n = inout(reg) n => _,
            out("r2") _, out("r3") _, out("r4") _, out("r5") _,
            options(nostack),
        );
    }
}

/// `to ← 0`; from a loop in Rust the compiler makes a call of `memclr`, which takes 350 bytes of flash.
#[inline(never)]
pub(crate) fn clear(to: &mut [f32]) {
    // SAFETY: writes the floats of `to`.
    unsafe {
        asm!(
            "movs r2, #0",
            "cmp {n}, #0",
            "beq 3f",
            "2:",
            "str r2, [{to}], #4",
            "subs {n}, {n}, #1",
            "bne 2b",
            "3:",
            to = inout(reg) to.as_mut_ptr() => _,
            n = inout(reg) to.len() => _,
            out("r2") _,
            options(nostack),
        );
    }
}

/// As many zeros, for which the compiler makes the same call where it sees that they are.
#[inline(always)]
pub(crate) fn zeros<const N: usize>() -> [f32; N] {
    let zero: u32;
    // SAFETY: sets a register.
    unsafe { asm!("mov {0}, #0", out(reg) zero, options(pure, nomem, nostack, preserves_flags)) };
    [f32::from_bits(zero); N]
}

/// The largest magnitude as bits.
#[inline(never)]
pub(super) fn largest(x: &[f32]) -> f32 {
    let mut twice = 0_u32;
    // SAFETY: reads the floats of `x`.
    unsafe {
        asm!(
            "subs {n}, {n}, #4",
            "blo 5f",
            "2:",
            "ldmia {x}!, {{r2-r5}}",
            "cmp {m}, r2, lsl #1",
            "ittt hs", "cmphs {m}, r3, lsl #1", "cmphs {m}, r4, lsl #1", "cmphs {m}, r5, lsl #1",
            "bhs 4f",
            "cmp {m}, r2, lsl #1", "it lo", "lsllo {m}, r2, #1",
            "cmp {m}, r3, lsl #1", "it lo", "lsllo {m}, r3, #1",
            "cmp {m}, r4, lsl #1", "it lo", "lsllo {m}, r4, #1",
            "cmp {m}, r5, lsl #1", "it lo", "lsllo {m}, r5, #1",
            "4:",
            "subs {n}, {n}, #4",
            "bhs 2b",
            "5:",
            "adds {n}, {n}, #4",
            "beq 7f",
            "6:",
            "ldr r2, [{x}], #4",
            "cmp {m}, r2, lsl #1", "it lo", "lsllo {m}, r2, #1",
            "subs {n}, {n}, #1",
            "bne 6b",
            "7:",
            x = inout(reg) x.as_ptr() => _,
            n = inout(reg) x.len() => _,
            m = inout(reg) twice,
            out("r2") _, out("r3") _, out("r4") _, out("r5") _,
            options(nostack, readonly),
        );
    }
    f32::from_bits(twice >> 1)
}
