//! What comes into a layer, ready for the kernels: dense, as bytes, or as lists of what is not zero.
//!
//! Every form but the dense one is reached through pointers that its constructor sets, so that an image links the forms
//! that it uses.

use crate::error::{Buffer, Error, Setting};
use crate::kernels::{
    self, ByteLists, ByteListsMut, ByteRows, Columns, CompressedRows, FloatLists, FloatListsMut, cut_mut,
};
use crate::spec::{Layer, Spec};
use core::cell::Cell;

/// The inputs of a layer for `n` samples.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rows<'a> {
    Dense(&'a [f32]),
    Other(Form<'a>, &'static Work),
}

/// Inputs that are not dense floats.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form<'a> {
    Bytes(ByteRows<'a>),
    Compressed(CompressedRows<'a>),
    ListedFloats(Listed<'a, FloatLists<'a>>),
    ListedBytes(Listed<'a, ByteLists<'a>>),
}

/// Lists for the forward pass; for the gradient also column by column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listed<'a, T> {
    lists: T,
    columns: Option<Columns<'a>>,
}

/// What a layer does with a form; each function does nothing with another one.
#[derive(Debug)]
pub(crate) struct Work {
    forward: fn(&Form<'_>, &[f32], &[f32], &mut [f32]),
    gradient: fn(&Form<'_>, usize, &[f32], &mut [f32], usize, bool),
    largest: fn(&Form<'_>) -> f32,
}

static BYTES: Work = Work {
    forward: |form, weights, bias, z| {
        if let Form::Bytes(x) = form {
            kernels::forward_bytes(x, weights, bias, z);
        }
    },
    gradient: |form, first, deltas, g, width, fresh| {
        if fresh {
            g.fill(0.0);
        }
        if let Form::Bytes(x) = form {
            kernels::gradient_bytes(g, x, first, deltas, width);
        }
    },
    largest: |form| if let Form::Bytes(x) = form { f32::from(x.largest()) * x.scale.abs() } else { 0.0 },
};

/// For prediction: training lists what is compressed.
static COMPRESSED: Work = Work {
    forward: |form, weights, bias, z| {
        if let Form::Compressed(x) = form {
            kernels::forward_compressed(x, weights, bias, z);
        }
    },
    gradient: |_, _, _, g, _, fresh| {
        if fresh {
            g.fill(0.0);
        }
    },
    largest: |form| if let Form::Compressed(x) = form { 255.0 * x.scale.abs() } else { 0.0 },
};

static LISTED_FLOATS: Work = Work {
    forward: |form, weights, bias, z| {
        if let Form::ListedFloats(x) = form {
            kernels::forward_listed_floats(&x.lists, weights, bias, z);
        }
    },
    gradient: |form, first, deltas, g, width, fresh| match form {
        Form::ListedFloats(Listed { lists, columns: Some(columns) }) => {
            kernels::listed_float_rows(g, (lists, columns), first, deltas, width, fresh);
        }
        _ if fresh => g.fill(0.0),
        _ => {}
    },
    largest: |form| if let Form::ListedFloats(x) = form { x.lists.largest() } else { 0.0 },
};

static LISTED_BYTES: Work = Work {
    forward: |form, weights, bias, z| {
        if let Form::ListedBytes(x) = form {
            kernels::forward_listed_bytes(&x.lists, weights, bias, z);
        }
    },
    gradient: |form, first, deltas, g, width, fresh| match form {
        Form::ListedBytes(Listed { lists, columns: Some(columns) }) => {
            kernels::listed_byte_rows(g, (lists, columns), first, deltas, width, fresh);
        }
        _ if fresh => g.fill(0.0),
        _ => {}
    },
    largest: |form| if let Form::ListedBytes(x) = form { x.lists.largest() } else { 0.0 },
};

impl Rows<'_> {
    /// `z[s] = bias + Σ_k x[s][k]·w[k]`.
    pub(crate) fn forward(&self, layer: &Layer, weights: &[f32], bias: &[f32], z: &mut [f32]) {
        match self {
            Self::Dense(x) => kernels::forward(x, layer.inputs, weights, bias, z),
            Self::Other(form, work) => (work.forward)(form, weights, bias, z),
        }
    }

    /// The largest magnitude of an input, or a bound on it.
    pub(crate) fn largest(&self) -> f32 {
        match self {
            Self::Dense(x) => kernels::largest(x),
            Self::Other(form, work) => (work.largest)(form),
        }
    }

    /// Whether `n` inputs from `first` on are known to be zero in all samples: looked at where it is cheap.
    pub(crate) fn are_zero(&self, layer: &Layer, first: usize, n: usize) -> bool {
        match self {
            Self::Dense(x) if n == 1 => kernels::strided(kernels::cut(x, first).1, layer.inputs).all(|&x| x == 0.0),
            _ => false,
        }
    }

    /// `g[k] += Σ_s x[s][k]·δ[s]` for the inputs from `first` on, as many as `g` has rows; `=` where `fresh`. Calls go
    /// from the first input on, without gaps.
    pub(crate) fn gradient(&self, layer: &Layer, first: usize, deltas: &[f32], g: &mut [f32], fresh: bool) {
        let width = layer.outputs;
        match self {
            Self::Dense(x) => {
                kernels::gradient_rows(g, kernels::cut(x, first).1, layer.inputs, deltas, width, fresh);
            }
            Self::Other(form, work) => (work.gradient)(form, first, deltas, g, width, fresh),
        }
    }
}

/// Samples of bytes, as a set holds them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed<'a> {
    pub set: Set<'a>,
    pub kind: &'static Kind,
}

/// A set and which of its rows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Set<'a> {
    /// All bytes; their width is the network's.
    Bytes { set: &'a [u8], scale: f32, pick: &'a [u32] },
    /// Without zeros, rows of `inputs`.
    Sparse { rows: CompressedRows<'a>, inputs: usize, samples: usize },
}

/// What is done with a kind of set.
#[derive(Debug)]
pub(crate) struct Kind {
    /// Checks shape, indices and numbers; gives the number of samples.
    pub check: fn(&Set<'_>, usize) -> Result<usize, Error>,
    /// Without memory for lists.
    rows: for<'w> fn(Set<'w>, usize, bool) -> Option<Rows<'w>>,
    /// With it.
    list: for<'w> fn(&Lists, Set<'w>, usize, ListSpace<'w>, bool) -> Rows<'w>,
}

/// Sets of bytes.
pub(crate) static BYTE_SET: Kind = Kind {
    check: |set, width| match *set {
        Set::Bytes { set, scale, pick } => {
            check_scale(scale)?;
            check_pick(pick, whole_rows(set.len(), width)?)
        }
        Set::Sparse { .. } => Ok(0),
    },
    rows: |set, width, _| match set {
        Set::Bytes { set, scale, pick } => Some(Rows::Other(Form::Bytes(ByteRows { set, width, pick, scale }), &BYTES)),
        Set::Sparse { .. } => None,
    },
    list: |lists, set, width, space, training| match set {
        Set::Bytes { set, scale, pick } => (lists.bytes)(ByteRows { set, width, pick, scale }, space, training),
        Set::Sparse { .. } => Rows::Dense(&[]),
    },
};

/// Compressed sets.
pub(crate) static SPARSE_SET: Kind = Kind {
    check: |set, width| match *set {
        Set::Sparse { rows, inputs, samples } => {
            Error::expect_len(Buffer::Inputs, width, inputs)?;
            check_pick(rows.pick, samples)
        }
        Set::Bytes { .. } => Ok(0),
    },
    rows: |set, _, training| match set {
        Set::Sparse { rows, .. } if !training => Some(Rows::Other(Form::Compressed(rows), &COMPRESSED)),
        _ => None,
    },
    list: |lists, set, width, space, training| match set {
        Set::Sparse { rows, .. } => (lists.sparse)(rows, width, space, training),
        Set::Bytes { .. } => Rows::Dense(&[]),
    },
};

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
    Err(Error::Length { buffer: Buffer::Inputs, needed: (n + 1).saturating_mul(width), got: length })
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
}

