//! The arguments of `cygnet convert`.

use clap::Args;
use cygnet::host::HostError;
use cygnet::host::model_file::{SavedModel, Unsaid};
use cygnet::host::names::{parse_activation, parse_loss};
use cygnet::{Activation, Loss};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Convert {
    /// The model
    model: PathBuf,
    /// The new file
    pub(crate) to: PathBuf,
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
    /// Loss, which it does not say either [default: cross-entropy]
    #[arg(long, value_name = "NAME", value_parser = parse_loss)]
    loss: Option<Loss>,
}

impl Convert {
    /// The model as it is to be written.
    pub(crate) fn read(&self) -> Result<SavedModel, HostError> {
        let (layers, activations) = (self.layers.clone(), self.activation.clone());
        let model = super::model::read_saying(&self.model, &Unsaid { layers, activations, loss: self.loss })?;
        if self.fold { model.folded() } else { Ok(model) }
    }
}
