//! A run that is cut after any step, and goes on from bytes and slices, has the bits of one that was never cut: for every type
//! that keeps something from step to step.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{bits, classes, initial, numbers, samples, work};
use cygnet::average::{
    AverageState, Ema, Gate, NormUpdate, NormUpdateState, Rule, Swag, SwagState, Window, WindowState,
};
use cygnet::metrics::{Calibration, Confusion, Score};
use cygnet::model::ModelState;
use cygnet::network::Math;
use cygnet::optim::{
    AdamConfig, AdamState, AnyConfig, AnyOptimizer, AnyState, Lookahead, LookaheadState, Optimizer, ScheduleFree,
    ScheduleFreeAdam, ScheduleFreeAdamConfig, ScheduleFreeAdamState, ScheduleFreeState, SgdConfig, SgdState,
};
use cygnet::preprocess::{Fit, Missing, PreprocessConfig};
use cygnet::replicas::{Vote, Votes, VotesState};
use cygnet::reservoir::{Reservoir, ReservoirConfig, ReservoirState};
use cygnet::train::{BatchSize, GradientState, Growth, NoiseScale};
use cygnet::{Activation, Adam, Averager, Error, Gradient, Model, Sgd, Spec, Targets, Workspace};
use std::ops::Range;

const NET: Spec = Spec::new(3).dense(5, Activation::Tanh).dropout(0.25).dense(2, Activation::Identity);
const NORMED: Spec = Spec::new(3).dense(5, Activation::Relu).norm().dense(2, Activation::Identity);
const P: usize = NET.param_len();
const BATCH: usize = 4;
const STEPS: u64 = 11;
const HEAVY: SgdConfig = SgdConfig { momentum: 0.9, ..Sgd::DEFAULT };
const DECAYED: AdamConfig = AdamConfig::decoupled(0.01);
const KEPT: ReservoirConfig = ReservoirConfig { places: 5, width: 3, classes: 2 };

/// What lasts: slices, and the bytes of states, none before the first step.
struct Memory {
    params: Vec<f32>,
    /// Named by nobody: each case has its own use for them.
    slices: [Vec<f32>; 3],
    counts: Vec<u64>,
    small: Vec<u32>,
    labels: Vec<u16>,
    model: Vec<u8>,
    bytes: Vec<u8>,
    inner: Vec<u8>,
    /// What the run did, to compare.
    trace: Vec<u32>,
}

impl Memory {
    fn new() -> Self {
        Self {
            params: initial(&NET, 7),
            slices: [const { Vec::new() }; 3],
            counts: vec![9; 3],
            small: vec![9; 4],
            labels: vec![9; KEPT.places],
            model: Vec::new(),
            bytes: Vec::new(),
            inner: Vec::new(),
            trace: Vec::new(),
        }
    }

    /// Slices of these lengths, full of what must not matter, where there are none yet.
    fn with(&mut self, lens: [usize; 3]) -> &mut Self {
        if self.bytes.is_empty() {
            self.slices = lens.map(|len| vec![f32::NAN; len]);
        }
        self
    }

    /// All bits that a run leaves.
    fn all(&self) -> Vec<Vec<u32>> {
        let states =
            [&self.model, &self.bytes, &self.inner].map(|bytes| bytes.iter().map(|&byte| byte.into()).collect());
        let floats = self.slices.iter().chain([&self.params]).map(|floats| bits(floats));
        floats.chain(states).chain([self.trace.clone(), self.small.clone()]).collect()
    }
}

/// The state that bytes encode, where there are any.
fn stored<const N: usize, S>(bytes: &[u8], read: impl Fn(&[u8; N]) -> Result<S, Error>) -> Option<S> {
    bytes.first_chunk().map(|bytes| read(bytes).unwrap())
}

/// Some steps of a run; each begins by what is stored, and ends by storing it.
type Case = fn(&mut Memory, Range<u64>);

