//! What a run writes into its directory.

use super::comparison::{BASELINE, candidates};
use super::epochs::{history_csv, history_lines};
use super::page;
use super::variants::variants_csv;
use super::votes::of_votes;
use crate::host::HostError;
use crate::host::data::Dataset;
use crate::host::evaluation::SavedModel;
use crate::host::files::{Format, ModelRecord, Place, SetRecord};
use crate::host::plan::{Coupling, Plan, ReplicaPlan};
use crate::host::prelude::*;
use crate::host::study::ensemble::{self, Comparison, Row};
use crate::host::study::posthoc::Moment;
use crate::host::study::soup::{self, Method};
use crate::host::study::{Reproduction, Stage};
use crate::host::training::{Epoch, MeanOverRun, Outcome, Replicas, Stored};
use core::slice::from_ref;
use std::path::Path;

/// Models are written in both formats.
const FORMATS: [(&str, Format); 2] = [("cygnet", Format::Checkpoint), ("safetensors", Format::Safetensors)];
const HISTORY: [&str; 2] = ["csv", "jsonl"];

/// The files that a run of `plan` may write, with several seeds for each of them.
#[must_use]
pub fn files(plan: &Plan, replicas: Option<&ReplicaPlan>) -> Vec<String> {
    let mut models = ["average", "last"].map(ToOwned::to_owned).to_vec();
    models.extend(plan.averages.iter().flat_map(|averages| &averages.kinds).map(|kind| kind.name().to_owned()));
    if let Some(replicas) = replicas {
        models.extend((1..=replicas.count).map(|k| format!("replica-{k}")).chain(["soup".to_owned()]));
    }
    let models = models.iter().flat_map(|name| FORMATS.map(|(end, _)| format!("{name}.{end}")));
    let history = HISTORY.map(|end| format!("history.{end}"));
    let states = ["run", "baseline"].map(Place::states).into_iter().flatten();
    models.chain(history).chain(page::files()).chain(states).collect()
}

/// The averages, the first as `average`, the others by their kind, then the last iterate, and the history: under these
/// names after `under`, which ends in `/` where it is a directory.
///
/// # Errors
/// [`HostError::File`], and as [`SavedModel::to_bytes`].
pub fn save(place: &mut Place, under: &str, outcome: &Outcome, data: &Dataset) -> Result<(), HostError> {
    let model = |params: &[f32], is_average| data.model(outcome.spec, params.to_vec(), is_average);
    let mut models = Vec::new();
    for (i, average) in outcome.averages.iter().enumerate() {
        models.push((if i == 0 { "average" } else { average.name }, model(&average.params, true)));
    }
    models.push(("last", model(&outcome.last, outcome.last_is_average)));
    let all: Vec<_> = models.iter().map(|(name, model)| (*name, model)).collect();
    save_models(place, under, &all, data, &FORMATS)?;
    let stored = outcome.stored.iter().map(|Stored { exponent, models, params }| {
        (Moment { exponent: *exponent, models: *models }.stem(), model(params, true))
    });
    let stored: Vec<_> = stored.collect();
    let stored: Vec<_> = stored.iter().map(|(name, model)| (name.as_str(), model)).collect();
    save_models(place, under, &stored, data, &FORMATS[..1])?;
    save_history(place, &format!("{under}history"), &outcome.history)
}

/// Models in these formats, in the units of what they predict, in their order.
fn save_models(
    place: &mut Place,
    under: &str,
    models: &[(&str, &SavedModel)],
    data: &Dataset,
    formats: &[(&str, Format)],
) -> Result<(), HostError> {
    let named =
        |name: &str| formats.iter().map(|(end, format)| (format!("{under}{name}.{end}"), *format)).collect::<Vec<_>>();
    place.announce(models.iter().flat_map(|(name, _)| named(name)).map(|(file, _)| file))?;
    for (name, model) in models {
        let model = data.units.as_ref().map_or_else(|| (*model).clone(), |units| model.in_units(units));
        for (file, format) in named(name) {
            let bytes = model.to_bytes(format).map_err(|error| error.of_model(Path::new(&file)))?;
            place.write(&file, &bytes)?;
        }
    }
    Ok(())
}

/// The history as `stem`.csv and `stem`.jsonl.
fn save_history(place: &mut Place, stem: &str, history: &[Epoch]) -> Result<(), HostError> {
    let [csv, jsonl] = HISTORY.map(|end| format!("{stem}.{end}"));
    place.announce([csv.clone(), jsonl.clone()])?;
    place.write(&csv, &history_csv(history)?)?;
    place.write(&jsonl, &history_lines(history)?)
}

