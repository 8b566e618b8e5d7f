//! What comes into a layer, ready for the kernels: one sample of floats, or a batch of floats, of bytes, or of lists of
//! what is not zero.
//!
//! A batch is a trait object that its constructor makes, so that an image links the kinds that it uses.

use crate::kernels::{self, ByteLists, ByteRows, Columns, CompressedRows, FloatLists, cut, cut_mut};
use crate::network::layer::Layer;
use crate::network::norm::{Norm, Pooled};
use crate::network::part::Part;
use crate::network::spec::Spec;

/// The inputs of a layer.
#[derive(Clone, Copy)]
pub(crate) enum Rows<'a> {
    One(&'a [f32]),
    Batch(&'a dyn Batch),
}

/// What takes the gradient of a layer's parameters, part by part, as soon as it is known.
pub(crate) trait Sink {
    /// Whether rows whose gradient is known to be zero may be left out.
    fn skips_zeros(&self) -> bool {
        true
    }

    /// The gradient of the parameters from `offset` on, summed over a batch.
    fn take(&mut self, offset: usize, gradient: &[f32]);

    /// That of a layer's weights and bias for one sample: `x·dᵀ` and `d`, the deltas.
    fn take_one(&mut self, x: &[f32], pass: Pass<'_>)
    where
        Self: Sized;

    /// The statistics of a batch that a norm has normalised.
    fn take_statistics(&mut self, _: &Layer, _: &Norm, _: &Pooled<'_>) {}
}

/// A layer's place in a backward pass: the deltas of its outputs, the workspace's part for norms, and scratch for a row of
/// gradients or more.
pub(crate) struct Pass<'a> {
    pub spec: &'a Spec,
    pub layer: &'a Layer,
    pub deltas: &'a [f32],
    pub norms: &'a mut [f32],
    pub samples: usize,
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

    /// Hands a layer's gradient to `sink` in blocks of rows, the bias, and what its norm learns.
    fn hand_over(&self, pass: Pass<'_>, sink: &mut dyn Sink) {
        let Pass { spec, layer, deltas, norms, samples, block } = pass;
        let outputs = layer.outputs();
        let n = block.len().checked_div(outputs).unwrap_or(0);
        // Whole tiles, where a block holds several.
        let n = if n > 8 { n - n % 8 } else { n };
        let mut first = 0;
        while first < layer.inputs() && n > 0 {
            if !(sink.skips_zeros() && self.are_zero(layer, first, n)) {
                let rows = n.min(layer.inputs().wrapping_sub(first));
                let gradient = cut_mut(block, rows.wrapping_mul(outputs)).0;
                self.gradient(layer, first, deltas, gradient, true);
                sink.take(layer.offset().wrapping_add(first.wrapping_mul(outputs)), gradient);
            }
            first = usize::wrapping_add(first, n);
        }
        let gradient = cut_mut(block, outputs).0;
        kernels::bias_gradient(gradient, deltas, true);
        sink.take(layer.range(Part::Bias).start, gradient);
        if let Some(norm) = layer.norm() {
            let left = (norm.left)(spec, layer, norms, samples, Pooled::NONE);
            sink.take_statistics(layer, norm, &left.statistics);
            sink.take(layer.range(Part::Scale).start, left.gradient);
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
        n == 1 && kernels::strided(cut(self.0, first).1, layer.inputs()).all(|&x| x == 0.0)
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
        for (z, &row) in kernels::rows_mut(z, layer.outputs()).zip(self.pick) {
            kernels::forward_one(kernels::picked(self.set, self.width, row), weights, bias, z);
        }
    }

    fn gradient(&self, layer: &Layer, first: usize, deltas: &[f32], g: &mut [f32], fresh: bool) {
        if fresh {
            kernels::clear(g);
        }
        for (d, &row) in kernels::rows(deltas, layer.outputs()).zip(self.pick) {
            kernels::outer(g, cut(kernels::picked(self.set, self.width, row), first).1, d, false);
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
