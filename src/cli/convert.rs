//! The arguments of `cygnet convert`.

use super::model::read_saying;
use super::out::{model_target, write_model};
use clap::Args;
use cygnet::host::HostError;
use cygnet::host::files::Unsaid;
use cygnet::host::plan::{parse_activation, parse_loss};
use cygnet::{Activation, Loss};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Convert {
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
    /// Order of the layers of another program's safetensors file, from the inputs to the outputs, where their names and widths
    /// leave several: what their tensors' names begin with, such as input,hidden,output, each norm before its activation
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    layers: Vec<String>,
    /// Activation of every layer but the last, or one for each, which such a file does not say [default: relu, at the end
    /// identity]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = parse_activation)]
    activation: Vec<Activation>,
    /// Loss, which it does not say either [default: cross-entropy, of one output mse]
    #[arg(long, value_name = "NAME", value_parser = parse_loss)]
    loss: Option<Loss>,
}

impl Convert {
    /// Writes the new file.
    pub(crate) fn write(&self) -> Result<(), HostError> {
        let target = model_target(Some(&self.to), self.overwrite, std::slice::from_ref(&self.model))?;
        let (layers, activations) = (self.layers.clone(), self.activation.clone());
        let model = read_saying(&self.model, &Unsaid { layers, activations, loss: self.loss })?;
        write_model(&if self.fold { model.folded()? } else { model }, &target).map(|_| ())
    }
}
