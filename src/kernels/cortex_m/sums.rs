//! Weighted sums of rows, in registers: up to sixteen columns at a time, over runs of rows whose coefficients are not zero.
#![allow(unsafe_code)]

use core::arch::asm;

/// Coefficients gathered before their rows are added: as many as [`add_rows`] looks at together.
pub(in crate::kernels) const CHUNK: usize = 32;

/// Whether [`add_rows`] is there.
pub(in crate::kernels) const TILES: bool = true;

/// `s20..s27 ← s20..s27 · $x`.
macro_rules! products {
    ($x:literal) => {
        concat!("\n .irp r, 20, 21, 22, 23, 24, 25, 26, 27 \n vmul.f32 s\\r, s\\r, ", $x, "\n .endr",)
    };
}

/// `s0..s7 ← s0..s7 + s20..s27`.
macro_rules! sums {
    () => {
        "\n vadd.f32 s0, s0, s20 \n vadd.f32 s1, s1, s21 \n vadd.f32 s2, s2, s22 \n vadd.f32 s3, s3, s23
         vadd.f32 s4, s4, s24 \n vadd.f32 s5, s5, s25 \n vadd.f32 s6, s6, s26 \n vadd.f32 s7, s7, s27"
    };
}

/// A term of sixteen sums: `s0..s15 ← s0..s15 + $x · row`; on to the next row, `r5` bytes after this one's ninth column.
macro_rules! term {
    ($x:literal) => {
        concat!(
            "\n vldmia r3!, {{s20-s27}}",
            products!($x),
            sums!(),
            "\n vldmia r3, {{s20-s27}}",
            products!($x),
            "\n vadd.f32 s8, s8, s20 \n vadd.f32 s9, s9, s21 \n vadd.f32 s10, s10, s22 \n vadd.f32 s11, s11, s23
             vadd.f32 s12, s12, s24 \n vadd.f32 s13, s13, s25 \n vadd.f32 s14, s14, s26 \n vadd.f32 s15, s15, s27
             add r3, r3, r5",
        )
    };
}

