//! What comes into a layer, ready for the kernels: dense, as bytes, or as lists of what is not zero.

use crate::error::{Buffer, Error};
use crate::kernels::{self, ByteRows, Lists, ListsMut, cut_mut};
use crate::samples::{Inputs, SparseSet};
use crate::spec::{Layer, Spec};

/// The inputs of a layer for `n` samples.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rows<'a> {
    Dense(&'a [f32]),
    Bytes(ByteRows<'a>),
    /// By sample for the forward pass, by input for the gradient.
    Listed {
        by_sample: Lists<'a>,
        by_input: Option<Lists<'a>>,
    },
}

impl Rows<'_> {
    /// `z[s] = bias + Σ_k x[s][k]·w[k]`.
    pub(crate) fn forward(&self, layer: &Layer, weights: &[f32], bias: &[f32], z: &mut [f32]) {
        match self {
            Self::Dense(x) => kernels::forward(x, layer.inputs, weights, bias, z),
            Self::Bytes(x) => kernels::forward_bytes(x, weights, bias, z),
            Self::Listed { by_sample, .. } => kernels::forward_listed(by_sample, weights, bias, z),
        }
    }

    /// The largest magnitude of an input, or a bound on it.
    pub(crate) fn largest(&self) -> f32 {
        match self {
            Self::Dense(x) => kernels::largest(x),
            Self::Bytes(x) => f32::from(x.largest()) * x.scale.abs(),
            Self::Listed { by_sample, .. } => by_sample.largest(),
        }
    }

    /// `g[k] += Σ_s x[s][k]·δ[s]` for the inputs from `first` on, as many as `g` has rows; `=` where `fresh`.
    pub(crate) fn gradient(&self, layer: &Layer, first: usize, deltas: &[f32], g: &mut [f32], fresh: bool) {
        if fresh && !matches!(self, Self::Listed { .. }) {
            g.fill(0.0);
        }
        match self {
            Self::Dense(x) => {
                kernels::gradient_rows(g, kernels::cut(x, first).1, layer.inputs, deltas, layer.outputs);
            }
            Self::Bytes(x) => kernels::gradient_bytes(g, x, first, deltas, layer.outputs),
            Self::Listed { by_input, .. } => {
                if let Some(lists) = by_input {
                    kernels::listed_rows(g, lists, first, deltas, layer.outputs, fresh);
                }
            }
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
        let lists = n.saturating_mul(spec.inputs()).saturating_add(kernels::SLACK).saturating_mul(2);
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
                Inputs::Sparse { .. } => {
                    Err(Error::Length { buffer: Buffer::Index, needed: spec.index_len(n), got: 0 })
                }
            };
        }
        let (starts, integers) = cut_mut(self.integers, n + 1);
        let (indices, integers) = cut_mut(integers, places);
        let (values, floats) = cut_mut(self.floats, places);
        if is_dense(&inputs, n, width) {
            return Ok(Rows::Dense(expand(&inputs, n, width, values)));
        }
        let mut lists = ListsMut { starts, indices, values };
        match inputs {
            Inputs::Floats(x) => kernels::list_floats(x, width, &mut lists),
            Inputs::Bytes { set, scale, pick } => {
                kernels::list_bytes(&ByteRows { set, width, pick, scale }, &mut lists);
            }
            Inputs::Sparse { set, pick } => list_sparse(&set, pick, &mut lists),
        }
        let by_sample = lists.finish();
        let by_input = training.then(|| {
            let (starts, indices) = cut_mut(integers, width + 1);
            let mut lists = ListsMut { starts, indices, values: floats };
            kernels::transpose(&by_sample, n, &mut lists);
            lists.finish()
        });
        Ok(Rows::Listed { by_sample, by_input })
    }
}

/// Samples between the one that is read and the one that is asked of memory: shuffled sets lie in no cache.
const AHEAD: usize = 4;

/// Whether more than half of the inputs are not zero.
fn is_dense(inputs: &Inputs<'_>, n: usize, width: usize) -> bool {
    let nonzeros = match *inputs {
        Inputs::Floats(x) => kernels::count_floats(x),
        Inputs::Bytes { set, scale, pick } => kernels::count_bytes(&ByteRows { set, width, pick, scale }),
        Inputs::Sparse { set, pick } => pick.iter().map(|&row| set.row(row).0.len()).sum(),
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
            for (to, &row) in rows_of(&mut *values).zip(pick) {
                to.fill(0.0);
                let (positions, bytes) = set.row(row);
                for (&p, &b) in positions.iter().zip(bytes) {
                    if let Some(x) = to.get_mut(usize::from(p)) {
                        *x = f32::from(b) * set.scale;
                    }
                }
            }
        }
    }
    values
}

/// Lists the rows of a compressed set that `pick` names.
fn list_sparse(set: &SparseSet<'_>, pick: &[u32], lists: &mut ListsMut<'_>) {
    let mut n = 0;
    let mut ahead = pick.iter().skip(AHEAD);
    for (s, &row) in pick.iter().enumerate() {
        if let Some(&row) = ahead.next() {
            let (positions, bytes) = set.row(row);
            kernels::prefetch(positions);
            kernels::prefetch(bytes);
        }
        lists.begin(s, n);
        let (positions, bytes) = set.row(row);
        kernels::widen(positions, cut_mut(lists.indices, n).1);
        kernels::scale_bytes(bytes, set.scale, cut_mut(lists.values, n).1);
        n += positions.len();
        lists.begin(s + 1, n);
    }
}
