//! Weights of samples and classes, ignored labels and label smoothing: fused steps, micro-batches, evaluation.

use super::common::{classes, initial, numbers, samples};
use super::network::{Passed, follow, learned, pass_weighted};
use super::optimizers::Oracle;
use super::steps::{BATCHES, SEED, network};
use super::{Pair, expect, in_lanes, same};
use cygnet::metrics::Score;
use cygnet::optim::{AdamConfig, Optimizer, SgdConfig};
use cygnet::train::Weighted;
use cygnet::{Adam, Gradient, Loss, Model, Sgd, Spec, Targets, Workspace};

/// Samples of a batch with all that weighs them.
struct Batch {
    x: Vec<f32>,
    labels: Vec<u16>,
    values: Vec<f32>,
    samples: Vec<f32>,
    classes: Vec<f32>,
    smoothing: f32,
}

impl Batch {
    fn new(spec: &Spec, n: usize, seed: u64) -> Self {
        let weight = |x: f32| if x < -0.6 { 0.0 } else { 3.0 * (x + 1.0) };
        let mut samples_: Vec<f32> = numbers(n, seed ^ 5).into_iter().map(weight).collect();
        samples_[0] = 0.7;
        let mut labels = classes(n, spec, seed);
        labels.iter_mut().skip(1).step_by(7).for_each(|label| *label = u16::MAX);
        let may_smooth = spec.loss_kind() == Loss::SoftmaxCrossEntropy && seed.is_multiple_of(2);
        Self {
            x: samples(n, spec, seed),
            labels,
            values: numbers(n * spec.targets(), seed).into_iter().map(|x| 0.5 + 0.5 * x).collect(),
            samples: samples_,
            classes: numbers(spec.classes(), seed ^ 6).into_iter().map(|x| x + 1.5).collect(),
            smoothing: if may_smooth { 0.2 } else { 0.0 },
        }
    }

    fn has_classes(spec: &Spec) -> bool {
        !matches!(spec.loss_kind(), Loss::GaussianNll | Loss::Pinball(_))
    }

    fn weighted(&self, spec: &Spec) -> Weighted<'_> {
        if !Self::has_classes(spec) {
            return Targets::Values(&self.values).weighted(&self.samples);
        }
        let weighted = Targets::Classes(&self.labels).weighted(&self.samples);
        weighted.by_class(&self.classes).smoothed(self.smoothing)
    }

    fn weight(&self, spec: &Spec, s: usize) -> f32 {
        if !Self::has_classes(spec) {
            return self.samples[s];
        }
        self.classes.get(usize::from(self.labels[s])).map_or(0.0, |of_class| self.samples[s] * of_class)
    }

    fn pass(&self, spec: &Spec, params: &[f32], step: u64, first: usize, smoothing: f32) -> Passed {
        let off = smoothing / spec.outputs() as f32;
        let wanted = |s: usize| {
            let hot = |j: usize| if j == usize::from(self.labels[s]) { (1.0 - smoothing) + off } else { off };
            let values = || self.values[s * spec.targets()..][..spec.targets()].to_vec();
            let row = if Self::has_classes(spec) { (0..spec.outputs()).map(hot).collect() } else { values() };
            (row, self.weight(spec, s))
        };
        pass_weighted(spec, params, &self.x, &wanted, (SEED, step), first)
    }

    fn total(&self, spec: &Spec, before: Pair) -> Pair {
        (0..self.samples.len()).map(|s| self.weight(spec, s)).fold(before, Pair::add)
    }
}

fn compare(case: u64, optimizer: &mut dyn Optimizer, oracle: &mut Oracle, params: &mut [f32]) {
    let (spec, n) = (network(case), BATCHES[case as usize % 7]);
    if n == 1 && spec.norm_len() > 0 {
        return;
    }
    let (learned, mut expected) = (learned(&spec), params.to_vec());
    let mut floats = vec![f32::NAN; spec.work_len(n)];
    let mut model = Model::new(&spec, params).unwrap();
    model.resume(SEED, 0);
    let mut work = Workspace::new(&spec, n, &mut floats).unwrap();
    for step in 0..3 {
        let batch = Batch::new(&spec, n, case ^ step << 8);
        let passed = batch.pass(&spec, &expected, step, 0, batch.smoothing);
        let total = batch.total(&spec, Pair::default()).value();
        oracle.step_by(step + 1, 0.05, &passed.gradient, 1.0 / total, &mut expected, &learned);
        follow(&spec, &mut expected, &passed.statistics, |v| v * n as f32 * (1.0 / (n as f32 - 1.0)));
        let score = model.train(&batch.x[..], batch.weighted(&spec), optimizer, 0.05, &mut work).unwrap();
        assert!(same(score.weight(), total) && score.samples() == n as u64);
        assert!(same(score.loss(), in_lanes(passed.losses) / total), "case {case}, step {step}");
        expect(model.params(), &expected, &format!("case {case}, {n} samples, step {step}"));
    }
}

