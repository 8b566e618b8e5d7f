//! What cannot work is refused with its reason, and changes nothing; one output under binary cross-entropy is two classes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{bits, cases, initial, numbers, samples};
use cygnet::average::{Draws, Gate, Swag};
use cygnet::error::{Setting, Value};
use cygnet::metrics::{Score, class_of, evaluate};
use cygnet::optim::{AdamConfig, Optimizer, SgdConfig};
use cygnet::schedule::{Decay, Schedule};
use cygnet::{Activation, Adam, Error, Gradient, Init, Loss, Model, Sgd, Spec, Targets, Workspace, predict};
use proptest::prelude::*;

const ONE: Spec = Spec::new(3).dense(4, Activation::Tanh).dense(1, Activation::Identity).loss(Loss::BinaryCrossEntropy);

/// Trains, accumulates and evaluates: all three give `error`, and nothing changes.
fn refused(spec: &Spec, n: usize, targets: Targets<'_>, error: Error) {
    let (mut params, x) = (initial(spec, 1), samples(n, spec, 1));
    let (mut floats, mut sum, mut moments) =
        (vec![0.0; spec.work_len(n)], vec![0.0; spec.param_len()], vec![0.0; 2 * spec.param_len()]);
    let (before, mut total) = (bits(&params), Score::default());
    let mut work = Workspace::new(spec, n, &mut floats).unwrap();
    let mut model = Model::new(spec, &mut params).unwrap();
    let mut adam = Adam::new(AdamConfig::default(), spec, &mut moments).unwrap();
    let mut gradient = Gradient::new(spec, &mut sum).unwrap();
    assert_eq!(model.train(&x, targets, &mut adam, 0.1, &mut work), Err(error));
    assert_eq!(model.accumulate(&x, targets, &mut gradient, &mut work), Err(error));
    assert_eq!(model.evaluate(&x, targets, &mut total, &mut work), Err(error));
    assert_eq!((bits(model.params()), model.steps(), adam.steps(), total), (before, 0, 0, Score::default()));
    assert_eq!((gradient.score(), gradient.sum().iter().any(|&g| g != 0.0)), (Score::default(), false));
    assert!(moments.iter().all(|&m| m == 0.0));
}

#[test]
fn values_that_are_no_probabilities_are_refused_where_probabilities_are_meant() {
    let two = |loss| Spec::new(3).dense(2, Activation::Identity).loss(loss);
    let (softmax, binary) = (two(Loss::SoftmaxCrossEntropy), two(Loss::BinaryCrossEntropy));
    for (spec, value) in [(softmax, -1e-30), (softmax, -1.0), (binary, -1e-30), (binary, 1.000_000_1), (binary, 2.0)] {
        refused(&spec, 2, Targets::Values(&[0.5, 0.5, value, 0.0]), Error::Target { index: 2 });
    }
    for spec in [softmax, binary, two(Loss::MeanSquared), two(Loss::Huber(1.0)), two(Loss::Pinball(0.5))] {
        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let error = Error::NonFinite { value: Value::Target, index: 3 };
            refused(&spec, 2, Targets::Values(&[0.5, 1.0, 0.0, odd]), error);
        }
    }
    // Weights of classes may pass 1, values may be anything finite.
    for (spec, values) in [(softmax, [3.0, 0.0]), (binary, [1.0, -0.0]), (two(Loss::MeanSquared), [-5.0, 5.0])] {
        let (params, mut floats, mut total) = (initial(&spec, 1), vec![0.0; spec.predict_len(1)], Score::default());
        let mut work = Workspace::for_prediction(&spec, 1, &mut floats).unwrap();
        evaluate(&spec, &params, &[0.5; 3], Targets::Values(&values), &mut total, &mut work).unwrap();
    }
}

