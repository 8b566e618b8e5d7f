//! The step that ties everything together: samples → forward → loss → backward → optimizer.

mod noise;

mod gradient;

mod backward;

use crate::error::{Error, Setting, Value};
use crate::finite::is_moderate;
use crate::forward::{Kept, run_training};
use crate::inputs::rows::{Place, Rows, Update};
use crate::inputs::samples::Inputs;
use crate::inputs::sets::Form;
use crate::kernels::{self, cut_mut};
use crate::model::{Mark, Model, Workspace};
use crate::network::layer::{Layer, Norm};
use crate::network::link::Link;
use crate::network::spec::Spec;
use crate::optim::Optimizer;
use crate::score::{Score, score_with_gradient};
use crate::targets::Targets;
use backward::Trace;
pub use gradient::Gradient;
pub use noise::{BatchSize, Growth, Noise, NoiseScale};

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
        let mut form = Form::Unused;
        let (trace, bound, block) = self.trace(inputs, targets, &mut score, work, &mut form)?;
        self.begin(optimizer, rate, trace.samples as f32, bound)?;
        descend(&trace, self.spec, self.params, block, optimizer);
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
        let (mut score, mut form) = (gradient.score, Form::Unused);
        let (trace, _, block) = self.trace(inputs, targets, &mut score, work, &mut form)?;
        let (mut norms, before) = (&*trace.norms, gradient.score.samples());
        for layer in self.spec.layers() {
            let pooled = layer.pooled(gradient.sum);
            let largest = |norm: &Norm| (norm.largest)(layer, pooled, &mut norms, trace.samples, before);
            if layer.norm().map(largest).is_some_and(|largest| !is_moderate(largest)) {
                return Err(Error::NonFinite { value: Value::Statistic, index: layer.index() });
            }
        }
        if let Some(squares) = &mut gradient.squares {
            squares.add(square(&trace, self.spec, gradient.sum, block), trace.samples as u64);
        }
        trace.accumulate(self.spec, gradient.sum, before);
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
                (norm.follow_pooled)(layer, self.params, layer.pooled(gradient.sum), gradient.score.samples());
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
        inputs: Inputs<'w>,
        targets: Targets<'_>,
        score: &mut Score,
        work: &'w mut Workspace<'_>,
        form: &'w mut Form<'w>,
    ) -> Result<(Trace<'w>, f32, &'w mut [f32]), Error> {
        let spec = self.spec;
        let (samples, largest) = targets.check(spec, &inputs)?;
        if samples < 2 && spec.normed() > 0 {
            return Err(Error::SingleSample);
        }
        let (floats, mut lists) = work.take(spec, samples, spec.work_len(samples))?;
        let (mut kept, row) = Kept::split(floats, spec, samples);
        let block = lists.split_block(samples, spec, row);
        let many = lists.many;
        let inputs = inputs.prepare(spec, samples, lists, true, form)?;
        let dropping = Some((&self.draws, score.samples() as u32));
        run_training(spec, self.params, inputs, (samples, many), &mut kept, dropping);
        let Kept { activations, slopes: deltas, norms } = kept;
        let outputs = deltas.len().saturating_sub(spec.outputs().saturating_mul(samples));
        score_with_gradient(spec, cut_mut(activations, outputs).1, cut_mut(deltas, outputs).1, targets, score);
        score.check()?;
        let mut trace = Trace { inputs, activations, deltas, norms, samples, many };
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
            Rows::One(x) => {
                optimizer.update_outer(layer.offset(), weights, x, deltas, block);
                optimizer.update_outer(layer.offset().wrapping_add(layer.weight_len()), bias, &[1.0], deltas, block);
            }
            Rows::Batch(batch) => {
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
            Rows::One(x) => {
                let row = cut_mut(block, layer.outputs()).0;
                for x in x.iter().chain(&[1.0]) {
                    row.iter_mut().zip(deltas).for_each(|(g, d)| *g = x * d);
                    rows.add(row);
                }
            }
            Rows::Batch(batch) => {
                // What the norm learns comes after, and nothing is to move.
                let layer = &Layer { norm: Link(None), ..*layer };
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
        for row in kernels::rows(gradient, self.width) {
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
mod tests {
    use super::*;
    use crate::Averager;
    use crate::model::Init;
    use crate::model::params::{LIMIT, Params};
    use crate::network::activation::Activation;
    use crate::network::loss::Loss;
    use crate::optim::Optimizer;
    use crate::optim::{Adam, AdamConfig, Sgd, SgdConfig};
    use std::boxed::Box;
    use std::vec;

    const NET: Spec = Spec::new(3).dense(5, Activation::Tanh).dense(2, Activation::Identity).loss(Loss::MeanSquared);
    const LEN: usize = NET.param_len();

    /// Trains for a while and compares the bound with the parameters after every step.
    fn follow(optimizer: &mut dyn Optimizer, rate: f32) -> f32 {
        let (mut params, mut floats) = (vec![0.0; LEN], vec![0.0; NET.work_len(4)]);
        let mut model = Model::new(&NET, &mut params).unwrap();
        model.init(Init::He, 1).unwrap();
        let mut work = Workspace::new(&NET, 4, &mut floats).unwrap();
        let x: [f32; 12] = core::array::from_fn(|i| i as f32 - 6.0);
        for step in 0..200 {
            let targets = [(step % 7) as f32; 8];
            if model.train(&x, Targets::Values(&targets), optimizer, rate, &mut work).is_err() {
                break;
            }
            let largest = kernels::largest(model.params);
            let bound = model.bound.get();
            assert!(bound >= LIMIT || bound.is_nan() || bound >= largest, "step {step}: {bound} {largest}");
        }
        model.bound.get()
    }

    #[test]
    fn a_bound_on_the_parameters_follows_them() {
        let decay = SgdConfig { weight_decay: 0.1, ..SgdConfig::default() };
        let momentum = SgdConfig { momentum: 0.9, nesterov: false, weight_decay: 0.1 };
        let nesterov = SgdConfig { nesterov: true, ..momentum };
        for config in [SgdConfig::default(), decay, momentum, nesterov] {
            for rate in [1e-3, 0.03, 1.0, 100.0] {
                let mut state = vec![0.0; config.state_len(&NET)];
                let bound = follow(&mut Sgd::new(config, &NET, &mut state).unwrap(), rate);
                assert!(rate > 0.1 || bound < 1e9, "{bound}");
            }
        }
        let coupled = AdamConfig { weight_decay: 0.1, ..AdamConfig::default() };
        for config in [AdamConfig::default(), coupled, AdamConfig::decoupled(0.5)] {
            for rate in [1e-3, 1.0] {
                let mut state = vec![0.0; config.state_len(&NET)];
                let bound = follow(&mut Adam::new(config, &NET, &mut state).unwrap(), rate);
                assert_eq!(bound < 1e25, config != coupled, "{bound}");
            }
        }
    }

    #[test]
    fn states_from_elsewhere_give_no_false_bound_or_are_refused() {
        let momentum = SgdConfig { momentum: 0.9, ..SgdConfig::default() };
        let state = |index| Some(Error::NonFinite { value: Value::State, index });
        for odd in [1e30, -1e30, 1e38] {
            follow(&mut Sgd::resume(momentum, &NET, &mut [odd; LEN]).unwrap(), 0.1);
            for beta2 in [0.0, 0.999] {
                let mut moments = [odd.abs(); 2 * LEN];
                moments[3] = odd;
                let config = AdamConfig { beta2, ..AdamConfig::default() };
                follow(&mut Adam::resume(config, &NET, &mut moments, 3).unwrap(), 0.1);
            }
        }
        for odd in [LIMIT, -f32::MAX, f32::INFINITY, f32::NAN, -1.0] {
            let (mut velocity, mut moments) = ([0.1; LEN], [0.1; 2 * LEN]);
            (velocity[5], moments[LEN + 7]) = (odd, odd);
            assert_eq!(Sgd::resume(momentum, &NET, &mut velocity).err(), if odd == -1.0 { None } else { state(5) });
            assert_eq!(Adam::resume(AdamConfig::default(), &NET, &mut moments, 3).err(), state(LEN + 7));
        }
    }

    #[test]
    fn large_weights_and_steps_by_hand_give_no_false_bound() {
        // Coupled decay makes infinite squares, and with β₂ = 0 no numbers of them.
        let config = AdamConfig { beta2: 0.0, weight_decay: 1.0, ..AdamConfig::default() };
        let mut momentum = [0.0; LEN];
        let by_hand = SgdConfig { momentum: 0.9, ..SgdConfig::default() };
        let mut sgd = Sgd::new(by_hand, &NET, &mut momentum).unwrap();
        sgd.begin(0.1, 1.0, 0.0, 1e38).unwrap();
        sgd.update(0, &mut [0.0; LEN], &[1e38; LEN]);
        let mut moments = [0.0; 2 * LEN];
        let mut adam = Adam::new(config, &NET, &mut moments).unwrap();
        let optimizers: [(&mut dyn Optimizer, f32); 2] = [(&mut adam, 1e-3), (&mut sgd, 10.0)];
        for (optimizer, rate) in optimizers {
            let (mut params, mut floats) = (vec![0.5; LEN], vec![0.0; NET.work_len(1)]);
            params[0] = 1e20;
            let mut mean = vec![0.0; LEN];
            let mut model = Model::new(&NET, &mut params).unwrap();
            let mut work = Workspace::new(&NET, 1, &mut floats).unwrap();
            for _ in 0..3 {
                let x = [0.0, 0.5, 0.5];
                let _ = model.train(&x, Targets::Values(&[1.0; 2]), optimizer, rate, &mut work);
                let sound = kernels::largest(model.params) < LIMIT;
                assert_eq!(Averager::new(&mut mean).update(&model).is_ok(), sound);
            }
        }
    }

    #[test]
    fn a_step_by_hand_after_training_gives_no_false_bound() {
        let momentum = SgdConfig { momentum: 0.9, ..SgdConfig::default() };
        let (mut velocity, mut moments) = ([0.0; LEN], [0.0; 2 * LEN]);
        let mut sgd = Sgd::new(momentum, &NET, &mut velocity).unwrap();
        let config = AdamConfig { epsilon: 1.0, ..AdamConfig::default() };
        let mut adam = Adam::new(config, &NET, &mut moments).unwrap();
        let (mut velocity, mut moments) = ([0.0; LEN], [0.0; 2 * LEN]);
        let mut other_sgd = Sgd::new(momentum, &NET, &mut velocity).unwrap();
        let mut other_adam = Adam::new(config, &NET, &mut moments).unwrap();
        let optimizers: [(&mut dyn Optimizer, bool); 4] =
            [(&mut sgd, false), (&mut adam, false), (&mut other_sgd, true), (&mut other_adam, true)];
        for (optimizer, begun) in optimizers {
            let (mut params, mut floats, mut mean) = ([0.5; LEN], vec![0.0; NET.work_len(1)], [0.0; LEN]);
            let mut model = Model::new(&NET, &mut params).unwrap();
            let mut work = Workspace::new(&NET, 1, &mut floats).unwrap();
            let mut train = |model: &mut Model<'_>, optimizer: &mut dyn Optimizer, rate| {
                let _ = model.train(&[0.5; 3], Targets::Values(&[1.0; 2]), optimizer, rate, &mut work);
            };
            train(&mut model, optimizer, 0.1);
            assert!(model.bound.get() < 1e3);
            train(&mut model, optimizer, 0.1);
            assert!(model.bound.get() < 1e3);
            if begun {
                // One step more than the bound knows of.
                optimizer.begin(0.1, 1.0, 1.0, 1.0).unwrap();
                optimizer.update(0, &mut [0.0; LEN], &[1.0; LEN]);
            }
            optimizer.update(0, &mut [0.0; LEN], &[1e18; LEN]);
            let before = model.params.to_vec();
            train(&mut model, optimizer, 1e3);
            // The state was looked at: it reaches that far.
            assert!(model.bound.get() > 1e18 || model.params == before);
            let sound = kernels::largest(model.params) < LIMIT;
            assert_eq!(Averager::new(&mut mean).update(&model).is_ok(), sound);
        }
    }

    #[test]
    fn parameters_that_were_lent_out_or_drawn_anew_have_no_bound() {
        let (mut params, mut floats, mut mean) = ([0.5; LEN], vec![0.0; NET.work_len(1)], [0.0; LEN]);
        let mut model = Model::new(&NET, &mut params).unwrap();
        let mut work = Workspace::new(&NET, 1, &mut floats).unwrap();
        let mut sgd = Sgd::new(SgdConfig::default(), &NET, &mut []).unwrap();
        model.train(&[0.5; 3], Targets::Values(&[1.0; 2]), &mut sgd, 0.1, &mut work).unwrap();
        let mut average = Averager::new(&mut mean);
        model.params_mut()[3] = f32::NAN;
        assert!(average.update(&model).is_err());
        model.params_mut()[3] = 0.5;
        model.train(&[0.5; 3], Targets::Values(&[1.0; 2]), &mut sgd, 0.1, &mut work).unwrap();
        model.init(Init::Normal(1e37), 1).unwrap();
        assert_eq!(average.update(&model), Ok(1));
        model.params_mut().fill(LIMIT);
        assert!(average.update(&model).is_err());
    }

    #[test]
    fn an_optimizer_that_gives_no_bound_leaves_the_look_to_the_average() {
        struct Wild(f32);
        impl Optimizer for Wild {
            fn check(&self, _: &Model<'_>) -> Result<(), Error> {
                Ok(())
            }
            fn begin(&mut self, _: f32, _: f32, _: f32, _: f32) -> Result<f32, Error> {
                Ok(self.0)
            }
            fn update(&mut self, _: usize, weights: &mut [f32], _: &[f32]) {
                weights.fill(f32::INFINITY);
            }
        }
        let (mut params, mut floats, mut mean) = (vec![0.0; LEN], vec![0.0; NET.work_len(1)], vec![0.0; LEN]);
        let mut model = Model::new(&NET, &mut params).unwrap();
        let mut work = Workspace::new(&NET, 1, &mut floats).unwrap();
        let sgd = Sgd::new(SgdConfig::default(), &NET, &mut []).unwrap();
        let mut optimizers: [Box<dyn Optimizer>; 4] =
            [Box::new(sgd), Box::new(Wild(f32::NAN)), Box::new(Wild(-0.5)), Box::new(Wild(f32::INFINITY))];
        let mut average = Averager::new(&mut mean);
        for (optimizer, sound) in optimizers.iter_mut().zip([true, false, false, false]) {
            model.params_mut().fill(1.0);
            model.train(&[1.0; 3], Targets::Values(&[1.0; 2]), &mut **optimizer, 0.1, &mut work).unwrap();
            assert_eq!(average.update(&model).is_ok(), sound);
        }
        model.params_mut().fill(LIMIT);
        assert!(Params::from(&model).check().is_err());
        model.params_mut().fill(1.0);
        assert_eq!(average.update(&model), Ok(2));
    }
}
