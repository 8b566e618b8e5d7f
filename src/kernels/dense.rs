//! Loops over dense coefficients: tiles of several rows, so that each row of the matrix is loaded once for all of them.

use super::{add_scaled, cut, cut_mut, padded, rows, rows_mut, tree};

/// Rows of the matrix between two visits of the running sums: a slab of two registers' width stays in the first cache.
const SLAB: usize = 256;

/// Rows of running sums in a tile.
pub(super) const ROWS: usize = 4;

/// `z[s] = bias + Σ_k x[s][k]·w[k]`, as [`forward`](super::forward) without skipping.
#[inline(always)]
pub(super) fn forward_dense<const L: usize>(x: &[f32], inputs: usize, weights: &[f32], bias: &[f32], z: &mut [f32]) {
    let width = bias.len();
    for z in rows_mut(z, width) {
        for (z, &b) in z.iter_mut().zip(bias) {
            *z = b;
        }
    }
    for (slab, weights) in slabs(weights, width).enumerate() {
        let x = cut(x, slab * SLAB).1;
        let length = weights.len() / width.max(1);
        let mut at = 0;
        while at < width {
            let columns = tile_width::<L>(width - at);
            let (mut x, mut z) = (x, &mut *z);
            while !z.is_empty() {
                let (group, rest) = cut_mut(z, ROWS * width);
                if group.len() == ROWS * width {
                    let [a, b, c, d] = core::array::from_fn(|r| cut(cut(x, r * inputs).1, length).0);
                    let quads = a.iter().zip(b).zip(c).zip(d).map(|(((&a, &b), &c), &d)| [a, b, c, d]);
                    tile_of::<ROWS, L>(group, quads, weights, width, at, columns);
                } else {
                    for (r, z) in rows_mut(group, width).enumerate() {
                        let one = cut(cut(x, r * inputs).1, length).0.iter().map(|&x| [x]);
                        tile_of::<1, L>(z, one, weights, width, at, columns);
                    }
                }
                x = cut(x, ROWS * inputs).1;
                z = rest;
            }
            at += columns;
        }
    }
}

/// `g[k] += Σ_s a[s][k]·d[s]`, as [`gradient_rows`](super::gradient_rows) without skipping.
#[inline(always)]
pub(super) fn gradient_dense<const L: usize>(g: &mut [f32], a: &[f32], inputs: usize, d: &[f32], width: usize) {
    for (slab, d) in slabs(d, width).enumerate() {
        let a = cut(a, slab * SLAB * inputs).1;
        let mut at = 0;
        while at < width {
            let columns = tile_width::<L>(width - at);
            let (mut a, mut g) = (a, &mut *g);
            while !g.is_empty() {
                let (group, rest) = cut_mut(g, ROWS * width);
                if group.len() == ROWS * width {
                    let quads = strided(a, inputs).map_while(|a| a.first_chunk::<ROWS>().copied());
                    tile_of::<ROWS, L>(group, quads, d, width, at, columns);
                } else {
                    for (k, g) in rows_mut(group, width).enumerate() {
                        let one = strided(cut(a, k).1, inputs).map_while(|a| a.first_chunk::<1>().copied());
                        tile_of::<1, L>(g, one, d, width, at, columns);
                    }
                }
                a = cut(a, ROWS).1;
                g = rest;
            }
            at += columns;
        }
    }
}

/// `matrix` in slabs of [`SLAB`] rows, the last one shorter.
#[inline(always)]
fn slabs(mut matrix: &[f32], width: usize) -> impl Iterator<Item = &[f32]> {
    core::iter::from_fn(move || {
        let (slab, rest) = cut(matrix, SLAB * width);
        matrix = rest;
        (!slab.is_empty()).then_some(slab)
    })
}

/// What is left of `slice` at every `step`-th element.
#[inline(always)]
fn strided(mut slice: &[f32], step: usize) -> impl Iterator<Item = &[f32]> {
    core::iter::from_fn(move || {
        let here = slice;
        slice = slice.get(step..).unwrap_or(&[]);
        (!here.is_empty()).then_some(here)
    })
}

/// Columns of the next tile where `rest` are left: two registers, one, then pairs and single ones.
#[inline(always)]
fn tile_width<const L: usize>(rest: usize) -> usize {
    match rest {
        n if n >= 2 * L => 2 * L,
        n if n >= L => L,
        2.. => 2,
        _ => 1,
    }
}

/// [`tile`] of the given number of columns.
#[inline(always)]
fn tile_of<const R: usize, const L: usize>(
    out: &mut [f32],
    coefficients: impl Iterator<Item = [f32; R]>,
    matrix: &[f32],
    width: usize,
    at: usize,
    columns: usize,
) {
    match columns {
        n if n == 2 * L => tile::<R, 2, L>(out, coefficients, matrix, width, at),
        n if n == L => tile::<R, 1, L>(out, coefficients, matrix, width, at),
        2 => tile::<R, 1, 2>(out, coefficients, matrix, width, at),
        _ => tile::<R, 1, 1>(out, coefficients, matrix, width, at),
    }
}

