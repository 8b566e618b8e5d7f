//! From the deltas of the outputs back to every layer's deltas and gradients.

use crate::inputs::batch::{Batch, Floats, Several};
use crate::kernels;
use crate::network::layer::Layer;
use crate::network::spec::Spec;
use crate::slices::{cut, cut_mut};

/// What the forward pass left of `n` samples: activations and slopes of all layers, layer after layer.
pub(crate) struct Trace<'w> {
    pub inputs: Batch<'w>,
    pub activations: &'w [f32],
    /// Deltas `∂L/∂z` of the last layer, slopes `f'(z)` of those below, which become their deltas.
    pub deltas: &'w mut [f32],
    /// What norms need, layer after layer; deltas are `∂L/∂y` behind a norm until [`descend`](Self::descend).
    pub norms: &'w mut [f32],
    pub samples: usize,
    pub several: Option<Several>,
}

impl Trace<'_> {
    /// Turns the slopes below the last layer into deltas: `δ_below = f'(z)·(δ·Wᵀ)`, from the last layer down.
    ///
    /// Returns a bound on the magnitude of every element of the summed gradient, given one on that of every input, and on
    /// the batch's statistics; not finite where one may overflow.
    pub(crate) fn descend(&mut self, spec: &Spec, params: &[f32], largest_input: f32) -> f32 {
        let n = self.samples;
        let (mut activations, mut deltas, mut norms) = (self.activations, &mut *self.deltas, &mut *self.norms);
        let mut bound = 0.0_f32;
        for layer in spec.layers().rev() {
            let at = deltas.len().saturating_sub(n.wrapping_mul(layer.outputs()));
            let (deltas_below, here) = cut_mut(core::mem::take(&mut deltas), at);
            (activations, deltas) = (cut(activations, at).0, deltas_below);
            if let Some(norm) = layer.norm() {
                bound += (norm.backward)(&layer, here, params, &mut norms);
            }
            let largest = if layer.index() > 0 {
                let start = at.saturating_sub(n.wrapping_mul(layer.inputs()));
                let weights = cut(cut(params, layer.offset()).1, layer.weight_len()).0;
                kernels::input_gradient(weights, here, layer.outputs(), cut_mut(deltas, start).1, layer.inputs());
                kernels::largest(cut(activations, start).1)
            } else {
                largest_input
            };
            let largest = if largest < 1.0 { 1.0 } else { largest };
            // A sum, since a NaN or an infinity stays in it.
            bound += kernels::largest(here) * largest * n as f32;
        }
        bound
    }

    /// Gives `each` every layer with what came into it and its deltas; after [`descend`](Self::descend).
    pub(crate) fn layers(&self, spec: &Spec, mut each: impl FnMut(&Layer, &Batch<'_>, &[f32])) {
        let (mut below, mut activations, mut deltas) = (Floats(&[]), self.activations, &*self.deltas);
        for layer in spec.layers() {
            let width = self.samples.wrapping_mul(layer.outputs());
            let x = if layer.index() == 0 { self.inputs } else { below.batch(self.samples, self.several) };
            let (here, deltas_above) = cut(deltas, width);
            each(&layer, &x, here);
            let (a, above) = cut(activations, width);
            (below, activations, deltas) = (Floats(a), above, deltas_above);
        }
    }

    /// Adds the gradients of all parameters, summed over the samples, to `gradient`, and pools the statistics of norms
    /// with those of `before` samples, in the places of the running ones; after [`descend`](Self::descend).
    pub(crate) fn accumulate(&self, spec: &Spec, gradient: &mut [f32], before: u64) {
        let (mut gradient, mut norms) = (gradient, &*self.norms);
        self.layers(spec, |layer, x, deltas| {
            let (weight_gradient, rest) = cut_mut(core::mem::take(&mut gradient), layer.weight_len());
            let (bias_gradient, rest) = cut_mut(rest, layer.outputs());
            x.accumulate(layer, deltas, weight_gradient);
            kernels::bias_gradient(bias_gradient, deltas, false);
            gradient = match layer.norm() {
                Some(norm) => (norm.accumulate)(layer, rest, &mut norms, self.samples, before),
                None => rest,
            };
        });
    }
}
