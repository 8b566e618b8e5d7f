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

/// `f` and `f'`, for a description to bring along; the first argument is the activation whose they are.
pub(crate) struct Curve {
    /// `z ← f(z)`.
    pub value: fn(Activation, Math, &mut [f32]),
    /// `slope ← f'(z)`, which each of these has in terms of `a = f(z)`.
    pub slope: fn(Activation, &[f32], &mut [f32]),
}

static RELU: Curve = Curve { value: |_, _, z| kernels::relu(z), slope: |_, a, slope| kernels::step(a, slope) };

static LEAKY_RELU: Curve = Curve {
    value: |leaky, _, z| {
        let below = leaky.below();
        z.iter_mut().for_each(|z| *z = if *z > 0.0 { *z } else { below * *z });
    },
    slope: |leaky, a, slope| {
        let below = leaky.below();
        a.iter().zip(slope).for_each(|(a, s)| *s = if *a > 0.0 { 1.0 } else { below });
    },
};

static TANH: Curve = Curve {
    value: |_, math, z| z.iter_mut().for_each(|z| *z = math.tanh(*z)),
    slope: |_, a, slope| a.iter().zip(slope).for_each(|(a, s)| *s = 1.0 - a * a),
};

static SIGMOID: Curve = Curve {
    value: |_, math, z| z.iter_mut().for_each(|z| *z = math.sigmoid(*z)),
    slope: |_, a, slope| a.iter().zip(slope).for_each(|(a, s)| *s = a * (1.0 - a)),
};

impl Activation {
    /// The functions to link; none for the identity.
    pub(crate) const fn curve(self) -> Link<&'static Curve> {
        Link(match self {
            Self::Identity => None,
            Self::Relu => Some(&RELU),
            Self::LeakyRelu(_) => Some(&LEAKY_RELU),
            Self::Tanh => Some(&TANH),
            Self::Sigmoid => Some(&SIGMOID),
        })
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

    /// A leaky ReLU's slope below 0; 0 of the others.
    fn below(self) -> f32 {
        if let Self::LeakyRelu(slope) = self { slope } else { 0.0 }
    }
}
