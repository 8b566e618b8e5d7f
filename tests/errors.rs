//! Everything a user of the core can get wrong: the exact error, and nothing has changed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{bits, classes, initial, numbers, predict_work, samples, work};
use cygnet::error::{Buffer, CheckpointFault, Setting, SpecFault, SpecField, Value};
use cygnet::metrics::{Score, evaluate};
use cygnet::optim::{AdamConfig, AdamState, Optimizer, SgdConfig, SgdState};
use cygnet::store::{load, load_params, load_spec, save};
use cygnet::{Activation, Adam, Averager, Error, Gradient, Init, Loss, Model, Sgd, Spec, Targets, Workspace, predict};

/// 3 inputs, 2 outputs, 26 parameters.
const NET: Spec = Spec::new(3).dense(4, Activation::Tanh).dropout(0.5).dense(2, Activation::Identity);
/// Another network, of 4 parameters.
const OTHER: Spec = Spec::new(3).dense(1, Activation::Identity).loss(Loss::MeanSquared);
/// Samples that the workspace holds.
const BATCH: usize = 4;
const RATE: f32 = 0.1;

/// Everything that a failing call could disturb.
struct World<'a> {
    model: Model<'a>,
    adam: Adam<'a>,
    gradient: Gradient<'a>,
    averager: Averager<'a>,
    total: Score,
    work: Workspace<'a>,
}

impl World<'_> {
    fn counts(&self) -> (u64, u64, u64, Score, Score, u64) {
        let World { model, adam, gradient, averager, total, .. } = self;
        (model.seed(), model.steps(), adam.steps(), gradient.score(), *total, averager.count())
    }

    fn train(&mut self, inputs: &[f32], targets: Targets<'_>) -> Result<Score, Error> {
        self.model.train(inputs, targets, &mut self.adam, RATE, &mut self.work)
    }
}

/// Asserts that `act` fails with `error` and that parameters, moments, gradient, mean, scores and counts, none of them
/// zero, are as before.
fn refused<T>(error: Error, act: impl FnOnce(&mut World<'_>) -> Result<T, Error>) {
    let (mut params, mut state) = (initial(&NET, 7), vec![0.0; 52]);
    let (mut sum, mut mean, mut floats) = (vec![0.0; 26], vec![0.0; 26], work(&NET, BATCH));
    let (inputs, classes) = (samples(BATCH, &NET, 1), classes(BATCH, &NET, 1));
    let targets = Targets::Classes(&classes);
    let mut model = Model::new(&NET, &mut params).unwrap();
    model.resume(7, 40);
    let mut adam = Adam::resume(AdamState::new(AdamConfig::default(), &NET, 40).unwrap(), &mut state).unwrap();
    let mut work = Workspace::new(&NET, BATCH, &mut floats).unwrap();
    model.train(&inputs, targets, &mut adam, RATE, &mut work).unwrap();
    let moments = bits(&state);
    let adam = Adam::resume(AdamState::new(AdamConfig::default(), &NET, 41).unwrap(), &mut state).unwrap();
    let mut gradient = Gradient::new(&NET, &mut sum).unwrap();
    model.accumulate(&inputs, targets, &mut gradient, &mut work).unwrap();
    let mut averager = Averager::new(&mut mean);
    averager.update(&model).unwrap();
    let mut total = Score::default();
    model.evaluate(&inputs, targets, &mut total, &mut work).unwrap();
    let mut world = World { model, adam, gradient, averager, total, work };

    let slices = |w: &World<'_>| [w.model.params(), w.gradient.sum(), w.averager.mean().unwrap().as_slice()].map(bits);
    let (counts, floats) = (world.counts(), slices(&world));
    assert_eq!(act(&mut world).err(), Some(error));
    assert_eq!((world.counts(), slices(&world)), (counts, floats), "{error}");
    assert_eq!(bits(&state), moments, "{error}");
}

/// [`refused`] by all four calls that take samples and targets.
fn samples_refused(error: Error, inputs: &[f32], targets: Targets<'_>) {
    refused(error, |w| w.train(inputs, targets));
    refused(error, |w| w.model.accumulate(inputs, targets, &mut w.gradient, &mut w.work));
    refused(error, |w| w.model.evaluate(inputs, targets, &mut w.total, &mut w.work));
    refused(error, |w| evaluate(&NET, w.model.params(), inputs, targets, &mut w.total, &mut w.work));
}

const fn length(buffer: Buffer, needed: usize, got: usize) -> Error {
    Error::Length { buffer, needed, got }
}

#[test]
fn samples_and_targets_of_wrong_length() {
    let x = [0.5; 32];
    samples_refused(length(Buffer::Inputs, 6, 5), &x[..5], Targets::Classes(&[0, 1]));
    samples_refused(length(Buffer::Targets, 3, 2), &x[..9], Targets::Classes(&[0, 1]));
    samples_refused(Error::Empty, &[], Targets::Values(&x[..4]));
    samples_refused(length(Buffer::Targets, 4, 3), &x[..6], Targets::Values(&x[..3]));
    samples_refused(Error::Empty, &[], Targets::Classes(&[]));
    samples_refused(length(Buffer::Targets, 2, 0), &x[..3], Targets::Values(&[]));
    refused(Error::Empty, |w| w.model.predict(&[], &mut w.work).map(|_| ()));
    refused(length(Buffer::Inputs, 6, 4), |w| w.model.predict(&x[..4], &mut w.work).map(|_| ()));
    refused(length(Buffer::Inputs, 3, 2), |w| w.model.predict(&x[..2], &mut w.work).map(|_| ()));
}

#[test]
fn samples_and_targets_of_wrong_value() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let (mut x, mut t) = ([0.5; 6], [0.5; 4]);
        x[4] = bad;
        samples_refused(Error::NonFinite { value: Value::Input, index: 4 }, &x, Targets::Classes(&[0, 1]));
        refused(Error::NonFinite { value: Value::Input, index: 4 }, |w| w.model.predict(&x, &mut w.work).map(|_| ()));
        t[3] = bad;
        samples_refused(Error::NonFinite { value: Value::Target, index: 3 }, &[0.5; 6], Targets::Values(&t));
    }
    for label in [2, u16::MAX] {
        let error = Error::Label { sample: 1, label, classes: 2 };
        samples_refused(error, &[0.5; 9], Targets::Classes(&[1, label, 0]));
    }
}

