//! Prediction, plain SGD and averaging.

#![no_std]
#![no_main]

use chip::{NET, SAMPLE, finish};
use core::hint::black_box as opaque;
use cortex_m_rt::entry;
use cygnet::metrics::softmax;
use cygnet::network::Math;
use cygnet::{Averager, Error, Model, Sgd, Targets, Workspace};

#[entry]
fn main() -> ! {
    static mut MODEL: [f32; NET.param_len()] = [0.0; NET.param_len()];
    static mut MEAN: [f32; NET.param_len()] = [0.0; NET.param_len()];
    static mut WORK: [f32; NET.work_len(1)] = [0.0; NET.work_len(1)];
    finish(learn(MODEL, MEAN, WORK).is_ok())
}

fn learn(params: &mut [f32], mean: &mut [f32], work: &mut [f32]) -> Result<(), Error> {
    let mut model = Model::new(&NET, params)?;
    let mut work = Workspace::new(&NET, 1, work)?;
    let mut sgd = Sgd::plain(&NET)?;
    let mut swa = Averager::new(mean);
    for _ in 0..opaque(3) {
        opaque(model.train(opaque(&SAMPLE), Targets::Classes(&[opaque(1)]), &mut sgd, 0.05, &mut work)?);
        swa.update(&model)?;
    }
    swa.finish(&mut model)?;
    let outputs = model.predict(opaque(&SAMPLE), &mut work)?;
    softmax(outputs, Math::Libm);
    opaque(outputs);
    Ok(())
}
