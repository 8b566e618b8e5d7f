//! One prediction, one step, one epoch, one averaging of 784-64-10 on the embedded sample.
//!
//! `cargo bench --features std`

#![allow(missing_docs, clippy::expect_used)]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use cygnet::host::mnist::Dataset;
use cygnet::{
    Activation, Adam, AdamConfig, Averager, Init, Model, Optimizer, Sgd, SgdConfig, Spec, Targets, Workspace,
};

const NET: Spec = Spec::new(784).dense(64, Activation::Relu).dropout(0.5).dense(10, Activation::Identity);
const BATCH: usize = 32;

/// The embedded sample's training images as floats, with their classes.
fn samples() -> (Vec<f32>, Vec<u16>) {
    let data = Dataset::sample().expect("the embedded sample is whole");
    let n = data.train.len();
    let (mut x, mut y) = (vec![0.0; n * 784], vec![0; n]);
    let all: Vec<u32> = (0..n as u32).collect();
    data.train.fill(&all, &mut x, &mut y).expect("the lengths are exact");
    (x, y)
}

/// Times `run` over a fresh model with `optimizer`.
fn with_model(name: &str, samples: u64, c: &mut Criterion, mut run: impl FnMut(&mut Model<'_>, &mut dyn Optimizer)) {
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(samples)).sample_size(20);
    let mut params = vec![0.0; NET.param_len()];
    let mut model = Model::new(&NET, &mut params).expect("lengths are exact");
    model.init(Init::He, 1).expect("He has no setting");
    let mut moments = vec![0.0; 2 * NET.param_len()];
    let mut sgd = Sgd::new(SgdConfig::default(), &NET, &mut []).expect("plain SGD has no state");
    group.bench_function("sgd", |b| b.iter(|| run(&mut model, &mut sgd)));
    let mut adam = Adam::new(AdamConfig::default(), &NET, &mut moments).expect("lengths are exact");
    group.bench_function("adam", |b| b.iter(|| run(&mut model, &mut adam)));
    group.finish();
}

fn training(c: &mut Criterion) {
    let (x, y) = samples();
    let mut floats = vec![0.0; NET.work_len(BATCH)];
    let mut work = Workspace::new(&NET, BATCH, &mut floats).expect("lengths are exact");
    with_model("step of 32", BATCH as u64, c, |model, optimizer| {
        let (x, y) = (&x[..BATCH * 784], &y[..BATCH]);
        model.train(x, Targets::Classes(y), optimizer, 1e-3, &mut work).expect("samples are finite");
    });
    with_model("epoch of 10,000", y.len() as u64, c, |model, optimizer| {
        for (x, y) in x.chunks(BATCH * 784).zip(y.chunks(BATCH)) {
            model.train(x, Targets::Classes(y), optimizer, 1e-3, &mut work).expect("samples are finite");
        }
    });
}

fn prediction(c: &mut Criterion) {
    let (x, _) = samples();
    let mut params = vec![0.0; NET.param_len()];
    let mut model = Model::new(&NET, &mut params).expect("lengths are exact");
    model.init(Init::He, 1).expect("He has no setting");
    let mut floats = vec![0.0; NET.predict_len(BATCH)];
    let mut work = Workspace::for_prediction(&NET, BATCH, &mut floats).expect("lengths are exact");
    for n in [1, BATCH] {
        let mut group = c.benchmark_group("prediction");
        group.throughput(Throughput::Elements(n as u64));
        group.bench_function(format!("{n} samples"), |b| {
            b.iter(|| model.predict(&x[..n * 784], &mut work).expect("samples are finite")[0]);
        });
        group.finish();
    }
}

fn averaging(c: &mut Criterion) {
    for n in [50_890, 1_000_000] {
        let mut group = c.benchmark_group("averager");
        group.throughput(Throughput::Bytes(12 * n as u64));
        let params = vec![0.5; n];
        let mut mean = vec![0.0; n];
        let mut averager = Averager::new(&mut mean);
        averager.update(&params).expect("parameters are finite");
        group.bench_function(format!("{n} parameters"), |b| {
            b.iter_batched(|| (), |()| averager.update(&params).expect("parameters are finite"), BatchSize::SmallInput);
        });
        group.finish();
    }
}

criterion_group!(benches, training, prediction, averaging);
criterion_main!(benches);
