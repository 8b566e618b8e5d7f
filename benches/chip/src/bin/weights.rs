//! Prediction and plain SGD by samples with weights: those of classes, balanced on the chip, and label smoothing.

#![no_std]
#![no_main]

use chip::{NET, SAMPLE, finish};
use core::hint::black_box as opaque;
use cortex_m_rt::entry;
use cygnet::metrics::softmax;
use cygnet::network::Math;
use cygnet::train::{Weighted, balanced};
use cygnet::{Error, Model, Sgd, Targets, Workspace};

#[entry]
fn main() -> ! {
    static mut MODEL: [f32; NET.param_len()] = [0.0; NET.param_len()];
    static mut WORK: [f32; NET.work_len(1)] = [0.0; NET.work_len(1)];
    finish(learn(MODEL, WORK).is_ok())
}

fn learn(params: &mut [f32], work: &mut [f32]) -> Result<(), Error> {
    let mut model = Model::new(&NET, params)?;
    let mut work = Workspace::new(&NET, 1, work)?;
    let mut sgd = Sgd::plain(&NET)?;
    let mut of_classes = [0.0; NET.classes()];
    balanced(&opaque([1, 1, 1, 3]), &mut of_classes)?;
    for _ in 0..opaque(3) {
        let label = [opaque(1)];
        let targets = Weighted::new(Targets::Classes(&label)).by_class(&of_classes).smoothed(0.1);
        opaque(model.train(opaque(&SAMPLE), targets, &mut sgd, 0.05, &mut work)?);
    }
    let outputs = model.predict(opaque(&SAMPLE), &mut work)?;
    softmax(outputs, Math::Libm);
    opaque(outputs);
    Ok(())
}
