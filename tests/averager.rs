//! The averager: what each kind of average is, which bits it keeps, and what it refuses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{bits, cases};
use cygnet::average::{AverageState, Ema, Origin, Parts, Rule, Snapshots, Warmup, Window, WindowState};
use cygnet::error::{Buffer, CheckpointFault, Setting, Value};
use cygnet::model::Params;
use cygnet::store::{holds_average, load_params, save};
use cygnet::{Activation, Averager, Error, Loss, Model, Sgd, Spec, Targets, Workspace};
use proptest::collection::vec;
use proptest::prelude::*;

/// Half a unit in the last place of 1: what one rounding costs at most.
const ROUNDING: f64 = 1.0 / (1 << 24) as f64;
/// Largest magnitude of the models here.
const LARGEST: f32 = 8.0;

/// What `n` updates may differ from the exact mean: each rounds the mean (≤ 1) and a step of at most `2·LARGEST/n` (≤ 6,
/// spread over n), and scales earlier errors by (n − 1)/n, so they come to n/2 + 6 roundings of the largest value.
fn mean_tolerance(n: usize) -> f64 {
    (n as f64 / 2.0 + 6.0) * ROUNDING * f64::from(LARGEST)
}
/// Merging two means of up to 6 models: the two means' errors and the merge's own, relative to the largest value.
const MERGE_RELATIVE: f64 = 1e-6;
/// A compensated mean of up to 60 models: each gain is rounded, each sum to twice the digits.
const COMPENSATED: f64 = 4.0 * ROUNDING * LARGEST as f64;

/// Finite numbers, among them zeros of both signs and subnormals.
fn finite() -> impl Strategy<Value = f32> {
    prop_oneof![
        8 => -LARGEST..LARGEST,
        1 => Just(0.0), 1 => Just(-0.0), 1 => Just(1e-45), 1 => Just(-1e-39), 1 => Just(f32::MIN_POSITIVE),
    ]
}

/// Anything that fits in a slice of floats.
fn anything() -> impl Strategy<Value = f32> {
    any::<u32>().prop_map(f32::from_bits)
}

/// As many models of one length as `count` allows.
fn models(count: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = Vec<Vec<f32>>> {
    let count = count.into();
    (1_usize..40).prop_flat_map(move |len| vec(vec(finite(), len), count.clone()))
}

/// Models with a weight each.
fn weighted(count: impl Into<proptest::collection::SizeRange>) -> impl Strategy<Value = Vec<(Vec<f32>, f32)>> {
    let count = count.into();
    (1_usize..20).prop_flat_map(move |len| vec((vec(finite(), len), 0.01_f32..10.0), count.clone()))
}

/// The average of `models` by `rule`.
fn average_of(rule: Rule, models: &[Vec<f32>]) -> (Vec<f32>, AverageState) {
    let mut mean = vec![f32::NAN; models[0].len()];
    let mut averager = Averager::with_rule(rule, &mut mean).unwrap();
    models.iter().for_each(|model| assert!(averager.update(model).is_ok()));
    let state = averager.state();
    (mean, state)
}

/// The mean of `models` and their number.
fn mean_of(models: &[Vec<f32>]) -> (Vec<f32>, AverageState) {
    average_of(Rule::mean(), models)
}

/// Not to be multiplied in one instruction with another widened float: QEMU 7.2 gets that of s390x wrong.
fn widened(x: f32) -> f64 {
    std::hint::black_box(f64::from(x))
}

/// Element-wise mean in f64, with weights.
fn exact_mean<'a>(models: impl Iterator<Item = (&'a Vec<f32>, f64)> + Clone) -> Vec<f64> {
    let total: f64 = models.clone().map(|(_, weight)| weight).sum();
    let len = models.clone().next().map_or(0, |(model, _)| model.len());
    (0..len).map(|i| models.clone().map(|(m, weight)| widened(m[i]) * weight).sum::<f64>() / total).collect()
}

fn alike(models: &[Vec<f32>]) -> impl Iterator<Item = (&Vec<f32>, f64)> + Clone {
    models.iter().map(|model| (model, 1.0))
}

