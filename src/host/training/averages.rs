//! The averages that a run keeps beside its model: their memory, when they take the model in, and what comes of them.

use super::norms::Norms;
use crate::Averager;
use crate::average::{Draws, Rule, Swag, Window};
use crate::host::HostError;
use crate::host::evaluation::{Evaluator, Poll};
use crate::host::memory::Floats;
use crate::host::plan::AverageKind;
use crate::host::prelude::*;
use crate::model::Params;

/// Floats of its mean, of what it has besides, and of its columns.
fn floats(kind: &AverageKind, p: usize) -> [usize; 3] {
    match *kind {
        AverageKind::Swa | AverageKind::Ema(_) => [p, 0, 0],
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
    EveryStep(Averager<'a>),
    Window(Window<'a>, &'a mut [f32]),
    Swag(Swag<'a>, Draws),
}

/// An average at work.
pub(in crate::host) struct Average<'a> {
    pub(in crate::host) name: &'static str,
    running: Running<'a>,
    /// The last good one, and its number of models.
    kept: (Vec<f32>, u64),
}

impl<'a> Average<'a> {
    pub(in crate::host) fn new(kind: &AverageKind, seed: u64, memory: &'a mut Memory) -> Result<Self, HostError> {
        let Memory([mean, second, more]) = memory;
        let running = match *kind {
            AverageKind::Swa => Running::Mean(Averager::new(mean)),
            AverageKind::Ema(ema) => Running::EveryStep(Averager::with_rule(Rule::ema(ema), mean)?),
            AverageKind::Lawa(models) => Running::Window(Window::new(models, more)?, mean),
            AverageKind::Swag(_, draws) => Running::Swag(Swag::new(mean, second, more)?, Draws { seed, ..draws }),
        };
        Ok(Self { name: kind.name(), running, kept: (Vec::new(), 0) })
    }

    /// Takes the model in where it is its turn: an exponential average after every step, the others where a snapshot is due.
    pub(in crate::host) fn follow<'p>(&mut self, model: impl Into<Params<'p>>, is_due: bool) -> Result<(), HostError> {
        match &mut self.running {
            Running::EveryStep(averager) => _ = averager.update(model)?,
            Running::Mean(averager) if is_due => _ = averager.update(model)?,
            Running::Window(window, _) if is_due => _ = window.update(model)?,
            Running::Swag(swag, _) if is_due => _ = swag.update(model)?,
            _ => {}
        }
        Ok(())
    }

    /// Models in it.
    pub(in crate::host) fn count(&self) -> u64 {
        match &self.running {
            Running::Mean(averager) | Running::EveryStep(averager) => averager.count(),
            Running::Window(window, _) => window.held() as u64,
            Running::Swag(swag, _) => swag.count(),
        }
    }

    /// The averaged weights; none before the first model.
    pub(in crate::host) fn mean(&mut self) -> Option<&[f32]> {
        let mean = match &mut self.running {
            Running::Mean(averager) | Running::EveryStep(averager) => averager.mean().ok(),
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
mod tests {
    use super::*;
    use crate::host::data::Dataset;
    use crate::host::evaluation::{calibrate, poll};
    use crate::metrics::Calibration;
    use crate::{Activation, Init, Model, Spec, Workspace};

    #[test]
    fn the_soft_vote_of_draws_is_what_their_posterior_predicts() {
        const NET: Spec = Spec::new(784).dense(5, Activation::Relu).dense(10, Activation::Identity);
        const P: usize = NET.param_len();
        let data = Dataset::sample().unwrap();
        let indices: Vec<u32> = (0..700).map(|i| i * 3).collect();
        let draws = Draws { seed: 0, samples: 4, scale: 1.0 };
        let mut memory = Memory::new(&AverageKind::Swag(2, draws), P).unwrap();
        let mut average = Average::new(&AverageKind::Swag(2, draws), 7, &mut memory).unwrap();
        let mut params = vec![0.0; P];
        let mut model = Model::new(&NET, &mut params).unwrap();
        for seed in 1..4 {
            model.init(Init::He, seed).unwrap();
            average.follow(&model, true).unwrap();
        }
        let mut evaluator = Evaluator::new(&NET, &data).unwrap();
        let mut norms = Norms::new(&NET, &data.train, &indices).unwrap();
        let asked = poll(&NET, [(&data.train, &indices), (&data.test, &[])], |polls| {
            average.ask(&mut evaluator, &mut norms, polls)
        });
        let [[soft, pooled, hard], nothing] = asked.unwrap();

        let Running::Swag(swag, draws) = &average.running else { panic!("no posterior") };
        let (mut probabilities, mut scratch) = (vec![0.0; 700 * 10], vec![0.0; P]);
        let mut floats = vec![0.0; NET.predict_len(64)];
        let mut work = Workspace::for_prediction(&NET, 64, &mut floats).unwrap();
        let inputs = data.train.inputs_of(&indices);
        swag.predict(&NET, *draws, inputs, &mut scratch, &mut probabilities, &mut work).unwrap();
        let mut expected = Calibration::default();
        calibrate(&NET, &data.train, &indices, &probabilities, &mut expected).unwrap();
        assert!((soft.calibration.score().loss() - expected.score().loss()).abs() < 1e-5);
        assert!((soft.calibration.ece() - expected.ece()).abs() < 1e-5);
        assert_eq!((soft.samples, soft.samples - soft.errors), (700, expected.score().hits()));
        // Others than the soft one, whose ballots are quarters.
        assert!((pooled.calibration.score().loss() - expected.score().loss()).abs() > 1e-3);
        assert!(pooled.samples == 700 && hard.samples == 700 && hard.errors != soft.errors);
        assert_eq!(nothing.map(|tally| tally.samples), [0; 3]);
    }
}
