//! Safetensors files, for exchange with PyTorch.

use super::dtypes::{CONVERTED, to_f32};
use super::modules::{COUNT, Module, PREPROCESS, PREPROCESS_STEM, in_order, tensor};
use super::reading::{Reading, Unsaid};
use crate::host::data::{Columns, DataIdentity, Preparation};
use crate::host::evaluation::SavedModel;
use crate::host::plan::{Description, describe, loss_name, parse_description};
use crate::host::prelude::*;
use crate::network::{Math, NormKind, Part};
use crate::preprocess::Preprocess;
use crate::store::checkpoint::check_params;
use crate::{Activation, Loss, Spec};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::collections::HashMap;

/// Where the metadata of a file describe the network.
const DESCRIPTION: &str = "cygnet";
/// Before the columns of a table, a JSON object at the end of the description.
const COLUMNS: &str = "; columns ";
/// The tensors of a batch norm, in the order of its parameters; a layer norm has the first two.
const NORM: [(&str, Part); 4] =
    [("weight", Part::Scale), ("bias", Part::Shift), ("running_mean", Part::Mean), ("running_var", Part::Variance)];

/// Those of a norm of this kind.
fn norm(kind: Option<NormKind>) -> &'static [(&'static str, Part)] {
    if kind == Some(NormKind::Layer) { &NORM[..2] } else { &NORM }
}

impl SavedModel {
    /// The bytes of a safetensors file whose names are those of a `torch.nn.Sequential` of `Linear`, `BatchNorm1d` or
    /// `LayerNorm`, activation and `Dropout` modules, weights transposed to `(outputs, inputs)`.
    ///
    /// # Errors
    /// What the format refuses, as parameters that are not finite.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, String> {
        self.check().map_err(|e| e.to_string())?;
        self.check_sections()?;
        let mut tensors = Vec::new();
        let mut add = |name: String, shape: &[usize], values: &mut dyn Iterator<Item = f32>| {
            tensors.push((name, shape.to_vec(), values.flat_map(f32::to_le_bytes).collect::<Vec<u8>>()));
        };
        let mut module = 0;
        for layer in self.spec.layers() {
            let of_part = |part| &self.params[layer.range(part)];
            let (n, m, weights) = (layer.inputs(), layer.outputs(), of_part(Part::Weights));
            let mut transposed = (0..m).flat_map(|j| (0..n).map(move |k| weights[k * m + j]));
            add(format!("{module}.weight"), &[m, n], &mut transposed);
            add(format!("{module}.bias"), &[m], &mut of_part(Part::Bias).iter().copied());
            if layer.is_normed() {
                module += 1;
                for &(name, part) in norm(self.spec.norm_kind()) {
                    add(format!("{module}.{name}"), &[m], &mut of_part(part).iter().copied());
                }
            }
            module += 1 + usize::from(layer.activation() != Activation::Identity) + usize::from(layer.dropout() > 0.0);
        }
        if let Some(preparation) = &self.preparation {
            for (i, name) in PREPROCESS.iter().enumerate() {
                let mut values = preparation.floats.iter().copied().skip(i).step_by(PREPROCESS.len());
                add(format!("{PREPROCESS_STEM}.{name}"), &[self.spec.inputs()], &mut values);
            }
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

    /// Parses a safetensors file of dense layers and of norms behind them, as [`Reading::of_safetensors`] does where nothing is
    /// said beside the file.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, String> {
        Reading::of_safetensors(bytes, &Unsaid::default(), "FILE").map(|reading| reading.model)
    }

    /// What tensors do not say, which data it was trained on, and the columns of a table.
    fn description(&self) -> Result<String, String> {
        let data = self.trained_on.as_ref().map_or(Ok(String::new()), DataIdentity::to_text)?;
        let description = describe(&self.spec, self.is_average) + &data;
        match self.columns() {
            Some(columns) => Ok(description + COLUMNS + &serde_json::to_string(columns).map_err(|e| e.to_string())?),
            None => Ok(description),
        }
    }
}

/// The network, the columns of a table, and the data that it was trained on.
type Metadata = (Option<String>, Option<Columns>, Option<DataIdentity>);

/// What the metadata of a file say.
fn metadata(bytes: &[u8]) -> Result<Metadata, String> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| e.to_string())?;
    let Some(text) = header.metadata().as_ref().and_then(|metadata| metadata.get(DESCRIPTION)) else {
        return Ok((None, None, None));
    };
    let (text, trained_on) = DataIdentity::cut(text, COLUMNS)?;
    let Some((description, json)) = text.split_once(COLUMNS) else { return Ok((Some(text), None, trained_on)) };
    let columns = serde_json::from_str(json).map_err(|e| format!("the columns in the metadata are not valid: {e}"))?;
    Ok((Some(description.to_owned()), columns, trained_on))
}

