//! How `train` chooses its budget and its start as a user meets it: early stopping, folds, fine-tuning, familiar names.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/cli.rs"]
mod cli;

use cli::{bytes, fails, run, succeeds};
use serde_json::Value;
use std::fs;
use tempfile::TempDir;

/// Where `data.csv` has 120 rows: two inputs, a class that they tell, and a number.
fn workplace() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let row = |i: u32| {
        let (x, y) = (f64::from(i % 11) - 5.0, f64::from(i % 7) - 3.0);
        format!("{x},{y},{},{}\n", if x + y > 0.0 { "up" } else { "down" }, 100.0 + 3.0 * x - y)
    };
    let rows: String = (0..120).map(row).collect();
    fs::write(dir.path().join("data.csv"), "x,y,class,number\n".to_owned() + &rows).unwrap();
    dir
}

const CLASS: &str = "train --data data.csv --label class --ignore number --hidden 4 --quiet";
const NUMBER: &str = "train --data data.csv --label number --regression --ignore class --hidden 4 --quiet";

fn history(dir: &TempDir, run: &str) -> Vec<Value> {
    let lines = String::from_utf8(bytes(dir, &format!("{run}/history.jsonl"))).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn early_stopping_is_said_and_can_be_turned_off() {
    let dir = workplace();
    let said = succeeds(&dir, &format!("{CLASS} --rate 0.1 --patience 4 --out early"));
    let epochs = history(&dir, "early");
    let best = epochs.iter().rposition(|epoch| epoch["is_best"] == true).unwrap() + 1;
    assert_eq!(epochs.len(), best + 4);
    assert!(
        said.contains(&format!("Early stopping: the models are those of epoch {best} of {}", epochs.len())),
        "{said}"
    );
    assert!(said.contains(&format!("--validation 0 --epochs {best}")), "{said}");
    // The way out that it names.
    let whole = succeeds(&dir, &format!("{CLASS} --validation 0 --epochs 6 --out whole"));
    assert!(history(&dir, "whole").len() == 6 && !whole.contains("Early stopping"), "{whole}");
    // A mean that begins late needs the whole run.
    succeeds(&dir, &format!("{CLASS} --rate 0.1 --epochs 60 --average swa --out late"));
    assert_eq!(history(&dir, "late").len(), 60);
    fails(&dir, &format!("{CLASS} --patience 3 --validation 0"), 2, &["patience needs validation samples"]);
    fails(&dir, &format!("{CLASS} --patience 3 --average swag"), 2, &["patience cannot be combined with swag"]);
}

#[test]
fn a_long_run_has_a_line_for_every_nth_epoch() {
    let dir = workplace();
    let loud = CLASS.replace(" --quiet", "");
    let lines = |more: &str| {
        let said = succeeds(&dir, &format!("{loud} {more}"));
        let numbers = said.lines().filter_map(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        numbers.collect::<Vec<_>>()
    };
    assert_eq!(lines("--epochs 60")[..4], [1, 3, 6, 9]);
    assert_eq!(lines("--epochs 10 --log-every 4"), [1, 4, 8]);
    assert_eq!(lines("--epochs 10"), (1..=10).collect::<Vec<_>>());
}

#[test]
fn familiar_names_of_settings_are_the_same_settings() {
    let dir = workplace();
    succeeds(&dir, &format!("{CLASS} --rate 0.01 --batch 16 --weight-decay 0.1 --epochs 3 --out own"));
    let theirs = CLASS.replace("--hidden", "--hidden-layers");
    succeeds(&dir, &format!("{theirs} --lr 0.01 --batch-size 16 --wd 0.1 --epochs 3 --out theirs"));
    assert_eq!(bytes(&dir, "own/last.cygnet"), bytes(&dir, "theirs/last.cygnet"));
}

#[test]
fn cross_validation_has_a_row_for_each_fold_and_saves_nothing() {
    let dir = workplace();
    for train in [CLASS, NUMBER] {
        let said = succeeds(&dir, &format!("{train} --epochs 4 --folds 4"));
        let first = |line: &str| line.split_whitespace().next().unwrap_or("").to_owned();
        let rows: Vec<String> = said.lines().map(first).filter(|word| word.parse::<u32>().is_ok()).collect();
        assert!(rows == ["1", "2", "3", "4"] && said.contains("mean ± sd"), "{said}");
        assert_eq!(said, succeeds(&dir, &format!("{train} --epochs 4 --folds 4")));
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    fails(&dir, &format!("{CLASS} --folds 1"), 2, &["1 folds of 120 rows are not possible"]);
    fails(&dir, &format!("{CLASS} --folds 3 --out run"), 2, &["--folds", "--out"]);
    fails(&dir, "train --folds 3", 2, &["--folds needs a CSV file as --data"]);
}

/// A class of one row has no training row in the fold that tests it.
#[test]
fn a_class_that_a_fold_cannot_learn_is_named() {
    let dir = workplace();
    let rows = fs::read_to_string(dir.path().join("data.csv")).unwrap() + "1,1,rare,7\n";
    fs::write(dir.path().join("data.csv"), rows).unwrap();
    let told = run(&dir, &format!("{CLASS} --epochs 1 --folds 3")).err;
    assert!(told.lines().count() == 1 && told.contains("no training sample of `rare` in fold "), "{told}");
}

/// The test rows of a run are those of its evaluation, also where the file is named once more; a share that would count training
/// rows as test rows is refused.
#[test]
fn an_evaluation_has_the_test_rows_of_its_run() {
    let dir = workplace();
    fs::copy(dir.path().join("data.csv"), dir.path().join("test.csv")).unwrap();
    for (of_run, wrong) in [("--test-share 0.5", "--test-share 0.7"), ("--test test.csv", "--test-share 0.2")] {
        succeeds(&dir, &format!("{CLASS} --epochs 2 {of_run} --out run --overwrite"));
        let known = succeeds(&dir, "eval run/last.cygnet --json");
        assert_eq!(succeeds(&dir, "eval run/last.cygnet --data data.csv --json"), known);
        assert_eq!(succeeds(&dir, &format!("eval run/last.cygnet --data data.csv {of_run} --json")), known);
        for data in ["", "--data data.csv"] {
            let words = [wrong, "count training samples as test samples", of_run.split(' ').next().unwrap()];
            fails(&dir, &format!("eval run/last.cygnet {data} {wrong}"), 2, &words);
        }
    }
}

/// Paths are bytes, and `run.json` is text.
#[cfg(target_os = "linux")]
#[test]
fn a_run_on_a_file_whose_name_is_no_text_is_saved() {
    use std::os::unix::ffi::OsStrExt;
    let dir = workplace();
    let name = std::ffi::OsStr::from_bytes(b"a\xffb.csv");
    fs::rename(dir.path().join("data.csv"), dir.path().join(name)).unwrap();
    let line = "train --label class --ignore number --hidden 4 --quiet --epochs 1 --out run --data";
    assert!(cli::command(dir.path(), line).arg(name).output().unwrap().status.success());
    let record: Value = serde_json::from_slice(&bytes(&dir, "run/run.json")).unwrap();
    assert!(record["run"]["command"].as_str().unwrap().ends_with(".csv'"), "{record}");
    fails(&dir, "eval run/last.cygnet", 2, &["which is not there: give --data"]);
}

/// A model that does not move predicts as the one that it starts from, with its columns, in its units.
#[test]
fn a_run_from_a_model_takes_its_network_columns_and_preparation() {
    let dir = workplace();
    let still = "--rate 0 --weight-decay 0 --epochs 1 --validation 0.3 --seed 5 --quiet --data data.csv";
    for (train, out) in [(CLASS, "class"), (NUMBER, "number")] {
        succeeds(&dir, &format!("{train} --epochs 20 --out {out}"));
        succeeds(&dir, &format!("train --from {out}/last.cygnet {still} --out {out}-2"));
        let predict = |run: &str| {
            let said = succeeds(&dir, &format!("predict {run}/last.cygnet data.csv"));
            said.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        // Numbers are rounded twice on their way into the units of training and back.
        let is_same = |(a, b): (&String, &String)| match [a, b].map(|word| word.parse::<f64>()) {
            [Ok(a), Ok(b)] => (a - b).abs() <= 1e-5 * a.abs(),
            _ => a == b,
        };
        let [first, second] = [predict(out), predict(&format!("{out}-2"))];
        assert!(first.len() == second.len() && first.iter().zip(&second).all(is_same), "{second:?}");
    }
    succeeds(&dir, "train --from class/last.cygnet --rate 0.01 --epochs 2 --quiet --data data.csv --out moved");
    assert_ne!(bytes(&dir, "class/last.cygnet"), bytes(&dir, "moved/last.cygnet"));
    fails(&dir, &format!("{CLASS} --from class/last.cygnet"), 2, &["--from", "cannot be used with"]);
    fails(&dir, "train --from class/last.cygnet --label class --data data.csv", 2, &["cannot be used with"]);
    fails(&dir, "train --from class/last.cygnet", 1, &["takes rows of a table"]);
    fails(&dir, "train --from none.cygnet --data data.csv", 1, &["none.cygnet"]);
}

/// A head that learned elsewhere, on a chip, comes back into the model; and the desktop trains one by itself.
#[test]
fn a_head_learns_on_frozen_layers_and_is_joined_with_them() {
    use cygnet::store::{checksum, load, load_header, save_head};
    let dir = workplace();
    succeeds(&dir, &format!("{CLASS} --epochs 3 --out base"));
    succeeds(
        &dir,
        "train --from base/last.cygnet --freeze 1 --epochs 3 --quiet --data data.csv --out tuned --posthoc 2",
    );
    let read = |run: &str| {
        let bytes = bytes(&dir, &format!("{run}/last.cygnet"));
        let mut params = vec![0.0; load_header(&bytes).unwrap().param_len()];
        (load(&bytes, &mut params).unwrap(), params)
    };
    let ((net, base), (_, tuned)) = (read("base"), read("tuned"));
    let (body, head) = (net.first(1), net.after(1));
    assert!(base[..body.param_len()] == tuned[..body.param_len()] && base != tuned);
    let mut bytes = vec![0; head.checkpoint_len()];
    let sum = checksum(&body, &tuned[..body.param_len()]).unwrap();
    save_head(&head, &tuned[body.param_len()..], sum, &mut bytes).unwrap();
    fs::write(dir.path().join("head.cygnet"), &bytes).unwrap();
    let said = succeeds(&dir, "info head.cygnet");
    assert!(said.contains("dense 2") && said.contains(&format!("{sum:08x}")), "{said}");
    succeeds(&dir, "convert base/last.cygnet joined.cygnet --head head.cygnet");
    assert_eq!(self::bytes(&dir, "joined.cygnet"), self::bytes(&dir, "tuned/last.cygnet"));
    // Its layers may be others; the names of the classes are two.
    let wider = cygnet::Spec::new(1).dense(4, cygnet::Activation::Relu).dense(3, cygnet::Activation::Identity).after(1);
    let mut bytes = vec![0; wider.checkpoint_len()];
    save_head(&wider, &vec![0.5; wider.param_len()], sum, &mut bytes).unwrap();
    fs::write(dir.path().join("wider.cygnet"), &bytes).unwrap();
    fails(&dir, "convert base/last.cygnet wider.safetensors --head wider.cygnet", 1, &["does not fit the network"]);
    succeeds(&dir, &format!("{CLASS} --epochs 3 --seed 2 --out other"));
    let convert = "convert other/last.cygnet wrong.cygnet --head";
    fails(&dir, &format!("{convert} head.cygnet"), 1, &["head.cygnet", "another body"]);
    fails(&dir, &format!("{convert} base/last.cygnet"), 1, &["a whole network, not a head"]);
    fails(&dir, "predict head.cygnet data.csv", 1, &["its body is needed"]);
    let from = "train --from base/last.cygnet --data data.csv --quiet --out none --freeze";
    fails(&dir, &format!("{from} 2"), 2, &["--freeze 2 leaves no layer", "it has 2"]);
    fails(&dir, &format!("{CLASS} --freeze 1"), 2, &["--from"]);
}

/// Rows of 9e14 without scaling, and large weights, have gradients that are not finite. What becomes of such an update is what was asked for,
/// and is told at the first one, in the end, in the history and in the settings.
#[test]
fn an_update_that_is_not_finite_ends_the_run_or_is_dropped_and_told() {
    let dir = workplace();
    let good = fs::read_to_string(dir.path().join("data.csv")).unwrap();
    fs::write(dir.path().join("bad.csv"), good + &"9e14,-9e14,up,0\n".repeat(3)).unwrap();
    let train = NUMBER.replace("data.csv", "bad.csv")
        + " --scale none --init 1e4 --loss huber --batch 16 --epochs 5 --rate 0.01 --patience 5";
    fails(&dir, &format!("{train} --out stop"), 1, &["gradient is not finite (layer 2) after ", "it was 0.01"]);
    let last = |run: &str, of: &str| history(&dir, run).last().unwrap()[of].as_f64().unwrap();
    let settings = |run: &str| serde_json::from_slice::<Value>(&bytes(&dir, &format!("{run}/run.json"))).unwrap();
    for (name, replicas) in [("skip", ""), ("halve-rate", ""), ("halve-rate", "--replicas 2 --threads 2")] {
        let done = run(&dir, &format!("{train} --on-divergence {name} {replicas} --out {name} --overwrite"));
        assert_eq!(done.code, Some(0), "{}", done.err);
        let lines: Vec<&str> = done.err.lines().collect();
        let dropped = last(name, "dropped");
        let first =
            format!("warning: an update was dropped (--on-divergence {name}): gradient is not finite (layer 2) after ");
        assert!(lines.len() == 2 && lines[0].starts_with(&first), "{}", done.err);
        assert!(lines[1].starts_with(&format!("warning: {dropped} updates were dropped because")), "{}", done.err);
        assert_eq!(settings(name)["run"]["dropped"].as_f64(), Some(dropped));
        let page = String::from_utf8(bytes(&dir, &format!("{name}/report.html"))).unwrap();
        assert!(page.contains(&format!("{dropped} updates were dropped because they were not finite.")));
        assert!(dropped >= 5.0 && last(name, "train_loss").is_finite());
        if replicas.is_empty() {
            let halvings = if name == "skip" { 0 } else { dropped as i32 };
            assert_eq!(last(name, "rate") as f32, 0.01 * 0.5_f32.powi(halvings));
            assert_eq!(lines[1].contains(&format!("is 1/{} of the schedule's", 1_u64 << halvings)), halvings > 0);
        }
        let told = settings(name)["run"]["settings"]["updates that are not finite"].to_string();
        assert!(told.starts_with("\"are dropped"), "{told}");
    }
    assert!(settings("skip")["run"]["settings"].get("gradient clipping").is_none());
}

/// Where every number is finite, the setting changes nothing. A dropped update is the same one whether its batch passes at
/// once or in parts, and threads change no bit. Where nothing but such updates is left, the run ends as it does by default.
#[test]
fn dropping_changes_no_other_bit_and_has_an_end() {
    let dir = workplace();
    let last = |line: &str, file: &str| {
        let done = run(&dir, &format!("{line} --epochs 3 --out run --overwrite"));
        assert_eq!(done.code, Some(0), "{}", done.err);
        (bytes(&dir, &format!("run/{file}")), done.err)
    };
    let usual = last(CLASS, "last.cygnet");
    for name in ["skip", "halve-rate"] {
        assert_eq!(last(&format!("{CLASS} --on-divergence {name}"), "last.cygnet"), usual);
    }
    let good = fs::read_to_string(dir.path().join("data.csv")).unwrap();
    fs::write(dir.path().join("bad.csv"), good + &"9e14,-9e14,up,0\n".repeat(3)).unwrap();
    let bad = NUMBER.replace("data.csv", "bad.csv")
        + " --scale none --init 1e4 --loss huber --batch 16 --rate 0.01 --on-divergence";
    for name in ["skip", "halve-rate"] {
        let whole = last(&format!("{bad} {name}"), "last.cygnet");
        assert!(!whole.1.is_empty());
        for parts in ["--micro-batch 3", "--clip 1e9", "--clip 1e9 --micro-batch 16"] {
            assert_eq!(last(&format!("{bad} {name} {parts}"), "last.cygnet"), whole, "{parts}");
        }
        let replicas = |threads| last(&format!("{bad} {name} --replicas 3 --threads {threads}"), "replica-3.cygnet").0;
        assert_eq!(replicas(1), replicas(2));
    }
    let all: String = (0..60).map(|i| format!("{}e13,9e14,{i}\n", i + 1)).collect();
    fs::write(dir.path().join("all.csv"), "x,y,number\n".to_owned() + &all).unwrap();
    for name in ["skip", "halve-rate"] {
        let line = format!(
            "train --data all.csv --label number --regression --hidden 4 --scale none --init 1e4 --loss huber --quiet --on-divergence {name}"
        );
        let ended = run(&dir, &line);
        assert!(ended.code == Some(1) && ended.out.is_empty(), "{}", ended.err);
        let lines: Vec<&str> = ended.err.lines().collect();
        assert!(lines.len() == 3 && lines[2].starts_with("error: gradient is not finite (layer 2)"), "{}", ended.err);
    }
}
