//! A network with layer norms, by batches, micro-batches and single samples; its average.

use cygnet::optim::AdamConfig;
use cygnet::{Activation, Adam, Averager, Error, Gradient, Init, Model, Sgd, Spec, Targets, Workspace};

const NET: Spec = Spec::new(23)
    .dense(19, Activation::Relu)
    .layer_norm()
    .dropout(0.25)
    .dense(7, Activation::Tanh)
    .layer_norm()
    .dense(5, Activation::Identity);
const SAMPLES: usize = 9;
const INPUTS: usize = NET.inputs();
const P: usize = NET.param_len();

pub(crate) fn layer_norm(scratch: &mut [f32], hash: u64, fold: fn(u64, f32) -> u64) -> Result<u64, Error> {
    let (params, rest) = scratch.split_at_mut(P);
    let (mean, rest) = rest.split_at_mut(P);
    let (sum, rest) = rest.split_at_mut(P);
    let (state, rest) = rest.split_at_mut(2 * P);
    let (x, rest) = rest.split_at_mut(SAMPLES * INPUTS);
    x.iter_mut().enumerate().for_each(|(i, x)| *x = ((i * 7919) % 1009) as f32 / 504.5 - 1.0);
    let classes: [u16; SAMPLES] = core::array::from_fn(|i| (i * 3 % 5) as u16);
    let mut work = Workspace::new(&NET, SAMPLES, &mut rest[..NET.work_len(SAMPLES)])?;
    let mut model = Model::new(&NET, params)?;
    model.init(Init::He, 11)?;
    let mut adam = Adam::new(AdamConfig::decoupled(0.01), &NET, state)?;
    let (mut sgd, mut average, mut hash) = (Sgd::plain(&NET)?, Averager::new(mean), hash);
    for n in [SAMPLES, 1, 4, 8, 1, SAMPLES] {
        let (x, y) = (&x[..n * INPUTS], &classes[..n]);
        hash = fold(hash, model.train(x, Targets::Classes(y), &mut sgd, 0.1, &mut work)?.loss());
        model.train(x, Targets::Classes(y), &mut adam, 0.01, &mut work)?;
        let mut gradient = Gradient::new(&NET, sum)?;
        for (x, y) in [(&x[..INPUTS], &y[..1]), (x, y)] {
            model.accumulate(x, Targets::Classes(y), &mut gradient, &mut work)?;
        }
        gradient.clip(0.5)?;
        model.step(&mut gradient, &mut adam, 0.01)?;
        average.update(&model)?;
    }
    hash = model.params().iter().fold(hash, |hash, &x| fold(hash, x));
    average.finish(&mut model)?;
    let outputs = model.predict(&*x, &mut work)?;
    Ok(outputs.iter().fold(hash, |hash, &x| fold(hash, x)))
}
