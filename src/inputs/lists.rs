//! Lists of what is not zero in a batch, in a workspace that has memory for them.

use crate::error::{Buffer, Error};
use crate::inputs::batch::{Batch, Floats, Many, Several};
use crate::kernels::{self, ByteLists, ByteListsMut, ByteRows, Columns, CompressedRows, FloatLists, FloatListsMut};
use crate::network::layout::Shape;
use crate::network::spec::Spec;
use crate::slices::{cut_mut, numbered, rows_mut};
use core::cell::Cell;

/// Memory for the lists of a batch, with what the caller gave of it.
pub(crate) struct Space<'w> {
    pub floats: &'w mut [f32],
    pub integers: &'w mut [u32],
    pub lists: Option<&'static Lists>,
    /// What several samples of floats need, where there are several.
    pub several: Option<Several>,
}

impl<'w> Space<'w> {
    /// Sets a block for gradients apart from the lists of `n` samples: `row` where there are no lists.
    pub(crate) fn split_block(&mut self, n: usize, spec: &Spec, row: &'w mut [f32]) -> &'w mut [f32] {
        let lists = n.saturating_mul(spec.inputs()).saturating_add(kernels::SLACK);
        let (floats, block) = cut_mut(core::mem::take(&mut self.floats), lists);
        self.floats = floats;
        if block.len() > row.len() { block } else { row }
    }
}

/// A place for what a [`Batch`] refers to, where samples do not lie as the kernels read them.
#[derive(Default)]
pub(crate) struct Slot<'a> {
    floats: Option<Floats<'a>>,
    lists: Option<Listed<'a>>,
}

impl<'a> Slot<'a> {
    /// Floats of one sample, or of as many as `several` is there for.
    pub(crate) fn floats(&mut self, x: &'a [f32], several: Option<Several>) -> Batch<'_> {
        self.floats.insert(Floats(x)).batch(several)
    }

    /// Lists of what is not zero.
    pub(crate) fn lists(&mut self, listed: Listed<'a>) -> Batch<'_> {
        Batch::Many(self.lists.insert(listed))
    }
}

/// What makes batches with lists of each kind of samples, where lists are worth it; linked with memory for them.
#[derive(Debug)]
pub(crate) struct Lists {
    /// Whether there is enough memory for the lists of so many samples.
    pub check: Check,
    pub floats: for<'s, 'w> fn(&'w [f32], usize, usize, Space<'w>, bool, &'s mut Slot<'w>) -> Batch<'s>,
    pub bytes: for<'s, 'w> fn(ByteRows<'w>, Space<'w>, bool, &'s mut Slot<'w>) -> Batch<'s>,
    /// None where rows are best read as they are.
    pub sparse: for<'s, 'w> fn(CompressedRows<'w>, usize, Space<'w>, bool, &'s mut Slot<'w>) -> Option<Batch<'s>>,
}

type Check = fn(&Spec, usize, &[f32], &[u32]) -> Result<(), Error>;

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
        return slot.floats(x, space.several);
    }
    let (ByteListsMut { starts, terms: indices }, rest) = places(space.integers, n, width);
    let mut lists = FloatListsMut { starts, indices, values: space.floats };
    kernels::list_floats(x, width, &mut lists);
    let lists = lists.finish();
    let columns = columns(rest, n, width, training, |groups, masks| kernels::mark_floats(&lists, groups, masks));
    slot.lists(Listed { terms: Terms::Floats(lists), columns })
}

fn list_bytes<'s, 'w>(x: ByteRows<'w>, space: Space<'w>, training: bool, slot: &'s mut Slot<'w>) -> Batch<'s> {
    let (n, width) = (x.pick.len(), x.width);
    if kernels::prefers_no_lists(kernels::count_bytes(&x), n.saturating_mul(width)) {
        let values = cut_mut(space.floats, n.saturating_mul(width)).0;
        for (to, &row) in rows_mut(&mut *values, width).zip(x.pick) {
            kernels::scale_bytes(x.row(row), x.scale, to);
        }
        return slot.floats(values, space.several);
    }
    let (mut lists, rest) = places(space.integers, n, width);
    kernels::list_bytes(&x, &mut lists);
    slot.lists(Listed::of_bytes(lists.finish(x.scale), rest, n, width, training))
}

fn list_sparse<'s, 'w>(
    x: CompressedRows<'w>,
    width: usize,
    space: Space<'w>,
    training: bool,
    slot: &'s mut Slot<'w>,
) -> Option<Batch<'s>> {
    let n = x.pick.len();
    if kernels::prefers_no_lists(x.count(), n.saturating_mul(width)) {
        return Some(slot.floats(expand(&x, n, width, space.floats), space.several));
    }
    if !training {
        return None;
    }
    let (mut lists, rest) = places(space.integers, n, width);
    kernels::list_compressed(&x, &mut lists);
    Some(slot.lists(Listed::of_bytes(lists.finish(x.scale), rest, n, width, training)))
}

/// Lists for the forward pass; for the gradient also column by column.
pub(crate) struct Listed<'a> {
    terms: Terms<'a>,
    columns: Columns<'a>,
}

enum Terms<'a> {
    Floats(FloatLists<'a>),
    Bytes(ByteLists<'a>),
}

impl<'a> Listed<'a> {
    fn of_bytes(lists: ByteLists<'a>, rest: &'a mut [u32], n: usize, width: usize, training: bool) -> Self {
        let columns = columns(rest, n, width, training, |groups, masks| kernels::mark_bytes(&lists, groups, masks));
        Self { terms: Terms::Bytes(lists), columns }
    }
}

impl Many for Listed<'_> {
    fn forward(&self, _: Shape, weights: &[f32], bias: &[f32], z: &mut [f32]) {
        match &self.terms {
            Terms::Floats(lists) => kernels::forward_listed_floats(lists, weights, bias, z),
            Terms::Bytes(lists) => kernels::forward_listed_bytes(lists, weights, bias, z),
        }
    }

    fn gradient(&self, shape: Shape, first: usize, deltas: &[f32], g: &mut [f32], fresh: bool) {
        let (columns, width) = (&self.columns, shape.outputs());
        match &self.terms {
            Terms::Floats(lists) => kernels::listed_float_rows(g, (lists, columns), first, deltas, width, fresh),
            Terms::Bytes(lists) => kernels::listed_byte_rows(g, (lists, columns), first, deltas, width, fresh),
        }
    }
}

/// Places for lists of `n` samples, and what is left, for their columns.
fn places(integers: &mut [u32], n: usize, width: usize) -> (ByteListsMut<'_>, &mut [u32]) {
    let (starts, integers) = cut_mut(integers, n.wrapping_add(1));
    let (terms, rest) = cut_mut(integers, n.saturating_mul(width).saturating_add(kernels::SLACK));
    (ByteListsMut { starts, terms }, rest)
}

/// The columns of lists of `n` samples, in `integers`, with masks that `mark` sets; none where nothing is trained.
fn columns<'w>(
    integers: &'w mut [u32],
    n: usize,
    width: usize,
    training: bool,
    mark: impl FnOnce(usize, &mut [[u32; 2]]),
) -> Columns<'w> {
    if !training {
        return Columns::default();
    }
    let groups = n.div_ceil(kernels::GROUP);
    let (cursors, masks) = cut_mut(integers, n.wrapping_mul(2));
    let masks = cut_mut(masks.as_chunks_mut().0, width.saturating_mul(groups)).0;
    mark(groups, masks);
    Columns { masks, cursors: Cell::from_mut(cursors).as_slice_of_cells(), groups }
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
