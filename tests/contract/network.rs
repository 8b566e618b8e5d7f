//! A network's passes, one number at a time.

use super::{in_lanes, key};
use cygnet::network::{Layer, Part};
use cygnet::{Activation, Loss, Spec, Targets};

/// What a batch leaves: everything is a sum over its samples.
pub(crate) struct Passed {
    /// Of every parameter; 0 of running statistics.
    pub(crate) gradient: Vec<f32>,
    pub(crate) losses: Vec<f32>,
    /// Mean and variance of the batch, of each layer with a batch norm.
    pub(crate) statistics: Vec<Vec<(f32, f32)>>,
    /// What comes into each layer and its `∂L/∂z`, sample by sample.
    pub(crate) terms: Vec<(Rows, Rows)>,
    /// Of each layer with a layer norm `x̂·∂L/∂y` and `∂L/∂y`, sample by sample.
    pub(crate) norm_terms: Vec<(Rows, Rows)>,
}

type Rows = Vec<Vec<f32>>;

pub(crate) fn activate(activation: Activation, z: f32) -> f32 {
    match activation {
        Activation::Relu => {
            if z < 0.0 {
                0.0
            } else {
                z
            }
        }
        Activation::LeakyRelu(slope) => {
            if z > 0.0 {
                z
            } else {
                slope * z
            }
        }
        Activation::Tanh => libm::tanhf(z),
        Activation::Sigmoid => 1.0 / (1.0 + libm::expf(-z)),
        _ => z,
    }
}

fn slope(activation: Activation, a: f32) -> f32 {
    match activation {
        Activation::Relu => {
            if a > 0.0 {
                1.0
            } else {
                0.0
            }
        }
        Activation::LeakyRelu(slope) => {
            if a > 0.0 {
                1.0
            } else {
                slope
            }
        }
        Activation::Tanh => 1.0 - a * a,
        Activation::Sigmoid => a * (1.0 - a),
        _ => 1.0,
    }
}

/// `z[j] = bias[j] + Σ_k x[k]·w[k][j]`.
fn dense(layer: &Layer, params: &[f32], x: &[f32]) -> Vec<f32> {
    let (inputs, outputs, at) = (layer.inputs(), layer.outputs(), layer.offset());
    let mut z = params[at + inputs * outputs..][..outputs].to_vec();
    for j in 0..outputs {
        for k in 0..inputs {
            if x[k] != 0.0 {
                z[j] += x[k] * params[at + k * outputs + j];
            }
        }
    }
    z
}

/// Where `γ` of a layer's norm stands.
pub(crate) fn norm_at(layer: &Layer) -> usize {
    layer.offset() + (layer.inputs() + 1) * layer.outputs()
}

/// Whether the layer has a layer norm.
pub(crate) fn is_by_sample(layer: &Layer) -> bool {
    layer.is_normed() && layer.range(Part::Mean).is_empty()
}

/// `x̂` of one sample in its place, and `1/√(σ² + ε)`.
fn normalise(z: &mut [f32]) -> f32 {
    let share = 1.0 / z.len() as f32;
    let mean = in_lanes(z.iter().copied()) * share;
    z.iter_mut().for_each(|z| *z -= mean);
    let inverse = 1.0 / (in_lanes(z.iter().map(|z| z * z)) * share + 1e-5_f32).sqrt();
    z.iter_mut().for_each(|z| *z *= inverse);
    inverse
}

/// `∂L/∂z` of one sample in the place of `∂L/∂y`.
fn normalise_back(gamma: &[f32], d: &mut [f32], x_hat: &[f32], inverse: f32) {
    let share = 1.0 / d.len() as f32;
    for j in 0..d.len() {
        d[j] *= gamma[j];
    }
    let mean = in_lanes(d.iter().copied()) * share;
    let slope = in_lanes(d.iter().zip(x_hat).map(|(d, x)| d * x)) * share;
    for j in 0..d.len() {
        d[j] = inverse * (d[j] - mean - x_hat[j] * slope);
    }
}

