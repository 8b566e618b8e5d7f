//! A place with data where the command runs.
#![allow(dead_code, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A run that has ended; `err` of a failure is one line.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The command and, where `CYGNET_RUNNER` names one, the emulator before it: `.ci/targets` runs on other processors.
pub(crate) fn command(dir: &Path, line: &str) -> Command {
    let runner = std::env::var("CYGNET_RUNNER").unwrap_or_default();
    let mut words = runner.split_whitespace().chain([env!("CARGO_BIN_EXE_cygnet")]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).current_dir(dir).args(line.split_whitespace());
    command
}

/// Whether the command runs in an emulator, which takes memory and time of its own.
pub(crate) fn is_emulated() -> bool {
    std::env::var_os("CYGNET_RUNNER").is_some()
}

pub(crate) fn run(dir: &TempDir, line: &str) -> Run {
    let Output { status, stdout, stderr } = command(dir.path(), line).output().unwrap();
    let [out, err] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(!err.contains("panicked") && !err.contains("allocation"), "{line}: {err}");
    Run { code: status.code(), out, err }
}

#[track_caller]
pub(crate) fn succeeds(dir: &TempDir, line: &str) -> String {
    let Run { code, out, err } = run(dir, line);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{line}");
    out
}

/// Fails with this code and with one line that holds all of `words`.
#[track_caller]
pub(crate) fn fails(dir: &TempDir, line: &str, code: i32, words: &[&str]) {
    let run = run(dir, line);
    assert_eq!((run.code, run.out.as_str()), (Some(code), ""), "{line}: {}", run.err);
    // After its one line clap shows how the command is used.
    let (first, rest) = run.err.split_once('\n').unwrap_or((&run.err, ""));
    assert!(rest.is_empty() || code == 2 && rest.contains("try '--help'"), "{line}: {}", run.err);
    assert!(first.starts_with("error: ") && words.iter().all(|word| first.contains(word)), "{line}: {first}");
}

/// Writes `train` and `test` images of `side` by `side` in `classes` stripe patterns with a little noise.
pub(crate) fn write_data(dir: &Path, [train, test]: [u32; 2], side: u32, classes: u32) {
    fs::create_dir_all(dir).unwrap();
    for (set, count) in [("train", train), ("t10k", test)] {
        let pixel = |i: u32, p: u32| {
            let noise = (i * 31 + p).wrapping_mul(0x9e37_79b9) >> 25;
            if p % classes == i % classes { 128 + noise as u8 } else { noise as u8 }
        };
        let pixels = (0..count).flat_map(|i| (0..side * side).map(move |p| pixel(i, p)));
        let labels = (0..count).map(|i| (i % classes) as u8);
        let header = |sizes: &[u32]| {
            let sizes = sizes.iter().flat_map(|size| size.to_be_bytes());
            [0, 0, 8, (sizes.clone().count() / 4) as u8].into_iter().chain(sizes).collect::<Vec<_>>()
        };
        let images: Vec<u8> = header(&[count, side, side]).into_iter().chain(pixels).collect();
        fs::write(dir.join(format!("{set}-images-idx3-ubyte")), images).unwrap();
        let labels: Vec<u8> = header(&[count]).into_iter().chain(labels).collect();
        fs::write(dir.join(format!("{set}-labels-idx1-ubyte")), labels).unwrap();
    }
}

/// A directory with a small set of data in `data`.
pub(crate) fn workplace() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_data(&dir.path().join("data"), [90, 30], 6, 3);
    dir
}

pub(crate) const TRAIN: &str = "train --data data --hidden 8 --epochs 2";

pub(crate) fn bytes(dir: &TempDir, name: &str) -> Vec<u8> {
    fs::read(dir.path().join(name)).unwrap()
}

pub(crate) fn files(dir: &TempDir, name: &str) -> Vec<String> {
    let entries = fs::read_dir(dir.path().join(name)).unwrap();
    let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Every file below a directory, by its name within, with its content.
pub(crate) fn snapshot(dir: &TempDir, name: &str) -> BTreeMap<String, Vec<u8>> {
    let (top, mut all) = (dir.path().join(name), BTreeMap::new());
    let mut open = vec![top.clone()];
    while let Some(next) = open.pop() {
        for path in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(&top).unwrap().to_str().unwrap().replace('\\', "/");
                all.insert(name, fs::read(path).unwrap());
            }
        }
    }
    all
}
