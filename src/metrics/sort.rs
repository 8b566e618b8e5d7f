//! Scores in descending order, in place: heapsort (Williams 1964, Floyd's way of building the heap).
//!
//! A sort of its own, since `core`'s keeps a path to a panic, for orders that are none.

use core::mem;

/// A sample's score for one class: a probability, or any output that is larger where the class is more likely.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClassScore {
    /// The score, finite.
    pub score: f32,
    /// Whether the sample is of the class.
    pub is_positive: bool,
}

/// Sorts by score, the largest first, in `O(n log n)` and without a recursion.
pub(super) fn sort_descending(scores: &mut [ClassScore]) {
    for at in (0..scores.len() / 2).rev() {
        if let Some(&moved) = scores.get(at) {
            sift(scores, at, moved);
        }
    }
    // A heap of the least first, which goes behind the others.
    let mut rest = scores;
    while let Some((last, heap)) = mem::take(&mut rest).split_last_mut() {
        if let Some(&least) = heap.first() {
            sift(heap, 0, mem::replace(last, least));
        }
        rest = heap;
    }
}

/// Lets `moved` sink from the empty place `at` to where both below are no smaller.
fn sift(heap: &mut [ClassScore], mut at: usize, moved: ClassScore) {
    loop {
        let mut below = at.wrapping_mul(2).wrapping_add(1);
        let Some(&left) = heap.get(below) else { break };
        let mut least = left;
        if let Some(&right) = heap.get(below.wrapping_add(1))
            && right.score < left.score
        {
            (below, least) = (below.wrapping_add(1), right);
        }
        if least.score >= moved.score {
            break;
        }
        put(heap, at, least);
        at = below;
    }
    put(heap, at, moved);
}

fn put(heap: &mut [ClassScore], at: usize, score: ClassScore) {
    if let Some(place) = heap.get_mut(at) {
        *place = score;
    }
}
