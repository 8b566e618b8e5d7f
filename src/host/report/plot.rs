//! Pictures of a plane or a line through models, as SVG and PNG.

use super::drawing::{FONT, extent, failed, png_file, register_fonts};
use super::table::csv_bytes;
use crate::host::HostError;
use crate::host::prelude::*;
use crate::host::study::plane::{Grid, Mark};
use contour::ContourBuilder;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::colors::colormaps::ViridisRGB;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use png::{ColorType, Compression, Info};

const WIDTH: u32 = 1240;
const PLANE_HEIGHT: u32 = 560;
const LINE_HEIGHT: u32 = 460;
/// Colours between two levels.
const BANDS: usize = 14;

/// What a panel shows.
struct Panel<'a> {
    title: &'a str,
    values: &'a [f64],
}

/// How the names of the files of [`draw`] end.
pub const ENDS: [&str; 3] = [".svg", ".png", ".csv"];

/// The picture as SVG and as PNG, and its numbers as CSV.
///
/// # Errors
/// [`HostError::File`] for a picture that cannot be made, which no grid has shown so far.
pub fn draw(grid: &Grid, marks: &[Mark]) -> Result<[Vec<u8>; 3], HostError> {
    register_fonts()?;
    let height = if grid.ys.len() > 1 { PLANE_HEIGHT } else { LINE_HEIGHT };
    let size = (WIDTH, height);
    let mut svg = String::new();
    draw_on(SVGBackend::with_string(&mut svg, size).into_drawing_area(), grid, marks).map_err(failed)?;
    let mut pixels = vec![0; (WIDTH * height * 3) as usize];
    let canvas = BitMapBackend::with_buffer(&mut pixels, size).into_drawing_area();
    draw_on(canvas, grid, marks).map_err(failed)?;
    let mut info = Info::with_size(WIDTH, height);
    info.color_type = ColorType::Rgb;
    Ok([svg.into_bytes(), png_file(info, Compression::default(), &pixels)?, numbers(grid)?])
}

/// Where loss and error are least, in a sentence each.
#[must_use]
pub fn least(grid: &Grid) -> String {
    let places = || grid.ys.iter().flat_map(|y| grid.xs.iter().map(move |x| (x, y)));
    let least = |values: &[f64]| {
        let best = places().zip(values).min_by(|(_, a), (_, b)| a.total_cmp(b));
        best.map_or_else(String::new, |((x, y), value)| format!("{value:.4} at ({x:.2}, {y:.2})"))
    };
    format!("lowest train loss: {}\nlowest test error, %: {}", least(&grid.losses), least(&grid.errors))
}

fn numbers(grid: &Grid) -> Result<Vec<u8>, HostError> {
    csv_bytes(|writer| {
        writer.write_record(["x", "y", "train_loss", "test_error_percent"])?;
        let places = grid.ys.iter().flat_map(|y| grid.xs.iter().map(move |x| (x, y)));
        for ((x, y), (loss, error)) in places.zip(grid.losses.iter().zip(&grid.errors)) {
            writer.write_record([x, y, loss, error].map(f64::to_string))?;
        }
        Ok(())
    })
}

type Drawn<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

fn draw_on<DB: DrawingBackend>(root: DrawingArea<DB, Shift>, grid: &Grid, marks: &[Mark]) -> Drawn<DB> {
    root.fill(&WHITE)?;
    let (left, right) = root.split_horizontally(WIDTH / 2);
    let loss = Panel { title: "train loss", values: &grid.losses };
    let error = Panel { title: "test error, %", values: &grid.errors };
    for (area, panel) in [(left, loss), (right, error)] {
        if grid.ys.len() > 1 {
            plane(&area, grid, &panel, marks)?;
        } else {
            line(&area, grid, &panel, marks)?;
        }
    }
    root.present()
}

/// How much closer levels lie at the least value than at the greatest.
const STEEPNESS: f64 = 4.0;

