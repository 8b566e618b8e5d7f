//! The innermost loops for a Cortex-M with a floating-point unit, by hand: the bits of the plain ones, since each product
//! and each sum is rounded as there.
//!
//! Compilers load one register at a time; VLDM and VSTM move many in one instruction, and a sum that waits for no product
//! before it does not stall. `VMLA` rounds its product, unlike `VFMA`: fewer instructions, a cycle more. It stands where
//! the square root and the division take most of the time.
#![allow(unsafe_code)]

use super::{Adam, FIRST_MOMENT_FLOOR, SECOND_MOMENT_FLOOR};
use core::arch::asm;
use core::mem::MaybeUninit;
use core::slice;

/// Coefficients looked at before their rows are added: their lists lie on the stack.
pub(super) const CHUNK: usize = 64;

/// Whether [`tiles`] and [`list`] are the better way.
pub(super) const TILES: bool = true;

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

/// `$op` of eight registers with one: `s20..s27 ← s20..s27 op $x`.
macro_rules! products {
    ($x:literal) => {
        concat!(
            "vmul.f32 s20, s20, ",
            $x,
            "\n vmul.f32 s21, s21, ",
            $x,
            "\n vmul.f32 s22, s22, ",
            $x,
            "\n vmul.f32 s23, s23, ",
            $x,
            "\n vmul.f32 s24, s24, ",
            $x,
            "\n vmul.f32 s25, s25, ",
            $x,
            "\n vmul.f32 s26, s26, ",
            $x,
            "\n vmul.f32 s27, s27, ",
            $x,
        )
    };
}

/// One term of sixteen sums: `s0..s15 ← s0..s15 + $x · row`, where `$p` points to the row.
macro_rules! term {
    ($x:literal, $p:literal) => {
        concat!(
            "vldmia ",
            $p,
            "!, {{s20-s27}} \n",
            products!($x),
            "\n vadd.f32 s0, s0, s20 \n vadd.f32 s1, s1, s21 \n vadd.f32 s2, s2, s22 \n vadd.f32 s3, s3, s23",
            "\n vadd.f32 s4, s4, s24 \n vadd.f32 s5, s5, s25 \n vadd.f32 s6, s6, s26 \n vadd.f32 s7, s7, s27",
            "\n vldmia ",
            $p,
            ", {{s20-s27}} \n",
            products!($x),
            "\n vadd.f32 s8, s8, s20 \n vadd.f32 s9, s9, s21 \n vadd.f32 s10, s10, s22 \n vadd.f32 s11, s11, s23",
            "\n vadd.f32 s12, s12, s24 \n vadd.f32 s13, s13, s25 \n vadd.f32 s14, s14, s26 \n vadd.f32 s15, s15, s27",
        )
    };
}

/// One term of eight sums: `s0..s7 ← s0..s7 + $x · row`, where `$p` points to the row.
macro_rules! short_term {
    ($x:literal, $p:literal) => {
        concat!(
            "vldmia ",
            $p,
            ", {{s20-s27}} \n",
            products!($x),
            "\n vadd.f32 s0, s0, s20 \n vadd.f32 s1, s1, s21 \n vadd.f32 s2, s2, s22 \n vadd.f32 s3, s3, s23",
            "\n vadd.f32 s4, s4, s24 \n vadd.f32 s5, s5, s25 \n vadd.f32 s6, s6, s26 \n vadd.f32 s7, s7, s27",
        )
    };
}

