//! The bound on the parameters is one, whatever an optimizer and a caller do.

use crate::average::Averager;
use crate::error::{Error, Value};
use crate::kernels;
use crate::model::params::{LIMIT, Params};
use crate::model::{Init, Model, Workspace};
use crate::network::activation::Activation;
use crate::network::loss::Loss;
use crate::network::spec::Spec;
use crate::optim::{Adam, AdamConfig, AdamState, Optimizer, Sgd, SgdConfig, SgdState};
use crate::targets::Targets;
use std::boxed::Box;
use std::vec;

const NET: Spec = Spec::new(3).dense(5, Activation::Tanh).dense(2, Activation::Identity).loss(Loss::MeanSquared);
const LEN: usize = NET.param_len();

/// Trains for a while and compares the bound with the parameters after every step.
fn follow(optimizer: &mut dyn Optimizer, rate: f32) -> f32 {
    let (mut params, mut floats) = (vec![0.0; LEN], vec![0.0; NET.work_len(4)]);
    let mut model = Model::new(&NET, &mut params).unwrap();
    model.init(Init::He, 1).unwrap();
    let mut work = Workspace::new(&NET, 4, &mut floats).unwrap();
    let x: [f32; 12] = core::array::from_fn(|i| i as f32 - 6.0);
    for step in 0..200 {
        let targets = [(step % 7) as f32; 8];
        if model.train(&x, Targets::Values(&targets), optimizer, rate, &mut work).is_err() {
            break;
        }
        let largest = kernels::largest(model.params);
        let bound = model.bound.get();
        assert!(bound >= LIMIT || bound.is_nan() || bound >= largest, "step {step}: {bound} {largest}");
    }
    model.bound.get()
}

#[test]
fn a_bound_on_the_parameters_follows_them() {
    let decay = SgdConfig { weight_decay: 0.1, ..SgdConfig::default() };
    let momentum = SgdConfig { momentum: 0.9, nesterov: false, weight_decay: 0.1, no_bias_decay: false };
    let nesterov = SgdConfig { nesterov: true, ..momentum };
    for config in [SgdConfig::default(), decay, momentum, nesterov] {
        for rate in [1e-3, 0.03, 1.0, 100.0] {
            let mut state = vec![0.0; config.state_len(&NET)];
            let bound = follow(&mut Sgd::new(config, &NET, &mut state).unwrap(), rate);
            assert!(rate > 0.1 || bound < 1e9, "{bound}");
        }
    }
    let coupled = AdamConfig { weight_decay: 0.1, ..AdamConfig::default() };
    for config in [AdamConfig::default(), coupled, AdamConfig::decoupled(0.5)] {
        for rate in [1e-3, 1.0] {
            let mut state = vec![0.0; config.state_len(&NET)];
            let bound = follow(&mut Adam::new(config, &NET, &mut state).unwrap(), rate);
            assert_eq!(bound < 1e25, config != coupled, "{bound}");
        }
    }
}

#[test]
fn states_from_elsewhere_give_no_false_bound_or_are_refused() {
    let momentum = SgdConfig { momentum: 0.9, ..SgdConfig::default() };
    let state = |index| Some(Error::NonFinite { value: Value::State, index });
    for odd in [1e30, -1e30, 1e38] {
        follow(&mut Sgd::resume(SgdState::new(momentum, &NET).unwrap(), &mut [odd; LEN]).unwrap(), 0.1);
        for beta2 in [0.0, 0.999] {
            let mut moments = [odd.abs(); 2 * LEN];
            moments[3] = odd;
            let config = AdamConfig { beta2, ..AdamConfig::default() };
            follow(&mut Adam::resume(AdamState::new(config, &NET, 3).unwrap(), &mut moments).unwrap(), 0.1);
        }
    }
    for odd in [LIMIT, -f32::MAX, f32::INFINITY, f32::NAN, -1.0] {
        let (mut velocity, mut moments) = ([0.1; LEN], [0.1; 2 * LEN]);
        (velocity[5], moments[LEN + 7]) = (odd, odd);
        assert_eq!(
            Sgd::resume(SgdState::new(momentum, &NET).unwrap(), &mut velocity).err(),
            if odd == -1.0 { None } else { state(5) }
        );
        assert_eq!(
            Adam::resume(AdamState::new(AdamConfig::default(), &NET, 3).unwrap(), &mut moments).err(),
            state(LEN + 7)
        );
    }
}

#[test]
fn large_weights_and_steps_by_hand_give_no_false_bound() {
    // Coupled decay makes infinite squares, and with β₂ = 0 no numbers of them.
    let config = AdamConfig { beta2: 0.0, weight_decay: 1.0, ..AdamConfig::default() };
    let mut momentum = [0.0; LEN];
    let by_hand = SgdConfig { momentum: 0.9, ..SgdConfig::default() };
    let mut sgd = Sgd::new(by_hand, &NET, &mut momentum).unwrap();
    sgd.begin(0.1, 1.0, 0.0, 1e38).unwrap();
    sgd.update(0, &mut [0.0; LEN], &[1e38; LEN]);
    let mut moments = [0.0; 2 * LEN];
    let mut adam = Adam::new(config, &NET, &mut moments).unwrap();
    let optimizers: [(&mut dyn Optimizer, f32); 2] = [(&mut adam, 1e-3), (&mut sgd, 10.0)];
    for (optimizer, rate) in optimizers {
        let (mut params, mut floats) = (vec![0.5; LEN], vec![0.0; NET.work_len(1)]);
        params[0] = 1e20;
        let mut mean = vec![0.0; LEN];
        let mut model = Model::new(&NET, &mut params).unwrap();
        let mut work = Workspace::new(&NET, 1, &mut floats).unwrap();
        for _ in 0..3 {
            let x = [0.0, 0.5, 0.5];
            let _ = model.train(&x, Targets::Values(&[1.0; 2]), optimizer, rate, &mut work);
            let sound = kernels::largest(model.params) < LIMIT;
            assert_eq!(Averager::new(&mut mean).update(&model).is_ok(), sound);
        }
    }
}

