//! The model comparison: the last iterate, the averages and the baseline of a run, or means over several seeds.

use super::regression;
use super::table::{Table, mean_sd};
use crate::host::evaluation::{Marks, error_percent, mean_and_sd};
use crate::host::prelude::*;
use crate::host::training::Outcome;
use crate::metrics::Score;
use crate::{Loss, Spec};

/// Rows of a comparison.
const ROWS: usize = 9;
/// Which of them hold the test error and the gap of the loss, and how many are percentages.
const TEST_ERROR: usize = 2;
const LOSS_GAP: usize = 8;
const PERCENTAGES: usize = 5;

/// The names of the rows of a comparison.
fn names(spec: &Spec) -> [String; ROWS] {
    let loss = loss_short(spec);
    [
        "train error, %".to_owned(),
        "validation error, %".to_owned(),
        "test error, %".to_owned(),
        "test − train error, points".to_owned(),
        "test ECE, %".to_owned(),
        format!("train {loss}"),
        format!("validation {loss}"),
        format!("test {loss}"),
        format!("test − train {loss}"),
    ]
}

/// Softmax cross-entropy is the negative log-likelihood of the class.
pub(in crate::host) fn loss_short(spec: &Spec) -> &'static str {
    if spec.loss_kind() == Loss::SoftmaxCrossEntropy { "NLL" } else { "loss" }
}

/// The figures of a model, in the order of [`names`]; NaN where there are none.
fn figures(marks: &Marks) -> [f64; ROWS] {
    let loss = |s: &Score| f64::from(s.loss());
    let [a, b, c] = [&marks.train, &marks.validation, &marks.test].map(error_percent);
    let [e, f, g] = [&marks.train, &marks.validation, &marks.test].map(loss);
    let ece = marks.calibration.as_ref().map_or(f64::NAN, |c| 100.0 * f64::from(c.ece()));
    [a, b, c, c - a, ece, e, f, g, g - e]
}

/// A figure with the digits that its row deserves.
fn figure(row: usize, x: f64) -> String {
    match (x.is_nan(), row < PERCENTAGES) {
        (true, _) => "–".to_owned(),
        (false, true) => format!("{x:.2}"),
        (false, false) => format!("{x:.4}"),
    }
}

fn change(row: usize, x: f64) -> String {
    let text = figure(row, x);
    if x > 0.0 { format!("+{text}") } else { text }
}

/// The models of a run: the last iterate, the averages, the baseline.
pub(in crate::host) fn models(outcome: &Outcome) -> Vec<(String, &Marks)> {
    let named = |name: &str| if outcome.averages.len() > 1 { format!("{name} of ") } else { "average of ".to_owned() };
    let last = [(LAST.to_owned(), &outcome.last_marks)].into_iter();
    let averages = outcome.averages.iter().map(|a| (format!("{}{}", named(a.name), a.count), &a.marks));
    last.chain(averages).chain(outcome.baseline.iter().map(|marks| (BASELINE.to_owned(), marks))).collect()
}

const LAST: &str = "last iterate";
pub(in crate::host) const BASELINE: &str = "baseline";

/// The last iterate against the averages and the baseline.
#[must_use]
pub fn comparison(outcome: &Outcome) -> Table {
    if outcome.last_marks.regression.is_some() {
        let models: Vec<_> = models(outcome).into_iter().map(|(name, marks)| (name, vec![marks])).collect();
        return regression::table(&models);
    }
    let names = names(&outcome.spec);
    let models: Vec<_> = models(outcome).into_iter().map(|(name, marks)| (name, figures(marks))).collect();
    let is_single = models.len() == 2 && outcome.baseline.is_none();
    let rows = (0..ROWS).map(|i| {
        let mut row = vec![names[i].clone()];
        row.extend(models.iter().map(|(_, figures)| figure(i, figures[i])));
        row.extend(is_single.then(|| change(i, models[1].1[i] - models[0].1[i])));
        row
    });
    let mut header = vec![String::new()];
    header.extend(models.iter().map(|(name, _)| name.clone()));
    header.extend(is_single.then(|| "change".to_owned()));
    Table { header, rows: rows.collect() }
}

