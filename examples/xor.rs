//! XOR on the core alone: every buffer is an array on the stack, sized by the network's description.
//!
//! `cargo run --example xor`

use cygnet::{Activation, Adam, Error, Init, Loss, Model, Spec, Targets, Workspace};

const NET: Spec = Spec::new(2).dense(8, Activation::Tanh).dense(1, Activation::Identity).loss(Loss::BinaryCrossEntropy);
const INPUTS: [f32; 8] = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
const TARGETS: [f32; 4] = [0.0, 1.0, 1.0, 0.0];

fn main() -> Result<(), Error> {
    let mut params = [0.0; NET.param_len()];
    let mut moments = [0.0; Adam::DEFAULT.state_len(&NET)];
    let mut floats = [0.0; NET.work_len(4)];
    let mut model = Model::new(&NET, &mut params)?;
    model.init(Init::Glorot, 1)?;
    let mut adam = Adam::new(Adam::DEFAULT, &NET, &mut moments)?;
    let mut work = Workspace::new(&NET, 4, &mut floats)?;

    for step in 0..=500 {
        let score = model.train(&INPUTS, Targets::Values(&TARGETS), &mut adam, 0.02, &mut work)?;
        if step % 100 == 0 {
            println!("step {step:>3}: loss {:.4}, {} of 4 right", score.loss(), score.hits());
        }
    }
    let logits = model.predict(&INPUTS, &mut work)?;
    for (x, z) in INPUTS.as_chunks::<2>().0.iter().zip(logits) {
        println!("{} xor {} is {}", x[0], x[1], u8::from(*z > 0.0));
    }
    Ok(())
}
