//! A picture of a plane or a line through models as SVG.

use super::axis::{Axis, extent};
use super::chart::{Chart, Frame, Line};
use super::svg::{BLUE, Letters, MIDDLE, MUTED, START, Svg, TITLE, WIDTH, fill, letters, stroke};
use super::table::{csv_bytes, significant};
use crate::host::HostError;
use crate::host::prelude::*;
use crate::host::study::plane::{Grid, Mark};
use contour::ContourBuilder;

/// How the names of the files of [`draw`] end.
pub const ENDS: [&str; 2] = [".svg", ".csv"];

/// How much larger than on a telephone the picture is.
const SCALE: f64 = 1.4;
/// From blue to yellow, equally far apart to the eye (viridis of Smith and van der Walt), from the least value on.
const COLOURS: [&str; 10] =
    ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
const SMALL: Letters = letters(13.0, MUTED);
/// Pixels right of a map, for its scale.
const RIGHT: f64 = 78.0;
/// What the horizontal axis shows, of a map also the vertical one.
const DISTANCE: &str = "distance in weight space";

/// The picture as SVG, and its numbers as CSV.
///
/// # Errors
/// [`HostError::File`] for a table that cannot be made, which no grid has shown so far.
pub fn draw(grid: &Grid, marks: &[Mark]) -> Result<[Vec<u8>; 2], HostError> {
    Ok([picture(grid, marks).alone(SCALE).into_bytes(), numbers(grid)?])
}

/// What the second panel shows.
fn fault(grid: &Grid) -> &'static str {
    if grid.has_classes { "test error, %" } else { "test RMSE" }
}

/// Where loss and error are least, in a sentence each.
#[must_use]
pub fn least(grid: &Grid) -> String {
    let places = || grid.ys.iter().flat_map(|y| grid.xs.iter().map(move |x| (x, y)));
    let least = |values: &[f64]| {
        let best = places().zip(values).min_by(|(_, a), (_, b)| a.total_cmp(b));
        best.map_or_else(String::new, |((x, y), value)| format!("{} at ({x:.2}, {y:.2})", significant(*value)))
    };
    format!("lowest train loss: {}\nlowest {}: {}", least(&grid.losses), fault(grid), least(&grid.errors))
}

fn numbers(grid: &Grid) -> Result<Vec<u8>, HostError> {
    csv_bytes(|writer| {
        let last = if grid.has_classes { "test_error_percent" } else { "test_rmse" };
        writer.write_record(["x", "y", "train_loss", last])?;
        let places = grid.ys.iter().flat_map(|y| grid.xs.iter().map(move |x| (x, y)));
        for ((x, y), (loss, error)) in places.zip(grid.losses.iter().zip(&grid.errors)) {
            writer.write_record([x, y, loss, error].map(f64::to_string))?;
        }
        Ok(())
    })
}

/// Title, a sentence, and a panel each for loss and error, one under the other, so that a telephone can show them.
fn picture(grid: &Grid, marks: &[Mark]) -> Svg {
    let is_plane = grid.ys.len() > 1;
    let (title, what) = if is_plane {
        (
            "Loss and error in the plane of three models",
            "Each point is a network in the plane through the weights of the three models: an average helps where they lie \
             around one minimum, not where a ridge is between them. Both axes are distances in weight space.",
        )
    } else {
        (
            "Loss and error on the line of two models",
            "Each point is a network on the line through the weights of the two models: an average helps where no ridge is \
             between them.",
        )
    };
    let words = SMALL.wrapped(what, WIDTH - 20.0);
    let top = 44.0 + 18.0 * words.len() as f64;
    let panels = [("train loss", &grid.losses), (fault(grid), &grid.errors)];
    let charts = panels.map(|(name, values)| if is_plane { map(grid, name) } else { line(grid, name, values, marks) });
    let sizes = charts[0].sizes();
    let height = sizes.iter().sum::<f64>() + 8.0;
    let mut svg = Svg::new(title, top + 2.0 * height);
    svg.text(title, [10.0, 20.0], START, TITLE);
    for (i, line) in words.iter().enumerate() {
        svg.text(line, [10.0, 44.0 + 18.0 * i as f64], START, SMALL);
    }
    for (i, ((_, values), chart)) in panels.into_iter().zip(charts).enumerate() {
        let y = top + height * i as f64;
        chart.draw(&mut svg, y, sizes);
        if is_plane {
            fill_map(&mut svg, grid, values, marks, (&chart, &chart.frame(y, sizes)));
        }
    }
    svg
}