/// Steps of a model with any optimizer, which `make` gives from what is stored, and `keep` stores.
fn train<'m>(
    params: &'m mut [f32],
    stored_model: &mut Vec<u8>,
    steps: Range<u64>,
    rest: impl FnOnce(&mut Model<'m>, &mut dyn FnMut(&mut Model<'m>, &mut dyn Optimizer)),
) {
    let mut model = Model::new(&NET, params).unwrap();
    let state = stored(stored_model, |bytes| ModelState::from_bytes(&NET, bytes));
    let (seed, done) = state.map_or((7, 0), |state| (state.seed, state.steps));
    model.resume(seed, done);
    let mut floats = work(&NET, BATCH);
    rest(&mut model, &mut |model, optimizer| {
        let mut work = Workspace::new(&NET, BATCH, &mut floats).unwrap();
        for step in steps.clone() {
            let (x, y) = (samples(BATCH, &NET, step), classes(BATCH, &NET, step));
            model.train(&x, Targets::Classes(&y), optimizer, 0.05, &mut work).unwrap();
        }
    });
    *stored_model = model.state().to_bytes().to_vec();
}

fn sgd(memory: &mut Memory, steps: Range<u64>) {
    let Memory { params, slices: [velocity, ..], model, bytes, .. } = memory.with([P, 0, 0]);
    train(params, model, steps, |model, run| {
        let mut sgd = match stored(bytes, |bytes| SgdState::from_bytes(HEAVY, &NET, bytes)) {
            Some(state) => Sgd::resume(state, velocity).unwrap(),
            None => Sgd::new(HEAVY, &NET, velocity).unwrap(),
        };
        run(model, &mut sgd);
        *bytes = sgd.into_state().to_bytes().to_vec();
    });
}

fn adam(memory: &mut Memory, steps: Range<u64>) {
    let Memory { params, slices: [moments, ..], model, bytes, .. } = memory.with([2 * P, 0, 0]);
    train(params, model, steps, |model, run| {
        let mut adam = match stored(bytes, |bytes| AdamState::from_bytes(DECAYED, &NET, bytes)) {
            Some(state) => Adam::resume(state, moments).unwrap(),
            None => Adam::new(DECAYED, &NET, moments).unwrap(),
        };
        run(model, &mut adam);
        *bytes = adam.into_state().to_bytes().to_vec();
    });
}

fn schedule_free(memory: &mut Memory, steps: Range<u64>) {
    let Memory { params, slices: [floats, ..], model, bytes, .. } = memory.with([2 * P, 0, 0]);
    train(params, model, steps, |model, run| {
        let mut free = match stored(bytes, |bytes| ScheduleFreeState::from_bytes(ScheduleFree::DEFAULT, bytes)) {
            Some(state) => ScheduleFree::resume(state, model, floats).unwrap(),
            None => ScheduleFree::new(ScheduleFree::DEFAULT, model, floats).unwrap(),
        };
        run(model, &mut free);
        *bytes = free.into_state().to_bytes().to_vec();
    });
}

fn schedule_free_adam(memory: &mut Memory, steps: Range<u64>) {
    const CONFIG: ScheduleFreeAdamConfig = ScheduleFreeAdam::DEFAULT;
    let Memory { params, slices: [floats, ..], model, bytes, .. } = memory.with([3 * P, 0, 0]);
    train(params, model, steps, |model, run| {
        let mut free = match stored(bytes, |bytes| ScheduleFreeAdamState::from_bytes(CONFIG, bytes)) {
            Some(state) => ScheduleFreeAdam::resume(state, model, floats).unwrap(),
            None => ScheduleFreeAdam::new(CONFIG, model, floats).unwrap(),
        };
        run(model, &mut free);
        *bytes = free.into_state().to_bytes().to_vec();
    });
}

/// With its inner optimizer, whose state is kept without an end to either.
fn lookahead(memory: &mut Memory, steps: Range<u64>) {
    let Memory { params, slices: [slow, moments, _], model, bytes, inner, .. } = memory.with([P, 2 * P, 0]);
    train(params, model, steps, |model, run| {
        let mut lookahead = match stored(bytes, |bytes| LookaheadState::from_bytes(Lookahead::DEFAULT, bytes)) {
            Some(state) => {
                let adam = AdamState::from_bytes(DECAYED, &NET, inner.first_chunk().unwrap()).unwrap();
                Lookahead::resume(state, Adam::resume(adam, moments).unwrap(), model, slow).unwrap()
            }
            None => {
                Lookahead::new(Lookahead::DEFAULT, Adam::new(DECAYED, &NET, moments).unwrap(), model, slow).unwrap()
            }
        };
        run(model, &mut lookahead);
        *inner = lookahead.inner().state().to_bytes().to_vec();
        *bytes = lookahead.state().to_bytes().to_vec();
    });
}