fn largest_difference(mean: &[f32], exact: &[f64]) -> f64 {
    assert_eq!(mean.len(), exact.len());
    mean.iter().zip(exact).map(|(&m, e)| (f64::from(m) - e).abs()).fold(0.0, f64::max)
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn the_mean_is_the_arithmetic_mean(models in models(1..60)) {
        let (mean, state) = mean_of(&models);
        prop_assert_eq!(state.count(), models.len() as u64);
        prop_assert!(largest_difference(&mean, &exact_mean(alike(&models))) <= mean_tolerance(models.len()));
    }

    #[test]
    fn a_compensated_mean_keeps_its_digits(models in models(1..60), cut in any::<prop::sample::Index>()) {
        let (mut mean, mut lost) = (vec![f32::NAN; models[0].len()], vec![f32::NAN; models[0].len()]);
        let cut = cut.index(models.len());
        let mut state = AverageState::mean_of(0);
        // Stopped once, somewhere.
        for part in [&models[..cut], &models[cut..]] {
            let mut averager = Averager::resume_compensated(state, &mut mean, &mut lost).unwrap();
            part.iter().for_each(|model| assert!(averager.update(model).is_ok()));
            state = averager.state();
        }
        prop_assert!(largest_difference(&mean, &exact_mean(alike(&models))) <= COMPENSATED);
    }

    #[test]
    fn a_weighted_mean_is_weighted(models in weighted(1..30)) {
        let mut mean = vec![f32::NAN; models[0].0.len()];
        let mut averager = Averager::new(&mut mean);
        for (n, (model, weight)) in (1..).zip(&models) {
            prop_assert_eq!(averager.update_weighted(model, *weight), Ok(n));
        }
        let exact = exact_mean(models.iter().map(|(model, weight)| (model, f64::from(*weight))));
        prop_assert!(largest_difference(&mean, &exact) <= 2.0 * mean_tolerance(models.len()));
    }

    #[test]
    fn weights_and_models_of_weight_one_mix(models in models(2..20), weight in 0.01_f32..10.0) {
        let mut mean = vec![f32::NAN; models[0].len()];
        let mut averager = Averager::new(&mut mean);
        for (i, model) in models.iter().enumerate() {
            if i % 3 == 1 { averager.update_weighted(model, weight) } else { averager.update(model) }.unwrap();
        }
        let weight_of = |i: usize| if i % 3 == 1 { f64::from(weight) } else { 1.0 };
        let exact = exact_mean(models.iter().enumerate().map(|(i, model)| (model, weight_of(i))));
        prop_assert!(largest_difference(&mean, &exact) <= 2.0 * mean_tolerance(models.len()));
    }

    #[test]
    fn a_model_that_is_taken_out_was_never_there(
        models in weighted(2..20),
        at in any::<prop::sample::Index>(),
        plain in any::<bool>(),
    ) {
        let weight = |w: f32| if plain { 1.0 } else { w };
        let mut mean = vec![f32::NAN; models[0].0.len()];
        let mut averager = Averager::new(&mut mean);
        for (model, w) in &models {
            if plain { averager.update(model) } else { averager.update_weighted(model, *w) }.unwrap();
        }
        let out = at.index(models.len());
        let rest: Vec<_> = models.iter().enumerate().filter(|(i, _)| *i != out).map(|(_, m)| m.clone()).collect();
        let removed = averager.remove(&models[out].0, weight(models[out].1));
        prop_assert_eq!(removed, Ok(rest.len() as u64));
        let exact = exact_mean(rest.iter().map(|(model, w)| (model, f64::from(weight(*w)))));
        // The errors so far grow as the rest's share shrinks.
        let total: f32 = models.iter().map(|m| weight(m.1)).sum();
        let share = f64::from((total - weight(models[out].1)) / total);
        prop_assert!(largest_difference(&mean, &exact) <= 4.0 * mean_tolerance(models.len()) / share);
    }

    #[test]
    fn a_capped_mean_forgets_at_a_constant_rate(models in models(1..30), most in 1_u64..12) {
        let (mean, _) = average_of(Rule::capped(most), &models);
        let mut exact: Vec<f64> = models[0].iter().map(|&w| w.into()).collect();
        for (n, model) in (2_u64..).zip(&models[1..]) {
            exact.iter_mut().zip(model).for_each(|(m, &w)| *m += (f64::from(w) - *m) / n.min(most) as f64);
        }
        prop_assert!(largest_difference(&mean, &exact) <= mean_tolerance(models.len()));
        if models.len() as u64 <= most {
            prop_assert_eq!(bits(&mean), bits(&mean_of(&models).0));
        }
    }

    #[test]
    fn a_polynomial_average_weighs_by_the_power_of_the_time(models in models(1..60), eta in prop_oneof![Just(0.0_f32), 0.0_f32..30.0]) {
        let (mean, _) = average_of(Rule::polynomial(eta), &models);
        // Each model's gain, times what the later ones leave.
        let gain = |t: usize| (f64::from(eta) + 1.0) / (t as f64 + f64::from(eta));
        let n = models.len();
        let weights = (1..=n).map(|t| gain(t) * (t + 1..=n).map(|t| 1.0 - gain(t)).product::<f64>());
        let exact = exact_mean(models.iter().zip(weights.collect::<Vec<_>>()));
        prop_assert!(largest_difference(&mean, &exact) <= 1e-6 * f64::from(LARGEST));
        if eta == 0.0 {
            prop_assert_eq!(bits(&mean), bits(&mean_of(&models).0));
        }
    }

    #[test]
    fn an_exponential_average_weighs_by_its_decay(
        models in models(1..30),
        epsilon in 0.001_f32..1.0,
        first in any::<bool>(),
        warmup in 0_usize..3,
    ) {
        let warmup = [Warmup::None, Warmup::Ratio, Warmup::Power { gamma: 2.0, power: 0.7 }][warmup];
        let origin = if first { Origin::First } else { Origin::Corrected };
        let ema = Ema { epsilon, origin, warmup };
        let (mean, _) = average_of(Rule::ema(ema), &models);
        // Σ ε_t Π_{s > t} (1 − ε_s) w_t, normalised where corrected; the first model is the whole past where not.
        let epsilons: Vec<f64> = (0..models.len() as u64).map(|t| ema.epsilon_at(t).into()).collect();
        let weights = (0..models.len()).map(|t| {
            let own = if first && t == 0 { 1.0 } else { epsilons[t] };
            own * epsilons[t + 1..].iter().map(|e| 1.0 - e).product::<f64>()
        });
        let exact = exact_mean(models.iter().zip(weights.collect::<Vec<_>>()));
        prop_assert!(largest_difference(&mean, &exact) <= 4.0 * mean_tolerance(models.len()));
    }

    #[test]
    fn a_window_is_the_mean_of_the_latest(models in models(1..20), size in 1_usize..6, cut in any::<prop::sample::Index>()) {
        let p = models[0].len();
        let (mut slab, mut mean) = (vec![f32::NAN; size * p], vec![f32::NAN; p]);
        let cut = cut.index(models.len());
        let mut count = 0;
        for part in [&models[..cut], &models[cut..]] {
            let mut window = Window::resume(WindowState { size, count }, &mut slab).unwrap();
            part.iter().for_each(|model| assert!(window.update(model).is_ok()));
            count = window.count();
            if count > 0 {
                window.mean(&mut mean).unwrap();
            }
        }
        let latest = &models[models.len().saturating_sub(size)..];
        // Oldest first, as a running mean of them.
        prop_assert_eq!(bits(&mean), bits(&mean_of(latest).0));
    }

    #[test]
    fn the_first_update_copies_whatever_the_slice_held(
        (model, stale) in (1_usize..40).prop_flat_map(|n| (vec(finite(), n), vec(anything(), n))),
        kind in 0_usize..6,
    ) {
        let rule = [Rule::mean(), Rule::mean(), Rule::capped(3), Rule::ema(Ema::with_epsilon(0.1)),
            Rule::ema(Ema { origin: Origin::First, ..Ema::with_epsilon(0.01) }), Rule::polynomial(7.0)][kind];
        let (mut mean, mut lost) = (stale.clone(), stale);
        let mut averager = Averager::with_rule(rule, &mut mean).unwrap();
        if kind == 1 {
            averager.compensate(&mut lost).unwrap();
        }
        prop_assert_eq!(averager.update(&model), Ok(1));
        prop_assert_eq!(bits(&averager.mean().unwrap()), bits(&model));
    }

    #[test]
    fn a_thousand_identical_models_change_no_bit(model in vec(finite(), 1..40), kind in 0_usize..5) {
        // The sign of a zero is outside the contract: −0 + 0 is +0.
        let model: Vec<f32> = model.into_iter().map(|w| if w == 0.0 { 0.0 } else { w }).collect();
        let rule = [Rule::mean(), Rule::capped(7), Rule::ema(Ema::with_epsilon(0.02)), Rule::ema(Ema::with_half_life(40.0, 1.0)), Rule::polynomial(7.0)][kind];
        let (mean, state) = average_of(rule, &vec![model.clone(); 1000]);
        prop_assert_eq!((bits(&mean), state.count()), (bits(&model), 1000));
    }

    #[test]
    fn in_place_of_a_model_the_average_is_read_and_both_come_back(live in vec(finite(), 2), other in vec(finite(), 2)) {
        let mut mean = vec![0.0; 2];
        let mut averager = Averager::new(&mut mean);
        averager.update(&other).unwrap();
        let mut params = live.clone();
        let mut model = Model::new(&NET, &mut params).unwrap();
        let average = averager.in_place_of(&mut model).unwrap();
        prop_assert_eq!(bits(average.params()), bits(&other));
        drop(average);
        prop_assert_eq!(bits(model.params()), bits(&live));
        prop_assert_eq!(bits(&averager.mean().unwrap()), bits(&other));
        // A second update counts on.
        prop_assert_eq!(averager.update(&model), Ok(2));
        let expected: Vec<f32> = averager.mean().unwrap().to_vec();
        averager.finish(&mut model).unwrap();
        prop_assert_eq!(bits(model.params()), bits(&expected));
    }

    #[test]
    fn a_merge_is_the_mean_of_all(
        models in weighted(2..12),
        cut in any::<prop::sample::Index>(),
        plain in any::<bool>(),
    ) {
        let cut = 1 + cut.index(models.len() - 1);
        let (mut a, mut b) = (vec![0.0; models[0].0.len()], vec![0.0; models[0].0.len()]);
        let (mut merged, mut other) = (Averager::new(&mut a), Averager::new(&mut b));
        for (i, (model, weight)) in models.iter().enumerate() {
            let averager = if i < cut { &mut merged } else { &mut other };
            if plain { averager.update(model) } else { averager.update_weighted(model, *weight) }.unwrap();
        }
        prop_assert_eq!(merged.merge(&other), Ok(models.len() as u64));
        let exact = exact_mean(models.iter().map(|(m, w)| (m, if plain { 1.0 } else { f64::from(*w) })));
        let difference = largest_difference(&merged.mean().unwrap(), &exact);
        prop_assert!(difference <= 2.0 * MERGE_RELATIVE * f64::from(LARGEST), "{}", difference);
        // And goes on with the weight of all.
        merged.update(&models[0].0).unwrap();
        let weight = |w: f32| if plain { 1.0 } else { f64::from(w) };
        let more = models.iter().map(|(m, w)| (m, weight(*w))).chain([(&models[0].0, 1.0)]);
        prop_assert!(largest_difference(&merged.mean().unwrap(), &exact_mean(more)) <= 4.0 * MERGE_RELATIVE * f64::from(LARGEST));
    }

    #[test]
    fn merging_with_an_empty_average_is_the_identity(models in models(1..6), stale in anything()) {
        let (mean, state) = mean_of(&models);
        let (mut kept, mut empty) = (mean.clone(), vec![stale; mean.len()]);
        let mut averager = Averager::resume(state, &mut kept).unwrap();
        prop_assert_eq!(averager.merge(&Averager::new(&mut empty)), Ok(state.count()));
        prop_assert_eq!(bits(&averager.mean().unwrap()), bits(&mean));
        let mut other = Averager::new(&mut empty);
        prop_assert_eq!(other.merge(&averager), Ok(state.count()));
        prop_assert_eq!(bits(&other.mean().unwrap()), bits(&mean));
    }

    #[test]
    fn resuming_is_never_having_stopped(models in models(2..20), cut in any::<prop::sample::Index>(), kind in 0_usize..4) {
        let rule = [Rule::mean(), Rule::capped(5), Rule::ema(Ema::with_epsilon(0.1)),
            Rule::ema(Ema { warmup: Warmup::Ratio, ..Ema::with_epsilon(0.01) })][kind];
        let (early, late) = models.split_at(1 + cut.index(models.len() - 1));
        let (mut mean, state) = average_of(rule, early);
        let mut averager = Averager::resume(state, &mut mean).unwrap();
        late.iter().for_each(|model| assert!(averager.update(model).is_ok()));
        let (whole, end) = average_of(rule, &models);
        prop_assert_eq!(averager.state(), end);
        prop_assert_eq!(bits(&mean), bits(&whole));
    }

    #[test]
    fn a_state_survives_as_bytes_and_no_others_pass(
        models in weighted(1..6),
        kind in 0_usize..6,
        (at, byte) in (any::<prop::sample::Index>(), any::<u8>()),
    ) {
        let power = Warmup::Power { gamma: 3.0, power: 0.6 };
        let rule = [Rule::mean(), Rule::mean(), Rule::capped(1 << 40), Rule::ema(Ema::with_epsilon(0.1)),
            Rule::ema(Ema { origin: Origin::First, warmup: Warmup::Ratio, ..Ema::with_epsilon(0.01) }),
            Rule::ema(Ema { warmup: power, ..Ema::with_half_life(30.0, 1.0) })][kind];
        let mut mean = vec![0.0; models[0].0.len()];
        let mut averager = Averager::with_rule(rule, &mut mean).unwrap();
        for (model, weight) in &models {
            if kind == 1 { averager.update_weighted(model, *weight) } else { averager.update(model) }.unwrap();
        }
        let state = averager.state();
        let mut bytes = state.to_bytes();
        prop_assert_eq!(AverageState::from_bytes(&bytes), Ok(state));
        bytes[at.index(bytes.len())] = byte;
        // Another state that something may have left, or an error.
        if let Ok(other) = AverageState::from_bytes(&bytes) {
            prop_assert_eq!(other.to_bytes(), bytes);
            prop_assert!(Averager::with_rule(other.rule(), &mut [0.0]).is_ok());
        }
    }

    #[test]
    fn a_snapshot_that_is_not_finite_is_refused_whole(
        models in models(2..6),
        at in any::<prop::sample::Index>(),
        bad in prop_oneof![Just(f32::NAN), Just(f32::INFINITY), Just(f32::NEG_INFINITY)],
    ) {
        let (mut mean, state) = mean_of(&models);
        let before = bits(&mean);
        let mut model = models[0].clone();
        let index = at.index(model.len());
        model[index] = bad;
        let error = Error::NonFinite { value: Value::Param, index };
        let mut averager = Averager::resume(state, &mut mean).unwrap();
        prop_assert_eq!(averager.update(&model), Err(error));
        prop_assert_eq!(averager.update_weighted(&model, 2.0), Err(error));
        prop_assert_eq!(averager.remove(&model, 1.0), Err(error));
        prop_assert_eq!((averager.state(), bits(&averager.mean().unwrap())), (state, before));
        let mut window = vec![0.0; model.len()];
        let mut window = Window::new(1, &mut window).unwrap();
        prop_assert_eq!((window.update(&model), window.held()), (Err(error), 0));
        prop_assert_eq!(Averager::resume(AverageState::mean_of(1), &mut model).err(), Some(error));
        prop_assert_eq!(Window::resume(WindowState { size: 1, count: 1 }, &mut model).err(), Some(error));
    }

    #[test]
    fn snapshots_are_due_at_start_and_every_so_many_steps(start in 0_u64..20, every in 0_u64..7) {
        let due: Vec<u64> = (0..60).filter(|&step| Snapshots { start, every }.due(step)).collect();
        let mut expected = vec![start];
        while every > 0 && expected[expected.len() - 1] + every < 60 {
            expected.push(expected[expected.len() - 1] + every);
        }
        prop_assert_eq!(due, expected);
    }

    #[test]
    fn parts_that_are_left_out_are_the_latest_models(
        models in vec(vec(finite(), DEEP.param_len()), 1..8),
        layers in prop::array::uniform8(any::<bool>()),
        weights in any::<bool>(),
        (biases, norms) in any::<(bool, bool)>(),
        compensated in any::<bool>(),
    ) {
        let parts = Parts { layers, weights, biases, norms };
        let (mut mean, mut lost) = (vec![0.0; DEEP.param_len()], vec![0.0; DEEP.param_len()]);
        let mut averager = Averager::new(&mut mean);
        averager.only(&DEEP, parts).unwrap();
        let whole = if compensated {
            averager.compensate(&mut lost).unwrap();
            let mut whole = vec![0.0; DEEP.param_len()];
            let mut lost = whole.clone();
            let mut all = Averager::new(&mut whole);
            all.compensate(&mut lost).unwrap();
            models.iter().for_each(|model| assert!(all.update(model).is_ok()));
            whole
        } else {
            mean_of(&models).0
        };
        models.iter().for_each(|model| assert!(averager.update(model).is_ok()));
        let latest = models.last().unwrap();
        let is_averaged = DEEP.layers().flat_map(|layer| {
            let is_in = layers[layer.index()];
            let of = |n, is_in| std::iter::repeat_n(is_in, n);
            of(layer.weight_len(), is_in && weights)
                .chain(of(layer.outputs(), is_in && biases))
                .chain(of(layer.norm_len(), is_in && norms))
        });
        for ((is_averaged, m), (all, w)) in is_averaged.zip(&mean).zip(whole.iter().zip(latest)) {
            prop_assert_eq!(m.to_bits(), if is_averaged { all } else { w }.to_bits());
        }
    }
}