#[test]
fn a_loss_that_is_not_finite() {
    // Of the last layer: hyperbolic tangents are finite.
    let error = Error::NonFinite { value: Value::Loss, index: 1 };
    let huge = Targets::Values(&[3e38, 3e38]);
    refused(error, |w| w.train(&[0.5; 3], huge));
    refused(error, |w| w.model.accumulate(&[0.5; 3], huge, &mut w.gradient, &mut w.work));
    let (mut params, mut floats) = (vec![3e38; 26], work(&NET, 1));
    let before = bits(&params);
    let mut model = Model::new(&NET, &mut params).unwrap();
    let mut sgd = Sgd::plain(&NET).unwrap();
    let mut work = Workspace::new(&NET, 1, &mut floats).unwrap();
    assert_eq!(model.train(&[1.0; 3], Targets::Classes(&[0]), &mut sgd, RATE, &mut work), Err(error));
    assert_eq!((bits(model.params()), model.steps()), (before, 0));
}

#[test]
fn a_workspace_that_does_not_fit() {
    let (x, t) = ([0.5; 15], [0; 5]);
    let too_large = Error::BatchTooLarge { capacity: 4, got: 5 };
    refused(too_large, |w| w.train(&x, Targets::Classes(&t)));
    refused(too_large, |w| w.model.accumulate(&x, Targets::Classes(&t), &mut w.gradient, &mut w.work));
    refused(too_large, |w| w.model.predict(&x, &mut w.work).map(|_| ()));
    // One for prediction lacks deltas and a row; one for another network lacks units.
    let (mut narrow, mut other) = (predict_work(&NET, 4), work(&OTHER, 4));
    let mut narrow = Workspace::for_prediction(&NET, 4, &mut narrow).unwrap();
    let mut other = Workspace::new(&OTHER, 4, &mut other).unwrap();
    for (work, got) in [(&mut narrow, 4 * 6), (&mut other, 4 * 2 + 1)] {
        let error = length(Buffer::Work, 4 * 12 + 4, got);
        let t = Targets::Classes(&t[..4]);
        refused(error, |w| w.model.train(&x[..12], t, &mut w.adam, RATE, work));
        refused(error, |w| w.model.accumulate(&x[..12], t, &mut w.gradient, work));
    }
    let error = length(Buffer::Work, 4 * 6, 9);
    refused(error, |w| w.model.predict(&x[..12], &mut other).map(|_| ()));
    refused(error, |w| w.model.evaluate(&x, Targets::Classes(&t), &mut w.total, &mut other));
    assert_eq!(Workspace::new(&NET, 2, &mut [0.0; 29]).err(), Some(length(Buffer::Work, 28, 29)));
    assert_eq!(Workspace::for_prediction(&NET, 2, &mut [0.0; 28]).err(), Some(length(Buffer::Work, 12, 28)));
    assert_eq!(Workspace::new(&NET, 0, &mut [0.0; 4]).err(), Some(Error::Setting(Setting::BatchSize)));
    assert_eq!(Workspace::new(&NET, usize::MAX, &mut []).err(), Some(length(Buffer::Work, usize::MAX, 0)));
}

