//! Weighted sums of the rows that lists name, in registers.

use super::CompressedRows;
use super::arguments::range;
use super::lists::{ByteLists, Columns, FloatLists, GROUP};
use super::registers::{TILE, add_scaled, start_rows};
use crate::slices::{cut, cut_mut, numbered, rows_mut};
use core::cell::Cell;
use core::iter::Zip;
use core::slice::Iter;

/// Lists as pairs of index and value.
trait Source {
    /// List `i`.
    fn list(&self, i: usize) -> impl Iterator<Item = (u32, f32)>;
}

/// Lists whose values can be read one by one.
trait Places {
    /// Where each list begins.
    fn starts(&self) -> &[u32];

    /// The value at place `at` of all lists.
    fn value(&self, at: usize) -> Option<f32>;
}

/// The terms of [`FloatLists`].
struct Floats<'a>(Zip<Iter<'a, u32>, Iter<'a, f32>>);

impl Iterator for Floats<'_> {
    type Item = (u32, f32);

    #[inline(always)]
    fn next(&mut self) -> Option<(u32, f32)> {
        self.0.next().map(|(&index, &value)| (index, value))
    }
}

impl Source for FloatLists<'_> {
    #[inline(always)]
    fn list(&self, i: usize) -> impl Iterator<Item = (u32, f32)> {
        let range = range(self.starts, i);
        let indices = self.indices.get(range.clone()).unwrap_or(&[]);
        Floats(indices.iter().zip(self.values.get(range).unwrap_or(&[])))
    }
}

impl Places for FloatLists<'_> {
    #[inline(always)]
    fn starts(&self) -> &[u32] {
        self.starts
    }

    #[inline(always)]
    fn value(&self, at: usize) -> Option<f32> {
        self.values.get(at).copied()
    }
}

/// Lists of bytes and the value of each byte.
struct Valued<'a, T> {
    lists: &'a T,
    values: [f32; 256],
}

impl<'a, T> Valued<'a, T> {
    #[inline(always)]
    fn new(lists: &'a T, scale: f32) -> Self {
        let mut values = [0.0; 256];
        for (byte, value) in numbered(0, &mut values) {
            *value = byte as f32 * scale;
        }
        Self { lists, values }
    }
}

/// The terms of [`ByteLists`].
struct Bytes<'a> {
    terms: Iter<'a, u32>,
    values: &'a [f32; 256],
}

impl Iterator for Bytes<'_> {
    type Item = (u32, f32);

    #[inline(always)]
    fn next(&mut self) -> Option<(u32, f32)> {
        let term = self.terms.next()?;
        Some((term >> 8, self.values[(term & 0xff) as usize]))
    }
}

impl Source for Valued<'_, ByteLists<'_>> {
    #[inline(always)]
    fn list(&self, i: usize) -> impl Iterator<Item = (u32, f32)> {
        let terms = self.lists.terms.get(range(self.lists.starts, i)).unwrap_or(&[]);
        Bytes { terms: terms.iter(), values: &self.values }
    }
}

impl Places for Valued<'_, ByteLists<'_>> {
    #[inline(always)]
    fn starts(&self) -> &[u32] {
        self.lists.starts
    }

    #[inline(always)]
    fn value(&self, at: usize) -> Option<f32> {
        self.lists.terms.get(at).map(|term| self.values[(term & 0xff) as usize])
    }
}

/// The terms of [`CompressedRows`].
struct Compressed<'a> {
    places: Zip<Iter<'a, u16>, Iter<'a, u8>>,
    values: &'a [f32; 256],
}

impl Iterator for Compressed<'_> {
    type Item = (u32, f32);

    #[inline(always)]
    fn next(&mut self) -> Option<(u32, f32)> {
        let (&position, &byte) = self.places.next()?;
        Some((position.into(), self.values[usize::from(byte)]))
    }
}

impl Source for Valued<'_, CompressedRows<'_>> {
    #[inline(always)]
    fn list(&self, i: usize) -> impl Iterator<Item = (u32, f32)> {
        let (positions, bytes) = self.lists.picked(i);
        Compressed { places: positions.iter().zip(bytes), values: &self.values }
    }
}

#[inline(always)]
pub(super) fn forward_listed_floats<const L: usize>(x: &FloatLists<'_>, weights: &[f32], bias: &[f32], z: &mut [f32]) {
    forward::<L>(x, weights, bias, z);
}

#[inline(always)]
pub(super) fn forward_listed_bytes<const L: usize>(x: &ByteLists<'_>, weights: &[f32], bias: &[f32], z: &mut [f32]) {
    forward::<L>(&Valued::new(x, x.scale), weights, bias, z);
}

#[inline(always)]
pub(super) fn forward_compressed<const L: usize>(x: &CompressedRows<'_>, weights: &[f32], bias: &[f32], z: &mut [f32]) {
    forward::<L>(&Valued::new(x, x.scale), weights, bias, z);
}

#[inline(always)]
pub(super) fn listed_float_rows<const L: usize>(
    g: &mut [f32],
    a: (&FloatLists<'_>, &Columns<'_>),
    first: usize,
    d: &[f32],
    width: usize,
    fresh: bool,
) {
    gradient::<L>(g, a, first, d, width, fresh);
}

#[inline(always)]
pub(super) fn listed_byte_rows<const L: usize>(
    g: &mut [f32],
    (lists, columns): (&ByteLists<'_>, &Columns<'_>),
    first: usize,
    d: &[f32],
    width: usize,
    fresh: bool,
) {
    gradient::<L>(g, (&Valued::new(lists, lists.scale), columns), first, d, width, fresh);
}

