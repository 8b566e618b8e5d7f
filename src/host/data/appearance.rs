//! How the images of a training set look, so that a picture can be brought to the same form, and told when it is unlike
//! them.

use super::idx::Images;
use super::image::{Area, centre, is_border};
use crate::host::prelude::*;

/// Nearly all images: this share of them.
const NEARLY: f64 = 0.95;

/// How training images look.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Appearance {
    /// How each is scaled and centred, where nearly all are scaled and centred alike.
    pub frame: Option<Frame>,
    /// Whether the border of nearly all is darker than their inside, or of nearly all brighter.
    pub dark_border: Option<bool>,
    /// The smallest and the largest mean of an image, levels of 255.
    pub means: [u8; 2],
    /// The smallest and the largest standard deviation within an image, levels of 255.
    pub deviations: [u8; 2],
}

/// How what is drawn in an image is scaled and centred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Frame {
    /// Longest side of its box, pixels.
    pub side: u16,
    /// Whether its centre of mass is in the middle, not the centre of its box.
    pub by_mass: bool,
}

impl Frame {
    /// That of MNIST's digits: a longest side of 20 of 28 pixels, centred by mass.
    #[must_use]
    pub fn of_mnist(rows: usize, cols: usize) -> Self {
        Self { side: (rows.min(cols) * 20 / 28).clamp(1, usize::from(u16::MAX)) as u16, by_mass: true }
    }
}

impl Appearance {
    pub(in crate::host) fn of(images: &Images) -> Self {
        let (rows, cols, count) = (images.rows, images.cols, images.count);
        let (mut sides, mut in_the_middle, mut borders) = (vec![0; rows.max(cols) + 1], [0; 2], [0; 2]);
        let (mut means, mut deviations) = ([u8::MAX, 0], [u8::MAX, 0]);
        for image in (0..count).filter_map(|i| images.image(i)) {
            let [mean, deviation] = moments(image);
            means = [means[0].min(mean), means[1].max(mean)];
            deviations = [deviations[0].min(deviation), deviations[1].max(deviation)];
            if let Some(dark) = has_dark_border(image, cols) {
                borders[usize::from(dark)] += 1;
            }
            if let Some((side, is_middle)) = drawn(image, cols) {
                sides[side] += 1;
                in_the_middle.iter_mut().zip(is_middle).for_each(|(n, is_middle)| *n += usize::from(is_middle));
            }
        }
        let is_nearly_all = |n: usize| n as f64 >= NEARLY * count as f64;
        let side = (0..sides.len()).max_by_key(|&side| sides[side]).unwrap_or(0);
        let alike = sides[side.saturating_sub(1)..sides.len().min(side + 2)].iter().sum();
        // What fills its image, as clothes of Fashion-MNIST do, is not framed.
        let is_framed = is_nearly_all(alike) && 8 * side <= 7 * rows.min(cols);
        let [by_mass, by_box] = in_the_middle.map(is_nearly_all);
        let frame = (is_framed && (by_mass || by_box)).then_some(Frame { side: side as u16, by_mass });
        let dark_border = [true, false].into_iter().find(|&dark| is_nearly_all(borders[usize::from(dark)]));
        Self { frame, dark_border, means, deviations }
    }

    /// What tells an image from those of the training, if anything does: a mean or a deviation out of their range by more than a
    /// quarter of it.
    pub(in crate::host) fn differs(&self, image: &[u8]) -> Option<String> {
        let names = ["mean brightness", "contrast (standard deviation)"];
        let ranges = [self.means, self.deviations];
        let found = names.iter().zip(ranges).zip(moments(image)).find(|&((_, [low, high]), level)| {
            let slack = ((high - low) / 4).max(16);
            !(low.saturating_sub(slack)..=high.saturating_add(slack)).contains(&level)
        });
        let ((name, [low, high]), level) = found?;
        Some(format!("its {name} is {level} of 255, that of the training images {low} to {high}"))
    }
}

/// Mean and standard deviation, rounded.
fn moments(image: &[u8]) -> [u8; 2] {
    let n = image.len() as f64;
    let mean = image.iter().map(|&p| f64::from(p)).sum::<f64>() / n;
    let variance = image.iter().map(|&p| (f64::from(p) - mean) * (f64::from(p) - mean)).sum::<f64>() / n;
    [mean, variance.sqrt()].map(|level| level.round() as u8)
}

/// Whether the outermost ring of pixels is darker than those inside, in the mean; none where both are equal.
pub(in crate::host) fn has_dark_border(image: &[u8], cols: usize) -> Option<bool> {
    let [mut border, mut inside] = [(0, 0); 2];
    for (i, &pixel) in image.iter().enumerate() {
        let (sum, count) = if is_border(i, cols, image.len()) { &mut border } else { &mut inside };
        *sum += u64::from(pixel);
        *count += 1;
    }
    // The means compared without a division, which could be by zero.
    let [border, inside] = [border.0 * inside.1, inside.0 * border.1];
    (border != inside).then_some(border < inside)
}

/// The longest side of what is brighter than half the brightest pixel, and whether its centre of mass and that of its box are
/// in the middle, by a pixel; none in a black image.
fn drawn(image: &[u8], cols: usize) -> Option<(usize, [bool; 2])> {
    let half = image.iter().max()?.div_ceil(2).max(1);
    let bright = image.iter().enumerate().filter(|&(_, &pixel)| pixel >= half).map(|(i, _)| [i / cols, i % cols]);
    let area = Area::bounding(bright)?;
    let is_middle = |[y, x]: [f64; 2]| {
        let off = [y - (image.len() / cols) as f64 / 2.0, x - cols as f64 / 2.0];
        off.iter().all(|off| off.abs() <= 1.0)
    };
    let by_box = [area.top as f64 + area.height as f64 / 2.0, area.left as f64 + area.width as f64 / 2.0];
    Some((area.longest(), [is_middle(centre(image.iter().copied(), cols)?), is_middle(by_box)]))
}

#[cfg(test)]
mod tests;
