//! What can go wrong on the host, each in one line.

use super::data_error::{DataError, shown};
use crate::error::Value;
use crate::host::prelude::*;
use crate::{Error, Spec};
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
    /// A number became infinite or NaN: the loss, the gradient, an update.
    #[error(
        "{} after {steps} steps: try a smaller --rate (it was {rate:?}), --clip 1 or another --init",
        not_finite(*what, *layer)
    )]
    Diverged {
        /// Steps until then.
        steps: u64,
        /// Rate of the last one.
        rate: f32,
        /// What is not finite.
        what: Value,
        /// The layer, from 1 on, where it began; none where that is not known.
        layer: Option<usize>,
    },
    /// More than the system gives.
    #[error("not enough memory: {megabytes} MB are needed; use a smaller network, --batch or --micro-batch")]
    Memory {
        /// What was asked for, 10⁶ bytes.
        megabytes: u64,
    },
}

/// What is not finite, and in which layer.
fn not_finite(what: Value, layer: Option<usize>) -> String {
    match layer {
        Some(layer) if what == Value::Statistic => format!("{what} {layer} is not finite"),
        Some(layer) => format!("{what} is not finite (layer {layer})"),
        None => format!("{what} is not finite"),
    }
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

    /// [`HostError::Diverged`] for a number of this network that is not finite, else the error itself.
    pub(crate) fn of_step(spec: &Spec, steps: u64, rate: f32) -> impl Fn(Self) -> Self + use<> {
        let first = spec.first_layer();
        move |error| match error {
            Self::Core(Error::NonFinite { value: what, index }) => {
                let of_layer = matches!(what, Value::Loss | Value::Gradient | Value::Statistic);
                Self::Diverged { steps, rate, what, layer: of_layer.then(|| first + index + 1) }
            }
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
