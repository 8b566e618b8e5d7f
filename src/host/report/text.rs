//! What a run has to say: a line an epoch, the last iterate against the average, several seeds in the mean.

use crate::host::HostError;
use crate::host::evaluation::regression::comparison as regression;
use crate::host::training::{Epoch, Marks, Outcome};
use crate::metrics::Score;
use crate::{Loss, Spec};
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, TableStyle};
use std::borrow::ToOwned;
use std::fmt;
use std::format;
use std::io;
use std::path::Path;
use std::string::String;
use std::vec;
use std::vec::Vec;

/// The columns of [`epoch_line`]; batch and noise scale where batches grow.
#[must_use]
pub fn epoch_header(grows: bool) -> String {
    let [above, names] = if grows { ["  growing batch", "   size   noise"] } else { [""; 2] };
    format!(
        "             {above}  training batches   validation        average of n models\n\
         epoch   rate{names}    loss    error    loss   error      n    loss   error     time"
    )
}

/// One line an epoch, under [`epoch_header`].
#[must_use]
pub fn epoch_line(e: &Epoch, grows: bool) -> String {
    let number = |x: Option<f32>| x.map_or_else(|| "–".to_owned(), |x| format!("{x:.4}"));
    let share = |x: Option<f32>| x.map_or_else(|| "–".to_owned(), |x| percent(f64::from(x)));
    let noise = e.noise_scale.map_or_else(|| "–".to_owned(), |scale| format!("{scale:.0}"));
    let batch = if grows { format!(" {:>6} {noise:>7}", e.batch) } else { String::new() };
    format!(
        "{:>5} {:>6}{batch} {:>7.4} {:>7} {:>8} {:>7} {:>6} {:>7} {:>7} {:>7.1}s",
        e.epoch,
        short(e.rate),
        e.train_loss,
        percent(e.train_error),
        number(e.validation_loss),
        share(e.validation_error),
        e.averaged,
        number(e.average_validation_loss),
        share(e.average_validation_error),
        e.seconds,
    )
}

/// Samples whose class was wrong, in percent; NaN without samples.
pub(in crate::host) fn error_percent(score: &Score) -> f64 {
    100.0 * (1.0 - score.hits() as f64 / score.samples() as f64)
}

/// A share in percent; a dash where there is none.
pub(in crate::host) fn percent(share: f64) -> String {
    if share.is_nan() { "–".to_owned() } else { format!("{:.2} %", 100.0 * share) }
}

/// A rate in at most six characters.
fn short(rate: f32) -> String {
    let plain = format!("{rate}");
    if plain.len() <= 6 { plain } else { format!("{rate:.0e}") }
}

/// A rule under the header and nothing else: narrow, and plain in a file.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::new(' ', '─', '─', ' '));

/// Rows of names and numbers as text, the numbers to the right.
#[must_use]
pub fn aligned(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.to_vec()).add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

/// Rows under a header, the first column names: text in a terminal, HTML on a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Names of the columns.
    pub header: Vec<String>,
    /// The rows, a cell a column.
    pub rows: Vec<Vec<String>>,
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let header: Vec<&str> = self.header.iter().map(String::as_str).collect();
        f.write_str(&aligned(&header, self.rows.clone()))
    }
}

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

/// A mean with its deviation where it is one of several values; a dash where there is none.
pub(in crate::host) fn mean_sd(mean: f64, sd: f64, values: usize, text: impl Fn(f64) -> String) -> String {
    match values {
        _ if mean.is_nan() => "–".to_owned(),
        1 => text(mean),
        _ => format!("{} ± {}", text(mean), text(sd)),
    }
}

/// Mean and sample standard deviation (`n − 1`); the latter is 0 for a single value.
pub(in crate::host) fn mean_and_sd(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
    (mean, if values.len() > 1 { (squares / (n - 1.0)).sqrt() } else { 0.0 })
}

/// The history as CSV, a line an epoch.
///
/// # Errors
/// None in practice: the rows are numbers.
pub fn history_csv(history: &[Epoch]) -> Result<Vec<u8>, HostError> {
    csv_bytes(|writer| history.iter().try_for_each(|epoch| writer.serialize(epoch)))
}

/// The history as JSON, an object an epoch, each in a line.
///
/// # Errors
/// None in practice, likewise.
pub fn history_lines(history: &[Epoch]) -> Result<Vec<u8>, HostError> {
    let mut lines = Vec::new();
    for epoch in history {
        serde_json::to_writer(&mut lines, epoch).map_err(|error| HostError::file(Path::new("JSON"))(error.into()))?;
        lines.push(b'\n');
    }
    Ok(lines)
}

/// What `write` gives a table as CSV.
pub(in crate::host) fn csv_bytes(
    write: impl FnOnce(&mut csv::Writer<Vec<u8>>) -> csv::Result<()>,
) -> Result<Vec<u8>, HostError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = write(&mut writer).map_err(io::Error::other);
    let bytes = written.and_then(|()| writer.into_inner().map_err(|error| io::Error::other(format!("{error}"))));
    bytes.map_err(HostError::file(Path::new("CSV")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_sd_of_known_values() {
        assert_eq!(mean_and_sd(&[1.0, 2.0, 3.0]), (2.0, 1.0));
        assert_eq!(mean_and_sd(&[4.0]), (4.0, 0.0));
    }

    #[test]
    fn rates_stay_short() {
        assert_eq!([short(0.001), short(0.1), short(0.000_123_4), short(1.0 / 3.0)], ["0.001", "0.1", "1e-4", "3e-1"]);
    }
}
