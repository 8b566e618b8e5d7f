//! The article's experiment: one network trained in every way that it proposes, side by side.

use super::dataset::Dataset;
use super::growing::GrowthPlan;
use super::plan::{DecayPlan, OptimizerPlan, Plan};
use super::poll::{VOTES, poll};
use super::replicas::{Coupling, ReplicaPlan, train_replicas};
use super::report::{aligned, mean_and_sd, write_history};
use super::run::{Epoch, Marks, Observer, split, train};
use super::{Evaluator, HostError};
use crate::{Pull, Score, SgdConfig, Start};
use std::borrow::ToOwned;
use std::format;
use std::io;
use std::path::Path;
use std::string::String;
use std::sync::atomic::AtomicBool;
use std::vec;
use std::vec::Vec;

/// What is trained, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// One model, with SWA.
    Single,
    /// One model whose rate falls to zero.
    Falling,
    /// One model whose batch grows by the norm test.
    Growing,
    /// Replicas from starts of their own, which nothing pulls.
    Apart,
    /// Replicas from a common start, pulled to their mean.
    Common,
    /// Replicas from starts of their own, pulled likewise.
    Independent,
}

impl Stage {
    /// All of them, in their order.
    pub const ALL: [Self; 6] =
        [Self::Single, Self::Falling, Self::Growing, Self::Apart, Self::Common, Self::Independent];

    /// What its files are called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Falling => "falling",
            Self::Growing => "growing",
            Self::Apart => "apart",
            Self::Common => "common",
            Self::Independent => "independent",
        }
    }

    /// What it is, in a few words.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Single => "one model, averaged along its run",
            Self::Falling => "falling rate",
            Self::Growing => "growing batch",
            Self::Apart => "replicas apart",
            Self::Common => "pulled, from a common start",
            Self::Independent => "pulled, from starts of their own",
        }
    }
}

/// The columns of the table, and their digits.
const COLUMNS: [(&str, usize); COUNT] = [
    ("train, %", 2),
    ("validation, %", 2),
    ("test, %", 2),
    ("test − train", 2),
    ("test NLL", 4),
    ("test ECE, %", 2),
    ("updates", 0),
];
const COUNT: usize = 7;

/// One way to get a prediction, with its figures in every seed, in the order of [`header`]; NaN where there is none.
#[derive(Clone, Debug)]
pub struct Variant {
    /// What it is.
    pub name: String,
    /// A row for each seed.
    pub figures: Vec<[f64; COUNT]>,
}

/// The names of a variant's figures.
#[must_use]
pub fn header() -> [&'static str; COUNT] {
    COLUMNS.map(|(name, _)| name)
}

/// The experiment: its settings, and what came of it so far.
#[derive(Debug)]
pub struct Reproduction<'a> {
    data: &'a Dataset,
    recipe: Recipe,
    /// Every variant, in the order in which it was first seen.
    pub variants: Vec<Variant>,
    /// Each stage's epochs, of the first seed.
    pub histories: Vec<(Stage, Vec<Epoch>)>,
}

/// The settings that every stage changes in one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// The network, its optimizer and its budget.
    pub plan: Plan,
    /// How the rate of the one model that is averaged moves.
    pub averaged: DecayPlan,
    /// How many replicas, on how many threads.
    pub replicas: ReplicaPlan,
}

impl Recipe {
    /// The article's: five replicas of [`Plan::default`], Adam with dropout at a constant rate.
    #[must_use]
    pub fn adam() -> Self {
        Self { plan: Plan::default(), averaged: DecayPlan::Constant, replicas: ReplicaPlan::default() }
    }

    /// The same network with SGD, momentum 0.9, weight decay 1e-4 and no dropout, 30 epochs in which the rate falls linearly
    /// from 0.05 to zero; where a run is averaged, to 0.02 by the schedule of SWA's authors.
    #[must_use]
    pub fn sgd() -> Self {
        let optimizer = OptimizerPlan::Sgd(SgdConfig { momentum: 0.9, nesterov: false, weight_decay: 1e-4 });
        let (rate, decay) = (0.05, DecayPlan::Linear(0.0));
        let plan = Plan { optimizer, rate, decay, dropout: 0.0, epochs: 30, ..Plan::default() };
        Self { plan, averaged: DecayPlan::Paper(0.02), ..Self::adam() }
    }
}

impl<'a> Reproduction<'a> {
    /// Nothing trained yet.
    ///
    /// # Errors
    /// [`HostError::Usage`] for settings out of range, or without validation samples.
    pub fn new(data: &'a Dataset, recipe: Recipe) -> Result<Self, HostError> {
        recipe.plan.check()?;
        recipe.replicas.check(&recipe.plan)?;
        recipe.plan.check_batches(data.train.len())?;
        if recipe.plan.held_out(data.train.len())? == 0 {
            return Err(HostError::Usage("no validation samples: --validation is above 0".to_owned()));
        }
        Ok(Self { data, recipe, variants: Vec::new(), histories: Vec::new() })
    }

