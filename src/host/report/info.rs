//! What a saved model is: its layers, its memory, its preparation.

use super::table::{Table, row};
use crate::Spec;
use crate::host::data::{Encoding, Preparation};
use crate::host::evaluation::SavedModel;
use crate::host::files::Head;
use crate::host::plan::{activation_name, loss_name, norm_name};
use crate::host::prelude::*;
use crate::network::Layer;

/// The layers of a network.
#[must_use]
pub(super) fn layers(spec: &Spec) -> Table {
    let norm = |l: &Layer| spec.norm_kind().filter(|_| l.is_normed());
    let rows = spec.layers().map(|l| {
        vec![
            format!("dense {}", spec.first_layer() + l.index() + 1),
            format!("{} → {}", l.inputs(), l.outputs()),
            norm(&l).map_or_else(String::new, |norm| format!("{}, ", norm_name(norm)))
                + &activation_name(l.activation()),
            format!("{}", (f64::from(l.dropout()) * 1e3).round() / 1e3),
            l.param_len().to_string(),
            l.offset().to_string(),
        ]
    });
    Table::new(["layer", "inputs → outputs", "activation", "dropout", "parameters", "offset"], rows)
}

/// The layers of a head, and what it was trained on.
#[must_use]
pub fn of_head(Head { spec, body, is_average }: &Head) -> String {
    format!(
        "{}\n{} parameters{}, loss {}, {} on disk\nthe head of a network: its other layers have the checksum {body:08x}\n\
         Next: cygnet convert MODEL NEW.cygnet --head HEAD.cygnet, with the model that has them",
        layers(spec),
        spec.param_len(),
        of_models(*is_average),
        loss_name(spec.loss_kind()),
        bytes(spec.checkpoint_len()),
    )
}

fn of_models(is_average: bool) -> &'static str {
    if is_average { " (an average of models)" } else { "" }
}

/// The layer table and the memory that the network needs.
#[must_use]
pub fn info(model: &SavedModel) -> String {
    let spec = &model.spec;
    let layers = layers(spec);
    let p = spec.param_len();
    let takes_two = spec.norm_len() > 0;
    let least = if takes_two { "training workspace, batch 2" } else { "training workspace, batch 1" };
    let preprocessing = model.preparation.as_ref().map(|preparation| ("preprocessing", preparation.floats.len()));
    let memory = [
        ("parameters", p),
        ("prediction workspace, 1 sample", spec.predict_len(1)),
        (least, spec.work_len(1 + usize::from(takes_two))),
        ("training workspace, batch 32", spec.work_len(32)),
        ("momentum", p),
        ("Adam", p.saturating_mul(2)),
        ("average", p),
    ];
    let memory = memory.into_iter().chain(preprocessing);
    let memory = memory.map(|(name, n)| row(name, [n.to_string(), bytes(n.saturating_mul(4))]));
    let prepared = model.preparation.as_ref().map(preparation).unwrap_or_default();
    let size = spec.checkpoint_len() + model.sections().map_or(0, |bytes| bytes.len());
    let trained = match &model.trained_on {
        Some(data) => format!("trained on {data}, digest {:016x}", data.digest),
        None => "the file does not record its training data".to_owned(),
    };
    format!(
        "{layers}\n{p} parameters{}, loss {}, {} on disk\n{trained}\n\n{prepared}{}",
        of_models(model.is_average),
        loss_name(spec.loss_kind()),
        bytes(size),
        Table::new(["memory", "floats", "size"], memory),
    )
}

/// What happens to each column, and what is predicted.
fn preparation(preparation: &Preparation) -> String {
    const SHOWN: usize = 30;
    let features = preparation.floats.as_chunks::<5>().0;
    let number = |x: &f32| if x.is_finite() { x.to_string() } else { "–".to_string() };
    let rows = preparation.input_names().into_iter().zip(features).take(SHOWN);
    let rows = rows.map(|(name, feature)| row(name, feature.iter().map(number)));
    let mut text = Table::new(["input", "if missing", "minimum", "maximum", "shift", "scale"], rows).to_string();
    if features.len() > SHOWN {
        text += &format!("\n… and {} more", features.len() - SHOWN);
    }
    if let Some(columns) = &preparation.columns {
        text += if columns.encodings.iter().any(Encoding::has_words) { "\n" } else { "" };
        for (name, encoding) in columns.inputs.iter().zip(&columns.encodings).filter(|(_, e)| e.has_words()) {
            let others = if encoding.other { " or another" } else { "" };
            text += &format!("\nwords of {name}: {}{others}", encoding.levels.join(", "));
        }
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
