//! Frozen layers: a head that learns on the outputs of a frozen body has the bits of the whole network whose lower layers
//! are held fixed; a head is stored without its body, and joined with it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{bits, classes, initial, numbers, predict_work, samples, work};
use cygnet::average::Rule;
use cygnet::error::{Buffer, CheckpointFault, SpecFault, SpecField, Value};
use cygnet::model::Params;
use cygnet::network::{NormKind, Part};
use cygnet::optim::{AdamConfig, Lookahead, LookaheadConfig, Optimizer, ScheduleFree, ScheduleFreeConfig, SgdConfig};
use cygnet::store::{
    body_checksum, checksum, embed, embedded_checksum, holds_average, join, load, load_head, load_header, load_params,
    load_spec, save, save_head,
};
use cygnet::{Activation, Adam, Averager, Error, Gradient, Loss, Model, Sgd, Spec, Targets, Workspace, predict};

const SEED: u64 = 5;
const LAYERS: usize = 4;

/// Four layers, of which those from `learning` on have dropout, and batch norms where these are asked for: lower ones would
/// follow the batches of the whole network. Layer norms are in all layers.
fn network(learning: usize, norm: Option<NormKind>) -> Spec {
    let mut net = Spec::new(9);
    for (l, activation) in [Activation::Relu, Activation::Tanh, Activation::LeakyRelu(0.1)].into_iter().enumerate() {
        net = net.dense(13 - 2 * l as u16, activation);
        net = match norm {
            Some(NormKind::Layer) => net.layer_norm(),
            Some(_) if l >= learning => net.norm(),
            _ => net,
        };
        if l >= learning {
            net = net.dropout(0.3);
        }
    }
    net.dense(4, Activation::Identity)
}

/// Features of samples, by any number of them at once.
fn features(body: &Spec, params: &[f32], x: &[f32]) -> Vec<f32> {
    let n = x.len() / body.inputs();
    let mut floats = predict_work(body, n);
    let mut work = Workspace::for_prediction(body, n, &mut floats).unwrap();
    predict(body, params, x, &mut work).unwrap().to_vec()
}

/// An optimizer that leaves the parameters before `from` alone.
struct Fixed<O> {
    inner: O,
    from: usize,
}

impl<O: Optimizer> Optimizer for Fixed<O> {
    fn check(&self, model: &Model<'_>) -> Result<(), Error> {
        self.inner.check(model)
    }

    fn owns_weights(&self) -> bool {
        self.inner.owns_weights()
    }

    fn begin(&mut self, rate: f32, scale: f32, weights: f32, gradient: f32) -> Result<f32, Error> {
        self.inner.begin(rate, scale, weights, gradient)
    }

    fn rests_at_zero(&self) -> bool {
        self.inner.rests_at_zero()
    }

    fn update(&mut self, offset: usize, weights: &mut [f32], gradient: &[f32]) {
        let fixed = self.from.saturating_sub(offset).min(weights.len());
        if fixed < weights.len() {
            self.inner.update(offset + fixed, &mut weights[fixed..], &gradient[fixed..]);
        }
    }

    fn averaged(&self) -> Option<Params<'_>> {
        self.inner.averaged()
    }
}

