//! Lookahead and schedule-free SGD against their algorithms in double precision.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{bits, cases};
use cygnet::error::{Buffer, CheckpointFault, Setting, Value};
use cygnet::optim::{
    AdamConfig, AdamState, AnyConfig, AnyOptimizer, Lookahead, LookaheadConfig, LookaheadState, Optimizer,
    ScheduleFree, ScheduleFreeAdam, ScheduleFreeAdamConfig, ScheduleFreeAdamState, ScheduleFreeConfig,
    ScheduleFreeState, SgdConfig, SgdState,
};
use cygnet::{Activation, Adam, Averager, Error, Init, Loss, Model, Sgd, Spec, Targets, Workspace};
use proptest::collection::vec;
use proptest::prelude::*;

/// Of weights of up to 10 after 60 steps, each with a few roundings of 2⁻²⁴ of them.
const TOLERANCE: f64 = 60.0 * 4.0 * 10.0 / 16_777_216.0;

fn close(ours: &[f32], exact: &[f64]) -> bool {
    ours.len() == exact.len() && ours.iter().zip(exact).all(|(&a, b)| (f64::from(a) - b).abs() <= TOLERANCE)
}

/// Not to be multiplied in one instruction with another widened float: QEMU 7.2 gets that of s390x wrong.
fn widened(x: f32) -> f64 {
    std::hint::black_box(f64::from(x))
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&x| x.into()).collect()
}

/// A gradient that depends on where it is taken: of `½ Σ a_i (w_i − c_i)²`, summed over two samples.
fn gradient(w: &[f32], a: &[f32], c: &[f32]) -> Vec<f32> {
    w.iter().zip(a).zip(c).map(|((w, a), c)| 2.0 * a * (w - c)).collect()
}

/// A step along that gradient, in ranges, as training has it.
fn step(optimizer: &mut dyn Optimizer, rate: f32, w: &mut [f32], (a, c): (&[f32], &[f32]), cut: usize) {
    let g = gradient(w, a, c);
    let largest = |x: &[f32]| x.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
    optimizer.begin(rate, 0.5, largest(w), largest(&g)).unwrap();
    let (first, second) = w.split_at_mut(cut);
    optimizer.update(0, first, &g[..cut]);
    optimizer.update(cut, second, &g[cut..]);
}

type Problem = (Vec<f32>, Vec<f32>, Vec<f32>);

/// A network of as many parameters.
fn net(params: usize) -> Spec {
    Spec::new(1).dense(params as u16 / 2, Activation::Identity).loss(Loss::MeanSquared)
}

