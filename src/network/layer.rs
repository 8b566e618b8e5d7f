//! One dense layer, with its place among the parameters.

use crate::math::Math;
use crate::network::activation::{Activation, Curve};
use crate::network::dropout::{Draws, DropUnits};
use crate::network::link::Link;
use crate::network::part::{self, Part};

/// Floats a unit that a norm has among the parameters: `γ, β`, running mean and variance.
const NORM_PARAMS: usize = 4;
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
/// [norm](crate::Spec::norm) has.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Layer {
    pub(crate) index: u8,
    pub(crate) inputs: u16,
    pub(crate) outputs: u16,
    /// The probability of dropout in steps of 2⁻¹⁶.
    pub(crate) dropout: u16,
    pub(crate) drop_units: Link<DropUnits>,
    pub(crate) activation: Activation,
    pub(crate) curve: Link<&'static Curve>,
    pub(crate) norm: Link<&'static Norm>,
    pub(crate) offset: usize,
}

impl Layer {
    pub(crate) const NONE: Self = Self {
        index: 0,
        inputs: 0,
        outputs: 0,
        dropout: 0,
        drop_units: Link(None),
        activation: Activation::Identity,
        curve: Link(None),
        norm: Link(None),
        offset: 0,
    };

    /// Position in the network, from 0.
    #[must_use]
    pub const fn index(&self) -> usize {
        self.index as usize
    }

    /// Width of what comes in.
    #[must_use]
    pub const fn inputs(&self) -> usize {
        self.inputs as usize
    }

    /// Units.
    #[must_use]
    pub const fn outputs(&self) -> usize {
        self.outputs as usize
    }

    /// The units' nonlinearity.
    #[must_use]
    pub const fn activation(&self) -> Activation {
        self.activation
    }

    /// Probability that training drops a unit of this layer.
    #[must_use]
    pub const fn dropout(&self) -> f32 {
        self.dropout as f32 / 65_536.0
    }

    /// Index of the first weight in the parameters.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Number of weights, `inputs · outputs`.
    #[must_use]
    pub const fn weight_len(&self) -> usize {
        self.inputs().saturating_mul(self.outputs())
    }

    /// Number of parameters, `(inputs + 1) · outputs`, and with a norm `4 · outputs` more.
    #[must_use]
    pub const fn param_len(&self) -> usize {
        self.weight_len().saturating_add(self.outputs()).saturating_add(self.norm_len())
    }

    /// Whether its pre-activations are normalised.
    #[must_use]
    pub const fn is_normed(&self) -> bool {
        self.norm.0.is_some()
    }

    /// Number of a norm's parameters, behind the bias: `γ`, `β`, running mean and variance of each unit; 0 without one.
    #[must_use]
    pub const fn norm_len(&self) -> usize {
        if self.is_normed() { self.outputs().saturating_mul(NORM_PARAMS) } else { 0 }
    }

    /// Index of the first of a norm's parameters.
    pub(crate) fn norm_offset(&self) -> usize {
        self.range(Part::Scale).start
    }

    /// What a norm has pooled in a network's gradient, where the running statistics stand among the parameters.
    pub(crate) fn pooled<'a>(&self, gradient: &'a [f32]) -> &'a [f32] {
        part::at(gradient, self.statistics())
    }

    /// How many parameters are learned, from the offset on: all but the running statistics.
    pub(crate) fn learned_len(&self) -> usize {
        self.learned().len()
    }

    pub(crate) fn norm(&self) -> Option<&'static Norm> {
        self.norm.0
    }

    /// Floats of the workspace that a norm needs for `samples` samples.
    pub(crate) fn norm_room(&self, samples: usize) -> usize {
        samples.wrapping_add(NORM_ROOM).wrapping_mul(self.outputs())
    }

    /// `z ← f(z)`.
    pub(crate) fn activate(&self, math: Math, z: &mut [f32]) {
        if let Some(curve) = self.curve.0 {
            (curve.value)(self.activation, math, z);
        }
    }

    /// `slope ← f'(z)`, from `a = f(z)`.
    pub(crate) fn slopes(&self, a: &[f32], slope: &mut [f32]) {
        match self.curve.0 {
            Some(curve) => (curve.slope)(self.activation, a, slope),
            None => slope.iter_mut().for_each(|s| *s = 1.0),
        }
    }

    /// Dropout of this layer's units in samples from `first` on, where there is any.
    pub(crate) fn drop(&self, draws: &Draws, first: u32, a: &mut [f32], slope: &mut [f32]) {
        if let Some(drop_units) = self.drop_units.0 {
            drop_units(draws, (self.index.into(), first), self.dropout, self.outputs(), a, slope);
        }
    }
}
