//! The gradient of every activation and every loss against central differences of a plain f64 forward pass.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{ACTIVATIONS, f64_activation, f64_loss, numbers, samples, work};
use cygnet::{Activation, Gradient, Loss, Model, Spec, Targets, Workspace};

/// f32 keeps 6e-8 a term; forward and backward together have about a hundred terms and some cancel.
const RELATIVE: f64 = 1e-3;
/// Gradients here are 0.01 to 1: what is below this is a difference of larger terms, each rounded to 6e-8 of itself.
const ABSOLUTE: f64 = 2e-6;
/// Central differences in f64 err by h² (1e-12) and by 1e-16/h (1e-10).
const H: f64 = 1e-6;

const SAMPLES: usize = 5;
const WIDTHS: [u16; 4] = [5, 6, 4, 3];
const SEED: u64 = 11;
const STEP: u64 = 3;

/// One of the things to tell apart; `rows`: whether targets come as rows of values.
#[derive(Clone, Copy, Debug)]
struct Variant {
    hidden: Activation,
    output: Activation,
    loss: Loss,
    rows: bool,
    dropout: [f32; 2],
}

fn variants(dropout: [f32; 2]) -> Vec<Variant> {
    let losses = [
        (Loss::SoftmaxCrossEntropy, false),
        (Loss::SoftmaxCrossEntropy, true),
        (Loss::MeanSquared, true),
        (Loss::BinaryCrossEntropy, true),
        (Loss::Huber(0.5), true),
        (Loss::Pinball(0.3), true),
    ];
    let mut all = Vec::new();
    for hidden in ACTIVATIONS {
        for output in ACTIVATIONS {
            all.extend(losses.map(|(loss, rows)| Variant { hidden, output, loss, rows, dropout }));
        }
    }
    all
}

impl Variant {
    fn spec(&self) -> Spec {
        let [inputs, first, second, outputs] = WIDTHS;
        Spec::new(inputs)
            .dense(first, self.hidden)
            .dropout(self.dropout[0])
            .dense(second, self.hidden)
            .dropout(self.dropout[1])
            .dense(outputs, self.output)
            .loss(self.loss)
    }

    fn classes() -> [u16; SAMPLES] {
        [2, 0, 1, 1, 2]
    }

    /// Target rows, which for the cross-entropies are probabilities.
    fn rows() -> Vec<f32> {
        numbers(SAMPLES * usize::from(WIDTHS[3]), 3).into_iter().map(|t| (t + 1.0) / 2.0).collect()
    }

    /// The crate's gradient of the mean loss, in two micro-batches.
    fn gradient(&self) -> Vec<f64> {
        let (spec, rows) = (self.spec(), Self::rows());
        let (mut params, mut floats, mut sum) = (params(&spec), work(&spec, SAMPLES), vec![f32::NAN; spec.param_len()]);
        let mut model = Model::new(&spec, &mut params).unwrap();
        model.resume(SEED, STEP);
        let mut work = Workspace::new(&spec, SAMPLES, &mut floats).unwrap();
        let mut gradient = Gradient::new(&spec, &mut sum).unwrap();
        let inputs = samples(SAMPLES, &spec, 2);
        let (first, second) = inputs.split_at(2 * spec.inputs());
        for (inputs, range) in [(first, 0..2), (second, 2..SAMPLES)] {
            let values = Targets::Values(&rows[range.start * spec.outputs()..range.end * spec.outputs()]);
            let targets = if self.rows { values } else { Targets::Classes(&Self::classes()[range]) };
            model.accumulate(inputs, targets, &mut gradient, &mut work).unwrap();
        }
        gradient.sum().iter().map(|&g| f64::from(g) / SAMPLES as f64).collect()
    }

