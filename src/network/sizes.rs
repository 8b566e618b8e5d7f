//! The sizes of all that a network needs.

use crate::kernels;
use crate::network::norm;
use crate::network::spec::Spec;

/// Rows of a gradient that a workspace with lists computes at once, enough to pay for a copy of the deltas' columns, and
/// the floats they take at least.
const BLOCK_ROWS: usize = 64;
const BLOCK_FLOATS: usize = 4096;

impl Spec {
    /// Parameters: `P = Σ_l (inputs_l + 1) · outputs_l` floats, and `4 · outputs_l` for each layer with a
    /// batch norm, `2 · outputs_l` for each with a layer norm; `usize::MAX` for a wrong description.
    #[must_use]
    pub const fn param_len(&self) -> usize {
        if self.fault().is_some() { usize::MAX } else { self.params }
    }

    /// Statistics of norms: `2 · outputs` floats for each layer with a batch norm, to pool them in
    /// ([`NormUpdate`](crate::average::NormUpdate)), none for a layer norm; `usize::MAX` for a wrong description.
    #[must_use]
    pub const fn norm_len(&self) -> usize {
        if self.fault().is_some() {
            usize::MAX
        } else if self.layout.has_statistics() {
            self.normed.saturating_mul(2)
        } else {
            0
        }
    }

    /// Workspace for training on up to `batch` samples at once: `2 · batch · Σ_l outputs_l` (activations and deltas)
    /// `+ max_l outputs_l` (one row of a gradient) floats, and `(batch + 5) · outputs_l` for each layer with a batch norm,
    /// `batch · (2 · outputs_l + 1)` for each with a layer norm; `usize::MAX` for a wrong description.
    #[must_use]
    // For an image in which it is a constant of the network.
    #[inline(always)]
    pub const fn work_len(&self, batch: usize) -> usize {
        if self.fault().is_some() {
            return usize::MAX;
        }
        // Fewer than the parameters, which are addressable: no overflow but that of the batch.
        let each = self.units.wrapping_mul(2).wrapping_add(self.normed);
        let once = if self.layout.has_statistics() { norm::ROOM.wrapping_mul(self.normed) } else { 0 };
        let once = once.wrapping_add(self.widest());
        batch.saturating_mul(each).saturating_add(once)
    }

    /// Workspace for predicting up to `batch` samples at once: `batch · (max over even l + max over odd l of
    /// outputs_l)` floats, since a layer reads only the one before; `usize::MAX` for a wrong description.
    #[must_use]
    pub const fn predict_len(&self, batch: usize) -> usize {
        if self.fault().is_some() {
            return usize::MAX;
        }
        (self.even as usize + self.odd as usize).saturating_mul(batch)
    }

    /// Floats of the lists of a workspace [with lists](crate::Workspace::with_lists) for up to `batch` samples:
    /// `batch·inputs + 16` values and `max(4096, 64·max_l outputs_l)` for a block of gradients; `usize::MAX` for a wrong
    /// description.
    #[must_use]
    pub const fn list_len(&self, batch: usize) -> usize {
        if self.fault().is_some() {
            return usize::MAX;
        }
        let rows = self.widest().saturating_mul(BLOCK_ROWS);
        let block = if rows > BLOCK_FLOATS { rows } else { BLOCK_FLOATS };
        self.inputs().saturating_mul(batch).saturating_add(kernels::SLACK).saturating_add(block)
    }

    /// Integers of the lists of a workspace [with lists](crate::Workspace::with_lists) for up to `batch` samples:
    /// `batch·inputs + 16` elements, `3·batch + 1` places in them and `2·inputs·⌈batch/64⌉` for masks; `usize::MAX` for a
    /// wrong description, or where a place would pass `u32::MAX`.
    #[must_use]
    pub const fn index_len(&self, batch: usize) -> usize {
        if self.fault().is_some() {
            return usize::MAX;
        }
        let places = self.inputs().saturating_mul(batch).saturating_add(kernels::SLACK);
        if places > u32::MAX as usize {
            return usize::MAX;
        }
        let masks = self.inputs().saturating_mul(2).saturating_mul(batch.div_ceil(kernels::GROUP));
        places.saturating_add(masks).saturating_add(batch.saturating_mul(3).saturating_add(1))
    }

    /// Units of all layers.
    pub(crate) const fn units(&self) -> usize {
        self.units
    }

    /// Units of the widest layer.
    pub(crate) const fn widest(&self) -> usize {
        (if self.even > self.odd { self.even } else { self.odd }) as usize
    }

    /// Units of the widest of the layers 0, 2, 4 …
    pub(crate) const fn widest_even(&self) -> usize {
        self.even as usize
    }
}
