//! The article's experiment: one network, trained in every way that the article proposes.

mod recipe;
mod variants;

use crate::host::HostError;
use crate::host::data::Dataset;
use crate::host::evaluation::{Evaluator, SavedModel, VOTES, poll};
use crate::host::plan::{Plan, ReplicaPlan};
use crate::host::prelude::*;
use crate::host::training::{Epoch, Observer, train, train_replicas};
pub use recipe::{Recipe, Stage};
use std::sync::atomic::AtomicBool;
pub use variants::{Figures, Variant, Variants};

/// The experiment: its settings, and what came of it so far.
#[derive(Debug)]
pub struct Reproduction<'a> {
    data: &'a Dataset,
    recipe: Recipe,
    /// How good everything is.
    pub variants: Variants,
    /// Each stage's epochs, of the first seed.
    pub histories: Vec<(Stage, Vec<Epoch>)>,
    /// The average of the one model, of the first seed.
    pub average: Option<SavedModel>,
}

impl<'a> Reproduction<'a> {
    /// Nothing trained yet.
    ///
    /// # Errors
    /// As [`Recipe::check`].
    pub fn new(data: &'a Dataset, recipe: Recipe) -> Result<Self, HostError> {
        recipe.check(data)?;
        Ok(Self { data, recipe, variants: Variants::default(), histories: Vec::new(), average: None })
    }

    /// What every stage changes in one place.
    #[must_use]
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// Trains one stage with this seed and adds its results, unless it was stopped; whether it came to its end.
    ///
    /// # Errors
    /// As [`train`] and [`train_replicas`]; [`HostError::Diverged`] in any epoch.
    pub fn run(
        &mut self,
        stage: Stage,
        seed: u64,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<bool, HostError> {
        let plan = self.recipe.plan_of(stage, seed);
        match self.recipe.replicas_of(stage) {
            None => self.one(stage, &plan, observer, stop),
            Some(replicas) => self.several(stage, &plan, &replicas, observer, stop),
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
        self.variants.add(name, Figures::of_model(plan.seed, &outcome.last_marks, updates));
        for average in outcome.averages {
            let name = format!("one model: {}", average.name.to_uppercase());
            self.variants.add(&name, Figures::of_model(plan.seed, &average.marks, updates));
            let model = self.data.model(outcome.spec, average.params, true);
            self.average.get_or_insert(model);
        }
        Ok(true)
    }

    fn several(
        &mut self,
        stage: Stage,
        plan: &Plan,
        replicas: &ReplicaPlan,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<bool, HostError> {
        let trained = train_replicas(self.data, plan, replicas, observer, stop)?;
        if let Some(error) = trained.diverged {
            return Err(error);
        }
        if trained.interrupted {
            return Ok(false);
        }
        let (one, k) = (updates(&trained.history), trained.models.len() as u64);
        self.remember(stage, trained.history);
        let (train, validation) = self.data.split(plan.split())?;
        let mut evaluator = Evaluator::new(&trained.spec, self.data)?;
        let mut of_model = |params: &[f32], updates: u64| {
            let marks = evaluator.marks(params, self.data, &train, &validation)?;
            Ok::<_, HostError>(Figures::of_model(plan.seed, &marks, updates))
        };
        let mean = of_model(&trained.mean, k * one)?;
        let average = format!("{}: average", stage.title());
        if !replicas.is_apart() {
            self.variants.add(&average, mean);
            return Ok(true);
        }
        let each = trained.models.iter().map(|params| of_model(params, one)).collect::<Result<Vec<_>, _>>()?;
        if let Some(each) = Figures::mean(&each) {
            self.variants.add(&format!("{}: single model, mean", stage.title()), each);
        }
        self.variants.add(&average, mean);
        let test: Vec<u32> = (0..self.data.test.len() as u32).collect();
        let Dataset { train: samples, test: tests, .. } = self.data;
        let sets = [(samples, &train[..]), (samples, &validation[..]), (tests, &test[..])];
        let tallies = poll(&trained.spec, sets, |polls| {
            let mut ask =
                |params: &Vec<f32>| polls.iter_mut().try_for_each(|poll| poll.ask(&mut evaluator, params, 1.0));
            trained.models.iter().try_for_each(&mut ask)
        })?;
        for (i, (name, vote)) in VOTES.into_iter().enumerate() {
            let sets = tallies.each_ref().map(|set| set[i].figures(vote));
            let [_, _, [_, nll, ece]] = sets;
            let figures = Figures::new(plan.seed, sets.map(|[error, ..]| error), nll, ece, k * one);
            self.variants.add(&format!("{}: {name}", stage.title()), figures);
        }
        Ok(true)
    }

    fn remember(&mut self, stage: Stage, history: Vec<Epoch>) {
        if self.histories.iter().all(|(other, _)| *other != stage) {
            self.histories.push((stage, history));
        }
    }
}

/// Of one model.
fn updates(history: &[Epoch]) -> u64 {
    history.last().map_or(0, |epoch| epoch.steps)
}

#[cfg(test)]
mod tests;
