//! Plots that compare models: the generalisation gap, and the test errors of several seeds.

use super::piece::{Figure, Piece};
use crate::Spec;
use crate::host::evaluation::{Marks, mean_and_sd};
use crate::host::prelude::*;
use crate::host::report::axis::Axis;
use crate::host::report::axis::extent;
use crate::host::report::chart::{Chart, Dots, Line, Stroke};
use crate::host::report::comparison::{BASELINE, LOSSES, TEST, measures};
use crate::host::report::svg::{BLUE, BROWN, Colour, GREEN, INK, ORANGE, PURPLE};

/// Pixels of a row.
const ROW: f64 = 32.0;

/// The colour of a model: that of the last iterate, of an average, of the baseline.
pub(super) fn colour(place: usize, name: &str) -> Colour {
    match place {
        0 => ORANGE,
        _ if name == BASELINE => GREEN,
        i => [BLUE, PURPLE, BROWN, INK][(i - 1) % 4],
    }
}

/// A row for each model.
fn rows(title: &str, names: impl Iterator<Item = String>, lines: Vec<Line>, notes: Vec<(f64, f64, String)>) -> Chart {
    let y = Axis::rows(names);
    let (low, high) = extent(lines.iter().flat_map(|line| line.points.iter().map(|point| point.0)));
    let height = ROW * y.ticks.len() as f64;
    Chart { title: title.to_owned(), notes, height, ..Chart::new(Axis::linear_around("", low, high), y, lines) }
}

fn points(name: &str, dots: Dots, points: impl IntoIterator<Item = (f64, f64)>) -> Line {
    Line::new(name, BLUE, points).stroke(Stroke::None).dots(dots).radius(4.5)
}

/// The generalisation gap of each model, in loss and in error or in RMSE: test minus train.
pub(super) fn gap(models: &[(String, &Marks)], spec: &Spec) -> Piece {
    let Some((_, first)) = models.first() else { return Piece::default() };
    let measures = measures(first);
    let figure = |name: &str, [train_row, test_row]: [usize; 2]| {
        let all = || {
            let of = |row: usize, marks: &Marks| measures[row].value(marks);
            models
                .iter()
                .enumerate()
                .map(move |(i, (_, marks))| (of(train_row, marks), of(test_row, marks), -(i as f64)))
        };
        let mut lines = vec![
            points("train", Dots::Hollow, all().map(|(train, _, y)| (train, y))),
            points("test", Dots::Filled, all().map(|(_, test, y)| (test, y))),
        ];
        lines.extend(all().map(|(train, test, y)| Line::new("", BLUE, [(train, y), (test, y)])));
        let notes = all().map(|(train, test, y)| (test.max(train), y, measures[test_row].change(test - train)));
        let what = measures[test_row].name(spec).replace("test ", "");
        let chart = rows(
            &format!("{what}: train and test"),
            models.iter().map(|(name, _)| name.clone()),
            lines,
            notes.collect(),
        );
        let caption = "Both are measured after training, without dropout. The number is the gap, test − train.";
        Figure::new(name, &format!("Train and test {what} of each model"), caption, chart)
    };
    let error = figure("gap-error", [0, TEST]);
    let loss = first.regression.is_none().then(|| figure("gap-loss", LOSSES));
    Piece::row(loss.into_iter().chain([error]))
}

/// A figure of the test, named by `title`, of each model in every seed, with mean and standard deviation where there are
/// several.
pub(super) fn spread(models: &[(String, Vec<f64>)], title: &str, digits: &dyn Fn(f64) -> String) -> Figure {
    let is_single = models.iter().all(|(_, values)| values.len() == 1);
    // The bar lies a little below the points of the seeds.
    let below = if is_single { 0.0 } else { 0.28 };
    let (mut seeds, mut means, mut bars, mut notes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (i, (_, values)) in models.iter().enumerate() {
        let ((mean, sd), y) = (mean_and_sd(values), -(i as f64));
        seeds.extend(values.iter().map(|&x| (x, y)).filter(|_| !is_single));
        means.push((mean, y - below));
        bars.push(Line::new("", BLUE, [(mean - sd, y - below), (mean + sd, y - below)]));
        let (_, high) = extent(values.iter().copied());
        let sd_text = if is_single { String::new() } else { format!(" ± {}", digits(sd)) };
        notes.push((high.max(mean + sd), y, format!("{}{sd_text}", digits(mean))));
    }
    let [one, all] = if is_single { ["", ""] } else { ["one seed", "mean ± standard deviation"] };
    let mut lines = vec![points(one, Dots::Hollow, seeds), points(all, Dots::Filled, means)];
    lines.extend(bars);
    let chart = rows(title, models.iter().map(|(name, _)| name.clone()), lines, notes);
    Figure::new("spread", &format!("{title} of each model for each seed"), "", chart)
}
