//! Weights of samples and classes, an ignored label and label smoothing: fused steps of several samples and of one, and
//! micro-batches.

use cygnet::metrics::Score;
use cygnet::optim::SgdConfig;
use cygnet::train::{Weighted, balanced};
use cygnet::{Activation, Error, Gradient, Init, Model, Sgd, Spec, Targets, Workspace};

const NET: Spec = Spec::new(13).dense(7, Activation::Relu).dropout(0.25).dense(4, Activation::Identity);
const P: usize = NET.param_len();
const N: usize = 9;
const LABELS: [u16; N] = [0, 3, 1, u16::MAX, 0, 2, 0, 3, 0];
const WEIGHTS: [f32; N] = [1.0, 0.3, 2.5, 1.0, 0.0, 7.0, 0.125, 1e-3, 0.9];

pub(crate) fn weights(scratch: &mut [f32], hash: u64, fold: fn(u64, f32) -> u64) -> Result<u64, Error> {
    let (params, rest) = scratch.split_at_mut(P);
    let (velocity, rest) = rest.split_at_mut(P);
    let (sum, rest) = rest.split_at_mut(P);
    let (x, rest) = rest.split_at_mut(N * 13);
    x.iter_mut().enumerate().for_each(|(i, x)| *x = ((i * 7919) % 1009) as f32 / 504.5 - 1.0);
    let mut of_classes = [0.0; 4];
    balanced(&LABELS, &mut of_classes)?;
    let mut model = Model::new(&NET, params)?;
    model.init(Init::He, 3)?;
    let config = SgdConfig { momentum: 0.9, weight_decay: 1e-3, ..Sgd::DEFAULT };
    let mut sgd = Sgd::new(config, &NET, velocity)?;
    let mut hash = hash;
    for step in 0..12 {
        let smoothing = if step % 2 == 0 { 0.1 } else { 0.0 };
        let part = |from: usize, to: usize| {
            let targets = Targets::Classes(&LABELS[from..to]).weighted(&WEIGHTS[from..to]);
            (from * 13..to * 13, targets.by_class(&of_classes).smoothed(smoothing))
        };
        let ((several, targets), (one, target)) = (part(0, N), part(step % 3, step % 3 + 1));
        let mut work = Workspace::new(&NET, N, &mut rest[..NET.work_len(N)])?;
        let score = model.train(&x[several.clone()], targets, &mut sgd, 0.1, &mut work)?;
        hash = fold(fold(hash, score.loss()), score.accuracy());
        let mut gradient = Gradient::new(&NET, sum)?;
        for (from, to) in [(0, 4), (4, 5), (5, N)] {
            let (range, targets) = part(from, to);
            model.accumulate(&x[range], targets, &mut gradient, &mut work)?;
        }
        hash = fold(hash, gradient.clip(0.5)?);
        hash = fold(hash, model.step(&mut gradient, &mut sgd, 0.1)?.weight());
        let mut work = Workspace::new(&NET, 1, &mut rest[..NET.work_len(1)])?;
        model.train(&x[one], target, &mut sgd, 0.1, &mut work)?;
        let mut total = Score::default();
        model.evaluate(
            &x[several],
            Weighted::new(Targets::Classes(&LABELS)).by_class(&of_classes),
            &mut total,
            &mut work,
        )?;
        hash = fold(hash, total.loss());
    }
    Ok(model.params().iter().fold(hash, |hash, &x| fold(hash, x)))
}
