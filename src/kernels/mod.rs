//! The arithmetic: two primitives and element-wise loops, the same bits on every instruction set.
//!
//! | kernel | what it computes | order |
//! |---|---|---|
//! | `forward*` | `z[s] = bias + Σ_k x[s][k]·w[k]` | `k` ascending, rows with `x = 0` skipped |
//! | `gradient_*`, `listed_*_rows` | `g[k] += Σ_s a[s][k]·d[s]` | `s` ascending, rows with `a = 0` skipped |
//! | `input_gradient*` | `e[s][k] *= Σ_j d[s][j]·w[k][j]` | 8 lanes by `j mod 8`, then the tree of `tree` |
//! | `dot` | `Σ_j a[j]·b[j]` | likewise |
//! | the rest | element-wise | |
//!
//! `body` (one sample or row at a time), `listed` and `dense` hold each loop once, in safe Rust over register tiles;
//! `inner` is the innermost part where a target has its own: `cortex_m`, in assembly, else `portable`.
//! `dispatch` compiles it for every instruction set and picks one. Which form of a sum runs depends on how the samples
//! lie in memory and how many of them are zero, and changes no bit.
//!
//! # Why it is fast, and what the limits are
//!
//! Forward pass and weight gradient are one primitive, a weighted sum of rows: vectorised across a row, so that a zero
//! coefficient saves the whole row. Of MNIST's pixels 81 % are zero, so an epoch of 784-64-10 has 2.4 GFLOP, not 12.3.
//!
//! - **Zeros are found once a batch.** A compressed set brings its lists along; otherwise eight elements at a time are
//!   looked at. For the gradient a mask of 64 bits says which samples light an input; inputs are visited in order, so
//!   the value wanted is always the next one of its sample's list, and nothing is sorted or transposed.
//! - **Sums stay in registers**: a tile of 8 registers hides the latency of an addition. What is left is bandwidth: a
//!   non-zero input of a 64-wide layer costs 16 vector operations, 4 cycles, and 256 bytes of weights from the second
//!   cache, 8 cycles at 32 bytes each. In the gradient it is the end of each input's short loop, which no processor
//!   foresees, about 15 cycles.
//! - **No gradient buffer**: a block of rows, 16 kB for a 64-wide layer, is handed to the optimizer while a near cache
//!   holds it. Adam is then bound by its square root and its division, 11 cycles for 8 parameters, and skips them where the first moments
//!   are zero.
//! - **Dense inputs** go through tiles of 4 rows by 2 registers, each element of the matrix loaded once for four rows,
//!   over a copy of the matrix's columns that lies in a row, from a cache line on: without it every row is another page,
//!   and half the peak is lost. Peak here is multiplications and additions, each rounded: a fused one would be another
//!   contract.
//! - **Exponentials** of several samples are computed together, a register at a time, without a branch.
//! - **A bound instead of a look**: an average must refuse a model that is not finite. Each training step carries a bound
//!   on the parameters along, in a few operations, so that averaging reads each parameter once.
//! - **Alignment**: a row that begins at a cache line touches 4 lines, not 5; a quarter of the forward pass.
//!
//! `cargo bench --features std` prints each part's share of the peak that the same run measures, and
//! `benches/growth.svg` shows time against size.

mod arguments;
mod body;
mod choose;
mod dense;
mod dispatch;
mod dots;
mod exponential;
#[cfg_attr(all(cygnet_cortex_m, not(cygnet_plain)), path = "cortex_m/mod.rs")]
#[cfg_attr(not(all(cygnet_cortex_m, not(cygnet_plain))), path = "portable.rs")]
mod inner;
mod listed;
mod lists;
mod registers;
pub(crate) use arguments::{
    Adam, ByteRows, CompressedRows, FIRST_MOMENT_FLOOR, SECOND_MOMENT_FLOOR, ScheduleFree, Sgd,
};
pub(crate) use choose::{bias_gradient, forward, forward_one, gradient_rows, input_gradient};
pub use dispatch::{Isa, isa};
pub(crate) use dispatch::{
    adam, add, count_bytes, count_columns, count_floats, decayed, dot, exp, forward_bytes, forward_compressed,
    forward_listed_bytes, forward_listed_floats, gradient_bytes, largest, list_bytes, list_compressed, list_floats,
    listed_byte_rows, listed_float_rows, mark_bytes, mark_floats, mean_update, mean_update_compensated, moments_update,
    momentum, outer, prefetch, scale, scale_bytes, schedule_free, sgd, swap,
};
#[cfg(all(feature = "std", target_arch = "x86_64"))]
pub use dispatch::{force, ran};
pub(crate) use inner::{clear, copy, relu, sqrt, step, zeros};
pub(crate) use lists::{ByteLists, ByteListsMut, Columns, FloatLists, FloatListsMut, GROUP, SLACK};
pub(crate) use registers::tree;
use registers::{add_scaled, start_rows};

/// Registers in the main tile: eight running sums a lane hide the latency of an addition; a Cortex-M4F has 32 single
/// ones in all, of which sixteen may be sums.
const TILE: usize = if cfg!(target_arch = "arm") { 4 } else { 8 };

/// Floats that are worth computing at once.
pub(crate) const VECTORS: usize = if inner::TILES { 1 } else { 8 };

#[cfg(test)]
mod tests;
