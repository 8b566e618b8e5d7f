//! The noise of gradients against definition 8 in double precision, and the batch sizes that follow from it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{bits, cases, initial, numbers, samples, work};
use cygnet::error::Setting;
use cygnet::random::{Purpose, shuffle, stream};
use cygnet::train::{BatchSize, Growth, Noise, NoiseScale};
use cygnet::{Activation, Error, Gradient, Inputs, Loss, Model, Spec, Targets, Workspace};
use proptest::collection::vec;
use proptest::prelude::*;

const PLAIN: Spec = Spec::new(20).dense(9, Activation::Relu).dropout(0.25).dense(3, Activation::Identity);
const NORMED: Spec = Spec::new(20).dense(9, Activation::Tanh).norm().dense(3, Activation::Identity);

fn classes(n: usize) -> Vec<u16> {
    (0..n).map(|i| (i * 7 % 3) as u16).collect()
}

/// Sums of gradients of consecutive batches of these sizes, each by itself, numbered as in one batch.
fn apart(spec: &Spec, params: &[f32], inputs: &[f32], sizes: &[usize]) -> Vec<Vec<f64>> {
    let mut sums: Vec<Vec<f64>> = vec![vec![0.0; spec.param_len()]];
    for upto in 1..=sizes.len() {
        let (whole, _) = gradient_of(spec, params, inputs, &sizes[..upto], false);
        sums.push(whole.iter().map(|&g| f64::from(g)).collect());
    }
    sums.windows(2).map(|pair| pair[1].iter().zip(&pair[0]).map(|(a, b)| a - b).collect()).collect()
}

/// The summed gradient of batches of these sizes, and its noise where it is measured.
fn gradient_of(
    spec: &Spec,
    params: &[f32],
    inputs: &[f32],
    sizes: &[usize],
    measured: bool,
) -> (Vec<f32>, Result<Noise, Error>) {
    let (mut params, mut sum, mut floats) = (params.to_vec(), vec![0.0; spec.param_len()], work(spec, 40));
    let model = Model::new(spec, &mut params).unwrap();
    let mut work = Workspace::new(spec, 40, &mut floats).unwrap();
    let mut gradient = Gradient::new(spec, &mut sum).unwrap();
    if measured {
        gradient = gradient.measured();
    }
    let all = classes(sizes.iter().sum());
    let mut at = 0;
    for &n in sizes {
        let inputs = &inputs[at * spec.inputs()..(at + n) * spec.inputs()];
        model.accumulate(inputs, Targets::Classes(&all[at..at + n]), &mut gradient, &mut work).unwrap();
        at += n;
    }
    let noise = gradient.noise();
    (gradient.sum().to_vec(), noise)
}

/// Without what norms pool.
fn learned(spec: &Spec, gradient: &[f64]) -> Vec<f64> {
    let ranges = spec.layers().map(|l| l.offset()..l.offset() + l.param_len() - l.norm_len() / 2);
    ranges.flat_map(|range| gradient[range].to_vec()).collect()
}

fn square(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum()
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn noise_is_that_of_the_definition_and_changes_no_bit(
        sizes in vec(2_usize..9, 2..7), normed in any::<bool>(), seed in any::<u64>(),
    ) {
        let spec = if normed { NORMED } else { PLAIN };
        let n: usize = sizes.iter().sum();
        let (params, inputs) = (initial(&spec, seed), samples(n, &spec, seed));
        let (sum, noise) = gradient_of(&spec, &params, &inputs, &sizes, true);
        let (plain, none) = gradient_of(&spec, &params, &inputs, &sizes, false);
        prop_assert_eq!(bits(&sum), bits(&plain));
        prop_assert_eq!(none, Err(Error::SinglePart));
        let noise = noise.unwrap();
        let parts = apart(&spec, &params, &inputs, &sizes);
        let whole: Vec<f64> = sum.iter().map(|&g| f64::from(g) / n as f64).collect();
        let mean = square(&learned(&spec, &whole));
        let squares: f64 = parts.iter().zip(&sizes).map(|(g, &b)| square(&learned(&spec, g)) / b as f64).sum();
        let variance = (squares - n as f64 * mean) / (sizes.len() as f64 - 1.0);
        let close = |a: f32, b: f64| (f64::from(a) - b).abs() <= 1e-4 * (squares + n as f64 * mean);
        prop_assert!(close(noise.variance, variance), "{:?} {}", noise, variance);
        prop_assert!(close(noise.square, mean) && close(noise.signal, mean - variance / n as f64));
        prop_assert_eq!(noise.samples, n as u64);
    }
}