impl Reading {
    /// Parses a safetensors file of dense layers and of norms behind them. `name` stands for the file where advice names a
    /// command.
    ///
    /// A file of this crate says all in its metadata. Of any other, numbers in the names of its layers and their widths say the
    /// order; a missing bias is zeros, a norm without weight and bias has ones and zeros; F16, BF16 and F64 become F32. What
    /// is taken for granted then stands in the notes.
    ///
    /// # Errors
    /// What is wrong with it, as names and widths that leave several orders.
    pub fn of_safetensors(bytes: &[u8], unsaid: &Unsaid, name: &str) -> Result<Self, String> {
        let file = SafeTensors::deserialize(bytes).map_err(|e| format!("not a safetensors file ({e})"))?;
        let (description, columns, trained_on) = metadata(bytes)?;
        let described = description.as_deref().map(parse_description).transpose()?;
        if described.is_some() {
            unsaid.expect_none()?;
        }
        let is_ours = described.is_some();
        let (modules, mut notes) = in_order(Module::all(&file)?, &unsaid.layers, name)?;
        let depth = modules.iter().filter(|module| !module.is_norm()).count();
        let (layers, loss, math, mut is_average) = match described {
            Some(described) => described,
            None => {
                let outputs = modules.iter().rfind(|module| !module.is_norm()).map_or(0, |last| last.outputs);
                unsaid.described(depth, outputs, &mut notes)?
            }
        };
        if layers.len() != depth {
            return Err("the metadata describe a different number of layers".to_owned());
        }
        let mut tensors = Tensors { file: &file, is_ours, params: Vec::new(), notes };
        let spec = tensors.network(&modules, layers)?.loss(loss).math(math);
        spec.check().map_err(|e| e.to_string())?;
        // Such as a norm that is not there, or a dropout that would be rounded.
        if let Some(said) = description.filter(|said| *said != describe(&spec, is_average)) {
            let valid = describe(&spec, is_average);
            return Err(format!("the metadata contain `{said}`, but the only valid form is `{valid}`"));
        }
        check_params(&spec, &tensors.params).map_err(|e| e.to_string())?;
        let preparation = read_preparation(&file, &spec, columns)?;
        trained_on.as_ref().map_or(Ok(()), |data| data.check(&spec))?;
        is_average |= tensors.read_count()?;
        tensors.note_conversions();
        let Tensors { params, notes, .. } = tensors;
        Ok(Self { model: SavedModel { spec, params, is_average, preparation, trained_on }, notes })
    }
}

impl Unsaid {
    /// What a file that does not say it is taken to mean, for so many dense layers and outputs.
    fn described(&self, depth: usize, outputs: u16, notes: &mut Vec<String>) -> Result<Description, String> {
        let mut activations = vec![Activation::Relu; depth.saturating_sub(1)];
        match self.activations.as_slice() {
            [] if depth > 1 => notes.push(
                "the file has no activations: relu is assumed after each layer except the last (cygnet convert --activation changes it)"
                    .to_owned(),
            ),
            [] => {}
            [one] => activations.fill(*one),
            all if all.len() == depth => activations = all.to_vec(),
            all => return Err(format!("--activation has {} names for {depth} layers: give one, or one for each layer", all.len())),
        }
        activations.resize(depth, Activation::Identity);
        // Softmax takes two outputs at least; a single one is taken for the value that it is.
        let usual = if outputs == 1 { Loss::MeanSquared } else { Loss::SoftmaxCrossEntropy };
        if self.loss.is_none() {
            let usual = loss_name(usual);
            notes.push(format!("the file has no loss: {usual} is assumed (cygnet convert --loss changes it)"));
        }
        let loss = self.loss.unwrap_or(usual);
        Ok((activations.into_iter().map(|activation| (activation, 0.0)).collect(), loss, Math::Libm, false))
    }
}

/// The parameters of a file, one after the other.
struct Tensors<'a> {
    file: &'a SafeTensors<'a>,
    /// Whether this crate wrote it, which leaves nothing out.
    is_ours: bool,
    params: Vec<f32>,
    notes: Vec<String>,
}

