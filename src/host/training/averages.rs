//! The averages of a run: their memory, when each is updated, and their results.

use super::norms::Norms;
use super::state::{BEST, Part, STORED, Saved, Sections};
use crate::average::{AverageState, Draws, Rule, Snapshots, Swag, SwagState, Window, WindowState};
use crate::host::HostError;
use crate::host::evaluation::{Evaluator, Poll};
use crate::host::memory::Floats;
use crate::host::plan::AverageKind;
use crate::host::prelude::*;
use crate::model::Params;
use crate::store::{Place, Tag};
use crate::{Averager, Error};
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

/// Fills floats with those of a saved average, all that there are, and gives the bytes of its state.
fn restore<const N: usize>(
    saved: &mut Saved<'_>,
    number: usize,
    floats: [&mut [f32]; 3],
) -> Result<[u8; N], HostError> {
    let (mut state, mut left) = ([0; N], saved.len(Tag::AVERAGE, number)?.saturating_sub(N) / 4);
    let [a, b, c] = floats.map(|floats| {
        let n = left.min(floats.len());
        left -= n;
        Place::Floats(&mut floats[..n])
    });
    saved.read(Tag::AVERAGE, number, &mut [Place::Bytes(&mut state), a, b, c])?;
    Ok(state)
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
        let rule = match *kind {
            AverageKind::Polynomial(eta) => Rule::polynomial(eta),
            AverageKind::Ema(ema) => Rule::ema(ema),
            _ => Rule::mean(),
        };
        let running = match *kind {
            AverageKind::Lawa(models) => Running::Window(Window::new(models, more)?, mean),
            AverageKind::Swag(_, samples) => {
                Running::Swag(Swag::new(mean, second, more)?, Draws { seed, samples, scale: 1.0 })
            }
            _ => Running::Mean(Averager::with_rule(rule, mean)?),
        };
        Ok(Self { name: kind.name(), running, when, kept: (Vec::new(), 0), moments: None, stored: Vec::new() })
    }

    /// As it was saved with this number.
    pub(in crate::host) fn resume(
        kind: &AverageKind,
        when: Snapshots,
        seed: u64,
        memory: &'a mut Memory,
        (saved, number): (&mut Saved<'_>, usize),
    ) -> Result<Self, HostError> {
        let Memory([mean, second, more]) = memory;
        let p = mean.len();
        let running = match *kind {
            AverageKind::Lawa(_) => {
                let state = restore(saved, number, [more, &mut [], &mut []])?;
                Running::Window(Window::resume(WindowState::from_bytes(&state)?, more)?, mean)
            }
            AverageKind::Swag(_, samples) => {
                let state = SwagState::from_bytes(&restore(saved, number, [mean, second, more])?)?;
                Running::Swag(Swag::resume(state, mean, second, more)?, Draws { seed, samples, scale: 1.0 })
            }
            AverageKind::Swa | AverageKind::Polynomial(_) | AverageKind::Ema(_) => {
                let state = restore(saved, number, [mean, &mut [], &mut []])?;
                Running::Mean(Averager::resume(AverageState::from_bytes(&state)?, mean)?)
            }
        };
        let mut records = |tag| {
            saved.records(tag, number, [1, p]).map(|read| read.into_iter().map(|(count, floats)| (floats, count[0])))
        };
        let kept = records(BEST)?.next().unwrap_or_default();
        let stored = records(STORED)?.collect();
        Ok(Self { name: kind.name(), running, when, kept, moments: None, stored })
    }

    /// Adds it to the state of a run, with this number.
    pub(in crate::host) fn save<'s>(&'s self, number: usize, to: &mut Sections<'s>) {
        let floats = |floats| if self.count() > 0 { Part::Floats(floats) } else { Part::Floats(&[]) };
        let of = |mean: Result<Params<'s>, Error>| mean.map_or(&[][..], Params::as_slice);
        let parts = match &self.running {
            Running::Mean(averager) => {
                vec![Part::Bytes(averager.state().to_bytes().to_vec()), floats(of(averager.mean()))]
            }
            Running::Window(window, _) => {
                vec![Part::Bytes(window.state().to_bytes().to_vec()), floats(window.models())]
            }
            Running::Swag(swag, _) => {
                let state = Part::Bytes(swag.state().to_bytes().to_vec());
                vec![state, floats(of(swag.mean())), floats(swag.second_moment()), floats(swag.columns())]
            }
        };
        to.add(Tag::AVERAGE, number, parts);
        let record = |(floats, count): &'s (Vec<f32>, u64)| [Part::longs([*count]), Part::Floats(floats)];
        to.add(BEST, number, (self.kept.1 > 0).then(|| record(&self.kept)).into_iter().flatten());
        to.add(STORED, number, self.stored.iter().flat_map(record));
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
