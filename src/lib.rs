//! Neural networks that learn on the chip: a multi-layer perceptron that trains, averages its weights (SWA) and predicts in
//! buffers that the caller owns, without `std`, without an allocator, without a panic, and with the same bits everywhere.
//!
//! ```
//! use cygnet::{Activation, Averager, Error, Init, Model, Sgd, Spec, Targets, Workspace};
//! const NET: Spec = Spec::new(2).dense(8, Activation::Tanh).dense(2, Activation::Identity);
//! let (x, y) = ([0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [0, 1, 1, 0]); // exclusive or
//! let (mut params, mut mean) = ([0.0; NET.param_len()], [0.0; NET.param_len()]);
//! let mut floats = [0.0; NET.work_len(4)];
//! let (mut model, mut average) = (Model::new(&NET, &mut params)?, Averager::new(&mut mean));
//! let (mut sgd, mut work) = (Sgd::plain(&NET)?, Workspace::new(&NET, 4, &mut floats)?);
//! model.init(Init::Glorot, 1)?;
//! for _ in 0..500 {
//!     model.train(&x, Targets::Classes(&y), &mut sgd, 0.5, &mut work)?;
//!     average.update(&model)?;
//! }
//! let outputs = cygnet::predict(&NET, &average.mean()?, &x, &mut work)?; // 4 × 2 logits
//! # assert!(outputs[1] < outputs[0] && outputs[3] > outputs[2]);
//! # Ok::<(), Error>(())
//! ```
//!
//! The modules, in the order of the data flow:\
//! [`network`]: the description of a network, from which every size follows\
//! [`inputs`], [`preprocess`]: samples in memory; scaling of raw readings, and missing values\
//! [`reservoir`]: past samples, balanced by class, to train on beside new ones\
//! [`model`]: parameters with their network, initial weights, the workspace\
//! [`schedule`], [`optim`]: learning rates; SGD, Adam, Lookahead, schedule-free SGD\
//! [`train`]: gradients of micro-batches, their noise, growing batches\
//! [`average`], [`replicas`]: averages along a run (SWA, EMA, LAWA, SWAG); several models and their votes\
//! [`metrics`]: score, confusion matrix, ROC and precision-recall curves, calibration\
//! [`store`], [`random`], [`error`]: checkpoints; seeded random numbers; what can go wrong
//!
//! Features: `std` (module `host`, command `cygnet`), `defmt` (logs), `micromath` (a smaller, coarser `exp`),
//! `flash` ([`store`]`::Slots`, states in flash).
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(any(feature = "std", test))]
extern crate std;

#[cfg(all(target_arch = "x86", not(target_feature = "sse2")))]
compile_error!("cygnet gives the same bits everywhere, which x87 arithmetic cannot: compile with SSE2, as for i686");

const _: () =
    assert!(size_of::<usize>() >= 4, "cygnet takes a target of at least 32 bits: the rows of a layer can be longer");

// In the order of the data flow: a file uses only what stands above it. (Blank lines keep rustfmt from sorting.)

mod tag;

#[macro_use]
pub mod error;

#[macro_use]
mod debug;

mod math;

mod slices;

mod crc;

mod bytes;

#[doc(hidden)]
pub mod kernels;

mod finite;

pub mod random;

mod targets;

pub mod network;

pub mod inputs;

pub mod preprocess;

pub mod reservoir;

pub mod model;

mod forward;

mod score;

mod weighted;

pub mod schedule;

pub mod optim;

pub mod train;

pub mod average;

pub mod replicas;

pub mod metrics;

pub mod store;

#[cfg(feature = "std")]
pub mod host;

pub use average::Averager;
pub use error::Error;
pub use forward::predict;
pub use inputs::{Inputs, Targets};
pub use model::{Init, Model, Workspace};
pub use network::{Activation, Loss, Spec};
pub use optim::{Adam, Sgd};
pub use train::Gradient;

#[cfg(doctest)]
mod guide;
