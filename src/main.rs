//! The command `cygnet`: arguments in, [`cygnet::host`] does the work, tables out.

mod cli;
mod command;

use clap::Parser;
use cygnet::host::HostError;
use cygnet::host::report::terminal_width;
use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Arguments that cannot be, as clap has it.
const USAGE: u8 = 2;
/// Whether `--quiet` is given.
static QUIET: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    QUIET.store(arguments.quiet, Relaxed);
    match command::run(arguments.command) {
        Ok(code) => code,
        Err(error) => {
            complain(&format!("error: {error}"));
            if matches!(error, HostError::Usage(_)) { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
        }
    }
}

/// Whether nothing but results and problems is printed.
fn is_quiet() -> bool {
    QUIET.load(Relaxed)
}

/// Prints to standard output, in lines that fit into a terminal.
fn say(text: &str) -> Result<(), HostError> {
    print(&cli::fitted(text, terminal_width()))
}

/// Prints to standard output as it is; a reader that has gone away is no error.
fn print(text: &str) -> Result<(), HostError> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(source) if source.kind() != ErrorKind::BrokenPipe => {
            Err(HostError::File { path: "standard output".into(), source })
        }
        _ => Ok(()),
    }
}

/// Prints to standard error, where nobody can be told that it failed.
fn complain(text: &str) {
    let mut error = std::io::stderr().lock();
    let width = if error.is_terminal() { terminal_width() } else { usize::MAX };
    let _ = writeln!(error, "{}", cli::fitted(text, width));
}

/// Prints to standard error what is to be known of a result.
fn note(text: &str) {
    if !is_quiet() {
        complain(text);
    }
}

/// Prints a result and the notes on it.
fn say_noted(notes: &[String], text: &str) -> Result<(), HostError> {
    notes.iter().for_each(|text| note(text));
    say(text)
}