fn problem() -> impl Strategy<Value = Problem> {
    (1_usize..7)
        .prop_map(|units| 2 * units)
        .prop_flat_map(|n| (vec(-2.0_f32..2.0, n), vec(0.1_f32..1.0, n), vec(-2.0_f32..2.0, n)))
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn lookahead_follows_its_algorithm_and_resumes(
        (w, a, c) in problem(),
        every in 1_u32..8,
        alpha in 0.0_f32..1.0,
        stop in 0_u64..60,
        cut in any::<prop::sample::Index>(),
    ) {
        let config = LookaheadConfig { every, alpha };
        let cut = cut.index(w.len());
        let net = net(w.len());
        let sgd = || Sgd::plain(&net).unwrap();
        let (mut own, mut fast, mut slow) = (w.clone(), w.clone(), vec![0.0; w.len()]);
        let model = Model::new(&net, &mut own).unwrap();
        let mut optimizer = Lookahead::new(config, sgd(), &model, &mut slow).unwrap();
        let (mut theta, mut phi) = (wide(&w), wide(&w));
        for t in 1..=60_u64 {
            if t == stop {
                optimizer = Lookahead::resume(LookaheadState { config, steps: t - 1 }, sgd(), &model, &mut slow).unwrap();
            }
            step(&mut optimizer, 0.3, &mut fast, (&a, &c), cut);
            for (i, theta) in theta.iter_mut().enumerate() {
                *theta -= f64::from(0.3_f32) * f64::from(a[i]) * (*theta - f64::from(c[i]));
                if t % u64::from(every) == 0 {
                    phi[i] += f64::from(alpha) * (*theta - phi[i]);
                    *theta = phi[i];
                }
            }
            prop_assert!(close(&fast, &theta) && close(optimizer.slow(), &phi), "step {}", t);
        }
    }

    #[test]
    fn schedule_free_follows_its_algorithm_and_resumes(
        (w, a, c) in problem(),
        beta in 0.0_f32..1.0,
        weight_decay in prop_oneof![Just(0.0_f32), 0.0_f32..0.1],
        warmup in 0_u64..10,
        stop in 0_u64..60,
        cut in any::<prop::sample::Index>(),
    ) {
        let config = ScheduleFreeConfig { beta, weight_decay, no_bias_decay: false };
        let cut = cut.index(w.len());
        let mut floats = vec![0.0; 2 * w.len()];
        let (net, mut own, mut params) = (net(w.len()), w.clone(), w.clone());
        let model = Model::new(&net, &mut own).unwrap();
        let mut optimizer = ScheduleFree::new(config, &model, &mut floats).unwrap();
        let (mut y, mut z, mut x, mut squares) = (wide(&w), wide(&w), wide(&w), 0.0);
        for t in 1..=60_u64 {
            if t == stop {
                let state = optimizer.state();
                optimizer = ScheduleFree::resume(state, &model, &mut floats).unwrap();
            }
            let rate = if t <= warmup { 0.3 * t as f32 / (warmup + 1) as f32 } else { 0.3 };
            step(&mut optimizer, rate, &mut params, (&a, &c), cut);
            let rate = widened(rate);
            squares += rate * rate;
            let gain = rate * rate / squares;
            for i in 0..w.len() {
                let g = f64::from(a[i]) * (y[i] - f64::from(c[i]));
                z[i] -= rate * (g + f64::from(weight_decay) * y[i]);
                x[i] = (1.0 - gain) * x[i] + gain * z[i];
                y[i] = (1.0 - f64::from(beta)) * z[i] + f64::from(beta) * x[i];
            }
            prop_assert!(close(&params, &y) && close(&optimizer.averaged().unwrap(), &x), "step {}", t);
        }
        prop_assert!(close(&floats[..w.len()], &z));
    }

    #[test]
    fn schedule_free_adam_follows_its_algorithm_and_resumes(
        (w, a, c) in problem(),
        (beta1, beta2) in (0.0_f32..1.0, 0.5_f32..0.9999),
        weight_decay in prop_oneof![Just(0.0_f32), 0.0_f32..0.1],
        stop in 0_u64..60,
        cut in any::<prop::sample::Index>(),
    ) {
        let config = ScheduleFreeAdamConfig { beta1, beta2, weight_decay, epsilon: 1e-3, no_bias_decay: false };
        let cut = cut.index(w.len());
        let mut floats = vec![f32::NAN; 3 * w.len()];
        let (net, mut own, mut params) = (net(w.len()), w.clone(), w.clone());
        let model = Model::new(&net, &mut own).unwrap();
        let mut optimizer = ScheduleFreeAdam::new(config, &model, &mut floats).unwrap();
        let (mut y, mut z, mut x, mut v, mut squares) = (wide(&w), wide(&w), wide(&w), vec![0.0; w.len()], 0.0);
        let (beta1, beta2) = (f64::from(beta1), f64::from(beta2));
        for t in 1..=60_u64 {
            if t == stop {
                let state = ScheduleFreeAdamState::from_bytes(config, &optimizer.state().to_bytes()).unwrap();
                optimizer = ScheduleFreeAdam::resume(state, &model, &mut floats).unwrap();
            }
            let reach = optimizer.begin(0.01, 1.0, 64.0, 64.0).unwrap();
            // Of their own: near its zero, a gradient's rounding would decide its direction.
            let gradient: Vec<f32> = a.iter().zip(&c).map(|(a, c)| a * (c - 9.0 / t as f32)).collect();
            optimizer.update(0, &mut params[..cut], &gradient[..cut]);
            optimizer.update(cut, &mut params[cut..], &gradient[cut..]);
            prop_assert!(params.iter().all(|w| w.abs() <= 64.0 + reach));
            let rate = widened(0.01) * (1.0 - beta2.powi(t as i32)).sqrt();
            squares += rate * rate;
            let gain = rate * rate / squares;
            for i in 0..w.len() {
                let g = f64::from(gradient[i]);
                v[i] = beta2 * v[i] + (1.0 - beta2) * g * g;
                z[i] -= rate * (g / (v[i].sqrt() + f64::from(1e-3_f32)) + f64::from(weight_decay) * y[i]);
                x[i] = (1.0 - gain) * x[i] + gain * z[i];
                y[i] = (1.0 - beta1) * z[i] + beta1 * x[i];
            }
            prop_assert!(close(&params, &y) && close(&optimizer.averaged().unwrap(), &x), "step {}", t);
        }
        prop_assert_eq!(optimizer.steps(), 60);
        prop_assert!(close(optimizer.floats(), &[z, x].concat()) && close(optimizer.second_moments(), &v));
    }

    #[test]
    fn slow_weights_that_stay_hold_still_and_rare_ones_leave_the_inner_optimizer_alone((w, a, c) in problem()) {
        let net = net(w.len());
        let sgd = || Sgd::plain(&net).unwrap();
        let (mut own, mut plain, mut fast, mut slow) = (w.clone(), w.clone(), w.clone(), vec![0.0; w.len()]);
        let model = Model::new(&net, &mut own).unwrap();
        let config = LookaheadConfig { every: 1, alpha: 0.0 };
        let mut still = Lookahead::new(config, sgd(), &model, &mut slow).unwrap();
        step(&mut still, 0.1, &mut fast, (&a, &c), 0);
        // With α = 0 nothing ever moves.
        prop_assert_eq!(bits(&fast), bits(&w));
        let mut slow = vec![0.0; w.len()];
        let mut rare = Lookahead::new(LookaheadConfig { every: 1000, alpha: 0.5 }, sgd(), &model, &mut slow).unwrap();
        for _ in 0..20 {
            step(&mut rare, 0.1, &mut fast, (&a, &c), 0);
            step(&mut sgd(), 0.1, &mut plain, (&a, &c), 0);
        }
        prop_assert_eq!(bits(&fast), bits(&plain));
    }
}

