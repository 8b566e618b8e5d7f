//! Loops over dense coefficients: tiles of several rows, so that each row of the matrix is loaded once for all of them.

use super::{add_scaled, start_rows};
use crate::slices::{cut, cut_mut, numbered, padded, rows, rows_mut};

/// Rows of the matrix between two visits of the running sums: a panel of two registers' width stays in the first cache.
const DEPTH: usize = 128;

/// Rows of running sums in a tile.
pub(super) const ROWS: usize = 4;

/// Rows of running sums from which on a panel of the matrix is worth its copy: rows that lie a kilobyte and more apart
/// cost a page and, where that is a power of two, a cache line that the others share.
const PANEL_FROM: usize = 4 * ROWS;

/// Two registers' width of [`DEPTH`] rows, side by side from a cache line on.
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

/// `e[s][k] *= Σ_j d[s][j]·w[k][j]`: the sums of eight rows of weights at once.
#[inline(always)]
pub(super) fn input_gradient_dense<const L: usize>(
    weights: &[f32],
    d: &[f32],
    outputs: usize,
    e: &mut [f32],
    inputs: usize,
) {
    let mut weights = weights;
    for k in (0..inputs).step_by(8) {
        let (block, rest) = cut(weights, outputs.wrapping_mul(8));
        if outputs <= NARROW {
            narrow_block(block, d, outputs, e, inputs, k);
        } else {
            wide_block(block, d, outputs, e, inputs, k);
        }
        weights = rest;
    }
}

/// Outputs up to which eight rows of weights are transposed first, on the stack.
const NARROW: usize = 32;

/// Eight sums side by side in a register, lane by lane: for few outputs, where a tree for each sum would cost more than
/// the sum.
#[inline(always)]
fn narrow_block(block: &[f32], d: &[f32], outputs: usize, e: &mut [f32], inputs: usize, k: usize) {
    let mut columns = [[0.0_f32; 8]; NARROW];
    for (r, line) in numbered(0, rows(block, outputs)).take(8) {
        for (column, &w) in columns.iter_mut().zip(line) {
            column[r & 7] = w;
        }
    }
    let (columns, _) = columns.as_chunks::<8>();
    for (e, d) in rows_mut(e, inputs).zip(rows(d, outputs)) {
        let (groups, tail) = d.as_chunks::<8>();
        let mut columns = columns.iter();
        let mut lanes = [[0.0_f32; 8]; 8];
        for (d, columns) in groups.iter().zip(&mut columns) {
            for l in 0..8 {
                add_scaled(&mut lanes[l], d[l], &columns[l]);
            }
        }
        if let Some(columns) = columns.next() {
            for l in 0..7 {
                if let Some(&d) = tail.get(l) {
                    add_scaled(&mut lanes[l], d, &columns[l]);
                }
            }
        }
        multiply(cut_mut(e, k).1, vertical_tree(&lanes));
    }
}

/// The sums of two samples for four rows at once: eight registers of lanes, each element loaded once for several.
#[inline(always)]
fn wide_block(block: &[f32], d: &[f32], outputs: usize, e: &mut [f32], inputs: usize, k: usize) {
    let mut block = block;
    for k in [k, k.wrapping_add(4)] {
        let (rows_here, rest) = cut(block, outputs.wrapping_mul(4));
        block = rest;
        let (mut d, mut e) = (d, &mut *e);
        while !d.is_empty() {
            let (d_pair, d_rest) = cut(d, outputs.wrapping_mul(2));
            let (e_pair, e_rest) = cut_mut(e, inputs.wrapping_mul(2));
            let (d0, d1) = cut(d_pair, outputs);
            let [s0, s1] = four_by_two(rows_here, d0, d1, outputs);
            let (e0, e1) = cut_mut(e_pair, inputs);
            multiply(cut_mut(cut_mut(e0, k).1, 4).0, s0);
            multiply(cut_mut(cut_mut(e1, k).1, 4).0, s1);
            (d, e) = (d_rest, e_rest);
        }
    }
}

