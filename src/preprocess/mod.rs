//! What happens to a sample's numbers before a network sees them: gaps are filled, outliers clipped, and each feature is
//! shifted and scaled, by five numbers a feature that come from training samples alone.

mod fit;

use crate::error::{Buffer, Error, Value};
use crate::inputs::sets::whole_rows;
use crate::slices::{rows, rows_mut};
pub use fit::{Clip, Fit, Missing, PreprocessConfig, Scaling};

/// Numbers a feature.
pub(crate) const PARTS: usize = 5;

/// What happens to each feature of a sample: `x' = (min(max(x, low), high) − shift) · scale`, and
/// `(fill − shift) · scale` for one that is missing, which NaN says.
///
/// A view over [`state_len`](Self::state_len) floats, shape `(inputs, 5)`, which may lie in flash: `fill` in the units of the sample,
/// or NaN where a missing value is an error; `low` and `high` likewise, infinite where nothing is clipped; `shift`;
/// `scale`.
///
/// ```
/// use cygnet::preprocess::{Fit, Preprocess};
/// const SENSORS: usize = 2;
/// let (mut floats, mut counts) = ([0.0; Fit::state_len(SENSORS)], [0; SENSORS]);
/// let mut fit = Fit::new(Fit::DEFAULT, SENSORS, &mut floats, &mut counts)?; // to mean 0 and deviation 1
/// fit.add(&[1.0, 20.0, 3.0, 40.0])?; // training samples alone
/// let preprocess: Preprocess = fit.finish()?;
/// let mut sample = [3.0, 30.0];
/// preprocess.apply(&mut sample)?;
/// assert_eq!(sample, [1.0, 0.0]);
/// # Ok::<(), cygnet::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct Preprocess<'a> {
    floats: &'a [f32],
    features: &'a [[f32; PARTS]],
}

debug_view!(Preprocess<'_>:; floats);

impl<'a> Preprocess<'a> {
    /// Floats of so many features: `5·inputs`.
    #[must_use]
    pub const fn state_len(inputs: usize) -> usize {
        inputs.saturating_mul(PARTS)
    }

    /// Over the numbers of `inputs` features, such as [`Fit::finish`] left.
    ///
    /// # Errors
    /// [`Error::Length`], or [`Error::Preprocess`] for the first feature whose numbers are not valid: bounds out of order, or
    /// a shift, a scale or what they make of `fill` that is not finite.
    pub fn new(inputs: usize, floats: &'a [f32]) -> Result<Self, Error> {
        Error::expect_len(Buffer::Preprocess, Self::state_len(inputs), floats.len())?;
        let (features, _) = floats.as_chunks::<PARTS>();
        match features.iter().position(|feature| !is_possible(feature)) {
            Some(feature) => Err(Error::Preprocess { feature }),
            None => Ok(Self { floats, features }),
        }
    }

    /// Number of features.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.features.len()
    }

    /// The numbers, [`state_len`](Self::state_len) of them.
    #[must_use]
    pub fn floats(&self) -> &'a [f32] {
        self.floats
    }

    /// Prepares samples in place, shape `(n, inputs)`, row-major.
    ///
    /// # Errors
    /// [`Error::Length`] where rows are not whole, [`Error::NonFinite`] for an infinite input, a missing one where nothing
    /// fills it, or one so far off that it becomes infinite; nothing has changed then.
    pub fn apply(&self, samples: &mut [f32]) -> Result<(), Error> {
        whole_rows(samples.len(), self.inputs())?;
        let mut index = 0;
        for row in rows(samples, self.inputs()) {
            for (&x, feature) in row.iter().zip(self.features) {
                if x.is_infinite() || !prepared(x, feature).is_finite() {
                    return Err(Error::NonFinite { value: Value::Input, index });
                }
                index = usize::wrapping_add(index, 1);
            }
        }
        for row in rows_mut(samples, self.inputs()) {
            for (x, feature) in row.iter_mut().zip(self.features) {
                *x = prepared(*x, feature);
            }
        }
        Ok(())
    }
}

/// One number.
fn prepared(x: f32, &[fill, low, high, shift, scale]: &[f32; PARTS]) -> f32 {
    let x = match x {
        x if x.is_nan() => fill,
        x if x < low => low,
        x if x > high => high,
        x => x,
    };
    (x - shift) * scale
}

fn is_possible(feature: &[f32; PARTS]) -> bool {
    let &[fill, low, high, shift, scale] = feature;
    // NaN is in no order.
    let in_order = low <= high && low < f32::INFINITY && high > f32::NEG_INFINITY;
    let fills = fill.is_nan() || prepared(f32::NAN, feature).is_finite();
    in_order && fills && shift.is_finite() && scale.is_finite()
}
