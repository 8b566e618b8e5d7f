//! What comes into a layer, ready for the kernels: dense, as bytes, or as lists of what is not zero.

use crate::error::{Buffer, Error};
use crate::kernels::{
    self, ByteLists, ByteListsMut, ByteRows, Columns, CompressedRows, FloatLists, FloatListsMut, cut_mut,
};
use crate::samples::Inputs;
use crate::spec::{Layer, Spec};
use core::cell::Cell;

/// The inputs of a layer for `n` samples.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rows<'a> {
    Dense(&'a [f32]),
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

impl Rows<'_> {
    /// `z[s] = bias + Σ_k x[s][k]·w[k]`.
    pub(crate) fn forward(&self, layer: &Layer, weights: &[f32], bias: &[f32], z: &mut [f32]) {
        match self {
            Self::Dense(x) => kernels::forward(x, layer.inputs, weights, bias, z),
            Self::Bytes(x) => kernels::forward_bytes(x, weights, bias, z),
            Self::Compressed(x) => kernels::forward_compressed(x, weights, bias, z),
            Self::ListedFloats(x) => kernels::forward_listed_floats(&x.lists, weights, bias, z),
            Self::ListedBytes(x) => kernels::forward_listed_bytes(&x.lists, weights, bias, z),
        }
    }

    /// The largest magnitude of an input, or a bound on it.
    pub(crate) fn largest(&self) -> f32 {
        match self {
            Self::Dense(x) => kernels::largest(x),
            Self::Bytes(x) => f32::from(x.largest()) * x.scale.abs(),
            Self::Compressed(x) => 255.0 * x.scale.abs(),
            Self::ListedFloats(x) => x.lists.largest(),
            Self::ListedBytes(x) => x.lists.largest(),
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
        let (inputs, width) = (layer.inputs, layer.outputs);
        match self {
            Self::ListedFloats(Listed { lists, columns: Some(columns) }) => {
                kernels::listed_float_rows(g, (lists, columns), first, deltas, width, fresh);
            }
            Self::ListedBytes(Listed { lists, columns: Some(columns) }) => {
                kernels::listed_byte_rows(g, (lists, columns), first, deltas, width, fresh);
            }
            Self::Dense(x) => {
                kernels::gradient_rows(g, kernels::cut(x, first).1, inputs, deltas, width, fresh);
            }
            Self::Bytes(x) => {
                if fresh {
                    g.fill(0.0);
                }
                kernels::gradient_bytes(g, x, first, deltas, width);
            }
            // Compressed rows, and lists without columns, are prediction's.
            _ if fresh => g.fill(0.0),
            _ => {}
        }
    }
}

/// Memory for the lists of a batch, with what the caller gave of it.
#[derive(Debug)]
pub(crate) struct ListSpace<'w> {
    pub floats: &'w mut [f32],
    pub integers: &'w mut [u32],
}

impl<'w> ListSpace<'w> {
    /// Sets a block for gradients apart from the lists of `n` samples: `row` where there are no lists.
    pub(crate) fn split_block(self, n: usize, spec: &Spec, row: &'w mut [f32]) -> (Self, &'w mut [f32]) {
        let lists = n.saturating_mul(spec.inputs()).saturating_add(kernels::SLACK);
        let (floats, block) = cut_mut(self.floats, lists);
        let block = if block.len() > row.len() { block } else { row };
        (Self { floats, integers: self.integers }, block)
    }

