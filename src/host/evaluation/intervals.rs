//! Confidence intervals of 95 %: of a share, of a mean, and of the difference between two models on the same samples.

use crate::host::prelude::*;
use crate::random::{self, Purpose};
use statrs::function::beta::inv_beta_reg;

/// Probability on each side outside an interval.
const TAIL: f64 = 0.025;
/// The standard normal quantile of `1 − TAIL`.
const Z: f64 = 1.959_963_984_540_054;
/// A mean of fewer values has a bootstrap interval: Student's t needs a mean that is nearly normal.
const MANY: usize = 100;
/// Fewer values have no interval: even if all of them had the same sign, a sign test would not reach 5 %.
const FEW: usize = 6;
/// Means that the bootstrap draws.
const DRAWS: usize = 10_000;
/// The stream of random numbers of the bootstrap: always the same, so that equal values have equal intervals.
const BOOTSTRAP: (u64, u64) = (0, 2);

/// An estimate with its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Interval {
    /// The estimate from the samples.
    pub estimate: f64,
    /// The lower bound; −∞ where there are too few samples for one.
    pub low: f64,
    /// The upper bound; ∞ likewise.
    pub high: f64,
}

/// What an interval says of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// All of the interval is below 0.
    Lower,
    /// All of it is above 0.
    Higher,
    /// 0 is in it: no difference seen.
    None,
}

impl Interval {
    /// Of a share, `hits` of `samples`: Wilson's score interval, which has a width at 0 and 1, too; NaN without samples.
    #[must_use]
    pub fn of_share(hits: u64, samples: u64) -> Self {
        let (n, share) = (samples as f64, hits as f64 / samples as f64);
        let centre = (share + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
        let half = Z / (1.0 + Z * Z / n) * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        let low = if hits == 0 { 0.0 } else { centre - half };
        let high = if hits == samples { 1.0 } else { centre + half };
        if samples == 0 { Self::unknown(f64::NAN) } else { Self { estimate: share, low, high } }
    }

    /// Of the difference between two errors on the same samples, that of the first model minus that of the second, as a share:
    /// exact, given how many samples only one of them has wrong.
    ///
    /// `(b + c)/n · (2·CP − 1)` with the Clopper–Pearson interval CP of `b/(b + c)`, where the first model alone is wrong on
    /// `b` of `n` samples and the second alone on `c`. It leaves 0 out exactly when McNemar's exact test rejects at 5 %.
    #[must_use]
    pub fn of_errors(only_first: u64, only_second: u64, samples: u64) -> Self {
        let (b, c, n) = (only_first as f64, only_second as f64, samples as f64);
        if b + c == 0.0 {
            return Self { estimate: 0.0, low: 0.0, high: 0.0 };
        }
        let low = if only_first == 0 { 0.0 } else { inv_beta_reg(b, c + 1.0, TAIL) };
        let high = if only_second == 0 { 1.0 } else { 1.0 - inv_beta_reg(c, b + 1.0, TAIL) };
        let difference = |share: f64| (b + c) / n * (2.0 * share - 1.0);
        Self { estimate: (b - c) / n, low: difference(low), high: difference(high) }
    }

    /// Of a mean, or of paired differences: Student's t for 100 values or more, else the percentiles of 10,000 bootstrap
    /// means; without bounds for fewer than 6 values.
    #[must_use]
    pub fn of_mean(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        if values.len() < MANY {
            return bootstrap(values, mean);
        }
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let half = student(n - 1.0) * (variance / n).sqrt();
        Self { estimate: mean, low: mean - half, high: mean + half }
    }

    /// What it says of a difference.
    #[must_use]
    pub fn change(&self) -> Change {
        match self {
            _ if self.high < 0.0 => Change::Lower,
            _ if self.low > 0.0 => Change::Higher,
            _ => Change::None,
        }
    }

    /// In other units: `f` increases.
    #[must_use]
    pub fn map(self, f: impl Fn(f64) -> f64) -> Self {
        Self { estimate: f(self.estimate), low: f(self.low), high: f(self.high) }
    }

    fn unknown(estimate: f64) -> Self {
        Self { estimate, low: f64::NEG_INFINITY, high: f64::INFINITY }
    }
}

/// The quantile `1 − TAIL` of Student's distribution: `t = √(ν·x/(1 − x))` with the quantile `x` of a beta distribution.
fn student(degrees: f64) -> f64 {
    let x = inv_beta_reg(0.5, degrees / 2.0, 1.0 - 2.0 * TAIL);
    (degrees * x / (1.0 - x)).sqrt()
}

fn bootstrap(values: &[f64], mean: f64) -> Interval {
    if values.len() < FEW {
        return Interval::unknown(mean);
    }
    let mut random = random::stream(BOOTSTRAP.0, Purpose::Split, BOOTSTRAP.1);
    let mut draw = || values[random.bounded(values.len() as u32) as usize];
    let mean_of = |_| (0..values.len()).map(|_| draw()).sum::<f64>() / values.len() as f64;
    let mut means: Vec<f64> = (0..DRAWS).map(mean_of).collect();
    means.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| means[(share * (DRAWS - 1) as f64).round() as usize];
    Interval { estimate: mean, low: at(TAIL), high: at(1.0 - TAIL) }
}

#[cfg(test)]
mod tests;