/// A tile of columns: `$terms` adds the rows of a run, of which there are `r4`, to `$sums`.
///
/// The mask in `r2` has a bit for each row, the first one uppermost. `r3` goes along the rows, `{at}` along the coefficients.
macro_rules! tile {
    ($columns:literal, $sums:literal, $terms:expr) => {
        concat!(
            "vldmia {start}!, {{",
            $sums,
            "}}
             mov r2, {mask}
             mov r3, {row}
             mov {at}, {x}
             2:
             clz r4, r2
             lsls r2, r2, r4
             mla r3, r4, {stride}, r3
             add {at}, {at}, r4, lsl #2
             mvns r4, r2
             clz r4, r4
             lsls r2, r2, r4
             ",
            $terms,
            "
             cmp r2, #0
             bne 2b
             vstmia {out}!, {{",
            $sums,
            "}}
             add {row}, {row}, #4*",
            $columns,
        )
    };
}

/// The terms of a run one by one, in up to eight sums.
macro_rules! single {
    ($row:literal, $arithmetic:expr) => {
        concat!(
            "3: \n vldmia {at}!, {{s16}} \n vldmia r3, {{",
            $row,
            "}} \n add r3, r3, {stride} \n ",
            $arithmetic,
            "\n subs r4, r4, #1 \n bne 3b",
        )
    };
}

/// `out += Σ_i x[i] · row i`, `i` ascending, rows with `x = 0` skipped; the rows of `matrix` are as wide as `out`.
#[inline(always)]
pub(in crate::kernels) fn add_rows(out: &mut [f32], x: &[f32], matrix: &[f32]) {
    let sums = out.as_mut_ptr();
    // SAFETY: `out` has its own length.
    unsafe { sum_rows(sums, out.len(), sums, x, matrix) }
}

/// `out ← bias + Σ_i x[i] · row i` likewise.
#[inline(always)]
pub(in crate::kernels) fn forward_one(out: &mut [f32], bias: &[f32], x: &[f32], matrix: &[f32]) {
    // SAFETY: neither is shorter than this.
    unsafe { sum_rows(out.as_mut_ptr(), out.len().min(bias.len()), bias.as_ptr(), x, matrix) }
}

/// `out ← start + Σ_i x[i] · row i` for `width` sums.
///
/// # Safety
/// `width` floats can be read at `start` and written at `out`; both may be the same.
#[inline(never)]
unsafe fn sum_rows(out: *mut f32, width: usize, start: *const f32, x: &[f32], matrix: &[f32]) {
    let rows = x.len().min(matrix.len().checked_div(width).unwrap_or(0));
    if width == 0 {
        return;
    }
    // SAFETY: `width` is not 0; reads `rows` floats of `x`, as many rows of `width` floats of `matrix` and
    // `width` floats of `start`, and reads and writes those of `out`.
    unsafe {
        asm!(
            // All registers are taken: the number of rows stands in another kind of them.
            "vmov s28, r2",
            // A mask of up to 32 coefficients, first a bit for each that is zero: 0 is not below its bits without the sign,
            // which sets the carry. No other register than that of `out` is free for the 0.
            "20:",
            "vmov s0, {out}",
            "movs {out}, #0",
            "movs {mask}, #0",
            "mov {at}, {x}",
            "vmov {n}, s28",
            "cmp {n}, #32",
            "it hi", "movhi {n}, #32",
            "subs {n}, {n}, #4",
            "blo 22f",
            "21:",
            "ldmia {at}!, {{r2-r5}}",
            "cmp {out}, r2, lsl #1", "adc {mask}, {mask}, {mask}",
            "cmp {out}, r3, lsl #1", "adc {mask}, {mask}, {mask}",
            "cmp {out}, r4, lsl #1", "adc {mask}, {mask}, {mask}",
            "cmp {out}, r5, lsl #1", "adc {mask}, {mask}, {mask}",
            "subs {n}, {n}, #4",
            "bhs 21b",
            "22:",
            "adds {n}, {n}, #4",
            "beq 24f",
            "23:",
            "ldr r2, [{at}], #4",
            "cmp {out}, r2, lsl #1", "adc {mask}, {mask}, {mask}",
            "subs {n}, {n}, #1",
            "bne 23b",
            "24:",
            "vmov {out}, s0",
            "mvn {mask}, {mask}",
            "vmov {n}, s28",
            "rsbs {n}, {n}, #32",
            "it hi", "lslhi {mask}, {mask}, {n}",
            "cmp {mask}, #0",
            "beq 19f",
            "sub r5, {stride}, #32",
            "lsrs {n}, {stride}, #2",
            "subs {n}, {n}, #16",
            "blo 11f",
            "10:",
            tile!(
                "16", "s0-s15",
                concat!(
                    // Four terms a turn; first those that make no whole turn.
                    "tst r4, #3 \n beq 3f
                     tst r4, #1 \n beq 8f
                     tst r4, #2 \n bne 9f
                     vldmia {at}!, {{s19}} \n b 6f
                     8: \n vldmia {at}!, {{s18-s19}} \n b 5f
                     9: \n vldmia {at}!, {{s17-s19}} \n b 4f
                     3: \n vldmia {at}!, {{s16-s19}}",
                    term!("s16"), "\n 4:", term!("s17"), "\n 5:", term!("s18"), "\n 6:", term!("s19"),
                    "\n subs r4, r4, #4 \n bgt 3b",
                )
            ),
            "subs {n}, {n}, #16",
            "bhs 10b",
            // Fewer columns are left; a multiple of 16 has been taken away, so that the lower bits still say how many.
            "11:",
            "tst {n}, #15",
            "beq 15f",
            "tst {n}, #8",
            "beq 12f",
            tile!("8", "s0-s7", single!("s20-s27", concat!(products!("s16"), sums!()))),
            "12:",
            "tst {n}, #4",
            "beq 13f",
            tile!("4", "s0-s3", single!(
                "s20-s23",
                "vmul.f32 s20, s20, s16 \n vmul.f32 s21, s21, s16 \n vmul.f32 s22, s22, s16 \n vmul.f32 s23, s23, s16
                 vadd.f32 s0, s0, s20 \n vadd.f32 s1, s1, s21 \n vadd.f32 s2, s2, s22 \n vadd.f32 s3, s3, s23"
            )),
            "13:",
            "tst {n}, #2",
            "beq 14f",
            tile!("2", "s0-s1", single!(
                "s20-s21",
                "vmul.f32 s20, s20, s16 \n vmul.f32 s21, s21, s16 \n vadd.f32 s0, s0, s20 \n vadd.f32 s1, s1, s21"
            )),
            "14:",
            "tst {n}, #1",
            "beq 15f",
            tile!("1", "s0", single!("s20", "vmla.f32 s0, s20, s16")),
            "15:",
            "sub {out}, {out}, {stride}",
            "sub {row}, {row}, {stride}",
            // The next rows go on from these sums.
            "mov {start}, {out}",
            "19:",
            "add {row}, {row}, {stride}, lsl #5",
            "add {x}, {x}, #4*32",
            "vmov {n}, s28",
            "subs {n}, {n}, #32",
            "vmov s28, {n}",
            "bhi 20b",
            // Where no row was added, the sums are what they start from.
            "cmp {start}, {out}",
            "beq 26f",
            "25:",
            "ldr r2, [{start}], #4",
            "str r2, [{out}], #4",
            "subs {stride}, {stride}, #4",
            "bne 25b",
            "26:",
            out = inout(reg) out => _,
            x = inout(reg) x.as_ptr() => _,
            row = inout(reg) matrix.as_ptr() => _,
            start = inout(reg) start => _,
            stride = inout(reg) width.wrapping_mul(size_of::<f32>()) => _,
            mask = out(reg) _,
            n = out(reg) _,
            at = out(reg) _,
            inout("r2") rows => _, out("r3") _, out("r4") _, out("r5") _,
            out("s0") _, out("s1") _, out("s2") _, out("s3") _, out("s4") _, out("s5") _, out("s6") _, out("s7") _,
            out("s8") _, out("s9") _, out("s10") _, out("s11") _, out("s12") _, out("s13") _, out("s14") _, out("s15") _,
            out("s16") _, out("s17") _, out("s18") _, out("s19") _, out("s20") _, out("s21") _, out("s22") _,
            out("s23") _, out("s24") _, out("s25") _, out("s26") _, out("s27") _, out("s28") _,
            options(nostack),
        );
    }
}
