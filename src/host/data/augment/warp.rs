//! An image seen through a map of its pixels: bilinear, in integers, black outside.

use super::field::Field;
use super::settings::Pose;
use crate::host::HostError;
use crate::host::memory::zeros;
use crate::host::prelude::*;
use crate::math::{cos, sin};
use core::ops::Range;

/// Bits behind the point of a coordinate.
const POINT: u32 = 16;
const ONE: i64 = 1 << POINT;
/// Half of the last bit that interpolation looks at, so that it rounds.
const HALF: i64 = ONE >> 9;
/// Pixels that are interpolated at once.
const TILE: usize = 16;

/// Coordinates in the source, x and y, of each pixel of the result.
#[derive(Clone, Copy, Debug)]
struct Map {
    /// Of the first pixel.
    first: [i64; 2],
    /// How they grow from pixel to pixel.
    right: [i64; 2],
    /// How they grow from row to row.
    down: [i64; 2],
}

impl Map {
    /// Where a pixel of the result comes from, for images of `rows` by `cols`.
    ///
    /// The image moves by `p ↦ c + t + z·R(θ)·S(h)·F·(p − c)` about its centre `c`, with `S` the shear and `F` the
    /// mirror; this is the inverse, `c + F·S(−h)·R(−θ)/z·(p − c − t)`.
    fn of(pose: &Pose, rows: usize, cols: usize) -> Self {
        let [sin, cos] = [sin(pose.angle), cos(pose.angle)].map(f64::from);
        let (size, shear) = (f64::from(pose.size), f64::from(pose.shear));
        let mirror = if pose.mirrored { -1.0 } else { 1.0 };
        let [right_x, down_x] = [mirror * (cos + shear * sin) / size, mirror * (sin - shear * cos) / size];
        let [right_y, down_y] = [-sin / size, cos / size];
        let (width, height) = (cols as f64, rows as f64);
        let [x, y] = [(width - 1.0) / 2.0, (height - 1.0) / 2.0];
        let [dx, dy] = pose.shift.map(f64::from);
        let (to_x, to_y) = (x + width * dx, y + height * dy);
        let fixed = |x: f64| (x * ONE as f64).round() as i64;
        Self {
            first: [x - right_x * to_x - down_x * to_y, y - right_y * to_x - down_y * to_y].map(fixed),
            right: [right_x, right_y].map(fixed),
            down: [down_x, down_y].map(fixed),
        }
    }
}

/// The memory to transform images of one size.
#[derive(Debug)]
pub(super) struct Warp {
    rows: usize,
    cols: usize,
    /// Which columns have ink.
    lit: Vec<u8>,
    /// The part with ink, with a frame of zeros.
    framed: Vec<u8>,
    /// For each place in it four neighbours, a byte each: top left in the lowest, then top right, bottom left and bottom
    /// right. One load instead of four; the last column and the last row are zero, for everything outside.
    grid: Vec<u32>,
}

impl Warp {
    pub(super) fn new(rows: usize, cols: usize) -> Result<Self, HostError> {
        let framed = (rows + 2) * (cols + 2);
        Ok(Self { rows, cols, lit: zeros(cols)?, framed: zeros(framed)?, grid: zeros(framed)? })
    }

    pub(super) fn pixels(&self) -> usize {
        self.rows * self.cols
    }

    /// `to[p] = image(map(p) + field(p))` with the map of the pose.
    pub(super) fn apply(&mut self, pose: &Pose, field: Option<&Field>, image: &[u8], to: &mut [u8]) {
        let map = &Map::of(pose, self.rows, self.cols);
        to.fill(0);
        let Some([across, along]) = self.ink(image) else { return };
        self.lay_out(image, &across, &along);
        let size = [across.len() as u32 + 2, along.len() as u32 + 2];
        // From now on coordinates count from the frame.
        let begin = |axis: usize, at: usize| map.first[axis] - (at as i64 - 1) * ONE + HALF;
        let mut start = [begin(0, across.start), begin(1, along.start)];
        let mut near = Near::new(&start, map, size, self.cols);
        let view = View { grid: &self.grid, size, step: map.right };
        for (row, to) in to.chunks_exact_mut(self.cols).enumerate() {
            if let Some(field) = field {
                view.show(start, to, field.row(row));
            } else {
                let range = near.next();
                let skipped = range.start as i64;
                let begin = [0, 1].map(|axis| start[axis] + skipped * map.right[axis]);
                to.get_mut(range).into_iter().for_each(|to| view.show(begin, to, core::iter::repeat([0; 2])));
            }
            [0, 1].into_iter().for_each(|axis| start[axis] += map.down[axis]);
        }
    }

    /// Columns and rows of the smallest part that holds all ink, if there is any.
    fn ink(&mut self, image: &[u8]) -> Option<[Range<usize>; 2]> {
        self.lit.fill(0);
        let mut rows: Option<Range<usize>> = None;
        for (i, row) in image.chunks_exact(self.cols).enumerate() {
            if is_dark(row) {
                continue;
            }
            self.lit.iter_mut().zip(row).for_each(|(lit, &pixel)| *lit |= pixel);
            rows = Some(rows.map_or(i, |rows| rows.start)..i + 1);
        }
        let first = self.lit.iter().position(|&lit| lit != 0)?;
        let last = self.lit.iter().rposition(|&lit| lit != 0)?;
        Some([first..last + 1, rows?])
    }

