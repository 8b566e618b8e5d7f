//! Models on disk: the crate's own checkpoint, and safetensors for exchange with PyTorch.

use super::reading::{Format, Reading, Unsaid};
use super::whole;
use crate::host::HostError;
use crate::host::evaluation::SavedModel;
use crate::host::plan::MAX_PARAMS;
use crate::host::prelude::*;
use crate::store::{body_checksum, container_len, holds_average, join, load_spec};
use crate::{Error, Spec};
use std::path::Path;

/// A larger file is not one of ours: parameters and room for a header and a preparation.
const LARGEST: u64 = 4 * MAX_PARAMS as u64 + (1 << 24);

impl Reading {
    /// Reads a checkpoint or a safetensors file, whichever it is.
    ///
    /// # Errors
    /// As [`SavedModel::read`]; [`HostError::Model`] where the file says itself what `unsaid` says.
    pub fn of_file(path: &Path, unsaid: &Unsaid) -> Result<Self, HostError> {
        if path.is_dir() {
            let model = path.join("average.cygnet");
            let hint =
                if model.is_file() { format!(": give a model in it, {}", model.display()) } else { String::new() };
            return Err(HostError::model(path, format!("this is a directory, not a model file{hint}")));
        }
        let Some(bytes) = whole::read(path, LARGEST)? else {
            let problem = format!("the file has more than {LARGEST} bytes, too many for a model");
            return Err(HostError::model(path, problem));
        };
        if container_len(bytes.first_chunk().unwrap_or(&[0; 20])).is_ok() {
            let problem =
                "this is the state of a run, not a model: cygnet train --resume goes on with the run in its directory";
            return Err(HostError::model(path, problem));
        }
        let is_safetensors = path.extension().is_some_and(|extension| extension == "safetensors");
        // The header of a safetensors file is JSON after its length in eight bytes.
        let parsed = if is_safetensors || bytes.get(8) == Some(&b'{') {
            Self::of_safetensors(&bytes, unsaid, &path.display().to_string())
        } else {
            let read = unsaid.expect_none().and_then(|()| SavedModel::from_checkpoint(&bytes));
            read.map(|model| Self { model, notes: Vec::new() })
        };
        parsed.map_err(|problem| HostError::model(path, problem))
    }
}

/// The head of a network, as a chip stores it: without the layers that it was trained on.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// Its layers.
    pub spec: Spec,
    /// The [checksum](crate::store::checksum) of the layers before them.
    pub body: u32,
    /// Whether its parameters are an average's.
    pub is_average: bool,
}

impl Head {
    /// What a file holds, if that is a head's checkpoint.
    #[must_use]
    pub fn of_file(path: &Path) -> Option<Self> {
        let bytes = whole::read(path, LARGEST).ok()??;
        let (spec, body) = (load_spec(&bytes).ok()?, body_checksum(&bytes).ok()??);
        Some(Self { spec, body, is_average: holds_average(&bytes) })
    }
}

impl SavedModel {
    /// Reads a checkpoint or a safetensors file, whichever it is; [`Reading::of_file`] gives the notes on it, too.
    ///
    /// # Errors
    /// [`HostError::Data`], [`HostError::Memory`], or [`HostError::Model`] for a file that is neither, damaged, or does not
    /// say the order of its layers.
    pub fn read(path: &Path) -> Result<Self, HostError> {
        Reading::of_file(path, &Unsaid::default()).map(|reading| reading.model)
    }

    /// The same model with the head in this checkpoint in place of its last layers, which may be others.
    ///
    /// # Errors
    /// [`HostError::Data`], [`HostError::Memory`]; [`HostError::Model`] for a file that is no head's checkpoint, or of a head that was trained on
    /// other layers.
    pub fn joined(mut self, head: &Path) -> Result<Self, HostError> {
        let bytes = whole::read(head, LARGEST)?.unwrap_or_default();
        let wrong = |error: Error| HostError::model(head, error.to_string());
        let of_head = load_spec(&bytes).map_err(wrong)?;
        if of_head.first_layer() > 0 {
            self.spec = self.spec.with_head(&of_head);
            self.spec.check().map_err(wrong)?;
            self.params.resize(self.spec.param_len(), 0.0);
        }
        join(&self.spec, &bytes, &mut self.params).map_err(wrong)?;
        self.is_average = holds_average(&bytes);
        Ok(self)
    }

    /// Writes the file in the format that its name says, or replaces it; it is whole or as it was.
    ///
    /// # Errors
    /// [`HostError::File`], and as [`Format::of`] and [`to_bytes`](Self::to_bytes).
    pub fn write(&self, path: &Path) -> Result<(), HostError> {
        let bytes = self.to_bytes(Format::of(path)?).map_err(|error| error.of_model(path))?;
        whole::replace(path, &bytes).map_err(HostError::file(path))
    }

    /// The file in this format.
    ///
    /// # Errors
    /// [`HostError::Memory`], or [`HostError::Core`] and [`HostError::Model`] for parameters that are not finite and for
    /// what does not go with the network.
    pub fn to_bytes(&self, format: Format) -> Result<Vec<u8>, HostError> {
        let failed = |problem| HostError::model(Path::new("the model"), problem);
        self.check_sections().map_err(failed)?;
        if format == Format::Safetensors {
            return self.to_safetensors().map_err(failed);
        }
        self.to_checkpoint()
    }
}
