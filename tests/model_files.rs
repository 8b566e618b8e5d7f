//! Model files: what is written is read back exactly, and what cannot be a model says why in one line.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::collections::HashMap;
use std::fs;

use common::{ACTIVATIONS, bits, cases, numbers};
use cygnet::host::data::{Columns, Preparation};
use cygnet::host::evaluation::SavedModel;
use cygnet::host::report::info;
use cygnet::model::Params;
use cygnet::store::save;
use cygnet::{Activation, Loss, Spec};
use proptest::prelude::*;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

const LOSSES: [Loss; 5] =
    [Loss::SoftmaxCrossEntropy, Loss::MeanSquared, Loss::BinaryCrossEntropy, Loss::Huber(0.7), Loss::Pinball(0.25)];

/// Parameters whose running variances are positive.
fn possible(spec: &Spec, seed: u64) -> Vec<f32> {
    let mut params = numbers(spec.param_len(), seed);
    for layer in spec.layers().filter(|layer| layer.is_normed()) {
        let end = layer.offset() + layer.param_len();
        params[end - layer.outputs()..end].iter_mut().for_each(|variance| *variance = variance.abs());
    }
    params
}

fn model(spec: Spec, seed: u64) -> SavedModel {
    spec.check().unwrap();
    SavedModel {
        spec,
        params: possible(&spec, seed),
        is_average: seed.is_multiple_of(2),
        preparation: None,
        trained_on: None,
    }
}

fn checkpoint(model: &SavedModel) -> Vec<u8> {
    let mut bytes = vec![0; model.spec.checkpoint_len()];
    let is_average = model.is_average;
    let params = if is_average { Params::of_average(&model.params) } else { Params::from(&model.params) };
    save(&model.spec, params, &mut bytes).unwrap();
    bytes
}

/// `model` comes back from both formats with every bit, and each format's bytes are always the same.
fn round_trips(model: &SavedModel) {
    let whole = |model: &SavedModel| (model.spec, model.is_average, bits(&model.params));
    let same = |read: &SavedModel| assert_eq!(whole(read), whole(model));
    let bytes = checkpoint(model);
    let read = SavedModel::from_checkpoint(&bytes).unwrap();
    same(&read);
    assert_eq!(checkpoint(&read), bytes);
    let bytes = model.to_safetensors().unwrap();
    let read = SavedModel::from_safetensors(&bytes).unwrap();
    same(&read);
    assert_eq!(read.to_safetensors().unwrap(), bytes);
}

/// A safetensors file of these tensors.
fn file(tensors: &[(&str, Dtype, &[usize], Vec<u8>)], description: Option<&str>) -> Vec<u8> {
    let views = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| (name.to_string(), TensorView::new(*dtype, shape.to_vec(), bytes).unwrap()));
    let metadata = description.map(|text| HashMap::from([("cygnet".to_owned(), text.to_owned())]));
    safetensors::serialize(views.collect::<Vec<_>>(), metadata).unwrap()
}

fn floats<'a>(name: &'a str, shape: &'a [usize], values: &[f32]) -> (&'a str, Dtype, &'a [usize], Vec<u8>) {
    (name, Dtype::F32, shape, values.iter().flat_map(|v| v.to_le_bytes()).collect())
}

/// Weights of `outputs` rows of ones, with a bias of zeros, for every module.
fn modules(modules: &[(&str, usize, usize)], description: Option<&str>) -> Result<SavedModel, String> {
    let names: Vec<_> = modules.iter().map(|(stem, ..)| [format!("{stem}.weight"), format!("{stem}.bias")]).collect();
    let shapes: Vec<_> = modules.iter().map(|&(_, outputs, inputs)| ([outputs, inputs], [outputs])).collect();
    let tensors = names.iter().zip(&shapes).flat_map(|([weight, bias], (matrix, vector))| {
        [floats(weight, matrix, &vec![1.0; matrix[0] * matrix[1]]), floats(bias, vector, &vec![0.0; vector[0]])]
    });
    SavedModel::from_safetensors(&file(&tensors.collect::<Vec<_>>(), description))
}

