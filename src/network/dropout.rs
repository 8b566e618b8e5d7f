//! Dropout (Srivastava et al. 2014), inverted: kept units are scaled while training, so that prediction needs nothing.

use crate::random::Masks;
use crate::slices::{cut_mut, numbered, rows_mut};

/// Where a step's draws come from: each unit is dropped by one of its own, drawn by layer, sample and place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draws {
    pub seed: u64,
    pub step: u64,
}

/// What [`drop_units`] is, to which a description refers.
pub(crate) type DropUnits = fn(&Draws, (u16, u32), u16, usize, &mut [f32], &mut [f32]);

/// Kept units of rows of `width` and their slopes times `1/(1 − p)`, the others, with probability `p` in steps of 2⁻¹⁶, 0;
/// `first` is the sample of the first row.
pub(crate) fn drop_units(
    draws: &Draws,
    (layer, first): (u16, u32),
    p: u16,
    width: usize,
    a: &mut [f32],
    slope: &mut [f32],
) {
    let kept = 65_536 - u32::from(p);
    let gain = 65_536.0 / kept as f32;
    let masks = Masks::new(draws.seed, draws.step);
    let samples = rows_mut(a, width).zip(rows_mut(slope, width));
    for (sample, (a, slope)) in numbered(first as usize, samples) {
        for (block, (a, slope)) in numbered(0, blocks(a).zip(blocks(slope))) {
            let draws = masks.block(layer, sample as u32, block as u16);
            for ((a, slope), draw) in a.iter_mut().zip(slope).zip(draws) {
                let factor = if u32::from(draw) < kept { gain } else { 0.0 };
                *a *= factor;
                *slope *= factor;
            }
        }
    }
}

/// `slice` in pieces of 8, the last one shorter: `chunks_mut` without its panic.
fn blocks(mut slice: &mut [f32]) -> impl Iterator<Item = &mut [f32]> {
    core::iter::from_fn(move || {
        let (block, rest) = cut_mut(core::mem::take(&mut slice), 8);
        slice = rest;
        (!block.is_empty()).then_some(block)
    })
}
