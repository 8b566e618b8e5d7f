//! Which models of a run are averaged: by their step, or by their loss. `averager.rs` adds them.

use crate::bytes::{Reader, Writer};
use crate::error::{Error, Setting};

/// When to take a snapshot: at step `start`, and every `every` steps after it.
///
/// With a cyclic rate of `c` steps a cycle, `Snapshots { start: c, every: c }` takes the model at the end of each, where
/// the rate is lowest (`i mod c = 0`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Snapshots {
    /// First step, counted from the start of training.
    pub start: u64,
    /// Steps between two snapshots; 0 takes the first alone. (After a step, the count of steps is at least 1.)
    pub every: u64,
}

impl Snapshots {
    /// Whether the model after `steps` steps is to be averaged.
    #[must_use]
    pub fn due(&self, steps: u64) -> bool {
        match steps.checked_sub(self.start) {
            Some(since) => since.checked_rem(self.every).map_or(since == 0, |rest| rest == 0),
            None => false,
        }
    }
}

/// Lets a snapshot pass only if validation did not get worse: its loss is at most `slack` above the least that passed.
///
/// ```
/// let mut gate = cygnet::average::Gate::new(0.01)?;
/// assert!(gate.pass(0.5));
/// assert!(!gate.pass(0.52) && gate.pass(0.51) && gate.pass(0.4));
/// assert!(!gate.pass(0.5) && !gate.pass(f32::NAN));
/// # Ok::<(), cygnet::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Gate {
    slack: f32,
    least: f32,
}

impl Gate {
    /// Bytes of a gate.
    pub const BYTES: usize = 8;

    /// Nothing has passed yet; `slack` is in the units of the loss, and below 0 what each must be better by.
    ///
    /// # Errors
    /// [`Error::Setting`] for a slack that is not finite.
    pub const fn new(slack: f32) -> Result<Self, Error> {
        Self::resume(slack, f32::INFINITY)
    }

    /// Continues after a least loss of `least`, infinite where none has passed yet.
    ///
    /// # Errors
    /// As [`new`](Self::new), and for a `least` of NaN or −∞, which nothing would pass.
    pub const fn resume(slack: f32, least: f32) -> Result<Self, Error> {
        if slack.is_finite() && least > f32::NEG_INFINITY {
            Ok(Self { slack, least })
        } else {
            Err(Error::Setting(Setting::Slack))
        }
    }

    /// Whether a model with this loss on validation data is to be averaged; a loss that is not finite never passes.
    #[must_use = "the gate now counts this loss as passed or not: average the model if it passed"]
    pub fn pass(&mut self, loss: f32) -> bool {
        let passes = loss.is_finite() && loss <= self.least + self.slack;
        if passes && loss < self.least {
            self.least = loss;
        }
        passes
    }

    /// The least loss that passed; infinite before the first.
    #[must_use]
    pub fn least(&self) -> f32 {
        self.least
    }

    /// The gate as bytes, little-endian on every target: `f32` slack, `f32` least loss.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let mut out = Writer::new(&mut bytes);
        out.float(self.slack);
        out.float(self.least);
        bytes
    }

    /// The gate that these bytes encode.
    ///
    /// # Errors
    /// As [`resume`](Self::resume).
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Self, Error> {
        let mut input = Reader::new(bytes);
        Self::resume(input.float()?, input.float()?)
    }
}
