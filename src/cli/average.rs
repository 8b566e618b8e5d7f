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
    /// A polynomial average of this width, from 0.05 to 0.28, out of the averages that train --posthoc stores (Karras et al.
    /// 2024); `best` is the width with the lowest validation loss. Width 0.1 is exponent 7, 0.25 exponent 0.7
    #[arg(long, value_name = "WIDTH", conflicts_with_all = ["weights", "soup"], value_parser = parse_width)]
    posthoc: Option<Width>,
    /// The new file, NAME.cygnet or NAME.safetensors [default: average.cygnet, then average-2.cygnet and so on]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace --out if it exists, unless it is one of the models
    #[arg(long, requires = "out")]
    overwrite: bool,
}

/// A width; none for the best one.
#[derive(Clone, Copy)]
struct Width(Option<f64>);

fn parse_width(text: &str) -> Result<Width, String> {
    if text == "best" {
        return Ok(Width(None));
    }
    text.parse().map(|width| Width(Some(width))).map_err(|_| format!("`{text}` is not a width or best"))
}

impl Average {
    pub(crate) fn method(&self) -> Method {
        match (&self.several.weights, self.posthoc) {
            (Some(weights), _) => Method::Weighted(weights.clone()),
            (_, Some(Width(width))) => Method::Posthoc(width),
            _ if self.soup => Method::Soup,
            _ => Method::Uniform,
        }
    }

    /// Where the average goes.
    pub(crate) fn target(&self) -> Result<Target, HostError> {
        model_target(self.out.as_deref(), self.overwrite, &self.several.files())
    }
}
