//! skeleton
#![no_std]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(any(feature = "std", test))]
extern crate std;

// In the order of the data flow: a file uses only what stands above it.
mod error;
mod math;
pub mod random;
pub mod kernels;
mod spec;
mod model;
mod forward;
mod loss;
mod backward;
mod schedule;
mod optimizer;
mod averager;
mod train;
mod metrics;
mod checkpoint;
#[cfg(feature = "std")]
pub mod host;

pub use averager::{Averager, Snapshots};
pub use checkpoint::{checkpoint_len, load, load_spec, save};
pub use error::{Buffer, CheckpointFault, Error, Setting, SpecFault, Value};
pub use forward::predict;
pub use loss::{Score, Targets, argmax, softmax};
pub use math::Math;
pub use metrics::evaluate;
pub use model::{Init, Model, Workspace};
pub use optimizer::{Adam, AdamConfig, Optimizer, Sgd, SgdConfig};
pub use schedule::{Decay, Schedule};
pub use spec::{Activation, Layer, Loss, MAX_LAYERS, Spec};
pub use train::Gradient;
