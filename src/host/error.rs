//! What can go wrong on the host, each in one line.

use super::idx::DataError;
use crate::Error;
use std::boxed::Box;
use std::io;
use std::path::{Path, PathBuf};
use std::string::String;

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// A data file.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A setting, a batch or a loss that the core refuses.
    #[error(transparent)]
    Core(#[from] Error),
    /// A file that cannot be read or written.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that is not a model, or a damaged one.
    #[error("{path}: {problem}", path = .path.display())]
    Model {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Settings that do not go together.
    #[error("{0}")]
    Usage(String),
}

impl HostError {
    /// A [`HostError::File`], for `map_err`.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = Box::<Path>::from(path).into_path_buf();
        move |source| Self::File { path, source }
    }

    /// A [`HostError::Model`].
    pub(crate) fn model(path: &Path, problem: impl Into<String>) -> Self {
        Self::Model { path: path.into(), problem: problem.into() }
    }
}
