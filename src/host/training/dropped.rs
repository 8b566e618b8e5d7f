//! Updates that are dropped because their loss or gradient is not finite.

use crate::error::Value;
use crate::host::HostError;
use crate::host::plan::OnDivergence;
use crate::host::prelude::*;
use crate::{Error, Spec};

/// What a run dropped so far. It is part of the state of a run: the rate and the end depend on it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Dropped {
    /// Updates.
    pub(super) count: u64,
    /// How often the rate was halved.
    pub(super) halvings: u32,
    /// Samples that passed since the latest update that was not dropped.
    pub(super) idle: u64,
    /// Why the first one was, after how many steps and at which rate; none in a run that was resumed.
    pub(super) first: Option<(Error, u64, f32)>,
}

impl Dropped {
    /// A rate of a millionth teaches nothing.
    pub(super) const MOST_HALVINGS: u32 = 20;

    /// What multiplies the rate of the schedule.
    pub(super) fn factor(&self) -> f32 {
        1.0 / (1_u32 << self.halvings) as f32
    }

    /// An update was made.
    pub(super) fn end_of_idle(&mut self) {
        self.idle = 0;
    }

    /// Drops an update of so many samples after these steps at this rate, if that is asked for.
    ///
    /// # Errors
    /// `error`, where it is no number that is not finite, where nothing is to be dropped, and where there is no hope:
    /// as many samples as an `epoch` has passed without an update, or the rate was halved often enough.
    pub(super) fn drop(
        &mut self,
        how: OnDivergence,
        error: Error,
        (samples, epoch): (u64, u64),
        (steps, rate): (u64, f32),
    ) -> Result<(), Error> {
        let is_of_update = matches!(
            error,
            Error::NonFinite { value: Value::Loss | Value::Gradient | Value::Statistic | Value::Step, .. }
        );
        self.idle = self.idle.saturating_add(samples);
        let is_hopeless = self.idle >= epoch || how == OnDivergence::HalveRate && self.halvings == Self::MOST_HALVINGS;
        if how == OnDivergence::Stop || !is_of_update || is_hopeless {
            return Err(error);
        }
        self.halvings += u32::from(how == OnDivergence::HalveRate);
        self.count += 1;
        self.first = self.first.or((self.count == 1).then_some((error, steps, rate)));
        Ok(())
    }

    /// Why the first update was dropped, for people; nothing where none was.
    pub(super) fn told(&self, spec: &Spec, how: OnDivergence) -> Option<String> {
        let (error, steps, rate) = self.first?;
        let error = HostError::of_step(spec, steps, rate)(error.into());
        Some(format!("an update was dropped (--on-divergence {}): {error}", how.name()))
    }

    /// How many updates were dropped, for people; nothing where none was.
    pub(super) fn counted(&self, how: OnDivergence) -> Option<String> {
        let updates = match self.count {
            0 => return None,
            1 => "1 update was dropped because it was not finite".to_owned(),
            n => format!("{n} updates were dropped because they were not finite"),
        };
        let rate = match self.halvings {
            0 => String::new(),
            n => format!("; the learning rate is 1/{} of the schedule's", 1_u64 << n),
        };
        Some(format!("{updates} (--on-divergence {}){rate}", how.name()))
    }

    /// What several models dropped.
    pub(super) fn join(self, other: &Self) -> Self {
        Self {
            count: self.count + other.count,
            halvings: self.halvings.max(other.halvings),
            idle: self.idle.max(other.idle),
            first: self.first.or(other.first),
        }
    }
}

#[cfg(test)]
mod tests;
