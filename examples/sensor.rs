//! A sensor's readings on the core alone: gaps and scales are learned with the network, saved behind it, and applied again
//! where the model predicts.
//!
//! `cargo run --example sensor`

use cygnet::metrics::argmax;
use cygnet::preprocess::{Clip, Fit, Missing, Preprocess, PreprocessConfig, Scaling};
use cygnet::store::{load_params, save};
use cygnet::{Activation, Adam, Error, Init, Inputs, Model, Spec, Targets, Workspace, predict};

/// Temperature in °C and pressure in Pa; whether a pump is well or leaks.
const NET: Spec = Spec::new(2).dense(8, Activation::Relu).dense(2, Activation::Identity);
const SAMPLES: usize = 200;
const BATCH: usize = 10;
/// A model's file: the network, then how its inputs are made.
const FILE: usize = NET.checkpoint_len() + Preprocess::section_len(2);

/// Temperature falls and rises, pressure is low in every other sample; some readings fail.
fn reading(i: usize) -> ([f32; 2], u16) {
    let leaks = i % 2;
    let noise = (i * 37 % 101) as f32 / 50.0 - 1.0;
    let temperature = if i % 17 == 3 { f32::NAN } else { 60.0 + 5.0 * noise };
    ([temperature, 101_300.0 - 1_500.0 * leaks as f32 + 600.0 * noise], leaks as u16)
}

fn learn(file: &mut [u8; FILE]) -> Result<(), Error> {
    let (mut x, mut y) = ([0.0; 2 * SAMPLES], [0; SAMPLES]);
    for (i, (row, class)) in x.as_chunks_mut::<2>().0.iter_mut().zip(&mut y).enumerate() {
        (*row, *class) = reading(i);
    }
    let (mut numbers, mut counts) = ([0.0; Fit::state_len(2)], [0; 2]);
    let config = PreprocessConfig { scaling: Scaling::Standard, missing: Missing::Mean, clip: Clip::Deviations(4.0) };
    let mut fit = Fit::new(config, 2, &mut numbers, &mut counts)?;
    fit.add(&x)?; // or reading by reading
    let preprocess = fit.finish()?;
    preprocess.apply(&mut x)?;

    let (mut params, mut moments) = ([0.0; NET.param_len()], [0.0; Adam::DEFAULT.state_len(&NET)]);
    let mut floats = [0.0; NET.work_len(BATCH)];
    let mut model = Model::new(&NET, &mut params)?;
    model.init(Init::He, 1)?;
    let mut adam = Adam::new(Adam::DEFAULT, &NET, &mut moments)?;
    let mut work = Workspace::new(&NET, BATCH, &mut floats)?;
    for epoch in 0..30 {
        // Samples here and there in the set, each once an epoch.
        for first in 0..SAMPLES / BATCH {
            let pick: [u32; BATCH] =
                core::array::from_fn(|i| ((first + i * SAMPLES / BATCH + 7 * epoch) % SAMPLES) as u32);
            let classes = pick.map(|i| y[i as usize]);
            model.train(Inputs::picked(&x, &pick), Targets::Classes(&classes), &mut adam, 0.01, &mut work)?;
        }
    }
    let (network, section) = file.split_at_mut(NET.checkpoint_len());
    save(&NET, &model, network)?;
    preprocess.save(section)
}

fn main() -> Result<(), Error> {
    let mut file = [0; FILE];
    learn(&mut file)?;

    // Later, perhaps on another chip.
    let (mut params, mut numbers) = ([0.0; NET.param_len()], [0.0; Preprocess::state_len(2)]);
    load_params(&NET, &file, &mut params)?; // skips what stands behind
    let section = file.get(NET.checkpoint_len()..).unwrap_or(&[]);
    let preprocess = Preprocess::load(2, section, &mut numbers)?;
    let mut floats = [0.0; NET.predict_len(1)];
    let mut work = Workspace::for_prediction(&NET, 1, &mut floats)?;
    for raw in [[61.0, 101_200.0], [59.0, 99_700.0], [f32::NAN, 99_900.0]] {
        let mut x = raw;
        preprocess.apply(&mut x)?;
        let class = argmax(predict(&NET, &params, &x, &mut work)?);
        println!("{:>5.1} °C, {} Pa: {}", raw[0], raw[1], ["well", "leaks"][usize::from(class)]);
    }
    Ok(())
}
