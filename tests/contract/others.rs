//! What stands around training: initial weights, votes, schedules, preprocessing, noise and the draws themselves.

use super::common::numbers;
use super::{Stream, expect, in_lanes, same};
use cygnet::metrics::softmax;
use cygnet::network::Math;
use cygnet::preprocess::{Clip, Fit, Missing, PreprocessConfig, Scaling};
use cygnet::random::{Purpose, normal, shuffle, stream};
use cygnet::replicas::{Vote, Votes};
use cygnet::schedule::{Anneal, Decay, Schedule, Shape};
use cygnet::{Activation, Gradient, Init, Inputs, Loss, Model, Spec, Targets, Workspace};

#[test]
fn draws_initial_weights_and_shuffles() {
    const NET: Spec = Spec::new(7).dense(9, Activation::Tanh).norm().dense(4, Activation::Identity);
    let mut random = stream(3, Purpose::Posterior, 8);
    let mut expected = Stream::new(3, 5, 8);
    (0..1000).for_each(|_| assert!(same(normal(&mut random), expected.normal())));
    let he = |inputs: usize, _: usize| (2.0 / inputs as f32).sqrt();
    let glorot = |inputs: usize, outputs: usize| (2.0 / (inputs + outputs) as f32).sqrt();
    let scales: [(Init, &dyn Fn(usize, usize) -> f32); 3] =
        [(Init::He, &he), (Init::Glorot, &glorot), (Init::Normal(0.3), &|_, _| 0.3)];
    for (init, scale) in scales {
        let (mut params, mut expected) = (vec![f32::NAN; NET.param_len()], vec![]);
        Model::new(&NET, &mut params).unwrap().init(init, 11).unwrap();
        for layer in NET.layers() {
            let mut draws = Stream::new(11, 1, layer.index() as u64);
            let (inputs, outputs) = (layer.inputs(), layer.outputs());
            expected.extend((0..inputs * outputs).map(|_| scale(inputs, outputs) * draws.normal()));
            expected.extend(vec![0.0; outputs]);
            for start in [1.0, 0.0, 0.0, 1.0].iter().filter(|_| layer.is_normed()) {
                expected.extend(vec![*start; outputs]);
            }
        }
        expect(&params, &expected, "initial");
    }
    // Fisher and Yates from the end, each place by Lemire's product.
    let (mut found, mut expected): (Vec<u32>, Vec<u32>) = ((0..50).collect(), (0..50).collect());
    shuffle(&mut found, &mut stream(5, Purpose::Shuffle, 2));
    let mut words = Stream::new(5, 3, 2);
    for last in (1..50_usize).rev() {
        let bound = last as u64 + 1;
        let pick = loop {
            let product = u64::from(words.word()) * bound;
            if u64::from(product as u32) >= (1 << 32) % bound {
                break (product >> 32) as usize;
            }
        };
        expected.swap(pick, last);
    }
    assert_eq!(found, expected);
}

/// `exp(z − max)/Σ`, each divided.
fn probabilities(z: &[f32]) -> Vec<f32> {
    let largest = z.iter().fold(f32::NEG_INFINITY, |m, &z| if z > m { z } else { m });
    let exp: Vec<f32> = z.iter().map(|z| libm::expf(z - largest)).collect();
    let mut sum = 0.0;
    exp.iter().for_each(|e| sum += e);
    exp.iter().map(|e| e / sum).collect()
}

