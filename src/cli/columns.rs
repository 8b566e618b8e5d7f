//! The arguments that say which columns of a table a model takes whose file does not record them.

use clap::Args;
use cygnet::Loss;
use cygnet::host::HostError;
use cygnet::host::data::{Columns, Preparation};
use cygnet::host::evaluation::SavedModel;
use std::path::Path;

#[derive(Args)]
#[command(next_help_heading = "Model without preprocessing")]
pub(crate) struct ModelColumns {
    /// Columns of a table that are the inputs of a model whose file does not record them, such as one from PyTorch: names, or
    /// numbers from 1 on for a table without a header, in the order of the inputs. Their values are not scaled
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    columns: Vec<String>,
    /// Column that such a model predicts, or columns of numbers
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', requires = "columns")]
    label: Vec<String>,
    /// Names of its classes in the table, in the order of the outputs [default: 0,1,2 and so on]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', requires = "columns")]
    classes: Vec<String>,
}

impl ModelColumns {
    /// The model of this file with its columns, where they are given.
    /// Columns that the file records itself are an error, and such as do not fit the network.
    pub(crate) fn of(&self, path: &Path, model: SavedModel) -> Result<SavedModel, HostError> {
        if self.columns.is_empty() {
            return Ok(model);
        }
        let (path, inputs, outputs) = (path.display(), model.spec.inputs(), model.spec.targets());
        if model.preparation.is_some() {
            return Err(HostError::Usage(format!("{path} records its columns: leave --columns out")));
        }
        let has_numbers = !matches!(model.spec.loss_kind(), Loss::SoftmaxCrossEntropy | Loss::BinaryCrossEntropy);
        let or = |given: &[String], usual: Vec<String>| if given.is_empty() { usual } else { given.to_vec() };
        let outputs_named = || (1..=outputs).map(|i| format!("output {i}")).collect();
        let (targets, classes) = if has_numbers {
            (or(&self.label, outputs_named()), Vec::new())
        } else {
            let numbers = (0..outputs).map(|i| i.to_string()).collect();
            (or(&self.label, vec!["class".to_owned()]), or(&self.classes, numbers))
        };
        let named = if has_numbers { targets.len() } else { classes.len() };
        for (option, given, takes) in
            [("--columns", self.columns.len(), inputs), ("--label or --classes", named, outputs)]
        {
            if given != takes {
                return Err(HostError::Usage(format!(
                    "{option} has {given} names, but {path} is a network {inputs}-…-{outputs}"
                )));
            }
        }
        let header = !self.columns.iter().all(|name| name.parse::<u32>().is_ok());
        let columns = Columns { header, inputs: self.columns.clone(), targets, classes, ..Columns::default() };
        Ok(SavedModel { preparation: Some(Preparation::unscaled(columns)), ..model })
    }
}
