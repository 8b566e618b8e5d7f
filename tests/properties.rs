//! Over random networks: sizes, places, checkpoints, and prediction against the plain loop.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{ACTIVATIONS, bits, cases, numbers, predict_work, samples};
use cygnet::error::Value;
use cygnet::model::Params;
use cygnet::network::MAX_LAYERS;
use cygnet::store::{holds_average, load, load_params, load_spec, save};
use cygnet::{Activation, Error, Gradient, Loss, Model, Spec, Targets, Workspace, predict};
use proptest::collection::vec;
use proptest::prelude::*;

/// Width, activation and dropout of a layer.
type Dense = (u16, Activation, f32);

/// A network as it was asked for.
#[derive(Clone, Debug)]
struct Asked {
    inputs: u16,
    layers: Vec<Dense>,
    loss: Loss,
}

impl Asked {
    fn spec(&self) -> Spec {
        let last = self.layers.len() - 1;
        let add = |spec: Spec, (l, &(width, f, dropout)): (usize, &Dense)| {
            let spec = spec.dense(width, f);
            if l < last { spec.dropout(dropout) } else { spec }
        };
        self.layers.iter().enumerate().fold(Spec::new(self.inputs), add).loss(self.loss)
    }

    fn widths(&self) -> Vec<usize> {
        self.layers.iter().map(|layer| usize::from(layer.0)).collect()
    }

    /// Width of what comes into each layer.
    fn inputs_of_layers(&self) -> Vec<usize> {
        let widths = self.widths();
        [&[usize::from(self.inputs)], &widths[..widths.len() - 1]].concat()
    }
}

fn asked() -> impl Strategy<Value = Asked> {
    let slope = prop_oneof![Just(0.0_f32), Just(-0.0), Just(1e-40), 0.0_f32..10.0];
    let activation = (0..ACTIVATIONS.len(), slope).prop_map(|(i, slope)| match ACTIVATIONS[i] {
        Activation::LeakyRelu(_) => Activation::LeakyRelu(slope),
        other => other,
    });
    let dropout = prop_oneof![2 => Just(0.0_f32), 1 => 0.0_f32..1.0, 1 => Just(1e-40), 1 => Just(0.999_999_9)];
    let loss = prop_oneof![
        Just(Loss::SoftmaxCrossEntropy),
        Just(Loss::MeanSquared),
        Just(Loss::BinaryCrossEntropy),
        (1e-3_f32..10.0).prop_map(Loss::Huber),
        (0.01_f32..0.99).prop_map(Loss::Pinball),
    ];
    let layers = vec((1_u16..40, activation, dropout), 1..=MAX_LAYERS);
    (1_u16..40, layers, loss).prop_map(|(inputs, mut layers, loss)| {
        // Softmax takes at least two outputs.
        if let (Loss::SoftmaxCrossEntropy, Some((width @ 1, ..))) = (loss, layers.last_mut()) {
            *width = 2;
        }
        Asked { inputs, layers, loss }
    })
}

/// A checkpoint with its parameters.
fn saved(asked: &Asked, seed: u64) -> (Vec<u8>, Vec<f32>) {
    let spec = asked.spec();
    let params = numbers(spec.param_len(), seed);
    let mut bytes = vec![0xaa; spec.checkpoint_len()];
    save(&spec, &params, &mut bytes).unwrap();
    (bytes, params)
}

/// Parameters to save, as an average's or as any others.
fn marked(params: &[f32], is_average: bool) -> Params<'_> {
    if is_average { Params::of_average(params) } else { params.into() }
}

