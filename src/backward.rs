//! From the deltas of the outputs back to every layer's deltas and gradients.

use crate::kernels::{self, cut, cut_mut};
use crate::layer::Layer;
use crate::rows::{Place, Rows, Update, Work};
use crate::spec::Spec;

/// What the forward pass left of `n` samples: activations and slopes of all layers, layer after layer.
pub(crate) struct Trace<'w> {
    pub inputs: Rows<'w>,
    pub activations: &'w [f32],
    /// Deltas `∂L/∂z` of the last layer, slopes `f'(z)` of those below, which become their deltas.
    pub deltas: &'w mut [f32],
    pub samples: usize,
    pub many: Option<&'static Work>,
}

impl<'w> Trace<'w> {
    /// Turns the slopes below the last layer into deltas: `δ_below = f'(z)·(δ·Wᵀ)`, from the last layer down.
    ///
    /// Returns a bound on the magnitude of every element of the summed gradient; not finite where one may overflow.
    pub(crate) fn descend(&mut self, spec: &Spec, params: &[f32]) -> f32 {
        let mut bound = 0.0_f32;
        for layer in spec.layers().rev() {
            let at = layer.units_below() * self.samples;
            let (below, here) = cut_mut(self.deltas, at);
            let deltas = cut(here, self.samples * layer.outputs()).0;
            if layer.index() > 0 {
                let start = at.saturating_sub(self.samples * layer.inputs());
                let weights = cut(cut(params, layer.offset()).1, layer.weight_len()).0;
                kernels::input_gradient(weights, deltas, layer.outputs(), cut_mut(below, start).1, layer.inputs());
            }
            let (x, deltas) = self.layer(layer);
            // A sum, since a NaN or an infinity stays in it.
            let largest = x.largest();
            let largest = if largest < 1.0 { 1.0 } else { largest };
            bound += kernels::largest(deltas) * largest * self.samples as f32;
        }
        bound
    }

    /// What comes into `layer`, and its deltas.
    fn layer(&self, layer: &Layer) -> (Rows<'_>, &[f32]) {
        let at = layer.units_below() * self.samples;
        let deltas = cut(cut(self.deltas, at).1, self.samples * layer.outputs()).0;
        if layer.index() == 0 {
            return (self.inputs, deltas);
        }
        let width = self.samples * layer.inputs();
        let x = cut(cut(self.activations, at.saturating_sub(width)).1, width).0;
        (Rows::dense(x, self.samples, self.many), deltas)
    }

    /// Adds the gradients of all parameters, summed over the samples, to `gradient`; after [`descend`](Self::descend).
    pub(crate) fn accumulate(&self, spec: &Spec, gradient: &mut [f32]) {
        for layer in spec.layers() {
            let (weight_gradient, rest) = cut_mut(cut_mut(gradient, layer.offset()).1, layer.weight_len());
            let (x, deltas) = self.layer(layer);
            x.accumulate(layer, deltas, weight_gradient);
            kernels::bias_gradient(cut_mut(rest, layer.outputs()).0, deltas, false);
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
        update: &mut dyn Update,
    ) {
        for layer in spec.layers() {
            let (weights, rest) = cut_mut(cut_mut(params, layer.offset()).1, layer.weight_len());
            let bias = cut_mut(rest, layer.outputs()).0;
            let (rows, deltas) = self.layer(layer);
            rows.descend(Place { layer, weights, bias, deltas, block }, skip_zero, update);
        }
    }
}
