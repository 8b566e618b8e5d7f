//! Pictures as a network trained on MNIST wants them: gray, of its size, bright on dark.

use crate::host::prelude::*;
use core::ops::Range;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use png::{ColorType, Decoder, Transformations};

use super::idx::MAX_PIXELS;
use crate::host::DataError;

/// The most pixels a side of a picture: a few kilobytes of PNG can declare gigabytes.
pub const MAX_SIDE: u32 = 4096;

/// Reads a PNG of any colour type and depth as `rows · cols` bytes of gray, row-major.
///
/// - Gray is luma, `0.299 R + 0.587 G + 0.114 B` (ITU-R BT.601).
/// - Transparent pixels lie on the background that its ink stands out from: black when the mean gray, weighted by
///   alpha, is 128 or more, else white.
/// - Another size is stretched to `rows` by `cols`: the mean over the area that a pixel covers where the picture
///   shrinks, bilinear where it grows.
/// - Ink on paper is inverted, for MNIST is white on black: when the mean of the outermost ring of pixels of the result
///   is above the mean of the pixels inside it, each `p` becomes `255 − p`.
///
/// # Errors
/// The file cannot be read, is not an intact PNG, or is more than [`MAX_SIDE`] pixels high or wide; `rows · cols` is
/// not 1 to [`MAX_PIXELS`].
pub fn read_png(path: &Path, rows: usize, cols: usize) -> Result<Vec<u8>, DataError> {
    let fail = |problem: String| DataError::Picture { path: path.to_owned(), problem };
    if !rows.checked_mul(cols).is_some_and(|pixels| (1..=MAX_PIXELS).contains(&pixels)) {
        return Err(fail(format!("expected a size of 1 to {MAX_PIXELS} pixels to scale to, found {rows} x {cols}")));
    }
    let broken = |error: png::DecodingError| fail(format!("expected an intact PNG, found {error}"));

    let file = File::open(path).map_err(|error| DataError::io(path, error))?;
    let mut decoder = Decoder::new(BufReader::new(file));
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info().map_err(broken)?;
    let (width, height) = reader.info().size();
    if !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) {
        // the sizes are the first fields of the first chunk, after the signature, its length and its name
        return Err(fail(format!("byte 16: expected 1 to {MAX_SIDE} pixels per side, found {width} x {height}")));
    }
    let len = reader.output_buffer_size().unwrap_or(usize::MAX);
    let mut samples = Vec::new();
    samples.try_reserve_exact(len).map_err(|error| DataError::io(path, error))?;
    samples.resize(len, 0);
    let frame = reader.next_frame(&mut samples).map_err(broken)?;

    let gray = gray(&samples, frame.color_type);
    let mut picture = resize(&gray, width as usize, height as usize, rows, cols);
    if border_is_brighter(&picture, cols) {
        picture.iter_mut().for_each(|pixel| *pixel = 255 - *pixel);
    }
    Ok(picture)
}

/// One gray byte per pixel, alpha resolved.
fn gray(samples: &[u8], colour: ColorType) -> Vec<u8> {
    let luma =
        |r: u8, g: u8, b: u8| ((299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b) + 500) / 1000) as u8;
    match colour {
        // the decoder expands palettes to RGB or RGBA
        ColorType::Grayscale | ColorType::Indexed => samples.to_vec(),
        ColorType::Rgb => samples.as_chunks().0.iter().map(|&[r, g, b]| luma(r, g, b)).collect(),
        ColorType::GrayscaleAlpha => flatten(samples.as_chunks().0.iter().copied()),
        ColorType::Rgba => flatten(samples.as_chunks().0.iter().map(|&[r, g, b, a]| [luma(r, g, b), a])),
    }
}

fn flatten(pixels: impl Iterator<Item = [u8; 2]> + Clone) -> Vec<u8> {
    let (mut ink, mut weight) = (0, 0);
    for [gray, alpha] in pixels.clone() {
        ink += u64::from(gray) * u64::from(alpha);
        weight += u64::from(alpha);
    }
    let background = if weight > 0 && ink >= 128 * weight { 0 } else { 255 };
    let over = |[gray, alpha]: [u8; 2]| {
        let alpha = u32::from(alpha);
        ((u32::from(gray) * alpha + background * (255 - alpha) + 127) / 255) as u8
    };
    pixels.map(over).collect()
}

/// `out[i][j] = Σ_y Σ_x v[i][y] · h[j][x] · gray[y][x]` with the weights of [`window`].
fn resize(gray: &[u8], width: usize, height: usize, rows: usize, cols: usize) -> Vec<u8> {
    if (height, width) == (rows, cols) {
        return gray.to_vec();
    }
    let columns: Vec<_> = (0..cols).map(|j| window(j, width, cols)).collect();
    let mut out = Vec::with_capacity(rows * cols);
    for i in 0..rows {
        let (range, weights) = window(i, height, rows);
        let mut line = vec![0.0; width];
        for (row, weight) in gray.chunks_exact(width).skip(range.start).zip(weights) {
            line.iter_mut().zip(row).for_each(|(sum, &pixel)| *sum += f32::from(pixel) * weight);
        }
        out.extend(columns.iter().map(|(range, weights)| {
            let values = line.get(range.clone()).unwrap_or_default();
            let sum = values.iter().zip(weights).map(|(value, weight)| value * weight).sum::<f32>();
            (sum + 0.5) as u8
        }));
    }
    out
}

/// The pixels of a line of `from` that pixel `i` of a line of `to` covers, each weighted by the part that is covered.
///
/// The window is `from / to` wide, at least one pixel: narrower ones would pick the nearest pixel, and one pixel wide
/// is linear interpolation.
fn window(i: usize, from: usize, to: usize) -> (Range<usize>, Vec<f32>) {
    let scale = from as f64 / to as f64;
    let (centre, half) = ((i as f64 + 0.5) * scale, scale.max(1.0) / 2.0);
    let (low, high) = ((centre - half).max(0.0), (centre + half).min(from as f64));
    let range = low as usize..from.min(high.ceil() as usize);
    let covered = |k: usize| (high.min(k as f64 + 1.0) - low.max(k as f64)) / (high - low);
    let weights = range.clone().map(|k| covered(k) as f32).collect();
    (range, weights)
}

fn border_is_brighter(picture: &[u8], cols: usize) -> bool {
    let rows = picture.len() / cols.max(1);
    let [mut border, mut inside] = [(0, 0); 2];
    for (i, row) in picture.chunks_exact(cols.max(1)).enumerate() {
        for (j, &pixel) in row.iter().enumerate() {
            let ring = i == 0 || i + 1 == rows || j == 0 || j + 1 == cols;
            let (sum, count) = if ring { &mut border } else { &mut inside };
            *sum += u64::from(pixel);
            *count += 1;
        }
    }
    // the means compared without a division, which could be by zero
    border.0 * inside.1 > inside.0 * border.1
}
