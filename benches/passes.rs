//! Forward and backward passes, evaluation, and the latency of one sample, on 784-64-10.
//!
//! `cargo bench --features std --bench passes [-- FILTER]`

#![allow(missing_docs, clippy::expect_used)]

mod common;

use common::report::{Cost, Report};
use common::{DEEP, Form, Learner, NET, Samples, aligned};
use cygnet::host::data::Dataset;
use cygnet::host::evaluation::Evaluator;
use cygnet::metrics::Score;
use cygnet::{Gradient, Spec, Workspace};
use std::num::NonZeroUsize;

const BATCH: usize = 32;
const FORMS: [Form; 3] = [Form::Floats, Form::Bytes, Form::Compressed];

fn forward(report: &mut Report, samples: &Samples) {
    let cost = Cost::forward(&NET, BATCH, samples.lit_mean(BATCH));
    let mut learner = Learner::new(&NET, BATCH);
    for form in FORMS {
        let mut batches = samples.batches(BATCH).map(|range| samples.inputs(form, range));
        report.time("forward, 32 samples", &format!("{form:?}"), cost, || batches.next().map(|x| learner.predict(x)));
    }
}

/// Forward, loss, deltas and the gradient of every parameter, without a step; the backward pass is what this takes
/// beyond the forward pass above.
fn backward(report: &mut Report, samples: &Samples) {
    let cost = Cost::training(&NET, BATCH, samples.lit_mean(BATCH));
    let mut learner = Learner::new(&NET, BATCH);
    let mut gradient = Gradient::new(&NET, aligned(NET.param_len())).expect("the length is exact");
    for form in FORMS {
        let mut batches = samples.batches(BATCH);
        report.time("forward and backward, 32 samples", &format!("{form:?}"), cost, || {
            gradient.reset();
            let Learner { model, work } = &mut learner;
            let range = batches.next()?;
            let (inputs, targets) = (samples.inputs(form, range.clone()), samples.targets(range));
            Some(model.accumulate(inputs, targets, &mut gradient, work).expect("a sound batch").loss())
        });
    }
}

fn evaluation(report: &mut Report, samples: &Samples) {
    const AT_ONCE: usize = 64; // as the host
    let n = samples.len();
    let nets: [(&str, &'static Spec); 2] = [("784-64-10", &NET), ("784-256-128-10", &DEEP)];
    for (name, spec) in nets {
        let cost = Cost::forward(spec, n, samples.lit(0..n));
        let model = Learner::without_lists(spec, 1).model;
        let floats = aligned(spec.predict_len(AT_ONCE));
        let work = Workspace::for_prediction(spec, AT_ONCE, floats).expect("the length is exact");
        let (values, integers) = (aligned(spec.list_len(AT_ONCE)), aligned(spec.index_len(AT_ONCE)));
        let mut work = work.with_lists(spec, values, integers).expect("lengths are exact");
        for form in FORMS {
            let (inputs, targets) = (samples.inputs(form, 0..n), samples.targets(0..n));
            report.time_long(&format!("evaluate 10,000, {name}"), &format!("{form:?}"), cost, || {
                let mut total = Score::default();
                model.evaluate(inputs, targets, &mut total, &mut work).expect("sound samples");
                total.hits()
            });
        }
    }
}

/// The host's evaluation of 10,000 training samples on one thread and on two.
fn threads(report: &mut Report, samples: &Samples) {
    let data = Dataset::sample().expect("the embedded sample is whole");
    let params = Learner::without_lists(&NET, 1).model;
    let all: Vec<u32> = (0..data.train.len() as u32).collect();
    let cost = Cost::forward(&NET, all.len(), samples.lit(0..all.len()));
    for threads in [1, 2] {
        let threads = NonZeroUsize::new(threads).expect("not zero");
        let mut evaluator = Evaluator::with_threads(&NET, &data, threads).expect("the network fits the data");
        report.time_long("evaluate 10,000, 784-64-10, host", &format!("{threads} threads"), cost, || {
            evaluator.score(params.params(), &data.train, &all).expect("sound samples").hits()
        });
    }
}

/// A new sample each time, out of 64 that the cache holds: a sensor's sample is there too.
fn one_sample(report: &mut Report, samples: &Samples) {
    const IN_TURN: usize = 64;
    let cost = Cost::forward(&NET, 1, samples.lit(0..IN_TURN) / IN_TURN);
    let plain = || Learner::without_lists(&NET, 1);
    let mut time = |name: &str, form, mut learner: Learner| {
        let mut turns = (0..IN_TURN).cycle().map(|i| samples.inputs(form, i..i + 1));
        report.time("one sample", name, cost, || turns.next().map(|x| learner.predict(x)));
    };
    time("Floats", Form::Floats, plain());
    time("Bytes", Form::Bytes, plain());
    for form in FORMS {
        time(&format!("{form:?}, lists"), form, Learner::new(&NET, 1));
    }
}

fn main() {
    let mut report = Report::new();
    let samples = Samples::embedded();
    forward(&mut report, &samples);
    backward(&mut report, &samples);
    evaluation(&mut report, &samples);
    threads(&mut report, &samples);
    one_sample(&mut report, &samples);
    report.finish();
}
