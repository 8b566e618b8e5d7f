//! Weights of samples and classes: weights of 1 are none, a weight of 0 takes a sample's part but not its place, and what an
//! update cannot divide by is refused and changes nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{bits, classes, initial, numbers, samples, work};
use cygnet::error::{Buffer, Setting};
use cygnet::metrics::{Score, evaluate};
use cygnet::optim::{AdamConfig, Lookahead, LookaheadConfig, Optimizer, ScheduleFree, ScheduleFreeConfig, SgdConfig};
use cygnet::train::{AnyTargets, GradientState, Weighted, balanced};
use cygnet::{Activation, Adam, Error, Gradient, Loss, Model, Sgd, Spec, Targets, Workspace};

const N: usize = 9;
const PLAIN: Spec = Spec::new(7).dense(9, Activation::Relu).dropout(0.3).dense(4, Activation::Identity);
const NORMED: Spec = Spec::new(7).dense(9, Activation::Tanh).norm().dropout(0.3).dense(4, Activation::Identity);
const ONE: Spec = Spec::new(7).dense(5, Activation::Tanh).dense(1, Activation::Identity).loss(Loss::BinaryCrossEntropy);
const OPTIMIZERS: [&str; 5] = ["sgd", "momentum", "adam", "free", "lookahead"];

/// Runs `act` with one of the optimizers, over state of its own.
fn with_optimizer(name: &str, model: &mut Model<'_>, act: impl FnOnce(&mut Model<'_>, &mut dyn Optimizer)) {
    let spec = *model.spec();
    let (mut state, mut slow) = (vec![0.0; 2 * spec.param_len()], vec![0.0; spec.param_len()]);
    let momentum = SgdConfig { momentum: 0.9, nesterov: true, weight_decay: 0.01, ..SgdConfig::default() };
    match name {
        "sgd" => act(model, &mut Sgd::plain(&spec).unwrap()),
        "momentum" => act(model, &mut Sgd::new(momentum, &spec, &mut slow).unwrap()),
        "adam" => act(model, &mut Adam::new(AdamConfig::decoupled(0.01), &spec, &mut state).unwrap()),
        "free" => {
            let config = ScheduleFreeConfig { beta: 0.9, weight_decay: 0.01, ..ScheduleFreeConfig::default() };
            let mut free = ScheduleFree::new(config, model, &mut state).unwrap();
            act(model, &mut free);
        }
        _ => {
            let adam = Adam::new(AdamConfig::default(), &spec, &mut state).unwrap();
            let config = LookaheadConfig { every: 2, alpha: 0.3 };
            let mut lookahead = Lookahead::new(config, adam, model, &mut slow).unwrap();
            act(model, &mut lookahead);
        }
    }
}

/// Parameters, the scores of training and that of an evaluation, after steps on batches of these sizes: fused, or in
/// micro-batches of two that are clipped.
fn learn(
    spec: &Spec,
    optimizer: &str,
    micro: bool,
    x: &[f32],
    targets: &dyn Fn(std::ops::Range<usize>) -> AnyTargetsOwned,
) -> (Vec<u32>, Vec<Score>) {
    let (mut params, mut scores) = (initial(spec, 3), vec![]);
    let mut model = Model::new(spec, &mut params).unwrap();
    model.resume(5, 0);
    with_optimizer(optimizer, &mut model, |model, optimizer| {
        for n in [1, 3, N] {
            let n = if spec.norm_len() > 0 { n.max(2) } else { n };
            // A workspace for one sample at a time has kernels of its own.
            let mut floats = work(spec, n);
            let mut work = Workspace::new(spec, n, &mut floats).unwrap();
            let mut sum = vec![0.0; spec.param_len()];
            let mut gradient = Gradient::new(spec, &mut sum).unwrap();
            if micro {
                for start in (0..n).step_by(2).filter(|start| spec.norm_len() == 0 || start + 1 < n) {
                    let end = n.min(start + 2);
                    let x = &x[start * spec.inputs()..end * spec.inputs()];
                    let of_part = targets(start..end);
                    model.accumulate(x, of_part.targets(), &mut gradient, &mut work).unwrap();
                }
                gradient.clip(0.05).unwrap();
                scores.push(model.step(&mut gradient, optimizer, 0.1).unwrap());
            } else {
                let (x, targets) = (&x[..n * spec.inputs()], targets(0..n));
                scores.push(model.train(x, targets.targets(), optimizer, 0.1, &mut work).unwrap());
            }
        }
    });
    let mut floats = vec![0.0; spec.predict_len(2)];
    let mut work = Workspace::for_prediction(spec, 2, &mut floats).unwrap();
    let (mut total, whole) = (Score::default(), targets(0..N));
    model.evaluate(&x[..N * spec.inputs()], whole.targets(), &mut total, &mut work).unwrap();
    scores.push(total);
    (bits(&params), scores)
}

