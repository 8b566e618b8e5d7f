//! The arguments of `cygnet average`.

use super::data::Data;
use super::out::model_target;
use super::split::Split;
use super::{Models, read_models};
use clap::Args;
use cygnet::host::files::Target;
use cygnet::host::study::soup::Method;
use cygnet::host::{HostError, data};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Average {
    /// Two or more model files (.cygnet or .safetensors) of the same network
    #[arg(required = true, num_args = 2..)]
    models: Vec<PathBuf>,
    /// The new file, NAME.cygnet or NAME.safetensors [default: average.cygnet, then average-2.cygnet and so on]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace --out if it exists, unless it is one of the models
    #[arg(long, requires = "out")]
    pub(crate) overwrite: bool,
    /// One weight for each model, such as 1,2,1 [default: equal weights]
    #[arg(long, value_delimiter = ',', value_name = "WEIGHTS")]
    weights: Option<Vec<f32>>,
    /// Greedy soup: begin with the best model, and add each other model only if the validation error does not increase
    #[arg(long, conflicts_with = "weights")]
    soup: bool,
    #[command(flatten)]
    pub(crate) data: Data,
    #[command(flatten)]
    split: Split,
}

impl Average {
    /// The models with their names, and how to average them.
    pub(crate) fn plan(&self) -> Result<(Models, Method), HostError> {
        let method = match (&self.weights, self.soup) {
            (Some(weights), _) => Method::Weighted(weights.clone()),
            (None, true) => Method::Soup,
            (None, false) => Method::Uniform,
        };
        Ok((read_models(&self.models)?, method))
    }

    /// Which samples count as held out, and what is to be known of them.
    pub(crate) fn split(&self) -> Result<(data::Split, Option<String>), HostError> {
        self.split.of_models(&self.models)
    }

    /// Where the average goes.
    pub(crate) fn target(&self) -> Result<Target, HostError> {
        let inputs = [self.models.clone(), self.data.files()].concat();
        model_target(self.out.as_deref(), self.overwrite, &inputs)
    }
}
