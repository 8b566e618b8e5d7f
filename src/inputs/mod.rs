//! Inputs are samples as they lie in memory: floats, bytes, or bytes without their zeros. Targets are what outputs should be.
//!
//! The kind of samples changes the speed and the memory, never a bit.

pub(crate) mod batch;

pub(crate) mod lists;

pub(crate) mod sets;

mod sparse;

pub use crate::targets::Targets;
pub use sparse::{SparseSet, compress, nonzeros};

use crate::error::{Error, Value};
use crate::finite::check_finite;
use crate::network::spec::Spec;
use crate::slices::cut;
use batch::{Batch, Floats};
use core::fmt;
use lists::{Slot, Space};
use sets::{Set, whole_rows};

/// The inputs of `n` samples: any slice of floats, or rows of a set that [`picked`](Self::picked), [`bytes`](Self::bytes)
/// and [`sparse`](Self::sparse) name. The same numbers give the same bits in each kind.
///
/// ```
/// use cygnet::inputs::{SparseSet, compress, nonzeros};
/// use cygnet::{Activation, Inputs, Spec, Workspace, predict};
/// const NET: Spec = Spec::new(4).dense(2, Activation::Identity);
///
/// let params = [0.5; NET.param_len()];
/// let mut floats = [0.0; NET.work_len(2)];
/// let mut work = Workspace::new(&NET, 2, &mut floats)?;
/// // Two samples of four inputs.
/// let expected = predict(&NET, &params, &[0.0, 0.25, 0.0, 1.0, 0.0, 0.0, 0.5, 0.0], &mut work)?.to_vec();
///
/// // The same two from a set of three, which may lie in flash: of floats,
/// let set = [0.0, 0.0, 0.5, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.25, 0.0, 1.0];
/// assert_eq!(predict(&NET, &params, Inputs::picked(&set, &[2, 0]), &mut work)?, expected);
/// // of bytes, input = byte / 4,
/// let set = [0, 0, 2, 0, 4, 4, 4, 4, 0, 1, 0, 4];
/// assert_eq!(predict(&NET, &params, Inputs::bytes(&set, 0.25, &[2, 0]), &mut work)?, expected);
/// // and of bytes without zeros.
/// let (mut starts, mut positions, mut values) = ([0; 4], [0; 7], [0; 7]);
/// assert_eq!(nonzeros(&set), 7);
/// compress(&set, 4, &mut starts, &mut positions, &mut values)?;
/// let set = SparseSet::new(4, &starts, &positions, &values, 0.25)?;
/// assert_eq!(predict(&NET, &params, Inputs::sparse(set, &[2, 0]), &mut work)?, expected);
/// # Ok::<(), cygnet::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Inputs<'a>(Samples<'a>);

#[derive(Clone, Copy)]
enum Samples<'a> {
    Floats(Floats<'a>),
    Set(Set<'a>),
}

/// Not the numbers: there may be many.
impl fmt::Debug for Inputs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Samples::Floats(Floats(x)) => f.debug_struct("Inputs").field("floats", &x.len()).finish(),
            Samples::Set(set) => f.debug_struct("Inputs").field("samples", &set.pick.len()).finish_non_exhaustive(),
        }
    }
}

impl<'a, T: AsRef<[f32]> + ?Sized> From<&'a T> for Inputs<'a> {
    fn from(floats: &'a T) -> Self {
        Self::floats(floats.as_ref())
    }
}

impl<'a> Inputs<'a> {
    /// Takes the floats of `n` samples, shape `(n, inputs)`, row-major.
    #[must_use]
    pub const fn floats(x: &'a [f32]) -> Self {
        Self(Samples::Floats(Floats(x)))
    }

    /// Takes the rows of a set of floats, shape `(samples, inputs)`, that `pick` names, in order. Batches of many are faster
    /// in a workspace [with lists](crate::Workspace::with_lists), where they are gathered.
    #[must_use]
    pub const fn picked(set: &'a [f32], pick: &'a [u32]) -> Self {
        Self(Samples::Set(Set { floats: set, ..Set::new(&sets::FLOATS, pick) }))
    }

    /// Takes the rows of a set of bytes, shape `(samples, inputs)`, that `pick` names, in order: input = byte · `scale`,
    /// such as 1/255.
    #[must_use]
    pub const fn bytes(set: &'a [u8], scale: f32, pick: &'a [u32]) -> Self {
        Self(Samples::Set(Set { bytes: set, scale, ..Set::new(&sets::BYTES, pick) }))
    }

    /// Takes the rows of a compressed set that `pick` names, in order. Training needs a workspace
    /// [with lists](crate::Workspace::with_lists).
    #[must_use]
    pub fn sparse(set: SparseSet<'a>, pick: &'a [u32]) -> Self {
        Self(Samples::Set(set.rows(pick)))
    }

    /// Checks shape, indices and numbers; gives the number of samples, and a bound on the magnitude of an input.
    pub(crate) fn check(&self, spec: &Spec) -> Result<(usize, f32), Error> {
        let (n, bound) = match &self.0 {
            Samples::Floats(Floats(x)) => (whole_rows(x.len(), spec.inputs())?, check_finite(x, Value::Input)?),
            Samples::Set(set) => (set.kind.check)(set, spec.inputs())?,
        };
        if n == 0 { Err(Error::Empty) } else { Ok((n, bound)) }
    }

    /// Makes `n` checked samples ready for the kernels, in `slot` where they do not lie so; for training also by input.
    pub(crate) fn prepare<'s>(
        &'s self,
        spec: &Spec,
        n: usize,
        space: Space<'a>,
        training: bool,
        slot: &'s mut Slot<'a>,
    ) -> Result<Batch<'s>, Error> {
        match &self.0 {
            // Lists where memory for them is there; they decide speed alone.
            Samples::Floats(x) => Ok(match space.lists {
                Some(lists) => (lists.floats)(x.0, n, spec.inputs(), space, training, slot),
                None => x.batch(space.several),
            }),
            Samples::Set(set) => (set.kind.prepare)(set, spec, space, training, slot),
        }
    }

    /// Samples `done .. done + n`.
    pub(crate) fn part(&self, done: usize, n: usize, width: usize) -> Self {
        Self(match self.0 {
            Samples::Floats(Floats(x)) => {
                let rest = cut(x, done.saturating_mul(width)).1;
                Samples::Floats(Floats(cut(rest, n.saturating_mul(width)).0))
            }
            Samples::Set(set) => Samples::Set(Set { pick: cut(cut(set.pick, done).1, n).0, ..set }),
        })
    }
}
