//! A smooth random displacement of each pixel.

use super::settings::Elastic;
use crate::host::HostError;
use crate::host::memory::{Floats, zeros};
use crate::host::prelude::*;
use crate::kernels;
use crate::network::Math;
use crate::random::SampleDraws;

/// Blocks of draws that are used up before those of the field begin.
const FIRST_BLOCK: u32 = 2;
/// The longest side of an image.
const MAX_SIDE: usize = 4096;

/// Displacements along both axes for images of one size.
///
/// The Gaussian is separable, so that smoothing is `G·N·G'` with a band matrix for each direction: two products, by the
/// kernels of the network. Row by row, what concerns x stands before what concerns y.
#[derive(Debug)]
pub(super) struct Field {
    cols: usize,
    /// Columns for each axis in memory: whole registers of the kernels, those beyond `cols` zero.
    width: usize,
    /// `rows` by `rows`, times alpha, for noise in 2⁻¹⁵ and a result in 2⁻¹⁶ pixels.
    down: Floats,
    /// `width` by `width`.
    across: Floats,
    zeros: Floats,
    /// `rows` by 2 by `width`.
    noise: Floats,
    half: Floats,
    smooth: Floats,
    /// The same, whole.
    displaced: Vec<i32>,
}

impl Field {
    pub(super) fn new(elastic: Elastic, rows: usize, cols: usize) -> Result<Self, HostError> {
        // A side squared is the memory of a matrix.
        if rows.max(cols) > MAX_SIDE {
            let most = format!("elastic distortion needs images of at most {MAX_SIDE} pixels per side");
            return Err(HostError::Usage(format!("{most}, not {rows} x {cols}")));
        }
        let width = cols.next_multiple_of(16);
        let n = 2 * rows * width;
        Ok(Self {
            cols,
            width,
            down: band(elastic.sigma, 2.0 * elastic.alpha, rows)?,
            across: band(elastic.sigma, 1.0, width)?,
            zeros: Floats::zeros(2 * width)?,
            noise: Floats::zeros(n)?,
            half: Floats::zeros(n)?,
            smooth: Floats::zeros(n)?,
            displaced: zeros(n)?,
        })
    }

    /// Displacements of the pixels of a row, x and y, in 2⁻¹⁶ pixels.
    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = [i32; 2]> + '_ {
        let start = 2 * row * self.width;
        let (x, y) = self.displaced[start..start + 2 * self.width].split_at(self.width);
        x.iter().zip(y).map(|(&x, &y)| [x, y])
    }

    /// Draws a new field.
    pub(super) fn draw(&mut self, draws: &SampleDraws) {
        let Self { cols, width, down, across, zeros, noise, half, smooth, displaced, .. } = self;
        make_noise(draws, noise, *cols, *width);
        kernels::forward(down, noise.len() / (2 * *width), noise, zeros, half);
        kernels::forward(half, *width, across, &zeros[..*width], smooth);
        displaced.iter_mut().zip(&**smooth).for_each(|(to, &x)| *to = x as i32);
    }
}

/// Uniform noise in 2⁻¹⁵, from −1 to 1 without the ends: half a word for each pixel and axis.
fn make_noise(draws: &SampleDraws, noise: &mut [f32], cols: usize, width: usize) {
    let mut block = FIRST_BLOCK;
    for rows in noise.chunks_exact_mut(2 * width) {
        let (x, y) = rows.split_at_mut(width);
        for (x, y) in x[..cols].chunks_mut(4).zip(y[..cols].chunks_mut(4)) {
            for ((x, y), word) in x.iter_mut().zip(y).zip(draws.block(block)) {
                (*x, *y) = (f32::from(word as i16) + 0.5, f32::from((word >> 16) as i16) + 0.5);
            }
            block = block.wrapping_add(1);
        }
    }
}

/// `G[i][k] = scale·g(i − k)` for `n` places in a line, with a Gaussian `g` that sums to 1 over three standard deviations
/// on both sides and is 0 beyond.
fn band(sigma: f32, scale: f32, n: usize) -> Result<Floats, HostError> {
    let radius = (3.0 * sigma).ceil() as usize;
    let gaussian = |i: usize| {
        let x = i as f32 / sigma;
        if i > radius { 0.0 } else { Math::Libm.exp(-0.5 * x * x) }
    };
    let sum = gaussian(0) + 2.0 * (1..=radius).map(gaussian).sum::<f32>();
    let mut line: Vec<f32> = zeros(n)?;
    line.iter_mut().enumerate().for_each(|(i, weight)| *weight = scale * (gaussian(i) / sum));
    let mut matrix = Floats::zeros(n.saturating_mul(n))?;
    for (i, row) in matrix.chunks_exact_mut(n).enumerate() {
        row.iter_mut().enumerate().for_each(|(k, weight)| *weight = line[i.abs_diff(k)]);
    }
    Ok(matrix)
}