    /// Trains one stage with this seed and takes in what it gives, unless it was stopped; whether it came to its end.
    ///
    /// # Errors
    /// As [`train`] and [`train_replicas`].
    pub fn run(
        &mut self,
        stage: Stage,
        seed: u64,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<bool, HostError> {
        let plan = Plan { seed, ..self.recipe.plan.clone() };
        match stage {
            Stage::Single => self.one(stage, &Plan { decay: self.recipe.averaged, ..plan }, observer, stop),
            Stage::Falling => self.one(stage, &plan.baseline(), observer, stop),
            Stage::Growing => {
                self.one(stage, &Plan { growth: Some(GrowthPlan::default()), averages: None, ..plan }, observer, stop)
            }
            Stage::Apart => self.several(stage, &plan, Start::Independent, Pull::Constant(0.0), observer, stop),
            Stage::Common => self.several(stage, &plan, Start::Common, Pull::Fading, observer, stop),
            Stage::Independent => self.several(stage, &plan, Start::Independent, Pull::Fading, observer, stop),
        }
    }

    fn one(
        &mut self,
        stage: Stage,
        plan: &Plan,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<bool, HostError> {
        let outcome = train(self.data, plan, observer, stop)?;
        if let Some(error) = outcome.diverged {
            return Err(error);
        }
        if outcome.interrupted {
            return Ok(false);
        }
        let updates = updates(&outcome.history);
        self.remember(stage, outcome.history);
        let name = if stage == Stage::Single { "one model" } else { stage.title() };
        self.add(name, of_marks(&outcome.last_marks, updates));
        for average in &outcome.averages {
            self.add(&format!("its {}", average.name.to_uppercase()), of_marks(&average.marks, updates));
        }
        Ok(true)
    }

    fn several(
        &mut self,
        stage: Stage,
        plan: &Plan,
        start: Start,
        pull: Pull,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<bool, HostError> {
        let plan = Plan { averages: None, ..plan.clone() };
        let replicas = ReplicaPlan { start, coupling: Coupling::Mean(pull), ..self.recipe.replicas };
        let trained = train_replicas(self.data, &plan, &replicas, observer, stop)?;
        if let Some(error) = trained.diverged {
            return Err(error);
        }
        if trained.interrupted {
            return Ok(false);
        }
        let updates = updates(&trained.history) * trained.models.len() as f64;
        self.remember(stage, trained.history);
        let (train, validation) = split(self.data.train.len(), &plan)?;
        let mut evaluator = Evaluator::new(&trained.spec, self.data)?;
        let mut marks = |params: &[f32]| {
            Ok::<_, HostError>(of_marks(&evaluator.marks(params, self.data, &train, &validation)?, updates))
        };
        let mean = marks(&trained.mean)?;
        if stage != Stage::Apart {
            self.add(&format!("{}: their mean", stage.title()), mean);
            return Ok(true);
        }
        let each = trained.models.iter().map(|params| marks(params)).collect::<Result<Vec<_>, _>>()?;
        self.add("replicas apart: each", each_alone(&each));
        self.add("replicas apart: their mean", mean);
        let test: Vec<u32> = (0..self.data.test.len() as u32).collect();
        let Dataset { train: samples, test: tests, .. } = self.data;
        let sets = [(samples, &train[..]), (samples, &validation[..]), (tests, &test[..])];
        let tallies = poll(&trained.spec, sets, |polls| {
            trained
                .models
                .iter()
                .try_for_each(|params| polls.iter_mut().try_for_each(|poll| poll.ask(&mut evaluator, params, 1.0)))
        })?;
        for (i, (name, vote)) in VOTES.into_iter().enumerate() {
            let [a, b, c] = tallies.map(|set| set[i].figures(vote));
            self.add(&format!("replicas apart: {name}"), [a[0], b[0], c[0], c[0] - a[0], c[1], c[2], updates]);
        }
        Ok(true)
    }

    fn add(&mut self, name: &str, figures: [f64; COUNT]) {
        match self.variants.iter_mut().find(|variant| variant.name == name) {
            Some(variant) => variant.figures.push(figures),
            None => self.variants.push(Variant { name: name.to_owned(), figures: vec![figures] }),
        }
    }

    fn remember(&mut self, stage: Stage, history: Vec<Epoch>) {
        if self.histories.iter().all(|(other, _)| *other != stage) {
            self.histories.push((stage, history));
        }
    }

    /// A row for each variant; with several seeds the mean ± the standard deviation.
    #[must_use]
    pub fn rows(&self) -> Vec<Vec<String>> {
        let cell = |variant: &Variant, i: usize, digits: usize| {
            let values: Vec<f64> = variant.figures.iter().map(|figures| figures[i]).collect();
            let (mean, sd) = mean_and_sd(&values);
            match (mean.is_nan(), values.len()) {
                (true, _) => "–".to_owned(),
                (false, 1) => format!("{mean:.digits$}"),
                (false, _) => format!("{mean:.digits$} ± {sd:.digits$}"),
            }
        };
        let row = |variant: &Variant| {
            let cells = COLUMNS.iter().enumerate().map(|(i, &(_, digits))| cell(variant, i, digits));
            [variant.name.clone()].into_iter().chain(cells).collect()
        };
        self.variants.iter().map(row).collect()
    }

    /// All of it, to read: errors in per cent, updates of all models that took part.
    #[must_use]
    pub fn table(&self) -> String {
        aligned(&[&[""][..], &header()].concat(), self.rows())
    }

    /// Writes `table.csv`, a line for each variant and seed from `first_seed` on, and the epochs of each stage, in `directory`.
    ///
    /// # Errors
    /// [`HostError::File`].
    pub fn write(&self, directory: &Path, first_seed: u64) -> Result<(), HostError> {
        for (stage, history) in &self.histories {
            write_history(&directory.join(format!("{}.csv", stage.name())), history)?;
        }
        let path = directory.join("table.csv");
        let failed = |e: csv::Error| HostError::file(&path)(io::Error::other(e));
        let mut writer = csv::Writer::from_path(&path).map_err(failed)?;
        writer.write_record([&["variant", "seed"][..], &header()].concat()).map_err(failed)?;
        for variant in &self.variants {
            for (i, figures) in (0..).zip(&variant.figures) {
                let seed = first_seed.wrapping_add(i);
                let cells = figures.iter().map(|x| if x.is_nan() { String::new() } else { format!("{x}") });
                let row = [variant.name.clone(), format!("{seed}")].into_iter().chain(cells);
                writer.write_record(row).map_err(failed)?;
            }
        }
        writer.flush().map_err(HostError::file(&path))
    }
}

/// Of one model.
fn updates(history: &[Epoch]) -> f64 {
    history.last().map_or(0.0, |epoch| epoch.steps as f64)
}

fn of_marks(marks: &Marks, updates: f64) -> [f64; COUNT] {
    let error = |score: &Score| 100.0 * (1.0 - score.hits() as f64 / score.samples() as f64);
    let [a, b, c] = [&marks.train, &marks.validation, &marks.test].map(error);
    let ece = marks.calibration.as_ref().map_or(f64::NAN, |c| 100.0 * f64::from(c.ece()));
    [a, b, c, c - a, f64::from(marks.test.loss()), ece, updates]
}

/// Means over models.
fn each_alone(each: &[[f64; COUNT]]) -> [f64; COUNT] {
    let mean = |i: usize| each.iter().map(|figures| figures[i]).sum::<f64>() / each.len() as f64;
    core::array::from_fn(mean)
}

/// What the article leaves open or cannot mean, and what is done here instead.
pub const NOTES: [(&str, &str); 7] = [
    (
        "The mean of models that started apart",
        "Hidden units of one model have other places in another, so that the mean of their weights lies in no basin: it is \
         no model, whatever each of them is worth. It is shown, with this warning; their votes are sound, and so is the \
         mean of replicas that are pulled together while they train.",
    ),
    (
        "The strength of the pull, 1 − T/T_max",
        "It is 1 at the start: pulled after T = 0, replicas would all be their mean before they have learned anything, and \
         starts of their own would mean nothing. Here T counts the epochs that have passed, so that the first pull comes \
         after the first epoch, with 1 − 1/T_max, and the last is 0. All pulls of a step take the same mean, from before it.",
    ),
    (
        "Micro-batches adapted to running statistics",
        "Which statistics decide, and by what rule, is not said. Here the batch grows where the noise of the gradient, \
         measured between micro-batches, is more than 0.9 of its length in 50 updates running (the norm test of Byrd et al. \
         2012); the rate stays as it is, since a growing batch does what a falling rate does.",
    ),
    (
        "The vote",
        "Whether probabilities, logits or ballots are counted, and what a tie means, is not said: all three are here, each \
         with softmax applied once; ties of ballots go to the larger summed probability, then to the lower class.",
    ),
    (
        "Initial weights from N(0, 1)",
        "Unscaled, they make pre-activations of 784 inputs ten times as large as they should be. He's scaling, √(2/inputs), \
         is used; `cygnet train --init 1` has the other.",
    ),
    (
        "Mirrored digits",
        "A mirrored digit is another symbol or none. Augmentation mirrors nothing unless told to, and this experiment takes \
         the images as they are.",
    ),
    (
        "Overfitting, and which figure to believe",
        "The gap is between test and train, both measured after training and without dropout. Nothing is chosen by the test \
         samples; a tenth of the training samples is set apart for that.",
    ),
];
