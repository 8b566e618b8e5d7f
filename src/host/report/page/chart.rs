//! A chart of lines and points over two axes.

use super::axis::Axis;
use super::canvas::{Area, Drawn, GRID, INK, MUTED, PAPER, PIXEL, Plot, WIDTH, bold, letters, width_of, words};
use crate::host::HostError;
use crate::host::prelude::*;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// How a line is drawn, beside its colour.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Stroke {
    Solid,
    Dashed,
    Dotted,
    /// Solid and hardly there.
    Faint,
    /// Not at all: only points.
    None,
}

/// What points on a line look like.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Dots {
    None,
    Filled,
    Hollow,
}

/// A line, or points.
pub(super) struct Line {
    /// Its name in the legend, where it has one.
    pub(super) name: Option<String>,
    pub(super) colour: RGBColor,
    pub(super) stroke: Stroke,
    pub(super) dots: Dots,
    /// Places, each with the radius of its point in pixels.
    pub(super) points: Vec<(f64, f64, f64)>,
}

impl Line {
    /// A plain line through `points`.
    pub(super) fn new(name: &str, colour: RGBColor, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let points = points.into_iter().map(|(x, y)| (x, y, 2.5)).collect();
        let name = (!name.is_empty()).then(|| name.to_owned());
        Self { name, colour, stroke: Stroke::Solid, dots: Dots::None, points }
    }

    pub(super) fn stroke(self, stroke: Stroke) -> Self {
        Self { stroke, ..self }
    }

    pub(super) fn dots(self, dots: Dots) -> Self {
        Self { dots, ..self }
    }

    /// Points of another size.
    pub(super) fn radius(mut self, pixels: f64) -> Self {
        self.points.iter_mut().for_each(|(_, _, radius)| *radius = pixels);
        self
    }
}

/// A chart, without its name.
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    /// The first lie before the others.
    pub(super) lines: Vec<Line>,
    /// Where something begins, and what.
    pub(super) mark: Option<(f64, &'static str)>,
    /// Words at places, to the right of them.
    pub(super) notes: Vec<(f64, f64, String)>,
    /// Pixels from the first to the last value of the vertical axis.
    pub(super) height: i32,
}

/// Pixels: of letters, of a line of the legend, of what stands at the left, right and foot.
const LETTERS: f64 = 13.0;
const LEGEND_LINE: f64 = 19.0;
const TITLE: f64 = 34.0;
const RIGHT: i32 = 16;
const FOOT: i32 = 28;
const FOOT_NAME: i32 = 15;
const SAMPLE: f64 = 26.0;
/// The longest name beside a row.
const LONGEST: f64 = 130.0;

/// What is drawn over both axes.
type Over<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;

impl Chart {
    pub(super) fn new(title: &str, x: Axis, y: Axis, lines: Vec<Line>) -> Self {
        Self { title: title.to_owned(), x, y, lines, mark: None, notes: Vec::new(), height: 210 }
    }

    /// The chart as a plot; `label` is for those who do not see it.
    pub(super) fn plot(&self, name: &'static str, label: &str) -> Result<Plot, HostError> {
        let entries: Vec<&Line> = self.lines.iter().filter(|line| line.name.is_some()).collect();
        let lines = legend_lines(&entries);
        let strip = if self.mark.is_some() { 16.0 } else { 4.0 };
        let top = TITLE + LEGEND_LINE * lines as f64 + strip;
        let height = top as i32 + self.height + self.foot();
        Plot::new(name, label, height, |area| {
            words(area, &self.title, [10.0, 17.0], &bold(15.0), HPos::Left)?;
            legend(area, &entries)?;
            self.draw(area, top as i32)
        })
    }

    /// Room for numbers, and for the name of the axis where it has one.
    fn foot(&self) -> i32 {
        FOOT + if self.x.name.is_empty() { 0 } else { FOOT_NAME }
    }

