//! Curves over the epochs of one or several runs.

use super::piece::{Figure, Piece};
use crate::Spec;
use crate::host::evaluation::mean_and_sd;
use crate::host::prelude::*;
use crate::host::report::axis::Axis;
use crate::host::report::axis::extent;
use crate::host::report::chart::{Chart, Dots, Line, Stroke};
use crate::host::report::comparison::{BASELINE, LAST, loss_short};
use crate::host::report::svg::{BLUE, Colour, GREEN, MUTED, ORANGE, PURPLE};
use crate::host::training::Epoch;
use std::collections::BTreeMap;

/// What the curves of a run, or of several with equal plans, are drawn from.
#[derive(Clone, Copy, Debug)]
pub(super) struct History<'a> {
    /// The epochs of each run.
    pub(super) runs: &'a [&'a [Epoch]],
    /// Those of the baselines: learning rate decay to zero.
    pub(super) baselines: &'a [&'a [Epoch]],
    /// Epochs before the first model is averaged; none where nothing is.
    pub(super) start: Option<f64>,
    /// What the loss is called, such as `NLL`.
    pub(super) loss: &'a str,
    /// What the model and the average are called.
    pub(super) names: [&'a str; 2],
}

impl<'a> History<'a> {
    /// Of runs without baselines or a start of averaging that is known.
    pub(super) fn new(runs: &'a [&'a [Epoch]], spec: &Spec) -> Self {
        Self { runs, baselines: &[], start: None, loss: loss_short(spec), names: [LAST, "average"] }
    }
}

/// More epochs than these are a line without points.
const DOTS: usize = 30;

type Get = fn(&Epoch) -> Option<f64>;

/// On the validation samples, of the model and of the average: loss, and error in percent.
pub(super) const LOSSES: [Get; 2] =
    [|e| e.validation_loss.map(f64::from), |e| e.average_validation_loss.map(f64::from)];
pub(super) const ERRORS: [Get; 2] = [
    |e| e.validation_error.map(|x| 100.0 * f64::from(x)),
    |e| e.average_validation_error.map(|x| 100.0 * f64::from(x)),
];

/// A quantity of each epoch of runs, and how its line looks.
pub(super) struct Curve<'a> {
    pub(super) name: &'a str,
    pub(super) colour: Colour,
    pub(super) stroke: Stroke,
    pub(super) runs: &'a [&'a [Epoch]],
    pub(super) get: Get,
}

