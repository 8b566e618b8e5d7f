//! Pixels of a picture: a part of it in another size, an image on a canvas.

use crate::host::prelude::*;
use core::ops::Range;

/// A rectangle of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::host) struct Area {
    pub(in crate::host) left: usize,
    pub(in crate::host) top: usize,
    pub(in crate::host) width: usize,
    pub(in crate::host) height: usize,
}

impl Area {
    /// The smallest that holds all of these places, each a row and a column; none without places.
    pub(in crate::host) fn bounding(places: impl Iterator<Item = [usize; 2]>) -> Option<Self> {
        let wider = |[low, high]: [[usize; 2]; 2], [at, _]: [[usize; 2]; 2]| {
            [[low[0].min(at[0]), low[1].min(at[1])], [high[0].max(at[0]), high[1].max(at[1])]]
        };
        let [[top, left], [bottom, right]] = places.map(|at| [at, at]).reduce(wider)?;
        Some(Self { left, top, width: right + 1 - left, height: bottom + 1 - top })
    }

    /// Its longer side.
    pub(in crate::host) fn longest(self) -> usize {
        self.width.max(self.height)
    }

    /// How far another is from it, in pixels of the longer way.
    pub(in crate::host) fn gap(self, other: Self) -> usize {
        let between = |(a, a_len): (usize, usize), (b, b_len): (usize, usize)| {
            b.saturating_sub(a + a_len).max(a.saturating_sub(b + b_len))
        };
        let across = between((self.left, self.width), (other.left, other.width));
        across.max(between((self.top, self.height), (other.top, other.height)))
    }

    /// A part of this, found at `1/scale` of its size, with as much again around it.
    pub(in crate::host) fn around(self, part: Self, scale: f64, offset: usize) -> Self {
        let margin = part.longest() as f64 / 2.0;
        let side = |start: usize, len: usize, first: usize, all: usize| {
            let first = first as f64 - offset as f64;
            let low = (scale * (first - margin)).max(0.0) as usize;
            let high = ((scale * (first + len as f64 + margin)).ceil() as usize).min(all);
            (start + low, high - low)
        };
        let (left, width) = side(self.left, part.width, part.left, self.width);
        let (top, height) = side(self.top, part.height, part.top, self.height);
        Self { left, top, width, height }
    }
}

/// Whether pixel `i` of so many, in rows of `width`, is one of the outermost ring.
pub(in crate::host) fn is_border(i: usize, width: usize, pixels: usize) -> bool {
    i < width || i + width >= pixels || i.is_multiple_of(width) || (i + 1).is_multiple_of(width)
}

/// The centre of mass, row and column; none of what is black.
pub(in crate::host) fn centre(image: impl Iterator<Item = u8>, width: usize) -> Option<[f64; 2]> {
    let (mut mass, mut sums) = (0, [0; 2]);
    for (i, level) in image.enumerate() {
        mass += usize::from(level);
        sums[0] += i / width * usize::from(level);
        sums[1] += i % width * usize::from(level);
    }
    (mass > 0).then(|| sums.map(|sum| sum as f64 / mass as f64))
}

/// Puts an image on a canvas of `rows · cols` pixels with its first pixel at `[row, column]`, which may lie outside.
pub(in crate::host) fn place<const N: usize>(
    image: &[[u8; N]],
    width: usize,
    [top, left]: [isize; 2],
    [rows, cols]: [usize; 2],
    background: [u8; N],
) -> Vec<[u8; N]> {
    let mut canvas = vec![background; rows * cols];
    for (i, &pixel) in image.iter().enumerate() {
        let place = top.checked_add_unsigned(i / width).zip(left.checked_add_unsigned(i % width));
        let Some((Ok(y), Ok(x))) = place.map(|(y, x)| (usize::try_from(y), usize::try_from(x))) else { continue };
        if y < rows && x < cols {
            canvas[y * cols + x] = pixel;
        }
    }
    canvas
}

/// An area of a picture as `rows` by `cols` pixels: the mean over what a pixel covers where it shrinks, bilinear where it
/// grows.
///
/// `out[i][j] = Σ_y Σ_x v[i][y] · h[j][x] · p[y][x]` with the weights of [`window`].
pub(in crate::host) fn resize<const N: usize>(
    pixels: &[[u8; N]],
    width: usize,
    area: Area,
    rows: usize,
    cols: usize,
) -> Vec<[u8; N]> {
    let columns: Vec<_> = (0..cols).map(|j| window(j, area.width, cols)).collect();
    let mut out = Vec::with_capacity(rows * cols);
    for i in 0..rows {
        let (range, weights) = window(i, area.height, rows);
        let mut line = vec![[0.0; N]; area.width];
        for (row, weight) in pixels.chunks_exact(width).skip(area.top + range.start).zip(weights) {
            for (sums, pixel) in line.iter_mut().zip(&row[area.left..]) {
                sums.iter_mut().zip(pixel).for_each(|(sum, &level)| *sum += f32::from(level) * weight);
            }
        }
        out.extend(columns.iter().map(|(range, weights)| {
            let values = line.get(range.clone()).unwrap_or_default();
            let mut sums = [0.5; N];
            for (value, weight) in values.iter().zip(weights) {
                sums.iter_mut().zip(value).for_each(|(sum, x)| *sum += x * weight);
            }
            sums.map(|sum| sum as u8)
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
