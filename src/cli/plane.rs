//! The arguments of `cygnet plane`.

use super::data::Data;
use clap::Args;
use cygnet::host::HostError;
use cygnet::host::files::Target;
use cygnet::host::report::plot::ENDS;
use cygnet::host::study::plane::View;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct Plane {
    /// Two models for a line, or three for a plane, of the same network
    #[arg(required = true, num_args = 2..=3)]
    pub(crate) models: Vec<PathBuf>,
    /// Name of the output files NAME.svg and NAME.csv, without extension [default: plane, then plane-2 and so
    /// on]
    #[arg(long, value_name = "NAME")]
    out: Option<PathBuf>,
    /// Replace the files of --out if they exist
    #[arg(long, requires = "out")]
    overwrite: bool,
    /// Points along each axis [default: 25 in a plane, 61 on a line]
    #[arg(long)]
    steps: Option<usize>,
    /// How far the plot extends beyond the models, as a share of their extent
    #[arg(long, value_name = "SHARE", default_value_t = 0.3)]
    margin: f64,
    /// Number of training samples for the train loss
    #[arg(long, default_value_t = 20_000)]
    samples: usize,
    #[command(flatten)]
    pub(crate) data: Data,
}

impl Plane {
    /// Where the picture goes.
    pub(crate) fn target(&self) -> Result<Target, HostError> {
        let inputs = [self.models.clone(), self.data.files()].concat();
        match &self.out {
            Some(out) => {
                let text = out.to_string_lossy();
                if ENDS.iter().any(|end| text.ends_with(end)) || text.ends_with(std::path::is_separator) {
                    let problem = format!("{text}: --out is a name without extension, such as plane");
                    return Err(HostError::Usage(problem));
                }
                Target::named(out, &ENDS, self.overwrite, &inputs)
            }
            None => Target::counted(Path::new("plane"), &ENDS),
        }
    }

    pub(crate) fn view(&self) -> View {
        let steps = self.steps.unwrap_or(if self.models.len() > 2 { 25 } else { 61 });
        View { steps, margin: self.margin, samples: self.samples }
    }
}
