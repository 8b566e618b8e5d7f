//! What training minimises, its gradient at the outputs, and the score that sums it up.

use crate::criterion::{Criterion, Loss};
use crate::error::{Buffer, Error, Value};
use crate::kernels::{self, cut, cut_mut, rows_mut};
use crate::math::{self, Math};
use crate::samples::{Inputs, check_finite};
use crate::spec::Spec;

/// What the outputs of `n` samples should be.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a> {
    /// A class a sample, each below the number of outputs.
    Classes(&'a [u16]),
    /// Shape `(n, outputs)`: values, or probabilities of classes.
    Values(&'a [f32]),
}

impl<'a> Targets<'a> {
    /// Checks `inputs` against these targets and the network; gives the number of samples.
    pub(crate) fn check(&self, spec: &Spec, inputs: &Inputs<'_>) -> Result<usize, Error> {
        let outputs = spec.outputs();
        let n = inputs.check(spec)?;
        match *self {
            Self::Classes(classes) => {
                Error::expect_len(Buffer::Targets, n, classes.len())?;
                let wrong = classes.iter().position(|&c| usize::from(c) >= outputs);
                if let Some((sample, &label)) = wrong.and_then(|s| Some((s, classes.get(s)?))) {
                    return Err(Error::Label { sample, label, classes: outputs as u16 });
                }
            }
            Self::Values(values) => {
                Error::expect_len(Buffer::Targets, n.saturating_mul(outputs), values.len())?;
                check_finite(values, Value::Target)?;
            }
        }
        Ok(n)
    }

    /// The targets of the samples from `done` on.
    pub(crate) fn skip(&self, done: usize, outputs: usize) -> Self {
        match *self {
            Self::Classes(classes) => Self::Classes(cut(classes, done).1),
            Self::Values(values) => Self::Values(cut(values, done.saturating_mul(outputs)).1),
        }
    }

    /// The target of one sample.
    pub(crate) fn get(&self, sample: usize, outputs: usize) -> Target<'a> {
        match *self {
            Self::Classes(classes) => Target::Class(classes.get(sample).map_or(0, |&c| usize::from(c))),
            Self::Values(values) => {
                let at = sample.saturating_mul(outputs);
                Target::Values(values.get(at..).map_or(&[], |v| v.get(..outputs).unwrap_or(v)))
            }
        }
    }
}

/// What the outputs of one sample should be.
#[derive(Clone, Copy)]
pub(crate) enum Target<'a> {
    Class(usize),
    Values(&'a [f32]),
}

impl Target<'_> {
    /// `t_j`: a class counts as its one-hot row.
    #[inline(always)]
    fn at(&self, j: usize) -> f32 {
        match *self {
            Self::Class(class) => f32::from(u8::from(j == class)),
            Self::Values(values) => values.get(j).copied().unwrap_or(0.0),
        }
    }

    /// Whether the outputs `a` name the same class (or, for binary targets, the same side of each threshold).
    fn is_hit(&self, loss: Loss, a: &[f32]) -> bool {
        match (*self, loss) {
            (Self::Class(class), _) => argmax(a) == class,
            (Self::Values(t), Loss::SoftmaxCrossEntropy) => argmax(a) == argmax(t),
            (Self::Values(t), Loss::BinaryCrossEntropy) => a.iter().zip(t).all(|(&a, &t)| (a > 0.0) == (t > 0.5)),
            (Self::Values(_), Loss::MeanSquared | Loss::Huber(_)) => false,
        }
    }
}

/// Index of the largest value; of equal ones the first; 0 for none.
#[must_use]
pub fn argmax(values: &[f32]) -> usize {
    let (mut best, mut at) = (f32::NEG_INFINITY, 0);
    for (j, &v) in values.iter().enumerate() {
        if v > best {
            (best, at) = (v, j);
        }
    }
    at
}

/// Turns logits into probabilities, `p_j = exp(z_j − max z) / Σ_i exp(z_i − max z)`; sums in order.
pub fn softmax(logits: &mut [f32], math: Math) {
    let max = logits.iter().fold(f32::NEG_INFINITY, |m, &z| if z > m { z } else { m });
    logits.iter_mut().for_each(|z| *z -= max);
    exp(math, logits);
    let mut sum = 0.0;
    logits.iter().for_each(|e| sum += e);
    for p in logits {
        *p /= sum;
    }
}

/// `x ← eˣ`.
fn exp(math: Math, x: &mut [f32]) {
    match math {
        Math::Libm => kernels::exp(x),
        #[cfg(feature = "micromath")]
        Math::Micromath => x.iter_mut().for_each(|x| *x = math.exp(*x)),
    }
}