    fn draw(&self, area: &Area<'_>, top: i32) -> Drawn {
        let style = letters(LETTERS, &MUTED);
        let widest = self.y.labels().iter().map(|label| width_of(area, label, &style)).fold(0.0, f64::max);
        let ([x0, x1], [y0, y1]) = (self.x.ends, self.y.ends);
        let is_long = widest > LONGEST;
        // Notes stand to the right of the last value, too.
        let notes = self.notes.iter().map(|(_, _, text)| width_of(area, text, &style) as i32 + 12);
        let mut chart = ChartBuilder::on(area)
            .margin_top(top * PIXEL)
            .margin_right(notes.fold(RIGHT, i32::max) * PIXEL)
            .margin_left(8 * PIXEL)
            .x_label_area_size(self.foot() * PIXEL)
            .y_label_area_size(if is_long { 0 } else { (widest as i32 + 16) * PIXEL })
            .build_cartesian_2d(self.x.clone(), self.y.clone())?;
        let hair = |colour: &RGBColor| colour.stroke_width(PIXEL as u32);
        if let Some((x, _)) = self.mark {
            let after = [(x.clamp(x0, x1), y0), (x1, y1)];
            chart.draw_series([Rectangle::new(after, GRID.mix(0.35).filled())])?;
        }
        let mut mesh = chart.configure_mesh();
        if self.y.is_rows() {
            // A line along a row would strike its number through.
            mesh.disable_y_mesh();
        }
        mesh.disable_x_mesh()
            .bold_line_style(hair(&GRID))
            .light_line_style(TRANSPARENT)
            .axis_style(hair(&MUTED))
            .label_style(style.clone())
            .set_all_tick_mark_size(4 * PIXEL)
            .x_desc(self.x.name.as_str())
            .axis_desc_style(style)
            .draw()?;
        if is_long {
            self.names(area, &chart)?;
        }
        if let Some((x, name)) = self.mark {
            self.mark(area, &mut chart, x.clamp(x0, x1), name)?;
        }
        for line in self.lines.iter().rev() {
            self.line(&mut chart, line)?;
        }
        self.notes(&chart)
    }

    /// An upright line, with words over what begins there: at its left end, where they have room.
    fn mark(&self, area: &Area<'_>, chart: &mut Over<'_, '_>, x: f64, name: &str) -> Drawn {
        let ([x0, x1], [y0, y1]) = (self.x.ends, self.y.ends);
        chart.draw_series(dashes([(x, y0), (x, y1)], [3, 3], MUTED.stroke_width(PIXEL as u32 * 3 / 2)))?;
        let (across, down) = chart.plotting_area().get_pixel_range();
        let [from, to, top] = [across.start, across.end, down.start].map(|at| f64::from(at) / f64::from(PIXEL));
        let style = letters(LETTERS, &MUTED);
        let left = (from + (x - x0) / (x1 - x0) * (to - from)).min(to - width_of(area, name, &style));
        words(area, name, [left, top - 9.0], &style, HPos::Left)
    }

    /// The names of rows above them, where there is no room beside them.
    fn names(&self, area: &Area<'_>, chart: &Over<'_, '_>) -> Drawn {
        let style = letters(LETTERS, &MUTED);
        let (across, down) = chart.plotting_area().get_pixel_range();
        let [left, top, bottom] = [across.start, down.start, down.end].map(|at| f64::from(at) / f64::from(PIXEL));
        let row = (bottom - top) / self.y.labels().len().max(1) as f64;
        for (i, name) in self.y.labels().iter().enumerate() {
            words(area, name, [left + 6.0, top + row * (i as f64 + 0.5) - 16.0], &style, HPos::Left)?;
        }
        Ok(())
    }

    fn notes(&self, chart: &Over<'_, '_>) -> Drawn {
        let style = letters(LETTERS, &INK).pos(Pos::new(HPos::Left, VPos::Center));
        for (x, y, text) in &self.notes {
            if let (Some(x), Some(y)) = (self.x.place(*x), self.y.place(*y)) {
                let text = Text::new(text.clone(), (7 * PIXEL, 0), style.clone());
                chart.plotting_area().draw(&(EmptyElement::at((x, y)) + text))?;
            }
        }
        Ok(())
    }

    fn line(&self, chart: &mut Over<'_, '_>, line: &Line) -> Drawn {
        let place = |&(x, y, r): &(f64, f64, f64)| Some(((self.x.place(x)?, self.y.place(y)?), r));
        let places: Vec<_> = line.points.iter().filter_map(place).collect();
        let path: Vec<(f64, f64)> = self.thinned(places.iter().map(|(at, _)| *at));
        stroke(line, |width, dash, mix| {
            let style = line.colour.mix(mix).stroke_width((f64::from(PIXEL) * width) as u32);
            match dash {
                None => chart.draw_series([PathElement::new(path.clone(), style)]).map(|_| ()),
                Some(dash) => chart.draw_series(dashes(path.clone(), dash, style)).map(|_| ()),
            }
        })?;
        for (at, radius) in places.iter().filter(|_| line.dots != Dots::None) {
            for dot in dot(line, *radius, (0, 0)) {
                chart.plotting_area().draw(&(EmptyElement::at(*at) + dot))?;
            }
        }
        Ok(())
    }

