//! Layer norm: gradients, the same bits in batches and sample by sample, no statistics.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{ACTIVATIONS, bits, cases, f64_activation, f64_loss, initial, numbers, predict_work, samples, work};
use cygnet::average::{Draws, NormUpdate, Parts, Swag};
use cygnet::metrics::{Score, evaluate};
use cygnet::model::fold;
use cygnet::network::{NormKind, Part};
use cygnet::optim::SgdConfig;
use cygnet::{Activation, Adam, Averager, Error, Gradient, Loss, Model, Sgd, Spec, Targets, Workspace, predict};
use proptest::collection::vec;
use proptest::prelude::*;

const TABLE: &str = include_str!("reference/layer_norm.txt");
const IN: usize = 4;
const SAMPLES: usize = 6;
/// Norms at the bottom and at the top, one of more units than lanes.
const NET: Spec = Spec::new(IN as u16)
    .dense(11, Activation::Relu)
    .layer_norm()
    .dropout(0.25)
    .dense(5, Activation::Tanh)
    .dense(3, Activation::Identity)
    .layer_norm()
    .loss(Loss::MeanSquared);

fn net(f: Activation, loss: Loss) -> Spec {
    Spec::new(IN as u16).dense(11, f).layer_norm().dense(4, f).dense(3, Activation::Identity).layer_norm().loss(loss)
}

fn wide(numbers: &[f32]) -> Vec<f64> {
    numbers.iter().map(|&x| f64::from(x)).collect()
}

/// Outputs of a sample in double precision, from the formula.
fn reference(spec: &Spec, params: &[f64], inputs: &[f32]) -> Vec<f64> {
    let mut a = wide(inputs);
    for layer in spec.layers() {
        let of = |part| &params[layer.range(part)];
        let (weights, units) = (of(Part::Weights), layer.outputs());
        let sum = |j: usize| a.iter().enumerate().map(|(k, a)| a * weights[k * units + j]).sum::<f64>();
        let mut z: Vec<f64> = (0..units).map(|j| of(Part::Bias)[j] + sum(j)).collect();
        if layer.is_normed() {
            let mean = z.iter().sum::<f64>() / units as f64;
            let variance = z.iter().map(|z| (z - mean).powi(2)).sum::<f64>() / units as f64;
            let normal = |z: f64| (z - mean) / (variance + 1e-5).sqrt();
            z = (0..units).map(|j| of(Part::Scale)[j] * normal(z[j]) + of(Part::Shift)[j]).collect();
        }
        a = z.into_iter().map(|z| f64_activation(layer.activation(), z)).collect();
    }
    a
}

/// Loss and summed gradient of a batch.
fn gradient_of(spec: &Spec, params: &mut [f32], inputs: &[f32], targets: Targets<'_>) -> (f32, Vec<f32>) {
    let mut sum = vec![f32::NAN; spec.param_len()];
    let mut gradient = Gradient::new(spec, &mut sum).unwrap();
    let mut floats = work(spec, 64);
    let mut work = Workspace::new(spec, 64, &mut floats).unwrap();
    let score = Model::new(spec, params).unwrap().accumulate(inputs, targets, &mut gradient, &mut work).unwrap();
    (score.loss(), sum)
}

#[test]
fn gradients_agree_with_central_differences() {
    const H: f64 = 1e-5;
    let losses = [Loss::SoftmaxCrossEntropy, Loss::MeanSquared, Loss::BinaryCrossEntropy, Loss::Huber(0.5)];
    for (f, loss) in ACTIVATIONS.into_iter().flat_map(|f| losses.map(|loss| (f, loss))) {
        let spec = net(f, loss);
        let (mut params, inputs) = (numbers(spec.param_len(), 3), samples(SAMPLES, &spec, 7));
        let targets: Vec<f32> = numbers(SAMPLES * 3, 5).into_iter().map(|t| (t + 1.0) / 2.0).collect();
        let (found_loss, found) = gradient_of(&spec, &mut params, &inputs, Targets::Values(&targets));
        let loss_of = |params: &[f64]| {
            let each = inputs.chunks(IN).zip(targets.chunks(3));
            each.map(|(x, t)| f64_loss(loss, &reference(&spec, params, x), &wide(t))).sum::<f64>()
        };
        let mut at = wide(&params);
        let expected = loss_of(&at) / SAMPLES as f64;
        assert!((f64::from(found_loss) - expected).abs() <= 1e-6 * (1.0 + expected), "{f:?} {loss:?}");
        for i in 0..at.len() {
            let w = at[i];
            at[i] = w + H;
            let above = loss_of(&at);
            at[i] = w - H;
            let expected = (above - loss_of(&at)) / (2.0 * H);
            at[i] = w;
            let error = (f64::from(found[i]) - expected).abs();
            assert!(error <= 2e-5 * (1.0 + expected.abs()), "{f:?} {loss:?}: {i}: {}, but {expected}", found[i]);
        }
    }
}

