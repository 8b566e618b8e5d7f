//! RMSE, MAE and R² of predicted numbers.

use super::evaluator::Evaluator;
use super::intervals::Interval;
use super::model::SavedModel;
use super::results::Results;
use crate::host::HostError;
use crate::host::data::{Dataset, Samples, Split, Units};
use crate::host::prelude::*;

/// How far predictions of one number are off.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Regression {
    /// Samples.
    pub samples: u64,
    /// Root mean squared error, `√(Σ(p − t)²/n)`, in the units of the target.
    pub rmse: f64,
    /// Mean absolute error, `Σ|p − t|/n`.
    pub mae: f64,
    /// Coefficient of determination, `1 − Σ(p − t)²/Σ(t − t̄)²`; NaN where the target never changes.
    pub r2: f64,
    /// Bounds of the RMSE's 95 % interval, from that of the mean squared error; `null` where there are too few samples. None of
    /// a mean over several numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rmse_interval: Option<[f64; 2]>,
}

impl Regression {
    /// Of pairs of a prediction and its target.
    fn of(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> Self {
        let n = pairs.clone().count();
        let sum = |f: &dyn Fn(f64, f64) -> f64| pairs.clone().map(|(p, t)| f(p, t)).sum::<f64>();
        let mean = sum(&|_, t| t) / n as f64;
        let (squares, spread) = (sum(&|p, t| (p - t).powi(2)), sum(&|_, t| (t - mean).powi(2)));
        Self {
            samples: n as u64,
            rmse: (squares / n as f64).sqrt(),
            mae: sum(&|p, t| (p - t).abs()) / n as f64,
            r2: if spread > 0.0 { 1.0 - squares / spread } else { f64::NAN },
            rmse_interval: None,
        }
    }

    /// Of each output on the samples that `indices` name, whose outputs are `outputs`, and the squared error of each sample.
    fn of_each(samples: &Samples, indices: &[u32], outputs: &[f32], units: Option<&Units>) -> Vec<(Self, Vec<f32>)> {
        let width = samples.values(0).len();
        let column = |k: usize| {
            let (mean, sd) = units.map_or((0.0, 1.0), |units| (units.means[k].into(), units.deviations[k].into()));
            let value = |x: f32| f64::from(x) * sd + mean;
            let targets = indices.iter().filter_map(|&i| samples.values(i as usize).get(k));
            let pairs = outputs.iter().skip(k).step_by(width).zip(targets);
            let square = |(&p, &t): (&f32, &f32)| ((f64::from(p) - f64::from(t)) * sd).powi(2) as f32;
            (Self::of(pairs.clone().map(|(&p, &t)| (value(p), value(t)))), pairs.map(square).collect())
        };
        (0..width).map(column).collect()
    }

    /// The mean over the outputs, the figures themselves of a single one, and what it is for each sample.
    pub(in crate::host) fn mean(
        samples: &Samples,
        indices: &[u32],
        outputs: &[f32],
        units: Option<&Units>,
    ) -> (Self, Results) {
        let each = Self::of_each(samples, indices, outputs, units);
        let mean = |f: fn(&Self) -> f64| each.iter().map(|(figures, _)| f(figures)).sum::<f64>() / each.len() as f64;
        let square = |i: usize| each.iter().map(|(_, squares)| squares[i]).sum::<f32>() / each.len() as f32;
        let samples = each.first().map_or(0, |(first, _)| first.samples);
        let figures =
            Self { samples, rmse: mean(|r| r.rmse), mae: mean(|r| r.mae), r2: mean(|r| r.r2), rmse_interval: None };
        (figures, Results { hits: Vec::new(), losses: (0..indices.len()).map(square).collect() })
    }
}

/// One number that a model predicts, on every set of samples.
#[derive(Clone, Debug, serde::Serialize)]
#[non_exhaustive]
pub struct TargetEvaluation {
    /// The column.
    pub name: String,
    /// The training samples.
    pub train: Regression,
    /// The training samples that were held out, where there are any.
    pub validation: Option<Regression>,
    /// The samples of the test.
    pub test: Regression,
}

/// A model of numbers on every set of samples.
///
/// `cygnet eval --json` writes it as one object, whose fields have these names.
#[derive(Clone, Debug, serde::Serialize)]
#[non_exhaustive]
pub struct RegressionEvaluation {
    /// Each number that it predicts.
    pub targets: Vec<TargetEvaluation>,
}

impl RegressionEvaluation {
    /// Of `model` on `data`. Validation samples are those that `split` holds out.
    ///
    /// # Errors
    /// [`HostError::Mismatch`] where model and data do not go together, [`HostError::Core`] for outputs that are not finite,
    /// [`HostError::Usage`] where nothing is left to learn from, [`HostError::Memory`].
    pub fn new(model: &SavedModel, data: &Dataset, split: Split) -> Result<Self, HostError> {
        let (train, validation) = data.split(split)?;
        let test: Vec<u32> = (0..data.test.len() as u32).collect();
        let mut evaluator = Evaluator::new(&model.spec, data)?;
        let mut on = |samples: &Samples, indices: &[u32]| {
            let (_, outputs) = evaluator.outputs(&model.params, samples, indices)?;
            let each = Regression::of_each(samples, indices, &outputs, data.units.as_ref()).into_iter();
            let bounded = each.map(|(figures, losses)| {
                let Interval { low, high, .. } = Results { hits: Vec::new(), losses }.loss();
                Regression { rmse_interval: Some([low.max(0.0).sqrt(), high.sqrt()]), ..figures }
            });
            Ok::<_, HostError>(bounded.collect::<Vec<_>>())
        };
        let [train, apart, test] = [on(&data.train, &train)?, on(&data.train, &validation)?, on(&data.test, &test)?];
        let name =
            |k: usize| model.columns().and_then(|c| c.targets.get(k).cloned()).unwrap_or_else(|| (k + 1).to_string());
        let sets = train.into_iter().zip(apart).zip(test).enumerate();
        let target = |(k, ((train, apart), test))| {
            let validation = (!validation.is_empty()).then_some(apart);
            TargetEvaluation { name: name(k), train, validation, test }
        };
        Ok(Self { targets: sets.map(target).collect() })
    }
}

#[cfg(test)]
mod tests;