    /// Makes `inputs` ready; for training also by input.
    ///
    /// Lists where memory for them is there and at most half of the inputs are not zero; that decides speed alone.
    pub(crate) fn prepare(self, spec: &Spec, inputs: Inputs<'w>, n: usize, training: bool) -> Result<Rows<'w>, Error> {
        let width = spec.inputs();
        let places = n.saturating_mul(width).saturating_add(kernels::SLACK);
        if self.integers.is_empty() {
            return match inputs {
                Inputs::Floats(x) => Ok(Rows::Dense(x)),
                Inputs::Bytes { set, scale, pick } => Ok(Rows::Bytes(ByteRows { set, width, pick, scale })),
                Inputs::Sparse { set, pick } if !training => Ok(Rows::Compressed(set.rows(pick))),
                Inputs::Sparse { .. } => {
                    Err(Error::Length { buffer: Buffer::Index, needed: spec.index_len(n), got: 0 })
                }
            };
        }
        if is_dense(&inputs, n, width) {
            return Ok(Rows::Dense(expand(&inputs, n, width, self.floats)));
        }
        if let (Inputs::Sparse { set, pick }, false) = (inputs, training) {
            return Ok(Rows::Compressed(set.rows(pick)));
        }
        let (starts, integers) = cut_mut(self.integers, n + 1);
        let (terms, integers) = cut_mut(integers, places);
        let space = training.then_some(integers);
        let mut lists = ByteListsMut { starts, terms };
        Ok(match inputs {
            Inputs::Floats(x) => {
                let ByteListsMut { starts, terms: indices } = lists;
                let mut lists = FloatListsMut { starts, indices, values: self.floats };
                kernels::list_floats(x, width, &mut lists);
                let lists = lists.finish();
                let mark = |groups, masks: &mut [[u32; 2]]| kernels::mark_floats(&lists, groups, masks);
                Rows::ListedFloats(Listed { lists, columns: space.map(|space| columns(space, n, width, mark)) })
            }
            Inputs::Bytes { set, scale, pick } => {
                kernels::list_bytes(&ByteRows { set, width, pick, scale }, &mut lists);
                listed_bytes(lists.finish(scale), space, n, width)
            }
            Inputs::Sparse { set, pick } => {
                let rows = set.rows(pick);
                kernels::list_compressed(&rows, &mut lists);
                listed_bytes(lists.finish(rows.scale), space, n, width)
            }
        })
    }
}

/// Lists of bytes, for training with columns in `space`.
fn listed_bytes<'w>(lists: ByteLists<'w>, space: Option<&'w mut [u32]>, n: usize, width: usize) -> Rows<'w> {
    let mark = |groups, masks: &mut [[u32; 2]]| kernels::mark_bytes(&lists, groups, masks);
    Rows::ListedBytes(Listed { lists, columns: space.map(|space| columns(space, n, width, mark)) })
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

/// Whether more than half of the inputs are not zero.
fn is_dense(inputs: &Inputs<'_>, n: usize, width: usize) -> bool {
    let nonzeros = match *inputs {
        Inputs::Floats(x) => kernels::count_floats(x),
        Inputs::Bytes { set, scale, pick } => kernels::count_bytes(&ByteRows { set, width, pick, scale }),
        Inputs::Sparse { set, pick } => set.rows(pick).count(),
    };
    nonzeros > n.saturating_mul(width) / 2
}

/// All inputs as floats, in `values` unless they are so already.
fn expand<'w>(inputs: &Inputs<'w>, n: usize, width: usize, values: &'w mut [f32]) -> &'w [f32] {
    let values = cut_mut(values, n.saturating_mul(width)).0;
    let rows_of = |values| kernels::rows_mut(values, width);
    match *inputs {
        Inputs::Floats(x) => return x,
        Inputs::Bytes { set, scale, pick } => {
            let from = ByteRows { set, width, pick, scale };
            for (to, &row) in rows_of(&mut *values).zip(pick) {
                kernels::scale_bytes(from.row(row), scale, to);
            }
        }
        Inputs::Sparse { set, pick } => {
            let from = set.rows(pick);
            for (i, to) in rows_of(&mut *values).enumerate() {
                to.fill(0.0);
                let (positions, bytes) = from.picked(i);
                for (&p, &b) in positions.iter().zip(bytes) {
                    if let Some(x) = to.get_mut(usize::from(p)) {
                        *x = f32::from(b) * from.scale;
                    }
                }
            }
        }
    }
    values
}
