//! Images without their zeros, as training reads them.

use super::idx::{Images, PIXEL_SCALE};
use crate::host::HostError;
use crate::host::memory::{room, zeros};
use crate::host::prelude::*;
use crate::inputs::{SparseSet, compress, nonzeros};

/// Images without their zeros, beside the bytes: training reads a third of the memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::host) struct Sparse {
    inputs: u16,
    starts: Vec<u32>,
    positions: Vec<u16>,
    values: Vec<u8>,
}

impl Sparse {
    /// `None` where they would take more than the bytes, or memory for them is not there.
    pub(in crate::host) fn of(images: &Images) -> Option<Self> {
        let n = nonzeros(images.pixels());
        let inputs = u16::try_from(images.row_len()).ok()?;
        if n > images.pixels().len() / 3 || u32::try_from(n).is_err() {
            return None;
        }
        let (mut starts, mut positions, mut values) = (zeros(images.count + 1).ok()?, zeros(n).ok()?, zeros(n).ok()?);
        compress(images.pixels(), inputs, &mut starts, &mut positions, &mut values).ok()?;
        Some(Self { inputs, starts, positions, values })
    }

    /// No image yet, with room for so many of so many bytes, none of them zero.
    pub(in crate::host) fn room(count: usize, inputs: usize) -> Result<Option<Self>, HostError> {
        let Ok(inputs) = u16::try_from(inputs) else { return Ok(None) };
        // One more, since a place is written before it is known whether it counts.
        let n = count.saturating_mul(inputs.into()).saturating_add(1);
        let mut starts = room(count + 1)?;
        starts.push(0);
        Ok(Some(Self { inputs, starts, positions: zeros(n)?, values: zeros(n)? }))
    }

    /// Appends an image.
    pub(in crate::host) fn push(&mut self, image: &[u8]) {
        let start = self.starts.last().map_or(0, |&start| start as usize);
        let (mut n, mut at) = (0, 0_u16);
        let (positions, values) = (&mut self.positions[start..], &mut self.values[start..]);
        let (groups, tail) = image.as_chunks::<8>();
        let mut list = |at: u16, bytes: &[u8]| {
            for (position, &byte) in (at..).zip(bytes) {
                (positions[n], values[n]) = (position, byte);
                n += usize::from(byte != 0);
            }
        };
        for group in groups {
            // Images are dark in long runs; elsewhere a place costs less than a branch.
            if u64::from_ne_bytes(*group) != 0 {
                list(at, group);
            }
            at += 8;
        }
        list(at, tail);
        self.starts.push((start + n) as u32);
    }

    pub(in crate::host) fn set(&self) -> SparseSet<'_> {
        SparseSet::of_compressed(self.inputs, &self.starts, &self.positions, &self.values, PIXEL_SCALE)
    }

    /// Forgets all images, not their room.
    pub(in crate::host) fn clear(&mut self) {
        self.starts.truncate(1);
    }
}