/// Targets that own their slices.
#[derive(Clone, Default)]
struct AnyTargetsOwned {
    labels: Vec<u16>,
    values: Vec<f32>,
    samples: Option<Vec<f32>>,
    classes: Option<Vec<f32>>,
    is_plain: bool,
    smoothing: f32,
}

impl AnyTargetsOwned {
    fn targets(&self) -> AnyTargets<'_> {
        let plain = if self.values.is_empty() { Targets::Classes(&self.labels) } else { Targets::Values(&self.values) };
        if self.is_plain {
            return plain.into();
        }
        let mut weighted = Weighted::new(plain).smoothed(self.smoothing);
        if let Some(samples) = &self.samples {
            weighted = weighted.by_sample(samples);
        }
        if let Some(classes) = &self.classes {
            weighted = weighted.by_class(classes);
        }
        weighted.into()
    }
}

/// What a score says.
fn said(scores: &[Score]) -> Vec<(u64, u64, u32, u32, u32)> {
    let say = |s: &Score| (s.samples(), s.hits(), s.loss().to_bits(), s.accuracy().to_bits(), s.weight().to_bits());
    scores.iter().map(say).collect()
}

#[test]
fn weights_of_one_give_the_bits_of_no_weights() {
    let losses = [Loss::SoftmaxCrossEntropy, Loss::MeanSquared, Loss::BinaryCrossEntropy, Loss::Huber(0.5)];
    for spec in [PLAIN, NORMED] {
        let (x, labels) = (samples(N, &spec, 1), classes(N, &spec, 1));
        for (loss, optimizer) in losses.into_iter().zip(OPTIMIZERS.into_iter().cycle()).chain([
            (Loss::SoftmaxCrossEntropy, "momentum"),
            (Loss::SoftmaxCrossEntropy, "adam"),
            (Loss::SoftmaxCrossEntropy, "free"),
            (Loss::SoftmaxCrossEntropy, "lookahead"),
        ]) {
            let spec = spec.loss(loss);
            for micro in [false, true] {
                let run = |samples: bool, classes: bool, is_plain: bool| {
                    learn(&spec, optimizer, micro, &x, &|range| AnyTargetsOwned {
                        samples: samples.then(|| vec![1.0; range.len()]),
                        classes: classes.then(|| vec![1.0; 4]),
                        labels: labels[range].to_vec(),
                        is_plain,
                        ..AnyTargetsOwned::default()
                    })
                };
                let (params, scores) = run(false, false, true);
                for (samples, classes) in [(false, false), (true, false), (false, true), (true, true)] {
                    let found = run(samples, classes, false);
                    assert_eq!(found.0, params, "{loss:?} {optimizer} {micro}");
                    assert_eq!(said(&found.1), said(&scores), "{loss:?} {optimizer} {micro}");
                }
            }
        }
    }
}

#[test]
fn a_sample_of_weight_zero_keeps_its_place_and_nothing_else() {
    // Without a norm, whose statistics it is counted by.
    let (spec, labels) = (PLAIN, classes(N, &PLAIN, 1));
    let weights: Vec<f32> = (0..N).map(|s| if s % 3 == 1 { 0.0 } else { 0.5 + s as f32 }).collect();
    for optimizer in OPTIMIZERS {
        for micro in [false, true] {
            let run = |other: bool, ignored: bool, huge: f32| {
                let mut x = samples(N, &spec, 1);
                let mut labels = labels.clone();
                for s in (0..N).filter(|s| s % 3 == 1) {
                    if other {
                        x[s * 7..][..7].copy_from_slice(&numbers(7, 99));
                        x[s * 7] = huge;
                        labels[s] = (labels[s] + 1) % 4;
                    }
                    if ignored {
                        labels[s] = u16::MAX;
                    }
                }
                learn(&spec, optimizer, micro, &x, &|range| AnyTargetsOwned {
                    samples: Some(
                        weights[range.clone()].iter().map(|&w| if ignored && w == 0.0 { 9.0 } else { w }).collect(),
                    ),
                    labels: labels[range].to_vec(),
                    ..AnyTargetsOwned::default()
                })
            };
            let (params, scores) = run(false, false, 0.0);
            for (other, ignored, huge) in [(true, false, 0.5), (false, true, 0.0), (true, true, 1e3)] {
                let found = run(other, ignored, huge);
                assert_eq!(found.0, params, "{optimizer} {micro} {other} {ignored}");
                assert_eq!(said(&found.1), said(&scores), "{optimizer} {micro} {other} {ignored}");
            }
        }
    }
}

