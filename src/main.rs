//! The command `cygnet`: arguments in, [`cygnet::host`] does the work, tables out.

mod cli;

use clap::Parser;
use cli::{Command, Places, Progress};
use cygnet::host::evaluation::Evaluation;
use cygnet::host::mnist::Dataset;
use cygnet::host::model_file::SavedModel;
use cygnet::host::plan::Plan;
use cygnet::host::run::{Outcome, train};
use cygnet::host::{HostError, inspect, plane, plot, report, soup};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Arguments that cannot be, as clap has it.
const USAGE: u8 = 2;
/// What a shell reports of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    match run(cli::Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            complain(&format!("error: {error}"));
            if matches!(error, HostError::Usage(_)) { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
        }
    }
}

fn run(command: Command) -> Result<ExitCode, HostError> {
    match command {
        Command::Train(arguments) => return run_training(&arguments),
        Command::Eval(arguments) => {
            let (plan, model) = (arguments.split.plan()?, SavedModel::read(&arguments.model)?);
            let evaluation = Evaluation::new(&model, &open(arguments.data.as_deref())?, &plan)?;
            say(&if arguments.json { evaluation.json()? } else { evaluation.table() })?;
        }
        Command::Info { model } => say(&inspect::info(&SavedModel::read(&model)?))?,
        Command::Predict { model, file } => {
            let model = SavedModel::read(&model)?;
            let verdicts = inspect::predict_file(&model, &file)?;
            say(&cli::verdicts(&verdicts, model.spec.loss_kind()))?;
        }
        Command::Average(arguments) => {
            let (models, method, plan) = arguments.plan()?;
            let data = open(arguments.data.as_deref())?;
            let (average, table) = soup::average(&models, &method, &data, &plan)?;
            average.write(&arguments.out)?;
            say(&format!("{table}\n\nSaved in {}.", arguments.out.display()))?;
        }
        Command::Plane(arguments) => return draw(&arguments),
        Command::Convert { model, to, fold } => {
            let model = SavedModel::read(&model)?;
            if fold { model.folded()? } else { model }.write(&to)?;
        }
    }
    Ok(ExitCode::SUCCESS)
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

fn open(directory: Option<&Path>) -> Result<Dataset, HostError> {
    Ok(match directory {
        Some(directory) => Dataset::open(directory)?,
        None => Dataset::sample()?,
    })
}

fn draw(arguments: &cli::Plane) -> Result<ExitCode, HostError> {
    let read = |path: &PathBuf| Ok((path.display().to_string(), SavedModel::read(path)?));
    let models = arguments.models.iter().map(read).collect::<Result<Vec<_>, HostError>>()?;
    let frame = plane::Frame::new(&models)?;
    let data = open(arguments.data.as_deref())?;
    let Some((_, first)) = models.first() else { return Ok(ExitCode::SUCCESS) };
    let mut part = arguments.out.clone().into_os_string();
    part.push(".csv.part");
    probe(Path::new(&part))?;
    let (stop, bar) = (stop_on_ctrl_c(), Places::new(arguments.quiet));
    let grid = plane::survey(first, &frame, arguments.view(), &data, &stop, &mut |done, total| bar.show(done, total));
    bar.finish();
    let Some(grid) = grid? else {
        complain("interrupted; nothing is drawn");
        return Ok(ExitCode::from(INTERRUPTED));
    };
    plot::write(&arguments.out, &grid, frame.marks())?;
    let out = arguments.out.display();
    say(&format!("{}\n\nDrawn in {out}.svg and {out}.png; the numbers are in {out}.csv.", grid.least()))?;
    Ok(ExitCode::SUCCESS)
}

fn run_training(arguments: &cli::Train) -> Result<ExitCode, HostError> {
    let plan = arguments.plan()?;
    let data = open(arguments.data.as_deref())?;
    plan.check()?;
    let spec = plan.spec(data.train.inputs(), data.classes)?;
    plan.check_batches(data.train.len() - plan.held_out(data.train.len())?)?;
    prepare(&arguments.out)?;
    let stop = stop_on_ctrl_c();
    if !arguments.quiet {
        say(&cli::introduction(&plan, &spec, &data, arguments.data.as_deref()))?;
    }
    let many = arguments.seeds > 1;
    let mut outcomes = Vec::new();
    for seed in (0..arguments.seeds).map(|i| plan.seed.wrapping_add(i.into())) {
        let directory = if many { arguments.out.join(format!("seed-{seed}")) } else { arguments.out.clone() };
        prepare(&directory)?;
        let mut progress = Progress::new(arguments.quiet, many.then_some(seed));
        let plan = Plan { seed, ..plan.clone() };
        let outcome = train(&data, &plan, &mut progress, &stop).and_then(|mut outcome| {
            if arguments.baseline && !outcome.interrupted && outcome.diverged.is_none() {
                progress.begin("the same budget with a rate that falls to zero:");
                let baseline = train(&data, &plan.baseline(), &mut progress, &stop)?;
                outcome.baseline = (!baseline.interrupted).then_some(baseline.last_marks);
                outcome.interrupted = baseline.interrupted;
            }
            Ok(outcome)
        });
        progress.finish();
        let mut outcome = outcome?;
        let saved = save(&directory, &outcome);
        say(&format!("\n{}\n", report::comparison(&outcome)))?;
        saved?;
        if let Some(error) = outcome.diverged.take() {
            complain(&format!("the models of epoch {} are saved in {}", outcome.history.len(), directory.display()));
            return Err(error);
        }
        outcomes.push((seed, outcome));
        if stop.load(Relaxed) {
            break;
        }
    }
    let whole = outcomes.iter().filter(|(_, outcome)| !outcome.interrupted).map(|(_, outcome)| outcome);
    let whole: Vec<&Outcome> = whole.collect();
    if whole.len() > 1 {
        say(&format!("{}\n", report::seeds(&whole)))?;
    }
    if !arguments.quiet {
        say(&cli::conclusion(&arguments.out, many, &outcomes))?;
    }
    if outcomes.iter().any(|(_, outcome)| outcome.interrupted) {
        complain(&format!("interrupted; what was learned so far is saved in {}", arguments.out.display()));
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes a directory and checks that files can be made in it, before hours are spent on what could not be saved.
fn prepare(directory: &Path) -> Result<(), HostError> {
    let failed = |source| HostError::File { path: directory.into(), source };
    std::fs::create_dir_all(directory).map_err(failed)?;
    probe(&directory.join("history.csv.part"))
}

/// Checks that a file can be made, by one that is gone at once.
fn probe(part: &Path) -> Result<(), HostError> {
    let made = std::fs::write(part, "").and_then(|()| std::fs::remove_file(part));
    made.map_err(|source| HostError::File { path: part.with_extension(""), source })
}

/// The names under which averages are saved: the first is `average`, the others go by their kind.
const AVERAGES: [&str; 5] = ["average", "swa", "ema", "lawa", "swag"];

/// All models in both formats, and the history; an average of an earlier run does not stay beside them.
fn save(directory: &Path, outcome: &Outcome) -> Result<(), HostError> {
    let averages = outcome.averages.iter().enumerate();
    let averages = averages.map(|(i, a)| (if i == 0 { AVERAGES[0] } else { a.name }, &a.params, true));
    let last = ("last", &outcome.last, outcome.last_is_average);
    let models: Vec<(&str, &Vec<f32>, bool)> = std::iter::once(last).chain(averages).collect();
    for name in AVERAGES.into_iter().chain(["last"]) {
        let files = ["cygnet", "safetensors"].map(|format| directory.join(name).with_extension(format));
        let model = models.iter().find(|(model, ..)| *model == name).map(|(_, params, is_average)| SavedModel {
            spec: outcome.spec,
            params: (*params).clone(),
            is_average: *is_average,
        });
        for path in &files {
            match &model {
                Some(model) => model.write(path)?,
                None if path.is_file() => {
                    std::fs::remove_file(path).map_err(|source| HostError::File { path: path.clone(), source })?;
                }
                None => {}
            }
        }
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
        complain(&format!("warning: Ctrl-C will not save anything ({error})"));
    }
    stop
}
