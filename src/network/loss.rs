//! Losses: what training minimises, with their gradients.

use crate::kernels;
use crate::math::{self, Math};
use crate::network::link::Link;
use crate::slices::{cut_mut, numbered};
use crate::targets::{Row, Target, peak};

/// What training minimises: per sample over the outputs `a` and targets `t` (a class counts as its one-hot row), in the
/// mean over the batch.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Loss {
    /// `Σ_j t_j · (ln Σ_i exp a_i − a_j)`: softmax and cross-entropy from logits in one, of two
    /// outputs at least.
    SoftmaxCrossEntropy,
    /// `(1/u) Σ_j (a_j − t_j)²` over `u` outputs.
    MeanSquared,
    /// `(1/u) Σ_j max(a_j, 0) − a_j·t_j + ln(1 + exp(−|a_j|))`: sigmoid and cross-entropy from logits in one. A
    /// single output tells classes 0 and 1 apart: the class is its target, and what it names is whether `a > 0`.
    BinaryCrossEntropy,
    /// `(1/u) Σ_j r²/2` where `|r| = |a_j − t_j| <= δ`, else `δ(|r| − δ/2)` (Huber 1964); the payload is `δ`.
    Huber(f32),
    /// `(1/u) Σ_j max(τ·r, (τ − 1)·r)` with `r = t_j − a_j`: its minimum is the `τ`-quantile of the targets (Koenker &
    /// Bassett 1978); the payload is `τ`, in `(0, 1)`, the same for all outputs. Its slope at `r = 0` is 0.
    Pinball(f32),
    /// Gaussian negative log-likelihood (Nix & Weigend 1994), `(1/m) Σ_j ½(s_j + (t_j − μ_j)²·exp(−s_j))` over `m = u/2`
    /// targets; the constant `½ ln 2π` is left out. The first `m` outputs are the means `μ`, the others the
    /// log-variances `s`, which count as −20 below it and as 20 above it, where their slope is 0.
    GaussianNll,
}

/// Log-variances of larger magnitude count as this.
const LOG_VARIANCE: f32 = 20.0;

/// The loss of a sample, and whether its outputs name the same class as its target (or, for binary targets, the same
/// side of each threshold).
pub(crate) type Scored = (f32, bool);

