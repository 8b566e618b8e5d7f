//! Confusion matrix, ranks and curves against their plain definitions, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::cases;
use cygnet::Error;
use cygnet::error::{Buffer, Setting, Value};
use cygnet::metrics::{Calibration, ClassCounts, ClassScore, Confusion, Curves, Threshold, argmax, class_of, rank};
use proptest::collection::vec;
use proptest::prelude::*;

/// Scores of few values, so that most have equals; both zeros are one.
fn scores() -> impl Strategy<Value = Vec<ClassScore>> {
    let score = prop_oneof![
        4 => (-3_i8..4).prop_map(|level| f32::from(level) / 4.0),
        1 => Just(-0.0_f32),
        1 => -1.0_f32..1.0,
        1 => prop_oneof![Just(f32::MAX), Just(f32::MIN), Just(1e-45_f32)],
    ];
    vec((score, any::<bool>()).prop_map(|(score, is_positive)| ClassScore { score, is_positive }), 0..80)
}

/// How many of `scores` have what `is_so` asks for.
fn number(scores: &[ClassScore], is_so: impl Fn(&ClassScore) -> bool) -> u32 {
    scores.iter().filter(|s| is_so(s)).count() as u32
}

fn is_near(ours: f32, exact: f64) -> bool {
    (f64::from(ours) - exact).abs() < 3e-7 || ours.is_nan() && exact.is_nan()
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn curves_are_their_definitions(given in scores()) {
        let mut sorted = given.clone();
        let curves = Curves::new(&mut sorted).unwrap();
        let (positives, negatives) = (number(&given, |s| s.is_positive), number(&given, |s| !s.is_positive));
        prop_assert_eq!((curves.positives(), curves.negatives()), (positives, negatives));

        let mut levels: Vec<f32> = given.iter().map(|s| s.score).collect();
        levels.sort_by(|a, b| b.partial_cmp(a).unwrap());
        levels.dedup();
        let found: Vec<Threshold> = curves.thresholds().collect();
        prop_assert_eq!(found.len(), levels.len());
        for (t, &score) in found.iter().zip(&levels) {
            let passing = |of_class: bool| number(&given, |s| s.is_positive == of_class && s.score >= score);
            prop_assert_eq!((t.score, t.true_positives, t.false_positives), (score, passing(true), passing(false)));
        }

        let (roc, pr): (Vec<_>, Vec<_>) = (curves.roc().collect(), curves.pr().collect());
        prop_assert_eq!((roc[0], pr[0], roc.len(), pr.len()), ((0.0, 0.0), (0.0, 1.0), levels.len() + 1, levels.len() + 1));
        let (p, n) = (f64::from(positives), f64::from(negatives));
        for (t, (roc, pr)) in found.iter().zip(roc[1..].iter().zip(&pr[1..])) {
            let (tp, fp) = (f64::from(t.true_positives), f64::from(t.false_positives));
            prop_assert!(is_near(roc.0, fp / n) && is_near(roc.1, tp / p), "{:?} {:?}", t, roc);
            prop_assert!(is_near(pr.0, tp / p) && is_near(pr.1, tp / (tp + fp)), "{:?} {:?}", t, pr);
        }

        // Of each pair of a sample of the class and one of the rest, which has the larger score.
        let (mut pairs, mut precisions) = (0.0, 0.0);
        for own in given.iter().filter(|s| s.is_positive) {
            let less = number(&given, |s| !s.is_positive && s.score < own.score);
            let equal = number(&given, |s| !s.is_positive && s.score == own.score);
            pairs += f64::from(less) + f64::from(equal) / 2.0;
            let above = |is_positive| f64::from(number(&given, |s| s.is_positive == is_positive && s.score >= own.score));
            precisions += above(true) / (above(true) + above(false));
        }
        prop_assert!(is_near(curves.roc_auc(), pairs / (p * n)), "{} {}", curves.roc_auc(), pairs / (p * n));
        let expected = precisions / p;
        prop_assert!(is_near(curves.average_precision(), expected), "{} {}", curves.average_precision(), expected);

        // Neither the order that samples come in nor a scale that keeps the order of scores changes a bit.
        let areas = |curves: Curves<'_>| [curves.roc_auc(), curves.average_precision()].map(f32::to_bits);
        let mut other: Vec<ClassScore> = given.iter().rev().copied().collect();
        other.iter_mut().for_each(|s| s.score /= 4.0);
        if levels.iter().all(|level| level / 4.0 * 4.0 == *level) {
            prop_assert_eq!(areas(Curves::new(&mut other).unwrap()), areas(curves));
        }
    }

    #[test]
    fn a_rank_counts_the_classes_before(outputs in vec((-2_i8..3).prop_map(f32::from), 2..9), class in 0_u16..9) {
        let class = class % outputs.len() as u16;
        let mut order: Vec<usize> = (0..outputs.len()).collect();
        // Stable: of equals the lowest class first.
        order.sort_by(|&a, &b| outputs[b].total_cmp(&outputs[a]));
        let rank = rank(&outputs, class).unwrap();
        prop_assert_eq!(order[usize::from(rank)], usize::from(class));
        prop_assert_eq!(rank == 0, argmax(&outputs) == class);
    }

    #[test]
    fn a_weight_counts_a_pair_so_often(pairs in vec((0_u16..3, 0_u16..3, 0_u32..5), 0..40)) {
        let (mut counts, mut singles) = ([7; 9], [7; 9]);
        let mut weighted = Confusion::new(3, &mut counts).unwrap();
        let mut single = Confusion::new(3, &mut singles).unwrap();
        for &(class, predicted, weight) in &pairs {
            weighted.add_weighted(class, predicted, weight).unwrap();
            (0..weight).for_each(|_| single.add(class, predicted).unwrap());
        }
        prop_assert_eq!(weighted.counts(), single.counts());
        prop_assert!(weighted.add_weighted(3, 0, 0).is_err(), "of weight 0, and checked");
    }

    #[test]
    fn a_matrix_counts_every_pair(pairs in vec((0_u16..5, 0_u16..5), 0..60)) {
        let mut counts = [7; 25];
        let mut confusion = Confusion::new(5, &mut counts).unwrap();
        for &(class, predicted) in &pairs {
            confusion.add(class, predicted).unwrap();
        }
        let number = |is_so: &dyn Fn(usize, usize) -> bool| pairs.iter().filter(|&&(c, p)| is_so(c.into(), p.into())).count();
        for (i, &n) in confusion.counts().iter().enumerate() {
            prop_assert_eq!(n as usize, number(&|c, p| (c, p) == (i / 5, i % 5)));
        }
        let hits = number(&|c, p| c == p);
        prop_assert_eq!((confusion.samples(), confusion.hits()), (pairs.len() as u64, hits as u64));
        prop_assert!(is_near(confusion.accuracy(), hits as f64 / pairs.len() as f64));
        let per_class: Vec<ClassCounts> = confusion.per_class().collect();
        prop_assert_eq!(per_class.len(), 5);
        let mut sums = [0.0; 3];
        let mut known = 0.0;
        for (k, counts) in per_class.iter().enumerate() {
            let [hits, predicted, support] =
                [number(&|c, p| c == k && p == k), number(&|_, p| p == k), number(&|c, _| c == k)].map(|n| n as u64);
            prop_assert_eq!(*counts, ClassCounts { hits, predicted, support });
            let there = predicted + support > 0;
            let [tp, predicted, support] = [hits, predicted, support].map(|n| n as f64);
            let of = |n: f64| if n > 0.0 { tp / n } else if there { 0.0 } else { f64::NAN };
            let (precision, recall) = (of(predicted), of(support));
            let f1 = if tp > 0.0 { 2.0 * precision * recall / (precision + recall) } else { precision };
            let ours = [counts.precision(), counts.recall(), counts.f1()];
            prop_assert!(ours.iter().zip([precision, recall, f1]).all(|(&o, e)| is_near(o, e)), "{:?} {:?}", counts, ours);
            if there {
                sums.iter_mut().zip(ours).for_each(|(sum, x)| *sum += f64::from(x));
                known += 1.0;
            }
        }
        let ours = [confusion.macro_precision(), confusion.macro_recall(), confusion.macro_f1()];
        prop_assert!(ours.iter().zip(sums).all(|(&o, sum)| is_near(o, sum / known)), "{:?}", ours);
    }
}

