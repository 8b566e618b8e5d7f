//! Which parameters decay: weights, while biases and what norms learn may be left out.

use crate::network::layout::{Layout, Part};
use crate::slices::{cut, cut_mut};

/// Whether a piece decays, its offset, the piece, its gradient.
pub(super) type Each<'a> = dyn FnMut(bool, usize, &mut [f32], &[f32]) + 'a;

/// Cuts parameters from `offset` on, and their gradient `x·dᵀ`, into pieces that are weights throughout or not at all, and
/// gives them to `each`. Where `x` is more than one number, all are weights of one layer.
pub(super) fn in_pieces(
    layout: &Layout,
    offset: usize,
    params: &mut [f32],
    (x, d): (&[f32], &[f32]),
    each: &mut Each<'_>,
) {
    let (mut offset, mut params, mut d) = (offset, params, d);
    while !params.is_empty() {
        let (n, decays) = run(layout, offset);
        let (piece, rest) = cut_mut(params, n);
        let (gradient, after) = if x.len() == 1 { cut(d, n) } else { (d, d) };
        each(decays, offset, piece, gradient);
        (offset, params, d) = (offset.wrapping_add(n), rest, after);
    }
}

/// How many parameters from `offset` on are all weights, or all no weights; and whether they are weights.
fn run(layout: &Layout, offset: usize) -> (usize, bool) {
    for place in layout.places(0) {
        for (end, decays) in [(place.range(Part::Bias).start, true), (place.range(Part::Variance).end, false)] {
            if offset < end {
                return (end.wrapping_sub(offset), decays);
            }
        }
    }
    (usize::MAX, false)
}
