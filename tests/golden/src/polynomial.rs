//! Polynomial averages of several exponents over one trajectory, plain and compensated.

use cygnet::average::Rule;
use cygnet::{Activation, Averager, Error, Init, Model, Sgd, Spec, Targets, Workspace};

const NET: Spec = Spec::new(13).dense(7, Activation::Relu).dense(4, Activation::Identity);
const P: usize = NET.param_len();
const SAMPLES: usize = 5;
const ETAS: [f32; 5] = [0.0, 0.5, 1.0, 7.0, 17.0];

pub(crate) fn polynomial(scratch: &mut [f32], hash: u64, fold: fn(u64, f32) -> u64) -> Result<u64, Error> {
    let (params, rest) = scratch.split_at_mut(P);
    let (means, rest) = rest.split_at_mut(ETAS.len() * P);
    let (mean, rest) = rest.split_at_mut(P);
    let (lost, rest) = rest.split_at_mut(P);
    let (x, rest) = rest.split_at_mut(SAMPLES * 13);
    x.iter_mut().enumerate().for_each(|(i, x)| *x = ((i * 7919) % 1009) as f32 / 504.5 - 1.0);
    let mut work = Workspace::new(&NET, SAMPLES, &mut rest[..NET.work_len(SAMPLES)])?;
    let mut model = Model::new(&NET, params)?;
    model.init(Init::He, 3)?;
    let mut sgd = Sgd::plain(&NET)?;
    let mut means = means.chunks_mut(P);
    let mut averages = ETAS.map(|eta| Averager::with_rule(Rule::polynomial(eta), means.next().unwrap_or_default()));
    let mut compensated = Averager::with_rule(Rule::polynomial(3.0), mean)?;
    compensated.compensate(lost)?;
    let mut hash = hash;
    for _ in 0..40 {
        model.train(&*x, Targets::Classes(&[0, 3, 1, 2, 0]), &mut sgd, 0.2, &mut work)?;
        for average in averages.iter_mut().flatten() {
            average.update(&model)?;
        }
        compensated.update(&model)?;
    }
    for average in averages {
        hash = average?.mean()?.iter().fold(hash, |hash, &x| fold(hash, x));
    }
    Ok(compensated.mean()?.iter().fold(hash, |hash, &x| fold(hash, x)))
}
