//! Every format has one spelling: whatever is read is written again byte for byte, and no impossible value is read.
//!
//! Each byte of each format takes all its values, each number those that are most often wrong; where a checksum stands
//! behind them, it is made right, so that it hides nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{initial, numbers};
use cygnet::average::{AverageState, Ema, Origin, Rule, Swag, SwagState, Warmup};
use cygnet::error::{CheckpointFault, Value};
use cygnet::model::Params;
use cygnet::optim::{ScheduleFree, ScheduleFreeAdam, ScheduleFreeAdamState, ScheduleFreeConfig, ScheduleFreeState};
use cygnet::preprocess::{Missing, Preprocess, PreprocessConfig};
use cygnet::store::{body_checksum, holds_average, load, load_head, load_params, load_spec, save, save_head};
use cygnet::{Activation, Averager, Error, Loss, Model, Sgd, Spec, Targets, Workspace};
use proptest::prelude::*;
use std::mem::forget;

/// Numbers that a field of four bytes may hold by mistake.
const ODD: [f32; 20] = [
    -0.0,
    0.0,
    1.0,
    -1.0,
    0.1,
    1e-9,
    0.5,
    0.75,
    0.999_999,
    1.000_000_1,
    2.0,
    -5.0,
    1e30,
    -1e30,
    1e-45,
    f32::MAX,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
    -f32::NAN,
];

/// Gives `read` every change of one byte, and of one number at any place, with checksums that fit where there are any:
/// `sums` are the ranges that one stands behind. Returns how many were read.
fn mutate(bytes: &[u8], sums: &[std::ops::Range<usize>], mut read: impl FnMut(&[u8]) -> bool) -> usize {
    let mut accepted = 0;
    let mut changed = |at: usize, with: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes[at..at + with.len()].copy_from_slice(with);
        for sum in sums {
            let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&bytes[sum.clone()]);
            bytes[sum.end..sum.end + 4].copy_from_slice(&crc.to_le_bytes());
        }
        accepted += usize::from(read(&bytes));
    };
    changed(0, &[]);
    for at in 0..bytes.len() {
        (0..=255).for_each(|byte| changed(at, &[byte]));
        if at + 4 <= bytes.len() {
            ODD.iter().for_each(|x| changed(at, &x.to_le_bytes()));
            changed(at, &0x7fc0_0001_u32.to_le_bytes());
        }
    }
    accepted
}

/// Networks with every field in use, two of them heads.
fn networks() -> [Spec; 9] {
    let (leaky, id) = (Activation::LeakyRelu(0.25), Activation::Identity);
    [
        Spec::new(2).dense(2, leaky).norm().dropout(0.5).dense(1, Activation::Sigmoid).loss(Loss::Huber(1.5)),
        Spec::new(1).dense(2, Activation::Relu).dropout(0.1).dense(2, id),
        Spec::new(3).dense(2, Activation::Tanh).norm().dense(2, leaky).norm().loss(Loss::MeanSquared),
        Spec::new(1).dense(1, id).loss(Loss::BinaryCrossEntropy),
        Spec::new(2).dense(2, leaky).dense(2, Activation::Relu).norm().dropout(0.5).dense(2, id).after(1),
        Spec::new(2).dense(2, leaky).dense(2, leaky).dense(1, id).loss(Loss::MeanSquared).after(2),
        Spec::new(2).dense(3, leaky).layer_norm().dropout(0.5).dense(2, id).layer_norm(),
        Spec::new(2).dense(2, leaky).loss(Loss::Pinball(0.25)),
        Spec::new(2).dense(2, leaky).loss(Loss::GaussianNll),
    ]
}

/// The checksum of a body.
const BODY: u32 = 0x1234_5678;

/// The checkpoint of a network, or of a head with the checksum of its body.
fn written<'p>(spec: &Spec, params: impl Into<Params<'p>>, body: Option<u32>) -> Vec<u8> {
    let mut bytes = vec![0; spec.checkpoint_len()];
    match body.filter(|_| spec.first_layer() > 0) {
        Some(body) => save_head(spec, params, body, &mut bytes).unwrap(),
        None => save(spec, params, &mut bytes).unwrap(),
    }
    bytes
}

fn marked(params: &[f32], is_average: bool) -> Params<'_> {
    if is_average { Params::of_average(params) } else { Params::from(params) }
}

