//! Models on disk: the crate's own checkpoint, and safetensors for exchange with PyTorch.

use super::HostError;
use super::memory::{room, zeros};
use crate::finite::check_finite;
use crate::{
    Activation, Buffer, Error, Layer, Loss, Math, Params, Spec, Value, checkpoint_len, holds_average, load, load_spec,
    save,
};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::borrow::ToOwned;
use std::collections::HashMap;
use std::ffi::OsString;
use std::format;
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

/// The most parameters of a model on disk, 2 GB of them.
pub const MAX_PARAMS: usize = 500_000_000;
/// A larger file is not one of ours: parameters and room for a header.
const LARGEST: u64 = 4 * MAX_PARAMS as u64 + (1 << 20);

/// Where the metadata of a safetensors file describe the network.
const DESCRIPTION: &str = "cygnet";

/// A network and its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedModel {
    /// The network.
    pub spec: Spec,
    /// Its parameters, in the crate's layout.
    pub params: Vec<f32>,
    /// Whether they are an average's.
    pub is_average: bool,
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

    /// Writes a safetensors file where the name says so, else a checkpoint; the file is whole or not there.
    ///
    /// # Errors
    /// [`HostError::File`], [`HostError::Memory`], or [`HostError::Core`] and [`HostError::Model`] for parameters that
    /// are not finite.
    pub fn write(&self, path: &Path) -> Result<(), HostError> {
        let bytes = if is_safetensors(path) {
            self.to_safetensors().map_err(|problem| HostError::model(path, problem))?
        } else {
            self.check()?;
            let mut bytes = zeros(checkpoint_len(&self.spec))?;
            save(&self.spec, Params { is_average: self.is_average, ..Params::from(&self.params) }, &mut bytes)?;
            bytes
        };
        write_whole(path, &bytes).map_err(HostError::file(path))
    }

    /// Whether this can be written and read again.
    fn check(&self) -> Result<(), Error> {
        self.spec.check()?;
        Error::expect_len(Buffer::Params, self.spec.param_len(), self.params.len())?;
        check_finite(&self.params, Value::Param).map(|_| ())
    }

    /// Parses a checkpoint.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_checkpoint(bytes: &[u8]) -> Result<Self, String> {
        let spec = load_spec(bytes).map_err(|e| e.to_string())?;
        let mut params = zeros(spec.param_len()).map_err(|e| e.to_string())?;
        load(bytes, &mut params).map_err(|e| e.to_string())?;
        Ok(Self { spec, params, is_average: holds_average(bytes) })
    }

    /// The bytes of a safetensors file whose names are those of a `torch.nn.Sequential` of `Linear`, `BatchNorm1d`,
    /// activation and `Dropout` modules, weights transposed to `(outputs, inputs)`.
    ///
    /// # Errors
    /// What the format refuses, as parameters that are not finite.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, String> {
        self.check().map_err(|e| e.to_string())?;
        let mut tensors = Vec::new();
        let mut module = 0;
        for layer in self.spec.layers() {
            let (weights, rest) = self.params[layer.offset()..].split_at(layer.weight_len());
            let (n, m) = (layer.inputs(), layer.outputs());
            let transposed = (0..m).flat_map(|j| (0..n).map(move |k| weights[k * m + j]));
            tensors.push((format!("{module}.weight"), vec![m, n], to_bytes(transposed)));
            let (bias, rest) = rest.split_at(m);
            tensors.push((format!("{module}.bias"), vec![m], to_bytes(bias.iter().copied())));
            if layer.is_normed() {
                module += 1;
                for (name, values) in NORM.iter().zip(rest.chunks_exact(m)) {
                    tensors.push((format!("{module}.{name}"), vec![m], to_bytes(values.iter().copied())));
                }
            }
            module += 1 + usize::from(layer.activation() != Activation::Identity) + usize::from(layer.dropout() > 0.0);
        }
        let views = tensors
            .iter()
            .map(|(name, shape, bytes)| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
            .map_err(|e| e.to_string())?;
        // One entry: the order of several would be another in every run.
        let metadata = HashMap::from([(DESCRIPTION.to_owned(), describe(&self.spec, self.is_average))]);
        safetensors::serialize(views, Some(metadata)).map_err(|e| e.to_string())
    }

    /// Parses a safetensors file of dense layers and of norms behind them. Without this crate's metadata the hidden layers
    /// are taken for ReLU, the last for identity, and the loss for softmax cross-entropy.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, String> {
        let file = SafeTensors::deserialize(bytes).map_err(|e| format!("not a safetensors file ({e})"))?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| e.to_string())?;
        let description = header.metadata().as_ref().and_then(|metadata| metadata.get(DESCRIPTION));
        let described = description.map(|text| parse_description(text)).transpose()?;
        let mut stems: Vec<String> =
            file.names().iter().filter_map(|n| n.strip_suffix(".weight")).map(str::to_owned).collect();
        let is_norm = |stem: &String| file.tensor(&format!("{stem}.running_var")).is_ok();
        // Of `fc1` and `bn1` the dense layer first.
        stems.sort_by_cached_key(|stem| (numbers(stem), is_norm(stem), stem.clone()));
        let depth = stems.iter().filter(|stem| !is_norm(stem)).count();
        if described.as_ref().is_some_and(|(layers, ..)| layers.len() != depth) {
            return Err("its metadata describe another number of layers".to_owned());
        }
        let mut spec: Option<Spec> = None;
        let mut params = Vec::new();
        for stem in &stems {
            if is_norm(stem) {
                let before = spec.ok_or_else(|| format!("`{stem}` is a norm, but no dense layer is before it"))?;
                read_norm(&file, stem, before.outputs(), &mut params)?;
                spec = Some(before.norm());
                continue;
            }
            let l = spec.map_or(0, |spec| spec.depth());
            let (outputs, inputs) = read_layer(&file, stem, &mut params)?;
            let (activation, dropout) = match &described {
                Some((layers, ..)) => layers[l],
                None if l + 1 < depth => (Activation::Relu, 0.0),
                None => (Activation::Identity, 0.0),
            };
            let before = *spec.get_or_insert(Spec::new(inputs));
            let width = if before.depth() == 0 { before.inputs() } else { before.outputs() };
            if width != usize::from(inputs) {
                return Err(format!("`{stem}.weight` takes {inputs} inputs, but {width} come in"));
            }
            let next = before.dense(outputs, activation);
            spec = Some(if dropout == 0.0 { next } else { next.dropout(dropout) });
        }
        let mut spec = spec.ok_or("no tensor is named `….weight`")?;
        let mut is_average = false;
        if let Some((_, loss, math, average)) = described {
            spec = spec.loss(loss).math(math);
            is_average = average;
        }
        spec.check().map_err(|e| e.to_string())?;
        Ok(Self { spec, params, is_average })
    }
}

