//! The arguments of `cygnet train` for replicas.

use super::values::one_of;
use clap::Args;
use cygnet::host::plan::{Coupling, ReplicaPlan};
use cygnet::replicas::{Pull, Start};
use std::num::NonZeroUsize;

const STARTS: [(&str, Start); 2] = [("common", Start::Common), ("independent", Start::Independent)];

#[derive(Args)]
#[command(next_help_heading = "Replicas")]
pub(crate) struct Replicas {
    /// Train K models (replicas) at the same time and pull them to their mean; compare the mean, its --average over the
    /// run, a greedy soup and the votes [default of K: 5]
    #[arg(long, value_name = "K", num_args = 0..=1, default_missing_value = "5", conflicts_with = "baseline")]
    replicas: Option<usize>,
    /// Initial weights: common (the same for all replicas) or independent (different for each)
    #[arg(long, value_parser = one_of(STARTS), value_name = "START", default_value = "common", requires = "replicas")]
    replica_start: Start,
    /// Strength of the pull to the mean: fading (from 1 to 0 over the run), growing (from 0 to 1), none, a number from 0
    /// to 1, or elastic[:ALPHA], where replicas and a centre attract each other (Zhang et al. 2015; ALPHA is 0.9/K if it
    /// is not given). Lookaround (Zhang et al. 2023) is --augment --pull 1 --pull-every 5; PAPA (Jolicoeur-Martineau et
    /// al. 2024) is --augment --pull 0.01 --pull-every 10
    #[arg(long, value_name = "HOW", default_value = "fading", value_parser = parse_pull, requires = "replicas")]
    pull: PullName,
    /// Steps of each replica between two pulls [default: one pull at the end of each epoch]
    #[arg(long, value_name = "STEPS", requires = "replicas")]
    pull_every: Option<u64>,
    /// Number of threads; it does not change the result [default: all cores]
    #[arg(long, requires = "replicas")]
    threads: Option<NonZeroUsize>,
}

#[derive(Clone, Copy)]
enum PullName {
    Mean(Pull),
    /// With the share of a centre's way that replicas go, if it is given.
    Elastic(Option<f32>),
}

fn parse_pull(text: &str) -> Result<PullName, String> {
    let share = |text: &str| text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    let parsed = match text {
        "fading" => Some(PullName::Mean(Pull::Fading)),
        "growing" => Some(PullName::Mean(Pull::Growing)),
        "none" => Some(PullName::Mean(Pull::Constant(0.0))),
        "elastic" => Some(PullName::Elastic(None)),
        _ => match text.strip_prefix("elastic:") {
            Some(alpha) => share(alpha).map(|alpha| PullName::Elastic(Some(alpha))),
            None => share(text).map(|alpha| PullName::Mean(Pull::Constant(alpha))),
        },
    };
    parsed.ok_or_else(|| format!("`{text}` is not fading, growing, none, a number from 0 to 1, or elastic[:ALPHA]"))
}

impl Replicas {
    /// The replicas that these arguments ask for, if any.
    pub(crate) fn plan(&self) -> Option<ReplicaPlan> {
        let (usual, count) = (ReplicaPlan::default(), self.replicas?);
        Some(ReplicaPlan {
            count,
            start: self.replica_start,
            coupling: match self.pull {
                PullName::Mean(pull) => Coupling::Mean(pull),
                // The authors' β of 0.9.
                PullName::Elastic(alpha) => Coupling::Elastic(alpha.unwrap_or((0.9 / count as f64) as f32)),
            },
            every: self.pull_every,
            threads: self.threads.unwrap_or(usual.threads),
        })
    }
}
