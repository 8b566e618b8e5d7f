//! The bytes of small states: fixed, written as they were read, and refused where no steps leave them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{classes, initial, mutate, numbers, samples, work};
use cygnet::average::{Gate, NormUpdateState, SwagState, WindowState};
use cygnet::error::{CheckpointFault, Setting, Value};
use cygnet::metrics::{Calibration, Score, evaluate};
use cygnet::model::ModelState;
use cygnet::network::Math;
use cygnet::optim::{
    AdamConfig, AdamState, AnyConfig, AnyOptimizer, AnyState, Lookahead, LookaheadConfig, LookaheadState, ScheduleFree,
    ScheduleFreeAdam, ScheduleFreeAdamConfig, ScheduleFreeAdamState, ScheduleFreeConfig, ScheduleFreeState, SgdState,
};
use cygnet::preprocess::Fit;
use cygnet::replicas::{Vote, Votes, VotesState};
use cygnet::reservoir::{ReservoirConfig, ReservoirState};
use cygnet::train::{BatchSize, GradientState, Growth, Noise, NoiseScale};
use cygnet::{Activation, Adam, Error, Gradient, Model, Sgd, Spec, Targets, Workspace};

const NET: Spec = Spec::new(3).dense(5, Activation::Tanh).norm().dense(2, Activation::Identity);
const OTHER: Spec = Spec::new(3).dense(5, Activation::Relu).norm().dense(2, Activation::Identity);
const KEPT: ReservoirConfig = ReservoirConfig { places: 5, width: 3, classes: 2 };

/// Asserts that whatever is read of `bytes` with one change is written again as it was, and that there is something to read.
fn is_canonical<const N: usize, S>(
    bytes: [u8; N],
    read: impl Fn(&[u8; N]) -> Result<S, Error>,
    write: impl Fn(&S) -> [u8; N],
) {
    let read = |bytes: &[u8]| {
        let Ok(state) = read(bytes.try_into().unwrap()) else { return false };
        assert_eq!(write(&state), bytes);
        true
    };
    assert!(read(&bytes));
    assert!(mutate(&bytes, &[], read) > 1);
}

/// Gradients of `parts` micro-batches, measured or not, clipped or not.
fn gradients() -> Vec<GradientState> {
    let (mut params, mut floats) = (initial(&NET, 1), work(&NET, 4));
    let model = Model::new(&NET, &mut params).unwrap();
    let mut work = Workspace::new(&NET, 4, &mut floats).unwrap();
    let mut states = Vec::new();
    for (parts, is_measured, is_clipped) in [(0, false, false), (1, true, false), (3, true, true), (2, false, true)] {
        let mut sum = vec![0.0; NET.param_len()];
        let gradient = Gradient::new(&NET, &mut sum).unwrap();
        let mut gradient = if is_measured { gradient.measured() } else { gradient };
        for part in 0..parts {
            let (x, y) = (samples(4, &NET, part), classes(4, &NET, part));
            model.accumulate(&x, Targets::Classes(&y), &mut gradient, &mut work).unwrap();
        }
        if is_clipped {
            gradient.clip(1e-3).unwrap();
        }
        states.push(gradient.into_state());
    }
    states
}

/// Of so many samples, more and fewer than the sums have lanes and levels.
fn scores() -> Vec<Score> {
    let (params, mut floats) = (initial(&NET, 1), work(&NET, 4100));
    let mut work = Workspace::new(&NET, 4100, &mut floats).unwrap();
    let of = |n: usize| {
        let (x, y) = (samples(n, &NET, 1), classes(n, &NET, 1));
        let mut score = Score::default();
        evaluate(&NET, &params, &x, Targets::Classes(&y), &mut score, &mut work).unwrap();
        score
    };
    let mut scores: Vec<Score> = [1, 3, 20, 4096, 4099].map(of).to_vec();
    scores.push(Score::default());
    // With weights, of which the first ones are 0.
    for weights in [[0.0; 3], [0.0, 0.3, 2.0], [1.5, 1e-6, 3.0]] {
        let (x, y, mut score) = (samples(3, &NET, 1), classes(3, &NET, 1), Score::default());
        let targets = Targets::Classes(&y).weighted(&weights);
        evaluate(&NET, &params, &x, targets, &mut score, &mut work).unwrap();
        assert_eq!(Score::from_bytes(&score.to_bytes()), Ok(score));
        scores.push(score);
    }
    scores
}

