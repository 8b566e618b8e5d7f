//! A head with dropout that learns on the outputs of a frozen body with a norm, its average, and the body's checksum.

use cygnet::store::checksum;
use cygnet::{Activation, Averager, Error, Init, Model, Sgd, Spec, Targets, Workspace, optim::SgdConfig, predict};

const NET: Spec = Spec::new(13)
    .dense(9, Activation::Tanh)
    .norm()
    .dropout(0.5)
    .dense(8, Activation::Relu)
    .dropout(0.25)
    .dense(4, Activation::Identity);
const BODY: Spec = NET.first(1);
const HEAD: Spec = NET.after(1);
const P: usize = HEAD.param_len();
const SAMPLES: usize = 5;
const FEATURES: usize = SAMPLES * BODY.outputs();

pub(crate) fn frozen(scratch: &mut [f32], hash: u64, fold: fn(u64, f32) -> u64) -> Result<u64, Error> {
    let (body, rest) = scratch.split_at_mut(BODY.param_len());
    let (params, rest) = rest.split_at_mut(P);
    let (mean, rest) = rest.split_at_mut(P);
    let (state, rest) = rest.split_at_mut(P);
    let (features, rest) = rest.split_at_mut(FEATURES);
    let (x, rest) = rest.split_at_mut(SAMPLES * NET.inputs());
    x.iter_mut().enumerate().for_each(|(i, x)| *x = ((i * 7919) % 1009) as f32 / 504.5 - 1.0);
    Model::new(&BODY, body)?.init(Init::He, 3)?;
    let mut work = Workspace::for_prediction(&BODY, SAMPLES, &mut rest[..BODY.predict_len(SAMPLES)])?;
    features.copy_from_slice(predict(&BODY, body, &*x, &mut work)?);
    let mut model = Model::new(&HEAD, params)?;
    model.init(Init::He, 3)?;
    let mut sgd = Sgd::new(SgdConfig { momentum: 0.9, ..Sgd::DEFAULT }, &HEAD, state)?;
    let mut average = Averager::new(mean);
    let mut work = Workspace::new(&HEAD, SAMPLES, &mut rest[..HEAD.work_len(SAMPLES)])?;
    let mut hash = fold(hash, f32::from_bits(checksum(&BODY, body)? & 0x00ff_ffff));
    for _ in 0..40 {
        model.train(&*features, Targets::Classes(&[0, 3, 1, 2, 0]), &mut sgd, 0.1, &mut work)?;
        average.update(&model)?;
    }
    hash = model.params().iter().fold(hash, |hash, &x| fold(hash, x));
    Ok(average.mean()?.iter().fold(hash, |hash, &x| fold(hash, x)))
}
