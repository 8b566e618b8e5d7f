//! The arguments of `cygnet eval`.

use super::data::Data;
use super::split::Split;
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Eval {
    /// A file that `train` wrote, or a safetensors file
    pub(crate) model: PathBuf,
    #[command(flatten)]
    pub(crate) data: Data,
    #[command(flatten)]
    pub(crate) split: Split,
    /// One JSON object: all figures, confusion matrices, every point of the curves (50 bytes a sample and class)
    #[arg(long)]
    pub(crate) json: bool,
}
