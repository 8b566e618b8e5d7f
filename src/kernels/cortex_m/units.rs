//! Units: the rectifier and its slope, and what comes from the layer above.
#![allow(unsafe_code)]

use core::arch::asm;

/// `$r ← 0` where it holds the bits of a number below 0 or of −0. Negative numbers are those up to minus infinity as
/// integers too; what is above is not a number.
macro_rules! rectify {
    ($r:literal) => {
        concat!("cmn ", $r, ", #0x800000 \n it le \n movle ", $r, ", #0")
    };
}

/// `z ← max(z, 0)`; a NaN stays one.
#[inline(never)]
pub(crate) fn relu(z: &mut [f32]) {
    // SAFETY: reads and writes the floats of `z`.
    unsafe {
        asm!(
            "subs {n}, {n}, #4",
            "blo 3f",
            "2:",
            "ldmia {z}, {{r2-r5}}",
            rectify!("r2"), rectify!("r3"), rectify!("r4"), rectify!("r5"),
            "stmia {z}!, {{r2-r5}}",
            "subs {n}, {n}, #4",
            "bhs 2b",
            "3:",
            "adds {n}, {n}, #4",
            "beq 5f",
            "4:",
            "ldr r2, [{z}]",
            rectify!("r2"),
            "str r2, [{z}], #4",
            "subs {n}, {n}, #1",
            "bne 4b",
            "5:",
            z = inout(reg) z.as_mut_ptr() => _,
            n = inout(reg) z.len() => _,
            out("r2") _, out("r3") _, out("r4") _, out("r5") _,
            options(nostack),
        );
    }
}

/// `slope ← 1` where `a > 0`, else 0; of a NaN, which the loss refuses, either.
#[inline(never)]
pub(crate) fn step(a: &[f32], slope: &mut [f32]) {
    let n = a.len().min(slope.len());
    // SAFETY: reads `n` floats of `a` and writes those of `slope`.
    unsafe {
        asm!(
            // As integers, positive numbers saturate to 1 and others to 0.
            "subs {n}, {n}, #4",
            "blo 3f",
            "2:",
            "ldmia {a}!, {{r2-r5}}",
            "usat r2, #1, r2", "usat r3, #1, r3", "usat r4, #1, r4", "usat r5, #1, r5",
            "mul r2, r2, {one}", "mul r3, r3, {one}", "mul r4, r4, {one}", "mul r5, r5, {one}",
            "stmia {slope}!, {{r2-r5}}",
            "subs {n}, {n}, #4",
            "bhs 2b",
            "3:",
            "adds {n}, {n}, #4",
            "beq 5f",
            "4:",
            "ldr r2, [{a}], #4",
            "usat r2, #1, r2",
            "mul r2, r2, {one}",
            "str r2, [{slope}], #4",
            "subs {n}, {n}, #1",
            "bne 4b",
            "5:",
            a = inout(reg) a.as_ptr() => _,
            slope = inout(reg) slope.as_mut_ptr() => _,
            n = inout(reg) n => _,
            one = in(reg) 1.0_f32.to_bits(),
            out("r2") _, out("r3") _, out("r4") _, out("r5") _,
            options(nostack),
        );
    }
}

/// One lane of the last, partial block of eight. A sum would have to wait for the product before it: VMLA takes no longer.
macro_rules! lane {
    ($lane:literal, $d:literal, $at:literal) => {
        concat!("vldr s24, [{w}, #", $at, "] \n vmla.f32 ", $lane, ", s24, ", $d)
    };
}

