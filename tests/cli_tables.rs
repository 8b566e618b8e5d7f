//! The command on tables as a user meets it: the guide's lines, models that carry how their inputs are made, numbers in their
//! units, and what is refused.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/cli.rs"]
mod cli;

use cli::{bytes, fails, succeeds};
use cygnet::host::evaluation::SavedModel;
use cygnet::metrics::argmax;
use cygnet::preprocess::Preprocess;
use cygnet::store::{load_params, load_spec};
use cygnet::{Workspace, predict};
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::process::Stdio;
use tempfile::TempDir;

/// The guide's table where the command runs.
fn workplace() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("examples")).unwrap();
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/pump.csv"), dir.path().join("examples/pump.csv")).unwrap();
    dir
}

const STATE: &str =
    "train --data examples/pump.csv --label state --ignore time,hours_left --hidden 8 --rate 0.01 --epochs 20 --quiet";
const HOURS: &str = "train --data examples/pump.csv --regression --ignore time,state --hidden 8 --epochs 40 --quiet";

/// The words of each line below a table's header.
fn cells(table: &str) -> Vec<Vec<String>> {
    let lines = table.lines().skip(2).map(|line| line.split_whitespace().map(str::to_owned).collect());
    lines.collect()
}

/// The commands in a page of the guide's tutorials.
fn commands(page: &str) -> Vec<String> {
    let pages = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/src/tutorials");
    let text = fs::read_to_string(format!("{pages}/{page}")).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().replace("\\\n", " "));
    let lines = blocks.flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>());
    let commands = lines.map(|line| line.split('#').next().unwrap().trim().to_owned());
    commands.filter_map(|line| line.strip_prefix("cygnet ").map(str::to_owned)).collect()
}

#[test]
fn the_commands_of_the_tutorial_on_tables_do_what_it_says() {
    let dir = workplace();
    let commands = commands("table.md");
    assert!(commands.len() >= 5, "{commands:?}");
    commands.iter().for_each(|command| drop(succeeds(&dir, command)));
}

#[test]
fn the_model_for_firmware_is_what_its_tutorial_trains() {
    let dir = workplace();
    let expected = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/pump.cygnet")).unwrap();
    commands("deploy.md").iter().for_each(|command| drop(succeeds(&dir, command)));
    assert_eq!(bytes(&dir, "pump/average.cygnet"), expected);
}

