//! Executed instructions of a head's training step on the features that a frozen body computes, exact as in `counts`.

#![no_std]
#![no_main]

use chip::clock::Clock;
use chip::{finish, noise};
use core::hint::black_box as opaque;
use cortex_m_rt::entry;
use cortex_m_semihosting::hprintln;
use cygnet::{Activation, Averager, Error, Init, Model, Sgd, Spec, Targets, Workspace, predict};

const NET: Spec = Spec::new(784).dense(64, Activation::Relu).dense(10, Activation::Identity);
const BODY: Spec = NET.first(1);
const HEAD: Spec = NET.after(1);
static BODY_PARAMS: [f32; BODY.param_len()] = noise(1);
static DENSE: [f32; 784] = noise(3);

#[entry]
fn main() -> ! {
    static mut PARAMS: [f32; HEAD.param_len()] = [0.0; HEAD.param_len()];
    static mut MEAN: [f32; HEAD.param_len()] = [0.0; HEAD.param_len()];
    static mut WORK: [f32; HEAD.work_len(1)] = [0.0; HEAD.work_len(1)];
    static mut FEATURES: [f32; BODY.predict_len(1)] = [0.0; BODY.predict_len(1)];
    let Some(clock) = cortex_m::Peripherals::take().and_then(|all| Clock::start(all.SYST)) else {
        hprintln!("SysTick does not count instructions: QEMU's mps2-an386 with -icount shift=0?");
        finish(false)
    };
    let sound = counts(&clock, PARAMS, MEAN, WORK, FEATURES).is_ok();
    finish(sound)
}

fn counts(
    clock: &Clock,
    params: &mut [f32],
    mean: &mut [f32],
    work: &mut [f32],
    features: &mut [f32],
) -> Result<(), Error> {
    let mut features = Workspace::for_prediction(&BODY, 1, features)?;
    let mut model = Model::new(&HEAD, params)?;
    model.init(Init::He, 7)?;
    let mut work = Workspace::new(&HEAD, 1, work)?;
    let (mut sgd, mut swa) = (Sgd::plain(&HEAD)?, Averager::new(mean));
    let mut step = |label| {
        let features = predict(&BODY, opaque(&BODY_PARAMS), opaque(&DENSE), &mut features)?;
        model.train(&*features, Targets::Classes(&[label]), &mut sgd, 0.001, &mut work)
    };
    for label in 0..10 {
        step(opaque(label))?;
    }
    count(clock, "features and SGD", || step(opaque(3)))?;
    swa.update(&model)?;
    count(clock, "SWA", || swa.update(opaque(&model)))?;
    opaque(swa.mean()?);
    Ok(())
}

/// Prints the call and the instructions it took.
fn count<T>(clock: &Clock, call_name: &str, call: impl FnOnce() -> Result<T, Error>) -> Result<(), Error> {
    let (result, instructions) = clock.count(call);
    hprintln!("head 64-10 of 784-64-10, dense, {}\t{}", call_name, instructions);
    opaque(result?);
    Ok(())
}
