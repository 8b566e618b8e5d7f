//! The model comparison of replicas and of saved models with their votes, and the weights of an average of saved models.

use super::comparison::loss_short;
use super::table::{Table, fixed, mean_sd, row, significant};
use crate::host::evaluation::SavedModel;
use crate::host::prelude::*;
use crate::host::study::ensemble::{Comparison, Row};
use crate::host::study::posthoc::Synthesis;
use crate::host::study::soup::Soup;
use core::slice::from_ref;

/// Why the mean of replicas that are [apart](crate::host::plan::ReplicaPlan::is_apart) is shown with a warning.
pub const APART: &str = "Replicas with independent initial weights and no pull end in different basins of the loss, where \
                         their hidden units have different orders: the average of their weights is not a useful model. Their \
                         votes are not affected.";

/// Set and figure of each column.
const COLUMNS: [[usize; 2]; 5] = [[0, 0], [1, 0], [0, 1], [1, 1], [1, 2]];

/// A row for each model and vote; of several seeds mean ± standard deviation. A column without any figure is left out.
#[must_use]
pub fn of_votes(runs: &[Comparison]) -> Table {
    let Some(Comparison { rows, spec, has_classes }) = runs.first() else { return Table::default() };
    let fault = if *has_classes { "error, %" } else { "RMSE" };
    let names = [fault, loss_short(spec), "ECE, %"];
    let columns = COLUMNS.into_iter().filter(|&[set, figure]| rows.iter().any(|row| !row.sets[set][figure].is_nan()));
    let columns: Vec<[usize; 2]> = columns.collect();
    let cell = |r: usize, [set, figure]: [usize; 2]| {
        let values: Vec<f64> = runs.iter().filter_map(|run| Some(run.rows.get(r)?.sets[set][figure])).collect();
        mean_sd(&values, |x| match figure {
            0 if !has_classes => significant(x),
            1 => fixed(x, 4),
            _ => fixed(x, 2),
        })
    };
    let named = |(r, model): (usize, &Row)| row(&model.name, columns.iter().map(|&column| cell(r, column)));
    let titles = columns.iter().map(|&[set, figure]| format!("{} {}", ["validation", "test"][set], names[figure]));
    Table::new(row("", titles), rows.iter().enumerate().map(named))
}

/// The weight of each of the `models` in their average, and how good each of them and the average are.
#[must_use]
pub fn of_average(models: &[(String, SavedModel)], soup: &Soup) -> String {
    let names = models.iter().map(|(name, _)| vec![name.clone()]);
    let mut table =
        soup.comparison.as_ref().map_or_else(|| Table::new([""], names), |comparison| of_votes(from_ref(comparison)));
    table.header.insert(1, "weight".to_owned());
    let weight = |&weight: &f32| if weight != 0.0 { weight.to_string() } else { "–".to_owned() };
    let weights = soup.weights.iter().map(weight).chain([String::new()]);
    table.rows.iter_mut().zip(weights).for_each(|(row, weight)| row.insert(1, weight));
    let mut text = table.to_string();
    if let Some(Synthesis { width, residual, .. }) = &soup.synthesis {
        let missed = 100.0 * residual;
        text += &format!("\n\nA polynomial average of width {width:.3}, of whose weights {missed:.1} % are missed.");
    }
    if soup.comparison.is_none() {
        text += "\n\nThe models were not evaluated: give samples with --data to see how good they are.";
    }
    text
}
