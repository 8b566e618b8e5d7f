//! What comes into a layer, ready for the kernels: one sample of floats, or several, or bytes, or lists of what is not
//! zero.
//!
//! Every form but the first is reached through pointers that its constructor sets, so that an image links the forms that
//! it uses.

use crate::kernels::{self, ByteLists, ByteRows, Columns, CompressedRows, FloatLists, cut, cut_mut};
use crate::layer::Layer;

/// The inputs of a layer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rows<'a> {
    One(&'a [f32]),
    Other(Form<'a>, &'static Work),
}

/// Inputs that are not the floats of one sample.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form<'a> {
    Dense(&'a [f32]),
    Bytes(ByteRows<'a>),
    Compressed(CompressedRows<'a>),
    ListedFloats(Listed<'a, FloatLists<'a>>),
    ListedBytes(Listed<'a, ByteLists<'a>>),
}

/// Lists for the forward pass; for the gradient also column by column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listed<'a, T> {
    pub lists: T,
    pub columns: Option<Columns<'a>>,
}

/// What moves weights along their gradient; `offset` says where they stand among the parameters.
pub(crate) trait Update {
    /// Along the summed gradient of these rows.
    fn rows(&mut self, offset: usize, weights: &mut [f32], gradient: &[f32]);

    /// Along `x·deltasᵀ`, the gradient of one sample; `block` is scratch.
    fn outer(&mut self, offset: usize, weights: &mut [f32], x: &[f32], deltas: &[f32], block: &mut [f32]);
}

/// A layer's parameters, the deltas of its outputs, and scratch for a row of gradients or more.
pub(crate) struct Place<'a> {
    pub layer: &'a Layer,
    pub weights: &'a mut [f32],
    pub bias: &'a mut [f32],
    pub deltas: &'a [f32],
    pub block: &'a mut [f32],
}

