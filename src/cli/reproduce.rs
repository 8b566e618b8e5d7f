//! The arguments of `cygnet reproduce`.

use super::data::Data;
use super::images::Images;
use super::out::run_place;
use super::resume::{Every, parse_every};
use super::values::one_of;
use clap::{Args, ValueEnum};
use cygnet::host::HostError;
use cygnet::host::data::Dataset;
use cygnet::host::files::{Expected, Place, Start};
use cygnet::host::plan::{OnDivergence, Plan, ReplicaPlan};
use cygnet::host::report::output;
use cygnet::host::study::Recipe;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum RecipeName {
    Adam,
    Sgd,
}

#[derive(Args)]
pub(crate) struct Reproduce {
    /// Directory with the four IDX files of MNIST, Fashion-MNIST, EMNIST or a similar data set [default: the embedded
    /// sample of MNIST]
    #[arg(long, value_name = "DIR", help_heading = "Data")]
    data: Option<PathBuf>,
    #[command(flatten)]
    images: Images,
    /// Directory for the report, the table and the histories; it must not contain a run [default: cygnet-reproduction,
    /// then cygnet-reproduction-2 and so on]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Replace the files of the run in --out after this run is complete
    #[arg(long, requires = "out")]
    overwrite: bool,
    /// Optimizer, learning rate and epochs: adam (0.001, with dropout, 20 epochs) or sgd (decay from 0.05, with momentum,
    /// 30 epochs)
    #[arg(long, value_enum, default_value = "adam")]
    recipe: RecipeName,
    /// Passes over the training samples [default: those of the recipe]
    #[arg(long)]
    epochs: Option<u64>,
    /// What becomes of an update whose loss or gradient is not finite: stop ends the experiment; skip drops it; halve-rate
    /// drops it and halves the learning rate from there on
    #[arg(long, value_name = "NAME", value_parser = one_of(OnDivergence::NAMES), default_value = "stop")]
    on_divergence: OnDivergence,
    /// Number of replicas
    #[arg(long, value_name = "K", default_value_t = 5)]
    replicas: usize,
    /// Share of the training samples that are held out for validation
    #[arg(long, value_name = "SHARE", default_value_t = 0.1)]
    validation: f32,
    /// Seed of all random numbers: the same seed gives the same bits
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Repeat with N seeds, counted up from --seed, and show mean ± standard deviation
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) seeds: u32,
    /// Go on with an interrupted run, with the arguments in its run.json, to the same result as without the interruption;
    /// the data must be the same
    #[arg(long, value_name = "DIR")]
    pub(crate) resume: Option<PathBuf>,
    /// How often the state of the run is saved for --resume: after a time, such as 60s or 5min, or, by a number alone, after
    /// so many updates; Ctrl-C and SIGTERM save it, too
    #[arg(long, value_name = "TIME|N", value_parser = parse_every, default_value = "60s")]
    pub(crate) checkpoint_every: Every,
    /// Number of threads; it does not change the result [default: all cores]
    #[arg(long)]
    threads: Option<NonZeroUsize>,
}

impl Reproduce {
    /// What the data are called by; none of the embedded sample.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.data.as_deref().or(self.images.path())
    }

    /// The arguments that name the data.
    pub(crate) fn data(&self) -> Data {
        Data { data: self.data.clone(), images: self.images.clone(), ..Data::default() }
    }

    pub(crate) fn read(&self) -> Result<Dataset, HostError> {
        self.images.read(self.data.as_deref(), 0.2, None)
    }

    /// The directory for it.
    pub(crate) fn place(&self, start: Start<'_>) -> Result<Place, HostError> {
        let (files, in_parts) = output::files_of_reproduction();
        let parts = (0..self.seeds).map(|i| format!("seed-{}", self.seed.wrapping_add(i.into())));
        let expected = Expected { files, parts: Box::new(parts), in_parts };
        run_place(self.out.as_deref(), "cygnet-reproduction", self.overwrite, expected, &[], start)
    }

    /// What is to be trained.
    pub(crate) fn recipe(&self) -> Recipe {
        let recipe = match self.recipe {
            RecipeName::Adam => Recipe::adam(),
            RecipeName::Sgd => Recipe::sgd(),
        };
        let epochs = self.epochs.unwrap_or(recipe.plan.epochs);
        let threads = self.threads.unwrap_or(recipe.replicas.threads);
        Recipe {
            plan: Plan {
                epochs,
                validation: self.validation,
                seed: self.seed,
                on_divergence: self.on_divergence,
                ..recipe.plan
            },
            replicas: ReplicaPlan { count: self.replicas, threads, ..recipe.replicas },
            ..recipe
        }
    }
}
