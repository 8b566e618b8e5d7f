//! Which samples a command uses: those that were given, or those that its models remember and that it has; never others.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/cli.rs"]
mod cli;

use cli::{Run, TRAIN, bytes, fails, run, succeeds, workplace, write_data};
use cygnet::host::data::DataKind;
use cygnet::host::evaluation::SavedModel;
use flate2::{Compression, write::GzEncoder};
use std::fs;
use std::io::Write;
use tempfile::TempDir;

fn read(dir: &TempDir, name: &str) -> SavedModel {
    SavedModel::read(&dir.path().join(name)).unwrap()
}

/// The same model as from a file that says nothing of its data.
fn forgetful(dir: &TempDir, from: &str, to: &str) {
    SavedModel { trained_on: None, ..read(dir, from) }.write(&dir.path().join(to)).unwrap();
}

/// Commands over two models whose result depends on samples.
fn dependent(a: &str, b: &str) -> [String; 4] {
    [
        format!("eval {a}"),
        format!("vote {a} {b}"),
        format!("average {a} {b} --soup --out new.cygnet"),
        format!("plane {a} {b} --steps 2 --out new"),
    ]
}

/// The table of the examples.
fn table(dir: &TempDir) {
    fs::create_dir(dir.path().join("examples")).unwrap();
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/pump.csv"), dir.path().join("examples/pump.csv")).unwrap();
}

/// Images of the size of the embedded sample's, black on white; by default the command would know no better.
fn white_paper(dir: &TempDir) {
    write_data(&dir.path().join("paper"), [60, 20], 28, 10);
    for set in ["train", "t10k"] {
        let path = dir.path().join(format!("paper/{set}-images-idx3-ubyte"));
        let mut images = fs::read(&path).unwrap();
        images[16..].iter_mut().for_each(|pixel| *pixel = 255 - *pixel);
        fs::write(&path, images).unwrap();
    }
}

#[test]
fn where_nobody_says_which_samples_the_command_ends_and_names_data() {
    let dir = workplace();
    white_paper(&dir);
    for (seed, out) in [(1, "a"), (2, "b")] {
        let line = format!("train --data paper --epochs 1 --hidden 4 --batch-norm --seed {seed} --quiet --out {out}");
        succeeds(&dir, &line);
        fs::remove_file(dir.path().join(out).join("run.json")).unwrap();
        forgetful(&dir, &format!("{out}/last.cygnet"), &format!("{out}-old.cygnet"));
        forgetful(&dir, &format!("{out}/last.cygnet"), &format!("{out}-old.safetensors"));
    }
    let [a, b] = ["a/last.cygnet", "b/last.cygnet"];
    // The average of networks with norms depends on samples, too.
    let norms = |a: &str, b: &str| {
        [format!("average {a} {b} --out new.cygnet"), format!("average {b} {a} --weights 1,2 --out new.cygnet")]
    };
    for line in dependent(a, b).iter().chain(&norms(a, b)) {
        fails(&dir, line, 2, &["last.cygnet was trained on images `paper` (60 of 28 x 28)", "--data"]);
    }
    for [old_a, old_b] in [["a-old.cygnet", "b-old.cygnet"], ["a-old.safetensors", "b-old.cygnet"], ["a-old.cygnet", b]]
    {
        for line in dependent(old_a, old_b).iter().chain(&norms(old_a, old_b)) {
            fails(&dir, line, 2, &["train", "--data"]);
        }
    }
    assert!(!dir.path().join("new.cygnet").exists() && !dir.path().join("new.svg").exists());
    // Told, they all work, and the average is as good as its models on what they know.
    for line in dependent("a-old.cygnet", b).iter().chain(&norms(a, b)) {
        let more = if line.starts_with("eval") { " --quiet" } else { "" };
        let more = if line.contains("--out") { " --overwrite" } else { more };
        succeeds(&dir, &format!("{line} --data paper{more}"));
    }
    table(&dir);
    let tables = ["--label state --ignore time,hours_left", "--label hours_left --regression --ignore time,state"];
    for (i, table) in tables.into_iter().enumerate() {
        let line = format!("train --data examples/pump.csv {table} --missing mean --epochs 1 --quiet --out t{i}");
        succeeds(&dir, &line);
        forgetful(&dir, &format!("t{i}/last.cygnet"), &format!("t{i}-old.cygnet"));
        fs::remove_file(dir.path().join(format!("t{i}/run.json"))).unwrap();
        fails(&dir, &format!("eval t{i}/last.cygnet"), 2, &["table `pump.csv` (240 rows of 3 inputs)", "--data"]);
        fails(&dir, &format!("eval t{i}-old.cygnet"), 2, &["needs rows of a table", "--data"]);
        succeeds(&dir, &format!("eval t{i}/last.cygnet --data examples/pump.csv --quiet"));
        succeeds(&dir, &format!("eval t{i}-old.cygnet --data examples/pump.csv --quiet"));
    }
}

