//! Plots that compare models: the generalisation gap, and the test errors of several seeds.

use super::axis::Axis;
use super::canvas::{BLUE, BROWN, GREEN, INK, ORANGE, PURPLE};
use super::chart::{Chart, Dots, Line, Stroke};
use super::piece::Piece;
use crate::host::HostError;
use crate::host::evaluation::{Marks, error_percent, mean_and_sd};
use crate::host::prelude::*;
use crate::host::report::comparison::BASELINE;
use crate::host::report::drawing::extent;
use crate::metrics::Score;
use plotters::style::RGBColor;

/// Pixels of a row.
const ROW: i32 = 34;
/// Models that have one of their own.
const COLOURS: usize = 6;

/// The colour of a model: that of the last iterate, of an average, of the baseline.
pub(super) fn colour(place: usize, name: &str) -> RGBColor {
    match place {
        0 => ORANGE,
        _ if name == BASELINE => GREEN,
        i => [BLUE, PURPLE, BROWN, INK][(i - 1) % 4],
    }
}

fn loss(score: &Score) -> f64 {
    score.loss().into()
}

/// The generalisation gap of each model, in loss and in error: test minus train. `loss_name` is as in `NLL`.
///
/// # Errors
/// None in practice: a plot that cannot be drawn.
pub fn gap(models: &[(String, &Marks)], loss_name: &str) -> Result<Piece, HostError> {
    let chart = |title: &str, digits: usize, of: fn(&Score) -> f64| {
        let ends = |marks: &Marks| [of(&marks.train), of(&marks.test)];
        let (low, high) = extent(models.iter().flat_map(|(_, marks)| ends(marks)));
        let x = Axis::linear_around("", low, high);
        let mut lines = Vec::new();
        for (i, (name, marks)) in models.iter().enumerate() {
            let [train, test] = ends(marks);
            let (colour, y) = (colour(i, name), -(i as f64));
            lines.push(Line::new("", colour, [(train, y)]).stroke(Stroke::None).dots(Dots::Hollow).radius(5.0));
            lines.push(Line::new("", colour, [(test, y)]).stroke(Stroke::None).dots(Dots::Filled).radius(5.0));
            lines.push(Line::new("", colour, [(train, y), (test, y)]));
        }
        let sample = |name: &str, dots| Line::new(name, INK, []).stroke(Stroke::None).dots(dots);
        lines.extend([sample("train", Dots::Hollow), sample("test", Dots::Filled)]);
        let note = |(i, (_, marks)): (usize, &(String, &Marks))| {
            let [train, test] = ends(marks);
            (test.max(train), -(i as f64), format!("{:+.digits$}", test - train))
        };
        Chart {
            notes: models.iter().enumerate().map(note).collect(),
            height: ROW * models.len() as i32,
            ..Chart::new(title, x, Axis::rows(models.iter().map(|(name, _)| name.clone())), lines)
        }
    };
    let losses = chart(&format!("{loss_name}: train and test"), 4, loss)
        .plot("gap-loss", "Train and test loss of each model")?;
    let errors =
        chart("error, %: train and test", 2, error_percent).plot("gap-error", "Train and test error of each model")?;
    Ok(Piece::side_by_side([
        Piece::plot(losses, "Both are measured after training, without dropout. The number is the gap, test − train."),
        Piece::plot(errors, "The number is the gap, test − train, in percentage points."),
    ]))
}

/// The test error in per cent of each model in every seed, with mean and standard deviation where there are several.
///
/// # Errors
/// None in practice: a plot that cannot be drawn.
pub fn spread(models: &[(String, Vec<f64>)]) -> Result<Piece, HostError> {
    let mut lines = Vec::new();
    let (mut notes, mut ends) = (Vec::new(), Vec::new());
    let is_single = models.iter().all(|(_, values)| values.len() == 1);
    for (i, (name, values)) in models.iter().enumerate() {
        let ((mean, deviation), (low, high)) = (mean_and_sd(values), extent(values.iter().copied()));
        // More than a few are no colours that anyone knows.
        let colour = if models.len() > COLOURS { BLUE } else { colour(i, name) };
        // The bar lies a little below the points of the seeds.
        let (above, below) = if is_single { (0.0, 0.0) } else { (0.1, 0.22) };
        let y = -(i as f64);
        let points = values.iter().map(|&x| (x, y + above)).filter(|_| !is_single);
        lines.push(Line::new("", colour, points).stroke(Stroke::None).dots(Dots::Hollow).radius(4.0));
        lines.push(Line::new("", colour, [(mean - deviation, y - below), (mean + deviation, y - below)]));
        lines.push(Line::new("", colour, [(mean, y - below)]).stroke(Stroke::None).dots(Dots::Filled).radius(4.0));
        ends.extend([low.min(mean - deviation), high.max(mean + deviation)]);
        let sd = if is_single { String::new() } else { format!(" ± {deviation:.2}") };
        notes.push((high.max(mean + deviation), y, format!("{mean:.2}{sd}")));
    }
    let (low, high) = extent(ends.into_iter());
    let x = Axis::linear_around("", low, high);
    let sample = |name: &str, dots, stroke| Line::new(name, INK, []).stroke(stroke).dots(dots);
    if !is_single {
        lines.push(sample("one seed", Dots::Hollow, Stroke::None));
        lines.push(sample("mean ± standard deviation", Dots::Filled, Stroke::Solid));
    }
    let chart = Chart {
        notes,
        height: (ROW + 6) * models.len() as i32,
        ..Chart::new("test error, %", x, Axis::rows(models.iter().map(|(name, _)| name.clone())), lines)
    };
    Ok(Piece::plot(chart.plot("spread-error", "Test error of each model for each seed")?, ""))
}