/// `out[r][at..] += Σ_i coefficients[i][r]·matrix[i][at..]` over `C·L` columns, in registers, `i` ascending.
#[inline(always)]
fn tile<const R: usize, const C: usize, const L: usize>(
    out: &mut [f32],
    coefficients: impl Iterator<Item = [f32; R]>,
    matrix: &[f32],
    width: usize,
    at: usize,
) {
    let mut acc = [[[0.0; L]; C]; R];
    for (acc, out) in acc.iter_mut().zip(rows(out, width)) {
        if let Some(out) = chunk::<C, L>(out, at) {
            *acc = *out;
        }
    }
    for (c, row) in coefficients.zip(rows(matrix, width)) {
        let Some(row) = chunk::<C, L>(row, at) else { break };
        for (acc, c) in acc.iter_mut().zip(c) {
            for (acc, row) in acc.iter_mut().zip(row) {
                add_scaled(acc, c, row);
            }
        }
    }
    for (acc, out) in acc.iter().zip(rows_mut(out, width)) {
        if let Some(out) = cut_mut(out, at).1.as_chunks_mut::<L>().0.first_chunk_mut::<C>() {
            *out = *acc;
        }
    }
}

#[inline(always)]
fn chunk<const C: usize, const L: usize>(row: &[f32], at: usize) -> Option<&[[f32; L]; C]> {
    cut(row, at).1.as_chunks::<L>().0.first_chunk::<C>()
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
        let (block, rest) = cut(weights, 8 * outputs);
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
    for (r, line) in rows(block, outputs).enumerate().take(8) {
        for (column, &w) in columns.iter_mut().zip(line) {
            column[r & 7] = w;
        }
    }
    let (columns, _) = columns.as_chunks::<8>();
    for (e, d) in rows_mut(e, inputs).zip(rows(d, outputs)) {
        let (d, tail) = d.as_chunks::<8>();
        let mut lanes = [[0.0_f32; 8]; 8];
        // Lanes beyond the tail add a zero, which changes no bit.
        for (d, columns) in d.iter().chain([&padded(tail)]).zip(columns) {
            for ((lane, d), column) in lanes.iter_mut().zip(d).zip(columns) {
                *lane = core::array::from_fn(|r| lane[r] + d * column[r]);
            }
        }
        multiply(cut_mut(e, k).1, vertical_tree(&lanes));
    }
}

/// The sums of two samples for four rows at once: eight registers of lanes, each element loaded once for several.
#[inline(always)]
fn wide_block(block: &[f32], d: &[f32], outputs: usize, e: &mut [f32], inputs: usize, k: usize) {
    let mut block = block;
    for k in [k, k + 4] {
        let (rows_here, rest) = cut(block, 4 * outputs);
        block = rest;
        let (mut d, mut e) = (d, &mut *e);
        while !d.is_empty() {
            let (d_pair, d_rest) = cut(d, 2 * outputs);
            let (e_pair, e_rest) = cut_mut(e, 2 * inputs);
            let (d0, d1) = cut(d_pair, outputs);
            let [s0, s1] = four_by_two(rows_here, d0, d1, outputs);
            let (e0, e1) = cut_mut(e_pair, inputs);
            multiply(cut_mut(cut_mut(e0, k).1, 4).0, s0);
            multiply(cut_mut(cut_mut(e1, k).1, 4).0, s1);
            (d, e) = (d_rest, e_rest);
        }
    }
}

/// Dot products of four rows with `d0` and with `d1`; those of missing rows, or of an empty `d1`, are not to be used.
#[inline(always)]
fn four_by_two(block: &[f32], d0: &[f32], d1: &[f32], outputs: usize) -> [[f32; 4]; 2] {
    let d1 = if d1.is_empty() { d0 } else { d1 };
    let line = |r: usize| {
        let line = cut(cut(block, r * outputs).1, outputs).0;
        if line.is_empty() { d0 } else { line }
    };
    let add = |acc: &mut [f32; 8], a: &[f32; 8], b: &[f32; 8]| *acc = core::array::from_fn(|l| acc[l] + a[l] * b[l]);
    let (d0, t0) = d0.as_chunks::<8>();
    let (d1, t1) = d1.as_chunks::<8>();
    let [(w0, u0), (w1, u1), (w2, u2), (w3, u3)] = [0, 1, 2, 3].map(|r| line(r).as_chunks::<8>());
    let mut a = [[0.0_f32; 8]; 4];
    let mut b = [[0.0_f32; 8]; 4];
    let mut step = |d0: &[f32; 8], d1: &[f32; 8], w: [&[f32; 8]; 4]| {
        for r in 0..4 {
            add(&mut a[r], d0, w[r]);
            add(&mut b[r], d1, w[r]);
        }
    };
    for (((((d0, d1), w0), w1), w2), w3) in d0.iter().zip(d1).zip(w0).zip(w1).zip(w2).zip(w3) {
        step(d0, d1, [w0, w1, w2, w3]);
    }
    if !t0.is_empty() {
        // Lanes beyond the tail add a zero, which changes no bit.
        step(&padded(t0), &padded(t1), [&padded(u0), &padded(u1), &padded(u2), &padded(u3)]);
    }
    [a.map(tree), b.map(tree)]
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
