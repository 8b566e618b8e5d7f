//! Which samples are held out: for validation by the seed of a run, for the test of a table whatever the seed.
//!
//! Samples with classes are split class by class (stratified): every class keeps its share in each part, and is in each
//! part if it has at least as many samples as there are parts. A class with fewer is in the training samples first.

use crate::host::HostError;
use crate::host::prelude::*;
use crate::random::{self, Philox, Purpose};

/// Which training samples a run holds out: a share of them, by its seed and their classes alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    /// Decides which.
    pub seed: u64,
    /// Share of the training samples held out for validation, `0 <= validation < 1`.
    pub validation: f32,
}

impl Split {
    /// Whether the share is in range.
    ///
    /// # Errors
    /// [`HostError::Usage`] that names it.
    pub fn check(&self) -> Result<(), HostError> {
        if (0.0..1.0).contains(&self.validation) {
            return Ok(());
        }
        let share = self.validation;
        Err(HostError::Usage(format!("validation {share:?} is out of range: at least 0 and below 1")))
    }

    /// Indices of the training and of the validation samples, both ascending; `labels` are the classes of all samples, or
    /// empty where samples have numbers.
    pub(in crate::host) fn of(&self, samples: usize, labels: &[u8]) -> Result<(Vec<u32>, Vec<u32>), HostError> {
        let held_out = part(samples, self.validation);
        if held_out >= samples {
            return Err(HostError::Usage(format!(
                "{held_out} of {samples} samples are held out for validation, so that none is left for training"
            )));
        }
        hold_out(samples, labels, self.validation, 1, random::stream(self.seed, Purpose::Split, 0))
    }
}

/// The rows of a table that are not for its test, and those that are: the same for every seed, so that all have the same
/// test.
pub(super) fn test_rows(rows: usize, labels: &[u8], share: f32) -> Result<(Vec<u32>, Vec<u32>), HostError> {
    // Two samples of each class are left, one for validation.
    hold_out(rows, labels, share, 2, random::stream(0, Purpose::Split, 1))
}

/// The rows of each of so many folds, ascending: every row is in one, and folds differ by a row at most, of each class
/// likewise.
pub(super) fn folds(rows: usize, labels: &[u8], folds: usize, seed: u64) -> Result<Vec<Vec<u32>>, HostError> {
    if !(2..=rows).contains(&folds) {
        return Err(HostError::Usage(format!("{folds} folds of {rows} rows are not possible: from 2 to {rows}")));
    }
    let count = u32::try_from(rows).map_err(|_| HostError::Usage(format!("{rows} rows are too many")))?;
    let mut order: Vec<u32> = (0..count).collect();
    random::shuffle(&mut order, &mut random::stream(seed, Purpose::Split, 2));
    order.sort_by_key(|&i| labels.get(i as usize));
    let fold = |i| {
        let mut fold: Vec<u32> = order.iter().skip(i).step_by(folds).copied().collect();
        fold.sort_unstable();
        fold
    };
    Ok((0..folds).map(fold).collect())
}

/// So many samples are this share of them.
fn part(samples: usize, share: f32) -> usize {
    (f64::from(share) * samples as f64).round() as usize
}

/// Splits samples into those that stay and a share that is held out, chosen by a shuffle; each class that can be leaves a
/// sample for each of so many `others` parts.
fn hold_out(
    samples: usize,
    labels: &[u8],
    share: f32,
    others: usize,
    mut random: Philox,
) -> Result<(Vec<u32>, Vec<u32>), HostError> {
    let count = u32::try_from(samples).map_err(|_| HostError::Usage(format!("{samples} samples are too many")))?;
    let mut places = if labels.is_empty() { vec![part(samples, share)] } else { quotas(labels, share, others) };
    let mut order: Vec<u32> = (0..count).collect();
    random::shuffle(&mut order, &mut random);
    let (mut held_out, mut rest): (Vec<u32>, Vec<u32>) = order.into_iter().partition(|&i| {
        let class = labels.get(i as usize).copied().unwrap_or(0);
        let is_free = places[usize::from(class)] > 0;
        places[usize::from(class)] -= usize::from(is_free);
        is_free
    });
    rest.sort_unstable();
    held_out.sort_unstable();
    Ok((rest, held_out))
}

/// How many samples of each class are held out: together the share of all samples as far as the bounds of the classes
/// allow, each class as near to its own share as that allows.
fn quotas(labels: &[u8], share: f32, others: usize) -> Vec<usize> {
    let mut sizes = vec![0_usize; 1 + usize::from(u8::MAX)];
    labels.iter().for_each(|&label| sizes[usize::from(label)] += 1);
    if share == 0.0 {
        return vec![0; sizes.len()];
    }
    let bounds = |n: usize| (usize::from(n > 1), n.saturating_sub(others.min(n.saturating_sub(1).max(1))));
    let ideal = |n: usize| f64::from(share) * n as f64;
    let of = |&n: &usize| (ideal(n) as usize).clamp(bounds(n).0, bounds(n).1);
    let mut quotas: Vec<usize> = sizes.iter().map(of).collect();
    let (all, mut sum) = (part(labels.len(), share), quotas.iter().sum::<usize>());
    while sum != all {
        // The class that is furthest below its share gets one more, or the one furthest above gives one up.
        let (is_low, sign) = (sum < all, if sum < all { 1.0 } else { -1.0 });
        let can_move =
            |&c: &usize| if is_low { quotas[c] < bounds(sizes[c]).1 } else { quotas[c] > bounds(sizes[c]).0 };
        let lack = |c: usize| sign * (ideal(sizes[c]) - quotas[c] as f64);
        let Some(c) = (0..sizes.len()).rev().filter(can_move).max_by(|&a, &b| lack(a).total_cmp(&lack(b))) else {
            break;
        };
        (quotas[c], sum) = if is_low { (quotas[c] + 1, sum + 1) } else { (quotas[c] - 1, sum - 1) };
    }
    quotas
}

#[cfg(test)]
mod tests;
