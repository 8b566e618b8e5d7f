//! The arguments of `cygnet train` for averages.

use super::values::{number, parts};
use clap::Args;
use cygnet::average::Ema;
use cygnet::host::HostError;
use cygnet::host::plan::{AverageKind, AveragePlan};

/// From swag, unless it is said.
const DRAWS: u32 = 30;

#[derive(Args)]
#[command(next_help_heading = "Averaging")]
pub(crate) struct Averaging {
    /// Averages to compute and compare, such as polynomial,swa,ema,swag, or none: polynomial[:7] weighs each snapshot by
    /// this power of its step, so that the run may end at any time; swa is the mean of snapshots, lawa[:5] the mean of the
    /// latest 5, ema[:0.999] the exponential moving average of all steps with this decay; swag[:0] predicts with random
    /// draws around the mean, whose covariance has this many low-rank columns beside its diagonal [default: polynomial;
    /// swa with --preset article, --swa-start or --swa-rate]
    #[arg(long, value_name = "KINDS", value_parser = parse_kinds)]
    average: Option<Kinds>,
    /// Share of the run before the first snapshot of swa, lawa and swag [default: 0.75; 0 for lawa alone]
    #[arg(long, value_name = "SHARE")]
    swa_start: Option<f32>,
    /// Steps between snapshots [default: one snapshot at the end of each epoch; for polynomial 20 steps, but at least 8
    /// snapshots an epoch]
    #[arg(long, visible_alias = "average-every", value_name = "STEPS")]
    swa_every: Option<u64>,
    /// Learning rate after averaging starts [default: the schedule continues]
    #[arg(long, value_name = "RATE")]
    swa_rate: Option<f32>,
    /// Continue each epoch from the first average, such as ema:0.99 (Switch EMA; Li et al. 2024)
    #[arg(long)]
    switch_average: bool,
    /// Also store two polynomial averages, of exponents 6.94 and 0.72, at N equally spaced moments, such as 8, for average
    /// --posthoc
    #[arg(long, value_name = "N")]
    posthoc: Option<u64>,
    /// Number of draws from swag
    #[arg(long, value_name = "DRAWS", default_value_t = DRAWS)]
    swag_samples: u32,
}

/// A list that clap takes as one value.
#[derive(Clone)]
struct Kinds(Vec<AverageKind>);

fn parse_kinds(text: &str) -> Result<Kinds, String> {
    let mut kinds = Vec::<AverageKind>::new();
    for name in text.split(',').filter(|_| text != "none") {
        let kind = parse_kind(name)?;
        if kinds.iter().any(|other| other.name() == kind.name()) {
            return Err(format!("{} is in it twice", kind.name()));
        }
        kinds.push(kind);
    }
    Ok(Kinds(kinds))
}

fn parse_kind(text: &str) -> Result<AverageKind, String> {
    match parts(text) {
        ("swa", None) => Ok(AverageKind::Swa),
        ("polynomial", eta) => number(eta, 7.0, "exponent").map(AverageKind::Polynomial),
        // In double precision, where 1 − 0.9999 keeps its digits.
        ("ema", decay) => match number(decay, 0.999, "decay")? {
            decay if (0.0..1.0).contains(&decay) => Ok(AverageKind::Ema(Ema::with_decay(decay))),
            decay => Err(format!("decay of ema {decay} is out of range: at least 0 and below 1")),
        },
        ("lawa", models) => number(models, 5, "number of snapshots").map(AverageKind::Lawa),
        ("swag", columns) => Ok(AverageKind::Swag(number(columns, 0, "number of columns")?, DRAWS)),
        ("none", None) => Err("none cannot be combined with averages".to_owned()),
        _ => Err(format!(
            "`{text}` is not polynomial[:EXPONENT], swa, ema[:DECAY], lawa[:SNAPSHOTS], swag[:COLUMNS] or none"
        )),
    }
}

impl Averaging {
    /// The averages that these arguments ask for, if any; those of `usual`, where they do not say.
    pub(crate) fn plan(&self, usual: AveragePlan) -> Result<Option<AveragePlan>, HostError> {
        // A start or a rate of its own belongs to a mean of snapshots.
        let usual = if self.swa_start.or(self.swa_rate).is_some() { AveragePlan::default() } else { usual };
        let mut kinds = self.average.as_ref().map_or(usual.kinds, |kinds| kinds.0.clone());
        if kinds.is_empty() {
            let needs_one =
                self.swa_every.is_some() || self.swa_rate.is_some() || self.switch_average || self.posthoc.is_some();
            let fault =
                "--swa-every, --swa-rate, --switch-average and --posthoc need an average, but --average is none";
            return if needs_one { Err(HostError::Usage(fault.into())) } else { Ok(None) };
        }
        for kind in &mut kinds {
            if let AverageKind::Swag(_, draws) = kind {
                *draws = self.swag_samples;
            }
        }
        let is_late = |kind: &AverageKind| matches!(kind, AverageKind::Swa | AverageKind::Swag(..));
        let start = if kinds.iter().any(is_late) { AveragePlan::default().start } else { 0.0 };
        let start = self.swa_start.unwrap_or(start);
        let (every, rate, posthoc) = (self.swa_every, self.swa_rate, self.posthoc);
        Ok(Some(AveragePlan { kinds, start, every, rate, switch: self.switch_average, posthoc }))
    }
}
