//! Where replicas meet: their mean, or the centre of elastic averaging, and the averages of what it was.

use super::{Coupling, ReplicaPlan};
use crate::host::HostError;
use crate::host::averages::Average;
use crate::host::memory::Floats;
use crate::{Model, Snapshots, attract, mean_of, pull};
use std::vec::Vec;

/// When replicas meet, in rounds.
pub(super) struct Meetings {
    /// From one pull to the next, where there are any.
    pulls: Option<u64>,
    /// Of the middle into averages, where there are any.
    pub(super) snapshots: Option<Snapshots>,
    /// Whether an average follows every round.
    each: bool,
}

impl Meetings {
    pub(super) fn new(replicas: &ReplicaPlan, epoch: u64, snapshots: Option<Snapshots>, each: bool) -> Self {
        let pulls = (!replicas.is_free()).then(|| replicas.every.unwrap_or(epoch));
        Self { pulls, snapshots, each }
    }

    /// The first after `now`; `end` at the latest.
    pub(super) fn next(&self, now: u64, end: u64) -> u64 {
        let pull = self.pulls.map(|every| now.saturating_add(every - now % every));
        let snapshot = self.snapshots.map(|Snapshots { start, every }| match now.checked_sub(start) {
            Some(since) => now.saturating_add(every - since % every),
            None => start,
        });
        let each = self.each.then_some(now + 1);
        [pull, snapshot, each].into_iter().flatten().fold(end, u64::min)
    }

    /// Whether the round `now` ends in a pull.
    pub(super) fn pulls_at(&self, now: u64) -> bool {
        self.pulls.is_some_and(|every| now.is_multiple_of(every))
    }
}

/// The floats of a middle.
pub(super) struct Memory {
    mean: Floats,
    /// None but of elastic averaging.
    centre: Floats,
}

impl Memory {
    pub(super) fn new(coupling: Coupling, p: usize) -> Result<Self, HostError> {
        let centre = if matches!(coupling, Coupling::Elastic(_)) { p } else { 0 };
        Ok(Self { mean: Floats::zeros(p)?, centre: Floats::zeros(centre)? })
    }

    fn middle(&mut self, coupling: Coupling, models: &[Model<'_>]) -> Result<&[f32], HostError> {
        if let Coupling::Elastic(_) = coupling {
            return Ok(&self.centre);
        }
        mean_of(models, &mut self.mean)?;
        Ok(&self.mean)
    }
}

/// What replicas have in common.
pub(super) struct Middle<'a> {
    coupling: Coupling,
    memory: &'a mut Memory,
    pub(super) averages: Vec<Average<'a>>,
    /// The last good one, for a run that may diverge.
    pub(super) kept: Vec<f32>,
}

impl<'a> Middle<'a> {
    /// Between replicas that have just started: a centre begins at their mean.
    pub(super) fn new(
        coupling: Coupling,
        models: &[Model<'_>],
        memory: &'a mut Memory,
        averages: Vec<Average<'a>>,
    ) -> Result<Self, HostError> {
        if !memory.centre.is_empty() {
            mean_of(models, &mut memory.centre)?;
        }
        Ok(Self { coupling, memory, averages, kept: Vec::new() })
    }

    /// Brings replicas closer together after `now` of `total` rounds.
    pub(super) fn pull(&mut self, models: &mut [Model<'_>], now: u64, total: u64) -> Result<(), HostError> {
        let Memory { mean, centre } = &mut *self.memory;
        match self.coupling {
            Coupling::Mean(strength) => pull(models, mean, strength.at(now, total))?,
            Coupling::Elastic(alpha) => attract(models, centre, mean, alpha * models.len() as f32)?,
        }
        Ok(())
    }

    /// The middle as it is now.
    pub(super) fn of(&mut self, models: &[Model<'_>]) -> Result<&[f32], HostError> {
        self.memory.middle(self.coupling, models)
    }

    /// Takes the middle after `now` rounds into the averages whose turn it is.
    pub(super) fn follow(&mut self, models: &[Model<'_>], now: u64, when: &Meetings) -> Result<(), HostError> {
        let Some(snapshots) = when.snapshots.filter(|snapshots| when.each || snapshots.due(now)) else { return Ok(()) };
        let middle = self.memory.middle(self.coupling, models)?;
        self.averages.iter_mut().try_for_each(|average| average.follow(middle, now, snapshots))
    }

    /// Keeps what there is.
    pub(super) fn keep(&mut self, models: &[Model<'_>]) -> Result<(), HostError> {
        self.kept = self.of(models)?.to_vec();
        self.averages.iter_mut().for_each(Average::keep);
        Ok(())
    }
}