const NET: Spec = Spec::new(1).dense(1, Activation::Identity).loss(Loss::MeanSquared);
const DEEP: Spec = Spec::new(2)
    .dense(3, Activation::Relu)
    .norm()
    .dense(2, Activation::Tanh)
    .dense(1, Activation::Identity)
    .loss(Loss::MeanSquared);

/// Asserts that `refused` fails with `error` and leaves an average of [1, −2] and [3, 0] alone.
fn unchanged<T: std::fmt::Debug>(error: Error, refused: impl FnOnce(&mut Averager<'_>) -> Result<T, Error>) {
    let (mut mean, state) = mean_of(&[vec![1.0, -2.0], vec![3.0, 0.0]]);
    let mut averager = Averager::resume(state, &mut mean).unwrap();
    assert_eq!(refused(&mut averager).unwrap_err(), error);
    assert_eq!((averager.mean(), averager.state()), (Ok(Params::of_average(&[2.0, -1.0])), AverageState::mean_of(2)));
}

fn plain(count: u64, mean: &mut [f32]) -> Averager<'_> {
    Averager::resume(AverageState::mean_of(count), mean).unwrap()
}

#[test]
fn a_wrong_length_changes_nothing() {
    let length = |buffer, got| Error::Length { buffer, needed: 2, got };
    unchanged(length(Buffer::Params, 3), |averager| averager.update(&[1.0; 3]));
    unchanged(length(Buffer::Params, 0), |averager| averager.update(&[]));
    unchanged(length(Buffer::Params, 1), |averager| averager.update_weighted(&[1.0], 1.0));
    unchanged(length(Buffer::Params, 1), |averager| averager.remove(&[1.0], 1.0));
    unchanged(length(Buffer::Params, 1), |averager| averager.copy_to(&mut [1.0]).map(drop));
    unchanged(length(Buffer::Mean, 1), |averager| averager.merge(&plain(5, &mut [1.0])));
    unchanged(length(Buffer::Mean, 3), |averager| averager.merge(&Averager::new(&mut [1.0; 3])));
    let mut params = [0.0; DEEP.param_len()];
    let mut other = Model::new(&DEEP, &mut params).unwrap();
    unchanged(length(Buffer::Params, DEEP.param_len()), |averager| averager.in_place_of(&mut other).map(drop));
    unchanged(length(Buffer::Params, DEEP.param_len()), |averager| averager.restore(&mut other));
    assert_eq!(Window::new(0, &mut [0.0; 3]).err(), Some(Error::Setting(Setting::Window)));
    assert_eq!(Window::new(2, &mut [0.0; 3]).err(), Some(Error::Length { buffer: Buffer::Window, needed: 2, got: 3 }));
    assert_eq!(Window::new(2, &mut []).err(), Some(Error::Length { buffer: Buffer::Window, needed: 2, got: 0 }));
    let mut window = [1.0; 4];
    let mut window = Window::new(2, &mut window).unwrap();
    assert_eq!(window.mean(&mut [0.0; 2]), Err(Error::NoAverage));
    assert_eq!(window.update(&[1.0]), Err(length(Buffer::Params, 1)));
    window.update(&[1.0, 2.0]).unwrap();
    assert_eq!(window.mean(&mut [0.0; 3]), Err(length(Buffer::Mean, 3)));
}

