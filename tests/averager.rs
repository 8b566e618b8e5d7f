//! The averager: what the mean is, which bits it keeps, and what it refuses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{bits, cases};
use cygnet::{Averager, Buffer, Error, Snapshots, Value};
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

/// The mean of `models` and their number.
fn mean_of(models: &[Vec<f32>]) -> (Vec<f32>, u64) {
    let mut mean = vec![f32::NAN; models[0].len()];
    let mut averager = Averager::new(&mut mean);
    models.iter().for_each(|model| assert!(averager.update(model).is_ok()));
    let count = averager.count();
    (mean, count)
}

/// Element-wise mean in f64.
fn exact_mean(models: &[Vec<f32>]) -> Vec<f64> {
    let sum = |i: usize| models.iter().map(|model| f64::from(model[i])).sum::<f64>();
    (0..models[0].len()).map(|i| sum(i) / models.len() as f64).collect()
}

fn largest_difference(mean: &[f32], exact: &[f64]) -> f64 {
    mean.iter().zip(exact).map(|(&m, e)| (f64::from(m) - e).abs()).fold(0.0, f64::max)
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn the_mean_is_the_arithmetic_mean(models in models(1..60)) {
        let (mean, count) = mean_of(&models);
        prop_assert_eq!(count, models.len() as u64);
        prop_assert!(largest_difference(&mean, &exact_mean(&models)) <= mean_tolerance(models.len()));
    }

    #[test]
    fn the_first_update_copies_whatever_the_slice_held(
        (model, stale) in (1_usize..40).prop_flat_map(|n| (vec(finite(), n), vec(anything(), n))),
    ) {
        let mut mean = stale;
        let mut averager = Averager::new(&mut mean);
        prop_assert_eq!(averager.update(&model), Ok(1));
        prop_assert_eq!(bits(averager.mean().unwrap()), bits(&model));
    }

    #[test]
    fn a_thousand_identical_models_change_no_bit(model in vec(finite(), 1..40)) {
        // The sign of a zero is outside the contract: −0 + 0 is +0.
        let model: Vec<f32> = model.into_iter().map(|w| if w == 0.0 { 0.0 } else { w }).collect();
        let (mean, count) = mean_of(&vec![model.clone(); 1000]);
        prop_assert_eq!((bits(&mean), count), (bits(&model), 1000));
    }

    #[test]
    fn swapping_twice_is_the_identity(
        (model, live) in (1_usize..40).prop_flat_map(|n| (vec(finite(), n), vec(anything(), n))),
    ) {
        let (mut mean, count) = mean_of(std::slice::from_ref(&model));
        let mut averager = Averager::resume(&mut mean, count).unwrap();
        let mut params = live.clone();
        averager.swap(&mut params).unwrap();
        prop_assert_eq!(bits(&params), bits(&model));
        averager.swap(&mut params).unwrap();
        prop_assert_eq!(bits(&params), bits(&live));
        prop_assert_eq!(bits(averager.mean().unwrap()), bits(&model));
    }

    #[test]
    fn a_merge_is_the_mean_of_all(models in models(2..12), cut in any::<prop::sample::Index>()) {
        let (a, b) = models.split_at(1 + cut.index(models.len() - 1));
        let ((mut a, n_a), (mut b, n_b)) = (mean_of(a), mean_of(b));
        let mut merged = Averager::resume(&mut a, n_a).unwrap();
        let all = merged.merge(&Averager::resume(&mut b, n_b).unwrap());
        prop_assert_eq!(all, Ok(models.len() as u64));
        let difference = largest_difference(merged.mean().unwrap(), &exact_mean(&models));
        prop_assert!(difference <= MERGE_RELATIVE * f64::from(LARGEST), "{}", difference);
    }

    #[test]
    fn merging_with_an_empty_average_is_the_identity(models in models(1..6), stale in anything()) {
        let (mean, count) = mean_of(&models);
        let (mut kept, mut empty) = (mean.clone(), vec![stale; mean.len()]);
        let mut averager = Averager::resume(&mut kept, count).unwrap();
        prop_assert_eq!(averager.merge(&Averager::new(&mut empty)), Ok(count));
        prop_assert_eq!(bits(averager.mean().unwrap()), bits(&mean));
        let mut other = Averager::new(&mut empty);
        prop_assert_eq!(other.merge(&averager), Ok(count));
        prop_assert_eq!(bits(other.mean().unwrap()), bits(&mean));
    }

    #[test]
    fn resuming_is_never_having_stopped(models in models(2..20), cut in any::<prop::sample::Index>()) {
        let (early, late) = models.split_at(1 + cut.index(models.len() - 1));
        let (mut mean, count) = mean_of(early);
        let mut averager = Averager::resume(&mut mean, count).unwrap();
        late.iter().for_each(|model| assert!(averager.update(model).is_ok()));
        prop_assert_eq!(averager.count(), models.len() as u64);
        prop_assert_eq!(bits(&mean), bits(&mean_of(&models).0));
    }

    #[test]
    fn a_snapshot_that_is_not_finite_is_refused_whole(
        models in models(2..6),
        at in any::<prop::sample::Index>(),
        bad in prop_oneof![Just(f32::NAN), Just(f32::INFINITY), Just(f32::NEG_INFINITY)],
    ) {
        let (mut mean, count) = mean_of(&models);
        let before = bits(&mean);
        let mut model = models[0].clone();
        let index = at.index(model.len());
        model[index] = bad;
        let mut averager = Averager::resume(&mut mean, count).unwrap();
        prop_assert_eq!(averager.update(&model), Err(Error::NonFinite { value: Value::Param, index }));
        prop_assert_eq!((averager.count(), bits(averager.mean().unwrap())), (count, before));
        prop_assert_eq!(Averager::resume(&mut model, 1).err(), Some(Error::NonFinite { value: Value::Param, index }));
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
}

/// Asserts that `refused` fails with `error` and leaves mean and count of an average of [1, −2] and [3, 0] alone.
fn unchanged<T: std::fmt::Debug>(error: Error, refused: impl FnOnce(&mut Averager<'_>) -> Result<T, Error>) {
    let (mut mean, count) = mean_of(&[vec![1.0, -2.0], vec![3.0, 0.0]]);
    let mut averager = Averager::resume(&mut mean, count).unwrap();
    assert_eq!(refused(&mut averager).unwrap_err(), error);
    assert_eq!((averager.mean(), averager.count()), (Ok(&[2.0, -1.0][..]), 2));
}

#[test]
fn a_wrong_length_changes_nothing() {
    let length = |buffer, got| Error::Length { buffer, needed: 2, got };
    unchanged(length(Buffer::Params, 3), |averager| averager.update(&[1.0; 3]));
    unchanged(length(Buffer::Params, 0), |averager| averager.update(&[]));
    unchanged(length(Buffer::Params, 1), |averager| averager.swap(&mut [1.0]));
    unchanged(length(Buffer::Mean, 1), |averager| averager.merge(&Averager::resume(&mut [1.0], 5).unwrap()));
    unchanged(length(Buffer::Mean, 3), |averager| averager.merge(&Averager::new(&mut [1.0; 3])));
}

#[test]
fn before_the_first_update_there_is_no_average() {
    let (mut mean, mut params) = ([7.0, 8.0], [1.0, 2.0]);
    let mut averager = Averager::new(&mut mean);
    assert_eq!(averager.mean(), Err(Error::NoAverage));
    assert_eq!(averager.swap(&mut params), Err(Error::NoAverage));
    assert_eq!((averager.count(), params), (0, [1.0, 2.0]));
    averager.update(&params).unwrap();
    averager.reset().unwrap();
    assert_eq!((averager.mean(), averager.count()), (Err(Error::NoAverage), 0));
}

#[test]
fn a_swapped_average_refuses_everything_but_swapping_back() {
    let (mut mean, mut params, mut other) = ([1.0, 2.0], [3.0, 4.0], [5.0, 6.0]);
    let mut averager = Averager::resume(&mut mean, 3).unwrap();
    let mut fresh = Averager::resume(&mut other, 1).unwrap();
    averager.swap(&mut params).unwrap();
    assert_eq!(averager.mean(), Err(Error::Swapped));
    assert_eq!(averager.update(&params), Err(Error::Swapped));
    assert_eq!(averager.merge(&fresh), Err(Error::Swapped));
    assert_eq!(averager.reset(), Err(Error::Swapped));
    assert_eq!(fresh.merge(&averager), Err(Error::Swapped));
    assert_eq!((fresh.mean(), fresh.count()), (Ok(&[5.0, 6.0][..]), 1));
    averager.swap(&mut params).unwrap();
    assert_eq!((averager.mean(), averager.count(), params), (Ok(&[1.0, 2.0][..]), 3, [3.0, 4.0]));
}

#[test]
fn a_full_count_takes_nothing_more() {
    let mut mean = [1.0, 2.0];
    let mut averager = Averager::resume(&mut mean, u64::MAX).unwrap();
    assert_eq!(averager.update(&[3.0, 4.0]), Err(Error::CountOverflow));
    assert_eq!(averager.merge(&Averager::resume(&mut [3.0, 4.0], 1).unwrap()), Err(Error::CountOverflow));
    assert_eq!((averager.mean(), averager.count()), (Ok(&[1.0, 2.0][..]), u64::MAX));
}

#[test]
fn counts_beyond_24_bits_still_count() {
    let mut mean = [1.0];
    let mut averager = Averager::resume(&mut mean, 1 << 24).unwrap();
    assert_eq!(averager.update(&[1.0]), Ok((1 << 24) + 1));
}
