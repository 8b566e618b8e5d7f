//! The layers of a description, one after another, and what each of them does.

use crate::network::activation::Nonlinearity;
use crate::network::dropout::Draws;
use crate::network::layer::Layer;
use crate::network::layout::{MAX_LAYERS, Part, Place, Places};
use crate::network::norm::Norm;
use crate::network::spec::Spec;
use core::ops::Range;

impl Spec {
    /// Layer `index`, from 0, or `None` after the last.
    #[must_use]
    pub const fn layer(&self, index: usize) -> Option<Layer> {
        if index < self.depth() { Some(self.layer_at(self.layout.find(index))) } else { None }
    }

    /// The layers in flow order.
    pub fn layers(&self) -> impl ExactSizeIterator<Item = Layer> + DoubleEndedIterator + Clone {
        self.places().map(|place| self.layer_at(place))
    }

    const fn layer_at(&self, place: Place) -> Layer {
        let at = place.index as usize % MAX_LAYERS;
        Layer { place, slope: self.slopes[at], dropout: self.dropout[at], kind: self.kinds[at] }
    }

    /// Every part of every layer, by the layer's index, with its places among the parameters, in memory order.
    ///
    /// ```
    /// use cygnet::{Activation, Spec, network::Part};
    /// const NET: Spec = Spec::new(3).dense(5, Activation::Relu).dense(2, Activation::Identity);
    /// let biases = NET.ranges().filter(|(_, part, _)| *part == Part::Bias);
    /// assert!(biases.map(|(_, _, places)| places).eq([15..20, 30..32]));
    /// ```
    pub fn ranges(&self) -> impl Iterator<Item = (usize, Part, Range<usize>)> {
        self.layout.ranges()
    }

    /// The places of the layers in flow order.
    #[inline(always)]
    pub(crate) fn places(&self) -> Places<'_> {
        self.layout.places(self.params)
    }

    /// What a layer's norm does, where it has one.
    pub(crate) fn norm_of(&self, place: Place) -> Option<&'static Norm> {
        if place.is_normed() { self.norm.0 } else { None }
    }

    /// The nonlinearity of a layer's units.
    #[inline(always)]
    pub(crate) fn nonlinearity(&self, place: Place) -> Nonlinearity {
        let at = usize::from(place.index) % MAX_LAYERS;
        Nonlinearity { curve: self.curves.get(self.kinds[at]), below: self.slopes[at], math: self.math_kind() }
    }

    /// The number of the layer's own stream of random draws: its number in the whole network.
    pub(crate) fn stream_of(&self, place: Place) -> u16 {
        u16::from(place.index).wrapping_add(self.below.into())
    }

    /// Dropout of a layer's units in samples from `first` on, where there is any.
    pub(crate) fn drop(&self, place: Place, draws: &Draws, first: u32, a: &mut [f32], slope: &mut [f32]) {
        if let Some(drop_units) = self.drop_units.0
            && let dropout @ 1.. = self.dropout[usize::from(place.index) % MAX_LAYERS]
        {
            drop_units(draws, (self.stream_of(place), first), dropout, place.shape.outputs(), a, slope);
        }
    }
}