#[test]
fn what_cannot_be_compensated_or_selected_keeps_its_models() {
    let all = Parts::of_layers(|_| true);
    let lost = Box::leak(Box::new([0.0; 3]));
    unchanged(Error::Length { buffer: Buffer::Compensation, needed: 2, got: 3 }, |averager| averager.compensate(lost));
    let mean = Error::Length { buffer: Buffer::Mean, needed: DEEP.param_len(), got: 2 };
    unchanged(mean, |averager| averager.only(&DEEP, all));
    const NONE: Spec = Spec::new(1);
    unchanged(NONE.check().unwrap_err(), |averager| averager.only(&NONE, all));
}

/// The mean of 1 and 1 was −99.
#[test]
fn whatever_the_slice_holds_a_compensation_begins_at_nothing() {
    for garbage in [100.0, f32::NAN, -1e30] {
        let (mut mean, mut lost) = ([1.0], [garbage]);
        let mut averager = plain(1, &mut mean);
        averager.compensate(&mut lost).unwrap();
        averager.update(&[1.0]).unwrap();
        assert_eq!((mean, lost), ([1.0], [0.0]));
        // Nor has an average that resumes before its first model a use for it.
        lost = [garbage];
        let mut averager = Averager::resume_compensated(AverageState::mean_of(0), &mut mean, &mut lost).unwrap();
        averager.update(&[2.0]).unwrap();
        assert_eq!((mean, lost), ([2.0], [0.0]));
    }
    let of =
        |count, lost: &mut [f32]| Averager::resume_compensated(AverageState::mean_of(count), &mut [1.0], lost).err();
    assert_eq!(of(1, &mut [f32::NAN]), Some(Error::NonFinite { value: Value::Param, index: 0 }));
    assert_eq!(of(1, &mut []), Some(Error::Length { buffer: Buffer::Compensation, needed: 1, got: 0 }));
}

