//! Safetensors files, for exchange with PyTorch.

use super::columns::Columns;
use super::model_file::SavedModel;
use super::names::{activation_name, loss_name, math_name, parse_activation, parse_loss, parse_math};
use super::preparation::Preparation;
use crate::{Activation, Layer, Loss, Math, Spec, preprocess_len};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::borrow::ToOwned;
use std::collections::HashMap;
use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

/// Where the metadata of a file describe the network.
const DESCRIPTION: &str = "cygnet";
/// The tensors of a preparation, one number a feature each: `(min(max(x, low), high) − shift)·scale`, `fill` for NaN.
const PREPROCESS: [&str; 5] = ["fill", "low", "high", "shift", "scale"];
/// Where they are.
const PREPROCESS_STEM: &str = "preprocess";
/// The tensors of a norm, in the order of its parameters.
const NORM: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];

impl SavedModel {
    /// The bytes of a safetensors file whose names are those of a `torch.nn.Sequential` of `Linear`, `BatchNorm1d`,
    /// activation and `Dropout` modules, weights transposed to `(outputs, inputs)`.
    ///
    /// # Errors
    /// What the format refuses, as parameters that are not finite.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, String> {
        self.check().map_err(|e| e.to_string())?;
        self.preparation.as_ref().map_or(Ok(()), |preparation| preparation.check(&self.spec))?;
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
        for (i, name) in PREPROCESS.iter().enumerate().filter(|_| self.preparation.is_some()) {
            let floats = self.preparation.iter().flat_map(|preparation| &preparation.floats);
            let values = to_bytes(floats.copied().skip(i).step_by(PREPROCESS.len()));
            tensors.push((format!("{PREPROCESS_STEM}.{name}"), vec![self.spec.inputs()], values));
        }
        let views = tensors
            .iter()
            .map(|(name, shape, bytes)| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
            .map_err(|e| e.to_string())?;
        // One entry: the order of several would be another in every run.
        let metadata = HashMap::from([(DESCRIPTION.to_owned(), self.description()?)]);
        safetensors::serialize(views, Some(metadata)).map_err(|e| e.to_string())
    }

    /// Parses a safetensors file of dense layers and of norms behind them. Without this crate's metadata the hidden layers
    /// are taken for ReLU, the last for identity, and the loss for softmax cross-entropy, of a single output for the mean
    /// square.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, String> {
        let file = SafeTensors::deserialize(bytes).map_err(|e| format!("not a safetensors file ({e})"))?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| e.to_string())?;
        let description = header.metadata().as_ref().and_then(|metadata| metadata.get(DESCRIPTION));
        let (description, columns) = match description.and_then(|text| text.split_once(COLUMNS)) {
            Some((description, json)) => {
                let columns: Columns =
                    serde_json::from_str(json).map_err(|e| format!("the columns in its metadata: {e}"))?;
                (Some(description), Some(columns))
            }
            None => (description.map(String::as_str), None),
        };
        let described = description.map(parse_description).transpose()?;
        let modules = Module::all(&file)?;
        let depth = modules.iter().filter(|module| !module.is_norm).count();
        if described.as_ref().is_some_and(|(layers, ..)| layers.len() != depth) {
            return Err("its metadata describe another number of layers".to_owned());
        }
        let mut spec: Option<Spec> = None;
        let mut params = Vec::new();
        for (i, module) in modules.iter().enumerate() {
            if module.is_norm {
                let before =
                    spec.ok_or_else(|| format!("`{}` is a norm, but no dense layer is before it", module.stem))?;
                read_norm(&file, &module.stem, before.outputs(), &mut params)?;
                spec = Some(before.norm());
                continue;
            }
            let l = spec.map_or(0, |spec| spec.depth());
            let stem = &module.stem;
            let (outputs, inputs) = read_layer(&file, stem, &mut params)?;
            let usual = if l + 1 < depth { Activation::Relu } else { Activation::Identity };
            let usual = Described { activation: usual, is_normed: None, dropout: 0.0 };
            let Described { activation, is_normed, dropout } =
                described.as_ref().map_or(usual, |(layers, ..)| layers[l]);
            let norm = modules.get(i + 1).filter(|next| next.is_norm);
            match (is_normed, norm) {
                (Some(true), None) => {
                    return Err(format!("its metadata describe a norm behind `{stem}`, but there is none"));
                }
                (Some(false), Some(norm)) => return Err(format!("its metadata describe no norm like `{}`", norm.stem)),
                (None, Some(norm)) if !norm.follows(module) => {
                    return Err(format!(
                        "`{}` is a norm, but not behind a dense layer and before its activation",
                        norm.stem
                    ));
                }
                _ => {}
            }
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
        // Softmax takes two outputs at least; a single one is taken for the value that it is, unless it is said.
        if spec.outputs() == 1 {
            spec = spec.loss(Loss::MeanSquared);
        }
        if let Some((_, loss, math, average)) = described {
            spec = spec.loss(loss).math(math);
            is_average = average;
        }
        spec.check().map_err(|e| e.to_string())?;
        let preparation = read_preparation(&file, &spec, columns)?;
        Ok(Self { spec, params, is_average, preparation })
    }

    /// What tensors do not say, and the columns of a table.
    fn description(&self) -> Result<String, String> {
        let description = describe(&self.spec, self.is_average);
        match self.preparation.as_ref().and_then(|preparation| preparation.columns.as_ref()) {
            Some(columns) => Ok(description + COLUMNS + &serde_json::to_string(columns).map_err(|e| e.to_string())?),
            None => Ok(description),
        }
    }
}

/// A module of the file: a dense layer, or a norm behind one.
struct Module {
    stem: String,
    is_norm: bool,
    /// Those in its name, so that `10` comes after `9`.
    numbers: Vec<u64>,
}

