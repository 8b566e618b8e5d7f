//! From outputs to losses and their gradient, and the score that sums them up.

use crate::error::{Buffer, Error, Value};
use crate::inputs::Inputs;
use crate::kernels;
use crate::math::Math;
use crate::network::loss::{Loss, Shifted, exp, softmax_cross_entropy};
use crate::network::spec::Spec;
use crate::slices::{cut_mut, numbered, rows_mut};
use crate::targets::Targets;

impl Targets<'_> {
    /// Checks `inputs` against these targets and the network; gives what [`Inputs::check`] gives.
    pub(crate) fn check(&self, spec: &Spec, inputs: &Inputs<'_>) -> Result<(usize, f32), Error> {
        let outputs = spec.outputs();
        let (n, bound) = inputs.check(spec)?;
        match *self {
            Self::Classes(classes) => {
                Error::expect_len(Buffer::Targets, n, classes.len())?;
                let known = spec.classes();
                let wrong = classes.iter().position(|&c| usize::from(c) >= known);
                if let Some((sample, &label)) = wrong.and_then(|s| Some((s, classes.get(s)?))) {
                    let label = Error::Label { sample, label, classes: known as u16 };
                    return Err(if known == 0 { Error::NoClasses } else { label });
                }
            }
            Self::Values(values) => {
                Error::expect_len(Buffer::Targets, n.saturating_mul(outputs), values.len())?;
                let (least, most) = match spec.loss_kind() {
                    Loss::SoftmaxCrossEntropy => (0.0, f32::MAX),
                    Loss::BinaryCrossEntropy => (0.0, 1.0),
                    Loss::MeanSquared | Loss::Huber(_) => (f32::MIN, f32::MAX),
                };
                let wrong = values.iter().position(|value| !(least..=most).contains(value));
                if let Some((index, value)) = wrong.and_then(|i| Some((i, values.get(i)?))) {
                    let non_finite = Error::NonFinite { value: Value::Target, index };
                    return Err(if value.is_finite() { Error::Target { index } } else { non_finite });
                }
            }
        }
        Ok((n, bound))
    }
}

/// Loss and hits over samples: sums in 8 lanes over samples in order, so that the split into batches changes no bit; after
/// every 4096 samples their tree goes into a compensated sum, so that the mean of 10⁷ is as good as that of a few.
// Four bytes less wherever a chip's stack has one.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, packed(4))]
pub struct Score {
    /// What rounding took from `before` stands in the first lane (Kahan 1965).
    lanes: [f32; 8],
    /// Of all samples before those in the lanes.
    before: f32,
    samples: u64,
    hits: u64,
}

/// Samples that the lanes hold at most.
const LEVEL: u64 = 4096;

impl Default for Score {
    /// No samples.
    fn default() -> Self {
        let [before] = kernels::zeros();
        Self { lanes: kernels::zeros(), before, samples: 0, hits: 0 }
    }
}

impl Score {
    /// Adds one sample.
    pub(crate) fn add(&mut self, loss: f32, hit: bool) {
        self.lanes[(self.samples % 8) as usize] += loss;
        self.samples = self.samples.wrapping_add(1);
        self.hits = self.hits.wrapping_add(u64::from(hit));
        if self.samples.is_multiple_of(LEVEL) {
            let lost;
            (self.before, lost) = self.sum();
            self.lanes = kernels::zeros();
            self.lanes[0] = lost;
        }
    }

    /// Of all samples, and what rounding takes from it. Once in an image, since a chip has [`add`](Self::add) in every loop
    /// over samples.
    #[inline(never)]
    fn sum(&self) -> (f32, f32) {
        let level = kernels::tree(self.lanes);
        let sum = self.before + level;
        (sum, level - (sum - self.before))
    }

    /// Whether the loss is finite.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.sum().0.is_finite() { Ok(()) } else { Err(Error::NonFinite { value: Value::Loss, index: 0 }) }
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
        self.sum().0 / self.samples as f32
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
    score(spec, outputs, targets, |loss, hit| total.add(loss, hit));
    for (d, &gradient) in deltas.iter_mut().zip(&*outputs) {
        *d *= gradient;
    }
}

/// Gives `each` the loss of every sample of a batch and whether it is a hit, in order, and replaces outputs by `∂L/∂a`.
pub(crate) fn score(spec: &Spec, outputs: &mut [f32], targets: Targets<'_>, mut each: impl FnMut(f32, bool)) {
    let width = spec.outputs();
    let criterion = match spec.criterion() {
        Some(criterion) => criterion,
        None if GROUP > 1 => return score_softmax(spec.math_kind(), outputs, width, targets, each),
        None => softmax_cross_entropy,
    };
    for (s, a) in numbered(0, rows_mut(outputs, width)) {
        let (loss, hit) = criterion(spec.loss_kind(), spec.math_kind(), a, &targets.get(s, width));
        each(loss, hit);
    }
}

/// Samples whose exponentials are computed together, a register at a time.
const GROUP: usize = kernels::VECTORS;

/// [`score`] by softmax cross-entropy.
fn score_softmax(math: Math, outputs: &mut [f32], width: usize, targets: Targets<'_>, mut each: impl FnMut(f32, bool)) {
    let (mut rest, mut first) = (outputs, 0);
    while !rest.is_empty() && width > 0 {
        let (group, tail) = cut_mut(rest, GROUP.wrapping_mul(width));
        let mut shifted = [(Shifted::default(), false); GROUP];
        for (s, (a, shifted)) in numbered(first, rows_mut(group, width).zip(&mut shifted)) {
            *shifted = Shifted::new(a, &targets.get(s, width));
        }
        exp(math, group);
        for (s, (a, (sums, hit))) in numbered(first, rows_mut(group, width).zip(&shifted)) {
            each(sums.cross_entropy(a, &targets.get(s, width)), *hit);
        }
        (rest, first) = (tail, first.wrapping_add(GROUP));
    }
}

mod bytes;

#[cfg(test)]
mod tests;