/// The axes of a map: as in weight space, unless that is very flat or high.
fn map(grid: &Grid, name: &str) -> Chart {
    let [x, y] = [(DISTANCE, &grid.xs), (name, &grid.ys)].map(|(name, places)| inside(name, places));
    let [across, up] = [&x, &y].map(|axis| axis.ends[1] - axis.ends[0]);
    let chart = Chart { margin: RIGHT, ..Chart::new(x, y, Vec::new()) };
    let Frame { left, right, .. } = chart.frame(0.0, chart.sizes());
    Chart { height: (right - left) * (up / across).clamp(0.6, 1.4), ..chart }
}

/// How much closer levels lie at the least value than at the greatest.
const STEEPNESS: f64 = 4.0;

/// The ends of the colours, from the least value to the greatest: the basin has most of the levels.
fn levels(values: &[f64]) -> Vec<f64> {
    let (low, high) = extent(values.iter().copied());
    let curve = |k: usize| (STEEPNESS * k as f64 / COLOURS.len() as f64).exp_m1() / STEEPNESS.exp_m1();
    (0..=COLOURS.len()).map(|k| low + (high - low) * curve(k)).collect()
}

/// Regions of equal loss within the axes of a chart, the models, and what the colours mean.
fn fill_map(svg: &mut Svg, grid: &Grid, values: &[f64], marks: &[Mark], (chart, frame): (&Chart, &Frame)) {
    let ends = [chart.x.ends, chart.y.ends];
    let inner = |at: [f64; 2]| [0, 1].map(|i| at[i].clamp(ends[i][0], ends[i][1]));
    let at = |[x, y]: [f64; 2]| chart.at(frame, x, y).unwrap_or_default();
    let &Frame { left, right, top, bottom } = frame;
    let area = [left, top, right - left, bottom - top];
    svg.rect(area, &fill(COLOURS[COLOURS.len() - 1], 1.0), "");
    let levels = levels(values);
    for (k, level) in levels[1..COLOURS.len()].iter().enumerate().rev() {
        for (ring, is_hole) in rings(grid, values, *level) {
            let ring: Vec<[f64; 2]> = ring.into_iter().map(inner).collect();
            let points = |part: &[[f64; 2]]| part.iter().copied().map(at).collect::<Vec<_>>();
            svg.shape(&points(&ring), &fill(COLOURS[k + usize::from(is_hole)], 1.0));
            // Not along the frame, where a region only ends because the map does.
            let is_edge = |a: &[f64; 2], b: &[f64; 2]| (0..2).any(|i| a[i] == b[i] && ends[i].contains(&a[i]));
            for part in ring.chunk_by(|a, b| !is_edge(a, b)).filter(|part| part.len() > 1) {
                svg.line(&points(part), "stroke=\"white\" stroke-opacity=\"0.5\" stroke-width=\"0.8\"", "");
            }
        }
    }
    svg.rect(area, &format!("fill=\"none\" {}", stroke(MUTED, 1.0, "")), "");
    let mut names = Vec::new();
    for mark in marks {
        point(svg, mark, at(mark.at), [left, right], &mut names);
    }
    scale(svg, &levels, [right + 10.0, top, bottom]);
}

/// An axis over these places, with the round numbers between them.
fn inside(name: &str, places: &[f64]) -> Axis {
    let ends = [places[0], places[places.len() - 1]];
    let mut axis = Axis::linear(name, ends[0], ends[1]);
    axis.ticks.retain(|(value, _)| (ends[0]..=ends[1]).contains(value));
    axis.ends = ends;
    axis
}

