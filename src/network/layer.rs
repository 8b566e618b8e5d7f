//! One dense layer, with its place among the parameters.

use crate::network::activation::Activation;
use crate::network::layout::{Part, Place};
use core::ops::Range;

/// One dense layer with its place in the parameters: weights `(inputs, outputs)` row-major, then the bias, then what a
/// [norm](crate::Spec::norm) has. A value of its own, worked out of a [`Spec`](crate::Spec) when it is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Layer {
    pub(crate) place: Place,
    /// That of a leaky ReLU, below 0.
    pub(super) slope: f32,
    /// The probability of dropout in steps of 2⁻¹⁶.
    pub(super) dropout: u16,
    /// The activation's code.
    pub(super) kind: u8,
}

impl Layer {
    /// Position in the network, from 0.
    #[must_use]
    pub const fn index(&self) -> usize {
        self.place.index as usize
    }

    /// Width of what comes in.
    #[must_use]
    pub const fn inputs(&self) -> usize {
        self.place.shape.inputs()
    }

    /// Units.
    #[must_use]
    pub const fn outputs(&self) -> usize {
        self.place.shape.outputs()
    }

    /// The units' nonlinearity.
    #[must_use]
    pub const fn activation(&self) -> Activation {
        Activation::of(self.kind, self.slope)
    }

    /// Probability that training drops a unit of this layer.
    #[must_use]
    pub const fn dropout(&self) -> f32 {
        self.dropout as f32 / 65_536.0
    }

    /// Whether its pre-activations are normalised.
    #[must_use]
    pub const fn is_normed(&self) -> bool {
        self.place.is_normed()
    }

    /// Index of the first weight in the parameters.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.place.offset
    }

    /// Number of weights, `inputs · outputs`.
    #[must_use]
    pub const fn weight_len(&self) -> usize {
        self.place.weights()
    }

    /// Number of parameters, `(inputs + 1) · outputs`, and with a norm [`norm_len`](Self::norm_len) more.
    #[must_use]
    pub const fn param_len(&self) -> usize {
        self.place.len()
    }

    /// Number of a norm's parameters, behind the bias: `γ` and `β` of each unit, and of a batch norm running mean and
    /// variance; 0 without one.
    #[must_use]
    pub const fn norm_len(&self) -> usize {
        self.place.norm_len()
    }

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
        self.place.range(part)
    }

    /// The places of a norm's running statistics, means before variances.
    #[cfg(feature = "std")]
    pub(crate) const fn statistics(&self) -> Range<usize> {
        self.place.statistics()
    }
}
