//! What takes the gradient of a batch, layer by layer: a step of the parameters, a sum over batches, a square.

use crate::inputs::batch::{Batch, Pass, Sink};
use crate::kernels;
use crate::network::layout::{Part, Place, Split, at, at_mut};
use crate::network::norm::Pooled;
use crate::network::spec::Spec;
use crate::optim::Optimizer;
use crate::slices::{cut_mut, numbered, rows};

/// A step that has begun: parameters move as soon as their gradient is known, so that no gradient buffer is needed.
pub(super) struct Step<'a> {
    pub spec: &'a Spec,
    pub params: &'a mut [f32],
    pub optimizer: &'a mut dyn Optimizer,
}

impl Sink for Step<'_> {
    fn skips_zeros(&self) -> bool {
        self.optimizer.rests_at_zero()
    }

    fn take(&mut self, offset: usize, gradient: &[f32]) {
        let params = at_mut(self.params, offset..offset.wrapping_add(gradient.len()));
        self.optimizer.update(offset, params, gradient);
    }

    fn take_one(&mut self, x: &[f32], place: Place, deltas: &[f32], block: &mut [f32]) {
        let Split { weights, bias, .. } = place.split_mut(self.params);
        self.optimizer.update_outer(place.offset, weights, x, deltas, block);
        self.optimizer.update_outer(place.range(Part::Bias).start, bias, &[1.0], deltas, block);
    }

    fn params(&mut self) -> &mut [f32] {
        self.params
    }
}

/// A step by samples with weights, which divides the gradient of a single sample too.
pub(super) struct Divided<'s, 'a>(pub &'s mut Step<'a>);

impl Sink for Divided<'_, '_> {
    fn skips_zeros(&self) -> bool {
        self.0.skips_zeros()
    }

    fn take(&mut self, offset: usize, gradient: &[f32]) {
        self.0.take(offset, gradient);
    }

    fn take_one(&mut self, x: &[f32], place: Place, deltas: &[f32], block: &mut [f32]) {
        let (width, skips) = (deltas.len(), self.skips_zeros());
        let row = cut_mut(block, width).0;
        for (k, &x) in numbered(0, x).filter(|(_, x)| !(skips && **x == 0.0)) {
            kernels::outer(row, &[x], deltas, true);
            self.take(place.offset.wrapping_add(usize::wrapping_mul(k, width)), row);
        }
        self.take(place.range(Part::Bias).start, deltas);
    }

    fn params(&mut self) -> &mut [f32] {
        self.0.params()
    }
}

/// The sum of gradients over `before` samples, as long as the parameters; where running statistics of norms stand among
/// them, those of the samples are pooled.
pub(super) struct Sum<'a> {
    pub sum: &'a mut [f32],
    pub before: u64,
}

impl Sum<'_> {
    /// The statistics of a layer's norm.
    pub(super) fn pooled(&self, place: Place) -> Pooled<'_> {
        Pooled::of(at(self.sum, place.statistics()), self.before)
    }

    /// Adds the gradient of a layer whose inputs are `x`.
    pub(super) fn add(&mut self, x: &Batch<'_>, place: Place, deltas: &[f32], pass: &mut Pass<'_>) {
        let Pass { spec, norms, samples, .. } = pass;
        let Split { weights, bias, .. } = place.split_mut(self.sum);
        x.accumulate(place.shape, deltas, weights);
        kernels::bias_gradient(bias, deltas, false);
        if let Some(norm) = spec.norm_of(place) {
            let left = (norm.left)(&spec.layout, place.index, norms, *samples, self.pooled(place));
            left.statistics.write(at_mut(self.sum, place.statistics()));
            let Split { scale, shift, .. } = place.split_mut(self.sum);
            kernels::bias_gradient(scale, left.scale, false);
            kernels::bias_gradient(shift, left.shift, false);
        }
    }
}

/// `|Σ_s g_s|²` over the learned parameters, row by row: the same whatever the size of a block.
pub(super) struct Square {
    /// Of a row: the units of the layer.
    pub width: usize,
    pub sum: f32,
}

impl Sink for Square {
    fn take(&mut self, _: usize, gradient: &[f32]) {
        for row in rows(gradient, self.width) {
            self.sum += kernels::dot(row, row);
        }
    }

    fn skips_zeros(&self) -> bool {
        true
    }

    fn take_one(&mut self, x: &[f32], _: Place, deltas: &[f32], block: &mut [f32]) {
        let row = cut_mut(block, self.width).0;
        for x in x.iter().chain(&[1.0]) {
            row.iter_mut().zip(deltas).for_each(|(g, d)| *g = x * d);
            self.take(0, row);
        }
    }
}
