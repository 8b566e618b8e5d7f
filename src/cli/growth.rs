//! The arguments of `cygnet train` for a batch that grows.

use super::values::{number, parts};
use clap::Args;
use cygnet::host::plan::{GrowthPlan, GrowthRule};

#[derive(Args)]
#[command(next_help_heading = "Optimizer")]
pub(crate) struct Growing {
    /// Rule that increases the batch size during training, for fewer updates: norm-test[:0.9] when the noise of the
    /// gradient is larger than this share of its length in 50 updates in a row; noise-scale[:0.02] to this multiple of the
    /// gradient noise scale; doubling[:5] every 5 epochs
    #[arg(long, value_name = "RULE", value_parser = parse_growth, conflicts_with = "replicas")]
    grow: Option<GrowthRule>,
    /// Largest batch size
    #[arg(long, value_name = "SAMPLES", default_value_t = GrowthPlan::default().most, requires = "grow")]
    grow_to: usize,
}

fn parse_growth(text: &str) -> Result<GrowthRule, String> {
    let (name, value) = parts(text);
    match name {
        "norm-test" => number(value, 0.9, "share of the gradient").map(GrowthRule::NormTest),
        "noise-scale" => number(value, 0.02, "factor").map(GrowthRule::NoiseScale),
        "doubling" => number(value, 5, "number of epochs").map(GrowthRule::Doubling),
        _ => Err(format!("`{text}` is not norm-test, noise-scale or doubling")),
    }
}

impl Growing {
    /// How the batch grows, if it does.
    pub(crate) fn plan(&self) -> Option<GrowthPlan> {
        Some(GrowthPlan { rule: self.grow?, most: self.grow_to, ..GrowthPlan::default() })
    }
}
