//! Bytes of states after some steps, each read again before the next step.

use cygnet::metrics::Calibration;
use cygnet::optim::{AnyConfig, AnyOptimizer, AnyState, Lookahead};
use cygnet::train::{BatchSize, GradientState, Growth, NoiseScale};
use cygnet::{Activation, Adam, Error, Gradient, Init, Model, Spec, Targets, Workspace};

const NET: Spec = Spec::new(6).dense(7, Activation::Tanh).dense(3, Activation::Identity);
const P: usize = NET.param_len();
const SAMPLES: usize = 4;
const CONFIG: AnyConfig = AnyConfig::LookaheadAdam(Lookahead::DEFAULT, Adam::DEFAULT);

pub(crate) fn states(scratch: &mut [f32], hash: u64, fold: fn(u64, f32) -> u64) -> Result<u64, Error> {
    let (params, rest) = scratch.split_at_mut(P);
    let (state, rest) = rest.split_at_mut(CONFIG.state_len(&NET));
    let (sum, rest) = rest.split_at_mut(P);
    let mut work = Workspace::new(&NET, SAMPLES, &mut rest[..NET.work_len(SAMPLES)])?;
    let mut model = Model::new(&NET, params)?;
    model.init(Init::Glorot, 5)?;
    let mut any = AnyOptimizer::new(CONFIG, &model, state)?.into_state();
    let mut size = BatchSize::new(Growth::NormTest(0.5), 8, 64, 2)?;
    let (mut scale, mut calibration) = (NoiseScale::new(0.1)?, Calibration::default());
    let mut hash = hash;
    for step in 0..12_u16 {
        let mut gradient = Gradient::new(&NET, sum)?.measured().into_state();
        for part in 0..3 {
            let x: [f32; SAMPLES * 6] = core::array::from_fn(|i| (i as f32 - f32::from(step * 5 + part)) / 16.0);
            let mut going_on = Gradient::resume(GradientState::from_bytes(&gradient.to_bytes())?, &NET, sum)?;
            model.accumulate(&x, Targets::Classes(&[0, 1, 2, part % 3]), &mut going_on, &mut work)?;
            gradient = going_on.into_state();
        }
        hash = gradient.to_bytes().iter().fold(hash, |hash, &byte| fold(hash, byte.into()));
        let mut gradient = Gradient::resume(gradient, &NET, sum)?;
        let noise = gradient.noise()?;
        (size, scale) = (BatchSize::from_bytes(&size.to_bytes())?, NoiseScale::from_bytes(&scale.to_bytes())?);
        size.update(12, Some(noise));
        scale.update(noise);
        let mut optimizer = AnyOptimizer::resume(AnyState::from_bytes(CONFIG, &NET, &any.to_bytes())?, &model, state)?;
        model.step(&mut gradient, &mut optimizer, 0.05)?;
        any = optimizer.into_state();
        calibration.add(&[0.25, 0.5, f32::from(step) / 64.0], step % 3)?;
    }
    hash = size.to_bytes().iter().chain(&scale.to_bytes()).fold(hash, |hash, &byte| fold(hash, byte.into()));
    hash = calibration.to_bytes().iter().chain(&any.to_bytes()).fold(hash, |hash, &byte| fold(hash, byte.into()));
    Ok(model.params().iter().fold(hash, |hash, &x| fold(hash, x)))
}
