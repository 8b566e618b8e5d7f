#![doc = include_str!("../README.md")]
//!
//! # The arithmetic contract
//!
//! Training and prediction give the same bits on every processor and at every optimisation level, for parameters and
//! intermediate values that are finite (training wants magnitudes below 1e18), up to the sign of a zero. One
//! multiplication and one addition a term, each rounded (never fused), in this order:
//!
//! | what | computed as |
//! |---|---|
//! | forward | `z[j] = bias[j] + Σ_k x[k]·w[k][j]`: `k` ascending, one running value an output, `x[k] = 0` skipped; bytes enter as `byte·scale` |
//! | activations | `max(z, 0)`; `slope·z` below 0; `tanh z`; `1/(1 + exp(−z))`; their slopes from `a = f(z)`: `1 − a·a`, `a·(1 − a)` |
//! | dropout | probability `d/2¹⁶`, a unit of it dropped where its 16-bit draw is at least `2¹⁶ − d`; others, and their slopes, times `g = 2¹⁶/(2¹⁶ − d)`, rounded once; the draw of unit `u` is half-word `u mod 8` of block `(layer·2¹⁶ + ⌊u/8⌋, sample, step)`, the lower one of a word first; samples count from the step's first one |
//! | batch normalisation | sums over samples, ascending, times `1/n`; the variance around the mean in a pass of its own; `x̂ = (z − μ)·i` with `i = 1/√(σ² + ε)`, then `γ·x̂ + β`; in prediction `(z − μ)·(γ/√(σ² + ε)) + β`; backward `(γ·i)·((δ − (1/n)·Σδ) − x̂·((1/n)·Σδ·x̂))`; running `r + (s − r)·0.1`, where a variance is `s = (σ²·n)·(1/(n − 1))` |
//! | pooled statistics | of micro-batches and of [`NormUpdate`], `M₂ = σ²·n` of the first; then with `d = m_b − m`: `m + d·q`, `(M₂ + σ_b²·n_b) + (d·d)·(n_a·q)`, `q = n_b/(n_a + n_b)`; variance `M₂·(1/(n − 1))` |
//! | folding | with `s = γ/√(σ² + ε)`: `w·s`, `(b − μ)·s + β` |
//! | weight gradient | `g[k][j] = Σ_s x[s][k]·δ[s][j]`: samples ascending, `x = 0` skipped; bias gradient likewise; micro-batches go on with the same sums, but for `γ` and `β`, of which each is summed first |
//! | input gradient | `e[k] = Σ_j δ[j]·w[k][j]`: 8 lanes by `j mod 8`, combined as `((0+4)+(2+6)) + ((1+5)+(3+7))`, the tree; times `f'(z)·g` |
//! | softmax cross-entropy | `e_j = exp(a_j − max a)`, `S = Σ e_j`, `T = Σ t_j`; loss `T·ln S − Σ t_j·(a_j − max a)`, gradient `e_j·(T/S) − t_j` |
//! | other losses | `(Σ_j f_j)·(1/u)`, gradient `f'_j·(1/u)`; squared `r·r`, `2·r` with `r = a − t`; binary `(max(a, 0) − a·t) + ln_1p(exp(−\|a\|))`, `1/(1 + exp(−a)) − t`; Huber `(0.5·r)·r`, `r`, or `δ·(\|r\| − 0.5·δ)`, `±δ` |
//! | sums over outputs | ascending; `argmax` takes the first of equals; probabilities are `e_j/S`, each divided |
//! | loss of a batch | 8 lanes over samples in order, by their number `mod 8`, and the tree; after every 4096 samples it joins a sum, `s' = s + tree`, what rounding took, `tree − (s' − s)`, begins lane 0 of the next level, and the others begin at zero; `(s + tree)/n` |
//! | clipping | `‖g‖ = √(Σ g²)/n`: 8 lanes over the parameters, the tree (layer by layer where statistics stand between); where it is larger, every `g·(max/‖g‖)` |
//! | noise of a gradient | `\|g_i\|²` of a micro-batch is a sum over its rows of 8 lanes each, divided by `b_i`, and these are added up; `(Σ − B·\|ḡ\|²)/(m − 1)`, where `\|ḡ\|²` is as for clipping, divided by `B` twice |
//! | [`Sgd`] | `g = (Σ_s g_s)·(1/n)`, so it is for all optimizers; `g + λ·w`; `v = μ·v + g`; `w − η·v`, with Nesterov `w − η·(g + μ·v)`, without momentum `w − η·g` |
//! | [`Adam`] | `m = β₁·m + (1 − β₁)·g`, `v = β₂·v + (1 − β₂)·(g·g)`; `w = s·w − h·(m/(√v·c + ε))` with `h = η/(1 − β₁ᵗ)`, `c = 1/√(1 − β₂ᵗ)`, once a step; `s = 1 − η·λ` with decoupled decay, else 1; coupled decay makes `g + λ·w` first. `1 − βᵗ` by doubling: `c(2k) = c(k) + c(k)·(1 − c(k))`, from `c(1) = 1 − β` on, and for each bit of `t` that is set, the lowest first, `r + c(2^bit)·(1 − r)` from `r = 0` on |
//! | floors | Adam's moments below 1e-20 (first) and 1e-30 (second), and velocities below 1e-20, become zero |
//! | [`ScheduleFree`] | `z − γ·(g + λ·y)`, `x + (z − x)·c` with `c = γ²/Σγ²`, the sum a compensated pair; `y = z + (x − z)·β` |
//! | [`Lookahead`] | after every `k`-th step `φ + (θ − φ)·α`, which `θ` becomes |
//! | averager | `m + (w − m)·r`, the first model copied; `r` rounded once: `1/n`, `1/min(n, most)`, `ω/W`, `ε/z` with `z + ε·(1 − z)` from 0 on, or 1; removal by `−ω/(W − ω)`, merging by `n_b/n`, `W_b/W`. A division an element takes 1.4 times as long on a desktop (14 cycles on a Cortex-M4F) and comes no closer to the exact mean (relative RMS error 3.9e-7 either way after 1000 models). Warm-ups: `ε` at least `9/(10 + t)`, or `exp(−p·ln_1p(t/γ))` |
//! | compensated average | `y = (w − m)·r − c`, `t = m + y`, `c = (t − m) − y`, `m = t` |
//! | compensated pair | `(h, l) + x`: `s = h + x`, `k = s − h`, `l' = l + ((h − (s − k)) + (x − k))`, `h' = s + l'`, and `l' − (h' − s)` is kept; its value is `h + l` |
//! | [`Window`], [`mean_of`] | the averager's mean, the oldest model, or the first replica, first |
//! | [`pull`], [`attract`] | `θ + (θ̄ − θ)·α`, where `α = 1` copies; `x_i + (x̃ − x_i)·(β/K)`, then `x̃ + (x̄ − x̃)·β` |
//! | [`Swag`] | `d = w − m`, `m + d·(1/n)`, `M₂ + d·(w − m)` with the new `m`; a column is `w − m` with the new `m`; draws `m + √(max(M₂, 0)·q)·z` with `q = scale/n`, or `(0.5·scale)/n` with more than one column, then column after column `w + d_k·(√(scale/(2·(K − 1)))·z_k)`; merged by `d = m_b − m`: `(M₂ + M₂_b) + (d·d)·(n_a·q)`, `m + d·q`, `q = n_b/n` |
//! | [`Votes`] | `W + ω`, `m + (p − m)·(ω/W)`; ballots are sums of `ω`, in the end each divided by `W` |
//! | [`Schedule`] | from `a` to `b`: `(1 − t)·a + t·b`; cosine `to + (η − to)·(0.5·(1 + cos(π·t)))`, as a [`Shape`] with `0.5·(1 − cos(π·t))` for `t`; powers by repeated squaring |
//! | [`Fit`], [`Preprocess`] | sample after sample, as [`Fit`] says; `(x − shift)·scale` |
//! | random numbers | Philox4x32-10, key `splitmix64(seed ⊕ purpose·0x9e3779b97f4a7c15)`, counter `stream·2⁶⁴`; uniform `2·((⌊word/2⁹⌋ + 0.5)/2²³) − 1`; normal `u·√(−2·ln s/s)`, `s = u·u + v·v`, of the first pair with `0 < s < 1`; an initial weight is its scale times that, layer by layer in a stream each |
//! | `exp`, `ln`, `ln_1p`, `exp_m1`, `tanh`, `cos` | as `libm` 0.2.16 has them, in f32, `exp` and `tanh` by the network's [`Math`], which may be `micromath` 2.1; [`Math::fingerprint`] tells whether a build has the same; `√` is correctly rounded everywhere |
//!
//! `tests/contract/` computes each line once more in plain loops. Later releases of the two crates, and `rand_philox` 0.2
//! for the generator, are compared with these bits, function by function, in CI.
//!
//! Subnormal numbers must count: a processor that is set to flush them to zero (as `FPSCR.FZ` does on a Cortex-M, or MXCSR's
//! `FTZ` and `DAZ` on x86) computes other bits. Floats of more digits than f32 between two operations are none of this
//! contract either: x86 without SSE2 is refused when the crate is compiled, and so are targets of 16 bits, which could not
//! address a layer.
//!
//! How samples lie in memory ([`Inputs`]), lists, batch splits and instruction sets change the speed alone, as long as
//! parameters are finite: whether a zero meets an infinite weight or skips it is not fixed.
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

mod fingerprint;

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
pub use targets::{Targets, argmax, class_of};
pub use votes::{Vote, Votes};
