//! A chart of lines and points over two axes.

use super::axis::Axis;
use super::svg::{
    Colour, END, GRID, INK, Letters, MIDDLE, MUTED, PAPER, START, Svg, TITLE, WIDTH, fill, letters, stroke,
};
use crate::host::prelude::*;
use core::fmt::Write;

/// How a line is drawn, beside its colour.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Stroke {
    Solid,
    Dashed,
    Dotted,
    /// Solid and hardly there, without a place in the legend.
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
    /// Its name in the legend and at its points.
    pub(super) name: String,
    pub(super) colour: Colour,
    pub(super) stroke: Stroke,
    pub(super) dots: Dots,
    /// Places, each with the radius of its point in pixels.
    pub(super) points: Vec<(f64, f64, f64)>,
    /// How far the band around each point goes, up and down; nothing without one.
    pub(super) band: Vec<f64>,
}

impl Line {
    /// A plain line through `points`.
    pub(super) fn new(name: &str, colour: Colour, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let points = points.into_iter().map(|(x, y)| (x, y, 2.5)).collect();
        Self { name: name.to_owned(), colour, stroke: Stroke::Solid, dots: Dots::None, points, band: Vec::new() }
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

    /// The attributes of the line; none of points alone.
    fn paint(&self) -> Option<String> {
        match self.stroke {
            Stroke::Solid => Some(stroke(self.colour, 2.0, "")),
            Stroke::Dashed => Some(stroke(self.colour, 2.0, "7 4")),
            Stroke::Dotted => Some(stroke(self.colour, 2.0, "2 3")),
            Stroke::Faint => Some(format!("{} stroke-opacity=\"0.4\"", stroke(self.colour, 1.25, ""))),
            Stroke::None => None,
        }
    }

    fn dot(&self, svg: &mut Svg, at: [f64; 2], radius: f64, title: &str) {
        match self.dots {
            Dots::None => {}
            Dots::Filled => svg.disc(at, radius, &fill(self.colour, 1.0), title),
            Dots::Hollow => {
                svg.disc(at, radius, &format!("{} {}", fill(PAPER, 1.0), stroke(self.colour, 1.5, "")), title);
            }
        }
    }

    /// The least and the largest values of its points and of its band.
    pub(super) fn values(&self) -> impl Iterator<Item = f64> + Clone + '_ {
        let band = self.band.iter().copied().chain(core::iter::repeat(0.0));
        self.points.iter().zip(band).flat_map(|((_, y, _), band)| [y - band, y + band])
    }
}

/// A chart. Its title is what its vertical axis shows.
pub(super) struct Chart {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) title: String,
    /// The first lie before the others.
    pub(super) lines: Vec<Line>,
    /// Upright lines with names; of a single one, what it begins is shaded.
    pub(super) marks: Vec<(f64, String)>,
    /// Words at places, to the right of them.
    pub(super) notes: Vec<(f64, f64, String)>,
    /// Pixels from the first to the last value of the vertical axis.
    pub(super) height: f64,
    /// The least pixels to the right of the horizontal axis.
    pub(super) margin: f64,
}

const SMALL: Letters = letters(13.0, MUTED);
const PLAIN: Letters = letters(13.0, INK);
/// Pixels: of the title, of a line of the legend, of a sample in it.
const TITLE_LINE: f64 = 34.0;
const LEGEND_LINE: f64 = 19.0;
const SAMPLE: f64 = 26.0;
/// The longest name beside a row.
const LONGEST: f64 = 135.0;
/// The least pixels between places where the pointer finds values.
const STRIP: f64 = 3.0;

