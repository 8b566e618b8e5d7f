//! What training minimises, output by output.

use crate::link::Link;
use crate::math::{self, Math};

/// What training minimises: per sample over the outputs `a` and targets `t` (a class counts as its one-hot row), in the
/// mean over the batch.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Loss {
    /// `Σ_j t_j · (ln Σ_i exp a_i − a_j)`: softmax and cross-entropy from logits in one.
    SoftmaxCrossEntropy,
    /// `(1/u) Σ_j (a_j − t_j)²` over `u` outputs.
    MeanSquared,
    /// `(1/u) Σ_j max(a_j, 0) − a_j·t_j + ln(1 + exp(−|a_j|))`: sigmoid and cross-entropy from logits in one.
    BinaryCrossEntropy,
    /// `(1/u) Σ_j r²/2` where `|r| = |a_j − t_j| <= δ`, else `δ(|r| − δ/2)` (Huber 1964); the payload is `δ`.
    Huber(f32),
}

/// Loss and derivative by `a` of one output, given `a`, `t` and Huber's `δ`: of the losses that are means over outputs.
pub(crate) type Criterion = fn(Math, f32, f32, f32) -> (f32, f32);

impl Loss {
    /// The function to link; none where the outputs of a sample go together.
    pub(crate) const fn criterion(self) -> Link<Criterion> {
        Link(match self {
            Self::SoftmaxCrossEntropy => None,
            Self::MeanSquared => Some(squared),
            Self::BinaryCrossEntropy => Some(binary),
            Self::Huber(_) => Some(huber),
        })
    }

    /// Huber's `δ`; 0 of the others.
    pub(crate) fn delta(self) -> f32 {
        if let Self::Huber(delta) = self { delta } else { 0.0 }
    }
}

fn squared(_: Math, a: f32, t: f32, _: f32) -> (f32, f32) {
    let r = a - t;
    (r * r, 2.0 * r)
}

fn binary(math: Math, a: f32, t: f32, _: f32) -> (f32, f32) {
    let above = if a > 0.0 { a } else { 0.0 };
    (above - a * t + math::ln_1p(math.exp(-a.abs())), math.sigmoid(a) - t)
}

fn huber(_: Math, a: f32, t: f32, delta: f32) -> (f32, f32) {
    let r = a - t;
    if r.abs() <= delta { (0.5 * r * r, r) } else { (delta * (r.abs() - 0.5 * delta), delta.copysign(r)) }
}
