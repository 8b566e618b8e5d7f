//! Loops over lists of non-zero coefficients: found once a batch, used by the forward pass and, transposed, by the
//! gradient.

use super::{ByteRows, TILE, add_scaled, cut, cut_mut, padded, rows, rows_mut};

/// The non-zero elements of a matrix, row by row: row `i` has `values[starts[i]..starts[i + 1]]` at the columns in
/// `indices`, ascending.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lists<'a> {
    pub starts: &'a [u32],
    pub indices: &'a [u32],
    pub values: &'a [f32],
}

/// [`Lists`] under construction.
#[derive(Debug)]
pub(crate) struct ListsMut<'a> {
    pub starts: &'a mut [u32],
    pub indices: &'a mut [u32],
    pub values: &'a mut [f32],
}

impl<'a> Lists<'a> {
    /// The largest magnitude of a value.
    pub(crate) fn largest(&self) -> f32 {
        let end = self.starts.last().map_or(0, |&end| end as usize);
        super::largest(cut(self.values, end).0)
    }

    #[inline(always)]
    fn row(&self, i: usize) -> (&'a [u32], &'a [f32]) {
        let bound = |i: usize| self.starts.get(i).map_or(0, |&s| s as usize);
        let range = bound(i)..bound(i + 1);
        (self.indices.get(range.clone()).unwrap_or(&[]), self.values.get(range).unwrap_or(&[]))
    }
}

impl<'a> ListsMut<'a> {
    /// The finished lists.
    pub(crate) fn finish(self) -> Lists<'a> {
        Lists { starts: self.starts, indices: self.indices, values: self.values }
    }

    /// Notes where row `i` begins.
    #[inline(always)]
    pub(crate) fn begin(&mut self, i: usize, n: usize) {
        if let Some(start) = self.starts.get_mut(i) {
            *start = n as u32;
        }
    }

    /// Appends the non-zero ones of eight neighbours; eight places beyond `n` must be left. Returns the new length.
    #[inline(always)]
    fn push(&mut self, n: usize, first: u32, group: [f32; 8]) -> usize {
        let places =
            (cut_mut(self.indices, n).1.first_chunk_mut::<8>(), cut_mut(self.values, n).1.first_chunk_mut::<8>());
        let (Some(indices), Some(values)) = places else { return n };
        let mut found = 0;
        for (l, x) in group.into_iter().enumerate() {
            // Without a branch an element: a processor cannot foresee which pixels are lit.
            indices[found & 7] = first + l as u32;
            values[found & 7] = x;
            found += usize::from(x != 0.0);
        }
        n + found
    }
}

/// Places that a list needs beyond its elements.
pub(crate) const SLACK: usize = 8;

/// Lists the non-zero elements of `x`, rows of `width`.
#[inline(always)]
pub(super) fn list_floats<const L: usize>(x: &[f32], width: usize, lists: &mut ListsMut<'_>) {
    let mut n = 0;
    for (s, row) in rows(x, width).enumerate() {
        lists.begin(s, n);
        let (groups, tail) = row.as_chunks::<8>();
        let mut at = 0;
        for group in groups {
            // Images are dark in long runs.
            if group.iter().fold(0, |or, x| or | x.to_bits()) != 0 {
                n = lists.push(n, at, *group);
            }
            at += 8;
        }
        n = lists.push(n, at, padded(tail));
        lists.begin(s + 1, n);
    }
}

/// Lists the non-zero bytes of `x`, times its scale.
#[inline(always)]
pub(super) fn list_bytes<const L: usize>(x: &ByteRows<'_>, lists: &mut ListsMut<'_>) {
    let mut n = 0;
    for (s, &row) in x.pick.iter().enumerate() {
        lists.begin(s, n);
        let (groups, tail) = x.row(row).as_chunks::<8>();
        let mut at = 0;
        for group in groups {
            if u64::from_ne_bytes(*group) != 0 {
                n = lists.push(n, at, group.map(|b| f32::from(b) * x.scale));
            }
            at += 8;
        }
        n = lists.push(n, at, padded(tail).map(|b| f32::from(b) * x.scale));
        lists.begin(s + 1, n);
    }
}

#[inline(always)]
pub(super) fn widen<const L: usize>(from: &[u16], to: &mut [u32]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to = u32::from(from));
}

#[inline(always)]
pub(super) fn scale_bytes<const L: usize>(from: &[u8], scale: f32, to: &mut [f32]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to = f32::from(from) * scale);
}

#[inline(always)]
pub(super) fn count_floats<const L: usize>(x: &[f32]) -> usize {
    x.iter().map(|&x| u32::from(x != 0.0)).sum::<u32>() as usize
}

#[inline(always)]
pub(super) fn count_bytes<const L: usize>(x: &ByteRows<'_>) -> usize {
    let mut count = 0;
    for &row in x.pick {
        count += x.row(row).iter().map(|&b| u32::from(b != 0)).sum::<u32>() as usize;
    }
    count
}

