//! Figures that are compared: errors in percent, means over several runs.

use crate::metrics::Score;

/// Samples whose class was wrong, in percent; NaN without samples.
pub(in crate::host) fn error_percent(score: &Score) -> f64 {
    100.0 * (1.0 - score.hits() as f64 / score.samples() as f64)
}

/// Mean and sample standard deviation (`n − 1`); the latter is 0 for a single value.
pub(in crate::host) fn mean_and_sd(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
    (mean, if values.len() > 1 { (squares / (n - 1.0)).sqrt() } else { 0.0 })
}

#[cfg(test)]
mod tests;
