//! What all pictures need: the extent of an axis, and PNG files.

use super::svg::Svg;
use crate::host::HostError;
use crate::host::prelude::*;
use png::{Compression, Encoder, Info};
use resvg::{tiny_skia, usvg};
use std::io;
use std::path::Path;

/// A picture of [outlined](Svg::outlined) letters as a PNG file, so many times as large as in a page.
pub(super) fn pixels(svg: &Svg, scale: f32) -> Result<Vec<u8>, HostError> {
    let tree = usvg::Tree::from_str(&svg.alone(scale.into()), &usvg::Options::default()).map_err(failed)?;
    let size = tree.size().to_int_size();
    let mut map = tiny_skia::Pixmap::new(size.width(), size.height()).ok_or_else(|| failed("it has no pixels"))?;
    resvg::render(&tree, tiny_skia::Transform::identity(), &mut map.as_mut());
    let mut info = Info::with_size(size.width(), size.height());
    info.color_type = png::ColorType::Rgba;
    png_file(info, Compression::default(), map.data())
}

/// The pixels as a PNG file: `info` gives their size and colours.
pub(super) fn png_file(info: Info<'_>, compression: Compression, pixels: &[u8]) -> Result<Vec<u8>, HostError> {
    let mut bytes = Vec::new();
    let encoded = Encoder::with_info(&mut bytes, info).and_then(|mut encoder| {
        encoder.set_compression(compression);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(pixels)?;
        writer.finish()
    });
    encoded.map_err(failed)?;
    Ok(bytes)
}

/// Least and greatest; 0 and 1 of nothing.
pub(super) fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let values = values.filter(|x| x.is_finite());
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

/// The error of a picture that cannot be made.
fn failed(error: impl ToString) -> HostError {
    HostError::file(Path::new("the picture"))(io::Error::other(error.to_string()))
}
