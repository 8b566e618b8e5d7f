//! Weighted sums of rows and dot products, each in the form that is the fastest for its numbers.

use super::choose::{DENSE_TILES, ROWS, prefers_active, prefers_dense, prefers_skipping};
use super::{clear, count_columns, count_floats, dispatch, inner, outer};

/// `z[s][j] = bias[j] + Σ_k x[s][k]·weights[k][j]`; `x` is `(n, inputs)`, `z` is `(n, bias.len())`.
pub(crate) fn forward(x: &[f32], inputs: usize, weights: &[f32], bias: &[f32], z: &mut [f32]) {
    let samples = x.len().checked_div(inputs).unwrap_or(0);
    if DENSE_TILES && prefers_dense(samples, inputs, bias.len(), || count_floats(x)) {
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
    let samples = || d.len().checked_div(outputs).unwrap_or(0);
    let skips = || prefers_skipping(samples().wrapping_mul(columns), outputs, || count_columns(a, inputs, columns));
    // A tile of few rows leaves registers idle, so that skipping is the faster way even where nothing is zero.
    if DENSE_TILES && columns >= ROWS && inputs > 0 && !skips() {
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
    } else if prefers_active(e.len(), outputs, || count_floats(e)) {
        dispatch::input_gradient_active(weights, d, outputs, e, inputs);
    } else {
        dispatch::input_gradient_dense(weights, d, outputs, e, inputs);
    }
}
