//! A frozen body predicts from flash, a head learns on it by plain SGD, and is averaged.

#![no_std]
#![no_main]

use chip::{NET, PARAMS, SAMPLE, finish};
use core::hint::black_box as opaque;
use cortex_m_rt::entry;
use cygnet::metrics::softmax;
use cygnet::network::Math;
use cygnet::{Averager, Error, Model, Sgd, Spec, Targets, Workspace, predict};

const BODY: Spec = NET.first(1);
const HEAD: Spec = NET.after(1);

#[entry]
fn main() -> ! {
    static mut MODEL: [f32; HEAD.param_len()] = [0.0; HEAD.param_len()];
    static mut MEAN: [f32; HEAD.param_len()] = [0.0; HEAD.param_len()];
    static mut WORK: [f32; HEAD.work_len(1)] = [0.0; HEAD.work_len(1)];
    static mut FEATURES: [f32; BODY.predict_len(1)] = [0.0; BODY.predict_len(1)];
    finish(learn(MODEL, MEAN, WORK, FEATURES).is_ok())
}

fn learn(params: &mut [f32], mean: &mut [f32], work: &mut [f32], features: &mut [f32]) -> Result<(), Error> {
    let Some((body, _)) = PARAMS.split_first_chunk::<{ BODY.param_len() }>() else { return Err(Error::Empty) };
    let mut features = Workspace::for_prediction(&BODY, 1, features)?;
    let mut model = Model::new(&HEAD, params)?;
    let mut work = Workspace::new(&HEAD, 1, work)?;
    let mut sgd = Sgd::plain(&HEAD)?;
    let mut swa = Averager::new(mean);
    for _ in 0..opaque(3) {
        let features = predict(&BODY, body, opaque(&SAMPLE), &mut features)?;
        opaque(model.train(&*features, Targets::Classes(&[opaque(1)]), &mut sgd, 0.05, &mut work)?);
        swa.update(&model)?;
    }
    swa.finish(&mut model)?;
    let features = predict(&BODY, body, opaque(&SAMPLE), &mut features)?;
    let outputs = model.predict(&*features, &mut work)?;
    softmax(outputs, Math::Libm);
    opaque(outputs);
    Ok(())
}
