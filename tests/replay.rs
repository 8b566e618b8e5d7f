//! `examples/replay.rs`: what a queue brings is learned without forgetting where a reservoir keeps samples of the past.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, dead_code)]

#[path = "../examples/replay.rs"]
mod replay;

use cygnet::host::data::Dataset;
use replay::{Setting, run, train_body};

#[test]
fn a_head_forgets_less_the_more_samples_are_kept() {
    let data = Dataset::sample().unwrap();
    let (train, test): (Vec<u32>, Vec<u32>) =
        ((0..data.train.len() as u32).collect(), (0..data.test.len() as u32).collect());
    let body = train_body(&data.train, &train, 1).unwrap();
    let [none, few, many] = [0, 50, 500].map(|kept| {
        let setting = Setting { kept, old: 16, rate: 0.05, seed: 1 };
        run(setting, &body, (&data.train, &train), (&data.test, &test)).unwrap()
    });
    // Before the second half all know the first classes; after it, one has forgotten them.
    assert!([none, few, many].iter().all(|run| run[0] < 10.0), "{none:?} {few:?} {many:?}");
    assert!(none[1] > 90.0 && few[1] < 60.0 && many[1] < few[1], "{none:?} {few:?} {many:?}");
    assert!(many[2] < 50.0, "the others are learned: {many:?}");
}
