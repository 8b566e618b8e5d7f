//! What trains, and what a run leaves.

mod averages;
pub(in crate::host) mod feed;
mod norms;
mod replicas;
mod run;
mod trainer;

pub use averages::AverageKind;
pub(in crate::host) use averages::{calibrate, calibration};
pub(in crate::host) use norms::Norms;
pub use replicas::{APART, Batches, Coupling, MeanOverRun, ReplicaPlan, Replicas, train_replicas};
#[cfg(test)]
pub(in crate::host) use run::Deaf;
pub(in crate::host) use run::split;
pub use run::{Averaged, Epoch, Marks, Observer, Outcome, train, unseen_classes};
