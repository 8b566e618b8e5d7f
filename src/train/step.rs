//! The step that ties everything together: samples → forward → loss → backward → optimizer.

use crate::error::{Error, Setting, Value};
use crate::finite::is_moderate;
use crate::forward::{Kept, run_training};
use crate::inputs::Inputs;
use crate::inputs::batch::{Batch, Place, Slot, Update};
use crate::kernels;
use crate::model::{Mark, Model, Workspace};
use crate::network::layer::Norm;
use crate::network::spec::Spec;
use crate::optim::Optimizer;
use crate::score::{Score, score_with_gradient};
use crate::slices::{cut_mut, rows};
use crate::targets::Targets;
use crate::train::backward::Trace;
use crate::train::gradient::Gradient;

impl Model<'_> {
    /// One training step on a batch, fused: each row of weights moves as soon as its gradient is known, so no gradient
    /// buffer is needed. Returns the batch's score before the step.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Empty`], [`Error::Label`], [`Error::NoClasses`], [`Error::Target`],
    /// [`Error::BatchTooLarge`], [`Error::Setting`] for the rate, [`Error::Network`] for the optimizer of another network,
    /// [`Error::Changed`] where it [owns the weights](Optimizer::owns_weights) and they were changed since it was started,
    /// [`Error::SingleSample`] with a norm, [`Error::NonFinite`] for a sample, the loss, a gradient or a statistic that may
    /// reach 1e18, or a step that may take a parameter to `2^127`. Nothing has changed then.
    pub fn train<'x>(
        &mut self,
        inputs: impl Into<Inputs<'x>>,
        targets: Targets<'_>,
        optimizer: &mut dyn Optimizer,
        rate: f32,
        work: &mut Workspace<'_>,
    ) -> Result<Score, Error> {
        self.train_inputs(inputs.into(), targets, optimizer, rate, work)
    }

    fn train_inputs(
        &mut self,
        inputs: Inputs<'_>,
        targets: Targets<'_>,
        optimizer: &mut dyn Optimizer,
        rate: f32,
        work: &mut Workspace<'_>,
    ) -> Result<Score, Error> {
        check_rate(rate)?;
        optimizer.check(self)?;
        let mut score = Score::default();
        let mut slot = Slot::default();
        let (trace, bound, block) = self.trace(&inputs, targets, &mut score, work, &mut slot)?;
        self.begin(optimizer, rate, trace.samples as f32, bound)?;
        descend(&trace, &self.spec, self.params, block, optimizer);
        Ok(score)
    }

    /// Adds a micro-batch to `gradient`; parameters stay. Returns the score of all samples in it.
    ///
    /// # Errors
    /// As [`train`](Self::train) without an optimizer, [`Error::Network`] for the gradient of another network,
    /// [`Error::Clipped`]; nothing has changed then.
    pub fn accumulate<'x>(
        &self,
        inputs: impl Into<Inputs<'x>>,
        targets: Targets<'_>,
        gradient: &mut Gradient<'_>,
        work: &mut Workspace<'_>,
    ) -> Result<Score, Error> {
        self.accumulate_inputs(inputs.into(), targets, gradient, work)
    }

    fn accumulate_inputs(
        &self,
        inputs: Inputs<'_>,
        targets: Targets<'_>,
        gradient: &mut Gradient<'_>,
        work: &mut Workspace<'_>,
    ) -> Result<Score, Error> {
        self.spec.check_digest(gradient.spec.digest())?;
        if gradient.clipped.is_some() {
            return Err(Error::Clipped);
        }
        let (mut score, mut slot) = (gradient.score, Slot::default());
        let (trace, _, block) = self.trace(&inputs, targets, &mut score, work, &mut slot)?;
        let (mut norms, before) = (&*trace.norms, gradient.score.samples());
        for layer in self.spec.layers() {
            let pooled = layer.pooled(gradient.sum);
            let largest = |norm: &Norm| (norm.largest)(&layer, pooled, &mut norms, trace.samples, before);
            if layer.norm().map(largest).is_some_and(|largest| !is_moderate(largest)) {
                return Err(Error::NonFinite { value: Value::Statistic, index: layer.index() });
            }
        }
        if let Some(squares) = &mut gradient.squares {
            squares.add(square(&trace, &self.spec, gradient.sum, block), trace.samples as u64);
        }
        trace.accumulate(&self.spec, gradient.sum, before);
        gradient.score = score;
        Ok(score)
    }

    /// One training step along the mean of an accumulated gradient, which is empty afterwards.
    ///
    /// # Errors
    /// [`Error::Empty`] without samples, [`Error::Network`], [`Error::Changed`], [`Error::Setting`] for the rate,
    /// [`Error::NonFinite`] for a gradient of 1e18 or more, or a step that may take a parameter to `2^127`. Nothing has
    /// changed then; [`reset`](Gradient::reset) forgets what is too large.
    pub fn step(
        &mut self,
        gradient: &mut Gradient<'_>,
        optimizer: &mut dyn Optimizer,
        rate: f32,
    ) -> Result<Score, Error> {
        check_rate(rate)?;
        optimizer.check(self)?;
        self.spec.check_digest(gradient.spec.digest())?;
        let score = gradient.score;
        if score.samples() == 0 {
            return Err(Error::Empty);
        }
        let mut bound = 0.0_f32;
        // A sum, since a NaN or an infinity stays in it.
        gradient.learned(&mut |range, _| bound += kernels::largest(range));
        if !is_moderate(bound) {
            return Err(Error::NonFinite { value: Value::Gradient, index: 0 });
        }
        self.begin(optimizer, rate, score.samples() as f32, bound)?;
        let params = &mut *self.params;
        gradient.learned(&mut |range, offset| {
            optimizer.update(offset, cut_mut(cut_mut(params, offset).1, range.len()).0, range);
        });
        self.follow_pooled(gradient);
        gradient.reset();
        Ok(score)
    }

    /// Moves the running statistics of norms towards those that `gradient` has pooled.
    fn follow_pooled(&mut self, gradient: &Gradient<'_>) {
        for layer in self.spec.layers() {
            if let Some(norm) = layer.norm() {
                (norm.follow_pooled)(&layer, self.params, layer.pooled(gradient.sum), gradient.score.samples());
            }
        }
    }

    /// Begins a step along a gradient of magnitudes up to `gradient`, the last that may fail, and carries the bound on the
    /// parameters over it.
    fn begin(&mut self, optimizer: &mut dyn Optimizer, rate: f32, samples: f32, gradient: f32) -> Result<(), Error> {
        let now = self.bound.find(self.params);
        let reach = optimizer.begin(rate, 1.0 / samples, now, gradient)?;
        self.bound.becomes(if reach >= 0.0 { now + reach } else { f32::NAN });
        self.mark = Mark::Live;
        self.draws.step = self.draws.step.saturating_add(1);
        self.count_change();
        Ok(())
    }

    /// Checks a batch, runs it forward and back to the deltas of every layer, and adds it to `score`, which is of no use
    /// after an error; also returns a bound on the magnitudes of the gradient, and memory for a block of it.
    fn trace<'w>(
        &self,
        inputs: &'w Inputs<'w>,
        targets: Targets<'_>,
        score: &mut Score,
        work: &'w mut Workspace<'_>,
        slot: &'w mut Slot<'w>,
    ) -> Result<(Trace<'w>, f32, &'w mut [f32]), Error> {
        let spec = &self.spec;
        let (samples, largest) = targets.check(spec, inputs)?;
        if samples < 2 && spec.normed() > 0 {
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
        let outputs = deltas.len().saturating_sub(spec.outputs().saturating_mul(samples));
        score_with_gradient(spec, cut_mut(activations, outputs).1, cut_mut(deltas, outputs).1, targets, score);
        score.check()?;
        let mut trace = Trace { inputs, activations, deltas, norms, samples, several };
        let bound = trace.descend(spec, self.params, largest);
        if !is_moderate(bound) {
            return Err(Error::NonFinite { value: Value::Gradient, index: 0 });
        }
        // Twice, since sums over up to 2²² samples are rounded too.
        let bound = if samples < 1 << 22 { 2.0 * bound } else { f32::NAN };
        Ok((trace, bound, block))
    }
}

