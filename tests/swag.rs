//! The posterior around an average, what it predicts, and how far that can be believed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{bits, cases};
use cygnet::average::{Draws, Swag, SwagState};
use cygnet::error::{Buffer, Setting, Value};
use cygnet::metrics::{Calibration, softmax};
use cygnet::network::Math;
use cygnet::{Activation, Error, Init, Loss, Model, Spec, Workspace, predict};
use proptest::collection::vec;
use proptest::prelude::*;

/// Relative error of a variance of up to 40 models, whose spread is at least a thousandth of their mean: Welford's
/// recurrence loses a few roundings of the deviations, which are rounded to 2⁻²⁴ of the mean.
const VARIANCE: f64 = 1e-3;
/// Mean and variance of 4000 draws: five standard errors.
const DRAWN: f64 = 5.0 * 0.0158;

/// Models whose parameters are near 1 and vary by about `1e-3` and more.
fn near_one() -> impl Strategy<Value = Vec<Vec<f32>>> {
    (1_usize..12).prop_flat_map(|p| {
        vec(vec((-4.0_f32..0.0, -1.0_f32..1.0).prop_map(|(e, x)| 1.0 + x * 10_f32.powf(e.max(-3.0))), p), 3..40)
    })
}

/// Memory for a posterior of `p` parameters with `k` columns.
struct Memory {
    mean: Vec<f32>,
    second: Vec<f32>,
    columns: Vec<f32>,
}

impl Memory {
    fn new(p: usize, k: usize) -> Self {
        let stale = |n| vec![f32::NAN; n];
        Self { mean: stale(p), second: stale(p), columns: stale(k * p) }
    }

    fn resume(&mut self, state: SwagState) -> Swag<'_> {
        Swag::resume(state, &mut self.mean, &mut self.second, &mut self.columns).unwrap()
    }

    /// Takes in more models.
    fn take(&mut self, state: SwagState, models: &[Vec<f32>]) -> SwagState {
        let mut swag = self.resume(state);
        models.iter().for_each(|model| assert!(swag.update(model).is_ok()));
        swag.state()
    }
}

