//! One step of training: fused, or along a gradient of several micro-batches.

use crate::error::Error;
use crate::finite::is_moderate;
use crate::inputs::Inputs;
use crate::inputs::batch::Sink;
use crate::inputs::lists::Slot;
use crate::model::{Mark, Model, Workspace};
use crate::network::layout::at;
use crate::network::norm::Pooled;
use crate::optim::Optimizer;
use crate::score::{Aim, Score};
use crate::targets::Targets;
use crate::train::gradient::Gradient;
use crate::train::guard::{begin, check_rate};
use crate::train::sink::{Divided, Square, Step, Sum};
use crate::weighted::{AnyTargets, Weighted};

impl Model<'_> {
    /// One training step on a batch, fused: each row of weights moves as soon as its gradient is known, so no gradient
    /// buffer is needed. Returns the batch's score before the step.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Empty`], [`Error::Label`], [`Error::NoClasses`], [`Error::Target`],
    /// [`Error::BatchTooLarge`], [`Error::Setting`] for the rate, [`Error::Network`] for the optimizer of another network,
    /// [`Error::Changed`] where it [owns the weights](Optimizer::owns_weights) and they were changed since it was started,
    /// [`Error::SingleSample`] with a norm, [`Error::NonFinite`] for a sample, the loss, a gradient or a statistic that may
    /// reach 1e18, or a step that may take a parameter to `2^127`; [`Error::Weight`], [`Error::NoWeight`] and
    /// [`Error::Setting`] for [weights](crate::train::Weighted). Nothing has changed then.
    #[inline(always)]
    pub fn train<'x, 't>(
        &mut self,
        inputs: impl Into<Inputs<'x>>,
        targets: impl Into<AnyTargets<'t>>,
        optimizer: &mut dyn Optimizer,
        rate: f32,
        work: &mut Workspace<'_>,
    ) -> Result<Score, Error> {
        match targets.into() {
            AnyTargets::Plain(targets) => self.train_plain(inputs.into(), targets, optimizer, rate, work),
            AnyTargets::Weighted(targets) => self.train_weighted(inputs.into(), &targets, optimizer, rate, work),
        }
    }

    fn train_plain(
        &mut self,
        inputs: Inputs<'_>,
        targets: Targets<'_>,
        optimizer: &mut dyn Optimizer,
        rate: f32,
        work: &mut Workspace<'_>,
    ) -> Result<Score, Error> {
        self.train_by(inputs, &targets, optimizer, rate, work)
    }

    fn train_weighted(
        &mut self,
        inputs: Inputs<'_>,
        targets: &Weighted<'_>,
        optimizer: &mut dyn Optimizer,
        rate: f32,
        work: &mut Workspace<'_>,
    ) -> Result<Score, Error> {
        self.train_by(inputs, targets, optimizer, rate, work)
    }

    #[inline(always)]
    fn train_by<A: Aim>(
        &mut self,
        inputs: Inputs<'_>,
        targets: &A,
        optimizer: &mut dyn Optimizer,
        rate: f32,
        work: &mut Workspace<'_>,
    ) -> Result<Score, Error> {
        check_rate(rate)?;
        optimizer.check(self)?;
        let mut score = Score::default();
        let mut slot = Slot::default();
        let (mut trace, bound) = self.trace(&inputs, targets, &mut score, work, &mut slot)?;
        let weight = if A::IS_WEIGHTED { score.divisor()? } else { trace.samples as f32 };
        let mut step = self.commit(optimizer, rate, weight, bound)?;
        trace.layers(step.spec, |x, place, deltas, pass| {
            if A::IS_WEIGHTED {
                x.hand_over(place, deltas, pass, &mut Divided(&mut step));
            } else {
                x.hand_over(place, deltas, pass, &mut step);
            }
        });
        Ok(score)
    }

    /// Adds a micro-batch to `gradient`; parameters stay. Returns the score of all samples in it.
    ///
    /// # Errors
    /// As [`train`](Self::train) without an optimizer, [`Error::Network`] for the gradient of another network,
    /// [`Error::Clipped`], [`Error::MixedWeights`]; nothing has changed then. Weights may add up to 0.
    #[inline(always)]
    pub fn accumulate<'x, 't>(
        &self,
        inputs: impl Into<Inputs<'x>>,
        targets: impl Into<AnyTargets<'t>>,
        gradient: &mut Gradient<'_>,
        work: &mut Workspace<'_>,
    ) -> Result<Score, Error> {
        match targets.into() {
            AnyTargets::Plain(targets) => self.accumulate_plain(inputs.into(), targets, gradient, work),
            AnyTargets::Weighted(targets) => self.accumulate_weighted(inputs.into(), &targets, gradient, work),
        }
    }

    fn accumulate_plain(
        &self,
        inputs: Inputs<'_>,
        targets: Targets<'_>,
        gradient: &mut Gradient<'_>,
        work: &mut Workspace<'_>,
    ) -> Result<Score, Error> {
        self.accumulate_by(inputs, &targets, gradient, work)
    }

    fn accumulate_weighted(
        &self,
        inputs: Inputs<'_>,
        targets: &Weighted<'_>,
        gradient: &mut Gradient<'_>,
        work: &mut Workspace<'_>,
    ) -> Result<Score, Error> {
        self.accumulate_by(inputs, targets, gradient, work)
    }

    #[inline(always)]
    fn accumulate_by<A: Aim>(
        &self,
        inputs: Inputs<'_>,
        targets: &A,
        gradient: &mut Gradient<'_>,
        work: &mut Workspace<'_>,
    ) -> Result<Score, Error> {
        self.spec.check_digest(gradient.network)?;
        if gradient.clipped.is_some() {
            return Err(Error::Clipped);
        }
        if !A::IS_WEIGHTED {
            gradient.score.check_plain()?;
        }
        let (mut score, mut slot) = (gradient.score, Slot::default());
        let (mut trace, _) = self.trace(&inputs, targets, &mut score, work, &mut slot)?;
        if A::IS_WEIGHTED && gradient.squares.is_some() {
            score.check_plain()?;
        }
        let mut sum = Sum { sum: gradient.sum, before: gradient.score.samples() };
        for place in self.spec.places() {
            if let Some(norm) = self.spec.norm_of(place) {
                let left = (norm.left)(&self.spec.layout, place.index, trace.norms, trace.samples, sum.pooled(place));
                left.check(place.index)?;
            }
        }
        if let Some(squares) = &mut gradient.squares {
            let mut square = 0.0;
            trace.layers(self.spec, |x, place, deltas, pass| {
                let mut rows = Square { width: place.shape.outputs(), sum: square };
                x.hand_over(place, deltas, pass, &mut rows);
                square = rows.sum;
            });
            squares.add(square, trace.samples as u64);
        }
        trace.layers(self.spec, |x, place, deltas, pass| sum.add(x, place, deltas, pass));
        gradient.score = score;
        Ok(score)
    }

    /// One training step along the mean of an accumulated gradient, which is empty afterwards.
    ///
    /// # Errors
    /// [`Error::Empty`] without samples, [`Error::NoWeight`], [`Error::Network`], [`Error::Changed`], [`Error::Setting`] for the rate,
    /// [`Error::NonFinite`] for a gradient of 1e18 or more, or a step that may take a parameter to `2^127`. Nothing has
    /// changed then; [`reset`](Gradient::reset) removes what is too large.
    pub fn step(
        &mut self,
        gradient: &mut Gradient<'_>,
        optimizer: &mut dyn Optimizer,
        rate: f32,
    ) -> Result<Score, Error> {
        check_rate(rate)?;
        optimizer.check(self)?;
        self.spec.check_digest(gradient.network)?;
        let score = gradient.score;
        if score.samples() == 0 {
            return Err(Error::Empty);
        }
        let weight = score.divisor()?;
        let bound = gradient.largest();
        if !is_moderate(bound) {
            return Err(gradient.too_large());
        }
        let mut step = self.commit(optimizer, rate, weight, bound)?;
        gradient.learned(&mut |offset, range| step.take(offset, range));
        for place in step.spec.places() {
            if let Some(norm) = step.spec.norm_of(place) {
                let pooled = Pooled::of(at(gradient.sum, place.statistics()), score.samples());
                (norm.follow)(&step.spec.layout, place.index, step.params, &pooled);
            }
        }
        gradient.reset();
        Ok(score)
    }

    /// Makes a step count, the last that may fail: only what this returns moves parameters.
    fn commit<'s>(
        &'s mut self,
        optimizer: &'s mut dyn Optimizer,
        rate: f32,
        weight: f32,
        gradient: f32,
    ) -> Result<Step<'s>, Error> {
        begin(&mut self.bound, self.params, optimizer, rate, weight, gradient)?;
        self.mark = Mark::Live;
        self.draws.step = self.draws.step.saturating_add(1);
        self.count_change();
        Ok(Step { spec: self.spec, params: self.params, optimizer })
    }
}
