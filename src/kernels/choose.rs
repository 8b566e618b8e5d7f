//! Which form of a sum runs: a question of speed, never of a bit.
//!
//! Each threshold stands here with its measurement: the time of the form that computes every product by that of the form
//! that skips zeros, so that skipping is the faster one above 1. Columns give the share of coefficients that are not zero.
//! Measured with 32 samples and 256 inputs on AVX2 (AMD EPYC), the best of 100 runs of each form in turn, by
//! `cargo test --release --features std --lib thresholds -- --ignored --nocapture`.

use super::inner;

/// Whether tiles over several samples pay: not where registers are few and batches small. Measured on x86-64 alone; AArch64
/// has as many registers as AVX-512.
pub(super) const DENSE_TILES: bool = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));

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

/// Whether the dense form of a forward pass is the faster one: the fewer the columns, the less a skipped row of them saves.
///
/// | outputs | 1/8 | 2/8 | 4/8 | 6/8 | all |
/// |---|---|---|---|---|---|
/// | 32 | 0.72 | 0.65 | 0.54 | 0.46 | 0.42 |
/// | 64 | 1.31 | 1.07 | 0.70 | 0.54 | 0.51 |
/// | 128 | 2.16 | 1.53 | 0.91 | 0.68 | 0.56 |
/// | 256 | 3.04 | 1.91 | 0.97 | 0.65 | 0.51 |
pub(super) fn prefers_dense(samples: usize, inputs: usize, outputs: usize, nonzeros: impl FnOnce() -> usize) -> bool {
    let elements = samples.wrapping_mul(inputs);
    match outputs {
        ..=32 => true,
        _ if samples < ROWS => false,
        33..=64 => nonzeros() > elements / 4,
        _ => nonzeros() > elements / 2,
    }
}

/// Whether zeros are skipped in a gradient: less than five eighths are left; where rows are short,
/// their ends cost more than zeros do.
///
/// | outputs | 1/8 | 4/8 | 5/8 | 6/8 | all |
/// |---|---|---|---|---|---|
/// | 48 | 0.76 | 0.56 | 0.52 | 0.48 | 0.43 |
/// | 64 | 1.10 | 0.87 | 0.80 | 0.75 | 0.69 |
/// | 96 | 1.51 | 1.07 | 0.97 | 0.88 | 0.77 |
/// | 128 | 1.88 | 1.25 | 1.12 | 1.02 | 0.88 |
pub(super) fn prefers_skipping(elements: usize, outputs: usize, nonzeros: impl FnOnce() -> usize) -> bool {
    outputs > 64 && nonzeros().wrapping_mul(8) < elements.wrapping_mul(5)
}

/// Whether only those sums of an input gradient are computed whose slope is not zero: at most a half.
///
/// | outputs | 1/8 | 2/8 | 4/8 | 6/8 | all |
/// |---|---|---|---|---|---|
/// | 8 | 0.79 | 0.72 | 0.55 | 0.42 | 0.36 |
/// | 32 | 1.61 | 1.39 | 1.07 | 0.81 | 0.70 |
/// | 48 | 2.16 | 1.78 | 1.30 | 0.98 | 0.85 |
/// | 128 | 2.72 | 2.10 | 1.47 | 1.11 | 0.96 |
pub(super) fn prefers_active(slopes: usize, outputs: usize, nonzeros: impl FnOnce() -> usize) -> bool {
    outputs > 32 && nonzeros() <= slopes / 2
}

/// Whether lists of what is not zero, with the time to make them, are worth less than the dense form: more than a half is
/// left. The width does not count, since the gradient reads the same lists.
///
/// | outputs | 1/8 | 2/8 | 4/8 | 6/8 | all |
/// |---|---|---|---|---|---|
/// | 32 | 1.16 | 0.81 | 0.61 | 0.51 | 0.42 |
/// | 64 | 1.91 | 1.21 | 0.68 | 0.52 | 0.47 |
/// | 256 | 3.02 | 1.61 | 0.84 | 0.61 | 0.51 |
pub(crate) fn prefers_no_lists(nonzeros: usize, elements: usize) -> bool {
    nonzeros > elements / 2
}