#[test]
fn weights_that_no_samples_leave_are_refused() {
    let score = scores().pop().unwrap();
    let read = |at: usize, new: &[u8]| {
        let mut bytes = score.to_bytes();
        bytes[at..][..new.len()].copy_from_slice(new);
        Score::from_bytes(&bytes)
    };
    // A weight of no samples.
    assert!(read(0, &[0; 52]).is_err());
    // So many samples that others would have no number.
    let counted = |samples: u64| {
        let mut bytes = Score::default().to_bytes();
        bytes[36..44].copy_from_slice(&samples.to_le_bytes());
        Score::from_bytes(&bytes)
    };
    assert!(counted(u64::MAX >> 1).is_ok() && counted(1 << 63).is_err() && counted(u64::MAX).is_err());
    // Hits may have the weight of all samples, and no more.
    let hits = |weight: f32| read(44, &[[0; 4], weight.to_le_bytes()].concat());
    assert!(hits(score.weight()).is_ok() && hits(score.weight() * 1.000_001).is_err());
    // Micro-batches are not measured with weights.
    let mut state = gradients()[2].to_bytes();
    assert!(GradientState::from_bytes(&state).is_ok());
    state[52..68].copy_from_slice(&score.to_bytes()[44..]);
    assert!(Score::from_bytes(state[8..68].try_into().unwrap()).is_ok());
    assert!(GradientState::from_bytes(&state).is_err());
}

fn noise(k: u32) -> Noise {
    let x = k as f32;
    Noise { variance: 80.0 + x, signal: 0.5, square: 0.6 + x, samples: 8 }
}

#[test]
fn what_is_read_is_written_again() {
    gradients()
        .into_iter()
        .for_each(|s| is_canonical(s.to_bytes(), GradientState::from_bytes, GradientState::to_bytes));
    scores().into_iter().for_each(|s| is_canonical(s.to_bytes(), Score::from_bytes, Score::to_bytes));
    for growth in [Growth::NormTest(0.5), Growth::NoiseScale(2.0), Growth::Doubling(20)] {
        let mut size = BatchSize::new(growth, 8, 64, 3).unwrap();
        let mut scale = NoiseScale::new(0.25).unwrap();
        for k in 0..6 {
            assert_eq!(
                (BatchSize::from_bytes(&size.to_bytes()), NoiseScale::from_bytes(&scale.to_bytes())),
                (Ok(size), Ok(scale))
            );
            is_canonical(size.to_bytes(), BatchSize::from_bytes, BatchSize::to_bytes);
            is_canonical(scale.to_bytes(), NoiseScale::from_bytes, NoiseScale::to_bytes);
            size.update(8, Some(noise(k)));
            scale.update(noise(k));
        }
    }
    let mut calibration = Calibration::default();
    for _ in 0..3 {
        is_canonical(calibration.to_bytes(), Calibration::from_bytes, Calibration::to_bytes);
        calibration.add(&[0.25, 0.75], 1).unwrap();
    }
    let gate = Gate::resume(0.1, 0.5).unwrap();
    is_canonical(gate.to_bytes(), Gate::from_bytes, Gate::to_bytes);
    is_canonical(WindowState { size: 3, count: 7 }.to_bytes(), WindowState::from_bytes, WindowState::to_bytes);
    is_canonical(SwagState { count: 7, deviations: 3 }.to_bytes(), SwagState::from_bytes, SwagState::to_bytes);
    for vote in [Vote::Soft, Vote::LogPool, Vote::Hard] {
        let mut floats = vec![0.0; vote.state_len(4, 3)];
        let mut votes = Votes::new(vote, Math::Libm, 3, &mut floats).unwrap();
        votes.add(&mut numbers(12, 1), 1.5).unwrap();
        is_canonical(votes.state().to_bytes(), VotesState::from_bytes, VotesState::to_bytes);
    }
    let reservoir = ReservoirState::new(KEPT, 7);
    is_canonical(reservoir.to_bytes(), |bytes| ReservoirState::from_bytes(KEPT, bytes), ReservoirState::to_bytes);
}

