//! Samples as they come, made into rows for the kernels: floats, sets of bytes, compressed sets, and lists of what is
//! not zero where a workspace has memory for them.

use crate::error::{Buffer, Error, Setting, Value};
use crate::finite::check_finite;
use crate::inputs::batch::{Floats, Listed, Many, Picked, Rows};
use crate::inputs::lists::ListSpace;
use crate::kernels::{self, ByteLists, ByteRows, CompressedRows, FloatLists};
use crate::network::spec::Spec;
use crate::slices::{cut_mut, picked, rows_mut};

/// Samples of bytes, as they lie in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Set<'a> {
    /// All floats; their width is the network's.
    Floats { set: &'a [f32], pick: &'a [u32] },
    /// All bytes likewise.
    Bytes { set: &'a [u8], scale: f32, pick: &'a [u32] },
    /// Without zeros, rows of `inputs`.
    Sparse { rows: CompressedRows<'a>, inputs: usize, samples: usize },
}

/// What is done with a kind of set; each function does nothing with another one.
#[derive(Debug)]
pub(crate) struct SetKind {
    /// Checks shape, indices and numbers; gives the number of samples, and a bound on the magnitude of an input.
    pub check: Check,
    /// The rows of `n` samples, for training also by input; in lists where there is memory for them.
    pub rows: MakeRows,
}

type Check = fn(&Set<'_>, usize) -> Result<(usize, f32), Error>;

type MakeRows =
    for<'s, 'w> fn(&Set<'w>, usize, &Spec, ListSpace<'w>, bool, &'s mut Form<'w>) -> Result<Rows<'s>, Error>;

/// Sets of floats.
pub(crate) static FLOAT_SET: SetKind = SetKind {
    check: |set, width| {
        let Set::Floats { set, pick } = *set else { return Ok((0, 0.0)) };
        let n = check_pick(pick, whole_rows(set.len(), width)?)?;
        let mut bound = 0.0;
        for &row in pick {
            let largest = match check_finite(picked(set, width, row), Value::Input) {
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
    rows: |set, n, spec, space, _, form| {
        let Set::Floats { set, pick } = *set else { return Ok(Rows::One(&[])) };
        let width = spec.inputs();
        if space.lists.is_some() {
            // There is room to gather them.
            let values = cut_mut(space.floats, n.saturating_mul(width)).0;
            for (to, &row) in rows_mut(&mut *values, width).zip(pick) {
                kernels::copy(to, picked(set, width, row));
            }
            return Ok(form.floats(values, n, space.many));
        }
        *form = Form::Picked(Picked { set, width, pick });
        Ok(if let Form::Picked(x) = form { Rows::Batch(x) } else { Rows::One(&[]) })
    },
};

/// Sets of bytes.
pub(crate) static BYTE_SET: SetKind = SetKind {
    check: |set, width| match *set {
        Set::Bytes { set, scale, pick } => {
            check_scale(scale)?;
            Ok((check_pick(pick, whole_rows(set.len(), width)?)?, 255.0 * scale.abs()))
        }
        _ => Ok((0, 0.0)),
    },
    rows: |set, _, spec, space, training, form| {
        let Set::Bytes { set, scale, pick } = *set else { return Ok(Rows::One(&[])) };
        let x = ByteRows { set, width: spec.inputs(), pick, scale };
        Ok(match space.lists {
            Some(lists) => (lists.bytes)(x, space, training, form),
            None => {
                *form = Form::Bytes(x);
                if let Form::Bytes(x) = form { Rows::Batch(x) } else { Rows::One(&[]) }
            }
        })
    },
};

/// Compressed sets.
pub(crate) static SPARSE_SET: SetKind = SetKind {
    check: |set, width| match *set {
        Set::Sparse { rows, inputs, samples } => {
            Error::expect_len(Buffer::Inputs, width, inputs)?;
            Ok((check_pick(rows.pick, samples)?, 255.0 * rows.scale.abs()))
        }
        _ => Ok((0, 0.0)),
    },
    rows: |set, n, spec, space, training, form| match (*set, space.lists) {
        (Set::Sparse { rows, .. }, Some(lists)) => Ok((lists.sparse)(rows, spec.inputs(), space, training, form)),
        (Set::Sparse { rows, .. }, None) if !training => Ok(compressed(rows, form)),
        (Set::Sparse { .. }, None) => Err(Error::Length { buffer: Buffer::Index, needed: spec.index_len(n), got: 0 }),
        _ => Ok(Rows::One(&[])),
    },
};

pub(crate) fn compressed<'s, 'w>(x: CompressedRows<'w>, form: &'s mut Form<'w>) -> Rows<'s> {
    *form = Form::Compressed(x);
    if let Form::Compressed(x) = form { Rows::Batch(x) } else { Rows::One(&[]) }
}

/// Room for a batch, of which [`Rows`] has a reference; a single sample needs none.
pub(crate) enum Form<'a> {
    Unused,
    Floats(Floats<'a>),
    Picked(Picked<'a>),
    Bytes(ByteRows<'a>),
    Compressed(CompressedRows<'a>),
    ListedFloats(Listed<'a, FloatLists<'a>>),
    ListedBytes(Listed<'a, ByteLists<'a>>),
}

impl<'a> Form<'a> {
    /// Floats of `n` samples.
    pub(crate) fn floats(&mut self, x: &'a [f32], n: usize, many: Option<Many>) -> Rows<'_> {
        let (2.., Some(many)) = (n, many) else { return Rows::One(x) };
        *self = Self::Floats(Floats(x));
        if let Self::Floats(floats) = self { Rows::Batch(many(floats)) } else { Rows::One(&[]) }
    }
}

/// The samples that `pick` names, if each is below `samples`.
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
