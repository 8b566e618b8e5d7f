//! What kernels take besides slices of floats.

use super::prefetch::prefetch;
use crate::slices::picked;

/// Rows of a set of bytes, picked by their index: element = byte · `scale`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByteRows<'a> {
    pub set: &'a [u8],
    pub width: usize,
    pub pick: &'a [u32],
    pub scale: f32,
}

impl<'a> ByteRows<'a> {
    /// Row `row` of the set.
    #[inline(always)]
    pub(crate) fn row(&self, row: u32) -> &'a [u8] {
        picked(self.set, self.width, row)
    }
}

/// Rows of a compressed set, picked by their index: row `i` of the set has `values[starts[i]..starts[i + 1]]`, each
/// times `scale`, at `positions`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CompressedRows<'a> {
    pub starts: &'a [u32],
    pub positions: &'a [u16],
    pub values: &'a [u8],
    pub pick: &'a [u32],
    pub scale: f32,
}

impl<'a> CompressedRows<'a> {
    /// Positions and values of row `row` of the set.
    #[inline(always)]
    pub(crate) fn row(&self, row: u32) -> (&'a [u16], &'a [u8]) {
        let range = range(self.starts, row as usize);
        (self.positions.get(range.clone()).unwrap_or(&[]), self.values.get(range).unwrap_or(&[]))
    }

    /// Positions and values of the `i`-th picked row; asks memory for one further on, since shuffled sets lie in no
    /// cache.
    #[inline(always)]
    pub(crate) fn picked(&self, i: usize) -> (&'a [u16], &'a [u8]) {
        const AHEAD: usize = 4;
        if let Some(&row) = self.pick.get(i.wrapping_add(AHEAD)) {
            let (positions, values) = self.row(row);
            prefetch(positions);
            prefetch(values);
        }
        self.pick.get(i).map_or((&[], &[]), |&row| self.row(row))
    }

    /// Elements that are not zero.
    pub(crate) fn count(&self) -> usize {
        self.pick.iter().fold(0, |n: usize, &row| n.wrapping_add(range(self.starts, row as usize).len()))
    }
}

/// Where list `i` begins and ends.
#[inline(always)]
pub(super) fn range(starts: &[u32], i: usize) -> core::ops::Range<usize> {
    let bound = |i: usize| starts.get(i).map_or(0, |&s| s as usize);
    bound(i)..bound(i.wrapping_add(1))
}

/// What an optimizer's element-wise loop needs of its settings in one step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sgd {
    pub rate: f32,
    /// Coupled weight decay `λ`.
    pub decay: f32,
    pub momentum: f32,
    pub nesterov: bool,
}

/// As [`Sgd`], for Adam; what every parameter needs comes first, as `cortex_m` loads it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Adam {
    pub beta1: f32,
    /// `1 − β₁`.
    pub gain1: f32,
    pub beta2: f32,
    /// `1 − β₂`.
    pub gain2: f32,
    /// `1 / √(1 − β₂ᵗ)`.
    pub correction: f32,
    pub epsilon: f32,
    /// `η / (1 − β₁ᵗ)`.
    pub rate: f32,
    /// Coupled weight decay `λ`, added to the gradient.
    pub decay: f32,
    /// Decoupled weight decay: weights shrink by `1 − ηλ`.
    pub shrink: f32,
}

/// As [`Sgd`], for schedule-free SGD.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScheduleFree {
    pub rate: f32,
    /// Coupled weight decay `λ`, at `y`.
    pub decay: f32,
    pub beta: f32,
    /// `c = γ²/Σγ²`.
    pub gain: f32,
}

/// What schedule-free AdamW needs besides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SecondMoment {
    pub beta2: f32,
    /// `1 − β₂`.
    pub gain2: f32,
    pub epsilon: f32,
}

/// First moments and velocities below this become zero: no subnormals in long runs, the same on every target.
pub(crate) const FIRST_MOMENT_FLOOR: f32 = 1e-20;
/// Second moments below this become zero.
pub(crate) const SECOND_MOMENT_FLOOR: f32 = 1e-30;