#[test]
fn label_smoothing_is_training_on_its_rows() {
    for (spec, epsilon) in [(PLAIN, 0.1), (NORMED, 0.5), (ONE, 0.1), (ONE, 0.999)] {
        let (x, labels) = (samples(N, &spec, 1), classes(N, &spec, 1));
        let (off, hot) = (epsilon / spec.classes() as f32, |j: usize, label: u16| j == usize::from(label));
        let row = |label: u16| match spec.outputs() {
            1 => vec![if label > 0 { (1.0 - epsilon) + off } else { off }],
            n => (0..n).map(|j| if hot(j, label) { (1.0 - epsilon) + off } else { off }).collect(),
        };
        for micro in [false, true] {
            let smoothed = learn(&spec, "momentum", micro, &x, &|range| AnyTargetsOwned {
                labels: labels[range].to_vec(),
                smoothing: epsilon,
                ..AnyTargetsOwned::default()
            });
            let rows = learn(&spec, "momentum", micro, &x, &|range| AnyTargetsOwned {
                values: labels[range].iter().flat_map(|&label| row(label)).collect(),
                is_plain: true,
                ..AnyTargetsOwned::default()
            });
            assert_eq!(smoothed.0, rows.0, "{epsilon}");
            // The last score is the evaluation's, which measures the plain loss.
            let plain = learn(&spec, "momentum", micro, &x, &|range| AnyTargetsOwned {
                labels: labels[range].to_vec(),
                is_plain: true,
                ..AnyTargetsOwned::default()
            });
            let n = rows.1.len() - 1;
            assert_eq!(said(&smoothed.1[..n]), said(&rows.1[..n]), "{epsilon}");
            assert_ne!(said(&smoothed.1[..n]), said(&plain.1[..n]), "smoothing must show");
            assert_ne!(smoothed.1[n].loss().to_bits(), rows.1[n].loss().to_bits());
        }
    }
}

/// Model, gradient and score that must not change.
fn refused(spec: &Spec, n: usize, targets: Weighted<'_>, error: Error, is_of_update: bool) {
    let x = samples(n, spec, 1);
    let (mut params, mut floats, mut sum) = (initial(spec, 1), work(spec, n), vec![0.0; spec.param_len()]);
    let mut moments = vec![0.0; 2 * spec.param_len()];
    let (before, mut total) = (bits(&params), Score::default());
    let mut work = Workspace::new(spec, n, &mut floats).unwrap();
    let mut model = Model::new(spec, &mut params).unwrap();
    let mut adam = Adam::new(AdamConfig::default(), spec, &mut moments).unwrap();
    let mut gradient = Gradient::new(spec, &mut sum).unwrap();
    assert_eq!(model.train(&x, targets, &mut adam, 0.1, &mut work), Err(error));
    if is_of_update {
        let score = model.accumulate(&x, targets, &mut gradient, &mut work).unwrap();
        assert_eq!((score.samples(), gradient.score()), (n as u64, score));
        assert_eq!(gradient.clip(1.0), Err(error));
        assert_eq!(model.step(&mut gradient, &mut adam, 0.1), Err(error));
        assert_eq!(gradient.score(), score, "the gradient is as before");
    } else {
        assert_eq!(model.accumulate(&x, targets, &mut gradient, &mut work), Err(error));
        assert_eq!(evaluate(spec, model.params(), &x, targets, &mut total, &mut work), Err(error));
        assert_eq!((gradient.score(), total), (Score::default(), Score::default()));
        assert!(gradient.sum().iter().all(|&g| g == 0.0));
    }
    assert_eq!((bits(model.params()), model.steps(), adam.steps()), (before, 0, 0));
    assert!(moments.iter().all(|&m| m == 0.0));
}

