//! From outputs to losses and their gradient, and the score that sums them up.

use crate::error::{Buffer, Error, Value};
use crate::inputs::Inputs;
use crate::kernels;
use crate::math::{Math, Total};
use crate::network::loss::{Loss, Shifted, exp, softmax_cross_entropy};
use crate::network::spec::Spec;
use crate::slices::{cut_mut, numbered, rows_mut};
use crate::targets::{Row, Targets};

/// Targets as a batch is scored by them: plain, or with weights.
pub(crate) trait Aim {
    const IS_WEIGHTED: bool = false;

    /// Checks `inputs` against these targets and the network; gives what [`Inputs::check`] gives.
    fn check(&self, spec: &Spec, inputs: &Inputs<'_>) -> Result<(usize, f32), Error>;

    /// Without what they weigh.
    fn targets(&self) -> Targets<'_>;

    /// Scores the outputs of a batch and leaves `∂L/∂z` in `deltas`, where `f'(z)` stood; the outputs are used up.
    ///
    /// The gradient is that of the **sum** over samples: the optimizer divides by their number, or the sum of their weights,
    /// so that micro-batches add.
    fn score_with_gradient(&self, spec: &Spec, outputs: &mut [f32], deltas: &mut [f32], total: &mut Score);
}

impl Aim for Targets<'_> {
    fn check(&self, spec: &Spec, inputs: &Inputs<'_>) -> Result<(usize, f32), Error> {
        self.check_but(spec, inputs, |_| false)
    }

    fn targets(&self) -> Targets<'_> {
        *self
    }

    fn score_with_gradient(&self, spec: &Spec, outputs: &mut [f32], deltas: &mut [f32], total: &mut Score) {
        score(spec, outputs, *self, |loss, hit| total.add(loss, hit));
        for (d, &gradient) in deltas.iter_mut().zip(&*outputs) {
            *d *= gradient;
        }
    }
}

