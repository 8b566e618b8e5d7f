//! The arguments that say where samples come from.

use super::Models;
use super::images::Images;
use super::text::few;
use clap::Args;
use cygnet::host::HostError;
use cygnet::host::data::{DataIdentity, DataKind, Dataset, Folders, Source, TablePlan, Tables, no_table};
use cygnet::host::evaluation::SavedModel;
use cygnet::host::files::{Written, seen_from};
use cygnet::host::plan::Plan;
use cygnet::host::report;
use std::borrow::Cow;
use std::path::{Path, PathBuf};

#[derive(Args, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Data {
    /// Directory with the four IDX files of MNIST, Fashion-MNIST, EMNIST or a similar data set, or with a folder of pictures
    /// (PNG, JPEG) for each class, in `train` and `test` or all together, or a CSV file [default: the embedded sample of
    /// MNIST; for saved models only if they were trained on it]
    #[arg(long, value_name = "PATH", help_heading = "Data")]
    pub(super) data: Option<PathBuf>,
    /// Use the embedded sample of MNIST
    #[arg(long, conflicts_with_all = ["data", "train_images"], help_heading = "Data")]
    pub(super) sample: bool,
    /// CSV file with the test rows [default: a share of the rows of --data]
    #[arg(long, value_name = "FILE", conflicts_with = "test_share", help_heading = "Data")]
    pub(super) test: Option<PathBuf>,
    /// Share of the rows of a CSV file, or of the pictures in folders, that are for the test. The choice does not depend on
    /// --seed, but it changes if rows are added; use --test to keep the test rows fixed [default: 0.2]
    #[arg(long, value_name = "SHARE", help_heading = "Data")]
    pub(super) test_share: Option<f32>,
    #[command(flatten)]
    #[serde(flatten)]
    pub(super) images: Images,
}

/// Something, and notes that belong to what is said of it.
type Noted<T> = (T, Vec<String>);

/// Samples as they were read.
pub(crate) enum Loaded {
    Images(Box<Dataset>),
    Tables(Box<Tables>),
}

