use super::*;

fn is_close(interval: Interval, low: f64, high: f64) {
    let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
    assert!(close(interval.low, low) && close(interval.high, high), "{interval:?}, expected {low} to {high}");
}

/// Computed by `scipy.stats.beta.ppf`, version 1.17.
#[test]
fn intervals_of_errors_are_those_of_clopper_and_pearson() {
    for (b, c, n, low, high) in [
        (0, 1, 10, -0.1, 0.095),
        (0, 6, 100, -0.06, -0.004_889_024_827_211_947),
        (5, 0, 50, -0.004_364_750_020_996_3, 0.1),
        (3, 9, 1000, -0.010_683_344_531_328_175, 0.001_724_603_085_076_538_8),
        (30, 12, 2000, 0.002_274_770_261_065_303, 0.014_397_958_395_838_696),
        (100, 100, 10_000, -0.002_853_662_763_726_712, 0.002_853_662_763_726_712),
        (1500, 1300, 10_000, 0.009_538_971_109_367_527, 0.030_419_175_513_625_833),
        (1, 60_000, 100_000, -0.600_009_493_643_947_2, -0.599_898_571_377_278_9),
    ] {
        is_close(Interval::of_errors(b, c, n), low, high);
        is_close(Interval::of_errors(c, b, n), -high, -low);
    }
}

/// Computed by `scipy.stats.binomtest(…).proportion_ci(method="wilson")`.
#[test]
fn intervals_of_shares_are_those_of_wilson() {
    for (hits, n, low, high) in [
        (0, 10, 0.0, 0.277_532_799_862_889_26),
        (10, 10, 0.722_467_200_137_110_7, 1.0),
        (1, 10, 0.017_876_213_095_072_896, 0.404_150_026_795_238_5),
        (50, 100, 0.403_831_530_365_995_6, 0.596_168_469_634_004_4),
        (47, 1000, 0.035_527_105_106_384_495, 0.061_939_938_081_528_444),
        (471, 10_000, 0.043_118_831_260_357_08, 0.051_428_994_463_801_794),
        (1, 1, 0.206_549_314_377_237_45, 1.0),
    ] {
        is_close(Interval::of_share(hits, n), low, high);
    }
    let none = Interval::of_share(0, 0);
    assert!(none.estimate.is_nan() && none.low == f64::NEG_INFINITY && none.high == f64::INFINITY);
}

/// Computed by `scipy.stats.t.ppf` and `scipy.stats.ttest_1samp(…).confidence_interval`.
#[test]
fn intervals_of_many_values_are_those_of_student() {
    for (degrees, quantile) in [
        (99.0, 1.984_216_951_586_417_4),
        (199.0, 1.971_956_544_251_753_3),
        (999.0, 1.962_341_461_133_449_3),
        (9_999.0, 1.960_201_263_621_357),
        (59_999.0, 1.960_003_523_836_932_7),
    ] {
        assert!((student(degrees) - quantile).abs() < 1e-7, "{degrees}: {}", student(degrees));
    }
    let values: Vec<f64> = (0..150).map(|i| 0.3 * f64::from((i * 7) % 13 - 6) + 0.2).collect();
    is_close(Interval::of_mean(&values), -0.005_756_306_108_237_88, 0.357_756_306_108_237_83);
}

/// McNemar's exact test: twice the smaller tail of the binomial distribution with probability ½.
fn mcnemar(b: u64, c: u64) -> f64 {
    let (n, least) = (b + c, b.min(c));
    let (mut term, mut sum) = (0.5_f64.powi(n as i32), 0.0);
    for k in 0..=least {
        sum += term;
        term *= (n - k) as f64 / (k + 1) as f64;
    }
    (2.0 * sum).min(1.0)
}

#[test]
fn a_difference_is_seen_exactly_when_mcnemars_exact_test_rejects_at_5_percent() {
    for (b, c) in (0..=60).flat_map(|b| (0..=60).map(move |c| (b, c))) {
        let change = Interval::of_errors(b, c, 1000).change();
        assert_eq!(change != Change::None, mcnemar(b, c) <= 0.05, "{b}, {c}: {change:?}, {}", mcnemar(b, c));
        assert!(change == Change::None || (change == Change::Higher) == (b > c));
    }
    assert_eq!(Interval::of_errors(0, 0, 100), Interval { estimate: 0.0, low: 0.0, high: 0.0 });
}

/// The share of intervals that hold the true value is 95 % or a little more for the exact ones, and about 95 % for the others.
#[test]
fn intervals_cover_the_truth() {
    let mut random = random::stream(1, Purpose::Split, 3);
    let mut uniform = || f64::from(random.next_u32()) / f64::from(u32::MAX);
    let (mut errors, mut shares, mut student, mut bootstrap) = (0, 0, 0, 0);
    let runs = 4000;
    let holds = |interval: Interval, truth: f64| u32::from(interval.low <= truth && truth <= interval.high);
    for _ in 0..runs {
        let (mut b, mut c, mut hits) = (0, 0, 0);
        for _ in 0..400 {
            // The first model alone is wrong on 5 % of the samples, the second on 3 %.
            let x = uniform();
            b += u64::from(x < 0.05);
            c += u64::from(x > 0.97);
            hits += u64::from(x < 0.1);
        }
        errors += holds(Interval::of_errors(b, c, 400), 0.02);
        shares += holds(Interval::of_share(hits, 400), 0.1);
        let many: Vec<f64> = (0..150).map(|_| uniform() * uniform()).collect();
        student += holds(Interval::of_mean(&many), 0.25);
    }
    // Sorting 10,000 means takes time.
    for _ in 0..100 {
        let few: Vec<f64> = (0..40).map(|_| uniform() * uniform()).collect();
        bootstrap += holds(Interval::of_mean(&few), 0.25);
    }
    assert!((3780..=3920).contains(&errors), "{errors}");
    assert!((3740..=3860).contains(&shares), "{shares}");
    assert!((3740..=3860).contains(&student), "{student}");
    assert!((86..=100).contains(&bootstrap), "{bootstrap}");
}

#[test]
fn the_bootstrap_is_seeded_and_needs_six_values() {
    let values = [0.5, 1.0, 2.0, -1.0, 0.25, 3.0, 0.0];
    let interval = Interval::of_mean(&values);
    assert_eq!(interval, Interval::of_mean(&values));
    assert!(interval.low < interval.estimate && interval.estimate < interval.high && interval.low > -1.0);
    assert_eq!(Interval::of_mean(&[1.0; 6]).change(), Change::Higher);
    let few = Interval::of_mean(&[1.0; 5]);
    assert!(few.change() == Change::None && few.low.is_infinite() && few.high.is_infinite());
}
