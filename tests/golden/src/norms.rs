//! A network with norms, by whole batches and by micro-batches; its average's statistics; the network without them.

use cygnet::model::fold;
use cygnet::optim::AdamConfig;
use cygnet::{Activation, Adam, Averager, Error, Gradient, Init, Model, Spec, Targets, Workspace, predict};

const NET: Spec = Spec::new(37).dense(19, Activation::Relu).norm().dropout(0.25).dense(9, Activation::Identity).norm();
const SAMPLES: usize = 11;
const INPUTS: usize = NET.inputs();
const P: usize = NET.param_len();
const FOLDED: Spec = NET.folded();

/// Trains, averages, updates and folds in `scratch`, and folds what came of it into `hash`, by `fold`.
pub(crate) fn norms(scratch: &mut [f32], hash: u64, fold_in: fn(u64, f32) -> u64) -> Result<u64, Error> {
    let (params, rest) = scratch.split_at_mut(P);
    let (mean, rest) = rest.split_at_mut(P);
    let (sum, rest) = rest.split_at_mut(P);
    let (state, rest) = rest.split_at_mut(2 * P);
    let (floats, rest) = rest.split_at_mut(NET.work_len(SAMPLES));
    let (pooled, rest) = rest.split_at_mut(NET.norm_len());
    let (x, _) = rest.split_at_mut(SAMPLES * INPUTS);
    for (i, x) in x.iter_mut().enumerate() {
        *x = if i % 3 == 0 { 0.0 } else { ((i * 7919) % 1009) as f32 / 504.5 - 1.0 };
    }
    let classes: [u16; SAMPLES] = core::array::from_fn(|i| (i * 5 % 9) as u16);
    let mut model = Model::new(&NET, params)?;
    model.init(Init::He, 7)?;
    state.fill(0.0);
    let mut adam = Adam::new(AdamConfig::decoupled(0.01), &NET, state)?;
    let mut work = Workspace::new(&NET, SAMPLES, floats)?;
    let mut average = Averager::new(mean);
    let mut hash = hash;
    for n in [SAMPLES, 2, 8, SAMPLES, 5] {
        let (x, classes) = (&x[..n * INPUTS], &classes[..n]);
        let score = model.train(x, Targets::Classes(classes), &mut adam, 0.01, &mut work)?;
        hash = fold_in(hash, score.loss());
        let mut gradient = Gradient::new(&NET, sum)?;
        for (x, classes) in [(&x[..2 * INPUTS], &classes[..2]), (x, classes)] {
            model.accumulate(x, Targets::Classes(classes), &mut gradient, &mut work)?;
        }
        gradient.clip(0.5)?;
        model.step(&mut gradient, &mut adam, 0.01)?;
        average.update(&model)?;
    }
    hash = model.params().iter().fold(hash, |hash, &x| fold_in(hash, x));
    average.finish(&mut model)?;
    let mut update = model.norm_update(pooled)?;
    for batch in [&x[..4 * INPUTS], &x[4 * INPUTS..]] {
        update.add(batch, &mut work)?;
    }
    update.finish()?;
    let folded = &mut sum[..FOLDED.param_len()];
    fold(&NET, model.params(), folded)?;
    hash = model.params().iter().chain(&*folded).fold(hash, |hash, &x| fold_in(hash, x));
    for (spec, params) in [(&NET, model.params()), (&FOLDED, folded)] {
        hash = predict(spec, params, &*x, &mut work)?.iter().fold(hash, |hash, &x| fold_in(hash, x));
    }
    Ok(hash)
}