/// The lists of the transposed matrix, by counting sort: rows stay in order within each column.
#[inline(always)]
pub(super) fn transpose<const L: usize>(from: &Lists<'_>, rows: usize, to: &mut ListsMut<'_>) {
    to.starts.fill(0);
    let total = from.starts.get(rows).map_or(0, |&n| n as usize);
    // Counts of column `c` at `c + 1`, then its start, then, while it fills, its end: the start of the next.
    for &column in cut(from.indices, total).0 {
        if let Some(count) = to.starts.get_mut(column as usize + 1) {
            *count += 1;
        }
    }
    let mut sum = 0;
    for start in to.starts.iter_mut() {
        (*start, sum) = (sum, sum + *start);
    }
    for s in 0..rows {
        let (columns, values) = from.row(s);
        for (&column, &value) in columns.iter().zip(values) {
            let Some(end) = to.starts.get_mut(column as usize + 1) else { continue };
            let at = *end as usize;
            *end += 1;
            if let (Some(index), Some(place)) = (to.indices.get_mut(at), to.values.get_mut(at)) {
                (*index, *place) = (s as u32, value);
            }
        }
    }
}

/// `out[r] = Σ_i values[i]·matrix[indices[i]]` over the list of row `first + r`, or `+=` where not `fresh`: a weighted
/// sum of rows.
#[inline(always)]
pub(super) fn listed_rows<const L: usize>(
    out: &mut [f32],
    lists: &Lists<'_>,
    first: usize,
    matrix: &[f32],
    width: usize,
    fresh: bool,
) {
    let starts = cut(lists.starts, first).1;
    let begin = starts.first().map_or(0, |&start| start as usize);
    let (mut indices, mut values) = (cut(lists.indices, begin).1, cut(lists.values, begin).1);
    let lengths = starts.iter().zip(starts.iter().skip(1)).map(|(a, b)| b.wrapping_sub(*a) as usize);
    for (out, length) in rows_mut(out, width).zip(lengths) {
        let (i, v);
        ((i, indices), (v, values)) = (cut(indices, length), cut(values, length));
        match (fresh, length) {
            (true, 0) => out.fill(0.0),
            (true, _) => weighted_sum::<L, true>(out, i, v, matrix, width),
            (false, _) => weighted_sum::<L, false>(out, i, v, matrix, width),
        }
    }
}

#[inline(always)]
pub(super) fn forward_listed<const L: usize>(lists: &Lists<'_>, weights: &[f32], bias: &[f32], z: &mut [f32]) {
    for (s, z) in rows_mut(z, bias.len()).enumerate() {
        for (z, &b) in z.iter_mut().zip(bias) {
            *z = b;
        }
        let (indices, values) = lists.row(s);
        weighted_sum::<L, false>(z, indices, values, weights, bias.len());
    }
}

/// Columns of the next tile where `rest` are left.
#[inline(always)]
fn tile_width<const L: usize>(rest: usize) -> usize {
    match rest {
        n if n >= TILE * L => TILE * L,
        n if n >= TILE / 2 * L => TILE / 2 * L,
        n if n >= L => L,
        2.. => 2,
        _ => 1,
    }
}

/// [`tile`] of the given number of columns.
#[inline(always)]
fn tile_of<const L: usize, const FRESH: bool>(
    out: &mut [f32],
    indices: &[u32],
    values: &[f32],
    matrix: &[f32],
    width: usize,
    columns: usize,
) {
    match columns {
        n if n == TILE * L => tile::<TILE, L, FRESH>(out, indices, values, matrix, width),
        n if n == TILE / 2 * L => tile::<{ TILE / 2 }, L, FRESH>(out, indices, values, matrix, width),
        n if n == L => tile::<1, L, FRESH>(out, indices, values, matrix, width),
        2 => tile::<1, 2, FRESH>(out, indices, values, matrix, width),
        _ => tile::<1, 1, FRESH>(out, indices, values, matrix, width),
    }
}

/// `out = Σ_i values[i]·matrix[indices[i]]`, or `+=` where it is not `FRESH`.
#[inline(always)]
fn weighted_sum<const L: usize, const FRESH: bool>(
    out: &mut [f32],
    indices: &[u32],
    values: &[f32],
    matrix: &[f32],
    width: usize,
) {
    let mut at = 0;
    while at < out.len() {
        let columns = tile_width::<L>(out.len() - at);
        tile_of::<L, FRESH>(cut_mut(out, at).1, indices, values, cut(matrix, at).1, width, columns);
        at += columns;
    }
}

/// `R·L` columns of [`weighted_sum`], in registers.
#[inline(always)]
fn tile<const R: usize, const L: usize, const FRESH: bool>(
    out: &mut [f32],
    indices: &[u32],
    values: &[f32],
    columns: &[f32],
    width: usize,
) {
    let Some(out) = out.as_chunks_mut::<L>().0.first_chunk_mut::<R>() else { return };
    let mut acc = if FRESH { [[0.0; L]; R] } else { *out };
    for (&i, &c) in indices.iter().zip(values) {
        let Some(row) = columns.get((i as usize).wrapping_mul(width)..) else { break };
        let Some(row) = row.as_chunks::<L>().0.first_chunk::<R>() else { break };
        for (acc, row) in acc.iter_mut().zip(row) {
            add_scaled(acc, c, row);
        }
    }
    *out = acc;
}
