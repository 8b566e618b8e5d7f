//! Which samples `train` held out.

use clap::Args;
use cygnet::host::{HostError, data};

#[derive(Args)]
pub(crate) struct Split {
    /// Share of the training samples that `train` held out for validation
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    validation: f32,
    /// Seed that `train` used; it determines which samples were held out
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Split {
    /// The split that holds out the same samples.
    pub(crate) fn of_run(&self) -> Result<data::Split, HostError> {
        let split = data::Split { seed: self.seed, validation: self.validation };
        split.check()?;
        Ok(split)
    }
}