/// Loss, error and rate by epoch; the batch size with the noise scale where it was measured. What never changes is not
/// drawn.
pub(super) fn history(history: &History<'_>) -> Piece {
    let &History { runs, baselines, start, loss, names: [model, average] } = history;
    if runs.iter().all(|run| run.is_empty()) {
        return Piece::text("No epoch was completed.");
    }
    let all = |batches: Get, [last, mean]: [Get; 2]| {
        vec![
            Curve { name: "training batches", colour: MUTED, stroke: Stroke::Dotted, runs, get: batches },
            Curve { name: model, colour: ORANGE, stroke: Stroke::Dashed, runs, get: last },
            Curve { name: average, colour: BLUE, stroke: Stroke::Solid, runs, get: mean },
            Curve { name: BASELINE, colour: GREEN, stroke: Stroke::Solid, runs: baselines, get: last },
        ]
    };
    let losses = all(|e| Some(e.train_loss), LOSSES);
    let errors = all(|e| Some(100.0 * e.train_error), ERRORS);
    let is_validated = runs.iter().any(|run| run.iter().any(|e| e.validation_loss.is_some()));
    let on = if is_validated { "Measured on the validation samples. " } else { "" };
    let what = if loss == "NLL" { "NLL is the negative log-likelihood of the true class. " } else { "" };
    let several = match runs.len() {
        1 => String::new(),
        n => format!(" Lines are means of {n} seeds, bands ± the standard deviation."),
    };
    let caption =
        format!("{on}{what}Training batches are measured before each step, with dropout and augmentation.{several}");
    let figure = |name: &str, title: &str, caption: &str, curves: &[Curve<'_>]| {
        let chart = chart(title, curves, start)?;
        Some(Figure::new(name, &format!("{title} after each epoch"), caption, chart))
    };
    let same = "On the same samples. Accuracy = 100 % − error.";
    let mut figures = vec![figure("loss", loss, &caption, &losses), figure("error", "error, %", same, &errors)];
    let get: Get = |e| Some(f64::from(e.rate));
    let own = if baselines.is_empty() { "" } else { "this run" };
    let rates = [
        Curve { name: own, colour: ORANGE, stroke: Stroke::Solid, runs, get },
        Curve { name: BASELINE, colour: GREEN, stroke: Stroke::Solid, runs: baselines, get },
    ];
    if changes(&rates) {
        let mut rate = figure("rate", "learning rate", "Learning rate of the last step of each epoch.", &rates);
        if let Some(Figure { chart, .. }) = &mut rate {
            let (_, high) = extent(chart.lines.iter().flat_map(Line::values));
            chart.y = Axis::linear("learning rate", 0.0, high);
            chart.title = chart.y.name.clone();
        }
        figures.push(rate);
    }
    let noise: Get = |e| e.noise_scale.map(f64::from);
    let is_measured = runs.iter().any(|run| run.iter().any(|e| e.noise_scale.is_some()));
    let size: Get = |e| Some(e.batch as f64);
    let batches = [
        Curve { name: "batch size", colour: BLUE, stroke: Stroke::Solid, runs, get: size },
        Curve { name: "gradient noise scale", colour: PURPLE, stroke: Stroke::Dashed, runs, get: noise },
    ];
    if changes(&batches) {
        let measured = "The gradient noise scale is tr(Σ)/|G|²: Σ is the covariance of the gradients of single samples, G is their mean.";
        let caption = if is_measured { measured } else { "" };
        figures.push(figure("batch", "batch size, samples", caption, &batches));
    }
    Piece::row(figures.into_iter().flatten())
}

/// Whether any of the quantities has two values.
fn changes(curves: &[Curve<'_>]) -> bool {
    let epochs = |curve: &Curve<'_>| curve.runs.iter().flat_map(|run| run.iter()).filter_map(curve.get).collect();
    let values: Vec<f64> = curves.iter().flat_map(|curve| -> Vec<f64> { epochs(curve) }).collect();
    values.iter().any(|value| *value != values[0])
}

/// The mean of the quantity in each epoch, of several runs with a band.
fn line(curve: &Curve<'_>) -> Option<Line> {
    let mut values: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for epoch in curve.runs.iter().flat_map(|run| run.iter()) {
        let value = (curve.get)(epoch).filter(|value| value.is_finite());
        value.into_iter().for_each(|value| values.entry(epoch.epoch).or_default().push(value));
    }
    let figures: Vec<_> = values.iter().map(|(epoch, values)| (*epoch as f64, mean_and_sd(values))).collect();
    let points = figures.iter().map(|(epoch, (mean, _))| (*epoch, *mean));
    let mut line = Line::new(curve.name, curve.colour, points).stroke(curve.stroke);
    if curve.runs.len() > 1 {
        line.band = figures.iter().map(|(_, (_, sd))| *sd).collect();
    } else if figures.len() == 1 || figures.len() <= DOTS && curve.stroke == Stroke::Solid {
        line.dots = Dots::Filled;
    }
    (!figures.is_empty()).then_some(line)
}

/// A chart of all curves that have points; none without any.
pub(super) fn chart(title: &str, curves: &[Curve<'_>], start: Option<f64>) -> Option<Chart> {
    let lines: Vec<Line> = curves.iter().filter_map(line).collect();
    let (_, last) = extent(lines.iter().flat_map(|line| &line.points).map(|point| point.0));
    let y = Axis::around(title, lines.iter().flat_map(Line::values));
    let marks = start.filter(|start| *start <= last).map(|start| (start, "averaging".to_owned()));
    (!lines.is_empty())
        .then(|| Chart { marks: marks.into_iter().collect(), ..Chart::new(Axis::whole("epoch", 1.0, last), y, lines) })
}