/// `out += Σ_i values[i] · row i` for as many of the first columns as make whole tiles of sixteen, eight and four; row `i`
/// begins at `columns[offsets[i]]`, offsets ascending, as far as rows are whole. Returns the number of columns.
#[inline(never)]
pub(super) fn tiles(out: &mut [f32], values: &[f32], offsets: &[usize], columns: &[f32]) -> usize {
    let width = out.len() & !3;
    let Some(room) = columns.len().checked_sub(width) else { return width };
    let mut n = values.len().min(offsets.len());
    // Coefficients may go on where rows do not.
    while let Some(&last) = offsets.get(n.wrapping_sub(1))
        && last > room
    {
        n -= 1;
    }
    if n == 0 || width == 0 {
        return width;
    }
    // SAFETY: `n` and `width` are not 0, `width` is a multiple of 4; reads `n` values, `n` offsets and `width` floats at
    // each, of which the last one leaves as many, and writes `width` sums.
    unsafe {
        asm!(
            "subs {width}, {width}, #16",
            "blo 6f",
            // Sixteen sums.
            "2:",
            "vldmia {out}, {{s0-s15}}",
            "subs {n}, {all}, #4",
            "blo 4f",
            // Four terms a turn.
            "3:",
            "vldmia {x}!, {{s16-s19}}",
            "ldmia {offsets}!, {{r2-r5}}",
            "add r2, {base}, r2, lsl #2",
            term!("s16", "r2"),
            "add r3, {base}, r3, lsl #2",
            term!("s17", "r3"),
            "add r4, {base}, r4, lsl #2",
            term!("s18", "r4"),
            "add r5, {base}, r5, lsl #2",
            term!("s19", "r5"),
            "subs {n}, {n}, #4",
            "bhs 3b",
            // The rest one by one.
            "4:",
            "adds {n}, {n}, #4",
            "beq 5f",
            "40:",
            "vldmia {x}!, {{s16}}",
            "ldr r2, [{offsets}], #4",
            "add r2, {base}, r2, lsl #2",
            term!("s16", "r2"),
            "subs {n}, {n}, #1",
            "bne 40b",
            "5:",
            "vstmia {out}!, {{s0-s15}}",
            "sub {x}, {x}, {all}, lsl #2",
            "sub {offsets}, {offsets}, {all}, lsl #2",
            "add {base}, {base}, #64",
            "subs {width}, {width}, #16",
            "bhs 2b",
            "6:",
            "adds {width}, {width}, #16",
            "subs {width}, {width}, #8",
            "blo 8f",
            // Eight sums.
            "mov {n}, {all}",
            "vldmia {out}, {{s0-s7}}",
            "7:",
            "vldmia {x}!, {{s16}}",
            "ldr r2, [{offsets}], #4",
            "add r2, {base}, r2, lsl #2",
            short_term!("s16", "r2"),
            "subs {n}, {n}, #1",
            "bne 7b",
            "vstmia {out}!, {{s0-s7}}",
            "sub {x}, {x}, {all}, lsl #2",
            "sub {offsets}, {offsets}, {all}, lsl #2",
            "add {base}, {base}, #32",
            "b 9f",
            "8:",
            "add {width}, {width}, #8",
            "9:",
            "cmp {width}, #0",
            "beq 12f",
            // Four sums.
            "vldmia {out}, {{s0-s3}}",
            "11:",
            "vldmia {x}!, {{s16}}",
            "ldr r2, [{offsets}], #4",
            "add r2, {base}, r2, lsl #2",
            "vldmia r2, {{s20-s23}}",
            "vmul.f32 s20, s20, s16", "vmul.f32 s21, s21, s16", "vmul.f32 s22, s22, s16", "vmul.f32 s23, s23, s16",
            "vadd.f32 s0, s0, s20", "vadd.f32 s1, s1, s21", "vadd.f32 s2, s2, s22", "vadd.f32 s3, s3, s23",
            "subs {all}, {all}, #1",
            "bne 11b",
            "vstmia {out}, {{s0-s3}}",
            "12:",
            out = inout(reg) out.as_mut_ptr() => _,
            x = inout(reg) values.as_ptr() => _,
            offsets = inout(reg) offsets.as_ptr() => _,
            base = inout(reg) columns.as_ptr() => _,
            all = inout(reg) n => _,
            width = inout(reg) width => _,
            n = out(reg) _,
            out("r2") _, out("r3") _, out("r4") _, out("r5") _,
            out("s0") _, out("s1") _, out("s2") _, out("s3") _, out("s4") _, out("s5") _, out("s6") _, out("s7") _,
            out("s8") _, out("s9") _, out("s10") _, out("s11") _, out("s12") _, out("s13") _, out("s14") _, out("s15") _,
            out("s16") _, out("s17") _, out("s18") _, out("s19") _, out("s20") _, out("s21") _, out("s22") _,
            out("s23") _, out("s24") _, out("s25") _, out("s26") _, out("s27") _,
            options(nostack),
        );
    }
    width
}