const NET: Spec = Spec::new(3).dense(5, Activation::Tanh).dense(2, Activation::Identity).loss(Loss::MeanSquared);
const P: usize = NET.param_len();

/// Trains on a line and returns the last loss of the weights that predict.
fn learn(optimizer: &mut dyn Optimizer, params: &mut [f32], rate: f32) -> f32 {
    let (mut floats, mut mean) = (vec![0.0; NET.work_len(4)], vec![0.0; P]);
    let mut model = Model::new(&NET, params).unwrap();
    let mut work = Workspace::new(&NET, 4, &mut floats).unwrap();
    let mut average = Averager::new(&mut mean);
    let batch = |t: usize| -> ([f32; 12], [f32; 8]) {
        let x: [f32; 12] = core::array::from_fn(|i| ((t * 7 + i * 5) % 13) as f32 / 6.5 - 1.0);
        (x, core::array::from_fn(|i| 0.5 * x[i / 2 * 3] - 0.25 * x[i / 2 * 3 + 1 + i % 2]))
    };
    for t in 0..2000 {
        let (x, targets) = batch(t);
        model.train(&x, Targets::Values(&targets), optimizer, rate, &mut work).unwrap();
        // The bound on the parameters holds, whatever the optimizer does: an average takes them unseen.
        average.update(&model).unwrap();
    }
    assert!(average.mean().unwrap().iter().all(|w| w.is_finite()));
    let weights = optimizer.averaged().map_or_else(|| model.params().to_vec(), |x| x.to_vec());
    let mut score = cygnet::metrics::Score::default();
    for t in 0..13 {
        let (x, targets) = batch(t);
        cygnet::metrics::evaluate(&NET, &weights, &x, Targets::Values(&targets), &mut score, &mut work).unwrap();
    }
    score.loss()
}

