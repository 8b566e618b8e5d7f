//! The training loop for one model or several, and what a run leaves.

mod ahead;
pub(in crate::host) mod feed;
mod norms;
mod outcome;
mod state;
mod averages;
mod growing;
mod dropped;
mod trainer;
mod crew;
mod middle;
mod frozen;
mod run;
#[cfg(test)]
mod resumed;
#[cfg(test)]
mod tests;

pub(in crate::host) use norms::Norms;
#[cfg(test)]
pub(in crate::host) use outcome::Deaf;
pub use outcome::{Averaged, Drawn, Epoch, MeanOverRun, Observer, Outcome, Replicas, Stored};
pub use run::{train, train_replicas};
pub(in crate::host) use state::check as check_state;