impl Targets<'_> {
    /// [`Aim::check`], where some labels need no class.
    pub(crate) fn check_but(
        &self,
        spec: &Spec,
        inputs: &Inputs<'_>,
        is_ignored: impl Fn(u16) -> bool,
    ) -> Result<(usize, f32), Error> {
        let (n, bound) = inputs.check(spec)?;
        match *self {
            Self::Classes(classes) => {
                Error::expect_len(Buffer::Targets, n, classes.len())?;
                let known = spec.classes();
                let wrong = classes.iter().position(|&c| usize::from(c) >= known && !(known > 0 && is_ignored(c)));
                if let Some((sample, &label)) = wrong.and_then(|s| Some((s, classes.get(s)?))) {
                    let label = Error::Label { sample, label, classes: known as u16 };
                    return Err(if known == 0 { Error::NoClasses } else { label });
                }
            }
            Self::Values(values) => {
                Error::expect_len(Buffer::Targets, n.saturating_mul(spec.targets_of(spec.outputs())), values.len())?;
                let (least, most) = match spec.loss_kind() {
                    Loss::SoftmaxCrossEntropy => (0.0, f32::MAX),
                    Loss::BinaryCrossEntropy => (0.0, 1.0),
                    _ => (f32::MIN, f32::MAX),
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
    /// Of samples with weights the bits of both parts of their sum.
    hits: u64,
    /// Of the samples, where they have weights: −0 while these add up to 0. Without weights both parts are +0.
    weight: Total,
}

// A larger one would be copied by a call of `memcpy`, which an image may have no other use for.
const _: () = assert!(size_of::<Score>() == 60);

/// Samples that the lanes hold at most.
const LEVEL: u64 = 4096;

impl Default for Score {
    /// No samples.
    fn default() -> Self {
        let [before, high] = kernels::zeros();
        Self { lanes: kernels::zeros(), before, samples: 0, hits: 0, weight: Total::from(high) }
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

    /// From now on samples have weights; those that are there count 1 each.
    pub(crate) fn weigh(&mut self) {
        if !self.is_weighted() {
            self.weight = if self.samples > 0 { Total::of(self.samples) } else { Total::from(-0.0) };
            self.hits = Total::of(self.hits).to_bits();
        }
    }

    /// Adds one sample of this weight, which has no other part in it where that is 0.
    pub(crate) fn add_weighted(&mut self, weight: f32, loss: f32, hit: bool) {
        let (counts, hits) = (weight > 0.0, self.hits);
        self.add(if counts { weight * loss } else { 0.0 }, false);
        if counts {
            self.weight = { self.weight }.add(weight);
        }
        if counts && hit {
            self.hits = Total::from_bits(hits).add(weight).to_bits();
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
    pub(crate) fn is_finite(&self) -> bool {
        self.sum().0.is_finite()
    }

    /// Refuses a loss that is not finite, of outputs of this layer.
    pub(crate) fn check(&self, layer: u8) -> Result<(), Error> {
        if self.is_finite() { Ok(()) } else { Err(Error::NonFinite { value: Value::Loss, index: layer.into() }) }
    }

    /// `Σω`, if an update may divide by it.
    pub(crate) fn divisor(&self) -> Result<f32, Error> {
        let weight = self.weight();
        let inverse = 1.0 / weight;
        if inverse > 0.0 && inverse < f32::INFINITY { Ok(weight) } else { Err(Error::NoWeight) }
    }

    /// Whether the weights' sum is finite.
    pub(crate) fn check_weight(&self) -> Result<(), Error> {
        if self.weight().is_finite() { Ok(()) } else { Err(Error::NoWeight) }
    }

    /// Whether its samples have weights.
    pub(crate) fn is_weighted(&self) -> bool {
        { self.weight }.parts().0.to_bits() != 0
    }

    /// Refuses samples without weights where others have some.
    pub(crate) fn check_plain(&self) -> Result<(), Error> {
        if self.is_weighted() { Err(Error::MixedWeights) } else { Ok(()) }
    }

    /// Number of samples, whatever their weights.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Samples whose class was right; of samples with weights their weight, rounded. 0 for regression.
    #[must_use]
    pub fn hits(&self) -> u64 {
        if self.is_weighted() { (self.right() + 0.5) as u64 } else { self.hits }
    }

    /// The weight of the samples whose class was right.
    fn right(&self) -> f32 {
        if self.is_weighted() { Total::from_bits(self.hits).value() } else { self.hits as f32 }
    }

    /// `Σω`, the weights of all samples; without weights their number.
    #[must_use]
    pub fn weight(&self) -> f32 {
        if self.is_weighted() { { self.weight }.value() } else { self.samples as f32 }
    }

    /// Mean loss, `Σω·ℓ / Σω` with weights; NaN without samples, or where their weights add up to 0.
    #[must_use]
    pub fn loss(&self) -> f32 {
        self.sum().0 / self.weight()
    }

    /// Share of samples whose class was right, by weight; NaN likewise.
    #[must_use]
    pub fn accuracy(&self) -> f32 {
        self.right() / self.weight()
    }
}

/// Gives `each` the loss of every sample of a batch and whether it is a hit, in order, and replaces outputs by `∂L/∂a`.
pub(crate) fn score(spec: &Spec, outputs: &mut [f32], targets: Targets<'_>, mut each: impl FnMut(f32, bool)) {
    let width = spec.outputs();
    let wanted = spec.targets_of(width);
    let criterion = match spec.criterion() {
        Some(criterion) => criterion,
        None if GROUP > 1 => {
            return score_softmax(spec.math_kind(), outputs, width, |s| targets.get(s, width), each);
        }
        None => softmax_cross_entropy,
    };
    for (s, a) in numbered(0, rows_mut(outputs, width)) {
        let (loss, hit) = criterion(spec.loss_kind(), spec.math_kind(), a, &targets.get(s, wanted));
        each(loss, hit);
    }
}

/// Samples whose exponentials are computed together, a register at a time.
const GROUP: usize = kernels::VECTORS;

/// [`score`] by softmax cross-entropy.
pub(crate) fn score_softmax<T: Row>(
    math: Math,
    outputs: &mut [f32],
    width: usize,
    target: impl Fn(usize) -> T,
    mut each: impl FnMut(f32, bool),
) {
    let (mut rest, mut first) = (outputs, 0);
    while !rest.is_empty() && width > 0 {
        let (group, tail) = cut_mut(rest, GROUP.wrapping_mul(width));
        let mut shifted = [(Shifted::default(), false); GROUP];
        for (s, (a, shifted)) in numbered(first, rows_mut(group, width).zip(&mut shifted)) {
            *shifted = Shifted::new(a, &target(s));
        }
        exp(math, group);
        for (s, (a, (sums, hit))) in numbered(first, rows_mut(group, width).zip(&shifted)) {
            each(sums.cross_entropy(a, &target(s)), *hit);
        }
        (rest, first) = (tail, first.wrapping_add(GROUP));
    }
}

mod bytes;

#[cfg(test)]
mod tests;
