//! A batch forward and back, to the deltas of every layer, from which a sink takes its gradient.

use crate::error::{Error, Value};
use crate::finite::is_moderate;
use crate::forward::{Kept, run_training};
use crate::inputs::Inputs;
use crate::inputs::batch::{Batch, Floats, Pass, Several};
use crate::inputs::lists::Slot;
use crate::kernels;
use crate::model::{Model, Workspace};
use crate::network::layout::Place;
use crate::network::spec::Spec;
use crate::score::{Aim, Score};
use crate::slices::{cut, cut_mut};
use crate::train::guard::with_rounding;

/// What the passes of a batch of `n` samples left: activations and deltas of all layers, layer after layer.
pub(super) struct Trace<'w> {
    inputs: Batch<'w>,
    activations: &'w [f32],
    /// Deltas `∂L/∂z` of the last layer, slopes `f'(z)` of those below, which become their deltas.
    deltas: &'w mut [f32],
    /// Rooms of norms; deltas are `∂L/∂y` behind a norm until [`backward`](Self::backward).
    pub norms: &'w mut [f32],
    /// Scratch for a row of the gradient or more.
    block: &'w mut [f32],
    pub samples: usize,
    several: Option<Several>,
}

impl Model<'_> {
    /// Checks a batch, runs it forward and back to the deltas of every layer, and adds it to `score`, which is of no use
    /// after an error; also returns a bound on the magnitudes of the gradient.
    pub(super) fn trace<'w, A: Aim>(
        &self,
        inputs: &'w Inputs<'w>,
        targets: &A,
        score: &mut Score,
        work: &'w mut Workspace<'_>,
        slot: &'w mut Slot<'w>,
    ) -> Result<(Trace<'w>, f32), Error> {
        let spec = self.spec;
        let (samples, largest) = targets.check(spec, inputs)?;
        if samples < 2 && spec.layout.has_statistics() {
            return Err(Error::SingleSample);
        }
        let (floats, mut lists) = work.take(spec, samples, spec.work_len(samples))?;
        let (mut kept, row) = Kept::split(floats, spec, samples);
        let block = lists.split_block(samples, spec, row);
        let several = lists.several;
        let inputs = inputs.prepare(spec, samples, lists, true, slot)?;
        let dropping = Some((&self.draws, score.samples() as u32));
        run_training(spec, self.params, inputs, (samples, several), &mut kept, dropping);
        let Kept { activations, slopes: deltas, norms } = kept;
        let outputs = deltas.len().saturating_sub(spec.outputs().wrapping_mul(samples));
        targets.score_with_gradient(spec, cut_mut(activations, outputs).1, cut_mut(deltas, outputs).1, score);
        let mut trace = Trace { inputs, activations, deltas, norms, block, samples, several };
        let has_loss = score.is_finite();
        let (bound, layer) = trace.backward(spec, self.params, largest, has_loss);
        // After the backward pass, which finds the layer.
        if !has_loss || !is_moderate(bound) {
            let value = if has_loss { Value::Gradient } else { Value::Loss };
            return Err(Error::NonFinite { value, index: layer.into() });
        }
        if A::IS_WEIGHTED {
            score.check_weight()?;
        }
        Ok((trace, with_rounding(bound, samples)))
    }
}

/// No layer.
const NONE: u8 = u8::MAX;

impl Trace<'_> {
    /// Turns the slopes below the last layer into deltas: `δ_below = f'(z)·(δ·Wᵀ)`, from the last layer down.
    ///
    /// Returns a bound on the magnitude of every element of the summed gradient, given one on that of every input, and on
    /// the batch's statistics; not finite where one may overflow. Also the layer where the numbers stop being finite, if
    /// they do: the first whose outputs are not; else the last one without a loss, and with one the last whose gradient may
    /// overflow.
    // In the one `trace` that an image has, mostly.
    #[inline(always)]
    fn backward(&mut self, spec: &Spec, params: &[f32], largest_input: f32, has_loss: bool) -> (f32, u8) {
        let n = self.samples;
        let (mut activations, mut deltas) = (self.activations, &mut *self.deltas);
        let mut bound = 0.0_f32;
        let mut layer = if has_loss { NONE } else { spec.layout.last() };
        for place in spec.places().rev() {
            let (inputs, outputs) = (place.shape.inputs(), place.shape.outputs());
            let start = deltas.len().saturating_sub(n.wrapping_mul(outputs));
            let (deltas_below, here) = cut_mut(deltas, start);
            (activations, deltas) = (cut(activations, start).0, deltas_below);
            if let Some(norm) = spec.norm_of(place) {
                bound += (norm.backward)(&spec.layout, place.index, params, here, self.norms);
            }
            let largest = if place.index > 0 {
                let start = start.saturating_sub(n.wrapping_mul(inputs));
                let weights = place.split(params).weights;
                kernels::input_gradient(weights, here, outputs, cut_mut(deltas, start).1, inputs);
                kernels::largest(cut(activations, start).1)
            } else {
                largest_input
            };
            let largest = if largest < 1.0 { 1.0 } else { largest };
            // A sum, since a NaN or an infinity stays in it.
            bound += kernels::largest(here) * largest * n as f32;
            if !is_moderate(bound) {
                if !largest.is_finite() {
                    // What came in is what the layer below gave.
                    layer = place.index.wrapping_sub(1);
                } else if layer == NONE {
                    layer = place.index;
                }
            }
        }
        (bound, layer)
    }

    /// Gives `each` every layer, from the first on, with what came into it and its deltas.
    pub(super) fn layers(&mut self, spec: &Spec, mut each: impl FnMut(&Batch<'_>, Place, &[f32], &mut Pass<'_>)) {
        let Self { inputs, samples, several, .. } = *self;
        let (mut below, mut activations, mut deltas) = (Floats(&[]), self.activations, &*self.deltas);
        let mut pass = Pass { spec, norms: self.norms, samples, block: self.block };
        for place in spec.places() {
            let width = samples.wrapping_mul(place.shape.outputs());
            let x = if place.index == 0 { inputs } else { below.batch(several) };
            let (here, deltas_above) = cut(deltas, width);
            each(&x, place, here, &mut pass);
            let (a, above) = cut(activations, width);
            (below, activations, deltas) = (Floats(a), above, deltas_above);
        }
    }
}
