//! What a saved model is, and what it says of an image.

use super::dataset::PIXEL_SCALE;
use super::idx::{self, Images};
use super::model_file::SavedModel;
use super::names::{activation_name, loss_name};
use super::preparation::Preparation;
use super::report::{Table, aligned};
use super::tables::questions;
use super::{HostError, image};
use crate::{Loss, Spec, Workspace, checkpoint_len, class_of, predict, softmax};
use std::borrow::ToOwned;
use std::format;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

/// The layers of a network.
#[must_use]
pub fn layers(spec: &Spec) -> Table {
    let rows = spec.layers().map(|l| {
        vec![
            format!("dense {}", l.index() + 1),
            format!("{} → {}", l.inputs(), l.outputs()),
            format!("{}{}", if l.is_normed() { "norm, " } else { "" }, activation_name(l.activation())),
            l.dropout().to_string(),
            l.param_len().to_string(),
            l.offset().to_string(),
        ]
    });
    let header = ["layer", "inputs → outputs", "activation", "dropout", "parameters", "offset"];
    Table { header: header.map(str::to_owned).to_vec(), rows: rows.collect() }
}

/// The layer table and the memory that the network needs.
#[must_use]
pub fn info(model: &SavedModel) -> String {
    let spec = &model.spec;
    let layers = layers(spec);
    let p = spec.param_len();
    let floats = |n: usize| vec![n.to_string(), bytes(n.saturating_mul(4))];
    let is_normed = spec.norm_len() > 0;
    let least = if is_normed { "training workspace, batch 2" } else { "training workspace, batch 1" };
    let preprocessing = model.preparation.as_ref().map(|preparation| ("preprocessing", preparation.floats.len()));
    let memory = [
        ("parameters", p),
        ("prediction, a sample", spec.predict_len(1)),
        (least, spec.work_len(1 + usize::from(is_normed))),
        ("training workspace, batch 32", spec.work_len(32)),
        ("momentum", p),
        ("Adam", p.saturating_mul(2)),
        ("average", p),
    ];
    let memory = memory.into_iter().chain(preprocessing);
    let memory = memory.map(|(name, n)| [vec![name.to_string()], floats(n)].concat());
    let prepared = model.preparation.as_ref().map(preparation).unwrap_or_default();
    let behind = model.preparation.as_ref().and_then(|preparation| preparation.to_bytes().ok());
    let size = checkpoint_len(spec) + behind.map_or(0, |bytes| bytes.len());
    format!(
        "{layers}\n{p} parameters{}, loss {}, {} on disk\n\n{prepared}{}",
        if model.is_average { " of an average" } else { "" },
        loss_name(spec.loss_kind()),
        bytes(size),
        aligned(&["memory", "floats", "bytes"], memory),
    )
}

/// What happens to each column, and what is predicted.
fn preparation(preparation: &Preparation) -> String {
    const SHOWN: usize = 30;
    let features = preparation.floats.as_chunks::<5>().0;
    let row = |(i, feature): (usize, &[f32; 5])| {
        let number = |x: &f32| if x.is_finite() { x.to_string() } else { "–".to_string() };
        [preparation.input(i)].into_iter().chain(feature.iter().map(number)).collect::<Vec<_>>()
    };
    let header = ["input", "if missing", "least", "largest", "shift", "scale"];
    let mut text = aligned(&header, features.iter().enumerate().take(SHOWN).map(row));
    if features.len() > SHOWN {
        text += &format!("\n… and {} more", features.len() - SHOWN);
    }
    if let Some(columns) = &preparation.columns {
        text += &format!("\n\npredicts {}", columns.targets.join(", "));
        if columns.has_classes() {
            text += &format!(": {}", columns.classes.join(", "));
        }
    }
    text + "\n\n"
}

fn bytes(n: usize) -> String {
    match n {
        0..10_000 => format!("{n} B"),
        10_000..10_000_000 => format!("{:.1} kB", n as f64 / 1e3),
        _ => format!("{:.1} MB", n as f64 / 1e6),
    }
}

/// What a model says of one image.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// The class with the largest output; of a single output, whether it is above 0.
    pub class: usize,
    /// Softmax of the outputs; the outputs themselves for a model of another loss.
    pub outputs: Vec<f32>,
}

/// What a model says of a row of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Line of the file, from 1 on.
    pub line: u64,
    /// What the model says; where it predicts numbers, they are the outputs. Nothing of a row with a gap, if the model
    /// learned from rows without.
    pub verdict: Option<Verdict>,
}

/// What the model says of the rows of a table, which needs no column that is predicted.
///
/// # Errors
/// [`HostError::Data`] with file, line and column, [`HostError::Mismatch`] for a model of images.
pub fn predict_table(model: &SavedModel, path: &Path) -> Result<Vec<Answer>, HostError> {
    let Some(preparation) = &model.preparation else {
        return Err(HostError::Mismatch("the model takes images, not rows of a table".to_string()));
    };
    let answer = |(line, row): (u64, Option<Vec<f32>>)| {
        let verdict = row.map(|row| verdict(&model.spec, &model.params, &row)).transpose()?;
        Ok(Answer { line, verdict })
    };
    questions(preparation, path)?.into_iter().map(answer).collect()
}

/// What the model says of the images in a file: one PNG, or any number in an IDX file.
///
/// # Errors
/// [`HostError::Data`], or [`HostError::Mismatch`] for images of another size than the model's.
pub fn predict_file(model: &SavedModel, path: &Path) -> Result<Vec<Verdict>, HostError> {
    let mut start = [0; 8];
    let is_png =
        File::open(path).and_then(|mut file| file.read(&mut start)).is_ok_and(|n| start[..n] == *b"\x89PNG\r\n\x1a\n");
    if is_png {
        let side = model.spec.inputs().isqrt();
        if side * side != model.spec.inputs() {
            let inputs = model.spec.inputs();
            return Err(HostError::Mismatch(format!(
                "the model's {inputs} inputs are no square image; give an IDX file"
            )));
        }
        let pixels = image::read_png(path, side, side)?;
        return Ok(vec![verdict(&model.spec, &model.params, &inputs_of(&pixels))?]);
    }
    let images: Images = idx::read_images(path)?;
    if images.row_len() != model.spec.inputs() {
        return Err(HostError::Mismatch(format!(
            "{}: images of {} pixels, but the model takes {}",
            path.display(),
            images.row_len(),
            model.spec.inputs()
        )));
    }
    let pixels = (0..images.count).filter_map(|i| images.image(i));
    pixels.map(|pixels| verdict(&model.spec, &model.params, &inputs_of(pixels))).collect()
}

fn inputs_of(pixels: &[u8]) -> Vec<f32> {
    pixels.iter().map(|&p| f32::from(p) * PIXEL_SCALE).collect()
}

fn verdict(spec: &Spec, params: &[f32], inputs: &[f32]) -> Result<Verdict, HostError> {
    let mut floats = vec![0.0; spec.predict_len(1)];
    let mut work = Workspace::for_prediction(spec, 1, &mut floats)?;
    let outputs = predict(spec, params, inputs, &mut work)?;
    let class = class_of(outputs);
    if spec.loss_kind() == Loss::SoftmaxCrossEntropy {
        softmax(outputs, spec.math_kind());
    }
    Ok(Verdict { class, outputs: outputs.to_vec() })
}