/// What averaging gained, in a sentence or two.
#[must_use]
pub fn remark(outcome: &Outcome) -> String {
    match outcome.averages.first() {
        _ if outcome.last_marks.regression.is_some() => regression::remark(outcome),
        None => "No average was computed.".to_owned(),
        Some(average) if average.count == 1 => {
            "The average contains a single model: use more --epochs or an earlier --swa-start.".to_owned()
        }
        Some(average) => verdict(outcome, &figures(&outcome.last_marks), &figures(&average.marks)),
    }
}

/// What the first average gained, and what chance makes.
fn verdict(outcome: &Outcome, last: &[f64; ROWS], average: &[f64; ROWS]) -> String {
    let loss = loss_short(&outcome.spec);
    let verb = if average[TEST_ERROR] < last[TEST_ERROR] { "lowers" } else { "does not lower" };
    let share = last[TEST_ERROR] / 100.0;
    let chance = 100.0 * (share * (1.0 - share) / outcome.last_marks.test.samples() as f64).sqrt();
    let mut text = format!(
        "Averaging {verb} the test error: {} percentage points.\n\
         The standard error of the test error on {} samples is {chance:.2} points.\n\
         The gap between test and train {loss} changes from {:.4} to {:.4}.",
        change(TEST_ERROR, average[TEST_ERROR] - last[TEST_ERROR]),
        outcome.last_marks.test.samples(),
        last[LOSS_GAP],
        average[LOSS_GAP],
    );
    if let Some(baseline) = outcome.baseline.as_ref().map(figures) {
        let than = average[TEST_ERROR] - baseline[TEST_ERROR];
        let word = if than < 0.0 { "better" } else { "not better" };
        text += &format!(
            "\nThe average is {word} than the baseline: {} percentage points of test error.",
            change(TEST_ERROR, than)
        );
    }
    text
}

/// The models of several seeds, those that each of them has: a name, and the marks of every seed.
pub(in crate::host) fn models_of_seeds<'a>(outcomes: &[&'a Outcome]) -> Vec<(String, Vec<&'a Marks>)> {
    let Some(first) = outcomes.first() else { return Vec::new() };
    let averages = match &first.averages[..] {
        [_] if first.baseline.is_none() => vec!["average"],
        averages => averages.iter().map(|average| average.name).collect(),
    };
    let names = [LAST].into_iter().chain(averages).chain(first.baseline.iter().map(|_| BASELINE));
    let all: Vec<_> = outcomes.iter().map(|outcome| models(outcome)).collect();
    let columns = all.iter().map(Vec::len).min().unwrap_or(0);
    let of = |c: usize| all.iter().map(|models| models[c].1).collect();
    names.take(columns).enumerate().map(|(c, name)| (name.to_owned(), of(c))).collect()
}

/// Mean ± standard deviation over several seeds, and of the change within each seed.
#[must_use]
pub fn seeds(outcomes: &[&Outcome]) -> Table {
    let Some(first) = outcomes.first() else { return Table::default() };
    if first.last_marks.regression.is_some() {
        return regression::table(&models_of_seeds(outcomes));
    }
    let names = names(&first.spec);
    let models: Vec<(String, Vec<_>)> = models_of_seeds(outcomes)
        .into_iter()
        .map(|(name, marks)| (name, marks.into_iter().map(figures).collect()))
        .collect();
    let is_single = models.len() == 2 && first.baseline.is_none();
    let cell = |i: usize, values: Vec<f64>| {
        let (mean, sd) = mean_and_sd(&values);
        mean_sd(mean, sd, values.len(), |x| figure(i, x))
    };
    let rows = (0..ROWS).map(|i| {
        let mut row = vec![names[i].clone()];
        row.extend(models.iter().map(|(_, of)| cell(i, of.iter().map(|figures| figures[i]).collect())));
        let changes = || models[0].1.iter().zip(&models[1].1).map(|(last, average)| average[i] - last[i]);
        row.extend(is_single.then(|| cell(i, changes().collect())));
        row
    });
    let mut header = vec![String::new()];
    header.extend(models.iter().map(|(name, _)| name.clone()));
    header.extend(is_single.then(|| "change".to_owned()));
    Table { header, rows: rows.collect() }
}
