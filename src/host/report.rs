//! What a run has to say: a line an epoch, the last iterate against the average, several seeds in the mean.

use super::HostError;
use super::run::{Epoch, Marks, Outcome};
use crate::{Loss, Score, Spec};
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use std::borrow::ToOwned;
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
        "             {above}  training batches   validation        average of so many models\n\
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

/// A share in percent; a dash where there is none.
pub(super) fn percent(share: f64) -> String {
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
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.to_vec()).add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
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
        "test − train, points".to_owned(),
        "test ECE, %".to_owned(),
        format!("train {loss}"),
        format!("validation {loss}"),
        format!("test {loss}"),
        format!("test − train {loss}"),
    ]
}

/// Softmax cross-entropy is the negative log-likelihood of the class.
pub(super) fn loss_short(spec: &Spec) -> &'static str {
    if spec.loss_kind() == Loss::SoftmaxCrossEntropy { "NLL" } else { "loss" }
}

/// The figures of a model, in the order of [`names`]; NaN where there are none.
fn figures(marks: &Marks) -> [f64; ROWS] {
    let error = |s: &Score| 100.0 * (1.0 - s.hits() as f64 / s.samples() as f64);
    let loss = |s: &Score| f64::from(s.loss());
    let [a, b, c] = [&marks.train, &marks.validation, &marks.test].map(error);
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

/// The models of a run beside its last iterate: the averages, then the baseline.
fn others(outcome: &Outcome) -> Vec<(String, [f64; ROWS])> {
    let named = |name: &str| if outcome.averages.len() > 1 { format!("{name} of ") } else { "average of ".to_owned() };
    let averages = outcome.averages.iter().map(|a| (format!("{}{}", named(a.name), a.count), figures(&a.marks)));
    averages.chain(outcome.baseline.iter().map(|marks| (BASELINE.to_owned(), figures(marks)))).collect()
}

const BASELINE: &str = "decayed rate";

/// The last iterate against the averages and the baseline, and a sentence on what averaging gained.
#[must_use]
pub fn comparison(outcome: &Outcome) -> String {
    let last = figures(&outcome.last_marks);
    let names = names(&outcome.spec);
    let others = others(outcome);
    let is_single = others.len() == 1 && outcome.baseline.is_none();
    let rows = (0..ROWS).map(|i| {
        let mut row = vec![names[i].clone(), figure(i, last[i])];
        row.extend(others.iter().map(|(_, figures)| figure(i, figures[i])));
        row.extend(others.iter().filter(|_| is_single).map(|(_, figures)| change(i, figures[i] - last[i])));
        row
    });
    let mut header = vec!["", "last iterate"];
    header.extend(others.iter().map(|(name, _)| name.as_str()));
    header.extend(is_single.then_some("change"));
    let table = aligned(&header, rows);
    let Some(average) = outcome.averages.first() else { return table + "\n\nNothing was averaged." };
    if average.count == 1 {
        return table + "\n\nThe average holds a single model: more --epochs or an earlier --swa-start give it more.";
    }
    table + "\n\n" + &verdict(outcome, &last, &figures(&average.marks))
}

/// What the first average gained, and what chance makes.
fn verdict(outcome: &Outcome, last: &[f64; ROWS], average: &[f64; ROWS]) -> String {
    let loss = loss_short(&outcome.spec);
    let verb = if average[TEST_ERROR] < last[TEST_ERROR] { "lowers" } else { "does not lower" };
    let share = last[TEST_ERROR] / 100.0;
    let chance = 100.0 * (share * (1.0 - share) / outcome.last_marks.test.samples() as f64).sqrt();
    let mut text = format!(
        "Averaging {verb} the test error: {} points, where the choice of {} test samples alone makes {chance:.2}.\n\
         The gap between test and train {loss} goes from {:.4} to {:.4}.",
        change(TEST_ERROR, average[TEST_ERROR] - last[TEST_ERROR]),
        outcome.last_marks.test.samples(),
        last[LOSS_GAP],
        average[LOSS_GAP],
    );
    if let Some(baseline) = outcome.baseline.as_ref().map(figures) {
        let than = average[TEST_ERROR] - baseline[TEST_ERROR];
        let word = if than < 0.0 { "better" } else { "no better" };
        text += &format!(
            "\nIt is {word} than a rate that falls to zero over the same budget: {} points.",
            change(TEST_ERROR, than)
        );
    }
    text
}

/// Mean ± standard deviation over several seeds, and of the change within each seed.
#[must_use]
pub fn seeds(outcomes: &[&Outcome]) -> String {
    let Some(first) = outcomes.first() else { return String::new() };
    let names = names(&first.spec);
    let last: Vec<_> = outcomes.iter().map(|o| figures(&o.last_marks)).collect();
    // The same columns in each, or none.
    let all: Vec<_> = outcomes.iter().map(|o| others(o)).collect();
    let columns = all.iter().map(Vec::len).min().unwrap_or(0);
    let column = |c: usize, i: usize| all.iter().map(|others| others[c].1[i]).collect::<Vec<f64>>();
    let changes = |c: usize, i: usize| last.iter().zip(&all).map(|(l, others)| others[c].1[i] - l[i]).collect();
    let cell = |i: usize, values: Vec<f64>| {
        let (mean, sd) = mean_and_sd(&values);
        if mean.is_nan() { "–".to_owned() } else { format!("{} ± {}", figure(i, mean), figure(i, sd)) }
    };
    let is_single = columns == 1 && first.baseline.is_none();
    let rows = (0..ROWS).map(|i| {
        let mut row = vec![names[i].clone(), cell(i, last.iter().map(|l| l[i]).collect())];
        row.extend((0..columns).map(|c| cell(i, column(c, i))));
        row.extend((0..columns).filter(|_| is_single).map(|c| cell(i, changes(c, i))));
        row
    });
    let mut header = vec!["".to_owned(), "last iterate".to_owned()];
    let averages = first.averages.iter().map(|a| a.name.to_owned());
    header.extend(averages.chain(first.baseline.iter().map(|_| BASELINE.to_owned())).take(columns));
    if is_single {
        header[2] = "average".to_owned();
        header.push("change".to_owned());
    }
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    format!("{}\n\nMean ± standard deviation of {} seeds.", aligned(&header, rows), outcomes.len())
}

/// Mean and sample standard deviation (`n − 1`); the latter is 0 for a single value.
pub(super) fn mean_and_sd(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
    (mean, if values.len() > 1 { (squares / (n - 1.0)).sqrt() } else { 0.0 })
}

/// Writes the history as CSV, a line an epoch.
///
/// # Errors
/// [`HostError::File`].
pub fn write_history(path: &Path, history: &[Epoch]) -> Result<(), HostError> {
    let failed = |e: csv::Error| HostError::file(path)(io::Error::other(e));
    let mut writer = csv::Writer::from_path(path).map_err(failed)?;
    for epoch in history {
        writer.serialize(epoch).map_err(failed)?;
    }
    writer.flush().map_err(HostError::file(path))
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
