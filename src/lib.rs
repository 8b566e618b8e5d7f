//! skeleton
#![no_std]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(any(feature = "std", test))]
extern crate std;

// In the order of the data flow: a file uses only what stands above it.
mod averager;
mod backward;
mod checkpoint;
mod error;
mod forward;
#[cfg(feature = "std")]
pub mod host;
pub mod kernels;
mod loss;
mod math;
mod metrics;
mod model;
mod optimizer;
pub mod random;
mod schedule;
mod spec;
mod train;

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
