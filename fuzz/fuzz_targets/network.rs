//! A step of any small network gives the bits of the plain loops that the contract's tests have, and what cannot be trained
//! changes nothing.
#![no_main]
#![allow(dead_code, reason = "tests use more of the loops")]

#[path = "../../tests/contract/network.rs"]
mod network;
#[path = "../../tests/contract/optimizers.rs"]
mod optimizers;
#[path = "../../tests/contract/plain.rs"]
mod plain;

use cygnet::network::Part;
use cygnet::optim::{AdamConfig, AnyConfig, AnyOptimizer, LookaheadConfig, ScheduleFreeConfig, SgdConfig};
use cygnet::{Activation, Gradient, Loss, Model, Spec, Targets, Workspace};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use network::{follow, learned, pass, predict};
use optimizers::Oracle;
use plain::{Pair, expect, in_lanes, key, one_minus_power, same};

/// What a number may be besides an ordinary one.
const ODD: [f32; 9] = [0.0, -0.0, 1.0, -1.0, 1e-40, -1e-25, 1e-8, 300.0, -1e6];
const SEED: u64 = 77;

/// Ordinary numbers in `[−scale, scale)`, a quarter of them 0, and some odd ones among them.
fn numbers(u: &mut Unstructured<'_>, n: usize) -> Result<Vec<f32>> {
    let (seed, scale) = (u64::from(u.arbitrary::<u16>()?), (u.int_in_range(-8..=3)? as f32).exp2());
    let number = |i: u64| {
        let word = rand_philox::splitmix64(seed << 32 | i);
        if word >> 62 == 0 { 0.0 } else { scale * ((word >> 8) as u32 as f32 / 2_147_483_648.0 - 1.0) }
    };
    let mut numbers: Vec<f32> = (0..n as u64).map(number).collect();
    for _ in 0..u.int_in_range(0..=4)? {
        let at = u.choose_index(n)?;
        numbers[at] = *u.choose(&ODD)?;
    }
    Ok(numbers)
}

fn any_spec(u: &mut Unstructured<'_>) -> Result<Spec> {
    let losses = [
        Loss::SoftmaxCrossEntropy,
        Loss::MeanSquared,
        Loss::BinaryCrossEntropy,
        Loss::Huber(0.5),
        Loss::Pinball(0.3),
        Loss::GaussianNll,
    ];
    let (mut spec, norm) = (Spec::new(u.int_in_range(1..=40)?).loss(*u.choose(&losses)?), u.int_in_range(0..=2)?);
    for _ in 0..u.int_in_range(0..=2)? {
        let slope = f32::from(u.arbitrary::<u8>()?) / 128.0;
        let activation = *u.choose(&[
            Activation::Identity,
            Activation::Relu,
            Activation::LeakyRelu(slope),
            Activation::Tanh,
            Activation::Sigmoid,
        ])?;
        spec = spec.dense(u.int_in_range(1..=40)?, activation);
        spec = match (norm, u.arbitrary()?) {
            (1, true) => spec.norm(),
            (2, true) => spec.layer_norm(),
            _ => spec,
        };
        if u.ratio(1, 4)? {
            spec = spec.dropout(f32::from(u.arbitrary::<u8>()?) / 256.0);
        }
    }
    spec = spec.dense(u.int_in_range(1..=20)?, Activation::Identity);
    Ok(if spec.depth() > 1 && u.ratio(1, 4)? { spec.after(1) } else { spec })
}

fn any_optimizer(u: &mut Unstructured<'_>, params: &[f32]) -> Result<(AnyConfig, Oracle)> {
    let zeros = || vec![0.0; params.len()];
    let weight_decay = *u.choose(&[0.0, 0.01])?;
    let no_bias_decay = u.arbitrary()?;
    let nesterov = u.arbitrary()?;
    let momentum = if nesterov { 0.9 } else { *u.choose(&[0.0, 0.9])? };
    let sgd = SgdConfig { momentum, nesterov, weight_decay, no_bias_decay };
    let adam = AdamConfig { weight_decay, no_bias_decay, decoupled: u.arbitrary()?, ..AdamConfig::default() };
    let lookahead = LookaheadConfig { every: 2, alpha: 0.3 };
    let free = ScheduleFreeConfig { beta: 0.9, weight_decay, no_bias_decay };
    Ok(match u.int_in_range(0..=3)? {
        0 => (AnyConfig::Sgd(sgd), Oracle::Sgd(sgd, zeros())),
        1 => (AnyConfig::Adam(adam), Oracle::Adam(adam, zeros(), zeros())),
        2 => {
            let inner = Box::new(Oracle::Adam(adam, zeros(), zeros()));
            (AnyConfig::LookaheadAdam(lookahead, adam), Oracle::Lookahead(lookahead, params.to_vec(), inner))
        }
        _ => {
            let oracle = Oracle::ScheduleFree(free, params.to_vec(), params.to_vec(), Pair::default());
            (AnyConfig::ScheduleFree(free), oracle)
        }
    })
}