#[test]
fn rates_and_optimizers_that_do_not_fit() {
    let (x, t) = ([0.5; 3], Targets::Classes(&[0]));
    for rate in [-1e-9, f32::NAN, f32::INFINITY] {
        let error = Error::Setting(Setting::Rate);
        refused(error, |w| w.model.train(&x, t, &mut w.adam, rate, &mut w.work));
        refused(error, |w| w.model.step(&mut w.gradient, &mut w.adam, rate));
    }
    let (mut moments, mut velocity) = ([1.0; 8], [1.0; 4]);
    let momentum = SgdConfig { momentum: 0.5, ..SgdConfig::default() };
    let mut adam = Adam::resume(AdamState::new(AdamConfig::default(), &OTHER, 3).unwrap(), &mut moments).unwrap();
    let mut sgd = Sgd::resume(SgdState::new(momentum, &OTHER).unwrap(), &mut velocity).unwrap();
    let others: [&mut dyn Optimizer; 2] = [&mut adam, &mut sgd];
    for optimizer in others {
        let error = Error::Network;
        refused(error, |w| w.model.train(&x, t, optimizer, RATE, &mut w.work));
        refused(error, |w| w.model.step(&mut w.gradient, optimizer, RATE));
    }
    assert_eq!((adam.steps(), moments, velocity), (3, [1.0; 8], [1.0; 4]));
}

#[test]
fn gradients_that_do_not_fit() {
    let mut sum = [0.0; 4];
    let (mut foreign, t) = (Gradient::new(&OTHER, &mut sum).unwrap(), Targets::Classes(&[0]));
    let error = Error::Network;
    refused(error, |w| w.model.accumulate(&[0.5; 3], t, &mut foreign, &mut w.work));
    refused(error, |w| w.model.step(&mut foreign, &mut w.adam, RATE));
    let mut sum = [0.0; 26];
    let mut empty = Gradient::new(&NET, &mut sum).unwrap();
    refused(Error::Empty, |w| w.model.step(&mut empty, &mut w.adam, RATE));
    assert_eq!(empty.clip(1.0), Err(Error::Empty));
    for norm in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        refused(Error::Setting(Setting::MaxNorm), |w| w.gradient.clip(norm));
    }
    // The gradient 2·10¹⁸·10¹⁸ is finite, its square is not: Adam would not survive it.
    let error = Error::NonFinite { value: Value::Gradient, index: 0 };
    let steep = OTHER.loss(Loss::MeanSquared);
    let (mut params, mut floats, mut sum) = ([1.0, 0.0, 0.0, 0.0], work(&steep, 1), [0.0; 4]);
    let mut work = Workspace::new(&steep, 1, &mut floats).unwrap();
    let mut gradient = Gradient::new(&steep, &mut sum).unwrap();
    let model = Model::new(&steep, &mut params).unwrap();
    let steep = model.accumulate(&[1e18, 0.0, 0.0], Targets::Values(&[0.0]), &mut gradient, &mut work);
    assert_eq!(steep, Err(error));
    assert_eq!((gradient.sum(), gradient.score()), (&[0.0; 4][..], Score::default()));
}