#[test]
fn settings_out_of_range_are_refused() {
    let with = |rule| Averager::with_rule(rule, &mut [0.0; 2]).err();
    assert_eq!(with(Rule::capped(0)), Some(Error::Setting(Setting::Cap)));
    for eta in [-0.1, f32::NAN, f32::INFINITY] {
        assert_eq!(with(Rule::polynomial(eta)), Some(Error::Setting(Setting::Eta)));
    }
    for epsilon in [0.0, -0.1, 1.5, f32::NAN] {
        assert_eq!(with(Rule::ema(Ema::with_epsilon(epsilon))), Some(Error::Setting(Setting::Decay)));
    }
    for (gamma, power) in [(0.0, 1.0), (1.0, 0.0), (f32::NAN, 1.0), (1.0, f32::INFINITY)] {
        let ema = Ema { warmup: Warmup::Power { gamma, power }, ..Ema::with_epsilon(0.1) };
        assert_eq!(with(Rule::ema(ema)), Some(Error::Setting(Setting::Warmup)));
    }
    for weight in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        unchanged(Error::Setting(Setting::Weight), |averager| averager.update_weighted(&[1.0; 2], weight));
        unchanged(Error::Setting(Setting::Weight), |averager| averager.remove(&[1.0; 2], weight));
    }
}

