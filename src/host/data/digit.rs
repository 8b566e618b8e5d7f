//! A digit in a photograph, cut out, scaled and centred as the makers of MNIST did.
//!
//! 1. The picture is scaled to [`SIDE`] pixels. Paper is the median of a pixel's neighbourhood, half the picture wide, in
//!    each colour; contrast is the largest distance from it, whichever of both is brighter. So uneven light, coloured ink
//!    and chalk on a blackboard are all the same.
//! 2. Ink has at least half the mean contrast of what Otsu's threshold sets apart, which leaves out the lines of ruled
//!    paper. The digit is the connected ink with most contrast, rather inside the picture than at its border, and what
//!    lies close to it.
//! 3. Where it is small, the same is done again in its surroundings alone.
//! 4. Its box is scaled to a longest side of 20 pixels (of MNIST) with its aspect kept, and its centre of mass moved
//!    to the centre of the image.

use super::appearance::Frame;
use super::image::{Area, centre, is_border, place, resize};
use super::picture::Picture;
use crate::host::prelude::*;

/// Longest side of the picture that is searched, pixels.
const SIDE: usize = 128;
/// Times that the search looks closer.
const LOOKS: usize = 3;
/// The least contrast of ink, of 255, and how many times that of paper.
const FAINT: u32 = 16;
const NOISE: u32 = 3;
/// Darker paper counts as if it was so bright.
const DARK: u8 = 128;

/// The digit as an image of `size`, rows and columns of bytes of gray, white on black, scaled and centred as `frame` says;
/// none on blank paper.
pub(in crate::host) fn centred(picture: &Picture, size: [usize; 2], frame: Frame) -> Option<Vec<u8>> {
    let mut area = Area { left: 0, top: 0, width: picture.width, height: picture.height };
    for look in 1.. {
        let ink = Ink::within(picture, area)?;
        let scale = area.longest() as f64 / ink.longest() as f64;
        let (found, whole) = (ink.found.longest(), ink.longest());
        if look == LOOKS || 3 * found >= whole || whole == area.longest() && look > 1 {
            return Some(ink.drawn(size, frame));
        }
        area = area.around(ink.found, scale, ink.margin);
    }
    None
}

/// What is drawn in a part of a picture.
struct Ink {
    width: usize,
    /// How much of each pixel it covers, of 255.
    cover: Vec<[u8; 1]>,
    /// Pixels around the picture.
    margin: usize,
    /// Where it is.
    found: Area,
}

/// Pixels that touch each other.
struct Blob {
    pixels: Vec<usize>,
    /// Sum of their contrast.
    mass: u64,
    bounds: Area,
}

impl Ink {
    /// The digit in an area of a picture.
    fn within(picture: &Picture, area: Area) -> Option<Self> {
        let scale = (SIDE as f64 / area.longest() as f64).min(1.0);
        let scaled = |side: usize| ((side as f64 * scale).round() as usize).max(1);
        let (height, across) = (scaled(area.height), scaled(area.width));
        let reach = across.max(height).div_ceil(4);
        let pixels = resize(&picture.pixels, picture.width, area, height, across);
        // With as much paper around it as a neighbourhood reaches.
        let paper = paper(&pixels, across);
        let margin = paper.map_or(0, |_| reach);
        let size @ [rows, width] = [height, across].map(|side| side + 2 * margin);
        let pixels = place(&pixels, across, [margin as isize; 2], size, paper.unwrap_or_default());
        let contrast = contrast(&pixels, width, reach);
        let strength = strength(&contrast)?;
        let blobs = blobs(&contrast, width, (strength / 2) as u8);
        let digit = digit(&blobs, width, rows, margin);
        // Soft edges are ink, too.
        let mut is_ink = vec![false; contrast.len()];
        for &i in digit.iter().flat_map(|blob| &blob.pixels) {
            neighbours(i, width, rows).for_each(|near| is_ink[near] = true);
        }
        let cover = |(&contrast, &is_ink): (&u8, &bool)| {
            let level = u32::from(contrast);
            let [low, high] = [strength * 3 / 20, strength * 17 / 20];
            [if is_ink { (level.saturating_sub(low) * 255 / (high - low)).min(255) as u8 } else { 0 }]
        };
        let cover: Vec<[u8; 1]> = contrast.iter().zip(&is_ink).map(cover).collect();
        let covered = cover.iter().enumerate().filter(|(_, cover)| cover[0] > 0).map(|(i, _)| [i / width, i % width]);
        let found = Area::bounding(covered)?;
        Some(Self { width, cover, margin, found })
    }

