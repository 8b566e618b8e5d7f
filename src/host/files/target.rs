//! Files that a command writes beside its tables: free before its work, whole after it.

use super::whole;
use crate::host::HostError;
use crate::host::prelude::*;
use std::path::{Path, PathBuf};

/// Files of one stem, `plane.svg` and `plane.csv`, or a single one.
#[derive(Clone, Debug)]
pub struct Target {
    paths: Vec<PathBuf>,
    replaces: bool,
}

impl Target {
    /// Files that the user named, `stem` with each of `ends`: not there yet, or replaced with `overwrite`; none of them is
    /// among `inputs`.
    ///
    /// # Errors
    /// [`HostError::Usage`] that names the file in the way, [`HostError::File`] where none can be made.
    pub fn named(stem: &Path, ends: &[&str], overwrite: bool, inputs: &[PathBuf]) -> Result<Self, HostError> {
        let target = Self::new(stem, ends, 1, overwrite);
        for path in &target.paths {
            if whole::is_among(path, inputs) {
                let problem = format!("{} is an input of this command: choose another name", path.display());
                return Err(HostError::Usage(problem));
            }
            if !overwrite && whole::is_there(path) {
                let path = path.display();
                return Err(HostError::Usage(format!("{path} exists: choose another name, or use --overwrite")));
            }
            whole::check_regular(path).map_err(HostError::file(path))?;
        }
        target.probed()
    }

    /// Files that nothing has: `stem` with each of `ends`, or with a number from 2 on.
    ///
    /// # Errors
    /// [`HostError::File`] where none can be made.
    pub fn counted(stem: &Path, ends: &[&str]) -> Result<Self, HostError> {
        let mut i = 1;
        while Self::new(stem, ends, i, false).paths.iter().any(|path| whole::is_there(path)) {
            i += 1;
        }
        Self::new(stem, ends, i, false).probed()
    }

    fn new(stem: &Path, ends: &[&str], i: u64, replaces: bool) -> Self {
        Self { paths: ends.iter().map(|end| whole::numbered(stem, end, i)).collect(), replaces }
    }

    /// Before work is done for what could not be written.
    fn probed(self) -> Result<Self, HostError> {
        match self.path(0) {
            Some(path) => whole::probe(path).map_err(HostError::file(path)).map(|()| self),
            None => Ok(self),
        }
    }

    /// File `i`, in the order of the ends.
    #[must_use]
    pub fn path(&self, i: usize) -> Option<&Path> {
        self.paths.get(i).map(PathBuf::as_path)
    }

    /// Writes all of them, in their order.
    ///
    /// # Errors
    /// [`HostError::File`], also for a file that was made in the meantime.
    pub fn write(&self, contents: &[Vec<u8>]) -> Result<(), HostError> {
        let write = if self.replaces { whole::replace } else { whole::create };
        self.paths.iter().zip(contents).try_for_each(|(path, bytes)| write(path, bytes).map_err(HostError::file(path)))
    }
}
