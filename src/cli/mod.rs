//! The arguments of the command, its progress bar, and how it says things.

mod augment;
mod average;
mod convert;
mod data;
mod eval;
mod growth;
mod images;
mod model;
mod out;
mod plane;
mod predict;
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
pub(crate) use convert::Convert;
use cygnet::host::HostError;
use cygnet::host::evaluation::SavedModel;
pub(crate) use data::Loaded;
pub(crate) use eval::Eval;
pub(crate) use model::{info, read_model, read_named};
pub(crate) use out::write_model;
pub(crate) use plane::Plane;
pub(crate) use predict::answer;
pub(crate) use progress::{Places, Progress};
pub(crate) use reproduce::Reproduce;
use std::path::PathBuf;
pub(crate) use text::{counted, introduction, notes, saved, source};
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
        /// A PNG of any size, images in an IDX file, raw or gzip, or for a model of a table a CSV file, `-` for standard input
        file: PathBuf,
        /// Exchange rows and columns of each image of an IDX file, as `train` did with --transpose
        #[arg(long)]
        transpose: bool,
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
    Convert(Convert),
}

/// Models with the names of their files.
pub(crate) type Models = Vec<(String, SavedModel)>;

/// Reads the models of these files.
pub(crate) fn read_models(paths: &[PathBuf]) -> Result<Models, HostError> {
    paths.iter().map(|path| read_named(path)).collect()
}