#[test]
fn what_is_no_mean_does_not_merge_weigh_or_let_go() {
    for rule in [Rule::capped(3), Rule::polynomial(0.0), Rule::ema(Ema::with_epsilon(0.1))] {
        let mut other = [1.0, 2.0];
        let mut other = Averager::with_rule(rule, &mut other).unwrap();
        other.update(&[1.0, 2.0]).unwrap();
        other.update(&[2.0, 3.0]).unwrap();
        let before = (other.mean().unwrap().to_vec(), other.state());
        unchanged(Error::NotAMean, |averager| averager.merge(&other));
        assert_eq!(other.merge(&plain(2, &mut [5.0, 6.0])), Err(Error::NotAMean));
        assert_eq!(other.update_weighted(&[1.0, 2.0], 2.0), Err(Error::NotAMean));
        assert_eq!(other.remove(&[1.0, 2.0], 1.0), Err(Error::NotAMean));
        assert_eq!((other.mean().unwrap().to_vec(), other.state()), before);
    }
}

#[test]
fn the_last_model_stays_and_a_strange_one_is_not_taken_out() {
    let mut mean = [1.0, 2.0];
    assert_eq!(plain(1, &mut mean).remove(&[1.0, 2.0], 1.0), Err(Error::LastModel));
    assert_eq!(plain(0, &mut mean).remove(&[1.0, 2.0], 1.0), Err(Error::LastModel));
    unchanged(Error::LastModel, |averager| averager.remove(&[1.0, 2.0], 2.0));
    // What is left would be too large.
    let index = 1;
    unchanged(Error::NonFinite { value: Value::Param, index }, |averager| averager.remove(&[1.0, 1e38], 1.9));
}

