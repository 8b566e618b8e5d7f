//! The model comparison of replicas and of saved models with their votes, and the weights of an average of saved models.

use super::comparison::loss_short;
use super::table::{Table, aligned, mean_sd};
use crate::host::evaluation::{SavedModel, error_percent, mean_and_sd};
use crate::host::prelude::*;
use crate::host::study::ensemble::Comparison;
use crate::host::study::soup::Soup;
use crate::metrics::Score;

/// Why the mean of replicas that are [apart](crate::host::plan::ReplicaPlan::is_apart) is shown with a warning.
pub const APART: &str = "Replicas with independent initial weights and no pull end in different basins of the loss, where \
                         their hidden units have different orders: the average of their weights is not a useful model. Their \
                         votes are not affected.";

/// Set, figure and digits of each column.
const COLUMNS: [[usize; 3]; 5] = [[0, 0, 2], [1, 0, 2], [0, 1, 4], [1, 1, 4], [1, 2, 2]];

/// A row for each model and vote.
#[must_use]
pub fn of_votes(comparison: &Comparison) -> Table {
    of_vote_seeds(std::slice::from_ref(comparison))
}

/// The same rows for several seeds: mean ± standard deviation.
#[must_use]
pub fn of_vote_seeds(runs: &[Comparison]) -> Table {
    let Some(Comparison { rows, spec }) = runs.first() else { return Table::default() };
    let cells = rows.iter().enumerate().map(|(r, row)| {
        let cell = |[set, figure, digits]: [usize; 3]| {
            let values: Vec<f64> = runs.iter().filter_map(|run| Some(run.rows.get(r)?.sets[set][figure])).collect();
            let (mean, sd) = mean_and_sd(&values);
            mean_sd(mean, sd, values.len(), |x| format!("{x:.digits$}"))
        };
        [vec![row.name.clone()], COLUMNS.map(cell).to_vec()].concat()
    });
    let [validation, test] = ["validation", "test"].map(|set| format!("{set} {}", loss_short(spec)));
    let header = ["", "validation error, %", "test error, %", &validation, &test, "test ECE, %"];
    Table { header: header.map(str::to_owned).to_vec(), rows: cells.collect() }
}

/// The weight of each of the `models` in their average, and the error and loss of each and of the average.
#[must_use]
pub fn of_average(models: &[(String, SavedModel)], soup: &Soup) -> String {
    let weight = |&weight: &f32| if weight > 0.0 { weight.to_string() } else { "–".to_owned() };
    let names = models.iter().map(|(name, _)| name.clone()).zip(soup.weights.iter().map(weight));
    if soup.scores.is_empty() {
        let table = aligned(&["", "weight"], names.map(|(name, weight)| vec![name, weight]));
        return format!("{table}\n\nThe models were not evaluated: give samples with --data to see their errors.");
    }
    let share = |s: &Score| format!("{:.2}", error_percent(s));
    let error = |s: &Score| if soup.has_classes { share(s) } else { "–".to_owned() };
    let loss = |s: &Score| format!("{:.4}", s.loss());
    let names = names.chain([("average".to_owned(), String::new())]);
    let cells = names.zip(&soup.scores).map(|((name, weight), [validation, test])| {
        vec![name, weight, error(validation), error(test), loss(validation), loss(test)]
    });
    aligned(&["", "weight", "validation error, %", "test error, %", "validation loss", "test loss"], cells)
}
