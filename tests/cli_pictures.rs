//! `predict` on pictures, and `train` on folders of them.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/cli.rs"]
mod cli;

use cli::{fails, run, succeeds};
use cygnet::host::data::Dataset;
use png::{BitDepth, ColorType};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Digits that are drawn.
const DIGITS: usize = 30;

fn write_png(path: &Path, [width, height]: [usize; 2], colour: ColorType, pixels: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut encoder = png::Encoder::new(fs::File::create(path).unwrap(), width as u32, height as u32);
    encoder.set_color(colour);
    encoder.set_depth(BitDepth::Eight);
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
}

/// A number from 0 to 1 that looks random.
fn noise(i: usize) -> f32 {
    ((i as u32).wrapping_mul(0x9e37_79b9) ^ 0x55aa).wrapping_mul(0x85eb_ca6b) as f32 / u32::MAX as f32
}

/// A digit on a sheet of 240 by 160, `size` times as large, with its middle off that of the sheet: `ink` on `paper`, lit from
/// the right, and with a hard shadow on its left part.
fn photograph(digit: &[u8], size: f32, [paper, ink]: [[f32; 3]; 2], seed: usize) -> Vec<u8> {
    let (left, top) = (100.0 - 14.0 * size + 30.0 * noise(seed), 75.0 - 14.0 * size + 10.0 * noise(seed + 7));
    let pixel = |i: usize| {
        let (y, x) = ((i / 240) as f32, (i % 240) as f32);
        let (v, u) = ((y + 0.5 - top) / size - 0.5, (x + 0.5 - left) / size - 0.5);
        let at = |y: f32, x: f32| {
            let is_inside = (0.0..28.0).contains(&y) && (0.0..28.0).contains(&x);
            if is_inside { f32::from(digit[y as usize * 28 + x as usize]) / 255.0 } else { 0.0 }
        };
        let (y0, x0) = (v.floor(), u.floor());
        let (b, a) = (v - y0, u - x0);
        let row = |y: f32| at(y, x0) * (1.0 - a) + at(y, x0 + 1.0) * a;
        let cover = row(y0) * (1.0 - b) + row(y0 + 1.0) * b;
        let light = (0.75 + 0.25 * x / 240.0) * if x + y / 3.0 < 90.0 { 0.6 } else { 1.0 };
        [0, 1, 2].map(|c| {
            let level = light * (paper[c] * (1.0 - cover) + ink[c] * cover) + 8.0 * (noise(3 * i + c) - 0.5);
            level.clamp(0.0, 255.0) as u8
        })
    };
    (0..240 * 160).flat_map(pixel).collect()
}

/// A model of the embedded sample in `run`, digits of its test set in a folder for each way to draw them, and their classes.
fn digits() -> (TempDir, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    succeeds(&dir, "train --epochs 4 --quiet --out run");
    let sample = Dataset::sample().unwrap();
    for i in 0..DIGITS {
        let digit = sample.test.image(i).unwrap();
        let place = |kind: &str| dir.path().join(format!("{kind}/{i:03}.png"));
        write_png(&place("same"), [28, 28], ColorType::Grayscale, digit);
        let inverted: Vec<u8> = digit.iter().map(|p| 255 - p).collect();
        write_png(&place("white"), [28, 28], ColorType::Grayscale, &inverted);
        let pen = [[225.0, 215.0, 200.0], [30.0, 40.0, 100.0]];
        write_png(&place("photo"), [240, 160], ColorType::Rgb, &photograph(digit, 4.5, pen, i));
        write_png(&place("small"), [240, 160], ColorType::Rgb, &photograph(digit, 1.6, pen, i));
        let chalk = [[40.0, 60.0, 50.0], [225.0, 225.0, 210.0]];
        write_png(&place("chalk"), [240, 160], ColorType::Rgb, &photograph(digit, 4.0, chalk, i));
    }
    (dir, (0..DIGITS).map(|i| sample.test.label(i).unwrap()).collect())
}

