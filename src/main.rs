//! The command `cygnet`: arguments in, [`cygnet::host`] does the work, tables out.

mod cli;

use clap::Parser;
use cli::{Command, Progress};
use cygnet::host::mnist::Dataset;
use cygnet::host::model_file::SavedModel;
use cygnet::host::plan::Plan;
use cygnet::host::run::{Outcome, train};
use cygnet::host::{HostError, inspect, report};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// What a shell reports of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    match run(cli::Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode, HostError> {
    match command {
        Command::Train(arguments) => return run_training(&arguments),
        Command::Eval { model, data } => say(&inspect::eval(&SavedModel::read(&model)?, &open(data.as_deref())?)?),
        Command::Info { model } => say(&inspect::info(&SavedModel::read(&model)?)),
        Command::Predict { model, file } => {
            let model = SavedModel::read(&model)?;
            let verdicts = inspect::predict_file(&model, &file)?;
            say(&cli::verdicts(&verdicts, model.spec.loss_kind()));
        }
        Command::Convert { model, to } => SavedModel::read(&model)?.write(&to)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints to standard output; a reader that has gone away is no error.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

fn open(directory: Option<&Path>) -> Result<Dataset, HostError> {
    Ok(match directory {
        Some(directory) => Dataset::open(directory)?,
        None => Dataset::sample()?,
    })
}

fn run_training(arguments: &cli::Train) -> Result<ExitCode, HostError> {
    let plan = arguments.plan()?;
    let data = open(arguments.data.as_deref())?;
    plan.check()?;
    let spec = plan.spec(data.train.inputs(), data.classes)?;
    std::fs::create_dir_all(&arguments.out)
        .map_err(|source| HostError::File { path: arguments.out.clone(), source })?;
    let stop = stop_on_ctrl_c();
    if !arguments.quiet {
        say(&cli::introduction(&plan, &spec, &data, arguments.data.as_deref()));
    }
    let mut outcomes = Vec::new();
    for seed in (0..arguments.seeds).map(|i| plan.seed.wrapping_add(i.into())) {
        let plan = Plan { seed, ..plan.clone() };
        let mut progress = Progress::new(arguments.quiet, (arguments.seeds > 1).then_some(seed));
        let outcome = train(&data, &plan, &mut progress, &stop)?;
        progress.finish();
        let directory =
            if arguments.seeds > 1 { arguments.out.join(format!("seed-{seed}")) } else { arguments.out.clone() };
        save(&directory, &outcome)?;
        say(&format!("\n{}\n", report::comparison(&outcome)));
        outcomes.push((seed, outcome));
        if stop.load(Relaxed) {
            break;
        }
    }
    if outcomes.len() > 1 {
        say(&format!("{}\n", report::seeds(&outcomes)));
    }
    if !arguments.quiet {
        say(&cli::conclusion(&arguments.out, arguments.seeds > 1, &outcomes));
    }
    if outcomes.iter().any(|(_, outcome)| outcome.interrupted) {
        eprintln!("interrupted; what was learned so far is saved in {}", arguments.out.display());
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(ExitCode::SUCCESS)
}

/// Both models in both formats, and the history.
fn save(directory: &Path, outcome: &Outcome) -> Result<(), HostError> {
    std::fs::create_dir_all(directory).map_err(|source| HostError::File { path: directory.into(), source })?;
    let average = outcome.average.as_ref().map(|(mean, _, _)| mean);
    for (name, params) in [("last", Some(&outcome.last)), ("average", average)] {
        let Some(params) = params else { continue };
        let model = SavedModel { spec: outcome.spec, params: params.clone() };
        model.write(&directory.join(name).with_extension("cygnet"))?;
        model.write(&directory.join(name).with_extension("safetensors"))?;
    }
    report::write_history(&directory.join("history.csv"), &outcome.history)
}

/// A flag that Ctrl-C sets, once; the second Ctrl-C ends the program at once.
fn stop_on_ctrl_c() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let installed = ctrlc::set_handler(move || {
        if flag.swap(true, Relaxed) {
            std::process::exit(INTERRUPTED.into());
        }
    });
    if let Err(error) = installed {
        eprintln!("warning: Ctrl-C will not save anything ({error})");
    }
    stop
}