/// One element of [`list`]: its value and its offset, unless it is zero.
macro_rules! push {
    ($x:literal) => {
        concat!(
            "lsls {t}, ",
            $x,
            ", #1 \n itt ne \n strne ",
            $x,
            ", [{values}], #4 \n strne {offset}, [{offsets}], #4",
            "\n add {offset}, {offset}, {stride}",
        )
    };
}

/// The non-zero ones of a chunk of coefficients, and where their rows begin.
pub(super) struct Lists([MaybeUninit<f32>; CHUNK], [MaybeUninit<usize>; CHUNK]);

impl Lists {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self([MaybeUninit::uninit(); CHUNK], [MaybeUninit::uninit(); CHUNK])
    }
}

/// Lists the elements of `x` that are not zero with the offsets of their rows, which lie `stride` apart.
#[inline(always)]
pub(super) fn list<'a>(x: &[f32], stride: usize, lists: &'a mut Lists) -> (&'a [f32], &'a [usize]) {
    let n = x.len().min(CHUNK);
    let start = lists.0.as_mut_ptr().cast::<f32>();
    let offsets = lists.1.as_mut_ptr().cast::<usize>();
    let end: *mut f32;
    // SAFETY: reads `n` floats, and writes at most `n`, which is at most `CHUNK`, values and offsets.
    unsafe {
        asm!(
            "subs {n}, {n}, #4",
            "blo 5f",
            "2:",
            "ldmia {x}!, {{r2-r5}}",
            "orr {t}, r2, r3",
            "orr {t}, {t}, r4",
            "orr {t}, {t}, r5",
            "lsls {t}, {t}, #1",
            "bne 3f",
            // All are zero.
            "add {offset}, {offset}, {stride}, lsl #2",
            "subs {n}, {n}, #4",
            "bhs 2b",
            "b 5f",
            "3:",
            "lsls {t}, r2, #1",
            "ittt ne", "lslsne {t}, r3, #1", "lslsne {t}, r4, #1", "lslsne {t}, r5, #1",
            "beq 4f",
            // None is.
            "stmia {values}!, {{r2-r5}}",
            "mov r2, {offset}",
            "add r3, r2, {stride}",
            "add r4, r3, {stride}",
            "add r5, r4, {stride}",
            "stmia {offsets}!, {{r2-r5}}",
            "add {offset}, r5, {stride}",
            "subs {n}, {n}, #4",
            "bhs 2b",
            "b 5f",
            "4:",
            push!("r2"),
            push!("r3"),
            push!("r4"),
            push!("r5"),
            "subs {n}, {n}, #4",
            "bhs 2b",
            "5:",
            "adds {n}, {n}, #4",
            "beq 7f",
            "6:",
            "ldr r2, [{x}], #4",
            push!("r2"),
            "subs {n}, {n}, #1",
            "bne 6b",
            "7:",
            x = inout(reg) x.as_ptr() => _,
            n = inout(reg) n => _,
            values = inout(reg) start => end,
            offsets = inout(reg) offsets => _,
            offset = inout(reg) 0_usize => _,
            stride = in(reg) stride,
            t = out(reg) _,
            out("r2") _, out("r3") _, out("r4") _, out("r5") _,
            options(nostack),
        );
    }
    let n = (end.addr() - start.addr()) / size_of::<f32>();
    // SAFETY: so many of both have just been written.
    unsafe { (slice::from_raw_parts(start, n), slice::from_raw_parts(offsets, n)) }
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

/// Eight weights of [`sgd_outer`].
macro_rules! move_eight {
    () => {
        concat!(
            "vldmia {g}!, {{s0-s7}} \n vldmia {w}, {{s8-s15}}",
            "\n vmul.f32 s0, s24, s0 \n vmul.f32 s1, s24, s1 \n vmul.f32 s2, s24, s2 \n vmul.f32 s3, s24, s3",
            "\n vmul.f32 s4, s24, s4 \n vmul.f32 s5, s24, s5 \n vmul.f32 s6, s24, s6 \n vmul.f32 s7, s24, s7",
            "\n vmul.f32 s0, s25, s0 \n vmul.f32 s1, s25, s1 \n vmul.f32 s2, s25, s2 \n vmul.f32 s3, s25, s3",
            "\n vmul.f32 s4, s25, s4 \n vmul.f32 s5, s25, s5 \n vmul.f32 s6, s25, s6 \n vmul.f32 s7, s25, s7",
            "\n vsub.f32 s8, s8, s0 \n vsub.f32 s9, s9, s1 \n vsub.f32 s10, s10, s2 \n vsub.f32 s11, s11, s3",
            "\n vsub.f32 s12, s12, s4 \n vsub.f32 s13, s13, s5 \n vsub.f32 s14, s14, s6 \n vsub.f32 s15, s15, s7",
            "\n vstmia {w}!, {{s8-s15}}",
        )
    };
}

/// `w[k][j] ← w[k][j] − η·(x[k]·d[j])`, rows with `x = 0` skipped.
#[inline(never)]
pub(super) fn sgd_outer(w: &mut [f32], x: &[f32], d: &[f32], rate: f32) {
    let width = d.len();
    let rows = x.len().min(w.len().checked_div(width).unwrap_or(0));
    if rows == 0 {
        return;
    }
    // SAFETY: neither `rows` nor `width` is 0; reads `rows` floats of `x` and `width` of `d`, and reads and writes
    // `rows·width` of `w`.
    unsafe {
        asm!(
            "vmov s25, {rate}",
            "2:",
            "ldr r2, [{x}], #4",
            "lsls r3, r2, #1",
            "itt eq", "addeq {w}, {w}, {width}, lsl #2", "beq 8f",
            "vmov s24, r2",
            "mov {g}, {d}",
            // Blocks of eight, two a turn; an odd number enters in the middle.
            "lsrs r3, {width}, #3",
            "beq 6f",
            "lsrs r2, r3, #1",
            "bcs 4f",
            "3:",
            move_eight!(),
            "sub r2, r2, #1",
            "4:",
            move_eight!(),
            "cmp r2, #0",
            "bne 3b",
            "6:",
            "ands r2, {width}, #7",
            "beq 8f",
            "7:",
            "vldmia {g}!, {{s0}}",
            "vldr s8, [{w}]",
            "vmul.f32 s0, s24, s0",
            "vmul.f32 s0, s25, s0",
            "vsub.f32 s8, s8, s0",
            "vstmia {w}!, {{s8}}",
            "subs r2, r2, #1",
            "bne 7b",
            "8:",
            "subs {rows}, {rows}, #1",
            "bne 2b",
            w = inout(reg) w.as_mut_ptr() => _,
            x = inout(reg) x.as_ptr() => _,
            d = in(reg) d.as_ptr(),
            rows = inout(reg) rows => _,
            width = in(reg) width,
            rate = in(reg) rate.to_bits(),
            g = out(reg) _,
            out("r2") _, out("r3") _,
            out("s0") _, out("s1") _, out("s2") _, out("s3") _, out("s4") _, out("s5") _, out("s6") _, out("s7") _,
            out("s8") _, out("s9") _, out("s10") _, out("s11") _, out("s12") _, out("s13") _, out("s14") _, out("s15") _,
            out("s24") _, out("s25") _,
            options(nostack),
        );
    }
}

/// `m ← m + (w − m)·gain`.
#[inline(always)]
pub(super) fn mean_update(mean: &mut [f32], w: &[f32], gain: f32) {
    let n = mean.len().min(w.len());
    if n == 0 {
        return;
    }
    // SAFETY: reads `n` floats of each and writes those of `mean`.
    unsafe {
        asm!(
            "vmov s31, {gain}",
            "subs {n}, {n}, #15",
            "blo 3f",
            "2:",
            "vldmia {m}, {{s0-s14}}",
            "vldmia {w}!, {{s15-s29}}",
            "vsub.f32 s15, s15, s0", "vsub.f32 s16, s16, s1", "vsub.f32 s17, s17, s2", "vsub.f32 s18, s18, s3",
            "vsub.f32 s19, s19, s4", "vsub.f32 s20, s20, s5", "vsub.f32 s21, s21, s6", "vsub.f32 s22, s22, s7",
            "vsub.f32 s23, s23, s8", "vsub.f32 s24, s24, s9", "vsub.f32 s25, s25, s10", "vsub.f32 s26, s26, s11",
            "vsub.f32 s27, s27, s12", "vsub.f32 s28, s28, s13", "vsub.f32 s29, s29, s14",
            "vmul.f32 s15, s15, s31", "vmul.f32 s16, s16, s31", "vmul.f32 s17, s17, s31", "vmul.f32 s18, s18, s31",
            "vmul.f32 s19, s19, s31", "vmul.f32 s20, s20, s31", "vmul.f32 s21, s21, s31", "vmul.f32 s22, s22, s31",
            "vmul.f32 s23, s23, s31", "vmul.f32 s24, s24, s31", "vmul.f32 s25, s25, s31", "vmul.f32 s26, s26, s31",
            "vmul.f32 s27, s27, s31", "vmul.f32 s28, s28, s31", "vmul.f32 s29, s29, s31",
            "vadd.f32 s0, s0, s15", "vadd.f32 s1, s1, s16", "vadd.f32 s2, s2, s17", "vadd.f32 s3, s3, s18",
            "vadd.f32 s4, s4, s19", "vadd.f32 s5, s5, s20", "vadd.f32 s6, s6, s21", "vadd.f32 s7, s7, s22",
            "vadd.f32 s8, s8, s23", "vadd.f32 s9, s9, s24", "vadd.f32 s10, s10, s25", "vadd.f32 s11, s11, s26",
            "vadd.f32 s12, s12, s27", "vadd.f32 s13, s13, s28", "vadd.f32 s14, s14, s29",
            "vstmia {m}!, {{s0-s14}}",
            "subs {n}, {n}, #15",
            "bhs 2b",
            "3:",
            "adds {n}, {n}, #15",
            "beq 5f",
            "4:",
            "vldr s0, [{m}]",
            "vldmia {w}!, {{s15}}",
            "vsub.f32 s15, s15, s0",
            "vmul.f32 s15, s15, s31",
            "vadd.f32 s0, s0, s15",
            "vstmia {m}!, {{s0}}",
            "subs {n}, {n}, #1",
            "bne 4b",
            "5:",
            m = inout(reg) mean.as_mut_ptr() => _,
            w = inout(reg) w.as_ptr() => _,
            n = inout(reg) n => _,
            gain = in(reg) gain.to_bits(),
            out("s0") _, out("s1") _, out("s2") _, out("s3") _, out("s4") _, out("s5") _, out("s6") _, out("s7") _,
            out("s8") _, out("s9") _, out("s10") _, out("s11") _, out("s12") _, out("s13") _, out("s14") _, out("s15") _,
            out("s16") _, out("s17") _, out("s18") _, out("s19") _, out("s20") _, out("s21") _, out("s22") _,
            out("s23") _, out("s24") _, out("s25") _, out("s26") _, out("s27") _, out("s28") _, out("s29") _,
            out("s31") _,
            options(nostack),
        );
    }
}

/// What [`adam`] holds in registers: `β₁, 1 − β₁, β₂, 1 − β₂, 1/√(1 − β₂ᵗ), ε, η/(1 − β₁ᵗ)`.
pub(super) struct Gains([f32; 7]);

impl Gains {
    /// None with weight decay of either kind, which [`adam`] does not know.
    #[inline(always)]
    pub(super) fn new(c: &Adam) -> Option<Self> {
        let plain = c.decay == 0.0 && c.shrink == 1.0;
        plain.then_some(Self([c.beta1, 1.0 - c.beta1, c.beta2, 1.0 - c.beta2, c.correction, c.epsilon, c.rate]))
    }
}

/// Eight parameters at a time of Adam along `g·scale`; returns how many were done, all but the last few.
#[inline(always)]
pub(super) fn adam(w: &mut [f32], m: &mut [f32], v: &mut [f32], g: &[f32], scale: f32, gains: &Gains) -> usize {
    let n = w.len().min(m.len()).min(v.len()).min(g.len()) & !7;
    if n == 0 {
        return 0;
    }
    // SAFETY: `n` is a multiple of 8, not 0; reads `n` floats of each and the constants, and writes `w`, `m` and `v`.
    unsafe {
        asm!(
            "vldmia r2, {{s25-s31}}",
            "vmov s24, r3",
            "2:",
            "vldmia {g}!, {{s0-s7}}",
            "vldmia {m}, {{s8-s15}}",
            "vldmia {v}, {{s16-s23}}",
            "vmul.f32 s0, s24, s0", "vmul.f32 s1, s24, s1", "vmul.f32 s2, s24, s2", "vmul.f32 s3, s24, s3",
            "vmul.f32 s4, s24, s4", "vmul.f32 s5, s24, s5", "vmul.f32 s6, s24, s6", "vmul.f32 s7, s24, s7",
            "vmul.f32 s8, s25, s8", "vmul.f32 s9, s25, s9", "vmul.f32 s10, s25, s10", "vmul.f32 s11, s25, s11",
            "vmul.f32 s12, s25, s12", "vmul.f32 s13, s25, s13", "vmul.f32 s14, s25, s14", "vmul.f32 s15, s25, s15",
            "vmla.f32 s8, s26, s0", "vmla.f32 s9, s26, s1", "vmla.f32 s10, s26, s2", "vmla.f32 s11, s26, s3",
            "vmla.f32 s12, s26, s4", "vmla.f32 s13, s26, s5", "vmla.f32 s14, s26, s6", "vmla.f32 s15, s26, s7",
            "vstmia {m}, {{s8-s15}}",
            "vmul.f32 s0, s0, s0", "vmul.f32 s1, s1, s1", "vmul.f32 s2, s2, s2", "vmul.f32 s3, s3, s3",
            "vmul.f32 s4, s4, s4", "vmul.f32 s5, s5, s5", "vmul.f32 s6, s6, s6", "vmul.f32 s7, s7, s7",
            "vmul.f32 s16, s27, s16", "vmul.f32 s17, s27, s17", "vmul.f32 s18, s27, s18", "vmul.f32 s19, s27, s19",
            "vmul.f32 s20, s27, s20", "vmul.f32 s21, s27, s21", "vmul.f32 s22, s27, s22", "vmul.f32 s23, s27, s23",
            "vmla.f32 s16, s28, s0", "vmla.f32 s17, s28, s1", "vmla.f32 s18, s28, s2", "vmla.f32 s19, s28, s3",
            "vmla.f32 s20, s28, s4", "vmla.f32 s21, s28, s5", "vmla.f32 s22, s28, s6", "vmla.f32 s23, s28, s7",
            "vstmia {v}, {{s16-s23}}",
            // Whether any moment is below its floor: magnitudes compare as their bits do, without the sign.
            "ldmia {m}!, {{r2-r5}}",
            "cmp {floor1}, r2, lsl #1",
            "ittt ls", "cmpls {floor1}, r3, lsl #1", "cmpls {floor1}, r4, lsl #1", "cmpls {floor1}, r5, lsl #1",
            "ldmia {m}!, {{r2-r5}}",
            "itttt ls", "cmpls {floor1}, r2, lsl #1", "cmpls {floor1}, r3, lsl #1", "cmpls {floor1}, r4, lsl #1",
            "cmpls {floor1}, r5, lsl #1",
            "ldmia {v}!, {{r2-r5}}",
            "itttt ls", "cmpls {floor2}, r2, lsl #1", "cmpls {floor2}, r3, lsl #1", "cmpls {floor2}, r4, lsl #1",
            "cmpls {floor2}, r5, lsl #1",
            "ldmia {v}!, {{r2-r5}}",
            "itttt ls", "cmpls {floor2}, r2, lsl #1", "cmpls {floor2}, r3, lsl #1", "cmpls {floor2}, r4, lsl #1",
            "cmpls {floor2}, r5, lsl #1",
            "bls 4f",
            // Some are: each that is becomes 0.
            "sub {m}, {m}, #32",
            "sub {v}, {v}, #32",
            "movs r4, #4",
            "movs r5, #0",
            "3:",
            "ldrd r2, r3, [{v}]",
            "cmp {floor2}, r2, lsl #1", "it hi", "movhi r2, #0",
            "cmp {floor2}, r3, lsl #1", "it hi", "movhi r3, #0",
            "strd r2, r3, [{v}], #8",
            "ldrd r2, r3, [{m}]",
            "cmp {floor1}, r2, lsl #1", "it hi", "movhi r2, #0",
            "cmp {floor1}, r3, lsl #1", "it hi", "movhi r3, #0",
            "strd r2, r3, [{m}], #8",
            "orrs r5, r5, r2",
            "orrs r5, r5, r3",
            "subs r4, r4, #1",
            "bne 3b",
            // Where all first moments are zero, no weight moves.
            "lsls r5, r5, #1",
            "itt eq", "addeq {w}, {w}, #32", "beq 5f",
            "sub r2, {m}, #32",
            "vldmia r2, {{s8-s15}}",
            "sub r2, {v}, #32",
            "vldmia r2, {{s16-s23}}",
            "4:",
            "vldmia {w}, {{s0-s7}}",
            "vsqrt.f32 s16, s16", "vsqrt.f32 s17, s17", "vsqrt.f32 s18, s18", "vsqrt.f32 s19, s19",
            "vsqrt.f32 s20, s20", "vsqrt.f32 s21, s21", "vsqrt.f32 s22, s22", "vsqrt.f32 s23, s23",
            "vmul.f32 s16, s29, s16", "vmul.f32 s17, s29, s17", "vmul.f32 s18, s29, s18", "vmul.f32 s19, s29, s19",
            "vmul.f32 s20, s29, s20", "vmul.f32 s21, s29, s21", "vmul.f32 s22, s29, s22", "vmul.f32 s23, s29, s23",
            "vadd.f32 s16, s16, s30", "vadd.f32 s17, s17, s30", "vadd.f32 s18, s18, s30", "vadd.f32 s19, s19, s30",
            "vadd.f32 s20, s20, s30", "vadd.f32 s21, s21, s30", "vadd.f32 s22, s22, s30", "vadd.f32 s23, s23, s30",
            "vdiv.f32 s8, s8, s16", "vdiv.f32 s9, s9, s17", "vdiv.f32 s10, s10, s18", "vdiv.f32 s11, s11, s19",
            "vdiv.f32 s12, s12, s20", "vdiv.f32 s13, s13, s21", "vdiv.f32 s14, s14, s22", "vdiv.f32 s15, s15, s23",
            "vmls.f32 s0, s31, s8", "vmls.f32 s1, s31, s9", "vmls.f32 s2, s31, s10", "vmls.f32 s3, s31, s11",
            "vmls.f32 s4, s31, s12", "vmls.f32 s5, s31, s13", "vmls.f32 s6, s31, s14", "vmls.f32 s7, s31, s15",
            "vstmia {w}!, {{s0-s7}}",
            "5:",
            "subs {n}, {n}, #8",
            "bne 2b",
            w = inout(reg) w.as_mut_ptr() => _,
            m = inout(reg) m.as_mut_ptr() => _,
            v = inout(reg) v.as_mut_ptr() => _,
            g = inout(reg) g.as_ptr() => _,
            n = inout(reg) n => _,
            floor1 = in(reg) FIRST_MOMENT_FLOOR.to_bits() << 1,
            floor2 = in(reg) SECOND_MOMENT_FLOOR.to_bits() << 1,
            inout("r2") gains.0.as_ptr() => _, inout("r3") scale.to_bits() => _, out("r4") _, out("r5") _,
            out("s0") _, out("s1") _, out("s2") _, out("s3") _, out("s4") _, out("s5") _, out("s6") _, out("s7") _,
            out("s8") _, out("s9") _, out("s10") _, out("s11") _, out("s12") _, out("s13") _, out("s14") _, out("s15") _,
            out("s16") _, out("s17") _, out("s18") _, out("s19") _, out("s20") _, out("s21") _, out("s22") _,
            out("s23") _, out("s24") _, out("s25") _, out("s26") _, out("s27") _, out("s28") _, out("s29") _,
            out("s30") _, out("s31") _,
            options(nostack),
        );
    }
    n
}