/// Appends the layer's weights, transposed back, and its bias to `params`; gives outputs and inputs.
fn read_layer(file: &SafeTensors<'_>, stem: &str, params: &mut Vec<f32>) -> Result<(u16, u16), String> {
    let tensor = |name: &str| file.tensor(name).map_err(|_| format!("no tensor `{name}`"));
    let (weight, bias) = (tensor(&format!("{stem}.weight"))?, tensor(&format!("{stem}.bias"))?);
    let &[outputs, inputs] = weight.shape() else {
        return Err(format!("`{stem}.weight` has shape {:?}, expected (outputs, inputs)", weight.shape()));
    };
    if bias.shape() != [outputs] {
        return Err(format!("`{stem}.bias` has shape {:?}, expected [{outputs}]", bias.shape()));
    }
    let width = |n: usize| u16::try_from(n).map_err(|_| format!("`{stem}.weight`: a width of {n} is too large"));
    let widths = (width(outputs)?, width(inputs)?);
    let (weights, bias) = (from_bytes(stem, &weight)?, from_bytes(stem, &bias)?);
    params.extend((0..inputs).flat_map(|k| weights.iter().skip(k).step_by(inputs.max(1)).copied()));
    params.extend(bias);
    Ok(widths)
}

/// The tensors of a norm, in the order of its parameters.
const NORM: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];

/// Appends the parameters of a norm of so many units to `params`.
fn read_norm(file: &SafeTensors<'_>, stem: &str, units: usize, params: &mut Vec<f32>) -> Result<(), String> {
    for name in NORM.map(|name| format!("{stem}.{name}")) {
        let tensor = file.tensor(&name).map_err(|_| format!("no tensor `{name}`"))?;
        if tensor.shape() != [units] {
            return Err(format!("`{name}` has shape {:?}, expected [{units}]", tensor.shape()));
        }
        params.extend(from_bytes(stem, &tensor)?);
    }
    Ok(())
}

fn to_bytes(values: impl Iterator<Item = f32>) -> Vec<u8> {
    values.flat_map(f32::to_le_bytes).collect()
}

fn from_bytes(stem: &str, tensor: &TensorView<'_>) -> Result<Vec<f32>, String> {
    if tensor.dtype() != Dtype::F32 {
        return Err(format!("`{stem}` holds {:?}, expected F32", tensor.dtype()));
    }
    let values: Vec<f32> = tensor.data().as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
    if values.iter().all(|v| v.is_finite()) { Ok(values) } else { Err(format!("`{stem}` is not finite")) }
}

/// The numbers in a module's name, so that `10` comes after `9`; a name without one (`head`, `out`) comes last.
fn numbers(stem: &str) -> Vec<u64> {
    let digits = stem.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let numbers: Vec<u64> = digits.map(|digits| digits.parse().unwrap_or(u64::MAX)).collect();
    if numbers.is_empty() { vec![u64::MAX] } else { numbers }
}

