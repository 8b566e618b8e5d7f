//! A description layer by layer.

use crate::network::dropout::Draws;
use crate::network::layer::Layer;
use crate::network::layout::{MAX_LAYERS, Part, Place};
use crate::network::link::Link;
use crate::network::spec::Spec;
use core::ops::Range;

impl Spec {
    /// Layer `index`, from 0, or `None` after the last.
    #[must_use]
    pub const fn layer(&self, index: usize) -> Option<Layer> {
        if index < self.depth() { Some(self.layer_at(self.layout.find(index))) } else { None }
    }

    /// The layers in flow order.
    #[inline(always)]
    pub fn layers(&self) -> impl ExactSizeIterator<Item = Layer> + DoubleEndedIterator + Clone {
        self.layout.places(self.params).map(|place| self.layer_at(place))
    }

    #[inline(always)]
    const fn layer_at(&self, place: Place) -> Layer {
        let at = place.index as usize % MAX_LAYERS;
        let norm = if place.is_normed { self.norm } else { Link(None) };
        Layer { place, slope: self.slopes[at], dropout: self.dropout[at], kind: self.kinds[at], norm }
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

    /// `z ← f(z)`.
    pub(crate) fn activate(&self, layer: &Layer, z: &mut [f32]) {
        if let Some(curve) = self.curves.get(layer.kind) {
            (curve.value)(layer.slope, self.math_kind(), z);
        }
    }

    /// `slope ← f'(z)`, from `a = f(z)`.
    pub(crate) fn slopes(&self, layer: &Layer, a: &[f32], slope: &mut [f32]) {
        match self.curves.get(layer.kind) {
            Some(curve) => (curve.slope)(layer.slope, a, slope),
            None => slope.iter_mut().for_each(|s| *s = 1.0),
        }
    }

    /// Dropout of a layer's units in samples from `first` on, where there is any.
    pub(crate) fn drop(&self, layer: &Layer, draws: &Draws, first: u32, a: &mut [f32], slope: &mut [f32]) {
        if let (1.., Some(drop_units)) = (layer.dropout, self.drop_units.0) {
            drop_units(draws, (layer.place.index.into(), first), layer.dropout, layer.outputs(), a, slope);
        }
    }
}
