//! A run, epoch by epoch: a line in a terminal, CSV, JSON.

use super::table::{csv_bytes, fixed, json};
use crate::host::HostError;
use crate::host::prelude::*;
use crate::host::training::Epoch;

/// The lines of a run in a terminal, one an epoch.
#[derive(Debug)]
pub struct EpochLines(Vec<&'static Column>);

/// What stands above the name, the name, the width, and the cell of an epoch. Where there is little room, the column with the
/// highest rank goes first.
#[derive(Debug)]
struct Column(&'static str, &'static str, usize, u8, fn(&Epoch) -> String);

const COLUMNS: [Column; 12] = [
    Column("", "epoch", 5, 0, |e| e.epoch.to_string()),
    Column("", "rate", 7, 8, |e| short(e.rate)),
    Column(BATCH, "size", 7, 9, |e| e.batch.to_string()),
    Column(BATCH, "noise", 8, 12, |e| dash(e.noise_scale, |scale| format!("{scale:.0}"))),
    Column("train", "loss", 8, 5, |e| format!("{:.4}", e.train_loss)),
    Column("train", ERROR, 8, 7, |e| percent(e.train_error)),
    Column("validation", "loss", 11, 3, |e| dash(e.validation_loss, |x| format!("{x:.4}"))),
    Column("validation", ERROR, 11, 1, |e| dash(e.validation_error, |x| percent(x.into()))),
    Column("average", "models", 7, 11, |e| e.averaged.to_string()),
    Column("average", "loss", 8, 4, |e| dash(e.average_validation_loss, |x| format!("{x:.4}"))),
    Column("average", ERROR, 8, 2, |e| dash(e.average_validation_error, |x| percent(x.into()))),
    Column("", "time", 7, 10, |e| format!("{:.1}s", e.seconds)),
];
/// Of a batch that grows.
const BATCH: &str = "batch";
/// Of classes.
const ERROR: &str = "error %";

impl EpochLines {
    /// Those of classes or numbers, with a batch that grows or not, in at most `width` characters.
    #[must_use]
    pub fn new(has_classes: bool, grows: bool, width: usize) -> Self {
        let says = |Column(group, name, ..): &&Column| (*group != BATCH || grows) && (*name != ERROR || has_classes);
        let mut columns: Vec<&Column> = COLUMNS.iter().filter(says).collect();
        while columns.iter().map(|column| column.2).sum::<usize>() > width {
            let Some(least) = columns.iter().map(|column| column.3).max().filter(|&rank| rank > 0) else { break };
            columns.retain(|column| column.3 != least);
        }
        Self(columns)
    }

    /// The names of the columns, in two lines.
    #[must_use]
    pub fn header(&self) -> String {
        let mut above = String::new();
        for group in self.0.chunk_by(|a, b| a.0 == b.0) {
            let (width, Column(of, first, wide, ..)) = (group.iter().map(|column| column.2).sum::<usize>(), group[0]);
            let indent = (wide - first.len()).min(width.saturating_sub(of.len()));
            above += &format!("{:indent$}{of:1$}", "", width - indent);
        }
        format!("{}\n{}", above.trim_end(), self.row(|column| column.1.to_owned()))
    }

    /// The line of an epoch.
    #[must_use]
    pub fn line(&self, epoch: &Epoch) -> String {
        self.row(|column| column.4(epoch))
    }

    fn row(&self, cell: impl Fn(&Column) -> String) -> String {
        self.0.iter().map(|&column| format!("{:>1$}", cell(column), column.2)).collect()
    }
}

fn percent(share: f64) -> String {
    fixed(100.0 * share, 2)
}

fn dash(x: Option<f32>, text: impl Fn(f32) -> String) -> String {
    x.map_or_else(|| "–".to_owned(), text)
}

/// Which epoch's models a run with early stopping kept, and that the validation samples are not trained on.
#[must_use]
pub fn early_stop(best: u64, history: &[Epoch]) -> String {
    let run = history.last().map_or(0, |epoch| epoch.epoch);
    format!(
        "Early stopping: the models are those of epoch {best} of {run}, which has the lowest validation loss.\n\
         The validation samples are not trained on; to train on all samples for as long: --validation 0 --epochs {best}"
    )
}

/// A rate in at most six characters.
fn short(rate: f32) -> String {
    let plain = format!("{rate}");
    if plain.len() <= 6 { plain } else { format!("{rate:.0e}") }
}

/// The history as CSV, a line an epoch.
///
/// # Errors
/// None in practice: the rows are numbers.
pub fn history_csv(history: &[Epoch]) -> Result<Vec<u8>, HostError> {
    csv_bytes(|writer| history.iter().try_for_each(|epoch| writer.serialize(epoch)))
}

/// The history as JSON, an object an epoch, each in a line.
///
/// # Errors
/// None in practice, likewise.
pub fn history_lines(history: &[Epoch]) -> Result<Vec<u8>, HostError> {
    let mut lines = Vec::new();
    for epoch in history {
        lines.extend(json(epoch)?.bytes().chain([b'\n']));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests;
