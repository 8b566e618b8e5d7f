//! The arguments of `cygnet train` for averages.

use clap::{Args, ValueEnum};
use cygnet::average::{Draws, Ema, Warmup};
use cygnet::host::plan::{AverageKind, AveragePlan, Plan};
use cygnet::schedule::Shape;

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum AverageName {
    Swa,
    Ema,
    Lawa,
    Swag,
    None,
}

#[derive(Clone, Copy, ValueEnum)]
enum WarmupName {
    None,
    Ratio,
    Power,
}

#[derive(Args)]
#[command(next_help_heading = "Averaging")]
pub(crate) struct Averaging {
    /// Averages to compute and compare, such as swa,ema,swag: swa is the mean of snapshots, lawa the mean of the latest
    /// snapshots, ema the exponential moving average of all steps; swag predicts with random draws around the mean
    /// [default: swa; ema for a table]
    #[arg(long, value_enum, value_name = "KINDS", value_delimiter = ',')]
    average: Vec<AverageName>,
    /// Share of the run before the first snapshot [default: 0.75; 0 for ema and lawa on a table]
    #[arg(long, value_name = "SHARE")]
    swa_start: Option<f32>,
    /// Steps between snapshots [default: one snapshot at the end of each epoch]
    #[arg(long, value_name = "STEPS")]
    swa_every: Option<u64>,
    /// Learning rate after averaging starts [default: the schedule continues]
    #[arg(long, value_name = "RATE")]
    swa_rate: Option<f32>,
    /// Epochs in which the learning rate changes to --swa-rate
    #[arg(long, value_name = "EPOCHS", default_value_t = 0.0)]
    swa_anneal: f32,
    /// Decay of ema per step
    #[arg(long, value_name = "DECAY", default_value_t = 0.999)]
    ema_decay: f64,
    /// Half-life of a model in ema, instead of --ema-decay
    #[arg(long, value_name = "STEPS", conflicts_with = "ema_decay")]
    ema_half_life: Option<f32>,
    /// Warm-up of the decay of ema after t steps: ratio is min(decay, (1+t)/(10+t)), power is min(decay, 1 −
    /// (1+t)^(−2/3)) [default: none; power for a table]
    #[arg(long, value_enum)]
    ema_warmup: Option<WarmupName>,
    /// Number of snapshots in lawa
    #[arg(long, value_name = "MODELS", default_value_t = 5)]
    lawa_window: usize,
    /// Columns of the low-rank part of the covariance of swag; 0 for a diagonal covariance
    #[arg(long, value_name = "COLUMNS", default_value_t = 0)]
    swag_rank: usize,
    /// Number of draws from swag
    #[arg(long, value_name = "DRAWS", default_value_t = 30)]
    swag_samples: u32,
    /// Scale of the covariance of swag
    #[arg(long, value_name = "SCALE", default_value_t = 1.0)]
    swag_scale: f32,
}

impl Averaging {
    /// The averages that these arguments ask for, if any.
    pub(crate) fn plan(&self, usual: &Plan, seed: u64) -> Option<AveragePlan> {
        if self.average.contains(&AverageName::None) {
            return None;
        }
        let usual = usual.averages.clone().unwrap_or_default();
        let usual_warmup = usual.kinds.iter().find_map(|kind| match kind {
            AverageKind::Ema(ema) => Some(ema.warmup),
            _ => None,
        });
        let warmup = match self.ema_warmup {
            None => usual_warmup.unwrap_or(Warmup::None),
            Some(WarmupName::None) => Warmup::None,
            Some(WarmupName::Ratio) => Warmup::Ratio,
            Some(WarmupName::Power) => Warmup::Power { gamma: 1.0, power: 2.0 / 3.0 },
        };
        // In double precision, where 1 − 0.9999 keeps its digits.
        let plain = Ema::with_decay(self.ema_decay);
        let ema = Ema { warmup, ..self.ema_half_life.map_or(plain, |steps| Ema::with_half_life(steps, 1.0)) };
        let draws = Draws { seed, samples: self.swag_samples, scale: self.swag_scale };
        let kind = |name: &AverageName| match name {
            AverageName::Swa => Some(AverageKind::Swa),
            AverageName::Ema => Some(AverageKind::Ema(ema)),
            AverageName::Lawa => Some(AverageKind::Lawa(self.lawa_window)),
            AverageName::Swag => Some(AverageKind::Swag(self.swag_rank, draws)),
            AverageName::None => None,
        };
        let is_late = |kind: &AverageKind| matches!(kind, AverageKind::Swa | AverageKind::Swag(..));
        let mut kinds: Vec<AverageKind> = self.average.iter().filter_map(kind).collect();
        if self.average.is_empty() {
            let of_table =
                |kind: &AverageKind| if let AverageKind::Ema(_) = kind { AverageKind::Ema(ema) } else { *kind };
            kinds = usual.kinds.iter().map(of_table).collect();
        }
        let start = if kinds.iter().any(is_late) { AveragePlan::default().start } else { usual.start };
        Some(AveragePlan {
            kinds,
            start: self.swa_start.unwrap_or(start),
            every: self.swa_every,
            rate: self.swa_rate,
            anneal: (self.swa_anneal, Shape::Linear),
        })
    }

    /// What does not go together.
    pub(crate) fn misplaced(&self) -> [(bool, &'static str); 4] {
        let is_none = self.average.contains(&AverageName::None);
        let is_twice = |(i, name): (usize, &AverageName)| self.average[..i].contains(name);
        [
            (is_none && self.average.len() > 1, "--average none cannot be combined with other averages"),
            (
                is_none && (self.swa_every.is_some() || self.swa_rate.is_some()),
                "--swa-every and --swa-rate need an average, but --average is none",
            ),
            (self.swa_rate.is_none() && self.swa_anneal > 0.0, "--swa-anneal needs --swa-rate"),
            (self.average.iter().enumerate().any(is_twice), "--average contains the same name twice"),
        ]
    }
}