#[test]
fn classes_are_refused_where_outputs_are_none() {
    for loss in [Loss::MeanSquared, Loss::Huber(1.0), Loss::Pinball(0.5)] {
        refused(&ONE.loss(loss), 1, Targets::Classes(&[0]), Error::NoClasses);
    }
    let gaussian = Spec::new(3).dense(4, Activation::Identity).loss(Loss::GaussianNll);
    refused(&gaussian, 1, Targets::Classes(&[0]), Error::NoClasses);
    for label in [2, u16::MAX] {
        refused(&ONE, 2, Targets::Classes(&[1, label]), Error::Label { sample: 1, label, classes: 2 });
    }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn one_output_learns_its_class_as_the_value_that_it_is(n in 1_usize..9, seed in any::<u64>()) {
        let classes: Vec<u16> = numbers(n, seed).into_iter().map(|x| u16::from(x > 0.0)).collect();
        let values: Vec<f32> = classes.iter().map(|&c| c.into()).collect();
        let x = samples(n, &ONE, seed);
        let learned = [Targets::Classes(&classes), Targets::Values(&values)].map(|targets| {
            let (mut params, mut floats) = (initial(&ONE, seed), vec![0.0; ONE.work_len(n)]);
            let mut work = Workspace::new(&ONE, n, &mut floats).unwrap();
            let mut model = Model::new(&ONE, &mut params).unwrap();
            let mut sgd = Sgd::plain(&ONE).unwrap();
            let scores = [0, 1, 2].map(|_| model.train(&x, targets, &mut sgd, 0.5, &mut work).unwrap());
            let logits = model.predict(&x, &mut work).unwrap().to_vec();
            let hits = logits.iter().zip(&classes).filter(|&(&z, &c)| (z > 0.0) == (c == 1)).count() as u64;
            let named = logits.iter().zip(&classes).filter(|&(&z, &c)| class_of(&[z]) == c).count() as u64;
            let mut total = Score::default();
            model.evaluate(&x, targets, &mut total, &mut work).unwrap();
            assert_eq!((total.hits(), total.hits()), (hits, named));
            (scores, bits(&params))
        });
        prop_assert_eq!(&learned[0], &learned[1]);
    }
}

#[test]
fn one_output_learns_to_tell_two_classes_apart() {
    let (mut params, mut floats) = (initial(&ONE, 3), vec![0.0; ONE.work_len(4)]);
    let mut work = Workspace::new(&ONE, 4, &mut floats).unwrap();
    let mut model = Model::new(&ONE, &mut params).unwrap();
    let mut sgd = Sgd::plain(&ONE).unwrap();
    let x = [0.9, 0.1, 0.0, 0.1, 0.8, 0.3, 0.7, 0.0, 0.2, 0.0, 0.6, 0.1];
    let targets = Targets::Classes(&[0, 1, 0, 1]);
    let scores: Vec<Score> = (0..500).map(|_| model.train(&x, targets, &mut sgd, 0.5, &mut work).unwrap()).collect();
    assert!(scores[0].loss() > 0.5 && scores[499].loss() < 0.05 && scores[499].hits() == 4);
    let logits = model.predict(&x, &mut work).unwrap();
    assert_eq!(logits.iter().map(|&z| class_of(&[z])).collect::<Vec<_>>(), [0, 1, 0, 1]);
}

#[test]
fn a_step_that_would_leave_the_numbers_is_refused_and_changes_nothing() {
    const NET: Spec = Spec::new(1).dense(1, Activation::Identity).loss(Loss::MeanSquared);
    let wild = AdamConfig { beta2: 0.0, epsilon: 1e-15, ..AdamConfig::default() };
    let coupled = AdamConfig { beta2: 0.0, weight_decay: 1.0, ..AdamConfig::default() };
    let decay = SgdConfig { weight_decay: 1.0, ..SgdConfig::default() };
    let heavy = SgdConfig { momentum: 0.999_999_9, ..decay };
    let (mut velocity, mut a, mut b, mut c) = ([0.0; 2], [0.0; 4], [0.0; 4], [0.0; 4]);
    let mut plain = Sgd::new(decay, &NET, &mut []).unwrap();
    let mut heavy = Sgd::new(heavy, &NET, &mut velocity).unwrap();
    let mut decoupled = Adam::new(AdamConfig::decoupled(1.0), &NET, &mut a).unwrap();
    let mut wild = Adam::new(wild, &NET, &mut b).unwrap();
    let mut coupled = Adam::new(coupled, &NET, &mut c).unwrap();
    let optimizers: [(&mut dyn Optimizer, f32); 5] =
        [(&mut plain, 1.0), (&mut heavy, 1.0), (&mut decoupled, 1.0), (&mut wild, 1e17), (&mut coupled, 1e30)];
    for (i, (optimizer, weight)) in optimizers.into_iter().enumerate() {
        let (mut params, mut floats) = ([weight, 0.0], [0.0; NET.work_len(1)]);
        let mut work = Workspace::new(&NET, 1, &mut floats).unwrap();
        let mut model = Model::new(&NET, &mut params).unwrap();
        let mut refusals = 0;
        for step in 0..60 {
            let before = (bits(model.params()), model.steps(), model.changes());
            // No weight shows in the loss where the input is zero.
            let (x, t) = if i == 3 && step < 2 { ([1.0], [1.0]) } else { ([0.0], [model.params()[1]]) };
            let found = model.train(&x, Targets::Values(&t), optimizer, 1e9, &mut work);
            if found == Err(Error::NonFinite { value: Value::Step, index: 0 }) {
                refusals += 1;
                assert_eq!((bits(model.params()), model.steps(), model.changes()), before);
            }
            assert!(model.params().iter().all(|w| w.is_finite()), "{i}: {found:?}");
        }
        assert!(refusals > 0, "{i}");
    }
    assert!(velocity.iter().chain(&a).chain(&b).chain(&c).all(|x| x.is_finite()));
}