#[test]
fn all_learn() {
    let mut start = [0.0; P];
    Model::new(&NET, &mut start).unwrap().init(Init::Glorot, 3).unwrap();
    let mut own = start;
    let model = Model::new(&NET, &mut own).unwrap();
    let (mut slow, mut floats, mut moments) = ([0.0; P], [0.0; 2 * P], [0.0; 2 * P]);
    let adam = Adam::new(AdamConfig::default(), &NET, &mut moments).unwrap();
    let mut lookahead = Lookahead::new(LookaheadConfig::default(), adam, &model, &mut slow).unwrap();
    let mut schedule_free = ScheduleFree::new(ScheduleFreeConfig::default(), &model, &mut floats).unwrap();
    let losses = [learn(&mut lookahead, &mut start.clone(), 0.01), learn(&mut schedule_free, &mut own, 0.3)];
    assert!(losses.iter().all(|&loss| loss < 1e-3), "{losses:?}");
    let (mut own, mut floats) = (start, [0.0; 3 * P]);
    let model = Model::new(&NET, &mut own).unwrap();
    let mut adam = ScheduleFreeAdam::new(ScheduleFreeAdam::DEFAULT, &model, &mut floats).unwrap();
    let losses = [learn(&mut adam, &mut own, 0.01)];
    assert!(losses.iter().all(|&loss| loss < 1e-3), "{losses:?}");
}

#[test]
fn weights_by_hand_leave_no_bound() {
    // A step outside training, along an infinite gradient, then one within.
    let start = [0.5; P];
    let x = [0.5; 3];
    let target = [1.0; 2];
    let (mut own, mut slow, mut floats) = (start, [0.0; P], [0.0; 2 * P]);
    let model = Model::new(&NET, &mut own).unwrap();
    let sgd = Sgd::plain(&NET).unwrap();
    let mut lookahead = Lookahead::new(LookaheadConfig { every: 1, alpha: 0.5 }, sgd, &model, &mut slow).unwrap();
    let mut schedule_free = ScheduleFree::new(ScheduleFreeConfig::default(), &model, &mut floats).unwrap();
    let optimizers: [&mut dyn Optimizer; 2] = [&mut lookahead, &mut schedule_free];
    for optimizer in optimizers {
        let (mut work, mut mean) = (vec![0.0; NET.work_len(1)], [0.0; P]);
        own = start;
        let mut model = Model::new(&NET, &mut own).unwrap();
        let mut work = Workspace::new(&NET, 1, &mut work).unwrap();
        let mut average = Averager::new(&mut mean);
        model.train(&x, Targets::Values(&target), optimizer, 0.1, &mut work).unwrap();
        average.update(&model).unwrap();
        // Twice as far as it was told.
        optimizer.begin(1.0, 1.0, 1.0, 1e38).unwrap();
        optimizer.update(0, &mut [0.0; P], &[-1e38; P]);
        optimizer.update(0, &mut [0.0; P], &[-1e38; P]);
        for _ in 0..3 {
            let _ = model.train(&x, Targets::Values(&target), optimizer, 0.1, &mut work);
            let sound = model.params().iter().all(|w| w.abs() < 1.7e38);
            assert!(sound || average.update(&model).is_err());
        }
    }
}