    /// Points that lie half a pixel apart or more, and the last.
    fn thinned(&self, points: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
        let [dx, dy] = [
            (self.x.ends[1] - self.x.ends[0]) / f64::from(WIDTH),
            (self.y.ends[1] - self.y.ends[0]) / f64::from(self.height),
        ];
        let mut kept: Vec<(f64, f64)> = Vec::new();
        let mut last = None;
        for (x, y) in points {
            let is_near = kept.last().is_some_and(|k| ((k.0 - x) / dx).abs() + ((k.1 - y) / dy).abs() < 0.5);
            last = Some((x, y));
            if !is_near {
                kept.push((x, y));
            }
        }
        if let Some(last) = last.filter(|last| kept.last() != Some(last)) {
            kept.push(last);
        }
        kept
    }
}

/// Width in pixels, dashes and gaps, opacity of a line, given to what draws it; points alone have none.
fn stroke(line: &Line, draw: impl FnOnce(f64, Option<[i32; 2]>, f64) -> Drawn) -> Drawn {
    match line.stroke {
        Stroke::Solid => draw(2.0, None, 1.0),
        Stroke::Dashed => draw(2.0, Some([7, 4]), 1.0),
        Stroke::Dotted => draw(2.0, Some([2, 3]), 1.0),
        Stroke::Faint => draw(1.25, None, 0.4),
        Stroke::None => Ok(()),
    }
}

/// A line of dashes, sizes in pixels.
fn dashes<P: IntoIterator<Item = (f64, f64)>>(
    points: P,
    [dash, gap]: [i32; 2],
    style: ShapeStyle,
) -> DashedLineSeries<P::IntoIter, i32>
where
    P::IntoIter: Clone,
{
    DashedLineSeries::new(points, dash * PIXEL, gap * PIXEL, style)
}

/// A point: a disc, and a circle where it is hollow.
fn dot(line: &Line, radius: f64, at: (i32, i32)) -> Vec<Circle<(i32, i32), i32>> {
    let radius = (radius * f64::from(PIXEL)) as i32;
    let circle = |style: ShapeStyle| Circle::new(at, radius, style);
    if line.dots == Dots::Hollow {
        return vec![circle(PAPER.filled()), circle(line.colour.stroke_width(PIXEL as u32 * 3 / 2))];
    }
    vec![circle(line.colour.filled())]
}

/// Where the entries of a legend stand: left end and line, pixels. Widths are those of an average letter, so that a line
/// is long enough in any font.
fn entries_at<'a>(entries: &'a [&Line]) -> impl Iterator<Item = (f64, usize)> + 'a {
    let (mut x, mut row) = (10.0, 0);
    entries.iter().map(move |line| {
        let letters = line.name.as_ref().map_or(0, |name| name.chars().count());
        let width = SAMPLE + 6.0 + 0.56 * LETTERS * letters as f64;
        if x + width > f64::from(WIDTH) - 4.0 && x > 10.0 {
            (x, row) = (10.0, row + 1);
        }
        let at = (x, row);
        x += width + 12.0;
        at
    })
}

fn legend_lines(entries: &[&Line]) -> usize {
    entries_at(entries).last().map_or(0, |(_, row)| row + 1)
}

/// Names beside samples of the lines.
fn legend(area: &Area<'_>, entries: &[&Line]) -> Drawn {
    let style = letters(LETTERS, &INK);
    let whole = |pixels: f64| (pixels * f64::from(PIXEL)).round() as i32;
    for (line, (x, row)) in entries.iter().zip(entries_at(entries)) {
        let y = TITLE + LEGEND_LINE * (row as f64 + 0.5) - 2.0;
        stroke(line, |width, dash, mix| {
            let style = line.colour.mix(mix.max(0.6)).stroke_width((f64::from(PIXEL) * width) as u32);
            let [dash, gap] = dash.unwrap_or([SAMPLE as i32, 0]);
            let mut from = x;
            while from < x + SAMPLE {
                let to = (from + f64::from(dash)).min(x + SAMPLE);
                area.draw(&PathElement::new([(whole(from), whole(y)), (whole(to), whole(y))], style))?;
                from = to + f64::from(gap);
            }
            Ok(())
        })?;
        if line.dots != Dots::None {
            for dot in dot(line, 3.5, (whole(x + SAMPLE / 2.0), whole(y))) {
                area.draw(&dot)?;
            }
        }
        words(area, line.name.as_deref().unwrap_or_default(), [x + SAMPLE + 5.0, y], &style, HPos::Left)?;
    }
    Ok(())
}
