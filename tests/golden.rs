//! One fixed run of the whole crate and its hash, and a line with a hash of its own for whatever came later: the same on
//! every instruction set here, and on every target in `.ci/targets`.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "golden/src/averages.rs"]
mod averages;
mod common;
#[path = "golden/src/frozen.rs"]
mod frozen;
#[path = "golden/src/layer_norm.rs"]
mod layer_norm;
#[path = "golden/src/lines.rs"]
mod lines;
#[path = "golden/src/losses.rs"]
mod losses;
#[path = "golden/src/norms.rs"]
mod norms;
#[path = "golden/src/polynomial.rs"]
mod polynomial;
#[path = "golden/src/reservoir.rs"]
mod reservoir;
#[path = "golden/src/resume.rs"]
mod resume;
#[path = "golden/src/run.rs"]
mod run;
#[path = "golden/src/schedule_free_adam.rs"]
mod schedule_free_adam;
#[path = "golden/src/shapes.rs"]
mod shapes;
#[path = "golden/src/states.rs"]
mod states;
#[path = "golden/src/weights.rs"]
mod weights;

#[cfg(all(feature = "std", target_arch = "x86_64"))]
use cygnet::kernels::{Isa, force};
use cygnet::store::{Stored, Tag};
use cygnet::train::{BatchSize, GradientState};
use lines::LINES;
use run::{Memory, run};
use std::sync::Mutex;

/// Changes only with the arithmetic contract, which the changelog must say, or with the run itself.
const HASH: u64 = 0x0707_90e6_191d_e18c;

#[test]
fn the_golden_run_has_the_same_bits_everywhere() {
    static MEMORY: Mutex<Memory> = Mutex::new(Memory::new());
    let memory = &mut *MEMORY.lock().unwrap();
    check(memory, "as dispatched");
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    for isa in [Isa::Scalar, Isa::Baseline, Isa::Avx2, Isa::Avx512] {
        if force(isa) {
            check(memory, &format!("{isa:?}"));
            println!("x86-64, {isa:?}: {HASH:016x}");
            common::assert_ran(isa);
        } else {
            println!("x86-64, {isa:?}: SKIPPED, this processor lacks it");
        }
    }
}

/// The run and every line.
fn check(memory: &mut Memory, kernels: &str) {
    let found = run(memory).unwrap();
    assert_eq!(found, HASH, "{kernels}: {found:#018x}");
    for (name, line, expected) in LINES {
        let found = memory.line(*line).unwrap();
        assert_eq!(found, *expected, "{name}, {kernels}: {found:#018x}");
    }
}

/// `RENEW=1` on x86-64 writes the container of a new kind of run.
#[test]
fn the_run_is_stopped_with_the_bytes_of_x86_64() {
    let (mut scratch, mut bytes) = (vec![0.0; 4096], vec![0; resume::BYTES]);
    resume::segment(None, resume::STOP, &mut scratch, &mut bytes).unwrap();
    if cfg!(target_arch = "x86_64") && std::env::var_os("RENEW").is_some() {
        std::fs::write("tests/golden/samples/stopped.cygbox", &bytes).unwrap();
    } else {
        assert!(bytes == resume::STOPPED, "the container differs from tests/golden/samples/stopped.cygbox");
    }
    // In the middle of a batch that has grown.
    let mut stored = Stored::of(&bytes, &resume::KNOWN).unwrap();
    let gradient = GradientState::from_bytes(&stored.head(Tag::GRADIENT, 0).unwrap()).unwrap();
    let size = BatchSize::from_bytes(&stored.head(Tag::GROWTH, 0).unwrap()).unwrap();
    assert!(size.get() > 8 && (1..size.get()).contains(&gradient.score().samples()));
}

/// The chips have no loader: they run on a copy of the sample's first images.
#[cfg(feature = "std")]
#[test]
fn the_golden_runs_images_are_those_of_the_embedded_sample() {
    let set = cygnet::host::data::Dataset::sample().unwrap().train;
    let pixels = |i| set.image(i).unwrap();
    assert_eq!((0..run::LABELS.len()).flat_map(pixels).copied().collect::<Vec<_>>(), run::IMAGES);
    assert_eq!(set.labels()[..run::LABELS.len()], run::LABELS[..]);
}
