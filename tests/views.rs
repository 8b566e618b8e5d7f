//! A firmware's struct holds network, floats and states, in a `static`; views of them are made for a call and give their
//! states back by value.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{bits, samples};
use cygnet::average::AverageState;
use cygnet::optim::AdamState;
use cygnet::{Activation, Adam, Averager, Error, Init, Model, Spec, Targets, Workspace, predict};
use std::sync::Mutex;

const NET: Spec = Spec::new(3).dense(5, Activation::Tanh).norm().dropout(0.2).dense(2, Activation::Identity);
const P: usize = NET.param_len();
const BATCH: usize = 4;
const TARGETS: Targets<'static> = Targets::Classes(&[0, 1, 1, 0]);

/// All that a device has; nothing in it borrows.
struct Device {
    net: Spec,
    params: [f32; P],
    moments: [f32; Adam::DEFAULT.state_len(&NET)],
    mean: [f32; P],
    floats: [f32; NET.work_len(BATCH)],
    seed: u64,
    steps: u64,
    adam: Option<AdamState>,
    average: AverageState,
}

static DEVICE: Mutex<Device> = Mutex::new(Device::new());

impl Device {
    const fn new() -> Self {
        Self {
            net: NET,
            params: [0.0; P],
            moments: [0.0; Adam::DEFAULT.state_len(&NET)],
            mean: [0.0; P],
            floats: [0.0; NET.work_len(BATCH)],
            seed: 7,
            steps: 0,
            adam: None,
            average: AverageState::mean_of(0),
        }
    }

    /// A step, from the states of the one before.
    fn learn(&mut self, x: &[f32]) -> Result<(), Error> {
        let mut model = Model::new(&self.net, &mut self.params)?;
        let mut adam = match self.adam {
            Some(state) => {
                model.resume(self.seed, self.steps);
                Adam::resume(state, &mut self.moments)?
            }
            None => {
                model.init(Init::Glorot, self.seed)?;
                Adam::new(Adam::DEFAULT, &self.net, &mut self.moments)?
            }
        };
        let mut average = Averager::resume(self.average, &mut self.mean)?;
        let mut work = Workspace::new(&self.net, BATCH, &mut self.floats)?;
        model.train(x, TARGETS, &mut adam, 0.01, &mut work)?;
        average.update(&model)?;
        self.steps = model.steps();
        (self.adam, self.average) = (Some(adam.into_state()), average.into_state());
        Ok(())
    }

    /// Outputs by the average.
    fn answer(&mut self, x: &[f32]) -> Result<Vec<f32>, Error> {
        let average = Averager::resume(self.average, &mut self.mean)?;
        let mut work = Workspace::new(&self.net, BATCH, &mut self.floats)?;
        Ok(predict(&self.net, &average.mean()?, x, &mut work)?.to_vec())
    }
}

#[test]
fn views_made_for_each_call_train_like_those_that_stay() {
    let batches: Vec<Vec<f32>> = (0..20).map(|i| samples(BATCH, &NET, i)).collect();
    let mut device = DEVICE.lock().unwrap();
    batches.iter().for_each(|x| device.learn(x).unwrap());

    let (mut params, mut moments, mut mean) = ([0.0; P], [0.0; 2 * P], [0.0; P]);
    let mut floats = [0.0; NET.work_len(BATCH)];
    let mut model = Model::new(&NET, &mut params).unwrap();
    model.init(Init::Glorot, 7).unwrap();
    let mut adam = Adam::new(Adam::DEFAULT, &NET, &mut moments).unwrap();
    let mut average = Averager::new(&mut mean);
    let mut work = Workspace::new(&NET, BATCH, &mut floats).unwrap();
    for x in &batches {
        model.train(x, TARGETS, &mut adam, 0.01, &mut work).unwrap();
        average.update(&model).unwrap();
    }
    assert_eq!((bits(&device.params), device.steps), (bits(model.params()), 20));
    assert_eq!((device.adam, device.average), (Some(adam.state()), average.state()));
    let expected = predict(&NET, &average.mean().unwrap(), &batches[0], &mut work).unwrap().to_vec();
    assert_eq!(bits(&device.answer(&batches[0]).unwrap()), bits(&expected));
}
