//! A batch as lists of what is not zero in it, and a place for what a batch refers to.

use crate::inputs::batch::{Batch, Floats, Many, Several};
use crate::kernels::{self, ByteLists, Columns, FloatLists};
use crate::network::layer::Layer;
use crate::slices::cut_mut;
use core::cell::Cell;

/// Lists for the forward pass; for the gradient also column by column.
pub(crate) struct Listed<'a> {
    pub(super) terms: Terms<'a>,
    pub(super) columns: Columns<'a>,
}

pub(super) enum Terms<'a> {
    Floats(FloatLists<'a>),
    Bytes(ByteLists<'a>),
}

impl<'a> Listed<'a> {
    pub(super) fn of_bytes(lists: ByteLists<'a>, rest: &'a mut [u32], n: usize, width: usize, training: bool) -> Self {
        let columns = columns(rest, n, width, training, |groups, masks| kernels::mark_bytes(&lists, groups, masks));
        Self { terms: Terms::Bytes(lists), columns }
    }
}

impl Many for Listed<'_> {
    fn forward(&self, _: &Layer, weights: &[f32], bias: &[f32], z: &mut [f32]) {
        match &self.terms {
            Terms::Floats(lists) => kernels::forward_listed_floats(lists, weights, bias, z),
            Terms::Bytes(lists) => kernels::forward_listed_bytes(lists, weights, bias, z),
        }
    }

    fn gradient(&self, layer: &Layer, first: usize, deltas: &[f32], g: &mut [f32], fresh: bool) {
        let (columns, width) = (&self.columns, layer.outputs());
        match &self.terms {
            Terms::Floats(lists) => kernels::listed_float_rows(g, (lists, columns), first, deltas, width, fresh),
            Terms::Bytes(lists) => kernels::listed_byte_rows(g, (lists, columns), first, deltas, width, fresh),
        }
    }
}

/// The columns of lists of `n` samples, in `integers`, with masks that `mark` sets; none where nothing is trained.
pub(super) fn columns<'w>(
    integers: &'w mut [u32],
    n: usize,
    width: usize,
    training: bool,
    mark: impl FnOnce(usize, &mut [[u32; 2]]),
) -> Columns<'w> {
    if !training {
        return Columns::default();
    }
    let groups = n.div_ceil(kernels::GROUP);
    let (cursors, masks) = cut_mut(integers, n.wrapping_mul(2));
    let masks = cut_mut(masks.as_chunks_mut().0, width.saturating_mul(groups)).0;
    mark(groups, masks);
    Columns { masks, cursors: Cell::from_mut(cursors).as_slice_of_cells(), groups }
}

/// A place for what a [`Batch`] refers to, where samples do not lie as the kernels read them.
#[derive(Default)]
pub(crate) struct Slot<'a> {
    floats: Option<Floats<'a>>,
    lists: Option<Listed<'a>>,
}

impl<'a> Slot<'a> {
    /// Floats of `n` samples; `several` is there where `n` may be more than 1.
    pub(crate) fn floats(&mut self, x: &'a [f32], n: usize, several: Option<Several>) -> Batch<'_> {
        match several {
            Some(several) if n > 1 => Batch::Many(several(self.floats.insert(Floats(x)))),
            _ => Batch::One(x),
        }
    }

    /// Lists of what is not zero.
    pub(crate) fn lists(&mut self, listed: Listed<'a>) -> Batch<'_> {
        Batch::Many(self.lists.insert(listed))
    }
}
