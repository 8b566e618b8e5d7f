//! A plot: drawn once, on white; in a page it has the colours of the page, light or dark.

use super::escape::escape;
use crate::host::HostError;
use crate::host::prelude::*;
use crate::host::report::drawing::{FONT, failed, register_fonts};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::FontStyle;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::io;

/// The names of all plots.
pub(super) const PLOTS: [&str; 11] = [
    "loss",
    "error",
    "rate",
    "batch",
    "gap-loss",
    "gap-error",
    "spread-error",
    "confusion",
    "roc",
    "precision-recall",
    "reliability",
];

/// Coordinates of a pixel: the library's are whole numbers.
pub(super) const PIXEL: i32 = 4;
/// Pixels across.
pub(super) const WIDTH: i32 = 392;

pub(super) const INK: RGBColor = RGBColor(0x1b, 0x1f, 0x24);
pub(super) const MUTED: RGBColor = RGBColor(0x57, 0x60, 0x6a);
pub(super) const GRID: RGBColor = RGBColor(0xd8, 0xde, 0xe4);
pub(super) const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
// After Okabe and Ito, a little darker, told apart by most eyes.
pub(super) const BLUE: RGBColor = RGBColor(0x00, 0x6c, 0xb0);
pub(super) const ORANGE: RGBColor = RGBColor(0xce, 0x56, 0x00);
pub(super) const GREEN: RGBColor = RGBColor(0x00, 0x80, 0x60);
pub(super) const PURPLE: RGBColor = RGBColor(0xa2, 0x4f, 0x9c);
pub(super) const BROWN: RGBColor = RGBColor(0x8a, 0x69, 0x10);

/// What each is called in `style.css`, where it has a light and a dark form.
pub(super) const THEME: [(RGBColor, &str); 9] = [
    (INK, "ink"),
    (MUTED, "muted"),
    (GRID, "grid"),
    (PAPER, "paper"),
    (BLUE, "blue"),
    (ORANGE, "orange"),
    (GREEN, "green"),
    (PURPLE, "purple"),
    (BROWN, "brown"),
];

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(super) type Drawn = Result<(), DrawingAreaErrorKind<io::Error>>;

/// A picture of lines and letters.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    /// Of the file, without `.svg`.
    pub(super) name: String,
    /// What a reader who does not see it is told.
    label: String,
    svg: String,
}

impl Plot {
    /// Draws one, so many pixels high.
    pub(super) fn new(
        name: &'static str,
        label: &str,
        height: i32,
        draw: impl FnOnce(&Area<'_>) -> Drawn,
    ) -> Result<Self, HostError> {
        register_fonts()?;
        let mut svg = String::new();
        let size = ((WIDTH * PIXEL) as u32, (height * PIXEL) as u32);
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let drawn = area.fill(&PAPER).and_then(|()| draw(&area)).and_then(|()| area.present());
        drop(area);
        drawn.map_err(failed)?;
        // Of the size that is read well, not of the finer coordinates.
        let [width, height] = [WIDTH, height].map(|side| 2 * side);
        let svg = match svg.split_once("viewBox") {
            Some((_, rest)) => format!("<svg width=\"{width}\" height=\"{height}\" viewBox{rest}"),
            None => svg,
        };
        Ok(Self { name: name.into(), label: label.into(), svg })
    }

    /// By itself, on white.
    pub(super) fn alone(&self) -> &str {
        &self.svg
    }

    /// In a page, with its colours.
    pub(super) fn inline(&self) -> String {
        let drawing = self.svg.split_once('>').map_or("", |(_, drawing)| drawing);
        let size = self.svg.split('"').nth(5).unwrap_or_default();
        let themed = THEME.iter().fold(drawing.trim_end().replace(" opacity=\"1\"", ""), |svg, (colour, name)| {
            let RGBColor(r, g, b) = colour;
            svg.replace(&format!("\"#{r:02X}{g:02X}{b:02X}\""), &format!("\"var(--{name})\""))
        });
        format!("<svg viewBox=\"{size}\" role=\"img\" aria-label=\"{}\">{themed}", escape(&self.label))
    }
}

/// Letters of so many pixels.
pub(super) fn letters(pixels: f64, colour: &RGBColor) -> TextStyle<'static> {
    // The library writes a size that is 1.24 times smaller.
    let font = (FONT, pixels * f64::from(PIXEL) * 1.24).into_font();
    TextStyle { color: colour.to_backend_color(), ..TextStyle::from(font) }
}

/// Those of a title.
pub(super) fn bold(pixels: f64) -> TextStyle<'static> {
    let style = letters(pixels, &INK);
    TextStyle { font: style.font.style(FontStyle::Bold), ..style }
}

/// A line so many pixels long, at a place in pixels.
pub(super) fn words(area: &Area<'_>, text: &str, at: [f64; 2], style: &TextStyle<'_>, side: HPos) -> Drawn {
    let at = at.map(|pixels| (pixels * f64::from(PIXEL)).round() as i32);
    area.draw(&Text::new(text.to_string(), (at[0], at[1]), style.pos(Pos::new(side, VPos::Center))))
}

/// How wide a text is, in pixels.
pub(super) fn width_of(area: &Area<'_>, text: &str, style: &TextStyle<'_>) -> f64 {
    let size = area.estimate_text_size(text, style);
    size.map_or(0.0, |(width, _)| f64::from(width) / f64::from(PIXEL) / 1.24)
}

/// A text of at most so many letters, the last of a longer one an ellipsis.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.into();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}
