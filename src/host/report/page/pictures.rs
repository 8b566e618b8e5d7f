//! Images in a page: the most confident errors, and the weights of the first layer.

use super::piece::Piece;
use crate::Spec;
use crate::host::HostError;
use crate::host::data::Samples;
use crate::host::evaluation::TestSet;
use crate::host::prelude::*;
use crate::host::report::svg::escape;
use crate::metrics::argmax;
use crate::network::Part;
use base64::Engine;
use base64::prelude::BASE64_STANDARD as STANDARD;
use png::{ColorType, Compression, Encoder};
use std::path::Path;

/// Wrong images that are shown, and the bytes that all may take.
const WRONG: usize = 15;
const MOST_BYTES: usize = 300_000;
/// Units that are shown, and how many stand side by side.
const UNITS: usize = 64;
const ACROSS: usize = 8;

/// Rows and columns where samples are pictures.
pub(super) fn picture_size(samples: &Samples) -> Option<[usize; 2]> {
    let images = samples.images()?;
    (images.rows > 1 && images.cols > 1).then_some([images.rows, images.cols])
}

/// The most confident errors on the test samples, pictures of `[rows, cols]`.
pub(super) fn wrong(test: &TestSet<'_>, [rows, cols]: [usize; 2]) -> Result<Piece, HostError> {
    let (samples, classes) = (test.samples, test.outputs.len() / test.samples.len().max(1));
    let taken = |(i, row): (usize, &[f32])| {
        let (class, right) = (argmax(row), samples.label(i)?);
        let of = |class: u16| row[usize::from(class)];
        (class != u16::from(right)).then(|| (of(class), of(right.into()), i, class, right))
    };
    let mut wrong: Vec<_> = test.outputs.chunks(classes.max(1)).enumerate().filter_map(taken).collect();
    // Of equally sure ones the surest that it is not what it is, then the first.
    wrong.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.total_cmp(&b.1)));
    if wrong.is_empty() {
        return Ok(Piece::text("All test samples are classified correctly."));
    }
    let sure = |p: f32| if test.has_probabilities { format!("{:.1}\u{a0}%", 100.0 * p) } else { format!("{p:.2}") };
    let mut figures = String::new();
    for &(p, of_right, i, class, right) in wrong.iter().take(WRONG) {
        let Some(image) = samples.image(i) else { continue };
        let source = data_uri([rows, cols], ColorType::Grayscale, image)?;
        if figures.len() + source.len() > MOST_BYTES {
            break;
        }
        figures += &format!(
            "<figure><img src=\"{source}\" width=\"{cols}\" height=\"{rows}\" alt=\"Test sample {i}\">\
             <figcaption>true {right}, predicted <b>{class}</b><br>{} vs. {}</figcaption></figure>\n",
            sure(p),
            sure(of_right),
        );
    }
    let what = if test.has_probabilities { "probability" } else { "output" };
    let text = format!(
        "{} of {} test samples are misclassified. These are the errors with the largest {what}: true class, predicted class, \
         and the {what} of the predicted class vs. that of the true class.",
        wrong.len(),
        samples.len()
    );
    let images = Piece::from_html(format!("<div class=\"images\">\n{figures}</div>\n"));
    Ok(Piece::block([Piece::text(&text), images]))
}

/// The weights of the first layer as pictures, a unit each, where inputs are the pixels of a picture of `[rows, cols]`.
pub(super) fn weights(spec: &Spec, params: &[f32], [rows, cols]: [usize; 2]) -> Result<Piece, HostError> {
    let Some(layer) = spec.layers().next() else { return Ok(Piece::default()) };
    let (units, pixels) = (layer.outputs(), rows * cols);
    let weights = params.get(layer.range(Part::Weights)).unwrap_or_default();
    if pixels != layer.inputs() || weights.is_empty() {
        return Ok(Piece::default());
    }
    let shown = units.min(UNITS);
    let of_unit = |unit: usize| weights.iter().skip(unit).step_by(units);
    // A few extreme weights are not to take the colour from all others.
    let mut sizes: Vec<f32> = (0..shown).flat_map(|unit| of_unit(unit).map(|w| w.abs())).collect();
    sizes.sort_unstable_by(f32::total_cmp);
    let most = sizes[(sizes.len() - 1) * 995 / 1000].max(f32::MIN_POSITIVE);
    let across = shown.min(ACROSS);
    let (tile_rows, tile_cols) = (rows + 2, cols + 2);
    let width = across * tile_cols;
    // Nothing between the units.
    let mut picture = vec![[0; 4]; width * shown.div_ceil(across) * tile_rows];
    for unit in 0..shown {
        let (top, left) = (unit / across * tile_rows + 1, unit % across * tile_cols + 1);
        for (k, w) in of_unit(unit).enumerate() {
            let place = (top + k / cols) * width + left + k % cols;
            picture[place] = colour(w / most);
        }
    }
    let height = picture.len() / width;
    let source = data_uri([height, width], ColorType::Rgba, picture.as_flattened())?;
    let which =
        if shown < units { format!("The first {shown} of {units} units") } else { format!("All {units} units") };
    let caption = format!(
        "{which} of the first layer: one picture per unit shows its weight for each pixel. Brown is negative, white is zero, \
         blue is positive; the colour scale ends at ±{most:.2}."
    );
    Ok(Piece::from_html(format!(
        "<figure class=\"weights\"><img src=\"{source}\" width=\"{width}\" height=\"{height}\" \
         alt=\"Weights of the first layer as pictures\">\n<figcaption>{}</figcaption></figure>\n",
        escape(&caption)
    )))
}

/// Brown for −1, white for 0, blue for 1.
fn colour(share: f32) -> [u8; 4] {
    let white = 247.0;
    let end = if share < 0.0 { [140.0, 81.0, 10.0] } else { [5.0, 85.0, 165.0] };
    let [red, green, blue] = end.map(|end| (white + share.abs().min(1.0) * (end - white)).round() as u8);
    [red, green, blue, 255]
}

/// Pixels as a PNG file within an address.
fn data_uri([rows, cols]: [usize; 2], colours: ColorType, pixels: &[u8]) -> Result<String, HostError> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, cols as u32, rows as u32);
    encoder.set_color(colours);
    encoder.set_compression(Compression::High);
    let written = encoder.write_header().and_then(|mut writer| {
        writer.write_image_data(pixels)?;
        writer.finish()
    });
    written.map_err(|error| HostError::file(Path::new("the picture"))(error.into()))?;
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(file)))
}
