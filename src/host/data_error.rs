//! What can be wrong with a data file.

use crate::host::prelude::*;
use std::io;
use std::path::{Path, PathBuf};

/// What is wrong with a data file, in one line that names the file, the place, and what was expected and found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The operating system does not give the file, or not the memory for it.
    #[error("{path}: cannot read: {}", explained(.error))]
    Io {
        /// The file.
        path: PathBuf,
        /// Its reason.
        error: io::Error,
    },
    /// The content is not what the format asks for.
    #[error("{path}: {unit} {offset}: expected {expected}, found {found}")]
    Format {
        /// The file.
        path: PathBuf,
        /// What `offset` counts: `byte`, `decompressed byte` in what a gzip file holds, or `label`.
        unit: &'static str,
        /// Where it goes wrong, from 0.
        offset: u64,
        /// What belongs there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A directory has a file under none of its usual names.
    #[error("{path}: expected a file with a name like {}, found none", .tried.join(" or "))]
    Missing {
        /// The directory.
        path: PathBuf,
        /// Patterns of the names looked for, `*` for anything.
        tried: Vec<String>,
    },
    /// A directory has several files that could be one of the four.
    #[error(
        "{path}: several files could be the {what}: {}; use one directory for each data set, or give the files with \
         --train-images, --train-labels, --test-images and --test-labels", .found.join(", ")
    )]
    Ambiguous {
        /// The directory.
        path: PathBuf,
        /// Which of the four.
        what: String,
        /// Those that could be it.
        found: Vec<String>,
    },
    /// Two files do not belong together.
    #[error("{path}: expected {expected} as in {other}, found {found}")]
    Mismatch {
        /// The file that is taken to be wrong.
        path: PathBuf,
        /// The file it is compared with.
        other: PathBuf,
        /// What `other` asks for.
        expected: String,
        /// What `path` holds.
        found: String,
    },
    /// A picture that cannot become a network's input.
    #[error("{path}: {problem}")]
    Picture {
        /// The file.
        path: PathBuf,
        /// What was expected or went wrong.
        problem: String,
    },
    /// A table that cannot be read.
    #[error("{path}: {problem}")]
    Table {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, with line and column.
        problem: String,
    },
}

/// What the system says of a file, where that alone would not tell what is wrong.
pub(in crate::host) fn explained(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotADirectory => "a part of this path is a file, not a directory".to_owned(),
        _ => error.to_string(),
    }
}

impl DataError {
    pub(in crate::host) fn io(path: &Path, error: impl Into<io::Error>) -> Self {
        Self::Io { path: path.to_owned(), error: error.into() }
    }

    pub(in crate::host) fn picture(path: &Path, problem: impl Into<String>) -> Self {
        Self::Picture { path: path.to_owned(), problem: problem.into() }
    }

    pub(in crate::host) fn table(path: &Path, problem: impl Into<String>) -> Self {
        Self::Table { path: path.to_owned(), problem: problem.into() }
    }
}
