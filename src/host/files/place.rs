//! The directory that a run writes into: one that no other run has, or that of an earlier run which this one replaces
//! when it has come to its end.
//!
//! A run that replaces another works in a directory within, `unfinished`; its files move to where the earlier ones are
//! once all of them are whole. Until then, and if the run never ends, the earlier files stay as they are.

use super::directory::{above, check, lock, make_counted, make_parent, path_in, remove, remove_empty};
use super::manifest::{self, Manifest, inside};
use super::record::Record;
use super::whole;
use crate::host::HostError;
use crate::host::prelude::*;
use crate::host::training::check_state;
use crate::store::Container;
use core::mem;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Where a run that replaces another writes until its end.
const UNFINISHED: &str = "unfinished";

/// How the names of saved states end.
const STATE: &str = ".state";

/// The names of all files that a run may write.
pub struct Expected<'a> {
    /// Of its directory.
    pub files: Vec<String>,
    /// Directories of its parts, such as `seed-1`.
    pub parts: Box<dyn Iterator<Item = String> + 'a>,
    /// The files of each part.
    pub in_parts: Vec<String>,
}

/// The bytes of a state, and a note on them.
pub type Noted = (Vec<u8>, Option<String>);

/// Says how a run was started whose files are in this directory in the end.
pub type Start<'s> = &'s dyn Fn(&Path) -> Result<Record, HostError>;

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
    /// The files that this process wrote: a run that is resumed writes all of its files again.
    fresh: Vec<String>,
    /// The directory, in which no other process works.
    lock: Option<File>,
    is_resumed: bool,
}

