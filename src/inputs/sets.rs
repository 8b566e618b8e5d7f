//! Sets of samples of which a batch picks rows: floats, bytes, or bytes without their zeros.

use crate::error::{Buffer, Error, Setting, Value};
use crate::finite::check_finite;
use crate::inputs::batch::{Batch, Many};
use crate::inputs::lists::{Slot, Space};
use crate::kernels::{self, ByteRows, CompressedRows};
use crate::network::layout::Shape;
use crate::network::spec::Spec;
use crate::slices::{cut, cut_mut, picked, rows, rows_mut};

/// Rows of a set; what its kind does not have is empty.
#[derive(Clone, Copy)]
pub(crate) struct Set<'a> {
    pub kind: &'static Kind,
    /// The rows, by their index in the set.
    pub pick: &'a [u32],
    pub floats: &'a [f32],
    /// All bytes, or those that are not zero; an input is byte · `scale`.
    pub bytes: &'a [u8],
    pub scale: f32,
    /// Of bytes without zeros: where each sample begins, and which input each byte is.
    pub starts: &'a [u32],
    pub positions: &'a [u16],
    pub inputs: usize,
}

/// What is done with a kind of set, so that an image links the kinds that it names.
pub(crate) struct Kind {
    /// Checks shape, indices and numbers; gives the number of samples, and a bound on the magnitude of an input.
    pub check: Check,
    /// The picked rows as a batch, for training also by input; in lists where there is memory for them.
    pub prepare: for<'s, 'w> fn(&'s Set<'w>, &Spec, Space<'w>, bool, &'s mut Slot<'w>) -> Result<Batch<'s>, Error>,
    /// `z[s] = bias + Σ_k x[s][k]·w[k]`.
    forward: fn(&Set<'_>, Shape, &[f32], &[f32], &mut [f32]),
    /// `g[k] += Σ_s x[s][k]·δ[s]` for the inputs from a first one on.
    gradient: fn(&Set<'_>, Shape, usize, &[f32], &mut [f32]),
}

type Check = fn(&Set<'_>, usize) -> Result<(usize, f32), Error>;

/// Floats, shape `(samples, inputs)`, which pass one by one.
pub(crate) static FLOATS: Kind = Kind {
    check: |set, width| {
        let n = check_pick(set.pick, whole_rows(set.floats.len(), width)?)?;
        let mut bound = 0.0;
        for &row in set.pick {
            let largest = match check_finite(picked(set.floats, width, row), Value::Input) {
                Err(Error::NonFinite { value, index }) => {
                    let index = (row as usize).saturating_mul(width).saturating_add(index);
                    return Err(Error::NonFinite { value, index });
                }
                checked => checked?,
            };
            bound = if largest > bound { largest } else { bound };
        }
        Ok((n, bound))
    },
    prepare: |set, spec, space, _, slot| {
        if space.lists.is_none() {
            return Ok(Batch::Many(set));
        }
        // There is room to gather them.
        let (n, width) = (set.pick.len(), spec.inputs());
        let values = cut_mut(space.floats, n.saturating_mul(width)).0;
        for (to, &row) in rows_mut(&mut *values, width).zip(set.pick) {
            kernels::copy(to, picked(set.floats, width, row));
        }
        Ok(slot.floats(values, space.several))
    },
    forward: |set, shape, weights, bias, z| {
        for (z, &row) in rows_mut(z, shape.outputs()).zip(set.pick) {
            kernels::forward_one(picked(set.floats, shape.inputs(), row), weights, bias, z);
        }
    },
    gradient: |set, shape, first, deltas, g| {
        for (d, &row) in rows(deltas, shape.outputs()).zip(set.pick) {
            kernels::outer(g, cut(picked(set.floats, shape.inputs(), row), first).1, d, false);
        }
    },
};

/// Bytes, shape `(samples, inputs)`.
pub(crate) static BYTES: Kind = Kind {
    check: |set, width| {
        check_scale(set.scale)?;
        Ok((check_pick(set.pick, whole_rows(set.bytes.len(), width)?)?, 255.0 * set.scale.abs()))
    },
    prepare: |set, spec, space, training, slot| {
        Ok(match space.lists {
            Some(lists) => (lists.bytes)(set.byte_rows(spec.inputs()), space, training, slot),
            None => Batch::Many(set),
        })
    },
    forward: |set, shape, weights, bias, z| {
        kernels::forward_bytes(&set.byte_rows(shape.inputs()), weights, bias, z);
    },
    gradient: |set, shape, first, deltas, g| {
        kernels::gradient_bytes(g, &set.byte_rows(shape.inputs()), first, deltas, shape.outputs());
    },
};

/// Bytes without zeros.
pub(crate) static SPARSE: Kind = Kind {
    check: |set, width| {
        Error::expect_len(Buffer::Inputs, width, set.inputs)?;
        Ok((check_pick(set.pick, set.starts.len().saturating_sub(1))?, 255.0 * set.scale.abs()))
    },
    prepare: |set, spec, space, training, slot| match space.lists {
        Some(lists) => {
            let listed = (lists.sparse)(set.compressed_rows(), spec.inputs(), space, training, slot);
            Ok(listed.unwrap_or(Batch::Many(set)))
        }
        // Sample by sample the gradient would take several times as long.
        None if training => {
            Err(Error::Length { buffer: Buffer::Index, needed: spec.index_len(set.pick.len()), got: 0 })
        }
        None => Ok(Batch::Many(set)),
    },
    forward: |set, _, weights, bias, z| kernels::forward_compressed(&set.compressed_rows(), weights, bias, z),
    gradient: |set, shape, first, deltas, g| {
        let x = set.compressed_rows();
        for (d, &row) in rows(deltas, shape.outputs()).zip(x.pick) {
            let (positions, bytes) = x.row(row);
            for (&position, &byte) in positions.iter().zip(bytes) {
                // Far behind the end where the position is before the first.
                let at = usize::from(position).wrapping_sub(first).saturating_mul(d.len());
                kernels::outer(cut_mut(cut_mut(g, at).1, d.len()).0, &[f32::from(byte) * x.scale], d, false);
            }
        }
    },
};

impl<'a> Set<'a> {
    /// Rows of a set that is still empty.
    pub(crate) const fn new(kind: &'static Kind, pick: &'a [u32]) -> Self {
        Self { kind, pick, floats: &[], bytes: &[], scale: 0.0, starts: &[], positions: &[], inputs: 0 }
    }

    /// Rows of bytes, for the kernels.
    fn byte_rows(&self, width: usize) -> ByteRows<'a> {
        ByteRows { set: self.bytes, width, pick: self.pick, scale: self.scale }
    }

    /// Rows of bytes without zeros, for the kernels.
    fn compressed_rows(&self) -> CompressedRows<'a> {
        let Self { starts, positions, bytes: values, pick, scale, .. } = *self;
        CompressedRows { starts, positions, values, pick, scale }
    }
}

impl Many for Set<'_> {
    fn forward(&self, shape: Shape, weights: &[f32], bias: &[f32], z: &mut [f32]) {
        (self.kind.forward)(self, shape, weights, bias, z);
    }

    fn gradient(&self, shape: Shape, first: usize, deltas: &[f32], g: &mut [f32], fresh: bool) {
        if fresh {
            kernels::clear(g);
        }
        (self.kind.gradient)(self, shape, first, deltas, g);
    }
}

/// The number of samples that `pick` names, if each is below `samples`.
fn check_pick(pick: &[u32], samples: usize) -> Result<usize, Error> {
    match pick.iter().find(|&&row| row as usize >= samples) {
        Some(&row) => Err(Error::Pick { row, samples }),
        None => Ok(pick.len()),
    }
}

/// Rows of `width` in `length` elements, if they are whole.
pub(crate) fn whole_rows(length: usize, width: usize) -> Result<usize, Error> {
    let n = length.checked_div(width).unwrap_or(0);
    if n.saturating_mul(width) == length {
        return Ok(n);
    }
    Err(Error::Length { buffer: Buffer::Inputs, needed: n.saturating_add(1).saturating_mul(width), got: length })
}

pub(crate) fn check_scale(scale: f32) -> Result<(), Error> {
    if (255.0 * scale).is_finite() { Ok(()) } else { Err(Error::Setting(Setting::Scale)) }
}

#[cfg(test)]
mod tests;