fn of(scores: &[(f32, bool)]) -> Vec<ClassScore> {
    scores.iter().map(|&(score, is_positive)| ClassScore { score, is_positive }).collect()
}

#[test]
fn curves_are_worked_out_by_hand() {
    let mut scores = of(&[(0.2, false), (0.9, true), (0.5, true), (0.5, false), (0.1, false)]);
    let curves = Curves::new(&mut scores).unwrap();
    let third = 1.0 / 3.0;
    let roc: Vec<_> = curves.roc().collect();
    assert_eq!(roc, [(0.0, 0.0), (0.0, 0.5), (third, 1.0), (2.0 / 3.0, 1.0), (1.0, 1.0)]);
    let pr: Vec<_> = curves.pr().collect();
    assert_eq!(pr, [(0.0, 1.0), (0.5, 1.0), (1.0, 2.0 / 3.0), (1.0, 0.5), (1.0, 0.4)]);
    assert!(is_near(curves.roc_auc(), 5.5 / 6.0) && is_near(curves.average_precision(), 0.5 + 1.0 / 3.0));
}

#[test]
fn without_samples_of_the_class_or_of_the_rest_areas_are_nan_where_they_are_shares_of_none() {
    for (samples, roc_auc, average_precision) in [
        (of(&[]), None, None),
        (of(&[(0.5, false), (0.1, false)]), None, None),
        (of(&[(0.5, true), (0.1, true)]), None, Some(1.0)),
        (of(&[(0.5, true), (0.1, false)]), Some(1.0), Some(1.0)),
        (of(&[(0.5, false), (0.5, true)]), Some(0.5), Some(0.5)),
    ] {
        let mut sorted = samples.clone();
        let curves = Curves::new(&mut sorted).unwrap();
        let known = |x: f32| (!x.is_nan()).then_some(x);
        let areas = (known(curves.roc_auc()), known(curves.average_precision()));
        assert_eq!(areas, (roc_auc, average_precision), "{samples:?}");
        assert!(
            curves
                .roc()
                .skip(1)
                .all(|(x, y)| x.is_nan() == (curves.negatives() == 0) && y.is_nan() == (curves.positives() == 0))
        );
        assert!(curves.pr().skip(1).all(|(x, y)| x.is_nan() == (curves.positives() == 0) && !y.is_nan()));
    }
}

