//! From the deltas of the outputs back to every layer's deltas and gradients.

use crate::kernels::{self, cut, cut_mut};
use crate::layer::Layer;
use crate::rows::{Floats, Many, Place, Rows, Update};
use crate::spec::Spec;

/// What the forward pass left of `n` samples: activations and slopes of all layers, layer after layer.
pub(crate) struct Trace<'w> {
    pub inputs: Rows<'w>,
    pub activations: &'w [f32],
    /// Deltas `∂L/∂z` of the last layer, slopes `f'(z)` of those below, which become their deltas.
    pub deltas: &'w mut [f32],
    /// What the norms need, layer after layer; deltas are `∂L/∂y` behind a norm until [`descend`](Self::descend).
    pub norms: &'w mut [f32],
    pub samples: usize,
    pub many: Option<Many>,
}

impl<'w> Trace<'w> {
    /// Turns the slopes below the last layer into deltas: `δ_below = f'(z)·(δ·Wᵀ)`, from the last layer down.
    ///
    /// Returns a bound on the magnitude of every element of the summed gradient, given one on that of every input, and on
    /// the batch's statistics; not finite where one may overflow.
    pub(crate) fn descend(&mut self, spec: &Spec, params: &[f32], largest_input: f32) -> f32 {
        let mut bound = 0.0_f32;
        for layer in spec.layers().rev() {
            let at = layer.units_below() * self.samples;
            let (below, here) = cut_mut(self.deltas, at);
            let deltas = cut_mut(here, self.samples * layer.outputs()).0;
            if let Some(norm) = layer.norm() {
                bound += (norm.backward)(layer, deltas, params, self.norms);
            }
            if layer.index() > 0 {
                let start = at.saturating_sub(self.samples * layer.inputs());
                let weights = cut(cut(params, layer.offset()).1, layer.weight_len()).0;
                kernels::input_gradient(weights, deltas, layer.outputs(), cut_mut(below, start).1, layer.inputs());
            }
            let largest = if layer.index() == 0 { largest_input } else { kernels::largest(self.below(layer).0) };
            let largest = if largest < 1.0 { 1.0 } else { largest };
            // A sum, since a NaN or an infinity stays in it.
            bound += kernels::largest(self.deltas(layer)) * largest * self.samples as f32;
        }
        bound
    }

    /// The deltas of `layer`.
    fn deltas(&self, layer: &Layer) -> &[f32] {
        let at = layer.units_below() * self.samples;
        cut(cut(self.deltas, at).1, self.samples * layer.outputs()).0
    }

    /// The activations that come into `layer`.
    fn below(&self, layer: &Layer) -> Floats<'_> {
        let width = self.samples * layer.inputs();
        let at = layer.units_below() * self.samples;
        Floats(cut(cut(self.activations, at.saturating_sub(width)).1, width).0)
    }

    /// What comes into `layer`.
    fn rows<'s>(&self, layer: &Layer, below: &'s Floats<'s>) -> Rows<'s>
    where
        'w: 's,
    {
        if layer.index() == 0 { self.inputs } else { below.rows(self.samples, self.many) }
    }

    /// Adds the gradients of all parameters, summed over the samples, to `gradient`, and pools the statistics of norms
    /// with those of `before` samples, in the places of the running ones; after [`descend`](Self::descend).
    pub(crate) fn accumulate(&self, spec: &Spec, gradient: &mut [f32], before: u64) {
        for layer in spec.layers() {
            let (weight_gradient, rest) = cut_mut(cut_mut(gradient, layer.offset()).1, layer.weight_len());
            let deltas = self.deltas(layer);
            self.rows(layer, &self.below(layer)).accumulate(layer, deltas, weight_gradient);
            kernels::bias_gradient(cut_mut(rest, layer.outputs()).0, deltas, false);
            if let Some(norm) = layer.norm() {
                (norm.accumulate)(layer, gradient, self.norms, self.samples, before);
            }
        }
    }

    /// Hands blocks of rows of weights to `update` with their gradient as soon as it is known: no gradient buffer, but
    /// one `block` of at least one row; running statistics follow the batch; after [`descend`](Self::descend).
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
            let place = Place { layer, weights, bias, deltas: self.deltas(layer), block };
            self.rows(layer, &self.below(layer)).descend(place, skip_zero, update);
            if let Some(norm) = layer.norm() {
                let (learned, gradient) = (norm.follow)(layer, params, self.norms, self.samples);
                update.rows(layer.norm_offset(), learned, gradient);
            }
        }
    }
}
