//! The arguments of the command, its progress bar, and its messages.

mod augment;
mod average;
mod averaging;
mod columns;
mod convert;
mod data;
mod eval;
mod growth;
mod images;
mod lines;
mod model;
mod out;
mod plane;
mod predict;
mod progress;
mod record;
mod replicas;
mod reproduce;
mod resume;
mod several;
mod split;
mod table;
mod text;
mod train;
mod values;

pub(crate) use average::Average;
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
pub(crate) use convert::Convert;
use cygnet::host::HostError;
use cygnet::host::evaluation::SavedModel;
pub(crate) use data::Loaded;
pub(crate) use eval::{Eval, Evaluated};
pub(crate) use model::{info, read_named};
pub(crate) use out::write_model;
pub(crate) use plane::Plane;
pub(crate) use predict::Predict;
pub(crate) use progress::{Places, Progress};
pub(crate) use record::record;
pub(crate) use reproduce::Reproduce;
pub(crate) use resume::{Every, resumed};
pub(crate) use several::Several;
use std::path::PathBuf;
pub(crate) use text::{counted, fitted, introduction, notes, origin, saved, source};
pub(crate) use train::Train;

const AFTER_TRAIN: &str = "Press Ctrl-C to stop the run early: the models trained so far are saved, and --resume goes on with it. Press it again to stop at once.";

const AFTER_EVAL: &str = "\
Data, validation share and seed are those of the run.json beside the model, or in the directory above for one of several \
seeds. For a model file without it, give --data, --validation and --seed as in training. The keys of the JSON object are documented at cygnet::host::evaluation::Evaluation (cargo doc --features std).";

/// Train a small neural network on images or a table, average its weights, and compare the models
#[derive(Parser)]
#[command(version, max_term_width = 100, after_help = "Start with:  cygnet train")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print only results and problems: no progress, notes or hints
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Train a network on images or a table and average its weights; the default data are the embedded sample of MNIST
    #[command(allow_negative_numbers = true, after_help = AFTER_TRAIN)]
    Train(Box<Train>),
    /// Evaluate a saved model on the training, validation and test samples, with metrics for each class
    #[command(allow_negative_numbers = true, after_help = AFTER_EVAL)]
    Eval(Eval),
    /// Predict the class of pictures, of every image in an IDX file, or of every row in a CSV file
    Predict(Predict),
    /// Show the layers of a saved model and the memory that it needs
    Info {
        /// A model file: .cygnet or .safetensors
        model: PathBuf,
    },
    /// Average the weights of saved models: with equal weights, with --weights, or as a greedy soup
    #[command(allow_negative_numbers = true)]
    Average(Average),
    /// Plot train loss and test error in the plane through three models, or on the line through two
    #[command(allow_negative_numbers = true)]
    Plane(Plane),
    /// Combine the predictions of saved models: soft vote, log-pooled vote and hard vote
    #[command(allow_negative_numbers = true)]
    Vote(Several),
    /// Run the article's experiment: one model and its average, replicas with and without a pull to their mean, and their
    /// votes
    #[command(allow_negative_numbers = true)]
    Reproduce(Reproduce),
    /// Convert a model to the format of the new file: .cygnet for a chip, .safetensors for PyTorch
    Convert(Convert),
    /// Print a script that completes the arguments in a shell, such as: cygnet completions bash >> ~/.bashrc
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// The script that completes the arguments in a shell.
pub(crate) fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "cygnet", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// A model with the name of its file.
pub(crate) type Named = (String, SavedModel);

/// Models with the names of their files.
pub(crate) type Models = Vec<Named>;

/// Reads the models of these files.
pub(crate) fn read_models(paths: &[PathBuf]) -> Result<Models, HostError> {
    paths.iter().map(|path| read_named(path)).collect()
}