#[test]
fn weights_that_are_none_are_refused() {
    let labels = [0, 3, 1];
    let targets = Targets::Classes(&labels);
    for bad in [-1e-30, -1.0, f32::NAN, f32::INFINITY] {
        refused(&PLAIN, 3, targets.weighted(&[1.0, 1.0, bad]), Error::Weight { index: 2 }, false);
        let of_classes = [1.0, bad, 1.0, 1.0];
        refused(&PLAIN, 3, Weighted::new(targets).by_class(&of_classes), Error::Weight { index: 1 }, false);
    }
    let length = |buffer, needed, got| Error::Length { buffer, needed, got };
    refused(&PLAIN, 3, targets.weighted(&[1.0; 2]), length(Buffer::Weights, 3, 2), false);
    refused(&PLAIN, 3, targets.weighted(&[]), length(Buffer::Weights, 3, 0), false);
    refused(&PLAIN, 3, Weighted::new(targets).by_class(&[1.0; 3]), length(Buffer::ClassWeights, 4, 3), false);
    let values = [0.5; 12];
    let values = Weighted::new(Targets::Values(&values));
    refused(&PLAIN, 3, values.by_class(&[1.0; 4]), Error::Setting(Setting::ClassWeights), false);
    for epsilon in [-0.1, 1.0, f32::NAN] {
        refused(&PLAIN, 3, Weighted::new(targets).smoothed(epsilon), Error::Setting(Setting::Smoothing), false);
    }
    refused(&PLAIN, 3, values.smoothed(0.1), Error::Setting(Setting::Smoothing), false);
    for loss in [Loss::MeanSquared, Loss::BinaryCrossEntropy, Loss::Huber(1.0)] {
        let spec = PLAIN.loss(loss);
        refused(&spec, 3, Weighted::new(targets).smoothed(0.1), Error::Setting(Setting::Smoothing), false);
    }
    // What is ignored is a class: a label past the classes is none, and a network of values has no labels.
    let error = Error::Label { sample: 1, label: 4, classes: 4 };
    refused(&PLAIN, 3, Weighted::new(Targets::Classes(&[u16::MAX, 4, 0])), error, false);
    let value = ONE.loss(Loss::MeanSquared);
    refused(&value, 1, Weighted::new(Targets::Classes(&[u16::MAX])), Error::NoClasses, false);
}

#[test]
fn an_update_that_cannot_divide_by_its_weights_is_refused() {
    let targets = Targets::Classes(&[0, 3, 1]);
    // One divided by the sum is infinite, or the sum is.
    for weights in [[0.0; 3], [1e-39, 0.0, 1e-39]] {
        refused(&PLAIN, 3, targets.weighted(&weights), Error::NoWeight, true);
    }
    refused(&PLAIN, 2, Weighted::new(Targets::Classes(&[u16::MAX; 2])), Error::NoWeight, true);
}

#[test]
fn a_micro_batch_of_weight_zero_is_accepted_and_one_of_no_weights_counts_its_samples() {
    let (x, labels) = (samples(N, &PLAIN, 1), classes(N, &PLAIN, 1));
    let run = |plain: bool| {
        let (mut params, mut floats, mut sum) = (initial(&PLAIN, 1), work(&PLAIN, 3), vec![0.0; PLAIN.param_len()]);
        let mut work = Workspace::new(&PLAIN, 3, &mut floats).unwrap();
        let mut model = Model::new(&PLAIN, &mut params).unwrap();
        let mut gradient = Gradient::new(&PLAIN, &mut sum).unwrap();
        for (i, weights) in [[0.0; 3], [1.0; 3], [0.5, 2.0, 0.25]].iter().enumerate() {
            let (x, targets) = (&x[i * 21..][..21], Targets::Classes(&labels[i * 3..][..3]));
            let targets: AnyTargets<'_> =
                if plain && i == 1 { Weighted::new(targets).into() } else { targets.weighted(weights).into() };
            model.accumulate(x, targets, &mut gradient, &mut work).unwrap();
        }
        // Targets without weights do not join them.
        let before = (gradient.score(), bits(gradient.sum()));
        let found = model.accumulate(&x[..7], Targets::Classes(&labels[..1]), &mut gradient, &mut work);
        assert_eq!((found, gradient.score(), bits(gradient.sum())), (Err(Error::MixedWeights), before.0, before.1));
        let mut total = before.0;
        let found = model.evaluate(&x[..7], Targets::Classes(&labels[..1]), &mut total, &mut work);
        assert_eq!((found, total), (Err(Error::MixedWeights), before.0));
        let score = model.step(&mut gradient, &mut Sgd::plain(&PLAIN).unwrap(), 0.1).unwrap();
        assert_eq!((score.samples(), score.weight()), (9, 5.75));
        (bits(&params), said(&[score]))
    };
    assert_eq!(run(true), run(false));
}

