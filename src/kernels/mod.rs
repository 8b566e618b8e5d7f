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

mod body;
mod dense;
mod dispatch;
mod exponential;
#[cfg_attr(all(cygnet_cortex_m, not(cygnet_plain)), path = "cortex_m/mod.rs")]
#[cfg_attr(not(all(cygnet_cortex_m, not(cygnet_plain))), path = "portable.rs")]
mod inner;
mod listed;
mod lists;

use crate::slices::{cut, rows_mut};
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

/// Registers in the main tile: eight running sums a lane hide the latency of an addition; a Cortex-M4F has 32 single
/// ones in all, of which sixteen may be sums.
const TILE: usize = if cfg!(target_arch = "arm") { 4 } else { 8 };

/// Floats that are worth computing at once.
pub(crate) const VECTORS: usize = if inner::TILES { 1 } else { 8 };

/// Whether tiles over several samples pay: not where registers are few and batches small.
const DENSE_TILES: bool = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));

/// Whether the dense loop is the faster one for these coefficients, measured on AVX2; the bits are the same.
///
/// Tiles need several samples, and the fewer the columns, the less a skipped row of them saves.
fn prefers_dense(coefficients: &[f32], inputs: usize, width: usize) -> bool {
    let nonzeros_of = |share: usize| count_floats(coefficients) > coefficients.len() / share;
    DENSE_TILES
        && match width {
            ..=32 => true,
            _ if coefficients.len() < dense::ROWS.wrapping_mul(inputs) => false,
            33..=64 => nonzeros_of(4),
            _ => nonzeros_of(2),
        }
}

/// `z[s][j] = bias[j] + Σ_k x[s][k]·weights[k][j]`; `x` is `(n, inputs)`, `z` is `(n, bias.len())`.
pub(crate) fn forward(x: &[f32], inputs: usize, weights: &[f32], bias: &[f32], z: &mut [f32]) {
    if prefers_dense(x, inputs, bias.len()) {
        dispatch::forward_dense(x, inputs, weights, bias, z);
    } else {
        dispatch::forward(x, inputs, weights, bias, z);
    }
}

/// [`forward`] of one sample.
pub(crate) fn forward_one(x: &[f32], weights: &[f32], bias: &[f32], z: &mut [f32]) {
    if inner::TILES {
        inner::forward_one(z, bias, x, weights);
    } else {
        forward(x, x.len(), weights, bias, z);
    }
}

/// `g[k][j] += Σ_s a[s][k]·d[s][j]`, or `=` where `fresh`, for the first `g.len() / outputs` columns `k` of `a`, which has
/// rows of `inputs`.
pub(crate) fn gradient_rows(g: &mut [f32], a: &[f32], inputs: usize, d: &[f32], outputs: usize, fresh: bool) {
    if d.len() == outputs {
        return outer(g, a, d, fresh);
    }
    if fresh {
        clear(g);
    }
    let columns = g.len().checked_div(outputs).unwrap_or(0);
    // Less than five eighths; where rows are short, their ends cost more than zeros do.
    let is_sparse = || {
        let samples = d.len().checked_div(outputs).unwrap_or(0);
        outputs > 64
            && count_columns(a, inputs, columns).wrapping_mul(8) < samples.wrapping_mul(columns).wrapping_mul(5)
    };
    // A tile of few rows leaves registers idle, so that skipping is the faster way even where nothing is zero.
    if DENSE_TILES && columns >= dense::ROWS && inputs > 0 && !is_sparse() {
        dispatch::gradient_dense(g, a, inputs, d, outputs);
    } else {
        dispatch::gradient_rows(g, a, inputs, d, outputs);
    }
}

/// `g[j] += Σ_s 1·d[s][j]`, or `=` where `fresh`: the bias is the weight of an input that is always 1.
pub(crate) fn bias_gradient(g: &mut [f32], d: &[f32], fresh: bool) {
    let outputs = g.len();
    gradient_rows(g, &[1.0], 0, d, outputs, fresh);
}

/// `e[s][k] *= Σ_j d[s][j]·weights[k][j]`, with `f'(z)` in `e` beforehand.
pub(crate) fn input_gradient(weights: &[f32], d: &[f32], outputs: usize, e: &mut [f32], inputs: usize) {
    if !DENSE_TILES {
        dispatch::input_gradient(weights, d, outputs, e, inputs);
    } else if outputs > 32 && count_floats(e) <= e.len() / 2 {
        dispatch::input_gradient_active(weights, d, outputs, e, inputs);
    } else {
        dispatch::input_gradient_dense(weights, d, outputs, e, inputs);
    }
}