/// The classes that a command prints as CSV.
fn classes(dir: &TempDir, line: &str) -> Vec<String> {
    let out = run(dir, line);
    // Notes on odd pictures are no errors.
    assert!(out.code == Some(0) && out.err.lines().all(|line| line.starts_with("note: ")), "{line}: {}", out.err);
    let mut table = csv::Reader::from_reader(out.out.as_bytes());
    let at = table.headers().unwrap().iter().position(|name| name == "class").unwrap();
    table.records().map(|row| row.unwrap()[at].to_owned()).collect()
}

/// However a digit is drawn, lit and placed, a model of MNIST sees it as it knows digits, and is right as often as on MNIST.
#[test]
fn digits_are_found_as_the_makers_of_mnist_did() {
    let (dir, labels) = digits();
    let right = |line: &str| {
        let found = classes(&dir, line);
        assert_eq!(found.len(), DIGITS);
        found.iter().zip(&labels).filter(|(class, label)| **class == label.to_string()).count()
    };
    let bar = right("predict run/average.cygnet same --centre no --format csv");
    assert!(bar * 10 >= DIGITS * 9, "{bar}");
    for kind in ["same", "white", "photo", "small", "chalk"] {
        let found = right(&format!("predict run/average.cygnet {kind} --format csv"));
        assert!(found + 2 >= bar, "{kind}: {found} of {DIGITS} right, {bar} of the images themselves");
    }
    let as_they_are = right("predict run/average.cygnet photo --center no --format csv");
    assert!(as_they_are * 2 < DIGITS, "{as_they_are}");

    // Blank paper is said to be that.
    write_png(
        &dir.path().join("blank.png"),
        [240, 160],
        ColorType::Rgb,
        &photograph(&[0; 784], 4.0, [[220.0; 3]; 2], 1)[..],
    );
    write_png(&dir.path().join("gray.png"), [50, 40], ColorType::Grayscale, &[200; 2000]);
    let blank = run(&dir, "predict run/average.cygnet gray.png");
    assert_eq!(blank.code, Some(0));
    assert_eq!(blank.err, "note: gray.png: nothing is drawn in it that stands out from the paper\n");

    // What the network saw: as many lines as half its rows, in a frame.
    let shown = succeeds(&dir, "predict run/average.cygnet photo/000.png --show");
    assert_eq!(shown.lines().filter(|line| line.contains('│')).count(), 14, "{shown}");
    assert!(shown.contains('█') && shown.lines().all(|line| line.chars().count() < 80), "{shown}");
}

