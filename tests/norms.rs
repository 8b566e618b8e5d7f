//! Batch normalisation: gradients, running statistics, their update after averaging, folding.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{ACTIVATIONS, bits, cases, f64_activation, f64_loss, initial, numbers, predict_work, samples, work};
use cygnet::average::{Draws, NormUpdate, Swag};
use cygnet::error::{Buffer, Value};
use cygnet::metrics::softmax;
use cygnet::model::fold;
use cygnet::network::Math;
use cygnet::optim::{AdamConfig, Lookahead, LookaheadConfig, Optimizer, ScheduleFree, ScheduleFreeConfig, SgdConfig};
use cygnet::{Activation, Adam, Averager, Error, Gradient, Init, Loss, Model, Sgd, Spec, Targets, Workspace, predict};
use proptest::collection::vec;
use proptest::prelude::*;

const EPSILON: f64 = 1e-5;
const IN: usize = 4;
const SAMPLES: usize = 6;

/// Norms at the bottom and at the top, and a layer without one between.
fn net(f: Activation, loss: Loss) -> Spec {
    Spec::new(IN as u16).dense(5, f).norm().dense(4, f).dense(3, Activation::Identity).norm().loss(loss)
}

/// Anything but the start: `γ`, `β` and statistics of each norm are all different.
fn params(spec: &Spec, seed: u64) -> Vec<f32> {
    let mut params = numbers(spec.param_len(), seed);
    for statistics in statistics(spec) {
        let variance = statistics.start + statistics.len() / 2..statistics.end;
        params[variance].iter_mut().for_each(|v| *v = v.abs() + 0.1);
    }
    params
}

/// Where the running statistics of each norm stand, means before variances.
fn statistics(spec: &Spec) -> Vec<std::ops::Range<usize>> {
    let normed = spec.layers().filter(|layer| layer.is_normed());
    let range = |end: usize, units: usize| end - 2 * units..end;
    normed.map(|layer| range(layer.offset() + layer.param_len(), layer.outputs())).collect()
}

/// What a layer of the reference gives for a batch: outputs, and mean and variance of each unit where it is normalised.
struct Passed {
    outputs: Vec<Vec<f64>>,
    moments: Vec<(f64, f64)>,
}

/// Every layer in double precision; norms by the statistics of the batch, or by running ones.
fn reference(spec: &Spec, params: &[f64], inputs: &[f32], training: bool) -> Vec<Passed> {
    let mut x: Vec<Vec<f64>> = inputs.chunks(IN).map(|row| row.iter().map(|&x| f64::from(x)).collect()).collect();
    let mut passed = Vec::new();
    for layer in spec.layers() {
        let (n, m) = (layer.inputs(), layer.outputs());
        let (w, rest) = params[layer.offset()..].split_at(n * m);
        let (b, norm) = rest.split_at(m);
        let unit = |x: &[f64], j: usize| b[j] + (0..n).map(|k| x[k] * w[k * m + j]).sum::<f64>();
        let mut z: Vec<Vec<f64>> = x.iter().map(|x| (0..m).map(|j| unit(x, j)).collect()).collect();
        let mut moments = Vec::new();
        if layer.is_normed() {
            for j in 0..m {
                let mean = z.iter().map(|z| z[j]).sum::<f64>() / z.len() as f64;
                let variance = z.iter().map(|z| (z[j] - mean).powi(2)).sum::<f64>() / z.len() as f64;
                moments.push((mean, variance));
                let (mean, variance) = if training { (mean, variance) } else { (norm[2 * m + j], norm[3 * m + j]) };
                let normal = |z: f64| norm[j] * (z - mean) / (variance + EPSILON).sqrt() + norm[m + j];
                z.iter_mut().for_each(|z| z[j] = normal(z[j]));
            }
        }
        z.iter_mut().flatten().for_each(|z| *z = f64_activation(layer.activation(), *z));
        x.clone_from(&z);
        passed.push(Passed { outputs: z, moments });
    }
    passed
}

fn wide(params: &[f32]) -> Vec<f64> {
    params.iter().map(|&p| f64::from(p)).collect()
}

fn close(a: f32, b: f64, relative: f64) -> bool {
    (f64::from(a) - b).abs() <= relative * (1.0 + b.abs())
}

