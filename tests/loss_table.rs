//! Ten steps of every optimizer on every loss against an independent implementation (`reference/loss_table.py`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::work;
use cygnet::optim::{AdamConfig, Optimizer, SgdConfig};
use cygnet::schedule::{Decay, Schedule};
use cygnet::{Activation, Adam, Gradient, Loss, Model, Sgd, Spec, Targets, Workspace};

const TABLE: &str = include_str!("reference/loss_table.txt");
/// f32 against f64: 74 parameters, 10 steps of about a hundred roundings of 6e-8 each, which mostly cancel; 4e-7 measured,
/// and the crate's bits are the same everywhere.
const RELATIVE: f64 = 2e-6;
/// Rows of two optimizers on the same net differ by far more than [`RELATIVE`].
const DISTINCT: f64 = 1e-4;

const SAMPLES: usize = 11;
const BATCH: usize = 4;
const STEPS: usize = 10;

const NETS: [&str; 7] = ["classes", "rows", "squared", "binary", "huber", "pinball", "gaussian"];
const OPTIMIZERS: [&str; 9] =
    ["sgd", "momentum", "nesterov", "sgd_decay", "adam", "adam_decay", "adamw", "clip", "cosine"];

/// The row of the table that starts with these two names.
fn row(net: &str, optimizer: &str) -> Vec<f64> {
    let start = format!("{net} {optimizer} ");
    let row = TABLE.lines().find_map(|line| line.strip_prefix(&start)).expect("a row for each net and optimizer");
    row.split(' ').map(|loss| loss.parse().unwrap()).collect()
}

/// `(i · multiplier + offset) mod modulus`, centred: the integers that the reference starts from.
fn ramp(n: usize, [multiplier, offset, modulus]: [usize; 3], middle: f32, unit: f32) -> Vec<f32> {
    (0..n).map(|i| (((i * multiplier + offset) % modulus) as f32 - middle) / unit).collect()
}

fn spec(net: &str) -> Spec {
    use Activation::{Identity, LeakyRelu, Relu, Sigmoid, Tanh};
    let (layers, loss) = match net {
        "classes" => ([Relu, Tanh, Identity], Loss::SoftmaxCrossEntropy),
        "rows" => ([Tanh, LeakyRelu(0.1), Identity], Loss::SoftmaxCrossEntropy),
        "squared" => ([LeakyRelu(0.1), Sigmoid, Tanh], Loss::MeanSquared),
        "binary" => ([Sigmoid, Relu, Identity], Loss::BinaryCrossEntropy),
        "huber" => ([Tanh, Tanh, Sigmoid], Loss::Huber(0.5)),
        "pinball" => ([Tanh, Sigmoid, Identity], Loss::Pinball(0.3)),
        "gaussian" => ([Tanh, Tanh, Identity], Loss::GaussianNll),
        _ => panic!("no net {net}"),
    };
    let outputs = if loss == Loss::GaussianNll { 4 } else { 3 };
    Spec::new(6).dense(5, layers[0]).dense(4, layers[1]).dense(outputs, layers[2]).loss(loss)
}

fn target_rows(net: &str) -> Vec<f32> {
    let values = ramp(SAMPLES * 3, [11, 3, 17], 8.0, 8.0);
    match net {
        "binary" => values.into_iter().map(|v| f32::from(u8::from(v > 0.0))).collect(),
        "rows" => ramp(SAMPLES * 3, [11, 3, 17], 0.0, 16.0),
        "gaussian" => values.chunks(3).flat_map(|row| row[..2].to_vec()).collect(),
        _ => values,
    }
}