#[test]
fn states_of_optimizers_are_written_again() {
    let read = |bytes: &[u8; 20]| ModelState::from_bytes(&NET, bytes);
    let (mut params, mut floats) = (initial(&NET, 1), vec![0.0; 4 * NET.param_len()]);
    let mut model = Model::new(&NET, &mut params).unwrap();
    model.resume(3, 5);
    is_canonical(model.state().to_bytes(), read, ModelState::to_bytes);
    let sgd = SgdState::new(Sgd::DEFAULT, &NET).unwrap();
    assert_eq!(SgdState::from_bytes(Sgd::DEFAULT, &NET, &sgd.to_bytes()), Ok(sgd));
    let adam = AdamState::new(Adam::DEFAULT, &NET, 9).unwrap();
    is_canonical(adam.to_bytes(), |bytes| AdamState::from_bytes(Adam::DEFAULT, &NET, bytes), AdamState::to_bytes);
    for config in [
        AnyConfig::Sgd(Sgd::DEFAULT),
        AnyConfig::Adam(Adam::DEFAULT),
        AnyConfig::ScheduleFree(ScheduleFree::DEFAULT),
        AnyConfig::ScheduleFreeAdam(ScheduleFreeAdam::DEFAULT),
        AnyConfig::LookaheadSgd(Lookahead::DEFAULT, Sgd::DEFAULT),
        AnyConfig::LookaheadAdam(Lookahead::DEFAULT, Adam::DEFAULT),
    ] {
        let floats = &mut floats[..config.state_len(&NET)];
        let any = AnyOptimizer::new(config, &model, floats).unwrap();
        assert_eq!(any.state().config(), config);
        let read = |bytes: &[u8; 24]| {
            let state = AnyState::from_bytes(config, &NET, bytes)?;
            // Whatever was read goes on.
            assert!(AnyOptimizer::resume(state, &model, &mut vec![0.0; config.state_len(&NET)]).is_ok());
            Ok::<_, Error>(state)
        };
        // Of plain SGD the bytes are those of a single state.
        let bytes = any.state().to_bytes();
        assert_eq!(read(&bytes).map(|state| state.to_bytes()), Ok(bytes));
        mutate(&bytes, &[], |bytes| {
            read(bytes.try_into().unwrap()).is_ok_and(|state| {
                assert_eq!(state.to_bytes(), bytes);
                true
            })
        });
    }
}

#[test]
fn bytes_are_those_of_the_tables() {
    let digest = NET.digest().to_le_bytes();
    let with = |digest: [u8; 4], rest: &[u8]| [&digest[..], rest].concat();
    let long = |x: u64| x.to_le_bytes();
    assert_eq!(SgdState::new(Sgd::DEFAULT, &NET).unwrap().to_bytes(), digest);
    assert_eq!(AdamState::new(Adam::DEFAULT, &NET, 258).unwrap().to_bytes()[..], with(digest, &long(258)));
    assert_eq!(LookaheadState { config: Lookahead::DEFAULT, steps: 3 }.to_bytes(), long(3));
    assert_eq!(WindowState { size: 3, count: 7 }.to_bytes()[..], [long(3), long(7)].concat());
    assert_eq!(SwagState { count: 7, deviations: 3 }.to_bytes()[..], [long(7), long(3)].concat());
    assert_eq!(ReservoirState::new(KEPT, 7).to_bytes()[..], [long(7), long(0)].concat());
    let gate = Gate::resume(0.5, 2.0).unwrap().to_bytes();
    assert_eq!(gate, [0, 0, 0, 0x3f, 0, 0, 0, 0x40]);
    let mut size = BatchSize::new(Growth::Doubling(20), 8, 64, 3).unwrap();
    size.update(8, None);
    let mut expected = [[2, 0, 0, 0, 3, 0, 0, 0], long(20), long(8), long(64), long(8), [0; 8]].concat();
    expected.extend([[0; 4], 0.05_f32.to_le_bytes(), [0; 4], [0; 4], [0; 4]].concat());
    assert_eq!(size.to_bytes()[..], expected);
    let empty = gradients()[0].to_bytes();
    assert_eq!((&empty[..4], &empty[4..]), (&digest[..], &[0; 88][..]));
    let state = gradients()[2].to_bytes();
    assert_eq!(
        (&state[4..8], &state[44..52], &state[72..88]),
        (&[1, 1, 0, 0][..], &long(12)[..], &[long(3), long(12)].concat()[..])
    );
    assert_eq!(Score::default().to_bytes(), [0; Score::BYTES]);
}

