//! Safetensors files of PyTorch: what they say is read, what they do not say is asked for or noted, never guessed in silence.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/cli.rs"]
mod cli;
mod common;

use cli::{fails, run, succeeds};
use common::{bits, cases, numbers};
use cygnet::host::evaluation::SavedModel;
use cygnet::host::files::{Reading, Unsaid};
use cygnet::host::plan::widths;
use cygnet::{Activation, Loss, Spec, Workspace, predict};
use proptest::prelude::*;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use std::fs;

type Tensor = (String, Dtype, Vec<usize>, Vec<u8>);

fn f32s(name: &str, shape: &[usize], values: &[f32]) -> Tensor {
    (name.into(), Dtype::F32, shape.into(), values.iter().flat_map(|x| x.to_le_bytes()).collect())
}

fn i64s(name: &str, shape: &[usize], values: &[i64]) -> Tensor {
    (name.into(), Dtype::I64, shape.into(), values.iter().flat_map(|x| x.to_le_bytes()).collect())
}

/// A `torch.nn.Linear`.
fn linear(stem: &str, inputs: usize, outputs: usize) -> [Tensor; 2] {
    let seed = stem.bytes().map(u64::from).sum();
    [
        f32s(&format!("{stem}.weight"), &[outputs, inputs], &numbers(outputs * inputs, seed)),
        f32s(&format!("{stem}.bias"), &[outputs], &numbers(outputs, seed + 1)),
    ]
}

/// A `torch.nn.BatchNorm1d`.
fn norm(stem: &str, units: usize) -> [Tensor; 5] {
    let [weight, bias, mean, variance] = [1.1, 0.1, 0.2, 0.9].map(|x| vec![x; units]);
    let floats = |name, values: &[f32]| f32s(&format!("{stem}.{name}"), &[units], values);
    [
        floats("weight", &weight),
        floats("bias", &bias),
        floats("running_mean", &mean),
        floats("running_var", &variance),
        i64s(&format!("{stem}.num_batches_tracked"), &[], &[17]),
    ]
}

fn file(tensors: &[Tensor]) -> Vec<u8> {
    let view = |(name, dtype, shape, bytes)| {
        let (dtype, shape, bytes): (&Dtype, &Vec<usize>, &Vec<u8>) = (dtype, shape, bytes);
        let name: &String = name;
        (name.clone(), TensorView::new(*dtype, shape.clone(), bytes).unwrap())
    };
    safetensors::serialize(tensors.iter().map(|(n, d, s, b)| view((n, d, s, b))), None).unwrap()
}

/// Dense layers of these widths.
fn dense(layers: &[(&str, usize, usize)]) -> Vec<Tensor> {
    layers.iter().flat_map(|&(stem, inputs, outputs)| linear(stem, inputs, outputs)).collect()
}

fn read(tensors: &[Tensor]) -> Result<Reading, String> {
    read_with(tensors, &Unsaid::default())
}

fn read_with(tensors: &[Tensor], unsaid: &Unsaid) -> Result<Reading, String> {
    Reading::of_safetensors(&file(tensors), unsaid, "net.safetensors")
}

fn in_order(layers: &[&str]) -> Unsaid {
    Unsaid { layers: layers.iter().map(|&layer| layer.to_owned()).collect(), ..Unsaid::default() }
}

#[track_caller]
fn refused<T>(result: Result<T, String>, words: &[&str]) {
    let Err(line) = result else { panic!("accepted, expected: {words:?}") };
    assert!(words.iter().all(|word| line.contains(word)) && !line.contains('\n'), "{line}, expected: {words:?}");
}

/// Whether a note has all of these words.
fn notes(reading: &Reading, words: &[&str]) -> bool {
    reading.notes.iter().any(|note| words.iter().all(|word| note.contains(word)))
}

/// The floats of a tensor.
fn floats((_, _, _, bytes): &Tensor) -> Vec<f64> {
    bytes.as_chunks().0.iter().map(|&b| f64::from(f32::from_le_bytes(b))).collect()
}

