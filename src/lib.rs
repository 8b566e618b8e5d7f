#![doc = include_str!("../README.md")]
//!
//! # The arithmetic contract
//!
//! Training and prediction give the same bits on every processor and at every optimisation level, for parameters and
//! intermediate values that are finite (training wants magnitudes below 1e18), up to the sign of a zero. One
//! multiplication and one addition a term, each rounded (never fused), in this order:
//!
//! | what | order |
//! |---|---|
//! | forward | `z[j] = bias[j] + Σ_k x[k]·w[k][j]`: `k` ascending, one running value an output, `x[k] = 0` skipped |
//! | batch normalisation | sums over samples, ascending, times `1/n`; the variance around the mean in a pass of its own; `(z − μ)·(1/√(σ² + ε))`, then `γ·x̂ + β`; in prediction `(z − μ)·(γ/√(σ² + ε)) + β`; backward `γ·i·(δ − (1/n)·Σδ − x̂·((1/n)·Σδ·x̂))` with `i = 1/√(σ² + ε)`; running `r + (s − r)·0.1`, variances times `n·(1/(n − 1))`; pooled as [`NormUpdate`] says, batch after batch |
//! | weight gradient | `g[k][j] = Σ_s x[s][k]·δ[s][j]`: samples ascending, `x = 0` skipped; bias gradient likewise |
//! | input gradient | `e[k] = Σ_j δ[j]·w[k][j]`: 8 lanes by `j mod 8`, combined as `((0+4)+(2+6)) + ((1+5)+(3+7))` |
//! | loss of a sample | over its outputs, ascending; so are softmax's maximum and sum; `argmax` takes the first of equals |
//! | loss of a batch, norm of a gradient | the same 8 lanes over samples in order (parameters for the norm; layer by layer where statistics stand between), the same tree |
//! | optimizers | gradients are sums over samples, times `1/n`, plus `λ·w`; then as written at [`Sgd`] and [`Adam`], left to right |
//! | moments | those of Adam below 1e-20 (first) and 1e-30 (second), and velocities below 1e-20, become zero |
//! | averager | `m + (w − m)·r` with `r = 1/n` (or `n_b/n`) rounded once: a division an element takes 1.4 times as long on a desktop (14 cycles on a Cortex-M4F) and comes no closer to the exact mean (relative RMS error 3.9e-7 either way after 1000 models) |
//! | `exp`, `ln`, `tanh`, `cos` | `libm` (or as the network's [`Math`] says); `√` is correctly rounded everywhere |
//! | preprocessing | `(x − shift)·scale`; fitted sample after sample, as [`Fit`] says |
//! | random numbers | Philox4x32-10 by seed, purpose and place |
//!
//! How samples lie in memory ([`Inputs`]), lists, batch splits and instruction sets change the speed alone, as long as
//! parameters are finite: whether a zero meets an infinite weight or skips it is not fixed.
#![no_std]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(any(feature = "std", test))]
extern crate std;

// In the order of the data flow: a file uses only what stands above it. (Blank lines keep rustfmt from sorting.)

mod error;

mod math;

pub mod kernels;

mod finite;

pub mod random;

mod link;

mod activation;

mod dropout;

mod targets;

mod criterion;

mod layer;

mod norm;

mod spec;

mod rows;

mod sets;

mod preprocess;

mod samples;

mod params;

mod model;

mod forward;

mod norm_update;

mod fold;

mod loss;

mod backward;

mod schedule;

mod optimizer;

mod averager;

mod averaged;

mod replicas;

mod votes;

mod swag;

mod noise;

mod gradient;

mod train;

mod metrics;

mod checkpoint;

mod section;

#[cfg(feature = "std")]
pub mod host;

pub use activation::Activation;
pub use averaged::Averaged;
pub use averager::{AverageState, Averager, Ema, Gate, Origin, Parts, Rule, Snapshots, Warmup, Window};
pub use checkpoint::{checkpoint_len, holds_average, load, load_params, load_spec, save};
pub use criterion::{Loss, softmax};
pub use error::{Buffer, CheckpointFault, Error, Setting, SpecFault, SpecField, Value};
pub use fold::fold;
pub use forward::predict;
pub use gradient::Gradient;
pub use layer::Layer;
pub use loss::Score;
pub use math::Math;
pub use metrics::{Calibration, ClassCounts, ClassScore, Confusion, Curves, Reliability, Threshold, evaluate, rank};
pub use model::{Init, Model, Workspace};
pub use noise::{BatchSize, Growth, Noise, NoiseScale};
pub use norm_update::NormUpdate;
pub use optimizer::{
    Adam, AdamConfig, Lookahead, LookaheadConfig, Optimizer, ScheduleFree, ScheduleFreeConfig, ScheduleFreeState, Sgd,
    SgdConfig,
};
pub use params::Params;
pub use preprocess::{Clip, Fit, Missing, Preprocess, PreprocessConfig, Scaling, fit_len, preprocess_len};
pub use replicas::{Pull, Start, attract, init_replicas, mean_of, pull, replica_seed};
pub use samples::{Inputs, SparseSet, compress, nonzeros};
pub use schedule::{Anneal, Decay, Schedule, Shape};
pub use section::section_len;
pub use spec::{MAX_LAYERS, Spec};
pub use swag::{Draws, Swag, SwagState};
pub use targets::{Targets, argmax};
pub use votes::{Vote, Votes};