/// Moves every layer's weights and bias along their gradient as soon as it is known: no gradient buffer, but one `block`
/// of at least one row.
fn descend(trace: &Trace<'_>, spec: &Spec, params: &mut [f32], block: &mut [f32], optimizer: &mut dyn Optimizer) {
    let (mut params, mut norms) = (params, &*trace.norms);
    trace.layers(spec, |layer, x, deltas| {
        let (weights, rest) = cut_mut(core::mem::take(&mut params), layer.weight_len());
        let (bias, rest) = cut_mut(rest, layer.outputs());
        let (norm, rest) = cut_mut(rest, layer.norm_len());
        params = rest;
        match x {
            Batch::One(x) => {
                optimizer.update_outer(layer.offset(), weights, x, deltas, block);
                optimizer.update_outer(layer.offset().wrapping_add(layer.weight_len()), bias, &[1.0], deltas, block);
            }
            Batch::Many(batch) => {
                let skip_zero = optimizer.rests_at_zero();
                let place = Place { layer, weights, bias, norm, norms: &mut norms, deltas, block };
                batch.descend(place, skip_zero, &mut Along(optimizer));
            }
        }
    });
}

/// `|Σ_s g_s|²` over the learned parameters of a batch, row by row: the same whatever the size of a block. `scratch`, as long
/// as the parameters, stays as it is.
fn square(trace: &Trace<'_>, spec: &Spec, scratch: &mut [f32], block: &mut [f32]) -> f32 {
    let (mut rest, mut norms, mut sum) = (scratch, &*trace.norms, 0.0);
    trace.layers(spec, |layer, x, deltas| {
        let (weights, tail) = cut_mut(core::mem::take(&mut rest), layer.weight_len());
        let (bias, tail) = cut_mut(tail, layer.outputs());
        rest = cut_mut(tail, layer.norm_len()).1;
        let mut rows = SquareOfRows { width: layer.outputs(), sum };
        match x {
            Batch::One(x) => {
                let row = cut_mut(block, layer.outputs()).0;
                for x in x.iter().chain(&[1.0]) {
                    row.iter_mut().zip(deltas).for_each(|(g, d)| *g = x * d);
                    rows.add(row);
                }
            }
            Batch::Many(batch) => {
                // What the norm learns comes after, and nothing is to move.
                let layer = &layer.plain();
                let place = Place { layer, weights, bias, norm: &mut [], norms: &mut &[][..], deltas, block };
                batch.descend(place, true, &mut rows);
            }
        }
        if let Some(norm) = layer.norm() {
            rows.add((norm.gradient)(layer, &mut norms, trace.samples));
        }
        sum = rows.sum;
    });
    sum
}

/// Sums squares in place of an update.
struct SquareOfRows {
    width: usize,
    sum: f32,
}

impl SquareOfRows {
    fn add(&mut self, gradient: &[f32]) {
        for row in rows(gradient, self.width) {
            self.sum += kernels::dot(row, row);
        }
    }
}

impl Update for SquareOfRows {
    fn rows(&mut self, _: usize, _: &mut [f32], gradient: &[f32]) {
        self.add(gradient);
    }
}

/// An optimizer that moves weights as the backward pass hands them over.
struct Along<'a>(&'a mut dyn Optimizer);

impl Update for Along<'_> {
    fn rows(&mut self, offset: usize, weights: &mut [f32], gradient: &[f32]) {
        self.0.update(offset, weights, gradient);
    }
}

fn check_rate(rate: f32) -> Result<(), Error> {
    if (0.0..=1e9).contains(&rate) { Ok(()) } else { Err(Error::Setting(Setting::Rate)) }
}

#[cfg(test)]
mod tests;
