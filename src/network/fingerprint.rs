//! A number that tells one set of transcendental functions from another.

use crate::math::{self, Math};
use crate::network::loss::exp;
use core::hint::black_box;

/// Each also with the other sign. Most lie beside a place where an implementation goes another way, or far from any; the
/// results at ±87.5, ±95 and ±103 are subnormal, or infinite.
const POINTS: [f32; 20] = [
    1e-40,
    2.3e-38,
    5.9e-8,
    1.2e-4,
    0.1,
    0.25,
    0.346_5,
    0.414_1,
    0.549_2,
    core::f32::consts::FRAC_1_SQRT_2,
    core::f32::consts::FRAC_PI_4,
    1.039_8,
    2.356_3,
    core::f32::consts::PI,
    9.99,
    18.71,
    87.5,
    95.0,
    103.0,
    1e6,
];

impl Math {
    /// A number that names the bits of all functions that a network with this `Math` and its training use: `exp`, `tanh`,
    /// the logistic function, `ln`, `ln_1p`, `exp_m1` and `cos` at 40 points each, a few 10,000 cycles on a Cortex-M4F.
    ///
    /// Two builds with the same number may exchange checkpoints and go on with the same bits. With another one a dependency
    /// has changed a function, or the processor flushes subnormal numbers to zero: better stop at once than drift apart.
    ///
    /// ```
    /// // At start-up: what the desktop has that the chip goes on from.
    /// assert_eq!(cygnet::network::Math::Libm.fingerprint(), 0xabb2_6fff);
    /// ```
    #[must_use]
    pub fn fingerprint(self) -> u32 {
        let mut hash = 0_u32;
        for point in POINTS {
            for x in [point, -point] {
                // Computed here and now, not by the compiler.
                let x = black_box(x);
                let mut many = [x; 8];
                exp(self, &mut many);
                let [in_group, ..] = many;
                let of_all = [
                    in_group,
                    self.exp(x),
                    self.tanh(x),
                    self.sigmoid(x),
                    math::ln(x.abs()),
                    math::ln_1p(x.abs()),
                    math::exp_m1(x),
                    math::cos(x),
                ];
                for result in of_all {
                    // One that differs changes every hash to come.
                    hash = (hash.rotate_left(5) ^ result.to_bits()).wrapping_mul(0x9e37_79b9);
                }
            }
        }
        hash
    }
}

#[cfg(test)]
mod tests;