/// `e[k] ← e[k]·Σ_j d[j]·w[k][j]` in 8 lanes, rows with `e = 0` skipped.
#[inline(never)]
pub(in crate::kernels) fn input_gradient(e: &mut [f32], d: &[f32], weights: &[f32]) {
    let width = d.len();
    let rows = e.len().min(weights.len().checked_div(width).unwrap_or(0));
    if rows == 0 {
        return;
    }
    // SAFETY: neither `rows` nor `width` is 0; reads `rows` rows of `width` floats of `weights` and the floats of `d`, and
    // reads and writes `rows` floats of `e`.
    unsafe {
        asm!(
            // The deltas of the last, partial block stay in registers.
            "and {tail}, {width}, #7",
            "bic r2, {width}, #7",
            "add r2, {d}, r2, lsl #2",
            "tbb [pc, {tail}]",
            "20:",
            ".byte (28f-20b)/2, (27f-20b)/2, (26f-20b)/2, (25f-20b)/2, (24f-20b)/2, (23f-20b)/2, (22f-20b)/2, (21f-20b)/2",
            "21: \n vldr s22, [r2, #24]",
            "22: \n vldr s21, [r2, #20]",
            "23: \n vldr s20, [r2, #16]",
            "24: \n vldr s19, [r2, #12]",
            "25: \n vldr s18, [r2, #8]",
            "26: \n vldr s17, [r2, #4]",
            "27: \n vldr s16, [r2]",
            "28:",
            "movs {zero}, #0",
            "2:",
            "ldr r2, [{e}]",
            "lsls r3, r2, #1",
            "beq 6f",
            "vmov s31, r2",
            "vmov s0, s1, {zero}, {zero}", "vmov s2, s3, {zero}, {zero}",
            "vmov s4, s5, {zero}, {zero}", "vmov s6, s7, {zero}, {zero}",
            "lsrs r2, {width}, #3",
            "beq 4f",
            "mov r3, {d}",
            "3:",
            "vldmia r3!, {{s8-s15}}",
            "vldmia {w}!, {{s23-s30}}",
            "vmul.f32 s8, s8, s23", "vmul.f32 s9, s9, s24", "vmul.f32 s10, s10, s25", "vmul.f32 s11, s11, s26",
            "vmul.f32 s12, s12, s27", "vmul.f32 s13, s13, s28", "vmul.f32 s14, s14, s29", "vmul.f32 s15, s15, s30",
            "vadd.f32 s0, s0, s8", "vadd.f32 s1, s1, s9", "vadd.f32 s2, s2, s10", "vadd.f32 s3, s3, s11",
            "vadd.f32 s4, s4, s12", "vadd.f32 s5, s5, s13", "vadd.f32 s6, s6, s14", "vadd.f32 s7, s7, s15",
            "subs r2, r2, #1",
            "bne 3b",
            "4:",
            "tbb [pc, {tail}]",
            "10:",
            ".byte (18f-10b)/2, (17f-10b)/2, (16f-10b)/2, (15f-10b)/2, (14f-10b)/2, (13f-10b)/2, (12f-10b)/2, (11f-10b)/2",
            "11:", lane!("s6", "s22", "24"),
            "12:", lane!("s5", "s21", "20"),
            "13:", lane!("s4", "s20", "16"),
            "14:", lane!("s3", "s19", "12"),
            "15:", lane!("s2", "s18", "8"),
            "16:", lane!("s1", "s17", "4"),
            "17:", lane!("s0", "s16", "0"),
            "18:",
            "add {w}, {w}, {tail}, lsl #2",
            "vadd.f32 s0, s0, s4", "vadd.f32 s2, s2, s6", "vadd.f32 s1, s1, s5", "vadd.f32 s3, s3, s7",
            "vadd.f32 s0, s0, s2", "vadd.f32 s1, s1, s3", "vadd.f32 s0, s0, s1",
            "vmul.f32 s0, s31, s0",
            "vstmia {e}!, {{s0}}",
            "subs {rows}, {rows}, #1",
            "bne 2b",
            "b 7f",
            "6:",
            "add {w}, {w}, {width}, lsl #2",
            "add {e}, {e}, #4",
            "subs {rows}, {rows}, #1",
            "bne 2b",
            "7:",
            e = inout(reg) e.as_mut_ptr() => _,
            w = inout(reg) weights.as_ptr() => _,
            d = in(reg) d.as_ptr(),
            width = in(reg) width,
            rows = inout(reg) rows => _,
            tail = out(reg) _,
            zero = out(reg) _,
            out("r2") _, out("r3") _,
            out("s0") _, out("s1") _, out("s2") _, out("s3") _, out("s4") _, out("s5") _, out("s6") _, out("s7") _,
            out("s8") _, out("s9") _, out("s10") _, out("s11") _, out("s12") _, out("s13") _, out("s14") _, out("s15") _,
            out("s16") _, out("s17") _, out("s18") _, out("s19") _, out("s20") _, out("s21") _, out("s22") _,
            out("s23") _, out("s24") _, out("s25") _, out("s26") _, out("s27") _, out("s28") _, out("s29") _,
            out("s30") _, out("s31") _,
            options(nostack),
        );
    }
}

/// A few columns of [`products`] in all rows: their deltas stay in registers, `$d`.
macro_rules! product_columns {
    ($columns:literal, $d:literal, $products:literal, $arithmetic:literal) => {
        concat!(
            "vldmia {d}!, {{",
            $d,
            "}}
             mov {at}, {a}
             mov {row}, {g}
             mov r2, {rows}
             3:
             vldmia {at}!, {{s8}} \n ",
            $arithmetic,
            "\n vstmia {row}, {{",
            $products,
            "}}
             add {row}, {row}, {width}, lsl #2
             subs r2, r2, #1
             bne 3b
             add {g}, {g}, #4*",
            $columns,
        )
    };
}

/// `g[k][j] ← a[k]·d[j]`: the gradient of one sample.
#[inline(never)]
pub(in crate::kernels) fn products(g: &mut [f32], a: &[f32], d: &[f32]) {
    let width = d.len();
    let rows = a.len().min(g.len().checked_div(width).unwrap_or(0));
    if rows == 0 {
        return;
    }
    // SAFETY: neither `rows` nor `width` is 0; reads `rows` floats of `a` and `width` of `d`, and writes `rows·width` of `g`.
    unsafe {
        asm!(
            "lsrs r3, {width}, #2",
            "beq 4f",
            "2:",
            product_columns!(
                "4", "s0-s3", "s4-s7",
                "vmul.f32 s4, s8, s0 \n vmul.f32 s5, s8, s1 \n vmul.f32 s6, s8, s2 \n vmul.f32 s7, s8, s3"
            ),
            "subs r3, r3, #1",
            "bne 2b",
            "4:",
            "ands r3, {width}, #3",
            "beq 6f",
            "5:",
            product_columns!("1", "s0", "s4", "vmul.f32 s4, s8, s0"),
            "subs r3, r3, #1",
            "bne 5b",
            "6:",
            g = inout(reg) g.as_mut_ptr() => _,
            a = in(reg) a.as_ptr(),
            rows = in(reg) rows,
            d = inout(reg) d.as_ptr() => _,
            width = in(reg) width,
            at = out(reg) _,
            row = out(reg) _,
            out("r2") _, out("r3") _,
            out("s0") _, out("s1") _, out("s2") _, out("s3") _, out("s4") _, out("s5") _, out("s6") _, out("s7") _,
            out("s8") _,
            options(nostack),
        );
    }
}
