//! The confusion matrix, and the metrics and curves of each class against the rest.

use super::axis::Axis;
use super::canvas::{BLUE, GREEN, GRID, INK, MUTED, ORANGE, PIXEL, PURPLE, Plot, WIDTH, bold, cut, letters, words};
use super::chart::{Chart, Line, Stroke};
use super::escape::escape;
use super::piece::Piece;
use super::piece::{TABLE_END, table_start};
use crate::host::HostError;
use crate::host::evaluation::{ClassEvaluation, SetEvaluation, TestSet};
use crate::host::prelude::*;
use crate::host::report::drawing::extent;
use crate::host::report::evaluation::classes;
use crate::host::report::table::percent;
use plotters::element::Rectangle;
use plotters::style::Color;
use plotters::style::text_anchor::HPos;

/// The most classes whose confusion matrix can be read.
const WIDEST: usize = 30;

/// The confusion matrix, and a table of the classes.
///
/// # Errors
/// None in practice: a plot that cannot be drawn.
pub fn confusion(test: &TestSet<'_>) -> Result<Piece, HostError> {
    let matrix = &test.set.confusion;
    let table = Piece::table(&classes(&test.set), "Test metrics by class (one-vs-rest)");
    if matrix.len() > WIDEST {
        let text = format!(
            "The confusion matrix of {} classes is too wide for this page: `cygnet eval --json` prints it.",
            matrix.len()
        );
        return Ok([Piece::text(&text), table].into_iter().collect());
    }
    let name = "Confusion matrix of the test: true classes (rows), predicted classes (columns)";
    let names: Vec<String> = (0..matrix.len()).map(|c| test.set.class(c)).collect();
    let columns: String = names.iter().map(|name| format!("<th scope=\"col\">{}</th>", escape(name))).collect();
    let rows = matrix.iter().enumerate().map(|(c, row)| {
        let total: u32 = row.iter().sum();
        let cells: String = row.iter().enumerate().map(|(k, &n)| cell(n, total, c == k)).collect();
        let recall = percent(f64::from(row[c]) / f64::from(total));
        format!("<tr><th scope=\"row\">{}</th>{cells}<td>{recall}</td></tr>\n", escape(&names[c]))
    });
    let html = format!(
        "{}<thead><tr><td></td>{columns}<th scope=\"col\">recall</th></tr></thead>\n\
         <tbody>\n{}</tbody>\n{TABLE_END}",
        table_start(name, "matrix"),
        rows.collect::<String>()
    );
    Ok(Piece::beside([Piece::from_html(html).with_file(picture(matrix, &names)?), table]))
}

/// The strongest colour on which a number can still be read.
const STRONGEST: f64 = 0.6;

/// How strong the colour of a share of a class is: single mistakes are to be seen, one in ten is as strong as can be.
fn strength(n: u32, total: u32, is_right: bool) -> f64 {
    let root = (f64::from(n) / f64::from(total.max(1))).sqrt();
    STRONGEST * if is_right { root } else { (root / 0.1_f64.sqrt()).min(1.0) }
}

fn cell(n: u32, total: u32, is_right: bool) -> String {
    let share = strength(n, total, is_right);
    match (n, is_right) {
        (0, false) => "<td class=\"none\">0</td>".to_string(),
        _ => format!("<td class=\"{}\" style=\"--s:{share:.2}\">{n}</td>", if is_right { "right" } else { "taken" }),
    }
}

/// The matrix as a picture.
fn picture(matrix: &[Vec<u32>], names: &[String]) -> Result<Plot, HostError> {
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let left = (8.0 * longest as f64 + 16.0).clamp(34.0, 110.0) as i32;
    let side = (WIDTH - left - 10) / matrix.len() as i32;
    let (top, height) = (62, 62 + side * matrix.len() as i32 + 10);
    Plot::new("confusion", "Confusion matrix", height, |area| {
        words(area, "true classes (rows), predicted (columns)", [10.0, 17.0], &bold(15.0), HPos::Left)?;
        let size = (f64::from(side) * 0.42).clamp(4.0, 13.0);
        let centre = |i: usize, from: i32| f64::from(from) + f64::from(side) * (i as f64 + 0.5);
        for (c, row) in matrix.iter().enumerate() {
            let total: u32 = row.iter().sum();
            let style = letters(size, &MUTED);
            let [above, beside] =
                [side, left - 14].map(|room| cut(&names[c], (f64::from(room) / size / 0.62) as usize));
            words(area, &above, [centre(c, left), f64::from(top) - 12.0], &style, HPos::Center)?;
            words(area, &beside, [f64::from(left) - 8.0, centre(c, top)], &style, HPos::Right)?;
            for (k, &n) in row.iter().enumerate() {
                let colour = match (c == k, n) {
                    (true, _) => BLUE.mix(strength(n, total, true)),
                    (false, 0) => GRID.mix(0.3),
                    (false, _) => ORANGE.mix(strength(n, total, false)),
                };
                let corner = |dc: usize, dk: usize, gap: i32| {
                    let [x, y] = [left + side * (k + dk) as i32, top + side * (c + dc) as i32];
                    ((x - gap) * PIXEL, (y - gap) * PIXEL)
                };
                area.draw(&Rectangle::new([corner(0, 0, 0), corner(1, 1, 1)], colour.filled()))?;
                let ink = if n == 0 { MUTED } else { INK };
                words(area, &n.to_string(), [centre(k, left), centre(c, top)], &letters(size, &ink), HPos::Center)?;
            }
        }
        Ok(())
    })
}

/// Classes that have a colour of their own: those with the smallest area.
const MARKED: [(plotters::style::RGBColor, Stroke); 4] =
    [(ORANGE, Stroke::Solid), (BLUE, Stroke::Dashed), (GREEN, Stroke::Solid), (PURPLE, Stroke::Dashed)];

/// Letters of a class in a legend: its figure is to stay inside the picture.
const LONGEST: usize = 30;

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
        let x = class.pr.recall.iter().map(|&x| f64::from(x));
        // From the last point before the axis on, so that the curve begins at it.
        let before = x.clone().take_while(|x| *x < from).count().saturating_sub(1);
        stairs(x.map(|x| x.max(from)).zip(y).skip(before))
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
    let roc = Chart { height: 260, ..Chart::new("true positive rate (ROC curve)", x, y, rocs) };
    let prs = lines(set, |class| class.average_precision, "AP", pr);
    let [x, y] = [("recall", from), ("", floor)].map(|(name, low)| Axis::linear(name, low, 1.0));
    let pr = Chart { height: 260, ..Chart::new("precision (precision-recall curve)", x, y, prs) };
    let caption = format!(
        "One-vs-rest ROC curve of each class; the legend names the {} classes with the smallest area. Mean area {:.4}.",
        MARKED.len().min(set.per_class.len()),
        set.mean_roc_auc
    );
    let cut = if from > 0.0 { " The axes do not start at 0." } else { "" };
    Ok([
        Piece::plot(roc.plot("roc", "Receiver operating characteristic of each class")?, &caption),
        Piece::plot(
            pr.plot("precision-recall", "Precision-recall curve of each class")?,
            &format!(
                "One-vs-rest precision-recall curve of each class. Mean average precision {:.4}.{cut}",
                set.mean_average_precision
            ),
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
            Some((colour, stroke)) => {
                let class = cut(&set.class(c), LONGEST);
                Line::new(&format!("{class}, {name} {area:.4}"), *colour, points).stroke(*stroke)
            }
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
