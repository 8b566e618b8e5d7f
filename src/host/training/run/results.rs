//! What a run leaves, evaluated.

use super::super::averages::Average;
use super::super::outcome::{Averaged, Drawn, MeanOverRun, Outcome, Replicas, Stored};
use super::{Left, Run};
use crate::host::HostError;
use crate::host::data::Dataset;
use crate::host::evaluation::{Marks, poll};
use crate::host::plan::EXPONENTS;
use crate::host::prelude::*;
use core::mem;

impl Run<'_> {
    /// What a run of one model leaves: the model and its averages, evaluated.
    pub(super) fn outcome(mut self) -> Result<Outcome, HostError> {
        let Left { models, history, best, interrupted, diverged, .. } = mem::take(&mut self.left);
        let last = models.into_iter().next().unwrap_or_default();
        let last_marks = self.marks(&last).map_err(self.failed())?;
        let mut averages = Vec::new();
        for average in mem::take(&mut self.middle.averages) {
            let Some((mut params, count)) = average.kept() else { continue };
            self.norms.refresh(&mut params)?;
            let marks = self.marks(&params)?;
            let mut made = Averaged { name: average.name, params, count, marks, drawn: None };
            if diverged.is_none() {
                self.ask(&average, &mut made)?;
            }
            averages.push(made);
        }
        let stored = self.stored.into_iter().zip(EXPONENTS).flat_map(|(average, exponent)| {
            average.stored.into_iter().map(move |(params, models)| Stored { exponent, models, params })
        });
        Ok(Outcome {
            spec: *self.spec,
            stored: stored.collect(),
            last,
            last_is_average: self.crew.are_averages(),
            last_marks,
            averages,
            baseline: None,
            baseline_history: Vec::new(),
            history,
            best,
            interrupted,
            diverged,
        })
    }

    /// What a run of several models leaves: they, their middle and its averages.
    pub(super) fn replicas(mut self) -> Result<Replicas, HostError> {
        let Left { models, history, best, interrupted, diverged, .. } = mem::take(&mut self.left);
        let mut mean = self.middle.kept;
        self.norms.refresh(&mut mean)?;
        let mut averages = Vec::new();
        for average in &self.middle.averages {
            let Some((mut params, count)) = average.kept() else { continue };
            self.norms.refresh(&mut params)?;
            averages.push(MeanOverRun { name: average.name, params, count });
        }
        Ok(Replicas { spec: *self.spec, models, mean, averages, history, best, interrupted, diverged })
    }

    fn marks(&mut self, params: &[f32]) -> Result<Marks, HostError> {
        self.evaluator.marks(params, self.data, self.train, self.validation)
    }

    /// Replaces the marks of a posterior's mean by what its draws predict.
    fn ask(&mut self, average: &Average<'_>, averaged: &mut Averaged) -> Result<(), HostError> {
        let Some(draws) = average.draws() else { return Ok(()) };
        let test: Vec<u32> = (0..self.data.test.len() as u32).collect();
        let Dataset { train: samples, test: others, .. } = self.data;
        let sets = [(samples, self.train), (samples, self.validation), (others, &test[..])];
        let Self { evaluator, norms, .. } = self;
        let [train, validation, test] = poll(self.spec, sets, |polls| average.ask(evaluator, norms, polls))?;
        let (soft, results) = ([&train[0], &validation[0], &test[0]], test[0].results.clone());
        let ([a, b, c], calibration) = (soft.map(|vote| vote.calibration.score()), Some(test[0].calibration));
        let marks = Marks { train: a, validation: b, test: c, calibration, results, ..averaged.marks.clone() };
        let mean = mem::replace(&mut averaged.marks, marks);
        averaged.drawn = Some(Drawn { draws, mean, votes: [validation, test] });
        Ok(())
    }
}
