//! What the core can do at most, measured in the same run: one multiplication and one addition a term, each rounded as
//! in the arithmetic contract (a fused peak would be no limit of ours), and the traffic of `a += s·(b − a)`.
//!
//! Both loops are compiled for the instruction set that the kernels use. Ceilings are the best of many short runs.

#![allow(unsafe_code)]

use super::{aligned, dense_floats};
use cygnet::kernels::{Isa, isa};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// `a ← a·factor + term` over `R` independent registers, which hides the latency of both operations.
#[inline(always)]
fn multiply_add<const W: usize, const R: usize>(rounds: usize) {
    let (factor, term) = (black_box(0.999_f32), black_box(0.001_f32));
    let mut tile = black_box([[1.0; W]; R]);
    for _ in 0..rounds {
        for a in tile.as_flattened_mut() {
            *a = *a * factor + term;
        }
    }
    black_box(tile);
}

/// `a += s·(b − a)`: 12 bytes an element, two reads and a write.
#[inline(always)]
fn stream(a: &mut [f32], b: &[f32], s: f32) {
    for (a, &b) in a.iter_mut().zip(b) {
        *a += s * (b - *a);
    }
}

#[cfg(target_arch = "x86_64")]
mod compiled {
    #[target_feature(enable = "avx2")]
    pub(super) fn multiply_add_avx2(rounds: usize) {
        super::multiply_add::<8, 12>(rounds);
    }
    #[target_feature(enable = "avx512f,avx512vl,avx2")]
    pub(super) fn multiply_add_avx512(rounds: usize) {
        super::multiply_add::<16, 24>(rounds);
    }
    #[target_feature(enable = "avx2")]
    pub(super) fn stream_avx2(a: &mut [f32], b: &[f32], s: f32) {
        super::stream(a, b, s);
    }
    #[target_feature(enable = "avx512f,avx512vl,avx2")]
    pub(super) fn stream_avx512(a: &mut [f32], b: &[f32], s: f32) {
        super::stream(a, b, s);
    }
}

/// Runs the multiply-add loop and returns its operations.
fn multiply_add_rounds(rounds: usize) -> f64 {
    #[cfg(target_arch = "x86_64")]
    match isa() {
        Isa::Avx512 => {
            // SAFETY: `isa` answers `Avx512` only where AVX-512F, AVX-512VL and AVX2 were found present.
            unsafe { compiled::multiply_add_avx512(rounds) };
            return (2 * 16 * 24 * rounds) as f64;
        }
        Isa::Avx2 => {
            // SAFETY: `isa` answers `Avx2` only where AVX2 was found present.
            unsafe { compiled::multiply_add_avx2(rounds) };
            return (2 * 8 * 12 * rounds) as f64;
        }
        _ => {}
    }
    multiply_add::<4, 12>(rounds);
    (2 * 4 * 12 * rounds) as f64
}

fn stream_once(a: &mut [f32], b: &[f32], s: f32) {
    #[cfg(target_arch = "x86_64")]
    match isa() {
        // SAFETY: `isa` answers `Avx512` only where AVX-512F, AVX-512VL and AVX2 were found present.
        Isa::Avx512 => return unsafe { compiled::stream_avx512(a, b, s) },
        // SAFETY: `isa` answers `Avx2` only where AVX2 was found present.
        Isa::Avx2 => return unsafe { compiled::stream_avx2(a, b, s) },
        _ => {}
    }
    stream(a, b, s);
}

/// Shortest of as many runs as fit into 0.3 s, at least 20.
fn shortest(mut run: impl FnMut()) -> f64 {
    let (begin, mut best, mut runs) = (Instant::now(), Duration::MAX, 0);
    while runs < 20 || begin.elapsed() < Duration::from_millis(300) {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed());
        runs += 1;
    }
    best.as_secs_f64()
}

/// Operations a second, multiplications and additions alike.
pub(crate) fn peak() -> f64 {
    const ROUNDS: usize = 20_000;
    let operations = multiply_add_rounds(1) * ROUNDS as f64;
    let seconds = shortest(|| {
        multiply_add_rounds(ROUNDS);
    });
    operations / seconds
}

/// Bytes a second of `a += s·(b − a)` over `n` elements that the cache holds as far as it can.
pub(crate) fn bandwidth(n: usize) -> f64 {
    let (a, b) = (aligned(n), dense_floats(n));
    let repeats = (1_000_000 / n).max(1);
    let seconds = shortest(|| {
        for _ in 0..repeats {
            stream_once(black_box(a), black_box(b), black_box(0.01));
        }
    });
    (12 * n * repeats) as f64 / seconds
}

/// The instruction set that the kernels and the ceilings use.
pub(crate) fn name() -> &'static str {
    match isa() {
        Isa::Avx512 => "AVX-512",
        Isa::Avx2 => "AVX2",
        Isa::Baseline => "baseline",
        Isa::Scalar => "scalar",
        _ => "another",
    }
}
