//! Samples as they lie in memory: floats, bytes, or bytes without their zeros; and what their outputs should be.
//!
//! The kind of samples changes the speed and the memory, never a bit.

pub(crate) mod batch;

pub(crate) mod lists;

pub(crate) mod sets;

mod sparse;

use crate::error::{Error, Value};
use crate::finite::check_finite;
use crate::kernels::CompressedRows;
use crate::network::spec::Spec;
use crate::slices::cut;
pub use crate::targets::Targets;
use batch::Rows;
use lists::ListSpace;
use sets::{BYTE_SET, FLOAT_SET, Form, SPARSE_SET, Set, SetKind, whole_rows};
pub use sparse::{SparseSet, compress, nonzeros};

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
