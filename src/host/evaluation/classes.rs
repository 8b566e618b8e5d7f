//! Everything about how good a saved model is: accuracy, losses, calibration, confusion, and a curve for every class.

use super::calibration::{calibrate, to_probabilities};
use super::evaluator::Evaluator;
use super::intervals::Interval;
use super::model::SavedModel;
use super::per_class::{self, ClassEvaluation};
use crate::host::HostError;
use crate::host::data::{Dataset, Samples, Split};
use crate::host::memory::zeros;
use crate::host::plan::loss_name;
use crate::host::prelude::*;
use crate::metrics::{Calibration, Confusion, Score, argmax, rank};
use crate::{Error, Loss, Spec};

/// A model on the training, the validation and the test samples.
///
/// `cygnet eval --json` writes it as one object, without the points of curves unless it has `--curves`. Its fields and theirs have these names there; what is NaN here, as the
/// recall of a class without samples, is `null`.
#[derive(Clone, Debug, serde::Serialize)]
#[non_exhaustive]
pub struct Evaluation {
    /// What the model was trained for: `cross-entropy`, `mse`, `bce` or `huber:δ`.
    pub loss_name: String,
    /// Classes that the model predicts, one an output; two of a single output.
    pub classes: usize,
    /// The training samples.
    pub train: SetEvaluation,
    /// The training samples that were held out, where there are any.
    pub validation: Option<SetEvaluation>,
    /// The samples of the test.
    pub test: SetEvaluation,
}

/// A model on one set of samples.
#[derive(Clone, Debug, serde::Serialize)]
#[non_exhaustive]
pub struct SetEvaluation {
    /// How many.
    pub samples: u64,
    /// Share of samples whose class was right.
    pub accuracy: f64,
    /// Its 95 % interval, Wilson's: lower and upper bound.
    pub accuracy_interval: [f64; 2],
    /// Mean of the loss that the model was trained for.
    pub loss: f32,
    /// Mean negative log-likelihood of the class; none for losses that know no probabilities of classes.
    pub nll: Option<f32>,
    /// Expected calibration error, 15 bins of equal width; none likewise.
    pub ece: Option<f32>,
    /// Share of samples whose class is among the `k` largest outputs, `k` from 1 on.
    pub top_k: Vec<f64>,
    /// Mean precision of the classes.
    pub macro_precision: f32,
    /// Mean recall of the classes.
    pub macro_recall: f32,
    /// Mean F1 of the classes.
    pub macro_f1: f32,
    /// Mean area under the ROC curves of the classes that have one.
    pub mean_roc_auc: f32,
    /// Mean average precision of the classes that have one.
    pub mean_average_precision: f32,
    /// Row `c` counts the samples of class `c` by the class that they were taken for.
    pub confusion: Vec<Vec<u32>>,
    /// Each class against the rest.
    pub per_class: Vec<ClassEvaluation>,
}

impl Evaluation {
    /// Of `model` on `data`, on all cores. Validation samples are those that `split` holds out.
    ///
    /// # Errors
    /// [`HostError::Mismatch`] where model and data do not go together, or where outputs or loss are not finite;
    /// [`HostError::Usage`] where nothing is left to learn from; [`HostError::Memory`].
    pub fn new(model: &SavedModel, data: &Dataset, split: Split) -> Result<Self, HostError> {
        let spec = &model.spec;
        let mut evaluator = Evaluator::new(spec, data)?;
        let (train, validation) = data.split(split)?;
        let test: Vec<u32> = (0..data.test.len() as u32).collect();
        let mut on = |name: &str, samples: &Samples, indices: &[u32]| {
            let asked = evaluator.outputs(&model.params, samples, indices).map_err(|error| match error {
                HostError::Core(Error::NonFinite { value, .. }) => {
                    HostError::Mismatch(format!("the model's {value} on the {name} samples is not finite"))
                }
                other => other,
            })?;
            let (set, ..) = SetEvaluation::new(spec, samples, indices, asked)?;
            Ok::<_, HostError>(set.named(data.class_names()))
        };
        Ok(Self {
            loss_name: loss_name(spec.loss_kind()),
            classes: spec.classes(),
            train: on("train", &data.train, &train)?,
            validation: if validation.is_empty() { None } else { Some(on("validation", &data.train, &validation)?) },
            test: on("test", &data.test, &test)?,
        })
    }

