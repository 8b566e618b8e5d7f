//! Nonlinearities of units, and their slopes.

use crate::link::Link;
use crate::math::Math;

/// A unit's nonlinearity `a = f(z)`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
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

/// `f` and `f'` of an activation that needs functions of its own.
pub(crate) struct Curve {
    /// `z ← f(z)`.
    value: fn(Math, &mut [f32]),
    /// `slope ← f'(z)`, which each of these has in terms of `a = f(z)`.
    slope: fn(&[f32], &mut [f32]),
}

static TANH: Curve = Curve {
    value: |math, z| z.iter_mut().for_each(|z| *z = math.tanh(*z)),
    slope: |a, slope| a.iter().zip(slope).for_each(|(a, s)| *s = 1.0 - a * a),
};

static SIGMOID: Curve = Curve {
    value: |math, z| z.iter_mut().for_each(|z| *z = math.sigmoid(*z)),
    slope: |a, slope| a.iter().zip(slope).for_each(|(a, s)| *s = a * (1.0 - a)),
};

impl Activation {
    /// The functions to link.
    pub(crate) const fn curve(self) -> Link<&'static Curve> {
        Link(match self {
            Self::Tanh => Some(&TANH),
            Self::Sigmoid => Some(&SIGMOID),
            Self::Identity | Self::Relu | Self::LeakyRelu(_) => None,
        })
    }

    /// `z ← f(z)`.
    pub(crate) fn apply(self, curve: Link<&'static Curve>, math: Math, z: &mut [f32]) {
        match self {
            Self::Identity => {}
            // A NaN stays one, for the loss to show.
            Self::Relu => z.iter_mut().for_each(|z| *z = if *z < 0.0 { 0.0 } else { *z }),
            Self::LeakyRelu(slope) => z.iter_mut().for_each(|z| *z = if *z > 0.0 { *z } else { slope * *z }),
            Self::Tanh | Self::Sigmoid => {
                if let Some(curve) = curve.0 {
                    (curve.value)(math, z);
                }
            }
        }
    }

    /// `slope ← f'(z)`, from `a = f(z)`.
    pub(crate) fn slopes(self, curve: Link<&'static Curve>, a: &[f32], slope: &mut [f32]) {
        let pairs = a.iter().zip(&mut *slope);
        match self {
            Self::Identity => pairs.for_each(|(_, s)| *s = 1.0),
            Self::Relu => pairs.for_each(|(a, s)| *s = if *a > 0.0 { 1.0 } else { 0.0 }),
            Self::LeakyRelu(below) => pairs.for_each(|(a, s)| *s = if *a > 0.0 { 1.0 } else { below }),
            Self::Tanh | Self::Sigmoid => {
                if let Some(curve) = curve.0 {
                    (curve.slope)(a, slope);
                }
            }
        }
    }
}