#[test]
fn a_model_of_the_embedded_sample_is_judged_by_it_and_no_other_is() {
    let dir = workplace();
    for (seed, out) in [(1, "a"), (2, "b")] {
        let line = "train --hidden 2 --epochs 1 --batch-norm --validation 0.95 --quiet";
        succeeds(&dir, &format!("{line} --seed {seed} --out {out}"));
    }
    let [a, b] = ["a/last.cygnet", "b/last.safetensors"];
    assert!(read(&dir, b).trained_on.is_some_and(|data| data.kind == DataKind::Sample && data.name.is_empty()));
    forgetful(&dir, a, "old.cygnet");
    let [eval, vote, ..] = dependent(a, b);
    for line in [eval, vote, format!("average {a} {b} --validation 0.95 --out mean.cygnet")] {
        let line = if line.starts_with("average") { line } else { line + " --validation 0.95" } + " --seed 1";
        let known = succeeds(&dir, &line);
        let old = line.replace(a, "old.cygnet").replace("mean", "named");
        fails(&dir, &old, 2, &["old.cygnet does not record its training data", "--data", "--sample"]);
        // Named, the samples are the same.
        let told = succeeds(&dir, &format!("{old} --sample"));
        let numbers = |text: &str| {
            let numbers = text.split_whitespace().filter(|word| word.parse::<f64>().is_ok());
            numbers.map(str::to_owned).collect::<Vec<_>>()
        };
        assert!(numbers(&known).len() > 1 && numbers(&told) == numbers(&known), "{line}");
    }
    assert_eq!(read(&dir, "mean.cygnet").trained_on, read(&dir, a).trained_on);
    assert_eq!(read(&dir, "named.cygnet").params, read(&dir, "mean.cygnet").params);
    assert_eq!(read(&dir, "named.cygnet").trained_on, None);
    fails(&dir, &format!("eval {a} --sample --data data"), 2, &["--sample", "--data"]);
    fails(&dir, &format!("eval {a} --test data"), 2, &["--test", "needs a CSV file"]);
}

#[test]
fn an_average_that_depends_on_no_samples_does_without_and_judges_nothing() {
    let dir = workplace();
    for (seed, out) in [(1, "a"), (2, "b")] {
        succeeds(&dir, &format!("{TRAIN} --seed {seed} --quiet --out {out}"));
    }
    for (flags, weights) in [("", ["1", "1"]), ("--weights 1,2.5", ["1", "2.5"])] {
        let line = format!("average a/last.cygnet b/last.cygnet {flags} --overwrite --out");
        let told = succeeds(&dir, &format!("{line} told.cygnet --data data --seed 1"));
        let plain = succeeds(&dir, &format!("{line} plain.cygnet"));
        assert_eq!(bytes(&dir, "told.cygnet"), bytes(&dir, "plain.cygnet"));
        assert!(told.contains("test error, %") && !told.contains("not evaluated"), "{told}");
        assert!(!plain.contains('%') && plain.contains("The models were not evaluated"), "{plain}");
        for (row, weight) in ["a/last.cygnet", "b/last.cygnet"].into_iter().zip(weights) {
            let words = plain.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
            assert!(words.into_iter().any(|words| words == [row, weight]), "{plain}");
        }
    }
    let line = "average a/last.cygnet b/last.cygnet --out new.cygnet";
    fails(&dir, &format!("{line} --weights 1"), 2, &["1 numbers", "2 models"]);
    fails(&dir, &format!("{line} --transpose"), 2, &["--transpose needs image files"]);
    fails(&dir, &format!("{line} --weights 0,0"), 2, &["--weights", "above 0"]);
    assert!(!dir.path().join("new.cygnet").exists());
}

