//! Each loop once, in safe Rust over register tiles, for the compiler to vectorise.
//!
//! `L` is the number of floats in a register.

use super::inner::{self, CHUNK};
use super::registers::{TILE, add_scaled, start_rows, tree};
use super::{Adam, ByteRows, FIRST_MOMENT_FLOOR, SECOND_MOMENT_FLOOR, ScheduleFree, SecondMoment, Sgd};
use crate::slices::{cut, cut_mut, numbered, rows, rows_mut};

/// `out[j] += Σ_i coefficients[i] · matrix[i][j]`, `i` ascending, zero coefficients skipped: the primitive of
/// [`forward`] and [`gradient_rows`].
#[inline(always)]
fn weighted_rows<const L: usize>(
    out: &mut [f32],
    mut coefficients: impl Iterator<Item = f32>,
    matrix: &[f32],
    width: usize,
) {
    let mut matrix = matrix;
    while inner::TILES && !matrix.is_empty() {
        let (mut values, mut n) = ([0.0; CHUNK], 0);
        for (value, c) in values.iter_mut().zip(&mut coefficients) {
            *value = c;
            n += 1;
        }
        inner::add_rows(out, values.get(..n).unwrap_or(&values), matrix);
        matrix = matrix.get(n.wrapping_mul(width)..).filter(|rest| rest.len() < matrix.len()).unwrap_or(&[]);
    }
    while !matrix.is_empty() {
        let (mut values, mut offsets) = ([0.0; CHUNK], [0; CHUNK]);
        let mut n = 0;
        let mut offset = 0;
        // Without a branch a term: a processor cannot foresee which pixels are lit.
        for c in coefficients.by_ref().take(CHUNK) {
            values[n % CHUNK] = c;
            offsets[n % CHUNK] = offset;
            n = usize::wrapping_add(n, usize::from(c != 0.0));
            offset = usize::wrapping_add(offset, width);
        }
        add_listed::<L>(out, values.get(..n).unwrap_or(&values), &offsets, matrix);
        matrix = matrix.get(offset..).filter(|_| offset > 0).unwrap_or(&[]);
    }
}

/// Adds the rows of `matrix` that stand at `offsets`, times `values`.
#[inline(always)]
fn add_listed<const L: usize>(out: &mut [f32], values: &[f32], offsets: &[usize], matrix: &[f32]) {
    let (mut at, mut rest) = (0, out);
    while !rest.is_empty() {
        let columns = matrix.get(at..).unwrap_or(&[]);
        let n = match rest.len() {
            n if n >= TILE * L => tile::<TILE, L>(rest, values, offsets, columns),
            n if n >= TILE / 2 * L => tile::<{ TILE / 2 }, L>(rest, values, offsets, columns),
            n if n >= L => tile::<1, L>(rest, values, offsets, columns),
            2.. => tile::<1, 2>(rest, values, offsets, columns),
            _ => tile::<1, 1>(rest, values, offsets, columns),
        };
        at = at.wrapping_add(n);
        rest = cut_mut(rest, n).1;
    }
}

/// Adds `R·L` columns of the rows that stand at `offsets`, in registers; returns their number.
#[inline(always)]
fn tile<const R: usize, const L: usize>(out: &mut [f32], values: &[f32], offsets: &[usize], columns: &[f32]) -> usize {
    if let Some(out) = out.as_chunks_mut::<L>().0.first_chunk_mut::<R>() {
        let mut acc = *out;
        for (&c, &offset) in values.iter().zip(offsets) {
            let Some(row) = columns.get(offset..) else { break };
            let Some(row) = row.as_chunks::<L>().0.first_chunk::<R>() else { break };
            for (acc, row) in acc.iter_mut().zip(row) {
                add_scaled(acc, c, row);
            }
        }
        *out = acc;
    }
    R * L
}

#[inline(always)]
pub(super) fn forward<const L: usize>(x: &[f32], inputs: usize, weights: &[f32], bias: &[f32], z: &mut [f32]) {
    if !inner::TILES {
        start_rows(z, bias);
    }
    for (z, x) in rows_mut(z, bias.len()).zip(rows(x, inputs)) {
        if inner::TILES {
            inner::forward_one(z, bias, x, weights);
        } else {
            weighted_rows::<L>(z, x.iter().copied(), weights, bias.len());
        }
    }
}

#[inline(always)]
pub(super) fn forward_bytes<const L: usize>(x: &ByteRows<'_>, weights: &[f32], bias: &[f32], z: &mut [f32]) {
    start_rows(z, bias);
    for (z, &row) in rows_mut(z, bias.len()).zip(x.pick) {
        weighted_rows::<L>(z, x.row(row).iter().map(|&b| f32::from(b) * x.scale), weights, bias.len());
    }
}

#[inline(always)]
pub(super) fn gradient_rows<const L: usize>(g: &mut [f32], a: &[f32], inputs: usize, d: &[f32], outputs: usize) {
    let mut a = a;
    for g in rows_mut(g, outputs) {
        let mut rest = a;
        let column = core::iter::from_fn(|| {
            let value = rest.first().copied();
            rest = rest.get(inputs..).unwrap_or(&[]);
            value
        });
        weighted_rows::<L>(g, column, d, outputs);
        a = a.get(1..).unwrap_or(&[]);
    }
}

