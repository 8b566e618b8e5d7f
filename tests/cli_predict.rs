//! `predict` on the rows of a table: answered as they come, in memory that does not depend on their number, whatever some of
//! them hold.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/cli.rs"]
mod cli;

use cli::{fails, succeeds};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// The guide's table where the command runs.
fn workplace() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("examples")).unwrap();
    fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/pump.csv"), dir.path().join("examples/pump.csv")).unwrap();
    dir
}

/// The words of each line below a table's header.
fn cells(table: &str) -> Vec<Vec<String>> {
    let lines = table.lines().skip(2).map(|line| line.split_whitespace().map(str::to_owned).collect());
    lines.collect()
}

/// A model of the guide's table, with the gaps of its inputs filled or not.
fn pump(missing: &str) -> TempDir {
    let dir = workplace();
    let rate = "--rate 0.01 --epochs 2 --hidden 8 --quiet --out run";
    let columns = "--label state --ignore time,hours_left --missing";
    succeeds(&dir, &format!("train --data examples/pump.csv {columns} {missing} {rate}"));
    dir
}

/// `predict`, which reads what is written to it.
fn asked(dir: &TempDir, file: &str) -> (Child, ChildStdin, mpsc::Receiver<String>) {
    let mut command = cli::command(dir.path(), &format!("predict run/average.cygnet {file}"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    (child, stdin, lines)
}

/// The next line, which may be late but not for ever.
#[track_caller]
fn heard(lines: &mpsc::Receiver<String>) -> String {
    lines.recv_timeout(Duration::from_secs(120)).unwrap()
}

const HEADER: &[u8] = b"temperature,pressure,vibration\n";

/// Each row is answered when it comes, and forgotten: memory does not depend on their number.
#[test]
fn rows_are_answered_as_they_come() {
    let dir = pump("mean");
    let (mut child, mut stdin, lines) = asked(&dir, "-");
    stdin.write_all(HEADER).unwrap();
    for (line, end) in (2..6).zip(["\n", "\r\n", "\r", "\n\n# and"]) {
        write!(stdin, "60,101,0.04{end}").unwrap();
        stdin.flush().unwrap();
        if line == 2 {
            assert!(heard(&lines).contains("most likely") && heard(&lines).contains('─'));
        }
        let answer = heard(&lines);
        assert!(answer.trim_start().starts_with(&format!("{line} ")), "{answer}");
    }
    stdin.write_all(b" so on\n").unwrap();
    // The most memory so far, kB, where the system tells it.
    let most = |child: &Child| -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let mut answer = |rows: usize| {
        let text = "60.5,101.25,0.0425\n".repeat(rows);
        thread::scope(|scope| {
            let writing = scope.spawn(|| stdin.write_all(text.as_bytes()));
            (0..rows).for_each(|_| drop(heard(&lines)));
            writing.join().unwrap().unwrap();
        });
    };
    answer(1_000);
    let before = most(&child);
    answer(20_000);
    if let (Some(before), Some(after)) = (before, most(&child)) {
        // 20,000 answers that are kept take 20 MB.
        assert!(after < before + 4_000, "{before} kB grow to {after} kB");
    }
    // The last line needs no end.
    stdin.write_all(b"60,101,0.04").unwrap();
    drop(stdin);
    assert!(heard(&lines).trim_start().starts_with("21008 "));
    assert!(lines.recv_timeout(Duration::from_secs(120)).is_err() && child.wait().unwrap().success());
}

#[test]
fn a_reader_that_has_gone_away_is_no_error() {
    let dir = pump("mean");
    let text = [HEADER, &b"60,101,0.04\n".repeat(20_000)].concat();
    fs::write(dir.path().join("rows.csv"), text).unwrap();
    let mut command = cli::command(dir.path(), "predict run/average.cygnet rows.csv");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(first.contains("most likely") && output.status.success());
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
}

/// What cannot be read is said with its line, and costs nobody else's answer.
#[test]
fn rows_that_cannot_be_read_do_not_take_the_others_with_them() {
    let dir = pump("drop");
    let answers = |rows: &str| {
        fs::write(dir.path().join("rows.csv"), [HEADER, rows.as_bytes()].concat()).unwrap();
        let run = cli::run(&dir, "predict run/average.cygnet rows.csv");
        (run.code, cells(&run.out), run.err)
    };
    let (code, rows, err) = answers("60,101,0.04\n60,x,0.04\n60,101\n60,,0.04\n60,\"1,010\",0.04\n61,101,0.04\n");
    assert_eq!((code, rows.len()), (Some(1), 6));
    let dashed: Vec<&str> = rows.iter().filter(|row| row[1] == "–").map(|row| row[0].as_str()).collect();
    assert_eq!(dashed, ["3", "4", "5", "6"]);
    let expected = [
        "error: rows.csv: line 3, column `pressure`: expected a number, found `x`",
        "error: rows.csv: line 4: expected 3 cells as in line 1, found 2",
        "error: rows.csv: line 6, column `pressure`: `1,010` has a thousands separator: write 1010",
    ];
    // The gap is none of them: the model left such rows out.
    assert_eq!(err.lines().collect::<Vec<_>>(), expected);
    // They are not all told one by one.
    let (code, rows, err) = answers(&"60,x,0.04\n".repeat(50));
    assert_eq!((code, rows.len(), err.lines().count()), (Some(1), 50, 11));
    assert!(err.ends_with("error: rows.csv: 50 rows cannot be read; the first 10 are listed above\n"), "{err}");
    assert_eq!(answers("").2, "error: rows.csv: expected rows, found none\n");
    // A file that ends within a quote, after what could be read.
    let (code, rows, err) = answers("60,101,0.04\n60,\"101,0.04\n");
    assert_eq!(
        (code, rows.len(), err.as_str()),
        (Some(1), 1, "error: rows.csv: line 3: the quotation mark is not closed\n")
    );
}

#[test]
fn standard_input_is_called_so() {
    let dir = pump("mean");
    for (rows, told) in [("", 1), ("60,x,0.04\n", 1), (&"60,x,0.04\n".repeat(50), 11)] {
        let (child, mut stdin, _lines) = asked(&dir, "-");
        stdin.write_all(&[HEADER, rows.as_bytes()].concat()).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(err.lines().all(|line| line.starts_with("error: standard input: ")), "{err}");
        assert_eq!((output.status.code(), err.lines().count()), (Some(1), told), "{err}");
    }
}

/// Rows are streamed: nothing but the names that the model knows can tell a header.
#[test]
fn the_names_of_the_model_decide_what_the_first_line_is() {
    let dir = workplace();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    let answers = |model: &str, text: &str| {
        write("rows.csv", text);
        cells(&succeeds(&dir, &format!("predict {model}/last.cygnet rows.csv"))).len()
    };
    let rows: String =
        (0..20).map(|i| format!("{},{},{}\n", 0.5 + f64::from(i), 9 - i, ["u", "v"][i as usize % 2])).collect();
    let indexed: String = rows.lines().zip(0..).map(|(row, i)| format!("{i},{row}\n")).collect();
    write("digits.csv", &format!(",0,1,y\n{indexed}"));
    let head = succeeds(&dir, "train --data digits.csv --hidden 2 --epochs 1 --out digits");
    assert!(head.contains("Table: with a header, inputs 0, 1\n"), "{head}");
    assert!(head.contains("Ignored: `column-1` (row numbers or names)"), "{head}");
    write("bare.csv", &rows);
    succeeds(&dir, "train --data bare.csv --hidden 2 --epochs 1 --quiet --out bare");
    for (model, text, expected) in [
        ("digits", "0,1\n5,6\n", 1),
        ("digits", "1,0,note\n5,6,x\n", 1),
        ("digits", ",0,1\n0,5,6\n", 1),
        // Numbers that are no names.
        ("digits", "0,2\n5,6\n", 2),
        ("bare", "0,1\n5,6\n", 2),
    ] {
        assert_eq!(answers(model, text), expected, "{model}: {text}");
    }
    fails(
        &dir,
        "predict digits/last.cygnet bare.csv",
        1,
        &["bare.csv: there is no column `0`; the columns are 0.5, 9, u"],
    );
    write("numbers.csv", "1,2,3\n4,5,6\n");
    fails(&dir, "predict digits/last.cygnet numbers.csv", 1, &["no header", "the columns 0, 1"]);
}
