//! The mean of the models of a run, or the centre of elastic averaging, the pull to it, and its averages over the run.

use super::averages::Average;
use super::state::{CENTRE, Part, Saved, Sections};
use crate::Model;
use crate::average::Snapshots;
use crate::host::HostError;
use crate::host::memory::Floats;
use crate::host::plan::{Coupling, ReplicaPlan};
use crate::host::prelude::*;
use crate::replicas::{attract, mean_of, pull};
use crate::store::Place;

/// When replicas are pulled and averaged, in rounds; one model never is.
#[derive(Default)]
pub(super) struct Meetings {
    /// From one pull to the next, where there are any.
    pulls: Option<u64>,
    /// Of the middle into each average.
    snapshots: Vec<Snapshots>,
    /// Whether a pull needs what replicas were before its round.
    looks_back: bool,
}

impl Meetings {
    pub(super) fn new(replicas: &ReplicaPlan, epoch: u64, snapshots: Vec<Snapshots>) -> Self {
        let pulls = (!replicas.is_free()).then(|| replicas.every.unwrap_or(epoch));
        Self { pulls, snapshots, looks_back: matches!(replicas.coupling, Coupling::Elastic(_)) }
    }

    /// The first after `now`; `end` at the latest.
    pub(super) fn next(&self, now: u64, end: u64) -> u64 {
        let pull = self.pulls.map(|every| {
            let pull = now.saturating_add(every - now % every);
            if self.looks_back && pull - now > 1 { pull - 1 } else { pull }
        });
        let snapshots = self.snapshots.iter().map(|&Snapshots { start, every }| match now.checked_sub(start) {
            Some(since) => now.saturating_add(every - since % every),
            None => start,
        });
        snapshots.chain(pull).fold(end, u64::min)
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
    /// Replicas before the round that a pull belongs to; likewise.
    old: Floats,
}

impl Memory {
    /// Between so many models; nothing where nothing holds them together.
    pub(super) fn new(coupling: Option<Coupling>, models: usize, p: usize) -> Result<Self, HostError> {
        let centre = if matches!(coupling, Some(Coupling::Elastic(_))) { p } else { 0 };
        let old = Floats::zeros(centre.saturating_mul(models))?;
        Ok(Self { mean: Floats::zeros(if coupling.is_some() { p } else { 0 })?, centre: Floats::zeros(centre)?, old })
    }

    fn middle(&mut self, coupling: Option<Coupling>, models: &[Model<'_>]) -> Result<&[f32], HostError> {
        if let Some(Coupling::Elastic(_)) = coupling {
            return Ok(&self.centre);
        }
        mean_of(models, &mut self.mean)?;
        Ok(&self.mean)
    }
}

/// What the models of a run have in common: the averages of what lies between them, which of one model is itself.
pub(super) struct Middle<'a> {
    /// What holds several together.
    coupling: Option<Coupling>,
    memory: &'a mut Memory,
    pub(super) averages: Vec<Average<'a>>,
    /// The last good one of several models, for a run that may diverge.
    pub(super) kept: Vec<f32>,
}

impl<'a> Middle<'a> {
    /// Between models that have just started, where a centre begins at their mean, or as it was saved.
    pub(super) fn new(
        coupling: Option<Coupling>,
        models: &[Model<'_>],
        memory: &'a mut Memory,
        averages: Vec<Average<'a>>,
        saved: Option<&mut Saved<'_>>,
    ) -> Result<Self, HostError> {
        let Memory { centre, old, .. } = &mut *memory;
        match saved {
            Some(saved) => saved.read(CENTRE, 0, &mut [Place::Floats(centre), Place::Floats(old)])?,
            None if centre.is_empty() => {}
            None => _ = mean_of(models, centre)?,
        }
        Ok(Self { coupling, memory, averages, kept: Vec::new() })
    }

    /// Adds it and its averages to the state of a run.
    pub(super) fn save<'s>(&'s self, to: &mut Sections<'s>) {
        to.add(CENTRE, 0, [&self.memory.centre, &self.memory.old].map(|floats| Part::Floats(floats)));
        self.averages.iter().zip(0..).for_each(|(average, number)| average.save(number, to));
    }

    /// Whether it lies between several models.
    pub(super) fn is_of_several(&self) -> bool {
        self.coupling.is_some()
    }

    /// Looks at models before a round that may end in a pull.
    pub(super) fn look(&mut self, models: &[Model<'_>]) {
        let p = self.memory.mean.len().max(1);
        for (old, model) in self.memory.old.chunks_mut(p).zip(models) {
            old.copy_from_slice(model.params());
        }
    }

    /// Brings models closer together after `now` of `total` rounds.
    pub(super) fn pull(&mut self, models: &mut [Model<'_>], now: u64, total: u64) -> Result<(), HostError> {
        let Memory { mean, centre, old } = &mut *self.memory;
        match self.coupling {
            None => {}
            Some(Coupling::Mean(strength)) => pull(models, mean, strength.at(now, total))?,
            Some(Coupling::Elastic(alpha)) => {
                let Some(spec) = models.first().map(|model| *model.spec()) else { return Ok(()) };
                let before = old.chunks_mut(spec.param_len()).map(|params| Model::new(&spec, params));
                let mut before = before.collect::<Result<Vec<_>, _>>()?;
                // Both the step and the attraction start at the old weights: for a moment a model is its step alone. Running
                // variances, which a step takes a tenth from at most and this half, stay positive.
                for (model, old) in models.iter_mut().zip(&before) {
                    model.params_mut().iter_mut().zip(old.params()).for_each(|(x, old)| *x -= old);
                }
                attract(&mut before, centre, mean, alpha * models.len() as f32)?;
                for (model, moved) in models.iter_mut().zip(&before) {
                    model.params_mut().iter_mut().zip(moved.params()).for_each(|(x, moved)| *x += moved);
                }
            }
        }
        Ok(())
    }

    /// Updates the averages that are due after `now` rounds with the middle.
    pub(super) fn follow(&mut self, models: &[Model<'_>], now: u64, when: &Meetings) -> Result<(), HostError> {
        if !when.snapshots.iter().any(|snapshots| snapshots.due(now)) {
            return Ok(());
        }
        let middle = self.memory.middle(self.coupling, models)?;
        self.averages.iter_mut().try_for_each(|average| average.follow(middle, now - 1..now))
    }

    /// What is shown beside the last iterate, and how many models it is of: the middle of several models as it is now, of one
    /// its first average.
    pub(super) fn shown(&mut self, models: &[Model<'_>]) -> Result<(u64, Option<&[f32]>), HostError> {
        if self.coupling.is_some() {
            return Ok((models.len() as u64, Some(self.memory.middle(self.coupling, models)?)));
        }
        let first = self.averages.first_mut();
        Ok(first.map_or((0, None), |first| (first.count(), first.mean())))
    }

    /// Keeps what there is.
    pub(super) fn keep(&mut self, models: &[Model<'_>]) -> Result<(), HostError> {
        if self.coupling.is_some() {
            self.kept = self.memory.middle(self.coupling, models)?.to_vec();
        }
        self.averages.iter_mut().for_each(Average::keep);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
