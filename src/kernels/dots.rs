//! Dot products of rows, several at once: what comes from the deltas of a layer back to its inputs.

use super::choose::TRANSPOSED;
use super::registers::add_scaled;
use crate::slices::{cut, cut_mut, numbered, padded, rows, rows_mut};

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
        if outputs <= TRANSPOSED {
            narrow_block(block, d, outputs, e, inputs, k);
        } else {
            wide_block(block, d, outputs, e, inputs, k);
        }
        weights = rest;
    }
}

/// Eight sums side by side in a register, lane by lane, from rows of weights transposed on the stack: for few outputs, where
/// a tree for each sum would cost more than the sum.
#[inline(always)]
fn narrow_block(block: &[f32], d: &[f32], outputs: usize, e: &mut [f32], inputs: usize, k: usize) {
    let mut columns = [[0.0_f32; 8]; TRANSPOSED];
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
            // Made anew as a whole: one by one they would go through memory, at a quarter of the speed.
            lanes = core::array::from_fn(|l| core::array::from_fn(|r| lanes[l][r] + d[l] * columns[l][r]));
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