impl Module {
    /// All of them in the order of their numbers, of `fc1` and `bn1` the dense layer first; names without a number (`head`,
    /// `out`) last.
    fn all(file: &SafeTensors<'_>) -> Result<Vec<Self>, String> {
        let mut modules: Vec<Self> = Vec::new();
        for name in file.names() {
            let (stem, tensor) = name.rsplit_once('.').unwrap_or(("", name));
            let is_of_norm = matches!(tensor, "running_mean" | "running_var");
            match tensor {
                _ if stem == PREPROCESS_STEM && PREPROCESS.contains(&tensor) => continue,
                "num_batches_tracked" => continue,
                "weight" | "bias" | "running_mean" | "running_var" => {}
                _ => return Err(format!("`{name}` belongs to no dense layer and no norm")),
            }
            match modules.iter_mut().find(|module| module.stem == stem) {
                Some(module) => module.is_norm |= is_of_norm,
                None => modules.push(Self { stem: stem.to_owned(), is_norm: is_of_norm, numbers: numbers(stem) }),
            }
        }
        modules.sort_by_cached_key(|module| {
            let numbers = if module.numbers.is_empty() { vec![u64::MAX] } else { module.numbers.clone() };
            (numbers, module.is_norm, module.stem.clone())
        });
        Ok(modules)
    }

    /// Whether this norm stands behind `dense` and before its activation, as `1` behind `0` and `bn1` behind `fc1`; without
    /// numbers nobody knows.
    fn follows(&self, dense: &Self) -> bool {
        let letters = |stem: &str| stem.replace(|c: char| c.is_ascii_digit(), "");
        let next = dense.numbers.split_last().map(|(last, before)| [before, &[last.saturating_add(1)]].concat());
        let is_next = letters(&self.stem) == letters(&dense.stem) && next.is_some_and(|next| next == self.numbers);
        is_next || (self.numbers == dense.numbers && !self.numbers.is_empty())
    }
}

/// The numbers in a module's name.
fn numbers(stem: &str) -> Vec<u64> {
    let digits = stem.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    digits.map(|digits| digits.parse().unwrap_or(u64::MAX)).collect()
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

/// The preparation, where its tensors are there.
fn read_preparation(
    file: &SafeTensors<'_>,
    spec: &Spec,
    columns: Option<Columns>,
) -> Result<Option<Preparation>, String> {
    let names = PREPROCESS.map(|name| format!("{PREPROCESS_STEM}.{name}"));
    if columns.is_none() && !file.names().iter().any(|name| names.iter().any(|ours| ours == name)) {
        return Ok(None);
    }
    let mut floats = vec![0.0; preprocess_len(spec.inputs())];
    for (i, name) in names.iter().enumerate() {
        let tensor = file.tensor(name).map_err(|_| format!("no tensor `{name}`"))?;
        if tensor.shape() != [spec.inputs()] || tensor.dtype() != Dtype::F32 {
            let (shape, inputs) = (tensor.shape(), spec.inputs());
            return Err(format!("`{name}` holds {:?} of shape {shape:?}, expected F32 of [{inputs}]", tensor.dtype()));
        }
        let values = tensor.data().as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b));
        floats.iter_mut().skip(i).step_by(PREPROCESS.len()).zip(values).for_each(|(to, x)| *to = x);
    }
    let preparation = Preparation { floats, columns };
    preparation.check(spec)?;
    Ok(Some(preparation))
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

/// What tensors do not say, such as `relu norm dropout 0.5, identity dropout 0; loss cross-entropy; math libm; average`.
fn describe(spec: &Spec, is_average: bool) -> String {
    let norm = |l: &Layer| if l.is_normed() { NORMED } else { "" };
    let layer = |l: &Layer| format!("{}{} dropout {}", activation_name(l.activation()), norm(l), l.dropout());
    let layers = spec.layers().map(layer).collect::<Vec<_>>().join(", ");
    let average = if is_average { AVERAGE } else { "" };
    format!("{layers}; loss {}; math {}{average}", loss_name(spec.loss_kind()), math_name(spec.math_kind()))
}

/// Before the columns of a table, a JSON object at the end of the description.
const COLUMNS: &str = "; columns ";
/// The end of the description of an average, and of an activation behind a norm.
const AVERAGE: &str = "; average";
const NORMED: &str = " norm";

/// What tensors do not say of a layer; whether it has a norm, they must say too.
#[derive(Clone, Copy)]
struct Described {
    activation: Activation,
    is_normed: Option<bool>,
    dropout: f32,
}

/// The layers, the loss, the functions, whether it is an average.
type Description = (Vec<Described>, Loss, Math, bool);

fn parse_description(text: &str) -> Result<Description, String> {
    let unknown = || format!("its metadata say `{text}`");
    let (text, is_average) = text.strip_suffix(AVERAGE).map_or((text, false), |text| (text, true));
    let (layers, rest) = text.split_once("; loss ").ok_or_else(unknown)?;
    let (loss, math) = rest.split_once("; math ").ok_or_else(unknown)?;
    let layer = |layer: &str| {
        let (name, dropout) = layer.split_once(" dropout ").ok_or_else(unknown)?;
        let (name, is_normed) = name.strip_suffix(NORMED).map_or((name, false), |name| (name, true));
        let (activation, dropout) = (parse_activation(name)?, dropout.parse().map_err(|_| unknown())?);
        Ok::<_, String>(Described { activation, is_normed: Some(is_normed), dropout })
    };
    Ok((layers.split(", ").map(layer).collect::<Result<_, _>>()?, parse_loss(loss)?, parse_math(math)?, is_average))
}
