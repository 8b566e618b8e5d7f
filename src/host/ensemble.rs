//! What several models of one network are worth: alone, averaged, and by their votes.

use super::averages::calibrate;
use super::memory::Floats;
use super::mnist::{Dataset, Samples};
use super::model_file::SavedModel;
use super::plan::Plan;
use super::report::{Table, loss_short, mean_and_sd};
use super::run::split;
use super::{Evaluator, HostError};
use crate::{Calibration, Loss, Vote, Votes, Workspace, predict};
use std::borrow::ToOwned;
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

/// Every vote with its name.
pub(super) const VOTES: [(&str, Vote); 3] =
    [("soft vote", Vote::Soft), ("log-pooled vote", Vote::LogPool), ("hard vote", Vote::Hard)];

/// Samples that pass at once.
const BATCH: usize = 64;

/// A set's figures: error in percent, loss, expected calibration error in percent; NaN where there is none.
type Figures = [f64; 3];

/// A line of the table: a name, validation and test figures.
struct Row(String, [Figures; 2]);

/// A table of the models, of their mean, of other mixes of their weights, and of their votes, weighted if there are
/// weights. Validation samples are those that training with `plan` sets apart; models of another loss than softmax
/// cross-entropy have no votes.
///
/// # Errors
/// [`HostError::Usage`] for no models or weights that do not fit, [`HostError::Mismatch`] for different networks or data,
/// [`HostError::Core`] for weights out of range or outputs that are not finite.
pub fn table(
    models: &[(String, SavedModel)],
    mixes: &[(String, SavedModel)],
    weights: Option<&[f32]>,
    data: &Dataset,
    plan: &Plan,
) -> Result<Table, HostError> {
    let Some((first, SavedModel { spec, .. })) = models.first() else {
        return Err(HostError::Usage("no models".to_owned()));
    };
    if let Some((name, _)) = models.iter().chain(mixes).find(|(_, model)| model.spec != *spec) {
        return Err(HostError::Mismatch(format!("{name} and {first} are different networks")));
    }
    if let Some(weights) = weights.filter(|weights| weights.len() != models.len()) {
        return Err(HostError::Usage(format!("{} weights for {} models", weights.len(), models.len())));
    }
    let (train, validation) = split(data.train.len(), plan)?;
    let mut evaluator = Evaluator::new(spec, data)?;
    let test: Vec<u32> = (0..data.test.len() as u32).collect();
    let sets = [(&data.train, &validation[..]), (&data.test, &test[..])];
    let mut rows = Vec::new();
    for (name, model) in models.iter().chain(mixes) {
        let marks = evaluator.marks(&model.params, data, &train, &validation)?;
        let figures = |score: crate::Score, ece: f32| {
            [100.0 * (1.0 - score.hits() as f64 / score.samples() as f64), score.loss().into(), ece.into()]
        };
        let ece = marks.calibration.map_or(f32::NAN, |calibration| 100.0 * calibration.ece());
        rows.push(Row(name.clone(), [figures(marks.validation, f32::NAN), figures(marks.test, ece)]));
    }
    rows.insert(models.len(), one_of(&rows[..models.len()]));
    if spec.loss_kind() == Loss::SoftmaxCrossEntropy {
        for (name, vote) in VOTES {
            let mut figures = [[f64::NAN; 3]; 2];
            for ((samples, indices), figures) in sets.iter().zip(&mut figures) {
                *figures = ask(models, weights, vote, samples, indices)?;
            }
            rows.push(Row(name.to_owned(), figures));
        }
    }
    Ok(lines(&rows, loss_short(spec)))
}

/// Means over the models.
fn one_of(rows: &[Row]) -> Row {
    let mean = |set: usize, i: usize| {
        let values: Vec<f64> = rows.iter().map(|Row(_, figures)| figures[set][i]).collect();
        mean_and_sd(&values).0
    };
    Row("mean of these rows".to_owned(), [0, 1].map(|set| [0, 1, 2].map(|i| mean(set, i))))
}

/// The figures of a vote on some samples.
pub(super) fn ask(
    models: &[(String, SavedModel)],
    weights: Option<&[f32]>,
    vote: Vote,
    samples: &Samples,
    indices: &[u32],
) -> Result<Figures, HostError> {
    let Some((_, SavedModel { spec, .. })) = models.first() else { return Ok([f64::NAN; 3]) };
    let mut floats = Floats::zeros(spec.predict_len(BATCH))?;
    let mut work = Workspace::for_prediction(spec, BATCH, &mut floats)?;
    let mut memory = Floats::zeros(vote.len(BATCH, spec.outputs()))?;
    let mut classes = [0; BATCH];
    let (mut total, mut errors) = (Calibration::default(), 0);
    for batch in indices.chunks(BATCH) {
        let memory = &mut memory[..vote.len(batch.len(), spec.outputs())];
        let mut votes = Votes::new(vote, spec.math_kind(), spec.outputs(), memory)?;
        for (i, (_, model)) in models.iter().enumerate() {
            let logits = predict(spec, &model.params, samples.inputs_of(batch), &mut work)?;
            votes.add(logits, weights.map_or(1.0, |weights| weights[i]))?;
        }
        let classes = &mut classes[..batch.len()];
        votes.classes(classes)?;
        let is_wrong = |&(&class, &i): &(&u16, &u32)| samples.label(i as usize).map(u16::from) != Some(class);
        errors += classes.iter().zip(batch).filter(is_wrong).count();
        calibrate(spec, samples, batch, votes.finish()?, &mut total)?;
    }
    let error = 100.0 * errors as f64 / indices.len() as f64;
    // Ballots are no probabilities.
    let sure = |x: f32| if vote == Vote::Hard { f64::NAN } else { x.into() };
    Ok([error, sure(total.score().loss()), sure(100.0 * total.ece())])
}

fn lines(rows: &[Row], loss_name: &str) -> Table {
    let figure = |x: f64, digits: usize| if x.is_nan() { "–".to_owned() } else { format!("{x:.digits$}") };
    let cells = rows.iter().map(|Row(name, [validation, test])| {
        let error = [validation[0], test[0]].map(|x| figure(x, 2));
        let loss = [validation[1], test[1]].map(|x| figure(x, 4));
        [vec![name.clone()], error.to_vec(), loss.to_vec(), vec![figure(test[2], 2)]].concat()
    });
    let [validation, test] = ["validation", "test"].map(|set| format!("{set} {loss_name}"));
    let header = ["", "validation error, %", "test error, %", &validation, &test, "test ECE, %"];
    Table { header: header.map(str::to_owned).to_vec(), rows: cells.collect() }
}
