//! Weights and losses of the command on tables: rows and classes that count more, smoothed labels, quantiles, means with their
//! standard deviation, several labels.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/cli.rs"]
mod cli;
mod common;

use cli::{bytes, fails, succeeds};
use common::numbers;
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const ROWS: usize = 400;
const QUICK: &str = "--hidden 8 --rate 0.01 --quiet --epochs";

/// A table of noise and columns that follow from it: `w` is 1, `u` grows, one row in 20 is `rare`, `a` and `b` are labels, `t` is
/// `100·x` with a noise of `10·|n|` that is known by `n`.
fn workplace() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut text = "x,n,w,u,class,a,b,t\n".to_owned();
    for (i, row) in numbers(4 * ROWS, 7).chunks(4).enumerate() {
        let &[x, n, e, f] = row else { panic!() };
        let is_rare = i % 20 == 0;
        let shifted = if is_rare { x + 1.0 } else { x };
        let class = if is_rare { "rare" } else { "often" };
        let noise = 10.0 * (1.0 + n) * 1.7 * e;
        let (a, b) = (u8::from(x > 0.0), u8::from(n + 0.2 * f > 0.0));
        text += &format!("{shifted},{n},1,{},{class},{a},{b},{}\n", 1 + i % 3, 100.0 * shifted + noise);
    }
    fs::write(dir.path().join("rows.csv"), text).unwrap();
    dir
}

/// The evaluation of a model on the rows.
fn evaluated(dir: &TempDir, model: &str) -> Value {
    serde_json::from_str(&succeeds(dir, &format!("eval {model} --data rows.csv --json"))).unwrap()
}

/// The predictions of each row, by column.
fn predictions(dir: &TempDir, model: &str) -> (Vec<String>, Vec<Vec<f32>>) {
    let text = succeeds(dir, &format!("predict {model} rows.csv --format csv"));
    let mut lines = text.lines().map(|line| line.split(',').skip(1).map(str::to_owned).collect::<Vec<_>>());
    let names = lines.next().unwrap();
    (names, lines.map(|line| line.iter().map(|cell| cell.parse().unwrap()).collect()).collect())
}

/// A column of the file.
fn column(dir: &TempDir, name: &str) -> Vec<f32> {
    let text = fs::read_to_string(dir.path().join("rows.csv")).unwrap();
    let at = text.lines().next().unwrap().split(',').position(|column| column == name).unwrap();
    text.lines().skip(1).map(|line| line.split(',').nth(at).unwrap().parse().unwrap()).collect()
}

#[test]
fn weights_of_one_train_the_model_of_no_weights() {
    let dir = workplace();
    let train = format!("train --data rows.csv --label class {QUICK} 60 --ignore");
    succeeds(&dir, &format!("{train} u,a,b,t,w --out none"));
    succeeds(&dir, &format!("{train} u,a,b,t --weight-column w --out ones"));
    succeeds(&dir, &format!("{train} w,a,b,t --weight-column u --out others"));
    succeeds(&dir, &format!("{train} u,a,b,t,w --label-smoothing 0.1 --out smoothed"));
    let of = |run: &str| bytes(&dir, &format!("{run}/average.cygnet"));
    assert!(of("none") == of("ones"), "the column is no input, and weighs nothing");
    assert!(of("none") != of("others") && of("none") != of("smoothed"));
}

#[test]
fn balanced_classes_are_found_more_often() {
    let dir = workplace();
    let train = format!("train --data rows.csv --label class {QUICK} 60 --ignore u,a,b,t,w --out");
    succeeds(&dir, &format!("{train} none"));
    succeeds(&dir, &format!("{train} balanced --class-weight balanced"));
    let recall = |run: &str| {
        let found = evaluated(&dir, &format!("{run}/average.cygnet"));
        let of = |class: &Value| (class["name"] == "rare").then(|| class["recall"].as_f64().unwrap());
        found["train"]["per_class"].as_array().unwrap().iter().find_map(of).unwrap()
    };
    assert!(recall("balanced") > recall("none") + 0.2, "{} {}", recall("balanced"), recall("none"));
    let run: Value = serde_json::from_slice(&bytes(&dir, "balanced/run.json")).unwrap();
    assert!(run.to_string().contains("balanced"), "{run}");
}