/// Each form has every class; what cannot be read is named, and costs nobody else's answer.
#[test]
fn answers_can_be_read_by_programs() {
    let dir = cli::workplace();
    succeeds(&dir, &format!("{} --quiet --out run", cli::TRAIN));
    let model = "predict run/last.cygnet";
    for (name, level) in [("a", 60), ("b", 200)] {
        let pixels: Vec<u8> = (0..36).map(|p| if p % 3 == 0 { 255 } else { level }).collect();
        write_png(&dir.path().join(format!("in/{name}.png")), [6, 6], ColorType::Grayscale, &pixels);
    }
    fs::write(dir.path().join("in/broken.png"), b"\x89PNG\r\n\x1a\nno").unwrap();
    fs::write(dir.path().join("t.csv"), "1,2\n").unwrap();
    let csv = run(&dir, &format!("{model} in t.csv --format csv --centre no"));
    let lines: Vec<&str> = csv.out.lines().collect();
    assert_eq!((csv.code, lines.len(), lines[0]), (Some(1), 5, "file,image,class,0,1,2"), "{}", csv.err);
    assert!(lines[3].starts_with("in/broken.png,,,,,") && lines[4].starts_with("t.csv,,,,,"));
    let err: Vec<&str> = csv.err.lines().filter(|line| line.starts_with("error")).collect();
    assert!(err[0].starts_with("error: in/broken.png: expected an intact PNG"), "{}", csv.err);
    assert_eq!(err[1..], ["error: this model takes images of 6×6; t.csv is a table"]);
    let json = run(&dir, &format!("{model} in/a.png in/broken.png --format json")).out;
    let objects: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((objects.len(), &objects[0]["file"]), (2, &"in/a.png".into()));
    let shares = objects[0]["probabilities"].as_object().unwrap();
    assert!(shares.len() == 3 && (shares.values().map(|p| p.as_f64().unwrap()).sum::<f64>() - 1.0).abs() < 1e-5);
    assert!(objects[1]["error"].as_str().unwrap().contains("broken.png") && objects[1].get("class").is_none());
    let json = succeeds(&dir, &format!("{model} data/t10k-images-idx3-ubyte --format json"));
    assert!(json.lines().count() == 30 && json.lines().nth(29).unwrap().starts_with(r#"{"image":29,"class":""#));
    // One that is wrong alone fails alone.
    fails(&dir, &format!("{model} in/broken.png"), 1, &["in/broken.png", "intact PNG"]);
    fails(&dir, &format!("{model} run"), 1, &["run: expected pictures (.png, .jpg)"]);
    fails(&dir, "predict run in/a.png", 1, &["run: this is a directory", "run/average.cygnet"]);
    fails(&dir, &format!("{model} in --show --format csv"), 2, &["--show"]);
    // Standard input is a file like others.
    let mut command = cli::command(dir.path(), &format!("{model} - --format csv"));
    let output = command.stdin(fs::File::open(dir.path().join("in/a.png")).unwrap()).output().unwrap();
    let alone = succeeds(&dir, &format!("{model} in/a.png --format csv"));
    let tail = |text: &str| text.lines().nth(1).unwrap().split_once(',').unwrap().1.to_owned();
    assert_eq!(tail(&String::from_utf8(output.stdout).unwrap()), tail(&alone));
}

/// A folder a class: the model remembers their names and size.
#[test]
fn folders_of_pictures_are_classes() {
    let dir = tempfile::tempdir().unwrap();
    let draw = |path: String, is_wide: bool, seed: usize| {
        let pixel = |i: usize| {
            let along = if is_wide { i / 12 } else { i % 12 };
            if along % 4 < 2 { 230 } else { (60.0 * noise(seed * 97 + i)) as u8 }
        };
        write_png(&dir.path().join(path), [12, 12], ColorType::Grayscale, &(0..144).map(pixel).collect::<Vec<_>>());
    };
    for i in 0..40 {
        for (class, is_wide) in [("lying", true), ("up right", false)] {
            draw(format!("all/{class}/{i}.png"), is_wide, i);
            draw(format!("apart/train/{class}/{i}.png"), is_wide, i);
            if i < 9 {
                draw(format!("apart/test/{class}/{i}.png"), is_wide, i + 100);
            }
        }
    }
    let train = "--hidden 8 --epochs 8 --batch 8 --rate 0.05 --out";
    let out = succeeds(&dir, &format!("train --data all --test-share 0.25 {train} run"));
    assert!(out.contains("144-8-2") && out.contains("60 for training") && out.contains("20 for the test"), "{out}");
    let out = succeeds(&dir, &format!("train --data apart --size 6x8 {train} small"));
    assert!(out.contains("48-8-2") && out.contains("80 for training") && out.contains("18 for the test"), "{out}");
    for model in ["run/average.cygnet", "run/average.safetensors", "small/average.cygnet"] {
        let found = classes(&dir, &format!("predict {model} apart/test --format csv"));
        let right = |(i, class): (usize, &String)| *class == if i < 9 { "lying" } else { "up right" };
        assert!(found.iter().enumerate().filter(|&pair| right(pair)).count() >= 17, "{model}: {found:?}");
        let table = succeeds(
            &dir,
            &format!(
                "eval {model} --data {}",
                if model.starts_with("run") { "all --test-share 0.25" } else { "apart" }
            ),
        );
        assert!(table.contains("up right") && table.contains("lying"), "{table}");
    }
    draw("apart/test/other/1.png".into(), true, 1);
    fails(&dir, "train --data apart --quiet --out no", 1, &["other", "no class of this name", "lying"]);
    fails(&dir, "train --size 9 --quiet --out no", 2, &["--size", "folders"]);
    fails(&dir, "train --data all --size 0 --quiet --out no", 2, &["--size"]);
    fs::write(dir.path().join("all/lying/7.png"), "no").unwrap();
    fails(&dir, "train --data all --quiet --out no", 1, &["all/lying/7.png", "PNG or JPEG"]);
}
