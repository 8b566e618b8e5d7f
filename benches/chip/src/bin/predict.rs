//! Prediction from parameters in flash, to probabilities.

#![no_std]
#![no_main]

use chip::{NET, PARAMS, SAMPLE, finish};
use core::hint::black_box as opaque;
use cortex_m_rt::entry;
use cygnet::metrics::{argmax, softmax};
use cygnet::network::Math;
use cygnet::{Error, Workspace, predict};

#[entry]
fn main() -> ! {
    static mut WORK: [f32; NET.predict_len(1)] = [0.0; NET.predict_len(1)];
    finish(classify(WORK).is_ok())
}

fn classify(work: &mut [f32]) -> Result<(), Error> {
    let mut work = Workspace::for_prediction(&NET, 1, work)?;
    let outputs = predict(&NET, opaque(&PARAMS), opaque(&SAMPLE), &mut work)?;
    softmax(outputs, Math::Libm);
    opaque(argmax(opaque(outputs)));
    Ok(())
}
