//! Every way to get a prediction, with its figures in every seed.

use crate::host::evaluation::{Marks, error_percent};
use crate::host::prelude::*;

/// How good one way to predict is in one seed; NaN where there is no figure.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Figures {
    /// Of the run.
    pub seed: u64,
    /// Errors on training, validation and test samples in per cent, test minus train error, negative log-likelihood of the
    /// test, its expected calibration error in per cent, and the updates of all models that took part.
    pub cells: [f64; 7],
}

impl Figures {
    pub(super) fn new(seed: u64, [train, validation, test]: [f64; 3], nll: f64, ece: f64, updates: u64) -> Self {
        Self { seed, cells: [train, validation, test, test - train, nll, ece, updates as f64] }
    }

    /// Those of a model that so many updates made.
    pub(super) fn of_model(seed: u64, marks: &Marks, updates: u64) -> Self {
        let errors = [&marks.train, &marks.validation, &marks.test].map(error_percent);
        let ece = marks.calibration.as_ref().map_or(f64::NAN, |c| 100.0 * f64::from(c.ece()));
        Self::new(seed, errors, marks.test.loss().into(), ece, updates)
    }

    /// The means of several models.
    pub(super) fn mean(of: &[Self]) -> Option<Self> {
        let mean = |i: usize| of.iter().map(|figures| figures.cells[i]).sum::<f64>() / of.len() as f64;
        Some(Self { seed: of.first()?.seed, cells: core::array::from_fn(mean) })
    }
}

/// One way to get a prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// What it is.
    pub name: String,
    /// Seed after seed.
    pub figures: Vec<Figures>,
}

/// All of them, in the order in which they were first seen.
#[derive(Clone, Debug, Default)]
pub struct Variants(Vec<Variant>);

impl Variants {
    pub(super) fn add(&mut self, name: &str, figures: Figures) {
        match self.0.iter_mut().find(|variant| variant.name == name) {
            Some(variant) => variant.figures.push(figures),
            None => self.0.push(Variant { name: name.to_owned(), figures: vec![figures] }),
        }
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Variant] {
        &self.0
    }

    /// Those of the seeds that every variant has.
    #[must_use]
    pub fn whole(&self) -> Vec<Variant> {
        let seeds = self.0.iter().map(|variant| variant.figures.len()).min().unwrap_or(0);
        let cut = |variant: &Variant| Variant { figures: variant.figures[..seeds].to_vec(), ..variant.clone() };
        self.0.iter().map(cut).collect()
    }
}