impl Place {
    /// A directory that no run has, `name`, `name-2` or a later one: of two runs that start at once each gets its own. `start`
    /// says of the directory where the files are in the end how the run was started.
    ///
    /// # Errors
    /// [`HostError::File`], and those of `start`.
    pub fn counted(name: &Path, start: Start<'_>) -> Result<Self, HostError> {
        let target = make_counted(name)?;
        Self::new(target.clone(), target.clone(), Some(target), start)
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
        start: Start<'_>,
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
            return Self::new(target.into(), target.into(), is_new.then(|| target.into()), start);
        }
        let work = make_counted(&target.join(UNFINISHED))?;
        Self::new(target.into(), work.clone(), Some(work), start)
    }

    fn new(target: PathBuf, work: PathBuf, made: Option<PathBuf>, start: Start<'_>) -> Result<Self, HostError> {
        let run = start(&target).inspect_err(|_| made.iter().for_each(|made| drop(fs::remove_dir(made))))?;
        // From the first moment on, so that the run can be resumed.
        let written = Manifest { replaces: work != target, run: Some(run), ..Manifest::default() };
        written.create(&work).map_err(|error| match error {
            HostError::File { source, .. } if source.kind() == ErrorKind::AlreadyExists => taken(&target),
            other => other,
        })?;
        let lock = lock(&work)?;
        Ok(Self { target, work, written, made, fresh: Vec::new(), lock, is_resumed: false })
    }

    /// The directory of a run that did not come to its end, or that of a run which such a run replaces; `None` where the run
    /// came to its end.
    ///
    /// # Errors
    /// [`HostError::Usage`] where there is no run, more than one, or one that another process works on; [`HostError::File`].
    pub fn resumed(directory: &Path) -> Result<Option<Self>, HostError> {
        let Some(mut manifest) = Manifest::read(directory)? else {
            return Err(HostError::Usage(format!("{} contains no run ({})", directory.display(), manifest::NAME)));
        };
        if manifest.finished || manifest.run.is_none() {
            let problem = match &unfinished(directory)?[..] {
                // It may have been stopped before its states were gone.
                [] if manifest.finished => {
                    let _lock = lock(directory)?;
                    whole::remove_parts(&directory.join(manifest::NAME));
                    return forget_states(directory, &mut manifest).map(|()| None);
                }
                [work] => return Self::resumed(work),
                [] => "no run".to_owned(),
                several => format!(
                    "several runs: choose {}",
                    several.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" or ")
                ),
            };
            return Err(HostError::Usage(format!("{} contains {problem} to be resumed", directory.display())));
        }
        let target = if manifest.replaces { above(directory)? } else { directory.to_owned() };
        let lock = lock(directory)?;
        // As it is now that no other process changes it.
        let mut written = Manifest::read(directory)?.unwrap_or_default();
        let record = written.run.get_or_insert_default();
        (record.models, record.recommended, record.dropped) = (Vec::new(), None, 0);
        let work = directory.to_owned();
        for name in written.files.iter().map(String::as_str).chain([manifest::NAME]) {
            whole::remove_parts(&path_in(&work, name)?);
        }
        Ok(Some(Self { target, work, written, made: None, fresh: Vec::new(), lock, is_resumed: true }))
    }

    /// Writes into `run.json` how the run was started, and what it reached so far.
    ///
    /// # Errors
    /// [`HostError::File`].
    pub fn record(&mut self, change: impl FnOnce(&mut Record)) -> Result<(), HostError> {
        check(&self.work, self.lock.as_ref())?;
        change(self.written.run.get_or_insert_default());
        self.written.write(&self.work)
    }

    /// How the run was started.
    #[must_use]
    pub fn started(&self) -> Record {
        self.written.run.clone().unwrap_or_default()
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
        check(&self.work, self.lock.as_ref())?;
        let before = self.written.files.len();
        for name in names {
            if !self.fresh.contains(&name) {
                self.fresh.push(name.clone());
            }
            if self.written.files.contains(&name) {
                continue;
            }
            let path = path_in(&self.work, &name)?;
            if whole::is_there(&path) {
                return Err(HostError::refused(&path, "exists, but this run did not write it"));
            }
            self.written.files.push(name);
        }
        if self.written.files.len() == before {
            return Ok(());
        }
        // What could not be listed is listed later.
        self.written.write(&self.work).inspect_err(|_| self.written.files.truncate(before))
    }

    /// Writes a file, or replaces the one that the run wrote under this name.
    pub(in crate::host) fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), HostError> {
        self.announce([name.to_owned()])?;
        let path = path_in(&self.work, name)?;
        make_parent(&path)?;
        whole::replace(&path, bytes).map_err(HostError::file(&path))
    }

    /// The files of a training's state, the newest first.
    pub(in crate::host) fn states(name: &str) -> [String; 2] {
        ["", ".previous"].map(|age| format!("{name}{age}{STATE}"))
    }

    /// Saves the state of a training of the run, which is called `name`; the one that was saved before is kept beside it.
    ///
    /// # Errors
    /// [`HostError::File`]; the earlier states are as before then.
    pub fn save_state(&mut self, name: &str, state: &Container<'_>) -> Result<(), HostError> {
        let names = Self::states(name);
        self.announce(names.clone())?;
        let [path, previous] = [path_in(&self.work, &names[0])?, path_in(&self.work, &names[1])?];
        make_parent(&path)?;
        let saved = whole::rotate(&path, &previous, |file| state.write(|piece| file.write_all(piece)));
        saved.map_err(HostError::file(&path))
    }

    /// The newest state of a training that is whole, and a note where there was a newer one; nothing before the first.
    ///
    /// # Errors
    /// [`HostError::File`] where no state is whole, [`HostError::Data`], [`HostError::Memory`].
    pub fn state(&self, name: &str) -> Result<Option<Noted>, HostError> {
        let mut note = None;
        for name in Self::states(name) {
            let path = path_in(&self.work, &name)?;
            if !self.written.files.contains(&name) || !whole::is_there(&path) {
                continue;
            }
            let bytes = whole::read(&path, u32::MAX.into())?.unwrap_or_default();
            match check_state(&bytes) {
                Ok(()) => return Ok(Some((bytes, note))),
                Err(error) => note = Some(format!("{} is damaged ({error})", path.display())),
            }
        }
        match note {
            None => Ok(None),
            Some(note) => Err(HostError::Mismatch(format!(
                "{note}, and no other state is whole: remove the .state files to train from the beginning"
            ))),
        }
    }

    /// Ends a run that came to its end: its files are where the user wanted them, and those of the run that it replaces
    /// are gone.
    ///
    /// # Errors
    /// [`HostError::File`]; every file is in one of the two directories then.
    pub fn finish(&mut self) -> Result<(), HostError> {
        let is_state = |name: &&String| name.ends_with(STATE);
        // In the order of a run that was never stopped, without what it does not write: that goes before the run counts as finished.
        let kept: Vec<String> = self.fresh.iter().filter(|name| !is_state(name)).cloned().collect();
        let gone: Vec<String> = self.written.files.iter().filter(|name| !kept.contains(*name)).cloned().collect();
        for name in gone.iter().filter(|name| !is_state(name)) {
            remove(&path_in(&self.work, name)?)?;
        }
        let states: Vec<String> = gone.into_iter().filter(|name| is_state(&name)).collect();
        let (work, moves) = (self.work.clone(), self.work != self.target);
        if moves {
            // As it is now: meanwhile another run may have ended there.
            let earlier = Manifest::read(&self.target)?.unwrap_or_default();
            self.replace(&earlier, &kept)?;
        }
        let files = if moves { kept.clone() } else { [kept.clone(), states.clone()].concat() };
        self.written = Manifest { finished: true, replaces: false, files, ..mem::take(&mut self.written) };
        self.work.clone_from(&self.target);
        self.written.write(&self.work)?;
        if !moves {
            return forget_states(&self.work, &mut self.written);
        }
        for name in states.iter().map(String::as_str).chain([manifest::NAME]) {
            remove(&work.join(name))?;
        }
        remove_empty(&work, &[kept, states].concat());
        // Whatever else somebody put there stays, and the directory with it.
        let _ = fs::remove_dir(&work);
        Ok(())
    }

    /// Moves these files over those of an earlier run.
    fn replace(&self, earlier: &Manifest, kept: &[String]) -> Result<(), HostError> {
        let place = |name: &str| path_in(&self.target, name);
        let ours: HashSet<&String> = earlier.files.iter().collect();
        let new: Vec<&String> = kept.iter().filter(|name| !ours.contains(name)).collect();
        for name in &new {
            let path = place(name)?;
            if whole::is_there(&path) {
                let problem = format!("exists, but no run has written it; the new run is in {}", self.work.display());
                return Err(HostError::refused(&path, problem));
            }
        }
        // What is listed may be missing, but what is there is listed.
        let both = Manifest { files: earlier.files.iter().chain(new).cloned().collect(), ..Manifest::default() };
        both.write(&self.target)?;
        for name in kept {
            let (from, to) = (self.work.join(name), place(name)?);
            make_parent(&to)?;
            fs::rename(&from, &to).and_then(|()| whole::sync_parent(&to)).map_err(HostError::file(&to))?;
        }
        for name in earlier.files.iter().filter(|name| !kept.contains(name)) {
            remove(&place(name)?)?;
        }
        remove_empty(&self.target, &earlier.files);
        Ok(())
    }
}