/// Trains a network on samples whose first layers' outputs are `x`, in steps of one batch or of two micro-batches, and gives
/// its parameters, their mean, and what the optimizer predicts with.
fn train<O: Optimizer>(
    net: &Spec,
    params: &mut [f32],
    mut start: impl FnMut(&Model<'_>) -> O,
    in_parts: bool,
    mut x: impl FnMut(u64) -> Vec<f32>,
) -> [Vec<f32>; 3] {
    let (mut floats, mut sum, mut mean) = (work(net, 6), vec![0.0; net.param_len()], vec![0.0; net.param_len()]);
    let mut model = Model::new(net, params).unwrap();
    model.resume(SEED, 0);
    let mut optimizer = start(&model);
    let mut averager = Averager::with_rule(Rule::mean(), &mut mean).unwrap();
    let mut work = Workspace::new(net, 6, &mut floats).unwrap();
    let mut gradient = Gradient::new(net, &mut sum).unwrap();
    for step in 0..25 {
        let (x, y) = (x(step), classes(6, net, step));
        let (first, second) = x.split_at(2 * net.inputs());
        if in_parts {
            model.accumulate(first, Targets::Classes(&y[..2]), &mut gradient, &mut work).unwrap();
            model.accumulate(second, Targets::Classes(&y[2..]), &mut gradient, &mut work).unwrap();
            model.step(&mut gradient, &mut optimizer, 0.05).unwrap();
        } else {
            model.train(&x, Targets::Classes(&y), &mut optimizer, 0.05, &mut work).unwrap();
        }
        averager.update(&model).unwrap();
    }
    let averaged = optimizer.averaged().map_or(Vec::new(), |params| params.to_vec());
    [model.params().to_vec(), averager.mean().unwrap().to_vec(), averaged]
}

/// Memory for a state of any length, for as long as the test runs.
fn leaked(floats: usize) -> &'static mut [f32] {
    vec![f32::NAN; floats].leak()
}

