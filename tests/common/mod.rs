//! What several integration tests share.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use cygnet::{Activation, Init, Loss, Model, Spec};
use proptest::test_runner::{Config, RngSeed};

/// Every activation once.
pub(crate) const ACTIVATIONS: [Activation; 5] =
    [Activation::Identity, Activation::Relu, Activation::LeakyRelu(0.125), Activation::Tanh, Activation::Sigmoid];

/// The same `cases` on every run.
pub(crate) fn cases(cases: u32) -> Config {
    Config { cases, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..Config::default() }
}

/// Bit patterns, to compare with.
pub(crate) fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// Reproducible numbers in [−1, 1).
pub(crate) fn numbers(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
    let next = |_| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (state >> 40) as f32 / 8_388_608.0 - 1.0
    };
    (0..n).map(next).collect()
}

/// [`numbers`] of which about a third are zero, as in an image.
pub(crate) fn samples(n: usize, spec: &Spec, seed: u64) -> Vec<f32> {
    numbers(n * spec.inputs(), seed).into_iter().map(|x| if x < -0.3 { 0.0 } else { x }).collect()
}

/// Reproducible classes of `spec`.
pub(crate) fn classes(n: usize, spec: &Spec, seed: u64) -> Vec<u16> {
    numbers(n, !seed).into_iter().map(|x| ((x + 1.0) / 2.0 * spec.classes() as f32) as u16).collect()
}

/// Parameters after `init`.
pub(crate) fn initial(spec: &Spec, seed: u64) -> Vec<f32> {
    let mut params = vec![f32::NAN; spec.param_len()];
    Model::new(spec, &mut params).unwrap().init(Init::He, seed).unwrap();
    params
}

/// A training workspace full of NaN, which shows if anything is read before it is written.
pub(crate) fn work(spec: &Spec, batch: usize) -> Vec<f32> {
    vec![f32::NAN; spec.work_len(batch)]
}

/// Likewise for prediction.
pub(crate) fn predict_work(spec: &Spec, batch: usize) -> Vec<f32> {
    vec![f32::NAN; spec.predict_len(batch)]
}

/// `f(z)` in double precision, written without a look at the crate.
pub(crate) fn f64_activation(f: Activation, z: f64) -> f64 {
    match f {
        Activation::Identity => z,
        Activation::Relu => z.max(0.0),
        Activation::LeakyRelu(slope) => z.max(0.0) + f64::from(slope) * z.min(0.0),
        Activation::Tanh => z.tanh(),
        Activation::Sigmoid => 1.0 / (1.0 + (-z).exp()),
        _ => panic!("no definition of {f:?}"),
    }
}

/// The loss of a sample likewise, from outputs and targets.
pub(crate) fn f64_loss(loss: Loss, a: &[f64], t: &[f64]) -> f64 {
    let pairs = a.iter().zip(t);
    let mean = a.len() as f64;
    match loss {
        Loss::SoftmaxCrossEntropy => {
            let sum: f64 = a.iter().map(|a| a.exp()).sum();
            pairs.map(|(a, t)| -t * (a.exp() / sum).ln()).sum()
        }
        Loss::MeanSquared => pairs.map(|(a, t)| (a - t).powi(2)).sum::<f64>() / mean,
        Loss::BinaryCrossEntropy => {
            let p = |a: f64| 1.0 / (1.0 + (-a).exp());
            pairs.map(|(&a, t)| -t * p(a).ln() - (1.0 - t) * p(-a).ln()).sum::<f64>() / mean
        }
        Loss::Huber(delta) => {
            let delta = f64::from(delta);
            let huber = |r: f64| if r.abs() <= delta { r * r / 2.0 } else { delta * (r.abs() - delta / 2.0) };
            pairs.map(|(a, t)| huber(a - t)).sum::<f64>() / mean
        }
        Loss::Pinball(tau) => {
            let tau = f64::from(tau);
            pairs.map(|(a, t)| (tau * (t - a)).max((tau - 1.0) * (t - a))).sum::<f64>() / mean
        }
        Loss::GaussianNll => {
            let (means, logs) = a.split_at(a.len() / 2);
            let logs = logs.iter().map(|s| s.clamp(-20.0, 20.0));
            let each = means.iter().zip(logs).zip(t).map(|((m, s), t)| 0.5 * (s + (t - m).powi(2) / s.exp()));
            each.sum::<f64>() / means.len() as f64
        }
        _ => panic!("no definition of {loss:?}"),
    }
}

/// Code for `isa`, which was forced, ran in this thread, and no other; on AVX-512 the dense tiles and the input gradients
/// run AVX2's. A release build does not know.
#[cfg(all(feature = "std", target_arch = "x86_64"))]
pub(crate) fn assert_ran(isa: cygnet::kernels::Isa) {
    use cygnet::kernels::{Isa, ran};
    assert!(ran(isa) != Some(false), "{isa:?} was forced and did not run");
    for other in [Isa::Scalar, Isa::Baseline, Isa::Avx2, Isa::Avx512] {
        let may = other == isa || (isa, other) == (Isa::Avx512, Isa::Avx2);
        assert!(may || ran(other) != Some(true), "{isa:?} was forced, {other:?} ran");
    }
    assert_eq!(ran(isa).is_some(), cfg!(debug_assertions));
}
