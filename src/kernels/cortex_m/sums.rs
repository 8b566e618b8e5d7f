//! Weighted sums of rows, in registers: sixteen or eight columns at a time, where the coefficients that are not zero are
//! listed first, since each of several tiles reads them; or fewer columns, coefficient by coefficient.
#![allow(unsafe_code)]

use super::copy;
use crate::kernels::{cut, cut_mut};
use core::arch::asm;
use core::mem::MaybeUninit;
use core::slice;

/// Coefficients looked at before their rows are added: their lists lie on the stack.
pub(in crate::kernels) const CHUNK: usize = 48;

/// Whether [`forward`] and [`tiles`] are there.
pub(in crate::kernels) const TILES: bool = true;

/// `s20..s27 ← s20..s27 · $x`.
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

/// `out += Σ_i values[i] · row i` for as many of the first columns as make whole tiles of sixteen and eight; row `i`
/// begins at `columns[offsets[i]]`, offsets ascending, as far as rows are whole. Returns the number of columns.
#[inline(never)]
pub(in crate::kernels) fn tiles(out: &mut [f32], values: &[f32], offsets: &[usize], columns: &[f32]) -> usize {
    let width = out.len() & !7;
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
    // SAFETY: `n` and `width` are not 0, `width` is a multiple of 8; reads `n` values, `n` offsets and `width` floats at
    // each, and writes `width` sums. The last offset leaves `width` floats; both callers, `list` and `weighted_rows`, list
    // rows in order, so that no offset is beyond it.
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
            "vldmia {out}, {{s0-s7}}",
            "7:",
            "vldmia {x}!, {{s16}}",
            "ldr r2, [{offsets}], #4",
            "add r2, {base}, r2, lsl #2",
            short_term!("s16", "r2"),
            "subs {all}, {all}, #1",
            "bne 7b",
            "vstmia {out}, {{s0-s7}}",
            "8:",
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

/// `z = bias + Σ_k x[k]·weights[k]`, `k` ascending, rows with `x = 0` skipped.
#[inline(never)]
pub(in crate::kernels) fn forward(z: &mut [f32], x: &[f32], weights: &[f32], bias: &[f32]) {
    let width = bias.len();
    let wide = width & !7;
    if wide > 0 {
        let z = cut_mut(z, wide).0;
        copy(z, bias);
        let mut lists = Lists::new();
        let (mut x, mut weights) = (x, weights);
        while !x.is_empty() {
            let (here, rest) = cut(x, CHUNK);
            let (values, offsets) = list(here, width, &mut lists);
            tiles(z, values, offsets, weights);
            (x, weights) = (rest, cut(weights, CHUNK * width).1);
        }
    }
    narrow(z, x, weights, bias);
}

/// `$tile` columns of [`narrow`], if `width` has this bit.
macro_rules! few {
    ($tile:literal, $sums:literal, $row:literal, $terms:literal) => {
        concat!(
            "tst {width}, #",
            $tile,
            "\n beq 4f \n vldmia {bias}!, {{",
            $sums,
            "}} \n mov r2, {x} \n mov r3, {w} \n mov {n}, {rows}",
            "\n 2: \n vldmia r2!, {{s16}} \n vcmp.f32 s16, #0 \n vmrs APSR_nzcv, FPSCR \n beq 3f \n vldmia r3, {{",
            $row,
            "}} \n ",
            $terms,
            "\n 3: \n add r3, r3, {stride} \n subs {n}, {n}, #1 \n bne 2b \n vstmia {z}!, {{",
            $sums,
            "}} \n add {w}, {w}, #4*",
            $tile,
            "\n 4:",
        )
    };
}

/// [`forward`] for the last up to seven columns.
fn narrow(z: &mut [f32], x: &[f32], weights: &[f32], bias: &[f32]) {
    let width = bias.len();
    let rows = x.len().min(weights.len().checked_div(width).unwrap_or(0));
    if z.len() < width {
        return;
    }
    if rows == 0 {
        return copy(z, bias);
    }
    let wide = width & !7;
    // SAFETY: `rows` is not 0; reads `rows` floats of `x`, and of each of as many rows of `width` weights, of `bias` and of
    // `z`, which is written, the floats from `wide` to `width`.
    unsafe {
        asm!(
            few!(
                "4", "s0-s3", "s20-s23",
                "vmul.f32 s20, s20, s16 \n vmul.f32 s21, s21, s16 \n vmul.f32 s22, s22, s16 \n vmul.f32 s23, s23, s16
                 vadd.f32 s0, s0, s20 \n vadd.f32 s1, s1, s21 \n vadd.f32 s2, s2, s22 \n vadd.f32 s3, s3, s23"
            ),
            few!(
                "2", "s0-s1", "s20-s21",
                "vmul.f32 s20, s20, s16 \n vmul.f32 s21, s21, s16 \n vadd.f32 s0, s0, s20 \n vadd.f32 s1, s1, s21"
            ),
            few!("1", "s0", "s20", "vmul.f32 s20, s20, s16 \n vadd.f32 s0, s0, s20"),
            z = inout(reg) z.as_mut_ptr().add(wide) => _,
            bias = inout(reg) bias.as_ptr().add(wide) => _,
            w = inout(reg) weights.as_ptr().add(wide) => _,
            x = in(reg) x.as_ptr(),
            rows = in(reg) rows,
            stride = in(reg) width * size_of::<f32>(),
            width = in(reg) width,
            n = out(reg) _,
            out("r2") _, out("r3") _,
            out("s0") _, out("s1") _, out("s2") _, out("s3") _, out("s16") _,
            out("s20") _, out("s21") _, out("s22") _, out("s23") _,
            options(nostack),
        );
    }
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
struct Lists([MaybeUninit<f32>; CHUNK], [MaybeUninit<usize>; CHUNK]);

impl Lists {
    #[inline(always)]
    fn new() -> Self {
        Self([MaybeUninit::uninit(); CHUNK], [MaybeUninit::uninit(); CHUNK])
    }
}

/// Lists the elements of `x` that are not zero with the offsets of their rows, which lie `stride` apart.
#[inline(always)]
fn list<'a>(x: &[f32], stride: usize, lists: &'a mut Lists) -> (&'a [f32], &'a [usize]) {
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