/// Whichever optimizer a program chose while it ran.
fn any(config: AnyConfig, memory: &mut Memory, steps: Range<u64>) {
    let Memory { params, slices: [floats, ..], model, bytes, .. } = memory.with([config.state_len(&NET), 0, 0]);
    train(params, model, steps, |model, run| {
        let mut any = match stored(bytes, |bytes| AnyState::from_bytes(config, &NET, bytes)) {
            Some(state) => AnyOptimizer::resume(state, model, floats).unwrap(),
            None => AnyOptimizer::new(config, model, floats).unwrap(),
        };
        run(model, &mut any);
        *bytes = any.into_state().to_bytes().to_vec();
    });
}

/// Model `step` of a run.
fn params_of(step: u64) -> Vec<f32> {
    numbers(P, step)
}

fn average(rule: Rule, memory: &mut Memory, steps: Range<u64>) {
    let Memory { slices: [mean, ..], bytes, .. } = memory.with([P, 0, 0]);
    let mut average = match stored(bytes, AverageState::from_bytes) {
        Some(state) => Averager::resume(state, mean).unwrap(),
        None => Averager::with_rule(rule, mean).unwrap(),
    };
    steps.for_each(|step| assert!(average.update(&params_of(step)).is_ok()));
    *bytes = average.into_state().to_bytes().to_vec();
}

/// Weighted and compensated.
fn weighted(memory: &mut Memory, steps: Range<u64>) {
    let Memory { slices: [mean, lost, _], bytes, .. } = memory.with([P, P, 0]);
    let mut average = match stored(bytes, AverageState::from_bytes) {
        Some(state) => Averager::resume_compensated(state, mean, lost).unwrap(),
        None => {
            let mut average = Averager::new(mean);
            average.compensate(lost).unwrap();
            average
        }
    };
    steps.for_each(|step| assert!(average.update_weighted(&params_of(step), 0.3 + step as f32).is_ok()));
    *bytes = average.into_state().to_bytes().to_vec();
}

fn window(memory: &mut Memory, steps: Range<u64>) {
    let Memory { slices: [models, mean, _], bytes, trace, .. } = memory.with([Window::state_len(&NET, 3), P, 0]);
    let mut window = match stored(bytes, WindowState::from_bytes) {
        Some(state) => Window::resume(state, models).unwrap(),
        None => Window::new(3, models).unwrap(),
    };
    for step in steps {
        window.update(&params_of(step)).unwrap();
        trace.extend(bits(&window.mean(mean).unwrap()));
    }
    *bytes = window.into_state().to_bytes().to_vec();
}

fn swag(memory: &mut Memory, steps: Range<u64>) {
    let Memory { slices: [mean, second, columns], bytes, .. } = memory.with([P, P, Swag::columns_len(&NET, 2)]);
    let mut swag = match stored(bytes, SwagState::from_bytes) {
        Some(state) => Swag::resume(state, mean, second, columns).unwrap(),
        None => Swag::new(mean, second, columns).unwrap(),
    };
    steps.for_each(|step| assert!(swag.update(&params_of(step)).is_ok()));
    *bytes = swag.into_state().to_bytes().to_vec();
}

fn gate(memory: &mut Memory, steps: Range<u64>) {
    let mut gate = stored(&memory.bytes, Gate::from_bytes).unwrap_or(Gate::new(0.05).unwrap());
    steps.for_each(|step| memory.trace.push(u32::from(gate.pass(numbers(1, step)[0]))));
    memory.bytes = gate.to_bytes().to_vec();
}

/// The noise of step `step`, from micro-batches of a small network.
fn noise_of(step: u64) -> cygnet::train::Noise {
    let (mut params, mut sum, mut floats) = (initial(&NET, 3), vec![0.0; P], work(&NET, BATCH));
    let model = Model::new(&NET, &mut params).unwrap();
    let mut work = Workspace::new(&NET, BATCH, &mut floats).unwrap();
    let mut gradient = Gradient::new(&NET, &mut sum).unwrap().measured();
    for part in 0..3 {
        let (x, y) = (samples(BATCH, &NET, 3 * step + part), classes(BATCH, &NET, step));
        model.accumulate(&x, Targets::Classes(&y), &mut gradient, &mut work).unwrap();
    }
    gradient.noise().unwrap()
}