#[test]
fn softmax_and_votes() {
    for classes in [2, 3, 10, 17] {
        let logits: Vec<Vec<f32>> = (0..5).map(|k| numbers(6 * classes, k).iter().map(|z| 9.0 * z).collect()).collect();
        let each = |z: &[f32]| z.chunks(classes).flat_map(probabilities).collect::<Vec<f32>>();
        let mut row = logits[0][..classes].to_vec();
        softmax(&mut row, Math::Libm);
        expect(&row, &probabilities(&logits[0][..classes]), "softmax");
        for vote in [Vote::Soft, Vote::LogPool, Vote::Hard] {
            let mut floats = vec![f32::NAN; vote.state_len(6, classes)];
            let mut votes = Votes::new(vote, Math::Libm, classes, &mut floats).unwrap();
            let (mut means, mut ballots, mut total) = (vec![0.0; 6 * classes], vec![0.0; 6 * classes], 0.0);
            for (z, weight) in logits.iter().zip([1.0, 0.3, 2.0, 0.7, 1.1]) {
                votes.add(&mut z.clone(), weight).unwrap();
                total += weight;
                let said = if vote == Vote::LogPool { z.clone() } else { each(z) };
                means.iter_mut().zip(&said).for_each(|(m, p): (&mut f32, _)| *m += (p - *m) * (weight / total));
                for (p, ballots) in said.chunks(classes).zip(ballots.chunks_mut(classes)) {
                    let first = (0..classes).fold(0, |best, c| if p[c] > p[best] { c } else { best });
                    ballots[first] += weight;
                }
            }
            let expected = match vote {
                Vote::LogPool => each(&means),
                Vote::Hard => ballots.iter().map(|b| b / total).collect(),
                _ => means,
            };
            expect(votes.finish().unwrap(), &expected, &format!("{vote:?}"));
        }
    }
}

#[test]
fn rates() {
    let (rate, pi) = (0.3_f32, core::f32::consts::PI);
    let linear = |from: f32, to: f32, t: f32| (1.0 - t) * from + t * to;
    let cosine = |to: f32, t: f32| to + (rate - to) * (0.5 * (1.0 + libm::cosf(pi * t)));
    let share = |step: u64, steps: u64| if step >= steps { 1.0 } else { step as f32 / steps as f32 };
    let at = |decay, step| Schedule { decay, ..Schedule::constant(rate) }.at(step);
    let decays: [(Decay, &dyn Fn(u64) -> f32); 7] = [
        (Decay::Linear { to: 0.01, steps: 37 }, &|i| linear(rate, 0.01, share(i, 37))),
        (Decay::Cosine { to: 0.01, steps: 37 }, &|i| cosine(0.01, share(i, 37))),
        (Decay::ConstantThenLinear { to: 0.02, steps: 37 }, &|i| {
            linear(rate, 0.02, share((10 * i).saturating_sub(5 * 37), 4 * 37))
        }),
        (Decay::Cyclic { to: 0.05, cycle: 7 }, &|i| linear(rate, 0.05, share(i % 7 + 1, 7))),
        (Decay::WarmRestarts { to: 0.0, first: 5, factor: 2 }, &|i| {
            let (mut rest, mut steps) = (i, 5);
            while rest >= steps {
                (rest, steps) = (rest - steps, 2 * steps);
            }
            cosine(0.0, share(rest, steps))
        }),
        (Decay::OneCycle { from: 0.01, to: 0.001, rise: 9, steps: 30, shape: Shape::Cosine }, &|i| {
            let between = |from, to, t| linear(from, to, 0.5 * (1.0 - libm::cosf(pi * t)));
            if i < 9 { between(0.01, rate, share(i, 9)) } else { between(rate, 0.001, share(i - 9, 21)) }
        }),
        (Decay::Step { every: 10, factor: 0.7 }, &|i| {
            // By repeated squaring, from the lowest bit on.
            let (mut power, mut square, mut n) = (1.0, 0.7_f32, i / 10);
            while n > 0 {
                power *= if n % 2 == 1 { square } else { 1.0 };
                (square, n) = (square * square, n / 2);
            }
            rate * power
        }),
    ];
    for (decay, expected) in decays {
        (0..60).for_each(|i| assert!(same(at(decay, i), expected(i)), "{decay:?} at {i}"));
    }
    let anneal = Anneal { start: 20, steps: 8, to: 0.03, shape: Shape::Linear };
    let schedule = Schedule { warmup: 4, anneal: Some(anneal), ..Schedule::constant(rate) };
    for i in 0..40 {
        let expected = match i {
            ..4 => rate * ((i as f32 + 1.0) / 5.0),
            4..20 => rate,
            _ => linear(rate, 0.03, share(i - 20, 8)),
        };
        assert!(same(schedule.at(i), expected), "at {i}");
    }
}

