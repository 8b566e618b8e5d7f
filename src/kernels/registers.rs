//! What the loops are made of: sums in registers, and how lanes are combined.

use super::copy;
use crate::slices::rows_mut;

/// Registers in the main tile: eight running sums a lane hide the latency of an addition; a Cortex-M4F has 32 single
/// ones in all, of which sixteen may be sums.
pub(super) const TILE: usize = if cfg!(target_arch = "arm") { 4 } else { 8 };

/// `acc ← acc + c·row` in one register: made anew as a whole, since element-wise updates may stay in memory.
#[inline(always)]
pub(super) fn add_scaled<const L: usize>(acc: &mut [f32; L], c: f32, row: &[f32; L]) {
    if cfg!(target_arch = "arm") {
        // On a Cortex-M0 the closure below can stay a call, with a check of `l` that panics.
        let mut sums = [0.0; L];
        for l in 0..L {
            sums[l] = acc[l] + c * row[l];
        }
        *acc = sums;
    } else {
        *acc = core::array::from_fn(|l| acc[l] + c * row[l]);
    }
}

/// Every row of `z` becomes `bias`: where its sums begin.
#[inline(always)]
pub(super) fn start_rows(z: &mut [f32], bias: &[f32]) {
    for z in rows_mut(z, bias.len()) {
        copy(z, bias);
    }
}

/// Combines the eight lanes: `((l0+l4)+(l2+l6)) + ((l1+l5)+(l3+l7))`.
#[inline(always)]
pub(crate) fn tree(l: [f32; 8]) -> f32 {
    let h = [l[0] + l[4], l[1] + l[5], l[2] + l[6], l[3] + l[7]];
    (h[0] + h[2]) + (h[1] + h[3])
}
