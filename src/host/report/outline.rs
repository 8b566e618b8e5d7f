//! Letters as shapes, for pixels: in the font of the program, the same on every machine.

use crate::host::prelude::*;
use core::fmt::Write;
use ttf_parser::{Face, OutlineBuilder};

/// The data of an SVG path in pixels, where the next letter begins in units of the font, and the pixels of such a unit.
struct Path {
    data: String,
    x: f32,
    unit: f32,
}

impl Path {
    fn add(&mut self, command: char, points: &[[f32; 2]]) {
        self.data.push(command);
        for [x, y] in points {
            _ = write!(self.data, " {:.3} {:.3}", self.unit * (self.x + x), -self.unit * y);
        }
    }
}

impl OutlineBuilder for Path {
    fn move_to(&mut self, x: f32, y: f32) {
        self.add('M', &[[x, y]]);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.add('L', &[[x, y]]);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.add('Q', &[[x1, y1], [x, y]]);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.add('C', &[[x1, y1], [x2, y2], [x, y]]);
    }

    fn close(&mut self) {
        self.add('Z', &[]);
    }
}

/// A text of letters of so many pixels as the data of an SVG path, and how wide it is.
pub(super) fn outline(text: &str, size: f64, is_bold: bool) -> (String, f64) {
    let font = if is_bold { dejavu::sans::bold() } else { dejavu::sans::regular() };
    let Ok(face) = Face::parse(font, 0) else { return (String::new(), 0.0) };
    let mut path = Path { data: String::new(), x: 0.0, unit: size as f32 / f32::from(face.units_per_em()) };
    for glyph in text.chars().map(|c| face.glyph_index(c).unwrap_or_default()) {
        _ = face.outline_glyph(glyph, &mut path);
        path.x += f32::from(face.glyph_hor_advance(glyph).unwrap_or(0));
    }
    (path.data, (path.unit * path.x).into())
}
