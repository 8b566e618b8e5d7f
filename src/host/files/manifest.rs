//! `run.json`: which files of a directory a run wrote, so that another run replaces these and no others.

use super::whole;
use crate::host::HostError;
use crate::host::prelude::*;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// What the file is called.
pub(in crate::host) const NAME: &str = "run.json";
/// Of the content; another one is refused.
const FORMAT: u32 = 1;
/// How the names of a run's files end.
const ENDS: [&str; 7] = ["cygnet", "safetensors", "csv", "jsonl", "json", "html", "svg"];
/// A larger file is not one of ours.
const LARGEST: u64 = 1 << 26;

/// The files of a run, in the order in which they were first written, by names relative to its directory with `/` between
/// their parts.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(in crate::host) struct Manifest {
    pub(in crate::host) format: u32,
    /// Whether the run came to its end.
    pub(in crate::host) finished: bool,
    pub(in crate::host) files: Vec<String>,
}

impl Default for Manifest {
    fn default() -> Self {
        Self { format: FORMAT, finished: false, files: Vec::new() }
    }
}

impl Manifest {
    /// Reads that of a directory; none where there is none. Every name in it was checked: a list from elsewhere names no
    /// file outside the directory.
    ///
    /// # Errors
    /// [`HostError::Data`] for a list that cannot be read, [`HostError::File`] for what is no such list.
    pub(in crate::host) fn read(directory: &Path) -> Result<Option<Self>, HostError> {
        let path = directory.join(NAME);
        let wrong = |problem: String| HostError::file(&path)(io::Error::new(ErrorKind::InvalidData, problem));
        if !whole::is_there(&path) {
            return Ok(None);
        }
        whole::check_regular(&path).map_err(HostError::file(&path))?;
        let (mut text, file) = (Vec::new(), File::open(&path).map_err(HostError::reading(&path))?);
        file.take(LARGEST + 1).read_to_end(&mut text).map_err(HostError::reading(&path))?;
        if text.len() as u64 > LARGEST {
            return Err(wrong(format!(
                "the file has more than {LARGEST} bytes, too many for the list of a run's files"
            )));
        }
        let manifest: Self =
            serde_json::from_slice(&text).map_err(|e| wrong(format!("not the list of a run's files ({e})")))?;
        if manifest.format != FORMAT {
            return Err(wrong(format!("this program does not support format {}", manifest.format)));
        }
        let mut seen = HashSet::new();
        for name in &manifest.files {
            inside(directory, name).map_err(wrong)?;
            let is_ours = name.rsplit_once('.').is_some_and(|(_, end)| ENDS.contains(&end));
            if name == NAME || !is_ours || !seen.insert(name) {
                return Err(wrong(format!("lists `{}`, which is not a file of a run", name.escape_debug())));
            }
        }
        Ok(Some(manifest))
    }

    /// Replaces that of a directory.
    pub(in crate::host) fn write(&self, directory: &Path) -> Result<(), HostError> {
        let path = directory.join(NAME);
        whole::replace(&path, &self.bytes(&path)?).map_err(HostError::file(&path))
    }

    /// Puts the first one into a directory: of two runs that try at once, one does.
    pub(in crate::host) fn create(&self, directory: &Path) -> Result<(), HostError> {
        let path = directory.join(NAME);
        whole::create(&path, &self.bytes(&path)?).map_err(HostError::file(&path))
    }

    fn bytes(&self, path: &Path) -> Result<Vec<u8>, HostError> {
        let mut json = serde_json::to_vec_pretty(self).map_err(|e| HostError::file(path)(e.into()))?;
        json.push(b'\n');
        Ok(json)
    }
}

/// Where a file of this name is: in the directory and in real directories below it, itself a regular file or not there.
///
/// # Errors
/// Why the name cannot be that of a run's file.
pub(in crate::host) fn inside(directory: &Path, name: &str) -> Result<PathBuf, String> {
    let shown = name.escape_debug();
    let (mut path, mut parts) = (directory.to_path_buf(), name.split('/').peekable());
    while let Some(part) = parts.next() {
        let is_odd = |c: char| c.is_control() || matches!(c, '\\' | ':');
        if matches!(part, "" | "." | "..") || part.contains(is_odd) {
            return Err(format!("`{shown}` does not name a file in this directory"));
        }
        path.push(part);
        let Ok(found) = fs::symlink_metadata(&path) else { continue };
        let (is_last, place) = (parts.peek().is_none(), path.display());
        match is_last {
            true if !found.is_file() => return Err(format!("{place} exists and is not a regular file")),
            false if !found.is_dir() => return Err(format!("{place} exists and is not a directory")),
            _ => {}
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests;
