//! Executed instructions of writing and reading what a run of 784-64-10 is, exact as in `counts`.

#![no_std]
#![no_main]

use chip::clock::Clock;
use chip::finish;
use core::hint::black_box as opaque;
use cortex_m_rt::entry;
use cortex_m_semihosting::hprintln;
use cygnet::model::ModelState;
use cygnet::store::{Container, Data, Load, Place, Section, Stored, Tag, checksum, load_params, save};
use cygnet::{Activation, Error, Init, Model, Spec};

const NET: Spec = Spec::new(784).dense(64, Activation::Relu).dense(10, Activation::Identity);
const P: usize = NET.param_len();
/// Room for a checkpoint and for a container.
const BYTES: usize = 16 * P + 300;
const KNOWN: [(Tag, u8); 2] = [(Tag::NETWORK, 1), (Tag::PARAMS, 1)];

#[entry]
fn main() -> ! {
    static mut PARAMS: [f32; P] = [0.0; P];
    static mut STORED: [u8; BYTES] = [0; BYTES];
    let Some(clock) = cortex_m::Peripherals::take().and_then(|all| Clock::start(all.SYST)) else {
        hprintln!("SysTick does not count instructions: QEMU's mps2-an386 with -icount shift=0?");
        finish(false)
    };
    let sound = counts(&clock, PARAMS, STORED).is_ok();
    finish(sound)
}

fn counts(clock: &Clock, params: &mut [f32], stored: &mut [u8]) -> Result<(), Error> {
    let mut model = Model::new(&NET, params)?;
    model.init(Init::He, 7)?;
    let Some((checkpoint, _)) = stored.split_first_chunk_mut::<{ NET.checkpoint_len() }>() else {
        return Err(Error::Empty);
    };
    count(clock, "checkpoint written", || save(&NET, &model, opaque(&mut *checkpoint)))?;
    count(clock, "checkpoint read", || load_params(&NET, opaque(&*checkpoint), model.params_mut()))?;
    count(clock, "checksum of parameters", || checksum(&NET, opaque(model.params())))?;

    let state = model.state().to_bytes();
    let (network, weights) = ([Data::Network(&NET)], [Data::Bytes(&state), Data::Floats(model.params())]);
    let sections = [Section::new(Tag::NETWORK, &network), Section::new(Tag::PARAMS, &weights)];
    let container = Container::new(&sections)?;
    let mut words = 0_usize;
    count(clock, "container checked", || Container::new(opaque(&sections)))?;
    count(clock, "container written", || {
        // A medium that takes no time.
        container.write(|piece| {
            words += opaque(piece).len() / 4;
            Ok::<_, Error>(())
        })
    })?;
    let len = container.len();
    let Some(bytes) = stored.get_mut(..len) else { return Err(Error::Empty) };
    container.copy_to(bytes)?;
    let mut opened = count(clock, "container opened", || Stored::of(opaque(&*bytes), &KNOWN))?;
    let mut state = [0; ModelState::BYTES];
    count(clock, "container read", || {
        let mut places = [Place::Bytes(&mut state), Place::Floats(model.params_mut())];
        Ok(opened.read_all(&mut [Load::new(Tag::PARAMS, &mut places)])?)
    })?;
    opaque(state);
    Ok(())
}

/// Prints the call and the instructions it took.
fn count<T>(clock: &Clock, call_name: &str, call: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    let (result, instructions) = clock.count(call);
    hprintln!("784-64-10, {}\t{}", call_name, instructions);
    opaque(result)
}