/// `acc ← acc + a·b`, lane by lane.
#[inline(always)]
fn add_product(acc: &mut [f32; 8], a: &[f32; 8], b: &[f32; 8]) {
    *acc = core::array::from_fn(|l| acc[l] + a[l] * b[l]);
}

/// Dot products of four rows with `d0` and with `d1`; those of missing rows, or of an empty `d1`, are not to be used.
#[inline(always)]
fn four_by_two(block: &[f32], d0: &[f32], d1: &[f32], outputs: usize) -> [[f32; 4]; 2] {
    let d1 = if d1.is_empty() { d0 } else { d1 };
    let line = |r: usize| {
        let line = cut(cut(block, r.wrapping_mul(outputs)).1, outputs).0;
        if line.is_empty() { d0 } else { line }
    };
    let (d0, t0) = d0.as_chunks::<8>();
    let (d1, t1) = d1.as_chunks::<8>();
    let [(w0, u0), (w1, u1), (w2, u2), (w3, u3)] = [0, 1, 2, 3].map(|r| line(r).as_chunks::<8>());
    let mut a = [[0.0_f32; 8]; 4];
    let mut b = [[0.0_f32; 8]; 4];
    let mut step = |d0: &[f32; 8], d1: &[f32; 8], w: [&[f32; 8]; 4]| {
        for r in 0..4 {
            add_product(&mut a[r], d0, w[r]);
            add_product(&mut b[r], d1, w[r]);
        }
    };
    for (((((d0, d1), w0), w1), w2), w3) in d0.iter().zip(d1).zip(w0).zip(w1).zip(w2).zip(w3) {
        step(d0, d1, [w0, w1, w2, w3]);
    }
    if !t0.is_empty() {
        // Lanes beyond the tail add a zero, which changes no bit.
        step(&padded(t0), &padded(t1), [&padded(u0), &padded(u1), &padded(u2), &padded(u3)]);
    }
    [horizontal_trees(&a), horizontal_trees(&b)]
}

/// `e[s][k] *= Σ_j d[s][j]·w[k][j]` where `e` is not zero, eight such sums of a sample at once: for slopes of which many
/// are zero, since ReLU or dropout silenced their units.
#[inline(always)]
pub(super) fn input_gradient_active<const L: usize>(
    weights: &[f32],
    d: &[f32],
    outputs: usize,
    e: &mut [f32],
    inputs: usize,
) {
    let mut weights = weights;
    for first in (0..inputs).step_by(ACTIVE) {
        let (block, rest) = cut(weights, ACTIVE.wrapping_mul(outputs));
        weights = rest;
        for (e, d) in rows_mut(e, inputs).zip(rows(d, outputs)) {
            let e = cut_mut(cut_mut(e, first).1, ACTIVE).0;
            let (mut active, mut n) = ([0; ACTIVE], 0);
            for (k, &slope) in numbered(0, &*e) {
                active[n % ACTIVE] = k;
                n = n.wrapping_add(usize::from(slope != 0.0));
            }
            let (mut rest, groups) = (cut(&active, n).0, active.as_chunks::<8>().0);
            for group in groups {
                let (here, behind) = cut(rest, 8);
                if here.is_empty() {
                    break;
                }
                let sums = eight_sums(block, group, d, outputs);
                for (&k, sum) in here.iter().zip(sums) {
                    if let Some(e) = e.get_mut(k) {
                        *e *= sum;
                    }
                }
                rest = behind;
            }
        }
    }
}

/// Rows of weights that stay in the first cache while all samples pass.
const ACTIVE: usize = 32;