#[track_caller]
fn refused<T>(result: Result<T, String>, words: &str) {
    let Err(line) = result else { panic!("accepted, expected: {words}") };
    assert!(line.contains(words) && !line.contains('\n'), "{line}, expected: {words}");
}

/// Two dense layers of two units and their norms, by these names, with the counter that PyTorch writes.
fn normed(names: [&str; 4], moved: &str) -> Result<SavedModel, String> {
    let [first, norm, last, last_norm] = names;
    let name = |stem: &str, tensor: &str| format!("{stem}.{tensor}");
    let mut tensors = Vec::new();
    for (stem, seed) in [(first, 1.0), (last, 2.0)] {
        tensors.push((name(stem, "weight"), [2, 2].as_slice(), vec![seed, seed + 0.25, seed + 0.5, seed + 0.75]));
        tensors.push((name(stem, "bias"), &[2], vec![-seed, seed]));
    }
    for (stem, seed) in [(norm, 10.0), (last_norm, 20.0)] {
        for (i, tensor) in ["weight", "bias", "running_mean", "running_var"].into_iter().enumerate() {
            let at = seed + i as f32;
            tensors.push((name(stem, tensor), &[2], vec![at, at + 0.5]));
        }
    }
    tensors.retain(|(name, ..)| name != moved);
    let counter = ("bn.num_batches_tracked", Dtype::I64, [].as_slice(), 7_i64.to_le_bytes().to_vec());
    let floats = tensors.iter().map(|(name, shape, values)| floats(name, shape, values));
    SavedModel::from_safetensors(&file(&floats.chain([counter]).collect::<Vec<_>>(), None))
}

#[test]
fn norms_of_pytorch_stand_behind_their_dense_layers() {
    for names in [["0", "1", "3", "4"], ["fc1", "bn1", "fc2", "bn2"]] {
        let model = normed(names, "").unwrap();
        let spec = Spec::new(2).dense(2, Activation::Relu).norm().dense(2, Activation::Identity).norm();
        assert_eq!(model.spec, spec);
        let layer = |w: f32, n: f32| {
            let norm = (0..4).flat_map(move |i| [n + i as f32, n + i as f32 + 0.5]);
            [w, w + 0.5, w + 0.25, w + 0.75, -w, w].into_iter().chain(norm)
        };
        assert_eq!(model.params, layer(1.0, 10.0).chain(layer(2.0, 20.0)).collect::<Vec<_>>());
        round_trips(&model);
    }
    refused(normed(["1", "0", "3", "4"], ""), "norm `0` does not stand between");
    refused(normed(["0", "1", "3", "2"], ""), "norm `2` does not stand between");
    refused(normed(["fc1", "bn1", "fc2", "norm1"], ""), "a norm must follow a dense layer, once");
    // Behind the activation, or nobody knows where.
    refused(normed(["0", "2", "3", "4"], ""), "norm `2` does not stand between a dense layer and its activation");
    refused(
        normed(["hidden", "norm", "output", "z"], ""),
        "the order of `hidden`, `norm`, `output` and `z` is not clear",
    );
    refused(normed(["fc1", "bn2", "fc3", "bn3"], ""), "norm `bn2` does not stand between");
    for missing in ["1.weight", "1.bias", "1.running_mean", "1.running_var", "4.weight"] {
        refused(normed(["0", "1", "3", "4"], missing), &format!("tensor `{missing}` is missing"));
    }
    let norm = |n: usize| {
        let names = ["1.weight", "1.bias", "1.running_mean", "1.running_var"].map(|name| floats(name, &[3], &[1.0; 3]));
        let dense = [floats("0.weight", &[3, 1], &[1.0; 3]), floats("0.bias", &[3], &[1.0; 3])];
        let short = floats("1.bias", &[2], &[1.0; 2]);
        let norm = names.into_iter().enumerate().map(|(i, name)| if i == n { short.clone() } else { name });
        SavedModel::from_safetensors(&file(&dense.into_iter().chain(norm).collect::<Vec<_>>(), None))
    };
    assert!(norm(9).is_ok());
    refused(norm(1), "`1.bias` has shape [2], expected [3]");
}

