//! Averages of models: each rule, compensation, merging, SWAG and replicas.

use super::common::numbers;
use super::{Pair, Stream, expect, same};
use cygnet::average::{Ema, Origin, Rule, Swag, SwagState, Warmup, Window};
use cygnet::replicas::{attract, mean_of, pull};
use cygnet::{Activation, Averager, Model, Spec};

const P: usize = 23;

fn models(n: usize) -> Vec<Vec<f32>> {
    (0..n as u64)
        .map(|i| numbers(P, i).into_iter().map(|x| x * 10_f32.powi(i as i32 % 7 - 3) + 0.5).collect())
        .collect()
}

/// `m ← m + (w − m)·gain`.
fn toward(m: &mut [f32], w: &[f32], gain: f32) {
    m.iter_mut().zip(w).for_each(|(m, w)| *m += (w - *m) * gain);
}

/// `1 − decay` of the model that `t` models come before.
fn epsilon(ema: Ema, t: f32) -> f32 {
    let least = match ema.warmup {
        Warmup::Ratio => 9.0 / (10.0 + t),
        Warmup::Power { gamma, power } => libm::expf(-power * libm::log1pf(t / gamma)),
        _ => 0.0,
    };
    if least > ema.epsilon { least } else { ema.epsilon }
}

#[test]
fn the_gain_of_each_rule() {
    let corrected = Ema { epsilon: 0.1, origin: Origin::Corrected, warmup: Warmup::None };
    let ratio = Ema { origin: Origin::First, warmup: Warmup::Ratio, ..corrected };
    let power = Ema { warmup: Warmup::Power { gamma: 2.0, power: 0.7 }, ..corrected };
    let kinds = [(Rule::mean(), None, u64::MAX), (Rule::capped(5), None, 5)];
    let averages = [corrected, ratio, power].map(|ema| (Rule::ema(ema), Some(ema), 0));
    for (rule, ema, most) in kinds.into_iter().chain(averages) {
        let (mut memory, mut expected, mut z) = ([0.0; P], vec![], 0.0);
        let mut averager = Averager::with_rule(rule, &mut memory).unwrap();
        for (model, n) in models(60).iter().zip(1..) {
            averager.update(&model[..]).unwrap();
            let gain = match ema {
                None => 1.0 / n.min(most) as f32,
                Some(ema) => {
                    let epsilon = epsilon(ema, (n - 1) as f32);
                    z = if ema.origin == Origin::First { 1.0 } else { z + epsilon * (1.0 - z) };
                    epsilon / z
                }
            };
            if n == 1 {
                expected = model.clone()
            } else {
                toward(&mut expected, model, gain)
            }
            expect(&averager.mean().unwrap(), &expected, &format!("{rule:?}, model {n}"));
        }
    }
}

#[test]
fn the_gain_of_a_polynomial_average() {
    for eta in [0.0, 0.72, 1.0, 7.0, 1e30] {
        let mut memory = [0.0; P];
        let mut averager = Averager::with_rule(Rule::polynomial(eta), &mut memory).unwrap();
        let mut expected = vec![];
        for (model, t) in models(60).iter().zip(1..) {
            averager.update(&model[..]).unwrap();
            if t == 1 {
                expected = model.clone()
            } else {
                toward(&mut expected, model, (eta + 1.0) / (t as f32 + eta))
            }
            expect(&averager.mean().unwrap(), &expected, &format!("η = {eta}, model {t}"));
        }
    }
}

#[test]
fn weights_compensation_removal_and_merging() {
    let (mut memory, mut lost) = ([0.0; P], [0.0; P]);
    let (mut expected, mut c, mut total) = (vec![], [0.0; P], Pair::default());
    let mut averager = Averager::new(&mut memory);
    averager.compensate(&mut lost).unwrap();
    let mut add = |m: &mut Vec<f32>, w: &[f32], gain: f32| {
        for i in 0..P {
            let y = (w[i] - m[i]) * gain - c[i];
            let t = m[i] + y;
            (c[i], m[i]) = ((t - m[i]) - y, t);
        }
    };
    for (model, n) in models(40).iter().zip(1..) {
        let weight = 0.1 * n as f32;
        averager.update_weighted(&model[..], weight).unwrap();
        total = total.add(weight);
        if n == 1 {
            expected = model.clone()
        } else {
            add(&mut expected, model, weight / total.value())
        }
        expect(&averager.mean().unwrap(), &expected, "weighted, compensated");
    }
    averager.remove(&models(40)[3][..], 0.4).unwrap();
    total = total.add(-0.4);
    add(&mut expected, &models(40)[3], -0.4 / total.value());
    expect(&averager.mean().unwrap(), &expected, "removed");

    let (mut left, mut right) = ([0.0; P], [0.0; P]);
    let (mut a, mut b) = (Averager::new(&mut left), Averager::new(&mut right));
    let all = models(9);
    all[..2].iter().for_each(|w| assert!(a.update(&w[..]).is_ok()));
    all[2..].iter().for_each(|w| assert!(b.update(&w[..]).is_ok()));
    let mut expected = a.mean().unwrap().to_vec();
    toward(&mut expected, &b.mean().unwrap(), 7.0 / 9.0);
    a.merge(&b).unwrap();
    expect(&a.mean().unwrap(), &expected, "merged");
}