/// Loss and hits over samples: sums in 8 lanes over samples in order, so that the split into batches changes no bit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    lanes: [f32; 8],
    samples: u64,
    hits: u64,
}

impl Score {
    /// Adds one sample.
    pub(crate) fn add(&mut self, loss: f32, hit: bool) {
        self.lanes[(self.samples % 8) as usize] += loss;
        self.samples += 1;
        self.hits += u64::from(hit);
    }

    /// This score, unless its loss is not finite.
    pub(crate) fn finite(self) -> Result<Self, Error> {
        if self.loss().is_finite() { Ok(self) } else { Err(Error::NonFinite { value: Value::Loss, index: 0 }) }
    }

    /// Number of samples.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Samples whose class was right; 0 for regression.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits
    }

    /// Mean loss; NaN without samples.
    #[must_use]
    pub fn loss(&self) -> f32 {
        crate::kernels::sum(&self.lanes) / self.samples as f32
    }

    /// Share of samples whose class was right; NaN without samples.
    #[must_use]
    pub fn accuracy(&self) -> f32 {
        self.hits as f32 / self.samples as f32
    }
}

/// Scores the outputs of a batch and leaves `∂L/∂z` in `deltas`, where `f'(z)` stood; the outputs are used up.
///
/// The gradient is that of the **sum** over samples: the optimizer divides by their number, so that micro-batches add.
pub(crate) fn score_with_gradient(
    spec: &Spec,
    outputs: &mut [f32],
    deltas: &mut [f32],
    targets: Targets<'_>,
    total: &mut Score,
) {
    score(spec, outputs, targets, &mut |loss, hit| total.add(loss, hit));
    for (d, &gradient) in deltas.iter_mut().zip(&*outputs) {
        *d *= gradient;
    }
}

/// Gives `each` the loss of every sample of a batch and whether it is a hit, in order, and replaces outputs by `∂L/∂a`.
pub(crate) fn score(spec: &Spec, outputs: &mut [f32], targets: Targets<'_>, each: &mut dyn FnMut(f32, bool)) {
    let (width, loss) = (spec.outputs(), spec.loss_kind());
    let score_group = |a: &mut [f32], targets, each: &mut dyn FnMut(f32, bool)| match spec.criterion() {
        Some(criterion) => score_means(loss, criterion, spec.math_kind(), a, width, targets, each),
        None => score_softmax(spec.math_kind(), a, width, targets, each),
    };
    // Groups, so that exponentials are computed for several samples at once.
    for (group, a) in rows_mut(outputs, GROUP * width).enumerate() {
        score_group(a, targets.skip(group * GROUP, width), each);
    }
    let whole = outputs.len() / (GROUP * width).max(1) * GROUP;
    let rest = cut_mut(outputs, whole * width).1;
    score_group(rest, targets.skip(whole, width), each);
}

/// Samples scored together.
const GROUP: usize = 8;

/// [`score`] of up to [`GROUP`] samples by softmax cross-entropy.
fn score_softmax(math: Math, a: &mut [f32], width: usize, targets: Targets<'_>, each: &mut dyn FnMut(f32, bool)) {
    let mut sums = [Shifted::default(); GROUP];
    let mut hits = [false; GROUP];
    for (s, (a, (sums, hit))) in rows_mut(a, width).zip(sums.iter_mut().zip(&mut hits)).enumerate() {
        let target = targets.get(s, width);
        *hit = target.is_hit(Loss::SoftmaxCrossEntropy, a);
        *sums = Shifted::new(a, &target);
    }
    exp(math, a);
    for (s, (a, (sums, &hit))) in rows_mut(a, width).zip(sums.iter().zip(&hits)).enumerate() {
        each(sums.cross_entropy(a, &targets.get(s, width)), hit);
    }
}

/// [`score`] by a loss that is a mean over outputs.
fn score_means(
    loss: Loss,
    criterion: Criterion,
    math: Math,
    a: &mut [f32],
    width: usize,
    targets: Targets<'_>,
    each: &mut dyn FnMut(f32, bool),
) {
    for (s, a) in rows_mut(a, width).enumerate() {
        let target = targets.get(s, width);
        let hit = target.is_hit(loss, a);
        each(mean_over_outputs(a, &target, |a, t| criterion(math, a, t, loss.delta())), hit);
    }
}

/// `(1/u) Σ_j f(a_j, t_j)` and its derivatives, outputs in order.
fn mean_over_outputs(a: &mut [f32], target: &Target<'_>, f: impl Fn(f32, f32) -> (f32, f32)) -> f32 {
    let inverse = 1.0 / a.len() as f32;
    let mut sum = 0.0;
    for (j, a) in a.iter_mut().enumerate() {
        let (loss, slope) = f(*a, target.at(j));
        sum += loss;
        *a = slope * inverse;
    }
    sum * inverse
}

