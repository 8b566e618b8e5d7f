//! Where a command writes: names that count up, or a name that the user gave.

use cygnet::host::HostError;
use cygnet::host::evaluation::SavedModel;
use cygnet::host::files::{Expected, Format, Place, Start, Target};
use std::path::{Path, PathBuf};

/// The directory of a run.
pub(crate) fn run_place(
    out: Option<&Path>,
    name: &str,
    overwrite: bool,
    expected: Expected<'_>,
    inputs: &[PathBuf],
    start: Start<'_>,
) -> Result<Place, HostError> {
    match out {
        Some(out) => Place::named(out, overwrite, expected, inputs, start),
        None => Place::counted(Path::new(name), start),
    }
}

/// The file of a model.
pub(crate) fn model_target(out: Option<&Path>, overwrite: bool, inputs: &[PathBuf]) -> Result<Target, HostError> {
    match out {
        Some(out) => Format::of(out).and_then(|_| Target::named(out, &[""], overwrite, inputs)),
        None => Target::counted(Path::new("average"), &[".cygnet"]),
    }
}

/// Writes a model; says where.
pub(crate) fn write_model(model: &SavedModel, target: &Target) -> Result<PathBuf, HostError> {
    let path = target.path(0).unwrap_or(Path::new(""));
    target.write(&[model.to_bytes(Format::of(path)?)?])?;
    Ok(path.to_owned())
}
