//! Pictures in files: PNG and JPEG, of any size and colour.

use crate::host::DataError;
use crate::host::prelude::*;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use png::{ColorType, Transformations};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The most pixels of a picture: a few kilobytes can declare gigabytes.
pub const MAX_PICTURE: usize = 100_000_000;

/// Bytes of a file that are read: eight for each pixel.
const LARGEST: u64 = 8 * MAX_PICTURE as u64;

/// A format by its name, the first bytes of a file, and what decodes it.
type Format = (&'static str, &'static [u8], fn(&[u8]) -> Result<Picture, String>);

const FORMATS: [Format; 2] = [("PNG", b"\x89PNG\r\n\x1a\n", of_png), ("JPEG", &[0xff, 0xd8, 0xff], of_jpeg)];

/// A picture in red, green and blue, row-major, without transparency.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels of a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    pub(in crate::host) pixels: Vec<[u8; 3]>,
}

impl Picture {
    /// Whether a file that begins so is a picture that [`decode`](Self::decode) reads.
    #[must_use]
    pub fn is_picture(start: &[u8]) -> bool {
        FORMATS.iter().any(|(_, magic, _)| start.starts_with(magic))
    }

    /// Reads a PNG or a JPEG.
    ///
    /// # Errors
    /// As [`decode`](Self::decode), and for a file that cannot be read.
    pub fn read(path: &Path) -> Result<Self, DataError> {
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes));
        read.map_err(|error| DataError::io(path, error))?;
        Self::decode(path, &bytes)
    }

    /// As [`read`](Self::read), from memory; `name` stands for the file in errors.
    ///
    /// - Transparent pixels lie on the background that the drawing stands out from: black when its mean gray, weighted
    ///   by alpha, is 128 or more, else white.
    /// - A JPEG is turned upright, as its Exif data say.
    ///
    /// # Errors
    /// The file is no intact PNG or JPEG, or has more than [`MAX_PICTURE`] pixels.
    pub fn decode(name: &Path, bytes: &[u8]) -> Result<Self, DataError> {
        let Some((kind, _, decode)) = FORMATS.iter().find(|(_, magic, _)| bytes.starts_with(magic)) else {
            return Err(DataError::content(name, "expected a picture, PNG or JPEG"));
        };
        decode(bytes).map_err(|problem| DataError::content(name, format!("expected an intact {kind}, found {problem}")))
    }

    /// The picture as its camera was held; `orientation` is that of Exif, 1 to 8.
    fn upright(self, orientation: u16) -> Self {
        let (w, h) = (self.width, self.height);
        let (is_turned, from_right, from_below) =
            (matches!(orientation, 5..=8), matches!(orientation, 2 | 3 | 7 | 8), matches!(orientation, 3 | 4 | 6 | 7));
        if !is_turned && !from_right && !from_below {
            return self;
        }
        let (width, height) = if is_turned { (h, w) } else { (w, h) };
        let pixel = |y: usize, x: usize| {
            let (x, y) = if is_turned { (y, x) } else { (x, y) };
            let (x, y) = (if from_right { w - 1 - x } else { x }, if from_below { h - 1 - y } else { y });
            self.pixels[y * w + x]
        };
        let pixels = (0..width * height).map(|i| pixel(i / width, i % width)).collect();
        Self { width, height, pixels }
    }
}

fn check_size(width: usize, height: usize) -> Result<(), String> {
    match width.checked_mul(height) {
        Some(1..=MAX_PICTURE) => Ok(()),
        _ => Err(format!("{width} x {height} pixels, more than {MAX_PICTURE} or none")),
    }
}

fn of_png(bytes: &[u8]) -> Result<Picture, String> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info().map_err(|error| error.to_string())?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    check_size(width, height)?;
    let mut samples = Vec::new();
    let len = reader.output_buffer_size().unwrap_or(usize::MAX);
    samples.try_reserve_exact(len).map_err(|error| error.to_string())?;
    samples.resize(len, 0);
    let frame = reader.next_frame(&mut samples).map_err(|error| error.to_string())?;
    let pixels = match frame.color_type {
        // The decoder expands palettes to RGB or RGBA.
        ColorType::Grayscale | ColorType::Indexed => samples.iter().map(|&gray| [gray; 3]).collect(),
        ColorType::Rgb => samples.as_chunks().0.to_vec(),
        ColorType::GrayscaleAlpha => opaque(samples.as_chunks().0.iter().map(|&[gray, a]| [gray, gray, gray, a])),
        ColorType::Rgba => opaque(samples.as_chunks().0.iter().copied()),
    };
    Ok(Picture { width, height, pixels })
}

/// Lays pixels with alpha on black or white.
fn opaque(pixels: impl Iterator<Item = [u8; 4]> + Clone) -> Vec<[u8; 3]> {
    let (mut ink, mut weight) = (0, 0);
    for [r, g, b, alpha] in pixels.clone() {
        ink += u64::from(luma([r, g, b])) * u64::from(alpha);
        weight += u64::from(alpha);
    }
    let background = if weight > 0 && ink >= 128 * weight { 0 } else { 255 };
    let over = |[r, g, b, alpha]: [u8; 4]| {
        let alpha = u32::from(alpha);
        [r, g, b].map(|c| ((u32::from(c) * alpha + background * (255 - alpha) + 127) / 255) as u8)
    };
    pixels.map(over).collect()
}

/// Gray of a colour, `0.299 R + 0.587 G + 0.114 B` (ITU-R BT.601).
pub(in crate::host) fn luma([r, g, b]: [u8; 3]) -> u8 {
    ((299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b) + 500) / 1000) as u8
}

fn of_jpeg(bytes: &[u8]) -> Result<Picture, String> {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGB).set_strict_mode(true);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    // Some of its errors stand in quotes or end in a line break.
    let in_a_line = |error: String| error.trim().trim_matches('"').replace('\n', " ");
    decoder.decode_headers().map_err(|error| in_a_line(error.to_string()))?;
    let (width, height) = decoder.dimensions().unwrap_or((0, 0));
    check_size(width, height)?;
    let samples = decoder.decode().map_err(|error| in_a_line(error.to_string()))?;
    let pixels: Vec<[u8; 3]> = samples.as_chunks().0.to_vec();
    if pixels.len() != width * height {
        return Err("colours that are not supported".to_owned());
    }
    let orientation = decoder.exif().and_then(|exif| orientation(exif)).unwrap_or(1);
    Ok(Picture { width, height, pixels }.upright(orientation))
}

/// How a camera was held: the tag 0x0112 of Exif data, a TIFF header with its first directory.
fn orientation(exif: &[u8]) -> Option<u16> {
    let is_little = exif.starts_with(b"II");
    let short = |at: usize| {
        let bytes = *exif.get(at..)?.first_chunk()?;
        Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let word = |at: usize| {
        let [first, second] = [usize::from(short(at)?), usize::from(short(at + 2)?)];
        Some(if is_little { first | second << 16 } else { first << 16 | second })
    };
    let directory = word(4)?;
    let entries = usize::from(short(directory)?);
    let at = (0..entries).map(|i| directory + 2 + 12 * i).find(|&at| short(at) == Some(0x0112))?;
    short(at + 8)
}
