//! Every way to get a prediction, with its figures in every seed.

use crate::host::evaluation::{Marks, error_percent};
use crate::host::prelude::*;

/// How good one way to predict is in one seed; NaN where there is no figure.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Figures {
    /// Of the run.
    pub seed: u64,
    /// Errors on training, validation and test samples in per cent.
    pub errors: [f64; 3],
    /// Mean negative log-likelihood of the test.
    pub nll: f64,
    /// Expected calibration error of the test in per cent.
    pub ece: f64,
    /// Of all models that took part.
    pub updates: u64,
}

impl Figures {
    /// Those of a model that so many updates made.
    pub(super) fn of_model(seed: u64, marks: &Marks, updates: u64) -> Self {
        let errors = [&marks.train, &marks.validation, &marks.test].map(error_percent);
        let ece = marks.calibration.as_ref().map_or(f64::NAN, |c| 100.0 * f64::from(c.ece()));
        Self { seed, errors, nll: marks.test.loss().into(), ece, updates }
    }

    /// The means of several models.
    pub(super) fn mean(of: &[Self]) -> Option<Self> {
        let mean = |get: &dyn Fn(&Self) -> f64| of.iter().map(get).sum::<f64>() / of.len() as f64;
        let errors = [0, 1, 2].map(|set| mean(&|figures| figures.errors[set]));
        Some(Self { errors, nll: mean(&|figures| figures.nll), ece: mean(&|figures| figures.ece), ..*of.first()? })
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
