//! Votes against definition 7 in double precision, their ties, and what they refuse.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{cases, numbers};
use cygnet::Error;
use cygnet::error::{Buffer, Setting, Value};
use cygnet::network::Math;
use cygnet::replicas::{Vote, Votes};
use proptest::collection::vec;
use proptest::prelude::*;

const CLASSES: usize = 3;
const KINDS: [Vote; 3] = [Vote::Soft, Vote::LogPool, Vote::Hard];

fn softmax(z: &[f64]) -> Vec<f64> {
    let largest = z.iter().copied().fold(f64::MIN, f64::max);
    let sum: f64 = z.iter().map(|z| (z - largest).exp()).sum();
    z.iter().map(|z| (z - largest).exp() / sum).collect()
}

/// The first of the largest.
fn argmax(p: &[f64]) -> usize {
    (0..p.len()).rev().max_by(|&a, &b| p[a].total_cmp(&p[b])).unwrap()
}

/// Probabilities of one sample by the definition.
fn reference(vote: Vote, models: &[(Vec<f32>, f32)], at: usize) -> Vec<f64> {
    let row = |z: &[f32]| z[at..at + CLASSES].iter().map(|&z| f64::from(z)).collect::<Vec<_>>();
    let total: f64 = models.iter().map(|(_, w)| f64::from(*w)).sum();
    let mean = |f: &dyn Fn(&[f64], usize) -> f64| -> Vec<f64> {
        let sum = |c| models.iter().map(|(z, w)| f64::from(*w) * f(&row(z), c)).sum::<f64>() / total;
        (0..CLASSES).map(sum).collect()
    };
    match vote {
        Vote::Soft => mean(&|z, c| softmax(z)[c]),
        Vote::LogPool => softmax(&mean(&|z, c| z[c])),
        Vote::Hard => mean(&|z, c| f64::from(u8::from(argmax(z) == c))),
        _ => panic!("no definition of {vote:?}"),
    }
}

fn take<'a>(vote: Vote, models: &[(Vec<f32>, f32)], floats: &'a mut Vec<f32>) -> Votes<'a> {
    *floats = vec![f32::NAN; vote.state_len(models[0].0.len() / CLASSES, CLASSES)];
    let mut votes = Votes::new(vote, Math::Libm, CLASSES, floats).unwrap();
    for (logits, weight) in models {
        votes.add(&mut logits.clone(), *weight).unwrap();
    }
    votes
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn votes_are_those_of_the_definition(
        weights in vec(0.1_f32..4.0, 1..6), samples in 1_usize..5, seed in any::<u64>(),
    ) {
        let logits = |k: u64| numbers(samples * CLASSES, seed ^ k).into_iter().map(|z| 6.0 * z).collect::<Vec<f32>>();
        let models: Vec<_> = weights.iter().enumerate().map(|(k, &w)| (logits(k as u64), w)).collect();
        for vote in KINDS {
            let (mut floats, mut classes) = (Vec::new(), vec![0; samples]);
            let mut votes = take(vote, &models, &mut floats);
            votes.classes(&mut classes).unwrap();
            let found = votes.finish().unwrap();
            for (i, (row, class)) in found.chunks(CLASSES).zip(classes).enumerate() {
                let expected = reference(vote, &models, i * CLASSES);
                for (p, q) in row.iter().zip(&expected) {
                    prop_assert!((f64::from(*p) - q).abs() < 2e-6, "{:?}: {:?}, but {:?}", vote, row, expected);
                }
                // Apart from what rounding can turn.
                let best = argmax(&expected);
                let clear = (0..CLASSES).all(|c| c == best || expected[best] - expected[c] > 1e-5);
                prop_assert!(!clear || usize::from(class) == best, "{:?}", vote);
            }
        }
    }
}

#[test]
fn one_model_is_its_softmax_and_equal_models_change_nothing() {
    let logits = vec![1.0, -2.0, 0.5, 3.0, 3.0, -1.0];
    for vote in [Vote::Soft, Vote::LogPool] {
        let (mut one, mut five) = (Vec::new(), Vec::new());
        let single = take(vote, &[(logits.clone(), 2.0)], &mut one).finish().unwrap().to_vec();
        let mut expected = logits.clone();
        expected.chunks_mut(CLASSES).for_each(|row| cygnet::metrics::softmax(row, Math::Libm));
        assert_eq!(single, expected);
        let models = vec![(logits.clone(), 0.7); 5];
        assert_eq!(take(vote, &models, &mut five).finish().unwrap(), &single[..]);
    }
}

