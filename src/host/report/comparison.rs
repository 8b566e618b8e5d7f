//! The model comparison: the last iterate, the averages and the baseline of a run, or means over several seeds.

use super::table::{Table, fixed, mean_sd, row, significant};
use crate::host::evaluation::{Interval, Marks, Regression, error_percent};
use crate::host::prelude::*;
use crate::host::training::Outcome;
use crate::{Loss, Spec};

/// A figure of a model: its name, in which `LOSS` stands for that of the loss, its digits behind the point, and itself, NaN where
/// there is none. Without a number of digits it has four significant ones.
pub(super) struct Measure(&'static str, Option<usize>, fn(&Marks) -> f64);

impl Measure {
    pub(super) fn name(&self, spec: &Spec) -> String {
        self.0.replace("LOSS", loss_short(spec))
    }

    pub(super) fn value(&self, marks: &Marks) -> f64 {
        self.2(marks)
    }

    pub(super) fn of(&self, marks: &[&Marks]) -> Vec<f64> {
        marks.iter().map(|marks| self.2(marks)).collect()
    }

    pub(super) fn text(&self, x: f64) -> String {
        self.1.map_or_else(|| significant(x), |digits| fixed(x, digits))
    }

    pub(super) fn change(&self, x: f64) -> String {
        let text = self.text(x);
        if x > 0.0 { format!("+{text}") } else { text }
    }
}

/// Which row stands above the 95 % interval.
pub(super) const TEST: usize = 2;
/// Those of the loss on the training and on the test samples.
pub(super) const LOSSES: [usize; 2] = [5, 7];
/// That of R² on the test samples.
const R2: usize = 8;

const OF_CLASSES: [Measure; 9] = [
    Measure("train error, %", Some(2), |m| error_percent(&m.train)),
    Measure("validation error, %", Some(2), |m| error_percent(&m.validation)),
    Measure("test error, %", Some(2), |m| error_percent(&m.test)),
    Measure("test − train error, points", Some(2), |m| error_percent(&m.test) - error_percent(&m.train)),
    Measure("test ECE, %", Some(2), |m| m.calibration.map_or(f64::NAN, |c| 100.0 * f64::from(c.ece()))),
    Measure("train LOSS", Some(4), |m| m.train.loss().into()),
    Measure("validation LOSS", Some(4), |m| m.validation.loss().into()),
    Measure("test LOSS", Some(4), |m| m.test.loss().into()),
    Measure("test − train LOSS", Some(4), |m| f64::from(m.test.loss()) - f64::from(m.train.loss())),
];

const OF_NUMBERS: [Measure; 9] = [
    Measure("train RMSE", None, |m| regression(m, 0, |r| r.rmse)),
    Measure("validation RMSE", None, |m| regression(m, 1, |r| r.rmse)),
    Measure("test RMSE", None, |m| regression(m, 2, |r| r.rmse)),
    Measure("train MAE", None, |m| regression(m, 0, |r| r.mae)),
    Measure("validation MAE", None, |m| regression(m, 1, |r| r.mae)),
    Measure("test MAE", None, |m| regression(m, 2, |r| r.mae)),
    Measure("train R²", Some(4), |m| regression(m, 0, |r| r.r2)),
    Measure("validation R²", Some(4), |m| regression(m, 1, |r| r.r2)),
    Measure("test R²", Some(4), |m| regression(m, 2, |r| r.r2)),
];

fn regression(marks: &Marks, set: usize, figure: fn(&Regression) -> f64) -> f64 {
    marks.regression.as_ref().map_or(f64::NAN, |sets| figure(&sets[set]))
}

/// What models of classes or of numbers are compared by.
pub(super) fn measures(marks: &Marks) -> &'static [Measure; 9] {
    if marks.regression.is_some() { &OF_NUMBERS } else { &OF_CLASSES }
}

/// The rows with the error and the loss, or the RMSE and R², on the test samples.
pub(super) fn test_rows(marks: &Marks) -> [usize; 2] {
    [TEST, if marks.regression.is_some() { R2 } else { LOSSES[1] }]
}

/// Softmax cross-entropy is the negative log-likelihood of the class.
pub(super) fn loss_short(spec: &Spec) -> &'static str {
    if spec.loss_kind() == Loss::SoftmaxCrossEntropy { "NLL" } else { "loss" }
}