/// The outlines of what lies below a level, and whether each is that of a hole.
fn rings(grid: &Grid, values: &[f64], level: f64) -> Vec<(Vec<[f64; 2]>, bool)> {
    // Values are repeated around the grid, so that a region that leaves it ends outside, where the caller cuts it off.
    let (columns, rows) = (grid.xs.len() + 2, grid.ys.len() + 2);
    let inner = |i: usize, n: usize| i.saturating_sub(1).min(n - 1);
    let place = |i: usize| inner(i / columns, grid.ys.len()) * grid.xs.len() + inner(i % columns, grid.xs.len());
    // Of the negated values, what lies above.
    let negated: Vec<f64> = (0..columns * rows).map(|i| -values[place(i)]).collect();
    let [(x, dx), (y, dy)] = [&grid.xs, &grid.ys].map(|places| (places[0], places[1] - places[0]));
    // The builder's values are in the middle of its cells.
    let builder =
        ContourBuilder::new(columns, rows, true).x_origin(x - 1.5 * dx).y_origin(y - 1.5 * dy).x_step(dx).y_step(dy);
    let contours = builder.contours(&negated, &[-level]).unwrap_or_default();
    let polygons = contours.iter().flat_map(|contour| &contour.geometry().0);
    let rings = polygons.flat_map(|polygon| {
        let holes = polygon.interiors().iter().map(|hole| (hole, true));
        [(polygon.exterior(), false)].into_iter().chain(holes)
    });
    rings.map(|(ring, is_hole)| (ring.0.iter().map(|c| [c.x, c.y]).collect(), is_hole)).collect()
}

/// A dot with its name under it, or above it where another name of `names` is, between the sides of the map; the average is a
/// square.
fn point(svg: &mut Svg, mark: &Mark, [x, y]: [f64; 2], [left, right]: [f64; 2], names: &mut Vec<[f64; 3]>) {
    let edge = "stroke=\"white\" stroke-width=\"1.5\"";
    if mark.name == "average" {
        svg.rect([x - 4.5, y - 4.5, 9.0, 9.0], &format!("fill=\"red\" {edge}"), &mark.name);
    } else {
        svg.disc([x, y], 4.5, &format!("fill=\"black\" {edge}"), &mark.name);
    }
    let text = letters(14.0, "white");
    let half = 0.5 * text.width(&mark.name) + 3.0;
    let middle = x.max(left + half).min(right - half);
    // White letters, which a dark edge makes readable on any colour.
    let halo = " stroke=\"black\" stroke-width=\"2.5\" stroke-linejoin=\"round\" paint-order=\"stroke\"";
    let is_free = |height: &f64| {
        !names.iter().any(|[x, y, other]| (x - middle).abs() < half + other && (y - height).abs() < 15.0)
    };
    let height = [y + 15.0, y - 15.0].into_iter().find(is_free).unwrap_or(y + 15.0);
    names.push([middle, height, half]);
    svg.text_with(&mark.name, [middle, height], MIDDLE, text, halo);
}

/// The colours with the values between them.
fn scale(svg: &mut Svg, levels: &[f64], [x, top, bottom]: [f64; 3]) {
    let edge = |k: usize| bottom - (bottom - top) * k as f64 / COLOURS.len() as f64;
    for (k, colour) in COLOURS.into_iter().enumerate() {
        svg.rect([x, edge(k + 1), 14.0, edge(k) - edge(k + 1) + 0.2], &fill(colour, 1.0), "");
    }
    for (k, level) in levels.iter().enumerate() {
        svg.text(&digits(*level), [x + 18.0, edge(k)], START, SMALL);
    }
}

/// Three digits.
fn digits(value: f64) -> String {
    let places = match value.abs() {
        size if size < 1.0 => 3,
        size if size < 10.0 => 2,
        size if size < 1e4 => 1,
        _ => return format!("{value:.2e}"),
    };
    format!("{value:.places$}")
}

fn line(grid: &Grid, name: &str, values: &[f64], marks: &[Mark]) -> Chart {
    let (low, high) = extent(values.iter().copied());
    let (x, y) = (inside(DISTANCE, &grid.xs), Axis::linear_around(name, low, high));
    let curve = Line::new("", BLUE, grid.xs.iter().copied().zip(values.iter().copied()));
    let marks = marks.iter().map(|mark| (mark.at[0], mark.name.clone())).collect();
    Chart { marks, ..Chart::new(x, y, vec![curve]) }
}