#[test]
fn preprocessing() {
    let samples: Vec<f32> = numbers(3 * 50, 4).into_iter().map(|x| 100.0 + 7.0 * x).collect();
    let config = PreprocessConfig { scaling: Scaling::Standard, missing: Missing::Mean, clip: Clip::Deviations(1.5) };
    let (mut floats, mut counts) = (vec![f32::NAN; Fit::state_len(3)], [0; 3]);
    let mut fit = Fit::new(config, 3, &mut floats, &mut counts).unwrap();
    fit.add(&samples).unwrap();
    let preprocess = fit.finish().unwrap();
    let mut found = samples.clone();
    preprocess.apply(&mut found).unwrap();
    let mut expected = samples.clone();
    for feature in 0..3 {
        let (mut mean, mut squares, mut lost, mut lost_square) = (samples[feature], 0.0, 0.0, 0.0);
        let add = |sum: &mut f32, lost: &mut f32, x: f32| {
            let step = x - *lost;
            let next = *sum + step;
            (*lost, *sum) = ((next - *sum) - step, next);
        };
        for (row, n) in samples.chunks(3).zip(1..).skip(1) {
            let delta = row[feature] - mean;
            add(&mut mean, &mut lost, delta / n as f32);
            add(&mut squares, &mut lost_square, delta * (row[feature] - mean));
        }
        let deviation = (squares / 50.0_f32).sqrt();
        let (low, high, scale) = (mean - 1.5 * deviation, mean + 1.5 * deviation, 1.0 / deviation);
        for row in expected.chunks_mut(3) {
            let x = row[feature];
            row[feature] = ((if x < low {
                low
            } else if x > high {
                high
            } else {
                x
            }) - mean)
                * scale;
        }
    }
    expect(&found, &expected, "standardised");
    // Bytes times their scale.
    const NET: Spec = Spec::new(3).dense(2, Activation::Identity);
    let (bytes, params) = ([0_u8, 3, 255, 17, 0, 9], numbers(8, 1));
    let mut floats = [0.0; NET.predict_len(2)];
    let mut work = Workspace::for_prediction(&NET, 2, &mut floats).unwrap();
    let outputs = cygnet::predict(&NET, &params, Inputs::bytes(&bytes, 1.0 / 255.0, &[0, 1]), &mut work).unwrap();
    let x: Vec<f32> = bytes.iter().map(|&b| f32::from(b) * (1.0 / 255.0)).collect();
    let expected: Vec<f32> = x.chunks(3).flat_map(|x| super::network::predict(&NET, &params, x)).collect();
    expect(outputs, &expected, "bytes");
}

#[test]
fn the_noise_of_a_gradient() {
    const NET: Spec = Spec::new(6).dense(5, Activation::Tanh).dense(3, Activation::Identity).loss(Loss::MeanSquared);
    let mut params = super::common::initial(&NET, 2);
    let (mut sum, mut floats) = (vec![0.0; NET.param_len()], vec![0.0; NET.work_len(4)]);
    let weights = params.clone();
    let model = Model::new(&NET, &mut params).unwrap();
    let mut gradient = Gradient::new(&NET, &mut sum).unwrap().measured();
    let mut work = Workspace::new(&NET, 4, &mut floats).unwrap();
    let mut squares = 0.0;
    for (seed, n) in [4_usize, 1, 3].into_iter().enumerate() {
        let (x, t) = (numbers(6 * n, seed as u64), numbers(3 * n, 50 + seed as u64));
        model.accumulate(&x[..], Targets::Values(&t), &mut gradient, &mut work).unwrap();
        let g = super::network::pass(&NET, &weights, &x, Targets::Values(&t), (0, 0), 0).gradient;
        // Row by row of each layer, biases as rows.
        let rows = g[..35].chunks(5).chain(g[35..].chunks(3));
        let mut square = 0.0;
        rows.for_each(|row| square += in_lanes(row.iter().map(|g| g * g)));
        squares += square / n as f32;
    }
    let square = in_lanes(gradient.sum().iter().map(|g| g * g)) / 8.0 / 8.0;
    let noise = gradient.noise().unwrap();
    let variance = (squares - 8.0 * square) / 2.0;
    assert!(
        same(noise.square, square) && same(noise.variance, variance) && same(noise.signal, square - variance / 8.0)
    );
}
