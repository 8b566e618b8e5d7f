//! How often each class was predicted for samples of each.

use crate::error::{Buffer, Error};
use crate::math::Total;
use crate::slices::{cut, numbered, rows, strided};
use crate::targets::check_classes;

/// Confusion matrix: how many samples of each class were predicted as each class.
///
/// Shape `(classes, classes)`, row-major: row `c` counts the samples of class `c` by the class that was predicted.
#[must_use = "a matrix counts the samples that are added to it"]
pub struct Confusion<'a> {
    classes: usize,
    counts: &'a mut [u32],
}

debug_view!(Confusion<'_>: classes; counts);

impl<'a> Confusion<'a> {
    /// Counts of a matrix of so many classes: `classes²`.
    #[must_use]
    pub const fn state_len(classes: usize) -> usize {
        classes.saturating_mul(classes)
    }

    /// An empty one for [`Spec::classes`](crate::Spec::classes); `counts` become zeros.
    ///
    /// # Errors
    /// [`Error::Setting`] unless there are 1 to 65,536 classes, [`Error::Length`] unless `counts` has
    /// [`state_len`](Self::state_len) elements.
    pub fn new(classes: usize, counts: &'a mut [u32]) -> Result<Self, Error> {
        let matrix = Self::resume(classes, counts)?;
        matrix.counts.fill(0);
        Ok(matrix)
    }

    /// Continues with the counts that are in the slice: a matrix is nothing besides them.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn resume(classes: usize, counts: &'a mut [u32]) -> Result<Self, Error> {
        check_classes(classes)?;
        Error::expect_len(Buffer::Counts, Self::state_len(classes), counts.len())?;
        Ok(Self { classes, counts })
    }

    /// Counts a sample of `class` that was taken for `predicted`, the [`class_of`](crate::metrics::class_of) its outputs.
    ///
    /// # Errors
    /// [`Error::Label`] for either that is no class, [`Error::CountOverflow`]; nothing is counted then.
    pub fn add(&mut self, class: u16, predicted: u16) -> Result<(), Error> {
        self.add_weighted(class, predicted, 1)
    }

    /// The same for a sample of a weight, in whole multiples of a unit that is the same for all samples, such as a
    /// thousandth. So sums are exact in any order, and shares such as [recall](ClassCounts::recall) do not depend on the unit;
    /// [`samples`](Self::samples) and other counts are in units then. A sample of weight 0 is checked and counts nothing;
    /// one whose label is ignored is not to be added.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn add_weighted(&mut self, class: u16, predicted: u16, weight: u32) -> Result<(), Error> {
        let classes = self.classes;
        if let Some(wrong) = [class, predicted].into_iter().find(|&c| usize::from(c) >= classes) {
            let sample = usize::try_from(self.samples()).unwrap_or(usize::MAX);
            return Err(Error::Label { sample, label: wrong, classes: u16::try_from(classes).unwrap_or(u16::MAX) });
        }
        let place = usize::from(class).wrapping_mul(classes).wrapping_add(usize::from(predicted));
        if let Some(count) = self.counts.get_mut(place) {
            *count = count.checked_add(weight).ok_or(Error::CountOverflow)?;
        }
        Ok(())
    }

    /// The counts, shape `(classes, classes)`.
    #[must_use]
    pub fn counts(&self) -> &[u32] {
        self.counts
    }

    /// Number of samples.
    #[must_use]
    pub fn samples(&self) -> u64 {
        sum(&*self.counts)
    }

    /// Samples whose class was right.
    #[must_use]
    pub fn hits(&self) -> u64 {
        sum(strided(self.counts, self.classes.saturating_add(1)))
    }

    /// Share of samples whose class was right; NaN without samples.
    #[must_use]
    pub fn accuracy(&self) -> f32 {
        self.hits() as f32 / self.samples() as f32
    }

    /// Each class against the rest, in order.
    pub fn per_class(&self) -> impl Iterator<Item = ClassCounts> {
        numbered(0, rows(self.counts, self.classes)).map(|(c, row)| ClassCounts {
            hits: row.get(c).map_or(0, |&n| n.into()),
            predicted: sum(strided(cut(self.counts, c).1, self.classes)),
            support: sum(row),
        })
    }

    /// Mean precision of the classes, all alike; those that have no samples and were never predicted are left out.
    #[must_use]
    pub fn macro_precision(&self) -> f32 {
        self.mean_of(ClassCounts::precision)
    }

    /// Mean recall of the classes, likewise.
    #[must_use]
    pub fn macro_recall(&self) -> f32 {
        self.mean_of(ClassCounts::recall)
    }

    /// Mean F1 of the classes, likewise.
    #[must_use]
    pub fn macro_f1(&self) -> f32 {
        self.mean_of(ClassCounts::f1)
    }

    fn mean_of(&self, figure: fn(&ClassCounts) -> f32) -> f32 {
        let (mut sum, mut known) = (Total::NONE, 0_u32);
        for x in self.per_class().map(|counts| figure(&counts)).filter(|x| !x.is_nan()) {
            sum = sum.add(x);
            known = known.wrapping_add(1);
        }
        sum.value() / known as f32
    }
}

/// One class against the rest, in exact counts; without samples of a class and without predictions of it, its figures
/// are NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassCounts {
    /// Samples of the class that were predicted as it.
    pub hits: u64,
    /// Samples that were predicted as it.
    pub predicted: u64,
    /// Samples of the class.
    pub support: u64,
}

impl ClassCounts {
    /// `hits/predicted`; 0 for a class that is there and is never predicted.
    #[must_use]
    pub fn precision(&self) -> f32 {
        self.share_of(self.predicted)
    }

    /// `hits/support`; 0 for a class that is predicted and never there.
    #[must_use]
    pub fn recall(&self) -> f32 {
        self.share_of(self.support)
    }

    /// Harmonic mean of precision and recall, `2·hits/(predicted + support)`.
    #[must_use]
    pub fn f1(&self) -> f32 {
        self.hits.saturating_mul(2) as f32 / self.predicted.saturating_add(self.support) as f32
    }

    fn share_of(&self, of: u64) -> f32 {
        if of == 0 && (self.predicted > 0 || self.support > 0) { 0.0 } else { self.hits as f32 / of as f32 }
    }
}

fn sum<'a>(counts: impl IntoIterator<Item = &'a u32>) -> u64 {
    counts.into_iter().fold(0, |sum: u64, &n| sum.wrapping_add(u64::from(n)))
}

#[cfg(test)]
mod tests;
