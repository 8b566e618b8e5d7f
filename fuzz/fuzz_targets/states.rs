//! What is accepted as a small state, written again, is the same bytes; what it belongs to goes on with it, and leaves a state
//! that is read likewise.
#![no_main]

use cygnet::average::{AverageState, Gate, NormUpdate, NormUpdateState, Swag, SwagState, Window, WindowState};
use cygnet::metrics::{Calibration, Score, evaluate};
use cygnet::model::ModelState;
use cygnet::optim::{
    AdamState, AnyConfig, AnyOptimizer, AnyState, Lookahead, LookaheadState, Optimizer, ScheduleFree, ScheduleFreeAdam,
    ScheduleFreeAdamState, ScheduleFreeState, SgdConfig, SgdState,
};
use cygnet::replicas::{Votes, VotesState};
use cygnet::reservoir::{Reservoir, ReservoirConfig, ReservoirState};
use cygnet::train::{BatchSize, GradientState, Noise, NoiseScale};
use cygnet::{Activation, Adam, Averager, Error, Gradient, Model, Sgd, Spec, Targets, Workspace};
use libfuzzer_sys::fuzz_target;

const NET: Spec = Spec::new(1).dense(2, Activation::Tanh).norm().dense(2, Activation::Identity);
const P: usize = NET.param_len();
const KEPT: ReservoirConfig = ReservoirConfig { places: 2, width: 1, classes: 2 };
const MOMENTUM: SgdConfig = SgdConfig { momentum: 0.9, ..Sgd::DEFAULT };
const X: [f32; 2] = [0.25, -1.0];
const CLASSES: Targets<'_> = Targets::Classes(&[0, 1]);

/// Reads bytes as a state, and compares what is written again.
fn read<const N: usize, S>(
    bytes: &[u8],
    from: impl Fn(&[u8; N]) -> Result<S, Error>,
    to: impl Fn(&S) -> [u8; N],
) -> Option<S> {
    let bytes = bytes.first_chunk::<N>()?;
    let state = from(bytes).ok()?;
    assert_eq!(&to(&state), bytes);
    Some(state)
}

/// [`read`], of a state that stands in the guide's table of bytes.
macro_rules! read {
    ($bytes:expr, $state:ident $(, $of:expr)*) => {
        read($bytes, |bytes: &[u8; $state::BYTES]| $state::from_bytes($($of,)* bytes), $state::to_bytes)
    };
}

/// With the digest of the network at byte `at`, since few inputs have it right by chance.
fn of_network(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let Some(digest) = bytes.get_mut(at..at + 4) {
        digest.copy_from_slice(&NET.digest().to_le_bytes());
    }
    bytes
}

fn params() -> [f32; P] {
    let mut params = [0.0; P];
    Model::new(&NET, &mut params).and_then(|mut model| model.init(cygnet::Init::He, 1)).expect("exact length");
    params
}

/// Trains one step with it.
fn step(optimizer: &mut impl Optimizer) -> Result<(), Error> {
    let (mut params, mut floats) = (params(), [0.0; NET.work_len(2)]);
    let mut work = Workspace::new(&NET, 2, &mut floats)?;
    Model::new(&NET, &mut params)?.train(&X, CLASSES, optimizer, 0.1, &mut work).map(drop)
}

fn optimizers(bytes: &[u8]) {
    let digested = of_network(bytes, 0);
    let mut floats = [0.5; 3 * P];
    if read!(&digested, SgdState, MOMENTUM, &NET).is_some() {
        assert!(read!(&digested, SgdState, Sgd::DEFAULT, &NET).is_some());
    }
    if let Some(state) = read!(&digested, AdamState, Adam::DEFAULT, &NET) {
        let mut adam = Adam::resume(state, &mut floats[..2 * P]).expect("moments that may be");
        let before = adam.steps();
        // Steps stop at the last that can be counted.
        let is_done = step(&mut adam).is_ok();
        assert_eq!(adam.steps(), before.saturating_add(is_done.into()));
        assert!(read!(&adam.state().to_bytes(), AdamState, Adam::DEFAULT, &NET).is_some());
    }
    read!(bytes, ScheduleFreeState, ScheduleFree::DEFAULT);
    read!(bytes, ScheduleFreeAdamState, ScheduleFreeAdam::DEFAULT);
    read!(bytes, LookaheadState, Lookahead::DEFAULT);
    let digested = of_network(bytes, 4);
    for config in [
        AnyConfig::Sgd(MOMENTUM),
        AnyConfig::Adam(Adam::DEFAULT),
        AnyConfig::ScheduleFree(ScheduleFree::DEFAULT),
        AnyConfig::ScheduleFreeAdam(ScheduleFreeAdam::DEFAULT),
        AnyConfig::LookaheadSgd(Lookahead::DEFAULT, MOMENTUM),
        AnyConfig::LookaheadAdam(Lookahead::DEFAULT, Adam::DEFAULT),
    ] {
        let Some(state) = read!(&digested, AnyState, config, &NET) else { continue };
        assert_eq!(state.config(), config);
        let (mut params, mut floats) = (params(), [0.5; 3 * P]);
        let model = Model::new(&NET, &mut params).expect("exact length");
        let floats = &mut floats[..config.state_len(&NET)];
        let mut any = AnyOptimizer::resume(state, &model, floats).expect("floats that may be");
        assert_eq!(any.state(), state);
        // At the end of all steps there is none more.
        let _ = step(&mut any);
        assert!(read!(&any.state().to_bytes(), AnyState, config, &NET).is_some());
    }
}

