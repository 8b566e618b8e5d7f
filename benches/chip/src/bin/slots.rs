//! What `flash` has, with the checkpoint in the flash store instead of at a fixed place.

#![no_std]
#![no_main]

use chip::flash::Flash;
use chip::{NET, SAMPLE, finish};
use core::hint::black_box as opaque;
use cortex_m_rt::entry;
use cygnet::metrics::{Score, softmax};
use cygnet::network::Math;
use cygnet::store::{SlotError, Slots, SlotsConfig, load_params, save};
use cygnet::{Adam, Averager, Error, Init, Model, Targets, Workspace};
use embedded_storage::nor_flash::NorFlashErrorKind;

const SLOTS: SlotsConfig = SlotsConfig { start: 0, slot_len: Slots::<Flash>::slot_len(NET.checkpoint_len()), slots: 2 };

#[entry]
fn main() -> ! {
    static mut MODEL: [f32; NET.param_len()] = [0.0; NET.param_len()];
    static mut STATE: [f32; 2 * NET.param_len()] = [0.0; 2 * NET.param_len()];
    static mut MEAN: [f32; NET.param_len()] = [0.0; NET.param_len()];
    static mut WORK: [f32; NET.work_len(1)] = [0.0; NET.work_len(1)];
    static mut STORED: [u8; NET.checkpoint_len()] = [0; NET.checkpoint_len()];
    static mut FLASH: [u8; 2 * SLOTS.slot_len as usize] = [0; 2 * SLOTS.slot_len as usize];
    finish(learn(MODEL, STATE, MEAN, WORK, STORED, Flash(FLASH)).is_ok())
}

/// Goes on from the newest state, if there is one, and saves the next.
fn keep(flash: Flash, stored: &mut [u8]) -> Result<(), SlotError<NorFlashErrorKind>> {
    let mut slots = Slots::mount(SLOTS, opaque(1), flash)?;
    if let Some(newest) = slots.newest() {
        slots.read(0, stored.get_mut(..newest.len).unwrap_or_default())?;
    }
    slots.save(stored.len(), |out| out(stored))?;
    Ok(())
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
