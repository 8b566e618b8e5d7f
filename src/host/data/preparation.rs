//! How rows of a table become the inputs of a model, as it is saved with the model.
//!
//! In a checkpoint's file it stands behind the checkpoint: the core's section (`store/preprocessing.rs`), and where columns have names
//! `89 43 59 47 43 4f 4c 0a`, the length of a JSON object in a `u32`, the object, and a CRC-32 of all three.

use super::columns::Columns;
use super::identity;
use super::sections::{length, object, opened, sealed};
use super::table::Gaps;
use crate::error::Value;
use crate::host::DataError;
use crate::host::HostError;
use crate::host::memory::zeros;
use crate::host::prelude::*;
use crate::preprocess::Preprocess;
use crate::{Error, Spec};
use std::path::Path;

const MAGIC: [u8; 8] = *b"\x89CYGCOL\n";

/// How rows of a table become inputs, and what its columns are called.
#[derive(Clone, Debug)]
pub struct Preparation {
    /// The numbers of a [`Preprocess`].
    pub floats: Vec<f32>,
    /// The columns; none where only a chip knows them.
    pub columns: Option<Columns>,
}

impl PartialEq for Preparation {
    /// Bit for bit: NaN, which refuses what is missing, equals itself.
    fn eq(&self, other: &Self) -> bool {
        self.columns == other.columns
            && self.floats.len() == other.floats.len()
            && self.floats.iter().zip(&other.floats).all(|(a, b)| a.to_bits() == b.to_bits())
    }
}

impl Preparation {
    /// Whether it can be, for a model of `spec`.
    pub(in crate::host) fn check(&self, spec: &Spec) -> Result<(), String> {
        Preprocess::new(spec.inputs(), &self.floats).map_err(|error| error.to_string())?;
        let Some(columns) = &self.columns else { return Ok(()) };
        columns.check()?;
        if columns.width() != spec.inputs() || columns.outputs() != spec.targets() {
            return Err("the record of the columns does not fit the network".to_owned());
        }
        Ok(())
    }

    /// Takes each column as it is, one input each; missing values are refused.
    #[must_use]
    pub fn unscaled(columns: Columns) -> Self {
        let plain = [f32::NAN, f32::NEG_INFINITY, f32::INFINITY, 0.0, 1.0];
        Self { floats: columns.inputs.iter().flat_map(|_| plain).collect(), columns: Some(columns) }
    }

    /// What the inputs are called, or their numbers from 1 on.
    #[must_use]
    pub fn input_names(&self) -> Vec<String> {
        let numbers = || (1..=self.floats.len() / Preprocess::state_len(1)).map(|i| i.to_string()).collect();
        self.columns.as_ref().map_or_else(numbers, Columns::input_names)
    }

    /// What the model does with gaps.
    pub(in crate::host) fn gaps(&self) -> Gaps {
        let refuses = || self.floats.as_chunks::<5>().0.iter().any(|[fill, ..]| fill.is_nan());
        match &self.columns {
            Some(columns) if columns.drops_missing => Gaps::Drop,
            _ if refuses() => Gaps::Refuse,
            _ => Gaps::Keep,
        }
    }

    /// What is wrong with rows of a file that preprocessing refuses; `line` says where a row is.
    pub(in crate::host) fn refusal(&self, error: Error, path: &Path, line: impl Fn(usize) -> u64) -> HostError {
        let Error::NonFinite { value: Value::Input, index } = error else { return error.into() };
        let names = self.input_names();
        let (line, name) = (line(index / names.len()), &names[index % names.len()]);
        let problem = format!("line {line}, column `{name}`: the value is too far from the training values");
        DataError::table(path, problem).into()
    }

    pub(in crate::host) fn to_bytes(&self) -> Result<Vec<u8>, HostError> {
        let inputs = self.floats.len() / Preprocess::state_len(1);
        let mut bytes = zeros(Preprocess::section_len(inputs))?;
        Preprocess::new(inputs, &self.floats)?.save(&mut bytes)?;
        if let Some(columns) = &self.columns {
            let json = serde_json::to_vec(columns).map_err(|e| HostError::file(Path::new("JSON"))(e.into()))?;
            bytes.extend(sealed(&[&MAGIC, &length(&json), &json]));
        }
        Ok(bytes)
    }

    /// What stands behind the checkpoint of a model of `spec`, and what follows it.
    pub(in crate::host) fn from_bytes<'a>(spec: &Spec, bytes: &'a [u8]) -> Result<(Self, &'a [u8]), String> {
        let inputs = spec.inputs();
        let mut floats = zeros(Preprocess::state_len(inputs)).map_err(|e| e.to_string())?;
        let failed = |e: crate::Error| format!("the preprocessing: {e}");
        Preprocess::load(inputs, bytes, &mut floats).map_err(failed)?;
        let rest = bytes.get(Preprocess::section_len(inputs)..).unwrap_or(&[]);
        let (columns, rest) = match rest {
            [] => (None, rest),
            _ if rest.starts_with(&identity::MAGIC) => (None, rest),
            _ => columns(rest).map(|(columns, rest)| (Some(columns), rest))?,
        };
        let preparation = Self { floats, columns };
        preparation.check(spec)?;
        Ok((preparation, rest))
    }
}

/// The names, and what follows them.
fn columns(bytes: &[u8]) -> Result<(Columns, &[u8]), String> {
    let wrong = |what: &str| format!("the record of the columns: {what}");
    let (json, rest) = opened(MAGIC, bytes, object).map_err(|what| wrong(&what))?;
    let columns: Columns = serde_json::from_slice(json).map_err(|e| wrong(&e.to_string()))?;
    // One spelling: what is read is written again byte for byte.
    if serde_json::to_vec(&columns).map_err(|e| wrong(&e.to_string()))? != json {
        return Err(wrong("not in the only valid form"));
    }
    Ok((columns, rest))
}