/// The outputs of `stems` one after the other, ReLU between them, in double precision and without a look at the crate.
fn forward(tensors: &[Tensor], stems: &[&str], x: &[f64]) -> Vec<f64> {
    let get = |name: String| floats(tensors.iter().find(|(other, ..)| *other == name).unwrap());
    let mut x = x.to_vec();
    for (i, stem) in stems.iter().enumerate() {
        let (weight, bias) = (get(format!("{stem}.weight")), get(format!("{stem}.bias")));
        let row = |(row, bias): (&[f64], &f64)| row.iter().zip(&x).map(|(w, x)| w * x).sum::<f64>() + bias;
        x = weight.chunks_exact(x.len()).zip(&bias).map(row).collect();
        if i + 1 < stems.len() {
            x.iter_mut().for_each(|x| *x = x.max(0.0));
        }
    }
    x
}

fn outputs(model: &SavedModel, x: &[f64]) -> Vec<f32> {
    let x: Vec<f32> = x.iter().map(|&x| x as f32).collect();
    let mut floats = vec![f32::NAN; model.spec.predict_len(1)];
    let mut work = Workspace::for_prediction(&model.spec, 1, &mut floats).unwrap();
    predict(&model.spec, &model.params, &x, &mut work).unwrap().to_vec()
}

#[track_caller]
fn close(ours: &[f32], wanted: &[f64]) {
    assert_eq!(ours.len(), wanted.len());
    let is_near = |(a, b): (&f32, &f64)| (f64::from(*a) - b).abs() < 1e-5;
    assert!(ours.iter().zip(wanted).all(is_near), "{ours:?}, expected {wanted:?}");
}

const X: [f64; 3] = [0.5, 0.25, 0.75];

#[test]
fn an_order_that_several_would_fit_is_asked_for() {
    for stems in [["input", "hidden", "output"], ["one", "two", "three"], ["hidden1", "hidden2", "head"]] {
        let tensors = dense(&stems.map(|stem| (stem, 3, 3)));
        let names = stems.map(|stem| format!("`{stem}`"));
        let command = "cygnet convert net.safetensors NEW.cygnet --layers";
        refused(read(&tensors), &[&names[0], &names[1], &names[2], command]);
        // Said, in any order, it is that order.
        let [a, b, c] = stems;
        for order in [[a, b, c], [c, a, b], [b, a, c]] {
            let reading = read_with(&tensors, &in_order(&order)).unwrap();
            close(&outputs(&reading.model, &X), &forward(&tensors, &order, &X));
        }
        for wrong in [&[a, b][..], &[a, b, c, c], &[a, b, b], &[a, b, "other"], &[a, b, c, "other"]] {
            refused(read_with(&tensors, &in_order(wrong)), &["--layers", &names[0], &names[1], &names[2], "once"]);
        }
    }
    // Numbers under several stems say nothing of the order between these.
    refused(read(&dense(&[("a.0", 3, 3), ("a.2", 3, 3), ("b.0", 3, 3)])), &["`a.0`", "`a.2`", "`b.0`", "--layers"]);
    // The last of `features` and the first of `classifier` can change places.
    let two = [("features.0", 4, 5), ("features.2", 5, 5), ("classifier.0", 5, 5), ("classifier.2", 5, 2)];
    refused(read(&dense(&two)), &["`classifier.0`", "`features.2`", "--layers"]);
    // One number for two layers.
    refused(read(&dense(&[("fc1", 3, 3), ("fc01", 3, 3)])), &["`fc01`", "`fc1`", "--layers"]);
    let nine: Vec<_> = ["a", "b", "c", "d", "e", "f", "g", "h", "i"].map(|stem| (stem, 2, 2)).into();
    refused(read(&dense(&nine)), &["too many dense layers"]);
}

