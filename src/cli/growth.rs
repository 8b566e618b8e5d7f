//! The arguments of `cygnet train` for a batch that grows.

use clap::Args;
use cygnet::host::plan::{GrowthPlan, GrowthRule};
use std::str::FromStr;

#[derive(Args)]
#[command(next_help_heading = "Optimizer")]
pub(crate) struct Growing {
    /// Rule that increases the batch size during training, for fewer updates: norm-test[:0.9] when the noise of the
    /// gradient is larger than this share of its length; noise-scale[:0.02] to this multiple of the gradient noise scale;
    /// doubling[:5] every 5 epochs
    #[arg(long, value_name = "RULE", value_parser = parse_growth, conflicts_with = "replicas")]
    grow: Option<GrowthRule>,
    /// Largest batch size
    #[arg(long, value_name = "SAMPLES", default_value_t = GrowthPlan::default().most, requires = "grow")]
    grow_to: usize,
    /// Number of consecutive updates that must ask for a larger batch before it grows
    #[arg(long, value_name = "UPDATES", default_value_t = GrowthPlan::default().patience, requires = "grow")]
    grow_patience: u32,
}

fn parse_growth(text: &str) -> Result<GrowthRule, String> {
    let (name, value) = text.split_once(':').unwrap_or((text, ""));
    match name {
        "norm-test" => number(value, 0.9, "share of the gradient").map(GrowthRule::NormTest),
        "noise-scale" => number(value, 0.02, "factor").map(GrowthRule::NoiseScale),
        "doubling" => number(value, 5, "number of epochs").map(GrowthRule::Doubling),
        _ => Err(format!("`{text}` is not norm-test, noise-scale or doubling")),
    }
}

/// What stands behind the colon, or the usual.
fn number<T: FromStr>(value: &str, usual: T, what: &str) -> Result<T, String> {
    if value.is_empty() { Ok(usual) } else { value.parse().map_err(|_| format!("`{value}` is not a valid {what}")) }
}

impl Growing {
    /// How the batch grows, if it does.
    pub(crate) fn plan(&self) -> Option<GrowthPlan> {
        Some(GrowthPlan { rule: self.grow?, most: self.grow_to, patience: self.grow_patience })
    }
}