#[test]
fn parameters_of_wrong_length_or_scale() {
    let (mut short, mut floats, mut bytes) = ([0.5; 25], work(&NET, 1), [7; 9]);
    let error = Some(length(Buffer::Params, 26, 25));
    let mut work = Workspace::new(&NET, 1, &mut floats).unwrap();
    assert_eq!(predict(&NET, &short, &[0.5; 3], &mut work).err(), error);
    let mut total = Score::default();
    assert_eq!(evaluate(&NET, &short, &[0.5; 3], Targets::Classes(&[0]), &mut total, &mut work).err(), error);
    assert_eq!(save(&NET, &short, &mut bytes).err(), error);
    assert_eq!(Model::new(&NET, &mut short).err(), error);
    assert_eq!((short, bytes, total), ([0.5; 25], [7; 9], Score::default()));
    refused(length(Buffer::Params, 26, 3), |w| w.averager.update(&[1.0; 3]));
    let settings = Error::Setting(Setting::Sigma);
    refused(settings, |w| w.model.init(Init::Normal(-0.1), 1));
    refused(settings, |w| w.model.init(Init::Normal(f32::INFINITY), 1));
}

#[test]
fn a_wrong_description_is_refused_everywhere() {
    let poisoned = NET.dense(0, Activation::Relu).dense(2, Activation::Identity);
    let (error, none) = (Some(Error::Spec(SpecFault::ZeroWidth)), &mut [][..]);
    let mut floats = work(&NET, 1);
    let mut work = Workspace::new(&NET, 1, &mut floats).unwrap();
    let (mut total, t) = (Score::default(), Targets::Classes(&[0]));
    assert_eq!(poisoned.check().err(), error);
    assert_eq!(Model::new(&poisoned, none).err(), error);
    assert_eq!(Workspace::new(&poisoned, 1, none).err(), error);
    assert_eq!(Workspace::for_prediction(&poisoned, 1, none).err(), error);
    assert_eq!(Gradient::new(&poisoned, none).err(), error);
    assert_eq!(predict(&poisoned, &[0.0; 26], &[0.0; 3], &mut work).err(), error);
    assert_eq!(evaluate(&poisoned, &[0.0; 26], &[0.0; 3], t, &mut total, &mut work).err(), error);
    assert_eq!(save(&poisoned, &[0.0; 26], &mut [0; 200]).err(), error);
    assert_eq!(poisoned.checkpoint_len(), usize::MAX);
}

#[test]
fn a_damaged_checkpoint() {
    let len = NET.checkpoint_len();
    assert_eq!(len, 20 + 2 * 12 + 26 * 4 + 4);
    let mut whole = vec![0; len];
    save(&NET, &numbers(26, 1), &mut whole).unwrap();
    let refused = |bytes: &[u8], error: Error| {
        let mut params = [0.5; 26];
        assert_eq!((load_spec(bytes), load(bytes, &mut params), params), (Err(error), Err(error), [0.5; 26]));
    };
    let damaged = |at: usize, with: &[u8], fault| {
        let mut bytes = whole.clone();
        bytes[at..at + with.len()].copy_from_slice(with);
        refused(&bytes, Error::Checkpoint(fault));
    };
    damaged(0, &[0], CheckpointFault::Magic);
    damaged(8, &[2, 1], CheckpointFault::Version(258));
    damaged(20, &[5], CheckpointFault::Length);
    let stored = u32::from_le_bytes(*whole.last_chunk().unwrap());
    damaged(len - 4, &(!stored).to_le_bytes(), CheckpointFault::Crc(!stored, stored));
    // Depth, functions, inputs, loss, threshold, width, activation, slope and dropout that cannot be.
    for (at, with) in [(10, &[0][..]), (10, &[9]), (11, &[7]), (12, &[0, 0]), (14, &[4]), (16, &[1]), (20, &[0, 0])] {
        let mut bytes = whole.clone();
        bytes[at..at + with.len()].copy_from_slice(with);
        let fault = load_spec(&bytes);
        assert!(matches!(fault, Err(Error::Checkpoint(CheckpointFault::Field(_) | CheckpointFault::Length))), "{at}");
    }
    for (at, with) in [(22, 5_u32.to_le_bytes()), (24, [1; 4]), (28, f32::NAN.to_le_bytes()), (40, [0, 0, 0, 63])] {
        let mut bytes = whole.clone();
        bytes[at..at + 4].copy_from_slice(&with);
        assert!(matches!(load_spec(&bytes), Err(Error::Checkpoint(CheckpointFault::Field(_)))), "{at}");
    }
    refused(&[], Error::Checkpoint(CheckpointFault::Magic));
    refused(&whole[..len - 1], Error::Checkpoint(CheckpointFault::Length));
    let mut short = [0.5; 25];
    assert_eq!((load(&whole, &mut short), short), (Err(length(Buffer::Params, 26, 25)), [0.5; 25]));
    assert_eq!(save(&NET, &[0.5; 26], &mut [7; 9]), Err(length(Buffer::Checkpoint, len, 9)));
    let (mut params, mut bytes) = ([0.5; 26], vec![7; len]);
    params[13] = f32::NAN;
    assert_eq!(save(&NET, &params, &mut bytes), Err(Error::NonFinite { value: Value::Param, index: 13 }));
    assert!(bytes.iter().all(|&b| b == 7));
}

