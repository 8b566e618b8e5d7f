//! The averages of a run: their memory, when each is updated, and their results.

use super::norms::Norms;
use crate::Averager;
use crate::average::{Draws, Rule, Snapshots, Swag, Window};
use crate::host::HostError;
use crate::host::evaluation::{Evaluator, Poll};
use crate::host::memory::Floats;
use crate::host::plan::AverageKind;
use crate::host::prelude::*;
use crate::model::Params;
use core::ops::Range;

/// Floats of its mean, of what it has besides, and of its columns.
fn floats(kind: &AverageKind, p: usize) -> [usize; 3] {
    match *kind {
        AverageKind::Swa | AverageKind::Polynomial(_) | AverageKind::Ema(_) => [p, 0, 0],
        AverageKind::Lawa(models) => [p, 0, p.saturating_mul(models)],
        AverageKind::Swag(columns, _) => [p, p, p.saturating_mul(columns)],
    }
}

/// The slices of one average.
pub(in crate::host) struct Memory([Floats; 3]);

impl Memory {
    /// Floats that `kinds` take, beside one more mean for each, where a run that diverges keeps its last good one.
    pub(in crate::host) fn len(kinds: &[AverageKind], p: usize) -> usize {
        kinds.iter().flat_map(|kind| floats(kind, p)).fold(kinds.len().saturating_mul(p), usize::saturating_add)
    }

    pub(in crate::host) fn new(kind: &AverageKind, p: usize) -> Result<Self, HostError> {
        let [mean, second, more] = floats(kind, p).map(Floats::zeros);
        Ok(Self([mean?, second?, more?]))
    }
}

enum Running<'a> {
    Mean(Averager<'a>),
    Window(Window<'a>, &'a mut [f32]),
    Swag(Swag<'a>, Draws),
}

/// An average during a run.
pub(in crate::host) struct Average<'a> {
    pub(in crate::host) name: &'static str,
    running: Running<'a>,
    /// After which steps it is updated.
    when: Snapshots,
    /// The last good one, and its number of models.
    kept: (Vec<f32>, u64),
    /// At how many equally spaced moments of so many steps it is stored, if at all.
    moments: Option<(u64, u64)>,
    /// As it was there, each with its number of models.
    pub(in crate::host) stored: Vec<(Vec<f32>, u64)>,
}

impl<'a> Average<'a> {
    pub(in crate::host) fn new(
        kind: &AverageKind,
        when: Snapshots,
        seed: u64,
        memory: &'a mut Memory,
    ) -> Result<Self, HostError> {
        let Memory([mean, second, more]) = memory;
        let running = match *kind {
            AverageKind::Swa => Running::Mean(Averager::new(mean)),
            AverageKind::Polynomial(eta) => Running::Mean(Averager::with_rule(Rule::polynomial(eta), mean)?),
            AverageKind::Ema(ema) => Running::Mean(Averager::with_rule(Rule::ema(ema), mean)?),
            AverageKind::Lawa(models) => Running::Window(Window::new(models, more)?, mean),
            AverageKind::Swag(_, samples) => {
                Running::Swag(Swag::new(mean, second, more)?, Draws { seed, samples, scale: 1.0 })
            }
        };
        Ok(Self { name: kind.name(), running, when, kept: (Vec::new(), 0), moments: None, stored: Vec::new() })
    }

    /// The same, stored at so many equally spaced moments of a run of so many steps.
    pub(in crate::host) fn stored_at(self, moments: u64, steps: u64) -> Self {
        Self { moments: Some((moments, steps)), ..self }
    }

    /// Updates the average with the model after these steps, where an update is due in them.
    pub(in crate::host) fn follow<'p>(
        &mut self,
        model: impl Into<Params<'p>>,
        steps: Range<u64>,
    ) -> Result<(), HostError> {
        if steps.clone().any(|before| self.when.due(before + 1)) {
            match &mut self.running {
                Running::Mean(averager) => _ = averager.update(model)?,
                Running::Window(window, _) => _ = window.update(model)?,
                Running::Swag(swag, _) => _ = swag.update(model)?,
            }
        }
        let Some((moments, total)) = self.moments else { return Ok(()) };
        let passed = |steps: u64| u128::from(steps) * u128::from(moments) / u128::from(total.max(1));
        if passed(steps.end) > passed(steps.start) {
            let count = self.count();
            let mean = self.mean().map(<[f32]>::to_vec);
            self.stored.extend(mean.map(|mean| (mean, count)));
        }
        Ok(())
    }

    /// Models in it.
    pub(in crate::host) fn count(&self) -> u64 {
        match &self.running {
            Running::Mean(averager) => averager.count(),
            Running::Window(window, _) => window.held() as u64,
            Running::Swag(swag, _) => swag.count(),
        }
    }

    /// The averaged weights; none before the first model.
    pub(in crate::host) fn mean(&mut self) -> Option<&[f32]> {
        let mean = match &mut self.running {
            Running::Mean(averager) => averager.mean().ok(),
            Running::Window(window, mean) => window.mean(mean).ok(),
            Running::Swag(swag, _) => swag.mean().ok(),
        };
        mean.map(Params::as_slice)
    }

    /// Keeps what there is, for a run that may diverge.
    pub(in crate::host) fn keep(&mut self) {
        let count = self.count();
        if let Some(mean) = self.mean().map(<[f32]>::to_vec) {
            self.kept = (mean, count);
        }
    }

    /// What [`keep`](Self::keep) kept.
    pub(in crate::host) fn kept(&self) -> Option<(Vec<f32>, u64)> {
        (self.kept.1 > 0).then(|| self.kept.clone())
    }

    /// How many draws a posterior predicts by; none where it is no posterior.
    pub(in crate::host) fn draws(&self) -> Option<u32> {
        if let Running::Swag(_, draws) = &self.running { Some(draws.samples) } else { None }
    }

    /// Asks the draws from a posterior, each with statistics of its own for its norms; their soft vote is what
    /// [`Swag::predict`] says.
    pub(in crate::host) fn ask(
        &self,
        evaluator: &mut Evaluator<'_>,
        norms: &mut Norms<'_>,
        polls: &mut [Poll<'_>],
    ) -> Result<(), HostError> {
        let Running::Swag(swag, draws) = &self.running else { return Ok(()) };
        let mut params = Floats::zeros(swag.mean()?.len())?;
        for draw in 0..draws.samples {
            swag.sample(draws.seed, draw.into(), draws.scale, &mut params)?;
            let params = norms.of(&params)?;
            polls.iter_mut().try_for_each(|poll| poll.ask(evaluator, params, 1.0))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
