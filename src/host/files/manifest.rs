//! `run.json`: which files of a directory a run wrote, so that another run replaces these and no others, and how it was
//! started.

use super::record::Record;
use super::whole;
use crate::host::HostError;
use crate::host::prelude::*;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// What the file is called.
pub(in crate::host) const NAME: &str = "run.json";
/// Of the content; another one is refused.
const FORMAT: u32 = 1;
/// How the names of a run's files end.
const ENDS: [&str; 8] = ["cygnet", "safetensors", "csv", "jsonl", "json", "html", "svg", "state"];
/// A larger file is not one of ours.
const LARGEST: u64 = 1 << 26;
/// Nor is one of a longer name, in bytes.
const LONGEST: usize = 4096;

/// The files of a run, in the order in which they were first written, by names relative to its directory with `/` between
/// their parts.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(in crate::host) struct Manifest {
    pub(in crate::host) format: u32,
    /// Whether the run came to its end.
    pub(in crate::host) finished: bool,
    /// Whether it replaces the run in the directory above when it does.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(in crate::host) replaces: bool,
    /// How the run was started, and what it reached; none of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::host) run: Option<Record>,
    pub(in crate::host) files: Vec<String>,
}

impl Default for Manifest {
    fn default() -> Self {
        Self { format: FORMAT, finished: false, replaces: false, run: None, files: Vec::new() }
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
        let wrong = |problem: String| HostError::refused(&path, problem);
        if !whole::is_there(&path) {
            return Ok(None);
        }
        whole::check_regular(&path).map_err(HostError::file(&path))?;
        let Some(text) = whole::read(&path, LARGEST)? else {
            return Err(wrong(format!(
                "the file has more than {LARGEST} bytes, too many for the list of a run's files"
            )));
        };
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
        self.put(directory, whole::replace)
    }

    /// Puts the first one into a directory: of two runs that try at once, one does.
    pub(in crate::host) fn create(&self, directory: &Path) -> Result<(), HostError> {
        self.put(directory, whole::create)
    }

    fn put(&self, directory: &Path, put: fn(&Path, &[u8]) -> io::Result<()>) -> Result<(), HostError> {
        let path = directory.join(NAME);
        let json = serde_json::to_string_pretty(self).map_err(io::Error::from);
        json.and_then(|json| put(&path, (json + "\n").as_bytes())).map_err(HostError::file(&path))
    }
}

impl Record {
    /// What the run that wrote a model file says of itself, with its seed: by the `run.json` beside the file or, for one of
    /// several seeds, in the directory above, if it lists the file. None where there is no such run.
    #[must_use]
    pub fn of_model(path: &Path) -> Option<Written> {
        let (named, path) = (path, path.canonicalize().ok()?);
        let (directory, file) = (path.parent()?, path.file_name()?.to_str()?);
        // As the user named it, where that has so many parts.
        let shown = |up: usize, found: &Path| {
            let shown = named.ancestors().nth(up).filter(|shown| shown.join(NAME).exists());
            shown.unwrap_or(found).to_owned()
        };
        let listed = |directory: &Path, name: &str| {
            let manifest = Manifest::read(directory).ok()??;
            manifest.files.iter().any(|listed| listed == name).then_some(manifest.run?)
        };
        if let Some(record) = listed(directory, file) {
            return Some(Written { seed: record.seed, record, directory: shown(1, directory) });
        }
        let (above, part) = (directory.parent()?, directory.file_name()?.to_str()?);
        let record = listed(above, &format!("{part}/{file}"))?;
        let seed = part.strip_prefix("seed-")?.parse().ok()?;
        Some(Written { seed, record, directory: shown(2, above) })
    }
}

/// The run that wrote a model file.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// What it says of itself.
    pub record: Record,
    /// The seed that the model was trained with.
    pub seed: u64,
    /// Where its `run.json` is.
    pub directory: PathBuf,
}

/// A path as it is seen from a directory, so that both can be moved together; as it is where they have no common part.
#[must_use]
pub fn seen_from(directory: &Path, path: &Path) -> PathBuf {
    let (Ok(from), Ok(to)) = (directory.canonicalize(), path.canonicalize()) else { return path.to_owned() };
    let common = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    if common == 0 {
        return to;
    }
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    up.chain(to.components().skip(common)).collect()
}

/// Where a file of this name is: in the directory and in real directories below it, itself a regular file or not there.
///
/// # Errors
/// Why the name cannot be that of a run's file.
pub(in crate::host) fn inside(directory: &Path, name: &str) -> Result<PathBuf, String> {
    let shown = name.escape_debug();
    if name.len() > LONGEST {
        return Err(format!("a name of {} bytes is not that of a run's file", name.len()));
    }
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
