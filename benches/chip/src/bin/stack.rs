//! The bytes of stack that single calls take, by painting.

#![no_std]
#![no_main]

use chip::stack::high_water;
use chip::{NET, SAMPLE, finish};
use core::hint::black_box as opaque;
use cortex_m_rt::entry;
use cortex_m_semihosting::hprintln;
use cygnet::metrics::{Score, softmax};
use cygnet::network::Math;
use cygnet::store::{Container, Place, Section, Stored, Tag, load_params, save};
use cygnet::{Adam, Averager, Error, Init, Model, Sgd, Targets, Workspace};

#[entry]
fn main() -> ! {
    static mut PARAMS: [f32; NET.param_len()] = [0.0; NET.param_len()];
    static mut STATE: [f32; 2 * NET.param_len()] = [0.0; 2 * NET.param_len()];
    static mut MEAN: [f32; NET.param_len()] = [0.0; NET.param_len()];
    static mut WORK: [f32; NET.work_len(1)] = [0.0; NET.work_len(1)];
    static mut STORED: [u8; NET.checkpoint_len() + 60] = [0; NET.checkpoint_len() + 60];
    finish(measure(PARAMS, STATE, MEAN, WORK, STORED).is_ok())
}

fn measure(
    params: &mut [f32],
    state: &mut [f32],
    mean: &mut [f32],
    work: &mut [f32],
    stored: &mut [u8],
) -> Result<(), Error> {
    let label = [opaque(1)];
    let targets = Targets::Classes(&label);
    let mut model = Model::new(&NET, params)?;
    let mut work = Workspace::new(&NET, 1, work)?;
    let mut sgd = Sgd::plain(&NET)?;
    let mut adam = Adam::new(Adam::DEFAULT, &NET, state)?;
    let mut swa = Averager::new(mean);
    stack("init", || model.init(Init::He, opaque(42)))?;
    stack("SGD", || model.train(opaque(&SAMPLE), targets, &mut sgd, 0.05, &mut work))?;
    stack("Adam", || model.train(opaque(&SAMPLE), targets, &mut adam, 0.001, &mut work))?;
    stack("SWA", || swa.update(&model))?;
    stack("evaluate", || model.evaluate(opaque(&SAMPLE), targets, &mut Score::default(), &mut work))?;
    stack("predict", || model.predict(opaque(&SAMPLE), &mut work).map(|outputs| softmax(outputs, Math::Libm)))?;
    let Some((checkpoint, _)) = stored.split_first_chunk_mut::<{ NET.checkpoint_len() }>() else {
        return Err(Error::Empty);
    };
    stack("save", || save(&NET, model.params(), checkpoint))?;
    stack("load", || load_params(&NET, opaque(&*checkpoint), model.params_mut()))?;
    let sections = [Section::of(&NET), Section::of(&model)];
    let container = Container::new(&sections)?;
    stack("container written", || container.write(|piece| Ok(_ = opaque(piece))))?;
    container.copy_to(stored)?;
    let known = [(Tag::NETWORK, 1), (Tag::PARAMS, 1)];
    stack("container opened and read", || {
        let mut opened = Stored::of(opaque(stored), &known)?;
        Ok(opened.read(Tag::PARAMS, 0, &mut [Place::Skip(20), Place::Floats(model.params_mut())])?)
    })?;
    opaque(model.params());
    Ok(())
}

/// Prints the call and the bytes it took.
fn stack<T>(name: &str, mut call: impl FnMut() -> Result<T, Error>) -> Result<(), Error> {
    let mut result = Ok(());
    let bytes = high_water(&mut || result = call().map(|value| _ = opaque(value)));
    hprintln!("{}\t{}", name, bytes);
    result
}
