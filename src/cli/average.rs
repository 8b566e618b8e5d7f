//! The arguments of `cygnet average`.

use super::data::Data;
use super::model::read_model;
use super::split::Split;
use clap::Args;
use cygnet::host::HostError;
use cygnet::host::model_file::SavedModel;
use cygnet::host::plan::Plan;
use cygnet::host::soup::Method;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Average {
    /// Files that `train` wrote, or safetensors files, of one network
    #[arg(required = true, num_args = 2..)]
    models: Vec<PathBuf>,
    /// The new file
    #[arg(long, value_name = "FILE", default_value = "average.cygnet")]
    pub(crate) out: PathBuf,
    /// A weight for each model, such as 1,2,1
    #[arg(long, value_delimiter = ',', value_name = "WEIGHTS")]
    weights: Option<Vec<f32>>,
    /// Greedy soup: the best model first, each other one only if the validation error does not get worse
    #[arg(long, conflicts_with = "weights")]
    soup: bool,
    #[command(flatten)]
    pub(crate) data: Data,
    #[command(flatten)]
    split: Split,
}

/// Models with the names of their files.
type Models = Vec<(String, SavedModel)>;

impl Average {
    /// The models with their names, how to average them, and what sets validation samples apart.
    pub(crate) fn plan(&self) -> Result<(Models, Method, Plan), HostError> {
        let plan = self.split.plan()?;
        let method = match (&self.weights, self.soup) {
            (Some(weights), _) => Method::Weighted(weights.clone()),
            (None, true) => Method::Soup,
            (None, false) => Method::Uniform,
        };
        let read = |path: &PathBuf| Ok((path.display().to_string(), read_model(path)?));
        Ok((self.models.iter().map(read).collect::<Result<_, HostError>>()?, method, plan))
    }
}
