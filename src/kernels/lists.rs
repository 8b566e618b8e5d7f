//! Lists of the non-zero elements of a batch: found once, used by the forward pass and, column by column, by the
//! gradient.

use super::arguments::{ByteRows, CompressedRows, range};
use crate::slices::{cut, cut_mut, numbered, padded, rows};
use core::cell::Cell;

/// The non-zero elements of a matrix of floats, row by row: row `i` has `values[starts[i]..starts[i + 1]]` at the
/// columns in `indices`, ascending.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FloatLists<'a> {
    pub starts: &'a [u32],
    pub indices: &'a [u32],
    pub values: &'a [f32],
}

/// The non-zero elements of a matrix of bytes, each of which stands for byte · `scale`: as [`FloatLists`], with index
/// and byte in one integer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByteLists<'a> {
    pub starts: &'a [u32],
    /// `index << 8 | byte`.
    pub terms: &'a [u32],
    pub scale: f32,
}

/// The same matrix column by column: which rows are lit in each, and how far each row's list has been read. Columns are
/// read once each, ascending, so that a row's next element stands at its cursor and no transposed lists are needed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Columns<'a> {
    /// `groups` masks for each column; bit `s` of mask `i` for row `64·i + s`, low word first.
    pub masks: &'a [[u32; 2]],
    pub cursors: &'a [Cell<u32>],
    pub groups: usize,
}

/// Rows in a mask.
pub(crate) const GROUP: usize = 64;

/// [`FloatLists`] under construction.
#[derive(Debug)]
pub(crate) struct FloatListsMut<'a> {
    pub starts: &'a mut [u32],
    pub indices: &'a mut [u32],
    pub values: &'a mut [f32],
}

/// [`ByteLists`] under construction.
#[derive(Debug)]
pub(crate) struct ByteListsMut<'a> {
    pub starts: &'a mut [u32],
    pub terms: &'a mut [u32],
}

/// Places that lists need beyond their elements: eight, and eight more so that the block of gradients behind the values
/// keeps their alignment where `n·inputs` is a multiple of 16.
pub(crate) const SLACK: usize = 16;

impl Columns<'_> {
    /// Back to the first column of lists that begin at `starts`.
    pub(super) fn rewind(&self, starts: &[u32]) {
        for (cursor, &start) in self.cursors().0.iter().zip(starts) {
            cursor.set(start);
        }
    }

    /// The cursors at the first column of a call, and those that move.
    pub(super) fn cursors(&self) -> (&[Cell<u32>], &[Cell<u32>]) {
        cut(self.cursors, self.cursors.len() / 2)
    }

    /// The next call begins where this one ended.
    pub(super) fn advance(&self) {
        let (begin, cursors) = self.cursors();
        for (begin, cursor) in begin.iter().zip(cursors) {
            begin.set(cursor.get());
        }
    }
}

impl<'a> FloatListsMut<'a> {
    /// The finished lists.
    pub(crate) fn finish(self) -> FloatLists<'a> {
        FloatLists { starts: self.starts, indices: self.indices, values: self.values }
    }
}

impl<'a> ByteListsMut<'a> {
    /// The finished lists of bytes that stand for byte · `scale`.
    pub(crate) fn finish(self, scale: f32) -> ByteLists<'a> {
        ByteLists { starts: self.starts, terms: self.terms, scale }
    }
}

/// Notes where list `i` begins.
#[inline(always)]
fn begin(starts: &mut [u32], i: usize, n: usize) {
    if let Some(start) = starts.get_mut(i) {
        *start = n as u32;
    }
}

/// Lists the non-zero elements of `x`, rows of `width`.
#[inline(always)]
pub(super) fn list_floats<const L: usize>(x: &[f32], width: usize, lists: &mut FloatListsMut<'_>) {
    let mut n = 0;
    for (s, row) in numbered(0, rows(x, width)) {
        begin(lists.starts, s, n);
        let (groups, tail) = row.as_chunks::<8>();
        let mut at = 0;
        for group in groups {
            // Images are dark in long runs.
            if group.iter().fold(0, |or, x| or | x.to_bits()) != 0 {
                n = push_floats(lists, n, at, *group);
            }
            at = u32::wrapping_add(at, 8);
        }
        n = push_floats(lists, n, at, padded(tail));
        begin(lists.starts, s.wrapping_add(1), n);
    }
}

/// Lists the non-zero bytes of `x`.
#[inline(always)]
pub(super) fn list_bytes<const L: usize>(x: &ByteRows<'_>, lists: &mut ByteListsMut<'_>) {
    let mut n = 0;
    for (s, &row) in numbered(0, x.pick) {
        begin(lists.starts, s, n);
        let (groups, tail) = x.row(row).as_chunks::<8>();
        let mut at = 0;
        for group in groups {
            if u64::from_ne_bytes(*group) != 0 {
                n = push_bytes(lists.terms, n, at, *group);
            }
            at = u32::wrapping_add(at, 8);
        }
        n = push_bytes(lists.terms, n, at, padded(tail));
        begin(lists.starts, s.wrapping_add(1), n);
    }
}

