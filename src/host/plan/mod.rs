//! The settings of a run, and the checks of them.

mod names;
mod description;
mod optimizer;
mod averages;
mod growth;
mod settings;
mod batches;
mod schedule;
mod check;
mod replicas;

pub use averages::{AverageKind, AveragePlan, EXPONENTS};
pub(in crate::host) use description::{Description, describe, parse_description};
pub use growth::{GrowthPlan, GrowthRule};
pub(in crate::host) use names::listed;
pub use names::{activation_name, loss_name, norm_name, parse_activation, parse_loss, widths};
pub use optimizer::OptimizerPlan;
pub use replicas::{Coupling, ReplicaPlan};
pub use settings::{DecayPlan, MAX_PARAMS, OnDivergence, Plan, Pretrained};