#[test]
fn settings_and_lengths_are_checked() {
    let sgd = || Sgd::plain(&NET).unwrap();
    let mut own = [0.5; P];
    let model = Model::new(&NET, &mut own).unwrap();
    for config in [
        LookaheadConfig { every: 0, alpha: 0.5 },
        LookaheadConfig { every: 5, alpha: -0.1 },
        LookaheadConfig { every: 5, alpha: f32::NAN },
        LookaheadConfig { every: 5, alpha: 1.5 },
    ] {
        let mut slow = [7.0; P];
        let error = Lookahead::new(config, sgd(), &model, &mut slow).err();
        assert_eq!((error, slow), (Some(Error::Setting(Setting::Lookahead)), [7.0; P]));
    }
    let length = |needed, got| Some(Error::Length { buffer: Buffer::Optimizer, needed, got });
    let config = LookaheadConfig::default();
    assert_eq!(Lookahead::new(config, sgd(), &model, &mut [0.0; 3]).err(), length(P, 3));
    assert_eq!(
        Lookahead::resume(LookaheadState { config, steps: 4 }, sgd(), &model, &mut [0.0; 3]).err(),
        length(P, 3)
    );
    for beta in [1.0, -0.1, f32::NAN] {
        let config = ScheduleFreeConfig { beta, weight_decay: 0.0, no_bias_decay: false };
        let mut floats = [7.0; 2 * P];
        let error = ScheduleFree::new(config, &model, &mut floats).err();
        assert_eq!((error, floats), (Some(Error::Setting(Setting::Beta)), [7.0; 2 * P]));
    }
    let config = ScheduleFreeConfig { beta: 0.9, weight_decay: 2.0, no_bias_decay: false };
    let error = ScheduleFree::new(config, &model, &mut [0.0; 2 * P]).err();
    assert_eq!(error, Some(Error::Setting(Setting::WeightDecay)));
    let config = ScheduleFreeConfig::default();
    assert_eq!(ScheduleFree::new(config, &model, &mut [0.0; 3]).err(), length(2 * P, 3));
    let state = ScheduleFreeState::new(ScheduleFree::DEFAULT);
    assert_eq!(ScheduleFree::resume(state, &model, &mut [0.0; 3]).err(), length(2 * P, 3));
    let good = ScheduleFreeAdam::DEFAULT;
    for (config, setting) in [
        (ScheduleFreeAdamConfig { beta1: 1.0, ..good }, Setting::Beta),
        (ScheduleFreeAdamConfig { beta2: f32::NAN, ..good }, Setting::Beta),
        (ScheduleFreeAdamConfig { epsilon: 1e-16, ..good }, Setting::Epsilon),
        (ScheduleFreeAdamConfig { weight_decay: 2.0, ..good }, Setting::WeightDecay),
    ] {
        let mut floats = [7.0; 3 * P];
        let error = ScheduleFreeAdam::new(config, &model, &mut floats).err();
        assert_eq!((error, floats), (Some(Error::Setting(setting)), [7.0; 3 * P]));
    }
    assert_eq!(ScheduleFreeAdam::new(good, &model, &mut [0.0; 3]).err(), length(3 * P, 3));
    let state = ScheduleFreeAdamState::new(good);
    assert_eq!(ScheduleFreeAdam::resume(state, &model, &mut [0.0; 3]).err(), length(3 * P, 3));
}

#[test]
fn a_state_that_training_does_not_leave_is_not_continued_with() {
    let mut own = [0.5; P];
    let model = Model::new(&NET, &mut own).unwrap();
    for odd in [f32::NAN, f32::INFINITY, -3e38] {
        let odd_state = |index| Some(Error::NonFinite { value: Value::State, index });
        let (mut slow, mut floats) = ([0.5; P], [0.5; 2 * P]);
        (slow[2], floats[P + 1]) = (odd, odd);
        let sgd = Sgd::plain(&NET).unwrap();
        assert_eq!(
            Lookahead::resume(LookaheadState { config: LookaheadConfig::default(), steps: 1 }, sgd, &model, &mut slow)
                .err(),
            odd_state(2)
        );
        let state = ScheduleFreeState::new(ScheduleFree::DEFAULT);
        let free = ScheduleFree::resume(state, &model, &mut floats);
        assert_eq!(free.err(), odd_state(P + 1));
        let mut floats = [0.5; 3 * P];
        floats[2 * P + 1] = odd;
        let state = ScheduleFreeAdamState::new(ScheduleFreeAdam::DEFAULT);
        assert_eq!(ScheduleFreeAdam::resume(state, &model, &mut floats).err(), odd_state(2 * P + 1));
    }
}

