//! What `checkpoint` has, and the checkpoint in flash at a fixed place, which a power cut destroys.

#![no_std]
#![no_main]

use chip::flash::Flash;
use chip::{NET, SAMPLE, finish};
use core::hint::black_box as opaque;
use cortex_m_rt::entry;
use cygnet::metrics::{Score, softmax};
use cygnet::network::Math;
use cygnet::store::{load_params, save};
use cygnet::{Adam, Averager, Error, Init, Model, Targets, Workspace};
use embedded_storage::nor_flash::{NorFlash, NorFlashErrorKind, ReadNorFlash};

#[entry]
fn main() -> ! {
    static mut MODEL: [f32; NET.param_len()] = [0.0; NET.param_len()];
    static mut STATE: [f32; 2 * NET.param_len()] = [0.0; 2 * NET.param_len()];
    static mut MEAN: [f32; NET.param_len()] = [0.0; NET.param_len()];
    static mut WORK: [f32; NET.work_len(1)] = [0.0; NET.work_len(1)];
    static mut STORED: [u8; NET.checkpoint_len()] = [0; NET.checkpoint_len()];
    static mut FLASH: [u8; 4096] = [0; 4096];
    finish(learn(MODEL, STATE, MEAN, WORK, STORED, Flash(FLASH)).is_ok())
}

/// Goes on from what is there, and writes the next.
fn keep(mut flash: Flash, stored: &mut [u8]) -> Result<(), NorFlashErrorKind> {
    flash.read(0, stored)?;
    flash.erase(0, 4096)?;
    flash.write(0, stored)
}

fn learn(
    params: &mut [f32],
    state: &mut [f32],
    mean: &mut [f32],
    work: &mut [f32],
    stored: &mut [u8],
    flash: Flash,
) -> Result<(), Error> {
    let mut model = Model::new(&NET, params)?;
    model.init(Init::He, opaque(42))?;
    let mut work = Workspace::new(&NET, 1, work)?;
    let mut adam = Adam::new(Adam::DEFAULT, &NET, state)?;
    let mut swa = Averager::new(mean);
    for _ in 0..opaque(3) {
        opaque(model.train(opaque(&SAMPLE), Targets::Classes(&[opaque(1)]), &mut adam, 0.001, &mut work)?);
        swa.update(&model)?;
    }
    save(&NET, swa.mean()?, stored)?;
    opaque(keep(flash, stored).is_ok());
    load_params(&NET, opaque(stored), model.params_mut())?;
    let mut score = Score::default();
    model.evaluate(opaque(&SAMPLE), Targets::Classes(&[opaque(1)]), &mut score, &mut work)?;
    opaque((score.loss(), score.accuracy()));
    let outputs = model.predict(opaque(&SAMPLE), &mut work)?;
    softmax(outputs, Math::Libm);
    opaque(outputs);
    Ok(())
}