/// Thresholds between the colours, from the least value to the greatest.
fn levels(panel: &Panel<'_>) -> Vec<f64> {
    let (low, high) = extent(panel.values.iter().copied());
    let t = |k: usize| k as f64 / BANDS as f64;
    // The basin has most of the levels.
    let spread = high - low;
    let curve = |t: f64| (STEEPNESS * t).exp_m1() / STEEPNESS.exp_m1();
    (1..BANDS).map(|k| low + spread * curve(t(k))).collect()
}

/// The colour of band `k` of [`BANDS`]: from dark blue to yellow, equally far apart to the eye.
fn colour(k: usize) -> RGBColor {
    ViridisRGB.get_color(k as f64 / (BANDS - 1) as f64)
}

fn plane<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    grid: &Grid,
    panel: &Panel<'_>,
    marks: &[Mark],
) -> Drawn<DB> {
    let (map, scale) = area.split_horizontally(WIDTH / 2 - 90);
    let step = |places: &[f64]| places[1] - places[0];
    let (dx, dy) = (step(&grid.xs), step(&grid.ys));
    let around = |places: &[f64], d: f64| (places[0] - d / 2.0)..(places[places.len() - 1] + d / 2.0);
    let mut chart = ChartBuilder::on(&map)
        .caption(panel.title, (FONT, 20))
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(56)
        .build_cartesian_2d(around(&grid.xs, dx), around(&grid.ys, dy))?;
    let levels = levels(panel);
    let whole = |axis: std::ops::Range<f64>| (axis.start, axis.end);
    let ((x0, x1), (y0, y1)) = (whole(around(&grid.xs, dx)), whole(around(&grid.ys, dy)));
    chart.draw_series([Rectangle::new([(x0, y0), (x1, y1)], colour(BANDS - 1).filled())])?;
    // What lies below a level, from the highest on: of the negated values, what lies above. Values are repeated around
    // the grid, and what that adds is cut off, since regions end within the outermost cells.
    let (columns, rows) = (grid.xs.len() + 2, grid.ys.len() + 2);
    let inner = |i: usize, n: usize| i.saturating_sub(1).min(n - 1);
    let place = |i: usize| inner(i / columns, grid.ys.len()) * grid.xs.len() + inner(i % columns, grid.xs.len());
    let negated: Vec<f64> = (0..columns * rows).map(|i| -panel.values[place(i)]).collect();
    let builder = ContourBuilder::new(columns, rows, true).x_origin(x0 - dx).y_origin(y0 - dy).x_step(dx).y_step(dy);
    for (k, level) in levels.iter().enumerate().rev() {
        for contour in builder.contours(&negated, &[-level]).unwrap_or_default() {
            for polygon in &contour.geometry().0 {
                let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
                for (i, ring) in rings.enumerate() {
                    let ring: Vec<(f64, f64)> = ring.0.iter().map(|c| (c.x.clamp(x0, x1), c.y.clamp(y0, y1))).collect();
                    let inside = if i == 0 { colour(k) } else { colour(k + 1) };
                    chart.draw_series([Polygon::new(ring.clone(), inside.filled())])?;
                    chart.draw_series([PathElement::new(ring, WHITE.mix(0.45).stroke_width(1))])?;
                }
            }
        }
    }
    chart
        .configure_mesh()
        .disable_mesh()
        .x_desc("distance in weight space, from the first model to the second")
        .y_desc("distance in weight space, to the third")
        .label_style((FONT, 13))
        .axis_desc_style((FONT, 14))
        .x_labels(6)
        .y_labels(6)
        .draw()?;
    for mark in marks {
        point(&mut chart, mark, (x0, x1))?;
    }
    scale_bar(&scale, panel, &levels)
}

