//! Directories of runs: made, locked, cleared.

use super::manifest::inside;
use super::whole;
use crate::host::HostError;
use crate::host::prelude::*;
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Locks a directory until the process ends, where the system can.
pub(super) fn lock(directory: &Path) -> Result<Option<File>, HostError> {
    let Ok(file) = File::open(directory) else { return Ok(None) };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            Err(HostError::Usage(format!("another process is working on the run in {}", directory.display())))
        }
        _ => Ok(Some(file)),
    }
}

/// Checks that a directory is there and, where the system tells, that it is the one that was locked.
pub(super) fn check(directory: &Path, locked: Option<&File>) -> Result<(), HostError> {
    let now = fs::metadata(directory).map_err(HostError::file(directory))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let is_it = |then: fs::Metadata| (then.dev(), then.ino()) == (now.dev(), now.ino());
        if !locked.and_then(|locked| locked.metadata().ok()).is_none_or(is_it) {
            return Err(HostError::refused(directory, "is not the directory that the run began in"));
        }
    }
    let _ = (now, locked);
    Ok(())
}

/// The directory that another one is in.
pub(super) fn above(directory: &Path) -> Result<PathBuf, HostError> {
    let named = directory.parent().filter(|above| directory.file_name().is_some() && !above.as_os_str().is_empty());
    match named {
        Some(above) => Ok(above.to_owned()),
        None => Ok(directory.join("..").canonicalize().map_err(HostError::file(directory))?),
    }
}

/// Where a file of the run is.
pub(super) fn path_in(directory: &Path, name: &str) -> Result<PathBuf, HostError> {
    inside(directory, name).map_err(|problem| HostError::refused(directory, problem))
}

/// A new directory of this name, or of the first with a number from 2 on that is free.
pub(super) fn make_counted(name: &Path) -> Result<PathBuf, HostError> {
    let made = whole::first_free(|i| whole::numbered(name, "", i), |path| fs::create_dir(path));
    made.map(|(path, ())| path).map_err(HostError::file(name))
}

pub(super) fn make_parent(path: &Path) -> Result<(), HostError> {
    path.parent().map_or(Ok(()), |parent| fs::create_dir_all(parent).map_err(HostError::file(parent)))
}

/// Removes a file, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), HostError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(HostError::file(path)(error)),
        _ => Ok(()),
    }
}

/// Removes the directories that these files were in, where nothing is left in them.
pub(super) fn remove_empty(directory: &Path, files: &[String]) {
    let parents = |name| Path::new(name).ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty());
    files.iter().flat_map(parents).for_each(|parent| drop(fs::remove_dir(directory.join(parent))));
}