    fn longest(&self) -> usize {
        self.width.max(self.cover.len() / self.width) - 2 * self.margin
    }

    /// As an image.
    fn drawn(&self, [rows, cols]: [usize; 2], frame: Frame) -> Vec<u8> {
        let longest = usize::from(frame.side);
        let scale = longest as f64 / self.found.longest() as f64;
        let scaled = |side: usize| ((side as f64 * scale).round() as usize).clamp(1, longest);
        let (height, width) = (scaled(self.found.height), scaled(self.found.width));
        let mut small = resize(&self.cover, self.width, self.found, height, width);
        let most = small.iter().map(|&[cover]| cover).max().unwrap_or(0).max(1);
        small.iter_mut().for_each(|[cover]| *cover = (u32::from(*cover) * 255 / u32::from(most)) as u8);
        let by_box = [height as f64 / 2.0, width as f64 / 2.0].map(f64::floor);
        let by_mass = || centre(small.iter().map(|&[cover]| cover), width).unwrap_or_default().map(f64::round);
        // The centre of mass, rounded, is the pixel behind the middle, as in MNIST.
        let [y, x] = if frame.by_mass { by_mass() } else { by_box };
        let start = [(rows / 2) as isize - y as isize, (cols / 2) as isize - x as isize];
        place(&small, width, start, [rows, cols], [0]).into_flattened()
    }
}

/// How far the colours of each pixel are from those of the paper around it, of 255, in the colour where that is most.
///
/// Paper `q` is the median of the neighbourhood; `|p − q| / max(q, 255 − q)`, but no more than the pixel stands out
/// from its closing, where it is darker, or its opening, where it is brighter: a large shadow is not ink.
fn contrast(pixels: &[[u8; 3]], width: usize, reach: usize) -> Vec<u8> {
    let [mut dark, mut bright] = [vec![0_u8; pixels.len()], vec![0_u8; pixels.len()]];
    for colour in 0..3 {
        let plane: Vec<u8> = pixels.iter().map(|pixel| pixel[colour]).collect();
        let filled = extremes(&extremes(&plane, width, reach / 2, u8::max), width, reach / 2, u8::min);
        let flattened = extremes(&extremes(&plane, width, reach / 2, u8::min), width, reach / 2, u8::max);
        for (i, q) in medians(&plane, width, reach).into_iter().enumerate() {
            let p = plane[i];
            let (map, hat, most) = if p < q {
                (&mut dark, filled[i] - p, q.max(DARK))
            } else {
                (&mut bright, p - flattened[i], q.max(255 - q))
            };
            let distance = 255 * u32::from(p.abs_diff(q).min(hat)) / u32::from(most);
            map[i] = map[i].max(distance.min(255) as u8);
        }
    }
    let mass = |map: &[u8]| map.iter().map(|&level| u64::from(level).pow(3)).sum::<u64>();
    if mass(&dark) >= mass(&bright) { dark } else { bright }
}

/// The colour of the picture's border, if most of it has one.
fn paper(pixels: &[[u8; 3]], width: usize) -> Option<[u8; 3]> {
    let border = (0..pixels.len()).filter(|&i| is_border(i, width, pixels.len()));
    let border: Vec<[u8; 3]> = border.map(|i| pixels[i]).collect();
    let median = [0, 1, 2].map(|colour| {
        let mut levels: Vec<u8> = border.iter().map(|pixel| pixel[colour]).collect();
        levels.sort_unstable();
        levels[levels.len() / 2]
    });
    let is_even = |pixel: &&[u8; 3]| pixel.iter().zip(median).all(|(level, median)| level.abs_diff(median) <= 16);
    (border.iter().filter(is_even).count() * 10 >= border.len() * 6).then_some(median)
}

/// The largest or the smallest level of each pixel's neighbourhood, a square.
fn extremes(plane: &[u8], width: usize, reach: usize, of: fn(u8, u8) -> u8) -> Vec<u8> {
    // Along the rows, turned; twice that is the square.
    let half = |plane: &[u8], width: usize| {
        let rows = plane.len() / width;
        let near = |x: usize| x.saturating_sub(reach)..width.min(x + reach + 1);
        let level = |i: usize| {
            let row = &plane[i % rows * width..][..width];
            row[near(i / rows)].iter().copied().reduce(of).unwrap_or(0)
        };
        (0..plane.len()).map(level).collect::<Vec<u8>>()
    };
    half(&half(plane, width), plane.len() / width)
}

