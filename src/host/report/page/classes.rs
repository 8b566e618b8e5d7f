//! The confusion matrix, and the metrics and curves of each class against the rest.

use super::escape::{grouped, share};
use super::piece::{Figure, Piece};
use crate::host::evaluation::{ClassEvaluation, SetEvaluation, TestSet};
use crate::host::prelude::*;
use crate::host::report::axis::Axis;
use crate::host::report::axis::extent;
use crate::host::report::chart::{Chart, Line, Stroke};
use crate::host::report::evaluation::classes;
use crate::host::report::svg::{
    BLUE, Colour, END, GREEN, GRID, INK, MIDDLE, MUTED, ORANGE, PURPLE, START, Svg, TITLE, WIDTH, cut, fill, letters,
};
use crate::host::report::table::{Table, percent};

/// The most classes whose confusion matrix can be read.
const WIDEST: usize = 12;
/// Which column of the metrics of classes holds the recall.
const RECALL: usize = 3;
/// Confusions that a list has, of more classes.
const LISTED: usize = 20;

/// The confusion matrix, of many classes the largest confusions, and a table of the classes.
pub(super) fn confusion(test: &TestSet<'_>) -> Piece {
    let matrix = &test.set.confusion;
    let names: Vec<String> = (0..matrix.len()).map(|c| test.set.class(c)).collect();
    let table = Piece::table(&classes_with_bounds(&test.set), "Test metrics by class (one-vs-rest)");
    if matrix.len() > WIDEST {
        return Piece::beside([Piece::table(&largest(matrix, &names), "Largest confusions of the test"), table]);
    }
    let caption = "Confusion matrix of the test: true classes (rows), predicted classes (columns)";
    Piece::beside([Piece::plot("confusion", picture(matrix, &names, caption), ""), table])
}

/// A row of metrics for each class, its recall with an interval.
fn classes_with_bounds(set: &SetEvaluation) -> Table {
    let mut table = classes(set);
    table.header[RECALL] += ", 95 % interval";
    let means = table.rows.last_mut().and_then(|row| row.get_mut(RECALL));
    means.into_iter().for_each(|mean| *mean = percent(set.macro_recall.into()));
    for (c, (row, counts)) in table.rows.iter_mut().zip(&set.confusion).enumerate() {
        row[RECALL] = share(counts[c].into(), counts.iter().map(|&n| u64::from(n)).sum());
    }
    table
}

/// Which classes were taken for which most often.
fn largest(matrix: &[Vec<u32>], names: &[String]) -> Table {
    let cells = matrix.iter().enumerate().flat_map(|(c, row)| row.iter().enumerate().map(move |(k, &n)| (c, k, n)));
    let mut wrong: Vec<_> = cells.filter(|(c, k, n)| c != k && *n > 0).collect();
    wrong.sort_by_key(|&(c, k, n)| (core::cmp::Reverse(n), c, k));
    let row = |&(c, k, n): &(usize, usize, u32)| {
        let share = share(n.into(), matrix[c].iter().map(|&n| u64::from(n)).sum());
        vec![names[c].clone(), names[k].clone(), grouped(n as usize), share]
    };
    let header = ["true class", "predicted class", "samples", "share of the true class, 95 % interval"];
    Table::new(header, wrong.iter().take(LISTED).map(row))
}

/// The strongest colour on which a number can still be read.
const STRONGEST: f64 = 0.6;

/// How strong the colour of a share of a class is: single mistakes are to be seen, one in ten is as strong as can be.
fn strength(n: u32, total: u32, is_right: bool) -> f64 {
    let root = (f64::from(n) / f64::from(total.max(1))).sqrt();
    STRONGEST * if is_right { root } else { (root / 0.1_f64.sqrt()).min(1.0) }
}