#[test]
fn a_checkpoint_of_another_network() {
    let mut whole = vec![0; NET.checkpoint_len()];
    save(&NET, &numbers(26, 1), &mut whole).unwrap();
    let refused = |spec: &Spec, bytes: &[u8], fault| {
        let mut params = [0.5; 26];
        let error = Err(Error::Checkpoint(fault));
        assert_eq!((load_params(spec, bytes, &mut params), params), (error, [0.5; 26]));
    };
    let differs = |layer, field, stored, wanted| CheckpointFault::Network { layer, field, stored, wanted };
    refused(&NET.loss(Loss::Huber(1.0)), &whole, differs(None, SpecField::Loss, 0, 3));
    refused(&NET.loss(Loss::Pinball(0.5)), &whole, differs(None, SpecField::Loss, 0, 4));
    refused(&NET.loss(Loss::GaussianNll), &whole, differs(None, SpecField::Loss, 0, 5));
    // How long a checkpoint of another network is nobody knows here: a damaged description is told as one.
    let mut damaged = whole.clone();
    damaged[20] ^= 1;
    refused(&NET, &damaged, differs(Some(0), SpecField::Width, 5, 4));
    let first = |width, activation, dropout| Spec::new(3).dense(width, activation).dropout(dropout);
    let leaky = Activation::LeakyRelu;
    let (two, half, quarter) = (first(4, Activation::Tanh, 0.5), 0.5_f32.to_bits(), 0.25_f32.to_bits());
    for (other, fault, text) in [
        (
            first(5, Activation::Tanh, 0.5),
            differs(Some(0), SpecField::Width, 4, 5),
            "layer 0, width: found 4, expected 5",
        ),
        (
            first(4, Activation::Relu, 0.5),
            differs(Some(0), SpecField::Activation, 3, 1),
            "code of the activation: found 3",
        ),
        (two.norm(), differs(Some(0), SpecField::Activation, 3, 3 + 256), "expected 259"),
        (two.layer_norm(), differs(Some(0), SpecField::Activation, 3, 3 + 512), "expected 515"),
        (
            first(4, Activation::Tanh, 0.25),
            differs(Some(0), SpecField::Dropout, half, quarter),
            "dropout: found 0.5, expected 0.25",
        ),
        (
            Spec::new(7).dense(4, Activation::Tanh).dropout(0.5),
            differs(None, SpecField::Inputs, 3, 7),
            "another network: inputs: found 3",
        ),
        (
            two.dense(1, Activation::Tanh),
            differs(None, SpecField::Depth, 2, 3),
            "number of layers: found 2, expected 3",
        ),
    ] {
        let other = other.dense(2, Activation::Identity);
        let mut params = vec![0.5; other.param_len()];
        let error = Error::Checkpoint(fault);
        assert_eq!(load_params(&other, &whole, &mut params), Err(error));
        assert!(params.iter().all(|&p| p == 0.5) && error.to_string().contains(text), "{error}");
        let before = params.clone();
        assert_eq!(Model::new(&other, &mut params).unwrap().load(&whole), Err(error));
        assert_eq!(params, before);
    }
    let steep = |slope| Spec::new(3).dense(2, leaky(slope));
    let (mut bytes, mut params) = (vec![0; steep(0.5).checkpoint_len()], [0.5; 8]);
    save(&steep(0.5), &params, &mut bytes).unwrap();
    let fault = differs(Some(0), SpecField::Slope, half, quarter);
    assert_eq!(load_params(&steep(0.25), &bytes, &mut params), Err(Error::Checkpoint(fault)));
    for (at, fault) in [(0, CheckpointFault::Magic), (9, CheckpointFault::Version(257))] {
        let mut bytes = whole.clone();
        bytes[at] = 1;
        refused(&NET, &bytes, fault);
    }
    refused(&NET, &[], CheckpointFault::Length);
    refused(&NET, &whole[..30], CheckpointFault::Length);
    refused(&NET, &whole[..whole.len() - 1], CheckpointFault::Length);
    let (body, crc) = whole.split_last_chunk().unwrap();
    let stored = u32::from_le_bytes(*crc);
    refused(&NET, &[body, &(!stored).to_le_bytes()].concat(), CheckpointFault::Crc(!stored, stored));
    let mut short = [0.5; 25];
    assert_eq!((load_params(&NET, &whole, &mut short), short), (Err(length(Buffer::Params, 26, 25)), [0.5; 25]));
}

