//! Runs that are stopped at any time and resumed: their files are those of a run that was never stopped.
#![cfg(all(unix, feature = "std"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/cli.rs"]
mod cli;

use cli::{bytes, command, fails, files, is_emulated, run, snapshot, succeeds, workplace};
use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;
use tempfile::TempDir;

/// Augmentation, batch norm, Adam and SWA.
const ONE: &str = "train --data data --hidden 12 --augment --batch-norm --optimizer adam --average swa,swag --swa-start 0.3 \
                   --batch 9 --epochs 60";
/// Runs of every kind.
const KINDS: [&str; 5] = [
    ONE,
    "train --data data --hidden 12 --epochs 25 --batch 9 --seeds 2 --micro-batch 3 --lookahead 5 --baseline",
    "train --data data --hidden 12 --epochs 20 --batch 8 --replicas 2 --seeds 2 --threads 2",
    "train --data data --hidden 12 --epochs 50 --batch 8 --grow noise-scale --patience 40 --log-every 20",
    "reproduce --data data --epochs 5 --replicas 2",
];

/// A run in `run` that saves its state often.
fn saving(line: &str) -> String {
    format!("{line} --out run --checkpoint-every 9")
}

fn start(dir: &TempDir, line: &str) -> Child {
    let mut command = command(dir.path(), line);
    command.env("SOURCE_DATE_EPOCH", "1700000000").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// What the process says at its end, and its code.
fn end(child: Child) -> (Option<i32>, String) {
    let ended = child.wait_with_output().unwrap();
    (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
}

fn wait_for(dir: &TempDir, file: &str) {
    let path = dir.path().join(file);
    (0..60_000)
        .find(|_| {
            path.exists() || {
                sleep(Duration::from_millis(1));
                false
            }
        })
        .expect(file);
}

/// The files of a run without the times that it took.
fn timeless(dir: &TempDir, name: &str) -> BTreeMap<String, String> {
    let line = |file: &str, line: &str| match file.rsplit_once('.').unwrap().1 {
        "csv" if !file.ends_with("table.csv") && !file.contains('/') || file.contains("history.csv") => {
            line.rsplit_once(',').map_or("", |(rest, _)| rest).to_owned()
        }
        "jsonl" => line.split("\"seconds\"").next().unwrap().to_owned(),
        "html" if line.contains("training time") => String::new(),
        _ => line.to_owned(),
    };
    let text = |(file, content): (String, Vec<u8>)| {
        // Every byte of a model, one character each.
        let content: String = content.into_iter().map(char::from).collect();
        let lines = content.split('\n').map(|text| line(&file, text)).collect::<Vec<_>>().join("\n");
        (file, lines)
    };
    snapshot(dir, name).into_iter().map(text).collect()
}

#[track_caller]
fn assert_same(dir: &TempDir, whole: &BTreeMap<String, String>, what: &str) {
    let resumed = timeless(dir, "run");
    assert_eq!(resumed.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>(), "{what}");
    for (file, content) in whole {
        assert!(resumed[file] == *content, "{what}: {file}");
    }
}

/// The files of a run that is never stopped.
fn uninterrupted(line: &str) -> BTreeMap<String, String> {
    let dir = workplace();
    assert_eq!(end(start(&dir, &saving(line))), (Some(0), String::new()), "{line}");
    assert!(!files(&dir, "run").iter().any(|file| file.ends_with(".state")), "{line}");
    timeless(&dir, "run")
}

/// Kills a run after so many milliseconds, each time that it was resumed, until it comes to its end before; how often, and how
/// often its state was newer than at the kill before.
fn kill(dir: &TempDir, line: &str, waits: impl Iterator<Item = u64>) -> [usize; 2] {
    let resume = format!("{} --resume run", line.split(' ').next().unwrap());
    let saved = || {
        let states = snapshot(dir, "run").into_iter().filter(|(file, _)| file.ends_with("state"));
        states.collect::<Vec<_>>()
    };
    let mut child = start(dir, &saving(line));
    wait_for(dir, "run/run.json");
    let (mut kills, mut newer, mut before) = (0, 0, Vec::new());
    for wait in waits {
        sleep(Duration::from_millis(wait));
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let now = saved();
        kills += 1;
        newer += usize::from(now != before);
        before = now;
        child = start(dir, &resume);
    }
    assert_eq!(end(child), (Some(0), String::new()), "{line} after {kills} kills");
    [kills, newer]
}

/// Numbers that look as if drawn, from 0 to 2¹⁶.
fn random() -> impl Iterator<Item = u64> {
    std::iter::successors(Some(1_u32), |x| Some(x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)))
        .map(|x| u64::from(x >> 16))
}

#[test]
fn runs_that_are_killed_at_any_moment_end_as_those_that_were_never_stopped() {
    let mut all = 0;
    for (i, line) in KINDS.into_iter().enumerate() {
        let whole = uninterrupted(line);
        let dir = workplace();
        // The first comes soon, since a fast machine has the whole run done in 100 ms; the later ones let a slow one save.
        let waits = random().skip(10 * i).take(6).zip(1..).map(|(x, more)| 5 + x % (40 * more));
        let [kills, _] = kill(&dir, line, waits);
        all += kills;
        assert_same(&dir, &whole, &format!("{line} after {kills} kills"));
    }
    assert!(all > KINDS.len(), "{all} kills");
}

/// Takes minutes.
#[test]
#[ignore = "200 kills: cargo test --features std --test cli_resume -- --ignored --nocapture"]
fn two_hundred_kills_change_nothing() {
    let ([mut kills, mut newer], mut runs) = ([0; 2], 0);
    let whole = uninterrupted(ONE);
    while kills < 200 {
        let dir = workplace();
        let waits = random().skip(50 * runs).take(200 - kills).map(|x| 20 + x % 700);
        let found = kill(&dir, ONE, waits);
        (kills, newer, runs) = (kills + found[0], newer + found[1], runs + 1);
        assert_same(&dir, &whole, &format!("{kills} kills"));
    }
    println!("{kills} kills in {runs} runs, {newer} of them at another state than the kill before: all files equal");
}

#[test]
fn a_signal_saves_the_state_and_the_command_says_how_to_go_on() {
    for (signal, line) in [("-INT", ONE), ("-TERM", KINDS[2]), ("-INT", KINDS[4])] {
        let whole = uninterrupted(line);
        let dir = workplace();
        // Only the signal saves it.
        let mut child = start(&dir, &saving(line).replace("-every 9", "-every 1h"));
        wait_for(&dir, "run/run.json");
        sleep(Duration::from_millis(300));
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        let name = line.split(' ').next().unwrap();
        if child.wait().unwrap().code() == Some(130) {
            let said = end(child).1;
            assert!(said.ends_with(&format!("to go on: cygnet {name} --resume run\n")), "{said}");
            assert!(snapshot(&dir, "run").keys().any(|file| file.ends_with(".state")));
            assert_eq!(end(start(&dir, &format!("{name} --resume run"))), (Some(0), String::new()));
        }
        let mut whole = whole;
        let every = |file: &str| ["report.html", "run.json"].iter().any(|name| file.ends_with(name));
        whole
            .iter_mut()
            .filter(|(file, _)| every(file))
            .for_each(|(_, text)| *text = text.replace("every 9", "every 1h").replace("every=9", "every=1h"));
        assert_same(&dir, &whole, line);
        // There is nothing left to do.
        let before = snapshot(&dir, "run");
        let said = succeeds(&dir, &format!("{name} --resume run"));
        assert!(said.contains("complete") && snapshot(&dir, "run") == before, "{said}");
    }
}

/// A run that replaces another leaves that one as it is until its end, also when it is resumed.
#[test]
fn a_run_that_replaces_another_is_resumed_from_the_directory_of_both() {
    let whole = uninterrupted(ONE);
    let dir = workplace();
    succeeds(&dir, "train --data data --hidden 3 --epochs 1 --quiet --out run");
    let earlier = snapshot(&dir, "run");
    let mut child = start(&dir, &format!("{} --overwrite", saving(ONE)));
    wait_for(&dir, "run/unfinished/run.state");
    child.kill().unwrap();
    child.wait().unwrap();
    let kept = |(file, _): &(String, Vec<u8>)| !file.starts_with("unfinished");
    assert!(snapshot(&dir, "run").into_iter().filter(kept).eq(earlier));
    assert_eq!(end(start(&dir, "train --resume run")), (Some(0), String::new()));
    let mut whole = whole;
    for file in ["run.json", "report.html"] {
        let text = whole.get_mut(file).unwrap();
        *text = text.replace("every 9", "every 9 --overwrite");
    }
    assert_same(&dir, &whole, "replaced");
}

/// A run that was killed after it had saved its state.
fn killed() -> TempDir {
    let dir = workplace();
    let mut child = start(&dir, &saving(ONE));
    wait_for(&dir, "run/run.previous.state");
    child.kill().unwrap();
    child.wait().unwrap();
    dir
}

#[test]
fn what_cannot_go_on_says_why_and_changes_nothing() {
    let dir = killed();
    // But for what a killed writer left.
    let whole = || snapshot(&dir, "run").into_iter().filter(|(file, _)| !file.ends_with(".part")).collect::<Vec<_>>();
    let before = whole();
    fails(&dir, "train --resume run --rate 0.1", 2, &["--resume", "--rate=0.1"]);
    fails(&dir, "train --resume run --out other", 2, &["--out=other"]);
    fails(&dir, "reproduce --resume run", 2, &["cygnet train --resume run"]);
    fails(&dir, "train --resume data", 2, &["data contains no run"]);
    fails(&dir, "train --resume nowhere", 2, &["nowhere"]);
    // The labels of the test decide no weight, but what is said of them.
    for file in ["t10k-labels-idx1-ubyte", "train-images-idx3-ubyte"] {
        let path = dir.path().join("data").join(file);
        let content = fs::read(&path).unwrap();
        let mut changed = content.clone();
        *changed.last_mut().unwrap() ^= 1;
        fs::write(&path, changed).unwrap();
        fails(&dir, "train --resume run", 1, &[file, "has changed"]);
        fs::write(&path, content).unwrap();
    }
    assert!(whole() == before);
    // Both the run and its data are somewhere else: the data are found from where the run is.
    fs::create_dir(dir.path().join("new")).unwrap();
    for name in ["run", "data"] {
        fs::rename(dir.path().join(name), dir.path().join("new").join(name)).unwrap();
    }
    succeeds(&dir, "train --resume new/run --quiet");
}

#[test]
fn a_damaged_state_is_told_and_the_one_before_it_goes_on() {
    let whole = uninterrupted(ONE);
    for cut in [false, true] {
        let dir = killed();
        let path = dir.path().join("run/run.state");
        let mut state = fs::read(&path).unwrap();
        let middle = state.len() / 2;
        state[middle] ^= 4;
        fs::write(&path, if cut { &state[..middle] } else { &state[..] }).unwrap();
        let (code, said) = end(start(&dir, "train --resume run"));
        assert!(code == Some(0) && said.contains("run.state is damaged") && said.lines().count() == 1, "{said}");
        assert_same(&dir, &whole, "from the state before");
    }
    let dir = killed();
    fails(&dir, "info run/run.state", 1, &["run.state", "the state of a run", "--resume"]);
    for name in ["run.state", "run.previous.state"] {
        fs::write(dir.path().join("run").join(name), "nothing").unwrap();
    }
    let cli::Run { code, err, .. } = run(&dir, "train --resume run --quiet");
    assert!(
        code == Some(1) && err.contains("run.previous.state is damaged") && err.contains("remove the .state files"),
        "{err}"
    );
}

#[test]
fn two_processes_do_not_work_on_one_run() {
    let dir = workplace();
    let mut child = start(&dir, &saving(&ONE.replace("--epochs 60", "--epochs 1000000")));
    wait_for(&dir, "run/run.state");
    fails(&dir, "train --resume run", 2, &["another process", "run"]);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// In a file system of its own, where the system allows that.
fn in_small_file_system(script: &str) -> Option<(TempDir, String)> {
    if is_emulated() {
        eprintln!("NOT TESTED: the shell does not start the emulator");
        return None;
    }
    let dir = workplace();
    fs::create_dir(dir.path().join("small")).unwrap();
    let script = format!("mount -t tmpfs -o size=1200k none small || exit 77\n{script}");
    let mut shell = Command::new("unshare");
    shell.args(["-rm", "sh", "-c", &script]).current_dir(dir.path()).env("CYGNET", env!("CARGO_BIN_EXE_cygnet"));
    let ended = shell.output().ok().filter(|ended| !matches!(ended.status.code(), Some(1 | 77)));
    let Some(ended) = ended else {
        eprintln!("NOT TESTED: this system gives no file system of its own (unshare -rm, mount -t tmpfs)");
        return None;
    };
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.success(), "{said}");
    Some((dir, said))
}

/// A full disk or one that is only read costs no training; it is told once, and once when it is over.
#[test]
fn a_disk_that_takes_nothing_for_a_while_is_told_and_changes_nothing() {
    let line = saving(ONE).replace("--out run", "--quiet --out small/run").replace("--epochs 60", "--epochs 300");
    let whole = {
        let dir = workplace();
        fs::create_dir(dir.path().join("small")).unwrap();
        succeeds(&dir, &line);
        ["last", "average", "swag"].map(|name| bytes(&dir, &format!("small/run/{name}.cygnet")))
    };
    let full = ("cat /dev/zero > small/filler 2>/dev/null", "rm small/filler");
    let read_only = ("until mount -o remount,ro small; do :; done 2>/dev/null", "mount -o remount,rw small");
    for (begin, over) in [full, read_only] {
        let script = format!(
            "set -e; $CYGNET {line} > said 2> told & until [ -e small/run/run.previous.state ]; do sleep 0.01; done\n\
             {begin} || :; until grep -q 'cannot be saved' told; do sleep 0.01; done\n\
             cp small/run/*.state .; {over}\n\
             wait $! || {{ cat told >&2; exit 1; }}; cat told >&2; cp small/run/*.cygnet ."
        );
        let Some((dir, said)) = in_small_file_system(&script) else { return };
        let lines: Vec<&str> = said.lines().collect();
        assert!(lines.len() == 2 && lines[0].contains("cannot be saved") && lines[1].contains("saved again"), "{said}");
        let found = ["last", "average", "swag"].map(|name| bytes(&dir, &format!("{name}.cygnet")));
        assert!(found == whole, "{begin}");
        // While it takes nothing the last good state stays.
        assert!(bytes(&dir, "run.state").len() > 1000 || bytes(&dir, "run.previous.state").len() > 1000);
    }
}

#[test]
fn a_directory_that_is_removed_is_told_once_and_is_an_error_at_the_end() {
    let dir = workplace();
    let child = start(&dir, &saving(ONE));
    wait_for(&dir, "run/run.state");
    // Another file may come meanwhile.
    while fs::remove_dir_all(dir.path().join("run")).is_err() {}
    let (code, said) = end(child);
    assert_eq!(code, Some(1), "{said}");
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines.len() == 2 && lines[0].contains("training goes on") && lines[1].starts_with("error: run"), "{said}");
    assert!(!dir.path().join("run").exists());
}