/// Trains whole networks whose first layers are held fixed, and heads on what those predict, side by side.
fn compare<O: Optimizer>(start: impl Fn(&Spec, &Model<'_>) -> O) {
    for layers in 1..LAYERS {
        let norms = [None, Some(NormKind::Batch), Some(NormKind::Layer)];
        for (norm, in_parts) in norms.into_iter().flat_map(|norm| [(norm, false), (norm, true)]) {
            let whole = network(layers, norm);
            let (body, head) = (whole.first(layers), whole.after(layers));
            let from = body.param_len();
            let (mut params, mut learning) = (initial(&whole, SEED), initial(&head, SEED));
            let fixed = params[..from].to_vec();
            assert_eq!(bits(&learning), bits(&params[from..]), "initial weights");
            let x = |step| samples(6, &whole, 100 + step);
            let on_features = |step| features(&body, &fixed, &x(step));
            let start_fixed = |model: &Model<'_>| Fixed { inner: start(&whole, model), from };
            let expected = train(&whole, &mut params, start_fixed, in_parts, x);
            let found = train(&head, &mut learning, |model| start(&head, model), in_parts, on_features);
            assert_eq!(bits(&params[..from]), bits(&fixed));
            for (expected, found) in expected.iter().zip(&found).filter(|(_, found)| !found.is_empty()) {
                assert_eq!(bits(&expected[from..]), bits(found), "{layers} layers, norm {norm:?}, parts {in_parts}");
            }
            assert_ne!(bits(&learning), bits(&initial(&head, SEED)));
        }
    }
}

#[test]
fn a_head_learns_by_sgd_as_in_the_whole_network() {
    let momentum = SgdConfig { momentum: 0.9, weight_decay: 1e-3, ..SgdConfig::default() };
    for config in [SgdConfig::default(), momentum, SgdConfig { nesterov: true, ..momentum }] {
        compare(|spec, _| Sgd::new(config, spec, leaked(config.state_len(spec))).unwrap());
    }
}

#[test]
fn a_head_learns_by_adam_as_in_the_whole_network() {
    for config in [AdamConfig::default(), AdamConfig::decoupled(0.05)] {
        compare(|spec, _| Adam::new(config, spec, leaked(config.state_len(spec))).unwrap());
    }
}

#[test]
fn a_head_learns_by_schedule_free_and_lookahead_as_in_the_whole_network() {
    let config = ScheduleFreeConfig { beta: 0.9, weight_decay: 0.01, ..ScheduleFreeConfig::default() };
    compare(|spec, model| ScheduleFree::new(config, model, leaked(config.state_len(spec))).unwrap());
    let config = LookaheadConfig { every: 3, alpha: 0.5 };
    compare(|spec, model| {
        let adam = Adam::new(Adam::DEFAULT, spec, leaked(Adam::DEFAULT.state_len(spec))).unwrap();
        Lookahead::new(config, adam, model, leaked(config.state_len(spec))).unwrap()
    });
}

/// A network with everything in its body that does not learn there.
const NET: Spec = Spec::new(6)
    .dense(5, Activation::Tanh)
    .norm()
    .dropout(0.5)
    .dense(4, Activation::LeakyRelu(0.2))
    .dropout(0.25)
    .dense(3, Activation::Identity);
const BODY: Spec = NET.first(1);
const HEAD: Spec = NET.after(1);

#[test]
fn body_and_head_predict_what_the_whole_network_predicts() {
    let mut params = initial(&NET, 3);
    // Running statistics that do something.
    params[BODY.layer(0).unwrap().range(Part::Mean)].copy_from_slice(&numbers(5, 8));
    let x = samples(7, &NET, 2);
    let (body, head) = params.split_at(BODY.param_len());
    assert_eq!(bits(&features(&HEAD, head, &features(&BODY, body, &x))), bits(&features(&NET, &params, &x)));
}

#[test]
fn a_cut_network_has_the_layers_and_the_sizes_of_the_whole_one() {
    assert_eq!(BODY, Spec::new(6).dense(5, Activation::Tanh).norm().loss(Loss::MeanSquared));
    let after = Spec::new(5).dense(4, Activation::LeakyRelu(0.2)).dropout(0.25).dense(3, Activation::Identity);
    assert_ne!(HEAD.digest(), after.digest(), "a head draws other numbers than a network of its own");
    assert_eq!((HEAD.first_layer(), after.first_layer(), BODY.first_layer(), HEAD.depth()), (1, 0, 0, 2));
    for layers in 1..3 {
        assert_eq!(NET.param_len(), NET.first(layers).param_len() + NET.after(layers).param_len());
    }
    assert_eq!(NET.after(1).after(1), NET.after(2));
    assert_eq!([NET.with_head(&HEAD), NET.with_head(&NET.after(2))], [NET; 2]);
    // A head of its own: one more class.
    let two = |width| Spec::new(1).dense(width, Activation::Relu).dense(4, Activation::Identity);
    let more = NET.with_head(&two(5).after(1));
    assert_eq!((more.check(), more.outputs(), more.depth(), more.first(1)), (Ok(()), 4, 2, BODY));
    for no_head in [two(5), two(6).after(1), NET.after(3)] {
        assert_eq!(NET.with_head(&no_head).fault(), Some(SpecFault::Cut));
    }
    // Its body would predict by other functions than it was trained with.
    #[cfg(feature = "micromath")]
    assert_eq!(NET.math(cygnet::network::Math::Micromath).with_head(&HEAD).fault(), Some(SpecFault::Cut));
    assert_eq!(NET.after(1).first(1).first_layer(), 1);
    let head = NET.first(2).after(1);
    assert_eq!((head.loss_kind(), head.layer(0).unwrap().dropout()), (Loss::MeanSquared, 0.0));
    let binary = NET.loss(Loss::BinaryCrossEntropy);
    assert_eq!(binary.after(2).loss_kind(), Loss::BinaryCrossEntropy);
    assert_eq!(HEAD.folded(), HEAD);
}

#[test]
fn a_network_is_cut_between_two_of_its_layers() {
    for layers in [0, 3, 4, usize::MAX] {
        for part in [NET.first(layers), NET.after(layers)] {
            assert_eq!((part.check(), part.param_len()), (Err(Error::Spec(SpecFault::Cut)), usize::MAX));
        }
    }
    let wrong = Spec::new(6).dense(5, Activation::Tanh).dense(1, Activation::Identity);
    assert_eq!([wrong.first(1), wrong.after(1)].map(|part| part.fault()), [Some(SpecFault::OneClass); 2]);
    // One unit is no class here.
    assert_eq!(Spec::new(6).dense(1, Activation::Tanh).dense(2, Activation::Identity).first(1).check(), Ok(()));
}

/// The whole network's parameters, its body's checksum, and a head's checkpoint.
fn stored(is_average: bool) -> (Vec<f32>, u32, Vec<u8>) {
    let params = initial(&NET, 3);
    let (body, head) = params.split_at(BODY.param_len());
    let (sum, mut bytes) = (checksum(&BODY, body).unwrap(), vec![0; HEAD.checkpoint_len()]);
    let head = if is_average { Params::of_average(head) } else { Params::from(head) };
    save_head(&HEAD, head, sum, &mut bytes).unwrap();
    (params, sum, bytes)
}

#[test]
fn a_checksum_is_that_of_the_checkpoint() {
    let params = initial(&NET, 3);
    let mut bytes = vec![0; NET.checkpoint_len()];
    save(&NET, &params, &mut bytes).unwrap();
    assert_eq!(checksum(&NET, &params).unwrap().to_le_bytes(), bytes[bytes.len() - 4..]);
    let needed = NET.param_len();
    let error = Error::Length { buffer: Buffer::Params, needed, got: needed - 1 };
    assert_eq!(checksum(&NET, &params[1..]), Err(error));
    assert_eq!(checksum(&NET.first(0), &params), Err(Error::Spec(SpecFault::Cut)));
}

#[test]
fn a_head_is_loaded_on_its_own_body_alone() {
    for is_average in [false, true] {
        let (params, sum, bytes) = stored(is_average);
        assert_eq!(bytes.len(), 24 + 12 * 2 + 8 + 4 * HEAD.param_len());
        let mut head = vec![0.5; HEAD.param_len()];
        load_head(&HEAD, sum, &bytes, &mut head).unwrap();
        assert_eq!(bits(&head), bits(&params[BODY.param_len()..]));
        assert_eq!((holds_average(&bytes), body_checksum(&bytes)), (is_average, Ok(Some(sum))));
        assert_eq!((load_header(&bytes), load_spec(&bytes)), (Ok(HEAD), Ok(HEAD)));
        head.fill(0.5);
        let fault = |fault| Err(Error::Checkpoint(fault));
        assert_eq!(load_head(&HEAD, !sum, &bytes, &mut head), fault(CheckpointFault::Body(sum, !sum)));
        let deeper = Spec::new(6).dense(6, Activation::Tanh).dense(5, Activation::Tanh);
        let deeper = deeper.dense(4, Activation::LeakyRelu(0.2)).dropout(0.25).dense(3, Activation::Identity).after(2);
        let field = SpecField::FirstLayer;
        let network = CheckpointFault::Network { layer: None, field, stored: 1, wanted: 2 };
        assert_eq!(load_head(&deeper, sum, &bytes, &mut head), fault(network));
        assert!(head.iter().all(|&p| p == 0.5));
    }
}

#[test]
fn a_head_is_no_whole_network_and_the_other_way_round() {
    let (params, sum, bytes) = stored(false);
    let fault = |fault| Err(Error::Checkpoint(fault));
    let (mut head, mut whole) = (vec![0.5; HEAD.param_len()], params.clone());
    assert_eq!(load(&bytes, &mut head), fault(CheckpointFault::Head).map(|()| HEAD));
    assert_eq!(load_params(&HEAD, &bytes, &mut head), fault(CheckpointFault::Head));
    assert_eq!(Model::new(&HEAD, &mut head).unwrap().load(&bytes), fault(CheckpointFault::Head));
    assert_eq!(save(&HEAD, &head, &mut vec![0; HEAD.checkpoint_len()]), fault(CheckpointFault::Head));
    let alone = Spec::new(5).dense(4, Activation::LeakyRelu(0.2)).dropout(0.25).dense(3, Activation::Identity);
    assert_eq!(load_params(&alone, &bytes, &mut head), fault(CheckpointFault::Head));
    let mut file = vec![0; alone.checkpoint_len()];
    save(&alone, &head, &mut file).unwrap();
    assert_eq!(load_head(&HEAD, sum, &file, &mut head), fault(CheckpointFault::Whole));
    assert_eq!((body_checksum(&file), join(&NET, &file, &mut whole)), (Ok(None), fault(CheckpointFault::Whole)));
    for result in [load_head(&NET, sum, &bytes, &mut whole), save_head(&NET, &whole, sum, &mut [])] {
        assert_eq!(result, Err(Error::Spec(SpecFault::Cut)));
    }
    assert!(head.iter().all(|&p| p == 0.5));
    assert_eq!(whole, params);
}

#[test]
fn a_head_and_its_body_become_the_whole_network_again() {
    let (params, _, bytes) = stored(false);
    let mut joined = params.clone();
    joined[BODY.param_len()..].fill(9.0);
    join(&NET, &bytes, &mut joined).unwrap();
    assert_eq!(bits(&joined), bits(&params));
    joined[3] += 1.0;
    let before = joined.clone();
    let stored = body_checksum(&bytes).unwrap().unwrap();
    let given = checksum(&BODY, &joined[..BODY.param_len()]).unwrap();
    assert_eq!(join(&NET, &bytes, &mut joined), Err(Error::Checkpoint(CheckpointFault::Body(stored, given))));
    assert_eq!(joined, before);
    let shallow = Spec::new(3).dense(2, Activation::Relu);
    assert_eq!(join(&shallow, &bytes, &mut [0.0; 8]), Err(Error::Spec(SpecFault::Cut)));
    let needed = NET.param_len();
    let error = Error::Length { buffer: Buffer::Params, needed, got: needed - 1 };
    assert_eq!(join(&NET, &bytes, &mut joined[1..]), Err(error));
    assert!(join(&NET, &bytes[..40], &mut joined).is_err());
    // A head of a head, which is all that a chip holds of the whole network.
    let (middle, last) = (HEAD.first(1), NET.after(2));
    let mut held = params[BODY.param_len()..].to_vec();
    let sum = checksum(&middle, &held[..middle.param_len()]).unwrap();
    let mut bytes = vec![0; last.checkpoint_len()];
    save_head(&last, &vec![0.25; last.param_len()], sum, &mut bytes).unwrap();
    join(&HEAD, &bytes, &mut held).unwrap();
    assert_eq!(held[..middle.param_len()], params[BODY.param_len()..][..middle.param_len()]);
    assert!(held[middle.param_len()..].iter().all(|&p| p == 0.25));
    assert_eq!(join(&last, &bytes, &mut vec![0.0; last.param_len()]), Err(Error::Spec(SpecFault::Cut)));
}

/// The little-endian floats of a file that the compiler reads.
const fn raw<const BYTES: usize>() -> [u8; BYTES] {
    let (mut bytes, mut i) = ([0; BYTES], 0);
    while i < BYTES {
        // The exponent is that of numbers around 2.
        bytes[i] = if i % 4 == 3 { 0x40 } else { (i * 37 % 128) as u8 };
        i += 1;
    }
    bytes
}

static RAW: [u8; 4 * NET.param_len()] = raw();
static EMBEDDED: [f32; NET.param_len()] = cygnet::embed!(NET, &raw::<{ 4 * NET.param_len() }>());
static EMBEDDED_BODY: [f32; BODY.param_len()] = cygnet::embed!(BODY, NET, &raw::<{ 4 * NET.param_len() }>());
static EMBEDDED_HEAD: [f32; HEAD.param_len()] = cygnet::embed!(HEAD, NET, &raw::<{ 4 * NET.param_len() }>());
const BODY_CHECKSUM: Option<u32> = embedded_checksum(&BODY, &NET, &raw::<{ 4 * NET.param_len() }>());

#[test]
fn the_compiler_takes_parameters_from_a_file() {
    let floats: Vec<f32> = RAW.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
    assert_eq!(bits(&EMBEDDED), bits(&floats));
    assert_eq!(bits(&[&EMBEDDED_BODY[..], &EMBEDDED_HEAD].concat()), bits(&floats));
    assert_eq!(BODY_CHECKSUM, Some(checksum(&BODY, &EMBEDDED_BODY).unwrap()));
    // From checkpoints: of the whole network, of a part, of an average, and with something behind.
    for is_average in [false, true] {
        let params = if is_average { Params::of_average(&EMBEDDED) } else { Params::from(&EMBEDDED) };
        let mut file = vec![7; NET.checkpoint_len() + 3];
        save(&NET, params, &mut file[..NET.checkpoint_len()]).unwrap();
        assert_eq!(embed(&NET, &NET, &file), Ok(EMBEDDED));
        assert_eq!(embed(&BODY, &NET, &file), Ok(EMBEDDED_BODY));
        assert_eq!(embed(&HEAD, &NET, &file), Ok(EMBEDDED_HEAD));
        assert_eq!(embedded_checksum(&BODY, &NET, &file), BODY_CHECKSUM);
        let mut file = vec![0; HEAD.checkpoint_len()];
        save_head(&HEAD, &EMBEDDED_HEAD, 99, &mut file).unwrap();
        assert_eq!(embed(&HEAD, &HEAD, &file), Ok(EMBEDDED_HEAD));
        let middle = HEAD.first(1);
        assert_eq!(embed::<{ NET.after(1).first(1).param_len() }>(&middle, &HEAD, &file).map(|p| p.to_vec()), {
            Ok(EMBEDDED_HEAD[..middle.param_len()].to_vec())
        });
    }
}

#[test]
fn a_wrong_file_does_not_get_into_an_image() {
    const P: usize = NET.param_len();
    let mut file = vec![0; NET.checkpoint_len()];
    save(&NET, &EMBEDDED, &mut file).unwrap();
    let embedded = |whole: &Spec, file: &[u8]| embed::<P>(whole, whole, file).err();
    let fault = |fault| Some(Error::Checkpoint(fault));
    assert_eq!(embedded(&NET, &RAW[1..]), fault(CheckpointFault::Length));
    for len in 8..file.len() {
        assert_eq!(embedded(&NET, &file[..len]), fault(CheckpointFault::Length), "{len}");
    }
    let length = Error::Length { buffer: Buffer::Params, needed: P, got: 3 };
    assert_eq!(embed::<3>(&NET, &NET, &file), Err(length));
    assert_eq!(embed::<P>(&NET.first(0), &NET, &file), Err(Error::Spec(SpecFault::Cut)));
    assert_eq!(embed::<P>(&Spec::new(2), &Spec::new(2), &file), Err(Error::Spec(SpecFault::NoLayers)));
    let other = Spec::new(6).dense(7, Activation::Tanh).dense(3, Activation::Identity);
    assert_eq!(embed::<P>(&other.first(1), &NET, &file), Err(Error::Network));
    assert_eq!(embedded_checksum(&other.first(1), &NET, &file), None);
    assert!(matches!(embedded(&other, &file), Some(Error::Checkpoint(CheckpointFault::Network { .. }))));
    // Every byte counts.
    for at in 0..file.len() {
        let mut damaged = file.clone();
        damaged[at] ^= 1;
        assert!(embed::<P>(&NET, &NET, &damaged).is_err() || (at == 11 && damaged[at] == 128), "{at}");
    }
    let mut numbers = RAW;
    numbers[4 * 9..][..4].copy_from_slice(&f32::NEG_INFINITY.to_le_bytes());
    assert_eq!(embedded(&NET, &numbers), Some(Error::NonFinite { value: Value::Param, index: 9 }));
}