#[test]
fn the_mean_gradient_is_clipped_however_small_its_weights() {
    let (x, labels) = (samples(3, &PLAIN, 1), classes(3, &PLAIN, 1));
    let clip = |weight: f32, max_norm: f32| {
        let (mut params, mut floats, mut sum) = (initial(&PLAIN, 1), work(&PLAIN, 3), vec![0.0; PLAIN.param_len()]);
        let mut work = Workspace::new(&PLAIN, 3, &mut floats).unwrap();
        let model = Model::new(&PLAIN, &mut params).unwrap();
        let mut gradient = Gradient::new(&PLAIN, &mut sum).unwrap();
        let targets = Targets::Classes(&labels);
        model.accumulate(&x, targets.weighted(&[weight; 3]), &mut gradient, &mut work).unwrap();
        let found = [(); 2].map(|()| gradient.clip(max_norm).unwrap());
        let state = gradient.state();
        assert_eq!(GradientState::from_bytes(&state.to_bytes()), Ok(state));
        found
    };
    let [norm, clipped] = clip(1.0, 0.1);
    assert!(norm > 0.5 && (clipped / 0.1 - 1.0).abs() < 1e-6);
    for weight in [1e-3, 1e-12, 1e-20, 1e-28, 1e12] {
        let [found, after] = clip(weight, 0.1);
        assert!((found / norm - 1.0).abs() < 1e-6 && (after / 0.1 - 1.0).abs() < 1e-5, "{weight}: {found}, {after}");
    }
}

#[test]
fn the_noise_of_gradients_is_not_measured_with_weights() {
    let (x, labels) = (samples(3, &PLAIN, 1), classes(3, &PLAIN, 1));
    let targets = Targets::Classes(&labels);
    let (mut params, mut floats, mut sum) = (initial(&PLAIN, 1), work(&PLAIN, 3), vec![0.0; PLAIN.param_len()]);
    let mut work = Workspace::new(&PLAIN, 3, &mut floats).unwrap();
    let model = Model::new(&PLAIN, &mut params).unwrap();
    let mut gradient = Gradient::new(&PLAIN, &mut sum).unwrap().measured();
    let smoothed = Weighted::new(targets).smoothed(0.1);
    model.accumulate(&x, smoothed, &mut gradient, &mut work).unwrap();
    model.accumulate(&x, targets, &mut gradient, &mut work).unwrap();
    assert!(gradient.noise().is_ok(), "label smoothing weighs nothing");
    let before = (gradient.score(), bits(gradient.sum()));
    for weighted in [targets.weighted(&[1.0; 3]), Weighted::new(Targets::Classes(&[u16::MAX; 3]))] {
        assert_eq!(model.accumulate(&x, weighted, &mut gradient, &mut work), Err(Error::MixedWeights));
        assert_eq!((gradient.score(), bits(gradient.sum())), before);
    }
}

#[test]
fn balanced_weights_make_every_class_that_occurs_count_alike() {
    let labels: Vec<u16> =
        (0..60).map(|s| if s % 59 == 0 { 4 } else { u16::from(s % 2 == 0) }).chain([u16::MAX; 9]).collect();
    let mut weights = [7.0; 6];
    balanced(&labels, &mut weights).unwrap();
    let count = |class| labels.iter().filter(|&&label| label == class).count() as f32;
    for (class, weight) in (0..).zip(weights) {
        assert_eq!(weight, if count(class) > 0.0 { 60.0 / (3.0 * count(class)) } else { 0.0 });
    }
    assert_eq!(balanced(&labels, &mut weights[..4]), Err(Error::Label { sample: 0, label: 4, classes: 4 }));
    assert_eq!((balanced(&[u16::MAX], &mut weights), balanced(&[], &mut [])), (Err(Error::Empty), Err(Error::Empty)));
    assert!(weights[4] > 0.0, "nothing changed");
}
