#![doc = include_str!("../README.md")]
//!
//! # The arithmetic contract
//!
//! Training and prediction give the same bits on every processor and at every optimisation level, for finite parameters,
//! up to the sign of a zero. One multiplication and one addition a term, each rounded (never fused), in this order:
//!
//! - forward: `z[j] = bias[j] + Σ_k x[k]·w[k][j]`, `k` ascending, one running value an output, `x[k] = 0` skipped;
//! - weight gradient: `g[k][j] = Σ_s x[s][k]·δ[s][j]`, samples ascending, `x = 0` skipped; bias gradient likewise;
//! - input gradient: `e[k] = Σ_j δ[j]·w[k][j]` in 8 lanes by `j mod 8`, combined as `((0+4)+(2+6)) + ((1+5)+(3+7))`;
//! - sums over a batch (loss, norms): the same 8 lanes over samples in order, the same tree;
//! - gradients are sums over samples; the optimizer multiplies them by `1/n`;
//! - moments of Adam below 1e-20 (first) and 1e-30 (second), and velocities below 1e-20, become zero;
//! - `exp`, `ln`, `tanh` come from `libm`, random numbers from Philox4x32-10 by seed and place.
#![no_std]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(any(feature = "std", test))]
extern crate std;

// In the order of the data flow: a file uses only what stands above it. (Blank lines keep rustfmt from sorting.)

mod error;

mod math;

pub mod random;

pub mod kernels;

mod spec;

mod samples;

mod rows;

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
pub use samples::{Inputs, SparseSet, compress, nonzeros};
pub use schedule::{Decay, Schedule};
pub use spec::{Activation, Layer, Loss, MAX_LAYERS, Spec};
pub use train::Gradient;