/// Dot products of `d` with eight rows of the block.
#[inline(always)]
fn eight_sums(block: &[f32], rows: &[usize; 8], d: &[f32], outputs: usize) -> [f32; 8] {
    let (groups, tail) = d.as_chunks::<8>();
    let line = |row: usize| {
        let line = cut(cut(block, row.wrapping_mul(outputs)).1, outputs).0;
        let (groups_here, tail) = line.as_chunks::<8>();
        (cut(groups_here, groups.len()).0, tail)
    };
    let [r0, r1, r2, r3, r4, r5, r6, r7] = *rows;
    let [l0, l1, l2, l3] = [line(r0), line(r1), line(r2), line(r3)];
    let [l4, l5, l6, l7] = [line(r4), line(r5), line(r6), line(r7)];
    let mut acc = [[0.0_f32; 8]; 8];
    let mut step = |d: &[f32; 8], w: [&[f32; 8]; 8]| {
        for (acc, w) in acc.iter_mut().zip(w) {
            add_product(acc, d, w);
        }
    };
    let four = l0.0.iter().zip(l1.0).zip(l2.0).zip(l3.0);
    let eight = four.zip(l4.0).zip(l5.0).zip(l6.0).zip(l7.0);
    for (d, (((((((w0, w1), w2), w3), w4), w5), w6), w7)) in groups.iter().zip(eight) {
        step(d, [w0, w1, w2, w3, w4, w5, w6, w7]);
    }
    if !tail.is_empty() {
        let [w0, w1, w2, w3] = [padded(l0.1), padded(l1.1), padded(l2.1), padded(l3.1)];
        let [w4, w5, w6, w7] = [padded(l4.1), padded(l5.1), padded(l6.1), padded(l7.1)];
        // Lanes beyond the tail add a zero, which changes no bit.
        step(&padded(tail), [&w0, &w1, &w2, &w3, &w4, &w5, &w6, &w7]);
    }
    let [a0, a1, a2, a3, a4, a5, a6, a7] = acc;
    let (low, high) = (horizontal_trees(&[a0, a1, a2, a3]), horizontal_trees(&[a4, a5, a6, a7]));
    [low[0], low[1], low[2], low[3], high[0], high[1], high[2], high[3]]
}

/// [`tree`](super::tree) of each of four sums.
#[inline(always)]
fn horizontal_trees([a, b, c, d]: &[[f32; 8]; 4]) -> [f32; 4] {
    let halves = |l: &[f32; 8]| [l[0] + l[4], l[1] + l[5], l[2] + l[6], l[3] + l[7]];
    let (a, b, c, d) = (halves(a), halves(b), halves(c), halves(d));
    let even = [a[0] + a[2], b[0] + b[2], c[0] + c[2], d[0] + d[2]];
    let odd = [a[1] + a[3], b[1] + b[3], c[1] + c[3], d[1] + d[3]];
    [even[0] + odd[0], even[1] + odd[1], even[2] + odd[2], even[3] + odd[3]]
}

/// [`tree`](super::tree) of eight sums side by side.
#[inline(always)]
fn vertical_tree(l: &[[f32; 8]; 8]) -> [f32; 8] {
    let add = |a: [f32; 8], b: [f32; 8]| -> [f32; 8] { core::array::from_fn(|r| a[r] + b[r]) };
    let even = add(add(l[0], l[4]), add(l[2], l[6]));
    let odd = add(add(l[1], l[5]), add(l[3], l[7]));
    add(even, odd)
}

/// `e ← e·sum` where `e` is not zero: a silenced unit stays silent whatever comes from above.
#[inline(always)]
fn multiply<const N: usize>(e: &mut [f32], sums: [f32; N]) {
    let product = |e: f32, sum: f32| if e != 0.0 { e * sum } else { 0.0 };
    if let Some(e) = e.first_chunk_mut::<N>() {
        *e = core::array::from_fn(|r| product(e[r], sums[r]));
    } else {
        e.iter_mut().zip(sums).for_each(|(e, sum)| *e = product(*e, sum));
    }
}
