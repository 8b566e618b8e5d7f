//! Where the command writes: nothing that it did not write is replaced or removed, and what it wrote only by a run that
//! came to its end.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/cli.rs"]
mod cli;

use cli::{TRAIN, bytes, command, fails, files, snapshot, succeeds, workplace};
use serde_json::Value;
use std::fs;
use std::process::{Child, Stdio};

const PUMP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/pump.csv");

/// Runs of every kind, without their directory.
const KINDS: [&str; 5] = [
    "train --data data --hidden 8 --epochs 2 --quiet --average swa,ema --swa-start 0",
    "train --data data --hidden 8 --epochs 2 --quiet --seeds 2",
    "train --data data --hidden 8 --epochs 2 --quiet --replicas 2",
    "train --data data --hidden 8 --epochs 2 --quiet --replicas 2 --seeds 2",
    "reproduce --data data --epochs 2 --replicas 2 --quiet",
];

/// What a directory's `run.json` lists, and whether its run came to its end.
fn listed(text: &[u8]) -> (Vec<String>, bool) {
    let run: Value = serde_json::from_slice(text).unwrap();
    assert_eq!(run["format"], 1);
    let names = run["files"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
    (names.collect(), run["finished"].as_bool().unwrap())
}

#[test]
fn a_name_that_nobody_gave_counts_up_and_is_said() {
    let dir = workplace();
    for (line, name) in [("train --data data --epochs 1", "cygnet-run"), (KINDS[4], "cygnet-reproduction")] {
        let first = succeeds(&dir, line);
        let before = snapshot(&dir, name);
        assert!(first.contains(&format!("Saved in {name}")), "{first}");
        for i in 2..4 {
            let (out, name) = (succeeds(&dir, line), format!("{name}-{i}"));
            assert!(out.contains(&format!("Saved in {name}")), "{out}");
            assert!(listed(&bytes(&dir, &format!("{name}/run.json"))).1);
        }
        assert_eq!(snapshot(&dir, name), before);
    }
    // A quiet run says it, too, since nobody else can know.
    let out = succeeds(&dir, "train --data data --epochs 1 --quiet");
    assert!(out.contains("Saved in cygnet-run-4."), "{out}");

    let [a, b] = ["cygnet-run/average.cygnet", "cygnet-run/last.cygnet"];
    for name in ["average", "average-2", "average-3"] {
        let out = succeeds(&dir, &format!("average {a} {b} --data data"));
        assert!(out.contains(&format!("Saved in {name}.cygnet.")), "{out}");
    }
    fs::write(dir.path().join("plane.svg"), "mine").unwrap();
    fs::write(dir.path().join("plane-2.csv"), "mine").unwrap();
    succeeds(&dir, "train --data data --epochs 1 --seed 2 --out other --quiet");
    let out = succeeds(&dir, &format!("plane {b} other/last.cygnet --data data --steps 2"));
    assert!(out.contains("plane-3.svg, its data in plane-3.csv"), "{out}");
    assert_eq!([bytes(&dir, "plane.svg"), bytes(&dir, "plane-2.csv")], [b"mine", b"mine"]);
}

#[test]
fn runs_that_start_at_once_have_a_directory_each() {
    let dir = workplace();
    let start = |_| command(dir.path(), "train --data data --epochs 1 --quiet").stdout(Stdio::piped()).spawn().unwrap();
    let children: Vec<Child> = (0..6).map(start).collect();
    let mut said: Vec<String> = children
        .into_iter()
        .map(|child| {
            let ended = child.wait_with_output().unwrap();
            assert_eq!(ended.status.code(), Some(0));
            String::from_utf8(ended.stdout).unwrap().lines().last().unwrap().to_owned()
        })
        .collect();
    said.sort();
    let names = ["-2.", "-3.", "-4.", "-5.", "-6.", "."].map(|end| format!("Saved in cygnet-run{end}"));
    assert_eq!(said, names);
    // Into one directory only one of them goes.
    let start = |_| {
        command(dir.path(), &format!("{TRAIN} --out one --quiet"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let children: Vec<Child> = (0..4).map(start).collect();
    let mut codes: Vec<_> = children.into_iter().map(|mut child| child.wait().unwrap().code().unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 2, 2, 2]);
    // One that replaces it, and then one that began before that and ends after it: nothing of either is forgotten.
    let long = "train --data data --hidden 8 --epochs 400 --average swa,ema --out one --overwrite --quiet";
    let mut long = command(dir.path(), long).stdout(Stdio::null()).spawn().unwrap();
    while !dir.path().join("one/unfinished").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    succeeds(&dir, &format!("{TRAIN} --average lawa,swag --swa-start 0 --out one --overwrite --quiet"));
    assert!(files(&dir, "one").contains(&"swag.cygnet".into()));
    assert_eq!(long.wait().unwrap().code(), Some(0));
    let mut names = listed(&bytes(&dir, "one/run.json")).0;
    names.push("run.json".into());
    names.sort();
    assert_eq!(names, snapshot(&dir, "one").into_keys().collect::<Vec<_>>());
    assert!(names.contains(&"ema.cygnet".into()));
}

#[test]
fn a_directory_with_a_run_is_refused_before_training() {
    let dir = workplace();
    succeeds(&dir, &format!("{TRAIN} --out run --quiet"));
    let before = snapshot(&dir, "run");
    for kind in KINDS {
        fails(&dir, &format!("{kind} --out run"), 2, &["run contains a run (run.json)", "--overwrite"]);
    }
    assert_eq!(snapshot(&dir, "run"), before);
    // One that did not end is a run.
    fs::create_dir(dir.path().join("cut")).unwrap();
    fs::write(dir.path().join("cut/run.json"), r#"{"format": 1, "finished": false, "files": []}"#).unwrap();
    fails(&dir, &format!("{TRAIN} --out cut"), 2, &["cut contains a run", "--overwrite"]);
    succeeds(&dir, &format!("{TRAIN} --out cut --overwrite --quiet"));
    fails(&dir, &format!("{TRAIN} --overwrite"), 2, &["required arguments"]);
    // What is no directory holds none.
    fs::write(dir.path().join("file"), "mine").unwrap();
    for kind in KINDS {
        fails(&dir, &format!("{kind} --out file"), 2, &["file exists and is not a directory", "--out"]);
    }
    // Nothing is left of a run that learned nothing.
    let explosive = "--quiet --loss mse --optimizer sgd --dropout 0 --rate 1e9";
    for out in ["none", "deep/none"] {
        fails(&dir, &format!("{TRAIN} --out {out} {explosive}"), 1, &["not finite"]);
        assert!(!dir.path().join(out).exists());
    }
    fails(&dir, &format!("{TRAIN} --out run --overwrite {explosive}"), 1, &["not finite"]);
    fails(&dir, &format!("{TRAIN} {explosive}"), 1, &["not finite"]);
    assert!(!dir.path().join("cygnet-run").exists());
    assert_eq!(snapshot(&dir, "run"), before);
}

/// Of every file that a run writes: who has one of this name, keeps it.
#[test]
fn a_file_of_a_name_that_the_run_would_write_is_refused_before_training() {
    let dir = workplace();
    for kind in KINDS {
        succeeds(&dir, &format!("{kind} --out whole"));
        let (names, finished) = listed(&bytes(&dir, "whole/run.json"));
        let mut written: Vec<String> = snapshot(&dir, "whole").into_keys().collect();
        written.retain(|name| name != "run.json");
        let mut sorted = names.clone();
        sorted.sort();
        assert!(finished && sorted == written, "{kind}: {names:?}");
        assert!(kind.starts_with("reproduce") || names[0].ends_with("average.cygnet"), "{kind}: {names:?}");
        for name in names {
            let path = dir.path().join("mine").join(&name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "mine").unwrap();
            for flag in ["", "--overwrite"] {
                fails(&dir, &format!("{kind} --out mine {flag}"), 2, &[&format!("mine/{name}"), "--overwrite"]);
            }
            let left = snapshot(&dir, "mine");
            assert_eq!(left.into_iter().collect::<Vec<_>>(), [(name, b"mine".to_vec())]);
            fs::remove_dir_all(dir.path().join("mine")).unwrap();
        }
        fs::remove_dir_all(dir.path().join("whole")).unwrap();
    }
}

#[test]
fn what_replaces_a_run_replaces_what_it_lists_and_nothing_else() {
    let dir = workplace();
    let foreign = [
        "notes.txt",
        "average.txt",
        "plots/mine.svg",
        "seed-1/notes",
        "run.txt",
        "replica-9.cygnet",
        "average.cygnet.part",
    ];
    for name in foreign {
        let path = dir.path().join("run").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    let mut flag = "";
    for kind in KINDS.iter().chain(KINDS.iter().rev()) {
        succeeds(&dir, &format!("{kind} --out run {flag}"));
        flag = "--overwrite";
        let mut all = snapshot(&dir, "run");
        let (mut names, finished) = listed(&all["run.json"]);
        for name in foreign {
            assert_eq!(all.remove(name), Some(name.as_bytes().to_vec()), "{kind}");
        }
        names.push("run.json".into());
        names.sort();
        assert!(finished && names == all.into_keys().collect::<Vec<_>>(), "{kind}");
    }
    // Directories that are empty now are gone, one with something in it is not.
    assert!(dir.path().join("run/seed-1").exists() && !dir.path().join("run/seed-2").exists());
}

#[test]
fn a_list_from_elsewhere_reaches_no_file_outside() {
    let dir = workplace();
    fs::write(dir.path().join("victim"), "mine").unwrap();
    let outside = dir.path().join("victim").to_str().unwrap().to_owned();
    for name in ["../victim", "plots/../../victim", outside.as_str(), "./victim", ""] {
        let list = serde_json::json!({"format": 1, "finished": true, "files": ["average.cygnet", name]}).to_string();
        fs::create_dir_all(dir.path().join("run")).unwrap();
        fs::write(dir.path().join("run/run.json"), &list).unwrap();
        fails(&dir, &format!("{TRAIN} --out run --overwrite --quiet"), 1, &["run/run.json", name]);
        assert_eq!(files(&dir, "run"), ["run.json"]);
    }
    for list in ["", "[]", "{\"format\": 2, \"finished\": true, \"files\": []}"] {
        fs::write(dir.path().join("run/run.json"), list).unwrap();
        fails(&dir, &format!("{TRAIN} --out run --overwrite --quiet"), 1, &["run/run.json"]);
    }
    assert_eq!(bytes(&dir, "victim"), b"mine");
    // Nor what the run itself reads.
    fs::copy(PUMP, dir.path().join("run/history.csv")).unwrap();
    fs::write(dir.path().join("run/run.json"), r#"{"format": 1, "finished": true, "files": ["history.csv"]}"#).unwrap();
    let line = "train --data run/history.csv --label state --ignore time,hours_left --missing mean --epochs 1";
    fails(&dir, &format!("{line} --out run --overwrite"), 2, &["run/history.csv", "is an input"]);
    assert_eq!(bytes(&dir, "run/history.csv"), fs::read(PUMP).unwrap());
}

#[test]
fn files_beside_tables_replace_no_input_and_nothing_unasked() {
    let dir = workplace();
    for seed in [1, 2] {
        succeeds(&dir, &format!("{TRAIN} --seed {seed} --out {} --quiet", ["a", "b"][seed - 1]));
    }
    fs::copy(dir.path().join("a/last.cygnet"), dir.path().join("old.cygnet")).unwrap();
    fs::write(dir.path().join("old.svg"), "mine").unwrap();
    let all = snapshot(&dir, ".");
    let average = "average a/last.cygnet b/last.cygnet --data data --seed 1";
    let plane = "plane a/last.cygnet b/last.cygnet --data data --steps 2 --quiet";
    for (line, words) in [
        (format!("{average} --out old.cygnet"), ["old.cygnet exists", "--overwrite"]),
        (format!("{average} --out b/last.cygnet"), ["b/last.cygnet", "is an input"]),
        (format!("{average} --out ./a/../b/last.cygnet --overwrite"), ["b/last.cygnet", "is an input"]),
        ("convert a/last.cygnet old.cygnet".to_owned(), ["old.cygnet exists", "--overwrite"]),
        ("convert a/last.cygnet a/last.cygnet --fold --overwrite".to_owned(), ["a/last.cygnet", "is an input"]),
        (format!("{plane} --out old"), ["old.svg exists", "--overwrite"]),
        (format!("{plane} --out new.svg"), ["new.svg: --out is a name", "without extension"]),
        (format!("{plane} --out a/"), ["a/: --out is a name", "without extension"]),
    ]
    .into_iter()
    .chain(
        ["model.onnx", "model", "model.CYGNET", "model.cygnet.bak", "model.pt", ".cygnet"].into_iter().flat_map(
            |out| {
                let lines = [format!("{average} --out {out}"), format!("convert a/last.cygnet {out}")];
                lines.map(|line| (line, [out, "must end in .cygnet or .safetensors"]))
            },
        ),
    ) {
        fails(&dir, &line, 2, &words);
        assert!(snapshot(&dir, ".") == all, "{line}");
    }
    succeeds(&dir, &format!("{average} --out old.cygnet --overwrite"));
    assert_ne!(bytes(&dir, "old.cygnet"), all["old.cygnet"]);
    succeeds(&dir, "convert a/last.cygnet old.cygnet --overwrite");
    assert_eq!(bytes(&dir, "old.cygnet"), all["old.cygnet"]);
    succeeds(&dir, &format!("{plane} --out old --overwrite"));
    assert!(bytes(&dir, "old.svg").starts_with(b"<svg"));
    // A table is what `plane` reads, too.
    let table = "--label state --ignore time,hours_left --missing mean --validation 0 --epochs 1 --quiet";
    fs::copy(PUMP, dir.path().join("pump.csv")).unwrap();
    for (seed, out) in [(1, "c"), (2, "d")] {
        succeeds(&dir, &format!("train --data pump.csv {table} --seed {seed} --out {out}"));
    }
    let plane = "plane c/last.cygnet d/last.cygnet --data pump.csv --steps 2 --quiet --out pump";
    fails(&dir, &format!("{plane} --overwrite"), 2, &["pump.csv", "is an input"]);
    assert_eq!(bytes(&dir, "pump.csv"), fs::read(PUMP).unwrap());
}

/// What machines read of a run: how it was started, with which data, and how good its models are.
#[test]
fn run_json_tells_how_a_run_was_started_and_what_it_reached() {
    let dir = workplace();
    let trained = |line: &str| {
        let done = command(dir.path(), line).env("SOURCE_DATE_EPOCH", "86400").output().unwrap();
        assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
    };
    let run = |name: &str| serde_json::from_slice::<serde_json::Value>(&bytes(&dir, name)).unwrap()["run"].clone();
    trained(&format!("{TRAIN} --seed 5 --validation 0.2 --quiet --out runs/one"));
    let one = run("runs/one/run.json");
    assert_eq!(one["command"], format!("cygnet {TRAIN} --seed 5 --validation 0.2 --quiet --out runs/one"));
    assert_eq!((&one["date"], &one["version"]), (&"1970-01-02T00:00:00Z".into(), &env!("CARGO_PKG_VERSION").into()));
    assert_eq!((&one["seed"], &one["seeds"], &one["data"]["data"]), (&5.into(), &1.into(), &"../../data".into()));
    assert_eq!((&one["identity"]["samples"], &one["settings"]["epochs"]), (&90.into(), &"2".into()));
    let models = one["models"].as_array().unwrap();
    for (model, figures) in ["average", "last"].iter().zip(models) {
        assert_eq!((&figures["model"], &figures["seed"]), (&(*model).into(), &5.into()));
        assert!(["train", "validation", "test"].iter().all(|set| figures[set]["error"].is_number()), "{figures}");
    }
    let out = succeeds(&dir, "eval runs/one/last.cygnet --json");
    let evaluated: serde_json::Value = serde_json::from_str(&out).unwrap();
    for set in ["train", "validation", "test"] {
        let error = 1.0 - evaluated[set]["accuracy"].as_f64().unwrap();
        assert!((models[1][set]["error"].as_f64().unwrap() - error).abs() < 1e-12, "{set}");
    }
    // Equal runs have equal bytes, whatever the time.
    trained(&format!("{TRAIN} --seed 5 --validation 0.2 --quiet --out runs/one --overwrite"));
    let again = run("runs/one/run.json");
    assert_eq!((&again["models"], &again["data"], &again["date"]), (&one["models"], &one["data"], &one["date"]));
    // A directory that is moved with its data keeps its data, also for one of several seeds.
    trained(&format!("{TRAIN} --seeds 2 --quiet --out runs/two"));
    let last = succeeds(&dir, "eval runs/two/seed-2/last.cygnet --json");
    fs::create_dir(dir.path().join("moved")).unwrap();
    for name in ["data", "runs"] {
        fs::rename(dir.path().join(name), dir.path().join("moved").join(name)).unwrap();
    }
    assert_eq!(succeeds(&dir, "eval moved/runs/two/seed-2/last.cygnet --json"), last);
    fs::rename(dir.path().join("moved/data"), dir.path().join("data")).unwrap();
    fails(&dir, "eval moved/runs/two/seed-2/last.cygnet", 2, &["moved/runs/two/run.json names", "--data"]);
    assert_eq!(succeeds(&dir, "eval moved/runs/two/seed-2/last.cygnet --data data --json"), last);
}
