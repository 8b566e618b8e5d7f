//! Learning rates against torch's and against formulas in double precision.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::cases;
use core::f64::consts::PI;
use cygnet::Error;
use cygnet::average::Snapshots;
use cygnet::error::Setting;
use cygnet::schedule::{Anneal, Decay, Schedule, Shape};
use proptest::prelude::*;

/// Relative to the largest rate of a schedule: a fraction, a cosine and three products are rounded.
const TOLERANCE: f64 = 1e-6;

fn check(name: &str, step: u64, ours: f32, exact: f64, largest: f64) {
    assert!((f64::from(ours) - exact).abs() <= TOLERANCE * largest, "{name}, step {step}: {ours} {exact}");
}

#[test]
fn rates_are_torchs() {
    let mut lines = 0;
    for line in include_str!("reference/schedules.tsv").lines().filter(|line| !line.starts_with('#')) {
        let [name, constants, rates] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let numbers = |text: &str| text.split(' ').map(|x| x.parse::<f64>().unwrap()).collect::<Vec<_>>();
        let (constants, rates) = (numbers(constants), numbers(rates));
        let shape = if name.ends_with("linear") { Shape::Linear } else { Shape::Cosine };
        let base = Schedule::constant(constants[0] as f32);
        // Averaging starts at some step of a longer run.
        let start = if name.starts_with("swalr") { 17 } else { 0 };
        let schedule = match (name.split(' ').next().unwrap(), &constants[1..]) {
            ("swalr", &[to, steps]) => {
                Schedule { anneal: Some(Anneal { start, steps: steps as u64, to: to as f32, shape }), ..base }
            }
            ("restarts", &[to, first, factor]) => {
                let decay = Decay::WarmRestarts { to: to as f32, first: first as u64, factor: factor as u32 };
                Schedule { decay, ..base }
            }
            ("one-cycle", &[from, to, rise, steps]) => {
                let [from, to] = [from, to].map(|rate| rate as f32);
                Schedule { decay: Decay::OneCycle { from, to, rise: rise as u64, steps: steps as u64, shape }, ..base }
            }
            _ => panic!("{line}"),
        };
        schedule.check().unwrap();
        let largest = rates.iter().fold(0.0_f64, |m, &rate| m.max(rate));
        for (step, &exact) in (start..).zip(&rates) {
            check(line, step, schedule.at(step), exact, largest);
        }
        if start > 0 {
            assert_eq!(schedule.at(start - 1), base.rate);
        }
        lines += 1;
    }
    assert_eq!(lines, 27);
}

/// A fraction of a whole, 1 past its end and where there is none.
fn share(step: u64, steps: u64) -> f64 {
    if step >= steps { 1.0 } else { step as f64 / steps as f64 }
}

/// Steps far beyond what a float counts, too.
fn steps() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..200, 1_000_000_u64..1_000_000_000_000, Just(0), Just(u64::MAX)]
}