#[test]
fn a_schedule_free_state_comes_back_from_its_bytes_and_training_goes_on_as_if_it_had_never_stopped() {
    let config = ScheduleFreeConfig::default();
    let step = |model: &mut Model<'_>, optimizer: &mut dyn Optimizer, rate| {
        let mut floats = vec![0.0; NET.work_len(2)];
        let mut work = Workspace::new(&NET, 2, &mut floats).unwrap();
        let x: Vec<f32> = (0..2 * NET.inputs()).map(|i| i as f32 * 0.3 - 0.5).collect();
        let y = vec![0.25; 2 * NET.outputs()];
        model.train(&x, Targets::Values(&y), optimizer, rate, &mut work).unwrap();
    };
    let (mut whole, mut floats) = (vec![0.3; P], vec![0.0; 2 * P]);
    let mut model = Model::new(&NET, &mut whole).unwrap();
    let mut free = ScheduleFree::new(config, &model, &mut floats).unwrap();
    let rates: Vec<f32> = (0..50).map(|i| 0.01 + i as f32 * 1e-4).collect();
    let mut stored = None;
    for (i, &rate) in rates.iter().enumerate() {
        if i == 30 {
            stored = Some((model.params().to_vec(), free.state().to_bytes(), [model.steps()]));
        }
        step(&mut model, &mut free, rate);
    }
    let end = (model.params().to_vec(), free.averaged().unwrap().to_vec(), free.state());

    // The same thirty steps, then the state from its bytes.
    let (mut params, mut floats) = (vec![0.3; P], vec![0.0; 2 * P]);
    let mut model = Model::new(&NET, &mut params).unwrap();
    let mut free = ScheduleFree::new(config, &model, &mut floats).unwrap();
    rates[..30].iter().for_each(|&rate| step(&mut model, &mut free, rate));
    let (at, bytes, [steps]) = stored.unwrap();
    assert_eq!((model.params(), model.steps(), free.state().to_bytes()), (&at[..], steps, bytes));
    let state = ScheduleFreeState::from_bytes(config, &bytes).unwrap();
    let mut free = ScheduleFree::resume(state, &model, &mut floats).unwrap();
    rates[30..].iter().for_each(|&rate| step(&mut model, &mut free, rate));
    assert_eq!((model.params().to_vec(), free.averaged().unwrap().to_vec(), free.state()), end);

    let of = |high: f32, low: f32| {
        let [a, b] = [high, low].map(f32::to_le_bytes);
        ScheduleFreeState::from_bytes(ScheduleFree::DEFAULT, &[a, b].concat().try_into().unwrap())
    };
    assert_eq!(of(0.0, 0.0), Ok(ScheduleFreeState::new(ScheduleFree::DEFAULT)));
    for (high, low) in [(-1.0, 0.0), (f32::NAN, 0.0), (f32::INFINITY, 0.0), (1.0, f32::NAN), (1.0, 0.5), (0.0, 1e-9)] {
        assert_eq!(of(high, low), Err(Error::Checkpoint(CheckpointFault::Field(0))), "{high} {low}");
    }
}

/// As this very type, which is not dereferenced.
fn of<O: Optimizer>(optimizer: &mut O) -> &mut dyn Optimizer {
    optimizer
}

/// An optimizer behind a reference, as Lookahead takes one that is not to be lost, is the optimizer itself.
#[test]
fn a_borrowed_optimizer_takes_the_same_steps() {
    const NET: Spec = Spec::new(2).dense(3, Activation::Tanh).dense(2, Activation::Identity).loss(Loss::MeanSquared);
    let decayed = SgdConfig { momentum: 0.9, weight_decay: 0.1, ..SgdConfig::default() };
    let configs = [
        AnyConfig::Sgd(SgdConfig::default()),
        AnyConfig::Sgd(decayed),
        AnyConfig::Adam(AdamConfig::default()),
        AnyConfig::ScheduleFree(ScheduleFreeConfig::default()),
        AnyConfig::LookaheadSgd(LookaheadConfig { every: 2, alpha: 0.5 }, decayed),
    ];
    for config in configs {
        let train = |is_borrowed: bool| {
            let (mut params, mut floats) = (vec![0.0; NET.param_len()], vec![0.0; config.state_len(&NET)]);
            let mut work = vec![0.0; NET.work_len(2)];
            let mut work = Workspace::new(&NET, 2, &mut work).unwrap();
            let mut model = Model::new(&NET, &mut params).unwrap();
            model.init(Init::Glorot, 3).unwrap();
            let mut optimizer = AnyOptimizer::new(config, &model, &mut floats).unwrap();
            let mut bounds = Vec::new();
            for _ in 0..5 {
                for (x, y) in [(&[0.5, 0.0][..], &[1.0, -1.0][..]), (&[0.1, -0.7, 0.3, 0.9], &[0.0, 1.0, 1.0, 0.5])] {
                    let mut borrowed = &mut optimizer;
                    let optimizer: &mut dyn Optimizer = if is_borrowed { of(&mut borrowed) } else { of(borrowed) };
                    model.train(x, Targets::Values(y), optimizer, 0.05, &mut work).unwrap();
                    // By its own functions: a method would be that of a reference in any case.
                    bounds.push((Optimizer::rests_at_zero(&*optimizer), Optimizer::owns_weights(&*optimizer)));
                }
            }
            let mut borrowed = &mut optimizer;
            let last: &mut dyn Optimizer = if is_borrowed { of(&mut borrowed) } else { of(borrowed) };
            let averaged = Optimizer::averaged(&*last).map(|params| bits(&params));
            // What it says of the next step, and of another model.
            let reach = Optimizer::begin(last, 0.05, 1.0, 2.0, 3.0).map(f32::to_bits);
            let mut others = vec![0.0; net(8).param_len()];
            let foreign = Optimizer::check(&*last, &Model::new(&net(8), &mut others).unwrap());
            (bits(model.params()), optimizer.state().to_bytes(), bounds, averaged, reach, foreign)
        };
        assert_eq!(train(true), train(false), "{config:?}");
    }
}

