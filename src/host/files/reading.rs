//! Formats of models, and what is read of a file.

use crate::host::HostError;
use crate::host::evaluation::SavedModel;
use crate::host::prelude::*;
use crate::{Activation, Loss};
use std::path::Path;

/// How models are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The crate's own, `.cygnet`.
    Checkpoint,
    /// `.safetensors`, for PyTorch.
    Safetensors,
}

impl Format {
    /// That of a new file, by its name.
    ///
    /// # Errors
    /// [`HostError::Usage`] for another name, which names those that there are.
    pub fn of(path: &Path) -> Result<Self, HostError> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("cygnet") => Ok(Self::Checkpoint),
            Some("safetensors") => Ok(Self::Safetensors),
            _ => {
                let path = path.display();
                Err(HostError::Usage(format!("{path}: the name of a model file must end in .cygnet or .safetensors")))
            }
        }
    }
}

/// What a file of another program does not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unsaid {
    /// What the names of its dense layers and norms begin with, from the inputs to the outputs; none where names and widths
    /// say the order.
    pub layers: Vec<String>,
    /// One of every layer but the last, or one of each; none for ReLU and, at the end, identity.
    pub activations: Vec<Activation>,
    /// What it was trained with; where none is given softmax cross-entropy, of one output the mean squared error.
    pub loss: Option<Loss>,
}

impl Unsaid {
    /// Refuses to say what the file says itself.
    pub(in crate::host) fn expect_none(&self) -> Result<(), String> {
        if *self == Self::default() {
            return Ok(());
        }
        Err("the file contains its layers, activations and loss: --layers, --activation and --loss cannot be used"
            .to_owned())
    }
}

/// A model from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The model.
    pub model: SavedModel,
    /// What the file does not say and is taken for granted, what was converted, and of how many models it is an average.
    pub notes: Vec<String>,
}
