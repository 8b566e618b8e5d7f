//! One dense layer, with its place among the parameters and the units.

use crate::activation::{Activation, Curve};
use crate::dropout::DropUnits;
use crate::kernels::cut;
use crate::link::Link;
use crate::math::Math;

/// Floats a unit that a norm has among the parameters: `γ, β`, running mean and variance.
const NORM_PARAMS: usize = 4;
/// Floats a unit that a norm needs in the workspace besides its normalised values: mean, variance, `1/√(σ² + ε)`, `∂L/∂γ`,
/// `∂L/∂β`.
pub(crate) const NORM_ROOM: usize = 5;

/// What a layer with a norm needs, linked where one is described.
///
/// Slices: `params` are those of the whole network, `norms` the workspace's part for all norms, `pooled` this layer's means
/// and sums of squared deviations.
pub(crate) struct Norm {
    /// `z ← γ(z − μ)/√(σ² + ε) + β` by the running statistics.
    pub predict: fn(&Layer, z: &mut [f32], params: &[f32]),
    /// The same by the statistics of the batch, which stay in `norms` with the normalised values.
    pub train: fn(&Layer, z: &mut [f32], params: &[f32], norms: &mut [f32]),
    /// `∂L/∂y` to `∂L/∂z`; leaves `∂L/∂γ` and `∂L/∂β` in `norms`. Returns a bound on both and on the batch's statistics,
    /// not finite where a number is not.
    pub backward: fn(&Layer, deltas: &mut [f32], params: &[f32], norms: &mut [f32]) -> f32,
    /// Moves running statistics towards those of a batch of so many samples; gives the parameters to learn and their
    /// gradient.
    pub follow: for<'a> fn(&Layer, params: &'a mut [f32], norms: &'a [f32], samples: usize) -> Learned<'a>,
    /// Adds the gradient of a batch of so many samples to the network's, and pools the statistics, in the places of the
    /// running ones, with those of so many samples before.
    pub accumulate: fn(&Layer, gradient: &mut [f32], norms: &[f32], samples: usize, before: u64),
    /// Moves running statistics towards those pooled of so many samples.
    pub follow_pooled: fn(&Layer, params: &mut [f32], pooled: &[f32], samples: u64),
    /// The largest statistic of a batch of so many samples, and of those pooled of so many.
    pub largest: fn(&Layer, norms: &[f32], samples: usize) -> f32,
    pub largest_pooled: fn(&Layer, pooled: &[f32], samples: u64) -> f32,
    /// Pools the statistics of a batch of so many samples with those of so many before.
    pub pool: fn(&Layer, pooled: &mut [f32], norms: &[f32], samples: usize, before: u64),
    /// Replaces running statistics by those pooled of so many samples.
    pub settle: fn(&Layer, params: &mut [f32], pooled: &[f32], samples: u64),
    /// Turns a copy of weights and bias into those of the same layer without a norm.
    pub fold: fn(&Layer, weights: &mut [f32], bias: &mut [f32], params: &[f32]),
}

/// Parameters to learn and their gradient.
type Learned<'a> = (&'a mut [f32], &'a [f32]);

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
    pub(crate) units_below: usize,
    /// Units of the normalised layers below.
    pub(crate) norms_below: usize,
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
        units_below: 0,
        norms_below: 0,
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
        self.offset + self.weight_len() + self.outputs()
    }

    /// What a norm has pooled in a network's gradient, where the running statistics stand among the parameters.
    pub(crate) fn pooled<'a>(&self, gradient: &'a [f32]) -> &'a [f32] {
        cut(cut(gradient, self.offset + self.learned_len()).1, 2 * self.outputs()).0
    }

    /// How many parameters are learned, from the offset on: all but the running statistics.
    pub(crate) fn learned_len(&self) -> usize {
        self.param_len() - self.norm_len() / 2
    }

    pub(crate) fn norm(&self) -> Option<&'static Norm> {
        self.norm.0
    }

    /// Where in the workspace's part for norms this layer's room for `samples` samples begins.
    pub(crate) fn norm_room(&self, samples: usize) -> usize {
        self.norms_below * (samples + NORM_ROOM)
    }

    /// Units of the layers below.
    pub(crate) const fn units_below(&self) -> usize {
        self.units_below
    }

    /// `z ← f(z)`.
    pub(crate) fn activate(&self, math: Math, z: &mut [f32]) {
        if let Some(curve) = self.curve.0 {
            (curve.value)(self.activation.below(), math, z);
        }
    }

    /// `slope ← f'(z)`, from `a = f(z)`.
    pub(crate) fn slopes(&self, a: &[f32], slope: &mut [f32]) {
        match self.curve.0 {
            Some(curve) => (curve.slope)(self.activation.below(), a, slope),
            None => slope.iter_mut().for_each(|s| *s = 1.0),
        }
    }

    pub(crate) fn drop_units(&self) -> Option<DropUnits> {
        self.drop_units.0
    }
}
