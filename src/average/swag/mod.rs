//! The Gaussian around an average: mean, variance and directions of the models of a run.

mod predict;

use crate::bytes::{Reader, Writer};
use crate::error::{Buffer, Error, Setting, Value};
use crate::kernels;
use crate::model::params::{LIMIT, Params};
use crate::network::spec::Spec;
use crate::random::{self, Purpose};
use crate::slices::{cut, numbered, rows, rows_mut};
pub use predict::Draws;

/// More than any draw from N(0, 1) in single precision.
const FAR: f32 = 10.0;

/// SWA-Gaussian (Maddox et al. 2019, arXiv 1902.02476): a posterior over weights from the models of a trajectory.
///
/// Mean and second moment by Welford's recurrence, `δ = w − m; m ← m + δ/n; M₂ ← M₂ + δ·(w − m)` with the new `m`, so
/// that `Σ = max(M₂/n, 0)`; with columns also the latest `K` deviations `w − m`, which span the low-rank part.
///
/// Memory: `P` floats for the mean, `P` for the second moment, `K·P` for the columns, `K = 0` for the diagonal alone.
#[must_use = "a posterior holds the models that it is updated with"]
pub struct Swag<'a> {
    pub(crate) mean: &'a mut [f32],
    second: &'a mut [f32],
    pub(crate) columns: &'a mut [f32],
    state: SwagState,
}

debug_view!(Swag<'_>: state; mean second columns);

/// What a posterior is besides its floats: kept with them, for [`Swag::resume`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SwagState {
    /// Models in the moments.
    pub count: u64,
    /// Deviations that went into the columns, which take them in turn.
    pub deviations: u64,
}

impl SwagState {
    /// Bytes of a state.
    pub const BYTES: usize = 16;

    /// The state as bytes, little-endian on every target: `u64` models, `u64` deviations.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let mut out = Writer::new(&mut bytes);
        out.long(self.count);
        out.long(self.deviations);
        bytes
    }

    /// The state that these bytes encode.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] for more deviations than models.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Self, Error> {
        let mut input = Reader::new(bytes);
        let state = Self { count: input.long()?, deviations: input.long()? };
        if state.deviations > state.count { Err(input.fault()) } else { Ok(state) }
    }
}

impl<'a> Swag<'a> {
    /// Floats of so many columns: `K·P`.
    #[must_use]
    pub const fn columns_len(spec: &Spec, columns: usize) -> usize {
        spec.param_len().saturating_mul(columns)
    }

    /// An empty posterior; what the slices hold does not matter. `columns` are whole columns, as long as the mean; none
    /// for the diagonal alone.
    ///
    /// # Errors
    /// [`Error::Length`].
    pub fn new(mean: &'a mut [f32], second: &'a mut [f32], columns: &'a mut [f32]) -> Result<Self, Error> {
        Self::resume(SwagState::default(), mean, second, columns)
    }

    /// Continues with moments and columns, as [`state`](Self::state) was.
    ///
    /// # Errors
    /// As [`new`](Self::new), [`Error::State`] for more deviations than models, [`Error::NonFinite`] for moments or columns
    /// that are not finite, or that large, and [`Error::Variance`] for a second moment below zero, which no models leave.
    pub fn resume(
        state: SwagState,
        mean: &'a mut [f32],
        second: &'a mut [f32],
        columns: &'a mut [f32],
    ) -> Result<Self, Error> {
        let p = mean.len();
        Error::expect_len(Buffer::SecondMoment, p, second.len())?;
        let whole = columns.len().checked_div(p).unwrap_or(0).saturating_mul(p);
        Error::expect_len(Buffer::Columns, whole, columns.len())?;
        // Each model leaves one at most.
        if state.deviations > state.count {
            return Err(Error::State);
        }
        let swag = Self { mean, second, columns, state };
        if state.count > 0 {
            Params::from(&*swag.mean).check()?;
            Params::from(&*swag.second).check()?;
            if let Some(index) = swag.second.iter().position(|&second| second < 0.0) {
                return Err(Error::Variance { index });
            }
        }
        Params::from(swag.columns()).check()?;
        Ok(swag)
    }

