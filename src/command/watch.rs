//! What watches a training: it shows the progress and saves the state.

use crate::cli::{Every, Progress};
use cygnet::Error;
use cygnet::host::HostError;
use cygnet::host::files::Place;
use cygnet::host::training::{Epoch, Observer};
use cygnet::store::Container;
use std::mem;
use std::time::Instant;

/// A watcher of the trainings of a run, one after the other.
pub(super) struct Watch<'w> {
    pub(super) progress: Progress,
    place: &'w mut Place,
    every: Every,
    /// What the training is called in the directory.
    name: String,
    /// Steps of all models.
    done: u64,
    /// When it was saved last, or should have been, and after how many steps.
    latest: (Instant, u64),
    /// When it was saved last.
    saved: Option<Instant>,
    has_failed: bool,
}

impl<'w> Watch<'w> {
    /// Of a training of this name, with its state saved in the directory.
    pub(super) fn new(progress: Progress, place: &'w mut Place, every: Every, name: String) -> Self {
        Self { progress, place, every, name, done: 0, latest: (Instant::now(), 0), saved: None, has_failed: false }
    }

    /// Another training.
    pub(super) fn begin(&mut self, title: &str, name: String) {
        self.progress.begin(title);
        (self.name, self.done, self.latest, self.saved) = (name, 0, (Instant::now(), 0), None);
    }
}

impl Observer for Watch<'_> {
    fn step(&mut self, done: u64, total: u64, loss: f64, accuracy: f64) {
        self.done = done;
        self.progress.step(done, total, loss, accuracy);
    }

    fn epoch(&mut self, epoch: &Epoch) {
        self.progress.epoch(epoch);
    }

    fn warn(&mut self, text: &str) {
        self.progress.warn(text);
    }

    fn is_due(&mut self, done: u64) -> bool {
        let (time, steps) = self.latest;
        match self.every {
            Every::Time(time_between) => time.elapsed() >= time_between,
            Every::Updates(n) => done >= steps.saturating_add(n),
        }
    }

    fn save(&mut self, state: Result<Container<'_>, Error>) {
        self.latest = (Instant::now(), self.done);
        let saved = state.map_err(HostError::from).and_then(|state| self.place.save_state(&self.name, &state));
        match saved {
            Ok(()) => {
                self.saved = Some(Instant::now());
                if mem::take(&mut self.has_failed) {
                    self.progress.complain("note: the state of the run is saved again");
                }
            }
            Err(error) if !mem::replace(&mut self.has_failed, true) => {
                let before = self.saved.map_or("there is no earlier one".to_owned(), |at| {
                    format!("the one of {} seconds ago is kept", at.elapsed().as_secs())
                });
                let problem = format!("the state of the run cannot be saved ({error})");
                self.progress.complain(&format!("warning: {problem}: {before}, and training goes on"));
            }
            Err(_) => {}
        }
    }

    fn saved(&mut self) -> Result<Option<Vec<u8>>, HostError> {
        let Some((state, note)) = self.place.state(&self.name)? else { return Ok(None) };
        self.saved = Some(Instant::now());
        if let Some(note) = note {
            self.progress.complain(&format!("warning: {note}: the run goes on from the state before it"));
        }
        Ok(Some(state))
    }
}
