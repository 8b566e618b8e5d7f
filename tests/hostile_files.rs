//! Files that were made to take memory or time: each is refused in one line, within memory and time that do not depend on what it
//! declares.
#![cfg(all(feature = "std", unix))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common {
    pub(crate) mod cli;
}

use common::cli::{command, is_emulated};
use flate2::{Compression, write::GzEncoder};
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What the command may take: KiB of addresses, and time on a machine that does other work.
const MEMORY: u32 = 1_500_000;
const TIME: Duration = Duration::from_secs(120);
const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/pump.cygnet");

/// Runs the command with so much memory and time; its exit code, and the first line of what it says.
fn limited(dir: &TempDir, line: &str) -> (Option<i32>, String) {
    let plain = command(dir.path(), line);
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -v {MEMORY}; exec \"$0\" \"$@\"")]).current_dir(dir.path());
    shell.arg(plain.get_program()).args(plain.get_args()).stdin(Stdio::null()).env("RUST_BACKTRACE", "0");
    let (start, mut child) = (Instant::now(), shell.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > TIME {
            child.kill().unwrap();
            panic!("{line}: no end within {TIME:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.len() < 20_000, "{line}: {} bytes of text", text.len());
    (output.status.code(), text)
}

/// Refused for a reason that has these words.
#[track_caller]
fn refused(dir: &TempDir, line: &str, words: &str) {
    if is_emulated() {
        return eprintln!("NOT TESTED: {line}: the limits would be the emulator's own");
    }
    let (code, text) = limited(dir, line);
    let is_line = text.starts_with("error: ") && text.trim_end().lines().count() == 1;
    assert!(matches!(code, Some(1 | 2)) && is_line && text.contains(words), "{line}: {code:?}, {:.200}", text);
}

fn put(dir: &TempDir, name: &str, bytes: impl AsRef<[u8]>) {
    fs::write(dir.path().join(name), bytes).unwrap();
}

fn temp() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// `first`, then so many MiB of `block`s.
fn gzip(first: &[u8], block: &[u8], mebibytes: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(first).unwrap();
    let block = block.repeat((1 << 20) / block.len());
    (0..mebibytes).for_each(|_| encoder.write_all(&block).unwrap());
    encoder.finish().unwrap()
}

/// What stands in a column.
type Cell = fn(usize) -> String;

/// Lines of so many cells.
fn lines(columns: usize, cells: &[Cell]) -> String {
    let line = |cell: &Cell| (0..columns).map(cell).collect::<Vec<_>>().join(",") + "\n";
    cells.iter().map(line).collect()
}

#[test]
fn a_line_has_so_many_cells_at_most() {
    let dir = temp();
    put(&dir, "commas.csv", ",".repeat(50 << 20));
    put(&dir, "row.csv", "a,b,c\n1,2,3\n".to_owned() + &",".repeat(50 << 20));
    for line in ["train --data commas.csv", "train --data row.csv", &format!("predict {MODEL} commas.csv")] {
        refused(&dir, line, "more than 131072 cells");
    }
    put(&dir, "packed.csv.gz", gzip(b"a,b\n", b"1,2,", 64));
    refused(&dir, "train --data packed.csv.gz", "more than 131072 cells");
}

#[test]
fn a_line_has_so_many_bytes_at_most() {
    let dir = temp();
    put(&dir, "packed.csv.gz", gzip(b"a,b\n1,2\n", b"1", 80));
    refused(&dir, "train --data packed.csv.gz", "line 3: the line is longer than 67108864 bytes");
    put(&dir, "quote.csv.gz", gzip(b"a,b\n1,\"2", b"\n1", 80));
    refused(&dir, "train --data quote.csv.gz", "line 2: the quotation mark is not closed");
}

/// What is done for each column does not depend on how many others there are.
#[test]
fn time_grows_with_the_columns_and_not_with_their_square() {
    let (dir, columns) = (temp(), 131_072);
    let (name, number): (Cell, Cell) = (|i| format!("c{i}"), |i| i.to_string());
    put(&dir, "named.csv", lines(columns, &[name, number, |_| "2".to_owned(), number, |_| "3".to_owned(), number]));
    refused(&dir, "train --data named.csv --regression", "131071 inputs are too many");
    put(&dir, "nameless.csv", lines(columns, &[|_| String::new(), |_| "1".to_owned(), number]));
    refused(&dir, "train --data nameless.csv --header yes --regression", "nameless.csv: ");
    put(&dir, "same.csv", lines(columns, &[|_| "x".to_owned(), number, |_| "2".to_owned()]));
    refused(&dir, "train --data same.csv", "several columns have the name `x`");
    put(&dir, "wrong.csv", lines(columns, &[name, number, |_| "2".to_owned(), |_| "5 %".to_owned()]));
    refused(&dir, "train --data wrong.csv --regression", "line 4, column `c0`: expected a number, found `5 %`; ");
}

#[test]
fn an_error_is_no_longer_than_a_page() {
    let dir = temp();
    put(&dir, "cell.csv", format!("a,b\n1,2\n{},3\n2,4\n", "x".repeat(1 << 20)));
    refused(&dir, "train --data cell.csv --regression", "line 3, column `a`: expected a number, found `xxx");
    let tensor = "x".repeat(1 << 20);
    put(&dir, "name.safetensors", safetensors(&format!("{{\"{tensor}\":{{{TENSOR}[0,4]}}}}"), 4));
    refused(&dir, "info name.safetensors", "does not belong to a dense layer or a norm");
}

#[test]
fn what_is_no_text_is_said() {
    let dir = temp();
    put(&dir, "latin.csv", b"a,b\n1,2\n3,4\n\xe9,5\n");
    refused(&dir, "train --data latin.csv", "line 4 is not UTF-8");
}

#[test]
fn a_header_of_idx_is_believed_when_the_data_come() {
    let dir = temp();
    let header = |count: u32| [[0, 0, 8, 3], count.to_be_bytes(), [0, 0, 0, 28], [0, 0, 0, 28]].concat();
    put(&dir, "i.gz", gzip(&header(u32::MAX), &[0], 64));
    put(&dir, "many.gz", gzip(&header(1), &[0], 64));
    put(&dir, "raw", header(u32::MAX));
    for (file, words) in
        [("i.gz", "found the end of the data"), ("many.gz", "found more bytes"), ("raw", "found the end of the data")]
    {
        let line = format!("train --train-images {file} --train-labels raw --test-images {file} --test-labels raw");
        refused(&dir, &line, words);
    }
}

#[test]
fn devices_and_links_have_an_end() {
    let dir = temp();
    refused(&dir, "train --data /dev/zero", "expected a table as text");
    refused(&dir, &format!("predict {MODEL} /dev/zero"), "expected a table as text");
    refused(&dir, &format!("predict {MODEL} /dev/urandom"), "/dev/urandom: ");
    let files = "--train-images /dev/zero --train-labels /dev/zero --test-images /dev/zero --test-labels /dev/zero";
    refused(&dir, &format!("train {files}"), "byte 2: expected element type");
    // Two links that lead back are 2ⁿ ways of n steps.
    let pictures = dir.path().join("pictures");
    fs::create_dir(&pictures).unwrap();
    ["a", "b"].iter().for_each(|name| symlink(&pictures, pictures.join(name)).unwrap());
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/firmware/model.cygnet");
    refused(&dir, &format!("predict {} pictures", model.display()), "expected pictures");
}

/// A pipe that says nothing more does not hold the program. (Ctrl-C is not sent, since a job in the background ignores it.)
#[test]
fn a_signal_ends_the_program_while_it_reads() {
    let dir = temp();
    let mut reading = command(dir.path(), "train --data /dev/stdin --regression");
    let mut child = reading.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(b"a,b\n1,2\n").unwrap();
    std::thread::sleep(Duration::from_millis(500));
    assert!(child.try_wait().unwrap().is_none(), "it does not wait for more rows");
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert!(!child.wait().unwrap().success());
    drop(pipe);
}

/// A tensor of one number, but for its place.
const TENSOR: &str = r#""dtype":"F32","shape":[1,1],"data_offsets":"#;

/// A file with this header, and as many zeros.
fn safetensors(header: &str, zeros: usize) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; zeros]].concat()
}

#[test]
fn a_header_of_safetensors_is_long_or_deep_in_vain() {
    let dir = temp();
    let all = |end: &str| {
        let one = |i: usize| format!("\"l{i}.{end}\":{{{TENSOR}[{},{}]}}", 4 * i, 4 * i + 4);
        safetensors(&format!("{{{}}}", (0..100_000).map(one).collect::<Vec<_>>().join(",")), 400_000)
    };
    put(&dir, "weights.safetensors", all("weight"));
    put(&dir, "means.safetensors", all("running_mean"));
    put(&dir, "deep.safetensors", safetensors(&format!("{{\"__metadata__\":{}", "[".repeat(1 << 20)), 0));
    put(&dir, "length.safetensors", u64::MAX.to_le_bytes());
    refused(&dir, "info weights.safetensors", "layers");
    refused(&dir, "info means.safetensors", "layers");
    refused(&dir, "info deep.safetensors", "not a safetensors file");
    refused(&dir, "info length.safetensors", "not a safetensors file");
}
