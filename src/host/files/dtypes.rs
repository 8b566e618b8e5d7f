//! The floats of other programs as those of this one.

use crate::host::prelude::*;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

/// The numbers that are converted, and what becomes of them.
pub(in crate::host) const CONVERTED: [(Dtype, &str); 3] = [
    (Dtype::F16, "the F16 numbers were converted to F32 without rounding"),
    (Dtype::BF16, "the BF16 numbers were converted to F32 without rounding"),
    (Dtype::F64, "the F64 numbers were rounded to F32"),
];

/// The floats of a tensor, each the nearest that there is, of two the even one.
/// An error are numbers that are no floats, or beyond what F32 holds.
pub(in crate::host) fn to_f32(name: &str, tensor: &TensorView<'_>) -> Result<Vec<f32>, String> {
    let data = tensor.data();
    let floats: Vec<f32> = match tensor.dtype() {
        Dtype::F32 => data.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect(),
        Dtype::F16 => data.as_chunks().0.iter().map(|&b| from_f16(u16::from_le_bytes(b))).collect(),
        Dtype::BF16 => data.as_chunks().0.iter().map(|&b| from_bf16(u16::from_le_bytes(b))).collect(),
        Dtype::F64 => {
            let numbers = data.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b));
            if let Some(large) = numbers.clone().find(|x| x.is_finite() && !(*x as f32).is_finite()) {
                return Err(format!("`{name}` contains {large:e}, which is too large for F32"));
            }
            numbers.map(|x| x as f32).collect()
        }
        other => return Err(format!("`{name}` has the type {other:?}, expected F32, F16, BF16 or F64")),
    };
    if floats.iter().all(|x| x.is_finite()) {
        Ok(floats)
    } else {
        Err(format!("`{name}` contains a number that is not finite"))
    }
}

/// IEEE 754 binary16: a sign, 5 bits of exponent with a bias of 15, 10 bits of fraction.
fn from_f16(half: u16) -> f32 {
    let (sign, exponent, fraction) = (u32::from(half >> 15) << 31, u32::from(half >> 10 & 31), u32::from(half & 1023));
    let magnitude = match exponent {
        0 => (fraction as f32 * 2.0_f32.powi(-24)).to_bits(),
        31 => 0x7f80_0000 | fraction << 13,
        _ => (exponent + 127 - 15) << 23 | fraction << 13,
    };
    f32::from_bits(sign | magnitude)
}

/// The upper half of an F32.
fn from_bf16(half: u16) -> f32 {
    f32::from_bits(u32::from(half) << 16)
}

#[cfg(test)]
mod tests;
