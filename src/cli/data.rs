//! The arguments that say where samples come from.

use super::images::Images;
use clap::Args;
use cygnet::host::HostError;
use cygnet::host::dataset::Dataset;
use cygnet::host::model_file::SavedModel;
use cygnet::host::plan::Plan;
use cygnet::host::tables::{Source, TablePlan, Tables};
use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct Data {
    /// Directory with the four IDX files of MNIST, Fashion-MNIST, EMNIST or the like, or a CSV file [default: embedded sample]
    #[arg(long, value_name = "PATH", help_heading = "Data")]
    data: Option<PathBuf>,
    /// CSV file for the test [default: a share of --data]
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    test: Option<PathBuf>,
    /// Share of a CSV file's rows kept for the test, the same rows whatever the --seed, others once rows are
    /// added: then keep --test FILE [default: 0.2]
    #[arg(long, value_name = "SHARE", help_heading = "Data")]
    test_share: Option<f32>,
    #[command(flatten)]
    images: Images,
}

/// Samples as they were read.
pub(crate) enum Loaded {
    Images(Dataset),
    Tables(Tables),
}

impl Data {
    /// What `--data` says, or the first of the files of images.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.data.as_deref().or(self.images.path())
    }

    /// The file, where it is a table.
    pub(crate) fn source(&self) -> Result<Option<Source>, HostError> {
        if self.test.is_some() && self.test_share.is_some() {
            return Err(HostError::Usage("--test-share takes rows of --data, and --test names others".into()));
        }
        let (test, test_share) = (self.test.clone(), self.test_share.unwrap_or(0.2));
        match &self.data {
            Some(path) if is_idx(path) => Err(HostError::Usage(format!(
                "{} is an IDX file: give its directory as --data, or name the four files, --train-images first",
                path.display()
            ))),
            Some(path) if is_table(path) && self.images.transpose => {
                Err(HostError::Usage(format!("--transpose belongs to images, and {} is a file", path.display())))
            }
            Some(path) if is_table(path) => {
                let source = Source { data: path.clone(), test, test_share };
                source.check()?;
                Ok(Some(source))
            }
            _ if self.test.is_some() || self.test_share.is_some() => {
                Err(HostError::Usage("--test and --test-share belong to a CSV file as --data".into()))
            }
            _ => Ok(None),
        }
    }

    /// Images, or the table that `plan` asks for, which goes with a table alone.
    pub(crate) fn read(&self, plan: Option<&TablePlan>) -> Result<Loaded, HostError> {
        Ok(match (self.source()?, plan) {
            (Some(source), Some(plan)) => Loaded::Tables(source.read(plan)?),
            _ => Loaded::Images(self.images.read(self.data.as_deref())?),
        })
    }

    /// Samples as a saved model takes them.
    pub(crate) fn for_model(&self, model: &SavedModel) -> Result<Dataset, HostError> {
        match (self.source()?, &model.preparation) {
            (Some(source), Some(preparation)) => source.read_for(preparation),
            (Some(source), None) => {
                let file = source.data.display();
                Err(HostError::Mismatch(format!(
                    "{file} is a file, but the model takes images: a directory of IDX files"
                )))
            }
            (None, Some(_)) => {
                Err(HostError::Mismatch("the model takes rows of a table: give a CSV file as --data".into()))
            }
            (None, None) => self.images.read(self.data.as_deref()),
        }
    }
}

/// Whether a path names a table: a file, or one by its name that is not there.
fn is_table(path: &Path) -> bool {
    let is_named = || path.extension().is_some_and(|extension| extension == "csv" || extension == "tsv");
    if path.exists() { !path.is_dir() } else { is_named() }
}

/// Whether a file begins as an IDX file does, or is an archive that is named like one.
fn is_idx(path: &Path) -> bool {
    let mut start = [0; 4];
    let is_read = path.is_file() && File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok();
    let is_named = || path.file_name().is_some_and(|name| name.to_string_lossy().contains("idx"));
    is_read && (matches!(start, [0, 0, 0x08..=0x0e, 1..=4]) || start.starts_with(&[0x1f, 0x8b]) && is_named())
}

impl Loaded {
    /// The samples for a run: a table is prepared by what the run learns from.
    pub(crate) fn dataset(&self, plan: &Plan) -> Result<Cow<'_, Dataset>, HostError> {
        Ok(match self {
            Self::Images(data) => Cow::Borrowed(data),
            Self::Tables(tables) => Cow::Owned(tables.dataset(plan)?),
        })
    }

    /// What of a table is left out.
    pub(crate) fn notes(&self) -> Vec<String> {
        let Self::Tables(tables) = self else { return Vec::new() };
        let index = |name: &String| format!("column `{name}` has no name and counts the rows: left out as a row index");
        let mut notes: Vec<String> = tables.indices().iter().map(index).collect();
        if tables.dropped() > 0 {
            notes.push(format!("{} rows with missing values are left out", tables.dropped()));
        }
        notes
    }
}
