//! The averages that torch.optim.swa_utils makes, from `tests/reference/averages.py`, beside ours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use cygnet::Averager;
use cygnet::average::{Ema, Origin, Rule};

const PARAMS: usize = 50_890;
const SNAPSHOTS: u32 = 1_000;
/// Largest relative difference from torch's averages, whose gains and sums are rounded elsewhere.
const FROM_TORCH: f64 = 1e-6;
/// Both are the same formula in single precision; where a multiplication and an addition are fused decides the fifth digit
/// of their errors.
const SAME: f64 = 1.0002;

/// A kind of average: what torch has, and what we have.
struct Kind<'a> {
    name: &'a str,
    /// `1 − decay` in double precision, as torch takes it; none for the mean.
    gain: Option<f64>,
    torch_errors: [f64; 2],
    torchs: Vec<f32>,
    mean: Vec<f32>,
    compensated: Vec<f32>,
    lost: Vec<f32>,
    exact: Vec<f64>,
}

impl<'a> Kind<'a> {
    fn of_line(line: &'a str) -> Self {
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, largest, rms, bits] = fields[..] else { panic!("{line}") };
        let zeros = || vec![0.0; PARAMS];
        Self {
            name,
            gain: name.strip_prefix("ema ").map(|decay| 1.0 - decay.parse::<f64>().unwrap()),
            torch_errors: [largest, rms].map(|x| x.parse().unwrap()),
            torchs: bits.split(' ').map(|word| f32::from_bits(u32::from_str_radix(word, 16).unwrap())).collect(),
            mean: zeros(),
            compensated: zeros(),
            lost: zeros(),
            exact: vec![0.0; PARAMS],
        }
    }

    fn rule(&self) -> Rule {
        let ema = |gain| Rule::ema(Ema { origin: Origin::First, ..Ema::with_epsilon(gain as f32) });
        self.gain.map_or(Rule::mean(), ema)
    }
}

/// As in the script: every operation is exact.
fn snapshot(t: u32, w: &mut [f32]) {
    for (i, w) in (0_u32..).zip(w) {
        let mut x = i.wrapping_mul(2_654_435_761).wrapping_add(t.wrapping_mul(2_246_822_519));
        x ^= x >> 15;
        x = x.wrapping_mul(2_246_822_519);
        x ^= x >> 13;
        *w = (0.5 + f64::from(x >> 8) / 33_554_432.0 + f64::from(t) / 4096.0) as f32;
    }
}

/// Largest relative error and root of the mean square error.
fn errors(mean: &[f32], exact: &[f64]) -> [f64; 2] {
    let error = || mean.iter().zip(exact).map(|(&m, e)| f64::from(m) - e);
    let largest = error().zip(exact).map(|(d, e)| (d / e).abs()).fold(0.0, f64::max);
    [largest, (error().map(|d| d * d).sum::<f64>() / mean.len() as f64).sqrt()]
}

#[test]
fn averages_are_torchs_and_no_further_from_the_truth() {
    let table = include_str!("reference/averages.tsv");
    let mut kinds: Vec<Kind<'_>> = table.lines().filter(|l| !l.starts_with('#')).map(Kind::of_line).collect();
    assert_eq!(kinds.len(), 4);
    let mut averagers = Vec::new();
    for kind in &mut kinds {
        let rule = kind.rule();
        let plain = Averager::with_rule(rule, &mut kind.mean).unwrap();
        let mut better = Averager::with_rule(rule, &mut kind.compensated).unwrap();
        better.compensate(&mut kind.lost).unwrap();
        averagers.push((plain, better, kind.gain, &mut kind.exact));
    }
    let mut w = vec![0.0; PARAMS];
    for t in 0..SNAPSHOTS {
        snapshot(t, &mut w);
        for (plain, better, gain, exact) in &mut averagers {
            plain.update(&w).unwrap();
            better.update(&w).unwrap();
            let gain = gain.filter(|_| t > 0).unwrap_or(1.0 / f64::from(t + 1));
            exact.iter_mut().zip(&w).for_each(|(e, &w)| *e += (f64::from(w) - *e) * gain);
        }
    }
    drop(averagers);
    for Kind { name, torch_errors, torchs, mean, compensated, exact, .. } in &kinds {
        for (ours, torchs) in mean.iter().step_by(1000).zip(torchs) {
            let difference = f64::from(*ours) / f64::from(*torchs) - 1.0;
            assert!(difference.abs() <= FROM_TORCH, "{name}: {ours} {torchs}");
        }
        let (ours, best) = (errors(mean, exact), errors(compensated, exact));
        println!("{name}, largest relative and RMS error: {ours:?}, torch {torch_errors:?}, compensated {best:?}");
        for ((ours, best), torch) in ours.iter().zip(&best).zip(torch_errors) {
            assert!(*ours <= SAME * torch && *best <= 0.5 * torch, "{name}");
        }
    }
}
