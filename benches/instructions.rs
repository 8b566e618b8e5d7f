//! Fixed works for valgrind to count the instructions of: `.ci/instructions` runs this and compares with
//! `benches/instructions.tsv`.
//!
//! Each work runs once to warm up and once inside [`counted`], the only function in which callgrind collects. Valgrind
//! has no AVX-512, so all of them run the AVX2 kernels.

#![allow(missing_docs, clippy::expect_used)]

mod common;

use common::{DROPOUT, Form, Learner, NET, Samples, adam, aligned, dense_floats, sgd};
use cygnet::kernels::{Isa, isa};
use cygnet::metrics::Score;
use cygnet::store::save;
use cygnet::{Averager, Gradient, Targets};

const BATCH: usize = 32;

/// Callgrind collects from entry to return and writes one dump a call.
#[inline(never)]
fn counted(work: &mut dyn FnMut()) {
    work();
}

fn count(name: &str, mut work: impl FnMut()) {
    work();
    counted(&mut work);
    println!("{name}");
}

fn force_avx2() -> bool {
    #[cfg(target_arch = "x86_64")]
    return cygnet::kernels::force(Isa::Avx2) && isa() == Isa::Avx2;
    #[cfg(not(target_arch = "x86_64"))]
    false
}

fn prediction(samples: &Samples) {
    let mut learner = Learner::new(&NET, BATCH);
    let compressed = samples.inputs(Form::Compressed, 0..BATCH);
    count("predict 32, compressed, lists", || _ = learner.predict(compressed));
    let floats = samples.inputs(Form::Floats, 0..BATCH);
    count("predict 32, floats, lists", || _ = learner.predict(floats));
    let mut learner = Learner::without_lists(&NET, BATCH);
    count("predict 32, floats, no lists", || _ = learner.predict(floats));
    let none_zero = dense_floats(BATCH * 784);
    count("predict 32, floats, none zero", || _ = learner.predict(none_zero.into()));
    let one = samples.inputs(Form::Floats, 0..1);
    count("predict 1, floats", || _ = learner.predict(one));
    let (inputs, targets) = (samples.inputs(Form::Compressed, 0..256), samples.targets(0..256));
    let Learner { model, mut work } = Learner::new(&NET, BATCH);
    count("evaluate 256, compressed", || {
        model.evaluate(inputs, targets, &mut Score::default(), &mut work).expect("sound samples");
    });
}

fn training(samples: &Samples) {
    let targets = samples.targets(0..BATCH);
    let compressed = samples.inputs(Form::Compressed, 0..BATCH);
    let bytes = samples.inputs(Form::Bytes, 0..BATCH);
    let floats = samples.inputs(Form::Floats, 0..BATCH);
    let Learner { model, mut work } = Learner::new(&NET, BATCH);
    let mut gradient = Gradient::new(&NET, aligned(NET.param_len())).expect("the length is exact");
    count("gradient of 32, compressed", || {
        model.accumulate(compressed, targets, &mut gradient, &mut work).expect("a sound batch");
    });
    for (name, inputs) in [("compressed", compressed), ("bytes", bytes), ("floats", floats)] {
        let (mut learner, mut sgd) = (Learner::new(&NET, BATCH), sgd(&NET));
        count(&format!("SGD step of 32, {name}, lists"), || _ = learner.train(inputs, targets, &mut *sgd));
    }
    let (mut learner, mut sgd) = (Learner::without_lists(&NET, BATCH), sgd(&NET));
    count("SGD step of 32, floats, no lists", || _ = learner.train(floats, targets, &mut *sgd));
    let none_zero = dense_floats(BATCH * 784);
    count("SGD step of 32, floats, none zero", || _ = learner.train(none_zero.into(), targets, &mut *sgd));
    let (mut learner, mut adam_) = (Learner::new(&NET, BATCH), adam(&NET));
    count("Adam step of 32, compressed, lists", || _ = learner.train(compressed, targets, &mut *adam_));
    let (mut learner, mut adam_) = (Learner::new(&DROPOUT, BATCH), adam(&DROPOUT));
    count("Adam step of 32, dropout", || _ = learner.train(compressed, targets, &mut *adam_));
}

fn averages_and_bytes() {
    let n = NET.param_len();
    let mut learner = Learner::without_lists(&NET, 1);
    learner.train(dense_floats(784).into(), Targets::Classes(&[1]), &mut *sgd(&NET));
    let mut model = learner.model;
    let mut averager = Averager::new(aligned(n));
    averager.update(&model).expect("parameters are finite");
    count("averager update", || _ = averager.update(&model).expect("parameters are finite"));
    count("averager update from a slice", || _ = averager.update(model.params()).expect("parameters are finite"));
    count("averager in place of a model", || _ = averager.in_place_of(&mut model).expect("there is an average"));
    let bytes = aligned(NET.checkpoint_len());
    count("checkpoint save", || save(&NET, model.params(), bytes).expect("parameters are finite"));
}

fn main() {
    if !std::env::args().any(|argument| argument == "--count") {
        eprintln!("instructions: run by .ci/instructions");
        return;
    }
    if !force_avx2() {
        eprintln!("instructions: no AVX2 here, so the kernels that the baseline counts cannot run");
        std::process::exit(1);
    }
    let samples = Samples::embedded();
    prediction(&samples);
    training(&samples);
    averages_and_bytes();
}
