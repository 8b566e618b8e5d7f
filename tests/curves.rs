//! What scikit-learn makes of the same scores and classes, from `tests/reference/curves.py`, beside ours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use cygnet::metrics::{ClassScore, Confusion, Curves};

/// Largest difference; ours are exact counts divided in single precision, a few parts in 10⁸ of figures up to 1.
const FROM_SCIKIT_LEARN: f64 = 1e-6;

/// Samples, levels of the score, samples of the class in a thousand, and whether a level is a power of two.
const CASES: [(&str, u32, u32, u32, bool); 7] = [
    ("ties", 400, 7, 300, false),
    ("one level", 60, 1, 400, false),
    ("imbalanced", 3_000, 25, 10, false),
    ("rare", 900, 40, 2, false),
    ("common", 900, 40, 498, true),
    ("saturated", 2_000, 30, 100, true),
    ("distinct", 20_000, 1 << 20, 100, false),
];
const SAMPLES: u32 = 500;
const CLASSES: usize = 6;
const NEVER_PREDICTED: u32 = 4;

/// As in the script.
fn mixed(i: u32, seed: u32) -> u32 {
    let mut x = i.wrapping_mul(2_654_435_761).wrapping_add(seed.wrapping_mul(2_246_822_519));
    x ^= x >> 15;
    x = x.wrapping_mul(2_246_822_519);
    x ^ x >> 13
}

/// As in the script: every operation is exact.
fn case(seed: u32, (_, samples, levels, permille, has_powers): (&str, u32, u32, u32, bool)) -> Vec<ClassScore> {
    let sample = |i| {
        let level = mixed(i, 2 * seed) % levels;
        let chance = u64::from(mixed(i, 2 * seed + 1)) % (1000 * (u64::from(levels) + 1));
        let is_positive = chance < 2 * u64::from(permille) * (u64::from(level) + 1);
        let power = f32::powi(2.0, (level as i32 - levels as i32 + 5).min(0));
        ClassScore { score: if has_powers { power } else { level as f32 / 16.0 - 8.0 }, is_positive }
    };
    (0..samples).map(sample).collect()
}

/// The fields after `case` and `what` of each line that has them.
fn lines(case: &str, what: &str) -> Vec<Vec<f64>> {
    let start = format!("{case}\t{what}\t");
    let fields = |rest: &str| rest.split('\t').map(|field| field.parse().unwrap()).collect();
    include_str!("reference/curves.tsv").lines().filter_map(|line| line.strip_prefix(&start)).map(fields).collect()
}

/// Asserts that both are equal up to rounding, and gives their largest difference.
fn largest_difference(what: &str, ours: &[f32], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let differences = ours.iter().zip(theirs).map(|(&ours, theirs)| (f64::from(ours) - theirs).abs());
    let largest = differences.fold(0.0, f64::max);
    assert!(largest <= FROM_SCIKIT_LEARN, "{what}: {ours:?} {theirs:?}");
    largest
}

#[test]
fn curves_and_areas_are_scikit_learns() {
    for (seed, case_of) in (0..).zip(CASES) {
        let name = case_of.0;
        let mut scores = case(seed, case_of);
        let curves = Curves::new(&mut scores).unwrap();
        assert_eq!(lines(name, "counts"), [[curves.positives(), curves.negatives()].map(f64::from)]);
        let areas = [curves.roc_auc(), curves.average_precision()];
        let of_areas = largest_difference(name, &areas, &lines(name, "areas")[0]);
        let (roc, pr): (Vec<_>, Vec<_>) = (curves.roc().collect(), curves.pr().collect());
        let thresholds: Vec<f32> = curves.thresholds().map(|t| t.score).collect();
        let mut of_points = 0.0_f64;
        for (what, ours) in [("roc", &roc), ("pr", &pr)] {
            let theirs = lines(name, what);
            assert!(theirs.len() > 1 && ours.len() == thresholds.len() + 1);
            let (last, next) = (theirs.last().unwrap()[0], theirs[1][0]);
            assert!(
                last + next >= ours.len() as f64,
                "{name} {what}: {} points, of theirs the last is {last}",
                ours.len()
            );
            for point in theirs {
                let [i, threshold, x, y] = point[..] else { panic!("{point:?}") };
                let i = i as usize;
                let above = i.checked_sub(1).map_or(f64::INFINITY, |before| thresholds[before].into());
                assert_eq!(above, threshold, "{name} {what} {i}");
                of_points = of_points.max(largest_difference(name, &[ours[i].0, ours[i].1], &[x, y]));
            }
        }
        println!("{name}: areas differ by up to {of_areas:.1e}, points by {of_points:.1e}");
    }
}

#[test]
fn figures_of_classes_are_scikit_learns() {
    let mut counts = [0; CLASSES * CLASSES];
    let mut confusion = Confusion::new(CLASSES, &mut counts).unwrap();
    for i in 0..SAMPLES {
        let (class, r) = (mixed(i, 101) % (CLASSES as u32 - 1), mixed(i, 102));
        let predicted = if r % 3 > 0 { class } else { r / 3 % CLASSES as u32 };
        confusion.add(class as u16, if predicted == NEVER_PREDICTED { 0 } else { predicted as u16 }).unwrap();
    }
    let theirs = lines("matrix", "class");
    assert_eq!(theirs.len(), CLASSES);
    for (ours, theirs) in confusion.per_class().zip(&theirs) {
        assert_eq!(ours.support as f64, theirs[1]);
        largest_difference("class", &[ours.precision(), ours.recall(), ours.f1()], &theirs[2..]);
    }
    let ours = [confusion.macro_precision(), confusion.macro_recall(), confusion.macro_f1()];
    largest_difference("macro", &ours, &lines("matrix", "macro")[0]);
}
