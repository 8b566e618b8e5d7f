//! Samples as floats, as bytes and compressed, with and without lists: the same bits; and what is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use cygnet::error::{Buffer, Setting, Value};
use cygnet::inputs::{SparseSet, compress, nonzeros};
#[cfg(all(feature = "std", target_arch = "x86_64"))]
use cygnet::kernels::{Isa, force};
use cygnet::metrics::Score;
use cygnet::optim::AdamConfig;
use cygnet::{Activation, Adam, Error, Init, Inputs, Model, Spec, Targets, Workspace};

/// Wide enough for tiles of every width.
const NET: Spec =
    Spec::new(50).dense(150, Activation::Relu).dropout(0.3).dense(39, Activation::Relu).dense(3, Activation::Identity);
const SCALE: f32 = 1.0 / 255.0;
const SAMPLES: usize = 60;
/// More than a mask of the lists holds, and enough for panels of the dense loops.
const BATCH: usize = 70;

/// Bytes of which about `lit` of eight are not zero.
fn set(lit: u32) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 16
    };
    (0..SAMPLES * 50).map(|_| if next() % 8 < lit { next() as u8 } else { 0 }).collect()
}

struct Compressed {
    starts: Vec<u32>,
    positions: Vec<u16>,
    values: Vec<u8>,
}

impl Compressed {
    fn new(set: &[u8]) -> Self {
        let n = nonzeros(set);
        let mut c = Self { starts: vec![0; SAMPLES + 1], positions: vec![0; n], values: vec![0; n] };
        compress(set, 50, &mut c.starts, &mut c.positions, &mut c.values).unwrap();
        c
    }

    fn set(&self) -> SparseSet<'_> {
        SparseSet::new(50, &self.starts, &self.positions, &self.values, SCALE).unwrap()
    }
}