/// What a layer does with a form; each function does nothing with another one.
#[derive(Debug)]
pub(crate) struct Work {
    forward: fn(&Form<'_>, &Layer, &[f32], &[f32], &mut [f32]),
    gradient: fn(&Form<'_>, &Layer, usize, &[f32], &mut [f32], bool),
    largest: fn(&Form<'_>) -> f32,
    descend: fn(&Rows<'_>, Place<'_>, bool, &mut dyn Update),
}

/// Several samples of floats.
pub(crate) static DENSE: Work = Work {
    forward: |form, layer, weights, bias, z| {
        if let Form::Dense(x) = form {
            kernels::forward(x, layer.inputs(), weights, bias, z);
        }
    },
    gradient: |form, layer, first, deltas, g, fresh| {
        if let Form::Dense(x) = form {
            kernels::gradient_rows(g, cut(x, first).1, layer.inputs(), deltas, layer.outputs(), fresh);
        }
    },
    largest: |form| if let Form::Dense(x) = form { kernels::largest(x) } else { 0.0 },
    descend,
};

pub(crate) static BYTES: Work = Work {
    forward: |form, _, weights, bias, z| {
        if let Form::Bytes(x) = form {
            kernels::forward_bytes(x, weights, bias, z);
        }
    },
    gradient: |form, layer, first, deltas, g, fresh| {
        if fresh {
            g.fill(0.0);
        }
        if let Form::Bytes(x) = form {
            kernels::gradient_bytes(g, x, first, deltas, layer.outputs());
        }
    },
    largest: |form| if let Form::Bytes(x) = form { f32::from(x.largest()) * x.scale.abs() } else { 0.0 },
    descend,
};

/// For prediction: training lists what is compressed.
pub(crate) static COMPRESSED: Work = Work {
    forward: |form, _, weights, bias, z| {
        if let Form::Compressed(x) = form {
            kernels::forward_compressed(x, weights, bias, z);
        }
    },
    gradient: |_, _, _, _, g, fresh| {
        if fresh {
            g.fill(0.0);
        }
    },
    largest: |form| if let Form::Compressed(x) = form { 255.0 * x.scale.abs() } else { 0.0 },
    descend: |_, _, _, _| {},
};

pub(crate) static LISTED_FLOATS: Work = Work {
    forward: |form, _, weights, bias, z| {
        if let Form::ListedFloats(x) = form {
            kernels::forward_listed_floats(&x.lists, weights, bias, z);
        }
    },
    gradient: |form, layer, first, deltas, g, fresh| match form {
        Form::ListedFloats(Listed { lists, columns: Some(columns) }) => {
            kernels::listed_float_rows(g, (lists, columns), first, deltas, layer.outputs(), fresh);
        }
        _ if fresh => g.fill(0.0),
        _ => {}
    },
    largest: |form| if let Form::ListedFloats(x) = form { x.lists.largest() } else { 0.0 },
    descend,
};

pub(crate) static LISTED_BYTES: Work = Work {
    forward: |form, _, weights, bias, z| {
        if let Form::ListedBytes(x) = form {
            kernels::forward_listed_bytes(&x.lists, weights, bias, z);
        }
    },
    gradient: |form, layer, first, deltas, g, fresh| match form {
        Form::ListedBytes(Listed { lists, columns: Some(columns) }) => {
            kernels::listed_byte_rows(g, (lists, columns), first, deltas, layer.outputs(), fresh);
        }
        _ if fresh => g.fill(0.0),
        _ => {}
    },
    largest: |form| if let Form::ListedBytes(x) = form { x.lists.largest() } else { 0.0 },
    descend,
};

impl<'a> Rows<'a> {
    /// Floats of `n` samples; `many` is there where `n` may be more than 1.
    pub(crate) fn dense(x: &'a [f32], n: usize, many: Option<&'static Work>) -> Self {
        match many {
            Some(work) if n > 1 => Self::Other(Form::Dense(x), work),
            _ => Self::One(x),
        }
    }

    /// `z[s] = bias + Σ_k x[s][k]·w[k]`.
    pub(crate) fn forward(&self, layer: &Layer, weights: &[f32], bias: &[f32], z: &mut [f32]) {
        match self {
            Self::One(x) => kernels::forward(x, layer.inputs(), weights, bias, z),
            Self::Other(form, work) => (work.forward)(form, layer, weights, bias, z),
        }
    }

    /// The largest magnitude of an input, or a bound on it.
    pub(crate) fn largest(&self) -> f32 {
        match self {
            Self::One(x) => kernels::largest(x),
            Self::Other(form, work) => (work.largest)(form),
        }
    }

    /// `g[k] += Σ_s x[s][k]·δ[s]` for all inputs.
    pub(crate) fn accumulate(&self, layer: &Layer, deltas: &[f32], g: &mut [f32]) {
        match self {
            Self::One(x) => kernels::outer(g, x, deltas, false),
            Self::Other(form, work) => (work.gradient)(form, layer, 0, deltas, g, false),
        }
    }

    /// Hands a layer's weights and bias to `update` with their gradient as soon as it is known; rows whose gradient is
    /// known to be zero may be left out where `skip_zero` says so.
    pub(crate) fn descend(&self, place: Place<'_>, skip_zero: bool, update: &mut dyn Update) {
        match self {
            Self::One(x) => {
                let Place { layer, weights, bias, deltas, block } = place;
                update.outer(layer.offset(), weights, x, deltas, block);
                update.outer(layer.offset() + layer.weight_len(), bias, &[1.0], deltas, block);
            }
            Self::Other(_, work) => (work.descend)(self, place, skip_zero, update),
        }
    }

    /// Whether `n` inputs from `first` on are known to be zero in all samples: looked at where it is cheap.
    fn are_zero(&self, layer: &Layer, first: usize, n: usize) -> bool {
        match self {
            Self::Other(Form::Dense(x), _) if n == 1 => {
                kernels::strided(cut(x, first).1, layer.inputs()).all(|&x| x == 0.0)
            }
            _ => false,
        }
    }
}

/// [`Rows::descend`] of several samples, in blocks of rows.
fn descend(rows: &Rows<'_>, place: Place<'_>, skip_zero: bool, update: &mut dyn Update) {
    let Place { layer, weights, bias, deltas, block } = place;
    let Rows::Other(form, work) = rows else { return };
    let outputs = layer.outputs();
    let n = block.len().checked_div(outputs).unwrap_or(0);
    // Whole tiles, where a block holds several.
    let n = if n > 8 { n - n % 8 } else { n };
    let (mut rest, mut first) = (weights, 0);
    while !rest.is_empty() && n > 0 {
        let (weights, tail) = cut_mut(rest, n * outputs);
        if !(skip_zero && rows.are_zero(layer, first, n)) {
            let gradient = cut_mut(block, weights.len()).0;
            (work.gradient)(form, layer, first, deltas, gradient, true);
            update.rows(layer.offset() + first * outputs, weights, gradient);
        }
        (rest, first) = (tail, first + n);
    }
    let gradient = cut_mut(block, outputs).0;
    kernels::bias_gradient(gradient, deltas, true);
    update.rows(layer.offset() + layer.weight_len(), bias, gradient);
}