fn are_finite(x: &[f32]) -> bool {
    x.iter().all(|x| x.is_finite())
}

fn compare(u: &mut Unstructured<'_>) -> Result<()> {
    let spec = any_spec(u)?;
    if spec.check().is_err() {
        return Ok(());
    }
    let (n, mut params) = (u.int_in_range(1..=9)?, numbers(u, spec.param_len())?);
    let variances = spec.ranges().filter(|(_, part, _)| *part == Part::Variance);
    variances.for_each(|(.., range)| params[range].iter_mut().for_each(|v| *v = v.abs()));
    let x = numbers(u, n * spec.inputs())?;
    let values: Vec<f32> = numbers(u, n * spec.targets())?.iter().map(|t| t.abs().min(1.0)).collect();
    let classes: Vec<u16> = values.iter().take(n).map(|t| (t * (spec.classes().max(1) - 1) as f32) as u16).collect();
    let targets =
        if spec.classes() > 0 && u.arbitrary()? { Targets::Classes(&classes) } else { Targets::Values(&values) };
    let (config, mut oracle) = any_optimizer(u, &params)?;

    let mut floats = vec![f32::NAN; spec.work_len(n)];
    let mut work = Workspace::new(&spec, n, &mut floats).expect("exact length");
    let outputs: Vec<f32> = x.chunks(spec.inputs()).flat_map(|x| predict(&spec, &params, x)).collect();
    let predicted = cygnet::predict(&spec, &params, &x[..], &mut work);
    if are_finite(&outputs) {
        expect(predicted.expect("a valid network predicts"), &outputs, "prediction");
    }

    let (mut trained, mut expected, learned) = (params.clone(), params, learned(&spec));
    let mut model = Model::new(&spec, &mut trained).expect("exact length");
    let mut state = vec![f32::NAN; config.state_len(&spec)];
    let mut optimizer = AnyOptimizer::new(config, &model, &mut state).expect("a valid setting");
    let first = u64::from(u.arbitrary::<u8>()?);
    model.resume(SEED, if matches!(config, AnyConfig::Sgd(_)) { first } else { 0 });
    for step in 0..2 {
        let draws = (SEED, model.steps());
        let before = model.params().to_vec();
        let (mut sum, is_norm_of_one) = (vec![0.0; spec.param_len()], n == 1 && spec.norm_len() > 0);
        let mut gradient = Gradient::new(&spec, &mut sum).expect("exact length");
        let accumulated = model.accumulate(&x[..], targets, &mut gradient, &mut work).map(|score| score.loss());
        let score = model.train(&x[..], targets, &mut optimizer, 0.05, &mut work);
        if score.is_err() || is_norm_of_one {
            assert!(score.is_err() && accumulated.is_err());
            assert!(before.iter().map(|p| p.to_bits()).eq(model.params().iter().map(|p| p.to_bits())));
            return Ok(());
        }
        let passed = pass(&spec, &expected, &x, targets, draws, 0);
        oracle.step(step + 1, 0.05, &passed.gradient, n, &mut expected, &learned);
        follow(&spec, &mut expected, &passed.statistics, |v| v * n as f32 * (1.0 / (n as f32 - 1.0)));
        // What NaN and infinity become is outside of the contract.
        if !are_finite(&passed.gradient) || !are_finite(&expected) {
            return Ok(());
        }
        let (loss, what) = ([in_lanes(passed.losses) / n as f32], format!("{n} samples, {spec:?}"));
        expect(&[accumulated.expect("no error")], &loss, &format!("loss of a gradient, {what}"));
        expect(&[score.expect("no error").loss()], &loss, &format!("loss of a step, {what}"));
        learned.iter().for_each(|&(i, _)| assert!(same(gradient.sum()[i], passed.gradient[i]), "gradient {i}"));
        expect(model.params(), &expected, "parameters");
    }
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    // What bytes are too few for is no case.
    let _ = compare(&mut Unstructured::new(bytes));
});
