//! Training steps of random networks: forward, loss, backward, norms, dropout, clipping and each optimizer.

use super::common::{ACTIVATIONS, classes, initial, numbers, samples};
use super::network::{follow, is_by_sample, learned, norm_at, pass, predict};
use super::optimizers::Oracle;
use super::{Pair, expect, in_lanes, same, tree};
use cygnet::average::NormUpdate;
use cygnet::metrics::Score;
use cygnet::network::Part;
use cygnet::optim::{
    AdamConfig, AdamState, Lookahead, LookaheadConfig, Optimizer, ScheduleFree, ScheduleFreeAdam,
    ScheduleFreeAdamConfig, ScheduleFreeConfig, SgdConfig,
};
use cygnet::{Activation, Adam, Gradient, Loss, Model, Sgd, Spec, Targets, Workspace};

pub(crate) const SEED: u64 = 77;
pub(crate) const BATCHES: [usize; 7] = [1, 2, 3, 8, 13, 32, 65];

/// The first that are whole; the others are heads of larger networks.
const WHOLE: u64 = 28;

/// Network `case`, with batch norms in one of three, layer norms in another, and dropout in one of two.
pub(crate) fn network(case: u64) -> Spec {
    let draws: Vec<usize> = numbers(16, case).into_iter().map(|x| ((x + 1.0) * 500.0) as usize).collect();
    let losses = [
        Loss::SoftmaxCrossEntropy,
        Loss::MeanSquared,
        Loss::BinaryCrossEntropy,
        Loss::Huber(0.5),
        Loss::Pinball(0.3),
        Loss::GaussianNll,
    ];
    let loss = losses[draws[1] % losses.len()];
    let mut spec = Spec::new(1 + draws[0] as u16 % 70).loss(loss);
    for layer in 0..draws[2] % 3 {
        spec = spec.dense(1 + draws[3 + layer] as u16 % 80, ACTIVATIONS[draws[6 + layer] % 5]);
        if case % 3 == 1 {
            spec = spec.norm();
        } else if case % 3 == 2 && spec.outputs() > 1 {
            spec = spec.layer_norm();
        }
        if draws[9 + layer].is_multiple_of(2) {
            spec = spec.dropout(0.3);
        }
    }
    let outputs = 2 + draws[12] as u16 % 20;
    spec = spec.dense(if loss == Loss::GaussianNll { 2 * outputs } else { outputs }, Activation::Identity);
    if case >= WHOLE && spec.depth() > 1 { spec.after(1) } else { spec }
}