impl Drop for Place {
    /// A run that wrote nothing leaves nothing.
    fn drop(&mut self) {
        if !self.is_resumed && !self.written.finished && self.written.files.is_empty() {
            let _ = fs::remove_file(self.work.join(manifest::NAME));
            self.made.iter().for_each(|directory| drop(fs::remove_dir(directory)));
        }
    }
}

/// Removes the saved states of a run that is finished.
fn forget_states(directory: &Path, run: &mut Manifest) -> Result<(), HostError> {
    let (states, kept): (Vec<_>, Vec<_>) =
        mem::take(&mut run.files).into_iter().partition(|name| name.ends_with(STATE));
    run.files = kept;
    if states.is_empty() {
        return Ok(());
    }
    states.iter().try_for_each(|name| remove(&path_in(directory, name)?))?;
    remove_empty(directory, &states);
    run.write(directory)
}

/// The directories of runs that replace the one in this directory when they come to their end.
fn unfinished(directory: &Path) -> Result<Vec<PathBuf>, HostError> {
    let entries = fs::read_dir(directory).map_err(HostError::file(directory))?.filter_map(Result::ok);
    let entries = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED));
    let mut paths: Vec<_> =
        entries.map(|entry| entry.path()).filter(|path| path.join(manifest::NAME).is_file()).collect();
    paths.sort();
    Ok(paths)
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