#[inline(always)]
fn forward<const L: usize>(x: &impl Source, weights: &[f32], bias: &[f32], z: &mut [f32]) {
    let width = bias.len();
    start_rows(z, bias);
    let mut at = 0;
    while at < width {
        at += match tile_width::<L>(width - at) {
            n if n == TILE * L => forward_tiles::<TILE, L>(x, weights, z, at, width),
            n if n == TILE / 2 * L => forward_tiles::<{ TILE / 2 }, L>(x, weights, z, at, width),
            n if n == L => forward_tiles::<1, L>(x, weights, z, at, width),
            2 => forward_tiles::<1, 2>(x, weights, z, at, width),
            _ => forward_tiles::<1, 1>(x, weights, z, at, width),
        };
    }
}

/// `R·L` columns of [`forward`] from `at` on, which the second cache may hold; returns their number.
#[inline(always)]
fn forward_tiles<const R: usize, const L: usize>(
    x: &impl Source,
    weights: &[f32],
    z: &mut [f32],
    at: usize,
    width: usize,
) -> usize {
    let columns = cut(weights, at).1;
    for (s, z) in numbered(0, rows_mut(z, width)) {
        tile::<R, L>(cut_mut(z, at).1, x.list(s), columns, width, false);
    }
    R * L
}

/// `g[k] = Σ_s a[s][k]·d[s]` for the columns from `first` on, or `+=` where not `fresh`; calls go from the first column
/// on, without gaps.
#[inline(always)]
fn gradient<const L: usize>(
    g: &mut [f32],
    (lists, columns): (&impl Places, &Columns<'_>),
    first: usize,
    d: &[f32],
    width: usize,
    fresh: bool,
) {
    if first == 0 {
        columns.rewind(lists.starts());
    }
    let mut at = 0;
    while at < width {
        let (begin, cursors) = columns.cursors();
        for (cursor, begin) in cursors.iter().zip(begin) {
            cursor.set(begin.get());
        }
        at += match tile_width::<L>(width - at) {
            n if n == TILE * L => gradient_tiles::<TILE, L>(g, (lists, columns), first, d, (at, width), fresh),
            n if n == TILE / 2 * L => {
                gradient_tiles::<{ TILE / 2 }, L>(g, (lists, columns), first, d, (at, width), fresh)
            }
            n if n == L => gradient_tiles::<1, L>(g, (lists, columns), first, d, (at, width), fresh),
            2 => gradient_tiles::<1, 2>(g, (lists, columns), first, d, (at, width), fresh),
            _ => gradient_tiles::<1, 1>(g, (lists, columns), first, d, (at, width), fresh),
        };
    }
    columns.advance();
}

/// `R·L` columns of [`gradient`] from `at` on; returns their number.
#[inline(always)]
fn gradient_tiles<const R: usize, const L: usize>(
    g: &mut [f32],
    (lists, columns): (&impl Places, &Columns<'_>),
    first: usize,
    d: &[f32],
    (at, width): (usize, usize),
    fresh: bool,
) -> usize {
    let mut masks = cut(columns.masks, first.wrapping_mul(columns.groups)).1;
    let d = cut(d, at).1;
    for g in rows_mut(g, width) {
        let here;
        (here, masks) = cut(masks, columns.groups);
        let g = cut_mut(g, at).1;
        let (mut d, mut cursors, mut fresh) = (d, columns.cursors().1, fresh);
        for &[low, high] in here {
            let mask = u64::from(high) << 32 | u64::from(low);
            tile::<R, L>(g, Lit { mask, cursors, lists }, d, width, fresh);
            fresh = false;
            (d, cursors) = (cut(d, GROUP.wrapping_mul(width)).1, cut(cursors, GROUP).1);
        }
    }
    R * L
}

/// The rows that a mask names, with their values at the cursors, which it advances.
struct Lit<'a, S> {
    mask: u64,
    cursors: &'a [Cell<u32>],
    lists: &'a S,
}

impl<S: Places> Iterator for Lit<'_, S> {
    type Item = (u32, f32);

    #[inline(always)]
    fn next(&mut self) -> Option<(u32, f32)> {
        if self.mask == 0 {
            return None;
        }
        let row = self.mask.trailing_zeros();
        self.mask &= self.mask - 1;
        let cursor = self.cursors.get(row as usize)?;
        let at = cursor.get();
        cursor.set(at.wrapping_add(1));
        Some((row, self.lists.value(at as usize)?))
    }
}

/// Columns of the next tile where `rest` are left.
#[inline(always)]
fn tile_width<const L: usize>(rest: usize) -> usize {
    match rest {
        n if n >= TILE * L => TILE * L,
        n if n >= TILE / 2 * L => TILE / 2 * L,
        n if n >= L => L,
        n => n.min(2),
    }
}

/// The first `R·L` columns of `out = Σ_i values[i]·matrix[indices[i]]`, or `+=` where not `fresh`, in registers.
#[inline(always)]
fn tile<const R: usize, const L: usize>(
    out: &mut [f32],
    terms: impl Iterator<Item = (u32, f32)>,
    columns: &[f32],
    width: usize,
    fresh: bool,
) {
    if let Some(out) = out.as_chunks_mut::<L>().0.first_chunk_mut::<R>() {
        let mut acc = if fresh { [[0.0; L]; R] } else { *out };
        // Widths have 16 bits: the compiler sees that no offset overflows, and compares once.
        let width = width & 0xffff;
        for (index, value) in terms {
            let offset = (index as usize).wrapping_mul(width);
            let Some(row) = columns.get(offset..offset.wrapping_add(R * L)) else { break };
            let Some(row) = row.as_chunks::<L>().0.first_chunk::<R>() else { break };
            for (acc, row) in acc.iter_mut().zip(row) {
                add_scaled(acc, value, row);
            }
        }
        *out = acc;
    }
}
