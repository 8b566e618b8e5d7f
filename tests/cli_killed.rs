//! Runs that are stopped at any time: an earlier run stays as it was, and no file is there in part.
#![cfg(all(unix, feature = "std"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/cli.rs"]
mod cli;

use cli::{TRAIN, bytes, command, files, run, snapshot, succeeds, workplace};
use cygnet::host::evaluation::SavedModel;
use cygnet::store::container_len;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;
use tempfile::TempDir;

/// Runs of every kind that never end by themselves.
const ENDLESS: [&str; 4] = [
    "train --data data --hidden 8 --epochs 18446744073709551615 --swa-start 0",
    "train --data data --hidden 8 --epochs 1 --seeds 100000",
    "train --data data --hidden 8 --epochs 18446744073709551615 --replicas 2",
    "reproduce --data data --epochs 50 --replicas 2 --seeds 100000",
];

fn start(dir: &TempDir, line: &str) -> Child {
    command(dir.path(), line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Every file but the parts has all that belongs into it.
fn all_are_whole(dir: &TempDir, name: &str) {
    for (file, content) in snapshot(dir, name) {
        let path = dir.path().join(name).join(&file);
        match path.extension().and_then(|end| end.to_str()).unwrap() {
            "cygnet" | "safetensors" => drop(SavedModel::read(&path).unwrap()),
            "html" => assert!(content.ends_with(b"</html>\n"), "{file}"),
            "svg" => assert!(content.trim_ascii_end().ends_with(b"</svg>"), "{file}"),
            // Empty where no epoch came to its end.
            "csv" | "jsonl" => assert!(content.is_empty() || content.ends_with(b"\n"), "{file}"),
            "json" => assert!(serde_json::from_slice::<serde_json::Value>(&content).is_ok(), "{file}"),
            "state" => assert_eq!(container_len(content.first_chunk().unwrap()).unwrap(), content.len(), "{file}"),
            _ => assert!(file.contains(".part"), "{file}"),
        }
    }
}

fn is_listed(dir: &TempDir, name: &str, file: &str) -> bool {
    let list: serde_json::Value = serde_json::from_slice(&bytes(dir, &format!("{name}/run.json"))).unwrap();
    list["files"].as_array().unwrap().iter().any(|listed| listed == file)
}

#[test]
fn a_second_run_stopped_at_any_time_leaves_the_first_byte_for_byte() {
    let dir = workplace();
    succeeds(&dir, &format!("{TRAIN} --out run --swa-start 0 --seeds 2"));
    let first = snapshot(&dir, "run");
    for line in ENDLESS {
        // By Ctrl-C, soon and late: what was learned is saved beside the first run.
        for wait in [0, 150, 500] {
            let mut child = start(&dir, &format!("{line} --out run --overwrite"));
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
            // Until the handler stands.
            lines.next();
            sleep(Duration::from_millis(wait));
            Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
            lines.for_each(drop);
            let ended = child.wait_with_output().unwrap();
            let err = String::from_utf8(ended.stderr).unwrap();
            assert_eq!(ended.status.code(), Some(130), "{line}: {err}");
            let said = err.trim_end().rsplit(' ').next().unwrap();
            assert!(err.starts_with("interrupted: ") && said.starts_with("run/unfinished"), "{err}");
            all_are_whole(&dir, said);
            std::fs::remove_dir_all(dir.path().join(said)).unwrap();
            assert!(snapshot(&dir, "run") == first, "{line}, {wait} ms");
        }
        // By a signal that nobody can catch.
        for wait in [20, 200, 700] {
            let mut child = start(&dir, &format!("{line} --quiet --out run --overwrite"));
            sleep(Duration::from_millis(wait));
            child.kill().unwrap();
            child.wait().unwrap();
            for name in files(&dir, "run").iter().filter(|name| name.starts_with("unfinished")) {
                all_are_whole(&dir, &format!("run/{name}"));
                std::fs::remove_dir_all(dir.path().join("run").join(name)).unwrap();
            }
            assert!(snapshot(&dir, "run") == first, "{line}, {wait} ms");
        }
    }
    // By a loss that is no number any more, after some good epochs.
    let late = "--loss mse --optimizer sgd --dropout 0 --swa-start 0.5 --swa-rate 1e9 --epochs 6";
    let cli::Run { code, err, .. } =
        run(&dir, &format!("train --data data --hidden 8 {late} --quiet --out run --overwrite"));
    assert!(code == Some(1) && err.contains("epoch 3 are saved in run/unfinished"), "{err}");
    assert!(SavedModel::read(&dir.path().join("run/unfinished/average.cygnet")).is_ok());
    std::fs::remove_dir_all(dir.path().join("run/unfinished")).unwrap();
    assert!(snapshot(&dir, "run") == first);
}

#[test]
fn killed_while_it_saves_a_run_leaves_whole_files_that_its_list_has() {
    let dir = workplace();
    // Each of these saves most of the time.
    for (i, wait) in [60, 130, 210, 300, 420, 560].into_iter().enumerate() {
        let out = format!("run{i}");
        let mut child = start(&dir, &format!("{} --quiet --out {out}", ENDLESS[1]));
        sleep(Duration::from_millis(wait));
        child.kill().unwrap();
        child.wait().unwrap();
        if !dir.path().join(&out).exists() {
            continue;
        }
        all_are_whole(&dir, &out);
        for file in snapshot(&dir, &out).into_keys().filter(|file| file != "run.json" && !file.contains(".part")) {
            assert!(is_listed(&dir, &out, &file), "{file}");
        }
    }
    // What is left can be replaced.
    succeeds(&dir, &format!("{TRAIN} --out run5 --overwrite --quiet"));
    all_are_whole(&dir, "run5");
}

/// Until the new files are whole the old ones are there; then one after the other is exchanged.
#[test]
fn killed_while_it_replaces_a_run_leaves_each_file_of_the_one_or_of_the_other() {
    let dir = workplace();
    let train = |seed: u32, out: &str| format!("{TRAIN} --quiet --swa-start 0 --seed {seed} --out {out}");
    succeeds(&dir, &train(1, "one"));
    succeeds(&dir, &train(2, "two"));
    let models = ["average.cygnet", "average.safetensors", "last.cygnet", "last.safetensors"];
    let read = |out: &str| models.map(|name| bytes(&dir, &format!("{out}/{name}")));
    let [one, two] = [read("one"), read("two")];
    succeeds(&dir, &train(1, "run"));
    let mut seed = 2;
    for wait in (0..24).map(|i| 15 * i) {
        let mut child = start(&dir, &format!("{} --overwrite", train(seed, "run")));
        sleep(Duration::from_millis(wait));
        child.kill().unwrap();
        child.wait().unwrap();
        let now = read("run");
        for (i, name) in models.iter().enumerate() {
            assert!(now[i] == one[i] || now[i] == two[i], "{name} after {wait} ms");
            assert!(is_listed(&dir, "run", name));
        }
        if now == two || now == one {
            seed = if now == two { 1 } else { 2 };
        }
        remove_unfinished(&dir.path().join("run"));
    }
    succeeds(&dir, &format!("{} --overwrite", train(2, "run")));
    assert!(read("run") == two && !files(&dir, "run").iter().any(|name| name.starts_with("unfinished")));
}

fn remove_unfinished(run: &Path) {
    for path in std::fs::read_dir(run).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() && path.file_name().unwrap().to_str().unwrap().starts_with("unfinished") {
            std::fs::remove_dir_all(path).unwrap();
        }
    }
}