/// `acc ← acc + c·row` in one register: made anew as a whole, since element-wise updates may stay in memory.
#[inline(always)]
fn add_scaled<const L: usize>(acc: &mut [f32; L], c: f32, row: &[f32; L]) {
    *acc = core::array::from_fn(|l| acc[l] + c * row[l]);
}

/// Every row of `z` becomes `bias`: where its sums begin.
#[inline(always)]
fn start_rows(z: &mut [f32], bias: &[f32]) {
    for z in rows_mut(z, bias.len()) {
        copy(z, bias);
    }
}

/// Combines the eight lanes: `((l0+l4)+(l2+l6)) + ((l1+l5)+(l3+l7))`.
#[inline(always)]
pub(crate) fn tree(l: [f32; 8]) -> f32 {
    let h = [l[0] + l[4], l[1] + l[5], l[2] + l[6], l[3] + l[7]];
    (h[0] + h[2]) + (h[1] + h[3])
}

/// Rows of a set of bytes, picked by their index: element = byte · `scale`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByteRows<'a> {
    pub set: &'a [u8],
    pub width: usize,
    pub pick: &'a [u32],
    pub scale: f32,
}

impl<'a> ByteRows<'a> {
    /// Row `row` of the set.
    #[inline(always)]
    pub(crate) fn row(&self, row: u32) -> &'a [u8] {
        cut(cut(self.set, (row as usize).saturating_mul(self.width)).1, self.width).0
    }
}

/// Rows of a compressed set, picked by their index: row `i` of the set has `values[starts[i]..starts[i + 1]]`, each
/// times `scale`, at `positions`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CompressedRows<'a> {
    pub starts: &'a [u32],
    pub positions: &'a [u16],
    pub values: &'a [u8],
    pub pick: &'a [u32],
    pub scale: f32,
}

impl<'a> CompressedRows<'a> {
    /// Positions and values of row `row` of the set.
    #[inline(always)]
    pub(crate) fn row(&self, row: u32) -> (&'a [u16], &'a [u8]) {
        let range = lists::range(self.starts, row as usize);
        (self.positions.get(range.clone()).unwrap_or(&[]), self.values.get(range).unwrap_or(&[]))
    }

    /// Positions and values of the `i`-th picked row; asks memory for one further on, since shuffled sets lie in no
    /// cache.
    #[inline(always)]
    pub(crate) fn picked(&self, i: usize) -> (&'a [u16], &'a [u8]) {
        const AHEAD: usize = 4;
        if let Some(&row) = self.pick.get(i.wrapping_add(AHEAD)) {
            let (positions, values) = self.row(row);
            prefetch(positions);
            prefetch(values);
        }
        self.pick.get(i).map_or((&[], &[]), |&row| self.row(row))
    }

    /// Elements that are not zero.
    pub(crate) fn count(&self) -> usize {
        self.pick.iter().fold(0, |n: usize, &row| n.wrapping_add(lists::range(self.starts, row as usize).len()))
    }
}

/// What an optimizer's element-wise loop needs of its settings in one step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sgd {
    pub rate: f32,
    /// Coupled weight decay `λ`.
    pub decay: f32,
    pub momentum: f32,
    pub nesterov: bool,
}

/// As [`Sgd`], for Adam; what every parameter needs comes first, as `cortex_m` loads it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Adam {
    pub beta1: f32,
    /// `1 − β₁`.
    pub gain1: f32,
    pub beta2: f32,
    /// `1 − β₂`.
    pub gain2: f32,
    /// `1 / √(1 − β₂ᵗ)`.
    pub correction: f32,
    pub epsilon: f32,
    /// `η / (1 − β₁ᵗ)`.
    pub rate: f32,
    /// Coupled weight decay `λ`, added to the gradient.
    pub decay: f32,
    /// Decoupled weight decay: weights shrink by `1 − ηλ`.
    pub shrink: f32,
}

/// As [`Sgd`], for schedule-free SGD.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScheduleFree {
    pub rate: f32,
    /// Coupled weight decay `λ`, at `y`.
    pub decay: f32,
    pub beta: f32,
    /// `c = γ²/Σγ²`.
    pub gain: f32,
}

/// First moments and velocities below this become zero: no subnormals in long runs, the same on every target.
pub(crate) const FIRST_MOMENT_FLOOR: f32 = 1e-20;
/// Second moments below this become zero.
pub(crate) const SECOND_MOMENT_FLOOR: f32 = 1e-30;

#[cfg(test)]
mod tests;
