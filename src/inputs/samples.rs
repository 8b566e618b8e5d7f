//! Samples as they lie in memory: floats, bytes, or bytes without their zeros. The kind changes the speed and the
//! memory, never a bit.

use crate::error::{Buffer, Error, Value};
use crate::finite::check_finite;
use crate::inputs::rows::Rows;
use crate::inputs::sets::{BYTE_SET, FLOAT_SET, Form, ListSpace, SPARSE_SET, Set, SetKind, check_scale, whole_rows};
use crate::kernels::CompressedRows;
use crate::network::spec::Spec;
use crate::slices::{cut, numbered, rows};

/// The inputs of `n` samples: any slice of floats, or what [`picked`](Self::picked), [`bytes`](Self::bytes) and
/// [`sparse`](Self::sparse) name.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a>(Kind<'a>);

#[derive(Clone, Copy, Debug)]
enum Kind<'a> {
    Floats(&'a [f32]),
    Packed(Set<'a>, &'static SetKind),
}

impl<'a, T: AsRef<[f32]> + ?Sized> From<&'a T> for Inputs<'a> {
    fn from(floats: &'a T) -> Self {
        Self::floats(floats.as_ref())
    }
}

impl<'a> Inputs<'a> {
    /// Floats, shape `(n, inputs)`, row-major.
    #[must_use]
    pub const fn floats(x: &'a [f32]) -> Self {
        Self(Kind::Floats(x))
    }

    /// The rows of a set of floats, shape `(samples, inputs)`, that `pick` names, in order; batches of many are faster in a
    /// workspace [with lists](crate::Workspace::with_lists), where they are gathered.
    #[must_use]
    pub const fn picked(set: &'a [f32], pick: &'a [u32]) -> Self {
        Self(Kind::Packed(Set::Floats { set, pick }, &FLOAT_SET))
    }

    /// The rows of a set of bytes, shape `(samples, inputs)`, that `pick` names, in order: input = byte · `scale`, such
    /// as 1/255.
    #[must_use]
    pub const fn bytes(set: &'a [u8], scale: f32, pick: &'a [u32]) -> Self {
        Self(Kind::Packed(Set::Bytes { set, scale, pick }, &BYTE_SET))
    }

    /// The rows of a compressed set that `pick` names, in order; training needs a workspace
    /// [with lists](crate::Workspace::with_lists).
    #[must_use]
    pub fn sparse(set: SparseSet<'a>, pick: &'a [u32]) -> Self {
        let set = Set::Sparse { rows: set.rows(pick), inputs: set.inputs, samples: set.len() };
        Self(Kind::Packed(set, &SPARSE_SET))
    }

    /// Checks shape, indices and numbers; gives the number of samples, and a bound on the magnitude of an input.
    pub(crate) fn check(&self, spec: &Spec) -> Result<(usize, f32), Error> {
        let (n, bound) = match &self.0 {
            Kind::Floats(x) => (whole_rows(x.len(), spec.inputs())?, check_finite(x, Value::Input)?),
            Kind::Packed(set, kind) => (kind.check)(set, spec.inputs())?,
        };
        if n == 0 { Err(Error::Empty) } else { Ok((n, bound)) }
    }

    /// Makes `n` samples ready for the kernels, in `form`; for training also by input.
    pub(crate) fn prepare<'s>(
        &self,
        spec: &Spec,
        n: usize,
        space: ListSpace<'a>,
        training: bool,
        form: &'s mut Form<'a>,
    ) -> Result<Rows<'s>, Error> {
        match &self.0 {
            // Lists where memory for them is there; they decide speed alone.
            Kind::Floats(x) => Ok(match space.lists {
                Some(lists) => (lists.floats)(x, n, spec.inputs(), space, training, form),
                None => form.floats(x, n, space.many),
            }),
            Kind::Packed(set, kind) => (kind.rows)(set, n, spec, space, training, form),
        }
    }

    /// Samples `done .. done + n`.
    pub(crate) fn part(&self, done: usize, n: usize, width: usize) -> Self {
        let picked = |pick: &'a [u32]| cut(cut(pick, done).1, n).0;
        Self(match self.0 {
            Kind::Floats(x) => {
                let rest = cut(x, done.saturating_mul(width)).1;
                Kind::Floats(cut(rest, n.saturating_mul(width)).0)
            }
            Kind::Packed(Set::Floats { set, pick }, kind) => {
                Kind::Packed(Set::Floats { set, pick: picked(pick) }, kind)
            }
            Kind::Packed(Set::Bytes { set, scale, pick }, kind) => {
                Kind::Packed(Set::Bytes { set, scale, pick: picked(pick) }, kind)
            }
            Kind::Packed(Set::Sparse { rows, inputs, samples }, kind) => {
                let rows = CompressedRows { pick: picked(rows.pick), ..rows };
                Kind::Packed(Set::Sparse { rows, inputs, samples }, kind)
            }
        })
    }
}

