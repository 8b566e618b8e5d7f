//! What a run leaves, and what it tells while it works: plain data.

use crate::host::HostError;
use crate::host::evaluation::{Marks, Tally};
use crate::host::prelude::*;
use crate::store::Container;
use crate::{Error, Spec};

/// One line of the history.
#[derive(Clone, Copy, Debug, serde::Serialize)]
#[non_exhaustive]
pub struct Epoch {
    /// From 1.
    pub epoch: u64,
    /// Steps so far.
    pub steps: u64,
    /// Rate of the last step.
    pub rate: f32,
    /// Samples of the latest step that did not end an epoch.
    pub batch: u64,
    /// Gradient noise scale, the batch size that pays, where it was measured.
    pub noise_scale: Option<f32>,
    /// Mean loss over the epoch's batches, each before its step, with dropout.
    pub train_loss: f64,
    /// Share of those samples that were classified wrong.
    pub train_error: f64,
    /// Error of the last iterate on the validation samples.
    pub validation_error: Option<f32>,
    /// Loss likewise.
    pub validation_loss: Option<f32>,
    /// Models in the average.
    pub averaged: u64,
    /// Error of the average on the validation samples.
    pub average_validation_error: Option<f32>,
    /// Loss likewise.
    pub average_validation_loss: Option<f32>,
    /// Whether the lower of the two losses is the lowest so far: with early stopping, the models of the last such epoch are
    /// kept.
    pub is_best: bool,
    /// Updates that were dropped so far, because they were not finite.
    pub dropped: u64,
    /// Since the start.
    pub seconds: f64,
}

/// What a run tells while it works.
pub trait Observer {
    /// After each update: steps of the plan's batch so far and in all, running loss and accuracy of the epoch.
    fn step(&mut self, done: u64, total: u64, loss: f64, accuracy: f64);
    /// After each epoch.
    fn epoch(&mut self, epoch: &Epoch);
    /// What people must be told at once: that an update was dropped, and in the end how many were.
    fn warn(&mut self, text: &str);

    /// Whether the state of the run is to be saved now, after so many steps: asked after each update.
    fn is_due(&mut self, _done: u64) -> bool {
        false
    }

    /// The state of the run: when it is due, when the run was stopped, and when its training is complete. It is valid during
    /// this call; saving it or not changes no bit of the run.
    fn save(&mut self, _state: Result<Container<'_>, Error>) {}

    /// The state that the run goes on from, where it does not begin: what [`save`](Self::save) was given.
    ///
    /// # Errors
    /// Where it cannot be read; training does not begin then.
    fn saved(&mut self) -> Result<Option<Vec<u8>>, HostError> {
        Ok(None)
    }
}

/// Hears nothing.
#[cfg(test)]
pub(in crate::host) struct Deaf;

#[cfg(test)]
impl Observer for Deaf {
    fn step(&mut self, _: u64, _: u64, _: f64, _: f64) {}
    fn epoch(&mut self, _: &Epoch) {}
    fn warn(&mut self, _: &str) {}
}

/// An average that a run kept.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Averaged {
    /// Its kind.
    pub name: &'static str,
    /// The averaged weights.
    pub params: Vec<f32>,
    /// Models in it.
    pub count: u64,
    /// How good it is; of a posterior, what its draws predict in the mean.
    pub marks: Marks,
    /// What its draws predict; nothing but of a posterior.
    pub drawn: Option<Drawn>,
}

/// What the draws from a posterior predict together.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Drawn {
    /// How many.
    pub draws: u32,
    /// How good the mean of the weights is.
    pub mean: Marks,
    /// Every vote on the validation and on the test samples.
    pub votes: [[Tally; 3]; 2],
}

/// A polynomial average as it was at a moment of a run.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Its exponent.
    pub exponent: f32,
    /// Models in it.
    pub models: u64,
    /// The averaged weights.
    pub params: Vec<f32>,
}

/// What a run leaves.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The network.
    pub spec: Spec,
    /// The last iterate.
    pub last: Vec<f32>,
    /// Whether that is the average that a schedule-free optimizer is.
    pub last_is_average: bool,
    /// How good it is.
    pub last_marks: Marks,
    /// The averages that the plan asks for and that have models, in its order.
    pub averages: Vec<Averaged>,
    /// Polynomial averages that were stored on the way, as the plan's `posthoc` asks for.
    pub stored: Vec<Stored>,
    /// The baseline, where the plan has one: the last iterate of another run, with learning rate decay to zero and no averaging.
    pub baseline: Option<Marks>,
    /// Every epoch of that run.
    pub baseline_history: Vec<Epoch>,
    /// Every epoch.
    pub history: Vec<Epoch>,
    /// The epoch whose models these are, where training stops early: that of the lowest validation loss.
    pub best: Option<u64>,
    /// Whether the run was stopped before its end.
    pub interrupted: bool,
    /// Why the run ended early with the models of its last good epoch: [`HostError::Diverged`].
    pub diverged: Option<HostError>,
}

/// What a run of replicas leaves.
#[derive(Debug)]
pub struct Replicas {
    /// The network.
    pub spec: Spec,
    /// Each replica's weights.
    pub models: Vec<Vec<f32>>,
    /// Their mean, or the centre of elastic averaging, with statistics of norms of its own.
    pub mean: Vec<f32>,
    /// The averages that the plan asks for, of that mean over the run, and that have models, in its order. Averages are
    /// linear: the mean of the replicas' own would be the same.
    pub averages: Vec<MeanOverRun>,
    /// Every epoch; the average in it is the mean.
    pub history: Vec<Epoch>,
    /// As [`Outcome::best`].
    pub best: Option<u64>,
    /// Whether the run was stopped before its end.
    pub interrupted: bool,
    /// Why the run ended early with what its last good epoch left: [`HostError::Diverged`].
    pub diverged: Option<HostError>,
}

/// An average of the means of replicas, with statistics of norms of its own.
#[derive(Clone, Debug)]
pub struct MeanOverRun {
    /// Its kind.
    pub name: &'static str,
    /// The averaged weights.
    pub params: Vec<f32>,
    /// Means in it.
    pub count: u64,
}