impl Tensors<'_> {
    /// Appends the parameters of the modules, and gives the network that they are.
    fn network(&mut self, modules: &[Module], layers: Vec<(Activation, f32)>) -> Result<Spec, String> {
        let mut layers = layers.into_iter();
        let mut spec: Option<Spec> = None;
        for module in modules {
            let stem = &module.stem;
            if let Some(norm) = module.norm {
                let before = spec.ok_or_else(|| format!("the norm `{stem}` has no dense layer before it"))?;
                self.read_norm(stem, norm, before.outputs())?;
                spec = Some(if norm == NormKind::Layer { before.layer_norm() } else { before.norm() });
                continue;
            }
            self.read_layer(module)?;
            let Some((activation, dropout)) = layers.next() else { continue };
            let before = *spec.get_or_insert(Spec::new(module.inputs));
            let width = if before.depth() == 0 { before.inputs() } else { before.outputs() };
            if width != usize::from(module.inputs) {
                let inputs = module.inputs;
                return Err(format!(
                    "`{stem}.weight` has {inputs} inputs, but the layer before it has {width} outputs"
                ));
            }
            let next = before.dense(module.outputs, activation);
            spec = Some(if dropout == 0.0 { next } else { next.dropout(dropout) });
        }
        spec.ok_or("no tensor has a name like `….weight`".to_owned())
    }

    /// Appends the layer's weights, transposed back, and its bias.
    fn read_layer(&mut self, module: &Module) -> Result<(), String> {
        let Module { stem, inputs, outputs, .. } = module;
        let (weight, inputs) = (format!("{stem}.weight"), usize::from(*inputs));
        let weights = to_f32(&weight, &tensor(self.file, &weight)?)?;
        self.params.extend((0..inputs).flat_map(|k| weights.iter().skip(k).step_by(inputs.max(1)).copied()));
        let bias = format!("{stem}.bias");
        if self.is_ours || self.has(&bias) {
            return self.read_row(&bias, usize::from(*outputs));
        }
        self.notes.push(format!("`{stem}` has no bias: zeros are used"));
        self.params.resize(self.params.len() + usize::from(*outputs), 0.0);
        Ok(())
    }

    /// Appends the parameters of a norm of so many units.
    fn read_norm(&mut self, stem: &str, kind: NormKind, units: usize) -> Result<(), String> {
        let names = norm(Some(kind)).iter().map(|(name, _)| format!("{stem}.{name}"));
        let [weight, bias] = ["weight", "bias"].map(|name| format!("{stem}.{name}"));
        let is_plain = !self.is_ours && !self.has(&weight) && !self.has(&bias);
        if kind == NormKind::Layer && !self.is_ours {
            self.notes.push(format!("the norm `{stem}` has no running statistics: it is a layer norm"));
        }
        if is_plain {
            self.notes.push(format!("the norm `{stem}` has no weight and no bias: ones and zeros are used"));
            for value in [1.0, 0.0] {
                self.params.resize(self.params.len() + units, value);
            }
        }
        let epsilon = "norms are assumed to add the usual epsilon of 1e-5 to the variance".to_owned();
        if !self.is_ours && !self.notes.contains(&epsilon) {
            self.notes.push(epsilon);
        }
        for name in names.skip(if is_plain { 2 } else { 0 }) {
            // `LayerNorm(bias=False)`
            if name == bias && !self.is_ours && !self.has(&bias) && kind == NormKind::Layer {
                self.notes.push(format!("the norm `{stem}` has no bias: zeros are used"));
                self.params.resize(self.params.len() + units, 0.0);
                continue;
            }
            self.read_row(&name, units)?;
        }
        Ok(())
    }

    fn has(&self, name: &str) -> bool {
        self.file.tensor(name).is_ok()
    }

    /// Appends a tensor of one dimension.
    fn read_row(&mut self, name: &str, units: usize) -> Result<(), String> {
        let tensor = tensor(self.file, name)?;
        if tensor.shape() != [units] {
            return Err(format!("`{name}` has shape {:?}, expected [{units}]", tensor.shape()));
        }
        self.params.extend(to_f32(name, &tensor)?);
        Ok(())
    }

    /// Notes which numbers were converted.
    fn note_conversions(&mut self) {
        let tensors = self.file.tensors();
        let is_there = |dtype: Dtype| tensors.iter().any(|(_, tensor)| tensor.dtype() == dtype);
        let notes = CONVERTED.iter().filter(|(dtype, _)| is_there(*dtype)).map(|(_, note)| (*note).to_owned());
        self.notes.extend(notes);
    }

    /// Whether the file counts the models that it is an average of, and counts one or more.
    fn read_count(&mut self) -> Result<bool, String> {
        let tensors = self.file.tensors();
        let counts: Vec<_> = tensors.iter().filter(|(name, _)| name.rsplit('.').next() == Some(COUNT)).collect();
        let (name, count) = match counts.as_slice() {
            [] => return Ok(false),
            [count] => count,
            _ => return Err(format!("several tensors have the name `{COUNT}`")),
        };
        let bytes = <[u8; 8]>::try_from(count.data()).ok().filter(|_| count.dtype() == Dtype::I64);
        let count = bytes.and_then(|bytes| u64::try_from(i64::from_le_bytes(bytes)).ok());
        let count = count.ok_or_else(|| format!("`{name}` is not a count: one I64, at least 0"))?;
        self.notes.push(match count {
            0 => format!("`{name}` is 0: the file is not an average"),
            1 => "an average of 1 model".to_owned(),
            _ => format!("an average of {count} models"),
        });
        Ok(count > 0)
    }
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
    let mut floats = vec![0.0; Preprocess::state_len(spec.inputs())];
    for (i, name) in names.iter().enumerate() {
        let tensor = tensor(file, name)?;
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
