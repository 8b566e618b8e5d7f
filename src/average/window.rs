//! The mean of the latest models.

use crate::bytes::{Reader, Writer};
use crate::error::{Buffer, Error, Setting};
use crate::kernels;
use crate::model::params::Params;
use crate::network::spec::Spec;
use crate::slices::{cut, numbered, rows, rows_mut};

/// What a window is besides its models: kept with them, for [`Window::resume`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WindowState {
    /// The most models that it holds.
    pub size: usize,
    /// Models added since the start.
    pub count: u64,
}

impl WindowState {
    /// Bytes of a state.
    pub const BYTES: usize = 16;

    /// The state as bytes, little-endian on every target: `u64` size, `u64` models added.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let mut out = Writer::new(&mut bytes);
        out.long(self.size as u64);
        out.long(self.count);
        bytes
    }

    /// The state that these bytes encode.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] for a size of 0, or one that this processor cannot address.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Self, Error> {
        let mut input = Reader::new(bytes);
        match usize::try_from(input.long()?) {
            Ok(size) if size > 0 => Ok(Self { size, count: input.long()? }),
            _ => Err(input.fault()),
        }
    }
}

/// The latest `k` models and their mean (latest weight averaging, LAWA; Kaddour 2022, arXiv 2209.14981): each new
/// model replaces the oldest, of which nothing is left in the mean.
///
/// Memory: `k·P` floats; the mean is computed when it is read, oldest model first, `m ← m + (w − m)·(1/i)`.
#[must_use = "a window holds the models that it is updated with"]
pub struct Window<'a> {
    pub(crate) models: &'a mut [f32],
    width: usize,
    state: WindowState,
}

debug_view!(Window<'_>: state; models);

impl<'a> Window<'a> {
    /// Floats of a window of `size` models: `size·P`.
    #[must_use]
    pub const fn state_len(spec: &Spec, size: usize) -> usize {
        spec.param_len().saturating_mul(size)
    }

    /// An empty window of `size` models in [`state_len`](Self::state_len) floats; what they hold does not matter.
    ///
    /// # Errors
    /// [`Error::Setting`] for a size of 0, [`Error::Length`] unless `models` holds whole models, at least a float each.
    pub fn new(size: usize, models: &'a mut [f32]) -> Result<Self, Error> {
        Self::resume(WindowState { size, count: 0 }, models)
    }

    /// Continues with the models that are in the slice.
    ///
    /// # Errors
    /// As [`new`](Self::new), and [`Error::NonFinite`] for a model that is not finite, or that large.
    pub fn resume(state: WindowState, models: &'a mut [f32]) -> Result<Self, Error> {
        let size = state.size;
        let Some(width) = models.len().checked_div(size) else { return Err(Error::Setting(Setting::Window)) };
        let needed = width.max(1).saturating_mul(size);
        Error::expect_len(Buffer::Window, needed, models.len())?;
        let window = Self { models, width, state };
        Params::from(window.models()).check()?;
        Ok(window)
    }

    /// Adds one model, which replaces the oldest if the window is full; returns the number of models in it.
    ///
    /// # Errors
    /// As [`Averager::update`](crate::Averager::update).
    pub fn update<'p>(&mut self, params: impl Into<Params<'p>>) -> Result<usize, Error> {
        self.take(params.into())
    }

    fn take(&mut self, params: Params<'_>) -> Result<usize, Error> {
        Error::expect_len(Buffer::Params, self.width, params.values.len())?;
        let count = self.count().checked_add(1).ok_or(Error::CountOverflow)?;
        params.check()?;
        let place = self.place();
        if let Some(slot) = rows_mut(self.models, self.width).nth(place) {
            kernels::copy(slot, params.values);
        }
        self.state.count = count;
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
        let oldest = if held < self.state.size { 0 } else { self.place() };
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
        let WindowState { size, count } = self.state;
        usize::try_from(count).map_or(size, |count| count.min(size))
    }

    /// Where the next model goes.
    fn place(&self) -> usize {
        (self.count() % self.state.size.max(1) as u64) as usize
    }

    /// The models, one behind the other, [`held`](Self::held) of them.
    #[must_use]
    pub fn models(&self) -> &[f32] {
        cut(self.models, self.held().saturating_mul(self.width)).0
    }

    /// Models added since the start.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.state.count
    }

    /// What to keep beside the models, for [`resume`](Self::resume).
    #[must_use]
    pub fn state(&self) -> WindowState {
        self.state
    }

    /// Ends it: its [`state`](Self::state), and the slice is the caller's again.
    #[must_use]
    pub fn into_state(self) -> WindowState {
        self.state()
    }

    /// Removes all models.
    pub fn reset(&mut self) {
        self.state.count = 0;
    }
}