#[test]
fn a_model_carries_how_its_inputs_are_made() {
    let dir = workplace();
    succeeds(&dir, &format!("{STATE} --missing mean --clip-outliers 4 --out run"));
    let eval = |model: &str| succeeds(&dir, &format!("eval {model} --data examples/pump.csv --json"));
    let expected = eval("run/average.cygnet");
    let all: Value = serde_json::from_str(&expected).unwrap();
    assert!(all["test"]["accuracy"].as_f64().unwrap() > 0.85);
    assert_eq!((&all["test"]["samples"], &all["test"]["per_class"][1]["name"]), (&60.into(), &"ok".into()));
    assert_eq!(eval("run/average.safetensors"), expected);
    let page = fs::read_to_string(dir.path().join("run/report.html")).unwrap();
    assert!(page.contains("worn, area") && page.contains("leak"));
    succeeds(&dir, "convert run/average.safetensors again.cygnet");
    assert_eq!(bytes(&dir, "again.cygnet"), bytes(&dir, "run/average.cygnet"));
    succeeds(&dir, "convert run/average.cygnet again.safetensors");
    assert_eq!(bytes(&dir, "again.safetensors"), bytes(&dir, "run/average.safetensors"));
    let info = succeeds(&dir, "info run/average.cygnet");
    let on_disk = format!(" {} B on disk", bytes(&dir, "run/average.cygnet").len());
    assert!(
        info.contains(&on_disk) && info.contains("vibration") && info.contains("predicts state: leak, ok, worn"),
        "{info}"
    );

    // Columns are taken by name, and none that is predicted is needed.
    let table = fs::read_to_string(dir.path().join("examples/pump.csv")).unwrap();
    let moved = table.lines().map(|line| {
        let c: Vec<&str> = line.split(',').collect();
        format!("{};{};x;{}\n", c[3], c[1], c[2])
    });
    fs::write(dir.path().join("moved.csv"), moved.collect::<String>()).unwrap();
    let answers = succeeds(&dir, "predict run/average.cygnet examples/pump.csv");
    assert_eq!(succeeds(&dir, "predict run/average.cygnet moved.csv"), answers);
    assert_eq!(cells(&answers).len(), 300);

    // The core reads the same file and says the same.
    let file = bytes(&dir, "run/average.cygnet");
    let spec = load_spec(&file).unwrap();
    let (network, section) = file.split_at(spec.checkpoint_len());
    let (mut params, mut numbers) = (vec![0.0; spec.param_len()], vec![0.0; Preprocess::state_len(3)]);
    load_params(&spec, &file, &mut params).unwrap();
    let preprocess = Preprocess::load(3, section, &mut numbers).unwrap();
    let mut floats = vec![0.0; spec.predict_len(1)];
    let mut work = Workspace::for_prediction(&spec, 1, &mut floats).unwrap();
    for (line, answer) in table.lines().skip(1).zip(cells(&answers)) {
        let mut x: Vec<f32> = line.split(',').skip(1).take(3).map(|c| c.parse().unwrap_or(f32::NAN)).collect();
        preprocess.apply(&mut x).unwrap();
        let class = argmax(predict(&spec, &params, &x, &mut work).unwrap());
        assert_eq!(answer[1], ["leak", "ok", "worn"][usize::from(class)], "{line}");
    }

    // Damage anywhere shows.
    for at in (0..file.len()).step_by(3) {
        let mut damaged = file.clone();
        damaged[at] ^= 16;
        assert!(SavedModel::from_checkpoint(&damaged).is_err(), "byte {at}");
    }
    for end in
        [0, 1, 30, network.len() - 1, network.len(), network.len() + 1, network.len() + Preprocess::section_len(3)]
            .into_iter()
            .chain([network.len() + Preprocess::section_len(3) + 5, file.len() - 1])
    {
        let cut = SavedModel::from_checkpoint(&file[..end]);
        // Without names and without preprocessing it is whole, too.
        let is_whole = end == network.len() || end == network.len() + Preprocess::section_len(3);
        assert_eq!(cut.is_ok(), is_whole, "{end}");
    }
    assert!(SavedModel::from_checkpoint(&[&file[..], b"\0"].concat()).is_err());
}

