//! Models that are read, and what their files leave open.

use crate::note;
use cygnet::host::HostError;
use cygnet::host::evaluation::SavedModel;
use cygnet::host::files::{Head, Reading, Unsaid};
use cygnet::host::report;
use std::path::Path;

/// Reads a model, and says on standard error what its file leaves open.
pub(super) fn read_model(path: &Path) -> Result<SavedModel, HostError> {
    read_saying(path, &Unsaid::default())
}

/// The same with the name of its file.
pub(crate) fn read_named(path: &Path) -> Result<(String, SavedModel), HostError> {
    Ok((path.display().to_string(), read_model(path)?))
}

/// As [`read_model`], with what was said beside the file.
pub(super) fn read_saying(path: &Path, unsaid: &Unsaid) -> Result<SavedModel, HostError> {
    let Reading { model, notes } = Reading::of_file(path, unsaid)?;
    notes.iter().for_each(|text| note(&format!("note: {}: {text}", path.display())));
    Ok(model)
}

/// What a model is, and what its file leaves open.
pub(crate) fn info(path: &Path) -> Result<String, HostError> {
    if let Some(head) = Head::of_file(path) {
        return Ok(report::of_head(&head));
    }
    let Reading { model, notes } = Reading::of_file(path, &Unsaid::default())?;
    let notes: String = notes.iter().map(|note| format!("\nnote: {note}")).collect();
    Ok(report::info(&model) + if notes.is_empty() { "" } else { "\n" } + &notes)
}