#[test]
fn noise_is_the_same_however_samples_lie_in_memory() {
    let bytes: Vec<u8> = numbers(12 * 20, 3).into_iter().map(|x| if x < 0.2 { 0 } else { (x * 255.0) as u8 }).collect();
    let inputs: Vec<f32> = bytes.iter().map(|&b| f32::from(b) * 0.5).collect();
    let (mut params, all) = (initial(&PLAIN, 2), classes(12));
    let model = Model::new(&PLAIN, &mut params).unwrap();
    let mut found = Vec::new();
    for (as_bytes, lists) in [(false, false), (false, true), (true, false), (true, true)] {
        let (mut sum, mut floats) = (vec![0.0; PLAIN.param_len()], work(&PLAIN, 5));
        let (mut list, mut index) = (vec![0.0; PLAIN.list_len(5)], vec![0; PLAIN.index_len(5)]);
        let mut work = Workspace::new(&PLAIN, 5, &mut floats).unwrap();
        if lists {
            work = work.with_lists(&PLAIN, &mut list, &mut index).unwrap();
        }
        let mut gradient = Gradient::new(&PLAIN, &mut sum).unwrap().measured();
        // One sample, too.
        for range in [0..5, 5..6, 6..11, 11..12] {
            let pick: Vec<u32> = range.clone().map(|i| i as u32).collect();
            let floats = Inputs::floats(&inputs[range.start * 20..range.end * 20]);
            let these = if as_bytes { Inputs::bytes(&bytes, 0.5, &pick) } else { floats };
            model.accumulate(these, Targets::Classes(&all[range]), &mut gradient, &mut work).unwrap();
        }
        found.push(gradient.noise().unwrap());
        gradient.reset();
        assert_eq!(gradient.noise(), Err(Error::SinglePart));
    }
    assert!(found.iter().all(|noise| *noise == found[0]), "{found:?}");
}

/// The trace of the covariance of all samples' gradients, against its mean estimate from batches drawn at random.
#[test]
fn estimates_agree_with_the_covariance_of_single_gradients() {
    const N: usize = 120;
    let spec = Spec::new(20).dense(6, Activation::Tanh).dense(3, Activation::Identity).loss(Loss::SoftmaxCrossEntropy);
    let (params, inputs) = (initial(&spec, 4), samples(N, &spec, 9));
    let singles = apart(&spec, &params, &inputs, &[1; N]);
    let mean: Vec<f64> = (0..spec.param_len()).map(|j| singles.iter().map(|g| g[j]).sum::<f64>() / N as f64).collect();
    let deviation = |g: &Vec<f64>| square(&g.iter().zip(&mean).map(|(g, m)| g - m).collect::<Vec<_>>());
    let exact = singles.iter().map(deviation).sum::<f64>() / N as f64;
    let all = classes(N);
    let (mut params, mut floats, mut sum) = (params, work(&spec, 6), vec![0.0; spec.param_len()]);
    let model = Model::new(&spec, &mut params).unwrap();
    let mut work = Workspace::new(&spec, 6, &mut floats).unwrap();
    let (mut variance, mut signal) = (0.0, 0.0);
    const DRAWS: u64 = 2000;
    for draw in 0..DRAWS {
        let mut order: Vec<u32> = (0..N as u32).collect();
        shuffle(&mut order, &mut stream(1, Purpose::Shuffle, draw));
        let mut gradient = Gradient::new(&spec, &mut sum).unwrap().measured();
        for micro in order[..30].chunks(6) {
            let rows: Vec<f32> = micro.iter().flat_map(|&i| inputs[i as usize * 20..][..20].to_vec()).collect();
            let classes: Vec<u16> = micro.iter().map(|&i| all[i as usize]).collect();
            model.accumulate(&rows, Targets::Classes(&classes), &mut gradient, &mut work).unwrap();
        }
        let noise = gradient.noise().unwrap();
        variance += f64::from(noise.variance) / DRAWS as f64;
        signal += f64::from(noise.signal) / DRAWS as f64;
    }
    // Drawn without putting back: each draw's own estimate is N/(N − 1) times the trace.
    let expected = exact * N as f64 / (N as f64 - 1.0);
    assert!((variance / expected - 1.0).abs() < 0.1, "{variance} {expected}");
    let expected = square(&mean) - expected / N as f64;
    assert!((signal / expected - 1.0).abs() < 0.1, "{signal} {expected}");
}

fn noise(variance: f32, signal: f32, samples: u64) -> Noise {
    Noise { variance, signal, square: signal + variance / samples as f32, samples }
}