#[test]
fn areas_of_many_samples_do_not_drift() {
    // Every tenth of a million is of the class; between neighbours of a score, the rest stand as often before as behind.
    let score = |i: u32| ClassScore { score: (i / 2) as f32, is_positive: i % 10 == 3 };
    let mut scores: Vec<ClassScore> = (0..1_000_000).map(score).collect();
    let curves = Curves::new(&mut scores).unwrap();
    let (mut precisions, mut true_positives) = (0.0, 0.0);
    for t in curves.thresholds() {
        let passed = f64::from(t.true_positives) + f64::from(t.false_positives);
        precisions += (f64::from(t.true_positives) - true_positives) * f64::from(t.true_positives) / passed;
        true_positives = t.true_positives.into();
    }
    assert!(is_near(curves.average_precision(), precisions / true_positives), "{}", curves.average_precision());
    assert!((curves.roc_auc() - 0.5).abs() < 1e-5, "{}", curves.roc_auc());
}

#[test]
fn what_is_no_score_and_no_class_is_refused_and_changes_nothing() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut scores = of(&[(0.1, true), (0.9, false), (bad, true)]);
        let error = Curves::new(&mut scores).unwrap_err();
        assert_eq!(error, Error::NonFinite { value: Value::Score, index: 2 });
        assert_eq!(scores[..2], of(&[(0.1, true), (0.9, false)]));
        assert_eq!(rank(&[0.5, bad], 0), Err(Error::NonFinite { value: Value::Output, index: 1 }));
    }
    assert_eq!(rank(&[0.5, 0.1], 2), Err(Error::Label { sample: 0, label: 2, classes: 2 }));

    let mut counts = [9; 4];
    let wrong = |got| Error::Length { buffer: Buffer::Counts, needed: 4, got };
    assert_eq!(Confusion::new(2, &mut counts[..3]).unwrap_err(), wrong(3));
    assert_eq!(Confusion::new(2, &mut [0; 5]).unwrap_err(), wrong(5));
    assert_eq!(counts, [9; 4]);
    let mut confusion = Confusion::new(2, &mut counts).unwrap();
    assert!(confusion.accuracy().is_nan() && confusion.macro_f1().is_nan());
    confusion.add(1, 0).unwrap();
    for (class, predicted, label) in [(2, 0, 2), (0, 2, 2), (0, u16::MAX, u16::MAX), (u16::MAX, 0, u16::MAX)] {
        assert_eq!(confusion.add(class, predicted), Err(Error::Label { sample: 1, label, classes: 2 }));
    }
    assert_eq!(confusion.counts(), [0, 0, 1, 0]);
    for classes in [0, 65_537, usize::MAX] {
        assert_eq!(Confusion::new(classes, &mut []).err(), Some(Error::Setting(Setting::Classes)));
    }
}

#[test]
fn one_output_has_the_ranks_and_the_calibration_of_two_classes() {
    for logit in [-3.0_f32, -1e-3, 0.0, 1e-3, 3.0] {
        for class in [0, 1] {
            // Class 0 has the logit 0.
            assert_eq!(rank(&[logit], class), rank(&[0.0, logit], class));
            assert_eq!(rank(&[logit], class) == Ok(0), class_of(&[logit]) == class);
        }
        assert_eq!(rank(&[logit], 2), Err(Error::Label { sample: 0, label: 2, classes: 2 }));
        let p = 1.0 / (1.0 + (-logit).exp());
        let [mut one, mut two] = [Calibration::default(); 2];
        for class in [0, 1, 1] {
            one.add(&[p], class).unwrap();
            two.add(&[1.0 - p, p], class).unwrap();
        }
        assert_eq!(one, two);
        assert_eq!(one.add(&[p], 2), Err(Error::Label { sample: 3, label: 2, classes: 2 }));
    }
}
