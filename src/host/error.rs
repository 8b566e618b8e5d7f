//! What can go wrong on the host, each in one line.

use super::data_error::{DataError, shown};
use crate::Error;
use crate::error::Value;
use crate::host::prelude::*;
use std::io;
use std::path::{Path, PathBuf};

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
    /// A file that cannot be written, or is not what its name says.
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
    /// A setting out of its range, or settings that do not go together.
    #[error("{0}")]
    Usage(String),
    /// A model and data that do not go together.
    #[error("{0}")]
    Mismatch(String),
    /// The loss or a parameter became infinite or NaN.
    #[error(
        "{what} is not finite after {steps} steps: try a smaller --rate (it was {rate:?}), --clip 1 or another --init"
    )]
    Diverged {
        /// Steps until then.
        steps: u64,
        /// Rate of the last one.
        rate: f32,
        /// What is not finite.
        what: Value,
    },
    /// More than the system gives.
    #[error("not enough memory: {megabytes} MB are needed; use a smaller network, --batch or --micro-batch")]
    Memory {
        /// What was asked for, 10⁶ bytes.
        megabytes: u64,
    },
}

impl HostError {
    /// A [`DataError::Io`] for a file that cannot be read, for `map_err`.
    pub(crate) fn reading(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = Box::<Path>::from(path).into_path_buf();
        move |error| Self::Data(DataError::Io { path, error })
    }

    /// A [`HostError::File`], for `map_err`.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = Box::<Path>::from(path).into_path_buf();
        move |source| Self::File { path, source }
    }

    /// A [`HostError::File`] for what is wrong with it by itself.
    pub(crate) fn refused(path: &Path, problem: impl Into<String>) -> Self {
        Self::file(path)(io::Error::other(problem.into()))
    }

    /// [`HostError::Diverged`] for a number that is not finite, else the error itself.
    pub(crate) fn of_step(steps: u64, rate: f32) -> impl Fn(Self) -> Self {
        move |error| match error {
            Self::Core(Error::NonFinite { value: what, .. }) => Self::Diverged { steps, rate, what },
            other => other,
        }
    }

    /// The same with the file, of a [`HostError::Model`] that did not know it.
    pub(crate) fn of_model(self, path: &Path) -> Self {
        if let Self::Model { problem, .. } = self { Self::model(path, problem) } else { self }
    }

    /// A [`HostError::Model`].
    pub(crate) fn model(path: &Path, problem: impl Into<String>) -> Self {
        Self::Model { path: path.into(), problem: shown(problem.into()) }
    }
}
