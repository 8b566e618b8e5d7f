//! Which classes a model takes for which, and how well it tells each from the rest.

use super::Piece;
use super::axis::{Axis, extent};
use super::canvas::{BLUE, GREEN, GRID, INK, MUTED, ORANGE, PAPER, PIXEL, PURPLE, Plot, WIDTH, bold, letters, words};
use super::chart::{Chart, Line, Stroke};
use super::piece::{TABLE_END, table_start};
use crate::host::averages::calibrate;
use crate::host::dataset::{Dataset, Samples};
use crate::host::evaluation::{ClassEvaluation, SetEvaluation};
use crate::host::report::percent;
use crate::host::{Evaluator, HostError};
use crate::{Calibration, Loss, Spec, softmax};
use plotters::element::Rectangle;
use plotters::style::Color;
use plotters::style::text_anchor::HPos;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

/// A model on the samples of the test.
#[derive(Debug)]
pub struct TestSet<'a> {
    pub(super) samples: &'a Samples,
    /// Probabilities of the classes, or outputs of a loss that knows none, shape `(samples, classes)`.
    pub(super) outputs: Vec<f32>,
    pub(super) has_probabilities: bool,
    pub(super) calibration: Option<Calibration>,
    set: SetEvaluation,
}

impl<'a> TestSet<'a> {
    /// Asks the model about each sample, on all cores.
    ///
    /// # Errors
    /// As [`Evaluation::new`](crate::host::evaluation::Evaluation::new).
    pub fn new(spec: &Spec, params: &[f32], data: &'a Dataset) -> Result<Self, HostError> {
        let samples = &data.test;
        let indices: Vec<u32> = (0..samples.len() as u32).collect();
        let (score, mut outputs) = Evaluator::new(spec, data)?.outputs(params, samples, &indices)?;
        let set = SetEvaluation::new(spec, samples, &indices, (score, outputs.clone()))?;
        let has_probabilities = spec.loss_kind() == Loss::SoftmaxCrossEntropy;
        let mut calibration = None;
        if has_probabilities {
            outputs.chunks_mut(spec.outputs()).for_each(|row| softmax(row, spec.math_kind()));
            calibrate(spec, samples, &indices, &outputs, calibration.insert(Calibration::default()))?;
        }
        Ok(Self { samples, outputs, has_probabilities, calibration, set })
    }
}

/// The most classes whose confusion matrix can be read.
const WIDEST: usize = 30;

/// The confusion matrix, and a table of the classes.
///
/// # Errors
/// None in practice: a plot that cannot be drawn.
pub fn confusion(test: &TestSet<'_>) -> Result<Piece, HostError> {
    let matrix = &test.set.confusion;
    let table = Piece::table(&test.set.per_class_table(), "Each class against the rest");
    if matrix.len() > WIDEST {
        let text = format!("The confusion matrix of {} classes is in `cygnet eval --json`.", matrix.len());
        return Ok([Piece::text(&text), table].into_iter().collect());
    }
    let name = "Samples of each class (rows) and what they were taken for (columns)";
    let columns: String = (0..matrix.len()).map(|c| format!("<th scope=\"col\">{c}</th>")).collect();
    let rows = matrix.iter().enumerate().map(|(c, row)| {
        let total: u32 = row.iter().sum();
        let cells: String = row.iter().enumerate().map(|(k, &n)| cell(n, total, c == k)).collect();
        let recall = percent(f64::from(row[c]) / f64::from(total));
        format!("<tr><th scope=\"row\">{c}</th>{cells}<td>{recall}</td></tr>\n")
    });
    let html = format!(
        "{}<thead><tr><td></td>{columns}<th scope=\"col\">right</th></tr></thead>\n\
         <tbody>\n{}</tbody>\n{TABLE_END}",
        table_start(name, "matrix"),
        rows.collect::<String>()
    );
    Ok(Piece::beside([Piece::from_html(html).with_file(picture(matrix)?), table]))
}

