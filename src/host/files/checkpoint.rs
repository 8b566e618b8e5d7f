//! The crate's own checkpoint, and what stands behind it.

use crate::host::HostError;
use crate::host::data::{DataIdentity, Preparation, identity};
use crate::host::evaluation::SavedModel;
use crate::host::memory::zeros;
use crate::host::prelude::*;
use crate::model::Params;
use crate::store::{holds_average, load, load_spec, save};

impl SavedModel {
    /// The bytes of a checkpoint and of what stands behind it.
    /// Parameters that are not finite are an error.
    pub(in crate::host) fn to_checkpoint(&self) -> Result<Vec<u8>, HostError> {
        self.check()?;
        let mut bytes = zeros(self.spec.checkpoint_len())?;
        save(&self.spec, Params { is_average: self.is_average, ..Params::from(&self.params) }, &mut bytes)?;
        bytes.extend(self.sections()?);
        Ok(bytes)
    }

    /// What stands behind the checkpoint: how rows of a table become inputs, and which data it was trained on.
    pub(in crate::host) fn sections(&self) -> Result<Vec<u8>, HostError> {
        let mut bytes = self.preparation.as_ref().map_or(Ok(Vec::new()), Preparation::to_bytes)?;
        bytes.extend(self.trained_on.iter().flat_map(DataIdentity::to_bytes));
        Ok(bytes)
    }

    /// Parses a checkpoint and the sections behind it, if there are any: a file cut exactly between them is whole, of a model
    /// that knows less.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_checkpoint(bytes: &[u8]) -> Result<Self, String> {
        let spec = load_spec(bytes).map_err(|e| e.to_string())?;
        let mut params = zeros(spec.param_len()).map_err(|e| e.to_string())?;
        load(bytes, &mut params).map_err(|e| e.to_string())?;
        let rest = bytes.get(spec.checkpoint_len()..).unwrap_or(&[]);
        let (preparation, rest) = if rest.is_empty() || rest.starts_with(&identity::MAGIC) {
            (None, rest)
        } else {
            let (preparation, rest) = Preparation::from_bytes(&spec, rest)?;
            (Some(preparation), rest)
        };
        let trained_on = if rest.is_empty() { None } else { Some(DataIdentity::from_bytes(&spec, rest)?) };
        Ok(Self { spec, params, is_average: holds_average(bytes), preparation, trained_on })
    }
}
