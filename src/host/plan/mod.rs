//! What a run is asked for.

mod check;
mod growing;
mod names;
mod settings;

pub(in crate::host) use growing::Growing;
pub use growing::{GrowthPlan, GrowthRule};
pub use names::{activation_name, loss_name, parse_activation, parse_loss, widths};
pub(in crate::host) use names::{listed, math_name, parse_math};
pub use settings::{AveragePlan, DecayPlan, OptimizerPlan, Plan};