#[test]
fn widths_and_numbers_say_an_order_that_is_the_only_one() {
    for layers in [
        vec![("one", 4, 5), ("two", 5, 3), ("three", 3, 2)],
        vec![("z", 4, 3), ("a", 3, 3), ("head", 3, 2)],
        vec![("features.0", 4, 5), ("features.2", 5, 6), ("classifier.0", 6, 6), ("classifier.2", 6, 2)],
        vec![("hidden1", 4, 4), ("hidden2", 4, 4), ("hidden10", 4, 4), ("head", 4, 2)],
        vec![("up3", 4, 5), ("down3", 5, 2)],
    ] {
        let stems: Vec<&str> = layers.iter().map(|(stem, ..)| *stem).collect();
        let mut tensors = dense(&layers);
        tensors.reverse();
        let reading = read(&tensors).unwrap();
        let x = [0.5, 0.25, 0.75, 0.125];
        close(&outputs(&reading.model, &x), &forward(&tensors, &stems, &x));
        assert!(notes(&reading, &["only the widths", &format!("`{}`", stems[0])]));
    }
    refused(read(&dense(&[("a", 3, 4), ("b", 3, 2)])), &["`a` 3 → 4", "`b` 3 → 2", "no order"]);
    // A cycle begins anywhere.
    refused(read(&dense(&[("a", 3, 4), ("b", 4, 3)])), &["`a` and `b`", "--layers"]);
    // Numbers under one stem decide alone, and then widths must fit.
    let numbered = dense(&[("net.10", 3, 3), ("net.2", 3, 3), ("net.0", 3, 3)]);
    let reading = read(&numbered).unwrap();
    close(&outputs(&reading.model, &X), &forward(&numbered, &["net.0", "net.2", "net.10"], &X));
    assert!(!notes(&reading, &["only the widths"]));
    refused(
        read(&dense(&[("fc2", 3, 4), ("fc1", 4, 2)])),
        &["`fc2.weight` has 3 inputs, but the layer before it has 2 outputs"],
    );
}

/// Every order of `0..n`.
fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![Vec::new()];
    }
    let insert =
        |order: Vec<usize>| (0..n).map(move |at| [&order[..at], &[n - 1], &order[at..]].concat()).collect::<Vec<_>>();
    permutations(n - 1).into_iter().flat_map(insert).collect()
}

proptest! {
    #![proptest_config(cases(96))]

    /// Whatever the widths: an order is found exactly where one of all permutations fits.
    #[test]
    fn a_found_order_is_the_only_one(layers in proptest::collection::vec((1_usize..4, 1_usize..4), 1..6)) {
        const STEMS: [&str; 5] = ["in", "mid", "body", "neck", "out"];
        let fits = |order: &Vec<usize>| order.windows(2).all(|pair| layers[pair[0]].1 == layers[pair[1]].0);
        let fitting: Vec<_> = permutations(layers.len()).into_iter().filter(fits).collect();
        let tensors = dense(&STEMS.iter().zip(&layers).map(|(&stem, &(i, o))| (stem, i, o)).collect::<Vec<_>>());
        match (read(&tensors), fitting.as_slice()) {
            (Ok(reading), [only]) => {
                let stems: Vec<&str> = only.iter().map(|&i| STEMS[i]).collect();
                let said = read_with(&tensors, &in_order(&stems)).unwrap().model;
                prop_assert_eq!(bits(&reading.model.params), bits(&said.params));
            }
            (Err(line), [] | [_, _, ..]) => prop_assert!(!line.contains('\n')),
            (read, fitting) => prop_assert!(false, "{:?} with {} orders", read.map(|r| r.notes), fitting.len()),
        }
    }

    /// Floats that F32 holds come back from every type that holds them, too.
    #[test]
    fn doubles_of_floats_come_back_bit_for_bit(values in proptest::collection::vec(any::<f32>(), 12)) {
        let values: Vec<f32> = values.into_iter().map(|x| if x.is_finite() { x } else { 0.5 }).collect();
        let mut tensors = linear("0", 3, 4);
        tensors[0].1 = Dtype::F64;
        tensors[0].3 = values.iter().flat_map(|&x| f64::from(x).to_le_bytes()).collect();
        let model = read(&tensors).unwrap().model;
        let transposed = (0..12).map(|i| values[i % 4 * 3 + i / 4]).collect::<Vec<_>>();
        prop_assert_eq!(bits(&model.params[..12]), bits(&transposed));
    }
}

#[test]
fn a_norm_that_names_do_not_place_is_placed_by_the_order_that_is_given() {
    let tensors = [&linear("hidden", 3, 4)[..], &norm("normed", 4), &linear("output", 4, 2)].concat();
    refused(read(&tensors), &["norm `normed` does not stand", "according to its name", "--layers"]);
    let model = read_with(&tensors, &in_order(&["hidden", "normed", "output"])).unwrap().model;
    assert_eq!(model.spec, Spec::new(3).dense(4, Activation::Relu).norm().dense(2, Activation::Identity));
    refused(read_with(&tensors, &in_order(&["hidden", "output"])), &["--layers", "`normed`"]);
    refused(read_with(&tensors, &in_order(&["normed", "hidden", "output"])), &["has no dense layer before it"]);
    // `2` stands behind the activation `1`, where this crate has no norm: no order makes it right.
    let behind = [&linear("0", 3, 4)[..], &norm("2", 4), &linear("3", 4, 2)].concat();
    let line = read(&behind).unwrap_err();
    assert!(line.contains("norm `2` does not stand") && !line.contains("--layers"), "{line}");
    // Equal numbers place it, which is said.
    let numbered = [&linear("fc1", 3, 4)[..], &norm("bn1", 4), &linear("fc2", 4, 2)].concat();
    assert!(notes(&read(&numbered).unwrap(), &["`bn1`", "follow `fc1`", "before its activation"]));
}

