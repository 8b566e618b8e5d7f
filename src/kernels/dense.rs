//! Loops over dense coefficients: tiles of several rows, so that each row of the matrix is loaded once for all of them.

use super::choose::{PANEL_FROM, ROWS};
use super::registers::{add_scaled, start_rows};
use crate::slices::{cut, cut_mut, numbered, rows, rows_mut};

/// Rows of the matrix between two visits of the running sums: a panel of two registers' width stays in the first cache.
const DEPTH: usize = 128;

/// Two registers' width of [`DEPTH`] rows, side by side from a cache line on: rows that lie a kilobyte and more apart cost
/// a page and, where that is a power of two, a cache line that the others share.
#[repr(align(64))]
struct Panel<const L: usize>([[[f32; L]; 2]; DEPTH]);

/// `z[s] = bias + Σ_k x[s][k]·w[k]`, as [`forward`](super::forward) without skipping.
#[inline(always)]
pub(super) fn forward_dense<const L: usize>(x: &[f32], inputs: usize, weights: &[f32], bias: &[f32], z: &mut [f32]) {
    let width = bias.len();
    start_rows(z, bias);
    multiply_add::<L>(z, &ByRow { x, stride: inputs }, weights, width);
}

/// `g[k] += Σ_s a[s][k]·d[s]`, as [`gradient_rows`](super::gradient_rows) without skipping.
#[inline(always)]
pub(super) fn gradient_dense<const L: usize>(g: &mut [f32], a: &[f32], inputs: usize, d: &[f32], width: usize) {
    multiply_add::<L>(g, &ByColumn { a, stride: inputs }, d, width);
}

/// The coefficients of a product of matrices.
trait Coefficients {
    /// Those of `R` rows of the product, from `row` on, for the terms from `first` on.
    fn of<const R: usize>(&self, row: usize, first: usize) -> impl Iterator<Item = [f32; R]>;
}

/// Row `r` of the product has the coefficients of row `r`.
struct ByRow<'a> {
    x: &'a [f32],
    stride: usize,
}

impl Coefficients for ByRow<'_> {
    #[inline(always)]
    fn of<const R: usize>(&self, row: usize, first: usize) -> impl Iterator<Item = [f32; R]> {
        let (a, b) = (self.line::<R, 0>(row, first), self.line::<R, 1>(row, first));
        let (c, d) = (self.line::<R, 2>(row, first), self.line::<R, 3>(row, first));
        a.iter().zip(b).zip(c).zip(d).map(|(((&a, &b), &c), &d)| first_of([a, b, c, d]))
    }
}

impl ByRow<'_> {
    /// The terms from `first` on of the `I`-th row after `row`; of `row` itself where `R` rows do not reach that far.
    #[inline(always)]
    fn line<const R: usize, const I: usize>(&self, row: usize, first: usize) -> &[f32] {
        let row = if I < R { row.wrapping_add(I) } else { row };
        cut(cut(cut(self.x, row.wrapping_mul(self.stride)).1, self.stride).0, first).1
    }
}

/// The first `R` of four.
#[inline(always)]
fn first_of<const R: usize>(four: [f32; ROWS]) -> [f32; R] {
    let mut first = [0.0; R];
    for (to, from) in first.iter_mut().zip(four) {
        *to = from;
    }
    first
}

/// Row `r` of the product has the coefficients of column `r`.
struct ByColumn<'a> {
    a: &'a [f32],
    stride: usize,
}

impl Coefficients for ByColumn<'_> {
    #[inline(always)]
    fn of<const R: usize>(&self, row: usize, first: usize) -> impl Iterator<Item = [f32; R]> {
        let (rest, stride) = (cut(self.a, first.wrapping_mul(self.stride).wrapping_add(row)).1, self.stride & 0xffff);
        // So short and so narrow that the compiler sees no overflow, and compares once.
        (0..DEPTH).map_while(move |i| {
            rest.get(i.wrapping_mul(stride)..i.wrapping_mul(stride).wrapping_add(R))?.first_chunk::<R>().copied()
        })
    }
}

