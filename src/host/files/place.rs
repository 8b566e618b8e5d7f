//! The directory that a run writes into: one that no other run has, or that of an earlier run which this one replaces
//! when it has come to its end.
//!
//! A run that replaces another works in a directory within, `unfinished`; its files move to where the earlier ones are
//! once all of them are whole. Until then, and if the run never ends, the earlier files stay as they are.

use super::manifest::{self, Manifest, inside};
use super::record::Record;
use super::whole;
use crate::host::HostError;
use crate::host::prelude::*;
use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Where a run that replaces another writes until its end.
const UNFINISHED: &str = "unfinished";

/// The names of all files that a run may write.
pub struct Expected<'a> {
    /// Of its directory.
    pub files: Vec<String>,
    /// Directories of its parts, such as `seed-1`.
    pub parts: Box<dyn Iterator<Item = String> + 'a>,
    /// The files of each part.
    pub in_parts: Vec<String>,
}

/// The directory of a run, and which files are the run's.
#[derive(Debug)]
pub struct Place {
    /// Where the files are in the end.
    target: PathBuf,
    /// Where they are written.
    work: PathBuf,
    written: Manifest,
    /// The directory that was not there before.
    made: Option<PathBuf>,
}

impl Place {
    /// A directory that no run has, `name`, `name-2` or a later one: of two runs that start at once each gets its own.
    ///
    /// # Errors
    /// [`HostError::File`].
    pub fn counted(name: &Path) -> Result<Self, HostError> {
        let target = make_counted(name)?;
        Self::new(target.clone(), target.clone(), Some(target))
    }

    /// The directory that the user named: empty, absent, or with files of other names than those `expected` alone; with
    /// `overwrite` also that of an earlier run, of which the files in its `run.json` are replaced by
    /// [`finish`](Self::finish), unless one is among the `inputs` of this run.
    ///
    /// # Errors
    /// [`HostError::Usage`] that names the file in the way, [`HostError::File`].
    pub fn named(
        target: &Path,
        overwrite: bool,
        expected: Expected<'_>,
        inputs: &[PathBuf],
    ) -> Result<Self, HostError> {
        let is_new = !whole::is_there(target);
        if !is_new && !target.is_dir() {
            let target = target.display();
            return Err(HostError::Usage(format!("{target} exists and is not a directory: choose another --out")));
        }
        if whole::is_there(&target.join(manifest::NAME)) && !overwrite {
            return Err(taken(target));
        }
        let earlier = Manifest::read(target)?;
        if let Some(earlier) = &earlier {
            check_inputs(target, earlier, inputs)?;
        }
        if !is_new {
            let ours = earlier.iter().flat_map(|run| &run.files).map(String::as_str).collect();
            check_names(target, &ours, expected)?;
        }
        fs::create_dir_all(target).map_err(HostError::file(target))?;
        if earlier.is_none() {
            return Self::new(target.into(), target.into(), is_new.then(|| target.into()));
        }
        let work = make_counted(&target.join(UNFINISHED))?;
        Self::new(target.into(), work.clone(), Some(work))
    }

    fn new(target: PathBuf, work: PathBuf, made: Option<PathBuf>) -> Result<Self, HostError> {
        let written = Manifest::default();
        written.create(&work).map_err(|error| match error {
            HostError::File { source, .. } if source.kind() == ErrorKind::AlreadyExists => taken(&target),
            other => other,
        })?;
        Ok(Self { target, work, written, made })
    }

    /// Writes into `run.json` how the run was started, and what it reached so far.
    ///
    /// # Errors
    /// [`HostError::File`].
    pub fn record(&mut self, change: impl FnOnce(&mut Record)) -> Result<(), HostError> {
        change(self.written.run.get_or_insert_default());
        self.written.write(&self.work)
    }

