//! Averages of saved models: uniform, weighted, or a greedy soup.

use super::ensemble::{Comparison, check_weights, row};
use super::posthoc::{Moment, Synthesis};
use crate::host::HostError;
use crate::host::data::{DataIdentity, Dataset, Split};
use crate::host::evaluation::{Evaluator, SavedModel};
use crate::host::prelude::*;
use crate::host::training::Norms;
use crate::metrics::Score;
use crate::{Averager, Spec};

/// How saved models are averaged.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Method {
    /// All alike.
    Uniform,
    /// With a weight each.
    Weighted(Vec<f32>),
    /// Best first; each other one only if the error on the validation samples, where numbers are
    /// predicted the loss, does not get worse (greedy soup; Wortsman
    /// et al. 2022, algorithm 1).
    Soup,
    /// A polynomial average of this width out of stored ones, by the names of their files; without one, of the width whose
    /// loss on the validation samples is the lowest.
    Posthoc(Option<f64>),
}

/// An average of models, and the scores of all of them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Soup {
    /// The average.
    pub average: SavedModel,
    /// The weight of each model; 0 leaves it out.
    pub weights: Vec<f32>,
    /// How stored averages made it, where they did.
    pub synthesis: Option<Synthesis>,
    /// How good each model is and, last, the average; none without data.
    pub comparison: Option<Comparison>,
}

/// Whether the average of `models` depends on data: a soup or a width is chosen by validation samples, norms get statistics over the
/// training samples.
#[must_use]
pub fn needs_data(models: &[(String, SavedModel)], method: &Method) -> bool {
    matches!(method, Method::Soup | Method::Posthoc(None)) || models.iter().any(|(_, model)| model.spec.norm_len() > 0)
}

/// Averages `models` and evaluates all of them. Validation samples are those that `split` holds out; norms of the average get
/// statistics over the others. Without `data` nothing is evaluated.
///
/// # Errors
/// [`HostError::Usage`] for fewer than two models, for weights that are out of range, and without data where the average
/// [needs](needs_data) some; [`HostError::Mismatch`] for different networks or data.
pub fn average(
    models: &[(String, SavedModel)],
    method: &Method,
    data: Option<&Dataset>,
    split: Split,
) -> Result<Soup, HostError> {
    let spec = check(models, method)?;
    let first = models.first().map(|(_, model)| model);
    let (preparation, trained_on) = (first.and_then(|model| model.preparation.clone()), common_data(models).cloned());
    let average = SavedModel { spec, params: vec![0.0; spec.param_len()], is_average: true, preparation, trained_on };
    let mut soup = Soup { average, weights: Vec::new(), synthesis: None, comparison: None };
    match data {
        Some(data) => soup.judge(models, method, data, split)?,
        None if needs_data(models, method) => {
            return Err(HostError::Usage("this average needs samples: give them with --data".to_owned()));
        }
        None => {
            soup.settle(models, method, &mut |_| Err(HostError::Usage("no samples".to_owned())))?;
        }
    }
    Ok(soup)
}

/// The data that all models were trained on, if they are the same.
fn common_data(models: &[(String, SavedModel)]) -> Option<&DataIdentity> {
    let first = models.first()?.1.trained_on.as_ref()?;
    let is_same = |model: &SavedModel| model.trained_on.as_ref().is_some_and(|data| data.is_same(first));
    models.iter().all(|(_, model)| is_same(model)).then_some(first)
}

/// A weight for each model, where none depends on data.
fn plain_weights(models: &[(String, SavedModel)], method: &Method) -> Vec<f32> {
    if let Method::Weighted(weights) = method { weights.clone() } else { vec![1.0; models.len()] }
}

/// How good parameters are on validation samples.
type Validate<'v> = dyn FnMut(&[f32]) -> Result<Score, HostError> + 'v;

impl Soup {
    /// Weighs the models and makes their average; only a width is chosen by samples.
    fn settle(
        &mut self,
        models: &[(String, SavedModel)],
        method: &Method,
        validate: &mut Validate<'_>,
    ) -> Result<(), HostError> {
        let mean = &mut self.average.params;
        let Method::Posthoc(width) = method else {
            self.weights = plain_weights(models, method);
            return mix(models, &self.weights, mean);
        };
        let moments = models.iter().map(|(name, _)| Moment::of_file(name)).collect::<Result<Vec<_>, _>>()?;
        let stored = models.iter().map(|(_, model)| &*model.params);
        let mut best = (f32::INFINITY, None);
        let candidates = match *width {
            Some(width) => vec![Synthesis::new(&moments, width)?],
            None => Synthesis::all(&moments),
        };
        for synthesis in candidates {
            synthesis.blend(stored.clone(), mean);
            let loss = if width.is_some() { 0.0 } else { validate(mean)?.loss() };
            if loss < best.0 {
                best = (loss, Some(synthesis));
            }
        }
        let Some(synthesis) = best.1 else {
            return Err(HostError::Usage(
                "posthoc: these averages make none of the widths from 0.05 to 0.275".to_owned(),
            ));
        };
        synthesis.blend(stored, mean);
        self.weights = synthesis.coefficients.iter().map(|&c| c as f32).collect();
        self.synthesis = Some(synthesis);
        Ok(())
    }