/// The median of each pixel's neighbourhood, a square.
fn medians(plane: &[u8], width: usize, reach: usize) -> Vec<u8> {
    let rows = plane.len() / width;
    let mut medians = Vec::with_capacity(plane.len());
    for y in 0..rows {
        let lines = y.saturating_sub(reach)..rows.min(y + reach + 1);
        let column = |x: usize| lines.clone().map(move |y| usize::from(plane[y * width + x]));
        // Levels of the window, and how many of its pixels are below `median`.
        let (mut count, mut below, mut median) = ([0_usize; 256], 0, 0);
        let mut end = 0;
        for x in 0..width {
            while end < width.min(x + reach + 1) {
                column(end).for_each(|level| {
                    count[level] += 1;
                    below += usize::from(level < median);
                });
                end += 1;
            }
            if let Some(gone) = x.checked_sub(reach + 1) {
                column(gone).for_each(|level| {
                    count[level] -= 1;
                    below -= usize::from(level < median);
                });
            }
            let half = lines.len() * (end - x.saturating_sub(reach)) / 2;
            while below > half {
                median -= 1;
                below -= count[median];
            }
            while below + count[median] <= half {
                below += count[median];
                median += 1;
            }
            medians.push(median as u8);
        }
    }
    medians
}

/// The mean contrast of ink; none where nothing stands out from the paper.
fn strength(contrast: &[u8]) -> Option<u32> {
    let mut count = [0_u64; 256];
    contrast.iter().for_each(|&level| count[usize::from(level)] += 1);
    let (all, total) = count.iter().enumerate().fold((0, 0), |(n, sum), (level, &c)| (n + c, sum + c * level as u64));
    let (mut below, mut sum, mut best) = (0, 0, (0.0, 0, 0));
    for (level, &c) in count.iter().enumerate() {
        below += c;
        sum += c * level as u64;
        let [low, high] = [(sum, below), (total - sum, all - below)].map(|(sum, n)| sum as f64 / n.max(1) as f64);
        // Otsu's threshold: the largest variance between both.
        let between = below as f64 * (all - below) as f64 * (high - low) * (high - low);
        if between > best.0 {
            best = (between, low as u32, high as u32);
        }
    }
    let (_, paper, ink) = best;
    (ink >= FAINT && ink >= NOISE * paper).then_some(ink)
}

/// The pixels of at least this contrast, those that touch each other together.
fn blobs(contrast: &[u8], width: usize, least: u8) -> Vec<Blob> {
    let rows = contrast.len() / width;
    let mut is_open: Vec<bool> = contrast.iter().map(|&level| level >= least).collect();
    let mut blobs = Vec::new();
    while let Some(first) = is_open.iter().position(|&is_open| is_open) {
        is_open[first] = false;
        let mut pixels = vec![first];
        let mut next = 0;
        while let Some(&i) = pixels.get(next) {
            next += 1;
            pixels.extend(neighbours(i, width, rows).filter(|&near| std::mem::take(&mut is_open[near])));
        }
        let mass = pixels.iter().map(|&i| u64::from(contrast[i])).sum();
        let bounds = Area::bounding(pixels.iter().map(|&i| [i / width, i % width]));
        blobs.extend(bounds.map(|bounds| Blob { pixels, mass, bounds }));
    }
    blobs
}

/// A pixel and those around it.
fn neighbours(i: usize, width: usize, rows: usize) -> impl Iterator<Item = usize> {
    let (y, x) = (i / width, i % width);
    let lines = y.saturating_sub(1)..rows.min(y + 2);
    lines.flat_map(move |y| (x.saturating_sub(1)..width.min(x + 2)).map(move |x| y * width + x))
}

/// The blob with most contrast and those that belong to it.
fn digit(blobs: &[Blob], width: usize, rows: usize, margin: usize) -> Vec<&Blob> {
    let is_cut = |blob: &Blob| {
        let Area { left, top, width: across, height } = blob.bounds;
        left.min(top) <= margin || left + across + margin >= width || top + height + margin >= rows
    };
    let rank = |blob: &&Blob| if is_cut(blob) { blob.mass / 50 } else { blob.mass };
    let Some(main) = blobs.iter().max_by_key(rank) else { return Vec::new() };
    let near = main.bounds.longest() / 4;
    let belongs = |blob: &&Blob| {
        std::ptr::eq(*blob, main)
            || main.bounds.gap(blob.bounds) <= near && blob.mass * 33 >= main.mass && (is_cut(main) || !is_cut(blob))
    };
    blobs.iter().filter(belongs).collect()
}
