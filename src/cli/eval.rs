//! The arguments of `cygnet eval`.

use super::split::Split;
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Eval {
    /// A file that `train` wrote, or a safetensors file
    pub(crate) model: PathBuf,
    /// Directory with the four IDX files of MNIST, Fashion-MNIST or the like [default: embedded sample]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) split: Split,
    /// One JSON object: all figures, confusion matrices, every point of the curves (50 bytes a sample and class)
    #[arg(long)]
    pub(crate) json: bool,
}