    /// Weighs the models, makes their average, and scores all of them.
    fn judge(
        &mut self,
        models: &[(String, SavedModel)],
        method: &Method,
        data: &Dataset,
        split: Split,
    ) -> Result<(), HostError> {
        let spec = &self.average.spec.clone();
        let mut evaluator = Evaluator::new(spec, data)?;
        let (train, validation) = data.split(split)?;
        let mut norms = Norms::new(spec, &data.train, &train)?;
        if validation.is_empty() {
            return Err(HostError::Usage("there are no validation samples: --validation must be above 0".to_owned()));
        }
        let marks = models.iter().map(|(_, model)| evaluator.marks(&model.params, data, &[], &validation));
        let marks = marks.collect::<Result<Vec<_>, _>>()?;
        let has_classes = data.train.has_classes();
        let mut validate = |params: &[f32]| evaluator.score(norms.of(params)?, &data.train, &validation);
        if *method == Method::Soup {
            let scores: Vec<Score> = marks.iter().map(|marks| marks.validation).collect();
            self.weights = greedy(models, &scores, has_classes, &mut validate)?;
            mix(models, &self.weights, &mut self.average.params)?;
        } else {
            self.settle(models, method, &mut validate)?;
        }
        let mean = &mut self.average.params;
        norms.refresh(mean)?;
        let mut rows: Vec<_> = models.iter().zip(&marks).map(|((name, _), marks)| row(name, marks)).collect();
        rows.push(row("average", &evaluator.marks(mean, data, &[], &validation)?));
        self.comparison = Some(Comparison { rows, spec: *spec, has_classes });
        Ok(())
    }
}

/// The network that all models have.
fn check(models: &[(String, SavedModel)], method: &Method) -> Result<Spec, HostError> {
    let [(first, kin), _, ..] = models else {
        return Err(HostError::Usage("at least two models are needed".to_owned()));
    };
    models.iter().try_for_each(|(name, model)| kin.check_kin(first, model, name))?;
    if let Method::Weighted(weights) = method {
        check_weights(weights, models.len())?;
    }
    Ok(kin.spec)
}

/// The mean of the models whose weight is not 0.
fn mix(models: &[(String, SavedModel)], weights: &[f32], mean: &mut [f32]) -> Result<(), HostError> {
    let mut averager = Averager::new(mean);
    for ((_, model), &weight) in models.iter().zip(weights).filter(|(_, weight)| **weight != 0.0) {
        // A plain mean, and its bits, where weights do not differ.
        if weight == 1.0 {
            averager.update(&model.params)?;
        } else {
            averager.update_weighted(&model.params, weight)?;
        }
    }
    averager.mean()?;
    Ok(())
}

/// Weights of 1 for the models of the greedy soup, 0 for the others.
fn greedy(
    models: &[(String, SavedModel)],
    scores: &[Score],
    has_classes: bool,
    validate: &mut Validate<'_>,
) -> Result<Vec<f32>, HostError> {
    let mut order: Vec<usize> = (0..models.len()).collect();
    // Of equal errors the smaller loss first.
    order.sort_by(|&a, &b| scores[b].hits().cmp(&scores[a].hits()).then(scores[a].loss().total_cmp(&scores[b].loss())));
    let mut weights = vec![0.0; models.len()];
    let mut best = f64::INFINITY;
    let mut mean = vec![0.0; models.first().map_or(0, |(_, model)| model.params.len())];
    for i in order {
        weights[i] = 1.0;
        mix(models, &weights, &mut mean)?;
        let score = validate(&mean)?;
        // Numbers have no errors, only a loss.
        let fault = if has_classes { (score.samples() - score.hits()) as f64 } else { score.loss().into() };
        if fault <= best {
            best = fault;
        } else {
            weights[i] = 0.0;
        }
    }
    Ok(weights)
}