fn noise_scale(memory: &mut Memory, steps: Range<u64>) {
    let mut scale = stored(&memory.bytes, NoiseScale::from_bytes).unwrap_or(NoiseScale::new(0.1).unwrap());
    for step in steps {
        scale.update(noise_of(step));
        memory.trace.push(scale.get().map_or(0, f32::to_bits));
    }
    memory.bytes = scale.to_bytes().to_vec();
}

fn batch_size(growth: Growth, memory: &mut Memory, steps: Range<u64>) {
    let mut size = stored(&memory.bytes, BatchSize::from_bytes).unwrap_or(BatchSize::new(growth, 8, 4096, 2).unwrap());
    for step in steps {
        memory.trace.push(size.update(8, Some(noise_of(step))) as u32);
    }
    memory.bytes = size.to_bytes().to_vec();
}

/// Micro-batches with weights, of which the first one has none.
fn weighted_gradient(memory: &mut Memory, steps: Range<u64>) {
    let Memory { params, slices: [sum, ..], bytes, trace, .. } = memory.with([P, 0, 0]);
    let mut gradient = match stored(bytes, GradientState::from_bytes) {
        Some(state) => Gradient::resume(state, &NET, sum).unwrap(),
        None => Gradient::new(&NET, sum).unwrap(),
    };
    let (mut model, mut floats) = (Model::new(&NET, params).unwrap(), work(&NET, BATCH));
    let mut work = Workspace::new(&NET, BATCH, &mut floats).unwrap();
    let mut sgd = Sgd::plain(&NET).unwrap();
    for step in steps {
        model.resume(7, step);
        if step % 4 == 3 {
            trace.push(model.step(&mut gradient, &mut sgd, 0.1).unwrap().loss().to_bits());
        } else {
            let (x, y) = (samples(BATCH, &NET, step), classes(BATCH, &NET, step));
            let weights = [0.5, 0.0, 1.0, 3.0].map(|weight| weight * (step % 4) as f32);
            model.accumulate(&x, Targets::Classes(&y).weighted(&weights), &mut gradient, &mut work).unwrap();
        }
    }
    *bytes = gradient.into_state().to_bytes().to_vec();
}

/// A step is a micro-batch; after every fourth one the parameters move.
fn gradient(memory: &mut Memory, steps: Range<u64>) {
    let p = NORMED.param_len();
    if memory.bytes.is_empty() {
        memory.params = initial(&NORMED, 7);
    }
    let Memory { params, slices: [sum, ..], bytes, trace, .. } = memory.with([p, 0, 0]);
    let mut gradient = match stored(bytes, GradientState::from_bytes) {
        Some(state) => Gradient::resume(state, &NORMED, sum).unwrap(),
        None => Gradient::new(&NORMED, sum).unwrap().measured(),
    };
    let (mut model, mut floats) = (Model::new(&NORMED, params).unwrap(), work(&NORMED, BATCH));
    let mut work = Workspace::new(&NORMED, BATCH, &mut floats).unwrap();
    let mut sgd = Sgd::plain(&NORMED).unwrap();
    for step in steps {
        if step % 5 == 4 {
            gradient.clip(0.1).unwrap();
        } else if step % 5 == 0 && step > 0 {
            trace.push(gradient.noise().unwrap().variance.to_bits());
            trace.push(model.step(&mut gradient, &mut sgd, 0.1).unwrap().loss().to_bits());
        } else {
            let (x, y) = (samples(BATCH, &NORMED, step), classes(BATCH, &NORMED, step));
            model.accumulate(&x, Targets::Classes(&y), &mut gradient, &mut work).unwrap();
        }
    }
    *bytes = gradient.into_state().to_bytes().to_vec();
}

fn norm_update(memory: &mut Memory, steps: Range<u64>) {
    if memory.bytes.is_empty() {
        memory.params = initial(&NORMED, 7);
    }
    let Memory { params, slices: [pooled, ..], bytes, .. } = memory.with([NORMED.norm_len(), 0, 0]);
    let mut model = Model::new(&NORMED, params).unwrap();
    let mut update = match stored(bytes, |bytes| NormUpdateState::from_bytes(&NORMED, bytes)) {
        Some(state) => model.resume_norm_update(state, pooled).unwrap(),
        None => model.norm_update(pooled).unwrap(),
    };
    let mut floats = work(&NORMED, BATCH);
    let mut work = Workspace::new(&NORMED, BATCH, &mut floats).unwrap();
    let end = steps.end;
    steps.for_each(|step| assert!(update.add(&samples(BATCH, &NORMED, step), &mut work).is_ok()));
    if end == STEPS {
        update.finish().unwrap();
    }
    *bytes = update.into_state().to_bytes().to_vec();
}