fn with_targets(spec: &Spec, n: usize, seed: u64, each: &mut dyn FnMut(Targets<'_>)) {
    let values: Vec<f32> = numbers(n * spec.targets(), seed).into_iter().map(|x| 0.5 + 0.5 * x).collect();
    each(Targets::Values(&values));
    let of_classes = classes(n, spec, seed);
    each(if spec.classes() > 0 { Targets::Classes(&of_classes) } else { Targets::Values(&values) });
}

/// Trains network and oracle side by side.
fn compare(case: u64, n: usize, optimizer: &mut dyn Optimizer, oracle: &mut Oracle, params: &mut [f32], first: u64) {
    let spec = network(case);
    if n == 1 && spec.norm_len() > 0 {
        return;
    }
    let (learned, mut expected) = (learned(&spec), params.to_vec());
    let mut floats = vec![f32::NAN; spec.work_len(n)];
    let mut model = Model::new(&spec, params).unwrap();
    model.resume(SEED, first);
    let mut step = first;
    with_targets(&spec, n, case, &mut |targets| {
        let x = samples(n, &spec, case ^ step);
        let passed = pass(&spec, &expected, &x, targets, (SEED, step), 0);
        oracle.step(step + 1, 0.05, &passed.gradient, n, &mut expected, &learned);
        follow(&spec, &mut expected, &passed.statistics, |v| v * n as f32 * (1.0 / (n as f32 - 1.0)));
        let mut work = Workspace::new(&spec, n, &mut floats).unwrap();
        let score = model.train(&x[..], targets, optimizer, 0.05, &mut work).unwrap();
        assert!(same(score.loss(), in_lanes(passed.losses) / n as f32), "case {case}, {n} samples, step {step}");
        expect(model.params(), &expected, &format!("case {case}, {n} samples, step {step}"));
        let outputs: Vec<f32> = x.chunks(spec.inputs()).flat_map(|x| predict(&spec, model.params(), x)).collect();
        expect(cygnet::predict(&spec, model.params(), &x[..], &mut work).unwrap(), &outputs, "prediction");
        step += 1;
    });
}

fn each_network(run: impl Fn(u64, usize, Vec<f32>)) {
    for case in 0..WHOLE + 14 {
        run(case, BATCHES[case as usize % 7], initial(&network(case), case));
    }
}

#[test]
fn sgd_of_every_kind() {
    let momentum = SgdConfig { momentum: 0.9, ..SgdConfig::default() };
    let nesterov = SgdConfig { nesterov: true, weight_decay: 0.01, ..momentum };
    let decay = SgdConfig { weight_decay: 0.1, ..SgdConfig::default() };
    let without_biases = [decay, nesterov].map(|config| SgdConfig { no_bias_decay: true, ..config });
    for config in [SgdConfig::default(), momentum, nesterov, decay].into_iter().chain(without_biases) {
        each_network(|case, n, mut params| {
            let mut state = vec![f32::NAN; config.state_len(&network(case))];
            let spec = network(case);
            let mut sgd = Sgd::new(config, &spec, &mut state).unwrap();
            let mut oracle = Oracle::Sgd(config, vec![0.0; params.len()]);
            for step in [0, 2] {
                compare(case, n, &mut sgd, &mut oracle, &mut params, step);
            }
        });
    }
}

#[test]
fn adam_of_every_kind() {
    let coupled = AdamConfig { weight_decay: 0.01, beta1: 0.8, ..AdamConfig::default() };
    let without_biases = [AdamConfig::decoupled(0.05), coupled].map(|c| AdamConfig { no_bias_decay: true, ..c });
    for config in [AdamConfig::default(), AdamConfig::decoupled(0.05), coupled].into_iter().chain(without_biases) {
        each_network(|case, n, mut params| {
            let spec = network(case);
            let mut state = vec![f32::NAN; config.state_len(&spec)];
            let mut adam = Adam::new(config, &spec, &mut state).unwrap();
            let mut oracle = Oracle::Adam(config, vec![0.0; params.len()], vec![0.0; params.len()]);
            for step in [0, 2] {
                compare(case, n, &mut adam, &mut oracle, &mut params, step);
            }
        });
    }
}

#[test]
fn adam_late_in_a_run() {
    for steps in [1, 7, 1000, 123_456] {
        let (spec, config) = (network(3), AdamConfig::default());
        let mut params = initial(&spec, 3);
        let (m, v): (Vec<f32>, Vec<f32>) = numbers(params.len(), 5).into_iter().map(|x| (0.1 * x, x * x)).unzip();
        let mut state = [m.clone(), v.clone()].concat();
        let mut adam = Adam::resume(AdamState::new(config, &spec, steps).unwrap(), &mut state).unwrap();
        compare(3, 8, &mut adam, &mut Oracle::Adam(config, m, v), &mut params, steps);
    }
}

#[test]
fn lookahead_and_schedule_free() {
    each_network(|case, n, params| {
        let spec = network(case);
        let config = LookaheadConfig { every: 2, alpha: 0.3 };
        let (mut state, mut slow) = (vec![f32::NAN; 2 * params.len()], vec![f32::NAN; params.len()]);
        let adam = Adam::new(AdamConfig::default(), &spec, &mut state).unwrap();
        let mut trained = params.clone();
        let model = Model::new(&spec, &mut trained).unwrap();
        let mut lookahead = Lookahead::new(config, adam, &model, &mut slow).unwrap();
        let zeros = || vec![0.0; params.len()];
        let inner = Oracle::Adam(AdamConfig::default(), zeros(), zeros());
        let mut oracle = Oracle::Lookahead(config, params.clone(), Box::new(inner));
        for step in [0, 2] {
            compare(case, n, &mut lookahead, &mut oracle, &mut trained, step);
        }
    });
    each_network(|case, n, params| {
        let config = ScheduleFreeConfig { beta: 0.9, weight_decay: 0.01, no_bias_decay: case % 2 == 1 };
        let mut floats = vec![f32::NAN; 2 * params.len()];
        let (spec, mut trained) = (network(case), params.clone());
        let model = Model::new(&spec, &mut trained).unwrap();
        let mut free = ScheduleFree::new(config, &model, &mut floats).unwrap();
        let mut oracle = Oracle::ScheduleFree(config, params.clone(), params.clone(), Pair::default());
        compare(case, n, &mut free, &mut oracle, &mut trained, 0);
    });
    each_network(|case, n, params| {
        let no_bias_decay = case % 2 == 1;
        let config = ScheduleFreeAdamConfig { weight_decay: 0.01, no_bias_decay, ..ScheduleFreeAdam::DEFAULT };
        let mut floats = vec![f32::NAN; 3 * params.len()];
        let (spec, mut trained) = (network(case), params.clone());
        let model = Model::new(&spec, &mut trained).unwrap();
        let mut free = ScheduleFreeAdam::new(config, &model, &mut floats).unwrap();
        let state = [params.clone(), params.clone(), vec![0.0; params.len()]];
        let mut oracle = Oracle::ScheduleFreeAdam(config, state, Pair::default());
        compare(case, n, &mut free, &mut oracle, &mut trained, 0);
    });
}

/// Means and sums of squared deviations of `n` samples more, pooled with those of `before`.
fn pool(pooled: &mut [Vec<(f32, f32)>], batch: &[Vec<(f32, f32)>], n: usize, before: usize) {
    let (n_a, n_b) = (before as f32, n as f32);
    let share = n_b / (n_a + n_b);
    for (pooled, batch) in pooled.iter_mut().flatten().zip(batch.iter().flatten()) {
        let (mean, variance) = *batch;
        if before == 0 {
            *pooled = (mean, variance * n_b);
        } else {
            let d = mean - pooled.0;
            pooled.0 += d * share;
            pooled.1 = pooled.1 + variance * n_b + d * d * (n_a * share);
        }
    }
}

#[test]
fn micro_batches_clipping_and_the_statistics_they_pool() {
    for case in 0..WHOLE + 14 {
        let (spec, parts) = (network(case), [3, 8, 2]);
        let (mut params, learned) = (initial(&spec, case), learned(&spec));
        let mut expected = params.clone();
        let (mut sum, mut losses) = (vec![0.0; params.len()], vec![]);
        let mut pooled: Vec<Vec<(f32, f32)>> =
            spec.layers().map(|l| vec![(0.0, 0.0); l.range(Part::Mean).len()]).collect();
        let (mut floats, mut work) = (vec![0.0; params.len()], vec![0.0; spec.work_len(8)]);
        let mut model = Model::new(&spec, &mut params).unwrap();
        model.resume(SEED, 4);
        let mut gradient = Gradient::new(&spec, &mut floats).unwrap();
        let mut work = Workspace::new(&spec, 8, &mut work).unwrap();
        for (i, n) in parts.into_iter().enumerate() {
            let (x, classes) = (samples(n, &spec, i as u64), vec![1; n]);
            let values = vec![0.25; n * spec.targets()];
            let targets =
                if i == 1 || spec.classes() == 0 { Targets::Values(&values) } else { Targets::Classes(&classes) };
            model.accumulate(&x[..], targets, &mut gradient, &mut work).unwrap();
            // Sums go on from what is there, but for those of a batch norm, which has sums of its own.
            let before = losses.len();
            let passed = pass_onto(&spec, &expected, &x, targets, before, &mut sum);
            pool(&mut pooled, &passed.0, n, before);
            losses.extend(passed.1);
        }
        let n = losses.len();
        let ranges: Vec<Vec<usize>> = if spec.norm_len() == 0 {
            vec![learned.iter().map(|l| l.0).collect()]
        } else {
            let is_in = |l: &cygnet::network::Layer, i: usize| (l.offset()..l.offset() + l.param_len()).contains(&i);
            spec.layers().map(|l| learned.iter().map(|l| l.0).filter(|&i| is_in(&l, i)).collect()).collect()
        };
        let mut square = 0.0;
        ranges.iter().for_each(|range| square += in_lanes(range.iter().map(|&i| sum[i] * sum[i])));
        let norm = square.sqrt() / n as f32;
        assert!(same(gradient.clip(0.01).unwrap(), norm), "case {case}");
        if norm > 0.01 {
            learned.iter().for_each(|&(i, _)| sum[i] *= 0.01 / norm);
        }
        // Without decay, with that of all parameters, with that of weights alone.
        let weight_decay = if case % 4 == 0 { 0.0 } else { 0.1 };
        let config = SgdConfig { weight_decay, no_bias_decay: case % 2 == 1, ..SgdConfig::default() };
        Oracle::Sgd(config, vec![]).step(1, 0.1, &sum, n, &mut expected, &learned);
        follow(&spec, &mut expected, &pooled, |second| second * (1.0 / (n as f32 - 1.0)));
        let score = model.step(&mut gradient, &mut Sgd::new(config, &spec, &mut []).unwrap(), 0.1).unwrap();
        assert!(same(score.loss(), in_lanes(losses) / n as f32), "case {case}");
        expect(&params, &expected, &format!("case {case}"));
    }
}

/// Adds the gradient of a micro-batch to `sum`, term by term; gives its statistics and losses.
fn pass_onto(
    spec: &Spec,
    params: &[f32],
    x: &[f32],
    targets: Targets<'_>,
    before: usize,
    sum: &mut [f32],
) -> (Vec<Vec<(f32, f32)>>, Vec<f32>) {
    let whole = pass(spec, params, x, targets, (SEED, 4), before);
    for ((layer, (inputs, deltas)), (scale, shift)) in spec.layers().zip(&whole.terms).zip(&whole.norm_terms) {
        let (width, units, at) = (layer.inputs(), layer.outputs(), layer.offset());
        for (x, d) in inputs.iter().zip(deltas) {
            for j in 0..units {
                for k in (0..width).filter(|&k| x[k] != 0.0) {
                    sum[at + k * units + j] += x[k] * d[j];
                }
                sum[at + width * units + j] += d[j];
            }
        }
        for (scale, shift) in scale.iter().zip(shift) {
            for j in 0..units {
                sum[norm_at(&layer) + j] += scale[j];
                sum[norm_at(&layer) + units + j] += shift[j];
            }
        }
        for i in (norm_at(&layer)..norm_at(&layer) + layer.norm_len() / 2).filter(|_| !is_by_sample(&layer)) {
            sum[i] += whole.gradient[i];
        }
    }
    (whole.statistics, whole.losses)
}

#[test]
fn statistics_that_belong_to_other_weights() {
    for case in (1..40).step_by(3) {
        let spec = network(case);
        let (mut params, mut floats) = (initial(&spec, case), vec![0.0; spec.work_len(9)]);
        let (mut expected, mut pooled_floats) = (params.clone(), vec![0.0; spec.norm_len()]);
        let mut pooled: Vec<Vec<(f32, f32)>> =
            spec.layers().map(|l| vec![(0.0, 0.0); l.range(Part::Mean).len()]).collect();
        let mut update = NormUpdate::new(&spec, &mut params, &mut pooled_floats).unwrap();
        let mut work = Workspace::new(&spec, 9, &mut floats).unwrap();
        let plain = without_dropout(&spec);
        let mut before = 0;
        for n in [9, 2, 5] {
            let (x, classes) = (samples(n, &spec, n as u64), vec![0; n]);
            update.add(&x[..], &mut work).unwrap();
            let passed = pass(&plain, &expected, &x, Targets::Classes(&classes), (0, 0), 0);
            pool(&mut pooled, &passed.statistics, n, before);
            before += n;
        }
        update.finish().unwrap();
        for (layer, pooled) in spec.layers().zip(&pooled) {
            for (j, (mean, second)) in pooled.iter().enumerate() {
                let at = norm_at(&layer) + 2 * layer.outputs() + j;
                expected[at] = *mean;
                expected[at + layer.outputs()] = second * (1.0 / (before as f32 - 1.0));
            }
        }
        expect(&params, &expected, &format!("case {case}"));
        let folded = spec.folded();
        let mut found = vec![0.0; folded.param_len()];
        cygnet::model::fold(&spec, &params, &mut found).unwrap();
        expect(&found, &fold(&spec, &params), &format!("folded, case {case}"));
    }
}

fn fold(spec: &Spec, params: &[f32]) -> Vec<f32> {
    let mut folded = vec![];
    for layer in spec.layers() {
        let (width, units, at) = (layer.inputs(), layer.outputs(), layer.offset());
        for i in 0..(width + 1) * units {
            let [gamma, beta, mean, variance] = [0, 1, 2, 3].map(|part| {
                params
                    .get(norm_at(&layer) + part * units + i % units)
                    .copied()
                    .filter(|_| layer.is_normed())
                    .unwrap_or(0.0)
            });
            let scale = gamma / (variance + 1e-5).sqrt();
            let p = params[at + i];
            folded.push(if !layer.is_normed() {
                p
            } else if i < width * units {
                p * scale
            } else {
                (p - mean) * scale + beta
            });
        }
    }
    folded
}

fn without_dropout(spec: &Spec) -> Spec {
    let mut plain = Spec::new(spec.inputs() as u16).loss(spec.loss_kind());
    for layer in spec.layers() {
        plain = plain.dense(layer.outputs() as u16, layer.activation());
        if layer.is_normed() {
            plain = plain.norm();
        }
    }
    plain
}

#[test]
fn the_loss_of_many_samples_goes_through_two_levels() {
    const NET: Spec = Spec::new(2).dense(3, Activation::Identity);
    let (n, params) = (20_001, initial(&NET, 1));
    let (x, y) = (samples(n, &NET, 1), classes(n, &NET, 1));
    let mut floats = vec![0.0; NET.predict_len(100)];
    let mut work = Workspace::for_prediction(&NET, 100, &mut floats).unwrap();
    let mut score = Score::default();
    cygnet::metrics::evaluate(&NET, &params, &x[..], Targets::Classes(&y), &mut score, &mut work).unwrap();
    let losses = pass(&NET, &params, &x, Targets::Classes(&y), (0, 0), 0).losses;
    let (mut sum, mut lanes, mut has_lost) = (0.0, [0.0; 8], false);
    for (s, loss) in losses.into_iter().enumerate() {
        lanes[s % 8] += loss;
        if (s + 1).is_multiple_of(4096) {
            let next = sum + tree(lanes);
            let lost = tree(lanes) - (next - sum);
            (sum, has_lost) = (next, has_lost | (lost != 0.0));
            lanes = [lost, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        }
    }
    assert!(has_lost && same(score.loss(), (sum + tree(lanes)) / n as f32));
}