#[test]
fn numbers_come_in_their_units() {
    let dir = workplace();
    succeeds(&dir, &format!("{HOURS} --rate 0.01 --missing mean --out run"));
    let json = succeeds(&dir, "eval run/average.cygnet --data examples/pump.csv --json");
    let all: Value = serde_json::from_str(&json).unwrap();
    let target = &all["targets"][0];
    assert_eq!(target["name"], "hours_left");
    assert!(target["test"]["r2"].as_f64().unwrap() > 0.9, "{json}");
    assert_eq!((&target["train"]["samples"], &target["validation"]["samples"]), (&216.into(), &24.into()));
    let table = succeeds(&dir, "eval run/average.cygnet --data examples/pump.csv");
    assert!(["RMSE", "MAE", "R²", "validation"].iter().all(|word| table.contains(word)), "{table}");

    // What is predicted for every row, against the table: the errors of all sets together.
    let csv = fs::read_to_string(dir.path().join("examples/pump.csv")).unwrap();
    let answers = succeeds(&dir, "predict run/average.safetensors examples/pump.csv");
    let squares = csv.lines().skip(1).zip(cells(&answers)).map(|(line, answer)| {
        let hours: f64 = line.rsplit(',').next().unwrap().parse().unwrap();
        (answer[1].parse::<f64>().unwrap() - hours).powi(2)
    });
    let figure = |set: &str, name: &str| target[set][name].as_f64().unwrap();
    let of_set = |set| figure(set, "samples") * figure(set, "rmse").powi(2);
    let expected: f64 = ["train", "validation", "test"].map(of_set).iter().sum();
    let sum: f64 = squares.sum();
    assert!((sum / expected - 1.0).abs() < 1e-4, "{sum} {expected}");

    // Two numbers at once, and those of the run in the table of averages.
    let both =
        "train --data examples/pump.csv --regression --label hours_left,vibration --ignore time,state --epochs 3";
    let report = succeeds(&dir, &format!("{both} --missing drop --out both"));
    assert!(
        report.contains("rows with missing values are ignored") && report.contains("standard deviation of each"),
        "{report}"
    );
    assert!(report.contains("test R²") && !report.contains("error, %") && !report.contains("100.00 %"), "{report}");
    let row = &cells(&succeeds(&dir, "eval both/last.cygnet --data examples/pump.csv --quiet"))[3];
    assert_eq!(row[0], "vibration");
    // A model that leaves such rows out does not answer for them, but for the others.
    let answers = cells(&succeeds(&dir, "predict both/last.cygnet examples/pump.csv"));
    let dashed: Vec<&Vec<String>> = answers.iter().filter(|answer| answer[1..] == ["–", "–"]).collect();
    assert_eq!((answers.len(), dashed.len(), dashed[0][0].as_str()), (300, 6, "42"));
    succeeds(&dir, &format!("{HOURS} --missing mean --replicas 2 --out replicas"));
    succeeds(&dir, "eval replicas/soup.cygnet --data examples/pump.csv");
}

#[test]
fn models_whose_inputs_are_made_differently_do_not_mix() {
    let dir = workplace();
    for (name, seed, validation) in [("a", 1, "0.1"), ("b", 2, "0.1"), ("c", 1, "0"), ("d", 2, "0")] {
        succeeds(&dir, &format!("{STATE} --missing mean --seed {seed} --validation {validation} --out {name}"));
    }
    let differ = ["b/last.cygnet", "a/last.cygnet", "have different preprocessing"];
    fails(&dir, "vote a/last.cygnet b/last.cygnet --data examples/pump.csv", 1, &differ);
    fails(&dir, "average a/last.cygnet b/last.cygnet --data examples/pump.csv", 1, &differ);
    fails(&dir, "plane a/last.cygnet b/last.cygnet --data examples/pump.csv", 1, &differ);
    succeeds(&dir, "vote c/last.cygnet d/last.cygnet --data examples/pump.csv --seed 1");
    succeeds(&dir, "average c/last.cygnet d/last.cygnet --data examples/pump.csv --seed 1 --out mean.cygnet");
    let others = STATE.replace("hours_left", "vibration");
    succeeds(&dir, &format!("{others} --missing mean --validation 0 --out others"));
    let differ = ["others/last.cygnet and c/last.cygnet were trained on different tables or columns"];
    fails(&dir, "average c/last.cygnet others/last.cygnet --data examples/pump.csv", 1, &differ);
    assert_eq!(SavedModel::read(&dir.path().join("mean.cygnet")).unwrap().preparation, {
        SavedModel::read(&dir.path().join("c/last.cygnet")).unwrap().preparation
    });
    succeeds(&dir, "plane c/last.cygnet d/last.cygnet --data examples/pump.csv --steps 3 --quiet");
}

