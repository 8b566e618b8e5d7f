//! A run, epoch by epoch: a line in a terminal, CSV, JSON.

use super::table::{csv_bytes, json, percent};
use crate::host::HostError;
use crate::host::prelude::*;
use crate::host::training::Epoch;

/// The columns of [`epoch_line`]; batch and noise scale where batches grow.
#[must_use]
pub fn epoch_header(grows: bool) -> String {
    let [above, names] = if grows { ["  growing batch", "   size   noise"] } else { [""; 2] };
    format!(
        "             {above}  training batches   validation        average of n models\n\
         epoch   rate{names}    loss    error    loss   error      n    loss   error     time"
    )
}

/// One line an epoch, under [`epoch_header`].
#[must_use]
pub fn epoch_line(e: &Epoch, grows: bool) -> String {
    let number = |x: Option<f32>| x.map_or_else(|| "–".to_owned(), |x| format!("{x:.4}"));
    let share = |x: Option<f32>| x.map_or_else(|| "–".to_owned(), |x| percent(f64::from(x)));
    let noise = e.noise_scale.map_or_else(|| "–".to_owned(), |scale| format!("{scale:.0}"));
    let batch = if grows { format!(" {:>6} {noise:>7}", e.batch) } else { String::new() };
    format!(
        "{:>5} {:>6}{batch} {:>7.4} {:>7} {:>8} {:>7} {:>6} {:>7} {:>7} {:>7.1}s",
        e.epoch,
        short(e.rate),
        e.train_loss,
        percent(e.train_error),
        number(e.validation_loss),
        share(e.validation_error),
        e.averaged,
        number(e.average_validation_loss),
        share(e.average_validation_error),
        e.seconds,
    )
}

/// Which epoch's models a run with early stopping kept, and that the validation samples are not trained on.
#[must_use]
pub fn early_stop(best: u64, history: &[Epoch]) -> String {
    let run = history.last().map_or(0, |epoch| epoch.epoch);
    format!(
        "Early stopping: the models are those of epoch {best} of {run}, which has the lowest validation loss.\n         The validation samples are not trained on; to train on all samples for as long: --validation 0 --epochs {best}"
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
