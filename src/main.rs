//! The command `cygnet`: arguments in, [`cygnet::host`] does the work, tables out.

mod cli;
mod command;

use clap::Parser;
use cygnet::host::HostError;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

/// Arguments that cannot be, as clap has it.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    match command::run(cli::Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            complain(&format!("error: {error}"));
            if matches!(error, HostError::Usage(_)) { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
        }
    }
}

/// Prints to standard output; a reader that has gone away is no error.
fn say(text: &str) -> Result<(), HostError> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(source) if source.kind() != ErrorKind::BrokenPipe => {
            Err(HostError::File { path: "standard output".into(), source })
        }
        _ => Ok(()),
    }
}

/// Prints to standard error, where nobody can be told that it failed.
fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints a result, and to standard error what is to be known of it.
fn say_noted(notes: &[String], text: &str) -> Result<(), HostError> {
    notes.iter().for_each(|note| complain(note));
    say(text)
}
