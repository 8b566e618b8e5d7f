//! What training guarantees: one result however the work is cut, resumed or compiled; and that it learns.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{bits, classes, initial, numbers, predict_work, samples, work};
use cygnet::average::Snapshots;
#[cfg(all(feature = "std", target_arch = "x86_64"))]
use cygnet::kernels::{Isa, force};
use cygnet::metrics::{Score, evaluate};
use cygnet::optim::{AdamConfig, AdamState, Optimizer, SgdConfig, SgdState};
use cygnet::{Activation, Adam, Averager, Error, Gradient, Loss, Model, Sgd, Spec, Targets, Workspace, predict};

/// A share of 40 000 random units, in standard deviations: 5 of them.
const SHARE: f64 = 5.0 / 400.0;
/// A mean of exact gains over units: rounding alone, beside [`SHARE`].
const NORM: f64 = 1e-6;

const SGD: SgdConfig = SgdConfig { momentum: 0.0, nesterov: false, weight_decay: 0.0, no_bias_decay: false };
const MOMENTUM: SgdConfig = SgdConfig { momentum: 0.9, ..SGD };
const NESTEROV: SgdConfig = SgdConfig { momentum: 0.9, nesterov: true, weight_decay: 0.01, no_bias_decay: false };
const ADAM: AdamConfig =
    AdamConfig { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0, decoupled: false, no_bias_decay: false };
const COUPLED: AdamConfig = AdamConfig { weight_decay: 0.1, ..ADAM };
const ADAMW: AdamConfig = AdamConfig { weight_decay: 0.1, decoupled: true, ..ADAM };

#[derive(Clone, Copy, Debug)]
enum Kind {
    Sgd(SgdConfig),
    Adam(AdamConfig),
}

const KINDS: [Kind; 7] = [
    Kind::Sgd(SGD),
    Kind::Sgd(SgdConfig { weight_decay: 0.1, ..SGD }),
    Kind::Sgd(MOMENTUM),
    Kind::Sgd(NESTEROV),
    Kind::Adam(ADAM),
    Kind::Adam(COUPLED),
    Kind::Adam(ADAMW),
];

/// Parameters and optimizer state of a run that can stop after any step.
#[derive(Clone)]
struct Run {
    spec: Spec,
    kind: Kind,
    params: Vec<f32>,
    state: Vec<f32>,
    steps: u64,
}

const SEED: u64 = 5;
const RATE: f32 = 0.02;
const SAMPLES: usize = 21;

impl Run {
    fn new(spec: Spec, kind: Kind) -> Self {
        let len = match kind {
            Kind::Sgd(config) => config.state_len(&spec),
            Kind::Adam(config) => config.state_len(&spec),
        };
        Self { spec, kind, params: initial(&spec, SEED), state: vec![0.0; len], steps: 0 }
    }

