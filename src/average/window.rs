//! The mean of the latest models.

use crate::error::{Buffer, Error, Setting};
use crate::kernels;
use crate::model::params::Params;
use crate::slices::{cut, numbered, rows, rows_mut};

/// The latest `k` models and their mean (latest weight averaging, LAWA; Kaddour 2022, arXiv 2209.14981): one model leaves
/// as another comes, without a trace.
///
/// Memory: `k·P` floats; the mean is computed when it is read, oldest model first, `m ← m + (w − m)·(1/i)`.
#[derive(Debug)]
#[must_use = "a window holds the models that it is updated with"]
pub struct Window<'a> {
    models: &'a mut [f32],
    width: usize,
    size: usize,
    count: u64,
}

impl<'a> Window<'a> {
    /// An empty window of `size` models in `models`, `size · P` floats; what they hold does not matter.
    ///
    /// # Errors
    /// [`Error::Setting`] for a size of 0, [`Error::Length`] unless `models` holds whole models, at least a float each.
    pub fn new(size: usize, models: &'a mut [f32]) -> Result<Self, Error> {
        Self::resume(size, models, 0)
    }

    /// Continues with the models that were taken in by a window of `count`.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`Error::NonFinite`] for a model that is not finite, or that large.
    pub fn resume(size: usize, models: &'a mut [f32], count: u64) -> Result<Self, Error> {
        let Some(width) = models.len().checked_div(size) else { return Err(Error::Setting(Setting::Window)) };
        let needed = width.max(1).saturating_mul(size);
        Error::expect_len(Buffer::Window, needed, models.len())?;
        let window = Self { models, width, size, count };
        let held = cut(window.models, window.held().saturating_mul(width)).0;
        Params::from(held).check()?;
        Ok(window)
    }

    /// Takes one more model in, in place of the oldest where the window is full; returns how many it holds.
    ///
    /// # Errors
    /// As [`Averager::update`](crate::Averager::update).
    pub fn update<'p>(&mut self, params: impl Into<Params<'p>>) -> Result<usize, Error> {
        self.take(params.into())
    }

    fn take(&mut self, params: Params<'_>) -> Result<usize, Error> {
        Error::expect_len(Buffer::Params, self.width, params.values.len())?;
        let count = self.count.checked_add(1).ok_or(Error::CountOverflow)?;
        params.check()?;
        let place = (self.count % self.size.max(1) as u64) as usize;
        if let Some(slot) = rows_mut(self.models, self.width).nth(place) {
            kernels::copy(slot, params.values);
        }
        self.count = count;
        Ok(self.held())
    }

    /// Writes the mean of the models to `mean`, and gives it as an average.
    ///
    /// # Errors
    /// [`Error::NoAverage`] before the first update, [`Error::Length`].
    pub fn mean<'m>(&self, mean: &'m mut [f32]) -> Result<Params<'m>, Error> {
        let held = self.held();
        if held == 0 {
            return Err(Error::NoAverage);
        }
        Error::expect_len(Buffer::Mean, self.width, mean.len())?;
        // The oldest stands where the next one goes.
        let oldest = if held < self.size { 0 } else { (self.count % self.size.max(1) as u64) as usize };
        let models = || rows(self.models, self.width).take(held);
        for (i, model) in numbered(1, models().skip(oldest).chain(models().take(oldest))) {
            if i == 1 {
                kernels::copy(mean, model);
            } else {
                kernels::mean_update(mean, model, 1.0 / i as f32);
            }
        }
        Ok(Params::of_average(mean))
    }

    /// Models in the window.
    #[must_use]
    pub fn held(&self) -> usize {
        usize::try_from(self.count).map_or(self.size, |count| count.min(self.size))
    }

    /// Models taken in since the start, for [`resume`](Self::resume).
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Forgets every model.
    pub fn reset(&mut self) {
        self.count = 0;
    }
}
