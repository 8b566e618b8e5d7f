//! The folds of a cross-validation as a table.

use super::comparison::{Measure, measures, models_of_seeds, test_rows};
use super::table::{Table, mean_sd, row};
use crate::host::prelude::*;
use crate::host::training::Outcome;

/// A row for each fold, and mean ± standard deviation: test error and loss of the last iterate and of the averages, or RMSE
/// and R².
#[must_use]
pub fn of_folds(outcomes: &[Outcome]) -> Table {
    let outcomes: Vec<&Outcome> = outcomes.iter().collect();
    let Some(first) = outcomes.first() else { return Table::default() };
    let measures = measures(&first.last_marks);
    let models = models_of_seeds(&outcomes);
    let columns: Vec<(String, &Measure, Vec<f64>)> = models
        .iter()
        .flat_map(|(model, marks)| {
            test_rows(&first.last_marks).map(|i| &measures[i]).map(|measure| {
                (format!("{model}: {}", measure.name(&first.spec).replacen("test ", "", 1)), measure, measure.of(marks))
            })
        })
        .collect();
    let of_fold = |(fold, outcome): (usize, &&Outcome)| {
        let epochs = outcome.best.unwrap_or(outcome.history.len() as u64);
        let shared = [outcome.last_marks.test.samples(), epochs].map(|n| n.to_string());
        let figures = columns.iter().map(|(_, measure, values)| measure.text(values[fold]));
        row((fold + 1).to_string(), shared.into_iter().chain(figures))
    };
    let mean = |(_, measure, values): &(String, &Measure, Vec<f64>)| mean_sd(values, |x| measure.text(x));
    let means = row("mean ± sd", [String::new(), String::new()].into_iter().chain(columns.iter().map(mean)));
    let header = ["fold", "test rows", "epochs"].map(str::to_owned).into_iter();
    Table::new(
        header.chain(columns.iter().map(|(name, ..)| name.clone())),
        outcomes.iter().enumerate().map(of_fold).chain([means]),
    )
}
