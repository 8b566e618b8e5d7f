//! Nonlinearities of units, and their slopes.

use crate::kernels;
use crate::math::Math;
use crate::network::link::Link;

/// A unit's nonlinearity `a = f(z)`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Activation {
    /// `a = z`.
    Identity,
    /// `a = max(z, 0)`.
    Relu,
    /// `a = z` above 0, `slope · z` below, with `slope >= 0`.
    LeakyRelu(f32),
    /// `a = tanh z`.
    Tanh,
    /// `a = 1 / (1 + e⁻ᶻ)`.
    Sigmoid,
}

/// `f` and `f'`, to which a description refers; the first argument is the slope below 0 of a leaky ReLU.
pub(crate) struct Curve {
    /// `z ← f(z)`.
    pub value: fn(f32, Math, &mut [f32]),
    /// `slope ← f'(z)`, which each of these has in terms of `a = f(z)`.
    pub slope: fn(f32, &[f32], &mut [f32]),
}

static RELU: Curve = Curve { value: |_, _, z| kernels::relu(z), slope: |_, a, slope| kernels::step(a, slope) };

static LEAKY_RELU: Curve = Curve {
    value: |below, _, z| z.iter_mut().for_each(|z| *z = if *z > 0.0 { *z } else { below * *z }),
    slope: |below, a, slope| a.iter().zip(slope).for_each(|(a, s)| *s = if *a > 0.0 { 1.0 } else { below }),
};

static TANH: Curve = Curve {
    value: |_, math, z| z.iter_mut().for_each(|z| *z = math.tanh(*z)),
    slope: |_, a, slope| a.iter().zip(slope).for_each(|(a, s)| *s = 1.0 - a * a),
};

static SIGMOID: Curve = Curve {
    value: |_, math, z| z.iter_mut().for_each(|z| *z = math.sigmoid(*z)),
    slope: |_, a, slope| a.iter().zip(slope).for_each(|(a, s)| *s = a * (1.0 - a)),
};

/// What a layer's units do to their pre-activations.
pub(crate) struct Nonlinearity {
    /// None for the identity.
    pub(super) curve: Option<&'static Curve>,
    /// A leaky ReLU's slope below 0.
    pub(super) below: f32,
    pub(super) math: Math,
}

impl Nonlinearity {
    /// `z ← f(z)`.
    pub(crate) fn apply(&self, z: &mut [f32]) {
        if let Some(curve) = self.curve {
            (curve.value)(self.below, self.math, z);
        }
    }

    /// `slope ← f'(z)`, from `a = f(z)`.
    pub(crate) fn slopes(&self, a: &[f32], slope: &mut [f32]) {
        match self.curve {
            Some(curve) => (curve.slope)(self.below, a, slope),
            None => slope.iter_mut().for_each(|s| *s = 1.0),
        }
    }
}

/// The functions of every activation that a network has.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Curves([Link<&'static Curve>; 4]);

impl Curves {
    pub(super) const NONE: Self = Self([Link(None); 4]);

    /// Links those of one more.
    pub(super) const fn link(&mut self, activation: Activation) {
        let [relu, leaky, tanh, sigmoid] = &mut self.0;
        match activation {
            Activation::Identity => {}
            Activation::Relu => *relu = Link(Some(&RELU)),
            Activation::LeakyRelu(_) => *leaky = Link(Some(&LEAKY_RELU)),
            Activation::Tanh => *tanh = Link(Some(&TANH)),
            Activation::Sigmoid => *sigmoid = Link(Some(&SIGMOID)),
        }
    }

    /// Those of an activation of this [code](Activation::code); none for the identity.
    pub(super) fn get(&self, code: u8) -> Option<&'static Curve> {
        self.0.get(usize::from(code).wrapping_sub(1)).and_then(|link| link.0)
    }
}

impl Activation {
    /// That of this [code](Self::code) and constant, the last one where there is none.
    pub(crate) const fn of(code: u8, slope: f32) -> Self {
        match code {
            0 => Self::Identity,
            1 => Self::Relu,
            2 => Self::LeakyRelu(slope),
            3 => Self::Tanh,
            _ => Self::Sigmoid,
        }
    }

    /// Its number and the bits of its constant, in a checkpoint and for a digest.
    pub(crate) const fn code(self) -> (u32, u32) {
        match self {
            Self::Identity => (0, 0),
            Self::Relu => (1, 0),
            Self::LeakyRelu(slope) => (2, slope.to_bits()),
            Self::Tanh => (3, 0),
            Self::Sigmoid => (4, 0),
        }
    }
}