/// The first and the second step of an optimizer on weights of magnitudes up to 1.5 along a gradient up to 8, of 4 samples, at
/// a rate of 0.5: how much further from zero each may take a weight.
fn reaches(optimizer: &mut dyn Optimizer) -> [f32; 2] {
    [(); 2].map(|()| optimizer.begin(0.5, 0.25, 1.5, 8.0).unwrap())
}

fn are_close(ours: [f32; 2], exact: [f64; 2]) -> bool {
    ours.into_iter().zip(exact).all(|(a, b)| (f64::from(a) - b).abs() <= 1e-5 * b.abs())
}

#[test]
fn the_bound_on_a_step_is_that_of_its_formula() {
    let net = net(2);
    let sgd = |momentum, weight_decay| {
        let config = SgdConfig { momentum, weight_decay, ..SgdConfig::default() };
        let mut velocity = vec![-3.0; config.state_len(&net)];
        reaches(&mut Sgd::resume(SgdState::new(config, &net).unwrap(), &mut velocity).unwrap())
    };
    // g = 8/4 + λ·1.5, v = μ·3 + g, η(g + v).
    assert!(are_close(sgd(0.0, 0.0), [1.0, 1.0]));
    assert!(are_close(sgd(0.0, 0.2), [1.15, 1.15]));
    assert!(are_close(sgd(0.9, 0.2), [0.5 * (2.3 + 5.0), 0.5 * (2.3 + 6.8)]));
    let adam = |weight_decay| {
        let config = AdamConfig { epsilon: 0.125, ..AdamConfig::decoupled(weight_decay) };
        let mut moments = [3.0, -3.0, 1.0, 1.0];
        reaches(&mut Adam::resume(AdamState::new(config, &net, 3).unwrap(), &mut moments).unwrap())
    };
    // m = 0.9·3 + 0.1·2, |ηλ|·1.5 + η/(1 − 0.9ᵗ)·m/ε.
    let of_moments = [(2.9, 4), (2.81, 5)].map(|(m, t): (f64, i32)| 0.5 / (1.0 - 0.9_f64.powi(t)) * m / 0.125);
    assert!(are_close(adam(0.0), of_moments));
    assert!(are_close(adam(0.2), of_moments.map(|reach| 0.15 + reach)));
    let (mut params, mut floats, mut slow) = ([2.0; 2], [0.0; 6], [0.0; 2]);
    let model = Model::new(&net, &mut params).unwrap();
    let free = |floats: &mut [f32], weight_decay| {
        let config = ScheduleFreeConfig { weight_decay, ..ScheduleFreeConfig::default() };
        reaches(&mut ScheduleFree::new(config, &model, floats).unwrap())
    };
    // z = 2 + η(2 + λ·1.5), less the weights.
    assert!(are_close(free(&mut floats[..4], 0.0), [1.5, 2.5]));
    assert!(are_close(free(&mut floats[..4], 0.2), [1.65, 2.8]));
    let config = ScheduleFreeAdamConfig { beta2: 0.75, weight_decay: 0.2, ..ScheduleFreeAdamConfig::default() };
    let ours = reaches(&mut ScheduleFreeAdam::new(config, &model, &mut floats).unwrap());
    // γ = η·√(1 − 0.75ᵗ), z = 2 + γ(1.01/√0.25 + λ·1.5).
    let moved = [1, 2].map(|t| 0.5 * (1.0 - 0.75_f64.powi(t)).sqrt() * (2.02 + 0.3));
    assert!(are_close(ours, [0.5 + moved[0], 0.5 + moved[0] + moved[1]]));
    let mut ahead = |every| {
        let config = LookaheadConfig { every, alpha: 0.5 };
        reaches(&mut Lookahead::new(config, Sgd::plain(&net).unwrap(), &model, &mut slow).unwrap())
    };
    // The slow weights are 2, the fast ones at most 1.5 + 1.
    assert!(are_close(ahead(1), [1.0, 1.0]) && are_close(ahead(2), [1.0, 1.0]));
}