#[test]
fn a_file_of_ours_that_lost_a_norm_or_got_one_is_refused() {
    let spec = spec_with_norm();
    for spec in [spec, spec.folded()] {
        let bytes = model(spec, 4).to_safetensors().unwrap();
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
        let description = header.metadata().as_ref().unwrap()["cygnet"].clone();
        let other = model(if spec.layer(0).unwrap().is_normed() { spec.folded() } else { spec_with_norm() }, 4);
        let bytes = other.to_safetensors().unwrap();
        let parsed = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let tensors = parsed.tensors();
        let tensors: Vec<_> =
            tensors.iter().map(|(n, t)| (n.as_str(), t.dtype(), t.shape(), t.data().to_vec())).collect();
        refused(SavedModel::from_safetensors(&file(&tensors, Some(&description))), "but the only valid form is `");
    }
    // Nor does a file of ours leave out what is zeros or ones in one of PyTorch.
    let bytes = model(spec_with_norm(), 4).to_safetensors().unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let description = header.metadata().as_ref().unwrap()["cygnet"].clone();
    let parsed = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensors = parsed.tensors();
    let without = |lost: &[&str]| {
        let left = tensors.iter().filter(|(name, _)| !lost.contains(&name.as_str()));
        let left: Vec<_> = left.map(|(n, t)| (n.as_str(), t.dtype(), t.shape(), t.data().to_vec())).collect();
        SavedModel::from_safetensors(&file(&left, Some(&description)))
    };
    assert!(without(&[]).is_ok());
    refused(without(&["0.bias"]), "tensor `0.bias` is missing");
    refused(without(&["1.weight", "1.bias"]), "tensor `1.weight` is missing");
    let extra = [floats("0.weight", &[1, 1], &[1.0]), floats("0.bias", &[1], &[1.0]), floats("0.scale", &[1], &[1.0])];
    refused(SavedModel::from_safetensors(&file(&extra, None)), "`0.scale` does not belong to a dense layer or a norm");
}

fn spec_with_norm() -> Spec {
    Spec::new(2).dense(3, Activation::Relu).norm().dense(2, Activation::Identity)
}

#[test]
fn layer_norms_come_back_and_info_tells_them_from_batch_norms() {
    let spec = Spec::new(2).dense(3, Activation::Relu).layer_norm().dropout(0.5).dense(2, Activation::Identity);
    for spec in
        [spec, spec.layer_norm(), Spec::new(2).dense(3, Activation::Relu).dense(2, Activation::Tanh).layer_norm()]
    {
        round_trips(&model(spec, 2));
    }
    assert!(info(&model(spec, 1)).contains("layer norm, relu"));
    assert!(info(&model(spec_with_norm(), 1)).contains("batch norm, relu"));
    assert!(model(spec, 1).folded().unwrap_err().to_string().contains("layer norms cannot be folded"));
}

