use super::*;
use crate::Activation;
use crate::host::evaluation::Regression;
use crate::host::training::Averaged;
use crate::metrics::Score;

/// A model that has these of 200 test samples wrong, each hit with a loss of 0.1 and each error with one of 2, and so many of
/// 50 validation samples.
fn marks(wrong: core::ops::Range<usize>, of_validation: usize) -> Marks {
    let hits: Vec<bool> = (0..200).map(|i| !wrong.contains(&i)).collect();
    let losses: Vec<f32> = hits.iter().map(|&hit| if hit { 0.1 } else { 2.0 }).collect();
    let mut marks = Marks::default();
    hits.iter().zip(&losses).for_each(|(&hit, &loss)| marks.test.add(loss, hit));
    (0..50).for_each(|i| marks.validation.add(if i < of_validation { 1.0 } else { 0.5 }, i >= of_validation));
    marks.results = Results { hits, losses };
    marks
}

fn outcome(last: Marks, average: Marks) -> Outcome {
    let average = Averaged { name: "swa", params: Vec::new(), count: 5, marks: average, drawn: None };
    Outcome {
        spec: Spec::new(2).dense(2, Activation::Identity),
        last: Vec::new(),
        last_is_average: false,
        stored: Vec::new(),
        last_marks: last,
        averages: vec![average],
        baseline: None,
        baseline_history: Vec::new(),
        history: Vec::new(),
        best: None,
        interrupted: false,
        diverged: None,
    }
}

#[track_caller]
fn begins(outcome: &Outcome, expected: &str) {
    let text = remark(outcome);
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn a_difference_is_lower_higher_or_not_seen_by_its_interval() {
    // 20 samples that the last iterate alone has wrong, then as many for the average, then 4 against 6, then none.
    let [bad, good] = [marks(0..20, 5), marks(0..0, 5)];
    begins(
        &outcome(bad.clone(), good.clone()),
        "The test error of the average is 10.00 points lower than that of the last iterate (95 % interval 6.63 to 10.00).\nThe test NLL of the average is 0.1900 lower than that of the last iterate (95 % interval 0.1",
    );
    begins(
        &outcome(good, bad.clone()),
        "The test error of the average is 10.00 points higher than that of the last iterate (95 % interval 6.63 to 10.00).",
    );
    begins(
        &outcome(marks(12..16, 5), marks(16..22, 5)),
        "No difference seen between the average and the last iterate: test error 1.00 points (95 % interval −2.38 to 3.78).",
    );
    begins(
        &outcome(bad.clone(), bad),
        "No difference seen between the average and the last iterate: test error 0.00 points (95 % interval 0.00 to 0.00).",
    );
}

#[test]
fn the_validation_samples_recommend_a_model_and_ties_go_to_the_average() {
    for (last, average, stem, name) in [
        (5, 6, "last", "the last iterate (validation NLL 0.5500; average 0.5600)."),
        (6, 5, "average", "the average (validation NLL 0.5500; last iterate 0.5600)."),
        (5, 5, "average", "the average (validation NLL 0.5500; last iterate 0.5500)."),
    ] {
        let outcome = outcome(marks(0..9, last), marks(0..9, average));
        assert_eq!(preferred(&[&outcome]), stem);
        let text = remark(&outcome);
        assert!(text.contains(&format!("Recommended by the validation samples: {name}")), "{text}");
    }
    // By the mean over seeds, and without validation samples the average.
    let [a, b] = [outcome(marks(0..9, 5), marks(0..9, 6)), outcome(marks(0..9, 8), marks(0..9, 5))];
    assert_eq!(preferred(&[&a, &b]), "average");
    let mut blind = outcome(marks(0..9, 5), marks(0..9, 6));
    (blind.last_marks.validation, blind.averages[0].marks.validation) = (Score::default(), Score::default());
    assert_eq!(preferred(&[&blind]), "average");
    assert!(remark(&blind).contains("Recommended: the average."));
}

#[test]
fn numbers_are_compared_by_their_squared_errors() {
    let of = |errors: [f32; 2], rmse: f64| {
        let figures = Regression { samples: 120, rmse, mae: 0.0, r2: 0.5, rmse_interval: None };
        let losses = (0..120).map(|i| errors[i % 2]).collect();
        Marks { regression: Some([figures; 3]), results: Results { hits: Vec::new(), losses }, ..Marks::default() }
    };
    let lower = outcome(of([4.0, 16.0], 3.0), of([3.0, 14.0], 3.1));
    begins(
        &lower,
        "The mean squared test error of the average is 1.500 lower than that of the last iterate (95 % interval 1.409 to 1.591).",
    );
    assert!(remark(&lower).contains("the last iterate (validation RMSE 3.000; average 3.100)."));
    let same = outcome(of([4.0, 16.0], 3.0), of([16.0, 4.0], 3.0));
    begins(&same, "No difference seen between the average and the last iterate: mean squared test error 0 (");
}

/// A quantile is far from the values on purpose: its models go by their loss. The errors of labels are those of probabilities.
#[test]
fn quantiles_go_by_their_loss_and_labels_by_their_probabilities() {
    let of = |rmse, loss| {
        let figures = Regression { samples: 90, rmse, mae: 0.0, r2: 0.5, rmse_interval: None };
        Marks { regression: Some([figures; 3]), ..marks(0..9, loss) }
    };
    let mut run = outcome(of(3.0, 6), of(3.1, 5));
    assert_eq!(preferred(&[&run]), "last");
    assert!(remark(&run).contains("in units of the standard deviation of each"));
    run.spec = run.spec.loss(Loss::Pinball(0.9));
    assert_eq!(preferred(&[&run]), "average");
    assert!(remark(&run).contains("the average (validation loss 0.5500; last iterate 0.5600)."));
    run.spec = run.spec.loss(Loss::BinaryCrossEntropy);
    assert!(remark(&run).contains("means over the predicted columns, of the probabilities;"));
}

#[test]
fn a_run_that_is_not_better_than_chance_is_told_to_lower_its_rate() {
    let dull = || Marks { learned_nothing: true, ..marks(0..9, 5) };
    let told = "The run diverged or did not learn: lower --rate,";
    assert!(remark(&outcome(dull(), dull())).contains(told));
    // Of the recommended model.
    assert!(!remark(&outcome(dull(), marks(0..9, 5))).contains(told));
}

#[test]
fn seeds_are_compared_by_the_differences_within_each() {
    let runs = [outcome(marks(0..10, 5), marks(0..8, 5)), outcome(marks(0..40, 5), marks(0..36, 5))];
    let all: Vec<&Outcome> = runs.iter().collect();
    let expected = "The average minus the last iterate in each of 2 seeds: test error −1.50 ± 0.71 points, test NLL −0.0285 ± 0.0134.";
    assert_eq!(of_seeds(&all), expected);
    assert_eq!(of_seeds(&all[..1]), "");
}