/// The step that might take a number to 2^127 is the first that is refused.
#[test]
fn a_step_has_room_below_2_to_the_127() {
    let net = net(2);
    let limit = 2.0_f32.powi(127);
    let error = Error::NonFinite { value: Value::Step, index: 0 };
    // Fits where weights of magnitudes up to the first number have room, and not up to the second.
    let fits = |optimizer: &mut dyn Optimizer, rate: f32, gradient: f32, [low, high]: [f32; 2]| {
        assert_eq!(optimizer.begin(rate, 0.5, high, gradient).err(), Some(error));
        assert!(optimizer.begin(rate, 0.5, low, gradient).is_ok());
    };
    fits(&mut Sgd::plain(&net).unwrap(), 1.0, 0.0, [limit.next_down(), limit]);
    // With a momentum the velocity counts, too: weights, step and velocity.
    fits(&mut Sgd::plain(&net).unwrap(), 2.0, 4e37, [1.29e38, 1.31e38]);
    let config = SgdConfig { momentum: 0.5, ..SgdConfig::default() };
    let mut velocity = [4e37; 2];
    fits(&mut Sgd::resume(SgdState::new(config, &net).unwrap(), &mut velocity).unwrap(), 1.0, 4e37, [6.9e37, 7.1e37]);
    let adam = AdamConfig { epsilon: 1e19, ..AdamConfig::default() };
    // A square of 1e38.
    fits(&mut Adam::new(adam, &net, &mut [0.0; 4]).unwrap(), 1.0, 2e19, [7e37, 7.1e37]);
    let mut second = [0.0, 0.0, limit, 0.0];
    assert!(Adam::resume(AdamState::new(adam, &net, 1).unwrap(), &mut second).is_err());
    let mut params = [1e38; 2];
    let model = Model::new(&net, &mut params).unwrap();
    let mut floats = [0.0; 6];
    let mut free = ScheduleFree::new(ScheduleFreeConfig::default(), &model, &mut floats[..4]).unwrap();
    assert_eq!(free.begin(1.0, 0.5, 0.0, 1.42e38).err(), Some(error));
    assert!(free.begin(1.0, 0.5, 0.0, 1.38e38).is_ok());
    let mut free = ScheduleFreeAdam::new(ScheduleFreeAdam::DEFAULT, &model, &mut floats).unwrap();
    assert_eq!(free.begin(0.0, 0.5, 0.0, 3e19).err(), Some(error));
    assert!(free.begin(0.0, 0.5, 0.0, 2e19).is_ok() && free.steps() == 1);
    let mut slow = [0.0; 2];
    let mut ahead = Lookahead::new(LookaheadConfig::default(), Sgd::plain(&net).unwrap(), &model, &mut slow).unwrap();
    assert_eq!((ahead.begin(2.0, 0.5, 1.31e38, 4e37).err(), ahead.steps()), (Some(error), 0));
}
