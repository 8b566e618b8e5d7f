//! Digests of the files that a run reads, by which it is known that they are the same when it is resumed.

use super::manifest::seen_from;
use crate::host::HostError;
use crate::host::data::{ImageFiles, pictures_in};
use crate::host::prelude::*;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

static CRC: crc::Crc<u64, crc::Table<16>> = crc::Crc::<u64, crc::Table<16>>::new(&crc::CRC_64_XZ);

/// A digest of each of these files, of the four of a directory with images, or of the pictures in another directory, in
/// hexadecimal, by their paths as they are seen from `directory`.
///
/// # Errors
/// As reading them.
pub fn digests(paths: &[PathBuf], directory: &Path) -> Result<BTreeMap<String, String>, HostError> {
    let files = paths.iter().flat_map(|path| match ImageFiles::find(path) {
        Ok(ImageFiles { train, test }) => train.into_iter().chain(test).collect(),
        Err(_) => vec![path.clone()],
    });
    // A pipe can be read once. Whether it gave the same data is known by the digest of the samples.
    let files = files.filter(|path| path.is_file() || path.is_dir());
    let digest = |path: PathBuf| {
        let digest = of(&path)?;
        Ok((seen_from(directory, &path).to_string_lossy().into_owned(), format!("{digest:016x}")))
    };
    files.map(digest).collect()
}

/// Checks that these files are the same.
///
/// # Errors
/// [`HostError::Mismatch`] that names the file that has changed, [`HostError::Data`] for one that cannot be read.
pub fn check_digests(inputs: &BTreeMap<String, String>, directory: &Path) -> Result<(), HostError> {
    for (path, before) in inputs {
        let path = directory.join(path);
        let now = of(&path)?;
        if *before != format!("{now:016x}") {
            let path = path.canonicalize().unwrap_or(path);
            let problem = "has changed since the run began, which cannot go on with other data";
            return Err(HostError::Mismatch(format!("{} {problem}", path.display())));
        }
    }
    Ok(())
}

/// CRC-64/XZ of a file, or of the names and contents of all pictures in a directory: what else is in it, such as the run
/// itself, may change.
fn of(path: &Path) -> Result<u64, HostError> {
    let mut digest = CRC.digest();
    if path.is_dir() {
        for picture in pictures_in(path)? {
            digest.update(picture.strip_prefix(path).unwrap_or(&picture).as_os_str().as_encoded_bytes());
            digest.update(&of(&picture)?.to_le_bytes());
        }
        return Ok(digest.finalize());
    }
    of_file(path).map_err(HostError::reading(path))
}

fn of_file(path: &Path) -> io::Result<u64> {
    let mut digest = CRC.digest();
    let (mut file, mut bytes) = (File::open(path)?, vec![0; 1 << 16]);
    loop {
        match file.read(&mut bytes)? {
            0 => return Ok(digest.finalize()),
            n => digest.update(&bytes[..n]),
        }
    }
}
