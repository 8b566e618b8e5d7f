//! Schedule-free AdamW at batch 1 and beyond, with weight decay.

use cygnet::model::Params;
use cygnet::optim::{Optimizer, ScheduleFreeAdam, ScheduleFreeAdamConfig};
use cygnet::{Activation, Error, Init, Model, Spec, Targets, Workspace};

const NET: Spec = Spec::new(13).dense(7, Activation::Relu).dense(4, Activation::Identity);
const P: usize = NET.param_len();
const SAMPLES: usize = 5;

pub(crate) fn schedule_free_adam(scratch: &mut [f32], hash: u64, fold: fn(u64, f32) -> u64) -> Result<u64, Error> {
    let (params, rest) = scratch.split_at_mut(P);
    let (floats, rest) = rest.split_at_mut(3 * P);
    let (x, rest) = rest.split_at_mut(SAMPLES * 13);
    x.iter_mut().enumerate().for_each(|(i, x)| *x = ((i * 7919) % 1009) as f32 / 504.5 - 1.0);
    let mut work = Workspace::new(&NET, SAMPLES, &mut rest[..NET.work_len(SAMPLES)])?;
    let mut model = Model::new(&NET, params)?;
    model.init(Init::He, 3)?;
    let config = ScheduleFreeAdamConfig { weight_decay: 0.01, ..ScheduleFreeAdam::DEFAULT };
    let mut free = ScheduleFreeAdam::new(config, &model, floats)?;
    for _ in 0..20 {
        model.train(&*x, Targets::Classes(&[0, 3, 1, 2, 0]), &mut free, 0.01, &mut work)?;
        model.train(&x[..13], Targets::Classes(&[0]), &mut free, 0.02, &mut work)?;
    }
    let hash = model.params().iter().fold(hash, |hash, &x| fold(hash, x));
    let hash = free.averaged().map_or(&[][..], Params::as_slice).iter().fold(hash, |hash, &x| fold(hash, x));
    Ok(free.second_moments().iter().fold(hash, |hash, &x| fold(hash, x)))
}