/// The mean loss under dropout, whose masks depend on the model's seed and steps alone, moves as its gradient says.
#[test]
fn gradients_under_dropout_agree_with_differences() {
    const H: f32 = 2e-3;
    let spec = Spec::new(IN as u16).dense(6, Activation::Tanh).layer_norm().dropout(0.5).dense(5, Activation::Sigmoid);
    let spec = spec.layer_norm().dropout(0.25).dense(3, Activation::Identity).loss(Loss::MeanSquared);
    let (mut params, inputs, targets) =
        (numbers(spec.param_len(), 3), samples(SAMPLES, &spec, 7), numbers(3 * SAMPLES, 5));
    let (_, sum) = gradient_of(&spec, &mut params, &inputs, Targets::Values(&targets));
    for i in 0..params.len() {
        let w = params[i];
        let mut at = |w| {
            params[i] = w;
            f64::from(gradient_of(&spec, &mut params, &inputs, Targets::Values(&targets)).0)
        };
        let expected = (at(w + H) - at(w - H)) / f64::from(2.0 * H);
        at(w);
        let found = f64::from(sum[i]) / SAMPLES as f64;
        assert!((found - expected).abs() <= 1e-3 * (1.0 + expected.abs()), "{i}: {found}, but {expected}");
    }
}