/// The mean loss of a network with norms and dropout, whose masks hang on the model's seed and steps alone, moves as its
/// gradient says.
#[test]
fn gradients_under_dropout_agree_with_differences() {
    const H: f32 = 2e-3;
    let spec = Spec::new(IN as u16).dense(6, Activation::Tanh).norm().dropout(0.5).dense(5, Activation::Sigmoid).norm();
    let spec = spec.dropout(0.25).dense(3, Activation::Identity).loss(Loss::MeanSquared);
    let (mut params, inputs, targets) = (params(&spec, 3), samples(SAMPLES, &spec, 7), numbers(3 * SAMPLES, 5));
    let (mut floats, mut sum) = (work(&spec, SAMPLES), vec![0.0; spec.param_len()]);
    let mut work = Workspace::new(&spec, SAMPLES, &mut floats).unwrap();
    let mut model = Model::new(&spec, &mut params).unwrap();
    model.resume(3, 5);
    let mut loss = |model: &Model<'_>, sum: &mut [f32]| {
        let mut gradient = Gradient::new(&spec, sum).unwrap();
        model.accumulate(&inputs, Targets::Values(&targets), &mut gradient, &mut work).unwrap().loss()
    };
    loss(&model, &mut sum);
    let mut scratch = vec![0.0; spec.param_len()];
    for i in (0..spec.param_len()).filter(|&i| !statistics(&spec).iter().any(|range| range.contains(&i))) {
        let w = model.params()[i];
        let mut at = |w| {
            model.params_mut()[i] = w;
            loss(&model, &mut scratch)
        };
        let expected = f64::from(at(w + H) - at(w - H)) / f64::from(2.0 * H);
        at(w);
        assert!(close(sum[i] / SAMPLES as f32, expected, 1e-3), "{i}: {} {expected}", sum[i] / SAMPLES as f32);
    }
}

#[test]
fn gradients_agree_with_central_differences() {
    const H: f64 = 1e-5;
    let losses =
        [Loss::SoftmaxCrossEntropy, Loss::MeanSquared, Loss::BinaryCrossEntropy, Loss::Huber(0.5), Loss::Pinball(0.3)];
    for (f, loss) in ACTIVATIONS.into_iter().flat_map(|f| losses.map(|loss| (f, loss))) {
        let spec = net(f, loss);
        let (mut params, inputs) = (params(&spec, 3), samples(SAMPLES, &spec, 7));
        let targets: Vec<f32> = numbers(SAMPLES * 3, 5).into_iter().map(|t| (t + 1.0) / 2.0).collect();
        let mut sum = vec![f32::NAN; spec.param_len()];
        let mut gradient = Gradient::new(&spec, &mut sum).unwrap();
        let mut floats = work(&spec, SAMPLES);
        let mut work = Workspace::new(&spec, SAMPLES, &mut floats).unwrap();
        let model = Model::new(&spec, &mut params).unwrap();
        let score = model.accumulate(&inputs, Targets::Values(&targets), &mut gradient, &mut work).unwrap();
        let loss_of = |params: &[f64]| {
            let passed = reference(&spec, params, &inputs, true);
            let outputs = &passed.last().unwrap().outputs;
            let losses = outputs.iter().zip(targets.chunks(3)).map(|(a, t)| f64_loss(loss, a, &wide(t)));
            losses.sum::<f64>()
        };
        let mut at = wide(model.params());
        assert!(close(score.loss(), loss_of(&at) / SAMPLES as f64, 1e-6), "{f:?} {loss:?}");
        let is_statistic = |i| statistics(&spec).iter().any(|range| range.contains(&i));
        for i in (0..at.len()).filter(|&i| !is_statistic(i)) {
            let w = at[i];
            at[i] = w + H;
            let above = loss_of(&at);
            at[i] = w - H;
            let expected = (above - loss_of(&at)) / (2.0 * H);
            at[i] = w;
            let found = gradient.sum()[i];
            assert!(close(found, expected, 2e-5), "{f:?} {loss:?}: parameter {i}: {found}, but {expected}");
        }
    }
}

