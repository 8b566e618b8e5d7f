//! Training: one step, and epochs of 60,000 samples, which are the embedded sample's 10,000 six times.
//!
//! `cargo bench --features std --bench training [-- FILTER]`

#![allow(missing_docs, clippy::expect_used)]

mod common;

use common::report::{Cost, Report};
use common::{DEEP, DROPOUT, Form, Learner, NET, Samples, WIDE, adam, dense_floats, sgd};
use cygnet::Spec;
use cygnet::optim::Optimizer;

/// An optimizer for a network.
type Make = fn(&Spec) -> Box<dyn Optimizer>;
const OPTIMIZERS: [(&str, Make); 2] = [("SGD", sgd), ("Adam", adam)];

fn step(report: &mut Report, samples: &Samples) {
    const BATCH: usize = 32;
    let cost = Cost::training(&NET, BATCH, samples.lit_mean(BATCH));
    let mut time = |name: &str, form, mut learner: Learner, mut optimizer: Box<dyn Optimizer>| {
        let mut batches = samples.batches(BATCH);
        report.time("step, 784-64-10, 32 samples", name, cost, || {
            let range = batches.next()?;
            let (inputs, targets) = (samples.inputs(form, range.clone()), samples.targets(range));
            Some(learner.train(inputs, targets, &mut *optimizer))
        });
    };
    for (name, make) in OPTIMIZERS {
        for form in [Form::Floats, Form::Bytes, Form::Compressed] {
            time(&format!("{name}, {form:?}"), form, Learner::new(&NET, BATCH), make(&NET));
        }
    }
    time("SGD, Floats, no lists", Form::Floats, Learner::without_lists(&NET, BATCH), sgd(&NET));
    time("Adam, Compressed, dropout", Form::Compressed, Learner::new(&DROPOUT, BATCH), adam(&DROPOUT));
}

/// No input is zero, so nothing can be skipped: how near the dense loops come to the peak.
fn dense_step(report: &mut Report, samples: &Samples) {
    const BATCH: usize = 128;
    let (inputs, targets) = (dense_floats(BATCH * 784), samples.targets(0..BATCH));
    let cost = Cost::training(&WIDE, BATCH, inputs.len());
    for (name, make) in OPTIMIZERS {
        let (mut learner, mut optimizer) = (Learner::without_lists(&WIDE, BATCH), make(&WIDE));
        report.time_long("step, 784-800-800-10, 128 samples", &format!("{name}, none zero"), cost, || {
            learner.train(inputs.into(), targets, &mut *optimizer)
        });
    }
}

/// The compressed set, as the host trains.
fn epoch(report: &mut Report, samples: &Samples) {
    const TIMES: usize = 6;
    let nets: [(&str, &'static Spec, usize); 3] = [
        ("784-64-10, batch 32", &NET, 32),
        ("784-64-10, batch 128", &NET, 128),
        ("784-256-128-10, batch 64", &DEEP, 64),
    ];
    let n = samples.len();
    for (net, spec, batch) in nets {
        let cost = Cost::training(spec, TIMES * n, TIMES * samples.lit(0..n));
        for (name, make) in OPTIMIZERS {
            let (mut learner, mut optimizer) = (Learner::new(spec, batch), make(spec));
            report.time_long(&format!("epoch of 60,000, {net}"), name, cost, || {
                for first in (0..TIMES).flat_map(|_| (0..n).step_by(batch)) {
                    let range = first..n.min(first + batch);
                    let inputs = samples.inputs(Form::Compressed, range.clone());
                    learner.train(inputs, samples.targets(range), &mut *optimizer);
                }
            });
        }
    }
}

fn main() {
    let mut report = Report::new();
    let samples = Samples::embedded();
    step(&mut report, &samples);
    dense_step(&mut report, &samples);
    epoch(&mut report, &samples);
    report.finish();
}
