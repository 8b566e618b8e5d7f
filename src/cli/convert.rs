//! The arguments of `cygnet convert`.

use super::columns::ModelColumns;
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
    /// The model file to convert
    model: PathBuf,
    /// The new file, NAME.cygnet or NAME.safetensors
    to: PathBuf,
    /// Replace the new file if it exists, unless it is the model
    #[arg(long)]
    overwrite: bool,
    /// Fold each batch normalisation into the weights and biases before it, for deployment
    #[arg(long)]
    fold: bool,
    /// Order of the layers in a safetensors file of another program, from input to output: the names of the layers
    /// without .weight, such as input,hidden,output, each norm before its activation. It is needed only if names and
    /// widths allow several orders
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    layers: Vec<String>,
    /// Activation of every layer except the last, or one name for each layer, if the file does not contain them [default:
    /// relu; identity for the last layer]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = parse_activation)]
    activation: Vec<Activation>,
    /// Loss, if the file does not contain it [default: cross-entropy; mse for one output]
    #[arg(long, value_name = "NAME", value_parser = parse_loss)]
    loss: Option<Loss>,
    /// Replace the last layers of the model by the head in this checkpoint, which a chip has trained on the model's other
    /// layers
    #[arg(long, value_name = "FILE")]
    head: Option<PathBuf>,
    #[command(flatten)]
    columns: ModelColumns,
}

impl Convert {
    /// Writes the new file.
    pub(crate) fn write(&self) -> Result<(), HostError> {
        let read: Vec<_> = self.head.iter().chain([&self.model]).cloned().collect();
        let target = model_target(Some(&self.to), self.overwrite, &read)?;
        let (layers, activations) = (self.layers.clone(), self.activation.clone());
        let model = read_saying(&self.model, &Unsaid { layers, activations, loss: self.loss })?;
        let model = match &self.head {
            Some(head) => model.joined(head)?,
            None => model,
        };
        let model = self.columns.of(&self.model, model)?;
        write_model(&if self.fold { model.folded()? } else { model }, &target).map(|_| ())
    }
}