#[test]
fn before_the_first_update_there_is_no_average() {
    let (mut mean, mut params) = ([7.0, 8.0], [1.0, 2.0]);
    let mut model = Model::new(&NET, &mut params).unwrap();
    let mut averager = Averager::new(&mut mean);
    assert_eq!(averager.mean(), Err(Error::NoAverage));
    assert_eq!(averager.copy_to(&mut [0.0; 2]), Err(Error::NoAverage));
    assert!(matches!(averager.in_place_of(&mut model), Err(Error::NoAverage)));
    averager.restore(&mut model).unwrap();
    assert_eq!((averager.count(), model.params()), (0, &[1.0, 2.0][..]));
    averager.update(&model).unwrap();
    averager.update_weighted(&model, 3.0).unwrap();
    averager.reset().unwrap();
    assert_eq!((averager.mean(), averager.state()), (Err(Error::NoAverage), AverageState::mean_of(0)));
    assert_eq!(averager.finish(&mut model), Err(Error::NoAverage));
    assert_eq!(model.params(), [1.0, 2.0]);
}

#[test]
fn a_forgotten_exchange_refuses_everything_until_it_is_restored() {
    let (mut mean, mut params, mut other, mut elsewhere) = ([1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0]);
    let mut model = Model::new(&NET, &mut params).unwrap();
    let mut averager = plain(3, &mut mean);
    let mut fresh = plain(1, &mut other);
    std::mem::forget(averager.in_place_of(&mut model).unwrap());
    assert_eq!(model.params(), [1.0, 2.0]);
    assert_eq!(averager.mean(), Err(Error::Swapped));
    assert_eq!(averager.update(&model), Err(Error::Swapped));
    assert_eq!(averager.update_weighted(&model, 2.0), Err(Error::Swapped));
    assert_eq!(averager.remove(&model, 1.0), Err(Error::Swapped));
    assert_eq!(averager.merge(&fresh), Err(Error::Swapped));
    assert_eq!(averager.reset(), Err(Error::Swapped));
    assert_eq!(averager.in_place_of(&mut model).map(drop), Err(Error::Swapped));
    assert_eq!(fresh.merge(&averager), Err(Error::Swapped));
    assert_eq!((fresh.mean(), fresh.count()), (Ok(Params::of_average(&[5.0, 6.0])), 1));
    assert_eq!(Averager::resume(averager.state(), &mut [3.0, 4.0]).err(), Some(Error::Swapped));
    let mut another = plain(1, &mut elsewhere);
    assert_eq!(another.in_place_of(&mut model).map(drop), Err(Error::Swapped));
    averager.restore(&mut model).unwrap();
    averager.restore(&mut model).unwrap();
    assert_eq!(
        (averager.mean(), averager.count(), model.params()),
        (Ok(Params::of_average(&[1.0, 2.0])), 3, &[3.0, 4.0][..])
    );
}

#[test]
fn a_full_count_takes_nothing_more() {
    let mut mean = [1.0, 2.0];
    let mut averager = plain(u64::MAX, &mut mean);
    assert_eq!(averager.update(&[3.0, 4.0]), Err(Error::CountOverflow));
    assert_eq!(averager.merge(&plain(1, &mut [3.0, 4.0])), Err(Error::CountOverflow));
    assert_eq!((averager.mean(), averager.count()), (Ok(Params::of_average(&[1.0, 2.0])), u64::MAX));
}

#[test]
fn counts_beyond_24_bits_still_count() {
    let mut mean = [1.0];
    let mut averager = plain(1 << 24, &mut mean);
    assert_eq!(averager.update(&[1.0]), Ok((1 << 24) + 1));
    assert_eq!(averager.update_weighted(&[1.0], 1.0), Ok((1 << 24) + 2));
}

/// Relative error of `mean` against `exact`, root of the mean square.
fn relative_rms(mean: &[f32], exact: &[f64]) -> f64 {
    let square = |(&m, &e): (&f32, &f64)| (f64::from(m) - e).powi(2);
    (mean.iter().zip(exact).map(square).sum::<f64>() / exact.iter().map(|e| e * e).sum::<f64>()).sqrt()
}

