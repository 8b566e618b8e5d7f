//! What comes into a layer, ready for the kernels: one sample of floats, or a batch of floats, of bytes, or of lists of
//! what is not zero.
//!
//! A batch is a trait object that its constructor makes, so that an image links the kinds that it uses.

use crate::kernels::{self, ByteLists, ByteRows, Columns, CompressedRows, FloatLists};
use crate::network::layer::Layer;
use crate::slices::{cut, cut_mut, picked, rows, rows_mut, strided};

/// The inputs of a layer.
#[derive(Clone, Copy)]
pub(crate) enum Rows<'a> {
    One(&'a [f32]),
    Batch(&'a dyn Batch),
}

/// What moves weights along their gradient; `offset` says where they stand among the parameters.
pub(crate) trait Update {
    /// Along the summed gradient of these rows.
    fn rows(&mut self, offset: usize, weights: &mut [f32], gradient: &[f32]);
}

/// A layer's parameters, what its norm kept, which leaves `norms`, the deltas of its outputs, and scratch for a row of
/// gradients or more.
pub(crate) struct Place<'a, 'n> {
    pub layer: &'a Layer,
    pub weights: &'a mut [f32],
    pub bias: &'a mut [f32],
    pub norm: &'a mut [f32],
    pub norms: &'a mut &'n [f32],
    pub deltas: &'a [f32],
    pub block: &'a mut [f32],
}

/// What a layer does with a batch.
pub(crate) trait Batch {
    /// `z[s] = bias + Σ_k x[s][k]·w[k]`.
    fn forward(&self, layer: &Layer, weights: &[f32], bias: &[f32], z: &mut [f32]);

    /// `g[k] += Σ_s x[s][k]·δ[s]` for the inputs from `first` on, as many as `g` has rows; `=` where `fresh`. Calls go
    /// from the first input on, without gaps.
    fn gradient(&self, layer: &Layer, first: usize, deltas: &[f32], g: &mut [f32], fresh: bool);

    /// Whether `n` inputs from `first` on are known to be zero in all samples: looked at where it is cheap.
    fn are_zero(&self, _layer: &Layer, _first: usize, _n: usize) -> bool {
        false
    }

    /// Hands a layer's weights and bias to `update` in blocks of rows with their gradient as soon as it is known; rows
    /// whose gradient is known to be zero may be left out where `skip_zero` says so.
    fn descend(&self, place: Place<'_, '_>, skip_zero: bool, update: &mut dyn Update) {
        let Place { layer, weights, bias, norm: learned, norms, deltas, block } = place;
        let outputs = layer.outputs();
        let n = block.len().checked_div(outputs).unwrap_or(0);
        // Whole tiles, where a block holds several.
        let n = if n > 8 { n - n % 8 } else { n };
        let (mut rest, mut first) = (weights, 0);
        while !rest.is_empty() && n > 0 {
            let (weights, tail) = cut_mut(rest, n.wrapping_mul(outputs));
            if !(skip_zero && self.are_zero(layer, first, n)) {
                let gradient = cut_mut(block, weights.len()).0;
                self.gradient(layer, first, deltas, gradient, true);
                update.rows(layer.offset().wrapping_add(first.wrapping_mul(outputs)), weights, gradient);
            }
            (rest, first) = (tail, usize::wrapping_add(first, n));
        }
        let gradient = cut_mut(block, outputs).0;
        kernels::bias_gradient(gradient, deltas, true);
        update.rows(layer.offset().wrapping_add(layer.weight_len()), bias, gradient);
        if let Some(norm) = layer.norm() {
            (norm.step)(layer, learned, norms, deltas, &mut |at, weights, gradient| update.rows(at, weights, gradient));
        }
    }
}

impl<'a> Rows<'a> {
    /// `z[s] = bias + Σ_k x[s][k]·w[k]`.
    pub(crate) fn forward(&self, layer: &Layer, weights: &[f32], bias: &[f32], z: &mut [f32]) {
        match self {
            Self::One(x) => kernels::forward_one(x, weights, bias, z),
            Self::Batch(batch) => batch.forward(layer, weights, bias, z),
        }
    }

    /// `g[k] += Σ_s x[s][k]·δ[s]` for all inputs.
    pub(crate) fn accumulate(&self, layer: &Layer, deltas: &[f32], g: &mut [f32]) {
        match self {
            Self::One(x) => kernels::outer(g, x, deltas, false),
            Self::Batch(batch) => batch.gradient(layer, 0, deltas, g, false),
        }
    }
}

/// Floats of one sample or several.
#[derive(Clone, Copy)]
pub(crate) struct Floats<'a>(pub &'a [f32]);

