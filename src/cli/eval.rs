//! The arguments of `cygnet eval`.

use super::columns::ModelColumns;
use super::data::Data;
use super::model::read_named;
use super::split::Split;
use clap::Args;
use cygnet::host::evaluation::SavedModel;
use cygnet::host::files::Record;
use cygnet::host::{HostError, data};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Eval {
    /// A model file: .cygnet or .safetensors
    model: PathBuf,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    split: Split,
    /// Print one JSON object with all metrics and the confusion matrices
    #[arg(long)]
    pub(crate) json: bool,
    /// Add every point of the curves of each class to the JSON object (50 bytes per sample and class)
    #[arg(long, requires = "json")]
    pub(crate) curves: bool,
    #[command(flatten)]
    columns: ModelColumns,
}

/// Samples, which of them were held out, and what is to be known of both.
pub(crate) struct Evaluated {
    pub(crate) data: data::Dataset,
    pub(crate) split: data::Split,
    /// For standard error.
    pub(crate) notes: Vec<String>,
    /// What `run.json` said; nothing where there is none.
    pub(crate) source: Option<String>,
}

impl Eval {
    /// The model with the name of its file.
    pub(crate) fn model(&self) -> Result<(String, SavedModel), HostError> {
        let (name, model) = read_named(&self.model)?;
        Ok((name, self.columns.of(&self.model, model)?))
    }

    /// The samples for a model: those of its run where the arguments name no others. Which of them were held out is known for
    /// the data of the run alone; without it, or its `run.json`, the arguments say it, or nobody.
    pub(crate) fn samples(&self, models: &[(String, SavedModel)]) -> Result<Evaluated, HostError> {
        let written = Record::of_model(&self.model);
        let (arguments, of_run) = match &written {
            Some(written) => (self.data.or_recorded(written)?, Some(self.split.of_written(written)?)),
            None => (self.data.clone(), None),
        };
        let (data, mut notes) = arguments.for_models(models)?;
        let trained_on = models.first().and_then(|(_, model)| model.trained_on.as_ref());
        let are_others = trained_on.zip(data.identity.as_ref()).is_some_and(|(trained, given)| !trained.is_same(given));
        let nothing = data::Split { seed: 1, validation: 0.0 };
        let split = match of_run {
            _ if self.split.is_given() => of_run.map_or_else(|| self.split.of_run(), Ok)?,
            Some(split) if !are_others => split,
            Some(_) => nothing,
            None => {
                let problem = "note: no run.json beside the model says which samples were held out for validation: they count \
                               as training samples here; give --validation and --seed as in training";
                notes.push(problem.to_owned());
                nothing
            }
        };
        let source = written.filter(|_| !are_others && !self.split.is_given()).map(|written| {
            let data::Split { seed, validation } = split;
            let list = written.directory.join("run.json");
            let called = if self.data.is_given() { String::new() } else { arguments.called() + " " };
            format!("As {} says: {called}--validation {validation} --seed {seed}", list.display())
        });
        Ok(Evaluated { data, split, notes, source })
    }
}
