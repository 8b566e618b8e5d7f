//! What everything is built on: one layer's weighted sums of rows, averages, checkpoints.
//!
//! `cargo bench --features std --bench primitives [-- FILTER]`

#![allow(missing_docs, clippy::expect_used)]

mod common;

use common::report::{Cost, Report};
use common::{Form, Learner, NET, Samples, aligned, dense_floats, sgd};
use cygnet::inputs::{compress, nonzeros};
use cygnet::metrics::softmax;
use cygnet::network::Math;
use cygnet::store::save;
use cygnet::{Activation, Averager, Spec, Targets};

const LAYER: Spec = Spec::new(784).dense(64, Activation::Identity);
const BATCH: usize = 32;

/// Rows of weights times inputs, summed: a single layer without activation.
fn layer(report: &mut Report, samples: &Samples) {
    let group = "layer 784-64, 32 samples";
    let lit = samples.lit(0..BATCH);
    let cost = Cost::forward(&LAYER, BATCH, lit);
    let mut listed = Learner::new(&LAYER, BATCH);
    let mut plain = Learner::without_lists(&LAYER, BATCH);
    for form in [Form::Floats, Form::Bytes, Form::Compressed] {
        let inputs = samples.inputs(form, 0..BATCH);
        report.time(group, &format!("{form:?}, lists"), cost, || listed.predict(inputs));
    }
    for form in [Form::Floats, Form::Bytes] {
        let inputs = samples.inputs(form, 0..BATCH);
        report.time(group, &format!("{form:?}, no lists"), cost, || plain.predict(inputs));
    }
    let inputs = dense_floats(BATCH * 784);
    let cost = Cost::forward(&LAYER, BATCH, BATCH * 784);
    report.time(group, "Floats, none zero", cost, || plain.predict(inputs.into()));
}

/// A network of a million parameters.
const MILLION: Spec = Spec::new(999).dense(1000, Activation::Identity);

/// A trained model brings a bound on its parameters along; a slice is looked through first.
fn averager(report: &mut Report) {
    for spec in [&NET, &MILLION] {
        let n = spec.param_len();
        let group = format!("averager, {n} parameters");
        let mut learner = Learner::without_lists(spec, 1);
        learner.train(dense_floats(spec.inputs()).into(), Targets::Classes(&[1]), &mut *sgd(spec));
        let mut model = learner.model;
        let mut averager = Averager::new(aligned(n));
        averager.update(&model).expect("parameters are finite");
        report.time(&group, "update", Cost::Stream(n), || averager.update(&model).expect("parameters are finite"));
        report.time(&group, "update from a slice", Cost::Stream(n), || {
            averager.update(model.params()).expect("parameters are finite")
        });
        {
            let mut compensated = Averager::new(aligned(n));
            compensated.compensate(aligned(n)).expect("as long");
            compensated.update(&model).expect("parameters are finite");
            let update = || compensated.update(&model).expect("parameters are finite");
            report.time(&group, "update, compensated", Cost::Stream(n), update);
        }
        report.time(&group, "in place of a model", Cost::Other, || {
            _ = averager.in_place_of(&mut model).expect("there is an average")
        });
    }
}

fn bytes(report: &mut Report, samples: &Samples) {
    let mut model = Learner::without_lists(&NET, 1).model;
    let bytes = aligned(NET.checkpoint_len());
    report.time("bytes", "checkpoint of 50,890", Cost::Other, || {
        save(&NET, model.params(), bytes).expect("parameters are finite");
    });
    report.time("bytes", "checkpoint read", Cost::Other, || {
        cygnet::store::load(bytes, model.params_mut()).expect("just written");
    });
    let images = aligned(1000 * 784);
    images.iter_mut().zip(&samples.floats[..1000 * 784]).for_each(|(byte, x)| *byte = (x * 255.0) as u8);
    let (starts, places) = (aligned(1001), nonzeros(images));
    let (positions, values) = (aligned(places), aligned(places));
    report.time("bytes", "compress 1,000 images", Cost::Other, || {
        compress(images, 784, starts, positions, values).expect("lengths are exact");
    });
    let logits = aligned(10);
    report.time("bytes", "softmax of 10", Cost::Other, || {
        logits.iter_mut().zip(0u8..).for_each(|(z, j)| *z = f32::from(j) - 5.0);
        softmax(logits, Math::Libm);
    });
}

fn main() {
    let mut report = Report::new();
    let samples = Samples::embedded();
    layer(&mut report, &samples);
    averager(&mut report);
    bytes(&mut report, &samples);
    report.finish();
}
