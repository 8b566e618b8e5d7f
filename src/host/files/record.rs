//! What `run.json` says of a run beside its files: how it was started, with which data, and how good its models are.

use crate::host::evaluation::{Marks, Regression, error_percent};
use crate::host::prelude::*;
use crate::metrics::Score;
use std::collections::BTreeMap;

/// How a run was started, and what it reached.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Record {
    /// The command line, to be pasted into a shell.
    pub command: String,
    /// The arguments that decide the run, behind the name of the command: with paths as they are seen from the directory of
    /// `run.json`.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// CRC-64/XZ of each file that the run reads, of all files together in a directory of pictures, in hexadecimal.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    /// The version of the program.
    pub version: String,
    /// When it began: RFC 3339, UTC; the time in `SOURCE_DATE_EPOCH` where that is set.
    pub date: String,
    /// The first seed.
    pub seed: u64,
    /// How many seeds, counted up from the first.
    pub seeds: u32,
    /// Share of the training samples held out for validation.
    pub validation: f32,
    /// Where the data are, by the names of the arguments, with paths relative to the directory of `run.json`.
    pub data: serde_json::Value,
    /// Which data they are, with their digest.
    pub identity: Option<crate::host::data::DataIdentity>,
    /// Every setting in words.
    pub settings: BTreeMap<String, String>,
    /// The model that the validation samples prefer, a file without its ending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recommended: Option<String>,
    /// Updates of all seeds that were dropped because they were not finite.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped: u64,
    /// How good each model is, for each seed.
    #[serde(default)]
    pub models: Vec<ModelRecord>,
}

/// As serde asks.
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// How good one model is.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ModelRecord {
    /// What it is called: its file without the ending, the baseline, or a vote.
    pub model: String,
    /// Of its run.
    pub seed: u64,
    /// On the training samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<SetRecord>,
    /// On the samples that were held out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<SetRecord>,
    /// On the test samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<SetRecord>,
}

/// A model on a set of samples; classes have an error, a share, and numbers the other figures.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct SetRecord {
    /// Share of samples whose class was wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<f64>,
    /// Mean loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// Root mean squared error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rmse: Option<f64>,
    /// Mean absolute error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mae: Option<f64>,
    /// Coefficient of determination.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r2: Option<f64>,
}

impl ModelRecord {
    /// From marks.
    pub(in crate::host) fn of_marks(model: &str, seed: u64, marks: &Marks) -> Self {
        let set = |score: &Score, i: usize| {
            let numbers = marks.regression.as_ref().map(|sets| sets[i]);
            let of = |figure: fn(&Regression) -> f64| numbers.as_ref().map(figure).filter(|x| x.is_finite());
            let record = SetRecord {
                error: numbers.is_none().then(|| error_percent(score) / 100.0),
                loss: Some(score.loss().into()),
                rmse: of(|r| r.rmse),
                mae: of(|r| r.mae),
                r2: of(|r| r.r2),
            };
            Some(record).filter(|_| score.samples() > 0)
        };
        let [train, validation, test] = [set(&marks.train, 0), set(&marks.validation, 1), set(&marks.test, 2)];
        Self { model: model.to_owned(), seed, train, validation, test }
    }
}