/// [`gradient_rows`] of a single sample, or `=` where `fresh`.
#[inline(always)]
pub(super) fn outer<const L: usize>(g: &mut [f32], a: &[f32], d: &[f32], fresh: bool) {
    if inner::TILES && fresh {
        return inner::products(g, a, d);
    }
    for (g, &a) in rows_mut(g, d.len()).zip(a) {
        let pairs = g.iter_mut().zip(d);
        match (fresh, a != 0.0) {
            (true, true) => pairs.for_each(|(g, &d)| *g = a * d),
            (true, false) => pairs.for_each(|(g, _)| *g = 0.0),
            (false, true) => pairs.for_each(|(g, &d)| *g += a * d),
            (false, false) => {}
        }
    }
}

#[inline(always)]
pub(super) fn gradient_bytes<const L: usize>(g: &mut [f32], a: &ByteRows<'_>, first: usize, d: &[f32], outputs: usize) {
    for (k, g) in numbered(first, rows_mut(g, outputs)) {
        let byte = |&row: &u32| a.row(row).get(k).copied().unwrap_or(0);
        let column = a.pick.iter().map(|row| f32::from(byte(row)) * a.scale);
        weighted_rows::<L>(g, column, d, outputs);
    }
}

/// Σ_j a[j]·b[j] in 8 lanes.
#[inline(always)]
pub(super) fn dot<const L: usize>(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_tail), (b, b_tail)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut lanes = inner::zeros::<8>();
    for (a, b) in a.iter().zip(b) {
        for (l, (&a, &b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *l += a * b;
        }
    }
    for (l, (&a, &b)) in lanes.iter_mut().zip(a_tail.iter().zip(b_tail)) {
        *l += a * b;
    }
    tree(lanes)
}

#[inline(always)]
pub(super) fn input_gradient<const L: usize>(weights: &[f32], d: &[f32], outputs: usize, e: &mut [f32], inputs: usize) {
    for (e, d) in rows_mut(e, inputs).zip(rows(d, outputs)) {
        if inner::TILES {
            inner::input_gradient(e, d, weights);
            continue;
        }
        for (e, w) in e.iter_mut().zip(rows(weights, outputs)) {
            // A silenced unit stays silent whatever comes from above.
            if *e != 0.0 {
                *e *= dot::<L>(d, w);
            }
        }
    }
}

/// Along `x·dᵀ`: the gradient of one sample; or that of many, `d`, times `x = [1/n]`.
#[inline(always)]
pub(super) fn sgd<const L: usize>(w: &mut [f32], x: &[f32], d: &[f32], rate: f32) {
    inner::sgd(w, x, d, rate);
}

/// Likewise.
#[inline(always)]
pub(super) fn decayed<const L: usize>(w: &mut [f32], x: &[f32], d: &[f32], c: &Sgd) {
    for (w, &x) in rows_mut(w, d.len()).zip(x) {
        for (w, &d) in w.iter_mut().zip(d) {
            *w -= c.rate * (d * x + c.decay * *w);
        }
    }
}

/// Likewise.
#[inline(always)]
pub(super) fn momentum<const L: usize>(w: &mut [f32], v: &mut [f32], x: &[f32], d: &[f32], c: &Sgd) {
    for ((w, v), &x) in rows_mut(w, d.len()).zip(rows_mut(v, d.len())).zip(x) {
        for ((w, v), &d) in w.iter_mut().zip(v).zip(d) {
            let g = d * x + c.decay * *w;
            *v = floor(c.momentum * *v + g, FIRST_MOMENT_FLOOR);
            *w -= c.rate * if c.nesterov { g + c.momentum * *v } else { *v };
        }
    }
}

/// Likewise; once in an image where `inner` is by hand.
#[cfg_attr(target_arch = "arm", inline(never))]
#[cfg_attr(not(target_arch = "arm"), inline(always))]
pub(super) fn adam<const L: usize>(w: &mut [f32], m: &mut [f32], v: &mut [f32], x: &[f32], d: &[f32], c: &Adam) {
    let done = inner::adam(w, m, v, x, d, c);
    if done == w.len() {
        return;
    }
    // The end of a single row, or all rows.
    let (w, m, v, d) = (cut_mut(w, done).1, cut_mut(m, done).1, cut_mut(v, done).1, cut(d, done).1);
    let moments = rows_mut(m, d.len()).zip(rows_mut(v, d.len()));
    for ((w, (m, v)), &x) in rows_mut(w, d.len()).zip(moments).zip(x) {
        adam_row(w, m, v, d, x, c);
    }
}