#[test]
fn loss_and_gradients_agree_with_pytorch() {
    let id = Activation::Identity;
    let new = |width, f| Spec::new(6).dense(width, f).layer_norm();
    let squared = Loss::MeanSquared;
    let nets = [
        ("classes", new(5, Activation::Relu).dense(9, Activation::Tanh).layer_norm().dense(3, id)),
        ("values", new(17, Activation::LeakyRelu(0.125)).dense(4, Activation::Sigmoid).layer_norm().loss(squared)),
        ("two", new(2, Activation::Tanh).dense(3, id).layer_norm()),
    ];
    const N: usize = 7;
    let ramp = |n: usize, [multiplier, offset, modulus]: [usize; 3], middle: f32, unit: f32| -> Vec<f32> {
        (0..n).map(|i| (((i * multiplier + offset) % modulus) as f32 - middle) / unit).collect()
    };
    let classes: Vec<u16> = (0..N as u16).map(|s| (5 * s * s + s) % 3).collect();
    for (name, spec) in nets {
        let row = TABLE.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap();
        let row: Vec<f64> = row.split(' ').map(|x| x.parse().unwrap()).collect();
        let (loss, expected) = row.split_first().unwrap();
        assert_eq!(expected.len(), spec.param_len());
        let values = ramp(N * spec.outputs(), [11, 3, 17], 8.0, 8.0);
        let targets = if name == "values" { Targets::Values(&values) } else { Targets::Classes(&classes) };
        let mut params = ramp(spec.param_len(), [37, 5, 97], 48.0, 64.0);
        let inputs = ramp(N * 6, [29, 7, 31], 15.0, 16.0);
        let (found_loss, found) = gradient_of(&spec, &mut params, &inputs, targets);
        assert!((f64::from(found_loss) - loss).abs() <= 2e-6 * loss, "{name}: {found_loss}, but {loss}");
        let largest = expected.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
        let errors = found.iter().zip(expected).map(|(found, g)| (f64::from(*found) / N as f64 - g).abs());
        let worst = errors.fold(0.0, f64::max);
        assert!(worst <= 2e-6 * largest, "{name}: off by {worst:e}, the largest is {largest:e}");
    }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn a_batch_has_the_bits_of_its_micro_batches_down_to_single_samples(
        f in prop::sample::select(&ACTIVATIONS), sizes in vec(1..SAMPLES, 1..5), seed in any::<u64>(), adam in any::<bool>(),
    ) {
        let spec = net(f, Loss::MeanSquared);
        let n: usize = sizes.iter().sum();
        let (inputs, targets) = (samples(n, &spec, seed), numbers(3 * n, !seed));
        let mut fused = numbers(spec.param_len(), seed);
        let mut state = [(); 2].map(|()| vec![0.0; 2 * spec.param_len()]);
        let (mut apart, mut sum) = (fused.clone(), vec![0.0; spec.param_len()]);
        let mut floats = work(&spec, n);
        let mut work = Workspace::new(&spec, n, &mut floats).unwrap();
        let [one, other] = &mut state;
        let mut optimizers = [one, other].map(|state| Adam::new(Adam::DEFAULT, &spec, state).unwrap());
        let mut plain = Sgd::plain(&spec).unwrap();
        let mut model = Model::new(&spec, &mut fused).unwrap();
        let [first, second] = &mut optimizers;
        if adam {
            model.train(&inputs, Targets::Values(&targets), first, 0.1, &mut work).unwrap();
        } else {
            model.train(&inputs, Targets::Values(&targets), &mut plain, 0.1, &mut work).unwrap();
        }
        let mut model = Model::new(&spec, &mut apart).unwrap();
        let mut gradient = Gradient::new(&spec, &mut sum).unwrap().measured();
        let (mut x, mut t) = (&inputs[..], &targets[..]);
        for size in sizes {
            let ((here, rest), (t_here, t_rest)) = (x.split_at(size * IN), t.split_at(size * 3));
            model.accumulate(here, Targets::Values(t_here), &mut gradient, &mut work).unwrap();
            (x, t) = (rest, t_rest);
        }
        if adam { model.step(&mut gradient, second, 0.1) } else { model.step(&mut gradient, &mut plain, 0.1) }.unwrap();
        prop_assert_eq!(bits(&fused), bits(&apart));
    }

    #[test]
    fn training_normalises_as_prediction_does(f in prop::sample::select(&ACTIVATIONS), n in 1..9_usize, seed in any::<u64>()) {
        let spec = net(f, Loss::Huber(0.5));
        let (mut params, inputs, targets) = (numbers(spec.param_len(), seed), samples(n, &spec, seed), numbers(3 * n, !seed));
        let (trained, _) = gradient_of(&spec, &mut params, &inputs, Targets::Values(&targets));
        let mut floats = predict_work(&spec, n);
        let mut work = Workspace::for_prediction(&spec, n, &mut floats).unwrap();
        let mut score = Score::default();
        evaluate(&spec, &params, &inputs, Targets::Values(&targets), &mut score, &mut work).unwrap();
        prop_assert_eq!(trained.to_bits(), score.loss().to_bits());
        let together = predict(&spec, &params, &inputs, &mut work).unwrap().to_vec();
        for (x, expected) in inputs.chunks(IN).zip(together.chunks(3)) {
            prop_assert_eq!(bits(predict(&spec, &params, x, &mut work).unwrap()), bits(expected));
        }
    }
}

#[test]
fn it_has_scale_and_shift_alone_and_room_for_each_sample() {
    let parts: Vec<Part> = NET.ranges().filter(|(layer, ..)| *layer == 0).map(|(_, part, _)| part).collect();
    assert_eq!(parts, [Part::Weights, Part::Bias, Part::Scale, Part::Shift]);
    assert_eq!(NET.param_len(), 5 * 11 + 22 + 12 * 5 + 6 * 3 + 6);
    assert_eq!(NET.work_len(6), 2 * 6 * 19 + 11 + 6 * (2 * 14 + 2));
    assert_eq!((NET.norm_len(), NET.norm_kind()), (0, Some(NormKind::Layer)));
    let layer = NET.layer(0).unwrap();
    assert_eq!((layer.is_normed(), layer.norm_len(), layer.range(Part::Variance)), (true, 22, 77..77));
    let params = initial(&NET, 3);
    assert_eq!(params[layer.range(Part::Scale)], [1.0; 11]);
    assert_eq!(params[layer.range(Part::Shift)], [0.0; 11]);
    let batch = Spec::new(2).dense(3, Activation::Relu).norm();
    assert_eq!((batch.norm_kind(), batch.folded().norm_kind()), (Some(NormKind::Batch), None));
}