/// Where a chart is in its picture: pixels.
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl Chart {
    pub(super) fn new(x: Axis, y: Axis, lines: Vec<Line>) -> Self {
        let title = y.name.clone();
        Self { x, y, title, lines, marks: Vec::new(), notes: Vec::new(), height: 210.0, margin: 16.0 }
    }

    /// Pixels above the first value of the vertical axis, from it to the last one, and below.
    pub(super) fn sizes(&self) -> [f64; 3] {
        let lines = self.legend().last().map_or(0, |(.., row)| row + 1);
        let strip = if self.marks.is_empty() { 8.0 } else { 18.0 };
        let foot = if self.x.name.is_empty() { 28.0 } else { 44.0 };
        [TITLE_LINE + LEGEND_LINE * lines as f64 + strip, self.height, foot]
    }

    /// Where it is in its picture: from the height `y` on, with these sizes.
    pub(super) fn frame(&self, y: f64, [head, height, _]: [f64; 3]) -> Frame {
        let left = if self.has_long_rows() { 12.0 } else { self.widest() + 18.0 };
        let notes = self.notes.iter().map(|(_, _, text)| PLAIN.width(text) + 12.0);
        Frame { left, right: WIDTH - notes.fold(self.margin, f64::max), top: y + head, bottom: y + head + height }
    }

    fn widest(&self) -> f64 {
        self.y.ticks.iter().map(|(_, text)| SMALL.width(text)).fold(0.0, f64::max)
    }

    /// Whether names stand above their rows, not beside them.
    fn has_long_rows(&self) -> bool {
        self.y.is_rows() && self.widest() > LONGEST
    }

    /// Draws it into a picture likewise.
    pub(super) fn draw(&self, svg: &mut Svg, y: f64, sizes: [f64; 3]) {
        svg.text(&self.title, [10.0, y + 17.0], START, TITLE);
        self.draw_legend(svg, y + TITLE_LINE);
        let frame = self.frame(y, sizes);
        self.grid(svg, &frame);
        for line in self.lines.iter().rev() {
            self.line(svg, &frame, line);
        }
        for (x, y, text) in &self.notes {
            if let Some([x, y]) = self.at(&frame, *x, *y) {
                svg.text(text, [x + 8.0, y], START, PLAIN);
            }
        }
        if self.x.is_whole() {
            self.strips(svg, &frame);
        }
    }

    /// Where a place lies, in pixels.
    pub(super) fn at(&self, frame: &Frame, x: f64, y: f64) -> Option<[f64; 2]> {
        let Frame { left, right, top, bottom } = frame;
        let [x, y] = [self.x.place(x)?, self.y.place(y)?];
        Some([left + x * (right - left), bottom - y * (bottom - top)])
    }

    /// Lines and numbers of the axes, and where something begins.
    fn grid(&self, svg: &mut Svg, frame: &Frame) {
        let &Frame { left, right, top, bottom } = frame;
        let across = |x: f64| self.at(frame, x.clamp(self.x.ends[0], self.x.ends[1]), self.y.ends[0]).map(|at| at[0]);
        let marks = || self.marks.iter().filter_map(|(x, name)| Some((across(*x)?, name)));
        if let Some((x, _)) = marks().next().filter(|_| self.marks.len() == 1) {
            svg.rect([x, top, right - x, bottom - top], &fill(GRID, 0.35), "");
        }
        let rows = (bottom - top) / self.y.ticks.len().max(1) as f64;
        for (value, text) in &self.y.ticks {
            let Some([_, y]) = self.at(frame, self.x.ends[0], *value) else { continue };
            if self.has_long_rows() {
                svg.text(text, [left + 4.0, y - 0.5 * rows + 3.0], START, SMALL);
            } else {
                svg.text(text, [left - 8.0, y], END, SMALL);
            }
            if !self.y.is_rows() {
                svg.line(&[[left, y], [right, y]], &stroke(GRID, 1.0, ""), "");
            }
        }
        svg.line(&[[left, top], [left, bottom], [right, bottom]], &stroke(MUTED, 1.0, ""), "");
        let (last, widths) =
            (self.x.ticks.len().saturating_sub(1), self.x.ticks.iter().map(|(_, text)| SMALL.width(text) + 8.0));
        let every = (widths.sum::<f64>() / (right - left)).ceil().max(1.0) as usize;
        for (i, (value, text)) in self.x.ticks.iter().enumerate() {
            let Some([x, _]) = self.at(frame, *value, self.y.ends[0]) else { continue };
            svg.line(&[[x, bottom], [x, bottom + 4.0]], &stroke(MUTED, 1.0, ""), "");
            // As many numbers as there is room for, always those at the ends.
            if i != last && (i % every != 0 || i + every > last) {
                continue;
            }
            let half = 0.5 * SMALL.width(text);
            svg.text(text, [x.min(WIDTH - half), bottom + 14.0], MIDDLE, SMALL);
        }
        svg.text(&self.x.name, [0.5 * (left + right), bottom + 31.0], MIDDLE, SMALL);
        for (x, name) in marks() {
            svg.line(&[[x, top], [x, bottom]], &stroke(MUTED, 1.5, "3 3"), "");
            svg.text(name, [x.min(WIDTH - 2.0 - SMALL.width(name)), top - 9.0], START, SMALL);
        }
    }

    fn line(&self, svg: &mut Svg, frame: &Frame, line: &Line) {
        let edge = |sign: f64| {
            let points = line.points.iter().zip(&line.band);
            points.filter_map(move |((x, y, _), band)| {
                self.at(frame, *x, (y + sign * band).clamp(self.y.ends[0], self.y.ends[1]))
            })
        };
        let band: Vec<_> = edge(1.0).chain(edge(-1.0).collect::<Vec<_>>().into_iter().rev()).collect();
        if !band.is_empty() {
            svg.shape(&band, &fill(line.colour, 0.2));
        }
        let places: Vec<_> =
            line.points.iter().filter_map(|&(x, y, r)| Some((self.at(frame, x, y)?, (x, y), r))).collect();
        if let Some(paint) = line.paint().filter(|_| places.len() > 1) {
            svg.line(&thinned(places.iter().map(|(at, ..)| *at)), &paint, &line.name);
        }
        for (at, (x, y), radius) in places {
            let said = [line.name.clone(), self.y.said(y), self.x.said(x)];
            let said: Vec<String> = said.into_iter().filter(|part| !part.is_empty()).collect();
            let title = if self.x.is_whole() { String::new() } else { said.join(", ") };
            line.dot(svg, at, radius, &title);
        }
    }

    /// At each whole number a strip that tells the values of all lines.
    fn strips(&self, svg: &mut Svg, frame: &Frame) {
        let mut places: Vec<f64> = self.lines.iter().flat_map(|line| line.points.iter().map(|point| point.0)).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        let every = (STRIP * places.len() as f64 / (frame.right - frame.left)).ceil().max(1.0) as usize;
        let places: Vec<f64> = places.into_iter().step_by(every).collect();
        let half = 0.5 * (frame.right - frame.left) / places.len().saturating_sub(1).max(1) as f64;
        for place in places {
            let mut title = self.x.said(place);
            for line in &self.lines {
                let band = line.band.iter().map(Some).chain(core::iter::repeat(None));
                let here = line.points.iter().zip(band).find(|(point, _)| point.0 == place);
                if let Some(((_, value, _), band)) = here {
                    let band = band.map_or_else(String::new, |sd| format!(" ± {}", super::axis::digits(*sd)));
                    _ = write!(title, "\n{}: {}{band}", line.name, super::axis::digits(*value));
                }
            }
            let Some([x, _]) = self.at(frame, place, self.y.ends[0]) else { continue };
            let [from, to] = [(x - half).max(frame.left), (x + half).min(frame.right)];
            let area = [from, frame.top, to - from, frame.bottom - frame.top];
            svg.rect(area, "fill=\"none\" pointer-events=\"all\"", &title);
        }
    }

    /// The lines that have names, each with the left end of its entry in pixels and with the line of the legend that it is in.
    fn legend(&self) -> impl Iterator<Item = (&Line, f64, usize)> {
        let named = self.lines.iter().filter(|line| !line.name.is_empty() && line.stroke != Stroke::Faint);
        let (mut x, mut row) = (10.0, 0);
        named.map(move |line| {
            let width = SAMPLE + 6.0 + PLAIN.width(&line.name);
            if x + width > WIDTH - 4.0 && x > 10.0 {
                (x, row) = (10.0, row + 1);
            }
            let left = x;
            x += width + 12.0;
            (line, left, row)
        })
    }

    /// Names beside samples of the lines.
    fn draw_legend(&self, svg: &mut Svg, top: f64) {
        for (line, x, row) in self.legend() {
            let y = top + LEGEND_LINE * (row as f64 + 0.5) - 2.0;
            if let Some(paint) = line.paint() {
                svg.line(&[[x, y], [x + SAMPLE, y]], &paint, "");
            }
            line.dot(svg, [x + 0.5 * SAMPLE, y], 3.5, "");
            svg.text(&line.name, [x + SAMPLE + 5.0, y], START, PLAIN);
        }
    }
}

/// Places that lie half a pixel apart or more, and the last.
fn thinned(places: impl Iterator<Item = [f64; 2]>) -> Vec<[f64; 2]> {
    let mut kept: Vec<[f64; 2]> = Vec::new();
    let mut last = None;
    for [x, y] in places {
        let is_near = kept.last().is_some_and(|[a, b]| (a - x).abs() + (b - y).abs() < 0.5);
        last = Some([x, y]);
        if !is_near {
            kept.push([x, y]);
        }
    }
    kept.extend(last.filter(|last| kept.last() != Some(last)));
    kept
}