#[test]
fn predictions_are_by_running_statistics_whatever_the_batch() {
    for f in ACTIVATIONS {
        let spec = net(f, Loss::MeanSquared);
        // More units than are worked out at once.
        let spec = spec.dense(21, f).norm();
        let (params, inputs) = (params(&spec, 9), samples(5, &spec, 2));
        let expected = reference(&spec, &wide(&params), &inputs, false);
        let mut floats = predict_work(&spec, 5);
        let mut work = Workspace::for_prediction(&spec, 5, &mut floats).unwrap();
        let outputs = predict(&spec, &params, &inputs, &mut work).unwrap().to_vec();
        for (found, expected) in outputs.iter().zip(expected.last().unwrap().outputs.iter().flatten()) {
            assert!(close(*found, *expected, 1e-5), "{f:?}: {found}, but {expected}");
        }
        for (row, expected) in inputs.chunks(IN).zip(outputs.chunks(21)) {
            assert_eq!(bits(predict(&spec, &params, row, &mut work).unwrap()), bits(expected));
        }
    }
}

#[test]
fn running_statistics_follow_each_batch_and_no_optimizer_moves_them() {
    let spec = net(Activation::Tanh, Loss::MeanSquared);
    let start = params(&spec, 4);
    let p = spec.param_len();
    let decay = SgdConfig { momentum: 0.9, nesterov: false, weight_decay: 0.1, no_bias_decay: false };
    let (mut a, mut b, mut c, mut slow) = (vec![0.0; p], vec![0.0; 2 * p], vec![0.0; 2 * p], vec![0.0; p]);
    let mut sgd = Sgd::new(decay, &spec, &mut a).unwrap();
    let mut adam = Adam::new(AdamConfig::decoupled(0.1), &spec, &mut b).unwrap();
    let mut own = start.clone();
    let model = Model::new(&spec, &mut own).unwrap();
    let mut free = ScheduleFree::new(ScheduleFreeConfig::default(), &model, &mut c).unwrap();
    let inner = Sgd::plain(&spec).unwrap();
    let config = LookaheadConfig { every: 1, alpha: 0.5 };
    let mut lookahead = Lookahead::new(config, inner, &model, &mut slow).unwrap();
    let optimizers: [&mut dyn Optimizer; 4] = [&mut sgd, &mut adam, &mut free, &mut lookahead];
    for optimizer in optimizers {
        let mut floats = work(&spec, SAMPLES);
        own.copy_from_slice(&start);
        let mut model = Model::new(&spec, &mut own).unwrap();
        let mut work = Workspace::new(&spec, SAMPLES, &mut floats).unwrap();
        for n in [SAMPLES, 2, 3] {
            let (inputs, before) = (samples(n, &spec, n as u64), wide(model.params()));
            let targets = Targets::Values(&[0.5; 3 * SAMPLES][..3 * n]);
            model.train(&inputs, targets, optimizer, 0.05, &mut work).unwrap();
            let passed = reference(&spec, &before, &inputs, true);
            for (range, passed) in statistics(&spec).into_iter().zip([&passed[0], &passed[2]]) {
                let units = passed.moments.len();
                let unbiased = n as f64 / (n as f64 - 1.0);
                for (j, (mean, variance)) in passed.moments.iter().enumerate() {
                    let at = range.start + j;
                    let follow = |i: usize, to: f64| before[i] + 0.1 * (to - before[i]);
                    assert!(close(model.params()[at], follow(at, *mean), 1e-6));
                    assert!(close(model.params()[at + units], follow(at + units, variance * unbiased), 1e-6));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn a_batch_that_comes_as_one_micro_batch_has_the_bits_of_a_fused_step(
        f in prop::sample::select(&ACTIVATIONS), n in 2..SAMPLES, seed in any::<u64>(),
    ) {
        let spec = net(f, Loss::MeanSquared);
        let (mut fused, inputs) = (params(&spec, seed), samples(n, &spec, seed));
        let (mut apart, targets) = (fused.clone(), numbers(3 * n, !seed));
        let mut sgd = Sgd::plain(&spec).unwrap();
        let (mut floats, mut sum) = (work(&spec, SAMPLES), vec![0.0; spec.param_len()]);
        let mut work = Workspace::new(&spec, SAMPLES, &mut floats).unwrap();
        let targets = Targets::Values(&targets);
        Model::new(&spec, &mut fused).unwrap().train(&inputs, targets, &mut sgd, 0.1, &mut work).unwrap();
        let mut model = Model::new(&spec, &mut apart).unwrap();
        let mut gradient = Gradient::new(&spec, &mut sum).unwrap();
        model.accumulate(&inputs, targets, &mut gradient, &mut work).unwrap();
        model.step(&mut gradient, &mut sgd, 0.1).unwrap();
        prop_assert_eq!(bits(&fused), bits(&apart));
    }

    #[test]
    fn micro_batches_pool_their_statistics_by_samples(
        sizes in vec(2..SAMPLES, 1..5), seed in any::<u64>(), clip in any::<bool>(),
    ) {
        // One layer: its pre-activations do not depend on how samples are grouped.
        let spec = Spec::new(IN as u16).dense(3, Activation::Tanh).norm().loss(Loss::MeanSquared);
        let n: usize = sizes.iter().sum();
        let (mut params, inputs) = (params(&spec, seed), samples(n, &spec, seed));
        let before = wide(&params);
        let (mut floats, mut sum) = (work(&spec, SAMPLES), vec![0.0; spec.param_len()]);
        let mut work = Workspace::new(&spec, SAMPLES, &mut floats).unwrap();
        let mut model = Model::new(&spec, &mut params).unwrap();
        let mut gradient = Gradient::new(&spec, &mut sum).unwrap();
        let mut rest = &inputs[..];
        for size in sizes {
            let (batch, tail) = rest.split_at(size * IN);
            model.accumulate(batch, Targets::Values(&[0.1; 3 * SAMPLES][..3 * size]), &mut gradient, &mut work).unwrap();
            rest = tail;
        }
        if clip {
            // Clips the learned parameters' gradient alone.
            let pooled = gradient.sum()[statistics(&spec)[0].clone()].to_vec();
            gradient.clip(1e-3).unwrap();
            prop_assert_eq!(bits(&gradient.sum()[statistics(&spec)[0].clone()]), bits(&pooled));
        }
        let mut sgd = Sgd::plain(&spec).unwrap();
        model.step(&mut gradient, &mut sgd, 0.1).unwrap();
        let moments = &reference(&spec, &before, &inputs, true)[0].moments;
        let at = statistics(&spec)[0].start;
        for (j, (mean, variance)) in moments.iter().enumerate() {
            let follow = |i: usize, to: f64| before[i] + 0.1 * (to - before[i]);
            let unbiased = variance * n as f64 / (n as f64 - 1.0);
            prop_assert!(close(model.params()[at + j], follow(at + j, *mean), 1e-6));
            prop_assert!(close(model.params()[at + 3 + j], follow(at + 3 + j, unbiased), 1e-6));
        }
    }

    #[test]
    fn an_update_pools_the_statistics_of_all_samples_and_changes_nothing_else(
        sizes in vec(2..SAMPLES, 1..6), seed in any::<u64>(),
    ) {
        // Dropout is left out, so that the second layer is none of chance; the first is the same in any grouping.
        let spec = net(Activation::Relu, Loss::MeanSquared);
        let dropped = Spec::new(IN as u16).dense(5, Activation::Relu).norm().dropout(0.5);
        let dropped = dropped.dense(4, Activation::Relu).dense(3, Activation::Identity).norm().loss(Loss::MeanSquared);
        let n: usize = sizes.iter().sum();
        let (before, inputs) = (params(&spec, seed), samples(n, &spec, seed));
        let mut updated = [before.clone(), before.clone()];
        for (spec, params) in [&spec, &dropped].into_iter().zip(&mut updated) {
            let (mut floats, mut pooled) = (work(spec, SAMPLES), vec![f32::NAN; spec.norm_len()]);
            let mut work = Workspace::new(spec, SAMPLES, &mut floats).unwrap();
            let mut update = NormUpdate::new(spec, params, &mut pooled).unwrap();
            let mut rest = &inputs[..];
            for size in &sizes {
                let (batch, tail) = rest.split_at(size * IN);
                update.add(batch, &mut work).unwrap();
                rest = tail;
            }
            prop_assert_eq!(update.finish(), Ok(n as u64));
        }
        prop_assert_eq!(bits(&updated[0]), bits(&updated[1]));
        let moments = &reference(&spec, &wide(&before), &inputs, true)[0].moments;
        let ranges = statistics(&spec);
        for (j, (mean, variance)) in moments.iter().enumerate() {
            let at = ranges[0].start + j;
            prop_assert!(close(updated[0][at], *mean, 1e-6));
            prop_assert!(close(updated[0][at + 5], variance * n as f64 / (n as f64 - 1.0), 1e-6));
        }
        for i in (0..before.len()).filter(|i| !ranges.iter().any(|range| range.contains(i))) {
            prop_assert_eq!(updated[0][i].to_bits(), before[i].to_bits());
        }
    }

    #[test]
    fn folding_changes_predictions_by_a_millionth_at_most(
        f in prop::sample::select(&ACTIVATIONS), seed in any::<u64>(),
    ) {
        let spec = net(f, Loss::MeanSquared);
        let (params, inputs) = (params(&spec, seed), samples(SAMPLES, &spec, seed));
        let folded_spec = spec.folded();
        let mut folded = vec![f32::NAN; folded_spec.param_len()];
        fold(&spec, &params, &mut folded).unwrap();
        prop_assert!(folded_spec.layers().all(|layer| !layer.is_normed()));
        let outputs = |spec: &Spec, params: &[f32]| {
            let mut floats = predict_work(spec, SAMPLES);
            let mut work = Workspace::for_prediction(spec, SAMPLES, &mut floats).unwrap();
            predict(spec, params, &inputs, &mut work).unwrap().to_vec()
        };
        let (normed, folded) = (outputs(&spec, &params), outputs(&folded_spec, &folded));
        for (a, b) in normed.chunks(3).zip(folded.chunks(3)) {
            let (mut p, mut q) = (a.to_vec(), b.to_vec());
            softmax(&mut p, Math::Libm);
            softmax(&mut q, Math::Libm);
            prop_assert!(p.iter().zip(&q).all(|(p, q)| (p - q).abs() <= 1e-6), "{:?} {:?}", p, q);
            // The outputs themselves by as much of the largest: units here are within three deviations of 0.
            let largest = a.iter().fold(1.0_f32, |m, a| m.max(a.abs()));
            prop_assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-6 * largest), "{:?} {:?}", a, b);
        }
    }
}

const NET: Spec = Spec::new(2).dense(3, Activation::Relu).norm().dense(1, Activation::Identity).loss(Loss::MeanSquared);
const DATA: [f32; 8] = [0.1, 0.9, 0.4, -0.3, 0.8, 0.2, -0.7, 0.6];

#[test]
fn a_step_that_fails_changes_nothing() {
    let mut params = initial(&NET, 1);
    let before = params.clone();
    let mut floats = work(&NET, 4);
    let mut work = Workspace::new(&NET, 4, &mut floats).unwrap();
    let mut model = Model::new(&NET, &mut params).unwrap();
    let mut sgd = Sgd::plain(&NET).unwrap();
    let targets = Targets::Values(&[1.0; 4]);
    let mut train = |inputs: &[f32], targets| model.train(inputs, targets, &mut sgd, 0.1, &mut work).unwrap_err();
    assert_eq!(train(&DATA[..2], Targets::Values(&[1.0])), Error::SingleSample);
    let mut bad = DATA;
    bad[7] = f32::NAN;
    assert_eq!(train(&bad, targets), Error::NonFinite { value: Value::Input, index: 7 });
    let gradient = Error::NonFinite { value: Value::Gradient, index: 0 };
    // Samples this far apart have a variance beyond all floats, hence normal values of zero and a loss like any other.
    assert_eq!(train(&DATA.map(|x| x * 1e30), targets), gradient);
    assert_eq!(train(&DATA.map(|x| x * 1e12), targets), gradient);
    assert_eq!(bits(model.params()), bits(&before));
    assert_eq!(model.steps(), 0);
}

#[test]
fn micro_batches_too_far_apart_leave_the_model_alone() {
    let mut params = initial(&NET, 1);
    let (before, mut sum) = (params.clone(), vec![0.0; NET.param_len()]);
    let mut floats = work(&NET, 4);
    let mut work = Workspace::new(&NET, 4, &mut floats).unwrap();
    let mut model = Model::new(&NET, &mut params).unwrap();
    let mut sgd = Sgd::plain(&NET).unwrap();
    let mut gradient = Gradient::new(&NET, &mut sum).unwrap();
    // Each has no variance.
    model.accumulate(&[1e14; 8], Targets::Values(&[1.0; 4]), &mut gradient, &mut work).unwrap();
    let refused = Error::NonFinite { value: Value::Statistic, index: 0 };
    let far = model.accumulate(&[-1e14; 8], Targets::Values(&[1.0; 4]), &mut gradient, &mut work);
    assert_eq!((far, gradient.score().samples()), (Err(refused), 4));
    model.step(&mut gradient, &mut sgd, 0.0).unwrap();
    assert_eq!(bits(&model.params()[..9]), bits(&before[..9]));

    // Inputs as they come from a converter: their squared deviations are large, their variance is not.
    for (micro, scale) in [(false, 2e8), (true, 2e8)] {
        let mut params = before.clone();
        let mut model = Model::new(&NET, &mut params).unwrap();
        for _ in 0..if micro { 16 } else { 1 } {
            model.accumulate(&DATA.map(|x| x * scale), Targets::Values(&[1.0; 4]), &mut gradient, &mut work).unwrap();
        }
        model.step(&mut gradient, &mut sgd, 1e-3).unwrap();
    }
}

#[test]
fn a_gradient_of_another_network_is_refused_even_of_the_same_length() {
    const NORMED: Spec = Spec::new(2).dense(1, Activation::Identity).norm().loss(Loss::MeanSquared);
    const PLAIN: Spec = Spec::new(6).dense(1, Activation::Identity).loss(Loss::MeanSquared);
    assert_eq!(NORMED.param_len(), PLAIN.param_len());
    assert_ne!(Spec::new(2).dense(1, Activation::Identity).layer(0), NORMED.layer(0));
    let (mut params, mut floats, mut sum) = (initial(&NORMED, 1), work(&NORMED, 4), [0.0; PLAIN.param_len()]);
    let before = params.clone();
    let mut work = Workspace::new(&NORMED, 4, &mut floats).unwrap();
    let mut model = Model::new(&NORMED, &mut params).unwrap();
    let mut gradient = Gradient::new(&PLAIN, &mut sum).unwrap();
    let targets = Targets::Values(&[1.0; 4]);
    assert_eq!(model.accumulate(&DATA, targets, &mut gradient, &mut work), Err(Error::Network));
    let mut sgd = Sgd::plain(&NORMED).unwrap();
    assert_eq!(model.step(&mut gradient, &mut sgd, 0.1), Err(Error::Network));
    assert_eq!(bits(model.params()), bits(&before));
    // A description elsewhere in memory is the same network.
    let copy = NORMED;
    let mut gradient = Gradient::new(&copy, &mut sum).unwrap();
    model.accumulate(&DATA, targets, &mut gradient, &mut work).unwrap();
    model.step(&mut gradient, &mut sgd, 0.1).unwrap();
}

#[test]
fn draws_of_a_posterior_do_not_predict_by_statistics_of_other_weights() {
    let (params, mut mean, mut second) = (initial(&NET, 1), vec![0.0; NET.param_len()], vec![0.0; NET.param_len()]);
    let mut swag = Swag::new(&mut mean, &mut second, &mut []).unwrap();
    swag.update(&params).unwrap();
    let (mut floats, mut draw, mut outputs) = (predict_work(&NET, 4), params.clone(), [7.0; 4]);
    let mut work = Workspace::for_prediction(&NET, 4, &mut floats).unwrap();
    let draws = Draws { seed: 1, samples: 3, scale: 1.0 };
    assert_eq!(swag.predict(&NET, draws, &DATA, &mut draw, &mut outputs, &mut work), Err(Error::StaleNorms));
    assert_eq!(outputs, [7.0; 4]);
}

#[test]
fn schedule_free_ends_with_its_average_and_the_models_statistics() {
    let (mut params, mut floats, mut state) = (initial(&NET, 5), work(&NET, 4), vec![0.0; 2 * NET.param_len()]);
    let mut work = Workspace::new(&NET, 4, &mut floats).unwrap();
    let mut model = Model::new(&NET, &mut params).unwrap();
    let mut free = ScheduleFree::new(ScheduleFreeConfig::default(), &model, &mut state).unwrap();
    for _ in 0..20 {
        model.train(&DATA, Targets::Values(&[1.0, 0.0, 1.0, 0.0]), &mut free, 0.1, &mut work).unwrap();
    }
    let (mut expected, range) = (free.averaged().unwrap().to_vec(), statistics(&NET)[0].clone());
    assert_eq!(expected[range.clone()], [0.0, 0.0, 0.0, 1.0, 1.0, 1.0], "no statistics of its own");
    expected[range.clone()].copy_from_slice(&model.params()[range]);
    free.finish(&mut model).unwrap();
    assert_eq!(bits(model.params()), bits(&expected));
}

#[test]
fn without_norms_an_update_changes_nothing() {
    let plain = NET.folded();
    let mut params = initial(&plain, 5);
    let (before, mut floats) = (params.clone(), work(&plain, 4));
    let mut work = Workspace::new(&plain, 4, &mut floats).unwrap();
    let mut update = NormUpdate::new(&plain, &mut params, &mut []).unwrap();
    assert_eq!((update.add(&DATA[..2], &mut work), update.finish()), (Ok(1), Ok(1)));
    assert_eq!(bits(&params), bits(&before));
}

#[test]
fn an_update_that_fails_or_is_given_up_leaves_the_old_statistics() {
    let (before, mut floats) = (params(&NET, 2), work(&NET, 4));
    let (mut params, mut pooled) = (before.clone(), vec![f32::NAN; NET.norm_len()]);
    let mut work = Workspace::new(&NET, 4, &mut floats).unwrap();
    let mut update = NormUpdate::new(&NET, &mut params, &mut pooled).unwrap();
    assert_eq!(update.add(&DATA, &mut work), Ok(4));
    assert_eq!(update.add(&DATA[..2], &mut work), Err(Error::SingleSample));
    assert_eq!(update.add(&[f32::NAN; 4], &mut work), Err(Error::NonFinite { value: Value::Input, index: 0 }));
    let statistic = Error::NonFinite { value: Value::Statistic, index: 0 };
    assert_eq!(update.add(&DATA.map(|x| x * 1e30), &mut work), Err(statistic));
    // Given up.
    let _ = update;
    assert_eq!(bits(&params), bits(&before));
    assert_eq!(NormUpdate::new(&NET, &mut params, &mut pooled).unwrap().finish(), Err(Error::Empty));

    // Weights that are no numbers, as after a bad mix.
    params[0] = f32::NAN;
    let mut update = NormUpdate::new(&NET, &mut params, &mut pooled).unwrap();
    assert_eq!(update.add(&DATA, &mut work), Err(statistic));
    params[0] = before[0];

    // What was refused counts for nothing.
    let mut both = [before.clone(), before];
    for (params, noisy) in both.iter_mut().zip([true, false]) {
        let mut update = NormUpdate::new(&NET, params, &mut pooled).unwrap();
        for batch in [&DATA[..4], &DATA[4..]] {
            update.add(batch, &mut work).unwrap();
            if noisy {
                update.add(&DATA.map(|x| x * 1e30), &mut work).unwrap_err();
            }
        }
        assert_eq!(update.finish(), Ok(4));
    }
    assert_eq!(bits(&both[0]), bits(&both[1]));
}

/// Batches without a variance of their own, this far apart, have too large a one together.
const FAR: [f32; 8] = [3e17; 8];
const AS_FAR: [f32; 8] = [-3e17; 8];

#[test]
fn a_batch_that_would_ruin_an_update_is_refused_when_it_comes() {
    let (before, mut floats) = (params(&NET, 2), work(&NET, 4));
    let mut work = Workspace::new(&NET, 4, &mut floats).unwrap();
    let mut both = [before.clone(), before];
    for (params, noisy) in both.iter_mut().zip([true, false]) {
        let mut pooled = vec![f32::NAN; NET.norm_len()];
        let mut update = NormUpdate::new(&NET, params, &mut pooled).unwrap();
        assert_eq!(update.add(&FAR, &mut work), Ok(4));
        if noisy {
            let statistic = Error::NonFinite { value: Value::Statistic, index: 0 };
            assert_eq!(update.add(&AS_FAR, &mut work), Err(statistic));
        }
        assert_eq!((update.add(&FAR, &mut work), update.finish()), (Ok(8), Ok(8)));
    }
    assert_eq!(bits(&both[0]), bits(&both[1]));
}

#[test]
fn a_batch_that_would_ruin_a_gradient_is_refused_when_it_comes() {
    let (mut floats, targets) = (work(&NET, 4), Targets::Values(&[0.0; 4]));
    let mut work = Workspace::new(&NET, 4, &mut floats).unwrap();
    let mut sgd = Sgd::plain(&NET).unwrap();
    let mut both = [params(&NET, 2), params(&NET, 2)];
    for (params, noisy) in both.iter_mut().zip([true, false]) {
        let mut model = Model::new(&NET, params).unwrap();
        let mut sum = vec![0.0; NET.param_len()];
        let mut gradient = Gradient::new(&NET, &mut sum).unwrap().measured();
        model.accumulate(&FAR.map(|x| x / 1e9), targets, &mut gradient, &mut work).unwrap();
        if noisy {
            let (before, score) = (bits(gradient.sum()), gradient.score());
            let statistic = Err(Error::NonFinite { value: Value::Statistic, index: 0 });
            assert_eq!(model.accumulate(&AS_FAR.map(|x| x / 1e8), targets, &mut gradient, &mut work), statistic);
            assert_eq!((bits(gradient.sum()), gradient.score()), (before, score));
        }
        model.step(&mut gradient, &mut sgd, 0.1).unwrap();
    }
    assert_eq!(bits(&both[0]), bits(&both[1]));
}

#[test]
fn wrong_lengths_are_refused() {
    let p = NET.param_len();
    let wrong = |buffer, needed, got| Some(Error::Length { buffer, needed, got });
    let update = |p, s| NormUpdate::new(&NET, &mut vec![0.0; p], &mut vec![0.0; s]).err();
    assert_eq!(update(p, 6), None);
    assert_eq!(update(p - 1, 6), wrong(Buffer::Params, p, p - 1));
    assert_eq!(update(p, 5), wrong(Buffer::Statistics, 6, 5));
    let folded = |p, f| fold(&NET, &vec![1.0; p], &mut vec![0.0; f]).err();
    assert_eq!(folded(p, p - 12), None);
    assert_eq!(folded(p - 1, p - 12), wrong(Buffer::Params, p, p - 1));
    assert_eq!(folded(p, p), wrong(Buffer::Params, p - 12, p));
}

#[test]
fn a_negative_variance_shows() {
    let mut params = initial(&NET, 1);
    params[statistics(&NET)[0].end - 1] = -0.5;
    let mut floats = predict_work(&NET, 4);
    let mut work = Workspace::for_prediction(&NET, 4, &mut floats).unwrap();
    let refused = predict(&NET, &params, &DATA, &mut work).err();
    assert_eq!(refused, Some(Error::NonFinite { value: Value::Output, index: 0 }));
    let mut folded = vec![0.0; NET.folded().param_len()];
    assert_eq!(fold(&NET, &params, &mut folded), Err(Error::NonFinite { value: Value::Param, index: 2 }));
}

#[test]
fn an_average_in_the_models_place_gets_statistics_of_its_own() {
    let (mut params, mut mean) = (initial(&NET, 3), vec![0.0; NET.param_len()]);
    let (mut floats, mut pooled) = (work(&NET, 4), vec![0.0; NET.norm_len()]);
    let mut work = Workspace::new(&NET, 4, &mut floats).unwrap();
    let mut model = Model::new(&NET, &mut params).unwrap();
    let mut sgd = Sgd::plain(&NET).unwrap();
    let mut swa = Averager::new(&mut mean);
    for _ in 0..5 {
        model.train(&DATA, Targets::Values(&[1.0, 0.0, 1.0, 0.0]), &mut sgd, 0.1, &mut work).unwrap();
        swa.update(&model).unwrap();
    }
    let live = model.params().to_vec();
    let mut expected = swa.mean().unwrap().to_vec();
    let mut update = NormUpdate::new(&NET, &mut expected, &mut pooled).unwrap();
    update.add(&DATA, &mut work).unwrap();
    update.finish().unwrap();
    assert_ne!(bits(&swa.mean().unwrap()), bits(&expected));

    let mut average = swa.in_place_of(&mut model).unwrap();
    let mut update = average.norm_update(&mut pooled).unwrap();
    update.add(&DATA, &mut work).unwrap();
    update.finish().unwrap();
    assert_eq!(bits(average.params()), bits(&expected));
    drop(average);
    assert_eq!((bits(model.params()), bits(&swa.mean().unwrap())), (bits(&live), bits(&expected)));
}

#[test]
fn a_new_model_starts_with_norms_that_change_nothing_but_the_scale() {
    let params = initial(&NET, 8);
    let layer = NET.layer(0).unwrap();
    let (bias, norm) = params[layer.offset() + layer.weight_len()..][..layer.outputs() + 12].split_at(3);
    assert_eq!((bias, norm), (&[0.0; 3][..], &[1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0][..]));
    let plain = initial(&NET.folded(), 8);
    assert_eq!(params[..9], plain[..9]);
    assert_eq!(params[9 + 12..], plain[9..]);
    let mut wrong = params.clone();
    Model::new(&NET, &mut wrong).unwrap().init(Init::Normal(f32::NAN), 8).unwrap_err();
    assert_eq!(wrong, params);
}