/// The outputs of one sample.
pub(crate) fn predict(spec: &Spec, params: &[f32], x: &[f32]) -> Vec<f32> {
    let mut a = x.to_vec();
    for layer in spec.layers() {
        a = dense(&layer, params, &a);
        let (units, at) = (layer.outputs(), norm_at(&layer));
        if is_by_sample(&layer) {
            normalise(&mut a);
        }
        for j in 0..units {
            if is_by_sample(&layer) {
                a[j] = params[at + j] * a[j] + params[at + units + j];
            } else if layer.is_normed() {
                let [gamma, beta, mean, variance] = [0, 1, 2, 3].map(|part| params[at + part * units + j]);
                a[j] = (a[j] - mean) * (gamma / (variance + 1e-5).sqrt()) + beta;
            }
            a[j] = activate(layer.activation(), a[j]);
        }
    }
    a
}

/// What dropout multiplies a unit of a layer by, whose number is that in the whole network.
fn factor(layer: &Layer, number: usize, (seed, step): (u64, u64), sample: u32, unit: usize) -> f32 {
    let dropped = (layer.dropout() * 65_536.0) as u32;
    if dropped == 0 {
        return 1.0;
    }
    let address = [(number as u32) << 16 | (unit / 8) as u32, sample, step as u32, (step >> 32) as u32];
    let word = rand_philox::philox4x32_10(address, key(seed, 2))[unit % 8 / 2];
    let draw = if unit.is_multiple_of(2) { word & 0xffff } else { word >> 16 };
    if draw < 65_536 - dropped { 65_536.0 / (65_536 - dropped) as f32 } else { 0.0 }
}

/// Loss of a sample and `∂L/∂a` from its outputs.
pub(crate) fn loss(kind: Loss, a: &[f32], t: &[f32]) -> (f32, Vec<f32>) {
    if kind == Loss::SoftmaxCrossEntropy {
        let largest = a.iter().fold(f32::NEG_INFINITY, |m, &a| if a > m { a } else { m });
        let (mut total, mut aligned, mut sum) = (0.0, 0.0, 0.0);
        for (a, t) in a.iter().zip(t) {
            total += t;
            aligned += t * (a - largest);
        }
        let exp: Vec<f32> = a.iter().map(|a| libm::expf(a - largest)).collect();
        exp.iter().for_each(|e| sum += e);
        let gain = total / sum;
        return (total * libm::logf(sum) - aligned, exp.iter().zip(t).map(|(e, t)| e * gain - t).collect());
    }
    if kind == Loss::GaussianNll {
        let m = a.len() / 2;
        let (share, mut sum, mut slopes) = (1.0 / m as f32, 0.0, vec![0.0; 2 * m]);
        for j in 0..m {
            let (r, s) = (a[j] - t[j], if a[m + j] > 20.0 { 20.0 } else { a[m + j] });
            let s = if s < -20.0 { -20.0 } else { s };
            let slope = r * libm::expf(-s);
            sum += 0.5 * (s + r * slope);
            slopes[j] = slope * share;
            slopes[m + j] = if s == a[m + j] { 0.5 * (1.0 - r * slope) * share } else { 0.0 };
        }
        return (sum * share, slopes);
    }
    let one = |a: f32, t: f32| match kind {
        Loss::MeanSquared => ((a - t) * (a - t), 2.0 * (a - t)),
        Loss::BinaryCrossEntropy => {
            let above = if a > 0.0 { a } else { 0.0 };
            (above - a * t + libm::log1pf(libm::expf(-a.abs())), 1.0 / (1.0 + libm::expf(-a)) - t)
        }
        Loss::Huber(delta) if (a - t).abs() <= delta => (0.5 * (a - t) * (a - t), a - t),
        Loss::Huber(delta) => (delta * ((a - t).abs() - 0.5 * delta), if a > t { delta } else { -delta }),
        Loss::Pinball(tau) if t - a > 0.0 => (tau * (t - a), -tau),
        Loss::Pinball(tau) => ((tau - 1.0) * (t - a), if t - a < 0.0 { 1.0 - tau } else { 0.0 }),
        _ => unreachable!(),
    };
    let share = 1.0 / a.len() as f32;
    let (mut sum, mut slopes) = (0.0, Vec::new());
    for (&a, &t) in a.iter().zip(t) {
        let (loss, slope) = one(a, t);
        sum += loss;
        slopes.push(slope * share);
    }
    (sum * share, slopes)
}