#[test]
fn an_average_needs_no_statistics_and_may_leave_norms_out() {
    let mut params = initial(&NET, 5);
    let [mut whole, mut parts] = [(); 2].map(|()| vec![0.0; NET.param_len()]);
    let mut floats = work(&NET, 1);
    let mut work = Workspace::new(&NET, 1, &mut floats).unwrap();
    let config = SgdConfig { momentum: 0.5, ..Sgd::DEFAULT };
    let mut velocity = vec![0.0; NET.param_len()];
    let mut sgd = Sgd::new(config, &NET, &mut velocity).unwrap();
    let mut model = Model::new(&NET, &mut params).unwrap();
    let (mut swa, mut only) = (Averager::new(&mut whole), Averager::new(&mut parts));
    only.only(&NET, Parts { norms: false, ..Parts::of_layers(|_| true) }).unwrap();
    for step in 0..9 {
        let x = samples(1, &NET, step);
        model.train(&x, Targets::Values(&[0.5, -1.0, 2.0]), &mut sgd, 0.1, &mut work).unwrap();
        swa.update(&model).unwrap();
        only.update(&model).unwrap();
    }
    for (_, part, places) in NET.ranges() {
        let (whole, only) = (&swa.mean().unwrap()[places.clone()], &only.mean().unwrap()[places.clone()]);
        let is_norm = matches!(part, Part::Scale | Part::Shift);
        assert_eq!(bits(only), bits(if is_norm { &model.params()[places] } else { whole }));
    }
    swa.finish(&mut model).unwrap();
    let before = bits(model.params());
    let mut update = model.norm_update(&mut []).unwrap();
    assert_eq!((update.add(&samples(1, &NET, 1), &mut work), update.finish()), (Ok(1), Ok(1)));
    assert_eq!(bits(model.params()), before);
    assert!(NormUpdate::new(&NET, model.params_mut(), &mut [0.0; 2]).is_err());
}

#[test]
fn draws_of_a_posterior_predict_at_once() {
    let (params, mut mean, mut second) = (initial(&NET, 1), vec![0.0; NET.param_len()], vec![0.0; NET.param_len()]);
    let mut swag = Swag::new(&mut mean, &mut second, &mut []).unwrap();
    swag.update(&params).unwrap();
    let spec = NET.loss(Loss::SoftmaxCrossEntropy);
    let (mut floats, mut draw, mut outputs) = (predict_work(&spec, 4), params, [7.0; 3]);
    let mut work = Workspace::for_prediction(&spec, 4, &mut floats).unwrap();
    let draws = Draws { seed: 1, samples: 3, scale: 1.0 };
    swag.predict(&spec, draws, &samples(1, &spec, 1), &mut draw, &mut outputs, &mut work).unwrap();
    assert!((outputs.iter().sum::<f32>() - 1.0).abs() < 1e-6);
}

#[test]
fn folding_leaves_it_as_it_is() {
    let params = numbers(NET.param_len(), 4);
    let mut folded = vec![0.0; NET.folded().param_len()];
    assert_eq!(NET.folded(), NET);
    assert_eq!(bits(&fold(&NET, &params, &mut folded).unwrap()), bits(&params));
}

#[test]
fn pre_activations_too_far_apart_change_nothing() {
    let (mut floats, mut predicting) = (work(&NET, 2), predict_work(&NET, 2));
    let mut work = Workspace::new(&NET, 2, &mut floats).unwrap();
    let mut predicting = Workspace::for_prediction(&NET, 2, &mut predicting).unwrap();
    let mut sgd = Sgd::plain(&NET).unwrap();
    // The first has a square that overflows, the second a sum.
    for large in [1e22, 3e38] {
        let mut params = initial(&NET, 2);
        params[NET.layer(0).unwrap().range(Part::Bias)].fill(large);
        params[0] = 1e20;
        let before = bits(&params);
        let mut model = Model::new(&NET, &mut params).unwrap();
        let targets = Targets::Values(&[0.0; 3]);
        let error = model.train(&[100.0, 0.0, 0.0, 0.0], targets, &mut sgd, 0.1, &mut work);
        assert!(matches!(error, Err(Error::NonFinite { .. })), "{error:?}");
        assert_eq!(bits(model.params()), before);
        assert!(matches!(model.predict(&[100.0; 4], &mut predicting), Err(Error::NonFinite { .. })));
    }
}
