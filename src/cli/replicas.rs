//! The arguments of `cygnet train` for replicas.

use clap::{Args, ValueEnum};
use cygnet::host::replicas::{Batches, ReplicaPlan};
use cygnet::{Pull, Start};
use std::num::NonZeroUsize;

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum StartName {
    Common,
    Independent,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum BatchesName {
    Parallel,
    RoundRobin,
}

#[derive(Args)]
pub(crate) struct Replicas {
    /// Train so many models side by side, pull them to their mean, and compare the mean, a soup and votes
    #[arg(
        long,
        value_name = "K",
        conflicts_with_all = ["average", "baseline", "swa_start", "swa_every", "swa_rate", "seeds", "augment"],
        help_heading = "Replicas"
    )]
    replicas: Option<usize>,
    /// Where replicas begin: at the same weights, or each at its own
    #[arg(
        long,
        value_enum,
        value_name = "START",
        default_value = "common",
        requires = "replicas",
        help_heading = "Replicas"
    )]
    replica_start: StartName,
    /// What they learn from: each from all samples in its own order, or from the batches of one order in turns
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        default_value = "parallel",
        requires = "replicas",
        help_heading = "Replicas"
    )]
    replica_batches: BatchesName,
    /// How far they are pulled to their mean: fading from all the way to nothing over the run, growing, none, or a share
    #[arg(long, value_name = "HOW", default_value = "fading", value_parser = parse_pull, requires = "replicas", help_heading = "Replicas")]
    pull: Pull,
    /// Steps of each replica between two pulls [default: one at the end of each epoch]
    #[arg(long, value_name = "STEPS", requires = "replicas", help_heading = "Replicas")]
    pull_every: Option<u64>,
    /// Threads, which change no bit [default: all cores]
    #[arg(long, requires = "replicas", help_heading = "Replicas")]
    threads: Option<NonZeroUsize>,
}

fn parse_pull(text: &str) -> Result<Pull, String> {
    match text {
        "fading" => Ok(Pull::Fading),
        "growing" => Ok(Pull::Growing),
        "none" => Ok(Pull::Constant(0.0)),
        _ => {
            let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
            share
                .map(Pull::Constant)
                .ok_or_else(|| format!("`{text}` is neither fading, growing, none nor a share from 0 to 1"))
        }
    }
}

impl Replicas {
    /// The replicas that these arguments ask for, if any.
    pub(crate) fn plan(&self) -> Option<ReplicaPlan> {
        let usual = ReplicaPlan::default();
        Some(ReplicaPlan {
            count: self.replicas?,
            start: match self.replica_start {
                StartName::Common => Start::Common,
                StartName::Independent => Start::Independent,
            },
            batches: match self.replica_batches {
                BatchesName::Parallel => Batches::Parallel,
                BatchesName::RoundRobin => Batches::RoundRobin,
            },
            pull: self.pull,
            every: self.pull_every,
            threads: self.threads.unwrap_or(usual.threads),
        })
    }
}