/// How strong the colour of a share of a class is: single mistakes are to be seen.
fn strength(n: u32, total: u32) -> f64 {
    if total == 0 { 0.0 } else { (f64::from(n) / f64::from(total)).sqrt() }
}

fn cell(n: u32, total: u32, is_right: bool) -> String {
    // A mistake of a tenth of the class is as strong as can be.
    let share = if is_right { 0.6 * strength(n, total) } else { (strength(n, total) / 0.1_f64.sqrt()).min(1.0) };
    match (n, is_right) {
        (0, false) => "<td class=\"none\">0</td>".to_string(),
        _ => format!("<td class=\"{}\" style=\"--s:{share:.2}\">{n}</td>", if is_right { "right" } else { "taken" }),
    }
}

/// The matrix as a picture.
fn picture(matrix: &[Vec<u32>]) -> Result<Plot, HostError> {
    let left = 34;
    let side = (WIDTH - left - 10) / matrix.len() as i32;
    let (top, height) = (62, 62 + side * matrix.len() as i32 + 10);
    Plot::new("confusion", "Confusion matrix", height, |area| {
        words(area, "classes (rows), taken for (columns)", [10.0, 17.0], &bold(15.0), HPos::Left)?;
        let size = (f64::from(side) * 0.42).clamp(4.0, 13.0);
        let centre = |i: usize, from: i32| f64::from(from) + f64::from(side) * (i as f64 + 0.5);
        for (c, row) in matrix.iter().enumerate() {
            let total: u32 = row.iter().sum();
            words(
                area,
                &c.to_string(),
                [centre(c, left), f64::from(top) - 12.0],
                &letters(size, &MUTED),
                HPos::Center,
            )?;
            words(area, &c.to_string(), [f64::from(left) - 8.0, centre(c, top)], &letters(size, &MUTED), HPos::Right)?;
            for (k, &n) in row.iter().enumerate() {
                let colour = match (c == k, n) {
                    (true, _) => BLUE.mix(0.6 * strength(n, total)),
                    (false, 0) => GRID.mix(0.3),
                    (false, _) => ORANGE.mix((strength(n, total) / 0.1_f64.sqrt()).min(1.0)),
                };
                let corner = |dc: usize, dk: usize, gap: i32| {
                    let [x, y] = [left + side * (k + dk) as i32, top + side * (c + dc) as i32];
                    ((x - gap) * PIXEL, (y - gap) * PIXEL)
                };
                area.draw(&Rectangle::new([corner(0, 0, 0), corner(1, 1, 1)], colour.filled()))?;
                let is_dark = c != k && strength(n, total) > 0.2;
                let ink = if n == 0 {
                    MUTED
                } else if is_dark {
                    PAPER
                } else {
                    INK
                };
                words(area, &n.to_string(), [centre(k, left), centre(c, top)], &letters(size, &ink), HPos::Center)?;
            }
        }
        Ok(())
    })
}

/// Classes that have a colour of their own: those with the smallest area.
const MARKED: [(plotters::style::RGBColor, Stroke); 4] =
    [(ORANGE, Stroke::Solid), (BLUE, Stroke::Dashed), (GREEN, Stroke::Solid), (PURPLE, Stroke::Dashed)];

