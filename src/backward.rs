//! From the deltas of the outputs back to every layer's deltas and gradients.

use crate::kernels::{self, cut, cut_mut};
use crate::rows::Rows;
use crate::spec::{Layer, Spec};

/// What the forward pass left of `n` samples: activations and slopes of all layers, layer after layer.
pub(crate) struct Trace<'w> {
    pub inputs: Rows<'w>,
    pub activations: &'w [f32],
    /// Deltas `∂L/∂z` of the last layer, slopes `f'(z)` of those below, which become their deltas.
    pub deltas: &'w mut [f32],
    pub samples: usize,
}

impl<'w> Trace<'w> {
    /// Turns the slopes below the last layer into deltas: `δ_below = f'(z)·(δ·Wᵀ)`, from the last layer down.
    ///
    /// Returns a bound on the magnitude of every element of the summed gradient; not finite where one may overflow.
    pub(crate) fn descend(&mut self, spec: &Spec, params: &[f32]) -> f32 {
        let mut bound = 0.0_f32;
        for layer in (0..spec.depth()).rev().filter_map(|l| spec.layer(l)) {
            let at = self.offset(spec, &layer);
            let (below, here) = cut_mut(self.deltas, at);
            let deltas = cut(here, self.samples * layer.outputs).0;
            if layer.index > 0 {
                let start = at.saturating_sub(self.samples * layer.inputs);
                let weights = cut(cut(params, layer.offset).1, layer.weight_len()).0;
                kernels::input_gradient(weights, deltas, layer.outputs, cut_mut(below, start).1, layer.inputs);
            }
            let (x, deltas) = self.layer(spec, &layer);
            // A sum, since a NaN or an infinity stays in it.
            let largest = x.largest();
            let largest = if largest < 1.0 { 1.0 } else { largest };
            bound += kernels::largest(deltas) * largest * self.samples as f32;
        }
        bound
    }

    /// Where the activations and deltas of `layer` begin.
    fn offset(&self, spec: &Spec, layer: &Layer) -> usize {
        spec.layers().take(layer.index).map(|l| l.outputs * self.samples).sum()
    }

    /// What comes into `layer`, and its deltas.
    fn layer(&self, spec: &Spec, layer: &Layer) -> (Rows<'_>, &[f32]) {
        let at = self.offset(spec, layer);
        let deltas = cut(cut(self.deltas, at).1, self.samples * layer.outputs).0;
        if layer.index == 0 {
            return (self.inputs, deltas);
        }
        let width = self.samples * layer.inputs;
        (Rows::Dense(cut(cut(self.activations, at.saturating_sub(width)).1, width).0), deltas)
    }

    /// Adds the gradients of all parameters, summed over the samples, to `gradient`; after [`descend`](Self::descend).
    pub(crate) fn accumulate(&self, spec: &Spec, gradient: &mut [f32]) {
        for layer in spec.layers() {
            let (weight_gradient, rest) = cut_mut(cut_mut(gradient, layer.offset).1, layer.weight_len());
            let (x, deltas) = self.layer(spec, &layer);
            x.gradient(&layer, 0, deltas, weight_gradient, false);
            bias_rows(cut_mut(rest, layer.outputs).0, deltas, false);
        }
    }

    /// Hands blocks of rows of weights to `update` with their gradient as soon as it is known: no gradient buffer, but
    /// one `block` of at least one row; after [`descend`](Self::descend).
    ///
    /// Rows whose gradient is known to be zero are left out where `skip_zero` says so.
    pub(crate) fn for_each_block(
        &self,
        spec: &Spec,
        params: &mut [f32],
        block: &mut [f32],
        skip_zero: bool,
        update: &mut impl Update,
    ) {
        for layer in spec.layers() {
            let (weights, rest) = cut_mut(cut_mut(params, layer.offset).1, layer.weight_len());
            let bias = cut_mut(rest, layer.outputs).0;
            let bias_offset = layer.offset + layer.weight_len();
            let (x, deltas) = self.layer(spec, &layer);
            if let (Rows::Dense(x), 1) = (x, self.samples) {
                update.outer(layer.offset, weights, x, deltas, block);
                update.outer(bias_offset, bias, &[1.0], deltas, block);
                continue;
            }
            let rows = block.len().checked_div(layer.outputs).unwrap_or(0);
            // Whole tiles, where a block holds several.
            let rows = if rows > 8 { rows - rows % 8 } else { rows };
            let (mut rest, mut first) = (weights, 0);
            while !rest.is_empty() && rows > 0 {
                let (weights, tail) = cut_mut(rest, rows * layer.outputs);
                if !(skip_zero && x.are_zero(&layer, first, rows)) {
                    let gradient = cut_mut(block, weights.len()).0;
                    x.gradient(&layer, first, deltas, gradient, true);
                    update.rows(layer.offset + first * layer.outputs, weights, gradient);
                }
                (rest, first) = (tail, first + rows);
            }
            let gradient = cut_mut(block, layer.outputs).0;
            bias_rows(gradient, deltas, true);
            update.rows(bias_offset, bias, gradient);
        }
    }
}

/// What moves weights along their gradient; `offset` says where they stand among the parameters.
pub(crate) trait Update {
    /// Along the summed gradient of these rows.
    fn rows(&mut self, offset: usize, weights: &mut [f32], gradient: &[f32]);

    /// Along `x·deltasᵀ`, the gradient of one sample; `block` is scratch.
    fn outer(&mut self, offset: usize, weights: &mut [f32], x: &[f32], deltas: &[f32], block: &mut [f32]);
}

/// `g[j] += Σ_s 1·δ[s][j]`, or `=` where `fresh`: the bias is the weight of an input that is always 1.
fn bias_rows(gradient: &mut [f32], deltas: &[f32], fresh: bool) {
    let outputs = gradient.len();
    kernels::gradient_rows(gradient, &[1.0], 0, deltas, outputs, fresh);
}