fn target(targets: Targets<'_>, sample: usize, width: usize) -> Vec<f32> {
    match targets {
        // One output under binary cross-entropy has two classes.
        Targets::Classes(classes) if width == 1 => vec![f32::from(classes[sample])],
        Targets::Classes(classes) => {
            (0..width).map(|j| f32::from(u8::from(j == usize::from(classes[sample])))).collect()
        }
        Targets::Values(values) => values[sample * width..][..width].to_vec(),
        _ => unreachable!(),
    }
}

/// Forward and back, the samples being those from `first` on of a step.
pub(crate) fn pass(
    spec: &Spec,
    params: &[f32],
    x: &[f32],
    targets: Targets<'_>,
    draws: (u64, u64),
    first: usize,
) -> Passed {
    pass_weighted(spec, params, x, &|s| (target(targets, s, spec.targets()), 1.0), draws, first)
}

/// [`pass`] by the target of each sample as a row, and its weight.
pub(crate) fn pass_weighted(
    spec: &Spec,
    params: &[f32],
    x: &[f32],
    wanted: &dyn Fn(usize) -> (Vec<f32>, f32),
    draws: (u64, u64),
    first: usize,
) -> Passed {
    let n = x.len() / spec.inputs();
    let share = 1.0 / n as f32;
    let layers: Vec<Layer> = spec.layers().collect();
    let mut below: Vec<Vec<f32>> = x.chunks(spec.inputs()).map(<[f32]>::to_vec).collect();
    let (mut inputs, mut slopes, mut normal, mut inverse) = (vec![], vec![], vec![], vec![]);
    let mut statistics = vec![];
    for layer in &layers {
        let (units, at) = (layer.outputs(), norm_at(layer));
        let mut z: Vec<Vec<f32>> = below.iter().map(|x| dense(layer, params, x)).collect();
        let mut x_hat = z.clone();
        let (mut of_layer, mut of_samples) = (vec![], vec![]);
        for (z, x_hat) in z.iter_mut().zip(&mut x_hat).filter(|_| is_by_sample(layer)) {
            of_samples.push(normalise(x_hat));
            *z = (0..units).map(|j| params[at + j] * x_hat[j] + params[at + units + j]).collect();
        }
        for j in (0..units).filter(|_| layer.is_normed() && !is_by_sample(layer)) {
            let (mut mean, mut variance) = (0.0, 0.0);
            z.iter().for_each(|z| mean += z[j]);
            mean *= share;
            z.iter().for_each(|z| variance += (z[j] - mean) * (z[j] - mean));
            variance *= share;
            let i = 1.0 / (variance + 1e-5_f32).sqrt();
            for (z, x_hat) in z.iter_mut().zip(&mut x_hat) {
                x_hat[j] = (z[j] - mean) * i;
                z[j] = params[at + j] * x_hat[j] + params[at + units + j];
            }
            of_layer.push((mean, variance, i));
        }
        let mut slopes_here = z.clone();
        for s in 0..n {
            for j in 0..units {
                let a = activate(layer.activation(), z[s][j]);
                let number = spec.first_layer() + layer.index();
                let factor = factor(layer, number, draws, (first + s) as u32, j);
                slopes_here[s][j] = slope(layer.activation(), a) * factor;
                z[s][j] = a * factor;
            }
        }
        inputs.push(std::mem::replace(&mut below, z));
        slopes.push(slopes_here);
        normal.push(x_hat);
        inverse.push(of_layer.iter().map(|s| s.2).chain(of_samples).collect::<Vec<f32>>());
        statistics.push(of_layer.iter().map(|s| (s.0, s.1)).collect());
    }
    let mut losses = vec![];
    let mut deltas: Vec<Vec<f32>> = below;
    for s in 0..n {
        let (target, weight) = wanted(s);
        let (loss, gradient) = loss(spec.loss_kind(), &deltas[s], &target);
        losses.push(weight * loss);
        let slopes = slopes.last().unwrap();
        deltas[s] = (0..spec.outputs()).map(|j| slopes[s][j] * gradient[j] * weight).collect();
    }
    let (mut gradient, mut terms, mut norm_terms) = (vec![0.0; spec.param_len()], vec![], vec![]);
    for (l, layer) in layers.iter().enumerate().rev() {
        let (width, units, at) = (layer.inputs(), layer.outputs(), norm_at(layer));
        let mut of_norm = (vec![], vec![]);
        for s in (0..n).filter(|_| is_by_sample(layer)) {
            of_norm.0.push((0..units).map(|j| deltas[s][j] * normal[l][s][j]).collect::<Vec<f32>>());
            of_norm.1.push(deltas[s].clone());
            for j in 0..units {
                gradient[at + j] += of_norm.0[s][j];
                gradient[at + units + j] += of_norm.1[s][j];
            }
            normalise_back(&params[at..][..units], &mut deltas[s], &normal[l][s], inverse[l][s]);
        }
        norm_terms.insert(0, of_norm);
        for j in (0..units).filter(|_| layer.is_normed() && !is_by_sample(layer)) {
            let (mut g, mut b) = (0.0, 0.0);
            for s in 0..n {
                g += deltas[s][j] * normal[l][s][j];
                b += deltas[s][j];
            }
            for s in 0..n {
                let d = deltas[s][j] - share * b - normal[l][s][j] * (share * g);
                deltas[s][j] = params[at + j] * inverse[l][j] * d;
            }
            (gradient[at + j], gradient[at + units + j]) = (g, b);
        }
        for j in 0..units {
            for s in 0..n {
                for k in (0..width).filter(|&k| inputs[l][s][k] != 0.0) {
                    gradient[layer.offset() + k * units + j] += inputs[l][s][k] * deltas[s][j];
                }
                gradient[layer.offset() + width * units + j] += deltas[s][j];
            }
        }
        terms.insert(0, (inputs[l].clone(), deltas.clone()));
        if l > 0 {
            for s in 0..n {
                let row = |k: usize| &params[layer.offset() + k * units..][..units];
                let sum = |k: usize| in_lanes(deltas[s].iter().zip(row(k)).map(|(d, w)| d * w));
                let silent = |k: usize| slopes[l - 1][s][k] == 0.0;
                deltas[s] = (0..width).map(|k| if silent(k) { 0.0 } else { slopes[l - 1][s][k] * sum(k) }).collect();
            }
        }
    }
    Passed { gradient, losses, statistics, terms, norm_terms }
}

/// What is learned, and whether it is a weight.
pub(crate) fn learned(spec: &Spec) -> Vec<(usize, bool)> {
    let of_layer = |layer: Layer| {
        let running = norm_at(&layer) + 2 * layer.outputs()..norm_at(&layer) + layer.norm_len();
        let learned = (layer.offset()..layer.offset() + layer.param_len()).filter(move |i| !running.contains(i));
        learned.map(|i| (i, i < norm_at(&layer) - layer.outputs())).collect::<Vec<_>>()
    };
    spec.layers().flat_map(of_layer).collect()
}

/// Moves running statistics towards those of a batch of `n`, or pooled ones of as many.
pub(crate) fn follow(spec: &Spec, params: &mut [f32], statistics: &[Vec<(f32, f32)>], second: impl Fn(f32) -> f32) {
    for (layer, statistics) in spec.layers().zip(statistics) {
        let (units, at) = (layer.outputs(), norm_at(&layer));
        for (j, (mean, variance)) in statistics.iter().enumerate() {
            let (running, value) = (at + 2 * units + j, second(*variance));
            params[running] += (mean - params[running]) * 0.1;
            params[running + units] += (value - params[running + units]) * 0.1;
        }
    }
}