/// Appends the non-zero ones of eight neighbours after `n` elements and returns how many there are now; eight places must
/// be left.
#[inline(always)]
fn push_floats(lists: &mut FloatListsMut<'_>, n: usize, first: u32, group: [f32; 8]) -> usize {
    let places =
        (cut_mut(lists.indices, n).1.first_chunk_mut::<8>(), cut_mut(lists.values, n).1.first_chunk_mut::<8>());
    let (Some(indices), Some(values)) = places else { return n };
    let mut found = 0;
    for (l, x) in numbered(0, group) {
        // Without a branch an element: a processor cannot foresee which pixels are lit.
        indices[found & 7] = first.wrapping_add(l as u32);
        values[found & 7] = x;
        found = usize::wrapping_add(found, usize::from(x != 0.0));
    }
    n.wrapping_add(found)
}

/// As [`push_floats`].
#[inline(always)]
fn push_bytes(terms: &mut [u32], n: usize, first: u32, group: [u8; 8]) -> usize {
    let Some(terms) = cut_mut(terms, n).1.first_chunk_mut::<8>() else { return n };
    let mut found = 0;
    for (l, byte) in numbered(0, group) {
        terms[found & 7] = first.wrapping_add(l as u32) << 8 | u32::from(byte);
        found = usize::wrapping_add(found, usize::from(byte != 0));
    }
    n.wrapping_add(found)
}

/// Lists the rows of a compressed set.
#[inline(always)]
pub(super) fn list_compressed<const L: usize>(x: &CompressedRows<'_>, lists: &mut ByteListsMut<'_>) {
    let mut n = 0;
    for i in 0..x.pick.len() {
        begin(lists.starts, i, n);
        let (positions, bytes) = x.picked(i);
        for ((term, &position), &byte) in cut_mut(lists.terms, n).1.iter_mut().zip(positions).zip(bytes) {
            *term = u32::from(position) << 8 | u32::from(byte);
        }
        n = usize::wrapping_add(n, positions.len());
        begin(lists.starts, i.wrapping_add(1), n);
    }
}

#[inline(always)]
pub(super) fn scale_bytes<const L: usize>(from: &[u8], scale: f32, to: &mut [f32]) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to = f32::from(from) * scale);
}

#[inline(always)]
pub(super) fn count_floats<const L: usize>(x: &[f32]) -> usize {
    // So few at once that 32 bits count them.
    let (groups, tail) = x.as_chunks::<4096>();
    let count = |x: &[f32]| x.iter().fold(0, |n: u32, &x| n.wrapping_add(u32::from(x != 0.0))) as usize;
    groups.iter().fold(count(tail), |n, group| n.wrapping_add(count(group)))
}

#[inline(always)]
pub(super) fn count_columns<const L: usize>(x: &[f32], stride: usize, width: usize) -> usize {
    let (mut count, mut rest) = (0_usize, x);
    while !rest.is_empty() && stride > 0 {
        count = count.wrapping_add(count_floats::<L>(cut(rest, width).0));
        rest = cut(rest, stride).1;
    }
    count
}

#[inline(always)]
pub(super) fn count_bytes<const L: usize>(x: &ByteRows<'_>) -> usize {
    let of_row = |row: &[u8]| row.iter().fold(0, |n: u32, &b| n.wrapping_add(u32::from(b != 0))) as usize;
    x.pick.iter().fold(0_usize, |n, &row| n.wrapping_add(of_row(x.row(row))))
}

/// Sets the bit of each element in the masks of its column; there are `groups` masks for each.
#[inline(always)]
pub(super) fn mark_floats<const L: usize>(lists: &FloatLists<'_>, groups: usize, masks: &mut [[u32; 2]]) {
    mark(lists.starts, lists.indices, |index| index as usize, groups, masks);
}

/// As [`mark_floats`].
#[inline(always)]
pub(super) fn mark_bytes<const L: usize>(lists: &ByteLists<'_>, groups: usize, masks: &mut [[u32; 2]]) {
    mark(lists.starts, lists.terms, |term| (term >> 8) as usize, groups, masks);
}

#[inline(always)]
fn mark(starts: &[u32], terms: &[u32], column: impl Fn(u32) -> usize, groups: usize, masks: &mut [[u32; 2]]) {
    masks.fill([0; 2]);
    for s in 0..starts.len().saturating_sub(1) {
        let (group, word, bit) = (s / GROUP, s / 32 % 2, 1 << (s % 32));
        for &term in terms.get(range(starts, s)).unwrap_or(&[]) {
            if let Some(mask) = masks.get_mut(column(term).wrapping_mul(groups).wrapping_add(group)) {
                mask[word] |= bit;
            }
        }
    }
}