    /// Central differences of [`Variant::reference_loss`].
    fn reference(&self, factors: &[Vec<f64>]) -> Vec<f64> {
        let mut params: Vec<f64> = params(&self.spec()).into_iter().map(f64::from).collect();
        let mut gradient = Vec::new();
        for i in 0..params.len() {
            let at = params[i];
            let mut loss_at = |x| {
                params[i] = x;
                self.reference_loss(&params, factors)
            };
            gradient.push((loss_at(at + H) - loss_at(at - H)) / (2.0 * H));
            params[i] = at;
        }
        gradient
    }

    /// Mean loss in f64, written without a look at the crate; `factors[layer][sample · width + unit]` multiplies units.
    fn reference_loss(&self, params: &[f64], factors: &[Vec<f64>]) -> f64 {
        let inputs = samples(SAMPLES, &self.spec(), 2);
        let (rows, width) = (Self::rows(), usize::from(WIDTHS[3]));
        let mut total = 0.0;
        for s in 0..SAMPLES {
            let mut x: Vec<f64> = inputs[s * 5..][..5].iter().map(|&x| f64::from(x)).collect();
            let mut rest = params;
            for (l, pair) in WIDTHS.windows(2).enumerate() {
                let (fan_in, fan_out) = (usize::from(pair[0]), usize::from(pair[1]));
                let (w, tail) = rest.split_at(fan_in * fan_out);
                let (b, tail) = tail.split_at(fan_out);
                let f = if l == 2 { self.output } else { self.hidden };
                let unit = |j| f64_activation(f, b[j] + (0..fan_in).map(|k| x[k] * w[k * fan_out + j]).sum::<f64>());
                x = (0..fan_out).map(|j| unit(j) * factors.get(l).map_or(1.0, |f| f[s * fan_out + j])).collect();
                rest = tail;
            }
            let class = usize::from(Self::classes()[s]);
            let one_hot = |j| f64::from(u8::from(j == class));
            let target = |j| if self.rows { f64::from(rows[s * width + j]) } else { one_hot(j) };
            total += f64_loss(self.loss, &x, &(0..width).map(target).collect::<Vec<_>>());
        }
        total / SAMPLES as f64
    }
}

fn params(spec: &Spec) -> Vec<f32> {
    numbers(spec.param_len(), 1)
}

/// What dropout multiplies each unit of `layer` by, read from the crate itself: a network of the same shape up to that
/// layer, whose units are all 1, under an output of weight 0 and delta 1 for one sample and 0 for the others. The
/// gradient of the output's weights is then that sample's units.
fn factors(layer: usize, dropout: f32) -> Vec<f64> {
    let hidden = WIDTHS[1..=layer + 1].iter();
    let spec = hidden.fold(Spec::new(WIDTHS[0]), |s, &w| s.dense(w, Activation::Identity)).dropout(dropout);
    let spec = spec.dense(1, Activation::Identity).loss(Loss::MeanSquared);
    let mut params = vec![0.0; spec.param_len()];
    let probed = spec.layer(layer).unwrap();
    let end = probed.offset() + probed.param_len();
    params[end - probed.outputs()..end].fill(1.0);
    let mut model = Model::new(&spec, &mut params).unwrap();
    model.resume(SEED, STEP);
    let mut all = Vec::new();
    for s in 0..SAMPLES {
        let (mut floats, mut sum) = (work(&spec, SAMPLES), vec![0.0; spec.param_len()]);
        let mut gradient = Gradient::new(&spec, &mut sum).unwrap();
        let mut targets = [0.0; SAMPLES];
        targets[s] = -0.5;
        let mut work = Workspace::new(&spec, SAMPLES, &mut floats).unwrap();
        model.accumulate(&[0.0; 25], Targets::Values(&targets), &mut gradient, &mut work).unwrap();
        all.extend(gradient.sum()[end..end + probed.outputs()].iter().map(|&g| f64::from(g)));
    }
    all
}

fn agree(ours: &[f64], reference: &[f64]) -> bool {
    ours.iter().zip(reference).all(|(g, r)| (g - r).abs() <= RELATIVE * r.abs() + ABSOLUTE)
}