impl<'w> ListSpace<'w> {
    /// Sets a block for gradients apart from the lists of `n` samples: `row` where there are no lists.
    pub(crate) fn split_block(self, n: usize, spec: &Spec, row: &'w mut [f32]) -> (Self, &'w mut [f32]) {
        let lists = n.saturating_mul(spec.inputs()).saturating_add(kernels::SLACK);
        let (floats, block) = cut_mut(self.floats, lists);
        let block = if block.len() > row.len() { block } else { row };
        (Self { floats, ..self }, block)
    }

    /// Makes floats ready; for training also by input.
    ///
    /// Lists where memory for them is there and at most half of the inputs are not zero; that decides speed alone.
    pub(crate) fn floats(self, x: &'w [f32], n: usize, width: usize, training: bool) -> Rows<'w> {
        match self.lists {
            Some(lists) => (lists.floats)(x, n, width, self, training),
            None => Rows::Dense(x),
        }
    }

    /// The same for samples of bytes.
    pub(crate) fn packed(self, x: Packed<'w>, n: usize, spec: &Spec, training: bool) -> Result<Rows<'w>, Error> {
        let width = spec.inputs();
        match self.lists {
            Some(lists) => Ok((x.kind.list)(lists, x.set, width, self, training)),
            None => (x.kind.rows)(x.set, width, training).ok_or(Error::Length {
                buffer: Buffer::Index,
                needed: spec.index_len(n),
                got: 0,
            }),
        }
    }
}

/// What makes lists, in a workspace that has memory for them.
#[derive(Debug)]
pub(crate) struct Lists {
    floats: for<'w> fn(&'w [f32], usize, usize, ListSpace<'w>, bool) -> Rows<'w>,
    bytes: for<'w> fn(ByteRows<'w>, ListSpace<'w>, bool) -> Rows<'w>,
    sparse: for<'w> fn(CompressedRows<'w>, usize, ListSpace<'w>, bool) -> Rows<'w>,
}

pub(crate) static LISTS: Lists = Lists { floats: list_floats, bytes: list_bytes, sparse: list_sparse };

fn list_floats<'w>(x: &'w [f32], n: usize, width: usize, space: ListSpace<'w>, training: bool) -> Rows<'w> {
    if is_dense(kernels::count_floats(x), n, width) {
        return Rows::Dense(x);
    }
    let (ByteListsMut { starts, terms: indices }, columns_space) = space_of(space.integers, n, width, training);
    let mut lists = FloatListsMut { starts, indices, values: space.floats };
    kernels::list_floats(x, width, &mut lists);
    let lists = lists.finish();
    let mark = |groups, masks: &mut [[u32; 2]]| kernels::mark_floats(&lists, groups, masks);
    let columns = columns_space.map(|space| columns(space, n, width, mark));
    Rows::Other(Form::ListedFloats(Listed { lists, columns }), &LISTED_FLOATS)
}

fn list_bytes<'w>(x: ByteRows<'w>, space: ListSpace<'w>, training: bool) -> Rows<'w> {
    let (n, width) = (x.pick.len(), x.width);
    if is_dense(kernels::count_bytes(&x), n, width) {
        let values = cut_mut(space.floats, n.saturating_mul(width)).0;
        for (to, &row) in kernels::rows_mut(&mut *values, width).zip(x.pick) {
            kernels::scale_bytes(x.row(row), x.scale, to);
        }
        return Rows::Dense(values);
    }
    let (mut lists, columns_space) = space_of(space.integers, n, width, training);
    kernels::list_bytes(&x, &mut lists);
    listed_bytes(lists.finish(x.scale), columns_space, n, width)
}

fn list_sparse<'w>(x: CompressedRows<'w>, width: usize, space: ListSpace<'w>, training: bool) -> Rows<'w> {
    let n = x.pick.len();
    if is_dense(x.count(), n, width) {
        return Rows::Dense(expand(&x, n, width, space.floats));
    }
    if !training {
        return Rows::Other(Form::Compressed(x), &COMPRESSED);
    }
    let (mut lists, columns_space) = space_of(space.integers, n, width, training);
    kernels::list_compressed(&x, &mut lists);
    listed_bytes(lists.finish(x.scale), columns_space, n, width)
}

/// Whether more than half of the inputs are not zero.
fn is_dense(nonzeros: usize, n: usize, width: usize) -> bool {
    nonzeros > n.saturating_mul(width) / 2
}

/// Places for lists of `n` samples, and for training what is left, for their columns.
fn space_of(integers: &mut [u32], n: usize, width: usize, training: bool) -> (ByteListsMut<'_>, Option<&mut [u32]>) {
    let (starts, integers) = cut_mut(integers, n + 1);
    let (terms, integers) = cut_mut(integers, n.saturating_mul(width).saturating_add(kernels::SLACK));
    (ByteListsMut { starts, terms }, training.then_some(integers))
}

/// Lists of bytes, for training with columns in `space`.
fn listed_bytes<'w>(lists: ByteLists<'w>, space: Option<&'w mut [u32]>, n: usize, width: usize) -> Rows<'w> {
    let mark = |groups, masks: &mut [[u32; 2]]| kernels::mark_bytes(&lists, groups, masks);
    let columns = space.map(|space| columns(space, n, width, mark));
    Rows::Other(Form::ListedBytes(Listed { lists, columns }), &LISTED_BYTES)
}

/// The columns of lists of `n` samples, in `integers`, with masks that `mark` sets.
fn columns<'w>(
    integers: &'w mut [u32],
    n: usize,
    width: usize,
    mark: impl FnOnce(usize, &mut [[u32; 2]]),
) -> Columns<'w> {
    let groups = n.div_ceil(kernels::GROUP);
    let (cursors, masks) = cut_mut(integers, 2 * n);
    let masks = cut_mut(masks.as_chunks_mut().0, width.saturating_mul(groups)).0;
    mark(groups, masks);
    Columns { masks, cursors: Cell::from_mut(cursors).as_slice_of_cells(), groups }
}

/// The rows of a compressed set as floats, in `values`.
fn expand<'w>(x: &CompressedRows<'_>, n: usize, width: usize, values: &'w mut [f32]) -> &'w [f32] {
    let values = cut_mut(values, n.saturating_mul(width)).0;
    for (i, to) in kernels::rows_mut(&mut *values, width).enumerate() {
        to.fill(0.0);
        let (positions, bytes) = x.picked(i);
        for (&p, &b) in positions.iter().zip(bytes) {
            if let Some(to) = to.get_mut(usize::from(p)) {
                *to = f32::from(b) * x.scale;
            }
        }
    }
    values
}
