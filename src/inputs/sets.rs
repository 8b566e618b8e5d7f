//! Samples as they come, made into rows for the kernels: floats, sets of bytes, compressed sets, and lists of what is
//! not zero where a workspace has memory for them.

use crate::error::{Buffer, Error, Setting, Value};
use crate::finite::check_finite;
use crate::inputs::rows::{Floats, Listed, Many, Picked, Rows};
use crate::kernels::{self, ByteLists, ByteListsMut, ByteRows, Columns, CompressedRows, FloatLists, FloatListsMut};
use crate::network::spec::Spec;
use crate::slices::{cut_mut, numbered, picked, rows_mut};
use core::cell::Cell;

/// Samples of bytes, as they lie in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Set<'a> {
    /// All floats; their width is the network's.
    Floats { set: &'a [f32], pick: &'a [u32] },
    /// All bytes likewise.
    Bytes { set: &'a [u8], scale: f32, pick: &'a [u32] },
    /// Without zeros, rows of `inputs`.
    Sparse { rows: CompressedRows<'a>, inputs: usize, samples: usize },
}

/// What is done with a kind of set; each function does nothing with another one.
#[derive(Debug)]
pub(crate) struct SetKind {
    /// Checks shape, indices and numbers; gives the number of samples, and a bound on the magnitude of an input.
    pub check: Check,
    /// The rows of `n` samples, for training also by input; in lists where there is memory for them.
    pub rows: MakeRows,
}