/// Each variant agrees with its own reference and with no other's.
fn check(variants: &[Variant], factors: &[Vec<f64>]) {
    let ours: Vec<_> = variants.iter().map(Variant::gradient).collect();
    for (j, other) in variants.iter().enumerate() {
        let reference = other.reference(factors);
        assert!(agree(&ours[j], &reference), "{other:?}\n{:?}\n{reference:?}", ours[j]);
        for (i, variant) in variants.iter().enumerate().filter(|&(i, _)| i != j) {
            assert!(!agree(&ours[i], &reference), "{variant:?} could pass for {other:?}");
        }
    }
}

/// Four outputs for two targets, one log-variance within its bounds and one beyond them.
#[test]
fn the_gradient_of_means_and_log_variances() {
    let spec = Spec::new(3).dense(5, Activation::Tanh).dense(4, Activation::Identity).loss(Loss::GaussianNll);
    let (mut params, x, t) = (params(&spec), samples(SAMPLES, &spec, 2), numbers(2 * SAMPLES, 3));
    let last = params.len() - 1;
    params[last] = 25.0;
    let (mut floats, mut sum) = (work(&spec, SAMPLES), vec![f32::NAN; spec.param_len()]);
    let mut work = Workspace::new(&spec, SAMPLES, &mut floats).unwrap();
    let mut gradient = Gradient::new(&spec, &mut sum).unwrap();
    let mut copy = params.clone();
    let model = Model::new(&spec, &mut copy).unwrap();
    let score = model.accumulate(&x[..], Targets::Values(&t), &mut gradient, &mut work).unwrap();
    let mut params: Vec<f64> = params.into_iter().map(f64::from).collect();
    let loss = |params: &[f64]| {
        let of_sample = |(x, t): (&[f32], &[f32])| {
            let unit = |x: &[f64], at: usize, width: usize, j: usize| {
                params[at + x.len() * width + j] + (0..x.len()).map(|k| x[k] * params[at + k * width + j]).sum::<f64>()
            };
            let x: Vec<f64> = x.iter().map(|&x| x.into()).collect();
            let hidden: Vec<f64> = (0..5).map(|j| unit(&x, 0, 5, j).tanh()).collect();
            let outputs: Vec<f64> = (0..4).map(|j| unit(&hidden, 20, 4, j)).collect();
            f64_loss(Loss::GaussianNll, &outputs, &t.iter().map(|&t| t.into()).collect::<Vec<_>>())
        };
        x.chunks(3).zip(t.chunks(2)).map(of_sample).sum::<f64>() / SAMPLES as f64
    };
    assert!((f64::from(score.loss()) / loss(&params) - 1.0).abs() < 1e-6);
    let mut reference = vec![];
    for i in 0..params.len() {
        let at = params[i];
        let mut loss_at = |x| {
            params[i] = x;
            loss(&params)
        };
        reference.push((loss_at(at + H) - loss_at(at - H)) / (2.0 * H));
        params[i] = at;
    }
    let ours: Vec<f64> = gradient.sum().iter().map(|&g| f64::from(g) / SAMPLES as f64).collect();
    assert!(agree(&ours, &reference), "{ours:?}\n{reference:?}");
    assert_eq!(ours[last], 0.0, "beyond 20 a log-variance has no slope");
}

#[test]
fn every_activation_and_loss_has_its_own_gradient() {
    check(&variants([0.0, 0.0]), &[]);
}

#[test]
fn every_activation_and_loss_has_its_own_gradient_under_dropout() {
    let factors = [factors(0, 0.5), factors(1, 0.25)];
    for (factors, gain) in factors.iter().zip([2.0, 1.0 / 0.75]) {
        assert!(factors.iter().all(|&f| f == 0.0 || (f - gain).abs() < 1e-6), "{factors:?}");
        assert!(factors.contains(&0.0) && factors.iter().any(|&f| f > 0.0));
    }
    let with = variants([0.5, 0.25]);
    check(&with, &factors);
    assert!(!agree(&with[0].gradient(), &with[0].reference(&[])), "dropout must show");
}
