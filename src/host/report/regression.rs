//! RMSE, MAE and R² of models that predict numbers: of a run, and of a saved model.

use super::table::{Table, aligned, mean_sd, significant};
use crate::host::evaluation::{Interval, Marks, Regression, RegressionEvaluation, TargetEvaluation};
use crate::host::prelude::*;

const SETS: [&str; 3] = ["train", "validation", "test"];

/// A figure of a [`Regression`].
type Figure = fn(&Regression) -> f64;
const FIGURES: [(&str, Figure); 3] = [("RMSE", |r| r.rmse), ("MAE", |r| r.mae), ("R²", |r| r.r2)];

/// RMSE, MAE and R² on every set, a column a model: of one run, or mean ± standard deviation over several.
pub(in crate::host) fn table(models: &[(String, Vec<&Marks>)]) -> Table {
    let values = |marks: &[&Marks], set: usize, figure: Figure| -> Vec<f64> {
        marks.iter().filter_map(|marks| Some(figure(marks.regression.as_ref()?.get(set)?))).collect()
    };
    let rows = FIGURES.iter().flat_map(|&(name, figure)| {
        SETS.iter().enumerate().map(move |(set, set_name)| {
            let cell = |(_, marks): &(String, Vec<&Marks>)| cell(name, &values(marks, set, figure));
            [format!("{set_name} {name}")].into_iter().chain(models.iter().map(cell)).collect()
        })
    });
    let header = [String::new()].into_iter().chain(models.iter().map(|(name, _)| name.clone())).collect();
    let mut rows: Vec<Vec<String>> = rows.collect();
    if models.iter().all(|(_, marks)| marks.len() == 1) {
        let bounds = models.iter().flat_map(|(_, marks)| marks).map(|marks| bounds(&marks.results.loss()));
        rows.insert(SETS.len(), ["test RMSE, 95 % interval".to_owned()].into_iter().chain(bounds).collect());
    }
    Table { header, rows }
}

/// The interval of an RMSE, from that of the mean squared error.
fn bounds(squared: &Interval) -> String {
    between([squared.low.max(0.0).sqrt(), squared.high.sqrt()])
}

fn between(bounds: [f64; 2]) -> String {
    if bounds[1].is_finite() { bounds.map(significant).join("–") } else { "–".to_owned() }
}

fn cell(name: &str, values: &[f64]) -> String {
    mean_sd(values, |x| if name == "R²" { format!("{x:.4}") } else { significant(x) })
}

/// A row for each number and set.
#[must_use]
pub fn of_numbers(evaluation: &RegressionEvaluation) -> String {
    let sets = |t: &TargetEvaluation| [("train", Some(t.train)), ("validation", t.validation), ("test", Some(t.test))];
    let rows = evaluation.targets.iter().flat_map(|target| {
        let rows = sets(target).into_iter().filter_map(|(set, found)| Some((set, found?)));
        rows.map(|(set, r)| {
            let figures = [r.rmse, r.mae].map(significant);
            vec![
                target.name.clone(),
                set.to_owned(),
                r.samples.to_string(),
                figures[0].clone(),
                r.rmse_interval.map_or_else(|| "–".to_owned(), between),
                figures[1].clone(),
                if r.r2.is_nan() { "–".to_owned() } else { format!("{:.4}", r.r2) },
            ]
        })
    });
    aligned(&["target", "samples", "number", "RMSE", "95 % interval", "MAE", "R²"], rows)
}