/// A dot with its name beside it, on the side where there is room; the average is a square.
fn point<DB: DrawingBackend>(
    chart: &mut ChartContext<
        '_,
        DB,
        Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
    >,
    mark: &Mark,
    (x0, x1): (f64, f64),
) -> Drawn<DB> {
    let at = (mark.at[0], mark.at[1]);
    let is_left = at.0 < 0.5 * (x0 + x1);
    let (anchor, shift) = if is_left { (HPos::Left, 9) } else { (HPos::Right, -9) };
    let style = |colour: &'static RGBColor| {
        TextStyle::from((FONT, 14).into_font()).color(colour).pos(Pos::new(anchor, VPos::Center))
    };
    let is_average = mark.name == "average";
    let name = mark.name.clone();
    chart.draw_series([at].map(|at| {
        let halo = [(-1, 0), (1, 0), (0, -1), (0, 1)];
        let text =
            |(dx, dy): (i32, i32), colour: &'static RGBColor| Text::new(name.clone(), (shift + dx, dy), style(colour));
        let square = |r: i32, colour: RGBColor| Rectangle::new([(-r, -r), (r, r)], colour.filled());
        EmptyElement::at(at)
            + square(if is_average { 6 } else { 0 }, WHITE)
            + square(if is_average { 4 } else { 0 }, RED)
            + Circle::new((0, 0), if is_average { 0 } else { 6 }, WHITE.filled())
            + Circle::new((0, 0), if is_average { 0 } else { 4 }, BLACK.filled())
            + text(halo[0], &BLACK)
            + text(halo[1], &BLACK)
            + text(halo[2], &BLACK)
            + text(halo[3], &BLACK)
            + text((0, 0), &WHITE)
    }))?;
    Ok(())
}

/// The colours with the values between them.
fn scale_bar<DB: DrawingBackend>(area: &DrawingArea<DB, Shift>, panel: &Panel<'_>, levels: &[f64]) -> Drawn<DB> {
    let (_, height) = area.dim_in_pixel();
    let (top, bottom) = (52, height as i32 - 60);
    let edge = |k: usize| bottom - (bottom - top) * k as i32 / BANDS as i32;
    for k in 0..BANDS {
        area.draw(&Rectangle::new([(4, edge(k + 1)), (22, edge(k))], colour(k).filled()))?;
    }
    let (low, high) = extent(panel.values.iter().copied());
    let values = std::iter::once(low).chain(levels.iter().copied()).chain([high]);
    for (k, value) in values.enumerate() {
        let style = TextStyle::from((FONT, 12).into_font()).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(digits(value), (27, edge(k)), style))?;
    }
    Ok(())
}

/// Three digits.
fn digits(value: f64) -> String {
    let places = if value.abs() < 1.0 {
        3
    } else if value.abs() < 10.0 {
        2
    } else {
        1
    };
    format!("{value:.places$}")
}

fn line<DB: DrawingBackend>(
    area: &DrawingArea<DB, Shift>,
    grid: &Grid,
    panel: &Panel<'_>,
    marks: &[Mark],
) -> Drawn<DB> {
    let (low, high) = extent(panel.values.iter().copied());
    let room = 0.08 * (high - low).max(1e-6);
    let mut chart = ChartBuilder::on(area)
        .caption(panel.title, (FONT, 20))
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d(grid.xs[0]..grid.xs[grid.xs.len() - 1], (low - room)..(high + room))?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc("distance in weight space, from the first model to the second")
        .label_style((FONT, 13))
        .axis_desc_style((FONT, 14))
        .x_labels(8)
        .y_label_formatter(&|value| digits(*value))
        .draw()?;
    for mark in marks {
        let colour = if mark.name == "average" { RED } else { BLACK };
        let x = mark.at[0];
        let upright = PathElement::new([(x, low - room), (x, high + room)], colour.mix(0.35).stroke_width(1));
        chart.draw_series([upright])?;
        let style = TextStyle::from((FONT, 13).into_font()).color(&colour).pos(Pos::new(HPos::Left, VPos::Top));
        chart.draw_series([EmptyElement::at((x, high + room)) + Text::new(mark.name.clone(), (4, 2), style)])?;
    }
    let points = || grid.xs.iter().copied().zip(panel.values.iter().copied());
    chart.draw_series(LineSeries::new(points(), colour(4).stroke_width(2)))?;
    chart.draw_series(points().map(|at| Circle::new(at, 2, colour(4).filled())))?;
    Ok(())
}