impl Data {
    /// What `--data` says, or the first of the files of images.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.data.as_deref().or(self.images.path())
    }

    /// The file, where it is a table.
    pub(crate) fn source(&self) -> Result<Option<Source>, HostError> {
        let usage = |problem: &str| Err(HostError::Usage(problem.to_owned()));
        let is_table = self.data.as_deref().is_some_and(is_table);
        let has_share = is_table || self.test.is_none() && self.data.as_deref().is_some_and(Folders::are_in);
        let has_test = self.test.is_some() || self.test_share.is_some();
        match &self.data {
            Some(data) if has_share && self.images.transpose => {
                usage(&format!("--transpose works only with IDX files, not with {}", data.display()))
            }
            Some(data) if has_share => {
                let source = Source { data: data.clone(), test: self.test.clone(), test_share: self.share() };
                source.check()?;
                Ok(Some(source).filter(|_| is_table))
            }
            _ if has_test => usage("--test needs a CSV file as --data, --test-share a CSV file or folders of pictures"),
            _ => self.images.check(self.path()).map(|()| None),
        }
    }

    /// Images, or the table that `plan` asks for, which goes with a table alone.
    pub(crate) fn read(&self, plan: Option<&TablePlan>) -> Result<Loaded, HostError> {
        Ok(match (self.source()?, plan) {
            (Some(source), Some(plan)) => Loaded::Tables(Box::new(source.read(plan)?)),
            _ => Loaded::Images(Box::new(self.images.read(self.data.as_deref(), self.share(), None)?)),
        })
    }

    /// As it is written on the command line.
    pub(super) fn called(&self) -> String {
        self.path().map_or_else(|| "--sample".to_owned(), |path| format!("--data {}", path.display()))
    }

    /// What is for the test where it is not apart.
    fn share(&self) -> f32 {
        self.test_share.unwrap_or(0.2)
    }

    pub(super) fn is_given(&self) -> bool {
        self.path().is_some() || self.sample
    }

    /// The files that are read.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.data.iter().chain(&self.test).chain(self.images.files()).cloned().collect()
    }

    /// For `run.json` in this directory: what names the data, with paths as they are seen from there. What is no UTF-8 in them is
    /// replaced, since JSON is text.
    pub(super) fn recorded(&self, directory: &Path) -> Result<serde_json::Value, HostError> {
        let mut data = Self { sample: !self.is_given() || self.sample, ..self.clone() };
        data.paths_mut().for_each(|path| *path = seen_from(directory, path).to_string_lossy().into_owned().into());
        let mut value = serde_json::to_value(data).map_err(|error| HostError::Usage(error.to_string()))?;
        if let Some(fields) = value.as_object_mut() {
            fields.retain(|_, field| !field.is_null() && *field != false);
        }
        Ok(value)
    }

    /// What `run.json` names, except for what these arguments say. Where they name the data of the run once more, the test rows
    /// are those of the run, too.
    ///
    /// # Errors
    /// [`HostError::Usage`] for data that are not there, and for a test share that would count training rows as test rows.
    pub(super) fn or_recorded(&self, written: &Written) -> Result<Self, HostError> {
        let list = written.directory.join("run.json");
        let wrong = |what: &str| {
            let advice = "give --data, or --test for a file of test rows";
            HostError::Usage(format!("{} names {what}: {advice}", list.display()))
        };
        let recorded: Result<Self, _> = serde_json::from_value(written.record.data.clone());
        let Ok(mut data) = recorded else {
            return if self.is_given() { Ok(self.clone()) } else { Err(wrong("data of another kind")) };
        };
        let full = |path: &Path| written.directory.join(path);
        let is_same = |(given, of_run): (&PathBuf, &PathBuf)| {
            given.canonicalize().is_ok_and(|given| full(of_run).canonicalize().is_ok_and(|of_run| given == of_run))
        };
        if self.is_given() && !self.data.iter().zip(&data.data).any(is_same) {
            return Ok(self.clone());
        }
        if let Some(given) = self.test_share.filter(|&given| data.test.is_some() || given != data.share()) {
            let of_share = || format!("--test-share {}", data.share());
            let of_run = data.test.as_ref().map_or_else(of_share, |test| format!("--test {}", full(test).display()));
            return Err(HostError::Usage(format!(
                "--test-share {given} would count training samples as test samples: the model was trained with {of_run}, says \
                 {}; leave --test-share out",
                list.display()
            )));
        }
        data.test = data.test.filter(|_| self.test.is_none());
        let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
        for path in data.paths_mut() {
            let full = full(path);
            let found = full.canonicalize();
            let found = found.map_err(|_| wrong(&format!("{}, which is not there", full.display())))?;
            *path = found.strip_prefix(&here).map_or(found.clone(), Path::to_owned);
        }
        data.images.transpose |= self.images.transpose;
        if self.test.is_some() {
            (data.test, data.test_share) = (self.test.clone(), None);
        }
        Ok(data)
    }

    fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.data.iter_mut().chain(&mut self.test).chain(self.images.files_mut())
    }

    /// Samples for saved models of one kind, and a note for each model that was trained on others. Where none are given,
    /// they are the embedded sample if that is what all models were trained on.
    /// An error where nobody says which samples names `--data`.
    pub(crate) fn for_models(&self, models: &[(String, SavedModel)]) -> Result<Noted<Dataset>, HostError> {
        let Some((_, first)) = models.first() else { return Err(HostError::Usage("no models".into())) };
        if !self.is_given() {
            self.source()?;
            models.iter().try_for_each(|(name, model)| remembers_sample(name, model))?;
        }
        let data = self.for_model(first)?;
        let note = |(name, model): &(String, SavedModel)| {
            let (trained, given) = (model.trained_on.as_ref()?, data.identity.as_ref()?);
            (!trained.is_same(given))
                .then(|| format!("note: {name} was trained on {trained}; {}", others(trained, given)))
        };
        let notes = models.iter().filter_map(note).collect();
        Ok((data, notes))
    }

    /// The same for an average, which may do without samples where it does not depend on them.
    pub(crate) fn for_average(&self, models: &Models, needs_data: bool) -> Result<Noted<Option<Dataset>>, HostError> {
        let is_known = models.iter().all(|(name, model)| remembers_sample(name, model).is_ok());
        if !needs_data && !is_known && !self.is_given() {
            self.source()?;
            return Ok((None, Vec::new()));
        }
        self.for_models(models).map(|(data, notes)| (Some(data), notes))
    }

    /// Samples to train a saved model on.
    pub(super) fn loaded_for(&self, model: &SavedModel) -> Result<Loaded, HostError> {
        match (self.source()?, &model.preparation) {
            (Some(source), Some(preparation)) => {
                source.read_on(preparation).map(|tables| Loaded::Tables(Box::new(tables)))
            }
            _ => self.for_model(model).map(|data| Loaded::Images(Box::new(data))),
        }
    }

    /// Samples as a saved model takes them.
    fn for_model(&self, model: &SavedModel) -> Result<Dataset, HostError> {
        match (self.source()?, &model.preparation) {
            (Some(source), Some(preparation)) => source.read_for(preparation),
            (None, None) => self.images.read(self.data.as_deref(), self.share(), Some(model)),
            (_, preparation) => {
                let file = if preparation.is_some() { "a CSV file" } else { "a directory with four IDX files" };
                let path = self.path().unwrap_or(Path::new("the embedded sample"));
                Err(other_kind(model, path, &format!(": give {file} as --data")))
            }
        }
    }
}

