//! The command `cygnet`: arguments in, [`cygnet::host`] does the work, tables out.

mod cli;

use clap::Parser;
use cli::{Command, Places, Progress};
use cygnet::Start;
use cygnet::host::evaluation::Evaluation;
use cygnet::host::mnist::Dataset;
use cygnet::host::model_file::SavedModel;
use cygnet::host::plan::Plan;
use cygnet::host::replicas::{ReplicaPlan, train_replicas};
use cygnet::host::reproduce::{Reproduction, Stage};
use cygnet::host::run::{Outcome, train};
use cygnet::host::soup::Method;
use cygnet::host::{HostError, ensemble, inspect, page, plane, plot, report, soup};
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
        Command::Vote(arguments) => {
            let (models, plan) = (arguments.models()?, arguments.split.plan()?);
            let data = open(arguments.data.as_deref())?;
            say(&ensemble::table(&models, &[], arguments.weights.as_deref(), &data, &plan)?.to_string())?;
        }
        Command::Plane(arguments) => return draw(&arguments),
        Command::Reproduce(arguments) => return reproduce(&arguments),
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
    let replicas = arguments.replicas.plan();
    replicas.iter().try_for_each(ReplicaPlan::check)?;
    let spec = plan.spec(data.train.inputs(), data.classes)?;
    plan.check_batches(data.train.len() - plan.held_out(data.train.len())?)?;
    prepare(&arguments.out)?;
    let stop = stop_on_ctrl_c();
    if !arguments.quiet {
        say(&cli::introduction(&plan, &spec, &data, arguments.data.as_deref()))?;
    }
    if let Some(replicas) = replicas {
        return run_replicas(arguments, &plan, &replicas, &data, &stop);
    }
    let name = cli::source(arguments.data.as_deref());
    let source = page::Source { data: &data, name: &name };
    let many = arguments.seeds > 1;
    let mut outcomes = Vec::new();
    for seed in (0..arguments.seeds).map(|i| plan.seed.wrapping_add(i.into())) {
        let directory = if many { arguments.out.join(format!("seed-{seed}")) } else { arguments.out.clone() };
        prepare(&directory)?;
        let mut progress = Progress::new(arguments.quiet, many.then_some(seed), plan.growth.is_some());
        let plan = Plan { seed, ..plan.clone() };
        let outcome = train(&data, &plan, &mut progress, &stop).and_then(|mut outcome| {
            if arguments.baseline && !outcome.interrupted && outcome.diverged.is_none() {
                progress.begin("the same budget with a rate that falls to zero:");
                let baseline = train(&data, &plan.baseline(), &mut progress, &stop)?;
                outcome.baseline = (!baseline.interrupted).then_some(baseline.last_marks);
                outcome.baseline_history = baseline.history;
                outcome.interrupted = baseline.interrupted;
            }
            Ok(outcome)
        });
        progress.finish();
        let mut outcome = outcome?;
        let saved = save(&directory, &outcome).and_then(|()| page::of_run(source, &plan, &outcome)?.write(&directory));
        say(&format!("\n{}\n\n{}\n", report::comparison(&outcome), report::remark(&outcome)))?;
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
        let text = format!("Mean ± standard deviation of {} seeds.", whole.len());
        say(&format!("{}\n\n{text}\n", report::seeds(&whole)))?;
    }
    if many {
        page::of_seeds(source, &plan, &outcomes)?.write(&arguments.out)?;
    }
    if !arguments.quiet {
        say(&cli::conclusion(&arguments.out, many, &outcomes))?;
    }
    // Between two seeds, too.
    let is_cut = outcomes.len() < arguments.seeds as usize;
    if is_cut || outcomes.iter().any(|(_, outcome)| outcome.interrupted) {
        complain(&format!("interrupted; what was learned so far is saved in {}", arguments.out.display()));
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(ExitCode::SUCCESS)
}