#[test]
fn every_activation_loss_and_dropout_comes_back() {
    for activation in ACTIVATIONS {
        for loss in LOSSES {
            for dropout in [0.0, 0.1, 0.999] {
                let spec = Spec::new(3).dense(4, activation).dropout(dropout).dense(2, activation).loss(loss);
                round_trips(&model(spec, 1));
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn any_network_comes_back(
        inputs in 1_u16..20,
        layers in proptest::collection::vec((1_u16..20, 0_usize..5, 0_f32..10.0, 0_f32..0.99, any::<bool>()), 1..8),
        (loss, delta) in (0_usize..5, 1e-6_f32..1e6),
        seed in any::<u64>(),
    ) {
        let mut spec = Spec::new(inputs);
        for &(width, activation, slope, dropout, norm) in &layers {
            let activation = match ACTIVATIONS[activation] {
                Activation::LeakyRelu(_) => Activation::LeakyRelu(slope),
                other => other,
            };
            spec = spec.dense(width, activation).dropout(dropout);
            spec = if norm { spec.norm() } else { spec };
        }
        spec = spec.dense(3, Activation::Identity);
        spec = spec.loss(if loss == 3 { Loss::Huber(delta) } else { LOSSES[loss] });
        round_trips(&model(spec, seed));
    }

    #[test]
    fn a_changed_byte_is_an_error_or_another_whole_model(at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let model = model(Spec::new(2).dense(3, Activation::Tanh).dropout(0.25).dense(2, Activation::Identity), 5);
        let mut bytes = checkpoint(&model);
        let at_byte = at.index(bytes.len());
        bytes[at_byte] ^= flip;
        prop_assert!(SavedModel::from_checkpoint(&bytes).is_err());
        let mut bytes = model.to_safetensors().unwrap();
        let at_byte = at.index(bytes.len());
        bytes[at_byte] ^= flip;
        match SavedModel::from_safetensors(&bytes) {
            Ok(other) => round_trips(&other),
            Err(line) => prop_assert!(!line.contains('\n'), "{line}"),
        }
    }
}

#[test]
fn weights_are_transposed_for_pytorch() {
    // Row k of the crate's weights is what input k sends; row j of PyTorch's is what output j receives.
    let spec = Spec::new(3).dense(2, Activation::Identity);
    let params = vec![11.0, 12.0, 21.0, 22.0, 31.0, 32.0, 0.5, 0.25];
    let bytes = SavedModel { spec, params: params.clone(), is_average: false, preparation: None, trained_on: None }
        .to_safetensors()
        .unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let weight = tensors.tensor("0.weight").unwrap();
    assert_eq!(weight.shape(), [2, 3]);
    assert_eq!(weight.data(), floats("", &[], &[11.0, 21.0, 31.0, 12.0, 22.0, 32.0]).3);
    assert_eq!(tensors.tensor("0.bias").unwrap().data(), floats("", &[], &[0.5, 0.25]).3);
    assert_eq!(SavedModel::from_safetensors(&bytes).unwrap().params, params);
}

#[test]
fn names_count_the_modules_of_a_sequential() {
    let spec = Spec::new(2)
        .dense(3, Activation::Relu)
        .dropout(0.5)
        .dense(4, Activation::Identity)
        .dense(5, Activation::Tanh)
        .dense(2, Activation::Identity);
    let bytes = model(spec, 1).to_safetensors().unwrap();
    let mut names: Vec<_> =
        safetensors::SafeTensors::deserialize(&bytes).unwrap().names().into_iter().map(str::to_owned).collect();
    names.sort();
    let weights: Vec<_> = names.iter().filter(|name| name.ends_with("weight")).collect();
    assert_eq!(weights, ["0.weight", "3.weight", "4.weight", "6.weight"]);
}

#[test]
fn modules_come_in_the_order_of_their_numbers() {
    let relu = |widths: &[u16]| {
        let (&[inputs, ref hidden @ .., outputs], mut spec) = (widths, Spec::new(widths[0])) else { panic!() };
        assert_eq!(usize::from(inputs), spec.inputs());
        for &width in hidden {
            spec = spec.dense(width, Activation::Relu);
        }
        spec.dense(outputs, Activation::Identity)
    };
    for stems in [
        ["0", "2", "10"],
        ["net.0", "net.2", "net.10"],
        ["fc1", "fc2", "fc10"],
        ["block1.2", "block1.10", "block2.0"],
        ["hidden1", "hidden2", "head"],
    ] {
        let read = modules(&[(stems[2], 2, 3), (stems[0], 5, 4), (stems[1], 3, 5)], None).unwrap();
        assert_eq!(read.spec, relu(&[4, 5, 3, 2]), "{stems:?}");
    }
}

#[test]
fn metadata_decide_and_wrong_ones_are_refused() {
    let two = [("0", 3, 2), ("2", 2, 3)];
    let read = modules(&two, Some("leaky-relu:0.2 dropout 0.5, tanh dropout 0; loss huber:2; math libm")).unwrap();
    let spec = Spec::new(2).dense(3, Activation::LeakyRelu(0.2)).dropout(0.5).dense(2, Activation::Tanh);
    assert_eq!(read.spec, spec.loss(Loss::Huber(2.0)));
    for (text, words) in [
        ("", "metadata are not valid: ``"),
        ("relu dropout 0, identity dropout 0", "metadata are not valid"),
        ("relu dropout 0; loss mse; math libm", "a different number of layers"),
        ("relu dropout 0, relu; loss mse; math libm", "metadata are not valid"),
        ("relu dropout x, relu dropout 0; loss mse; math libm", "metadata are not valid"),
        ("relu dropout NaN, relu dropout 0; loss mse; math libm", "dropout"),
        ("relu dropout 0, relu dropout 0.5; loss mse; math libm", "dropout"),
        (
            "relu dropout 0.1, relu dropout 0; loss mse; math libm",
            "the only valid form is `relu dropout 0.1000061, relu",
        ),
        (
            "relu dropout 0.000000001, relu dropout 0; loss mse; math libm",
            "the only valid form is `relu dropout 0, relu",
        ),
        ("relu dropout 0.50, relu dropout 0; loss mse; math libm", "the only valid form is `relu dropout 0.5, relu"),
        (
            "leaky-relu:-0 dropout 0, relu dropout 0; loss mse; math libm",
            "the only valid form is `leaky-relu:0 dropout 0, relu",
        ),
        ("gelu dropout 0, relu dropout 0; loss mse; math libm", "unknown activation `gelu`"),
        ("relu dropout 0, relu dropout 0; loss hinge; math libm", "unknown loss `hinge`"),
        ("relu dropout 0, relu dropout 0; loss mse; math other", "`other`"),
    ] {
        refused(modules(&two, Some(text)), words);
    }
}

#[test]
fn tensors_that_are_no_network_are_refused() {
    let read = |tensors: &[_]| SavedModel::from_safetensors(&file(tensors, None));
    let bias = floats("0.bias", &[2], &[0.0; 2]);
    let weight = |shape, values: &[f32]| floats("0.weight", shape, values);
    refused(read(&[]), "no tensor has a name like");
    refused(read(std::slice::from_ref(&bias)), "tensor `0.weight` is missing");
    refused(read(&[weight(&[2], &[0.0; 2]), bias.clone()]), "the norm `0` does not stand between");
    refused(read(&[weight(&[2, 1, 1], &[0.0; 2]), bias.clone()]), "`0.weight` has shape [2, 1, 1]");
    refused(read(&[weight(&[3, 1], &[0.0; 3]), bias.clone()]), "`0.bias` has shape [2], expected [3]");
    refused(read(&[weight(&[2, 0], &[]), bias.clone()]), "width of zero");
    refused(read(&[weight(&[2, 70_000], &[0.0; 140_000]), bias.clone()]), "width of 70000");
    refused(read(&[weight(&[2, 1], &[0.0, f32::NAN]), bias.clone()]), "not finite");
    refused(read(&[weight(&[2, 1], &[0.0; 2]), floats("0.bias", &[2], &[f32::INFINITY; 2])]), "not finite");
    for (dtype, size) in [(Dtype::I32, 4), (Dtype::F8_E4M3, 1), (Dtype::BOOL, 1)] {
        let tensor = ("0.weight", dtype, [2, 1].as_slice(), vec![0; 2 * size]);
        refused(
            read(&[tensor, bias.clone()]),
            &format!("`0.weight` has the type {dtype:?}, expected F32, F16, BF16 or F64"),
        );
    }
    refused(
        modules(&[("0", 3, 2), ("2", 2, 4)], None),
        "`2.weight` has 4 inputs, but the layer before it has 3 outputs",
    );
    let nine: Vec<_> = ["1", "2", "3", "4", "5", "6", "7", "8", "9"].map(|stem| (stem, 2, 2)).into();
    refused(modules(&nine, None), "too many dense layers");
}

/// What a table's model carries, with and without the names of its columns.
fn prepared(columns: Option<Columns>) -> SavedModel {
    let floats = [[f32::NAN, -1.0, 2.0, 0.5, 2.0], [3.5, f32::NEG_INFINITY, f32::INFINITY, -4.0, 0.0]].concat();
    let spec = Spec::new(2).dense(3, Activation::Identity);
    SavedModel { preparation: Some(Preparation { floats, columns }), ..model(spec, 4) }
}

#[test]
fn a_preparation_is_read_back_from_both_formats() {
    let strings = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let columns = Columns {
        header: true,
        separator: Some(b'|'),
        inputs: vec!["te \"mp\"".into(), "π; columns {".into()],
        targets: strings("state"),
        classes: strings("a b c"),
        drops_missing: true,
        ..Columns::default()
    };
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    for columns in [None, Some(columns.clone())] {
        let model = prepared(columns);
        for name in ["model.cygnet", "model.safetensors"] {
            model.write(&at(name)).unwrap();
            assert_eq!(SavedModel::read(&at(name)).unwrap(), model, "{name}");
        }
        let folded = model.folded().unwrap();
        assert_eq!(folded.preparation, model.preparation);
    }
    // As PyTorch has it: a tensor for each kind of number.
    let bytes = fs::read(at("model.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.tensor("preprocess.shift").unwrap().data(), [0.5_f32, -4.0].map(f32::to_le_bytes).concat());
    for wrong in [
        Columns { inputs: strings("a"), ..columns.clone() },
        Columns { classes: strings("a b"), ..columns.clone() },
        Columns { classes: Vec::new(), ..columns.clone() },
        Columns { classes: strings("a b a"), ..columns.clone() },
        Columns { targets: Vec::new(), ..columns.clone() },
        Columns { targets: strings("state again"), ..columns.clone() },
        Columns { inputs: strings("a a"), ..columns.clone() },
        Columns { inputs: strings("a state"), ..columns },
    ] {
        let model = prepared(Some(wrong));
        assert!(model.write(&at("wrong.cygnet")).is_err() && model.write(&at("wrong.safetensors")).is_err());
    }
    let dense = || [floats("0.weight", &[1, 2], &[1.0; 2]), floats("0.bias", &[1], &[0.0])].into_iter();
    let with = |names: &[&str], values: &[f32]| {
        let names: Vec<_> = names.iter().map(|name| format!("preprocess.{name}")).collect();
        let shape = [values.len()];
        let tensors = names.iter().map(|name| floats(name, &shape, values));
        SavedModel::from_safetensors(&self::file(&dense().chain(tensors).collect::<Vec<_>>(), None))
    };
    let all = ["fill", "low", "high", "shift", "scale"];
    assert!(with(&all, &[0.0; 2]).is_ok_and(|model| model.preparation.is_some()));
    let plain = with(&[], &[0.0; 2]).unwrap();
    assert!(plain.preparation.is_none() && plain.spec.loss_kind() == Loss::MeanSquared, "one output is a value");
    refused(with(&all[..4], &[0.0; 2]), "tensor `preprocess.scale` is missing");
    refused(with(&all, &[0.0; 3]), "`preprocess.fill` holds F32 of shape [3], expected F32 of [2]");
    refused(with(&all, &[0.0, f32::NAN]), "preprocessing of feature 1");
    refused(with(&["mean"], &[0.0; 2]), "`preprocess.mean` does not belong to a dense layer");
}

#[test]
fn a_file_cut_anywhere_is_refused_in_one_line() {
    let model = model(Spec::new(3).dense(2, Activation::Relu).dense(2, Activation::Identity), 3);
    let (checkpoint, safetensors) = (checkpoint(&model), model.to_safetensors().unwrap());
    for n in 0..checkpoint.len() {
        refused(SavedModel::from_checkpoint(&checkpoint[..n]), "checkpoint: ");
    }
    for n in 0..safetensors.len() {
        refused(SavedModel::from_safetensors(&safetensors[..n]), "not a safetensors file");
    }
    for header in [u64::MAX, 1 << 62, 100_000_001, 0] {
        let bytes = [&header.to_le_bytes()[..], b"{}", &[0; 64]].concat();
        assert!(SavedModel::from_safetensors(&bytes).is_err_and(|line| !line.contains('\n')));
    }
    // A header that promises more than the file holds takes no memory for it.
    let promise = br#"{"0.weight":{"dtype":"F32","shape":[60000,60000],"data_offsets":[0,14400000000]}}"#;
    let bytes = [&(promise.len() as u64).to_le_bytes()[..], promise].concat();
    refused(SavedModel::from_safetensors(&bytes), "not a safetensors file");
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let first = model(Spec::new(2).dense(2, Activation::Identity), 1);
    let second = SavedModel { params: numbers(6, 2), ..first.clone() };
    let names = || {
        let entries = fs::read_dir(dir.path()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    for name in ["model.cygnet", "model.safetensors"] {
        first.write(&at(name)).unwrap();
        second.write(&at(name)).unwrap();
        assert_eq!(SavedModel::read(&at(name)).unwrap(), second);
    }
    assert_eq!(fs::read(at("model.cygnet")).unwrap(), checkpoint(&second));
    let broken = SavedModel { params: vec![f32::NAN; 6], ..first };
    for name in ["model.cygnet", "model.safetensors"] {
        assert!(broken.write(&at(name)).is_err());
        assert_eq!(SavedModel::read(&at(name)).unwrap(), second);
    }
    let short = SavedModel { params: vec![0.0; 5], ..broken };
    let no_network =
        SavedModel { spec: Spec::new(0), params: Vec::new(), is_average: false, preparation: None, trained_on: None };
    assert!(short.write(&at("short.cygnet")).is_err() && short.to_safetensors().is_err());
    assert!(no_network.write(&at("none.cygnet")).is_err() && no_network.to_safetensors().is_err());
    fs::create_dir(at("directory.cygnet")).unwrap();
    assert!(second.write(&at("directory.cygnet")).is_err());
    assert!(second.write(&at("directory.cygnet/none/model.cygnet")).is_err());
    assert_eq!(names(), ["directory.cygnet", "model.cygnet", "model.safetensors"]);
}

#[test]
fn the_layer_table_names_every_layer() {
    let spec = Spec::new(784)
        .dense(64, Activation::Relu)
        .dropout(0.5)
        .dense(32, Activation::LeakyRelu(0.25))
        .dense(10, Activation::Identity);
    let text = info(&SavedModel {
        spec,
        params: vec![0.0; spec.param_len()],
        is_average: true,
        preparation: None,
        trained_on: None,
    });
    for words in [
        vec!["dense 1", "784 → 64", "relu", "0.5", "50240", "0"],
        vec!["dense 2", "64 → 32", "leaky-relu:0.25", "0", "2080", "50240"],
        vec!["dense 3", "32 → 10", "identity", "0", "330", "52320"],
        vec!["52650 parameters (an average of models)", "cross-entropy"],
        vec!["parameters", "52650", "210.6 kB"],
        vec!["Adam", "105300"],
    ] {
        assert!(text.lines().any(|line| words.iter().all(|word| line.contains(word))), "{words:?} in\n{text}");
    }
}

#[test]
fn a_running_variance_below_zero_is_no_model() {
    let norm = |variance: f32| {
        let weight = floats("fc1.weight", &[1, 2], &[1.0; 2]);
        let (bias, one) = (floats("fc1.bias", &[1], &[0.0]), |name| floats(name, &[1], &[1.0]));
        let [gamma, beta, mean] = ["bn1.weight", "bn1.bias", "bn1.running_mean"].map(one);
        let variance = floats("bn1.running_var", &[1], &[variance]);
        SavedModel::from_safetensors(&file(&[weight, bias, gamma, beta, mean, variance], None))
    };
    let mut good = norm(0.0).unwrap();
    assert!(norm(-5.0).unwrap_err().contains("negative variance"));
    *good.params.last_mut().unwrap() = -5.0;
    assert!(good.to_safetensors().is_err());
    let dir = tempfile::tempdir().unwrap();
    assert!(good.write(&dir.path().join("a.cygnet")).is_err());
}
