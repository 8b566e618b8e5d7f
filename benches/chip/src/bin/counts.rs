//! Executed instructions of single calls, exact in QEMU with `-icount shift=0`: one instruction then takes 1 ns.
//!
//! Each call lies between the markers `win_begin` and `win_end`, for tools that count from outside.

#![no_std]
#![no_main]

use chip::clock::Clock;
use chip::{NET as SMALL, finish, noise};
use core::hint::black_box as opaque;
use cortex_m_rt::entry;
use cortex_m_semihosting::hprintln;
use cygnet::optim::Optimizer;
use cygnet::train::AnyTargets;
use cygnet::{Activation, Adam, Averager, Error, Init, Model, Sgd, Spec, Targets, Workspace};

const LARGE: Spec = Spec::new(784).dense(64, Activation::Relu).dense(10, Activation::Identity);
const NORMED: Spec = Spec::new(784).dense(64, Activation::Relu).layer_norm().dense(10, Activation::Identity);
/// A digit 8 of MNIST: image 83 of the embedded training sample, of which 19 % are not zero, as on average.
static DIGIT: &[u8; 784] = include_bytes!("../../digit.bin");
static DENSE: [f32; 784] = noise(3);

/// Memory for the largest network; the others take the first part of it.
struct Memory<'a> {
    params: &'a mut [f32],
    mean: &'a mut [f32],
    moments: &'a mut [f32],
    work: &'a mut [f32],
}

#[entry]
fn main() -> ! {
    static mut PARAMS: [f32; NORMED.param_len()] = [0.0; NORMED.param_len()];
    static mut MEAN: [f32; NORMED.param_len()] = [0.0; NORMED.param_len()];
    static mut MOMENTS: [f32; 2 * NORMED.param_len()] = [0.0; 2 * NORMED.param_len()];
    static mut WORK: [f32; NORMED.work_len(1)] = [0.0; NORMED.work_len(1)];
    static mut IMAGE: [f32; 784] = [0.0; 784];
    let mut memory = Memory { params: PARAMS, mean: MEAN, moments: MOMENTS, work: WORK };
    for (x, &byte) in IMAGE.iter_mut().zip(opaque(DIGIT)) {
        *x = f32::from(byte) / 255.0;
    }
    let Some(clock) = cortex_m::Peripherals::take().and_then(|all| Clock::start(all.SYST)) else {
        hprintln!("SysTick does not count instructions: QEMU's mps2-an386 with -icount shift=0?");
        finish(false)
    };
    let sound = counts(&clock, &mut memory, IMAGE).is_ok();
    finish(sound)
}

fn counts(clock: &Clock, memory: &mut Memory<'_>, image: &[f32]) -> Result<(), Error> {
    for (name, spec, x) in [
        ("784-64-10, dense", &LARGE, &DENSE[..]),
        ("784-64-10, MNIST", &LARGE, image),
        ("784-64-10 with layer norm, MNIST", &NORMED, image),
        ("16-32-4, dense", &SMALL, &chip::SAMPLE),
    ] {
        network(clock, name, opaque(spec), x, memory)?;
    }
    Ok(())
}

#[inline(never)]
fn network(clock: &Clock, name: &str, spec: &Spec, x: &[f32], memory: &mut Memory<'_>) -> Result<(), Error> {
    let parameters = spec.param_len();
    let mut model = Model::new(spec, first(memory.params, parameters))?;
    model.init(Init::He, 7)?;
    let mut work = Workspace::for_prediction(spec, 1, first(memory.work, spec.predict_len(1)))?;
    count(clock, name, "predict", || model.predict(opaque(x), &mut work).map(|outputs| _ = opaque(outputs)))?;
    let mut work = Workspace::new(spec, 1, first(memory.work, spec.work_len(1)))?;
    let mut sgd = Sgd::plain(spec)?;
    let label = [opaque(3)];
    let targets = Targets::Classes(&label);
    train(clock, name, "SGD", &mut model, x, targets.into(), &mut sgd, &mut work)?;
    let weighted = targets.weighted(&[2.5]).into();
    train(clock, name, "SGD with weights", &mut model, x, weighted, &mut sgd, &mut work)?;
    let mut adam = Adam::new(Adam::DEFAULT, spec, first(memory.moments, 2 * parameters))?;
    train(clock, name, "Adam", &mut model, x, targets.into(), &mut adam, &mut work)?;
    let mut swa = Averager::new(first(memory.mean, parameters));
    swa.update(&model)?;
    count(clock, name, "SWA", || swa.update(opaque(&model)))?;
    opaque(swa.mean()?);
    Ok(())
}

/// A fused step on one sample after twenty on others: training goes on so. (The first step of all also looks through
/// parameters that it does not know, and moments begin at zero.)
#[inline(never)]
#[allow(clippy::too_many_arguments, reason = "all that a step takes")]
fn train(
    clock: &Clock,
    name: &str,
    optimizer_name: &str,
    model: &mut Model<'_>,
    x: &[f32],
    targets: AnyTargets<'_>,
    optimizer: &mut dyn Optimizer,
    work: &mut Workspace<'_>,
) -> Result<(), Error> {
    let mut other = [0.0; 784];
    let other = first(&mut other, x.len());
    for turn in 0..20 {
        // The same sample, turned by a few places, for another class.
        let turned = x.iter().cycle().skip(usize::from(turn) * 29);
        other.iter_mut().zip(turned).for_each(|(to, &from)| *to = from);
        model.train(opaque(&*other), Targets::Classes(&[opaque(turn % 4)]), optimizer, 0.001, work)?;
    }
    count(clock, name, optimizer_name, || model.train(opaque(x), targets, optimizer, 0.001, work))
}

/// Prints the network, the call, and the instructions it took.
fn count<T>(clock: &Clock, name: &str, call_name: &str, call: impl FnOnce() -> Result<T, Error>) -> Result<(), Error> {
    let (result, instructions) = clock.count(call);
    hprintln!("{}, {}\t{}", name, call_name, instructions);
    opaque(result?);
    Ok(())
}

/// The first part of a buffer, which is long enough.
fn first(buffer: &mut [f32], len: usize) -> &mut [f32] {
    buffer.get_mut(..len).unwrap_or_default()
}
