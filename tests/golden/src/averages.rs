//! Every kind of average, and the optimizers that average: one trajectory of a small network.

use cygnet::average::{Draws, Ema, Rule, Swag, Warmup, Window};
use cygnet::model::Params;
use cygnet::optim::{Lookahead, LookaheadConfig, Optimizer, ScheduleFree, ScheduleFreeConfig, SgdConfig};
use cygnet::{Activation, Averager, Error, Init, Model, Sgd, Spec, Targets, Workspace};

const NET: Spec = Spec::new(23).dense(11, Activation::Tanh).dense(5, Activation::Identity);
const P: usize = NET.param_len();
const SAMPLES: usize = 6;
const STEPS: usize = 12;
const MOMENTUM: SgdConfig = SgdConfig { momentum: 0.9, nesterov: false, weight_decay: 1e-3, no_bias_decay: false };

/// Floats of the scratch memory that go to one purpose after the other.
struct Memory<'a>(&'a mut [f32]);

impl<'a> Memory<'a> {
    fn take(&mut self, n: usize) -> &'a mut [f32] {
        let (here, rest) = core::mem::take(&mut self.0).split_at_mut(n);
        self.0 = rest;
        here.fill(0.0);
        here
    }
}

/// Folds what comes of each into `hash`, by `fold`.
pub(crate) fn averages(scratch: &mut [f32], hash: u64, fold: fn(u64, f32) -> u64) -> Result<u64, Error> {
    let memory = &mut Memory(scratch);
    let mut model = Model::new(&NET, memory.take(P))?;
    model.init(Init::Glorot, 11)?;
    let (x, floats, y) = (memory.take(SAMPLES * 23), memory.take(NET.work_len(SAMPLES)), [0, 3, 1, 4, 2, 0]);
    x.iter_mut().enumerate().for_each(|(i, x)| *x = ((i * 6151) % 997) as f32 / 498.5 - 1.0);
    let mut work = Workspace::new(&NET, SAMPLES, floats)?;

    let half_life = Ema { warmup: Warmup::Ratio, ..Ema::with_half_life(4.0, 1.0) };
    let power = Ema { warmup: Warmup::Power { gamma: 1.0, power: 0.7 }, ..Ema::with_epsilon(0.05) };
    let mut plain = [Rule::mean(), Rule::capped(5), Rule::ema(half_life), Rule::ema(power)]
        .map(|rule| Averager::with_rule(rule, memory.take(P)));
    let mut compensated = Averager::new(memory.take(P));
    compensated.compensate(memory.take(P))?;
    let mut weighted = Averager::new(memory.take(P));
    let mut window = Window::new(3, memory.take(3 * P))?;
    let mut swag = Swag::new(memory.take(P), memory.take(P), memory.take(2 * P))?;

    let sgd = Sgd::new(MOMENTUM, &NET, memory.take(P))?;
    let config = LookaheadConfig { every: 3, alpha: 0.5 };
    let mut lookahead = Lookahead::new(config, sgd, &model, memory.take(P))?;
    for step in 0..STEPS {
        model.train(&*x, Targets::Classes(&y), &mut lookahead, 0.05, &mut work)?;
        for average in &mut plain {
            average.as_mut().map_err(|error| *error)?.update(&model)?;
        }
        compensated.update(&model)?;
        weighted.update_weighted(&model, 1.0 + step as f32)?;
        window.update(&model)?;
        swag.update(&model)?;
    }
    weighted.remove(&model, STEPS as f32)?;
    let mut free = ScheduleFree::new(ScheduleFreeConfig::default(), &model, memory.take(2 * P))?;
    for _ in 0..STEPS {
        model.train(&*x, Targets::Classes(&y), &mut free, 0.1, &mut work)?;
    }

    let add = |hash, floats: &[f32]| floats.iter().fold(hash, |hash, &x| fold(hash, x));
    let mut hash = add(hash, model.params());
    hash = add(hash, free.averaged().map_or(&[], Params::as_slice));
    for average in &plain {
        hash = add(hash, &average.as_ref().map_err(|error| *error)?.mean()?);
    }
    let first = plain.into_iter().next().ok_or(Error::NoAverage)??;
    compensated.merge(&first)?;
    let draw = memory.take(P);
    hash = add(hash, &window.mean(draw)?);
    for floats in [&*compensated.mean()?, &weighted.mean()?, &swag.mean()?, lookahead.slow()] {
        hash = add(hash, floats);
    }
    let probabilities = memory.take(SAMPLES * 5);
    let draws = Draws { seed: 5, samples: 3, scale: 0.5 };
    swag.predict(&NET, draws, &*x, draw, probabilities, &mut work)?;
    Ok(add(add(hash, draw), probabilities))
}
