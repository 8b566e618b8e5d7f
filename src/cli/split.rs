//! Which samples `train` set apart.

use clap::Args;
use cygnet::host::HostError;
use cygnet::host::plan::Plan;

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
    /// A run that sets the same samples apart.
    pub(crate) fn plan(&self) -> Result<Plan, HostError> {
        let plan = Plan { validation: self.validation, seed: self.seed, ..Plan::default() };
        plan.check()?;
        Ok(plan)
    }
}
