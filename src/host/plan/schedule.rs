//! The rate and the snapshots of a run, step by step.

use super::averages::AverageKind;
use super::settings::{DecayPlan, Plan};
use crate::average::Snapshots;
use crate::schedule::{Anneal, Decay, Schedule, Shape};

impl Plan {
    /// The rate as a function of the step, for epochs of `epoch` steps.
    #[must_use]
    pub fn schedule(&self, epoch: u64) -> Schedule {
        let steps_of = |epochs: f32| (f64::from(epochs) * epoch as f64) as u64;
        let warmup = steps_of(self.warmup);
        let steps = self.epochs.saturating_mul(epoch).saturating_sub(warmup);
        let start = self.snapshots(epoch).map(|snapshots| snapshots.start);
        let decay = match self.decay {
            DecayPlan::Constant => Decay::Constant,
            DecayPlan::Step { every, factor } => Decay::Step { every: every.saturating_mul(epoch), factor },
            DecayPlan::Linear(to) => Decay::Linear { to, steps },
            DecayPlan::Cosine(to) => Decay::Cosine { to, steps },
            DecayPlan::Paper(to) => {
                Decay::ConstantThenLinear { to, steps: start.map_or(steps, |start| start.saturating_sub(warmup)) }
            }
            DecayPlan::Cyclic { to, epochs } => Decay::Cyclic { to, cycle: steps_of(epochs).max(1) },
            DecayPlan::Restarts { to, epochs } => Decay::WarmRestarts { to, first: steps_of(epochs).max(1), factor: 1 },
            DecayPlan::OneCycle(to) => {
                let rise = (0.3 * steps as f64) as u64;
                Decay::OneCycle { from: self.rate / 25.0, to, rise, steps, shape: Shape::Cosine }
            }
        };
        let anneal = self
            .averages
            .as_ref()
            .and_then(|averages| Some(Anneal { start: start?, steps: 0, to: averages.rate?, shape: Shape::Linear }));
        Schedule { rate: self.rate, warmup, decay, anneal }
    }

    /// The baseline: all epochs with linear learning rate decay to zero, and no average.
    #[must_use]
    pub fn baseline(&self) -> Self {
        Self { decay: DecayPlan::Linear(0.0), averages: None, patience: None, ..self.clone() }
    }

    /// The steps after which an average of this kind is updated, for epochs of `epoch` steps.
    #[must_use]
    pub fn updates(&self, kind: &AverageKind, epoch: u64) -> Option<Snapshots> {
        match kind {
            AverageKind::Ema(_) => Some(Snapshots { start: 1, every: 1 }),
            AverageKind::Polynomial(_) => {
                let every = self.averages.as_ref()?.polynomial_every(epoch);
                Some(Snapshots { start: every, every })
            }
            _ => self.snapshots(epoch),
        }
    }

    /// The steps after which a snapshot is taken, for epochs of `epoch` steps.
    #[must_use]
    pub fn snapshots(&self, epoch: u64) -> Option<Snapshots> {
        let swa = self.averages.as_ref()?;
        let total = self.epochs.saturating_mul(epoch);
        // A share such as 0.6 is a little more as f32; it is not to cost an epoch.
        let start = (f64::from(swa.start) * total as f64 * (1.0 - 1e-7)).ceil() as u64;
        Some(match swa.every {
            // Whole epochs, so that every snapshot has seen the same samples equally often.
            None => {
                let whole = start.checked_next_multiple_of(epoch).unwrap_or(total);
                Snapshots { start: whole.max(epoch).min(total), every: epoch }
            }
            Some(every) => Snapshots { start: start.max(1).min(total), every },
        })
    }
}

#[cfg(test)]
mod tests;