    /// Adds one model and returns the number of models.
    ///
    /// # Errors
    /// As [`Averager::update`](crate::Averager::update); [`Error::NonFinite`] also for a parameter so far from the mean
    /// that its square is too large.
    pub fn update<'p>(&mut self, params: impl Into<Params<'p>>) -> Result<u64, Error> {
        self.take(params.into())
    }

    fn take(&mut self, params: Params<'_>) -> Result<u64, Error> {
        Error::expect_len(Buffer::Params, self.mean.len(), params.values.len())?;
        let SwagState { count, deviations } = self.state;
        let (count, deviations) = count.checked_add(1).zip(deviations.checked_add(1)).ok_or(Error::CountOverflow)?;
        params.check()?;
        if count == 1 {
            kernels::copy(self.mean, params.values);
            kernels::clear(self.second);
        } else {
            self.expect_room(params.values)?;
            kernels::moments_update(self.mean, self.second, params.values, 1.0 / count as f32);
        }
        let place = self.place();
        if let Some(column) = rows_mut(self.columns, self.mean.len()).nth(place) {
            for ((d, &w), &m) in column.iter_mut().zip(params.values).zip(&*self.mean) {
                *d = w - m;
            }
        }
        self.state = SwagState { count, deviations };
        Ok(count)
    }

    /// Refuses a model that would make a second moment infinite.
    fn expect_room(&self, params: &[f32]) -> Result<(), Error> {
        let stays = |((&m, &v), &w): ((&f32, &f32), &f32)| {
            let d = w - m;
            (v + d * d).is_finite()
        };
        match numbered(0, self.mean.iter().zip(&*self.second).zip(params)).find(|(_, triple)| !stays(*triple)) {
            Some((index, _)) => Err(Error::NonFinite { value: Value::Param, index }),
            None => Ok(()),
        }
    }

    /// Merges another posterior into this one, by the definition `δ = m_b − m_a; m = m_a + δ·(n_b/n);
    /// M₂ = M₂_a + M₂_b + δ²·n_a·n_b/n` (Chan et al. 1979). Columns stay those of `self`.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::CountOverflow`], [`Error::NonFinite`] where a second moment would be too large.
    pub fn merge(&mut self, other: &Swag<'_>) -> Result<u64, Error> {
        Error::expect_len(Buffer::Mean, self.mean.len(), other.mean.len())?;
        let count = self.count().checked_add(other.count()).ok_or(Error::CountOverflow)?;
        if self.count() == 0 {
            kernels::copy(self.mean, other.mean);
            kernels::copy(self.second, other.second);
        } else if other.count() > 0 {
            let share = other.count() as f32 / count as f32;
            let gain = self.count() as f32 * share;
            let both = || self.mean.iter().zip(&*self.second).zip(other.mean.iter().zip(&*other.second));
            let merged = |((m, v), (m_b, v_b)): ((&f32, &f32), (&f32, &f32))| {
                let d = m_b - m;
                v + v_b + d * d * gain
            };
            if let Some((index, _)) = numbered(0, both()).find(|(_, four)| !merged(*four).is_finite()) {
                return Err(Error::NonFinite { value: Value::Param, index });
            }
            let theirs = other.mean.iter().zip(&*other.second);
            for ((m, v), (m_b, v_b)) in self.mean.iter_mut().zip(&mut *self.second).zip(theirs) {
                let d = m_b - *m;
                *v = *v + v_b + d * d * gain;
                *m += d * share;
            }
        }
        self.state.count = count;
        Ok(count)
    }

    /// Draws weights from the posterior into `params`: draw `number` of `seed`, whatever was drawn before.
    ///
    /// Without columns `w = m + √(scale·Σ)·z`; with `K` of them `w = m + √(scale·Σ/2)·z + √scale·D·z₂/√(2(K − 1))`;
    /// `z, z₂ ~ N(0, 1)`. `scale = 1` is the posterior, 0 the mean.
    ///
    /// # Errors
    /// [`Error::NoAverage`] before the first update, [`Error::Length`], [`Error::Setting`] for a scale that is negative or no
    /// number, or so large that a weight might be `2^127` or more; `params` is as before then.
    pub fn sample(&self, seed: u64, number: u64, scale: f32, params: &mut [f32]) -> Result<(), Error> {
        if self.count() == 0 {
            return Err(Error::NoAverage);
        }
        Error::expect_len(Buffer::Params, self.mean.len(), params.len())?;
        let held = self.held();
        // One column spans nothing: K − 1 degrees of freedom.
        let is_low_rank = held > 1;
        let diagonal = if is_low_rank { 0.5 * scale } else { scale } / self.count() as f32;
        let factor = kernels::sqrt(scale / (2.0 * (held as f32 - 1.0)));
        let columns = || rows(self.columns, self.mean.len()).take(if is_low_rank { held } else { 0 });
        let mut spread = kernels::sqrt(kernels::largest(self.second) * diagonal);
        columns().for_each(|column| spread += factor * kernels::largest(column));
        if !(scale >= 0.0 && kernels::largest(self.mean) + FAR * spread < LIMIT) {
            return Err(Error::Setting(Setting::Covariance));
        }
        let mut draws = random::stream(seed, Purpose::Posterior, number);
        for ((w, &m), &v) in params.iter_mut().zip(&*self.mean).zip(&*self.second) {
            // Rounding may leave a variance below 0.
            let variance = if v > 0.0 { v * diagonal } else { 0.0 };
            *w = m + kernels::sqrt(variance) * random::normal(&mut draws);
        }
        columns().for_each(|column| kernels::add(params, column, factor * random::normal(&mut draws)));
        Ok(())
    }

    /// The mean of the models.
    ///
    /// # Errors
    /// [`Error::NoAverage`] before the first update.
    pub fn mean(&self) -> Result<Params<'_>, Error> {
        if self.count() == 0 { Err(Error::NoAverage) } else { Ok(Params::of_average(self.mean)) }
    }

    /// The variance of parameter `index`, `max(M₂/n, 0)`; `None` before the first update or after the last parameter.
    #[must_use]
    pub fn variance(&self, index: usize) -> Option<f32> {
        let second = self.second.get(index).filter(|_| self.count() > 0)?;
        Some(if *second > 0.0 { second / self.count() as f32 } else { 0.0 })
    }

    /// Models in the moments.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.state.count
    }

    /// What to keep beside the slices, for [`resume`](Self::resume).
    #[must_use]
    pub fn state(&self) -> SwagState {
        self.state
    }

    /// Ends it: its [`state`](Self::state), and the slices are the caller's again.
    #[must_use]
    pub fn into_state(self) -> SwagState {
        self.state()
    }

    /// The second moment `M₂`, as long as the mean.
    #[must_use]
    pub fn second_moment(&self) -> &[f32] {
        self.second
    }

    /// The columns that [hold](Self::held) a deviation, one behind the other, each as long as the mean.
    #[must_use]
    pub fn columns(&self) -> &[f32] {
        cut(self.columns, self.held().saturating_mul(self.mean.len())).0
    }

    /// Columns that hold a deviation.
    #[must_use]
    pub fn held(&self) -> usize {
        let size = self.size();
        usize::try_from(self.state.deviations).map_or(size, |taken| taken.min(size))
    }

    /// Columns that there is room for.
    fn size(&self) -> usize {
        self.columns.len().checked_div(self.mean.len()).unwrap_or(0)
    }

    /// Which column the next deviation takes: in turn.
    fn place(&self) -> usize {
        self.state.deviations.checked_rem(self.size() as u64).unwrap_or(0) as usize
    }
}