/// Ten million models that drift slowly by ten of their standard deviations; a few seconds in release.
#[test]
#[ignore = "ten million updates: .ci/run has it in release"]
fn ten_million_drifting_models_lose_nothing() {
    const P: usize = 64;
    const N: u64 = 10_000_000;
    let (mut compensated, mut lost, mut plain) = ([0.0_f32; P], [0.0; P], [0.0_f32; P]);
    let mut exact = [0.0_f64; P];
    let mut one = Averager::new(&mut compensated);
    one.compensate(&mut lost).unwrap();
    let mut other = Averager::new(&mut plain);
    let mut random = cygnet::random::stream(1, cygnet::random::Purpose::Init, 0);
    let noise: Vec<f32> = (0..1009 * P).map(|_| cygnet::random::normal(&mut random)).collect();
    let mut model = [0.0_f32; P];
    for t in 0..N {
        let drift = 10.0 * (t as f64 / N as f64) as f32;
        let at = (t as usize * 31 % 1009) * P;
        model.iter_mut().zip(&noise[at..]).for_each(|(w, z)| *w = 1.0 + drift + z);
        one.update(&model).unwrap();
        other.update(&model).unwrap();
        exact.iter_mut().zip(&model).for_each(|(e, &w)| *e += f64::from(w));
    }
    exact.iter_mut().for_each(|e| *e /= N as f64);
    let errors = [relative_rms(&one.mean().unwrap(), &exact), relative_rms(&other.mean().unwrap(), &exact)];
    println!("relative RMS error after 10^7: compensated {:.2e}, plain {:.2e}", errors[0], errors[1]);
    assert!(errors[0] <= 1e-7 && errors[1] > 1e-3, "{errors:?}");
}

#[test]
fn a_state_that_nothing_leaves_is_refused() {
    let mut mean = [0.0];
    let mut averager = Averager::new(&mut mean);
    averager.update_weighted(&[1.0][..], 2.0).unwrap();
    let whole = averager.state().to_bytes();
    let wrong = Err(Error::Checkpoint(CheckpointFault::Field(24)));
    let with = |at: usize, value: f32| {
        let mut bytes = whole;
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        AverageState::from_bytes(&bytes)
    };
    for (at, value) in [(24, 0.0), (24, -2.0), (24, f32::NAN), (24, f32::INFINITY), (28, f32::NAN), (28, -2.0)] {
        assert_eq!(with(at, value), wrong, "{value} at {at}");
    }
    let mut none = whole;
    none[16] = 0;
    assert_eq!(AverageState::from_bytes(&none), wrong, "weights of no model");
}

#[test]
fn weights_whose_sum_is_not_finite_do_not_merge() {
    let (mut a, mut b) = ([0.0], [0.0]);
    let (mut one, mut other) = (Averager::new(&mut a), Averager::new(&mut b));
    one.update_weighted(&[1.0][..], f32::MAX).unwrap();
    other.update_weighted(&[2.0][..], f32::MAX).unwrap();
    let before = one.state();
    assert_eq!(one.merge(&other), Err(Error::Setting(Setting::Weight)));
    assert_eq!((one.state(), one.mean().unwrap()), (before, Params::of_average(&[1.0])));
}

#[test]
fn a_checkpoint_of_an_average_is_none_to_train_from() {
    let (mut params, mut mean) = ([0.5, -0.5], [0.0; 2]);
    let mut model = Model::new(&NET, &mut params).unwrap();
    let mut swa = Averager::new(&mut mean);
    assert_eq!(swa.mean().err(), Some(Error::NoAverage));
    swa.update(&model).unwrap();
    let mut floats = [0.0; NET.work_len(1)];
    let mut work = Workspace::new(&NET, 1, &mut floats).unwrap();
    let mut sgd = Sgd::plain(&NET).unwrap();
    let mut train =
        |model: &mut Model<'_>| model.train(&[1.0], Targets::Values(&[1.0]), &mut sgd, 0.1, &mut work).unwrap();
    let stored = |params: Params<'_>| {
        let mut bytes = vec![0; NET.checkpoint_len()];
        save(&NET, params, &mut bytes).unwrap();
        bytes
    };
    let (average, live) = (stored(swa.mean().unwrap()), stored(Params::from(&model)));
    assert_eq!([&average, &live].map(|bytes| holds_average(bytes)), [true, false]);
    assert!(!holds_average(&stored(swa.mean().unwrap().as_slice().into())), "nobody knows of a slice");
    let in_place = swa.in_place_of(&mut model).unwrap();
    assert_eq!(stored(Params::from(&*in_place)), average);
    drop(in_place);
    assert_eq!(stored(Params::from(&model)), live);

    model.params_mut().fill(3.0);
    assert_eq!(model.load(&average), Err(Error::AverageWeights));
    let mut damaged = live.clone();
    damaged[40] ^= 1;
    assert!(matches!(model.load(&damaged), Err(Error::Checkpoint(_))));
    assert_eq!(model.params(), [3.0; 2]);
    model.load(&live).unwrap();
    assert_eq!(model.params(), [0.5, -0.5]);

    swa.finish(&mut model).unwrap();
    assert_eq!(stored(Params::from(&model)), average);
    train(&mut model);
    assert!(!holds_average(&stored(Params::from(&model))));
    load_params(&NET, &average, model.params_mut()).unwrap();
    assert_eq!(model.params(), [0.5, -0.5]);
}
