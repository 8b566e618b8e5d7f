//! Pictures of a plane or a line through models, as SVG and PNG.

use super::axis::Axis;
use super::chart::{Chart, Line};
use super::drawing::{extent, pixels};
use super::svg::{BLUE, INK, Letters, MUTED, Side, Svg, TITLE, WIDTH, fill, letters, stroke};
use super::table::{csv_bytes, significant};
use crate::host::HostError;
use crate::host::prelude::*;
use crate::host::study::plane::{Grid, Mark};
use contour::ContourBuilder;

/// How the names of the files of [`draw`] end.
pub const ENDS: [&str; 3] = [".svg", ".png", ".csv"];

/// How much larger than on a telephone the picture is as SVG and as PNG.
const SCALES: [f32; 2] = [1.4, 3.0];
/// From blue to yellow, equally far apart to the eye (viridis of Smith and van der Walt), from the least value on.
const COLOURS: [&str; 10] =
    ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
const TEXT: Letters = letters(14.0, INK);
const SMALL: Letters = letters(13.0, MUTED);
/// Pixels: left of a map, right of it with its scale, of its title, and below it.
const LEFT: f64 = 62.0;
const RIGHT: f64 = 78.0;
const HEAD: f64 = 34.0;
const FOOT: f64 = 58.0;

/// What a panel shows.
struct Panel<'a> {
    title: &'static str,
    values: &'a [f64],
}

