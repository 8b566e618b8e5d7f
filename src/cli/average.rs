//! The arguments of `cygnet average`.

use super::Several;
use super::out::model_target;
use clap::Args;
use cygnet::host::HostError;
use cygnet::host::files::Target;
use cygnet::host::study::soup::Method;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Average {
    #[command(flatten)]
    pub(crate) several: Several,
    /// Greedy soup: begin with the best model, and add each other model only if the validation error does not increase
    #[arg(long, conflicts_with = "weights")]
    soup: bool,
    /// The new file, NAME.cygnet or NAME.safetensors [default: average.cygnet, then average-2.cygnet and so on]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace --out if it exists, unless it is one of the models
    #[arg(long, requires = "out")]
    overwrite: bool,
}

impl Average {
    pub(crate) fn method(&self) -> Method {
        match &self.several.weights {
            Some(weights) => Method::Weighted(weights.clone()),
            None if self.soup => Method::Soup,
            None => Method::Uniform,
        }
    }

    /// Where the average goes.
    pub(crate) fn target(&self) -> Result<Target, HostError> {
        model_target(self.out.as_deref(), self.overwrite, &self.several.files())
    }
}
