//! The arguments of `cygnet train` for a batch that grows.

use clap::Args;
use cygnet::host::plan::{GrowthPlan, GrowthRule};

#[derive(Args)]
pub(crate) struct Growing {
    /// Let the batch grow: norm-test[:THETA] where the gradient's noise is more than this share of it, noise-scale[:FACTOR]
    /// to this multiple of the gradient noise scale, doubling[:EPOCHS] every so many epochs
    #[arg(long, value_name = "RULE", value_parser = parse_growth, conflicts_with = "replicas", help_heading = "Optimizer")]
    grow: Option<GrowthRule>,
    /// The largest batch that it grows to
    #[arg(long, value_name = "SAMPLES", default_value_t = 1024, requires = "grow", help_heading = "Optimizer")]
    grow_to: usize,
    /// Updates in a row that must ask for more
    #[arg(long, value_name = "UPDATES", default_value_t = 50, requires = "grow", help_heading = "Optimizer")]
    grow_patience: u32,
}

fn parse_growth(text: &str) -> Result<GrowthRule, String> {
    let (name, value) = text.split_once(':').map_or((text, None), |(name, value)| (name, Some(value)));
    let number = |usual: f32, what: &str| match value {
        None => Ok(usual),
        Some(value) => value.parse().map_err(|_| format!("`{value}` is no {what}")),
    };
    match name {
        "norm-test" => number(0.9, "share of the gradient, such as 0.9").map(GrowthRule::NormTest),
        "noise-scale" => number(0.02, "factor, such as 0.02").map(GrowthRule::NoiseScale),
        "doubling" => match value.unwrap_or("5").parse() {
            Ok(epochs) => Ok(GrowthRule::Doubling(epochs)),
            Err(_) => Err(format!("`{}` is no number of epochs", value.unwrap_or_default())),
        },
        _ => Err(format!("`{text}` is neither norm-test, noise-scale nor doubling")),
    }
}

impl Growing {
    /// How the batch grows, if it does.
    pub(crate) fn plan(&self) -> Option<GrowthPlan> {
        Some(GrowthPlan { growth: self.grow?, most: self.grow_to, patience: self.grow_patience })
    }
}