#[test]
fn a_step_by_hand_after_training_gives_no_false_bound() {
    let momentum = SgdConfig { momentum: 0.9, ..SgdConfig::default() };
    let (mut velocity, mut moments) = ([0.0; LEN], [0.0; 2 * LEN]);
    let mut sgd = Sgd::new(momentum, &NET, &mut velocity).unwrap();
    let config = AdamConfig { epsilon: 1.0, ..AdamConfig::default() };
    let mut adam = Adam::new(config, &NET, &mut moments).unwrap();
    let (mut velocity, mut moments) = ([0.0; LEN], [0.0; 2 * LEN]);
    let mut other_sgd = Sgd::new(momentum, &NET, &mut velocity).unwrap();
    let mut other_adam = Adam::new(config, &NET, &mut moments).unwrap();
    let optimizers: [(&mut dyn Optimizer, bool); 4] =
        [(&mut sgd, false), (&mut adam, false), (&mut other_sgd, true), (&mut other_adam, true)];
    for (optimizer, begun) in optimizers {
        let (mut params, mut floats, mut mean) = ([0.5; LEN], vec![0.0; NET.work_len(1)], [0.0; LEN]);
        let mut model = Model::new(&NET, &mut params).unwrap();
        let mut work = Workspace::new(&NET, 1, &mut floats).unwrap();
        let mut train = |model: &mut Model<'_>, optimizer: &mut dyn Optimizer, rate| {
            let _ = model.train(&[0.5; 3], Targets::Values(&[1.0; 2]), optimizer, rate, &mut work);
        };
        train(&mut model, optimizer, 0.1);
        assert!(model.bound.get() < 1e3);
        train(&mut model, optimizer, 0.1);
        assert!(model.bound.get() < 1e3);
        if begun {
            // One step more than the bound knows of.
            optimizer.begin(0.1, 1.0, 1.0, 1.0).unwrap();
            optimizer.update(0, &mut [0.0; LEN], &[1.0; LEN]);
        }
        optimizer.update(0, &mut [0.0; LEN], &[1e18; LEN]);
        let before = model.params.to_vec();
        train(&mut model, optimizer, 1e3);
        // The state was looked at: it reaches that far.
        assert!(model.bound.get() > 1e18 || model.params == before);
        let sound = kernels::largest(model.params) < LIMIT;
        assert_eq!(Averager::new(&mut mean).update(&model).is_ok(), sound);
    }
}

#[test]
fn parameters_that_were_lent_out_or_drawn_anew_have_no_bound() {
    let (mut params, mut floats, mut mean) = ([0.5; LEN], vec![0.0; NET.work_len(1)], [0.0; LEN]);
    let mut model = Model::new(&NET, &mut params).unwrap();
    let mut work = Workspace::new(&NET, 1, &mut floats).unwrap();
    let mut sgd = Sgd::plain(&NET).unwrap();
    model.train(&[0.5; 3], Targets::Values(&[1.0; 2]), &mut sgd, 0.1, &mut work).unwrap();
    let mut average = Averager::new(&mut mean);
    model.params_mut()[3] = f32::NAN;
    assert!(average.update(&model).is_err());
    model.params_mut()[3] = 0.5;
    model.train(&[0.5; 3], Targets::Values(&[1.0; 2]), &mut sgd, 0.1, &mut work).unwrap();
    model.init(Init::Normal(1e37), 1).unwrap();
    assert_eq!(average.update(&model), Ok(1));
    model.params_mut().fill(LIMIT);
    assert!(average.update(&model).is_err());
}

#[test]
fn an_optimizer_that_gives_no_bound_leaves_the_look_to_the_average() {
    struct Wild(f32);
    impl Optimizer for Wild {
        fn check(&self, _: &Model<'_>) -> Result<(), Error> {
            Ok(())
        }
        fn begin(&mut self, _: f32, _: f32, _: f32, _: f32) -> Result<f32, Error> {
            Ok(self.0)
        }
        fn update(&mut self, _: usize, weights: &mut [f32], _: &[f32]) {
            weights.fill(f32::INFINITY);
        }
    }
    let (mut params, mut floats, mut mean) = (vec![0.0; LEN], vec![0.0; NET.work_len(1)], vec![0.0; LEN]);
    let mut model = Model::new(&NET, &mut params).unwrap();
    let mut work = Workspace::new(&NET, 1, &mut floats).unwrap();
    let sgd = Sgd::plain(&NET).unwrap();
    let mut optimizers: [Box<dyn Optimizer>; 4] =
        [Box::new(sgd), Box::new(Wild(f32::NAN)), Box::new(Wild(-0.5)), Box::new(Wild(f32::INFINITY))];
    let mut average = Averager::new(&mut mean);
    for (optimizer, sound) in optimizers.iter_mut().zip([true, false, false, false]) {
        model.params_mut().fill(1.0);
        model.train(&[1.0; 3], Targets::Values(&[1.0; 2]), &mut **optimizer, 0.1, &mut work).unwrap();
        assert_eq!(average.update(&model).is_ok(), sound);
    }
    model.params_mut().fill(LIMIT);
    assert!(Params::from(&model).check().is_err());
    model.params_mut().fill(1.0);
    assert_eq!(average.update(&model), Ok(2));
}