#[test]
fn the_norm_test_wants_the_least_batch_that_passes() {
    let clear = Noise { variance: 8.0, signal: 1.0, square: 2.0, samples: 16 };
    assert!(clear.passes(0.5) && !clear.passes(0.49));
    assert_eq!([0.5, 0.25, 0.1].map(|theta| clear.wanted(theta)), [16, 64, 400]);
    let silent = Noise { variance: 1.0, signal: -1.0, square: 0.0, samples: 4 };
    assert_eq!((silent.passes(0.5), silent.wanted(0.5)), (false, u64::MAX));
    let still = Noise { variance: 0.0, signal: 0.0, square: 0.0, samples: 4 };
    assert_eq!((still.passes(0.5), still.wanted(0.5)), (true, u64::MAX));
    assert_eq!(Noise { variance: -1.0, ..clear }.wanted(0.5), 1);
}

#[test]
fn the_noise_scale_is_a_ratio_of_averages() {
    let mut scale = NoiseScale::new(0.25).unwrap();
    assert_eq!(scale.get(), None);
    scale.update(noise(6.0, 2.0, 8));
    assert_eq!(scale.get(), Some(3.0));
    scale.update(noise(2.0, -2.0, 8));
    // Bias-corrected: the second counts 0.25/0.4375.
    let gain = 0.25 / 0.4375;
    let expected = (6.0 - 4.0 * gain) / (2.0 - 4.0 * gain);
    assert_eq!(scale.get().is_some(), expected > 0.0);
    scale.update(noise(2.0, 9.0, 8));
    assert!(scale.get().is_some());
    for epsilon in [0.0, -0.1, 1.5, f32::NAN] {
        assert_eq!(NoiseScale::new(epsilon), Err(Error::Setting(Setting::Decay)));
    }
}

#[test]
fn a_batch_only_grows_within_its_bounds_where_it_is_asked_for_often_enough() {
    let sizes = |growth, noises: &[Option<Noise>]| {
        let mut size = BatchSize::new(growth, 8, 100, 2).unwrap();
        noises.iter().map(|&noise| size.update(size.get(), noise)).collect::<Vec<_>>()
    };
    // S/B = 1, |ḡ|² = 2: the test with θ = 0.5 wants 16, and 8 once it has them.
    let (loud, quiet) = (Some(noise(8.0, 1.0, 8)), Some(noise(0.5, 1.0, 8)));
    let hidden = Some(noise(8.0, -0.5, 8));
    let test = Growth::NormTest(0.5);
    assert_eq!(sizes(test, &[loud, loud, quiet, quiet]), [8, 16, 16, 16]);
    let louder = Some(noise(24.0, 1.0, 8));
    assert_eq!(louder.map(|noise| noise.wanted(0.5)), Some(24));
    assert_eq!(sizes(test, &[louder, loud, quiet]), [8, 16, 16], "the least of what they asked for");
    assert_eq!(sizes(test, &[loud, louder, quiet]), [8, 16, 16], "in whatever order");
    assert_eq!(sizes(test, &[loud, quiet, loud, quiet]), [8, 8, 8, 8]);
    assert_eq!(sizes(test, &[loud, hidden, None, loud]), [8, 8, 8, 16], "no gradient, no say");
    let very = Some(noise(8e6, 1.0, 8));
    assert_eq!(sizes(test, &[very, very, very]), [8, 32, 32]);
    assert_eq!(sizes(Growth::NormTest(0.1), &[very, very, very]), [8, 100, 100]);
    assert_eq!(sizes(Growth::NoiseScale(2.0), &[loud, loud, quiet]), [8, 16, 16]);
    assert_eq!(sizes(Growth::NoiseScale(2.0), &[hidden, hidden]), [8, 8]);
    // After 32, 64, 96 and 160 samples.
    assert_eq!(sizes(Growth::Doubling(32), &[None; 8]), [8, 8, 8, 16, 16, 32, 64, 100]);
    let mut size = BatchSize::new(Growth::Doubling(10), 1, 1000, 1).unwrap();
    assert_eq!([9, 1, 25, u64::MAX].map(|samples| size.update(samples, None)), [1, 2, 8, 1000], "as often as is due");
    for (growth, least, most, patience) in [
        (Growth::NormTest(0.0), 1, 2, 1),
        (Growth::NormTest(1.0), 1, 2, 1),
        (Growth::NormTest(f32::NAN), 1, 2, 1),
        (Growth::NoiseScale(0.0), 1, 2, 1),
        (Growth::NoiseScale(f32::INFINITY), 1, 2, 1),
        (Growth::Doubling(0), 1, 2, 1),
        (test, 0, 2, 1),
        (test, 3, 2, 1),
        (test, 1, 2, 0),
    ] {
        assert_eq!(BatchSize::new(growth, least, most, patience), Err(Error::Setting(Setting::Growth)));
    }
}
