//! One dense layer, with its place among the parameters.

use crate::network::activation::Activation;
use crate::network::layout::{self, Part, Place, Split};
use crate::network::link::Link;
use core::ops::Range;

/// Floats a unit that a norm needs in the workspace besides its normalised values: mean, variance, `1/√(σ² + ε)`, `∂L/∂γ`,
/// `∂L/∂β`.
pub(crate) const NORM_ROOM: usize = 5;

/// What a layer with a norm needs, linked where one is described.
///
/// What begins with the layer's part comes back without it, or, as `norms`, is shortened in place: `norms` is the
/// workspace's part for norms, [`Layer::norm_room`] floats for each, `pooled` this layer's means and sums of squared
/// deviations.
pub(crate) struct Norm {
    /// `z ← γ(z − μ)/√(σ² + ε) + β` by the statistics of the batch, which stay in `norms` with the normalised values, or,
    /// where `norms` is empty, by the running ones in `params`, which begin with the norm's.
    pub forward: Forward,
    /// `∂L/∂y` to `∂L/∂z`; leaves `∂L/∂γ` and `∂L/∂β` in `norms`, whose last part is this layer's. Returns a bound on both
    /// and on the batch's statistics, not finite where a number is not. `params` are the network's.
    pub backward: fn(&Layer, deltas: &mut [f32], params: &[f32], norms: &mut &mut [f32]) -> f32,
    /// Moves running statistics in `norm`, the norm's parameters, towards those of the batch that `deltas` are of; hands
    /// what is learned to `update` with its place and its gradient.
    pub step: Step,
    /// Adds the gradient of a batch of so many samples to the network's, and pools the statistics, in the places of the
    /// running ones, with those of so many samples before.
    pub accumulate: Accumulate,
    /// The gradient of `γ`, then that of `β`, summed over a batch of so many samples.
    pub gradient: for<'n> fn(&Layer, norms: &mut &'n [f32], samples: usize) -> &'n [f32],
    /// Moves running statistics of the network's `params` towards those pooled of so many samples.
    pub follow_pooled: fn(&Layer, params: &mut [f32], pooled: &[f32], samples: u64),
    /// A bound on the statistics that [`pool`](Self::pool) or [`accumulate`](Self::accumulate) would leave; not finite
    /// where one is not.
    pub largest: fn(&Layer, pooled: &[f32], norms: &mut &[f32], samples: usize, before: u64) -> f32,
    /// Pools the statistics of a batch of so many samples with those of so many before.
    pub pool: fn(&Layer, pooled: &mut [f32], norms: &mut &[f32], samples: usize, before: u64),
    /// Replaces running statistics of the network's `params` by those pooled of so many samples.
    pub settle: fn(&Layer, params: &mut [f32], pooled: &[f32], samples: u64),
    /// Turns a copy of weights and bias into those of the same layer without a norm, by the network's `params`.
    pub fold: fn(&Layer, weights: &mut [f32], bias: &mut [f32], params: &[f32]),
}

type Forward = for<'p> fn(&Layer, z: &mut [f32], params: &'p [f32], norms: &mut &mut [f32]) -> &'p [f32];
type Step = fn(&Layer, norm: &mut [f32], norms: &mut &[f32], deltas: &[f32], Update<'_>);
type Accumulate =
    for<'g> fn(&Layer, gradient: &'g mut [f32], norms: &mut &[f32], samples: usize, before: u64) -> &'g mut [f32];

/// What learned parameters are moved by: their place among the parameters, they, their gradient.
pub(crate) type Update<'a> = &'a mut dyn FnMut(usize, &mut [f32], &[f32]);

/// One dense layer with its place in the parameters: weights `(inputs, outputs)` row-major, then the bias, then what a
/// [norm](crate::Spec::norm) has. A value of its own, worked out of a [`Spec`](crate::Spec) when it is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Layer {
    pub(super) place: Place,
    /// That of a leaky ReLU, below 0.
    pub(super) slope: f32,
    /// The probability of dropout in steps of 2⁻¹⁶.
    pub(super) dropout: u16,
    /// The activation's code.
    pub(super) kind: u8,
    pub(super) norm: Link<&'static Norm>,
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
        self.place.inputs as usize
    }

    /// Units.
    #[must_use]
    pub const fn outputs(&self) -> usize {
        self.place.outputs as usize
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
        self.place.is_normed
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

    /// Number of parameters, `(inputs + 1) · outputs`, and with a norm `4 · outputs` more.
    #[must_use]
    pub const fn param_len(&self) -> usize {
        self.place.len()
    }

    /// Number of a norm's parameters, behind the bias: `γ`, `β`, running mean and variance of each unit; 0 without one.
    #[must_use]
    pub const fn norm_len(&self) -> usize {
        self.place.normed().wrapping_mul(4)
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

    /// The places of what is learned: all parts but a norm's running statistics.
    pub(crate) const fn learned(&self) -> Range<usize> {
        self.offset()..self.range(Part::Shift).end
    }

    /// The places of a norm's running statistics, means before variances.
    pub(crate) const fn statistics(&self) -> Range<usize> {
        self.range(Part::Mean).start..self.range(Part::Variance).end
    }

    /// This layer's part of the network's `params`.
    #[inline(always)]
    pub(crate) fn split<'p>(&self, params: &'p [f32]) -> Split<&'p [f32]> {
        self.place.split(params)
    }

    /// [`split`](Self::split) to write to.
    #[inline(always)]
    pub(crate) fn split_mut<'p>(&self, params: &'p mut [f32]) -> Split<&'p mut [f32]> {
        self.place.split_mut(params)
    }

    /// Index of the first of a norm's parameters.
    pub(crate) fn norm_offset(&self) -> usize {
        self.range(Part::Scale).start
    }

    /// What a norm has pooled in a network's gradient, where the running statistics stand among the parameters.
    pub(crate) fn pooled<'a>(&self, gradient: &'a [f32]) -> &'a [f32] {
        layout::at(gradient, self.statistics())
    }

    /// How many parameters are learned, from the offset on: all but the running statistics.
    pub(crate) fn learned_len(&self) -> usize {
        self.learned().len()
    }

    /// The same without what its norm does.
    pub(crate) fn plain(&self) -> Self {
        Self { norm: Link(None), ..*self }
    }

    pub(crate) fn norm(&self) -> Option<&'static Norm> {
        self.norm.0
    }

    /// Floats of the workspace that a norm needs for `samples` samples.
    pub(crate) fn norm_room(&self, samples: usize) -> usize {
        samples.wrapping_add(NORM_ROOM).wrapping_mul(self.outputs())
    }
}
