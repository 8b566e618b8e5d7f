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

impl Trace<'_> {
    /// What comes into `layer` and its deltas, after the layer below has received its own: `δ_below = f'(z)·(δ·Wᵀ)`.
    ///
    /// To be called from the last layer down, before `weights` change.
    fn descend(&mut self, spec: &Spec, layer: &Layer, weights: &[f32]) -> (Rows<'_>, &[f32]) {
        let at: usize = spec.layers().take(layer.index).map(|l| l.outputs * self.samples).sum();
        let (below, here) = cut_mut(self.deltas, at);
        let deltas = cut(here, self.samples * layer.outputs).0;
        if layer.index == 0 {
            return (self.inputs, deltas);
        }
        let width = self.samples * layer.inputs;
        let start = at.saturating_sub(width);
        kernels::input_gradient(weights, deltas, layer.outputs, cut_mut(below, start).1, layer.inputs);
        (Rows::Dense(cut(cut(self.activations, start).1, width).0), deltas)
    }

    /// Adds the gradients of all parameters, summed over the samples, to `gradient`.
    pub(crate) fn accumulate(&mut self, spec: &Spec, params: &[f32], gradient: &mut [f32]) {
        for layer in (0..spec.depth()).rev().filter_map(|l| spec.layer(l)) {
            let weights = cut(cut(params, layer.offset).1, layer.weight_len()).0;
            let (weight_gradient, rest) = cut_mut(cut_mut(gradient, layer.offset).1, layer.weight_len());
            let bias_gradient = cut_mut(rest, layer.outputs).0;
            let (x, deltas) = self.descend(spec, &layer, weights);
            x.gradient(&layer, 0, deltas, weight_gradient);
            bias_rows(bias_gradient, deltas);
        }
    }

    /// Hands blocks of rows of weights to `update` with their gradient as soon as it is known: no gradient buffer, but one
    /// `block` of at least one row.
    ///
    /// `update(offset, weights, gradient)`: where the rows stand among the parameters, the rows, their summed gradient.
    pub(crate) fn for_each_block(
        &mut self,
        spec: &Spec,
        params: &mut [f32],
        block: &mut [f32],
        mut update: impl FnMut(usize, &mut [f32], &[f32]),
    ) {
        for layer in (0..spec.depth()).rev().filter_map(|l| spec.layer(l)) {
            let (weights, rest) = cut_mut(cut_mut(params, layer.offset).1, layer.weight_len());
            let bias = cut_mut(rest, layer.outputs).0;
            let (x, deltas) = self.descend(spec, &layer, weights);
            let rows = block.len().checked_div(layer.outputs).unwrap_or(0);
            let (mut rest, mut first) = (weights, 0);
            while !rest.is_empty() && rows > 0 {
                let (weights, tail) = cut_mut(rest, rows * layer.outputs);
                let gradient = cut_mut(block, weights.len()).0;
                gradient.fill(0.0);
                x.gradient(&layer, first, deltas, gradient);
                update(layer.offset + first * layer.outputs, weights, gradient);
                (rest, first) = (tail, first + rows);
            }
            let gradient = cut_mut(block, layer.outputs).0;
            gradient.fill(0.0);
            bias_rows(gradient, deltas);
            update(layer.offset + layer.weight_len(), bias, gradient);
        }
    }
}

/// `g[j] += Σ_s 1·δ[s][j]`: the bias is the weight of an input that is always 1.
fn bias_rows(gradient: &mut [f32], deltas: &[f32]) {
    let outputs = gradient.len();
    kernels::gradient_rows(gradient, &[1.0], 0, deltas, outputs);
}
