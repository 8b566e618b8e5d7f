//! Replicas against definition 6: starts, the pull to their mean, elastic averaging.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{bits, cases, numbers, work};
use cygnet::error::{Buffer, Setting, Value};
use cygnet::replicas::{Pull, Start, attract, init_replicas, mean_of, pull, replica_seed};
use cygnet::{Activation, Averager, Error, Gradient, Init, Loss, Model, Sgd, Spec, Targets, Workspace};
use proptest::prelude::*;

const NET: Spec = Spec::new(3).dense(4, Activation::Tanh).dense(2, Activation::Identity).loss(Loss::MeanSquared);
const P: usize = NET.param_len();
const K: usize = 4;

fn slab(seed: u64) -> Vec<f32> {
    numbers(K * P, seed)
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| f64::from(x)).collect()
}

/// Mean of rows of `P` in double precision.
fn reference_mean(slab: &[f32]) -> Vec<f64> {
    (0..P).map(|j| wide(slab).iter().skip(j).step_by(P).sum::<f64>() / (slab.len() / P) as f64).collect()
}

fn close(a: &[f32], b: impl IntoIterator<Item = f64>) -> bool {
    let mut b = b.into_iter();
    a.iter().all(|&a| (f64::from(a) - b.next().unwrap()).abs() < 1e-6) && b.next().is_none()
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn a_pull_leaves_the_mean_and_shrinks_the_spread(seed in any::<u64>(), alpha in 0_f32..=1.0) {
        let before = slab(seed);
        let (mut after, mut mean) = (before.clone(), vec![f32::NAN; P]);
        let mut models: [Model<'_>; K] = Model::replicas(&NET, &mut after).unwrap();
        pull(&mut models, &mut mean, alpha).unwrap();
        let expected = reference_mean(&before);
        prop_assert!(close(&mean, expected.iter().copied()));
        prop_assert!(close(&mean, reference_mean(&after)));
        for (old, new) in before.chunks(P).zip(after.chunks(P)) {
            let shrunk = wide(old).into_iter().zip(&expected).map(|(x, m)| m + (1.0 - f64::from(alpha)) * (x - m));
            prop_assert!(close(new, shrunk));
        }
    }

    #[test]
    fn elastic_averaging_moves_replicas_and_center_from_old_values(seed in any::<u64>(), beta in 0_f32..=1.0) {
        let (before, center) = (slab(seed), numbers(P, !seed));
        let (mut after, mut moved, mut mean) = (before.clone(), center.clone(), vec![f32::NAN; P]);
        let mut models: [Model<'_>; K] = Model::replicas(&NET, &mut after).unwrap();
        attract(&mut models, &mut moved, &mut mean, beta).unwrap();
        let (old, beta) = (wide(&center), f64::from(beta));
        let to = |x: f64, target: f64, share: f64| x + share * (target - x);
        prop_assert!(close(&moved, old.iter().zip(reference_mean(&before)).map(|(&c, m)| to(c, m, beta))));
        for (x, new) in before.chunks(P).zip(after.chunks(P)) {
            prop_assert!(close(new, wide(x).into_iter().zip(&old).map(|(x, &c)| to(x, c, beta / K as f64))));
        }
    }

    #[test]
    fn the_mean_is_the_running_mean(seed in any::<u64>()) {
        let (mut params, mut mean, mut running) = (slab(seed), vec![f32::NAN; P], vec![0.0; P]);
        let mut average = Averager::new(&mut running);
        params.chunks(P).for_each(|model| _ = average.update(model).unwrap());
        let models: [Model<'_>; K] = Model::replicas(&NET, &mut params).unwrap();
        mean_of(&models, &mut mean).unwrap();
        prop_assert_eq!(bits(&mean), bits(&average.mean().unwrap()));
    }
}

#[test]
fn ends_of_the_pull_are_exact_and_equal_replicas_stay_equal() {
    let before = slab(1);
    let pulled = |start: &[f32], alpha| {
        let (mut params, mut mean) = (start.to_vec(), vec![0.0; P]);
        let mut models: [Model<'_>; K] = Model::replicas(&NET, &mut params).unwrap();
        pull(&mut models, &mut mean, alpha).unwrap();
        (params, mean)
    };
    assert_eq!(bits(&pulled(&before, 0.0).0), bits(&before));
    let (params, mean) = pulled(&before, 1.0);
    assert!(params.chunks(P).all(|model| bits(model) == bits(&mean)));
    let equal = before[..P].repeat(K);
    for alpha in [0.0, 0.1, 0.5, 1.0] {
        assert_eq!(bits(&pulled(&equal, alpha).0), bits(&equal));
    }
}

#[test]
fn an_elastic_step_is_one_of_its_own_gradient() {
    let start = slab(7);
    let (mut params, mut center, mut mean) = (start.clone(), vec![0.25; P], vec![0.0; P]);
    let x = numbers(6, 4);
    let targets = Targets::Values(&[0.5, -0.5, 0.25, 1.0]);
    let mut models: [Model<'_>; K] = Model::replicas(&NET, &mut params).unwrap();
    let (mut sums, mut floats) = (vec![vec![0.0; P]; K], work(&NET, 2));
    let mut work = Workspace::new(&NET, 2, &mut floats).unwrap();
    let mut gradients: Vec<_> = sums.iter_mut().map(|sum| Gradient::new(&NET, sum).unwrap()).collect();
    for (model, gradient) in models.iter().zip(&mut gradients) {
        model.accumulate(&x, targets, gradient, &mut work).unwrap();
    }
    let slopes: Vec<Vec<f64>> = gradients.iter().map(|gradient| wide(gradient.sum())).collect();
    attract(&mut models, &mut center, &mut mean, 0.8).unwrap();
    let mut sgd = Sgd::plain(&NET).unwrap();
    for (model, gradient) in models.iter_mut().zip(&mut gradients) {
        model.step(gradient, &mut sgd, 0.1).unwrap();
    }
    for ((old, new), slope) in start.chunks(P).zip(&models).zip(&slopes) {
        let step = wide(old).into_iter().zip(slope).map(|(x, g)| x - 0.1 * g / 2.0 - 0.2 * (x - 0.25));
        assert!(close(new.params(), step));
    }
}

#[test]
fn replicas_start_together_or_apart_and_drop_units_apart_either_way() {
    for (start, together) in [(Start::Common, true), (Start::Independent, false)] {
        let mut params = vec![0.0; K * P];
        let mut models: [Model<'_>; K] = Model::replicas(&NET, &mut params).unwrap();
        init_replicas(&mut models, Init::Normal(1.0), start, 9).unwrap();
        let seeds: Vec<u64> = models.iter().map(Model::seed).collect();
        assert_eq!(seeds, (0..K as u64).map(|k| replica_seed(9, k)).collect::<Vec<_>>());
        let mut unique = seeds.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!((unique.len(), seeds[0]), (K, 9));
        let mut alone = vec![0.0; P];
        Model::new(&NET, &mut alone).unwrap().init(Init::Normal(1.0), 9).unwrap();
        assert_eq!(params[..P], alone);
        assert!(params.chunks(P).skip(1).all(|model| (model == alone) == together));
    }
}

#[test]
fn strengths_of_the_pull_follow_their_formulas() {
    for (pull, expected) in [
        (Pull::Constant(0.3), [0.3, 0.3, 0.3, 0.3]),
        (Pull::Fading, [1.0, 0.75, 0.0, 0.0]),
        (Pull::Growing, [0.0, 0.25, 1.0, 1.0]),
    ] {
        assert_eq!([0, 5, 20, 30].map(|step| pull.at(step, 20)), expected);
    }
    assert_eq!((Pull::Fading.at(0, 0), Pull::Growing.at(0, 0)), (0.0, 1.0));
    // No step is lost in the roundings of a long run.
    assert_eq!(Pull::Growing.at(1 << 40, 1 << 41), 0.5);
}

#[test]
fn bad_input_is_refused_and_changes_nothing() {
    let before = slab(3);
    let refused = |params: &[f32], alpha: f32, mean: &mut [f32], error| {
        let (mut after, mut center) = (params.to_vec(), vec![0.5; mean.len()]);
        let untouched = (mean.to_vec(), center.clone());
        let mut models: [Model<'_>; K] = Model::replicas(&NET, &mut after).unwrap();
        assert_eq!(pull(&mut models, mean, alpha), Err(error));
        assert_eq!(attract(&mut models, &mut center, mean, alpha), Err(error));
        assert_eq!((bits(&after), mean.to_vec(), center), (bits(params), untouched.0, untouched.1));
    };
    for alpha in [-0.1, 1.5, f32::NAN, f32::INFINITY] {
        refused(&before, alpha, &mut [7.0; P], Error::Setting(Setting::Pull));
    }
    refused(&before, 0.5, &mut [7.0; P - 1], Error::Length { buffer: Buffer::Mean, needed: P, got: P - 1 });
    for bad in [f32::NAN, f32::INFINITY, 2e38] {
        let mut poisoned = before.clone();
        poisoned[2 * P + 5] = bad;
        refused(&poisoned, 0.5, &mut [7.0; P], Error::NonFinite { value: Value::Param, index: 5 });
    }
    let (mut mean, mut center) = ([7.0; P], [0.5; P]);
    center[3] = f32::NAN;
    let mut after = before.clone();
    let mut models: [Model<'_>; K] = Model::replicas(&NET, &mut after).unwrap();
    let error = Error::NonFinite { value: Value::Param, index: 3 };
    assert_eq!(attract(&mut models, &mut center, &mut mean, 0.5), Err(error));
    assert_eq!((bits(&after), mean), (bits(&before), [7.0; P]));
    assert_eq!(pull(&mut [], &mut mean, 0.5), Err(Error::NoAverage));
    let error = Error::Length { buffer: Buffer::Params, needed: K * P, got: K * P - 1 };
    assert_eq!(Model::replicas::<K>(&NET, &mut after[1..]).err(), Some(error));
}

#[test]
fn a_replica_that_was_pulled_from_far_away_has_no_false_bound() {
    let (mut params, mut mean, mut floats) = (vec![0.5; 2 * P], vec![0.0; P], work(&NET, 1));
    params[P..].fill(1.6e38);
    let mut work = Workspace::new(&NET, 1, &mut floats).unwrap();
    let mut sgd = Sgd::plain(&NET).unwrap();
    let mut models: [Model<'_>; 2] = Model::replicas(&NET, &mut params).unwrap();
    models[0].train(&[0.1, 0.2, 0.3], Targets::Values(&[1.0, 0.0]), &mut sgd, 0.1, &mut work).unwrap();
    pull(&mut models, &mut mean, 1.0).unwrap();
    // Twice the parameters are too large to average: the average must look, or know.
    models[0].params_mut().iter_mut().for_each(|p| *p *= 2.5);
    assert!(Averager::new(&mut [0.0; P]).update(&models[0]).is_err());
}
