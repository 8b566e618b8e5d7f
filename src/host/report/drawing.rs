//! What all pictures need: the fonts of the program itself, the extent of an axis, and PNG files.

use crate::host::HostError;
use crate::host::prelude::*;
use plotters::style::{FontStyle, register_font};
use png::{Compression, Encoder, Info};
use std::io;
use std::path::Path;

/// The name of the font, for `plotters`.
pub(super) const FONT: &str = "sans-serif";

/// Registers [`FONT`], regular and bold: the same letters on every machine.
pub(super) fn register_fonts() -> Result<(), HostError> {
    let fonts = [(FontStyle::Normal, dejavu::sans::regular()), (FontStyle::Bold, dejavu::sans::bold())];
    let mut fonts = fonts.into_iter();
    fonts.try_for_each(|(style, font)| register_font(FONT, style, font)).map_err(|_| failed("the font is damaged"))
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
pub(super) fn failed(error: impl ToString) -> HostError {
    HostError::file(Path::new("the picture"))(io::Error::other(error.to_string()))
}
