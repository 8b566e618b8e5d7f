//! Files that stand under their names only when they are whole.

use crate::host::HostError;
use crate::host::memory::room;
use crate::host::prelude::*;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// Makes a file or replaces it; an interruption leaves what was there before, or the new file.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    check_regular(path)?;
    let part = write_part(path, |file| file.write_all(bytes))?;
    fs::rename(&part, path).inspect_err(|_| drop(fs::remove_file(&part)))?;
    sync_parent(path)
}

/// Makes a file of what `write` writes; the one that was there before gets the name `previous`. An interruption leaves the new
/// file, the one before, or both.
pub(super) fn rotate(
    path: &Path,
    previous: &Path,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>,
) -> io::Result<()> {
    let part = write_part(path, |file| {
        let mut out = BufWriter::with_capacity(1 << 16, file);
        write(&mut out).and_then(|()| out.flush())
    })?;
    let moved = if is_there(path) { fs::rename(path, previous) } else { Ok(()) };
    moved.and_then(|()| fs::rename(&part, path)).inspect_err(|_| drop(fs::remove_file(&part)))?;
    sync_parent(path)
}

/// Makes a file that is not there yet; of two programs that try at once, one gets [`ErrorKind::AlreadyExists`].
pub(super) fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let part = write_part(path, |file| file.write_all(bytes))?;
    // A second name for the file: other than renaming it, this never replaces anything.
    let made = match fs::hard_link(&part, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists && !is_there(path) => fs::rename(&part, path),
        made => made,
    };
    let _ = fs::remove_file(&part);
    made?;
    sync_parent(path)
}

/// Removes what writers of a file left that did not come to their end.
pub(super) fn remove_parts(path: &Path) {
    let parts = (1..).map(|i| numbered(path, ".part", i));
    parts.take_while(|part| check_regular(part).is_ok() && fs::remove_file(part).is_ok()).for_each(drop);
}

/// Checks that a file can be made beside `path`, by making one and removing it.
pub(super) fn probe(path: &Path) -> io::Result<()> {
    fs::remove_file(write_part(path, |_| Ok(()))?)
}

/// Whether the name is taken, also by a link to nothing.
pub(super) fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Refuses a name that something else than a file has, a link as well, since renaming would replace the link.
pub(super) fn check_regular(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => Err(io::Error::other("exists and is not a regular file")),
        _ => Ok(()),
    }
}

/// A file beside `path`, on the disk, under a name that nothing had.
fn write_part(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<PathBuf> {
    let (part, mut file) = new_part(path)?;
    let written = write(&mut file).and_then(|()| file.sync_all());
    written.inspect_err(|_| drop(fs::remove_file(&part)))?;
    Ok(part)
}

fn new_part(path: &Path) -> io::Result<(PathBuf, File)> {
    first_free(|i| numbered(path, ".part", i), |part| File::create_new(part))
}

/// Makes something under the first name that nothing has, of those with the numbers from 1 on.
pub(super) fn first_free<T>(
    name: impl Fn(u64) -> PathBuf,
    make: impl Fn(&Path) -> io::Result<T>,
) -> io::Result<(PathBuf, T)> {
    let mut i = 1;
    loop {
        let path = name(i);
        match make(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => i += 1,
            made => return made.map(|made| (path, made)),
        }
    }
}

/// `stem` and `end`, with a number between them from the second on.
pub(super) fn numbered(stem: &Path, end: &str, i: u64) -> PathBuf {
    let mut name = stem.as_os_str().to_owned();
    if i > 1 {
        name.push(format!("-{i}"));
    }
    name.push(end);
    name.into()
}

/// Whether a file is one of these inputs, under whatever name.
pub(super) fn is_among(path: &Path, inputs: &[PathBuf]) -> bool {
    let is_it = |place: PathBuf| inputs.iter().any(|input| fs::canonicalize(input).is_ok_and(|input| input == place));
    fs::canonicalize(path).is_ok_and(is_it)
}

/// The bytes of a file; none of one that has more than `most`, or has no end, as a device.
pub(super) fn read(path: &Path, most: u64) -> Result<Option<Vec<u8>>, HostError> {
    let file = File::open(path).map_err(HostError::reading(path))?;
    let size = file.metadata().map_err(HostError::reading(path))?.len();
    let mut bytes = room(size.min(most) as usize)?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(HostError::reading(path))?;
    Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= most))
}

/// Writes the new name to the disk, so that it is there after a power failure: on Unix by synchronising the directory.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        match File::open(parent).and_then(|directory| directory.sync_all()) {
            // Some file systems cannot, and some directories may not be opened.
            Err(error) if !CANNOT.contains(&error.kind()) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// What a directory says that is not to be synchronised.
const CANNOT: [ErrorKind; 3] = [ErrorKind::InvalidInput, ErrorKind::Unsupported, ErrorKind::PermissionDenied];
