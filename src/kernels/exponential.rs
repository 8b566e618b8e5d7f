//! `eˣ` without a branch, so that it is computed for a register at a time: the algorithm and hence the bits of `libm`'s
//! `expf` (FreeBSD's `e_expf.c`), which `.ci/run` compares for every float.

use super::inner;
use crate::slices::padded;

/// `2⁻¹³`: up to here `1 + x` is the result.
const LINEAR: f32 = 1.220_703_1e-4;
const HALF_LN2: f32 = f32::from_bits(0x3eb1_7218);
const THREE_HALVES_LN2: f32 = f32::from_bits(0x3f85_1592);
/// `ln 2` in two parts, of which the first has so few digits that its multiples are exact.
const LN2: [f32; 2] = [6.931_457_5e-1, 1.428_606_8e-6];
/// `r·(eʳ + 1)/(eʳ − 1) ≈ 2 + r²·(P₀ + r²·P₁)` for `|r| <= ln 2 / 2`, to 2⁻²⁷·⁷⁴.
const P: [f32; 2] = [1.666_662_5e-1, -2.766_733_3e-3];
/// The least argument whose result is infinite, the greatest whose result is zero.
const LIMITS: [f32; 2] = [88.722_84, -103.972_084];

/// `x ← eˣ`, element by element.
#[inline(always)]
pub(super) fn exp<const L: usize>(x: &mut [f32]) {
    // Without vectors branches are the faster way.
    if inner::TILES {
        return x.iter_mut().for_each(|x| *x = exp_alone(*x));
    }
    let (groups, tail) = x.as_chunks_mut::<8>();
    for group in groups {
        exp_eight(group);
    }
    if !tail.is_empty() {
        let mut group = padded(tail);
        exp_eight(&mut group);
        tail.iter_mut().zip(group).for_each(|(x, y)| *x = y);
    }
}

#[inline(always)]
fn exp_eight(group: &mut [f32; 8]) {
    for x in group {
        *x = exp_one(*x);
    }
}

#[inline(always)]
fn exp_one(x: f32) -> f32 {
    let magnitude = x.abs();
    let within = if magnitude > 104.0 { 104.0 } else { magnitude };
    let whole = truncated(core::f32::consts::LOG2_E * within + 0.5);
    let whole = if magnitude > THREE_HALVES_LN2 { whole } else { 1.0 };
    let whole = if magnitude > HALF_LN2 { whole } else { 0.0 };
    let whole = if x < 0.0 { -whole } else { whole };
    let y = exp_of_parts(x, whole, ((whole + SHIFT).to_bits() as i32).wrapping_sub(SHIFT.to_bits() as i32));
    let y = if magnitude > LINEAR { y } else { 1.0 + x };
    let y = if x >= LIMITS[0] { f32::INFINITY } else { y };
    if x <= LIMITS[1] { 0.0 } else { y }
}

/// [`exp_one`] with branches.
pub(super) fn exp_alone(x: f32) -> f32 {
    let magnitude = x.abs();
    if magnitude <= LINEAR {
        return 1.0 + x;
    }
    if x >= LIMITS[0] {
        return f32::INFINITY;
    }
    if x <= LIMITS[1] {
        return 0.0;
    }
    let whole = if magnitude > THREE_HALVES_LN2 {
        (core::f32::consts::LOG2_E * x + 0.5_f32.copysign(x)) as i32
    } else if magnitude > HALF_LN2 {
        1.0_f32.copysign(x) as i32
    } else {
        0
    };
    exp_of_parts(x, whole as f32, whole)
}

/// `x = k·ln 2 + r`, `eˣ = 2ᵏ·eʳ`, where `k` is `whole`.
#[inline(always)]
fn exp_of_parts(x: f32, whole: f32, k: i32) -> f32 {
    let (high, low) = (x - whole * LN2[0], whole * LN2[1]);
    let r = high - low;
    let square = r * r;
    let c = r - square * (P[0] + square * P[1]);
    let y = 1.0 + (r * c / (2.0 - c) - low + high);
    // In two steps, of which the first is exact and the second may round to a subnormal.
    let half = k >> 1;
    y * power_of_two(half) * power_of_two(k.wrapping_sub(half))
}

/// Added to a small number, it leaves the nearest integer in the last bits. (`as i32` would not be vectorised.)
const SHIFT: f32 = 12_582_912.0;

/// The integer part of `0 <= x < 2²²`.
#[inline(always)]
fn truncated(x: f32) -> f32 {
    let nearest = (x + SHIFT) - SHIFT;
    if nearest > x { nearest - 1.0 } else { nearest }
}

/// `2ᵏ` for `|k| <= 75`.
#[inline(always)]
fn power_of_two(k: i32) -> f32 {
    f32::from_bits((k.wrapping_add(127) as u32) << 23)
}
