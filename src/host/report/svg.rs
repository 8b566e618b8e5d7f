//! Pictures of lines and letters as SVG: in the colours of a light page, and in others where the reader prefers a dark one.

use crate::host::prelude::*;
use core::fmt::Write;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Pixels across every picture.
pub(super) const WIDTH: f64 = 400.0;

/// A colour, as the attributes of an element name it.
pub(super) type Colour = &'static str;

pub(super) const INK: Colour = "#1b1f24";
pub(super) const MUTED: Colour = "#57606a";
pub(super) const GRID: Colour = "#d8dee4";
pub(super) const PAPER: Colour = "#ffffff";
// After Okabe and Ito, a little darker, told apart by most eyes.
pub(super) const BLUE: Colour = "#006cb0";
pub(super) const ORANGE: Colour = "#ce5600";
pub(super) const GREEN: Colour = "#008060";
pub(super) const PURPLE: Colour = "#a24f9c";
pub(super) const BROWN: Colour = "#8a6910";

/// What each colour is called on a page, and its form on a dark one.
pub(super) const THEME: [(Colour, &str, Colour); 9] = [
    (INK, "ink", "#e6e9ed"),
    (MUTED, "muted", "#a3adb8"),
    (GRID, "grid", "#39424c"),
    (PAPER, "paper", "#12161b"),
    (BLUE, "blue", "#5bb4f2"),
    (ORANGE, "orange", "#ff9350"),
    (GREEN, "green", "#3ccb9d"),
    (PURPLE, "purple", "#e0a0db"),
    (BROWN, "brown", "#dcbb52"),
];

/// The style that gives pictures their dark colours; programs that know no styles show the light ones.
pub(super) fn dark_style() -> String {
    let rule = |(light, _, dark): (Colour, &str, Colour)| {
        format!("svg [fill=\"{light}\"] {{ fill: {dark}; }} svg [stroke=\"{light}\"] {{ stroke: {dark}; }}\n")
    };
    format!("@media (prefers-color-scheme: dark) {{\n{}}}\n", THEME.map(rule).concat())
}

/// At which end of a text its place is, as SVG has it.
pub(super) type Side = &'static str;

pub(super) const START: Side = "start";
pub(super) const MIDDLE: Side = "middle";
pub(super) const END: Side = "end";

/// Size and look of letters.
#[derive(Clone, Copy)]
pub(super) struct Letters {
    /// In pixels.
    pub(super) size: f64,
    pub(super) colour: Colour,
    pub(super) is_bold: bool,
}

/// Letters of so many pixels.
pub(super) const fn letters(size: f64, colour: Colour) -> Letters {
    Letters { size, colour, is_bold: false }
}

/// Those of a title.
pub(super) const TITLE: Letters = Letters { size: 15.0, colour: INK, is_bold: true };

impl Letters {
    /// How wide a text is, in pixels: an estimate that holds for most fonts.
    pub(super) fn width(&self, text: &str) -> f64 {
        0.58 * self.size * text.width() as f64
    }

    /// Text in lines of at most so many pixels.
    pub(super) fn wrapped(&self, text: &str, width: f64) -> Vec<String> {
        text.split(' ').fold(Vec::new(), |mut lines: Vec<String>, word| {
            match lines.last_mut().filter(|line| self.width(line) + self.width(word) + self.size <= width) {
                Some(line) => *line += &format!(" {word}"),
                None => lines.push(word.to_owned()),
            }
            lines
        })
    }
}

/// A picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Svg {
    height: f64,
    /// What a reader who does not see it is told.
    label: String,
    body: String,
}

impl Svg {
    /// An empty one, so many pixels high.
    pub(super) fn new(label: &str, height: f64) -> Self {
        Self { height, label: label.to_owned(), body: String::new() }
    }