#[test]
fn bytes_of_another_network_are_refused() {
    let (sgd, adam) = (SgdState::new(Sgd::DEFAULT, &OTHER).unwrap(), AdamState::new(Adam::DEFAULT, &OTHER, 1).unwrap());
    assert_eq!(SgdState::from_bytes(Sgd::DEFAULT, &NET, &sgd.to_bytes()), Err(Error::Network));
    assert_eq!(AdamState::from_bytes(Adam::DEFAULT, &NET, &adam.to_bytes()), Err(Error::Network));
    let (mut params, mut sum, mut pooled) =
        (initial(&OTHER, 1), vec![0.0; OTHER.param_len()], vec![0.0; OTHER.norm_len()]);
    let mut model = Model::new(&OTHER, &mut params).unwrap();
    assert_eq!(ModelState::from_bytes(&NET, &model.state().to_bytes()), Err(Error::Network));
    let config = AnyConfig::Sgd(Sgd::DEFAULT);
    let any = AnyOptimizer::new(config, &model, &mut []).unwrap().into_state();
    assert_eq!(AnyState::from_bytes(config, &NET, &any.to_bytes()), Err(Error::Network));
    let update = model.norm_update(&mut pooled).unwrap().into_state();
    assert_eq!(NormUpdateState::from_bytes(&NET, &update.to_bytes()), Err(Error::Network));
    assert_eq!(Gradient::resume(gradients()[1], &OTHER, &mut sum).err(), Some(Error::Network));
    // And of another kind of optimizer.
    let field = |at| Err(Error::Checkpoint(CheckpointFault::Field(at)));
    assert_eq!(AnyState::from_bytes(AnyConfig::Adam(Adam::DEFAULT), &OTHER, &any.to_bytes()), field(0));
    let inner = AnyConfig::LookaheadSgd(Lookahead::DEFAULT, Sgd::DEFAULT);
    assert_eq!(AnyState::from_bytes(inner, &OTHER, &any.to_bytes()), field(0));
}

#[test]
fn settings_of_the_program_are_checked_with_the_bytes() {
    let heavy = cygnet::optim::SgdConfig { momentum: 1.0, ..Sgd::DEFAULT };
    assert_eq!(SgdState::from_bytes(heavy, &NET, &[0; 4]), Err(Error::Setting(Setting::Momentum)));
    let never = LookaheadConfig { every: 0, alpha: 0.5 };
    assert_eq!(LookaheadState::from_bytes(never, &[0; 8]), Err(Error::Setting(Setting::Lookahead)));
    let beta = Err(Error::Setting(Setting::Beta));
    let free = ScheduleFreeConfig { beta: 1.0, ..ScheduleFree::DEFAULT };
    assert_eq!(ScheduleFreeState::from_bytes(free, &[0; 8]).map(|_| ()), beta);
    let free_adam = ScheduleFreeAdamConfig { beta1: 1.0, ..ScheduleFreeAdam::DEFAULT };
    assert_eq!(ScheduleFreeAdamState::from_bytes(free_adam, &[0; 16]).map(|_| ()), beta);
    let adam = AdamConfig { beta2: 1.0, ..Adam::DEFAULT };
    // Also before anything is said of the bytes, which are those of another kind.
    let any = |config| AnyState::from_bytes(config, &NET, &[0xff; 24]).map(|_| ());
    for config in [AnyConfig::Adam(adam), AnyConfig::LookaheadAdam(Lookahead::DEFAULT, adam)] {
        assert_eq!(any(config), beta);
    }
    assert_eq!((any(AnyConfig::ScheduleFree(free)), any(AnyConfig::ScheduleFreeAdam(free_adam))), (beta, beta));
    assert_eq!(any(AnyConfig::Sgd(heavy)), Err(Error::Setting(Setting::Momentum)));
    assert_eq!(any(AnyConfig::LookaheadSgd(never, Sgd::DEFAULT)), Err(Error::Setting(Setting::Lookahead)));
    assert_eq!(Gate::from_bytes(&[0xff; 8]), Err(Error::Setting(Setting::Slack)));
    assert_eq!(NoiseScale::from_bytes(&[0; 16]), Err(Error::Setting(Setting::Decay)));
    assert_eq!(BatchSize::from_bytes(&[0; 68]), Err(Error::Setting(Setting::Growth)));
    assert_eq!(WindowState::from_bytes(&[0; 16]), Err(Error::Checkpoint(CheckpointFault::Field(0))));
}