#[test]
fn a_window() {
    let (mut memory, mut mean) = (vec![0.0; 4 * P], [0.0; P]);
    let mut window = Window::new(4, &mut memory).unwrap();
    let all = models(10);
    for n in 1..=10 {
        window.update(&all[n - 1][..]).unwrap();
        window.mean(&mut mean).unwrap();
        let latest = &all[n.saturating_sub(4)..n];
        let mut expected = latest[0].clone();
        latest.iter().zip(1..).skip(1).for_each(|(w, i)| toward(&mut expected, w, 1.0 / i as f32));
        expect(&mean, &expected, "window");
    }
}

/// Moments and the latest `k` deviations of models.
fn gaussian(models: &[Vec<f32>], k: usize) -> (Vec<f32>, Vec<f32>, Vec<Vec<f32>>) {
    let (mut m, mut second, mut columns) = (models[0].clone(), vec![0.0; P], vec![vec![0.0; P]; k]);
    for (w, n) in models.iter().zip(1_usize..) {
        for i in 0..P {
            if n > 1 {
                let d = w[i] - m[i];
                m[i] += d * (1.0 / n as f32);
                second[i] += d * (w[i] - m[i]);
            }
            if k > 0 {
                columns[(n - 1) % k][i] = w[i] - m[i];
            }
        }
    }
    (m, second, columns)
}

#[test]
fn swag_its_draws_and_its_merge() {
    for (n, k) in [(1, 0), (5, 0), (7, 1), (7, 3), (3, 5)] {
        let (mut mean, mut second, mut columns, mut w) = ([0.0; P], [0.0; P], vec![0.0; k * P], [0.0; P]);
        let mut swag = Swag::new(&mut mean, &mut second, &mut columns).unwrap();
        models(n).iter().for_each(|w| assert!(swag.update(&w[..]).is_ok()));
        let (m, v, deviations) = gaussian(&models(n), k);
        expect(&swag.mean().unwrap(), &m, "mean");
        for i in 0..P {
            assert!(same(swag.variance(i).unwrap(), if v[i] > 0.0 { v[i] / n as f32 } else { 0.0 }));
        }
        let (scale, held) = (0.7_f32, n.min(k));
        swag.sample(9, 4, scale, &mut w).unwrap();
        let mut draws = Stream::new(9, 5, 4);
        let diagonal = if held > 1 { 0.5 * scale } else { scale } / n as f32;
        let drawn = |i: usize, z: f32| m[i] + (if v[i] > 0.0 { v[i] * diagonal } else { 0.0 }).sqrt() * z;
        let mut expected: Vec<f32> = (0..P).map(|i| drawn(i, draws.normal())).collect();
        for deviations in deviations.iter().take(held).filter(|_| held > 1) {
            let factor = (scale / (2.0 * (held as f32 - 1.0))).sqrt() * draws.normal();
            expected.iter_mut().zip(deviations).for_each(|(w, d)| *w += d * factor);
        }
        expect(&w, &expected, &format!("draw of {n} models, {k} columns"));
    }
    let all = models(9);
    let (mut mean, mut second) = ([0.0; P], [0.0; P]);
    let (mut mean_b, mut second_b) = ([0.0; P], [0.0; P]);
    let mut a = Swag::new(&mut mean, &mut second, &mut []).unwrap();
    let mut b = Swag::new(&mut mean_b, &mut second_b, &mut []).unwrap();
    all[..4].iter().for_each(|w| assert!(a.update(&w[..]).is_ok()));
    all[4..].iter().for_each(|w| assert!(b.update(&w[..]).is_ok()));
    a.merge(&b).unwrap();
    let (state, share): (SwagState, f32) = (a.state(), 5.0 / 9.0);
    assert_eq!(state.count, 9);
    let ((m, v, _), (m_b, v_b, _)) = (gaussian(&all[..4], 0), gaussian(&all[4..], 0));
    for i in 0..P {
        let d = m_b[i] - m[i];
        assert!(same(a.mean().unwrap()[i], m[i] + d * share));
        assert!(same(a.variance(i).unwrap(), (v[i] + v_b[i] + d * d * (4.0 * share)) / 9.0));
    }
}

#[test]
fn replicas_their_mean_and_what_pulls_them() {
    const NET: Spec = Spec::new(4).dense(5, Activation::Identity);
    let start: Vec<Vec<f32>> = (0..3).map(|k| numbers(25, k)).collect();
    let mut mean = start[0].clone();
    toward(&mut mean, &start[1], 1.0 / 2.0);
    toward(&mut mean, &start[2], 1.0 / 3.0);
    let run = |change: &dyn Fn(&mut [Model<'_>])| {
        let mut slab = start.concat();
        let mut models = Model::replicas::<3>(&NET, &mut slab).unwrap();
        change(&mut models);
        slab
    };
    let moved = |target: &[f32], alpha: f32| {
        let mut replicas = start.clone();
        replicas.iter_mut().for_each(|w| toward(w, target, alpha));
        replicas.concat()
    };
    let pulled = run(&|models| {
        let mut found = [0.0; 25];
        mean_of(models, &mut found).unwrap();
        expect(&found, &mean, "mean");
        pull(models, &mut found, 0.3).unwrap();
        expect(&found, &mean, "mean, which stays");
    });
    expect(&pulled, &moved(&mean, 0.3), "pulled");
    let center = numbers(25, 9);
    let attracted = run(&|models| {
        let (mut moving, mut scratch, mut expected) = (center.clone(), [0.0; 25], center.clone());
        attract(models, &mut moving, &mut scratch, 0.6).unwrap();
        toward(&mut expected, &mean, 0.6);
        expect(&moving, &expected, "center");
    });
    expect(&attracted, &moved(&center, 0.6 / 3.0), "attracted");
}