/// Loading fails and leaves the parameters alone.
fn is_refused(bytes: &[u8], len: usize) -> bool {
    let mut params = vec![0.5; len];
    let error = load(bytes, &mut params);
    error.is_err() && load_spec(bytes).is_err() && params.iter().all(|&p| p == 0.5)
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn sizes_are_the_sums_they_are_said_to_be(asked in asked(), batch in 1_usize..50) {
        let (spec, widths) = (asked.spec(), asked.widths());
        let params = |(inputs, outputs): (usize, &usize)| (inputs + 1) * outputs;
        prop_assert_eq!(spec.check(), Ok(()));
        prop_assert_eq!(spec.param_len(), asked.inputs_of_layers().into_iter().zip(&widths).map(params).sum::<usize>());
        let widest = widths.iter().max().unwrap();
        prop_assert_eq!(spec.work_len(batch), 2 * batch * widths.iter().sum::<usize>() + widest);
        let every_other = |from: usize| widths.iter().skip(from).step_by(2).max().copied().unwrap_or(0);
        prop_assert_eq!(spec.predict_len(batch), batch * (every_other(0) + every_other(1)));
        prop_assert_eq!(spec.checkpoint_len(), 24 + 12 * widths.len() + 4 * spec.param_len());
        prop_assert_eq!((spec.inputs(), spec.depth()), (usize::from(asked.inputs), widths.len()));
        prop_assert_eq!((Some(&spec.outputs()), spec.loss_kind()), (widths.last(), asked.loss));
    }

    #[test]
    fn layers_stand_one_behind_the_other(asked in asked()) {
        let spec = asked.spec();
        let mut end = 0;
        for (l, (layer, inputs)) in spec.layers().zip(asked.inputs_of_layers()).enumerate() {
            let (width, activation, _) = asked.layers[l];
            prop_assert_eq!((layer.index(), layer.offset(), layer.inputs()), (l, end, inputs));
            prop_assert_eq!((layer.outputs(), layer.activation()), (usize::from(width), activation));
            prop_assert_eq!(layer.weight_len() + layer.outputs(), layer.param_len());
            prop_assert_eq!(spec.layer(l), Some(layer));
            end += layer.param_len();
        }
        prop_assert_eq!((end, spec.layers().count()), (spec.param_len(), asked.layers.len()));
        prop_assert_eq!(spec.layer(asked.layers.len()), None);
    }

    #[test]
    fn a_checkpoint_comes_back_as_it_was(asked in asked(), seed in any::<u64>(), is_average in any::<bool>()) {
        let (mut bytes, params) = saved(&asked, seed);
        save(&asked.spec(), marked(&params, is_average), &mut bytes).unwrap();
        prop_assert_eq!(holds_average(&bytes), is_average);
        let mut loaded = vec![f32::NAN; params.len()];
        let spec = load(&bytes, &mut loaded).unwrap();
        prop_assert_eq!((spec, load_spec(&bytes)), (asked.spec(), Ok(spec)));
        prop_assert_eq!(bits(&loaded), bits(&params));
        let mut known = vec![f32::NAN; params.len()];
        prop_assert_eq!(load_params(&spec, &bytes, &mut known), Ok(()));
        prop_assert_eq!(bits(&known), bits(&params));
        let mut again = vec![0; bytes.len()];
        save(&spec, marked(&loaded, is_average), &mut again).unwrap();
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn a_damaged_checkpoint_is_refused(
        asked in asked(),
        flips in vec((any::<prop::sample::Index>(), 1_u8..), 40),
        cut in any::<prop::sample::Index>(),
        more in vec(any::<u8>(), 1..20),
    ) {
        let (bytes, params) = saved(&asked, 1);
        let header = 20 + 12 * asked.layers.len();
        let anywhere = flips.iter().map(|(at, flip)| (at.index(bytes.len()), *flip));
        let in_header = flips.iter().map(|(at, flip)| (at.index(header), *flip));
        for (at, flip) in anywhere.chain(in_header) {
            let mut bytes = bytes.clone();
            bytes[at] ^= flip;
            prop_assert!(is_refused(&bytes, params.len()), "byte {} ^ {}", at, flip);
        }
        prop_assert!(is_refused(&bytes[..cut.index(bytes.len())], params.len()));
        // What stands behind it is skipped.
        let mut read = vec![0.5; params.len()];
        prop_assert!(load(&[bytes, more].concat(), &mut read).is_ok() && read == params);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(asked in asked(), noise in vec(any::<u8>(), 0..300), keep in 0_usize..120) {
        let (good, _) = saved(&asked, 1);
        let keep = keep.min(good.len());
        for bytes in [noise.clone(), [&good[..keep], &noise].concat()] {
            let mut params = vec![0.5; 100];
            if let Ok(spec) = load(&bytes, &mut params) {
                let mut again = vec![0; spec.checkpoint_len()];
                prop_assert_eq!(save(&spec, marked(&params, holds_average(&bytes)), &mut again), Ok(()));
                prop_assert_eq!(&again, &bytes[..again.len()]);
            } else {
                prop_assert!(params.iter().all(|&p| p == 0.5));
            }
        }
    }

    #[test]
    fn prediction_is_the_plain_loop_bit_for_bit(asked in asked(), n in 1_usize..5, seed in any::<u64>()) {
        let spec = asked.spec();
        let (params, inputs) = (numbers(spec.param_len(), seed), samples(n, &spec, seed));
        let mut floats = predict_work(&spec, n);
        let mut work = Workspace::for_prediction(&spec, n, &mut floats).unwrap();
        let outputs = predict(&spec, &params, &inputs, &mut work).unwrap();
        let expected: Vec<f32> = inputs.chunks(spec.inputs()).flat_map(|x| plain(&asked, &params, x)).collect();
        prop_assert_eq!(bits(outputs), bits(&expected));
    }

    #[test]
    fn any_network_trains_without_reading_what_it_did_not_write(asked in asked(), n in 1_usize..5, seed in any::<u64>()) {
        let spec = asked.spec();
        let (mut params, inputs) = (numbers(spec.param_len(), seed), samples(n, &spec, seed));
        let values: Vec<f32> = numbers(n * spec.outputs(), !seed).into_iter().map(f32::abs).collect();
        let mut gradient_of = |stale: f32, samples: &[f32]| {
            let (mut floats, mut sum) = (vec![stale; spec.work_len(n)], vec![stale; spec.param_len()]);
            let mut work = Workspace::new(&spec, n, &mut floats).unwrap();
            let mut gradient = Gradient::new(&spec, &mut sum).unwrap();
            let model = Model::new(&spec, &mut params).unwrap();
            let score = model.accumulate(samples, Targets::Values(&values), &mut gradient, &mut work);
            score.map(|score| (score, bits(&sum)))
        };
        let (clean, dirty) = (gradient_of(0.0, &inputs), gradient_of(f32::NAN, &inputs));
        // Steep slopes in many layers may overflow.
        let overflow = Err(Error::NonFinite { value: Value::Loss, index: 0 });
        prop_assert!(clean.is_ok() || clean == overflow, "{:?}", clean);
        prop_assert_eq!(clean, dirty);
    }
}

/// One sample's outputs by the formula: bias first, inputs ascending, each product and sum rounded, inputs of 0 skipped.
fn plain(asked: &Asked, params: &[f32], sample: &[f32]) -> Vec<f32> {
    let (mut x, mut rest) = (sample.to_vec(), params);
    for &(width, activation, _) in &asked.layers {
        let width = usize::from(width);
        let (weights, tail) = rest.split_at(x.len() * width);
        let (bias, tail) = tail.split_at(width);
        let sum = |j: usize| {
            let mut z = bias[j];
            for (k, &x) in x.iter().enumerate().filter(|(_, x)| **x != 0.0) {
                z += x * weights[k * width + j];
            }
            z
        };
        let unit = |z: f32| match activation {
            Activation::Identity => z,
            Activation::Relu => {
                if z > 0.0 {
                    z
                } else {
                    0.0
                }
            }
            Activation::LeakyRelu(slope) => {
                if z > 0.0 {
                    z
                } else {
                    // The description makes 0 of −0.
                    (slope + 0.0) * z
                }
            }
            Activation::Tanh => libm::tanhf(z),
            Activation::Sigmoid => 1.0 / (1.0 + libm::expf(-z)),
            _ => panic!("no definition of {activation:?}"),
        };
        (x, rest) = ((0..width).map(sum).map(unit).collect(), tail);
    }
    x
}