#[test]
fn draws_and_what_they_predict_stay_numbers() {
    const NET: Spec = Spec::new(1).dense(1, Activation::Identity).loss(Loss::MeanSquared);
    let (mut mean, mut second, mut columns) = ([0.0; 2], [0.0; 2], [0.0; 4]);
    let mut swag = Swag::new(&mut mean, &mut second, &mut columns).unwrap();
    for sign in [1.0, -1.0, 1.0, -1.0] {
        swag.update(&[4e18 * sign, 0.0]).unwrap();
    }
    for scale in [f32::MAX, 1e30, 1e3] {
        let mut draw = [7.0; 2];
        let found = swag.sample(1, 0, scale, &mut draw);
        assert_eq!((found, draw), (Err(Error::Setting(Setting::Covariance)), [7.0; 2]));
    }
    let (mut draw, mut floats, mut outputs) = ([0.0; 2], [0.0; NET.predict_len(1)], [0.0]);
    let mut work = Workspace::for_prediction(&NET, 1, &mut floats).unwrap();
    let mut refusals = 0;
    for (seed, x) in (0..200).zip([1.0_f32, 1e10, 1e19, 3e19, 5e19].into_iter().cycle()) {
        let draws = Draws { seed, samples: 2, scale: 1.0 };
        match swag.predict(&NET, draws, &[x], &mut draw, &mut outputs, &mut work) {
            Ok(()) => assert!(outputs[0].is_finite(), "{x}"),
            Err(error) => {
                assert_eq!(error, Error::NonFinite { value: Value::Output, index: 0 });
                refusals += 1;
            }
        }
    }
    assert!(refusals > 0 && refusals < 150);
}

#[test]
fn no_weight_starts_infinite() {
    let mut params = vec![0.0; ONE.param_len()];
    let mut model = Model::new(&ONE, &mut params).unwrap();
    for seed in 0..2000 {
        model.init(Init::Normal(1e37), seed).unwrap();
        assert!(model.params().iter().all(|w| w.abs() < 1.7e38));
    }
}

#[test]
fn the_largest_rates_stay_rates() {
    for decay in [Decay::Linear { to: 1e9, steps: 1000 }, Decay::Cosine { to: 1e9, steps: 1000 }] {
        let schedule = Schedule { decay, ..Schedule::constant(1e9) };
        assert_eq!(schedule.check(), Ok(()));
        assert!((0..=1000).all(|step| schedule.at(step) <= 1e9));
    }
}

#[test]
fn a_gate_that_nothing_could_pass_is_refused() {
    let slack = Some(Error::Setting(Setting::Slack));
    for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert_eq!(Gate::new(odd).err(), slack);
    }
    for odd in [f32::NAN, f32::NEG_INFINITY] {
        assert_eq!(Gate::resume(0.1, odd).err(), slack);
    }
    let mut strict = Gate::new(-0.5).unwrap();
    assert_eq!([3.0, 2.9, 2.5, 2.1].map(|loss| strict.pass(loss)), [true, false, true, false]);
    assert_eq!(Gate::resume(-0.5, strict.least()), Ok(strict));
}

