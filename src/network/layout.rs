//! Where each part of each layer stands among a network's parameters: nothing else in the crate works that out.

use crate::slices::{cut, cut_mut};
use core::ops::Range;

/// Dense layers that a description can hold.
pub const MAX_LAYERS: usize = 8;

/// A part of a layer's parameters; in memory they follow each other in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Part {
    /// Weights, shape `(inputs, outputs)`, row-major: row `k` holds what input `k` sends to every unit.
    Weights,
    /// The bias of each unit.
    Bias,
    /// A [norm](crate::Spec::norm)'s factor `γ` of each unit.
    Scale,
    /// A norm's summand `β` of each unit.
    Shift,
    /// A batch norm's running mean of each unit, which is not learned.
    Mean,
    /// A batch norm's running variance of each unit, which is not learned.
    Variance,
}

impl Part {
    /// All parts, in memory order.
    pub const ALL: [Self; 6] = [Self::Weights, Self::Bias, Self::Scale, Self::Shift, Self::Mean, Self::Variance];
}

/// Over what a layer's pre-activations are normalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NormKind {
    /// Over the samples of a batch, unit by unit: [`Spec::norm`](crate::Spec::norm).
    Batch = 1,
    /// Over the units, sample by sample: [`Spec::layer_norm`](crate::Spec::layer_norm).
    Layer = 2,
}

impl NormKind {
    /// Its parameters for each unit: `γ` and `β`, and of a batch norm running mean and variance.
    pub(super) const fn params(self) -> u8 {
        match self {
            Self::Batch => 4,
            Self::Layer => 2,
        }
    }
}

/// Widths of layers, and which of them are normalised: all that the places of parameters follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Layout {
    /// That of the samples, then that of each layer.
    widths: [u16; MAX_LAYERS + 1],
    /// Bit `l` is that of layer `l`.
    norms: u8,
    /// Layers in the low half; in the high half what each norm has for a unit, [`NormKind::params`].
    depth: u8,
}

impl Layout {
    /// No layers yet.
    pub(super) const fn new(inputs: u16) -> Self {
        let mut widths = [0; MAX_LAYERS + 1];
        widths[0] = inputs;
        Self { widths, norms: 0, depth: 0 }
    }

    /// Layers.
    pub(super) const fn depth(&self) -> usize {
        (self.depth & 15) as usize
    }

    /// The number of the last layer.
    pub(crate) const fn last(&self) -> u8 {
        (self.depth & 15).saturating_sub(1)
    }

    /// The kind of all norms; none without norms.
    pub(super) const fn norm_kind(&self) -> Option<NormKind> {
        match self.depth >> 4 {
            0 => None,
            2 => Some(NormKind::Layer),
            _ => Some(NormKind::Batch),
        }
    }

    /// Whether running statistics of norms stand among the parameters.
    pub(crate) const fn has_statistics(&self) -> bool {
        self.depth >> 4 == NormKind::Batch.params()
    }

    /// Width of the samples.
    pub(super) const fn inputs(&self) -> u16 {
        self.widths[0]
    }

    /// Units of the latest layer; 0 without layers.
    pub(super) const fn outputs(&self) -> u16 {
        let at = self.depth();
        if at > 0 && at <= MAX_LAYERS { self.widths[at] } else { 0 }
    }

    /// One more layer, where there is room for it.
    pub(super) const fn push(&mut self, width: u16) {
        let at = self.depth();
        if at < MAX_LAYERS {
            self.widths[at + 1] = width;
            self.depth = self.depth.wrapping_add(1);
        }
    }

    /// The latest layer has a norm from here on, of the kind that all have.
    pub(super) const fn set_norm(&mut self, kind: NormKind) {
        self.norms |= 1 << (self.depth().wrapping_sub(1) % MAX_LAYERS);
        self.depth = self.depth & 15 | kind.params() << 4;
    }

    /// Layer `index`, whose parameters begin at `offset`.
    #[inline(always)]
    const fn place(&self, index: usize, offset: usize) -> Place {
        let at = index % MAX_LAYERS;
        Place {
            offset,
            shape: Shape { inputs: self.widths[at], outputs: self.widths[at + 1] },
            index: at as u8,
            norm_params: if self.norms >> at & 1 != 0 { self.depth >> 4 } else { 0 },
        }
    }

    /// Layer `index`, one of those there are.
    pub(crate) const fn find(&self, index: usize) -> Place {
        let mut place = self.place(0, 0);
        while (place.index as usize) < index {
            place = self.place(place.index as usize + 1, place.end());
        }
        place
    }

    /// The layers in flow order; they end at `params`, of which there are so many.
    #[inline(always)]
    pub(crate) fn places(&self, params: usize) -> Places<'_> {
        Places { layout: self, front: 0, back: self.depth(), start: 0, end: params }
    }

    /// Units of the normalised layers before layer `index`.
    pub(super) fn normed_before(&self, index: u8) -> usize {
        self.places(0).take(index.into()).fold(0, |units, place| units.wrapping_add(place.normed()))
    }

    /// The places of a norm's statistics among all that are pooled, layer after layer.
    pub(crate) fn pooled(&self, place: Place) -> Range<usize> {
        let first = self.normed_before(place.index).wrapping_mul(2);
        first..first.wrapping_add(place.normed().wrapping_mul(2))
    }

    /// Every part of every layer with its places among the parameters, in memory order.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (usize, Part, Range<usize>)> + '_ {
        // They are read from the front alone, for which no end is needed.
        let parts = |place: Place| Part::ALL.map(|part| (place.index.into(), part, place.range(part)));
        self.places(0).flat_map(parts).filter(|(_, _, places)| !places.is_empty())
    }
}

