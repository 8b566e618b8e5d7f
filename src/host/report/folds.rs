//! The folds of a cross-validation as a table.

use super::comparison::models_of_seeds;
use super::table::{Table, mean_sd, significant};
use crate::host::evaluation::{Marks, error_percent};
use crate::host::prelude::*;
use crate::host::training::Outcome;

/// A row for each fold, and mean ± standard deviation: test error and loss of the last iterate and of the averages, or RMSE
/// and R².
#[must_use]
pub fn of_folds(outcomes: &[Outcome]) -> Table {
    let outcomes: Vec<&Outcome> = outcomes.iter().collect();
    let Some(first) = outcomes.first() else { return Table::default() };
    let names = if first.last_marks.regression.is_some() { ["RMSE", "R²"] } else { ["error, %", "loss"] };
    let models = models_of_seeds(&outcomes);
    let columns: Vec<(String, usize, Vec<f64>)> = models
        .iter()
        .flat_map(|(model, marks)| {
            let of = move |i: usize| marks.iter().map(|marks| figures(marks)[i]).collect();
            [0, 1].map(|i| (format!("{model}: {}", names[i]), i, of(i)))
        })
        .collect();
    let text = |i: usize, x: f64| match (names[i], x) {
        (_, x) if x.is_nan() => "–".to_owned(),
        ("RMSE", x) => significant(x),
        ("error, %", x) => format!("{x:.2}"),
        _ => format!("{x:.4}"),
    };
    let row = |fold: usize| {
        let outcome = outcomes[fold];
        let epochs = outcome.best.unwrap_or(outcome.history.len() as u64);
        let shared = [(fold + 1).to_string(), outcome.last_marks.test.samples().to_string(), epochs.to_string()];
        shared.into_iter().chain(columns.iter().map(|(_, i, values)| text(*i, values[fold]))).collect()
    };
    let mean = |(_, i, values): &(String, usize, Vec<f64>)| mean_sd(values, |x| text(*i, x));
    let means = ["mean ± sd", "", ""].map(str::to_owned).into_iter().chain(columns.iter().map(mean)).collect();
    let header = ["fold", "test rows", "epochs"].map(str::to_owned).into_iter();
    Table {
        header: header.chain(columns.iter().map(|(name, ..)| name.clone())).collect(),
        rows: (0..outcomes.len()).map(row).chain([means]).collect(),
    }
}

/// On the test.
fn figures(marks: &Marks) -> [f64; 2] {
    match &marks.regression {
        Some([_, _, test]) => [test.rmse, test.r2],
        None => [error_percent(&marks.test), marks.test.loss().into()],
    }
}
