//! The numbers of a preprocessing from samples, in one pass that keeps none of them.

use super::{PARTS, Preprocess};
use crate::error::{Buffer, Error, Setting, Value};
use crate::inputs::sets::whole_rows;
use crate::kernels::sqrt;
use crate::slices::rows;
use core::mem;

/// Inputs from here on are refused: the sum of so many squares would be infinite.
const LARGEST: f32 = 1e15;

/// How features are shifted and scaled; one that never changed, or whose deviation is too small for f32, becomes 0 by either
/// rule, for nothing was learned of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Scaling {
    /// To mean 0 and standard deviation 1: `(x − μ)/σ`, `σ² = Σ(x − μ)²/n`.
    #[default]
    Standard,
    /// From the least to the largest value seen, or the bounds of clipping where they are closer, to `[0, 1]`.
    MinMax,
    /// Not at all.
    None,
}

/// How a missing value, which is NaN, is replaced. A caller may also remove such samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Missing {
    /// An error.
    #[default]
    Refuse,
    /// The mean of the values that are there.
    Mean,
    /// This value, in the units of the sample; clipping leaves it as it is.
    Constant(f32),
}

/// Which values become the nearest bound.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Clip {
    /// None.
    #[default]
    None,
    /// Those more than so many standard deviations off the mean, both of all values.
    Deviations(f32),
    /// Those beyond the range seen.
    Range,
}

/// What is fitted; the default standardises, and refuses missing values.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PreprocessConfig {
    /// How features are shifted and scaled.
    pub scaling: Scaling,
    /// How missing values are replaced.
    pub missing: Missing,
    /// Which values are clipped.
    pub clip: Clip,
}

impl Default for PreprocessConfig {
    fn default() -> Self {
        Fit::DEFAULT
    }
}

impl PreprocessConfig {
    /// Whether the numbers are in range.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn check(&self) -> Result<(), Error> {
        match *self {
            Self { missing: Missing::Constant(fill), .. } if !fill.is_finite() => Err(Error::Setting(Setting::Fill)),
            Self { clip: Clip::Deviations(k), .. } if !(k > 0.0 && k.is_finite()) => Err(Error::Setting(Setting::Clip)),
            _ => Ok(()),
        }
    }
}

/// Mean, variance and range of each feature in one pass over any number of samples (Welford 1962), missing values left out:
/// `δ = x − μ`, `μ ← μ + (δ/n − c)`, `M2 ← M2 + (δ·(x − μ) − d)` with the new `μ`, where `c` and `d` are what the additions
/// before lost (Kahan 1965), `σ = √(M2/n)`.
///
/// Takes the memory of the [`Preprocess`] that it becomes, and a float and a count more a feature. Samples that come a second
/// time, or that the model is to be judged by, do not belong in here.
#[must_use = "nothing is fitted before `finish`"]
pub struct Fit<'a> {
    config: PreprocessConfig,
    /// Mean, sum of squared deviations, least, largest, compensation of the mean.
    floats: &'a mut [f32],
    /// What the last addition to the squared deviations lost.
    lost: &'a mut [f32],
    counts: &'a mut [u64],
}

