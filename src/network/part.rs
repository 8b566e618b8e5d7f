//! Where each part of a layer stands among a network's parameters: nothing else in the crate works that out.

use crate::kernels::{cut, cut_mut};
use crate::network::layer::Layer;
use core::ops::Range;

/// A part of a layer's parameters; in memory they follow each other in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Part {
    /// Weights, shape `(inputs, outputs)`, row-major: row `k` holds what input `k` sends to every unit.
    Weights,
    /// The bias of each unit.
    Bias,
    /// A [norm](crate::Spec::norm)'s factor `γ` of each unit.
    Scale,
    /// A norm's summand `β` of each unit.
    Shift,
    /// A norm's running mean of each unit, which is not learned.
    Mean,
    /// A norm's running variance of each unit, which is not learned.
    Variance,
}

impl Part {
    /// All parts, in memory order.
    pub const ALL: [Self; 6] = [Self::Weights, Self::Bias, Self::Scale, Self::Shift, Self::Mean, Self::Variance];
}

/// A layer's parameters as disjoint slices; those of a norm are empty without one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Split<S> {
    pub weights: S,
    pub bias: S,
    pub scale: S,
    pub shift: S,
    pub mean: S,
    pub variance: S,
}

impl Layer {
    /// The places of `part` among the network's parameters; none where the layer has no such part.
    ///
    /// ```
    /// use cygnet::{Activation, Spec, network::Part};
    /// const NET: Spec = Spec::new(3).dense(5, Activation::Relu).norm().dense(2, Activation::Identity);
    /// let (hidden, head) = (NET.layer(0).unwrap(), NET.layer(1).unwrap());
    /// assert_eq!((hidden.range(Part::Weights), hidden.range(Part::Bias)), (0..15, 15..20));
    /// assert_eq!((hidden.range(Part::Scale), hidden.range(Part::Variance)), (20..25, 35..40));
    /// assert_eq!((head.range(Part::Weights), head.range(Part::Bias)), (40..50, 50..52));
    /// ```
    #[must_use]
    pub const fn range(&self, part: Part) -> Range<usize> {
        let units = self.outputs();
        let bias = self.offset().wrapping_add(self.weight_len());
        let norm = bias.wrapping_add(units);
        let (start, len) = match part {
            Part::Weights => (self.offset(), self.weight_len()),
            Part::Bias => (bias, units),
            _ if !self.is_normed() => (norm, 0),
            _ => (norm.wrapping_add((part as usize).wrapping_sub(Part::Scale as usize).wrapping_mul(units)), units),
        };
        start..start.wrapping_add(len)
    }

    /// The places of what is learned: all parts but a norm's running statistics.
    pub(crate) const fn learned(&self) -> Range<usize> {
        self.offset()..self.range(Part::Shift).end
    }

    /// The places of all that a norm has.
    pub(crate) const fn norm_params(&self) -> Range<usize> {
        self.range(Part::Scale).start..self.range(Part::Variance).end
    }

    /// The places of what a norm learns.
    pub(crate) const fn norm_learned(&self) -> Range<usize> {
        self.range(Part::Scale).start..self.range(Part::Shift).end
    }

    /// The places of a norm's running statistics, means before variances.
    pub(crate) const fn statistics(&self) -> Range<usize> {
        self.range(Part::Mean).start..self.range(Part::Variance).end
    }

    /// Units whose pre-activations are normalised.
    const fn normed(&self) -> usize {
        if self.is_normed() { self.outputs() } else { 0 }
    }

    /// This layer's part of the network's `params`. (What a caller does not use costs nothing.)
    #[inline(always)]
    pub(crate) fn split<'p>(&self, params: &'p [f32]) -> Split<&'p [f32]> {
        let (weights, rest) = cut(cut(params, self.offset()).1, self.weight_len());
        let (bias, rest) = cut(rest, self.outputs());
        let (scale, rest) = cut(rest, self.normed());
        let (shift, rest) = cut(rest, self.normed());
        let (mean, rest) = cut(rest, self.normed());
        Split { weights, bias, scale, shift, mean, variance: cut(rest, self.normed()).0 }
    }

    /// [`split`](Self::split) to write to.
    #[inline(always)]
    pub(crate) fn split_mut<'p>(&self, params: &'p mut [f32]) -> Split<&'p mut [f32]> {
        let (weights, rest) = cut_mut(cut_mut(params, self.offset()).1, self.weight_len());
        let (bias, rest) = cut_mut(rest, self.outputs());
        let (scale, rest) = cut_mut(rest, self.normed());
        let (shift, rest) = cut_mut(rest, self.normed());
        let (mean, rest) = cut_mut(rest, self.normed());
        Split { weights, bias, scale, shift, mean, variance: cut_mut(rest, self.normed()).0 }
    }
}

/// The parameters in `places`.
pub(crate) fn at(params: &[f32], places: Range<usize>) -> &[f32] {
    params.get(places).unwrap_or_default()
}

/// [`at`] to write to.
pub(crate) fn at_mut(params: &mut [f32], places: Range<usize>) -> &mut [f32] {
    params.get_mut(places).unwrap_or_default()
}
