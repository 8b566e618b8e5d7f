//! From the deltas of the outputs back to every layer's deltas and gradients.

use crate::kernels::{self, cut, cut_mut, rows_mut};
use crate::spec::{Layer, Spec};

/// What the forward pass left of `n` samples: activations and slopes of all layers, layer after layer.
pub(crate) struct Trace<'w> {
    pub inputs: &'w [f32],
    pub activations: &'w [f32],
    /// Deltas `∂L/∂z` of the last layer, slopes `f'(z)` of those below, which become their deltas.
    pub deltas: &'w mut [f32],
    pub samples: usize,
}

impl Trace<'_> {
    /// What comes into `layer` and its deltas, after the layer below has received its own: `δ_below = f'(z)·(δ·Wᵀ)`.
    ///
    /// To be called from the last layer down, before `weights` change.
    fn descend(&mut self, spec: &Spec, layer: &Layer, weights: &[f32]) -> (&[f32], &[f32]) {
        let at: usize = spec.layers().take(layer.index).map(|l| l.outputs * self.samples).sum();
        let (below, here) = cut_mut(self.deltas, at);
        let deltas = cut(here, self.samples * layer.outputs).0;
        if layer.index == 0 {
            return (self.inputs, deltas);
        }
        let width = self.samples * layer.inputs;
        let start = at.saturating_sub(width);
        kernels::input_gradient(weights, deltas, layer.outputs, cut_mut(below, start).1, layer.inputs);
        (cut(cut(self.activations, start).1, width).0, deltas)
    }

    /// Adds the gradients of all parameters, summed over the samples, to `gradient`.
    pub(crate) fn accumulate(&mut self, spec: &Spec, params: &[f32], gradient: &mut [f32]) {
        for layer in (0..spec.depth()).rev().filter_map(|l| spec.layer(l)) {
            let weights = cut(cut(params, layer.offset).1, layer.weight_len()).0;
            let (weight_gradient, rest) = cut_mut(cut_mut(gradient, layer.offset).1, layer.weight_len());
            let bias_gradient = cut_mut(rest, layer.outputs).0;
            let (x, deltas) = self.descend(spec, &layer, weights);
            kernels::gradient_rows(weight_gradient, x, layer.inputs, deltas, layer.outputs);
            bias_rows(bias_gradient, deltas);
        }
    }

    /// Hands each row of weights to `update` with its gradient as soon as it is known: no gradient buffer, one `row`.
    ///
    /// `update(offset, weights, gradient)`: where the row stands among the parameters, the row, its summed gradient.
    pub(crate) fn for_each_row(
        &mut self,
        spec: &Spec,
        params: &mut [f32],
        row: &mut [f32],
        mut update: impl FnMut(usize, &mut [f32], &[f32]),
    ) {
        for layer in (0..spec.depth()).rev().filter_map(|l| spec.layer(l)) {
            let (weights, rest) = cut_mut(cut_mut(params, layer.offset).1, layer.weight_len());
            let bias = cut_mut(rest, layer.outputs).0;
            let (x, deltas) = self.descend(spec, &layer, weights);
            let gradient = cut_mut(row, layer.outputs).0;
            let mut offset = layer.offset;
            for (k, weights) in rows_mut(weights, layer.outputs).enumerate() {
                gradient.fill(0.0);
                kernels::gradient_rows(gradient, cut(x, k).1, layer.inputs, deltas, layer.outputs);
                update(offset, weights, gradient);
                offset += layer.outputs;
            }
            gradient.fill(0.0);
            bias_rows(gradient, deltas);
            update(offset, bias, gradient);
        }
    }
}

/// `g[j] += Σ_s 1·δ[s][j]`: the bias is the weight of an input that is always 1.
fn bias_rows(gradient: &mut [f32], deltas: &[f32]) {
    let outputs = gradient.len();
    kernels::gradient_rows(gradient, &[1.0], 0, deltas, outputs);
}