#[test]
fn an_averaged_model_is_read_with_its_count() {
    let layers = dense(&[("module.0", 3, 4), ("module.2", 4, 3)]);
    let with = |count: Tensor| read(&[&[count][..], &layers].concat());
    let plain = read(&layers).unwrap().model;
    assert!(!plain.is_average);
    for (shape, count, words) in [(&[][..], 5, "an average of 5 models"), (&[1], 1, "an average of 1 model")] {
        let reading = with(i64s("n_averaged", shape, &[count])).unwrap();
        assert!(notes(&reading, &[words]), "{:?}", reading.notes);
        assert_eq!(reading.model, SavedModel { is_average: true, ..plain.clone() });
    }
    // What was never averaged is a copy of the live weights.
    let none = with(i64s("n_averaged", &[], &[0])).unwrap();
    assert!(!none.model.is_average && notes(&none, &["the file is not an average"]));
    for wrong in [i64s("n_averaged", &[], &[-1]), i64s("n_averaged", &[2], &[1, 2]), f32s("n_averaged", &[], &[5.0])] {
        refused(with(wrong), &["`n_averaged` is not a count"]);
    }
    let two = [i64s("n_averaged", &[], &[5]), i64s("ema.n_averaged", &[], &[5])];
    refused(read(&[&two[..], &layers].concat()), &["several tensors have the name `n_averaged`"]);
}

#[test]
fn biases_and_norm_weights_that_are_not_there_are_zeros_and_ones() {
    let whole = [&linear("0", 3, 4)[..], &norm("1", 4), &linear("3", 4, 3)].concat();
    let without =
        |names: &[&str]| whole.iter().filter(|(name, ..)| !names.contains(&name.as_str())).cloned().collect::<Vec<_>>();
    let filled = |fills: &[(&str, f32)]| {
        let fill = |mut tensor: Tensor| {
            if let Some((_, value)) = fills.iter().find(|(name, _)| *name == tensor.0) {
                tensor = f32s(&tensor.0, &tensor.2, &vec![*value; tensor.3.len() / 4]);
            }
            tensor
        };
        read(&whole.iter().cloned().map(fill).collect::<Vec<_>>()).unwrap().model
    };
    for (lost, fills, words) in [
        (&["0.bias"][..], &[("0.bias", 0.0)][..], "`0` has no bias: zeros"),
        (&["3.bias"], &[("3.bias", 0.0)], "`3` has no bias: zeros"),
        (
            &["1.weight", "1.bias"],
            &[("1.weight", 1.0), ("1.bias", 0.0)],
            "`1` has no weight and no bias: ones and zeros",
        ),
    ] {
        let reading = read(&without(lost)).unwrap();
        assert!(notes(&reading, &[words]), "{:?}", reading.notes);
        assert_eq!(reading.model, filled(fills));
    }
    // PyTorch leaves out both or none: a file with one of them has lost the other.
    for lost in ["1.weight", "1.bias", "1.running_mean", "1.running_var", "0.weight"] {
        refused(read(&without(&[lost])), &[&format!("tensor `{lost}` is missing")]);
    }
    // Its count says that it is a batch norm.
    refused(read(&without(&["1.running_mean", "1.running_var"])), &["tensor `1.running_mean` is missing"]);
}

