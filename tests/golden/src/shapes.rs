//! Many small networks of odd widths: the ends of every tile and block, chunks that are full, half full and empty.

use cygnet::optim::{AdamConfig, Optimizer, SgdConfig};
use cygnet::{Activation, Adam, Averager, Error, Init, Loss, Model, Sgd, Spec, Targets, Workspace};

/// Floats of scratch memory that [`shapes`] needs.
pub(crate) const SCRATCH: usize = 40_000;
const SAMPLES: usize = 3;
const NETWORKS: u32 = 48;

/// Trains every network in every way for a few steps and folds what came of it into `hash`, by `fold`.
pub(crate) fn shapes(scratch: &mut [f32], hash: u64, fold: fn(u64, f32) -> u64) -> Result<u64, Error> {
    let mut draws = Draws(1);
    (0..NETWORKS).try_fold(hash, |hash, network| one(network, &mut draws, scratch, hash, fold))
}

fn one(
    network: u32,
    draws: &mut Draws,
    scratch: &mut [f32],
    hash: u64,
    fold: fn(u64, f32) -> u64,
) -> Result<u64, Error> {
    let mut below = |n: u32| 1 + draws.next() % n;
    let (inputs, hidden, outputs) = (below(150), below(45), below(13));
    let spec =
        Spec::new(inputs as u16).dense(hidden as u16, Activation::Relu).dense(outputs as u16, Activation::Identity);
    let spec = if outputs == 1 { spec.loss(Loss::BinaryCrossEntropy) } else { spec };
    let decay = if network % 5 == 4 { 0.01 } else { 0.0 };
    let adam = AdamConfig { weight_decay: decay, decoupled: network.is_multiple_of(2), ..AdamConfig::default() };
    let momentum =
        SgdConfig { momentum: 0.9, nesterov: network.is_multiple_of(2), weight_decay: decay, no_bias_decay: false };
    let (params, rest) = scratch.split_at_mut(spec.param_len());
    let (mean, rest) = rest.split_at_mut(spec.param_len());
    let (state, rest) = rest.split_at_mut(2 * spec.param_len());
    let (work, rest) = rest.split_at_mut(spec.work_len(SAMPLES));
    let (x, _) = rest.split_at_mut(SAMPLES * inputs as usize);
    // Of four networks one has no zeros, one has few, one has many, one is dark.
    let lit = [100, 80, 20, 2][(network % 4) as usize];
    for x in x.iter_mut() {
        *x = if draws.next() % 100 < lit { draws.float() } else { 0.0 };
    }
    let known = spec.classes() as u32;
    let classes = [0, draws.next() % known, known - 1].map(|class| class as u16);
    let mut model = Model::new(&spec, params)?;
    model.init(Init::He, u64::from(network))?;
    let mut average = Averager::new(mean);
    let mut hash = hash;
    for way in 0..3 {
        let mut sgd = Sgd::new(SgdConfig { weight_decay: decay, ..SgdConfig::default() }, &spec, &mut [])?;
        let mut work = Workspace::new(&spec, SAMPLES, work)?;
        for (n, rate) in [(1, 0.05), (SAMPLES, 0.01), (1, 0.001)] {
            let inputs = &x[..n * inputs as usize];
            let (half, _) = state.split_at_mut(momentum.state_len(&spec));
            let (mut heavy, mut moments);
            let optimizer: &mut dyn Optimizer = match way {
                0 => &mut sgd,
                1 => {
                    heavy = Sgd::new(momentum, &spec, half)?;
                    &mut heavy
                }
                _ => {
                    moments = Adam::new(adam, &spec, state)?;
                    &mut moments
                }
            };
            for _ in 0..2 {
                let score = model.train(inputs, Targets::Classes(&classes[..n]), optimizer, rate, &mut work)?;
                hash = fold(hash, score.loss());
            }
            average.update(&model)?;
        }
        let outputs = model.predict(&*x, &mut work)?;
        hash = outputs.iter().fold(hash, |hash, &x| fold(hash, x));
        hash = state.iter().fold(hash, |hash, &x| fold(hash, x));
    }
    let all = model.params().iter().chain(average.mean()?.as_slice());
    Ok(all.fold(hash, |hash, &x| fold(hash, x)))
}

/// A linear congruential generator; its high bits are the better ones.
struct Draws(u32);

impl Draws {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 8
    }

    /// Of magnitudes from 1e-12 to 1, so that moments cross their floors.
    fn float(&mut self) -> f32 {
        let x = self.next() as f32 / 8_388_608.0 - 1.0;
        match self.next() % 8 {
            0 => x * 1e-6,
            1 => x * 1e-12,
            _ => x,
        }
    }
}
