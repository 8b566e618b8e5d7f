//! The arguments of commands that compare saved models.

use super::data::Data;
use super::split::Split;
use super::{Models, read_models};
use clap::Args;
use cygnet::host::{HostError, data};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Several {
    /// Two or more model files (.cygnet or .safetensors) of the same network
    #[arg(required = true, num_args = 2..)]
    models: Vec<PathBuf>,
    /// One weight for each model, such as 1,2,1 [default: equal weights]
    #[arg(long, value_delimiter = ',', value_name = "WEIGHTS")]
    pub(crate) weights: Option<Vec<f32>>,
    #[command(flatten)]
    pub(crate) data: Data,
    #[command(flatten)]
    split: Split,
}

impl Several {
    /// The models with their names.
    pub(crate) fn models(&self) -> Result<Models, HostError> {
        read_models(&self.models)
    }

    /// Which samples count as held out, and what is to be known of them.
    pub(crate) fn split(&self) -> Result<(data::Split, Option<String>), HostError> {
        self.split.of_models(&self.models)
    }

    /// The files that are read.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        [self.models.clone(), self.data.files()].concat()
    }
}