/// Makes a batch of floats; not linked where only batches of one are asked for.
pub(crate) type Many = for<'a> fn(&'a Floats<'a>) -> &'a dyn Batch;

pub(crate) fn many<'a>(floats: &'a Floats<'a>) -> &'a dyn Batch {
    floats
}

impl<'a> Floats<'a> {
    /// As rows of `n` samples; `many` is there where `n` may be more than 1.
    pub(crate) fn rows(&'a self, n: usize, many: Option<Many>) -> Rows<'a> {
        match many {
            Some(many) if n > 1 => Rows::Batch(many(self)),
            _ => Rows::One(self.0),
        }
    }
}

impl Batch for Floats<'_> {
    fn forward(&self, layer: &Layer, weights: &[f32], bias: &[f32], z: &mut [f32]) {
        kernels::forward(self.0, layer.inputs(), weights, bias, z);
    }

    fn gradient(&self, layer: &Layer, first: usize, deltas: &[f32], g: &mut [f32], fresh: bool) {
        kernels::gradient_rows(g, cut(self.0, first).1, layer.inputs(), deltas, layer.outputs(), fresh);
    }

    fn are_zero(&self, layer: &Layer, first: usize, n: usize) -> bool {
        n == 1 && strided(cut(self.0, first).1, layer.inputs()).all(|&x| x == 0.0)
    }
}

/// Rows of a set of floats, picked by their index, which pass one by one.
#[derive(Clone, Copy)]
pub(crate) struct Picked<'a> {
    pub set: &'a [f32],
    pub width: usize,
    pub pick: &'a [u32],
}

impl Batch for Picked<'_> {
    fn forward(&self, layer: &Layer, weights: &[f32], bias: &[f32], z: &mut [f32]) {
        for (z, &row) in rows_mut(z, layer.outputs()).zip(self.pick) {
            kernels::forward_one(picked(self.set, self.width, row), weights, bias, z);
        }
    }

    fn gradient(&self, layer: &Layer, first: usize, deltas: &[f32], g: &mut [f32], fresh: bool) {
        if fresh {
            kernels::clear(g);
        }
        for (d, &row) in rows(deltas, layer.outputs()).zip(self.pick) {
            kernels::outer(g, cut(picked(self.set, self.width, row), first).1, d, false);
        }
    }
}

impl Batch for ByteRows<'_> {
    fn forward(&self, _: &Layer, weights: &[f32], bias: &[f32], z: &mut [f32]) {
        kernels::forward_bytes(self, weights, bias, z);
    }

    fn gradient(&self, layer: &Layer, first: usize, deltas: &[f32], g: &mut [f32], fresh: bool) {
        if fresh {
            kernels::clear(g);
        }
        kernels::gradient_bytes(g, self, first, deltas, layer.outputs());
    }
}

/// For prediction: training lists what is compressed.
impl Batch for CompressedRows<'_> {
    fn forward(&self, _: &Layer, weights: &[f32], bias: &[f32], z: &mut [f32]) {
        kernels::forward_compressed(self, weights, bias, z);
    }

    fn gradient(&self, _: &Layer, _: usize, _: &[f32], g: &mut [f32], fresh: bool) {
        if fresh {
            kernels::clear(g);
        }
    }
}

/// Lists for the forward pass; for the gradient also column by column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listed<'a, T> {
    pub lists: T,
    pub columns: Option<Columns<'a>>,
}

impl Batch for Listed<'_, FloatLists<'_>> {
    fn forward(&self, _: &Layer, weights: &[f32], bias: &[f32], z: &mut [f32]) {
        kernels::forward_listed_floats(&self.lists, weights, bias, z);
    }

    fn gradient(&self, layer: &Layer, first: usize, deltas: &[f32], g: &mut [f32], fresh: bool) {
        if let Some(columns) = &self.columns {
            kernels::listed_float_rows(g, (&self.lists, columns), first, deltas, layer.outputs(), fresh);
        } else if fresh {
            kernels::clear(g);
        }
    }
}

impl Batch for Listed<'_, ByteLists<'_>> {
    fn forward(&self, _: &Layer, weights: &[f32], bias: &[f32], z: &mut [f32]) {
        kernels::forward_listed_bytes(&self.lists, weights, bias, z);
    }

    fn gradient(&self, layer: &Layer, first: usize, deltas: &[f32], g: &mut [f32], fresh: bool) {
        if let Some(columns) = &self.columns {
            kernels::listed_byte_rows(g, (&self.lists, columns), first, deltas, layer.outputs(), fresh);
        } else if fresh {
            kernels::clear(g);
        }
    }
}