/// Reads a checkpoint, asserts that it is possible and the same when it is written again, and says whether it was read.
fn rewrites_checkpoint(bytes: &[u8]) -> bool {
    let Ok(spec) = load_spec(bytes) else {
        assert!(load(bytes, &mut []).is_err());
        return false;
    };
    assert_eq!(spec.check(), Ok(()));
    let body = body_checksum(bytes).unwrap();
    // By the network that was just read.
    let mut params = vec![f32::NAN; spec.param_len()];
    match body {
        Some(body) => load_head(&spec, body, bytes, &mut params).unwrap(),
        None => load_params(&spec, bytes, &mut params).unwrap(),
    }
    let mut unknown = vec![f32::NAN; spec.param_len()];
    match body {
        Some(_) => assert_eq!(load(bytes, &mut unknown), Err(Error::Checkpoint(CheckpointFault::Head))),
        None => assert_eq!((load(bytes, &mut unknown), &unknown), (Ok(spec), &params)),
    }
    let again = written(&spec, marked(&params, holds_average(bytes)), body);
    assert_eq!(again, bytes[..again.len()]);
    true
}

#[test]
fn a_checkpoint_is_written_as_it_was_read() {
    for (spec, is_average) in networks().into_iter().zip([false, true].into_iter().cycle()) {
        let bytes = written(&spec, marked(&initial(&spec, 1), is_average), Some(BODY));
        let sums = 0..bytes.len() - 4;
        let accepted = mutate(&bytes, &[sums], rewrites_checkpoint);
        assert!(accepted > 100 * spec.param_len(), "{accepted}: parameters may be almost anything");
    }
}

#[test]
fn what_stands_behind_a_checkpoint_is_skipped_and_a_part_of_one_is_refused() {
    for spec in networks() {
        let params = initial(&spec, 1);
        let bytes = written(&spec, &params, Some(BODY));
        let read = |bytes: &[u8], params: &mut [f32]| match spec.first_layer() {
            0 => load_params(&spec, bytes, params).and_then(|()| Model::new(&spec, params).unwrap().load(bytes)),
            _ => load_head(&spec, BODY, bytes, params),
        };
        let mut model_params = vec![0.5; spec.param_len()];
        for len in 0..bytes.len() {
            assert!(!rewrites_checkpoint(&bytes[..len]), "{len}");
            assert!(read(&bytes[..len], &mut model_params).is_err(), "{len}");
            assert!(Model::new(&spec, &mut model_params).unwrap().load(&bytes[..len]).is_err(), "{len}");
        }
        assert!(model_params.iter().all(|&p| p == 0.5));
        for behind in [
            &[0][..],
            &[0xff; 3],
            &numbers(5, 1).into_iter().flat_map(f32::to_le_bytes).collect::<Vec<u8>>(),
            &bytes.clone(),
        ] {
            let file = [&bytes[..], behind].concat();
            assert!(rewrites_checkpoint(&file));
            model_params.fill(0.5);
            read(&file, &mut model_params).unwrap();
            assert_eq!(model_params, params);
        }
    }
}

#[test]
fn a_running_variance_below_zero_is_neither_written_nor_read() {
    let spec = networks()[2];
    let good = initial(&spec, 1);
    let mut bytes = vec![0; spec.checkpoint_len()];
    // Of the second norm, the last parameters.
    let index = spec.param_len() - 1;
    for (wrong, error) in [
        (-5.0, Error::Variance { index }),
        (-1e-30, Error::Variance { index }),
        (f32::NAN, Error::NonFinite { value: Value::Param, index }),
        (f32::INFINITY, Error::NonFinite { value: Value::Param, index }),
    ] {
        let mut params = good.clone();
        params[index] = wrong;
        bytes.fill(7);
        assert_eq!(save(&spec, &params, &mut bytes), Err(error));
        assert!(bytes.iter().all(|&byte| byte == 7));
        save(&spec, &good, &mut bytes).unwrap();
        let (at, end) = (bytes.len() - 8, bytes.len() - 4);
        bytes[at..end].copy_from_slice(&wrong.to_le_bytes());
        let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&bytes[..end]);
        bytes[end..].copy_from_slice(&crc.to_le_bytes());
        let mut params = vec![0.5; spec.param_len()];
        assert_eq!((load_spec(&bytes), load(&bytes, &mut params)), (Err(error), Err(error)));
        assert_eq!(load_params(&spec, &bytes, &mut params), Err(error));
        assert!(params.iter().all(|&p| p == 0.5));
    }
    // A mean may be anything.
    let mut params = good;
    params[index - 2] = -5.0;
    assert_eq!(save(&spec, &params, &mut bytes), Ok(()));
}

