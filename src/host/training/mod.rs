//! What trains, and what a run leaves.

mod ahead;
pub(in crate::host) mod feed;
mod norms;
mod averages;
mod growing;
mod outcome;
mod trainer;
mod run;
mod crew;
mod middle;
mod replicas;

pub(in crate::host) use norms::Norms;
#[cfg(test)]
pub(in crate::host) use outcome::Deaf;
pub use outcome::{Averaged, Drawn, Epoch, MeanOverRun, Observer, Outcome, Replicas};
pub use replicas::train_replicas;
pub use run::train;
