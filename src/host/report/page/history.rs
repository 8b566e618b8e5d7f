//! Curves over the epochs of one or several runs.

use super::axis::Axis;
use super::canvas::{BLUE, GREEN, MUTED, ORANGE, PURPLE};
use super::chart::{Chart, Dots, Line, Stroke};
use super::piece::Piece;
use crate::host::HostError;
use crate::host::prelude::*;
use crate::host::report::comparison::BASELINE;
use crate::host::report::drawing::extent;
use crate::host::training::Epoch;
use plotters::style::RGBColor;

/// What the curves of a run, or of several with equal plans, are drawn from.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    /// The epochs of each run.
    pub runs: &'a [&'a [Epoch]],
    /// Those of the baselines: learning rate decay to zero.
    pub baselines: &'a [&'a [Epoch]],
    /// Epochs before the first model is averaged; none where nothing is.
    pub start: Option<f64>,
    /// What the loss is called, such as `NLL`.
    pub loss: &'a str,
    /// What the model and the average are called.
    pub names: [&'a str; 2],
}

/// More epochs than these are a line without points.
const DOTS: usize = 30;

/// Loss, error and rate by epoch; the batch size where it changes, with the noise scale where it was measured.
///
/// # Errors
/// None in practice: a plot that cannot be drawn.
pub fn history(history: &History<'_>) -> Result<Piece, HostError> {
    if history.runs.iter().all(|run| run.is_empty()) {
        return Ok(Piece::text("No epoch was completed."));
    }
    let [model, average] = history.names;
    let losses = [
        curve("training batches", MUTED, Stroke::Dotted, |e| Some(e.train_loss)),
        curve(model, ORANGE, Stroke::Dashed, |e| e.validation_loss.map(f64::from)),
        curve(average, BLUE, Stroke::Solid, |e| e.average_validation_loss.map(f64::from)),
    ];
    let errors = [
        curve("training batches", MUTED, Stroke::Dotted, |e| Some(100.0 * e.train_error)),
        curve(model, ORANGE, Stroke::Dashed, |e| percent(e.validation_error)),
        curve(average, BLUE, Stroke::Solid, |e| percent(e.average_validation_error)),
    ];
    let baseline = |get: Get| [curve(BASELINE, GREEN, Stroke::Solid, get)];
    let loss = history.chart(history.loss, &losses, &baseline(|e| e.validation_loss.map(f64::from)), false);
    let error = history.chart("error, %", &errors, &baseline(|e| percent(e.validation_error)), false);
    let rate: Get = |e| Some(f64::from(e.rate));
    let own = match (history.baselines.len(), history.runs.len()) {
        (0, _) => "",
        (_, 1) => "this run",
        _ => "these runs",
    };
    let rate = history.chart(
        "learning rate",
        &[curve(own, ORANGE, Stroke::Solid, rate)],
        &[curve(BASELINE, GREEN, Stroke::Solid, rate)],
        true,
    );
    let is_validated = history.runs.iter().any(|run| run.iter().any(|e| e.validation_loss.is_some()));
    let on = if is_validated { "Measured on the validation samples. " } else { "" };
    let what = if history.loss == "NLL" { "NLL is the negative log-likelihood of the true class. " } else { "" };
    let caption = format!("{on}{what}Training batches are measured before each step, with dropout and augmentation.");
    let mut pieces = vec![
        Piece::plot(loss.plot("loss", &format!("{} after each epoch", history.loss))?, &caption),
        Piece::plot(
            error.plot("error", "Error in percent after each epoch")?,
            "On the same samples. Accuracy = 100 % − error.",
        ),
        Piece::plot(
            rate.plot("rate", "Learning rate after each epoch")?,
            "Learning rate of the last step of each epoch.",
        ),
    ];
    pieces.extend(batches(history)?);
    Ok(Piece::side_by_side(pieces))
}

/// The batch size, where it changes, with the noise scale where it was measured.
fn batches(history: &History<'_>) -> Result<Option<Piece>, HostError> {
    let epochs = || history.runs.iter().flat_map(|run| run.iter());
    let is_measured = epochs().any(|e| e.noise_scale.is_some());
    let (low, high) = extent(epochs().map(|e| e.batch as f64));
    if !is_measured && low >= high {
        return Ok(None);
    }
    let lines = [
        curve("batch size", BLUE, Stroke::Solid, |e| Some(e.batch as f64)),
        curve("gradient noise scale", PURPLE, Stroke::Dashed, |e| e.noise_scale.map(f64::from)),
    ];
    let batch = history.chart("batch size, samples", &lines[..1 + usize::from(is_measured)], &[], false);
    let caption = if is_measured {
        "The gradient noise scale is tr(Σ)/|G|²: Σ is the covariance of the gradients of single samples, G is their mean."
    } else {
        ""
    };
    Ok(Some(Piece::plot(batch.plot("batch", "Batch size after each epoch")?, caption)))
}

fn percent(share: Option<f32>) -> Option<f64> {
    share.map(|x| 100.0 * f64::from(x))
}

type Get = fn(&Epoch) -> Option<f64>;

/// A quantity of each epoch, and how its line looks.
struct Curve {
    name: String,
    colour: RGBColor,
    stroke: Stroke,
    get: Get,
}

fn curve(name: &str, colour: RGBColor, stroke: Stroke, get: Get) -> Curve {
    Curve { name: name.into(), colour, stroke, get }
}

/// The line of a run; of several, the first has the name, and all are faint.
fn lines(curve: &Curve, runs: &[&[Epoch]]) -> Vec<Line> {
    let mut lines = Vec::new();
    for run in runs {
        let points: Vec<_> = run.iter().filter_map(|e| Some((e.epoch as f64, (curve.get)(e)?))).collect();
        if points.is_empty() {
            continue;
        }
        let is_dotted = points.len() == 1 || points.len() <= DOTS && curve.stroke == Stroke::Solid;
        let name = if lines.is_empty() { &*curve.name } else { "" };
        let line = Line::new(name, curve.colour, points).stroke(curve.stroke);
        lines.push(if is_dotted {
            line.dots(Dots::Filled).radius(if runs.len() > 1 { 1.75 } else { 2.5 })
        } else {
            line
        });
    }
    lines
}

impl History<'_> {
    fn chart(&self, title: &str, curves: &[Curve], baselines: &[Curve], from_zero: bool) -> Chart {
        let own = curves.iter().flat_map(|curve| lines(curve, self.runs));
        let lines: Vec<Line> = own.chain(baselines.iter().flat_map(|curve| lines(curve, self.baselines))).collect();
        let values = lines.iter().flat_map(|line| &line.points).map(|point| point.1);
        let y = if from_zero { Axis::linear(title, 0.0, 1.06 * extent(values).1) } else { Axis::around(title, values) };
        let (_, last) = extent(lines.iter().flat_map(|line| &line.points).map(|point| point.0));
        let title = y.name.clone();
        Chart {
            mark: self.start.filter(|start| *start <= last).map(|start| (start, "averaging")),
            ..Chart::new(&title, Axis::whole("epoch", 1.0, last), y, lines)
        }
    }
}
