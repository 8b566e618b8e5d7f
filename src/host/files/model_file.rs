//! Models on disk: the crate's own checkpoint, and safetensors for exchange with PyTorch.

use super::safetensors::describe;
use crate::error::Buffer;
use crate::host::data::DataIdentity;
use crate::host::data::{Preparation, identity};
use crate::host::memory::{room, zeros};
use crate::host::plan::widths;
use crate::host::{HostError, whole};
use crate::model::{Params, fold};
use crate::store::checkpoint::check_params;
use crate::store::{checkpoint_len, holds_average, load, load_spec, save};
use crate::{Activation, Error, Loss, Spec};
use std::borrow::ToOwned;
use std::format;
use std::fs;
use std::io::Read;
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
    /// Which data it was trained on; none where nobody says so.
    pub trained_on: Option<DataIdentity>,
}

/// How models are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The crate's own, `.cygnet`.
    Checkpoint,
    /// `.safetensors`, for PyTorch.
    Safetensors,
}

impl Format {
    /// That of a new file, by its name.
    ///
    /// # Errors
    /// [`HostError::Usage`] for another name, which names those that there are.
    pub fn of(path: &Path) -> Result<Self, HostError> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("cygnet") => Ok(Self::Checkpoint),
            Some("safetensors") => Ok(Self::Safetensors),
            _ => {
                let path = path.display();
                Err(HostError::Usage(format!("{path}: the name of a model file must end in .cygnet or .safetensors")))
            }
        }
    }
}

/// What a file of another program does not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unsaid {
    /// What the names of its dense layers and norms begin with, from the inputs to the outputs; none where names and widths
    /// say the order.
    pub layers: Vec<String>,
    /// One of every layer but the last, or one of each; none for ReLU and, at the end, identity.
    pub activations: Vec<Activation>,
    /// What it was trained with; where none is given softmax cross-entropy, of one output the mean squared error.
    pub loss: Option<Loss>,
}

impl Unsaid {
    /// Refuses to say what the file says itself.
    pub(in crate::host) fn expect_none(&self) -> Result<(), String> {
        if *self == Self::default() {
            return Ok(());
        }
        Err("the file contains its layers, activations and loss: --layers, --activation and --loss cannot be used"
            .to_owned())
    }
}

/// A model from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The model.
    pub model: SavedModel,
    /// What the file does not say and is taken for granted, what was converted, and of how many models it is an average.
    pub notes: Vec<String>,
}

impl Reading {
    /// Reads a checkpoint or a safetensors file, whichever it is.
    ///
    /// # Errors
    /// As [`SavedModel::read`]; [`HostError::Model`] where the file says itself what `unsaid` says.
    pub fn of_file(path: &Path, unsaid: &Unsaid) -> Result<Self, HostError> {
        let file = fs::File::open(path).map_err(HostError::file(path))?;
        let size = file.metadata().map_err(HostError::file(path))?.len();
        let mut bytes = room(size.min(LARGEST) as usize)?;
        // A device or a pipe has no size to go by, and may have no end.
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(HostError::file(path))?;
        if bytes.len() as u64 > LARGEST {
            return Err(HostError::model(
                path,
                format!("the file has more than {LARGEST} bytes, too many for a model"),
            ));
        }
        let is_safetensors = path.extension().is_some_and(|extension| extension == "safetensors");
        // The header of a safetensors file is JSON after its length in eight bytes.
        let parsed = if is_safetensors || bytes.get(8) == Some(&b'{') {
            Self::of_safetensors(&bytes, unsaid, &path.display().to_string())
        } else {
            let read = unsaid.expect_none().and_then(|()| SavedModel::from_checkpoint(&bytes));
            read.map(|model| Self { model, notes: Vec::new() })
        };
        parsed.map_err(|problem| HostError::model(path, problem))
    }
}

impl SavedModel {
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

    /// Reads a checkpoint or a safetensors file, whichever it is; [`Reading::of_file`] gives the notes on it, too.
    ///
    /// # Errors
    /// [`HostError::File`], [`HostError::Memory`], or [`HostError::Model`] for a file that is neither, damaged, or does not
    /// say the order of its layers.
    pub fn read(path: &Path) -> Result<Self, HostError> {
        Reading::of_file(path, &Unsaid::default()).map(|reading| reading.model)
    }

    /// Writes the file in the format that its name says, or replaces it; it is whole or as it was.
    ///
    /// # Errors
    /// [`HostError::File`], and as [`Format::of`] and [`to_bytes`](Self::to_bytes).
    pub fn write(&self, path: &Path) -> Result<(), HostError> {
        let bytes = self.to_bytes(Format::of(path)?).map_err(|error| error.of_model(path))?;
        whole::replace(path, &bytes).map_err(HostError::file(path))
    }

    /// The file in this format.
    ///
    /// # Errors
    /// [`HostError::Memory`], or [`HostError::Core`] and [`HostError::Model`] for parameters that are not finite and for
    /// what does not go with the network.
    pub fn to_bytes(&self, format: Format) -> Result<Vec<u8>, HostError> {
        let failed = |problem| HostError::model(Path::new("the model"), problem);
        self.check_sections().map_err(failed)?;
        if format == Format::Safetensors {
            return self.to_safetensors().map_err(failed);
        }
        self.check()?;
        let mut bytes = zeros(checkpoint_len(&self.spec))?;
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

    /// The same network without norms, for deployment; one without them stays as it is.
    ///
    /// # Errors
    /// [`HostError::Memory`], [`HostError::Core`] as [`fold`].
    pub fn folded(&self) -> Result<Self, HostError> {
        let spec = self.spec.folded();
        let mut params = zeros(spec.param_len())?;
        fold(&self.spec, &self.params, &mut params)?;
        Ok(Self { spec, params, ..self.clone() })
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
        let rest = bytes.get(checkpoint_len(&spec)..).unwrap_or(&[]);
        let (preparation, rest) = if rest.is_empty() || rest.starts_with(&identity::MAGIC) {
            (None, rest)
        } else {
            let (preparation, rest) = Preparation::from_bytes(&spec, rest)?;
            (Some(preparation), rest)
        };
        let trained_on = if rest.is_empty() { None } else { Some(DataIdentity::from_bytes(&spec, rest)?) };
        Ok(Self { spec, params, is_average: holds_average(bytes), preparation, trained_on })
    }

    /// Whether `other` can be averaged with this model: the same network, with inputs made the same way.
    ///
    /// # Errors
    /// [`HostError::Mismatch`] that names both.
    pub(in crate::host) fn check_kin(&self, name: &str, other: &Self, other_name: &str) -> Result<(), HostError> {
        if let Some([theirs, ours]) = differing(&other.spec, &self.spec) {
            let message = format!("{other_name} and {name} are different networks: {theirs} and {ours}");
            return Err(HostError::Mismatch(message));
        }
        if self.preparation != other.preparation {
            let columns = |model: &Self| model.preparation.as_ref().map(|preparation| preparation.columns.clone());
            let advice = if columns(self) == columns(other) {
                "have different preprocessing: train them with the same --seed, or with --validation 0"
            } else {
                "were trained on different tables or columns"
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
