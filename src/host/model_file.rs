//! Models on disk: the crate's own checkpoint, and safetensors for exchange with PyTorch.

use super::HostError;
use super::memory::{room, zeros};
use super::names::widths;
use super::preparation::Preparation;
use super::safetensors::describe;
use crate::checkpoint::{check_params, header_spec};
use crate::{Buffer, Error, Params, Spec, checkpoint_len, fold, holds_average, load, load_spec, save};
use std::ffi::OsString;
use std::format;
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::string::{String, ToString};
use std::vec::Vec;

/// The most parameters of a model on disk, 2 GB of them.
pub const MAX_PARAMS: usize = 500_000_000;
/// A larger file is not one of ours: parameters and room for a header and a preparation.
const LARGEST: u64 = 4 * MAX_PARAMS as u64 + (1 << 24);

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
}

impl SavedModel {
    /// Reads a checkpoint or a safetensors file, whichever it is.
    ///
    /// # Errors
    /// [`HostError::File`], [`HostError::Memory`], or [`HostError::Model`] for a file that is neither, or damaged.
    pub fn read(path: &Path) -> Result<Self, HostError> {
        let file = fs::File::open(path).map_err(HostError::file(path))?;
        let size = file.metadata().map_err(HostError::file(path))?.len();
        let mut bytes = room(size.min(LARGEST) as usize)?;
        // A device or a pipe has no size to go by, and may have no end.
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(HostError::file(path))?;
        if bytes.len() as u64 > LARGEST {
            return Err(HostError::model(path, format!("more than {LARGEST} bytes, too many for a model")));
        }
        // The header of a safetensors file is JSON after its length in eight bytes.
        let parsed = if is_safetensors(path) || bytes.get(8) == Some(&b'{') {
            Self::from_safetensors(&bytes)
        } else {
            Self::from_checkpoint(&bytes)
        };
        parsed.map_err(|problem| HostError::model(path, problem))
    }

    /// As [`read`](Self::read), for a program that knows its network.
    ///
    /// # Errors
    /// As [`read`](Self::read), and [`HostError::Network`] for a model of another network than `spec`.
    pub fn read_for(path: &Path, spec: &Spec) -> Result<Self, HostError> {
        let model = Self::read(path)?;
        match differing(&model.spec, spec) {
            None => Ok(model),
            Some([holds, wants]) => Err(HostError::Network { path: path.into(), holds, wants }),
        }
    }

    /// Writes a safetensors file where the name says so, else a checkpoint; the file is whole or not there.
    ///
    /// # Errors
    /// [`HostError::File`], [`HostError::Memory`], or [`HostError::Core`] and [`HostError::Model`] for parameters that
    /// are not finite.
    pub fn write(&self, path: &Path) -> Result<(), HostError> {
        if let Some(preparation) = &self.preparation {
            preparation.check(&self.spec).map_err(|problem| HostError::model(path, problem))?;
        }
        let bytes = if is_safetensors(path) {
            self.to_safetensors().map_err(|problem| HostError::model(path, problem))?
        } else {
            self.check()?;
            let mut bytes = zeros(checkpoint_len(&self.spec))?;
            save(&self.spec, Params { is_average: self.is_average, ..Params::from(&self.params) }, &mut bytes)?;
            if let Some(preparation) = &self.preparation {
                bytes.extend(preparation.to_bytes()?);
            }
            bytes
        };
        write_whole(path, &bytes).map_err(HostError::file(path))
    }

    /// Whether this can be written and read again.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.spec.check()?;
        Error::expect_len(Buffer::Params, self.spec.param_len(), self.params.len())?;
        check_params(&self.spec, &mut self.params.iter().copied())
    }

    /// The same network without norms, for deployment; one without them stays as it is.
    ///
    /// # Errors
    /// [`HostError::Memory`], [`HostError::Core`] as [`fold`].
    pub fn folded(&self) -> Result<Self, HostError> {
        let spec = self.spec.folded();
        let mut params = zeros(spec.param_len())?;
        fold(&self.spec, &self.params, &mut params)?;
        Ok(Self { spec, params, is_average: self.is_average, preparation: self.preparation.clone() })
    }

    /// Parses a checkpoint and the preparation behind it, if there is one: a file cut exactly between its sections is whole,
    /// of a model that knows less.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_checkpoint(bytes: &[u8]) -> Result<Self, String> {
        let length = header_spec(bytes).map_or(bytes.len(), |spec| checkpoint_len(&spec));
        let (bytes, rest) = bytes.split_at_checked(length).unwrap_or((bytes, &[]));
        let spec = load_spec(bytes).map_err(|e| e.to_string())?;
        let mut params = zeros(spec.param_len()).map_err(|e| e.to_string())?;
        load(bytes, &mut params).map_err(|e| e.to_string())?;
        let preparation = if rest.is_empty() { None } else { Some(Preparation::from_bytes(&spec, rest)?) };
        Ok(Self { spec, params, is_average: holds_average(bytes), preparation })
    }

    /// Whether `other` can be averaged with this model: the same network, with inputs made the same way.
    ///
    /// # Errors
    /// [`HostError::Mismatch`] that names both.
    pub(super) fn check_kin(&self, name: &str, other: &Self, other_name: &str) -> Result<(), HostError> {
        if let Some([theirs, ours]) = differing(&other.spec, &self.spec) {
            let message = format!("{other_name} and {name} are different networks: {theirs} and {ours}");
            return Err(HostError::Mismatch(message));
        }
        if self.preparation != other.preparation {
            let columns = |model: &Self| model.preparation.as_ref().map(|preparation| preparation.columns.clone());
            let advice = if columns(self) == columns(other) {
                "prepare their inputs differently: train them with one --seed, or --validation 0"
            } else {
                "are of different tables, or take different columns"
            };
            return Err(HostError::Mismatch(format!("{other_name} and {name} {advice}")));
        }
        Ok(())
    }
}

/// What tells two networks apart: their widths, or what else they are where those are equal.
fn differing(one: &Spec, other: &Spec) -> Option<[String; 2]> {
    let shapes = [one, other].map(widths);
    let is_other = |[a, b]: &[String; 2]| a != b;
    (one != other).then(|| Some(shapes).filter(is_other).unwrap_or([one, other].map(|spec| describe(spec, false))))
}

fn is_safetensors(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "safetensors")
}

/// Writes beside the file and renames, so that an interruption leaves the old file or the new one.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if path.exists() && !path.is_file() {
        return Err(io::Error::other("exists and is not a regular file"));
    }
    let mut temporary = OsString::from(path);
    temporary.push(".part");
    let temporary = Path::new(&temporary);
    let write = |mut file: fs::File| {
        file.write_all(bytes)?;
        file.sync_all()
    };
    let written = fs::File::create(temporary).and_then(write).and_then(|()| fs::rename(temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(temporary);
    }
    written
}