/// Average states of every kind, as averagers leave them.
fn states() -> Vec<AverageState> {
    let warm = |warmup| Ema { warmup, ..Ema::with_decay(0.9) };
    let rules = [
        Rule::mean(),
        Rule::capped(5),
        Rule::polynomial(0.0),
        Rule::polynomial(7.0),
        Rule::ema(Ema::with_decay(0.999)),
        Rule::ema(Ema { origin: Origin::First, ..Ema::with_half_life(30.0, 1.0) }),
        Rule::ema(warm(Warmup::Ratio)),
        Rule::ema(warm(Warmup::Power { gamma: 2.0, power: 0.5 })),
    ];
    let mut states = Vec::new();
    for (rule, models) in rules.into_iter().flat_map(|rule| [0, 1, 3].map(|models| (rule, models))) {
        let mut mean = [0.0];
        let mut averager = Averager::with_rule(rule, &mut mean).unwrap();
        (0..models).for_each(|_| assert!(averager.update(&[1.0]).is_ok()));
        states.push(averager.state());
    }
    let mut mean = [0.0];
    let mut weighted = Averager::new(&mut mean);
    for weight in [1.0, 1e-6, 0.3] {
        weighted.update_weighted(&[1.0], weight).unwrap();
        states.push(weighted.state());
    }
    const NET: Spec = Spec::new(1).dense(1, Activation::Identity).loss(Loss::MeanSquared);
    let (mut mean, mut params) = ([0.0; 2], [1.0; 2]);
    let (mut averager, mut model) = (Averager::new(&mut mean), Model::new(&NET, &mut params).unwrap());
    averager.update(&model).unwrap();
    forget(averager.in_place_of(&mut model).unwrap());
    states.push(averager.state());
    states
}

#[test]
fn an_average_state_is_written_as_it_was_read_and_can_go_on() {
    for state in states() {
        let bytes = state.to_bytes();
        assert_eq!(AverageState::from_bytes(&bytes), Ok(state));
        mutate(&bytes, &[], |bytes| {
            let Ok(state) = AverageState::from_bytes(bytes.try_into().unwrap()) else { return false };
            assert_eq!(state.to_bytes(), bytes);
            // Whatever was read averages: between what was and the new model.
            let mut mean = [1.0];
            let Ok(mut averager) = Averager::resume(state, &mut mean) else { return bytes[3] == 1 };
            if averager.update(&[3.0]).is_ok() {
                let mean = averager.mean().unwrap()[0];
                assert!((1.0..=3.0).contains(&mean), "{mean} by {state:?}");
            }
            true
        });
    }
}

#[test]
fn totals_that_no_models_leave_are_refused() {
    let of = |state: AverageState, high: f32, low: f32| {
        let mut bytes = state.to_bytes();
        bytes[24..28].copy_from_slice(&high.to_le_bytes());
        bytes[28..].copy_from_slice(&low.to_le_bytes());
        AverageState::from_bytes(&bytes).err()
    };
    let after = |rule, weight: Option<f32>| {
        let mut mean = [0.0];
        let mut averager = Averager::with_rule(rule, &mut mean).unwrap();
        match weight {
            Some(weight) => averager.update_weighted(&[1.0], weight).unwrap(),
            None => averager.update(&[1.0]).unwrap(),
        };
        averager.state()
    };
    let wrong = Some(Error::Checkpoint(CheckpointFault::Field(24)));
    let weighted = after(Rule::mean(), Some(2.0));
    assert_eq!([of(weighted, 3.0, 0.0), of(weighted, 3.0, 1e-8)], [None; 2]);
    for (high, low) in [(-3.0, 0.0), (0.0, 0.0), (3.0, -4.0), (3.0, 0.5), (1e38, 3e38), (3.0, -0.0)] {
        assert_eq!(of(weighted, high, low), wrong, "{high} {low}");
    }
    let ema = after(Rule::ema(Ema::with_epsilon(0.25)), None);
    assert_eq!([of(ema, 0.25, 0.0), of(ema, 1.0, 0.0)], [None; 2]);
    for (z, low) in [(1e30, 0.0), (1.000_000_1, 0.0), (0.2, 0.0), (0.0, 0.0), (-0.5, 0.0), (0.5, 1e-9)] {
        assert_eq!(of(ema, z, low), wrong, "{z} {low}");
    }
    let first = after(Rule::ema(Ema { origin: Origin::First, ..Ema::with_epsilon(0.25) }), None);
    assert_eq!((of(first, 1.0, 0.0), of(first, 0.5, 0.0)), (None, wrong));
    for state in [AverageState::mean_of(3), after(Rule::capped(3), None), after(Rule::polynomial(7.0), None)] {
        assert_eq!((of(state, 0.0, 0.0), of(state, 1.0, 0.0), of(state, -0.0, 0.0)), (None, wrong, wrong));
    }
}

