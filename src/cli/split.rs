//! Which samples `train` held out.

use clap::Args;
use cygnet::host::files::{Record, Written};
use cygnet::host::{HostError, data};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Split {
    /// Share of the training samples that `train` held out for validation [default: as run.json beside the model says,
    /// else 0.1]
    #[arg(long, value_name = "SHARE")]
    validation: Option<f32>,
    /// Seed that `train` used; it determines which samples were held out [default: as run.json beside the model says,
    /// else 1]
    #[arg(long)]
    seed: Option<u64>,
}

impl Split {
    /// The split that holds out the same samples.
    pub(crate) fn of_run(&self) -> Result<data::Split, HostError> {
        let split = data::Split { seed: self.seed.unwrap_or(1), validation: self.validation.unwrap_or(0.1) };
        split.check()?;
        Ok(split)
    }

    pub(super) fn is_given(&self) -> bool {
        self.seed.is_some() || self.validation.is_some()
    }

    /// That of the run which wrote a model.
    ///
    /// # Errors
    /// [`HostError::Usage`] where the arguments say something else: training samples would count as validation samples. They do
    /// not with a share of 0.
    pub(super) fn of_written(&self, written: &Written) -> Result<data::Split, HostError> {
        self.of_run()?;
        let (seed, validation) = (written.seed, written.record.validation);
        let given = match (self.seed, self.validation) {
            (_, Some(0.0)) => return Ok(data::Split { seed, validation: 0.0 }),
            (Some(given), _) if given != seed => format!("--seed {given}"),
            (_, Some(given)) if given != validation => format!("--validation {given}"),
            _ => return Ok(data::Split { seed, validation }),
        };
        Err(HostError::Usage(format!(
            "{given} would count training samples as validation samples: the model was trained with --seed {seed} and \
             --validation {validation}, says {}; leave --seed and --validation out",
            written.directory.join("run.json").display()
        )))
    }

    /// That of the runs which wrote these models, and a note where they do not have the same and nobody chose one: what one held
    /// out, another has learned.
    ///
    /// # Errors
    /// As [`of_written`](Self::of_written), where they have the same.
    pub(crate) fn of_models(&self, models: &[PathBuf]) -> Result<(data::Split, Option<String>), HostError> {
        let given = self.of_run()?;
        let written: Vec<Written> = models.iter().filter_map(|model| Record::of_model(model)).collect();
        let Some(first) = written.first() else { return Ok((given, None)) };
        let split = |written: &Written| data::Split { seed: written.seed, validation: written.record.validation };
        let is_one = first.record.validation > 0.0 && written.iter().all(|other| split(other) == split(first));
        // Of a model without a run nobody knows better than the user.
        if is_one && (written.len() == models.len() || !self.is_given()) {
            return Ok((self.of_written(first)?, None));
        }
        let note = "note: the runs of the models did not hold out the same samples (--seed, --validation): some validation \
                    samples here are training samples of a model, which makes its validation error too low";
        Ok((given, Some(note.to_owned()).filter(|_| !self.is_given())))
    }
}