#[test]
fn every_error_says_its_numbers_on_one_line() {
    let faults = [CheckpointFault::Magic, CheckpointFault::Length].map(Error::Checkpoint);
    let specs = {
        use SpecFault::{Constant, Dropout, NoLayers, Norm, NormKinds, OneUnit, TooLarge, TooManyLayers, ZeroWidth};
        [NoLayers, TooManyLayers, ZeroWidth, Dropout, Norm, Constant, TooLarge, OneUnit, NormKinds].map(Error::Spec)
    };
    let settings = {
        use Setting::{BatchSize, Beta, Epsilon, MaxNorm, Momentum, Rate, Scale, Sigma, WeightDecay};
        [Rate, Momentum, Beta, Epsilon, WeightDecay, MaxNorm, Sigma, BatchSize, Scale].map(Error::Setting)
    };
    let averaging = {
        use Setting::{Cap, Cycle, Decay, Draws, Growth, Lookahead, Pull, Warmup, Weight, Window};
        [Decay, Warmup, Cap, Weight, Window, Draws, Lookahead, Cycle, Growth, Pull].map(Error::Setting)
    };
    let memories = {
        use Buffer::{Columns, Compensation, Probabilities, SecondMoment, Statistics, Window};
        let known = [Compensation, Window, SecondMoment, Columns, Probabilities, Statistics];
        known.map(|buffer| length(buffer, 4711, 815))
    };
    let buffers = {
        use Buffer::{Checkpoint, Gradient, Index, Inputs, Lists, Mean, Optimizer, Params, Targets, Work};
        let known = [Params, Work, Inputs, Targets, Gradient, Optimizer, Mean, Checkpoint, Lists, Index];
        known.map(|buffer| length(buffer, 4711, 815))
    };
    let values =
        [Value::Input, Value::Target, Value::Param, Value::Output, Value::Statistic, Value::Loss, Value::Gradient];
    let single = [Error::NonFinite { value: Value::Step, index: 0 }];
    let others = {
        use Error::{
            AverageWeights, CountOverflow, Empty, LastModel, Network, NoAverage, NotAMean, SinglePart, SingleSample,
            StaleNorms, Swapped,
        };
        [
            Empty,
            NoAverage,
            Swapped,
            CountOverflow,
            NotAMean,
            LastModel,
            Network,
            SinglePart,
            SingleSample,
            StaleNorms,
            AverageWeights,
        ]
    };
    let plain = faults.into_iter().chain(specs).chain(settings).chain(averaging).chain(others).chain(single);
    let plain = plain.map(|error| (error, vec![]));
    let numbered = [
        (Error::BatchTooLarge { capacity: 32, got: 33 }, vec!["32", "33"]),
        (Error::Label { sample: 17, label: 12, classes: 10 }, vec!["17", "12", "9"]),
        (Error::Pick { row: 61, samples: 60 }, vec!["61", "60"]),
        (Error::Sparse { sample: 41 }, vec!["41"]),
        (Error::Checkpoint(CheckpointFault::Version(258)), vec!["258"]),
        (Error::Checkpoint(CheckpointFault::Field(44)), vec!["44"]),
        (Error::Checkpoint(CheckpointFault::Crc(0xab, 0xcd)), vec!["000000ab", "000000cd"]),
    ];
    let lengths = buffers.into_iter().chain(memories).map(|error| (error, vec!["4711", "815"]));
    let non_finite = values.map(|value| (Error::NonFinite { value, index: 88 }, vec!["88"]));
    let mut lines = Vec::new();
    for (error, numbers) in plain.chain(numbered).chain(lengths).chain(non_finite) {
        let line = error.to_string();
        assert!(!line.trim().is_empty() && !line.contains('\n') && line.len() < 120, "{line:?}");
        assert!(numbers.iter().all(|number| line.contains(number)), "{line:?} must name {numbers:?}");
        assert!(!lines.contains(&line), "{line:?} stands for two errors");
        lines.push(line);
    }
}