/// The matrix as a picture.
fn picture(matrix: &[Vec<u32>], names: &[String], label: &str) -> Svg {
    let widest = names.iter().map(|name| letters(13.0, MUTED).width(name)).fold(0.0, f64::max);
    let left = (widest + 16.0).clamp(34.0, 110.0);
    let (side, top) = ((WIDTH - left - 10.0) / matrix.len() as f64, 62.0);
    let size = (side * 0.42).clamp(4.0, 13.0);
    let mut svg = Svg::new(label, top + WIDTH - left);
    svg.text("true classes (rows), predicted (columns)", [10.0, 17.0], START, TITLE);
    let centre = |i: usize, from: f64| from + side * (i as f64 + 0.5);
    for (c, row) in matrix.iter().enumerate() {
        let total: u32 = row.iter().sum();
        let style = letters(size, MUTED);
        let [above, beside] = [side, left - 14.0].map(|room| cut(&names[c], (room / style.width("n")) as usize));
        svg.text(&above, [centre(c, left), top - 12.0], MIDDLE, style);
        svg.text(&beside, [left - 8.0, centre(c, top)], END, style);
        for (k, &n) in row.iter().enumerate() {
            let paint = match (c == k, n) {
                (true, _) => fill(BLUE, strength(n, total, true)),
                (false, 0) => fill(GRID, 0.3),
                (false, _) => fill(ORANGE, strength(n, total, false)),
            };
            let area = [left + side * k as f64, top + side * c as f64, side - 0.5, side - 0.5];
            svg.rect(area, &paint, &format!("true {}, predicted {}: {n} of {total}", names[c], names[k]));
            let ink = if n == 0 { MUTED } else { INK };
            svg.text(&n.to_string(), [centre(k, left), centre(c, top)], MIDDLE, letters(size, ink));
        }
    }
    svg
}

/// Classes that have a colour of their own: those with the smallest area.
const MARKED: [(Colour, Stroke); 4] =
    [(ORANGE, Stroke::Solid), (BLUE, Stroke::Dashed), (GREEN, Stroke::Solid), (PURPLE, Stroke::Dashed)];

/// Letters of a class in a legend: its figure is to stay inside the picture.
const LONGEST: usize = 30;

/// ROC and precision-recall curves of the classes, those with the smallest areas by name.
pub(super) fn curves(test: &TestSet<'_>) -> Vec<Figure> {
    let set = &test.set;
    let negatives = set.per_class.iter().map(|class| set.samples - class.support.min(set.samples)).max().unwrap_or(1);
    let x_axis = Axis::log("false positive rate, log scale", 0.5 / negatives.max(1) as f64, 1.0);
    let lowest = x_axis.ends[0];
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
    let has_both = |class: &ClassEvaluation| !class.roc_auc.is_nan() && !class.average_precision.is_nan();
    if !set.per_class.iter().any(has_both) {
        return Vec::new();
    }
    let rocs = lines(set, |class| class.roc_auc, "area", roc);
    let least = rocs.iter().filter_map(|line| Some(line.points.iter().find(|point| point.0 > lowest)?.1));
    let (least, _) = extent(least);
    let y = Axis::linear("", ((least * 10.0).floor() / 10.0).clamp(0.0, 0.9), 1.0);
    let roc = Chart { title: "true positive rate (ROC curve)".into(), ..Chart::new(x_axis, y, rocs) };
    let prs = lines(set, |class| class.average_precision, "AP", pr);
    let [x, y] = [("recall", from), ("", floor)].map(|(name, low)| Axis::linear(name, low, 1.0));
    let pr = Chart { title: "precision (precision-recall curve)".into(), ..Chart::new(x, y, prs) };
    let of_roc = format!(
        "One-vs-rest ROC curve of each class; the legend names the {} classes with the smallest area. Mean area {:.4}.",
        MARKED.len().min(set.per_class.len()),
        set.mean_roc_auc
    );
    let cut = if from > 0.0 { " The axes do not start at 0." } else { "" };
    let of_pr = format!(
        "One-vs-rest precision-recall curve of each class. Mean average precision {:.4}.{cut}",
        set.mean_average_precision
    );
    vec![
        Figure::new("roc", "Receiver operating characteristic of each class", &of_roc, roc),
        Figure::new("precision-recall", "Precision-recall curve of each class", &of_pr, pr),
    ]
}

/// The curve of each class, the marked ones first.
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
        let name = format!("{}, {name} {area:.4}", cut(&set.class(c), LONGEST));
        let (colour, stroke) = MARKED.get(rank).copied().unwrap_or((MUTED, Stroke::Faint));
        Line::new(&name, colour, points).stroke(stroke)
    };
    ranked.iter().enumerate().map(line).collect()
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