/// Replicas, their mean, a soup and their votes in one table.
fn run_replicas(
    arguments: &cli::Train,
    plan: &Plan,
    replicas: &ReplicaPlan,
    data: &Dataset,
    stop: &AtomicBool,
) -> Result<ExitCode, HostError> {
    let plan = Plan { averages: None, ..plan.clone() };
    let mut progress = Progress::new(arguments.quiet, None, false);
    let trained = train_replicas(data, &plan, replicas, &mut progress, stop);
    progress.finish();
    let trained = trained?;
    let saved = |params, is_average| SavedModel { spec: trained.spec, params, is_average };
    let models = trained.models.into_iter().zip(1..);
    let models: Vec<_> = models.map(|(params, k)| (format!("replica-{k}"), saved(params, false))).collect();
    let mut mixes = vec![("average".to_owned(), saved(trained.mean, true))];
    if plan.validation > 0.0 {
        mixes.push(("soup".to_owned(), soup::average(&models, &Method::Soup, data, &plan)?.0));
    }
    let all: Vec<_> = models.iter().chain(&mixes).map(|(name, model)| (name.as_str(), model)).collect();
    save_models(&arguments.out, &all)?;
    report::write_history(&arguments.out.join("history.csv"), &trained.history)?;
    let table = ensemble::table(&models, &mixes, None, data, &plan)?;
    say(&format!("\n{table}"))?;
    let is_apart = replicas.is_free() && replicas.start == Start::Independent;
    let shown = if is_apart { models.first() } else { mixes.first() };
    if let Some((shown, model)) = shown {
        let run = page::ReplicaRun {
            replicas,
            history: &trained.history,
            table: &table,
            shown: (shown, model),
            interrupted: trained.interrupted,
        };
        let source = page::Source { data, name: &cli::source(arguments.data.as_deref()) };
        page::of_replicas(source, &plan, run)?.write(&arguments.out)?;
    }
    if is_apart {
        say(
            "\nReplicas that start apart and are never pulled lie in different basins, where hidden units have changed\n\
             places: what lies between them, as the average of their weights, is no model. Their votes are sound.",
        )?;
    }
    if !arguments.quiet {
        let model = arguments.out.join("average.cygnet");
        say(&format!("\n{}", cli::saved(&arguments.out, &model)))?;
    }
    if trained.interrupted {
        complain(&format!("interrupted; what was learned so far is saved in {}", arguments.out.display()));
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(ExitCode::SUCCESS)
}

/// Every way of the article to train and to predict, in one table.
fn reproduce(arguments: &cli::Reproduce) -> Result<ExitCode, HostError> {
    let data = open(arguments.data.as_deref())?;
    let recipe = arguments.recipe();
    let plan = recipe.plan.clone();
    let spec = plan.spec(data.train.inputs(), data.classes)?;
    let mut reproduction = Reproduction::new(&data, recipe)?;
    prepare(&arguments.out)?;
    let stop = stop_on_ctrl_c();
    if !arguments.quiet {
        say(&cli::introduction(&plan, &spec, &data, arguments.data.as_deref()))?;
    }
    let mut whole = true;
    let seeds = (0..arguments.seeds).map(|i| arguments.seed.wrapping_add(i.into()));
    for (seed, stage) in seeds.flat_map(|seed| Stage::ALL.map(|stage| (seed, stage))) {
        let mut progress = Progress::new(arguments.quiet, None, stage == Stage::Growing);
        progress.begin(&format!("{}, seed {seed}:", stage.title()));
        let trained = reproduction.run(stage, seed, &mut progress, &stop);
        progress.finish();
        whole = trained?;
        if !whole {
            break;
        }
    }
    reproduction.write(&arguments.out, arguments.seed)?;
    say(&format!("\n{}\n\n{}", reproduction.table(), cli::notes()))?;
    if !arguments.quiet {
        say(&format!("\nSaved in {}.", arguments.out.display()))?;
    }
    if !whole {
        complain(&format!("interrupted; the stages that came to their end are saved in {}", arguments.out.display()));
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes a directory and checks that files can be made in it, before hours are spent on what could not be saved.
fn prepare(directory: &Path) -> Result<(), HostError> {
    let failed = |source| HostError::File { path: directory.into(), source };
    std::fs::create_dir_all(directory).map_err(failed)?;
    page::Page::check_place(directory)?;
    probe(&directory.join("history.csv.part"))
}

/// Checks that a file can be made, by one that is gone at once.
fn probe(part: &Path) -> Result<(), HostError> {
    let made = std::fs::write(part, "").and_then(|()| std::fs::remove_file(part));
    made.map_err(|source| HostError::File { path: part.with_extension(""), source })
}

/// The last iterate and the averages, the first as `average`, the others by their kind, and the history.
fn save(directory: &Path, outcome: &Outcome) -> Result<(), HostError> {
    let model = |params: &[f32], is_average| SavedModel { spec: outcome.spec, params: params.to_vec(), is_average };
    let mut models = vec![("last", model(&outcome.last, outcome.last_is_average))];
    for (i, average) in outcome.averages.iter().enumerate() {
        models.push((if i == 0 { "average" } else { average.name }, model(&average.params, true)));
    }
    let all: Vec<_> = models.iter().map(|(name, model)| (*name, model)).collect();
    save_models(directory, &all)?;
    report::write_history(&directory.join("history.csv"), &outcome.history)
}

/// Models in both formats; one of an earlier run does not stay beside them.
fn save_models(directory: &Path, models: &[(&str, &SavedModel)]) -> Result<(), HostError> {
    const OURS: [&str; 7] = ["last", "average", "swa", "ema", "lawa", "swag", "soup"];
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| HostError::File { path, source }
    };
    for entry in std::fs::read_dir(directory).map_err(failed(directory))? {
        let path = entry.map_err(failed(directory))?.path();
        let [stem, format] = [path.file_stem(), path.extension()].map(|part| part.and_then(|part| part.to_str()));
        let is_ours = stem.is_some_and(|stem| OURS.contains(&stem) || stem.starts_with("replica-"));
        let is_model = matches!(format, Some("cygnet" | "safetensors")) && path.is_file();
        if is_ours && is_model && !models.iter().any(|(name, _)| stem == Some(name)) {
            std::fs::remove_file(&path).map_err(failed(&path))?;
        }
    }
    for (name, model) in models {
        for format in ["cygnet", "safetensors"] {
            model.write(&directory.join(name).with_extension(format))?;
        }
    }
    Ok(())
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