/// The models of a run: the last iterate, the averages, the baseline.
pub(super) fn models(outcome: &Outcome) -> Vec<(String, &Marks)> {
    let named = |kind| if outcome.averages.len() > 1 { kind } else { "average" };
    let last = [(LAST.to_owned(), &outcome.last_marks)].into_iter();
    let averages = outcome.averages.iter().map(|a| (format!("{} of {}", named(a.name), a.count), &a.marks));
    last.chain(averages).chain(outcome.baseline.iter().map(|marks| (BASELINE.to_owned(), marks))).collect()
}

pub(super) const LAST: &str = "last iterate";
pub(super) const BASELINE: &str = "baseline";

/// The last iterate against the averages and the baseline.
#[must_use]
pub fn comparison(outcome: &Outcome) -> Table {
    let models = models(outcome);
    let mut table = of_models(outcome, models.iter().map(|(name, marks)| (name.clone(), vec![*marks])).collect());
    let mut bounds = row(
        measures(&outcome.last_marks)[TEST].0.replace(", %", "") + ", 95 % interval",
        models.iter().map(|(_, marks)| bounds_of_test(marks)),
    );
    bounds.extend((table.header.len() > bounds.len()).then(|| bounds_of_change(&models)));
    table.rows.insert(TEST + 1, bounds);
    table
}

/// The figures of models of one run or of several, in which the models are those of `first`: a column each, and of classes the
/// change from the last iterate to a single average.
fn of_models(first: &Outcome, models: Vec<(String, Vec<&Marks>)>) -> Table {
    let has_change = models.len() == 2 && first.baseline.is_none() && first.last_marks.regression.is_none();
    let rows = measures(&first.last_marks).iter().map(|measure| {
        let all: Vec<Vec<f64>> = models.iter().map(|(_, marks)| measure.of(marks)).collect();
        let change = has_change.then(|| {
            let changes: Vec<f64> = all[1].iter().zip(&all[0]).map(|(a, b)| a - b).collect();
            if let [one] = changes[..] { measure.change(one) } else { mean_sd(&changes, |x| measure.text(x)) }
        });
        let cells = all.iter().map(|values| mean_sd(values, |x| measure.text(x)));
        row(measure.name(&first.spec), cells.chain(change))
    });
    let names = models.iter().map(|(name, _)| name.clone());
    Table::new(row("", names.chain(has_change.then(|| "change".to_owned()))), rows)
}

/// The interval of the test error in percent (Wilson), or of the RMSE, from that of the mean squared error.
fn bounds_of_test(marks: &Marks) -> String {
    let text = |[low, high]: [f64; 2], text: &dyn Fn(f64) -> String| format!("{}–{}", text(low), text(high));
    if marks.regression.is_none() {
        let (samples, hits) = (marks.test.samples(), marks.test.hits());
        let interval = Interval::of_share(samples - hits, samples);
        return text([interval.low, interval.high], &|x| fixed(100.0 * x, 2));
    }
    let squared = marks.results.loss();
    if !squared.high.is_finite() {
        return "–".to_owned();
    }
    text([squared.low.max(0.0), squared.high].map(f64::sqrt), &significant)
}

/// The interval of the change from the first model to the second.
fn bounds_of_change(models: &[(String, &Marks)]) -> String {
    let [(_, last), (_, average)] = models else { return String::new() };
    let interval = average.results.errors_against(&last.results);
    let [low, high] = [interval.low, interval.high].map(|bound| OF_CLASSES[TEST].change(100.0 * bound));
    format!("{low} to {high}")
}

/// The models that a run saves, the averages first: stem of the file, name, marks; of a posterior those of its mean.
pub(super) fn candidates(outcome: &Outcome) -> Vec<(String, String, &Marks)> {
    let is_single = outcome.averages.len() == 1;
    let averages = outcome.averages.iter().enumerate().map(|(i, average)| {
        let stem = if i == 0 { "average" } else { average.name };
        let name = if is_single { "average" } else { average.name };
        (stem.to_owned(), name.to_owned(), average.drawn.as_ref().map_or(&average.marks, |drawn| &drawn.mean))
    });
    averages.chain([("last".to_owned(), LAST.to_owned(), &outcome.last_marks)]).collect()
}

/// The models of several seeds, those that each of them has: a name, and the marks of every seed.
pub(super) fn models_of_seeds<'a>(outcomes: &[&'a Outcome]) -> Vec<(String, Vec<&'a Marks>)> {
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