#[test]
fn ties_of_ballots_go_to_the_summed_probability_then_to_the_lowest_class() {
    let class = |models: &[([f32; 3], f32)]| {
        let models: Vec<_> = models.iter().map(|(z, w)| (z.to_vec(), *w)).collect();
        let (mut floats, mut classes) = (Vec::new(), [9]);
        take(Vote::Hard, &models, &mut floats).classes(&mut classes).unwrap();
        classes[0]
    };
    assert_eq!(class(&[([0.0, 3.0, 0.0], 1.0), ([0.0, 0.0, 1.0], 1.0)]), 1);
    assert_eq!(class(&[([0.0, 1.0, 0.0], 1.0), ([0.0, 0.0, 3.0], 1.0)]), 2);
    assert_eq!(class(&[([0.0, 2.0, 0.0], 1.0), ([0.0, 0.0, 2.0], 1.0)]), 1);
    // Two of three, though the first is surer; unless its weight is larger.
    let z = [[9.0, 0.0, 0.0], [0.0, 0.1, 0.0], [0.0, 0.2, 0.0]];
    assert_eq!(class(&[(z[0], 1.0), (z[1], 1.0), (z[2], 1.0)]), 1);
    assert_eq!(class(&[(z[0], 2.5), (z[1], 1.0), (z[2], 1.0)]), 0);
    // Two and two of five, in any order: sums of weights are exact.
    let votes = [(z[0], 0.1), (z[1], 0.1), (z[0], 0.1), (z[1], 0.1), ([0.0, 0.0, 1.0], 0.1)];
    assert_eq!(class(&votes), 0);
    let mut turned = votes;
    turned.reverse();
    assert_eq!(class(&turned), 0);
}

#[test]
fn what_is_no_vote_is_refused_and_changes_nothing() {
    let mut floats = [0.0; 6];
    for vote in KINDS {
        let mut votes = Votes::new(vote, Math::Libm, CLASSES, &mut floats[..vote.state_len(1, CLASSES)]).unwrap();
        assert_eq!(votes.classes(&mut [0]), Err(Error::NoAverage));
        votes.add(&mut [1.0, 2.0, 0.0], 1.0).unwrap();
        let length = |buffer, needed, got| Err(Error::Length { buffer, needed, got });
        assert_eq!(votes.add(&mut [0.0; 6], 1.0), length(Buffer::Probabilities, 3, 6));
        assert_eq!(votes.classes(&mut [0; 2]), length(Buffer::Targets, 1, 2));
        for weight in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert_eq!(votes.add(&mut [3.0, 0.0, 0.0], weight), Err(Error::Setting(Setting::Weight)));
        }
        for bad in [f32::NAN, f32::INFINITY, 2e38] {
            let error = Error::NonFinite { value: Value::Output, index: 2 };
            assert_eq!(votes.add(&mut [3.0, 0.0, bad], 1.0), Err(error));
        }
        let mut classes = [0];
        votes.classes(&mut classes).unwrap();
        assert_eq!(classes, [1]);
        let mut alone = Vec::new();
        let expected = take(vote, &[(vec![1.0, 2.0, 0.0], 1.0)], &mut alone).finish().unwrap().to_vec();
        assert_eq!(votes.finish().unwrap(), &expected[..]);
    }
    for (vote, got, needed) in [(Vote::Soft, 4, 3), (Vote::Hard, 9, 6), (Vote::Soft, 0, 3)] {
        let error = Votes::new(vote, Math::Libm, CLASSES, &mut vec![0.0; got]).err();
        assert_eq!(error, Some(Error::Length { buffer: Buffer::Votes, needed, got }));
    }
    for outputs in [0, 65_537, usize::MAX] {
        let error = Votes::new(Vote::Soft, Math::Libm, outputs, &mut []).err();
        assert_eq!(error, Some(Error::Setting(Setting::Classes)));
    }
    assert!(Votes::new(Vote::Soft, Math::Libm, 65_536, &mut vec![0.0; 65_536]).is_ok());
    // The largest logits there may be, far apart.
    let mut votes = Votes::new(Vote::LogPool, Math::Libm, CLASSES, &mut floats[..3]).unwrap();
    for sign in [1.0, -1.0, 1.0] {
        votes.add(&mut [1.7e38 * sign, -1.7e38 * sign, 0.0], 1.0).unwrap();
    }
    assert!(votes.finish().unwrap().iter().all(|p| p.is_finite()));
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn one_output_votes_as_two_of_which_the_first_is_zero(
        models in vec((vec(-4.0_f32..4.0, 5), prop::sample::select(&[0.1_f32, 0.1, 0.1, 0.3, 2.0])), 1..12),
    ) {
        for vote in KINDS {
            let (mut one, mut two) = (vec![0.0; vote.state_len(5, 1)], vec![0.0; vote.state_len(5, 2)]);
            let mut votes = Votes::new(vote, Math::Libm, 1, &mut one).unwrap();
            let mut pairs = Votes::new(vote, Math::Libm, 2, &mut two).unwrap();
            for (logits, weight) in &models {
                votes.add(&mut logits.clone(), *weight).unwrap();
                pairs.add(&mut logits.iter().flat_map(|&z| [0.0, z]).collect::<Vec<_>>(), *weight).unwrap();
            }
            let (mut of_one, mut of_two) = ([7; 5], [7; 5]);
            votes.classes(&mut of_one).unwrap();
            pairs.classes(&mut of_two).unwrap();
            prop_assert_eq!(of_one, of_two, "{:?}", vote);
            for (p, pair) in votes.finish().unwrap().iter().zip(pairs.finish().unwrap().chunks(2)) {
                prop_assert!((p - pair[1]).abs() < 1e-6, "{:?}: {} {}", vote, p, pair[1]);
            }
        }
    }
}
