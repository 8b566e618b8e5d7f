//! What can be wrong with a data file.

use crate::host::prelude::*;
use std::io;
use std::path::{Path, PathBuf};

/// Characters at the beginning and at the end of a problem that are said.
const LONGEST: usize = 1 << 13;

/// What is wrong with a data file, in one line that names the file, the place, and what was expected and found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The operating system does not give the file, or not the memory for it.
    #[error("{path}: cannot read: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Its reason.
        error: io::Error,
    },
    /// The content is not what was expected.
    #[error("{path}: {problem}")]
    Content {
        /// The file or the directory.
        path: PathBuf,
        /// The place in it, what belongs there, and what is there.
        problem: String,
    },
}

/// A problem as it is said, without the middle of a long one: a name or a cell in it may be as long as its file.
pub(in crate::host) fn shown(problem: String) -> String {
    let place = |(at, _)| at;
    let (start, end) = (problem.char_indices().nth(LONGEST), problem.char_indices().nth_back(LONGEST));
    match start.map(place).zip(end.map(place)) {
        Some((start, end)) if start < end => format!("{}…{}", &problem[..start], &problem[end..]),
        _ => problem,
    }
}

impl DataError {
    pub(in crate::host) fn io(path: &Path, error: impl Into<io::Error>) -> Self {
        Self::Io { path: path.to_owned(), error: error.into() }
    }

    pub(in crate::host) fn content(path: &Path, problem: impl Into<String>) -> Self {
        Self::Content { path: path.to_owned(), problem: shown(problem.into()) }
    }

    /// Of a table.
    pub(in crate::host) fn table(path: &Path, problem: impl Into<String>) -> Self {
        Self::content(path, problem)
    }
}