    /// By itself, on paper, so many times as large as in a page.
    pub(super) fn alone(&self, scale: f64) -> String {
        let [width, height] = [WIDTH, self.height].map(|side| scale * side);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" {}\n<style>\n{}</style>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"{PAPER}\"/>\n{}</svg>\n",
            self.head(),
            dark_style(),
            self.body
        )
    }

    /// In a page, which has [`dark_style`].
    pub(super) fn inline(&self) -> String {
        format!("<svg {}\n{}</svg>\n", self.head(), self.body)
    }

    fn head(&self) -> String {
        let label = escape(&self.label);
        format!(
            "viewBox=\"0 0 {WIDTH} {:.0}\" font-family=\"sans-serif\" role=\"img\" aria-label=\"{label}\">",
            self.height
        )
    }

    /// An element with these attributes, and with what its `title` says where the pointer is over it.
    pub(super) fn element(&mut self, name: &str, attributes: &str, title: &str) {
        let inner =
            if title.is_empty() { "/>".to_owned() } else { format!("><title>{}</title></{name}>", escape(title)) };
        _ = writeln!(self.body, "<{name} {attributes}{inner}");
    }

    /// A line through points.
    pub(super) fn line(&mut self, points: &[[f64; 2]], paint: &str, title: &str) {
        self.element("polyline", &format!("points=\"{}\" fill=\"none\" {paint}", listed(points)), title);
    }

    /// A filled shape.
    pub(super) fn shape(&mut self, points: &[[f64; 2]], paint: &str) {
        self.element("polygon", &format!("points=\"{}\" {paint}", listed(points)), "");
    }

    /// A rectangle: left, top, width and height.
    pub(super) fn rect(&mut self, [x, y, width, height]: [f64; 4], paint: &str, title: &str) {
        let [width, height] = [width, height].map(|side| side.max(0.0));
        let place = format!("x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"");
        self.element("rect", &format!("{place} {paint}"), title);
    }

    /// A disc.
    pub(super) fn disc(&mut self, [x, y]: [f64; 2], radius: f64, paint: &str, title: &str) {
        self.element("circle", &format!("cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" {paint}"), title);
    }

    /// A line of text, its middle at the height of `at`.
    pub(super) fn text(&mut self, text: &str, at: [f64; 2], side: Side, letters: Letters) {
        self.text_with(text, at, side, letters, "");
    }

    /// The same with further attributes.
    pub(super) fn text_with(&mut self, text: &str, [x, y]: [f64; 2], side: Side, letters: Letters, more: &str) {
        let Letters { size, colour, is_bold } = letters;
        let y = y + 0.35 * size;
        let weight = if is_bold { " font-weight=\"bold\"" } else { "" };
        _ = writeln!(
            self.body,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size:.1}\" fill=\"{colour}\" text-anchor=\"{side}\"{weight}{more}>{}</text>",
            escape(text)
        );
    }
}

fn listed(points: &[[f64; 2]]) -> String {
    points.iter().map(|[x, y]| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" ")
}

/// A line of this colour and width in pixels, with dashes and gaps where there are some.
pub(super) fn stroke(colour: Colour, width: f64, dashes: &str) -> String {
    let dashes = if dashes.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dashes}\"") };
    format!("stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linejoin=\"round\"{dashes}")
}

/// A surface of this colour.
pub(super) fn fill(colour: Colour, opacity: f64) -> String {
    if opacity < 1.0 {
        format!("fill=\"{colour}\" fill-opacity=\"{opacity:.2}\"")
    } else {
        format!("fill=\"{colour}\"")
    }
}

/// Text in which nothing is markup.
pub(super) fn escape(text: &str) -> String {
    let names = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&#39;")];
    names.iter().fold(text.to_owned(), |text, (c, name)| text.replace(*c, name))
}

/// A text of at most so many columns of a terminal, the end of a longer one an ellipsis.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.width() <= most {
        return text.into();
    }
    // That of the ellipsis.
    let mut width = 1;
    let is_within = |c: &char| {
        width += c.width().unwrap_or(0);
        width <= most
    };
    let kept: String = text.chars().take_while(is_within).collect();
    format!("{}…", kept.trim_end())
}
