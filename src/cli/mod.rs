//! The arguments of the command, its progress bar, and how it says things.

mod augment;
mod average;
mod data;
mod eval;
mod growth;
mod out;
mod plane;
mod progress;
mod replicas;
mod reproduce;
mod split;
mod table;
mod text;
mod train;
mod vote;

pub(crate) use average::Average;
use clap::{Parser, Subcommand};
use cygnet::host::HostError;
use cygnet::host::model_file::SavedModel;
pub(crate) use data::{Loaded, images};
pub(crate) use eval::Eval;
pub(crate) use out::{model_target, write_model};
pub(crate) use plane::Plane;
pub(crate) use progress::{Places, Progress};
pub(crate) use reproduce::Reproduce;
use std::path::{Path, PathBuf};
pub(crate) use text::{answers, conclusion, counted, introduction, notes, saved, source, verdicts};
pub(crate) use train::Train;
pub(crate) use vote::Vote;

const AFTER_TRAIN: &str = "Ctrl-C ends the run early and saves what was learned; a second one ends it at once.";

const AFTER_EVAL: &str = "\
The validation samples are those that `train` set apart where it had the same --data, --test-share, --validation and --seed. \
What the names in the JSON object mean stands at cygnet::host::evaluation::Evaluation (cargo doc --features std).";

/// Trains a small neural network on MNIST or a table, averages its weights, and shows what that gained.
#[derive(Parser)]
#[command(version, max_term_width = 100, after_help = "Start with:  cygnet train")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Train a network on images or a table and average its weights; without --data on the embedded sample of MNIST
    #[command(allow_negative_numbers = true, after_help = AFTER_TRAIN)]
    Train(Box<Train>),
    /// How good a saved model is on training, validation and test samples, class by class
    #[command(allow_negative_numbers = true, after_help = AFTER_EVAL)]
    Eval(Eval),
    /// Classify a PNG, every image of an IDX file, or every row of a CSV file
    Predict {
        /// A file that `train` wrote, or a safetensors file
        model: PathBuf,
        /// A PNG of any size, images in an IDX file, raw or gzip, or for a model of a table a CSV file
        file: PathBuf,
    },
    /// The layers of a saved model and the memory they need
    Info {
        /// A file that `train` wrote, or a safetensors file
        model: PathBuf,
    },
    /// Average saved models: all alike, with --weights, or those of a greedy soup
    #[command(allow_negative_numbers = true)]
    Average(Average),
    /// Draw train loss and test error over the plane through three models, or along the line through two
    #[command(allow_negative_numbers = true)]
    Plane(Plane),
    /// Let saved models vote: softly, by pooled logits, by ballots
    #[command(allow_negative_numbers = true)]
    Vote(Vote),
    /// The article's experiment in one command: one model, its average, replicas apart and pulled, their means and votes
    #[command(allow_negative_numbers = true)]
    Reproduce(Reproduce),
    /// Rewrite a model in the format that the new name says: .cygnet for a chip, .safetensors for PyTorch
    Convert {
        /// The model
        model: PathBuf,
        /// The new file
        to: PathBuf,
        /// Replace the new file if it exists, unless it is the model
        #[arg(long)]
        overwrite: bool,
        /// Put norms into the weights and biases before them, for deployment
        #[arg(long)]
        fold: bool,
    },
}

/// Models with the names of their files.
pub(crate) type Models = Vec<(String, SavedModel)>;

/// Reads the models of these files.
pub(crate) fn read_models(paths: &[PathBuf]) -> Result<Models, HostError> {
    paths.iter().map(|path| read_model(path)).collect()
}

/// Reads the model of a file.
pub(crate) fn read_model(path: &Path) -> Result<(String, SavedModel), HostError> {
    Ok((path.display().to_string(), SavedModel::read(path)?))
}