/// The optimizer, its state behind it, with its schedule and the norm to clip to.
fn with_optimizer<R>(name: &str, spec: &Spec, run: impl FnOnce(&mut dyn Optimizer, Schedule, Option<f32>) -> R) -> R {
    let mut state = vec![f32::NAN; 2 * spec.param_len()];
    let plain = SgdConfig::default();
    let (sgd, rate) = match name {
        "sgd" => (plain, 0.125),
        "momentum" => (SgdConfig { momentum: 0.9, ..plain }, 0.125),
        "nesterov" => (SgdConfig { momentum: 0.9, nesterov: true, ..plain }, 0.125),
        "sgd_decay" => (SgdConfig { weight_decay: 0.05, ..plain }, 0.125),
        "clip" => (plain, 0.5),
        "cosine" => (plain, 0.3),
        _ => {
            let config = match name {
                "adam" => AdamConfig::default(),
                "adam_decay" => AdamConfig { weight_decay: 0.1, ..AdamConfig::default() },
                "adamw" => AdamConfig::decoupled(0.1),
                _ => panic!("no optimizer {name}"),
            };
            return run(&mut Adam::new(config, spec, &mut state).unwrap(), Schedule::constant(0.01), None);
        }
    };
    let cosine = Schedule { warmup: 3, decay: Decay::Cosine { to: 0.01, steps: 6 }, ..Schedule::constant(rate) };
    let schedule = if name == "cosine" { cosine } else { Schedule::constant(rate) };
    let state = &mut state[..sgd.state_len(spec)];
    run(&mut Sgd::new(sgd, spec, state).unwrap(), schedule, (name == "clip").then_some(0.05))
}

/// The crate's losses; without a norm to clip to, by the fused step.
fn losses(net: &str, optimizer: &str) -> Vec<f64> {
    let spec = spec(net);
    let mut params = ramp(spec.param_len(), [37, 5, 97], 48.0, 64.0);
    let inputs = ramp(SAMPLES * 6, [29, 7, 31], 15.0, 16.0);
    let inputs: Vec<f32> = inputs.into_iter().map(|x| if x < -0.5 { 0.0 } else { x }).collect();
    let classes: Vec<u16> = (0..SAMPLES as u16).map(|s| (5 * s * s + s) % 3).collect();
    let rows = target_rows(net);
    let (mut floats, mut sum) = (work(&spec, BATCH), vec![0.0; spec.param_len()]);
    let mut work = Workspace::new(&spec, BATCH, &mut floats).unwrap();
    let mut model = Model::new(&spec, &mut params).unwrap();
    let mut gradient = Gradient::new(&spec, &mut sum).unwrap();
    let batches = inputs.chunks(BATCH * 6).zip(classes.chunks(BATCH)).zip(rows.chunks(BATCH * spec.targets())).cycle();
    with_optimizer(optimizer, &spec, |optimizer, schedule, max_norm| {
        let mut clipped = max_norm.is_none();
        let step = |((inputs, classes), rows)| {
            let targets = if net == "classes" { Targets::Classes(classes) } else { Targets::Values(rows) };
            let rate = schedule.at(model.steps());
            let score = match max_norm {
                None => model.train(inputs, targets, optimizer, rate, &mut work).unwrap(),
                Some(max_norm) => {
                    model.accumulate(inputs, targets, &mut gradient, &mut work).unwrap();
                    clipped |= gradient.clip(max_norm).unwrap() > max_norm;
                    model.step(&mut gradient, optimizer, rate).unwrap()
                }
            };
            f64::from(score.loss())
        };
        let losses = batches.take(STEPS).map(step).collect();
        assert!(clipped, "{net}: no gradient was long enough to be clipped");
        losses
    })
}

fn difference(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a / b - 1.0).abs()).fold(0.0, f64::max)
}

#[test]
fn every_step_of_every_run_agrees_with_the_reference() {
    for net in NETS {
        for optimizer in OPTIMIZERS {
            let (ours, reference) = (losses(net, optimizer), row(net, optimizer));
            assert_eq!((ours.len(), reference.len()), (STEPS, STEPS));
            let difference = difference(&ours, &reference);
            assert!(difference <= RELATIVE, "{net} {optimizer}: {difference:e}\n{ours:?}\n{reference:?}");
        }
    }
}

#[test]
fn every_row_of_the_table_is_told_from_the_others_of_its_net() {
    assert_eq!(TABLE.lines().filter(|line| !line.starts_with('#')).count(), NETS.len() * OPTIMIZERS.len());
    for net in NETS {
        for (i, one) in OPTIMIZERS.iter().enumerate() {
            for other in &OPTIMIZERS[..i] {
                assert!(difference(&row(net, one), &row(net, other)) > DISTINCT, "{net}: {one} and {other}");
            }
        }
    }
}