fn fit(memory: &mut Memory, steps: Range<u64>) {
    let config = PreprocessConfig { missing: Missing::Mean, ..Fit::DEFAULT };
    let is_new = memory.bytes.is_empty();
    let Memory { slices: [floats, ..], counts, bytes, .. } = memory.with([Fit::state_len(3), 0, 0]);
    let start = if is_new { Fit::new } else { Fit::resume };
    let mut fit = start(config, 3, floats, counts).unwrap();
    steps.for_each(|step| assert!(fit.add(&[numbers(2, step), vec![f32::NAN]].concat()).is_ok()));
    *bytes = vec![0];
}

fn votes(vote: Vote, memory: &mut Memory, steps: Range<u64>) {
    let Memory { slices: [floats, ..], bytes, .. } = memory.with([vote.state_len(BATCH, 3), 0, 0]);
    let mut votes = match stored(bytes, VotesState::from_bytes) {
        Some(state) => Votes::resume(state, floats).unwrap(),
        None => Votes::new(vote, Math::Libm, 3, floats).unwrap(),
    };
    steps.for_each(|step| assert!(votes.add(&mut numbers(3 * BATCH, step), 1.0 + step as f32).is_ok()));
    *bytes = votes.into_state().to_bytes().to_vec();
}

fn confusion(memory: &mut Memory, steps: Range<u64>) {
    let start = if memory.bytes.is_empty() { Confusion::new } else { Confusion::resume };
    let mut confusion = start(2, &mut memory.small).unwrap();
    steps.for_each(|step| assert!(confusion.add((step % 2) as u16, u16::from(step % 3 == 0)).is_ok()));
    memory.bytes = vec![0];
    memory.trace = memory.small.clone();
}

fn calibration(memory: &mut Memory, steps: Range<u64>) {
    let mut calibration = stored(&memory.bytes, Calibration::from_bytes).unwrap_or_default();
    for step in steps {
        let p = numbers(1, step)[0].abs();
        calibration.add(&[p, 1.0 - p], (step % 2) as u16).unwrap();
    }
    memory.bytes = calibration.to_bytes().to_vec();
}

/// Over more samples than a level of its sums.
fn score(memory: &mut Memory, steps: Range<u64>) {
    let mut score = stored(&memory.bytes, Score::from_bytes).unwrap_or_default();
    let (params, mut floats) = (initial(&NET, 3), work(&NET, 500));
    let mut work = Workspace::new(&NET, 500, &mut floats).unwrap();
    for step in steps {
        let (x, y) = (samples(500, &NET, step), classes(500, &NET, step));
        cygnet::metrics::evaluate(&NET, &params, &x, Targets::Classes(&y), &mut score, &mut work).unwrap();
        memory.trace.push(score.loss().to_bits());
    }
    memory.bytes = score.to_bytes().to_vec();
}

fn reservoir(memory: &mut Memory, steps: Range<u64>) {
    let Memory { slices: [samples, ..], small, labels, bytes, trace, .. } = memory.with([KEPT.samples_len(), 0, 0]);
    let mut reservoir = match stored(bytes, |bytes| ReservoirState::from_bytes(KEPT, bytes)) {
        Some(state) => Reservoir::resume(state, samples, labels, small).unwrap(),
        None => Reservoir::new(KEPT, 5, samples, labels, small).unwrap(),
    };
    for step in steps {
        let place = reservoir.offer(&numbers(3, step), u16::from(step % 3 == 2)).unwrap();
        trace.push(place.map_or(9, |place| place as u32));
    }
    *bytes = reservoir.into_state().to_bytes().to_vec();
}

