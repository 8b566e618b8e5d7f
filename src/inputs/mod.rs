//! Samples as they lie in memory, and what their outputs should be.

pub(crate) mod rows;

pub(crate) mod sets;

pub(crate) mod samples;

pub use crate::targets::Targets;
pub use samples::{Inputs, SparseSet, compress, nonzeros};