/// The gradient of micro-batches of two samples, measured.
fn with_gradient(act: impl FnOnce(&Model<'_>, &mut Gradient<'_>, &mut Workspace<'_>)) {
    let (mut params, mut floats, mut sum) = (initial(&ONE, 5), vec![0.0; ONE.work_len(2)], vec![0.0; ONE.param_len()]);
    let mut work = Workspace::new(&ONE, 2, &mut floats).unwrap();
    let model = Model::new(&ONE, &mut params).unwrap();
    let mut gradient = Gradient::new(&ONE, &mut sum).unwrap().measured();
    for seed in [1, 2, 3] {
        model.accumulate(&samples(2, &ONE, seed), Targets::Classes(&[0, 1]), &mut gradient, &mut work).unwrap();
    }
    act(&model, &mut gradient, &mut work);
}

#[test]
fn noise_is_that_of_the_samples_before_and_after_a_clip() {
    with_gradient(|_, gradient, _| {
        let before = gradient.noise().unwrap();
        let norm = gradient.clip(1e-3).unwrap();
        assert!(norm > 1e-2);
        assert_eq!(gradient.noise(), Ok(before));
        // Again, and where nothing is left to scale.
        let clipped = gradient.clip(1e-4).unwrap();
        assert!((clipped / 1e-3 - 1.0).abs() < 1e-5);
        assert!(gradient.clip(1.0).is_ok());
        assert_eq!(gradient.noise(), Ok(before));
    });
}

#[test]
fn a_clipped_gradient_takes_no_more_samples() {
    with_gradient(|model, gradient, work| {
        let (x, targets) = (samples(2, &ONE, 4), Targets::Classes(&[1, 0]));
        // One that was not scaled does.
        gradient.clip(1e9).unwrap();
        model.accumulate(&x, targets, gradient, work).unwrap();
        gradient.clip(1e-3).unwrap();
        let before = (bits(gradient.sum()), gradient.score());
        assert_eq!(model.accumulate(&x, targets, gradient, work), Err(Error::Clipped));
        assert_eq!((bits(gradient.sum()), gradient.score()), before);
        gradient.reset();
        model.accumulate(&x, targets, gradient, work).unwrap();
    });
}

#[test]
fn a_gradient_that_was_measured_late_has_no_noise() {
    let (mut params, mut floats, mut sum) = (initial(&ONE, 5), vec![0.0; ONE.work_len(2)], vec![0.0; ONE.param_len()]);
    let mut work = Workspace::new(&ONE, 2, &mut floats).unwrap();
    let model = Model::new(&ONE, &mut params).unwrap();
    let mut gradient = Gradient::new(&ONE, &mut sum).unwrap();
    let mut add = |gradient: &mut Gradient<'_>| {
        model.accumulate(&samples(2, &ONE, 1), Targets::Classes(&[0, 1]), gradient, &mut work).unwrap();
    };
    add(&mut gradient);
    let mut gradient = gradient.measured();
    (0..2).for_each(|_| add(&mut gradient));
    assert_eq!(gradient.noise(), Err(Error::SinglePart));
    gradient.reset();
    (0..2).for_each(|_| add(&mut gradient));
    assert!(gradient.noise().is_ok());
}

#[test]
fn outputs_outlive_the_inputs_they_were_predicted_from() {
    let (mut params, mut floats) = (initial(&ONE, 5), vec![0.0; ONE.work_len(1)]);
    let mut work = Workspace::new(&ONE, 1, &mut floats).unwrap();
    let model = Model::new(&ONE, &mut params).unwrap();
    let mut x = [0.5, 0.25, 0.125];
    let outputs = model.predict(&x, &mut work).unwrap();
    x[0] = outputs[0];
    let first = outputs[0];
    let outputs = {
        let gone = x.to_vec();
        predict(&ONE, model.params(), &gone, &mut work).unwrap()
    };
    assert_ne!(outputs[0], first);
}

#[test]
fn the_faults_of_a_description_are_said_in_a_constant() {
    const SAID: Option<&str> = match Spec::new(3).dense(1, Activation::Identity).fault() {
        Some(fault) => Some(fault.text()),
        None => None,
    };
    cygnet::assert_valid!(ONE);
    assert!(SAID.unwrap().contains("at least two outputs"));
    let error = Spec::new(3).dense(1, Activation::Identity).check().unwrap_err();
    assert_eq!(error.to_string(), format!("network description: {}", SAID.unwrap()));
}
