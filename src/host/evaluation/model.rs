//! A model as it is evaluated, averaged and saved.

use crate::error::Buffer;
use crate::host::HostError;
use crate::host::data::{Columns, DataIdentity, Dataset, Preparation, Units};
use crate::host::memory::zeros;
use crate::host::plan::{describe, widths};
use crate::host::prelude::*;
use crate::math::ln;
use crate::model::fold;
use crate::network::{NormKind, Part};
use crate::store::checkpoint::check_params;
use crate::{Error, Spec};

/// A network and its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedModel {
    /// The network.
    pub spec: Spec,
    /// Its parameters, in the crate's layout.
    pub params: Vec<f32>,
    /// Whether they are an average's.
    pub is_average: bool,
    /// How rows of a table become its inputs; none where images do.
    pub preparation: Option<Preparation>,
    /// Which data it was trained on; none where nobody says so.
    pub trained_on: Option<DataIdentity>,
}

impl SavedModel {
    /// The names of its classes; none where they are numbers, or numbers are predicted.
    #[must_use]
    pub fn class_names(&self) -> &[String] {
        let of_images = || self.trained_on.as_ref().map_or(&[][..], DataIdentity::classes);
        self.columns().map_or_else(of_images, |columns| &columns.classes)
    }

    /// The columns of a table that it predicts from; none where images are, or nobody named them.
    #[must_use]
    pub fn columns(&self) -> Option<&Columns> {
        self.preparation.as_ref()?.columns.as_ref()
    }

    /// Whether what stands behind the checkpoint goes with the network.
    pub(in crate::host) fn check_sections(&self) -> Result<(), String> {
        self.preparation.as_ref().map_or(Ok(()), |preparation| preparation.check(&self.spec))?;
        self.trained_on.as_ref().map_or(Ok(()), |data| data.check(&self.spec))
    }

    /// Whether this can be written and read again.
    pub(in crate::host) fn check(&self) -> Result<(), Error> {
        self.spec.check()?;
        Error::expect_len(Buffer::Params, self.spec.param_len(), self.params.len())?;
        check_params(&self.spec, &self.params)
    }

    /// The same network without batch norms, for deployment; one without them stays as it is.
    ///
    /// # Errors
    /// [`HostError::Mismatch`] for layer norms, [`HostError::Memory`], [`HostError::Core`] as [`fold`].
    pub fn folded(&self) -> Result<Self, HostError> {
        if self.spec.norm_kind() == Some(NormKind::Layer) {
            let fault = "layer norms cannot be folded: what they multiply by depends on the sample";
            return Err(HostError::Mismatch(fault.to_owned()));
        }
        let spec = self.spec.folded();
        let mut params = zeros(spec.param_len())?;
        fold(&self.spec, &self.params, &mut params)?;
        Ok(Self { spec, params, ..self.clone() })
    }

    /// The same model with predictions in these units: the last layer, which ends in the identity, takes them in.
    ///
    /// `w' = w·σ`, `b' = b·σ + μ`, column by column; of a log-variance `b' = b + 2 ln σ`.
    #[must_use]
    pub fn in_units(&self, units: &Units) -> Self {
        let mut model = self.clone();
        let Some(layer) = model.spec.layers().last() else { return model };
        for row in model.params[layer.range(Part::Weights)].chunks_mut(layer.outputs()) {
            row.iter_mut().zip(&units.deviations).for_each(|(w, sd)| *w *= sd);
        }
        let bias = &mut model.params[layer.range(Part::Bias)];
        for ((b, sd), mean) in bias.iter_mut().zip(&units.deviations).zip(&units.means) {
            *b = *b * sd + mean;
        }
        let logs = bias.iter_mut().skip(units.means.len());
        logs.zip(&units.deviations).for_each(|(b, sd)| *b += 2.0 * ln(*sd));
        model
    }

    /// Whether `other` can be averaged with this model: the same network, with inputs made the same way.
    pub(in crate::host) fn check_kin(&self, name: &str, other: &Self, other_name: &str) -> Result<(), HostError> {
        // The words of a table and where it has gaps may differ between the rows that two models learned from.
        let columns = |model: &Self| {
            let columns = model.preparation.as_ref().map(|preparation| preparation.columns.clone());
            columns.map(|columns| columns.map(|columns| Columns { encodings: Vec::new(), ..columns }))
        };
        let advice = if self.preparation != other.preparation && columns(self) == columns(other) {
            "have different preprocessing: train them with the same --seed, or with --validation 0".to_owned()
        } else if let Some([theirs, ours]) = differing(&other.spec, &self.spec) {
            format!("are different networks: {theirs} and {ours}")
        } else if self.preparation != other.preparation {
            "were trained on different tables or columns".to_owned()
        } else {
            return Ok(());
        };
        Err(HostError::Mismatch(format!("{other_name} and {name} {advice}")))
    }
}

impl Dataset {
    /// A model that learned from these samples, with which they are and how they were prepared.
    #[must_use]
    pub fn model(&self, spec: Spec, params: Vec<f32>, is_average: bool) -> SavedModel {
        let (preparation, trained_on) = (self.preparation.clone(), self.identity.clone());
        SavedModel { spec, params, is_average, preparation, trained_on }
    }
}

/// How two networks differ: their widths, or what else they are where those are equal.
fn differing(one: &Spec, other: &Spec) -> Option<[String; 2]> {
    let shapes = [one, other].map(widths);
    let is_other = |[a, b]: &[String; 2]| a != b;
    (one != other).then(|| Some(shapes).filter(is_other).unwrap_or([one, other].map(|spec| describe(spec, false))))
}

#[cfg(test)]
mod tests;
