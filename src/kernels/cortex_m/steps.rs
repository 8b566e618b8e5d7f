//! Element-wise loops: optimizer steps and the running mean.
#![allow(unsafe_code)]

use crate::kernels::{Adam, FIRST_MOMENT_FLOOR, SECOND_MOMENT_FLOOR};
use core::arch::asm;

/// Eight weights of [`sgd`].
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

/// A few columns of [`sgd`] in all rows: their deltas stay in registers, `$d`; `$arithmetic` moves the weights in `$w`.
macro_rules! move_columns {
    ($columns:literal, $d:literal, $w:literal, $arithmetic:literal) => {
        concat!(
            "tst {width}, #",
            $columns,
            "
             beq 4f
             vldmia {g}!, {{",
            $d,
            "}}
             mov {at}, {x}
             mov {row}, {w}
             mov r3, {rows}
             2:
             ldr r2, [{at}], #4
             lsls r4, r2, #1
             beq 3f
             vmov s24, r2
             vldmia {row}, {{",
            $w,
            "}} \n ",
            $arithmetic,
            "\n vstmia {row}, {{",
            $w,
            "}}
             3:
             add {row}, {row}, {width}, lsl #2
             subs r3, r3, #1
             bne 2b
             add {w}, {w}, #4*",
            $columns,
            "\n 4:",
        )
    };
}

/// `w[k][j] ← w[k][j] − η·(x[k]·d[j])`, rows with `x = 0` skipped.
#[inline(never)]
pub(in crate::kernels) fn sgd(w: &mut [f32], x: &[f32], d: &[f32], rate: f32) {
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
            "mov {g}, {d}",
            "cmp {width}, #8",
            "blo 9f",
            // Row by row in blocks of eight, two a turn; an odd number enters in the middle.
            "and r3, {width}, #7",
            "mov {at}, {x}",
            "mov {row}, {w}",
            "mov r4, {rows}",
            "2:",
            "ldr r2, [{at}], #4",
            "lsls {g}, r2, #1",
            "beq 8f",
            "vmov s24, r2",
            "mov {g}, {d}",
            "lsrs r2, {width}, #4",
            "bcs 4f",
            "sub r2, r2, #1",
            "3:",
            move_eight!(),
            "4:",
            move_eight!(),
            "subs r2, r2, #1",
            "bhs 3b",
            "add {w}, {w}, r3, lsl #2",
            "subs r4, r4, #1",
            "bne 2b",
            "b 7f",
            "8:",
            "add {w}, {w}, {width}, lsl #2",
            "subs r4, r4, #1",
            "bne 2b",
            "7:",
            "bic r2, {width}, #7",
            "add {g}, {d}, r2, lsl #2",
            "add {w}, {row}, r2, lsl #2",
            "9:",
            move_columns!(
                "4", "s0-s3", "s8-s11",
                "vmul.f32 s16, s24, s0 \n vmul.f32 s17, s24, s1 \n vmul.f32 s18, s24, s2 \n vmul.f32 s19, s24, s3
                 vmul.f32 s16, s25, s16 \n vmul.f32 s17, s25, s17 \n vmul.f32 s18, s25, s18 \n vmul.f32 s19, s25, s19
                 vsub.f32 s8, s8, s16 \n vsub.f32 s9, s9, s17 \n vsub.f32 s10, s10, s18 \n vsub.f32 s11, s11, s19"
            ),
            move_columns!(
                "2", "s0-s1", "s8-s9",
                "vmul.f32 s16, s24, s0 \n vmul.f32 s17, s24, s1
                 vmul.f32 s16, s25, s16 \n vmul.f32 s17, s25, s17
                 vsub.f32 s8, s8, s16 \n vsub.f32 s9, s9, s17"
            ),
            // A single difference would have to wait for its product: VMLS takes no longer.
            move_columns!("1", "s0", "s8", "vmul.f32 s16, s24, s0 \n vmls.f32 s8, s25, s16"),
            w = inout(reg) w.as_mut_ptr() => _,
            x = in(reg) x.as_ptr(),
            d = in(reg) d.as_ptr(),
            rows = in(reg) rows,
            width = in(reg) width,
            rate = in(reg) rate.to_bits(),
            g = out(reg) _,
            at = out(reg) _,
            row = out(reg) _,
            out("r2") _, out("r3") _, out("r4") _,
            out("s0") _, out("s1") _, out("s2") _, out("s3") _, out("s4") _, out("s5") _, out("s6") _, out("s7") _,
            out("s8") _, out("s9") _, out("s10") _, out("s11") _, out("s12") _, out("s13") _, out("s14") _, out("s15") _,
            out("s16") _, out("s17") _, out("s18") _, out("s19") _,
            out("s24") _, out("s25") _,
            options(nostack),
        );
    }
}

/// `m ← m + (w − m)·gain`.
#[inline(always)]
pub(in crate::kernels) fn mean_update(mean: &mut [f32], w: &[f32], gain: f32) {
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

/// What [`adam`] works on: rows of `width` gradients, `x·dᵀ`.
#[repr(C)]
struct Job {
    x: *const f32,
    d: *const f32,
    width: usize,
    rows: usize,
}

/// Adam along `x·dᵀ`, eight parameters at a time; returns how many were done: all, or all but the last few of a single
/// row, or none of several rows whose ends would not fill a block, nor with weight decay of either kind.
#[inline(always)]
pub(in crate::kernels) fn adam(w: &mut [f32], m: &mut [f32], v: &mut [f32], x: &[f32], d: &[f32], c: &Adam) -> usize {
    let n = w.len().min(m.len()).min(v.len());
    let width = d.len() & !7;
    let rows = x.len().min(n.checked_div(d.len()).unwrap_or(0));
    let has_tails = rows > 1 && width != d.len();
    if rows == 0 || width == 0 || has_tails || c.decay != 0.0 || c.shrink != 1.0 {
        return 0;
    }
    let mut job = Job { x: x.as_ptr(), d: d.as_ptr(), width, rows };
    // SAFETY: `width` is a multiple of 8, not 0; reads `job`, the first seven of `c`, `rows` floats of `x` and `width` of `d`, and reads and writes
    // `rows·width` of `w`, `m` and `v`, and the place in `x` and the rows left in `job`.
    unsafe {
        asm!(
            "vldmia r2, {{s25-s31}}",
            "1:",
            "ldmia {job}, {{r2-r5}}",
            "vldmia r2!, {{s24}}",
            "str r2, [{job}]",
            "mov {g}, r3",
            "mov {n}, r4",
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
            "ldr r5, [{job}, #12]",
            "subs r5, r5, #1",
            "str r5, [{job}, #12]",
            "bne 1b",
            w = inout(reg) w.as_mut_ptr() => _,
            m = inout(reg) m.as_mut_ptr() => _,
            v = inout(reg) v.as_mut_ptr() => _,
            g = out(reg) _,
            n = out(reg) _,
            job = in(reg) &raw mut job,
            floor1 = in(reg) FIRST_MOMENT_FLOOR.to_bits() << 1,
            floor2 = in(reg) SECOND_MOMENT_FLOOR.to_bits() << 1,
            inout("r2") c => _, out("r3") _, out("r4") _, out("r5") _,
            out("s0") _, out("s1") _, out("s2") _, out("s3") _, out("s4") _, out("s5") _, out("s6") _, out("s7") _,
            out("s8") _, out("s9") _, out("s10") _, out("s11") _, out("s12") _, out("s13") _, out("s14") _, out("s15") _,
            out("s16") _, out("s17") _, out("s18") _, out("s19") _, out("s20") _, out("s21") _, out("s22") _,
            out("s23") _, out("s24") _, out("s25") _, out("s26") _, out("s27") _, out("s28") _, out("s29") _,
            out("s30") _, out("s31") _,
            options(nostack),
        );
    }
    rows.wrapping_mul(width)
}