fn moments(values: impl Iterator<Item = f32> + Clone) -> (f64, f64) {
    let n = values.clone().count() as f64;
    let mean = values.clone().map(f64::from).sum::<f64>() / n;
    (mean, values.map(|v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n)
}

proptest! {
    #![proptest_config(cases(32))]

    #[test]
    fn variances_are_those_of_the_models_and_never_negative(models in near_one()) {
        let mut memory = Memory::new(models[0].len(), 0);
        let state = memory.take(SwagState::default(), &models);
        let swag = memory.resume(state);
        for i in 0..models[0].len() {
            let (mean, variance) = moments(models.iter().map(|model| model[i]));
            prop_assert!((f64::from(swag.mean().unwrap()[i]) - mean).abs() < 1e-5);
            let ours = f64::from(swag.variance(i).unwrap());
            prop_assert!(ours > 0.0 && (ours - variance).abs() <= VARIANCE * variance + 1e-13, "{} {}", ours, variance);
        }
        prop_assert_eq!(swag.variance(models[0].len()), None);
    }

    #[test]
    fn identical_models_have_no_variance(model in vec(-8.0_f32..8.0, 1..20), n in 1_usize..50) {
        let mut memory = Memory::new(model.len(), 2);
        let state = memory.take(SwagState::default(), &vec![model.clone(); n]);
        let mut drawn = vec![0.0; model.len()];
        memory.resume(state).sample(7, 0, 1.0, &mut drawn).unwrap();
        prop_assert_eq!(bits(&drawn), bits(&model));
    }

    #[test]
    fn resuming_is_never_having_stopped(models in near_one(), k in 0_usize..4, cut in any::<prop::sample::Index>()) {
        let cut = cut.index(models.len());
        let (mut stopped, mut whole) = (Memory::new(models[0].len(), k), Memory::new(models[0].len(), k));
        let state = stopped.take(SwagState::default(), &models[..cut]);
        let state = stopped.take(state, &models[cut..]);
        prop_assert_eq!(state, whole.take(SwagState::default(), &models));
        let (mut a, mut b) = (vec![0.0; models[0].len()], vec![0.0; models[0].len()]);
        stopped.resume(state).sample(1, 2, 0.7, &mut a).unwrap();
        whole.resume(state).sample(1, 2, 0.7, &mut b).unwrap();
        prop_assert_eq!(bits(&a), bits(&b));
        prop_assert_eq!(bits(&stopped.columns[..]), bits(&whole.columns[..]));
    }

    #[test]
    fn a_merge_is_the_posterior_of_all(models in near_one(), cut in any::<prop::sample::Index>()) {
        let cut = cut.index(models.len() + 1);
        let (mut a, mut b) = (Memory::new(models[0].len(), 0), Memory::new(models[0].len(), 0));
        let states = [a.take(SwagState::default(), &models[..cut]), b.take(SwagState::default(), &models[cut..])];
        let mut merged = a.resume(states[0]);
        prop_assert_eq!(merged.merge(&b.resume(states[1])), Ok(models.len() as u64));
        for i in 0..models[0].len() {
            let (mean, variance) = moments(models.iter().map(|model| model[i]));
            prop_assert!((f64::from(merged.mean().unwrap()[i]) - mean).abs() < 1e-5);
            let ours = f64::from(merged.variance(i).unwrap());
            prop_assert!((ours - variance).abs() <= VARIANCE * variance + 1e-13, "{} {}", ours, variance);
        }
    }
}

#[test]
fn columns_are_the_latest_deviations_in_turn() {
    let models: Vec<Vec<f32>> = (0..5).map(|t| vec![t as f32, 10.0 * t as f32]).collect();
    let mut memory = Memory::new(2, 2);
    let state = memory.take(SwagState::default(), &models);
    assert_eq!(state, SwagState { count: 5, deviations: 5 });
    // Model 4 from the mean 2 in the first column, model 3 from the mean 1.5 of four in the second.
    assert_eq!(memory.columns, [2.0, 20.0, 1.5, 15.0]);
    assert_eq!(memory.resume(state).held(), 2);
}

#[test]
fn draws_have_the_moments_they_should() {
    let models = [[0.0_f32, 5.0], [2.0, 5.5], [4.0, 4.5], [2.0, 5.0]].map(|m| m.to_vec());
    for k in [0, 1, 3] {
        let mut memory = Memory::new(2, k);
        let state = memory.take(SwagState::default(), &models);
        let columns = memory.columns.clone();
        let swag = memory.resume(state);
        for scale in [1.0, 0.25] {
            let mut draws = Vec::new();
            for number in 0..4000 {
                let mut params = vec![0.0; 2];
                swag.sample(3, number, scale, &mut params).unwrap();
                draws.push(params);
            }
            for i in 0..2 {
                let (mean, variance) = moments(draws.iter().map(|d| d[i]));
                let diagonal = f64::from(swag.variance(i).unwrap());
                let low_rank: f64 = columns.chunks(2).map(|c| f64::from(c[i]).powi(2)).sum();
                let expected = match k {
                    // One column spans nothing.
                    0 | 1 => diagonal,
                    _ => 0.5 * diagonal + low_rank / (2.0 * (k as f64 - 1.0)),
                } * f64::from(scale);
                assert!((mean - f64::from(swag.mean().unwrap()[i])).abs() <= DRAWN * expected.sqrt(), "{k} {mean}");
                assert!((variance / expected - 1.0).abs() <= 2.0 * DRAWN, "{k}, {scale}: {variance} {expected}");
            }
        }
        // Draw 17 is the same whatever was drawn before.
        let (mut once, mut again) = ([0.0; 2], [0.0; 2]);
        swag.sample(3, 17, 1.0, &mut once).unwrap();
        swag.sample(3, 18, 1.0, &mut again).unwrap();
        assert_ne!(once, again);
        swag.sample(3, 17, 1.0, &mut again).unwrap();
        assert_eq!(once, again);
        swag.sample(3, 17, 0.0, &mut again).unwrap();
        assert_eq!(again, *swag.mean().unwrap());
    }
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let mut memory = Memory::new(2, 2);
    let empty = memory.resume(SwagState::default());
    assert_eq!(empty.mean(), Err(Error::NoAverage));
    assert_eq!(empty.variance(0), None);
    assert_eq!(empty.sample(1, 0, 1.0, &mut [0.0; 2]), Err(Error::NoAverage));
    let models = [vec![1.0, 2.0], vec![2.0, 4.0]];
    let state = memory.take(SwagState::default(), &models);
    let before = (bits(&memory.mean), bits(&memory.second), bits(&memory.columns));
    let mut swag = memory.resume(state);
    assert_eq!(swag.update(&[1.0, f32::NAN]), Err(Error::NonFinite { value: Value::Param, index: 1 }));
    assert_eq!(swag.update(&[1.0, 1e25]), Err(Error::NonFinite { value: Value::Param, index: 1 }));
    assert_eq!(swag.update(&[1.0]), Err(Error::Length { buffer: Buffer::Params, needed: 2, got: 1 }));
    for scale in [-1.0, f32::NAN, f32::INFINITY] {
        let mut draw = [7.0; 2];
        assert_eq!(swag.sample(1, 0, scale, &mut draw), Err(Error::Setting(Setting::Covariance)));
        assert_eq!(draw, [7.0; 2]);
    }
    assert_eq!(swag.sample(1, 0, 1.0, &mut [0.0; 3]), Err(Error::Length { buffer: Buffer::Params, needed: 2, got: 3 }));
    let mut far = Memory::new(2, 0);
    let far_state = far.take(SwagState::default(), &[vec![1e25, 0.0]]);
    let index = 0;
    assert_eq!(swag.merge(&far.resume(far_state)), Err(Error::NonFinite { value: Value::Param, index }));
    assert_eq!(swag.state(), state);
    assert_eq!((bits(&memory.mean), bits(&memory.second), bits(&memory.columns)), before);
    let wrong = Swag::new(&mut [0.0; 2], &mut [0.0; 3], &mut []).err();
    assert_eq!(wrong, Some(Error::Length { buffer: Buffer::SecondMoment, needed: 2, got: 3 }));
    let wrong = Swag::new(&mut [0.0; 2], &mut [0.0; 2], &mut [0.0; 3]).err();
    assert_eq!(wrong, Some(Error::Length { buffer: Buffer::Columns, needed: 2, got: 3 }));
    memory.columns[1] = f32::INFINITY;
    let Memory { mean, second, columns } = &mut memory;
    assert!(Swag::resume(state, mean, second, columns).is_err());
}

#[test]
fn a_prediction_is_the_mean_of_the_draws() {
    const NET: Spec = Spec::new(3).dense(5, Activation::Tanh).dense(4, Activation::Identity);
    const P: usize = NET.param_len();
    let x: [f32; 15] = core::array::from_fn(|i| i as f32 * 0.3 - 2.0);
    for loss in [Loss::SoftmaxCrossEntropy, Loss::BinaryCrossEntropy, Loss::MeanSquared] {
        let net = NET.loss(loss);
        let mut memory = Memory::new(P, 3);
        let models: Vec<Vec<f32>> = (0..6)
            .map(|seed| {
                let mut params = vec![0.0; P];
                Model::new(&net, &mut params).unwrap().init(Init::He, seed).unwrap();
                params
            })
            .collect();
        let state = memory.take(SwagState::default(), &models);
        let swag = memory.resume(state);
        let draws = Draws { seed: 5, samples: 7, scale: 0.5 };
        let mut expected = vec![0.0_f64; 20];
        let mut params = vec![0.0; P];
        for number in 0..7 {
            swag.sample(5, number, 0.5, &mut params).unwrap();
            let mut floats = vec![0.0; net.predict_len(5)];
            let mut work = Workspace::for_prediction(&net, 5, &mut floats).unwrap();
            let outputs = predict(&net, &params, &x, &mut work).unwrap();
            match loss {
                Loss::SoftmaxCrossEntropy => outputs.chunks_mut(4).for_each(|row| softmax(row, Math::Libm)),
                Loss::BinaryCrossEntropy => outputs.iter_mut().for_each(|a| *a = 1.0 / (1.0 + (-*a).exp())),
                _ => {}
            }
            expected.iter_mut().zip(&*outputs).for_each(|(e, &p)| *e += f64::from(p) / 7.0);
        }
        // Whatever number of samples passes at once.
        for batch in [1, 2, 5] {
            let mut floats = vec![0.0; net.predict_len(batch)];
            let mut work = Workspace::for_prediction(&net, batch, &mut floats).unwrap();
            let mut probabilities = vec![f32::NAN; 20];
            swag.predict(&net, draws, &x, &mut params, &mut probabilities, &mut work).unwrap();
            let close = |(&p, &e): (&f32, &f64)| (f64::from(p) - e).abs() <= 1e-6 * e.abs().max(1.0);
            assert!(probabilities.iter().zip(&expected).all(close), "{probabilities:?} {expected:?}");
        }
        let mut floats = vec![0.0; net.predict_len(1)];
        let mut work = Workspace::for_prediction(&net, 1, &mut floats).unwrap();
        let mut ask =
            |draws, probabilities: &mut [f32]| swag.predict(&net, draws, &x, &mut params, probabilities, &mut work);
        let none = Draws { samples: 0, ..draws };
        assert_eq!(ask(none, &mut [0.0; 20]), Err(Error::Setting(Setting::Draws)));
        let wrong = Error::Length { buffer: Buffer::Probabilities, needed: 20, got: 19 };
        assert_eq!(ask(draws, &mut [0.0; 19]), Err(wrong));
    }
}

#[test]
fn calibration_is_worked_out_by_hand() {
    let mut calibration = Calibration::default();
    assert!(calibration.ece().is_nan() && calibration.reliability().next().is_none());
    // Confidences 0.9 (right, wrong), 0.6 (right), 1 (right): gaps |1 − 1.8|, |1 − 0.6|, 0 over four samples.
    for (probabilities, class) in [([0.9, 0.1], 0), ([0.1, 0.9], 0), ([0.4, 0.6], 1), ([1.0, 0.0], 0)] {
        calibration.add(&probabilities, class).unwrap();
    }
    assert!((calibration.ece() - (0.8 + 0.4) / 4.0).abs() < 1e-6, "{}", calibration.ece());
    let bins: Vec<(u64, f32, f32)> =
        calibration.reliability().map(|bin| (bin.samples, bin.confidence, bin.accuracy)).collect();
    assert_eq!(bins, [(1, 0.6, 1.0), (2, 0.9, 0.5), (1, 1.0, 1.0)]);
    let nll = -(0.9_f32.ln() + 0.1_f32.ln() + 0.6_f32.ln()) / 4.0;
    assert!((calibration.score().loss() - nll).abs() < 1e-6);
    assert_eq!((calibration.score().samples(), calibration.score().hits()), (4, 3));
    let before = calibration;
    assert_eq!(calibration.add(&[0.5, 0.5], 2), Err(Error::Label { sample: 4, label: 2, classes: 2 }));
    assert_eq!(calibration.add(&[0.5, f32::NAN], 0), Err(Error::NonFinite { value: Value::Output, index: 1 }));
    assert_eq!(calibration, before);
    // A class that cannot be costs much, and not infinitely much.
    calibration.add(&[1.0, 0.0], 1).unwrap();
    assert!(calibration.score().loss().is_finite());
}