/// ROC and precision-recall curves of the classes, those with the smallest areas by name.
///
/// # Errors
/// None in practice: a plot that cannot be drawn.
pub fn curves(test: &TestSet<'_>) -> Result<Piece, HostError> {
    let set = &test.set;
    let negatives = set.per_class.iter().map(|class| set.samples - class.support.min(set.samples)).max().unwrap_or(1);
    let lowest = 0.5 / negatives.max(1) as f64;
    let roc = |class: &ClassEvaluation| {
        // What no wrong sample passes lies at the left end of the logarithmic axis.
        let x = class.roc.false_positive_rate.iter().map(|&x| f64::from(x).max(lowest));
        stairs(x.zip(class.roc.true_positive_rate.iter().map(|&y| y.into())))
    };
    let (worst, _) = extent(set.per_class.iter().map(|class| class.average_precision.into()));
    // Curves of a good model differ only near the corner.
    let (from, floor) = if worst > 0.95 { (0.8, 0.5) } else { (0.0, 0.0) };
    let pr = |class: &ClassEvaluation| {
        let y = class.pr.precision.iter().map(|&y| f64::from(y).max(floor));
        stairs(class.pr.recall.iter().map(|&x| x.into()).zip(y).filter(|point| point.0 >= from))
    };
    let has_both = |class: &&ClassEvaluation| !class.roc_auc.is_nan() && !class.average_precision.is_nan();
    if set.per_class.iter().filter(has_both).count() == 0 {
        return Ok(Piece::default());
    }
    let rocs = lines(set, |class| class.roc_auc, "area", roc);
    let least = rocs.iter().filter_map(|line| Some(line.points.iter().find(|point| point.0 > lowest)?.1));
    let (least, _) = extent(least);
    let y = Axis::linear("", ((least * 10.0).floor() / 10.0).clamp(0.0, 0.9), 1.0);
    let x = Axis::log("false positive rate, log scale", lowest, 1.0);
    let roc = Chart { height: 260, ..Chart::new("true positive rate (ROC)", x, y, rocs) };
    let prs = lines(set, |class| class.average_precision, "AP", pr);
    let [x, y] = [("recall", from), ("", floor)].map(|(name, low)| Axis::linear(name, low, 1.0));
    let pr = Chart { height: 260, ..Chart::new("precision over recall", x, y, prs) };
    let caption = format!(
        "Each class against the rest; named are the {} with the smallest area. Mean area {:.4}.",
        MARKED.len().min(set.per_class.len()),
        set.mean_roc_auc
    );
    let cut = if from > 0.0 { " The axes begin where the curves part." } else { "" };
    Ok([
        Piece::plot(roc.plot("roc", "Receiver operating characteristic of each class")?, &caption),
        Piece::plot(
            pr.plot("precision-recall", "Precision over recall of each class")?,
            &format!("Likewise. Mean average precision {:.4}.{cut}", set.mean_average_precision),
        ),
    ]
    .into_iter()
    .collect())
}

/// The curve of each class, those that are not marked behind the others.
fn lines<P: IntoIterator<Item = (f64, f64)>>(
    set: &SetEvaluation,
    area: impl Fn(&ClassEvaluation) -> f32,
    name: &str,
    points: impl Fn(&ClassEvaluation) -> P,
) -> Vec<Line> {
    let mut ranked: Vec<(usize, f32)> =
        set.per_class.iter().map(&area).enumerate().filter(|(_, a)| !a.is_nan()).collect();
    ranked.sort_by(|a, b| a.1.total_cmp(&b.1));
    let line = |(rank, &(c, area)): (usize, &(usize, f32))| {
        let points = points(&set.per_class[c]);
        match MARKED.get(rank) {
            Some((colour, stroke)) => Line::new(&format!("{c}, {name} {area:.4}"), *colour, points).stroke(*stroke),
            None => Line::new("", MUTED, points).stroke(Stroke::Faint),
        }
    };
    let (marked, others): (Vec<_>, Vec<_>) = ranked.iter().enumerate().map(line).partition(|line| line.name.is_some());
    marked.into_iter().chain(others).collect()
}

/// A curve without the points between others at one height, or above one place.
fn stairs(points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for point in points {
        if let [.., a, b] = kept[..] {
            let is_level = a.1 == b.1 && b.1 == point.1;
            let is_upright = a.0 == b.0 && b.0 == point.0;
            if is_level || is_upright {
                kept.pop();
            }
        }
        kept.push(point);
    }
    kept
}