debug_view!(Fit<'_>: config; floats lost counts);

impl<'a> Fit<'a> {
    /// Standardises, refuses missing values, clips nothing.
    pub const DEFAULT: PreprocessConfig =
        PreprocessConfig { scaling: Scaling::Standard, missing: Missing::Refuse, clip: Clip::None };

    /// Floats to fit so many features: `6·inputs`, of which the first [`Preprocess::state_len`] become the preprocessing.
    #[must_use]
    pub const fn state_len(inputs: usize) -> usize {
        inputs.saturating_mul(PARTS + 1)
    }

    /// Of no sample yet, over [`state_len`](Self::state_len) floats and `inputs` counts, whatever they hold.
    ///
    /// # Errors
    /// [`Error::Length`], or [`Error::Setting`].
    pub fn new(
        config: PreprocessConfig,
        inputs: usize,
        floats: &'a mut [f32],
        counts: &'a mut [u64],
    ) -> Result<Self, Error> {
        let fit = Self::checked(config, inputs, floats, counts)?;
        fit.floats.iter_mut().chain(&mut *fit.lost).for_each(|x| *x = 0.0);
        fit.counts.iter_mut().for_each(|n| *n = 0);
        Ok(fit)
    }

    /// Continues with floats and counts as [`new`](Self::new) got them and samples left them: a fit is nothing besides its
    /// slices and settings.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`Error::Preprocess`] for the first feature with numbers that no samples leave; nothing has
    /// changed then.
    pub fn resume(
        config: PreprocessConfig,
        inputs: usize,
        floats: &'a mut [f32],
        counts: &'a mut [u64],
    ) -> Result<Self, Error> {
        let fit = Self::checked(config, inputs, floats, counts)?;
        let (features, _) = fit.floats.as_chunks::<PARTS>();
        let numbers = features.iter().zip(&*fit.lost).zip(&*fit.counts);
        let is_wrong = |((feature, lost), n): ((&[f32; PARTS], &f32), &u64)| *n > 0 && !is_possible(feature, *lost);
        match numbers.map(is_wrong).position(|is_wrong| is_wrong) {
            Some(feature) => Err(Error::Preprocess { feature }),
            None => Ok(fit),
        }
    }

    fn checked(
        config: PreprocessConfig,
        inputs: usize,
        floats: &'a mut [f32],
        counts: &'a mut [u64],
    ) -> Result<Self, Error> {
        config.check()?;
        Error::expect_len(Buffer::Preprocess, Self::state_len(inputs), floats.len())?;
        Error::expect_len(Buffer::FeatureCounts, inputs, counts.len())?;
        let (floats, lost) = floats.split_at_mut_checked(Preprocess::state_len(inputs)).unwrap_or_default();
        Ok(Self { config, floats, lost, counts })
    }

    /// Takes samples in, shape `(n, inputs)`, row-major.
    ///
    /// # Errors
    /// [`Error::Length`] where rows are not whole, [`Error::NonFinite`] for an infinite input, a magnitude of 1e15 or more,
    /// or a missing value where [`Missing::Refuse`] says so; nothing has changed then.
    pub fn add(&mut self, samples: &[f32]) -> Result<(), Error> {
        let inputs = self.counts.len();
        whole_rows(samples.len(), inputs)?;
        let refuses = self.config.missing == Missing::Refuse;
        let is_wrong = |x: &f32| if x.is_nan() { refuses } else { x.abs() >= LARGEST };
        if let Some(index) = samples.iter().position(is_wrong) {
            return Err(Error::NonFinite { value: Value::Input, index });
        }
        let (features, _) = self.floats.as_chunks_mut::<PARTS>();
        for row in rows(samples, inputs) {
            let memory = features.iter_mut().zip(&mut *self.lost).zip(&mut *self.counts);
            for (&x, ((feature, lost), n)) in row.iter().zip(memory) {
                if !x.is_nan() {
                    *n = n.saturating_add(1);
                    take(feature, lost, *n, x);
                }
            }
        }
        Ok(())
    }

    /// The preprocessing, in the first [`Preprocess::state_len`] floats of the same memory. The fit has no memory and no
    /// features afterwards.
    ///
    /// # Errors
    /// [`Error::Unseen`] for the first feature without a value, [`Error::Preprocess`] for the first whose numbers overflow;
    /// nothing has changed then, and more samples may come.
    pub fn finish(&mut self) -> Result<Preprocess<'a>, Error> {
        if let Some(feature) = self.counts.iter().position(|&n| n == 0) {
            return Err(Error::Unseen { feature });
        }
        let inputs = self.counts.len();
        let config = self.config;
        let (features, _) = self.floats.as_chunks::<PARTS>();
        let mut schemes = features.iter().zip(&*self.counts).map(|(feature, &n)| scheme(config, *feature, n));
        if let Some(feature) = schemes.position(|scheme| Preprocess::new(1, &scheme).is_err()) {
            return Err(Error::Preprocess { feature });
        }
        let (floats, counts) = (mem::take(&mut self.floats), mem::take(&mut self.counts));
        self.lost = &mut [];
        let (features, _) = floats.as_chunks_mut::<PARTS>();
        for (feature, &n) in features.iter_mut().zip(&*counts) {
            *feature = scheme(config, *feature, n);
        }
        Preprocess::new(inputs, floats)
    }
}

/// One more value of a feature, its `n`-th.
fn take([mean, squares, least, largest, lost]: &mut [f32; PARTS], lost_square: &mut f32, n: u64, x: f32) {
    if n == 1 {
        (*mean, *squares, *least, *largest, *lost, *lost_square) = (x, 0.0, x, x, 0.0, 0.0);
        return;
    }
    let delta = x - *mean;
    add(mean, lost, delta / n as f32);
    add(squares, lost_square, delta * (x - *mean));
    *least = if x < *least { x } else { *least };
    *largest = if x > *largest { x } else { *largest };
}

/// Whether values may have left these numbers.
fn is_possible(&[mean, squares, least, largest, lost]: &[f32; PARTS], lost_square: f32) -> bool {
    let are_finite = [mean, squares, lost, lost_square].into_iter().all(f32::is_finite);
    are_finite && squares >= 0.0 && -LARGEST < least && least <= largest && largest < LARGEST
}

/// `sum + x`, with what the addition before lost (Kahan 1965).
fn add(sum: &mut f32, lost: &mut f32, x: f32) {
    let step = x - *lost;
    let next = *sum + step;
    (*lost, *sum) = ((next - *sum) - step, next);
}

/// The five numbers that `n` values make.
fn scheme(config: PreprocessConfig, [mean, squares, least, largest, _]: [f32; PARTS], n: u64) -> [f32; PARTS] {
    // Rounding does not take the mean out of the range, or the bounds past each other.
    let mean = if mean < least { least } else { mean };
    let mean = if mean > largest { largest } else { mean };
    let deviation = sqrt(squares / n as f32);
    let fill = match config.missing {
        Missing::Refuse => f32::NAN,
        Missing::Mean => mean,
        Missing::Constant(fill) => fill,
    };
    let (low, high) = match config.clip {
        Clip::None => (f32::NEG_INFINITY, f32::INFINITY),
        Clip::Deviations(k) => (mean - k * deviation, mean + k * deviation),
        Clip::Range => (least, largest),
    };
    let (shift, scale) = match config.scaling {
        Scaling::Standard => (mean, inverse(deviation)),
        Scaling::MinMax => {
            let (least, largest) = (if low > least { low } else { least }, if high < largest { high } else { largest });
            (least, inverse(largest - least))
        }
        Scaling::None => (0.0, 1.0),
    };
    [fill, low, high, shift, scale]
}

/// `1/x`, or 0 where that is infinite: a feature without extent says nothing.
fn inverse(x: f32) -> f32 {
    let inverse = 1.0 / x;
    if inverse.is_finite() { inverse } else { 0.0 }
}
