//! A training set and a test set, and what is known of both.

use super::identity::DataIdentity;
use super::preparation::Preparation;
use super::samples::{Answers, Samples};
use super::split::Split;
use crate::host::HostError;
use crate::host::memory::zeros;
use crate::host::prelude::*;

/// A training set and a test set, with equally many inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// To learn from.
    pub train: Samples,
    /// To measure with.
    pub test: Samples,
    /// Outputs of a network: for images `1 +` the largest label of both sets, at least 2; for a table the classes of all its
    /// rows, or the number of values.
    pub classes: usize,
    /// How rows of a table became these inputs; none for images.
    pub preparation: Option<Preparation>,
    /// What the values are multiples of, where they were standardised.
    pub units: Option<Units>,
    /// Which data the training samples are.
    pub identity: Option<DataIdentity>,
}

impl Dataset {
    /// What a table or folders call their classes; nothing where these are numbers.
    #[must_use]
    pub fn class_names(&self) -> &[String] {
        let columns = self.preparation.as_ref().and_then(|preparation| preparation.columns.as_ref());
        let of_images = || self.identity.as_ref().map_or(&[][..], DataIdentity::classes);
        columns.map_or_else(of_images, |columns| &columns.classes)
    }

    /// Indices of the training samples that a run with this split learns from, and of those that it holds out for validation.
    ///
    /// # Errors
    /// [`HostError::Usage`] where none is left to learn from.
    pub fn split(&self, split: Split) -> Result<(Vec<u32>, Vec<u32>), HostError> {
        split.of(self.train.len(), self.train.labels())
    }

    /// The classes that no sample has which a run with this split trains on, by name: those for validation and test may have them.
    ///
    /// # Errors
    /// [`HostError::Usage`] as a run has them.
    pub fn unseen_classes(&self, split: Split) -> Result<Vec<String>, HostError> {
        if !self.train.has_classes() {
            return Ok(Vec::new());
        }
        let (train, _) = self.split(split)?;
        let mut is_seen: Vec<bool> = zeros(self.classes)?;
        let labels = train.iter().filter_map(|&i| self.train.label(i as usize));
        labels.for_each(|label| is_seen[usize::from(label)] = true);
        let name = |class: usize| self.class_names().get(class).cloned().unwrap_or_else(|| class.to_string());
        Ok((0..self.classes).filter(|&class| !is_seen[class]).map(name).collect())
    }
}

/// What standardised values stand for: `value · deviation + mean`, for each output.
#[derive(Clone, Debug, PartialEq)]
pub struct Units {
    /// Mean of each.
    pub means: Vec<f32>,
    /// Standard deviation of each, above 0.
    pub deviations: Vec<f32>,
}

impl Units {
    /// Brings values into these units: `(value − mean) / deviation`. Classes have none.
    pub(in crate::host) fn standardise(&self, answers: &mut Answers) {
        let Answers::Values { width, values } = answers else { return };
        for row in values.chunks_mut((*width).max(1)) {
            for ((x, mean), sd) in row.iter_mut().zip(&self.means).zip(&self.deviations) {
                *x = (*x - mean) / sd;
            }
        }
    }

    /// The units in which values in these are standardised: `(value − mean) / deviation`.
    pub(in crate::host) fn inverse(&self) -> Self {
        let means = self.means.iter().zip(&self.deviations).map(|(mean, sd)| -mean / sd).collect();
        Self { means, deviations: self.deviations.iter().map(|sd| sd.recip()).collect() }
    }
}