proptest! {
    /// What averagers leave is possible, whatever they did.
    #[test]
    fn every_state_that_an_averager_leaves_is_read(
        steps in prop::collection::vec((0..4_u8, -20_i32..20, 1.0_f32..2.0), 1..60),
        epsilon in 1e-6_f32..=1.0,
    ) {
        let (mut mean, mut average) = ([0.0], [0.0]);
        let mut averager = Averager::new(&mut mean);
        let mut ema = Averager::with_rule(Rule::ema(Ema::with_epsilon(epsilon)), &mut average).unwrap();
        for (kind, exponent, mantissa) in steps {
            let weight = mantissa * 2.0_f32.powi(exponent);
            match kind {
                0 => averager.update(&[1.0]),
                1 | 2 => averager.update_weighted(&[1.0], weight),
                _ => averager.remove(&[1.0], weight),
            }.ok();
            ema.update(&[1.0]).unwrap();
            for state in [averager.state(), ema.state()] {
                prop_assert_eq!(AverageState::from_bytes(&state.to_bytes()), Ok(state));
            }
        }
    }
}

#[test]
fn a_schedule_free_state_is_written_as_it_was_read() {
    const NET: Spec = Spec::new(1).dense(2, Activation::Identity);
    let (mut params, mut floats) = ([0.1; NET.param_len()], [0.0; NET.work_len(1)]);
    let (mut model, mut work) = (Model::new(&NET, &mut params).unwrap(), Workspace::new(&NET, 1, &mut floats).unwrap());
    let mut state = [0.0; 2 * NET.param_len()];
    let mut free = ScheduleFree::new(ScheduleFreeConfig::default(), &model, &mut state).unwrap();
    for rate in [0.3, 1e-3, 0.1] {
        model.train(&[1.0], Targets::Classes(&[1]), &mut free, rate, &mut work).unwrap();
        let bytes = free.state().to_bytes();
        assert_eq!(ScheduleFreeState::from_bytes(ScheduleFree::DEFAULT, &bytes), Ok(free.state()));
        let accepted = mutate(&bytes, &[], |bytes| {
            match ScheduleFreeState::from_bytes(ScheduleFree::DEFAULT, bytes.try_into().unwrap()) {
                Ok(state) => {
                    assert_eq!(state.to_bytes(), bytes);
                    true
                }
                Err(_) => false,
            }
        });
        assert!(accepted > 256);
    }
}

#[test]
fn a_state_of_schedule_free_adam_is_written_as_it_was_read() {
    const NET: Spec = Spec::new(1).dense(2, Activation::Identity);
    let (mut params, mut floats) = ([0.1; NET.param_len()], [0.0; NET.work_len(1)]);
    let (mut model, mut work) = (Model::new(&NET, &mut params).unwrap(), Workspace::new(&NET, 1, &mut floats).unwrap());
    let mut state = [0.0; 3 * NET.param_len()];
    let mut free = ScheduleFreeAdam::new(ScheduleFreeAdam::DEFAULT, &model, &mut state).unwrap();
    let of = |bytes: &[u8; 16]| ScheduleFreeAdamState::from_bytes(ScheduleFreeAdam::DEFAULT, bytes);
    for rate in [0.3, 1e-3, 0.1] {
        model.train(&[1.0], Targets::Classes(&[1]), &mut free, rate, &mut work).unwrap();
        let bytes = free.state().to_bytes();
        assert_eq!(of(&bytes), Ok(free.state()));
        let accepted = mutate(&bytes, &[], |bytes| {
            let state = of(&bytes.try_into().unwrap());
            assert!(state.is_err() || state.unwrap().to_bytes() == bytes);
            state.is_ok()
        });
        assert!(accepted > 256);
    }
    let mut bytes = free.state().to_bytes();
    bytes[8..].fill(0);
    assert_eq!(of(&bytes), Err(Error::Checkpoint(CheckpointFault::Field(8))));
}

