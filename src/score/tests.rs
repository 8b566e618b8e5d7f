use super::*;

#[test]
fn cross_entropy_of_large_logits_is_finite() {
    let loss = |loss, a: &mut [f32], targets| {
        let mut found = 0.0;
        let spec = Spec::new(1).dense(a.len() as u16, crate::Activation::Identity).loss(loss);
        score(&spec, a, targets, |loss, _| found = loss);
        found
    };
    let mut a = [2000.0, -2000.0];
    assert_eq!(loss(Loss::SoftmaxCrossEntropy, &mut a, Targets::Classes(&[1])), 4000.0);
    assert_eq!(a, [1.0, -1.0]);
    assert_eq!(loss(Loss::BinaryCrossEntropy, &mut [500.0], Targets::Values(&[0.0])), 500.0);
}

#[test]
fn a_score_does_not_depend_on_the_split_into_batches() {
    let losses = [0.1_f32, 0.7, 1e-3, 5.0, 0.3, 0.2, 0.9, 0.11, 0.35, 0.6, 1e4];
    let mut whole = Score::default();
    losses.iter().for_each(|&l| whole.add(l, l < 0.5));
    assert_eq!((whole.samples(), whole.hits()), (11, 6));
    let mean = losses.iter().map(|&l| f64::from(l)).sum::<f64>() / 11.0;
    assert!((f64::from(whole.loss()) / mean - 1.0).abs() < 1e-6);
}

#[test]
fn the_mean_of_many_samples_drifts_no_further_than_that_of_a_few() {
    for loss in [0.3_f32, 1.098_612_3, 1e-7, 4.999_999_5, 2.7e30] {
        let mut score = Score::default();
        for samples in [4096, 100_000, 10_000_000] {
            (score.samples..samples).for_each(|_| score.add(loss, true));
            let error = f64::from(score.loss()) / f64::from(loss) - 1.0;
            assert!(error.abs() <= 2e-5, "{samples} of {loss}: {error}");
        }
    }
}

#[test]
fn up_to_a_level_the_lanes_alone_say_the_sum() {
    let losses: std::vec::Vec<f32> = (0..2 * LEVEL).map(|i| (i % 977) as f32 * 0.37 + 1e-3).collect();
    let (mut score, mut lanes) = (Score::default(), [0.0; 8]);
    for (i, &loss) in losses.iter().enumerate() {
        lanes[i % 8] += loss;
        score.add(loss, false);
        let expected = kernels::tree(lanes) / (i + 1) as f32;
        // From the second level on the sums are others; a few mean the same still.
        assert!(i >= LEVEL as usize || score.loss().to_bits() == expected.to_bits(), "{i}");
    }
}

#[test]
fn a_sum_that_is_not_finite_shows_at_once_and_stays() {
    for wrong in [f32::NAN, f32::INFINITY] {
        let mut score = Score::default();
        score.add(wrong, false);
        assert!(score.check(0).is_err());
        (0..LEVEL).for_each(|_| score.add(0.0, false));
        assert!(score.check(0).is_err() && !score.loss().is_finite());
    }
    let mut score = Score::default();
    (0..LEVEL + 1).for_each(|_| score.add(f32::MAX / LEVEL as f32, false));
    assert!(score.check(0).is_err());
}

#[test]
fn samples_scored_together_are_scored_as_one_by_one() {
    for loss in [Loss::SoftmaxCrossEntropy, Loss::MeanSquared, Loss::BinaryCrossEntropy, Loss::Huber(0.5)] {
        let spec = Spec::new(1).dense(3, crate::Activation::Identity).loss(loss);
        for n in [1, 7, 8, 9, 16, 21] {
            let mut together: std::vec::Vec<f32> = (0..3 * n).map(|i| (i * 7 % 11) as f32 * 0.3 - 1.5).collect();
            let classes: std::vec::Vec<u16> = (0..n).map(|i| (i * 5 % 3) as u16).collect();
            let (mut alone, mut expected, mut found) = (together.clone(), std::vec![], std::vec![]);
            for (a, class) in alone.chunks_mut(3).zip(&classes) {
                let targets = Targets::Classes(core::slice::from_ref(class));
                score(&spec, a, targets, |loss, hit| expected.push((loss.to_bits(), hit)));
            }
            let targets = Targets::Classes(&classes);
            score(&spec, &mut together, targets, |loss, hit| found.push((loss.to_bits(), hit)));
            assert_eq!((found, together), (expected, alone));
        }
    }
}