/// `out[r] += Σ_i c[r][i]·matrix[i]`, `i` ascending; `out` and `matrix` have rows of `width`.
#[inline(always)]
fn multiply_add<const L: usize>(out: &mut [f32], c: &impl Coefficients, matrix: &[f32], width: usize) {
    let wide = if out.len() >= PANEL_FROM.wrapping_mul(width) { width - width % (2 * L) } else { 0 };
    if wide > 0 {
        through_panels::<L>(out, c, matrix, width, wide);
    }
    for (slab, first) in slabs(matrix, width) {
        let mut at = wide;
        while at < width {
            at += match width - at {
                n if n >= 2 * L => tiles(out, c, first, || columns::<2, L>(slab, width, at), width, at),
                n if n >= L => tiles(out, c, first, || columns::<1, L>(slab, width, at), width, at),
                2.. => tiles(out, c, first, || columns::<1, 2>(slab, width, at), width, at),
                _ => tiles(out, c, first, || columns::<1, 1>(slab, width, at), width, at),
            };
        }
    }
}

/// The first `wide` columns of [`multiply_add`], a multiple of two registers.
#[inline(always)]
fn through_panels<const L: usize>(out: &mut [f32], c: &impl Coefficients, matrix: &[f32], width: usize, wide: usize) {
    let mut panel = Panel::<L>([[[0.0; L]; 2]; DEPTH]);
    for (slab, first) in slabs(matrix, width) {
        let depth = slab.len().checked_div(width).unwrap_or(0);
        for at in (0..wide).step_by(2 * L) {
            for (to, row) in panel.0.iter_mut().zip(columns::<2, L>(slab, width, at)) {
                *to = *row;
            }
            let panel = cut(&panel.0, depth).0;
            tiles(out, c, first, || panel.iter(), width, at);
        }
    }
}

/// `matrix` in slabs of [`DEPTH`] rows, the last one shorter, each with the number of its first row.
#[inline(always)]
fn slabs(mut matrix: &[f32], width: usize) -> impl Iterator<Item = (&[f32], usize)> {
    let mut next = 0;
    core::iter::from_fn(move || {
        let first = next;
        let (slab, rest) = cut(matrix, DEPTH.wrapping_mul(width));
        (matrix, next) = (rest, usize::wrapping_add(next, DEPTH));
        (!slab.is_empty()).then_some((slab, first))
    })
}

/// `C·L` columns of the rows of `matrix`, from `at` on.
#[inline(always)]
fn columns<const C: usize, const L: usize>(
    matrix: &[f32],
    width: usize,
    at: usize,
) -> impl Iterator<Item = &[[f32; L]; C]> {
    rows(matrix, width).map_while(move |row| cut(row, at).1.as_chunks::<L>().0.first_chunk::<C>())
}

/// `C·L` columns of [`multiply_add`] from `at` on, over a slab of the matrix; returns their number.
#[inline(always)]
fn tiles<'m, const C: usize, const L: usize, I: Iterator<Item = &'m [[f32; L]; C]>>(
    mut out: &mut [f32],
    c: &impl Coefficients,
    first: usize,
    slab: impl Fn() -> I,
    width: usize,
    at: usize,
) -> usize {
    let mut row = 0;
    while !out.is_empty() {
        let (group, rest) = cut_mut(out, ROWS.wrapping_mul(width));
        if group.len() == ROWS.wrapping_mul(width) {
            tile::<ROWS, C, L>(group, c.of(row, first), slab(), width, at);
        } else {
            for (r, out) in numbered(row, rows_mut(group, width)) {
                tile::<1, C, L>(out, c.of(r, first), slab(), width, at);
            }
        }
        (out, row) = (rest, row.wrapping_add(ROWS));
    }
    C * L
}

/// `out[r][at..] += Σ_i coefficients[i][r]·slab[i]` over `C·L` columns, in registers, `i` ascending.
///
/// Loops count to constants, or the sums would not be sure to stay in registers.
#[inline(always)]
fn tile<'m, const R: usize, const C: usize, const L: usize>(
    out: &mut [f32],
    coefficients: impl Iterator<Item = [f32; R]>,
    slab: impl Iterator<Item = &'m [[f32; L]; C]>,
    width: usize,
    at: usize,
) {
    let mut acc = [[[0.0; L]; C]; R];
    for (r, acc) in numbered(0, &mut acc) {
        if let Some(out) = cut(out, r.wrapping_mul(width).wrapping_add(at)).1.as_chunks::<L>().0.first_chunk::<C>() {
            *acc = *out;
        }
    }
    for (c, row) in coefficients.zip(slab) {
        for r in 0..R {
            for k in 0..C {
                add_scaled(&mut acc[r][k], c[r], &row[k]);
            }
        }
    }
    for (r, acc) in numbered(0, &acc) {
        if let Some(out) =
            cut_mut(out, r.wrapping_mul(width).wrapping_add(at)).1.as_chunks_mut::<L>().0.first_chunk_mut::<C>()
        {
            *out = *acc;
        }
    }
}