    /// Rebuilds model and optimizer from the slices, as after a restart, and gives them to `f`.
    fn with<R>(&mut self, f: impl FnOnce(&mut Model<'_>, &mut dyn Optimizer) -> R) -> R {
        let mut model = Model::new(&self.spec, &mut self.params).unwrap();
        model.resume(SEED, self.steps);
        let result = match self.kind {
            Kind::Sgd(config) => {
                f(&mut model, &mut Sgd::resume(SgdState::new(config, &self.spec).unwrap(), &mut self.state).unwrap())
            }
            Kind::Adam(config) => f(
                &mut model,
                &mut Adam::resume(AdamState::new(config, &self.spec, self.steps).unwrap(), &mut self.state).unwrap(),
            ),
        };
        self.steps = model.steps();
        result
    }

    /// `steps` fused steps without a restart between them.
    fn train(&mut self, steps: u64) -> Vec<Score> {
        let spec = self.spec;
        let mut floats = work(&spec, SAMPLES);
        let mut work = Workspace::new(&spec, SAMPLES, &mut floats).unwrap();
        self.with(|model, optimizer| {
            let batch = |step| (samples(SAMPLES, &spec, step), classes(SAMPLES, &spec, step));
            let mut step = |_| {
                let (inputs, classes) = batch(model.steps());
                model.train(&inputs, Targets::Classes(&classes), optimizer, RATE, &mut work).unwrap()
            };
            (0..steps).map(&mut step).collect()
        })
    }

    /// The same steps through a gradient buffer, in micro-batches of `size`.
    fn train_in_micro_batches(&mut self, steps: u64, size: usize) -> Vec<Score> {
        let spec = self.spec;
        let (mut floats, mut sum) = (work(&spec, size), vec![0.0; spec.param_len()]);
        let mut work = Workspace::new(&spec, size, &mut floats).unwrap();
        let mut gradient = Gradient::new(&spec, &mut sum).unwrap();
        self.with(|model, optimizer| {
            let mut step = |_| {
                let (inputs, classes) =
                    (samples(SAMPLES, &spec, model.steps()), classes(SAMPLES, &spec, model.steps()));
                for (inputs, classes) in inputs.chunks(size * spec.inputs()).zip(classes.chunks(size)) {
                    model.accumulate(inputs, Targets::Classes(classes), &mut gradient, &mut work).unwrap();
                }
                model.step(&mut gradient, optimizer, RATE).unwrap()
            };
            (0..steps).map(&mut step).collect()
        })
    }

    fn bits(&self) -> [Vec<u32>; 2] {
        [bits(&self.params), bits(&self.state)]
    }
}

/// Networks of one, two, three and eight layers; all but the first drop units.
fn specs() -> [Spec; 4] {
    use Activation::{Identity, LeakyRelu, Relu, Sigmoid, Tanh};
    let deep = [Relu, Tanh, LeakyRelu(0.1), Sigmoid, Identity, Relu, Tanh];
    let deep = deep.into_iter().zip(5..).fold(Spec::new(6), |s, (f, width)| s.dense(width, f).dropout(0.1));
    [
        Spec::new(6).dense(3, Identity),
        Spec::new(6).dense(17, Relu).dropout(0.5).dense(3, Identity),
        Spec::new(6).dense(9, Tanh).dropout(0.25).dense(8, Relu).dropout(0.5).dense(4, Sigmoid).loss(Loss::MeanSquared),
        deep.dense(3, Identity),
    ]
}

#[test]
fn the_fused_step_and_any_micro_batches_give_the_same_bits() {
    for spec in specs() {
        for kind in KINDS {
            let start = Run::new(spec, kind);
            let mut fused = start.clone();
            let scores = fused.train(4);
            assert_ne!(fused.bits(), start.bits());
            for size in [SAMPLES, 8, 5, 1] {
                let mut micro = start.clone();
                assert_eq!(micro.train_in_micro_batches(4, size), scores, "{kind:?}, {size}");
                assert_eq!(micro.bits(), fused.bits(), "{kind:?}, {size}");
            }
        }
    }
}

#[test]
fn resuming_is_never_having_stopped() {
    for spec in specs() {
        for kind in KINDS {
            let (mut whole, mut parts) = (Run::new(spec, kind), Run::new(spec, kind));
            whole.train(6);
            for steps in [1, 3, 2] {
                parts.train(steps);
            }
            assert_eq!((parts.bits(), parts.steps), (whole.bits(), 6), "{kind:?}");
        }
    }
}

#[test]
fn a_short_batch_counts_by_its_true_size() {
    // 8 + 3 samples: the weighted mean of both batches, not the mean of two means.
    let spec = Spec::new(6).dense(5, Activation::Tanh).dense(3, Activation::Identity);
    let (inputs, classes) = (samples(11, &spec, 1), classes(11, &spec, 1));
    let gradient_of = |cuts: &[usize]| {
        let (mut params, mut floats, mut sum) = (initial(&spec, 1), work(&spec, 11), vec![0.0; spec.param_len()]);
        let mut work = Workspace::new(&spec, 11, &mut floats).unwrap();
        let mut gradient = Gradient::new(&spec, &mut sum).unwrap();
        let model = Model::new(&spec, &mut params).unwrap();
        for pair in cuts.windows(2) {
            let (inputs, classes) = (&inputs[pair[0] * 6..pair[1] * 6], &classes[pair[0]..pair[1]]);
            model.accumulate(inputs, Targets::Classes(classes), &mut gradient, &mut work).unwrap();
        }
        let n = gradient.score().samples() as f32;
        (n, gradient.score().loss(), gradient.sum().iter().map(|g| g / n).collect::<Vec<_>>())
    };
    let (n, loss, whole) = gradient_of(&[0, 8, 11]);
    let ((_, loss_8, mean_8), (_, loss_3, mean_3)) = (gradient_of(&[0, 8]), gradient_of(&[8, 11]));
    assert_eq!(n, 11.0);
    assert!(
        (loss - (8.0 * loss_8 + 3.0 * loss_3) / 11.0).abs() < 1e-6 && (loss - (loss_8 + loss_3) / 2.0).abs() > 1e-3
    );
    let weighted = mean_8.iter().zip(&mean_3).map(|(a, b)| (8.0 * a + 3.0 * b) / 11.0);
    assert!(whole.iter().zip(weighted).all(|(g, w)| (g - w).abs() < 1e-6));
}

#[test]
fn evaluation_does_not_depend_on_how_many_samples_pass_at_once() {
    for spec in specs() {
        let params = initial(&spec, 2);
        let (inputs, classes) = (samples(37, &spec, 4), classes(37, &spec, 4));
        let score = |capacity, parts: &[usize]| {
            let mut floats = predict_work(&spec, capacity);
            let mut work = Workspace::for_prediction(&spec, capacity, &mut floats).unwrap();
            let (mut total, mut from) = (Score::default(), 0);
            for part in parts {
                let inputs = &inputs[from * 6..(from + part) * 6];
                let targets = Targets::Classes(&classes[from..from + part]);
                evaluate(&spec, &params, inputs, targets, &mut total, &mut work).unwrap();
                from += part;
            }
            total
        };
        let whole = score(37, &[37]);
        assert_eq!(whole.samples(), 37);
        for capacity in [1, 2, 8, 36, 100] {
            assert_eq!(score(capacity, &[37]), whole);
            assert_eq!(score(capacity, &[1, 9, 20, 7]), whole);
        }
    }
}

#[test]
fn prediction_gives_the_same_bits_in_either_workspace_and_any_batch() {
    for spec in specs() {
        let (params, inputs) = (initial(&spec, 3), samples(5, &spec, 6));
        let (mut narrow, mut wide) = (predict_work(&spec, 5), work(&spec, 5));
        let mut narrow = Workspace::for_prediction(&spec, 5, &mut narrow).unwrap();
        let mut wide = Workspace::new(&spec, 5, &mut wide).unwrap();
        let all = bits(predict(&spec, &params, &inputs, &mut narrow).unwrap());
        assert_eq!(all.len(), 5 * spec.outputs());
        assert_eq!(bits(predict(&spec, &params, &inputs, &mut wide).unwrap()), all);
        let one = |x: &[f32]| bits(predict(&spec, &params, x, &mut narrow).unwrap());
        assert_eq!(inputs.chunks(6).flat_map(one).collect::<Vec<_>>(), all);
    }
}

#[test]
fn xor_is_learned() {
    let spec = Spec::new(2).dense(8, Activation::Tanh).dense(2, Activation::Identity);
    let (inputs, classes) = ([0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [0, 1, 1, 0]);
    for kind in [Kind::Sgd(MOMENTUM), Kind::Adam(ADAM)] {
        let mut run = Run::new(spec, kind);
        let mut floats = work(&spec, 4);
        let mut work = Workspace::new(&spec, 4, &mut floats).unwrap();
        let losses = run.with(|model, optimizer| {
            let step = |_| model.train(&inputs, Targets::Classes(&classes), optimizer, 0.05, &mut work).unwrap().loss();
            (0..300).map(step).collect::<Vec<_>>()
        });
        assert!(losses[299] < 0.05 * losses[0], "{kind:?}: {} to {}", losses[0], losses[299]);
        let mut total = Score::default();
        evaluate(&spec, &run.params, &inputs, Targets::Classes(&classes), &mut total, &mut work).unwrap();
        assert_eq!((total.hits(), total.samples()), (4, 4));
    }
}

/// What dropout makes of 100 units of 1 in 400 samples, read from the gradient of an output of weight 0.
fn dropped_units(p: f32, seed: u64, step: u64) -> Vec<f32> {
    let spec =
        Spec::new(1).dense(100, Activation::Identity).dropout(p).dense(1, Activation::Identity).loss(Loss::MeanSquared);
    let spec = spec.loss(Loss::MeanSquared);
    let mut params = vec![0.0; spec.param_len()];
    params[100..200].fill(1.0);
    let mut model = Model::new(&spec, &mut params).unwrap();
    model.resume(seed, step);
    let (mut floats, mut sum) = (work(&spec, 1), vec![0.0; spec.param_len()]);
    let mut work = Workspace::new(&spec, 1, &mut floats).unwrap();
    let mut gradient = Gradient::new(&spec, &mut sum).unwrap();
    let (mut all, mut before) = (Vec::new(), vec![0.0; 100]);
    for _ in 0..400 {
        model.accumulate(&[0.0], Targets::Values(&[-0.5]), &mut gradient, &mut work).unwrap();
        let units = &gradient.sum()[200..300];
        all.extend(units.iter().zip(&before).map(|(a, b)| a - b));
        before.copy_from_slice(units);
    }
    all
}

#[test]
fn dropout_keeps_its_share_of_units_and_their_expectation() {
    for p in [0.5, 0.25] {
        let units = dropped_units(p, 1, 1);
        let n = units.len() as f64;
        let (kept, sum) =
            units.iter().fold((0.0, 0.0), |(k, s), &u| (k + f64::from(u8::from(u > 0.5)), s + f64::from(u)));
        let keep = 1.0 - f64::from(p);
        assert!((kept / n - keep).abs() < SHARE && (sum / n - 1.0).abs() < SHARE / keep + NORM, "{p}");
        assert!(units.iter().all(|&u| u == 0.0 || (f64::from(u) * keep - 1.0).abs() < 1e-3));
        let differing = |other: Vec<f32>| units.iter().zip(&other).filter(|(a, b)| (**a > 0.5) != (**b > 0.5)).count();
        // Independent masks differ in 2p(1 − p) of the units, by step, by seed and by sample.
        let expected = n * 2.0 * f64::from(p) * keep;
        for other in [dropped_units(p, 1, 2), dropped_units(p, 2, 1), [&units[100..], &units[..100]].concat()] {
            assert!((differing(other) as f64 - expected).abs() < n * SHARE);
        }
        assert_eq!(differing(dropped_units(p, 1, 1)), 0);
    }
    assert!(dropped_units(0.0, 1, 1).iter().all(|&u| u == 1.0));
}

#[test]
fn clipping_shortens_a_long_gradient_and_leaves_a_short_one() {
    let spec = specs()[2];
    let (mut params, mut floats, mut sum) = (initial(&spec, 1), work(&spec, 9), vec![0.0; spec.param_len()]);
    let mut work = Workspace::new(&spec, 9, &mut floats).unwrap();
    let mut gradient = Gradient::new(&spec, &mut sum).unwrap();
    let model = Model::new(&spec, &mut params).unwrap();
    let (inputs, values) = (samples(9, &spec, 1), numbers(9 * 4, 2));
    model.accumulate(&inputs, Targets::Values(&values), &mut gradient, &mut work).unwrap();
    let norm_of = |sum: &[f32]| sum.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt() / 9.0;
    let before = gradient.sum().to_vec();
    let norm = norm_of(&before);
    let close = |a: f64, b: f64| (a / b - 1.0).abs() < NORM;
    assert!(close(f64::from(gradient.clip(2.0 * norm as f32).unwrap()), norm));
    assert_eq!(bits(gradient.sum()), bits(&before));
    assert!(close(f64::from(gradient.clip(0.25 * norm as f32).unwrap()), norm));
    assert!(close(norm_of(gradient.sum()), 0.25 * norm));
    assert!(gradient.sum().iter().zip(&before).all(|(g, b)| (g / 0.25 - b).abs() <= 1e-6 * b.abs()));
    gradient.reset();
    assert_eq!(gradient.clip(1.0), Err(Error::Empty));
}

/// 200 steps over every activation, loss and optimizer, with dropout and averaging: FNV-1a of parameters and mean.
fn fingerprint() -> u64 {
    use Activation::{Identity, LeakyRelu, Relu, Sigmoid, Tanh};
    let net = Spec::new(7).dense(21, Relu).dropout(0.25).dense(9, LeakyRelu(0.1)).dense(8, Tanh).dropout(0.5);
    let net = net.dense(6, Sigmoid).dense(3, Identity);
    let mut run = Run::new(net, Kind::Sgd(SGD));
    let mut mean = vec![0.0; net.param_len()];
    let mut averager = Averager::new(&mut mean);
    for (loss, kind) in [
        (Loss::SoftmaxCrossEntropy, Kind::Adam(ADAM)),
        (Loss::MeanSquared, Kind::Sgd(MOMENTUM)),
        (Loss::BinaryCrossEntropy, Kind::Adam(ADAMW)),
        (Loss::Huber(0.5), Kind::Sgd(NESTEROV)),
    ] {
        run = Run { params: run.params, steps: run.steps, ..Run::new(net.loss(loss), kind) };
        for _ in 0..50 {
            run.train(1);
            if (Snapshots { start: 20, every: 5 }).due(run.steps) {
                averager.update(&run.params).unwrap();
            }
        }
    }
    assert_eq!((run.steps, averager.count()), (200, 37));
    let bytes = run.params.iter().chain(averager.mean().unwrap().as_slice()).flat_map(|x| x.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Changes only with the arithmetic contract: then every user's results change, which the changelog must say.
const FINGERPRINT: u64 = 0x7772_2317_bf25_ceca;

#[test]
fn training_has_the_same_bits_everywhere() {
    let found = fingerprint();
    assert_eq!(found, FINGERPRINT, "{found:#018x}");
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    for isa in [Isa::Scalar, Isa::Baseline, Isa::Avx2, Isa::Avx512] {
        if force(isa) {
            assert_eq!(fingerprint(), FINGERPRINT, "{isa:?}");
            common::assert_ran(isa);
        }
    }
}