type Check = fn(&Set<'_>, usize) -> Result<(usize, f32), Error>;

type MakeRows =
    for<'s, 'w> fn(&Set<'w>, usize, &Spec, ListSpace<'w>, bool, &'s mut Form<'w>) -> Result<Rows<'s>, Error>;

/// Sets of floats.
pub(crate) static FLOAT_SET: SetKind = SetKind {
    check: |set, width| {
        let Set::Floats { set, pick } = *set else { return Ok((0, 0.0)) };
        let n = check_pick(pick, whole_rows(set.len(), width)?)?;
        let mut bound = 0.0;
        for &row in pick {
            let largest = match check_finite(picked(set, width, row), Value::Input) {
                Err(Error::NonFinite { value, index }) => {
                    let index = (row as usize).saturating_mul(width).saturating_add(index);
                    return Err(Error::NonFinite { value, index });
                }
                checked => checked?,
            };
            bound = if largest > bound { largest } else { bound };
        }
        Ok((n, bound))
    },
    rows: |set, n, spec, space, _, form| {
        let Set::Floats { set, pick } = *set else { return Ok(Rows::One(&[])) };
        let width = spec.inputs();
        if space.lists.is_some() {
            // There is room to gather them.
            let values = cut_mut(space.floats, n.saturating_mul(width)).0;
            for (to, &row) in rows_mut(&mut *values, width).zip(pick) {
                kernels::copy(to, picked(set, width, row));
            }
            return Ok(form.floats(values, n, space.many));
        }
        *form = Form::Picked(Picked { set, width, pick });
        Ok(if let Form::Picked(x) = form { Rows::Batch(x) } else { Rows::One(&[]) })
    },
};

/// Sets of bytes.
pub(crate) static BYTE_SET: SetKind = SetKind {
    check: |set, width| match *set {
        Set::Bytes { set, scale, pick } => {
            check_scale(scale)?;
            Ok((check_pick(pick, whole_rows(set.len(), width)?)?, 255.0 * scale.abs()))
        }
        _ => Ok((0, 0.0)),
    },
    rows: |set, _, spec, space, training, form| {
        let Set::Bytes { set, scale, pick } = *set else { return Ok(Rows::One(&[])) };
        let x = ByteRows { set, width: spec.inputs(), pick, scale };
        Ok(match space.lists {
            Some(lists) => (lists.bytes)(x, space, training, form),
            None => {
                *form = Form::Bytes(x);
                if let Form::Bytes(x) = form { Rows::Batch(x) } else { Rows::One(&[]) }
            }
        })
    },
};

/// Compressed sets.
pub(crate) static SPARSE_SET: SetKind = SetKind {
    check: |set, width| match *set {
        Set::Sparse { rows, inputs, samples } => {
            Error::expect_len(Buffer::Inputs, width, inputs)?;
            Ok((check_pick(rows.pick, samples)?, 255.0 * rows.scale.abs()))
        }
        _ => Ok((0, 0.0)),
    },
    rows: |set, n, spec, space, training, form| match (*set, space.lists) {
        (Set::Sparse { rows, .. }, Some(lists)) => Ok((lists.sparse)(rows, spec.inputs(), space, training, form)),
        (Set::Sparse { rows, .. }, None) if !training => Ok(compressed(rows, form)),
        (Set::Sparse { .. }, None) => Err(Error::Length { buffer: Buffer::Index, needed: spec.index_len(n), got: 0 }),
        _ => Ok(Rows::One(&[])),
    },
};

fn compressed<'s, 'w>(x: CompressedRows<'w>, form: &'s mut Form<'w>) -> Rows<'s> {
    *form = Form::Compressed(x);
    if let Form::Compressed(x) = form { Rows::Batch(x) } else { Rows::One(&[]) }
}

/// Room for a batch, of which [`Rows`] has a reference; a single sample needs none.
pub(crate) enum Form<'a> {
    Unused,
    Floats(Floats<'a>),
    Picked(Picked<'a>),
    Bytes(ByteRows<'a>),
    Compressed(CompressedRows<'a>),
    ListedFloats(Listed<'a, FloatLists<'a>>),
    ListedBytes(Listed<'a, ByteLists<'a>>),
}

impl<'a> Form<'a> {
    /// Floats of `n` samples.
    pub(crate) fn floats(&mut self, x: &'a [f32], n: usize, many: Option<Many>) -> Rows<'_> {
        let (2.., Some(many)) = (n, many) else { return Rows::One(x) };
        *self = Self::Floats(Floats(x));
        if let Self::Floats(floats) = self { Rows::Batch(many(floats)) } else { Rows::One(&[]) }
    }
}

/// The samples that `pick` names, if each is below `samples`.
fn check_pick(pick: &[u32], samples: usize) -> Result<usize, Error> {
    match pick.iter().find(|&&row| row as usize >= samples) {
        Some(&row) => Err(Error::Pick { row, samples }),
        None => Ok(pick.len()),
    }
}

/// Rows of `width` in `length` elements, if they are whole.
pub(crate) fn whole_rows(length: usize, width: usize) -> Result<usize, Error> {
    let n = length.checked_div(width).unwrap_or(0);
    if n.saturating_mul(width) == length {
        return Ok(n);
    }
    Err(Error::Length { buffer: Buffer::Inputs, needed: n.saturating_add(1).saturating_mul(width), got: length })
}

pub(crate) fn check_scale(scale: f32) -> Result<(), Error> {
    if (255.0 * scale).is_finite() { Ok(()) } else { Err(Error::Setting(Setting::Scale)) }
}

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
    bytes: for<'s, 'w> fn(ByteRows<'w>, ListSpace<'w>, bool, &'s mut Form<'w>) -> Rows<'s>,
    sparse: for<'s, 'w> fn(CompressedRows<'w>, usize, ListSpace<'w>, bool, &'s mut Form<'w>) -> Rows<'s>,
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
    if is_dense(kernels::count_floats(x), n, width) {
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
    if is_dense(kernels::count_bytes(&x), n, width) {
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
    if is_dense(x.count(), n, width) {
        return form.floats(expand(&x, n, width, space.floats), n, space.many);
    }
    if !training {
        return compressed(x, form);
    }
    let (mut lists, columns_space) = space_of(space.integers, n, width, training);
    kernels::list_compressed(&x, &mut lists);
    listed_bytes(lists.finish(x.scale), columns_space, n, width, form)
}

/// Whether more than half of the inputs are not zero.
fn is_dense(nonzeros: usize, n: usize, width: usize) -> bool {
    nonzeros > n.saturating_mul(width) / 2
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