/// The picture as SVG and as PNG, and its numbers as CSV.
///
/// # Errors
/// [`HostError::File`] for a picture that cannot be made, which no grid has shown so far.
pub fn draw(grid: &Grid, marks: &[Mark]) -> Result<[Vec<u8>; 3], HostError> {
    let [svg, outlined] = [Svg::new, Svg::outlined].map(|new| picture(grid, marks, new));
    Ok([svg.alone(SCALES[0].into()).into_bytes(), pixels(&outlined, SCALES[1])?, numbers(grid)?])
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
fn picture(grid: &Grid, marks: &[Mark], new: fn(&str, f64) -> Svg) -> Svg {
    let is_plane = grid.ys.len() > 1;
    let (title, what) = if is_plane {
        (
            "Loss and error in the plane of three models",
            "Each point is a network in the plane through the weights of the three models: an average helps where they lie \
             around one minimum, not where a ridge is between them.",
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
    let panels =
        [Panel { title: "train loss", values: &grid.losses }, Panel { title: fault(grid), values: &grid.errors }];
    let charts = panels.each_ref().map(|panel| line(grid, panel, marks));
    let sizes = charts[0].sizes();
    let height = if is_plane { HEAD + map_height(grid) + FOOT } else { sizes.iter().sum::<f64>() + 8.0 };
    let mut svg = new(title, top + 2.0 * height);
    svg.text(title, [10.0, 20.0], Side::Start, TITLE);
    for (i, line) in words.iter().enumerate() {
        svg.text(line, [10.0, 44.0 + 18.0 * i as f64], Side::Start, SMALL);
    }
    for (i, (panel, chart)) in panels.iter().zip(charts).enumerate() {
        let y = top + height * i as f64;
        if is_plane {
            plane(&mut svg, grid, panel, marks, y);
        } else {
            chart.draw(&mut svg, y, sizes);
        }
    }
    svg
}

/// Of the map of a plane: as in weight space, unless that is very flat or high.
fn map_height(grid: &Grid) -> f64 {
    let extent = |places: &[f64]| places[places.len() - 1] - places[0];
    (WIDTH - LEFT - RIGHT) * (extent(&grid.ys) / extent(&grid.xs)).clamp(0.6, 1.4)
}

/// How much closer levels lie at the least value than at the greatest.
const STEEPNESS: f64 = 4.0;

/// The ends of the colours, from the least value to the greatest: the basin has most of the levels.
fn levels(panel: &Panel<'_>) -> Vec<f64> {
    let (low, high) = extent(panel.values.iter().copied());
    let curve = |k: usize| (STEEPNESS * k as f64 / COLOURS.len() as f64).exp_m1() / STEEPNESS.exp_m1();
    (0..=COLOURS.len()).map(|k| low + (high - low) * curve(k)).collect()
}

fn plane(svg: &mut Svg, grid: &Grid, panel: &Panel<'_>, marks: &[Mark], y: f64) {
    svg.text(panel.title, [LEFT, y + 18.0], Side::Start, Letters { is_bold: true, ..TEXT });
    let [x, axis_y] = [&grid.xs, &grid.ys].map(|places| [places[0], places[places.len() - 1]]);
    let (left, top, right, bottom) = (LEFT, y + HEAD, WIDTH - RIGHT, y + HEAD + map_height(grid));
    let share = |ends: [f64; 2], at: f64| ((at - ends[0]) / (ends[1] - ends[0])).clamp(0.0, 1.0);
    let at = |[px, py]: [f64; 2]| [left + share(x, px) * (right - left), bottom - share(axis_y, py) * (bottom - top)];
    let frame = [left, top, right - left, bottom - top];
    svg.rect(frame, &fill(COLOURS[COLOURS.len() - 1], 1.0), "");
    let levels = levels(panel);
    for (k, level) in levels[1..COLOURS.len()].iter().enumerate().rev() {
        for (ring, is_hole) in rings(grid, panel.values, *level) {
            let ring: Vec<[f64; 2]> = ring.into_iter().map(at).collect();
            svg.shape(&ring, &fill(COLOURS[k + usize::from(is_hole)], 1.0));
            // Not along the frame, where a region only ends because the map does.
            let on_frame = |[x, y]: [f64; 2]| [x == left, x == right, y == top, y == bottom];
            let is_edge = |pair: &[[f64; 2]]| on_frame(pair[0]).iter().zip(on_frame(pair[1])).any(|(a, b)| *a && b);
            for part in ring.windows(2).collect::<Vec<_>>().split(|pair| is_edge(pair)).filter(|part| !part.is_empty())
            {
                let points: Vec<[f64; 2]> = part.iter().map(|pair| pair[0]).chain([part[part.len() - 1][1]]).collect();
                svg.line(&points, "stroke=\"white\" stroke-opacity=\"0.5\" stroke-width=\"0.8\"", "");
            }
        }
    }
    svg.rect(frame, &format!("fill=\"none\" {}", stroke(MUTED, 1.0, "")), "");
    for (value, text) in &inside("", x).ticks {
        let [px, _] = at([*value, axis_y[0]]);
        svg.line(&[[px, bottom], [px, bottom + 4.0]], &stroke(MUTED, 1.0, ""), "");
        svg.text(text, [px, bottom + 14.0], Side::Middle, SMALL);
    }
    for (value, text) in &inside("", axis_y).ticks {
        let [_, py] = at([x[0], *value]);
        svg.line(&[[left - 4.0, py], [left, py]], &stroke(MUTED, 1.0, ""), "");
        svg.text(text, [left - 7.0, py], Side::End, SMALL);
    }
    svg.text("distance in weight space", [0.5 * (left + right), bottom + 32.0], Side::Middle, SMALL);
    let turned = format!(" transform=\"rotate(-90 14 {0:.1})\"", 0.5 * (top + bottom));
    svg.text_with("distance in weight space", [14.0, 0.5 * (top + bottom)], Side::Middle, SMALL, &turned);
    let mut names = Vec::new();
    for mark in marks {
        point(svg, mark, at(mark.at), [left, right], &mut names);
    }
    scale(svg, &levels, [right + 10.0, top, bottom]);
}

/// An axis with round numbers between these ends.
fn inside(name: &str, [low, high]: [f64; 2]) -> Axis {
    let mut axis = Axis::linear(name, low, high);
    axis.ticks.retain(|(value, _)| (low..=high).contains(value));
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
    svg.text_with(&mark.name, [middle, height], Side::Middle, text, halo);
}

/// The colours with the values between them.
fn scale(svg: &mut Svg, levels: &[f64], [x, top, bottom]: [f64; 3]) {
    let edge = |k: usize| bottom - (bottom - top) * k as f64 / COLOURS.len() as f64;
    for (k, colour) in COLOURS.into_iter().enumerate() {
        svg.rect([x, edge(k + 1), 14.0, edge(k) - edge(k + 1) + 0.2], &fill(colour, 1.0), "");
    }
    for (k, level) in levels.iter().enumerate() {
        svg.text(&digits(*level), [x + 18.0, edge(k)], Side::Start, SMALL);
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

fn line(grid: &Grid, panel: &Panel<'_>, marks: &[Mark]) -> Chart {
    let (low, high) = extent(panel.values.iter().copied());
    let (y, x) = (
        Axis::linear_around(panel.title, low, high),
        inside("distance in weight space", [grid.xs[0], grid.xs[grid.xs.len() - 1]]),
    );
    let curve = Line::new("", BLUE, grid.xs.iter().copied().zip(panel.values.iter().copied()));
    let marks = marks.iter().map(|mark| (mark.at[0], mark.name.clone())).collect();
    Chart { marks, ..Chart::new(x, y, vec![curve]) }
}
