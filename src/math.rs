//! Transcendental functions in plain Rust, so that every target computes the same bits.

/// Which implementation of `exp` and `tanh` a network uses; part of its description, since it decides bits.
///
/// Another crate in the same build may switch on the feature that brings one more, so that a `match` needs an arm for it:
///
/// ```compile_fail,E0004
/// match cygnet::network::Math::Libm {
///     cygnet::network::Math::Libm => {}
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Math {
    /// `libm`: errors below one unit in the last place.
    #[default]
    Libm,
    /// `micromath`: smaller and faster, with relative errors up to 5e-3; `exp` saturates at ±87.
    #[cfg(feature = "micromath")]
    Micromath,
}

impl Math {
    /// `eˣ`.
    pub(crate) fn exp(self, x: f32) -> f32 {
        match self {
            Self::Libm => libm::expf(x),
            // Beyond these its exponent overflows.
            #[cfg(feature = "micromath")]
            Self::Micromath => micromath::F32Ext::exp(x.clamp(-87.0, 87.0)),
        }
    }

    /// Hyperbolic tangent.
    pub(crate) fn tanh(self, x: f32) -> f32 {
        match self {
            Self::Libm => libm::tanhf(x),
            #[cfg(feature = "micromath")]
            Self::Micromath => 1.0 - 2.0 / (self.exp(2.0 * x) + 1.0),
        }
    }

    /// Logistic function `1 / (1 + e⁻ˣ)`.
    pub(crate) fn sigmoid(self, x: f32) -> f32 {
        1.0 / (1.0 + self.exp(-x))
    }
}

/// Natural logarithm; from `libm` whatever the network says, since micromath's is off by up to 0.12.
pub(crate) fn ln(x: f32) -> f32 {
    libm::logf(x)
}

/// `ln(1 + x)`.
pub(crate) fn ln_1p(x: f32) -> f32 {
    libm::log1pf(x)
}

/// `eˣ − 1`.
pub(crate) fn exp_m1(x: f32) -> f32 {
    libm::expm1f(x)
}

/// `cos x`.
pub(crate) fn cos(x: f32) -> f32 {
    libm::cosf(x)
}

/// `sin x`.
#[cfg(feature = "std")]
pub(crate) fn sin(x: f32) -> f32 {
    libm::sinf(x)
}

/// `1 − (1 − ε)ⁿ` without cancellation: with `c(n) = 1 − (1 − ε)ⁿ`, `c(a + b) = c(a) + c(b)·(1 − c(a))`, by repeated
/// doubling.
pub(crate) fn one_minus_power(epsilon: f32, mut n: u64) -> f32 {
    let (mut result, mut doubled) = (0.0_f32, epsilon);
    while n > 0 {
        if n & 1 == 1 {
            result += doubled * (1.0 - result);
        }
        doubled += doubled * (1.0 - doubled);
        n >>= 1;
    }
    result
}

/// `xⁿ` by repeated squaring.
pub(crate) fn power(mut x: f32, mut n: u64) -> f32 {
    let mut result = 1.0;
    while n > 0 {
        if n & 1 == 1 {
            result *= x;
        }
        x *= x;
        n >>= 1;
    }
    result
}

/// A sum of positive numbers in two floats, so that small ones still count after many (Knuth's two-sum).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(crate) struct Total {
    high: f32,
    low: f32,
}

impl Total {
    pub(crate) const NONE: Self = Self { high: 0.0, low: 0.0 };

    /// A count, exact up to 2⁴⁸.
    pub(crate) fn of(count: u64) -> Self {
        let high = count as f32;
        let rounded = high as u64;
        let low = if rounded > count { -((rounded - count) as f32) } else { (count - rounded) as f32 };
        Self { high, low }
    }

    pub(crate) fn parts(self) -> (f32, f32) {
        (self.high, self.low)
    }

    /// The sum of these parts, if additions can leave them: finite, not negative, and `low` less than `high` tells apart.
    pub(crate) fn from_parts(high: f32, low: f32) -> Option<Self> {
        let is_negative_zero = |x: f32| x.to_bits() == (-0.0_f32).to_bits();
        let is_possible = high.is_finite() && high >= 0.0 && high + low == high;
        (is_possible && ![high, low].into_iter().any(is_negative_zero)).then_some(Self { high, low })
    }

    /// Both parts in one number, as [`from_bits`](Self::from_bits) takes them.
    pub(crate) fn to_bits(self) -> u64 {
        u64::from(self.high.to_bits()) << 32 | u64::from(self.low.to_bits())
    }

    pub(crate) fn from_bits(bits: u64) -> Self {
        Self { high: f32::from_bits((bits >> 32) as u32), low: f32::from_bits(bits as u32) }
    }

    pub(crate) fn value(self) -> f32 {
        self.high + self.low
    }

    pub(crate) fn add(self, term: f32) -> Self {
        let sum = self.high + term;
        let kept = sum - self.high;
        let low = self.low + ((self.high - (sum - kept)) + (term - kept));
        let high = sum + low;
        Self { high, low: low - (high - sum) }
    }

    pub(crate) fn join(self, other: Self) -> Self {
        self.add(other.high).add(other.low)
    }
}

impl From<f32> for Total {
    fn from(high: f32) -> Self {
        Self { high, low: 0.0 }
    }
}

#[cfg(test)]
mod tests;
