//! The arguments of `cygnet vote`.

use super::data::Data;
use super::model::read_model;
use super::split::Split;
use clap::Args;
use cygnet::host::HostError;
use cygnet::host::model_file::SavedModel;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Vote {
    /// Files that `train` wrote, or safetensors files, of one network
    #[arg(required = true, num_args = 2..)]
    models: Vec<PathBuf>,
    /// A weight for each model, such as 1,2,1
    #[arg(long, value_delimiter = ',', value_name = "WEIGHTS")]
    pub(crate) weights: Option<Vec<f32>>,
    #[command(flatten)]
    pub(crate) data: Data,
    #[command(flatten)]
    pub(crate) split: Split,
}

impl Vote {
    /// The models with their names.
    pub(crate) fn models(&self) -> Result<Vec<(String, SavedModel)>, HostError> {
        self.models.iter().map(|path| Ok((path.display().to_string(), read_model(path)?))).collect()
    }
}
