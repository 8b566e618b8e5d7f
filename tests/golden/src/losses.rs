//! Pinball loss and Gaussian negative log-likelihood, log-variances within their bounds and beyond.

use cygnet::metrics::deviation;
use cygnet::network::Math;
use cygnet::{Activation, Error, Init, Loss, Model, Sgd, Spec, Targets, Workspace};

const BODY: Spec = Spec::new(5).dense(7, Activation::Tanh).dense(4, Activation::Identity);
const P: usize = BODY.param_len();
const N: usize = 9;

pub(crate) fn losses(scratch: &mut [f32], hash: u64, fold: fn(u64, f32) -> u64) -> Result<u64, Error> {
    let (params, rest) = scratch.split_at_mut(P);
    let (x, rest) = rest.split_at_mut(N * 5);
    let (t, rest) = rest.split_at_mut(N * 4);
    x.iter_mut().enumerate().for_each(|(i, x)| *x = ((i * 7919) % 1009) as f32 / 504.5 - 1.0);
    t.iter_mut().enumerate().for_each(|(i, t)| *t = ((i * 613) % 811) as f32 / 405.5 - 1.0);
    let mut hash = hash;
    for loss in [Loss::Pinball(0.1), Loss::Pinball(0.9), Loss::GaussianNll] {
        let net = BODY.loss(loss);
        let mut work = Workspace::new(&net, N, &mut rest[..net.work_len(N)])?;
        let mut model = Model::new(&net, params)?;
        model.init(Init::Glorot, 3)?;
        // A log-variance that is out of its bounds at first.
        if let Some(last) = model.params_mut().last_mut() {
            *last = 20.5;
        }
        let mut sgd = Sgd::plain(&net)?;
        for _ in 0..20 {
            let score = model.train(&*x, Targets::Values(&t[..N * net.targets()]), &mut sgd, 0.05, &mut work)?;
            hash = fold(hash, score.loss());
        }
        hash = model.predict(&*x, &mut work)?.iter().fold(hash, |hash, &x| fold(hash, deviation(x, Math::Libm)));
        hash = model.params().iter().fold(hash, |hash, &x| fold(hash, x));
    }
    Ok(hash)
}
