//! The measurement behind each threshold of `choose`: by how much the form that skips zeros is the faster one.
//!
//! `cargo test --release --features std --lib thresholds -- --ignored --nocapture`, on a quiet machine.

use super::*;
use std::time::{Duration, Instant};
use std::vec::Vec;
use std::{print, println, vec};

const SAMPLES: usize = 32;
const INPUTS: usize = 256;
/// Eighths of the coefficients that are not zero.
const EIGHTHS: [usize; 6] = [1, 2, 4, 5, 6, 8];

/// `n` coefficients, of which so many eighths are not zero, scattered.
fn coefficients(n: usize, eighths: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 29) as usize
    };
    (0..n).map(|_| if next() < eighths { 0.5 } else { 0.0 }).collect()
}

/// Time of `a` by that of `b`: the best of many short runs in turn.
fn ratio(mut a: impl FnMut(), mut b: impl FnMut()) -> f64 {
    let time = |f: &mut dyn FnMut()| {
        let start = Instant::now();
        (0..4).for_each(|_| f());
        start.elapsed()
    };
    let best = |best: Duration, now| if now < best { now } else { best };
    let runs = (0..100).map(|_| (time(&mut a), time(&mut b)));
    let (a, b) = runs.fold((Duration::MAX, Duration::MAX), |(x, y), (a, b)| (best(x, a), best(y, b)));
    b.as_secs_f64() / a.as_secs_f64()
}

/// A table of [`ratio`]s by the width of a layer and the share of its coefficients that are not zero.
fn table(title: &str, widths: &[usize], mut cell: impl FnMut(usize, usize) -> f64) {
    println!("\n{title}\noutputs{}", EIGHTHS.map(|e| std::format!("{e:>6}/8")).concat());
    for &width in widths {
        print!("{width:7}");
        EIGHTHS.iter().for_each(|&eighths| print!("{:8.2}", cell(width, eighths)));
        println!();
    }
}

#[test]
#[ignore = "a measurement: a minute, in a release build"]
fn thresholds() {
    println!("{:?}, {SAMPLES} samples, {INPUTS} inputs: time of the dense form by that of the one that skips", isa());
    let widths = [8, 16, 32, 48, 64, 96, 128, 256];
    let filled = |n| vec![0.5_f32; n];
    for samples in [2, 4, SAMPLES] {
        table(&std::format!("forward, {samples} samples"), &widths, |width, eighths| {
            let (x, w, bias) = (coefficients(samples * INPUTS, eighths), filled(INPUTS * width), filled(width));
            let (mut z1, mut z2) = (filled(samples * width), filled(samples * width));
            ratio(
                || dispatch::forward(&x, INPUTS, &w, &bias, &mut z1),
                || dispatch::forward_dense(&x, INPUTS, &w, &bias, &mut z2),
            )
        });
    }
    table("gradient", &widths, |width, eighths| {
        let (x, d) = (coefficients(SAMPLES * INPUTS, eighths), filled(SAMPLES * width));
        let (mut g1, mut g2) = (filled(INPUTS * width), filled(INPUTS * width));
        ratio(
            || dispatch::gradient_rows(&mut g1, &x, INPUTS, &d, width),
            || dispatch::gradient_dense(&mut g2, &x, INPUTS, &d, width),
        )
    });
    table("input gradient", &widths, |width, eighths| {
        let (e, w, d) = (coefficients(SAMPLES * INPUTS, eighths), filled(INPUTS * width), vec![1e-3; SAMPLES * width]);
        let (mut e1, mut e2) = (e.clone(), e.clone());
        // Products shrink: from the same slopes each time, which both copy.
        ratio(
            || {
                e1.copy_from_slice(&e);
                dispatch::input_gradient_active(&w, &d, width, &mut e1, INPUTS);
            },
            || {
                e2.copy_from_slice(&e);
                dispatch::input_gradient_dense(&w, &d, width, &mut e2, INPUTS);
            },
        )
    });
    table("lists", &widths, |width, eighths| {
        let (x, w, bias) = (coefficients(SAMPLES * INPUTS, eighths), filled(INPUTS * width), filled(width));
        let (mut z1, mut z2) = (filled(SAMPLES * width), filled(SAMPLES * width));
        let (mut starts, mut indices) = (vec![0; SAMPLES + 1], vec![0; SAMPLES * INPUTS + SLACK]);
        let mut values = filled(SAMPLES * INPUTS + SLACK);
        ratio(
            || {
                let mut lists = FloatListsMut { starts: &mut starts, indices: &mut indices, values: &mut values };
                list_floats(&x, INPUTS, &mut lists);
                forward_listed_floats(&lists.finish(), &w, &bias, &mut z1);
            },
            || dispatch::forward_dense(&x, INPUTS, &w, &bias, &mut z2),
        )
    });
}