/// Every type that keeps something from step to step.
const CASES: &[(&str, Case)] = &[
    ("SGD", sgd),
    ("Adam", adam),
    ("schedule-free", schedule_free),
    ("schedule-free AdamW", schedule_free_adam),
    ("Lookahead", lookahead),
    ("any: SGD", |m, steps| any(AnyConfig::Sgd(HEAVY), m, steps)),
    ("any: plain SGD", |m, steps| any(AnyConfig::Sgd(Sgd::DEFAULT), m, steps)),
    ("any: Adam", |m, steps| any(AnyConfig::Adam(DECAYED), m, steps)),
    ("any: schedule-free", |m, steps| any(AnyConfig::ScheduleFree(ScheduleFree::DEFAULT), m, steps)),
    ("any: schedule-free AdamW", |m, steps| any(AnyConfig::ScheduleFreeAdam(ScheduleFreeAdam::DEFAULT), m, steps)),
    ("any: Lookahead, SGD", |m, steps| any(AnyConfig::LookaheadSgd(Lookahead::DEFAULT, HEAVY), m, steps)),
    ("any: Lookahead, Adam", |m, steps| any(AnyConfig::LookaheadAdam(Lookahead::DEFAULT, DECAYED), m, steps)),
    ("mean", |m, steps| average(Rule::mean(), m, steps)),
    ("capped mean", |m, steps| average(Rule::capped(4), m, steps)),
    ("polynomial average", |m, steps| average(Rule::polynomial(7.0), m, steps)),
    ("exponential average", |m, steps| average(Rule::ema(Ema::with_decay(0.8)), m, steps)),
    ("weighted mean", weighted),
    ("window", window),
    ("SWAG", swag),
    ("gate", gate),
    ("noise scale", noise_scale),
    ("norm test", |m, steps| batch_size(Growth::NormTest(0.9), m, steps)),
    ("growth by the noise scale", |m, steps| batch_size(Growth::NoiseScale(3.0), m, steps)),
    ("doubling", |m, steps| batch_size(Growth::Doubling(24), m, steps)),
    ("gradient", gradient),
    ("gradient with weights", weighted_gradient),
    ("update of norms", norm_update),
    ("fit", fit),
    ("soft votes", |m, steps| votes(Vote::Soft, m, steps)),
    ("pool of logits", |m, steps| votes(Vote::LogPool, m, steps)),
    ("hard votes", |m, steps| votes(Vote::Hard, m, steps)),
    ("confusion matrix", confusion),
    ("calibration", calibration),
    ("score", score),
    ("reservoir", reservoir),
];

/// The run with a cut after these steps.
fn run(case: Case, cuts: &[u64]) -> Memory {
    let mut memory = Memory::new();
    let mut first = 0;
    for end in cuts.iter().copied().chain([STEPS]) {
        case(&mut memory, first..end);
        first = end;
    }
    memory
}

#[test]
fn a_run_that_is_cut_after_any_step_has_the_bits_of_one_that_was_never_cut() {
    for &(name, case) in CASES {
        let whole = run(case, &[]);
        let everywhere: Vec<u64> = (1..STEPS).collect();
        assert_eq!(run(case, &everywhere).all(), whole.all(), "{name}, after every step");
        for cut in 1..STEPS {
            assert_eq!(run(case, &[cut]).all(), whole.all(), "{name}, after step {cut}");
        }
    }
}

/// One that starts anew after step 4 would grow at steps 7 and 10.
#[test]
fn a_doubling_that_is_cut_grows_when_it_would_have_grown() {
    for cut in 0..9 {
        let mut size = BatchSize::new(Growth::Doubling(24), 8, 64, 1).unwrap();
        let mut grown = Vec::new();
        for step in 1..=9 {
            let before = size.get();
            if size.update(8, None) > before {
                grown.push(step);
            }
            if step == cut {
                size = BatchSize::from_bytes(&size.to_bytes()).unwrap();
            }
        }
        assert_eq!(grown, [3, 6, 9], "cut after step {cut}");
    }
}

#[test]
fn norms_are_updated_by_parameters_in_any_slice() {
    let (mut params, mut pooled) = (initial(&NORMED, 1), vec![f32::NAN; NORMED.norm_len()]);
    let state = NormUpdate::new(&NORMED, &mut params, &mut pooled).unwrap().into_state();
    let mut update = NormUpdate::resume(state, &NORMED, &mut params, &mut pooled).unwrap();
    assert_eq!((state.samples(), update.finish()), (0, Err(Error::Empty)));
}