/// What was said of a table in training holds wherever the model is used.
#[test]
fn a_model_knows_how_its_table_is_spelt() {
    let dir = workplace();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    let rows = |separator: &str| -> String {
        let row = |i: i32| [(i % 7).to_string(), (i % 5).to_string(), ["up", "off"][i as usize % 2].to_owned()];
        (0..60).map(|i| row(i).join(separator) + "\n").collect()
    };
    let test_rows = |model: &str, file: &str| {
        let all = succeeds(&dir, &format!("eval {model}/last.cygnet --data {file} --json"));
        let all: Value = serde_json::from_str(&all).unwrap();
        let samples = |set: &str| all[set]["samples"].as_u64().unwrap_or(0);
        samples("train") + samples("validation") + samples("test")
    };
    let train = |line: &str| succeeds(&dir, &format!("train {line} --hidden 2 --epochs 2"));

    // A first row that looks like a header, and is none.
    write("bare.csv", &("?,?,up\n".to_owned() + &rows(",")));
    write("test.csv", "?,?,up\n1,2,off\n2,1,up\n");
    train("--data bare.csv --header no --missing mean --out bare");
    assert_eq!(test_rows("bare", "bare.csv"), 61);
    assert_eq!(cells(&succeeds(&dir, "predict bare/last.cygnet test.csv")).len(), 3);
    let report = train("--data bare.csv --test test.csv --header no --missing mean --out tested");
    assert!(report.contains("3 for the test"), "{report}");

    // Names of digits.
    write("digits.csv", &("10,2,y\n".to_owned() + &rows(",")));
    train("--data digits.csv --header yes --out digits");
    assert_eq!(test_rows("digits", "digits.csv"), 60);
    write("inputs.csv", "2,10\n1,2\n");
    assert_eq!(cells(&succeeds(&dir, "predict digits/last.cygnet inputs.csv")).len(), 1);
    write("others.csv", "x,10,q\n1,2,3\n");
    fails(&dir, "predict digits/last.cygnet others.csv", 1, &["no column `2`; the columns are x, 10, q"]);

    fails(
        &dir,
        "train --data digits.csv",
        1,
        &["digits.csv: line 1, `10,2,y`: it is not clear whether this is a header; use --header yes or --header no"],
    );
    let head = train("--data digits.csv --header no --out guessed");
    assert!(
        head.contains("without a header, inputs 1, 2\n") && head.contains("3 classes of `3`: off, up, y"),
        "{head}"
    );
    write("still.csv", &("a,b,y\n".to_owned() + &"1,3,u\n2,3,v\n".repeat(20)));
    let head = train("--data still.csv --out still");
    assert!(head.contains("with a header, inputs a, b; constant: b\n"), "{head}");

    if cfg!(unix) {
        // A pipe, which can be read but once.
        let mut child = cli::command(dir.path(), "predict digits/last.cygnet /dev/stdin");
        let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"10,2,y\n1,2,up\n").unwrap();
        let answers = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        assert_eq!(cells(&answers).len(), 1, "{answers}");
    }

    write("bars.csv", &("a|b|y\n".to_owned() + &rows("|")));
    train("--data bars.csv --separator | --out bars");
    assert_eq!(test_rows("bars", "bars.csv"), 60);
    assert_eq!(cells(&succeeds(&dir, "predict bars/last.safetensors bars.csv")).len(), 60);
}