/// An error where a model takes images and a file to predict is a table, or the other way round.
pub(super) fn check_kind(model: &SavedModel, file: &Path) -> Result<(), HostError> {
    let is_picture = || no_table(file).is_some_and(|what| what.ends_with("picture") || what == "a directory");
    let is_other = if model.preparation.is_some() { is_picture() } else { !file.is_dir() && is_named_table(file) };
    if is_other { Err(other_kind(model, file, "")) } else { Ok(()) }
}

/// That a model takes images and a path leads to a table, or the other way round.
fn other_kind(model: &SavedModel, path: &Path, advice: &str) -> HostError {
    let takes = match (&model.preparation, &model.trained_on) {
        (Some(preparation), _) => {
            let columns = preparation.columns.as_ref().map(|columns| columns.inputs.clone());
            format!("rows of a table with the columns {}", few(&columns.unwrap_or_else(|| preparation.input_names())))
        }
        (None, Some(data)) => format!("images of {}×{}", data.rows, data.columns),
        (None, None) => format!("images of {} pixels", model.spec.inputs()),
    };
    let images = if model.preparation.is_some() { "no table" } else { "a table" };
    let is = no_table(path).unwrap_or(images);
    HostError::Mismatch(format!("this model takes {takes}; {} is {is}{advice}", path.display()))
}

/// How samples differ from those of the training, also where their names do not.
fn others(trained: &DataIdentity, given: &DataIdentity) -> String {
    if given.to_string() != trained.to_string() {
        return format!("these samples are different: {given}");
    }
    let why = match given.kind {
        DataKind::Images => " (check --transpose)",
        _ => ", or an earlier version trained the model, with other rows for the test",
    };
    format!("these samples have the same name and shape but other values{why}")
}

/// An error that names `--data` unless the model was trained on the embedded sample.
fn remembers_sample(name: &str, model: &SavedModel) -> Result<(), HostError> {
    let what = match (&model.trained_on, &model.preparation) {
        (Some(data), _) if data.kind == DataKind::Sample => return Ok(()),
        (Some(data), _) => format!("{name} was trained on {data}: give samples with --data"),
        (None, Some(_)) => format!("{name} needs rows of a table: give a CSV file with --data"),
        (None, None) => {
            let advice = "give samples with --data, or use --sample for the embedded sample";
            format!("{name} does not record its training data: {advice}")
        }
    };
    Err(HostError::Usage(what))
}

/// Whether a path names a table: a file, or one by its name that is not there.
fn is_table(path: &Path) -> bool {
    if path.exists() { !path.is_dir() } else { is_named_table(path) }
}

/// Whether a file is called as tables are, compressed or not.
fn is_named_table(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    [".csv", ".tsv", ".txt"].iter().any(|extension| name.ends_with(extension))
}

impl Loaded {
    /// The samples for a run: a table is prepared by what the run learns from.
    pub(crate) fn dataset(&self, plan: &Plan) -> Result<Cow<'_, Dataset>, HostError> {
        Ok(match self {
            Self::Images(data) => Cow::Borrowed(data),
            Self::Tables(tables) => Cow::Owned(tables.dataset(plan.split())?),
        })
    }

    /// How many there are for training and validation.
    pub(crate) fn samples(&self) -> usize {
        match self {
            Self::Images(data) => data.train.len(),
            Self::Tables(tables) => tables.rows(),
        }
    }

    /// What becomes of the columns of a table that nobody decided.
    pub(crate) fn notes(&self) -> Vec<String> {
        if let Self::Tables(tables) = self { report::remarks(tables) } else { Vec::new() }
    }
}