/// Scores the outputs of a sample and replaces them by `∂L/∂a`.
pub(crate) type Criterion = fn(Loss, Math, &mut [f32], &Target<'_>) -> Scored;

impl Loss {
    /// The function to link; none for softmax cross-entropy, the usual one, which training links and prediction does
    /// not.
    pub(crate) const fn criterion(self) -> Link<Criterion> {
        let criterion: Criterion = match self {
            Self::SoftmaxCrossEntropy => return Link(None),
            Self::MeanSquared => |_, _, a, target| mean(a, target, squared, |_, _| false),
            Self::BinaryCrossEntropy => {
                |_, math, a, target| mean(a, target, |a, t| binary(math, a, t), are_on_the_same_sides)
            }
            Self::Huber(_) => |loss, _, a, target| {
                let delta = if let Self::Huber(delta) = loss { delta } else { 0.0 };
                mean(a, target, |a, t| huber(delta, a - t), |_, _| false)
            },
            Self::Pinball(_) => |loss, _, a, target| {
                let tau = if let Self::Pinball(tau) = loss { tau } else { 0.0 };
                mean(a, target, |a, t| pinball(tau, t - a), |_, _| false)
            },
            Self::GaussianNll => |_, math, a, target| gaussian(math, a, target),
        };
        Link(Some(criterion))
    }

    /// Its number and the bits of its constant, in a checkpoint and for a digest.
    pub(crate) const fn code(self) -> (u32, u32) {
        match self {
            Self::SoftmaxCrossEntropy => (0, 0),
            Self::MeanSquared => (1, 0),
            Self::BinaryCrossEntropy => (2, 0),
            Self::Huber(delta) => (3, delta.to_bits()),
            Self::Pinball(tau) => (4, tau.to_bits()),
            Self::GaussianNll => (5, 0),
        }
    }
}

/// A loss that is a mean over outputs, `(1/u) Σ_j f(a_j, t_j)`, outputs in order. `f` also gives the derivative; `is_hit`
/// decides on targets that are values.
#[inline(always)]
fn mean(
    a: &mut [f32],
    target: &Target<'_>,
    f: impl Fn(f32, f32) -> (f32, f32),
    is_hit: impl Fn(&[f32], &[f32]) -> bool,
) -> Scored {
    let hit = match target {
        Target::Class(class) => peak(a).0 == *class,
        Target::Values(t) => is_hit(a, t),
    };
    let inverse = 1.0 / a.len() as f32;
    let mut sum = 0.0;
    for (j, a) in numbered(0, &mut *a) {
        let (loss, slope) = f(*a, target.at(j));
        sum += loss;
        *a = slope * inverse;
    }
    (sum * inverse, hit)
}

fn squared(a: f32, t: f32) -> (f32, f32) {
    let r = a - t;
    (r * r, 2.0 * r)
}

fn binary(math: Math, a: f32, t: f32) -> (f32, f32) {
    let above = if a > 0.0 { a } else { 0.0 };
    (above - a * t + math::ln_1p(math.exp(-a.abs())), math.sigmoid(a) - t)
}

fn are_on_the_same_sides(a: &[f32], t: &[f32]) -> bool {
    a.iter().zip(t).all(|(&a, &t)| (a > 0.0) == (t > 0.5))
}

fn huber(delta: f32, r: f32) -> (f32, f32) {
    if r.abs() <= delta { (0.5 * r * r, r) } else { (delta * (r.abs() - 0.5 * delta), delta.copysign(r)) }
}

/// Of `r = t − a`.
fn pinball(tau: f32, r: f32) -> (f32, f32) {
    if r > 0.0 { (tau * r, -tau) } else { ((tau - 1.0) * r, if r < 0.0 { 1.0 - tau } else { 0.0 }) }
}

/// Means in the first half of `a`, log-variances in the other.
fn gaussian(math: Math, a: &mut [f32], target: &Target<'_>) -> Scored {
    let half = a.len() / 2;
    let (means, logs) = cut_mut(a, half);
    let (mut sum, inverse) = (0.0, 1.0 / half as f32);
    for (j, (mean, log)) in numbered(0, means.iter_mut().zip(logs)) {
        let (r, bounded) = (*mean - target.at(j), log.clamp(-LOG_VARIANCE, LOG_VARIANCE));
        let slope = r * math.exp(-bounded);
        let square = r * slope;
        sum += 0.5 * (bounded + square);
        *mean = slope * inverse;
        *log = if bounded == *log { 0.5 * (1.0 - square) * inverse } else { 0.0 };
    }
    (sum * inverse, false)
}

/// The standard deviation `exp(s/2)` that a network under [`Loss::GaussianNll`] means by its output `s`, a log-variance.
///
/// Of `s` as it is: the loss counts one beyond ±20 as ±20 and so no longer moves it; clamp it first where that can happen.
#[must_use]
pub fn deviation(log_variance: f32, math: Math) -> f32 {
    math.exp(0.5 * log_variance)
}

/// Softmax cross-entropy before its exponentials, `a` without its maximum: `Σt` and `Σ_j t_j·a_j`.
#[derive(Clone, Copy, Default)]
pub(crate) struct Shifted {
    total: f32,
    aligned: f32,
}

impl Shifted {
    /// Subtracts the maximum from `a`; also gives whether it stands where the target's does.
    pub(crate) fn new(a: &mut [f32], target: &impl Row) -> (Self, bool) {
        let at = subtract_largest(a);
        let mut sums = Self::default();
        for (j, a) in numbered(0, &*a) {
            let t = target.at(j);
            sums.total += t;
            sums.aligned += t * *a;
        }
        (sums, at == target.class())
    }

    /// `Σ_j t_j·(ln Σ_i exp a_i − a_j)` from `exp a`, which `∂L/∂a_j = p_j·Σt − t_j` replaces.
    pub(crate) fn cross_entropy(&self, a: &mut [f32], target: &impl Row) -> f32 {
        let sum = total(a);
        let gain = self.total / sum;
        for (j, a) in numbered(0, &mut *a) {
            *a = *a * gain - target.at(j);
        }
        self.total * math::ln(sum) - self.aligned
    }
}

/// Softmax cross-entropy of one sample.
pub(crate) fn softmax_cross_entropy(_: Loss, math: Math, a: &mut [f32], target: &Target<'_>) -> Scored {
    let (sums, hit) = Shifted::new(a, target);
    exp(math, a);
    (sums.cross_entropy(a, target), hit)
}

/// Turns logits into probabilities, `p_j = exp(z_j − max z) / Σ_i exp(z_i − max z)`; sums in order.
pub fn softmax(logits: &mut [f32], math: Math) {
    subtract_largest(logits);
    exp(math, logits);
    let sum = total(logits);
    for p in logits {
        *p /= sum;
    }
}

/// Sums in order.
fn total(a: &[f32]) -> f32 {
    let mut sum = 0.0;
    a.iter().for_each(|a| sum += a);
    sum
}

/// Gives the index of the largest.
fn subtract_largest(a: &mut [f32]) -> usize {
    let (at, largest) = peak(a);
    a.iter_mut().for_each(|a| *a -= largest);
    at
}

/// `x ← eˣ`.
pub(crate) fn exp(math: Math, x: &mut [f32]) {
    match math {
        Math::Libm => kernels::exp(x),
        #[cfg(feature = "micromath")]
        Math::Micromath => x.iter_mut().for_each(|x| *x = math.exp(*x)),
    }
}

#[cfg(test)]
mod tests;
