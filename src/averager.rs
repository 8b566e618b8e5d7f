//! Stochastic weight averaging: the running mean of the models a trajectory passes through, in one slice.

use crate::error::{Buffer, Error};
use crate::kernels;
use crate::params::Params;

/// Running mean of weights (SWA; Izmailov et al. 2018, arXiv 1803.05407): `m ← w` first, then `n ← n + 1,
/// m ← m + (w − m)·(1/n)`.
///
/// Identical models change no bit of the mean, and the first one is a copy. While [`swap`](Self::swap) has exchanged
/// mean and model, everything but swapping back is refused.
#[derive(Debug)]
pub struct Averager<'a> {
    mean: &'a mut [f32],
    count: u64,
    swapped: bool,
}

impl<'a> Averager<'a> {
    /// An empty average; what `mean` holds does not matter. It is as long as the parameters.
    #[must_use]
    pub fn new(mean: &'a mut [f32]) -> Self {
        Self { mean, count: 0, swapped: false }
    }

    /// Continues with the mean of `count` models.
    ///
    /// # Errors
    /// [`Error::NonFinite`] for a mean of `count > 0` models that is not finite, or that large.
    pub fn resume(mean: &'a mut [f32], count: u64) -> Result<Self, Error> {
        if count > 0 {
            Params::from(&*mean).check()?;
        }
        Ok(Self { mean, count, swapped: false })
    }

    /// Takes one more model into the mean and returns how many it holds. `&model` is cheaper than a slice, which is
    /// looked through for numbers that are not finite.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NonFinite`] for a parameter that is not finite or whose magnitude is `2^127` or
    /// more, [`Error::Swapped`], [`Error::CountOverflow`].
    pub fn update<'p>(&mut self, params: impl Into<Params<'p>>) -> Result<u64, Error> {
        self.update_params(params.into())
    }

    fn update_params(&mut self, params: Params<'_>) -> Result<u64, Error> {
        self.check_live()?;
        Error::expect_len(Buffer::Params, self.mean.len(), params.values.len())?;
        let count = self.count.checked_add(1).ok_or(Error::CountOverflow)?;
        params.check()?;
        if self.count == 0 {
            kernels::copy(self.mean, params.values);
        } else {
            kernels::mean_update(self.mean, params.values, 1.0 / count as f32);
        }
        self.count = count;
        Ok(count)
    }

    /// Takes the models of another average in: `m ← m + (m_b − m)·(n_b/n)`, `n = n + n_b` (parallel and distributed
    /// SWA).
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Swapped`] for either, [`Error::CountOverflow`].
    pub fn merge(&mut self, other: &Averager<'_>) -> Result<u64, Error> {
        self.check_live()?;
        other.check_live()?;
        Error::expect_len(Buffer::Mean, self.mean.len(), other.mean.len())?;
        let count = self.count.checked_add(other.count).ok_or(Error::CountOverflow)?;
        if self.count == 0 {
            kernels::copy(self.mean, other.mean);
        } else if other.count > 0 {
            kernels::mean_update(self.mean, other.mean, other.count as f32 / count as f32);
        }
        self.count = count;
        Ok(count)
    }

    /// Exchanges the mean and `params` element by element: twice with the same slice is the identity, bit for bit.
    ///
    /// # Errors
    /// [`Error::NoAverage`] before the first update, [`Error::Length`]; on the way back [`Error::NonFinite`] for a
    /// mean that has become so meanwhile: put numbers into `params`, and the live weights come back.
    pub fn swap(&mut self, params: &mut [f32]) -> Result<(), Error> {
        if self.count == 0 {
            return Err(Error::NoAverage);
        }
        Error::expect_len(Buffer::Params, self.mean.len(), params.len())?;
        if self.swapped {
            Params::from(&*params).check()?;
        }
        kernels::swap(self.mean, params);
        self.swapped = !self.swapped;
        Ok(())
    }

    /// The mean.
    ///
    /// # Errors
    /// [`Error::NoAverage`] before the first update, [`Error::Swapped`] while the slice holds the live weights.
    pub fn mean(&self) -> Result<&[f32], Error> {
        self.check_live()?;
        if self.count == 0 { Err(Error::NoAverage) } else { Ok(self.mean) }
    }

    /// Models in the mean.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Forgets every model.
    ///
    /// # Errors
    /// [`Error::Swapped`] while the slice holds the live weights.
    pub fn reset(&mut self) -> Result<(), Error> {
        self.check_live()?;
        self.count = 0;
        Ok(())
    }

    fn check_live(&self) -> Result<(), Error> {
        if self.swapped { Err(Error::Swapped) } else { Ok(()) }
    }
}

/// When to take a snapshot: at step `start`, and every `every` steps after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Snapshots {
    /// First step, counted from the start of training.
    pub start: u64,
    /// Steps between two snapshots; 0 takes the first alone. (After a step, the count of steps is at least 1.)
    pub every: u64,
}

impl Snapshots {
    /// Whether the model after `steps` steps is to be averaged.
    #[must_use]
    pub fn due(&self, steps: u64) -> bool {
        match steps.checked_sub(self.start) {
            Some(since) => since.checked_rem(self.every).map_or(since == 0, |rest| rest == 0),
            None => false,
        }
    }
}