/// Trains 4 steps and evaluates; the bits of the parameters and the score.
fn run(lists: bool, mut inputs: impl FnMut(&[u32], &mut dyn FnMut(Inputs<'_>))) -> (Vec<u32>, Score) {
    let (mut params, mut moments) = (vec![0.0; NET.param_len()], vec![0.0; 2 * NET.param_len()]);
    let mut model = Model::new(&NET, &mut params).unwrap();
    model.init(Init::He, 1).unwrap();
    let mut adam = Adam::new(AdamConfig::default(), &NET, &mut moments).unwrap();
    let mut floats = vec![f32::NAN; NET.work_len(BATCH)];
    let (mut values, mut integers) = (vec![f32::NAN; NET.list_len(BATCH)], vec![u32::MAX; NET.index_len(BATCH)]);
    let mut work = Workspace::new(&NET, BATCH, &mut floats).unwrap();
    if lists {
        work = work.with_lists(&NET, &mut values, &mut integers).unwrap();
    }
    let mut score = Score::default();
    for step in 0..4_u32 {
        // Short batches too, and samples more than once.
        let pick: Vec<u32> = (0..BATCH as u32 - step % 3).map(|i| (step * 7 + i * i) % SAMPLES as u32).collect();
        let classes: Vec<u16> = pick.iter().map(|&i| (i % 3) as u16).collect();
        inputs(&pick, &mut |x| {
            model.train(x, Targets::Classes(&classes), &mut adam, 0.01, &mut work).unwrap();
        });
    }
    let all: Vec<u32> = (0..SAMPLES as u32).collect();
    let classes: Vec<u16> = all.iter().map(|&i| (i % 3) as u16).collect();
    inputs(&all, &mut |x| model.evaluate(x, Targets::Classes(&classes), &mut score, &mut work).unwrap());
    (model.params().iter().map(|p| p.to_bits()).collect(), score)
}

/// The hash of what training on inputs of which so many of eight are not zero ends with, in every kind of input.
fn hash_of_every_kind(lit: u32) -> u64 {
    let set = set(lit);
    let compressed = Compressed::new(&set);
    let floats = |pick: &[u32]| -> Vec<f32> {
        let row = |&i: &u32| set[i as usize * 50..][..50].iter().map(|&b| f32::from(b) * SCALE);
        pick.iter().flat_map(row).collect()
    };
    let expected = run(false, |pick, with| with(Inputs::floats(&floats(pick))));
    let all: Vec<u32> = (0..SAMPLES as u32).collect();
    let set_of_floats = floats(&all);
    for lists in [false, true] {
        assert!(run(lists, |pick, with| with(Inputs::floats(&floats(pick)))) == expected);
        assert!(run(lists, |pick, with| with(Inputs::picked(&set_of_floats, pick))) == expected);
        assert!(run(lists, |pick, with| with(Inputs::bytes(&set, SCALE, pick))) == expected);
    }
    assert!(run(true, |pick, with| with(Inputs::sparse(compressed.set(), pick))) == expected);
    let bytes = expected.0.iter().flat_map(|bits| bits.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// As `FINGERPRINT` in `training.rs`: sparse inputs, at the border of dense, dense.
const FINGERPRINTS: [(u32, u64); 3] =
    [(1, 0x46fe_caf8_c5c9_83d9), (4, 0x9cb5_b699_7cf2_a6dd), (7, 0x0ef4_3035_c610_06d2)];

#[test]
fn every_kind_of_input_on_every_instruction_set_gives_the_same_bits() {
    let compare = || {
        for (lit, expected) in FINGERPRINTS {
            let found = hash_of_every_kind(lit);
            assert_eq!(found, expected, "{found:#018x}");
        }
    };
    compare();
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    for isa in [Isa::Scalar, Isa::Baseline, Isa::Avx2, Isa::Avx512] {
        if force(isa) {
            compare();
            common::assert_ran(isa);
        }
    }
}

/// What training on `inputs` says, without lists.
fn refused(inputs: Inputs<'_>, samples: usize) -> Error {
    let (mut params, mut floats) = (vec![0.25; NET.param_len()], vec![0.0; NET.work_len(BATCH)]);
    let mut moments = vec![0.0; 2 * NET.param_len()];
    let mut adam = Adam::new(AdamConfig::default(), &NET, &mut moments).unwrap();
    let mut work = Workspace::new(&NET, BATCH, &mut floats).unwrap();
    let mut model = Model::new(&NET, &mut params).unwrap();
    let classes = vec![0; samples];
    let error = model.train(inputs, Targets::Classes(&classes), &mut adam, 0.01, &mut work).unwrap_err();
    assert_eq!(model.steps(), 0);
    assert!(params.iter().all(|&p| p == 0.25) && moments.iter().all(|&m| m == 0.0));
    error
}

#[test]
fn wrong_inputs_are_refused() {
    let set = set(2);
    let compressed = Compressed::new(&set);
    let bytes = |set, scale, pick| Inputs::bytes(set, scale, pick);
    assert_eq!(refused(bytes(&set, SCALE, &[0, 60]), 2), Error::Pick { row: 60, samples: SAMPLES });
    assert_eq!(refused(bytes(&set, SCALE, &[]), 0), Error::Empty);
    let mut floats = vec![0.5; 3 * 50];
    (floats[7], floats[140]) = (f32::NAN, f32::INFINITY);
    assert_eq!(refused(Inputs::picked(&floats, &[1, 3]), 2), Error::Pick { row: 3, samples: 3 });
    assert_eq!(refused(Inputs::picked(&floats, &[]), 0), Error::Empty);
    let length = Error::Length { buffer: Buffer::Inputs, needed: 150, got: 149 };
    assert_eq!(refused(Inputs::picked(&floats[..149], &[0]), 1), length);
    // Only what is picked counts, by its place in the set.
    let not_finite = Error::NonFinite { value: Value::Input, index: 140 };
    assert_eq!(refused(Inputs::picked(&floats, &[1, 2, 0]), 3), not_finite);
    for scale in [f32::NAN, 3e38] {
        assert_eq!(refused(bytes(&set, scale, &[0]), 1), Error::Setting(Setting::Scale));
    }
    let length = |buffer, needed, got| Error::Length { buffer, needed, got };
    assert_eq!(refused(bytes(&set[1..], SCALE, &[0]), 1), length(Buffer::Inputs, 3000, 2999));
    assert_eq!(refused(bytes(&set, SCALE, &[0, 1]), 3), length(Buffer::Targets, 2, 3));
    let sparse = |pick| Inputs::sparse(compressed.set(), pick);
    assert_eq!(refused(sparse(&[99]), 1), Error::Pick { row: 99, samples: SAMPLES });
    assert_eq!(refused(sparse(&[0]), 1), length(Buffer::Index, NET.index_len(1), 0));
}

#[test]
fn lists_have_exact_lengths() {
    let mut floats = vec![0.0; NET.work_len(BATCH)];
    let (mut values, mut integers) = (vec![0.0; NET.list_len(BATCH) + 1], vec![0; NET.index_len(BATCH) + 1]);
    let (v, i) = (NET.list_len(BATCH), NET.index_len(BATCH));
    let mut with = |values: &mut [f32], integers: &mut [u32]| {
        Workspace::new(&NET, BATCH, &mut floats).unwrap().with_lists(&NET, values, integers).err()
    };
    let length = |buffer, needed, got| Some(Error::Length { buffer, needed, got });
    assert_eq!(with(&mut values[1..], &mut integers[1..]), None);
    assert_eq!(with(&mut values, &mut integers[1..]), length(Buffer::Lists, v, v + 1));
    assert_eq!(with(&mut values[1..], &mut integers[2..]), length(Buffer::Index, i, i - 1));
}

#[test]
fn lists_made_for_a_smaller_network_are_refused() {
    const SMALL: Spec = Spec::new(10).dense(40, Activation::Relu).dense(3, Activation::Identity);
    let (mut params, mut floats) = (vec![0.25; NET.param_len()], vec![0.0; SMALL.work_len(BATCH)]);
    let (mut values, mut integers) = (vec![0.0; SMALL.list_len(BATCH)], vec![0; SMALL.index_len(BATCH)]);
    let work = Workspace::new(&SMALL, BATCH, &mut floats).unwrap();
    let mut work = work.with_lists(&SMALL, &mut values, &mut integers).unwrap();
    let model = Model::new(&NET, &mut params).unwrap();
    let error = Error::Length { buffer: Buffer::Lists, needed: NET.list_len(BATCH), got: SMALL.list_len(BATCH) };
    assert_eq!(model.predict(&[0.5; BATCH * 50], &mut work).err(), Some(error));
}

#[test]
fn outputs_and_losses_that_are_not_finite_are_errors() {
    let (mut params, mut floats) = (vec![3e38; NET.param_len()], vec![0.0; NET.work_len(1)]);
    let mut work = Workspace::new(&NET, 1, &mut floats).unwrap();
    let model = Model::new(&NET, &mut params).unwrap();
    let error = |value, index| Some(Error::NonFinite { value, index });
    assert_eq!(model.predict(&[1.0; 50], &mut work).err(), error(Value::Output, 0));
    let mut score = Score::default();
    let scored = model.evaluate(&[1.0; 50], Targets::Classes(&[1]), &mut score, &mut work);
    assert_eq!((scored.err(), score), (error(Value::Loss, 2), Score::default()));
}

#[test]
fn a_compressed_set_is_checked_whole() {
    let new = |starts: &[u32], positions: &[u16]| {
        let values = vec![1; positions.len()];
        SparseSet::new(10, starts, positions, &values, 1.0).map(|set| set.len())
    };
    assert_eq!(new(&[0, 2, 3], &[1, 9, 0]), Ok(2));
    assert_eq!(new(&[], &[]), Ok(0));
    assert_eq!(new(&[0, 2, 3], &[1, 10, 0]), Err(Error::Sparse { sample: 0 }));
    assert_eq!(new(&[0, 1, 3], &[1, 5, 5]), Err(Error::Sparse { sample: 1 }));
    assert_eq!(new(&[0, 3, 2], &[1, 2]), Err(Error::Sparse { sample: 0 }));
    assert_eq!(new(&[1, 2], &[1, 2]), Err(Error::Sparse { sample: 0 }));
    assert_eq!(new(&[0, 2], &[1]), Err(Error::Length { buffer: Buffer::Index, needed: 2, got: 1 }));
    let scale = SparseSet::new(10, &[0], &[], &[], f32::INFINITY).err();
    assert_eq!(scale, Some(Error::Setting(Setting::Scale)));
    let wrong = compress(&[0, 1], 2, &mut [0; 2], &mut [0; 2], &mut [0; 1]);
    assert_eq!(wrong, Err(Error::Length { buffer: Buffer::Index, needed: 1, got: 2 }));
}