fn rate() -> impl Strategy<Value = f32> {
    prop_oneof![Just(0.0_f32), 1e-6_f32..1.0]
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn closed_forms_are_the_definitions(
        (a, b, c) in (rate(), rate(), rate()),
        (n, rise) in (steps(), steps()),
        step in steps(),
        at in 0.0_f64..1.2,
        factor in 1_u32..4,
        shape in prop_oneof![Just(Shape::Linear), Just(Shape::Cosine)],
    ) {
        let [x, y, z] = [a, b, c].map(f64::from);
        // Anywhere, and within the schedule.
        for step in [step, (at * n as f64) as u64] {
            let schedule = |decay| Schedule { decay, ..Schedule::constant(a) };
            let lerp = |from: f64, to: f64, t: f64| (1.0 - t) * from + t * to;
            let curve = |t: f64| if shape == Shape::Linear { t } else { (1.0 - (PI * t).cos()) / 2.0 };
            let largest = x.max(y).max(z);
            let t = share(step, n);
            let (to, steps) = (b, n);
            check("linear", step, schedule(Decay::Linear { to, steps }).at(step), lerp(x, y, t), largest);
            let cosine = |t: f64| y + (x - y) * (1.0 + (PI * t).cos()) / 2.0;
            check("cosine", step, schedule(Decay::Cosine { to, steps }).at(step), cosine(t), largest);
            if n < 1 << 50 {
                let exact = if n == 0 { y } else { lerp(x, y, ((step as f64 / n as f64 - 0.5) / 0.4).clamp(0.0, 1.0)) };
                let ours = schedule(Decay::ConstantThenLinear { to, steps }).at(step);
                check("constant, then linear", step, ours, exact, largest);
            }
            if n > 0 {
                let ours = schedule(Decay::Cyclic { to, cycle: n }).at(step);
                check("cyclic", step, ours, lerp(x, y, (step % n + 1) as f64 / n as f64), largest);
                let (mut place, mut length) = (u128::from(step), u128::from(n));
                if factor == 1 {
                    place %= length;
                }
                while place >= length {
                    place -= length;
                    length *= u128::from(factor);
                }
                let ours = schedule(Decay::WarmRestarts { to, first: n, factor }).at(step);
                check("restarts", step, ours, cosine(place as f64 / length as f64), largest);
            }
            let ours = schedule(Decay::OneCycle { from: c, to, rise, steps: n, shape }).at(step);
            let exact = if step < rise {
                lerp(z, x, curve(share(step, rise)))
            } else {
                lerp(x, y, curve(share(step - rise, n.saturating_sub(rise))))
            };
            check("one-cycle", step, ours, exact, largest);
            // On top of any other, from its rate there.
            let base = schedule(Decay::Linear { to, steps });
            let annealed = Schedule { anneal: Some(Anneal { start: rise, steps: n, to: c, shape }), ..base };
            let exact = if step < rise {
                f64::from(base.at(step))
            } else {
                lerp(f64::from(base.at(rise)), z, curve(share(step - rise, n)))
            };
            check("anneal", step, annealed.at(step), exact, largest);
        }
    }

    #[test]
    fn a_cycles_last_step_has_the_lowest_rate_and_a_snapshot(cycle in 1_u64..50, turns in 1_u64..5) {
        let schedule = Schedule { decay: Decay::Cyclic { to: 0.01, cycle }, ..Schedule::constant(0.1) };
        let snapshots = Snapshots { start: cycle, every: cycle };
        for step in 0..turns * cycle {
            // The model after step i = step + 1.
            prop_assert_eq!(snapshots.due(step + 1), schedule.at(step) == 0.01);
        }
    }

    #[test]
    fn a_warm_up_goes_before_any(step in 0_u64..40, warmup in 0_u64..20) {
        let decay = Decay::WarmRestarts { to: 0.0, first: 6, factor: 2 };
        let plain = Schedule { decay, ..Schedule::constant(0.3) };
        let schedule = Schedule { warmup, ..plain };
        if step < warmup {
            check("warm-up", step, schedule.at(step), f64::from(0.3_f32) * (step + 1) as f64 / (warmup + 1) as f64, 0.3);
        } else {
            prop_assert_eq!(schedule.at(step), plain.at(step - warmup));
        }
    }
}

#[test]
fn rates_and_cycles_out_of_range_are_refused() {
    let with = |decay| Schedule { decay, ..Schedule::constant(0.1) }.check();
    for rate in [f32::NAN, -0.1, 2e9, f32::INFINITY] {
        assert_eq!(Schedule::constant(rate).check(), Err(Error::Setting(Setting::Rate)));
        assert_eq!(with(Decay::Linear { to: rate, steps: 5 }), Err(Error::Setting(Setting::Rate)));
        let shape = Shape::Linear;
        let cycle = Decay::OneCycle { from: rate, to: 0.1, rise: 1, steps: 2, shape };
        assert_eq!(with(cycle), Err(Error::Setting(Setting::Rate)));
        let anneal = Some(Anneal { start: 0, steps: 0, to: rate, shape });
        assert_eq!(Schedule { anneal, ..Schedule::constant(0.1) }.check(), Err(Error::Setting(Setting::Rate)));
    }
    assert_eq!(with(Decay::Cyclic { to: 0.0, cycle: 0 }), Err(Error::Setting(Setting::Cycle)));
    assert_eq!(with(Decay::WarmRestarts { to: 0.0, first: 0, factor: 1 }), Err(Error::Setting(Setting::Cycle)));
    assert_eq!(with(Decay::WarmRestarts { to: 0.0, first: 1, factor: 0 }), Err(Error::Setting(Setting::Cycle)));
    for factor in [f32::NAN, -0.1, 1.000_001, 10.0, f32::INFINITY] {
        assert_eq!(with(Decay::Step { factor, every: 5 }), Err(Error::Setting(Setting::Factor)));
    }
    let cycle = |rise| Decay::OneCycle { from: 0.0, to: 0.001, rise, steps: 9, shape: Shape::Linear };
    assert_eq!(
        [9, 10, 30].map(|rise| with(cycle(rise))),
        [Ok(()), Err(Setting::Rise), Err(Setting::Rise)].map(|r| r.map_err(Error::Setting))
    );
    assert_eq!((with(Decay::Constant), with(Decay::Step { factor: 1.0, every: 5 })), (Ok(()), Ok(())));
}