/// Softmax cross-entropy before its exponentials, `a` without its maximum: `Σt` and `Σ_j t_j·a_j`.
#[derive(Clone, Copy, Default)]
struct Shifted {
    total: f32,
    aligned: f32,
}

impl Shifted {
    /// Subtracts the maximum from `a`.
    fn new(a: &mut [f32], target: &Target<'_>) -> Self {
        let max = a.iter().fold(f32::NEG_INFINITY, |m, &z| if z > m { z } else { m });
        let mut sums = Self::default();
        for (j, a) in a.iter_mut().enumerate() {
            *a -= max;
            let t = target.at(j);
            sums.total += t;
            sums.aligned += t * *a;
        }
        sums
    }

    /// `Σ_j t_j·(ln Σ_i exp a_i − a_j)` from `exp a`, which `∂L/∂a_j = p_j·Σt − t_j` replaces.
    fn cross_entropy(&self, a: &mut [f32], target: &Target<'_>) -> f32 {
        let mut sum = 0.0;
        a.iter().for_each(|e| sum += e);
        let gain = self.total / sum;
        for (j, a) in a.iter_mut().enumerate() {
            *a = *a * gain - target.at(j);
        }
        self.total * math::ln(sum) - self.aligned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn argmax_takes_the_first_of_equals() {
        assert_eq!(argmax(&[1.0, 3.0, 3.0]), 1);
        assert_eq!(argmax(&[]), 0);
        assert_eq!(argmax(&[f32::NAN, 1.0]), 1);
    }

    #[test]
    fn softmax_survives_large_logits() {
        let mut z = [1000.0, 1000.0, -1000.0];
        softmax(&mut z, Math::Libm);
        assert_eq!(z, [0.5, 0.5, 0.0]);
    }

    #[test]
    fn cross_entropy_of_large_logits_is_finite() {
        let loss = |loss, a: &mut [f32], targets| {
            let mut found = 0.0;
            let spec = Spec::new(1).dense(a.len() as u16, crate::Activation::Identity).loss(loss);
            score(&spec, a, targets, &mut |loss, _| found = loss);
            found
        };
        let mut a = [2000.0, -2000.0];
        assert_eq!(loss(Loss::SoftmaxCrossEntropy, &mut a, Targets::Classes(&[1])), 4000.0);
        assert_eq!(a, [1.0, -1.0]);
        assert_eq!(loss(Loss::BinaryCrossEntropy, &mut [500.0], Targets::Values(&[0.0])), 500.0);
    }

    #[test]
    fn a_score_does_not_depend_on_the_split_into_batches() {
        let losses = [0.1_f32, 0.7, 1e-3, 5.0, 0.3, 0.2, 0.9, 0.11, 0.35, 0.6, 1e4];
        let mut whole = Score::default();
        losses.iter().for_each(|&l| whole.add(l, l < 0.5));
        assert_eq!((whole.samples(), whole.hits()), (11, 6));
        let mean = losses.iter().map(|&l| f64::from(l)).sum::<f64>() / 11.0;
        assert!((f64::from(whole.loss()) / mean - 1.0).abs() < 1e-6);
    }

    #[test]
    fn samples_scored_together_are_scored_as_one_by_one() {
        for loss in [Loss::SoftmaxCrossEntropy, Loss::MeanSquared, Loss::BinaryCrossEntropy, Loss::Huber(0.5)] {
            let spec = Spec::new(1).dense(3, crate::Activation::Identity).loss(loss);
            for n in [1, 7, 8, 9, 16, 21] {
                let mut together: std::vec::Vec<f32> = (0..3 * n).map(|i| (i * 7 % 11) as f32 * 0.3 - 1.5).collect();
                let classes: std::vec::Vec<u16> = (0..n).map(|i| (i * 5 % 3) as u16).collect();
                let (mut alone, mut expected, mut found) = (together.clone(), std::vec![], std::vec![]);
                for (a, class) in alone.chunks_mut(3).zip(&classes) {
                    let targets = Targets::Classes(core::slice::from_ref(class));
                    score(&spec, a, targets, &mut |loss, hit| expected.push((loss.to_bits(), hit)));
                }
                let targets = Targets::Classes(&classes);
                score(&spec, &mut together, targets, &mut |loss, hit| found.push((loss.to_bits(), hit)));
                assert_eq!((found, together), (expected, alone));
            }
        }
    }
}