    /// Without the points of the curves, which are most of it.
    #[must_use]
    pub fn without_curves(mut self) -> Self {
        for set in [Some(&mut self.train), self.validation.as_mut(), Some(&mut self.test)].into_iter().flatten() {
            set.per_class.iter_mut().for_each(ClassEvaluation::clear_curves);
        }
        self
    }
}

impl SetEvaluation {
    /// With the names of its classes, where they have some.
    pub(in crate::host) fn named(mut self, names: &[String]) -> Self {
        for (class, name) in self.per_class.iter_mut().zip(names) {
            class.name = Some(name.clone());
        }
        self
    }

    /// What class `c` is called.
    pub(in crate::host) fn class(&self, c: usize) -> String {
        self.per_class.get(c).and_then(|class| class.name.clone()).unwrap_or_else(|| c.to_string())
    }

    /// From the score and the outputs of the samples named by `indices`; with the outputs by class, and the calibration where
    /// they are probabilities.
    pub(in crate::host) fn new(
        spec: &Spec,
        samples: &Samples,
        indices: &[u32],
        (score, outputs): (Score, Vec<f32>),
    ) -> Result<(Self, Vec<f32>, Option<Calibration>), HostError> {
        let (width, mut outputs) = (spec.classes(), by_class(spec, outputs));
        let mut classes = zeros(indices.len())?;
        samples.classes(indices, &mut classes);
        let mut counts = zeros(width.saturating_mul(width))?;
        let mut confusion = Confusion::new(width, &mut counts)?;
        let mut ranks: Vec<u64> = zeros(width)?;
        for (row, &class) in outputs.chunks(width).zip(&classes) {
            confusion.add(class, argmax(row))?;
            ranks[usize::from(rank(row, class)?)] += 1;
        }
        let mut calibration = None;
        if spec.loss_kind() == Loss::SoftmaxCrossEntropy {
            to_probabilities(spec, &mut outputs);
            calibration = Some(calibrate(spec, samples, indices, &outputs)?);
        }
        let per_class = per_class::all(&confusion, &outputs, &classes)?;
        let accuracy = Interval::of_share(score.hits(), score.samples());
        let mut sum = 0;
        let within = |ranked: u64| {
            sum += ranked;
            sum as f64 / score.samples() as f64
        };
        let set = Self {
            samples: score.samples(),
            accuracy: accuracy.estimate,
            accuracy_interval: [accuracy.low, accuracy.high],
            loss: score.loss(),
            nll: calibration.map(|_| score.loss()),
            ece: calibration.map(|calibration| calibration.ece()),
            top_k: ranks.into_iter().map(within).collect(),
            macro_precision: confusion.macro_precision(),
            macro_recall: confusion.macro_recall(),
            macro_f1: confusion.macro_f1(),
            mean_roc_auc: mean(per_class.iter().map(|class| class.roc_auc)),
            mean_average_precision: mean(per_class.iter().map(|class| class.average_precision)),
            confusion: confusion.counts().chunks(width).map(<[u32]>::to_vec).collect(),
            per_class,
        };
        Ok((set, outputs, calibration))
    }
}

/// Outputs by class, shape `(samples, classes)`: a single one `z`, the logit of class 1 against class 0, becomes `−z, z`.
/// Outputs that are values stay as they are.
pub(in crate::host) fn by_class(spec: &Spec, outputs: Vec<f32>) -> Vec<f32> {
    if spec.classes() > spec.outputs() { outputs.into_iter().flat_map(|z| [-z, z]).collect() } else { outputs }
}

/// Of those that are numbers; NaN for none.
fn mean(figures: impl Iterator<Item = f32>) -> f32 {
    let known: Vec<f32> = figures.filter(|x| !x.is_nan()).collect();
    known.iter().sum::<f32>() / known.len() as f32
}

#[cfg(test)]
mod tests;