#[inline(always)]
fn adam_row(w: &mut [f32], m: &mut [f32], v: &mut [f32], d: &[f32], x: f32, c: &Adam) {
    // Without vectors nothing is gained by chunks.
    if inner::TILES {
        return adam_chunk(w, m, v, d, x, c);
    }
    let ((w, w_tail), (m, m_tail), (v, v_tail), (d, d_tail)) =
        (w.as_chunks_mut::<64>(), m.as_chunks_mut::<64>(), v.as_chunks_mut::<64>(), d.as_chunks::<64>());
    for (((w, m), v), d) in w.iter_mut().zip(m).zip(v).zip(d) {
        adam_chunk(w, m, v, d, x, c);
    }
    adam_chunk(w_tail, m_tail, v_tail, d_tail, x, c);
}

/// Moments first: where all of the first ones are zero, as for pixels that are never lit, no weight moves, and the
/// square roots and divisions, most of the time, are saved.
#[inline(always)]
fn adam_chunk(w: &mut [f32], m: &mut [f32], v: &mut [f32], d: &[f32], x: f32, c: &Adam) {
    let mut any = 0;
    for (((&w, m), v), &d) in w.iter().zip(&mut *m).zip(&mut *v).zip(d) {
        let g = d * x + c.decay * w;
        *m = floor(c.beta1 * *m + c.gain1 * g, FIRST_MOMENT_FLOOR);
        *v = floor(c.beta2 * *v + c.gain2 * (g * g), SECOND_MOMENT_FLOOR);
        any |= m.to_bits();
    }
    if any << 1 != 0 {
        for ((w, &m), &v) in w.iter_mut().zip(&*m).zip(&*v) {
            *w = c.shrink * *w - c.rate * (m / (inner::sqrt(v) * c.correction + c.epsilon));
        }
    } else if c.shrink != 1.0 {
        w.iter_mut().for_each(|w| *w *= c.shrink);
    }
}

/// `x`, or 0 where `|x| < floor`.
#[inline(always)]
fn floor(x: f32, floor: f32) -> f32 {
    if x.abs() < floor { 0.0 } else { x }
}

#[inline(always)]
pub(super) fn mean_update<const L: usize>(mean: &mut [f32], w: &[f32], gain: f32) {
    inner::mean_update(mean, w, gain);
}

/// `z ← z − γ(g·scale + λy); x ← x + c(z − x); y ← z + β(x − z)`.
#[inline(always)]
pub(super) fn schedule_free<const L: usize>(
    y: &mut [f32],
    z: &mut [f32],
    x: &mut [f32],
    g: &[f32],
    scale: f32,
    c: ScheduleFree,
) {
    for (((y, z), x), &g) in y.iter_mut().zip(z).zip(x).zip(g) {
        *z -= c.rate * (g * scale + c.decay * *y);
        *x += (*z - *x) * c.gain;
        *y = *z + (*x - *z) * c.beta;
    }
}

/// The same of `g/(√v + ε)`, after `v ← β₂v + (1 − β₂)g²`; decay is not divided.
#[inline(always)]
pub(super) fn schedule_free_adam<const L: usize>(
    y: &mut [f32],
    (z, x, v): (&mut [f32], &mut [f32], &mut [f32]),
    g: &[f32],
    scale: f32,
    c: ScheduleFree,
    second: SecondMoment,
) {
    for ((((y, z), x), v), &g) in y.iter_mut().zip(z).zip(x).zip(v).zip(g) {
        let g = g * scale;
        *v = floor(second.beta2 * *v + second.gain2 * (g * g), SECOND_MOMENT_FLOOR);
        *z -= c.rate * (g / (inner::sqrt(*v) + second.epsilon) + c.decay * *y);
        *x += (*z - *x) * c.gain;
        *y = *z + (*x - *z) * c.beta;
    }
}

/// What rounding takes from the mean is kept in `lost` and given back with the next model.
#[inline(always)]
pub(super) fn mean_update_compensated<const L: usize>(mean: &mut [f32], lost: &mut [f32], w: &[f32], gain: f32) {
    for ((m, c), &w) in mean.iter_mut().zip(lost).zip(w) {
        let y = (w - *m) * gain - *c;
        let t = *m + y;
        *c = (t - *m) - y;
        *m = t;
    }
}

/// Welford's recurrence: mean and sum of squared deviations.
#[inline(always)]
pub(super) fn moments_update<const L: usize>(mean: &mut [f32], second: &mut [f32], w: &[f32], gain: f32) {
    for ((m, v), &w) in mean.iter_mut().zip(second).zip(w) {
        let d = w - *m;
        *m += d * gain;
        *v += d * (w - *m);
    }
}

#[inline(always)]
pub(super) fn add<const L: usize>(x: &mut [f32], y: &[f32], factor: f32) {
    for (x, &y) in x.iter_mut().zip(y) {
        *x += y * factor;
    }
}

#[inline(always)]
pub(super) fn scale<const L: usize>(x: &mut [f32], factor: f32) {
    for x in x {
        *x *= factor;
    }
}

#[inline(always)]
pub(super) fn swap<const L: usize>(a: &mut [f32], b: &mut [f32]) {
    for (a, b) in a.iter_mut().zip(b) {
        core::mem::swap(a, b);
    }
}

/// The largest magnitude as bits, of which NaN has more than infinity and infinity more than any number.
#[inline(always)]
pub(super) fn largest<const L: usize>(x: &[f32]) -> f32 {
    inner::largest(x)
}
