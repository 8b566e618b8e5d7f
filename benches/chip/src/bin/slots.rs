//! What `checkpoint` has, and the checkpoint saved in flash and read from there.

#![no_std]
#![no_main]

use chip::{NET, SAMPLE, finish};
use core::hint::black_box as opaque;
use cortex_m_rt::entry;
use cygnet::metrics::{Score, softmax};
use cygnet::network::Math;
use cygnet::store::{Slots, SlotsConfig, load_params, save};
use cygnet::{Adam, Averager, Error, Init, Model, Targets, Workspace};
use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};

/// RAM under the rules of a flash, with as little code as a driver can have.
struct Flash(&'static mut [u8]);

const SLOTS: SlotsConfig = SlotsConfig { start: 0, slot_len: Slots::<Flash>::slot_len(NET.checkpoint_len()), slots: 2 };

impl ErrorType for Flash {
    type Error = NorFlashErrorKind;
}

impl Flash {
    fn part(&mut self, at: u32, len: usize) -> Result<&mut [u8], NorFlashErrorKind> {
        let part = self.0.get_mut(at as usize..).and_then(|rest| rest.get_mut(..len));
        part.ok_or(NorFlashErrorKind::OutOfBounds)
    }
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Self::Error> {
        let part = self.part(offset, bytes.len())?;
        bytes.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 1024;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        // Not `fill`, which would link a `memset` that no driver of a flash needs.
        self.part(from, to.wrapping_sub(from) as usize)?.iter_mut().for_each(|byte| *byte = opaque(0xff));
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Self::Error> {
        let part = self.part(offset, bytes.len())?;
        part.iter_mut().zip(bytes).for_each(|(to, from)| *to &= from);
        Ok(())
    }
}

#[entry]
fn main() -> ! {
    static mut MODEL: [f32; NET.param_len()] = [0.0; NET.param_len()];
    static mut STATE: [f32; 2 * NET.param_len()] = [0.0; 2 * NET.param_len()];
    static mut MEAN: [f32; NET.param_len()] = [0.0; NET.param_len()];
    static mut WORK: [f32; NET.work_len(1)] = [0.0; NET.work_len(1)];
    static mut STORED: [u8; NET.checkpoint_len()] = [0; NET.checkpoint_len()];
    static mut FLASH: [u8; 2 * SLOTS.slot_len as usize] = [0; 2 * SLOTS.slot_len as usize];
    let learned = learn(MODEL, STATE, MEAN, WORK, STORED).is_ok();
    finish(learned && keep(Flash(FLASH), STORED).is_some() && load_params(&NET, opaque(STORED), MODEL).is_ok())
}

/// Saves the checkpoint and reads it again, as after a start.
#[inline(never)]
fn keep(mut flash: Flash, stored: &mut [u8]) -> Option<()> {
    let mut slots = Slots::mount(SLOTS, NET.digest(), &mut flash).ok()?;
    slots.save(stored.len(), |out| out(stored)).ok()?;
    let mut slots = Slots::mount(SLOTS, NET.digest(), &mut flash).ok()?;
    slots.read(0, stored.get_mut(..slots.newest()?.len)?).ok()
}

fn learn(
    params: &mut [f32],
    state: &mut [f32],
    mean: &mut [f32],
    work: &mut [f32],
    stored: &mut [u8],
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
    let mut score = Score::default();
    model.evaluate(opaque(&SAMPLE), Targets::Classes(&[opaque(1)]), &mut score, &mut work)?;
    opaque((score.loss(), score.accuracy()));
    let outputs = model.predict(opaque(&SAMPLE), &mut work)?;
    softmax(outputs, Math::Libm);
    opaque(outputs);
    Ok(())
}