#[test]
fn what_does_not_go_together_is_refused_before_anything_runs() {
    let dir = workplace();
    let data = "--data examples/pump.csv";
    for (line, code, words) in [
        ("train --label state".to_owned(), 2, &["--label", "need a CSV file as --data"][..]),
        ("train --test examples/pump.csv".to_owned(), 2, &["--test needs a CSV file"]),
        ("train --data none.csv --label y".to_owned(), 1, &["none.csv: cannot read"]),
        (format!("train {data} --ignore time,state --missing 0"), 1, &["column `hours_left`", "--regression"]),
        (format!("train {data} --label color"), 1, &["no column `color`; the columns are time, temperature"]),
        (format!("train {data} --label state --categorical color"), 1, &["no column `color`"]),
        (
            format!("{STATE} --missing error --out run"),
            1,
            &["line 13, column `vibration`", "--missing mean, drop or a number"],
        ),
        (format!("{STATE} --missing median"), 2, &["`median` is not mean, drop, error or a number"]),
        (format!("{STATE} --max-levels 0"), 2, &["--max-levels"]),
        ("train --describe".to_owned(), 2, &["--describe", "need a CSV file as --data"]),
        (format!("{STATE} --clip-outliers 0"), 2, &["not range or a number above 0"]),
        (format!("{STATE} --separator xy"), 2, &["is not a separator"]),
        (format!("{STATE} --test-share 1"), 2, &["test-share 1.0 is out of range"]),
        (
            format!("{STATE} --test-share 0.3 --test examples/pump.csv"),
            2,
            &["'--test-share <SHARE>' cannot be used with '--test <FILE>'"],
        ),
        (format!("{STATE} --missing mean --augment"), 2, &["--augment needs images"]),
        (format!("{HOURS} --missing mean --loss cross-entropy"), 2, &["--regression", "mse, huber"]),
        (format!("{HOURS} --missing mean --average swag"), 2, &["swag needs the loss cross-entropy"]),
        (format!("{HOURS} --missing mean --dropout 1"), 2, &["dropout"]),
    ] {
        fails(&dir, &line, code, words);
    }
    assert!(!dir.path().join("run").exists());
    succeeds(&dir, &format!("{STATE} --missing 0 --out run"));
    fs::rename(dir.path().join("run/run.json"), dir.path().join("away.json")).unwrap();
    fails(&dir, "eval run/last.cygnet", 2, &["run/last.cygnet", "table `pump.csv`", "--data"]);
    fs::rename(dir.path().join("away.json"), dir.path().join("run/run.json")).unwrap();
    fs::write(dir.path().join("few.csv"), "temperature,pressure\n1,2\n").unwrap();
    fails(
        &dir,
        "predict run/last.cygnet few.csv",
        1,
        &["few.csv: there is no column `vibration`; the columns are temperature, pressure"],
    );
    if cfg!(unix) {
        // A device without end is not read for ever.
        fails(&dir, "train --data /dev/zero", 1, &["/dev/zero: expected a table as text"]);
    }
    fs::write(dir.path().join("bare.csv"), "60,101,0.04\n58,,0.02\n").unwrap();
    assert_eq!(cells(&succeeds(&dir, "predict run/last.cygnet bare.csv")).len(), 2);
    succeeds(&dir, "train --hidden 2 --epochs 1 --validation 0.9 --quiet --out images");
    let takes_images = ["this model takes images of 28×28; examples/pump.csv is a table"];
    fails(&dir, "eval images/last.cygnet --data examples/pump.csv", 1, &takes_images);
    fails(&dir, "predict images/last.cygnet examples/pump.csv", 1, &takes_images);
    let takes_rows = "this model takes rows of a table with the columns temperature, pressure, vibration; ";
    fs::write(dir.path().join("a.jpg"), b"\xff\xd8\xff\xe0").unwrap();
    fails(&dir, "predict run/last.cygnet a.jpg", 1, &[takes_rows, "a.jpg is a JPEG picture"]);
    fails(&dir, "predict run/last.cygnet examples", 1, &[takes_rows, "examples is a directory"]);
    fails(&dir, "eval run/last.cygnet --data examples", 1, &[takes_rows, "examples is a directory: give a CSV file"]);
    fails(&dir, "train --data a.jpg", 1, &["a.jpg: expected a table as text, found a JPEG picture"]);
    if cfg!(unix) {
        let no_directory = "Not a directory";
        fails(&dir, "train --data examples/pump.csv/x.csv", 1, &["pump.csv/x.csv: cannot read: ", no_directory]);
        fails(&dir, &format!("{STATE} --out examples/pump.csv/run"), 1, &["pump.csv/run: ", no_directory]);
    }
}