#[test]
fn other_samples_than_those_of_the_training_are_noted_and_the_same_are_not() {
    let dir = workplace();
    for (seed, out) in [(1, "a"), (2, "b")] {
        succeeds(&dir, &format!("{TRAIN} --batch-norm --seed {seed} --quiet --out {out}"));
    }
    // The same samples elsewhere, compressed, and others under the old name.
    fs::create_dir_all(dir.path().join("packed")).unwrap();
    for entry in fs::read_dir(dir.path().join("data")).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let file = fs::File::create(dir.path().join("packed").join(name + ".gz")).unwrap();
        let mut packed = GzEncoder::new(file, Compression::best());
        packed.write_all(&fs::read(entry.path()).unwrap()).unwrap();
        packed.finish().unwrap();
    }
    write_data(&dir.path().join("elsewhere/data"), [90, 30], 6, 3);
    let path = dir.path().join("elsewhere/data/train-labels-idx1-ubyte");
    let mut labels = fs::read(&path).unwrap();
    labels[20] = (labels[20] + 1) % 3;
    fs::write(&path, labels).unwrap();
    let [a, b] = ["a/last.cygnet", "b/last.cygnet"];
    for line in dependent(a, b).iter().chain(&[format!("average {a} {b} --out new.cygnet")]) {
        let more = if line.contains("--out") { " --overwrite" } else { "" };
        // Of runs with different seeds.
        let seed = if line.starts_with("eval") || line.starts_with("plane") { "" } else { " --seed 1" };
        let line = format!("{line}{more}{seed}");
        let same = succeeds(&dir, &format!("{line} --data packed"));
        assert_eq!(succeeds(&dir, &format!("{line} --data ./elsewhere/../data/")), same);
        let Run { code, err, .. } = run(&dir, &format!("{line} --data elsewhere/data"));
        let note = |name: &str| {
            let data = "images `data` (90 of 6 x 6)";
            let differ = "these samples have the same name and shape but other values (check --transpose)";
            format!("note: {name} was trained on {data}; {differ}\n")
        };
        let notes = if line.starts_with("eval") { note(a) } else { note(a) + &note(b) };
        assert_eq!((code, err), (Some(0), notes), "{line}");
    }
    succeeds(&dir, "train --data packed --hidden 8 --epochs 2 --batch-norm --quiet --out p");
    let [mut packed, plain] = ["p/last.cygnet", a].map(|name| read(&dir, name).trained_on.unwrap());
    assert!(packed.is_same(&plain) && packed.name == "packed");
    packed.name = plain.name.clone();
    assert_eq!(packed, plain);
}

#[test]
fn a_model_remembers_its_data_through_every_command_and_nothing_of_where_they_were() {
    let dir = workplace();
    succeeds(&dir, &format!("{TRAIN} --batch-norm --quiet --out a"));
    write_data(&dir.path().join("deep/er/data"), [90, 30], 6, 3);
    succeeds(&dir, "train --data deep/er/data --hidden 8 --epochs 2 --batch-norm --quiet --out b");
    for file in ["last.cygnet", "last.safetensors", "average.cygnet", "average.safetensors"] {
        assert!(bytes(&dir, &format!("a/{file}")) == bytes(&dir, &format!("b/{file}")), "{file}");
    }
    let first = read(&dir, "a/last.cygnet").trained_on;
    assert!(first.as_ref().is_some_and(|data| data.kind == DataKind::Images && data.name == "data"));
    succeeds(&dir, "convert a/last.cygnet c.safetensors");
    assert_eq!(bytes(&dir, "c.safetensors"), bytes(&dir, "a/last.safetensors"));
    succeeds(&dir, "convert c.safetensors c.cygnet");
    assert_eq!(bytes(&dir, "c.cygnet"), bytes(&dir, "a/last.cygnet"));
    succeeds(&dir, "convert a/last.cygnet folded.safetensors --fold");
    succeeds(&dir, "average a/last.cygnet b/average.safetensors --data data --out mean.safetensors");
    for name in ["folded.safetensors", "mean.safetensors", "a/last.safetensors"] {
        assert_eq!(read(&dir, name).trained_on, first, "{name}");
        let info = succeeds(&dir, &format!("info {name}"));
        let digest = format!("digest {:016x}", first.as_ref().unwrap().digest);
        assert!(info.contains("trained on images `data` (90 of 6 x 6)") && info.contains(&digest), "{info}");
    }
    // Models of several data together have none in common.
    write_data(&dir.path().join("other"), [60, 30], 6, 3);
    succeeds(&dir, "train --data other --hidden 8 --epochs 2 --batch-norm --quiet --out o");
    for second in ["o/last.cygnet", "old.cygnet"] {
        forgetful(&dir, "a/last.cygnet", "old.cygnet");
        let line = format!("average a/last.cygnet {second} --data data --overwrite --out mean.cygnet");
        assert_eq!(run(&dir, &line).code, Some(0));
        assert_eq!(read(&dir, "mean.cygnet").trained_on, None);
    }
    assert!(succeeds(&dir, "info mean.cygnet").contains("does not record its training data"));
    // Replicas and their soup remember, too, and rows of a table.
    succeeds(&dir, &format!("{TRAIN} --replicas 2 --quiet --out r"));
    for name in ["replica-2", "average", "soup", "polynomial"] {
        assert_eq!(read(&dir, &format!("r/{name}.cygnet")).trained_on, first, "{name}");
    }
    table(&dir);
    let table = "train --data examples/pump.csv --label hours_left --regression --ignore time,state --missing mean";
    succeeds(&dir, &format!("{table} --epochs 1 --quiet --out t"));
    let data = read(&dir, "t/last.cygnet").trained_on.unwrap();
    assert_eq!((data.kind, data.samples, data.rows, data.columns), (DataKind::Table, 240, 1, 3));
    assert_eq!(data.name, "pump.csv");
    // The seed prepares rows differently, but they are the same.
    succeeds(&dir, &format!("{table} --epochs 1 --seed 9 --quiet --out u"));
    assert_eq!(read(&dir, "u/last.safetensors").trained_on, Some(data));
}