#[test]
fn a_mean_comes_with_its_standard_deviation() {
    let dir = workplace();
    let train = format!("train --data rows.csv --regression --label t {QUICK} 200 --ignore u,a,b,w,class");
    succeeds(&dir, &format!("{train} --loss gaussian-nll --validation 0 --weight-decay 0 --out run"));
    let (names, rows) = predictions(&dir, "run/average.cygnet");
    assert_eq!(names, ["t", "sd of t"]);
    let (n, t) = (column(&dir, "n"), column(&dir, "t"));
    // The noise is 10·(1 + n)·1.7·e with a uniform `e`, whose standard deviation is 4.9 below `n = 0` and 14.7 above.
    let mean = |is_large: bool, of: &dyn Fn(usize) -> f32| {
        let picked: Vec<f32> = (0..ROWS).filter(|&i| (n[i] > 0.0) == is_large).map(of).collect();
        picked.iter().sum::<f32>() / picked.len() as f32
    };
    let [narrow, wide] = [false, true].map(|is_large| mean(is_large, &|i| rows[i][1]));
    assert!((2.0..9.5).contains(&narrow) && (10.0..20.0).contains(&wide), "{narrow} {wide}");
    // In the units of the column, as the figures are, which are those of the mean.
    let rmse = (0..ROWS).map(|i| (rows[i][0] - t[i]).powi(2)).sum::<f32>() / ROWS as f32;
    assert!(rmse.sqrt() < 20.0, "{}", rmse.sqrt());
    let found = evaluated(&dir, "run/average.cygnet");
    let told = found["targets"][0]["train"]["rmse"].as_f64().unwrap();
    assert!((5.0..20.0).contains(&told), "{told}");
    // Trained further it is still a model of both.
    succeeds(&dir, "train --data rows.csv --from run/average.cygnet --epochs 1 --quiet --out more");
    let (_, again) = predictions(&dir, "more/average.cygnet");
    assert!((again[0][0] - rows[0][0]).abs() < 20.0 && (0.5..2.0).contains(&(again[0][1] / rows[0][1])));
}

#[test]
fn a_quantile_has_its_share_of_the_rows_below_it() {
    let dir = workplace();
    let train = format!("train --data rows.csv --regression --label t {QUICK} 200 --ignore u,a,b,w,class");
    let share_below = |loss: &str, out: &str| {
        succeeds(&dir, &format!("{train} --loss {loss} --out {out}"));
        let rows = predictions(&dir, &format!("{out}/average.cygnet")).1;
        let below = rows.iter().zip(column(&dir, "t")).filter(|(row, t)| *t <= row[0]).count();
        below as f32 / ROWS as f32
    };
    let [low, middle, high] =
        [("pinball:0.1", "a"), ("pinball", "b"), ("pinball:0.9", "c")].map(|(loss, out)| share_below(loss, out));
    assert!(
        (low - 0.1).abs() < 0.08 && (middle - 0.5).abs() < 0.12 && (high - 0.9).abs() < 0.08,
        "{low} {middle} {high}"
    );
}

#[test]
fn several_labels_have_a_probability_each() {
    let dir = workplace();
    let train = format!("train --data rows.csv --label a,b --loss bce {QUICK} 60 --ignore u,w,class,t");
    succeeds(&dir, &format!("{train} --out run"));
    let (names, rows) = predictions(&dir, "run/average.cygnet");
    assert_eq!(names, ["a", "b"]);
    for (k, name) in ["a", "b"].iter().enumerate() {
        let right = rows.iter().zip(column(&dir, name)).filter(|(row, t)| (row[k] > 0.5) == (*t > 0.5)).count();
        assert!(rows.iter().all(|row| (0.0..=1.0).contains(&row[k])) && right * 10 > ROWS * 8, "{name}: {right}");
    }
    let found = evaluated(&dir, "run/average.cygnet");
    assert_eq!(found["targets"].as_array().unwrap().len(), 2);
    succeeds(&dir, "train --data rows.csv --from run/average.cygnet --epochs 1 --quiet --out more");
    fails(
        &dir,
        "train --data rows.csv --label a,u --loss bce --ignore t",
        1,
        &["line 3, column `u`", "0 or 1, found 2"],
    );
}

/// Replaces the first row's cell of a column.
fn spoil(dir: &Path, to: &str) {
    let text = fs::read_to_string(dir.join("rows.csv")).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut cells: Vec<&str> = lines[1].split(',').collect();
    cells[2] = to;
    lines[1] = cells.join(",");
    fs::write(dir.join("rows.csv"), lines.join("\n")).unwrap();
}

#[test]
fn what_cannot_be_weighed_is_refused_with_its_reason() {
    let dir = workplace();
    let table = "train --data rows.csv --quiet --label";
    for (line, code, words) in [
        ("class --weight-column v", 1, &["no column `v`"][..]),
        ("class --weight-column class", 1, &["both predicted and a weight"]),
        ("class --label-smoothing 1", 2, &["label-smoothing 1", "below 1"]),
        ("class --label-smoothing 0.1 --loss bce", 2, &["label-smoothing needs the loss cross-entropy"]),
        ("t --regression --class-weight balanced", 2, &["--class-weight needs classes"]),
        ("a,b --loss bce --class-weight balanced", 2, &["--class-weight needs classes"]),
        ("a,b", 1, &["only one is possible for classes"]),
        ("class --loss pinball:0.9", 2, &["need --regression"]),
        ("class --loss gaussian-nll", 2, &["need --regression"]),
        ("t --regression --loss pinball:1", 2, &["unknown loss `pinball:1`"]),
        ("class --class-weight balanced --grow doubling", 2, &["class-weight"]),
        ("class --weight-column w --grow doubling", 2, &["--weight-column"]),
    ] {
        fails(&dir, &format!("{table} {line}"), code, words);
    }
    for (weight, words) in [
        ("0", "above 0"),
        ("-1", "above 0"),
        ("inf", "line 2"),
        ("", "the weight is missing"),
        ("much", "expected a weight"),
    ] {
        spoil(dir.path(), weight);
        fails(&dir, &format!("{table} class --weight-column w"), 1, &["line 2, column `w`", words]);
    }
}
