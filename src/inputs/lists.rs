//! Lists of what is not zero in a batch, in a workspace that has memory for them.

use crate::error::{Buffer, Error};
use crate::inputs::batch::Batch;
use crate::inputs::listed::{Listed, Slot, Terms, columns};
use crate::inputs::sets::{Lists, Set, Space};
use crate::kernels::{self, ByteListsMut, CompressedRows, FloatListsMut};
use crate::network::spec::Spec;
use crate::slices::{cut_mut, numbered, rows_mut};

pub(crate) static LISTS: Lists =
    Lists { check: check_lists, floats: list_floats, bytes: list_bytes, sparse: list_sparse };

/// Shorter only when made for another network.
fn check_lists(spec: &Spec, samples: usize, floats: &[f32], integers: &[u32]) -> Result<(), Error> {
    let enough = |buffer, needed, got| if got >= needed { Ok(()) } else { Err(Error::Length { buffer, needed, got }) };
    enough(Buffer::Lists, spec.list_len(samples), floats.len())?;
    enough(Buffer::Index, spec.index_len(samples), integers.len())
}

fn list_floats<'s, 'w>(
    x: &'w [f32],
    n: usize,
    width: usize,
    space: Space<'w>,
    training: bool,
    slot: &'s mut Slot<'w>,
) -> Batch<'s> {
    if kernels::prefers_no_lists(kernels::count_floats(x), n.saturating_mul(width)) {
        return slot.floats(x, n, space.several);
    }
    let (ByteListsMut { starts, terms: indices }, rest) = places(space.integers, n, width);
    let mut lists = FloatListsMut { starts, indices, values: space.floats };
    kernels::list_floats(x, width, &mut lists);
    let lists = lists.finish();
    let columns = columns(rest, n, width, training, |groups, masks| kernels::mark_floats(&lists, groups, masks));
    slot.lists(Listed { terms: Terms::Floats(lists), columns })
}

fn list_bytes<'s, 'w>(
    set: &'s Set<'w>,
    width: usize,
    space: Space<'w>,
    training: bool,
    slot: &'s mut Slot<'w>,
) -> Batch<'s> {
    let (x, n) = (set.byte_rows(width), set.pick.len());
    if kernels::prefers_no_lists(kernels::count_bytes(&x), n.saturating_mul(width)) {
        let values = cut_mut(space.floats, n.saturating_mul(width)).0;
        for (to, &row) in rows_mut(&mut *values, width).zip(x.pick) {
            kernels::scale_bytes(x.row(row), x.scale, to);
        }
        return slot.floats(values, n, space.several);
    }
    let (mut lists, rest) = places(space.integers, n, width);
    kernels::list_bytes(&x, &mut lists);
    slot.lists(Listed::of_bytes(lists.finish(x.scale), rest, n, width, training))
}

fn list_sparse<'s, 'w>(
    set: &'s Set<'w>,
    width: usize,
    space: Space<'w>,
    training: bool,
    slot: &'s mut Slot<'w>,
) -> Batch<'s> {
    let (x, n) = (set.compressed_rows(), set.pick.len());
    if kernels::prefers_no_lists(x.count(), n.saturating_mul(width)) {
        return slot.floats(expand(&x, n, width, space.floats), n, space.several);
    }
    if !training {
        return Batch::Many(set);
    }
    let (mut lists, rest) = places(space.integers, n, width);
    kernels::list_compressed(&x, &mut lists);
    slot.lists(Listed::of_bytes(lists.finish(x.scale), rest, n, width, training))
}

/// Places for lists of `n` samples, and what is left, for their columns.
fn places(integers: &mut [u32], n: usize, width: usize) -> (ByteListsMut<'_>, &mut [u32]) {
    let (starts, integers) = cut_mut(integers, n.wrapping_add(1));
    let (terms, rest) = cut_mut(integers, n.saturating_mul(width).saturating_add(kernels::SLACK));
    (ByteListsMut { starts, terms }, rest)
}

/// The rows of a compressed set as floats, in `values`.
fn expand<'w>(x: &CompressedRows<'_>, n: usize, width: usize, values: &'w mut [f32]) -> &'w [f32] {
    let values = cut_mut(values, n.saturating_mul(width)).0;
    for (i, to) in numbered(0, rows_mut(&mut *values, width)) {
        kernels::clear(to);
        let (positions, bytes) = x.picked(i);
        for (&p, &b) in positions.iter().zip(bytes) {
            if let Some(to) = to.get_mut(usize::from(p)) {
                *to = f32::from(b) * x.scale;
            }
        }
    }
    values
}