    /// Fills the grid.
    fn lay_out(&mut self, image: &[u8], across: &Range<usize>, along: &Range<usize>) {
        let width = across.len() + 2;
        let framed = &mut self.framed[..width * (along.len() + 2)];
        framed.fill(0);
        let ink = image.chunks_exact(self.cols).skip(along.start).take(along.len());
        for (line, row) in framed.chunks_exact_mut(width).skip(1).zip(ink) {
            line[1..width - 1].copy_from_slice(&row[across.clone()]);
        }
        let grid = &mut self.grid[..framed.len()];
        let lines = framed.chunks_exact(width);
        for ((to, top), bottom) in grid.chunks_exact_mut(width).zip(lines.clone()).zip(lines.skip(1)) {
            let top = top.iter().zip(&top[1..]);
            let bottom = bottom.iter().zip(&bottom[1..]);
            for ((to, (&a, &b)), (&c, &d)) in to.iter_mut().zip(top).zip(bottom) {
                *to = u32::from(a) | u32::from(b) << 8 | u32::from(c) << 16 | u32::from(d) << 24;
            }
            to[width - 1] = 0;
        }
        grid[width * (along.len() + 1)..].fill(0);
    }
}

/// Whether all bytes are zero, eight at once.
fn is_dark(bytes: &[u8]) -> bool {
    let (groups, tail) = bytes.as_chunks::<8>();
    groups.iter().fold(0, |any, &group| any | u64::from_ne_bytes(group)) == 0 && tail.iter().all(|&byte| byte == 0)
}

/// The part of each row, from the first on, whose coordinates are where there may be ink.
struct Near {
    /// Along each axis: where the part begins and ends, and how much further in the next row.
    edges: [[f64; 2]; 2],
    slopes: [f64; 2],
    cols: usize,
}

impl Near {
    /// For a frame of `size` places, and rows whose first coordinates are `start`.
    fn new(start: &[i64; 2], map: &Map, size: [u32; 2], cols: usize) -> Self {
        // A line that stays where it is counts as one that hardly moves; what that can make is within `low`.
        let step = map.right.map(|step| if step == 0 { 1.0 } else { step as f64 });
        let low = -((2 * HALF) as f64 + cols as f64);
        let edges = [0, 1].map(|axis| {
            let high = (i64::from(size[axis] - 1) << POINT) as f64 - low;
            let [a, b] = [low, high].map(|edge| (edge - start[axis] as f64) / step[axis]);
            [a.min(b), a.max(b)]
        });
        Self { edges, slopes: [0, 1].map(|axis| -map.down[axis] as f64 / step[axis]), cols }
    }

    /// The part of the next row; a pixel too many on each side is black.
    fn next(&mut self) -> Range<usize> {
        let [[x0, x1], [y0, y1]] = self.edges;
        for (edges, slope) in self.edges.iter_mut().zip(self.slopes) {
            edges.iter_mut().for_each(|edge| *edge += slope);
        }
        let last = self.cols as f64;
        let [start, end] = [x0.max(y0) - 1.0, x1.min(y1) + 2.0].map(|edge| edge.max(0.0).min(last));
        start as usize..end as usize
    }
}

/// A grid that lines of pixels are seen in.
struct View<'a> {
    grid: &'a [u32],
    size: [u32; 2],
    step: [i64; 2],
}

impl View<'_> {
    /// Writes the pixels of a line that begins at `begin`, each displaced a little, in 2⁻¹⁶ pixels.
    #[inline(always)]
    fn show(&self, begin: [i64; 2], to: &mut [u8], mut displaced: impl Iterator<Item = [i32; 2]>) {
        let ([width, height], [mut x, mut y]) = (self.size, begin);
        for to in to.chunks_mut(TILE) {
            let mut places = Places { four: [0; TILE], x: [0; TILE], y: [0; TILE] };
            let each = places.four.iter_mut().zip(&mut places.x).zip(&mut places.y);
            for (((four, part_x), part_y), [dx, dy]) in each.zip(&mut displaced).take(to.len()) {
                let (at_x, at_y) = (x + i64::from(dx), y + i64::from(dy));
                // What is negative becomes large: outside on either side is the last place, which is black.
                let column = ((at_x >> POINT) as u32).min(width - 1);
                let line = ((at_y >> POINT) as u32).min(height - 1);
                *four = self.grid.get((line * width + column) as usize).map_or(0, |&four| four);
                (*part_x, *part_y) = (at_x as u16, at_y as u16);
                x += self.step[0];
                y += self.step[1];
            }
            to.iter_mut().zip(places.blend()).for_each(|(to, pixel)| *to = pixel);
        }
    }
}

/// Some places in a grid.
struct Places {
    /// The neighbours of each.
    four: [u32; TILE],
    /// What stands behind the point of each coordinate.
    x: [u16; TILE],
    y: [u16; TILE],
}

impl Places {
    /// Bilinear with coordinates in 256ths, rounded, all in 16 bits.
    #[inline(always)]
    fn blend(&self) -> [u8; TILE] {
        let (top, bottom) = (self.four.map(|four| four as u16), self.four.map(|four| (four >> 16) as u16));
        let mut pixels = [0; TILE];
        let places = top.iter().zip(&bottom).zip(self.x.iter().zip(&self.y));
        for (pixel, ((&top, &bottom), (&x, &y))) in pixels.iter_mut().zip(places) {
            let (right, down) = (x >> 8, y & 0xff00);
            let side = |two: u16| (two & 255) * (256 - right) + (two >> 8) * right;
            let part = |side: u16| ((u32::from(side) * u32::from(down)) >> 16) as u16;
            let (top, bottom) = (side(top), side(bottom));
            *pixel = ((top - part(top) + part(bottom) + 128) >> 8) as u8;
        }
        pixels
    }
}