/// The layers of a layout, from either end.
#[derive(Clone)]
pub(crate) struct Places<'a> {
    layout: &'a Layout,
    front: usize,
    back: usize,
    /// Where the next layer's parameters begin, and those of the last one end.
    start: usize,
    end: usize,
}

impl Iterator for Places<'_> {
    type Item = Place;

    #[inline(always)]
    fn next(&mut self) -> Option<Place> {
        if self.front >= self.back {
            return None;
        }
        let place = self.layout.place(self.front, self.start);
        (self.front, self.start) = (self.front.wrapping_add(1), place.end());
        Some(place)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.back.wrapping_sub(self.front);
        (left, Some(left))
    }
}

impl DoubleEndedIterator for Places<'_> {
    #[inline(always)]
    fn next_back(&mut self) -> Option<Place> {
        if self.front >= self.back {
            return None;
        }
        self.back = self.back.wrapping_sub(1);
        let mut place = self.layout.place(self.back, 0);
        self.end = self.end.wrapping_sub(place.len());
        place.offset = self.end;
        Some(place)
    }
}

impl ExactSizeIterator for Places<'_> {}

/// Widths of a layer's inputs and outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Shape {
    pub inputs: u16,
    pub outputs: u16,
}

impl Shape {
    pub(crate) const fn inputs(self) -> usize {
        self.inputs as usize
    }

    pub(crate) const fn outputs(self) -> usize {
        self.outputs as usize
    }
}

/// A layer's place among the parameters, and its shape, from which the places of its parts follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Place {
    pub offset: usize,
    pub shape: Shape,
    pub index: u8,
    /// Those of a norm for each unit, 0 without one.
    norm_params: u8,
}

impl Place {
    /// Weights.
    pub(super) const fn weights(self) -> usize {
        self.shape.inputs().wrapping_mul(self.shape.outputs())
    }

    /// Whether there is a norm.
    pub(crate) const fn is_normed(self) -> bool {
        self.norm_params > 0
    }

    /// `γ`s of a norm, or `β`s.
    pub(super) const fn normed(self) -> usize {
        if self.is_normed() { self.shape.outputs() } else { 0 }
    }

    /// Running means of a norm, or variances.
    const fn pooled(self) -> usize {
        if self.norm_params == NormKind::Batch.params() { self.shape.outputs() } else { 0 }
    }

    /// All parameters of a norm.
    pub(super) const fn norm_len(self) -> usize {
        (self.norm_params as usize).wrapping_mul(self.shape.outputs())
    }

    /// All parameters.
    pub(super) const fn len(self) -> usize {
        let rows = self.shape.inputs().wrapping_add(1).wrapping_add(self.norm_params as usize);
        rows.wrapping_mul(self.shape.outputs())
    }

    const fn end(self) -> usize {
        self.offset.wrapping_add(self.len())
    }

    /// The places of a part; none where there is no such part.
    pub(crate) const fn range(self, part: Part) -> Range<usize> {
        let bias = self.offset.wrapping_add(self.weights());
        let norm = bias.wrapping_add(self.shape.outputs());
        let statistics = norm.wrapping_add(self.normed().wrapping_mul(2));
        let (start, len) = match part {
            Part::Weights => return self.offset..bias,
            Part::Bias => return bias..norm,
            Part::Scale => (norm, self.normed()),
            Part::Shift => (norm.wrapping_add(self.normed()), self.normed()),
            Part::Mean => (statistics, self.pooled()),
            Part::Variance => (statistics.wrapping_add(self.pooled()), self.pooled()),
        };
        start..start.wrapping_add(len)
    }

    /// The places of what is learned: all parts but a norm's running statistics.
    pub(crate) const fn learned(self) -> Range<usize> {
        self.offset..self.range(Part::Shift).end
    }

    /// The places of a norm's running statistics, means before variances; none where it has none.
    pub(crate) const fn statistics(self) -> Range<usize> {
        self.range(Part::Mean).start..self.range(Part::Variance).end
    }

    /// This layer's part of the network's `params`. (What a caller does not use costs nothing.)
    #[inline(always)]
    pub(crate) fn split(self, params: &[f32]) -> Split<&[f32]> {
        let (weights, rest) = cut(cut(params, self.offset).1, self.weights());
        let (bias, rest) = cut(rest, self.shape.outputs());
        let (scale, rest) = cut(rest, self.normed());
        let (shift, rest) = cut(rest, self.normed());
        let (mean, rest) = cut(rest, self.pooled());
        Split { weights, bias, scale, shift, mean, variance: cut(rest, self.pooled()).0 }
    }

    /// [`split`](Self::split) to write to.
    #[inline(always)]
    pub(crate) fn split_mut(self, params: &mut [f32]) -> Split<&mut [f32]> {
        let (weights, rest) = cut_mut(cut_mut(params, self.offset).1, self.weights());
        let (bias, rest) = cut_mut(rest, self.shape.outputs());
        let (scale, rest) = cut_mut(rest, self.normed());
        let (shift, rest) = cut_mut(rest, self.normed());
        let (mean, rest) = cut_mut(rest, self.pooled());
        Split { weights, bias, scale, shift, mean, variance: cut_mut(rest, self.pooled()).0 }
    }
}

/// A layer's parameters as disjoint slices; empty where there is no such part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Split<S> {
    pub weights: S,
    pub bias: S,
    pub scale: S,
    pub shift: S,
    pub mean: S,
    pub variance: S,
}

/// The parameters in `places`.
pub(crate) fn at(params: &[f32], places: Range<usize>) -> &[f32] {
    params.get(places).unwrap_or_default()
}

/// [`at`] to write to.
pub(crate) fn at_mut(params: &mut [f32], places: Range<usize>) -> &mut [f32] {
    params.get_mut(places).unwrap_or_default()
}