    /// Where the files are in the end.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Where the files are now.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.work
    }

    /// Says which files come next, so that whatever is written is known to be the run's.
    ///
    /// # Errors
    /// [`HostError::File`], also for a file of one of these names that the run did not write.
    pub(in crate::host) fn announce(&mut self, names: impl IntoIterator<Item = String>) -> Result<(), HostError> {
        let before = self.written.files.len();
        for name in names {
            if self.written.files.contains(&name) {
                continue;
            }
            let path = path_in(&self.work, &name)?;
            if whole::is_there(&path) {
                return Err(HostError::refused(&path, "exists, but this run did not write it"));
            }
            self.written.files.push(name);
        }
        if self.written.files.len() > before { self.written.write(&self.work) } else { Ok(()) }
    }

    /// Writes a file, or replaces the one that the run wrote under this name.
    pub(in crate::host) fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), HostError> {
        self.announce([name.to_owned()])?;
        let path = path_in(&self.work, name)?;
        make_parent(&path)?;
        whole::replace(&path, bytes).map_err(HostError::file(&path))
    }

    /// Ends a run that came to its end: its files are where the user wanted them, and those of the run that it replaces
    /// are gone.
    ///
    /// # Errors
    /// [`HostError::File`]; every file is in one of the two directories then.
    pub fn finish(&mut self) -> Result<(), HostError> {
        if self.work != self.target {
            // As it is now: meanwhile another run may have ended there.
            let earlier = Manifest::read(&self.target)?.unwrap_or_default();
            self.replace(&earlier)?;
        }
        self.written.finished = true;
        self.written.write(&self.work)
    }

    /// Moves the files over those of an earlier run.
    fn replace(&mut self, earlier: &Manifest) -> Result<(), HostError> {
        let target = self.target.clone();
        let place = |name: &str| path_in(&target, name);
        let ours: HashSet<&String> = earlier.files.iter().collect();
        let new: Vec<&String> = self.written.files.iter().filter(|name| !ours.contains(name)).collect();
        for name in &new {
            let path = place(name)?;
            if whole::is_there(&path) {
                let problem = format!("exists, but no run has written it; the new run is in {}", self.work.display());
                return Err(HostError::refused(&path, problem));
            }
        }
        // What is listed may be missing, but what is there is listed.
        let both = Manifest { files: earlier.files.iter().chain(new).cloned().collect(), ..Manifest::default() };
        both.write(&target)?;
        for name in &self.written.files {
            let (from, to) = (self.work.join(name), place(name)?);
            make_parent(&to)?;
            fs::rename(&from, &to).and_then(|()| whole::sync_parent(&to)).map_err(HostError::file(&to))?;
        }
        for name in earlier.files.iter().filter(|name| !self.written.files.contains(name)) {
            remove(&place(name)?)?;
        }
        remove_empty(&target, &earlier.files);
        remove(&self.work.join(manifest::NAME))?;
        remove_empty(&self.work, &self.written.files);
        // Whatever else somebody put there stays, and the directory with it.
        let _ = fs::remove_dir(&self.work);
        self.work = target;
        Ok(())
    }
}

impl Drop for Place {
    /// A run that wrote nothing leaves nothing.
    fn drop(&mut self) {
        if !self.written.finished && self.written.files.is_empty() {
            let _ = fs::remove_file(self.work.join(manifest::NAME));
            self.made.iter().for_each(|directory| drop(fs::remove_dir(directory)));
        }
    }
}

/// Where a file of the run is.
fn path_in(directory: &Path, name: &str) -> Result<PathBuf, HostError> {
    inside(directory, name).map_err(|problem| HostError::refused(directory, problem))
}

/// A new directory of this name, or of the first with a number from 2 on that is free.
fn make_counted(name: &Path) -> Result<PathBuf, HostError> {
    let made = whole::first_free(|i| whole::numbered(name, "", i), |path| fs::create_dir(path));
    made.map(|(path, ())| path).map_err(HostError::file(name))
}

fn make_parent(path: &Path) -> Result<(), HostError> {
    path.parent().map_or(Ok(()), |parent| fs::create_dir_all(parent).map_err(HostError::file(parent)))
}

/// Refuses files in the way that are not `ours`.
fn check_names(target: &Path, ours: &HashSet<&str>, expected: Expected<'_>) -> Result<(), HostError> {
    let check = |name: &str| {
        let path = inside(target, name).map_err(HostError::Usage)?;
        if ours.contains(name) || !whole::is_there(&path) {
            return Ok(());
        }
        Err(HostError::Usage(format!(
            "{} exists, and this run would replace it: move it, or choose another --out (--overwrite replaces only the files \
             that {} of an earlier run lists)",
            path.display(),
            manifest::NAME
        )))
    };
    expected.files.iter().try_for_each(|name| check(name))?;
    for part in expected.parts.filter(|part| whole::is_there(&target.join(part))) {
        expected.in_parts.iter().try_for_each(|name| check(&format!("{part}/{name}")))?;
    }
    Ok(())
}

/// Refuses to replace what the run reads.
fn check_inputs(target: &Path, earlier: &Manifest, inputs: &[PathBuf]) -> Result<(), HostError> {
    match earlier.files.iter().map(|name| target.join(name)).find(|path| whole::is_among(path, inputs)) {
        Some(path) => {
            Err(HostError::Usage(format!("{} is an input of this run: choose another --out", path.display())))
        }
        None => Ok(()),
    }
}

/// The directory has a run.
fn taken(target: &Path) -> HostError {
    HostError::Usage(format!(
        "{} contains a run ({}): choose another --out, or use --overwrite to replace the files of that run",
        target.display(),
        manifest::NAME
    ))
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> Result<(), HostError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(HostError::file(path)(error)),
        _ => Ok(()),
    }
}

/// Removes the directories that these files were in, where nothing is left in them.
fn remove_empty(directory: &Path, files: &[String]) {
    let parents = |name| Path::new(name).ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty());
    files.iter().flat_map(parents).for_each(|parent| drop(fs::remove_dir(directory.join(parent))));
}
