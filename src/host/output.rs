//! What a run leaves in its directory, and what an earlier one left there.

use super::dataset::Dataset;
use super::ensemble::{self, Comparison};
use super::model_file::SavedModel;
use super::page::{self, Page};
use super::plan::Plan;
use super::replicas::{Coupling, MeanOverRun, ReplicaPlan, Replicas};
use super::run::Outcome;
use super::soup::{self, Method};
use super::{HostError, report};
use std::borrow::ToOwned;
use std::format;
use std::fs;
use std::path::Path;
use std::vec;
use std::vec::Vec;

/// Makes a directory and checks that files can be made in it, before hours are spent on what could not be saved.
///
/// # Errors
/// [`HostError::File`].
pub fn prepare(directory: &Path) -> Result<(), HostError> {
    let failed = |source| HostError::File { path: directory.into(), source };
    fs::create_dir_all(directory).map_err(failed)?;
    Page::check_place(directory)?;
    probe(&directory.join("history.csv.part"))
}

/// Checks that a file can be made, by one that is gone at once.
///
/// # Errors
/// [`HostError::File`].
pub fn probe(part: &Path) -> Result<(), HostError> {
    let made = fs::write(part, "").and_then(|()| fs::remove_file(part));
    made.map_err(|source| HostError::File { path: part.with_extension(""), source })
}

/// The last iterate and the averages, the first as `average`, the others by their kind, and the history.
///
/// # Errors
/// [`HostError::File`], and as [`SavedModel::write`].
pub fn save(directory: &Path, outcome: &Outcome, data: &Dataset) -> Result<(), HostError> {
    let model = |params: &[f32], is_average| data.model(outcome.spec, params.to_vec(), is_average);
    let mut models = vec![("last", model(&outcome.last, outcome.last_is_average))];
    for (i, average) in outcome.averages.iter().enumerate() {
        models.push((if i == 0 { "average" } else { average.name }, model(&average.params, true)));
    }
    let all: Vec<_> = models.iter().map(|(name, model)| (*name, model)).collect();
    save_models(directory, &all, data)?;
    report::write_history(&directory.join("history.csv"), &outcome.history)
}

/// Models in both formats, in the units of what they predict; one of an earlier run does not stay beside them.
fn save_models(directory: &Path, models: &[(&str, &SavedModel)], data: &Dataset) -> Result<(), HostError> {
    const OURS: [&str; 7] = ["last", "average", "swa", "ema", "lawa", "swag", "soup"];
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| HostError::File { path, source }
    };
    for entry in fs::read_dir(directory).map_err(failed(directory))? {
        let path = entry.map_err(failed(directory))?.path();
        let [stem, format] = [path.file_stem(), path.extension()].map(|part| part.and_then(|part| part.to_str()));
        let is_ours = stem.is_some_and(|stem| OURS.contains(&stem) || stem.starts_with("replica-"));
        let is_model = matches!(format, Some("cygnet" | "safetensors")) && path.is_file();
        if is_ours && is_model && !models.iter().any(|(name, _)| stem == Some(name)) {
            fs::remove_file(&path).map_err(failed(&path))?;
        }
    }
    for (name, model) in models {
        let model = data.units.as_ref().map_or_else(|| (*model).clone(), |units| units.of_model(model));
        for format in ["cygnet", "safetensors"] {
            model.write(&directory.join(name).with_extension(format))?;
        }
    }
    Ok(())
}

/// Saves replicas, what lies between them, and the history; what each model and their votes are worth, also on a page.
///
/// # Errors
/// As [`save`] and [`ensemble::compare`].
pub fn save_replicas(
    directory: &Path,
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
        mixes.push(("soup".to_owned(), soup::average(&models, &Method::Soup, data, plan)?.0));
    }
    let all = models.iter().map(|(name, model)| (name.as_str(), model));
    let all: Vec<_> = all.chain(names.into_iter().zip(mixes.iter().map(|(_, model)| model))).collect();
    save_models(directory, &all, data)?;
    report::write_history(&directory.join("history.csv"), &trained.history)?;
    let comparison = ensemble::compare(&models, &mixes, None, data, plan)?;
    let shown = if replicas.is_apart() { models.first() } else { mixes.first() };
    if let Some((shown, model)) = shown.filter(|_| data.train.has_classes()) {
        let run = page::ReplicaRun { replicas, trained, table: &comparison.table(), shown: (shown, model) };
        page::of_replicas(source, plan, run)?.write(directory)?;
    } else {
        Page::forget(directory)?;
    }
    Ok(comparison)
}
