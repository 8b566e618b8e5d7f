//! Lists of what is not zero in a batch, in a workspace that has memory for them.

use crate::error::{Buffer, Error};
use crate::inputs::batch::{Listed, Many, Rows};
use crate::inputs::sets::{Form, compressed};
use crate::kernels::{self, ByteLists, ByteListsMut, ByteRows, Columns, CompressedRows, FloatListsMut};
use crate::network::spec::Spec;
use crate::slices::{cut_mut, numbered, rows_mut};
use core::cell::Cell;

/// Memory for the lists of a batch, with what the caller gave of it.
#[derive(Debug)]
pub(crate) struct ListSpace<'w> {
    pub floats: &'w mut [f32],
    pub integers: &'w mut [u32],
    pub lists: Option<&'static Lists>,
    /// What several samples of floats need.
    pub many: Option<Many>,
}

impl<'w> ListSpace<'w> {
    /// Sets a block for gradients apart from the lists of `n` samples: `row` where there are no lists.
    pub(crate) fn split_block(&mut self, n: usize, spec: &Spec, row: &'w mut [f32]) -> &'w mut [f32] {
        let lists = n.saturating_mul(spec.inputs()).saturating_add(kernels::SLACK);
        let (floats, block) = cut_mut(core::mem::take(&mut self.floats), lists);
        self.floats = floats;
        if block.len() > row.len() { block } else { row }
    }
}

/// What makes lists, in a workspace that has memory for them.
#[derive(Debug)]
pub(crate) struct Lists {
    /// Whether there is enough memory for the lists of so many samples.
    pub check: CheckLists,
    pub floats: for<'s, 'w> fn(&'w [f32], usize, usize, ListSpace<'w>, bool, &'s mut Form<'w>) -> Rows<'s>,
    pub bytes: for<'s, 'w> fn(ByteRows<'w>, ListSpace<'w>, bool, &'s mut Form<'w>) -> Rows<'s>,
    pub sparse: for<'s, 'w> fn(CompressedRows<'w>, usize, ListSpace<'w>, bool, &'s mut Form<'w>) -> Rows<'s>,
}

pub(crate) static LISTS: Lists =
    Lists { check: check_lists, floats: list_floats, bytes: list_bytes, sparse: list_sparse };

type CheckLists = fn(&Spec, usize, &[f32], &[u32]) -> Result<(), Error>;

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
    space: ListSpace<'w>,
    training: bool,
    form: &'s mut Form<'w>,
) -> Rows<'s> {
    if kernels::prefers_no_lists(kernels::count_floats(x), n.saturating_mul(width)) {
        return form.floats(x, n, space.many);
    }
    let (ByteListsMut { starts, terms: indices }, columns_space) = space_of(space.integers, n, width, training);
    let mut lists = FloatListsMut { starts, indices, values: space.floats };
    kernels::list_floats(x, width, &mut lists);
    let lists = lists.finish();
    let mark = |groups, masks: &mut [[u32; 2]]| kernels::mark_floats(&lists, groups, masks);
    let columns = columns_space.map(|space| columns(space, n, width, mark));
    *form = Form::ListedFloats(Listed { lists, columns });
    if let Form::ListedFloats(x) = form { Rows::Batch(x) } else { Rows::One(&[]) }
}

fn list_bytes<'s, 'w>(x: ByteRows<'w>, space: ListSpace<'w>, training: bool, form: &'s mut Form<'w>) -> Rows<'s> {
    let (n, width) = (x.pick.len(), x.width);
    if kernels::prefers_no_lists(kernels::count_bytes(&x), n.saturating_mul(width)) {
        let values = cut_mut(space.floats, n.saturating_mul(width)).0;
        for (to, &row) in rows_mut(&mut *values, width).zip(x.pick) {
            kernels::scale_bytes(x.row(row), x.scale, to);
        }
        return form.floats(values, n, space.many);
    }
    let (mut lists, columns_space) = space_of(space.integers, n, width, training);
    kernels::list_bytes(&x, &mut lists);
    listed_bytes(lists.finish(x.scale), columns_space, n, width, form)
}

fn list_sparse<'s, 'w>(
    x: CompressedRows<'w>,
    width: usize,
    space: ListSpace<'w>,
    training: bool,
    form: &'s mut Form<'w>,
) -> Rows<'s> {
    let n = x.pick.len();
    if kernels::prefers_no_lists(x.count(), n.saturating_mul(width)) {
        return form.floats(expand(&x, n, width, space.floats), n, space.many);
    }
    if !training {
        return compressed(x, form);
    }
    let (mut lists, columns_space) = space_of(space.integers, n, width, training);
    kernels::list_compressed(&x, &mut lists);
    listed_bytes(lists.finish(x.scale), columns_space, n, width, form)
}

/// Places for lists of `n` samples, and for training what is left, for their columns.
fn space_of(integers: &mut [u32], n: usize, width: usize, training: bool) -> (ByteListsMut<'_>, Option<&mut [u32]>) {
    let (starts, integers) = cut_mut(integers, n.wrapping_add(1));
    let (terms, integers) = cut_mut(integers, n.saturating_mul(width).saturating_add(kernels::SLACK));
    (ByteListsMut { starts, terms }, training.then_some(integers))
}

/// Lists of bytes, for training with columns in `space`.
fn listed_bytes<'s, 'w>(
    lists: ByteLists<'w>,
    space: Option<&'w mut [u32]>,
    n: usize,
    width: usize,
    form: &'s mut Form<'w>,
) -> Rows<'s> {
    let mark = |groups, masks: &mut [[u32; 2]]| kernels::mark_bytes(&lists, groups, masks);
    let columns = space.map(|space| columns(space, n, width, mark));
    *form = Form::ListedBytes(Listed { lists, columns });
    if let Form::ListedBytes(x) = form { Rows::Batch(x) } else { Rows::One(&[]) }
}

/// The columns of lists of `n` samples, in `integers`, with masks that `mark` sets.
fn columns<'w>(
    integers: &'w mut [u32],
    n: usize,
    width: usize,
    mark: impl FnOnce(usize, &mut [[u32; 2]]),
) -> Columns<'w> {
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
