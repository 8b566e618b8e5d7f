//! The step that ties everything together: samples → forward → loss → backward → optimizer.

use crate::backward::Trace;
use crate::error::{Buffer, Error, Setting, Value};
use crate::forward;
use crate::kernels::{self, cut_mut};
use crate::loss::{Score, Targets, score_with_gradient};
use crate::model::{Model, Workspace};
use crate::optimizer::Optimizer;
use crate::random::Masks;
use crate::samples::Inputs;
use crate::spec::Spec;

/// The gradient of a batch that comes in several micro-batches, summed over their samples, in [`Spec::param_len`]
/// floats.
///
/// The result of micro-batches is that of the whole batch, bit for bit: sums run over the samples in order.
#[derive(Debug)]
pub struct Gradient<'a> {
    sum: &'a mut [f32],
    score: Score,
}

impl<'a> Gradient<'a> {
    /// An empty sum.
    ///
    /// # Errors
    /// [`Error::Spec`], or [`Error::Length`] unless `floats` has exactly [`Spec::param_len`] floats.
    pub fn new(spec: &Spec, floats: &'a mut [f32]) -> Result<Self, Error> {
        spec.check()?;
        Error::expect_len(Buffer::Gradient, spec.param_len(), floats.len())?;
        floats.fill(0.0);
        Ok(Self { sum: floats, score: Score::default() })
    }

    /// Sum of the samples' gradients; divided by [`Score::samples`] it is the gradient of the mean loss.
    #[must_use]
    pub fn sum(&self) -> &[f32] {
        self.sum
    }

    /// Loss and hits of the samples so far.
    #[must_use]
    pub fn score(&self) -> Score {
        self.score
    }

    /// Forgets every sample.
    pub fn reset(&mut self) {
        self.sum.fill(0.0);
        self.score = Score::default();
    }

    /// Scales the mean gradient `g` down to `‖g‖₂ <= max_norm` over all parameters (Pascanu et al. 2013, algorithm 1)
    /// and returns the norm it had.
    ///
    /// # Errors
    /// [`Error::Setting`], [`Error::Empty`] without samples, [`Error::NonFinite`] for a norm that is not finite.
    pub fn clip(&mut self, max_norm: f32) -> Result<f32, Error> {
        if !(max_norm.is_finite() && max_norm > 0.0) {
            return Err(Error::Setting(Setting::MaxNorm));
        }
        if self.score.samples() == 0 {
            return Err(Error::Empty);
        }
        let norm = crate::math::sqrt(kernels::dot(self.sum, self.sum)) / self.score.samples() as f32;
        if !norm.is_finite() {
            return Err(Error::NonFinite { value: Value::Gradient, index: 0 });
        }
        if norm > max_norm {
            kernels::scale(self.sum, max_norm / norm);
        }
        Ok(norm)
    }
}

impl Model<'_> {
    /// One training step on a batch, fused: each row of weights moves as soon as its gradient is known, so no gradient
    /// buffer is needed. Returns the batch's score before the step.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Empty`], [`Error::Label`], [`Error::BatchTooLarge`], [`Error::Setting`] for the
    /// rate,
    /// [`Error::NonFinite`] for a sample, the loss, or a gradient that may reach 1e18. Nothing has changed then.
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
        optimizer.check(self.spec)?;
        let mut score = Score::default();
        let (trace, block) = self.trace(inputs, targets, &mut score, work)?;
        optimizer.begin(rate, 1.0 / trace.samples as f32);
        trace.for_each_block(self.spec, self.params, block, |offset, weights, gradient| {
            optimizer.update(offset, weights, gradient);
        });
        self.steps = self.steps.saturating_add(1);
        Ok(score)
    }

    /// Adds a micro-batch to `gradient`; parameters stay. Returns the score of all samples in it.
    ///
    /// # Errors
    /// As [`train`](Self::train); nothing has changed then.
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
        Error::expect_len(Buffer::Gradient, self.spec.param_len(), gradient.sum.len())?;
        let mut score = gradient.score;
        let (trace, _) = self.trace(inputs, targets, &mut score, work)?;
        trace.accumulate(self.spec, gradient.sum);
        gradient.score = score;
        Ok(score)
    }

    /// One training step along the mean of an accumulated gradient, which is empty afterwards.
    ///
    /// # Errors
    /// [`Error::Empty`] without samples, [`Error::Length`], [`Error::Setting`] for the rate, [`Error::NonFinite`] for a
    /// gradient of 1e18 or more. Nothing has changed then.
    pub fn step(
        &mut self,
        gradient: &mut Gradient<'_>,
        optimizer: &mut dyn Optimizer,
        rate: f32,
    ) -> Result<Score, Error> {
        check_rate(rate)?;
        optimizer.check(self.spec)?;
        Error::expect_len(Buffer::Gradient, self.spec.param_len(), gradient.sum.len())?;
        let score = gradient.score;
        if score.samples() == 0 {
            return Err(Error::Empty);
        }
        if !is_moderate(kernels::largest(gradient.sum)) {
            return Err(Error::NonFinite { value: Value::Gradient, index: 0 });
        }
        optimizer.begin(rate, 1.0 / score.samples() as f32);
        optimizer.update(0, self.params, gradient.sum);
        gradient.reset();
        self.steps = self.steps.saturating_add(1);
        Ok(score)
    }

    /// Checks a batch, runs it forward and back to the deltas of every layer, and adds it to `score`.
    fn trace<'w>(
        &self,
        inputs: Inputs<'w>,
        targets: Targets<'_>,
        score: &mut Score,
        work: &'w mut Workspace<'_>,
    ) -> Result<(Trace<'w>, &'w mut [f32]), Error> {
        let spec = self.spec;
        let samples = targets.check(spec, &inputs)?;
        let (floats, lists) = work.take(spec, samples, spec.work_len(samples))?;
        let units = spec.widths().0.saturating_mul(samples);
        let (activations, rest) = cut_mut(floats, units);
        let (deltas, row) = cut_mut(rest, units);
        let (lists, block) = lists.split_block(samples, spec, row);
        let inputs = lists.prepare(spec, inputs, samples, true)?;
        let masks = Masks::new(self.seed, self.steps);
        forward::run_training(spec, self.params, inputs, activations, deltas, masks, score.samples() as u32);
        let outputs = units - spec.outputs().saturating_mul(samples).min(units);
        let mut total = *score;
        score_with_gradient(spec, cut_mut(activations, outputs).1, cut_mut(deltas, outputs).1, targets, &mut total);
        if !total.loss().is_finite() {
            return Err(Error::NonFinite { value: Value::Loss, index: 0 });
        }
        let mut trace = Trace { inputs, activations, deltas, samples };
        if !is_moderate(trace.descend(spec, self.params)) {
            return Err(Error::NonFinite { value: Value::Gradient, index: 0 });
        }
        *score = total;
        Ok((trace, block))
    }
}

/// Whether no optimizer overflows on a gradient of magnitudes up to `bound`: squares, velocities and rates have room.
fn is_moderate(bound: f32) -> bool {
    bound < 1e18
}

fn check_rate(rate: f32) -> Result<(), Error> {
    if (0.0..=1e9).contains(&rate) { Ok(()) } else { Err(Error::Setting(Setting::Rate)) }
}
