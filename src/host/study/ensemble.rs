//! Errors and losses of several models of one network: of each, of their averages, and of their votes.

use crate::host::HostError;
use crate::host::data::{Dataset, Split};
use crate::host::evaluation::{
    Evaluator, Marks, Regression, Results, SavedModel, Tally, VOTES, error_percent, mean_and_sd, poll,
};
use crate::host::plan::loss_name;
use crate::host::prelude::*;
use crate::host::training::Averaged;
use crate::replicas::Vote;
use crate::{Loss, Spec};

/// Errors and losses of one model, or of a vote of several.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// Which.
    pub name: String,
    /// On validation and on test samples the error in percent, of numbers the RMSE, the loss, and the expected calibration
    /// error in percent; NaN where there is none.
    pub sets: [[f64; 3]; 2],
    /// What it made of each test sample; nothing of a mean over models.
    pub results: Results,
}

/// A comparison of models of one network.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// One after the other.
    pub rows: Vec<Row>,
    /// The network.
    pub spec: Spec,
    /// Whether it predicts classes, so that rows have errors, not an RMSE.
    pub has_classes: bool,
}

/// A row for each of the models, for the mean of these rows, for averages of their weights, and for their votes,
/// weighted if there are weights; of numbers the mean of the outputs is the only vote. Validation samples are those that
/// `split` holds out; models of classes with another loss than softmax cross-entropy have no votes.
///
/// # Errors
/// [`HostError::Usage`] for no models, or weights that are out of range or without votes, [`HostError::Mismatch`] for
/// different networks or data, [`HostError::Core`] for outputs that are not finite.
pub fn compare(
    models: &[(String, SavedModel)],
    mixes: &[(String, SavedModel)],
    weights: Option<&[f32]>,
    data: &Dataset,
    split: Split,
) -> Result<Comparison, HostError> {
    let Some((first, kin @ SavedModel { spec, .. })) = models.first() else {
        return Err(HostError::Usage("no models".to_owned()));
    };
    models.iter().chain(mixes).try_for_each(|(name, model)| kin.check_kin(first, model, name))?;
    let has_classes = data.train.has_classes();
    let has_votes = !has_classes || spec.loss_kind() == Loss::SoftmaxCrossEntropy;
    if let Some(weights) = weights {
        check_weights(weights, models.len())?;
        if !has_votes {
            let loss = loss_name(spec.loss_kind());
            return Err(HostError::Usage(format!("--weights need votes, but models with the loss {loss} have none")));
        }
    }
    let (_, validation) = data.split(split)?;
    let mut evaluator = Evaluator::new(spec, data)?;
    let test: Vec<u32> = (0..data.test.len() as u32).collect();
    let sets = [(&data.train, &validation[..]), (&data.test, &test[..])];
    let mut rows = Vec::new();
    for (name, model) in models.iter().chain(mixes) {
        rows.push(row(name, &evaluator.marks(&model.params, data, &[], &validation)?));
    }
    rows.insert(models.len(), one_of(&rows[..models.len()]));
    let weight = |i: usize| weights.map_or(1.0, |weights| weights[i]);
    let voters: Vec<(&[f32], f32)> =
        models.iter().enumerate().map(|(i, (_, model))| (&*model.params, weight(i))).collect();
    let voters: Vec<_> = voters.into_iter().filter(|(_, weight)| *weight != 0.0).collect();
    if !has_classes {
        let units = data.units.as_ref().filter(|_| spec.targets() == 1);
        let mut vote = |(samples, indices)| {
            let (score, outputs) = evaluator.mean_outputs(&voters, samples, indices)?;
            let (off, results) = Regression::mean(samples, indices, &outputs, units);
            Ok::<_, HostError>(([off.rmse, score.loss().into(), f64::NAN], results))
        };
        let [(validation, _), (test, results)] = [vote(sets[0])?, vote(sets[1])?];
        rows.push(Row { name: "vote (mean of the outputs)".to_owned(), sets: [validation, test], results });
    } else if has_votes {
        let [validation, test] = poll(spec, sets, |polls| {
            voters.iter().try_for_each(|(params, weight)| {
                polls.iter_mut().try_for_each(|poll| poll.ask(&mut evaluator, params, *weight))
            })
        })?;
        rows.extend(votes(&[validation, test], ""));
    }
    Ok(Comparison { rows, spec: *spec, has_classes })
}

/// What the draws from the posteriors among these averages predict together, if there are any.
#[must_use]
pub fn draws(averages: &[Averaged], spec: &Spec) -> Option<Comparison> {
    let of = |Averaged { name, drawn, .. }: &Averaged| {
        let Some(drawn) = drawn else { return Vec::new() };
        let mut rows = vec![row(&format!("{name}, mean weights"), &drawn.mean)];
        rows.extend(votes(&drawn.votes, &format!(" of {} draws", drawn.draws)));
        rows
    };
    let rows: Vec<Row> = averages.iter().flat_map(of).collect();
    (!rows.is_empty()).then_some(Comparison { rows, spec: *spec, has_classes: true })
}

/// The row of a model.
pub(super) fn row(name: &str, marks: &Marks) -> Row {
    let Marks { validation, test, calibration, regression, .. } = marks;
    let ece = calibration.map_or(f64::NAN, |calibration| 100.0 * f64::from(calibration.ece()));
    let [of_validation, of_test] = match regression {
        Some([_, validation, test]) => [validation.rmse, test.rmse],
        None => [validation, test].map(error_percent),
    };
    let sets = [[of_validation, validation.loss().into(), f64::NAN], [of_test, test.loss().into(), ece]];
    Row { name: name.to_owned(), sets, results: marks.results.clone() }
}

/// The rows of every vote, from its counts on validation and test samples.
fn votes(sets: &[[Tally; 3]; 2], whose: &str) -> Vec<Row> {
    let row = |(i, (name, vote)): (usize, (&str, Vote))| Row {
        name: format!("{name}{whose}"),
        sets: sets.each_ref().map(|set| set[i].figures(vote)),
        results: sets[1][i].results.clone(),
    };
    VOTES.into_iter().enumerate().map(row).collect()
}

/// Means over the models.
fn one_of(rows: &[Row]) -> Row {
    let mean = |set: usize, i: usize| {
        let values: Vec<f64> = rows.iter().map(|row| row.sets[set][i]).collect();
        mean_and_sd(&values).0
    };
    let sets = [0, 1].map(|set| [0, 1, 2].map(|i| mean(set, i)));
    Row { name: "mean of the models above".to_owned(), sets, results: Results::default() }
}

/// Whether so many models can have these weights: 0 leaves a model out.
pub(super) fn check_weights(weights: &[f32], models: usize) -> Result<(), HostError> {
    if weights.len() != models {
        return Err(HostError::Usage(format!("--weights has {} numbers for {models} models", weights.len())));
    }
    let is_weight = |weight: &f32| weight.is_finite() && *weight >= 0.0;
    if weights.iter().all(is_weight) && weights.iter().any(|weight| *weight > 0.0) {
        return Ok(());
    }
    Err(HostError::Usage("--weights must be finite and not negative, and one must be above 0".to_owned()))
}