/// A set of samples without its zeros: 3 bytes for each non-zero element, 4 for each sample. MNIST takes 27 MB, not 47.
///
/// Sample `i` has `values[starts[i]..starts[i + 1]]` at `positions`, ascending; input = value · `scale`.
#[derive(Clone, Copy, Debug)]
pub struct SparseSet<'a> {
    inputs: usize,
    starts: &'a [u32],
    positions: &'a [u16],
    values: &'a [u8],
    scale: f32,
}

impl<'a> SparseSet<'a> {
    /// Takes a compressed set, such as [`compress`] makes.
    ///
    /// # Errors
    /// [`Error::Length`] where `positions`, `values` and the end of `starts` differ, [`Error::Sparse`] for the first
    /// sample whose starts or positions are not ascending or too large, [`Error::Setting`] for a scale whose 255-fold
    /// is not finite.
    pub fn new(
        inputs: u16,
        starts: &'a [u32],
        positions: &'a [u16],
        values: &'a [u8],
        scale: f32,
    ) -> Result<Self, Error> {
        check_scale(scale)?;
        let end = starts.last().map_or(0, |&end| end as usize);
        Error::expect_len(Buffer::Index, end, positions.len())?;
        Error::expect_len(Buffer::Index, end, values.len())?;
        if starts.first().is_some_and(|&first| first != 0) {
            return Err(Error::Sparse { sample: 0 });
        }
        for (sample, (&start, &end)) in numbered(0, starts.iter().zip(starts.iter().skip(1))) {
            let row = positions.get(start as usize..end as usize).ok_or(Error::Sparse { sample })?;
            let ascending = row.iter().zip(row.iter().skip(1)).all(|(a, b)| a < b);
            if !ascending || row.last().is_some_and(|&last| last >= inputs) {
                return Err(Error::Sparse { sample });
            }
        }
        Ok(Self { inputs: inputs.into(), starts, positions, values, scale })
    }

    /// What [`compress`] made, unchecked: a check at every batch would read the whole set.
    #[cfg(feature = "std")]
    pub(crate) fn of_compressed(
        inputs: u16,
        starts: &'a [u32],
        positions: &'a [u16],
        values: &'a [u8],
        scale: f32,
    ) -> Self {
        Self { inputs: inputs.into(), starts, positions, values, scale }
    }

    /// Number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The samples that `pick` names.
    fn rows(&self, pick: &'a [u32]) -> CompressedRows<'a> {
        let Self { starts, positions, values, scale, .. } = *self;
        CompressedRows { starts, positions, values, pick, scale }
    }

    /// Whether there is no sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Elements that are not zero: the length that [`compress`] needs of `positions` and `values`.
#[must_use]
pub fn nonzeros(set: &[u8]) -> usize {
    set.iter().fold(0, |n: usize, &b| n.wrapping_add(usize::from(b != 0)))
}

/// Compresses rows of `inputs` bytes: `starts` has one more element than there are samples, `positions` and `values`
/// have [`nonzeros`] each.
///
/// # Errors
/// [`Error::Length`] for the first slice whose length is not exact, or more than `u32::MAX` non-zero elements.
pub fn compress(
    set: &[u8],
    inputs: u16,
    starts: &mut [u32],
    positions: &mut [u16],
    values: &mut [u8],
) -> Result<(), Error> {
    let samples = whole_rows(set.len(), inputs.into())?;
    let needed = nonzeros(set);
    if u32::try_from(needed).is_err() {
        return Err(Error::Length { buffer: Buffer::Index, needed, got: u32::MAX as usize });
    }
    Error::expect_len(Buffer::Index, samples.saturating_add(1), starts.len())?;
    Error::expect_len(Buffer::Index, needed, positions.len())?;
    Error::expect_len(Buffer::Index, needed, values.len())?;
    let mut places = positions.iter_mut().zip(values);
    let mut starts = starts.iter_mut();
    let mut n = 0;
    starts.next().into_iter().for_each(|start| *start = 0);
    for (row, start) in rows(set, inputs.into()).zip(starts) {
        for (k, &byte) in numbered(0, row).filter(|(_, b)| **b != 0) {
            let Some((position, value)) = places.next() else { break };
            (*position, *value) = (k as u16, byte);
            n = u32::wrapping_add(n, 1);
        }
        *start = n;
    }
    Ok(())
}