#[test]
fn fused_steps_with_weights() {
    for case in 0..28 {
        let spec = network(case);
        let momentum = SgdConfig { momentum: 0.9, weight_decay: 0.01, ..SgdConfig::default() };
        for config in [SgdConfig::default(), momentum] {
            let (mut params, mut state) = (initial(&spec, case), vec![0.0; config.state_len(&spec)]);
            let mut oracle = Oracle::Sgd(config, vec![0.0; params.len()]);
            compare(case, &mut Sgd::new(config, &spec, &mut state).unwrap(), &mut oracle, &mut params);
        }
        let (mut params, config) = (initial(&spec, case), AdamConfig::decoupled(0.05));
        let mut state = vec![0.0; config.state_len(&spec)];
        let mut oracle = Oracle::Adam(config, vec![0.0; params.len()], vec![0.0; params.len()]);
        compare(case, &mut Adam::new(config, &spec, &mut state).unwrap(), &mut oracle, &mut params);
    }
}

#[test]
fn micro_batches_add_their_weights() {
    // Without norms, whose sums are others.
    for case in (0..28).step_by(3) {
        let (spec, mut total, mut losses, mut before) = (network(case), Pair::default(), vec![], 0);
        let mut params = initial(&spec, case);
        let (mut expected, mut whole) = (params.clone(), vec![0.0; params.len()]);
        let (mut sum, mut floats) = (vec![0.0; params.len()], vec![0.0; spec.work_len(8)]);
        let mut model = Model::new(&spec, &mut params).unwrap();
        model.resume(SEED, 0);
        let mut gradient = Gradient::new(&spec, &mut sum).unwrap();
        let mut work = Workspace::new(&spec, 8, &mut floats).unwrap();
        for (i, n) in [3, 1, 8].into_iter().enumerate() {
            let mut batch = Batch::new(&spec, n, case + i as u64);
            if i == 1 {
                batch.samples.fill(0.0);
            }
            model.accumulate(&batch.x[..], batch.weighted(&spec), &mut gradient, &mut work).unwrap();
            let passed = batch.pass(&spec, &expected, 0, before, batch.smoothing);
            total = batch.total(&spec, total);
            losses.extend(passed.losses);
            for (layer, (inputs, deltas)) in spec.layers().zip(&passed.terms) {
                for (x, d) in inputs.iter().zip(deltas) {
                    for (j, d) in d.iter().enumerate() {
                        for (k, x) in x.iter().chain(&[1.0]).enumerate().filter(|(_, x)| **x != 0.0) {
                            whole[layer.offset() + k * layer.outputs() + j] += x * d;
                        }
                    }
                }
            }
            before += n;
        }
        let total = total.value();
        assert!(same(gradient.score().weight(), total));
        let square = in_lanes(whole.iter().map(|g| g * g));
        assert!(same(gradient.clip(1e9).unwrap(), square.sqrt() / total), "case {case}");
        let config = SgdConfig::default();
        let all = learned(&spec);
        Oracle::Sgd(config, vec![]).step_by(1, 0.1, &whole, 1.0 / total, &mut expected, &all);
        let score = model.step(&mut gradient, &mut Sgd::plain(&spec).unwrap(), 0.1).unwrap();
        assert!(same(score.loss(), in_lanes(losses) / total), "case {case}");
        expect(&params, &expected, &format!("case {case}"));
    }
}

#[test]
fn scores_by_weight() {
    for case in (0..28).filter(|&case| network(case).norm_len() == 0) {
        let spec = network(case);
        let (params, batch) = (initial(&spec, case), Batch::new(&spec, 65, case));
        let mut floats = vec![0.0; spec.predict_len(7)];
        let mut work = Workspace::for_prediction(&spec, 7, &mut floats).unwrap();
        let mut score = Score::default();
        let targets = batch.weighted(&spec);
        cygnet::metrics::evaluate(&spec, &params, &batch.x[..], targets, &mut score, &mut work).unwrap();
        let mut right = Pair::default();
        let mut losses = vec![];
        for s in 0..65 {
            let outputs = super::network::predict(&spec, &params, &batch.x[s * spec.inputs()..][..spec.inputs()]);
            let hot = |j| f32::from(u8::from(j == usize::from(batch.labels[s])));
            let values = &batch.values[s * spec.targets()..][..spec.targets()];
            let row = if Batch::has_classes(&spec) { (0..spec.outputs()).map(hot).collect() } else { values.to_vec() };
            let weight = batch.weight(&spec, s);
            losses.push(weight * super::network::loss(spec.loss_kind(), &outputs, &row).0);
            if Batch::has_classes(&spec) && weight > 0.0 && cygnet::metrics::argmax(&outputs) == batch.labels[s] {
                right = right.add(weight);
            }
        }
        let total = batch.total(&spec, Pair::default()).value();
        assert!(same(score.loss(), in_lanes(losses) / total), "case {case}: smoothing is of training alone");
        assert!(
            same(score.accuracy(), right.value() / total) && score.hits() == right.value().round() as u64,
            "case {case}"
        );
    }
}
