//! Every way to get a prediction, with its figures in every seed.

use crate::host::HostError;
use crate::host::report::text::{Table, csv_bytes, error_percent, mean_and_sd, mean_sd};
use crate::host::training::Marks;
use std::borrow::ToOwned;
use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

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

/// Names and digits of the columns.
const COLUMNS: [(&str, usize); 7] = [
    ("train, %", 2),
    ("validation, %", 2),
    ("test, %", 2),
    ("test − train", 2),
    ("test NLL", 4),
    ("test ECE, %", 2),
    ("updates", 0),
];

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

    fn cells(&self) -> [f64; COLUMNS.len()] {
        let [train, validation, test] = self.errors;
        [train, validation, test, test - train, self.nll, self.ece, self.updates as f64]
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

    /// Those of the seeds that every variant has.
    #[must_use]
    pub fn whole(&self) -> Vec<Variant> {
        let seeds = self.0.iter().map(|variant| variant.figures.len()).min().unwrap_or(0);
        let cut = |variant: &Variant| Variant { figures: variant.figures[..seeds].to_vec(), ..variant.clone() };
        self.0.iter().map(cut).collect()
    }

    /// A row for each; with several seeds the mean ± the standard deviation.
    #[must_use]
    pub fn table(&self) -> Table {
        let cell = |variant: &Variant, i: usize, digits: usize| {
            let values: Vec<f64> = variant.figures.iter().map(|figures| figures.cells()[i]).collect();
            let (mean, sd) = mean_and_sd(&values);
            mean_sd(mean, sd, values.len(), |x| format!("{x:.digits$}"))
        };
        let row = |variant: &Variant| {
            let cells = COLUMNS.iter().enumerate().map(|(i, &(_, digits))| cell(variant, i, digits));
            [variant.name.clone()].into_iter().chain(cells).collect()
        };
        let header = [""].into_iter().chain(COLUMNS.map(|(name, _)| name)).map(str::to_owned);
        Table { header: header.collect(), rows: self.whole().iter().map(row).collect() }
    }

    /// A line for each variant and seed as CSV.
    ///
    /// # Errors
    /// None in practice: the cells are names and numbers.
    pub fn csv(&self) -> Result<Vec<u8>, HostError> {
        csv_bytes(|writer| {
            writer.write_record(["variant", "seed"].into_iter().chain(COLUMNS.map(|(name, _)| name)))?;
            let figures = self.0.iter().flat_map(|variant| variant.figures.iter().map(|f| (&variant.name, f)));
            for (name, figures) in figures {
                let cells = figures.cells().map(|x| if x.is_nan() { String::new() } else { x.to_string() });
                writer.write_record([name.clone(), figures.seed.to_string()].iter().chain(&cells))?;
            }
            Ok(())
        })
    }
}
