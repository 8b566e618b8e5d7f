//! The arguments of `cygnet plane`.

use super::data::Data;
use clap::Args;
use cygnet::host::plane::View;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Plane {
    /// Two models for a line, three for a plane, of one network
    #[arg(required = true, num_args = 2..=3)]
    pub(crate) models: Vec<PathBuf>,
    /// The pictures and their numbers: FILE.svg, FILE.png and FILE.csv
    #[arg(long, value_name = "FILE", default_value = "plane")]
    pub(crate) out: PathBuf,
    /// Places along each axis [default: 25 in a plane, 61 on a line]
    #[arg(long)]
    steps: Option<usize>,
    /// How far the picture goes beyond the models, as a share of their extent
    #[arg(long, value_name = "SHARE", default_value_t = 0.3)]
    margin: f64,
    /// Training samples that the loss is the mean over
    #[arg(long, default_value_t = 20_000)]
    samples: usize,
    #[command(flatten)]
    pub(crate) data: Data,
    /// No progress bar
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

impl Plane {
    pub(crate) fn view(&self) -> View {
        let steps = self.steps.unwrap_or(if self.models.len() > 2 { 25 } else { 61 });
        View { steps, margin: self.margin, samples: self.samples }
    }
}
