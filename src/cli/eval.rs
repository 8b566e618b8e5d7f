//! The arguments of `cygnet eval`.

use super::data::Data;
use super::split::Split;
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Eval {
    /// A model file: .cygnet or .safetensors
    pub(crate) model: PathBuf,
    #[command(flatten)]
    pub(crate) data: Data,
    #[command(flatten)]
    pub(crate) split: Split,
    /// Print one JSON object with all metrics, the confusion matrices and every point of the curves (50 bytes per sample
    /// and class)
    #[arg(long)]
    pub(crate) json: bool,
}