#[test]
fn norms_without_running_statistics_are_layer_norms() {
    let (gamma, beta) = ([1.5, -0.5, 2.0, 0.25, 1.0], [0.5, 0.25, -1.0, 0.0, 2.0]);
    let [first, last] = [linear("0", 3, 5), linear("3", 5, 2)];
    let norm = [f32s("1.weight", &[5], &gamma), f32s("1.bias", &[5], &beta)];
    let tensors: Vec<Tensor> = first.iter().chain(&norm).chain(&last).cloned().collect();
    let reading = read(&tensors).unwrap();
    let spec = Spec::new(3).dense(5, Activation::Relu).layer_norm().dense(2, Activation::Identity);
    assert_eq!(reading.model.spec, spec);
    assert!(notes(&reading, &["`1`", "layer norm"]) && notes(&reading, &["1e-5"]));
    let mut z = forward(&first, &["0"], &X);
    let mean = z.iter().sum::<f64>() / 5.0;
    let variance = z.iter().map(|z| (z - mean).powi(2)).sum::<f64>() / 5.0;
    for ((z, gamma), beta) in z.iter_mut().zip(gamma).zip(beta) {
        *z = (f64::from(gamma) * (*z - mean) / (variance + 1e-5).sqrt() + f64::from(beta)).max(0.0);
    }
    close(&outputs(&reading.model, &X), &forward(&last, &["3"], &z));

    // Beside a batch norm, of other lengths, over a single unit, without a bias.
    let with_norm = |stem: &str, units: usize| f32s(&format!("{stem}.weight"), &[units], &vec![1.0; units]);
    let both: Vec<Tensor> = tensors.iter().cloned().chain(self::norm("4", 2)).collect();
    refused(read(&both), &["a network has batch norms or layer norms, not both"]);
    let longer: Vec<Tensor> = first.iter().cloned().chain([with_norm("1", 6)]).chain(last.clone()).collect();
    refused(read(&longer), &["`1.weight` has shape [6], expected [5]"]);
    let single: Vec<Tensor> =
        linear("0", 3, 1).into_iter().chain([with_norm("1", 1), f32s("1.bias", &[1], &[0.0])]).collect();
    refused(read(&single), &["layer norm needs at least two units"]);
    let no_bias: Vec<Tensor> = first.iter().cloned().chain([with_norm("1", 5)]).chain(last).collect();
    let reading = read(&no_bias).unwrap();
    assert!(notes(&reading, &["`1`", "no bias", "zeros"]));
}

#[test]
fn other_floats_are_converted_and_that_is_said() {
    let layers = dense(&[("0", 3, 4), ("2", 4, 3)]);
    let plain = read(&layers).unwrap();
    assert!(!notes(&plain, &["F32"]));
    let converted = |dtype: Dtype, convert: &dyn Fn(f32) -> Vec<u8>| {
        let convert = |(name, _, shape, bytes): Tensor| {
            let floats = bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b));
            (name, dtype, shape, floats.flat_map(convert).collect())
        };
        read(&layers.iter().cloned().map(convert).collect::<Vec<_>>()).unwrap()
    };
    let wide = converted(Dtype::F64, &|x| f64::from(x).to_le_bytes().to_vec());
    assert!(notes(&wide, &["F64", "rounded to F32"]) && wide.model == plain.model);
    let brain = converted(Dtype::BF16, &|x| x.to_le_bytes()[2..].to_vec());
    let cut: Vec<u32> = plain.model.params.iter().map(|x| x.to_bits() & 0xffff_0000).collect();
    assert!(notes(&brain, &["BF16", "without rounding"]) && bits(&brain.model.params) == cut);
    // 1.5 in binary16 is 0x3e00; mixed with F32 elsewhere.
    let mut mixed = layers.clone();
    mixed[1] = ("0.bias".into(), Dtype::F16, vec![4], [0x3e00_u16; 4].iter().flat_map(|h| h.to_le_bytes()).collect());
    let half = read(&mixed).unwrap();
    assert!(notes(&half, &["F16", "without rounding"]) && half.model.params[12..16] == [1.5; 4]);
    let mut large = layers;
    large[1] = ("0.bias".into(), Dtype::F64, vec![4], [1e300_f64; 4].iter().flat_map(|x| x.to_le_bytes()).collect());
    refused(read(&large), &["`0.bias` contains 1e300", "too large for F32"]);
}