#[test]
fn a_class_that_is_not_learned_is_named_on_standard_error() {
    let dir = workplace();
    // The classes are 0, 1 and 2, and 1 is that of no row.
    fs::write(dir.path().join("gap.csv"), "x,y\n".to_owned() + &"1,0\n2,2\n".repeat(20)).unwrap();
    let train = |more: &str| cli::run(&dir, &format!("train --data gap.csv --hidden 2 --epochs 2 --quiet {more}"));
    let warning =
        |seed| format!("warning: no training sample of class `1` with --seed {seed}: the model cannot learn it\n");
    assert_eq!(train("--seeds 2 --out seeds").err, warning(1) + &warning(2));
    assert_eq!(train("--replicas 2 --seed 7 --out replicas").err, warning(7));
}

/// From a file with words and gaps to predictions in three commands; every command reads the model as it was trained.
#[test]
fn words_and_gaps_are_used_by_every_command() {
    let dir = workplace();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    let row = |i: usize| {
        let (class, sex) = (["1st", "2nd", "3rd"][i % 3], ["woman", "man"][i / 3 % 2]);
        let age = if i.is_multiple_of(4) { String::new() } else { (20 + i % 50).to_string() };
        format!("{class},{sex},{age},{}\n", if sex == "woman" { "yes" } else { "no" })
    };
    write("people.csv", &("class,sex,age,survived\n".to_owned() + &(0..120).map(row).collect::<String>()));
    let before = cli::files(&dir, "");
    let described = succeeds(&dir, "train --data people.csv --label survived --describe");
    let expected = ["3: 1st, 2nd, 3rd", "man, woman", "20 to 69", "30", "3 inputs", "predicted"];
    assert!(expected.iter().all(|word| described.contains(word)), "{described}");
    assert_eq!(cli::files(&dir, ""), before, "--describe writes nothing");
    let head = succeeds(&dir, "train --data people.csv --label survived --hidden 8 --epochs 60 --rate 0.01 --out run");
    assert!(head.contains("Table: with a header, inputs class (3 inputs), sex, age (2 inputs)\n"), "{head}");
    assert!(head.contains("one more input marks them") && head.contains("`age` (30)"), "{head}");
    // Without the column that is predicted, with words that training did not have, with gaps, and without a header.
    write("new.csv", "class,sex,age\n1st,woman,30\n4th,man,\n,man,40\n,,\n");
    let answers = cells(&succeeds(&dir, "predict run/average.cygnet new.csv"));
    assert_eq!(answers[..3].iter().map(|answer| answer[1].as_str()).collect::<Vec<_>>(), ["yes", "no", "no"]);
    write("bare.csv", "1st,woman,30\n4th,man,\n");
    let bare = cells(&succeeds(&dir, "predict run/average.safetensors bare.csv"));
    assert_eq!(
        bare.iter().map(|row| &row[1..]).collect::<Vec<_>>(),
        answers[..2].iter().map(|row| &row[1..]).collect::<Vec<_>>()
    );
    fails(&dir, "predict run/average.cygnet people.csv/x", 1, &["people.csv/x"]);

    let models = "run/last.cygnet run/average.cygnet --data people.csv";
    let eval = |model: &str| succeeds(&dir, &format!("eval {model} --data people.csv"));
    assert_eq!(eval("run/average.safetensors"), eval("run/average.cygnet"));
    succeeds(&dir, &format!("vote {models}"));
    succeeds(&dir, &format!("average {models} --out mean.cygnet"));
    succeeds(&dir, &format!("plane {models} --steps 2 --quiet"));
    succeeds(&dir, "convert mean.cygnet mean.safetensors");
    succeeds(&dir, "convert mean.safetensors again.cygnet");
    assert_eq!(bytes(&dir, "again.cygnet"), bytes(&dir, "mean.cygnet"));
    let info = succeeds(&dir, "info mean.cygnet");
    assert!(
        ["class is 3rd", "age is missing", "words of sex: man, woman"].iter().all(|part| info.contains(part)),
        "{info}"
    );
}