#[test]
fn scores_and_gradients_of_weights_that_no_samples_leave_are_refused() {
    // Samples, the weight of hits, that of all.
    let bytes = |samples: u64, right: f32, all: f32| {
        let hits = u64::from(right.to_bits()) << 32;
        let numbers = [samples.to_le_bytes(), hits.to_le_bytes()].concat();
        [&[0; 36][..], &numbers, &all.to_le_bytes(), &[0; 4]].concat().try_into().unwrap()
    };
    let read = |samples, right, all| Score::from_bytes(&bytes(samples, right, all)).map(|score| score.accuracy());
    let field = Err(Error::Checkpoint(CheckpointFault::Field(56)));
    assert_eq!((read(3, 1.0, 4.0), read(1, 4.0, 4.0)), (Ok(0.25), Ok(1.0)));
    assert_eq!((read(3, 5.0, 4.0), read(0, 0.0, 4.0), read(3, 1.0, -0.0)), (field, field, field));
    // Noise is measured without weights alone.
    let mut state = gradients()[1].to_bytes();
    state[8..68].copy_from_slice(&bytes(4, 1.0, 4.0));
    assert_eq!(GradientState::from_bytes(&state), Err(Error::Checkpoint(CheckpointFault::Field(72))));
    state[68..88].fill(0);
    assert!(GradientState::from_bytes(&state).is_ok());
}