#[test]
fn activations_and_loss_are_assumed_aloud_or_given() {
    let layers = dense(&[("0", 3, 4), ("2", 4, 4), ("4", 4, 3)]);
    let usual = Spec::new(3).dense(4, Activation::Relu).dense(4, Activation::Relu).dense(3, Activation::Identity);
    let reading = read(&layers).unwrap();
    assert_eq!(reading.model.spec, usual);
    assert!(notes(&reading, &["relu is assumed", "--activation"]) && notes(&reading, &["cross-entropy", "--loss"]));
    let unsaid = |activations: &[Activation], loss| Unsaid { layers: vec![], activations: activations.into(), loss };
    let (tanh, sigmoid) = (Activation::Tanh, Activation::Sigmoid);
    let one = read_with(&layers, &unsaid(&[tanh], Some(Loss::MeanSquared))).unwrap();
    let net = Spec::new(3).dense(4, tanh).dense(4, tanh).dense(3, Activation::Identity).loss(Loss::MeanSquared);
    assert_eq!((one.model.spec, one.notes), (net, vec![]));
    let all = read_with(&layers, &unsaid(&[tanh, Activation::Relu, sigmoid], None)).unwrap();
    assert_eq!(all.model.spec, Spec::new(3).dense(4, tanh).dense(4, Activation::Relu).dense(3, sigmoid));
    assert_eq!(all.notes.len(), 1);
    refused(read_with(&layers, &unsaid(&[tanh, tanh], None)), &["--activation has 2 names for 3 layers"]);
    // A linear model has no activation to assume.
    let linear = read(&linear("out", 3, 2)).unwrap();
    assert!(notes(&linear, &["loss"]) && !notes(&linear, &["activation"]));
    let normed = [&self::linear("0", 3, 4)[..], &norm("1", 4), &self::linear("3", 4, 2)].concat();
    assert!(notes(&read(&normed).unwrap(), &["1e-5"]));
}

#[test]
fn every_command_says_what_it_assumes_and_convert_takes_what_is_so() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("net.safetensors"), file(&dense(&[("input", 3, 3), ("hidden", 3, 3), ("output", 3, 3)]))).unwrap();
    fs::write(at("x.idx"), [&[0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 3][..], &[128, 51, 204]].concat()).unwrap();
    let words = ["`hidden`, `input` and `output`", "cygnet convert net.safetensors NEW.cygnet --layers"];
    for line in ["info net.safetensors", "predict net.safetensors x.idx", "convert net.safetensors new.cygnet"] {
        fails(&dir, line, 1, &words);
    }
    assert!(!at("new.cygnet").exists());
    let convert = "convert net.safetensors new.cygnet --layers input,hidden,output";
    let said = run(&dir, convert);
    assert!(
        said.code == Some(0) && said.err.contains("note: net.safetensors: the file has no activations"),
        "{}",
        said.err
    );
    assert_eq!(succeeds(&dir, &format!("{convert} --activation relu --loss cross-entropy --overwrite")), "");
    let tensors = dense(&[("input", 3, 3), ("hidden", 3, 3), ("output", 3, 3)]);
    let logits = forward(&tensors, &["input", "hidden", "output"], &[128.0 / 255.0, 0.2, 0.8]);
    let sum: f64 = logits.iter().map(|x| x.exp()).sum();
    let verdict = succeeds(&dir, "predict new.cygnet x.idx");
    for (class, x) in logits.iter().enumerate() {
        assert!(verdict.contains(&format!("{class}: {:.1} %", 100.0 * x.exp() / sum)), "{logits:?}: {verdict}");
    }
    // What says everything is not to be told again.
    for line in ["new.cygnet other.cygnet --layers 0,2,4", "new.cygnet other.cygnet --loss mse"] {
        fails(&dir, &format!("convert {line}"), 1, &["new.cygnet: the file contains its layers, activations and loss"]);
    }
    succeeds(&dir, "convert new.cygnet ours.safetensors");
    fails(&dir, "convert ours.safetensors other.cygnet --activation tanh", 1, &["the file contains its layers"]);
    assert_eq!(widths(&SavedModel::read(&at("ours.safetensors")).unwrap().spec), "3-3-3-3");

    fs::write(
        at("swa.safetensors"),
        file(&[&[i64s("n_averaged", &[], &[5])][..], &dense(&[("module.0", 3, 2)])].concat()),
    )
    .unwrap();
    let info = succeeds(&dir, "info swa.safetensors");
    for words in ["parameters (an average of models)", "note: an average of 5 models", "note: the file has no loss"] {
        assert!(info.contains(words), "{words}: {info}");
    }
    let said = run(&dir, "predict swa.safetensors x.idx");
    assert!(said.code == Some(0) && said.err.contains("note: swa.safetensors: an average of 5 models"), "{}", said.err);
}
