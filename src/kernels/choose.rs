//! Which form of a sum runs: a question of speed, never of a bit.
//!
//! Each threshold stands here with its measurement: the time of the form that computes every product by that of the form
//! that skips zeros, so that skipping is the faster one above 1. Columns give the share of coefficients that are not zero.
//! Measured with 32 samples and 256 inputs on AVX2 (AMD EPYC), the best of 100 runs of each form in turn, by
//! `cargo test --release --features std --lib thresholds -- --ignored --nocapture`.

use super::{clear, count_columns, count_floats, dispatch, inner, outer};

/// Whether tiles over several samples pay: not where registers are few and batches small. Measured on x86-64 alone; AArch64
/// has as many registers as AVX-512.
const DENSE_TILES: bool = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));

/// Floats that are worth computing at once: one where there are no vectors.
pub(crate) const VECTORS: usize = if inner::TILES { 1 } else { 8 };

/// Rows of running sums in a dense tile; with fewer rows registers stay idle. Two samples of 64 outputs take 1.2 to 3.4
/// times as long as with zeros skipped, and still as long where nothing is zero.
pub(super) const ROWS: usize = 4;

/// Rows of running sums from which on a panel of the matrix is worth its copy. With 512 inputs and outputs: 8 rows take
/// 95 µs without it and 102 with it, 12 rows 140 and 132, 16 rows 185 and 154, 64 rows 757 and 477.
pub(super) const PANEL_FROM: usize = 4 * ROWS;

/// Outputs up to which eight rows of weights are transposed before their dot products. With 8 outputs a batch takes
/// 7.7 µs, and 16.4 with a tree for each sum; with 10 outputs 8.1 and 49.9, with 32 20.3 and 23.6, with 40 28.9 and 25.8.
pub(super) const TRANSPOSED: usize = 32;

/// Whether the dense form of [`forward`] is the faster one: the fewer the columns, the less a skipped row of them saves.
///
/// | outputs | 1/8 | 2/8 | 4/8 | 6/8 | all |
/// |---|---|---|---|---|---|
/// | 32 | 0.72 | 0.65 | 0.54 | 0.46 | 0.42 |
/// | 64 | 1.31 | 1.07 | 0.70 | 0.54 | 0.51 |
/// | 128 | 2.16 | 1.53 | 0.91 | 0.68 | 0.56 |
/// | 256 | 3.04 | 1.91 | 0.97 | 0.65 | 0.51 |
fn prefers_dense(coefficients: &[f32], inputs: usize, width: usize) -> bool {
    let nonzeros_of = |share: usize| count_floats(coefficients) > coefficients.len() / share;
    DENSE_TILES
        && match width {
            ..=32 => true,
            _ if coefficients.len() < ROWS.wrapping_mul(inputs) => false,
            33..=64 => nonzeros_of(4),
            _ => nonzeros_of(2),
        }
}

/// Whether zeros are skipped in the gradient of `columns` inputs: less than five eighths are left; where rows are short,
/// their ends cost more than zeros do.
///
/// | outputs | 1/8 | 4/8 | 5/8 | 6/8 | all |
/// |---|---|---|---|---|---|
/// | 48 | 0.76 | 0.56 | 0.52 | 0.48 | 0.43 |
/// | 64 | 1.10 | 0.87 | 0.80 | 0.75 | 0.69 |
/// | 96 | 1.51 | 1.07 | 0.97 | 0.88 | 0.77 |
/// | 128 | 1.88 | 1.25 | 1.12 | 1.02 | 0.88 |
fn prefers_skipping(a: &[f32], inputs: usize, columns: usize, samples: usize, outputs: usize) -> bool {
    outputs > 64 && count_columns(a, inputs, columns).wrapping_mul(8) < samples.wrapping_mul(columns).wrapping_mul(5)
}

/// Whether only those sums of [`input_gradient`] are computed whose slope is not zero: at most a half.
///
/// | outputs | 1/8 | 2/8 | 4/8 | 6/8 | all |
/// |---|---|---|---|---|---|
/// | 8 | 0.79 | 0.72 | 0.55 | 0.42 | 0.36 |
/// | 32 | 1.61 | 1.39 | 1.07 | 0.81 | 0.70 |
/// | 48 | 2.16 | 1.78 | 1.30 | 0.98 | 0.85 |
/// | 128 | 2.72 | 2.10 | 1.47 | 1.11 | 0.96 |
fn prefers_active(slopes: &[f32], outputs: usize) -> bool {
    outputs > 32 && count_floats(slopes) <= slopes.len() / 2
}

/// Whether lists of what is not zero, with the time to make them, are worth less than the dense form: more than a half is
/// left. (The gradient then reads the same lists, so that narrow layers gain too.)
///
/// | outputs | 1/8 | 2/8 | 4/8 | 6/8 | all |
/// |---|---|---|---|---|---|
/// | 32 | 1.16 | 0.81 | 0.61 | 0.51 | 0.42 |
/// | 64 | 1.91 | 1.21 | 0.68 | 0.52 | 0.47 |
/// | 256 | 3.02 | 1.61 | 0.84 | 0.61 | 0.51 |
pub(crate) fn prefers_no_lists(nonzeros: usize, elements: usize) -> bool {
    nonzeros > elements / 2
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
    let samples = d.len().checked_div(outputs).unwrap_or(0);
    // A tile of few rows leaves registers idle, so that skipping is the faster way even where nothing is zero.
    if DENSE_TILES && columns >= ROWS && inputs > 0 && !prefers_skipping(a, inputs, columns, samples, outputs) {
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
    } else if prefers_active(e, outputs) {
        dispatch::input_gradient_active(weights, d, outputs, e, inputs);
    } else {
        dispatch::input_gradient_dense(weights, d, outputs, e, inputs);
    }
}