#[test]
fn a_preprocessing_is_written_as_it_was_read() {
    let config = PreprocessConfig { missing: Missing::Mean, ..PreprocessConfig::default() };
    for config in [config, PreprocessConfig::default()] {
        let (mut floats, mut counts) = (vec![0.0; cygnet::preprocess::Fit::state_len(2)], [0; 2]);
        let mut fit = cygnet::preprocess::Fit::new(config, 2, &mut floats, &mut counts).unwrap();
        fit.add(&numbers(8, 3)).unwrap();
        let mut bytes = vec![0; Preprocess::section_len(2)];
        fit.finish().unwrap().save(&mut bytes).unwrap();
        let sum = 0..bytes.len() - 4;
        let accepted = mutate(&bytes, &[sum], |bytes| {
            let mut floats = vec![0.0; Preprocess::state_len(2)];
            let Ok(preprocess) = Preprocess::load(2, bytes, &mut floats) else { return false };
            let mut again = vec![0; bytes.len()];
            preprocess.save(&mut again).unwrap();
            assert_eq!(again, bytes);
            true
        });
        assert!(accepted > 1000);
    }
}

#[test]
fn equal_networks_have_equal_bytes() {
    let [zero, negative] = [0.0, -0.0].map(|slope| Spec::new(2).dense(2, Activation::LeakyRelu(slope)));
    let params = initial(&zero, 1);
    let [expected, found] = [zero, negative].map(|spec| {
        let mut bytes = vec![0; spec.checkpoint_len()];
        save(&spec, &params, &mut bytes).unwrap();
        bytes
    });
    assert_eq!((zero, zero.digest(), expected), (negative, negative.digest(), found.clone()));
    let mut bytes = found;
    bytes[27] = 0x80;
    let end = bytes.len() - 4;
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&bytes[..end]);
    bytes[end..].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(load_spec(&bytes), Err(Error::Checkpoint(CheckpointFault::Field(24))));
}

#[test]
fn a_second_moment_below_zero_is_no_posterior() {
    let with = |count, second| {
        let (mut mean, mut second) = ([1.0, 2.0], [0.5, second]);
        Swag::resume(SwagState { count, deviations: 0 }, &mut mean, &mut second, &mut []).err()
    };
    assert_eq!([with(2, 0.0), with(2, -0.0), with(2, 1e-30)], [None; 3]);
    assert_eq!([with(2, -1e-30), with(2, -5.0)], [Some(Error::Variance { index: 1 }); 2]);
    assert_eq!(with(0, -5.0), None, "what the slices of an empty one hold does not matter");
}

#[test]
fn counts_of_a_posterior_go_together() {
    let with = |count, deviations| {
        let (mut mean, mut second, mut columns) = ([1.0], [0.5], [0.1, 0.2]);
        Swag::resume(SwagState { count, deviations }, &mut mean, &mut second, &mut columns).err()
    };
    assert_eq!([with(0, 0), with(3, 3), with(5, 2)], [None; 3], "a merge brings models without deviations");
    assert_eq!([with(0, 1), with(2, 3)], [Some(Error::State); 2]);
}

#[test]
fn training_leaves_what_can_be_saved() {
    let spec = networks()[2].loss(Loss::MeanSquared);
    let (mut params, mut floats) = (initial(&spec, 1), common::work(&spec, 3));
    let (mut model, mut work) =
        (Model::new(&spec, &mut params).unwrap(), Workspace::new(&spec, 3, &mut floats).unwrap());
    let mut sgd = Sgd::plain(&spec).unwrap();
    for _ in 0..20 {
        model.train(&[0.5; 9], Targets::Values(&[1.0; 6]), &mut sgd, 0.1, &mut work).unwrap();
    }
    let mut bytes = vec![0; spec.checkpoint_len()];
    save(&spec, &model, &mut bytes).unwrap();
    assert!(rewrites_checkpoint(&bytes));
}