/// Saves replicas, their averages and the history, and a page that compares the models and their votes.
///
/// # Errors
/// As [`save`] and [`ensemble::compare`].
pub fn save_replicas(
    place: &mut Place,
    under: &str,
    trained: &Replicas,
    replicas: &ReplicaPlan,
    plan: &Plan,
    source: page::Source<'_>,
) -> Result<Comparison, HostError> {
    let data = source.data;
    let model = |params: &[f32], is_average| data.model(trained.spec, params.to_vec(), is_average);
    let models = trained.models.iter().zip(1..).map(|(params, k)| (format!("replica-{k}"), model(params, false)));
    let models: Vec<_> = models.collect();
    let is_elastic = matches!(replicas.coupling, Coupling::Elastic(_));
    let middle = if is_elastic { "centre" } else { "average" };
    // As files and as the table have it.
    let (mut names, mut mixes) = (vec!["average"], vec![(middle.to_owned(), model(&trained.mean, true))]);
    for MeanOverRun { name, params, count } in &trained.averages {
        names.push(name);
        mixes.push((format!("{name} of {count}"), model(params, true)));
    }
    if plan.validation > 0.0 {
        names.push("soup");
        mixes.push(("soup".to_owned(), soup::average(&models, &Method::Soup, Some(data), plan.split())?.average));
    }
    let all = names.into_iter().zip(mixes.iter().map(|(_, model)| model));
    let all: Vec<_> = all.chain(models.iter().map(|(name, model)| (name.as_str(), model))).collect();
    save_models(place, under, &all, data, &FORMATS)?;
    save_history(place, &format!("{under}history"), &trained.history)?;
    let comparison = ensemble::compare(&models, &mixes, None, data, plan.split())?;
    let shown = if replicas.is_apart() { models.first() } else { mixes.first() };
    if let Some((shown, model)) = shown {
        let table = of_votes(from_ref(&comparison));
        page::of_replicas(source, plan, replicas, trained, &table, (shown, model))?.write(place, under)?;
    }
    Ok(comparison)
}

/// Writes into `run.json` how good the models of a run with this seed are.
///
/// # Errors
/// [`HostError::File`].
pub fn record(place: &mut Place, outcome: &Outcome, seed: u64) -> Result<(), HostError> {
    let baseline = outcome.baseline.iter().map(|marks| (BASELINE.to_owned(), marks));
    let models = candidates(outcome).into_iter().map(|(stem, _, marks)| (stem, marks)).chain(baseline);
    let models = models.map(|(name, marks)| ModelRecord::of_marks(&name, seed, marks));
    place.record(|run| {
        run.dropped += dropped(&outcome.history);
        run.models.extend(models);
    })
}

/// Updates that a run dropped.
fn dropped(history: &[Epoch]) -> u64 {
    history.last().map_or(0, |epoch| epoch.dropped)
}

/// The same of replicas, their averages and votes.
///
/// # Errors
/// [`HostError::File`].
pub fn record_replicas(
    place: &mut Place,
    comparison: &Comparison,
    history: &[Epoch],
    seed: u64,
) -> Result<(), HostError> {
    let known = |x: f64| Some(x).filter(|x| x.is_finite());
    let is_error = comparison.has_classes;
    let set = |[fault, loss, _]: [f64; 3]| SetRecord {
        error: known(fault).filter(|_| is_error).map(|percent| percent / 100.0),
        rmse: known(fault).filter(|_| !is_error),
        loss: known(loss),
        ..SetRecord::default()
    };
    let model = |row: &Row| {
        let [validation, test] = row.sets.map(set).map(|set| Some(set).filter(|set| *set != SetRecord::default()));
        ModelRecord { model: row.name.clone(), seed, train: None, validation, test }
    };
    place.record(|run| {
        run.dropped += dropped(history);
        run.models.extend(comparison.rows.iter().map(model));
    })
}

/// The file of all figures of the article's experiment.
const TABLE: &str = "table.csv";

/// Writes `table.csv`, a line for each variant and seed, and the epochs of each stage that was trained.
///
/// # Errors
/// [`HostError::File`].
pub fn save_reproduction(place: &mut Place, reproduction: &Reproduction<'_>) -> Result<(), HostError> {
    for (stage, history) in &reproduction.histories {
        save_history(place, stage.name(), history)?;
    }
    place.write(TABLE, &variants_csv(&reproduction.variants)?)
}

/// The files that the article's experiment may write, and those in a directory for each seed.
#[must_use]
pub fn files_of_reproduction() -> (Vec<String>, Vec<String>) {
    let histories = Stage::ALL.map(|stage| HISTORY.map(|end| format!("{}.{end}", stage.name())));
    let files = [TABLE.to_owned()].into_iter().chain(histories.concat()).chain(page::files());
    (files.collect(), Stage::ALL.map(|stage| Place::states(stage.name())).concat())
}
