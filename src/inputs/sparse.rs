//! Sets of bytes without their zeros.

use crate::error::{Buffer, Error};
use crate::inputs::sets::{SPARSE, Set, check_scale, whole_rows};
use crate::slices::{numbered, rows};

/// A set of samples without its zeros takes 3 bytes per non-zero element and 4 per sample. MNIST takes 27 MB, not 47.
///
/// `x[i][positions[j]] = values[j] · scale` for `starts[i] <= j < starts[i + 1]`, all other inputs are 0. Shapes: `starts`
/// `(samples + 1)`, from 0 on; `positions`, ascending within a sample, and `values` `(starts[samples])`.
#[derive(Clone, Copy)]
pub struct SparseSet<'a> {
    inputs: usize,
    starts: &'a [u32],
    positions: &'a [u16],
    values: &'a [u8],
    scale: f32,
}

debug_view!(SparseSet<'_>: inputs scale; starts positions values);

impl<'a> SparseSet<'a> {
    /// Takes a compressed set of samples of `inputs`, such as [`compress`] makes, and checks all of it.
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

    /// Returns the number of samples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The samples that `pick` names.
    pub(super) const fn rows(&self, pick: &'a [u32]) -> Set<'a> {
        let Self { inputs, starts, positions, values, scale } = *self;
        Set { bytes: values, scale, starts, positions, inputs, ..Set::new(&SPARSE, pick) }
    }

    /// Returns whether there is no sample.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Counts the elements of a set that are not zero: the length that [`compress`] needs of `positions` and `values`.
#[must_use]
pub fn nonzeros(set: &[u8]) -> usize {
    set.iter().fold(0, |n: usize, &b| n.wrapping_add(usize::from(b != 0)))
}

/// Compresses a set of bytes, shape `(samples, inputs)`, for [`SparseSet::new`]. Shapes: `starts` `(samples + 1)`,
/// `positions` and `values` `(nonzeros(set))`.
///
/// ```
/// use cygnet::inputs::{compress, nonzeros};
/// let set = [0, 7, 0, 0, 9, 8];
/// let (mut starts, mut positions, mut values) = ([0; 3], [0; 3], [0; 3]);
/// assert_eq!(nonzeros(&set), 3);
/// compress(&set, 3, &mut starts, &mut positions, &mut values)?;
/// assert_eq!((starts, positions, values), ([0, 1, 3], [1, 1, 2], [7, 9, 8]));
/// # Ok::<(), cygnet::Error>(())
/// ```
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