fn is_safetensors(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "safetensors")
}

/// The short name of an activation, as flags and files spell it.
#[must_use]
pub fn activation_name(activation: Activation) -> String {
    match activation {
        Activation::Identity => "identity".to_owned(),
        Activation::Relu => "relu".to_owned(),
        Activation::LeakyRelu(slope) => format!("leaky-relu:{slope}"),
        Activation::Tanh => "tanh".to_owned(),
        Activation::Sigmoid => "sigmoid".to_owned(),
    }
}

/// The activation of a short name; `leaky-relu` alone has a slope of 0.01.
///
/// # Errors
/// The names there are.
pub fn parse_activation(name: &str) -> Result<Activation, String> {
    let unknown = || format!("unknown activation `{name}`: relu, leaky-relu[:SLOPE], tanh, sigmoid or identity");
    Ok(match name {
        "identity" => Activation::Identity,
        "relu" => Activation::Relu,
        "tanh" => Activation::Tanh,
        "sigmoid" => Activation::Sigmoid,
        "leaky-relu" => Activation::LeakyRelu(0.01),
        _ => {
            let slope = name.strip_prefix("leaky-relu:").and_then(|s| s.parse().ok());
            Activation::LeakyRelu(slope.filter(|s: &f32| s.is_finite() && *s >= 0.0).ok_or_else(unknown)?)
        }
    })
}

/// The short name of a loss.
#[must_use]
pub fn loss_name(loss: Loss) -> String {
    match loss {
        Loss::SoftmaxCrossEntropy => "cross-entropy".to_owned(),
        Loss::MeanSquared => "mse".to_owned(),
        Loss::BinaryCrossEntropy => "bce".to_owned(),
        Loss::Huber(delta) => format!("huber:{delta}"),
    }
}

/// The loss of a short name; `huber` alone has a threshold of 1.
///
/// # Errors
/// The names there are.
pub fn parse_loss(name: &str) -> Result<Loss, String> {
    let unknown = || format!("unknown loss `{name}`: cross-entropy, mse, bce or huber[:THRESHOLD]");
    Ok(match name {
        "cross-entropy" => Loss::SoftmaxCrossEntropy,
        "mse" => Loss::MeanSquared,
        "bce" => Loss::BinaryCrossEntropy,
        "huber" => Loss::Huber(1.0),
        _ => {
            let delta = name.strip_prefix("huber:").and_then(|s| s.parse().ok());
            Loss::Huber(delta.filter(|d: &f32| d.is_finite() && *d > 0.0).ok_or_else(unknown)?)
        }
    })
}

fn math_name(math: Math) -> &'static str {
    match math {
        Math::Libm => "libm",
        #[cfg(feature = "micromath")]
        Math::Micromath => "micromath",
    }
}

fn parse_math(name: &str) -> Result<Math, String> {
    match name {
        "libm" => Ok(Math::Libm),
        #[cfg(feature = "micromath")]
        "micromath" => Ok(Math::Micromath),
        _ => Err(format!("this program was built without the functions of `{name}`")),
    }
}

/// What tensors do not say, such as `relu dropout 0.5, identity dropout 0; loss cross-entropy; math libm; average`.
fn describe(spec: &Spec, is_average: bool) -> String {
    let layer = |l: &Layer| format!("{} dropout {}", activation_name(l.activation()), l.dropout());
    let layers = spec.layers().map(layer).collect::<Vec<_>>().join(", ");
    let average = if is_average { AVERAGE } else { "" };
    format!("{layers}; loss {}; math {}{average}", loss_name(spec.loss_kind()), math_name(spec.math_kind()))
}

/// The end of the description of an average.
const AVERAGE: &str = "; average";

/// Activation and dropout of each layer, the loss, the functions, whether it is an average.
type Description = (Vec<(Activation, f32)>, Loss, Math, bool);

fn parse_description(text: &str) -> Result<Description, String> {
    let unknown = || format!("its metadata say `{text}`");
    let (text, is_average) = text.strip_suffix(AVERAGE).map_or((text, false), |text| (text, true));
    let (layers, rest) = text.split_once("; loss ").ok_or_else(unknown)?;
    let (loss, math) = rest.split_once("; math ").ok_or_else(unknown)?;
    let layer = |layer: &str| {
        let (name, dropout) = layer.split_once(" dropout ").ok_or_else(unknown)?;
        Ok::<_, String>((parse_activation(name)?, dropout.parse().map_err(|_| unknown())?))
    };
    Ok((layers.split(", ").map(layer).collect::<Result<_, _>>()?, parse_loss(loss)?, parse_math(math)?, is_average))
}

/// Writes beside the file and renames, so that an interruption leaves the old file or the new one.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
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
