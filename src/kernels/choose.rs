//! Which form of a sum runs: a question of speed, never of a bit.

use super::{clear, count_columns, count_floats, dense, dispatch, inner, outer};

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
