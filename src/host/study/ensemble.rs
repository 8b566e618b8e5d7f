//! What several models of one network are worth: alone, averaged, and by their votes.

use super::soup::check_weights;
use crate::host::HostError;
use crate::host::data::Dataset;
use crate::host::evaluation::{Evaluator, Tally, VOTES, poll};
use crate::host::files::SavedModel;
use crate::host::plan::{Plan, loss_name};
use crate::host::report::text::{Table, error_percent, loss_short, mean_and_sd, mean_sd};
use crate::host::training::{Averaged, Marks, split};
use crate::metrics::Score;
use crate::replicas::Vote;
use crate::{Loss, Spec};
use core::fmt;
use std::borrow::ToOwned;
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

/// A set's figures: error in percent, loss, expected calibration error in percent; NaN where there is none.
type Figures = [f64; 3];

/// A name, validation and test figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(String, [Figures; 2]);

/// Rows under one header; as text, a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    rows: Vec<Row>,
    /// The loss, in short.
    loss: &'static str,
}

impl Comparison {
    /// As a table.
    #[must_use]
    pub fn table(&self) -> Table {
        let figure = |x: f64, digits: usize| if x.is_nan() { "–".to_owned() } else { format!("{x:.digits$}") };
        let cells = self.rows.iter().map(|Row(name, figures)| {
            let cell = |[set, i, digits]: [usize; 3]| figure(figures[set][i], digits);
            [vec![name.clone()], COLUMNS.map(cell).to_vec()].concat()
        });
        under_header(self.loss, cells.collect())
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table().fmt(f)
    }
}

/// Set, figure and digits of each column.
const COLUMNS: [[usize; 3]; 5] = [[0, 0, 2], [1, 0, 2], [0, 1, 4], [1, 1, 4], [1, 2, 2]];

fn under_header(loss: &str, rows: Vec<Vec<String>>) -> Table {
    let [validation, test] = ["validation", "test"].map(|set| format!("{set} {loss}"));
    let header = ["", "validation error, %", "test error, %", &validation, &test, "test ECE, %"];
    Table { header: header.map(str::to_owned).to_vec(), rows }
}

/// A row for each of the models, for what one of them is worth, for other mixes of their weights, and for their votes,
/// weighted if there are weights. Validation samples are those that training with `plan` sets apart; models of another
/// loss than softmax cross-entropy have no votes.
///
/// # Errors
/// [`HostError::Usage`] for no models, or weights that are out of range or without votes, [`HostError::Mismatch`] for
/// different networks or data, [`HostError::Core`] for outputs that are not finite.
pub fn compare(
    models: &[(String, SavedModel)],
    mixes: &[(String, SavedModel)],
    weights: Option<&[f32]>,
    data: &Dataset,
    plan: &Plan,
) -> Result<Comparison, HostError> {
    let Some((first, kin @ SavedModel { spec, .. })) = models.first() else {
        return Err(HostError::Usage("no models".to_owned()));
    };
    models.iter().chain(mixes).try_for_each(|(name, model)| kin.check_kin(first, model, name))?;
    let has_votes = spec.loss_kind() == Loss::SoftmaxCrossEntropy;
    if let Some(weights) = weights {
        check_weights(weights, models.len())?;
        if !has_votes {
            let loss = loss_name(spec.loss_kind());
            return Err(HostError::Usage(format!("--weights need votes, but models with the loss {loss} have none")));
        }
    }
    let (train, validation) = split(data.train.len(), plan)?;
    let mut evaluator = Evaluator::new(spec, data)?;
    let test: Vec<u32> = (0..data.test.len() as u32).collect();
    let sets = [(&data.train, &validation[..]), (&data.test, &test[..])];
    let mut rows = Vec::new();
    for (name, model) in models.iter().chain(mixes) {
        rows.push(row(name, &evaluator.marks(&model.params, data, &train, &validation)?));
    }
    rows.insert(models.len(), one_of(&rows[..models.len()]));
    if has_votes {
        let [validation, test] = poll(spec, sets, |polls| {
            for (i, (_, model)) in models.iter().enumerate() {
                let weight = weights.map_or(1.0, |weights| weights[i]);
                if weight == 0.0 {
                    continue;
                }
                polls.iter_mut().try_for_each(|poll| poll.ask(&mut evaluator, &model.params, weight))?;
            }
            Ok(())
        })?;
        rows.extend(votes([validation, test], ""));
    }
    Ok(Comparison { rows, loss: loss_short(spec) })
}

/// A table of the same rows for several seeds: mean ± standard deviation.
#[must_use]
pub fn seeds(runs: &[Comparison]) -> Table {
    let Some(Comparison { rows, loss }) = runs.first() else { return Table::default() };
    let cells = rows.iter().enumerate().map(|(r, Row(name, _))| {
        let cell = |[set, figure, digits]: [usize; 3]| {
            let values: Vec<f64> = runs.iter().filter_map(|run| Some(run.rows.get(r)?.1[set][figure])).collect();
            let (mean, sd) = mean_and_sd(&values);
            mean_sd(mean, sd, values.len(), |x| format!("{x:.digits$}"))
        };
        [vec![name.clone()], COLUMNS.map(cell).to_vec()].concat()
    });
    under_header(loss, cells.collect())
}

/// What the draws from the posteriors among these averages predict together, if there are any.
#[must_use]
pub fn draws(averages: &[Averaged], spec: &Spec) -> Option<Comparison> {
    let rows: Vec<Row> = averages.iter().flat_map(|average| average.draws.clone()).collect();
    (!rows.is_empty()).then(|| Comparison { rows, loss: loss_short(spec) })
}

/// The row of a model.
fn row(name: &str, marks: &Marks) -> Row {
    let figures = |score: Score, ece: f32| {
        let error = if marks.regression.is_none() { error_percent(&score) } else { f64::NAN };
        [error, score.loss().into(), ece.into()]
    };
    let ece = marks.calibration.map_or(f32::NAN, |calibration| 100.0 * calibration.ece());
    Row(name.to_owned(), [figures(marks.validation, f32::NAN), figures(marks.test, ece)])
}

/// The rows of every vote, from its counts on validation and test samples.
fn votes(sets: [[Tally; 3]; 2], whose: &str) -> Vec<Row> {
    let row =
        |(i, (name, vote)): (usize, (&str, Vote))| Row(format!("{name}{whose}"), sets.map(|set| set[i].figures(vote)));
    VOTES.into_iter().enumerate().map(row).collect()
}

/// The rows of a posterior: the mean of its weights, and the votes of so many draws.
pub(in crate::host) fn of_draws(name: &str, mean: &Marks, draws: u32, sets: [[Tally; 3]; 2]) -> Vec<Row> {
    let mut rows = vec![row(&format!("{name}, mean weights"), mean)];
    rows.extend(votes(sets, &format!(" of {draws} draws")));
    rows
}

/// Means over the models.
fn one_of(rows: &[Row]) -> Row {
    let mean = |set: usize, i: usize| {
        let values: Vec<f64> = rows.iter().map(|Row(_, figures)| figures[set][i]).collect();
        mean_and_sd(&values).0
    };
    Row("mean of the models above".to_owned(), [0, 1].map(|set| [0, 1, 2].map(|i| mean(set, i))))
}
