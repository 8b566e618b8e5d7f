//! One dense layer, with its place among the parameters.

use crate::math::Math;
use crate::network::activation::{Activation, Curve};
use crate::network::dropout::{Draws, DropUnits};
use crate::network::link::Link;
use crate::network::norm::{self, Norm};

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
        if self.is_normed() { self.outputs().saturating_mul(norm::PARAMS) } else { 0 }
    }

    pub(crate) fn norm(&self) -> Option<&'static Norm> {
        self.norm.0
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