#[test]
fn slices_that_no_steps_leave_are_refused() {
    let statistic = Some(Error::NonFinite { value: Value::Statistic, index: 0 });
    let (p, wrong) = (NET.param_len(), Some(Error::NonFinite { value: Value::Gradient, index: 0 }));
    let resume = |state, sum: &mut [f32]| Gradient::resume(state, &NET, sum).err();
    let mut sum = vec![0.5; p];
    assert_eq!(resume(gradients()[1], &mut sum), None);
    sum[2] = f32::NAN;
    assert_eq!(resume(gradients()[1], &mut sum), wrong);
    assert_eq!((resume(gradients()[0], &mut sum), sum[2]), (None, 0.0), "without samples it does not matter");
    // The sums of squares stand behind the pooled means, before the last layer.
    sum[p - 13] = -0.5;
    assert_eq!(resume(gradients()[1], &mut sum), statistic);
    assert!(matches!(resume(gradients()[1], &mut sum[1..]), Some(Error::Length { .. })));

    let (mut params, mut pooled, mut floats) = (initial(&NET, 1), vec![0.0; NET.norm_len()], work(&NET, 4));
    let mut work = Workspace::new(&NET, 4, &mut floats).unwrap();
    let mut model = Model::new(&NET, &mut params).unwrap();
    let mut update = model.norm_update(&mut pooled).unwrap();
    update.add(&samples(4, &NET, 1), &mut work).unwrap();
    let state = update.into_state();
    assert_eq!(NormUpdateState::from_bytes(&NET, &state.to_bytes()), Ok(state));
    for wrong in [-0.5, f32::NAN, f32::INFINITY, 1e19] {
        let mut pooled = pooled.clone();
        pooled[9] = wrong;
        assert_eq!(model.resume_norm_update(state, &mut pooled).err(), statistic, "{wrong}");
    }
    let mut single = state.to_bytes();
    single[4] = 1;
    let field = Err(Error::Checkpoint(CheckpointFault::Field(4)));
    assert_eq!(NormUpdateState::from_bytes(&NET, &single), field);
    // As many samples as can be counted, but for three.
    let mut full = state.to_bytes();
    full[4..].copy_from_slice(&(u64::MAX - 3).to_le_bytes());
    let state = NormUpdateState::from_bytes(&NET, &full).unwrap();
    let (before, mut floats) = (pooled.clone(), common::work(&NET, 4));
    let mut update = model.resume_norm_update(state, &mut pooled).unwrap();
    let mut work = Workspace::new(&NET, 4, &mut floats).unwrap();
    assert_eq!(update.add(&samples(4, &NET, 1), &mut work), Err(Error::CountOverflow));
    assert_eq!(update.add(&samples(3, &NET, 1), &mut work), Ok(u64::MAX));
    assert_eq!(update.add(&samples(2, &NET, 1), &mut work), Err(Error::CountOverflow));
    assert!(update.into_state().samples() == u64::MAX && pooled != before);

    let (mut floats, mut counts) = (vec![0.0; Fit::state_len(2)], vec![0; 2]);
    Fit::new(Fit::DEFAULT, 2, &mut floats, &mut counts).unwrap().add(&[1.0, 2.0, 3.0, 5.0]).unwrap();
    let mut resume = |at: usize, wrong| {
        let mut floats = floats.clone();
        floats[at] = wrong;
        Fit::resume(Fit::DEFAULT, 2, &mut floats, &mut counts).map(|_| ()).err()
    };
    assert_eq!(resume(0, 1.5), None);
    // Of the second feature: a sum of squares, the least value above the largest, a lost number.
    for (at, wrong) in [(6, -1.0), (7, 9.0), (5, f32::NAN), (11, f32::INFINITY), (8, 1e15)] {
        assert_eq!(resume(at, wrong), Some(Error::Preprocess { feature: 1 }), "{at}");
    }
}

/// As on a chip, where a micro-batch is often one sample.
#[test]
fn a_gradient_goes_on_after_a_single_sample() {
    let plain = Spec::new(3).dense(5, Activation::Tanh).dense(2, Activation::Identity);
    let layer_norm = Spec::new(3).dense(5, Activation::Tanh).layer_norm().dense(2, Activation::Identity);
    for net in [plain, layer_norm] {
        let (mut params, mut floats) = (initial(&net, 1), work(&net, 1));
        let model = Model::new(&net, &mut params).unwrap();
        let mut work = Workspace::new(&net, 1, &mut floats).unwrap();
        let (x, y) = (samples(3, &net, 1), classes(3, &net, 1));
        let (mut sum, mut whole) = (vec![0.0; net.param_len()], vec![0.0; net.param_len()]);
        let mut state = Gradient::new(&net, &mut sum).unwrap().into_state();
        let mut uncut = Gradient::new(&net, &mut whole).unwrap();
        for (x, y) in x.chunks(3).zip(y.chunks(1)) {
            let read = GradientState::from_bytes(&state.to_bytes()).unwrap();
            let mut gradient = Gradient::resume(read, &net, &mut sum).unwrap();
            model.accumulate(x, Targets::Classes(y), &mut gradient, &mut work).unwrap();
            model.accumulate(x, Targets::Classes(y), &mut uncut, &mut work).unwrap();
            state = gradient.into_state();
        }
        assert_eq!((state, &sum), (uncut.into_state(), &whole));
    }
}

/// A noise scale that took one would never be a number again.
#[test]
fn noise_that_is_not_finite_is_left_out() {
    let mut scale = NoiseScale::new(0.5).unwrap();
    scale.update(noise(1));
    let before = scale;
    for wrong in [f32::NAN, f32::INFINITY, -3e38] {
        scale.update(Noise { variance: wrong, ..noise(2) });
        scale.update(Noise { signal: wrong, ..noise(2) });
    }
    assert_eq!(scale, before);
}
