//! The model comparison: the last iterate, the averages and the baseline of a run, or means over several seeds.

use super::regression;
use super::table::{Table, mean_sd};
use crate::host::evaluation::{Interval, Marks, error_percent};
use crate::host::prelude::*;
use crate::host::training::Outcome;
use crate::metrics::Score;
use crate::{Loss, Spec};

/// Rows of a comparison.
const ROWS: usize = 9;
/// Which of them holds the test error, and how many are percentages.
const TEST_ERROR: usize = 2;
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
    let models = models(outcome);
    let mut table = of_models(outcome, models.iter().map(|(name, marks)| (name.clone(), vec![*marks])).collect());
    if outcome.last_marks.regression.is_none() {
        let mut bounds = vec!["test error, 95 % interval".to_owned()];
        bounds.extend(models.iter().map(|(_, marks)| error_bounds(marks)));
        bounds.extend((table.header.len() > bounds.len()).then(|| bounds_of_change(&models)));
        table.rows.insert(TEST_ERROR + 1, bounds);
    }
    table
}

/// The figures of models of one run or of several, in which the models are those of `first`: a column each, and the change
/// from the last iterate to a single average.
fn of_models(first: &Outcome, models: Vec<(String, Vec<&Marks>)>) -> Table {
    if first.last_marks.regression.is_some() {
        return regression::table(&models);
    }
    let names = names(&first.spec);
    let of = |(name, marks): (String, Vec<&Marks>)| (name, marks.into_iter().map(figures).collect());
    let models: Vec<(String, Vec<_>)> = models.into_iter().map(of).collect();
    let is_single = models.len() == 2 && first.baseline.is_none();
    let rows = (0..ROWS).map(|i| {
        let of = |figures: &[[f64; ROWS]]| figures.iter().map(|figures| figures[i]).collect::<Vec<_>>();
        let mut row = vec![names[i].clone()];
        row.extend(models.iter().map(|(_, figures)| mean_sd(&of(figures), |x| figure(i, x))));
        row.extend(is_single.then(|| {
            let changes: Vec<f64> = of(&models[1].1).iter().zip(of(&models[0].1)).map(|(a, b)| a - b).collect();
            if let [one] = changes[..] { change(i, one) } else { mean_sd(&changes, |x| figure(i, x)) }
        }));
        row
    });
    let mut header = vec![String::new()];
    header.extend(models.iter().map(|(name, _)| name.clone()));
    header.extend(is_single.then(|| "change".to_owned()));
    Table { header, rows: rows.collect() }
}

/// Wilson's interval of the test error in percent.
fn error_bounds(marks: &Marks) -> String {
    let (samples, hits) = (marks.test.samples(), marks.test.hits());
    let interval = Interval::of_share(samples - hits, samples);
    format!("{:.2}–{:.2}", 100.0 * interval.low, 100.0 * interval.high)
}

/// The interval of the change from the first model to the second.
fn bounds_of_change(models: &[(String, &Marks)]) -> String {
    let [(_, last), (_, average)] = models else { return String::new() };
    let interval = average.results.errors_against(&last.results);
    let [low, high] = [interval.low, interval.high].map(|bound| change(TEST_ERROR, 100.0 * bound));
    format!("{low} to {high}")
}

/// The models that a run saves, the averages first: stem of the file, name, marks; of a posterior those of its mean.
pub(in crate::host) fn candidates(outcome: &Outcome) -> Vec<(String, String, &Marks)> {
    let is_single = outcome.averages.len() == 1;
    let averages = outcome.averages.iter().enumerate().map(|(i, average)| {
        let stem = if i == 0 { "average" } else { average.name };
        let name = if is_single { "average" } else { average.name };
        (stem.to_owned(), name.to_owned(), average.drawn.as_ref().map_or(&average.marks, |drawn| &drawn.mean))
    });
    averages.chain([("last".to_owned(), LAST.to_owned(), &outcome.last_marks)]).collect()
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
    of_models(first, models_of_seeds(outcomes))
}