fn averages(bytes: &[u8]) {
    if let Some(state) = read!(bytes, AverageState) {
        let mut mean = [1.0];
        if let Ok(mut averager) = Averager::resume(state, &mut mean)
            && averager.update(&[3.0]).is_ok()
        {
            // Between what was and the new model.
            let mean = averager.mean().expect("a model was just averaged");
            assert!((1.0..=3.0).contains(&mean[0]));
            assert!(read!(&averager.state().to_bytes(), AverageState).is_some());
        }
    }
    if let Some(state) = read!(bytes, WindowState)
        && state.size <= 3
    {
        let (mut models, mut mean) = (vec![1.0; state.size], [0.0]);
        let mut window = Window::resume(state, &mut models).expect("models that may be");
        if window.update(&[3.0]).is_ok() {
            assert!((1.0..=3.0).contains(&window.mean(&mut mean).expect("a model was just added")[0]));
            assert!(read!(&window.state().to_bytes(), WindowState).is_some());
        }
    }
    if let Some(state) = read!(bytes, SwagState) {
        let (mut mean, mut second, mut columns) = ([1.0], [0.5], [0.25; 3]);
        let mut swag = Swag::resume(state, &mut mean, &mut second, &mut columns).expect("moments that may be");
        if swag.update(&[3.0]).is_ok() {
            assert!(read!(&swag.state().to_bytes(), SwagState).is_some() && swag.variance(0) >= Some(0.0));
            assert!(swag.sample(1, 2, 1.0, &mut [0.0]).is_ok());
        }
    }
    if let Some(mut gate) = read!(bytes, Gate) {
        let least = gate.least();
        let passes = gate.pass(0.5);
        assert_eq!(gate.least(), if passes { least.min(0.5) } else { least });
        assert!(read!(&gate.to_bytes(), Gate).is_some());
    }
    if let Some(state) = read!(&of_network(bytes, 0), NormUpdateState, &NET) {
        let (mut params, mut pooled, mut floats) = (params(), [0.5; NET.norm_len()], [0.0; NET.work_len(2)]);
        let mut update = NormUpdate::resume(state, &NET, &mut params, &mut pooled).expect("statistics that may be");
        let mut work = Workspace::new(&NET, 2, &mut floats).expect("exact length");
        let _ = update.add(&X, &mut work);
        assert!(read!(&update.state().to_bytes(), NormUpdateState, &NET).is_some());
    }
}

fn training(bytes: &[u8]) {
    let (mut weights, mut floats) = (params(), [0.0; NET.work_len(2)]);
    let mut work = Workspace::new(&NET, 2, &mut floats).expect("exact length");
    if let Some(state) = read!(&of_network(bytes, 0), ModelState, &NET) {
        let mut model = Model::new(&NET, &mut weights).expect("exact length");
        model.resume(state.seed, state.steps);
        let _ = model.train(&X, CLASSES, &mut Sgd::plain(&NET).expect("a valid network"), 0.1, &mut work);
        assert!(read!(&model.state().to_bytes(), ModelState, &NET).is_some());
    }
    if let Some(mut scale) = read!(bytes, NoiseScale) {
        scale.update(Noise { variance: 2.0, signal: 0.5, square: 0.6, samples: 8 });
        assert!(read!(&scale.to_bytes(), NoiseScale).is_some());
    }
    if let Some(mut size) = read!(bytes, BatchSize) {
        size.update(8, Some(Noise { variance: 2.0, signal: 0.5, square: 0.6, samples: 8 }));
        assert!(read!(&size.to_bytes(), BatchSize).is_some());
    }
    if let Some(state) = read!(&of_network(bytes, 0), GradientState) {
        let (mut params, mut sum) = (params(), [0.5; P]);
        let model = Model::new(&NET, &mut params).expect("exact length");
        if let Ok(mut gradient) = Gradient::resume(state, &NET, &mut sum) {
            let _ = model.accumulate(&X, CLASSES, &mut gradient, &mut work);
            assert!(read!(&gradient.state().to_bytes(), GradientState).is_some());
        }
    }
}

fn results(bytes: &[u8]) {
    if let Some(mut score) = read!(bytes, Score) {
        let (params, mut floats) = (params(), [0.0; NET.predict_len(2)]);
        let mut work = Workspace::for_prediction(&NET, 2, &mut floats).expect("exact length");
        let _ = evaluate(&NET, &params, &X, CLASSES, &mut score, &mut work);
        // Losses near the largest float may add up to infinity.
        assert!(!score.loss().is_finite() || read!(&score.to_bytes(), Score).is_some());
    }
    if let Some(mut calibration) = read!(bytes, Calibration) {
        let _ = calibration.add(&[0.25, 0.75], 1);
        assert!(read!(&calibration.to_bytes(), Calibration).is_some());
    }
    if let Some(state) = read!(bytes, VotesState) {
        let mut floats = [0.5; 8];
        if let Ok(mut votes) = Votes::resume(state, &mut floats) {
            let _ = votes.add(&mut [0.5; 2], 1.0);
            assert!(read!(&votes.state().to_bytes(), VotesState).is_some());
        }
    }
    if let Some(state) = read!(bytes, ReservoirState, KEPT) {
        let (mut samples, mut labels, mut counts) = ([0.5; 2], [0, 1], [1; 4]);
        if let Ok(mut reservoir) = Reservoir::resume(state, &mut samples, &mut labels, &mut counts) {
            let _ = reservoir.offer(&[0.5], 1);
            assert!(read!(&reservoir.state().to_bytes(), ReservoirState, KEPT).is_some());
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Some((kind, bytes)) = bytes.split_first() {
        [optimizers, averages, training, results][usize::from(kind % 4)](bytes);
    }
});
