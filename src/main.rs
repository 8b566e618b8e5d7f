//! The command `cygnet`: arguments in, [`cygnet::host`] does the work, tables out.

mod cli;

use clap::Parser;
use cli::{Command, Places, Progress};
use cygnet::host::dataset::Dataset;
use cygnet::host::evaluation::Evaluation;
use cygnet::host::model_file::SavedModel;
use cygnet::host::page::Page;
use cygnet::host::plan::Plan;
use cygnet::host::regression::RegressionEvaluation;
use cygnet::host::replicas::{APART, ReplicaPlan, train_replicas};
use cygnet::host::reproduce::{Reproduction, Stage};
use cygnet::host::run::{Outcome, train};
use cygnet::host::{HostError, ensemble, output, page, plane, plot, report, soup};
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
            let (plan, model) = (arguments.split.plan()?, cli::read_model(&arguments.model)?);
            let data = arguments.data.for_model(&model)?;
            say(&if data.train.has_classes() {
                let evaluation = Evaluation::new(&model, &data, &plan)?;
                if arguments.json { evaluation.json()? } else { evaluation.table() }
            } else {
                let evaluation = RegressionEvaluation::new(&model, &data, &plan)?;
                if arguments.json { evaluation.json()? } else { evaluation.table() }
            })?;
        }
        Command::Info { model } => say(&cli::info(&model)?)?,
        Command::Predict { model, file, transpose } => {
            return cli::answer(&cli::read_model(&model)?, &file, transpose);
        }
        Command::Average(arguments) => {
            let (models, method, plan) = arguments.plan()?;
            let data = for_first(&arguments.data, &models)?;
            let (average, table) = soup::average(&models, &method, &data, &plan)?;
            average.write(&arguments.out)?;
            say(&format!("{table}\n\nSaved in {}.", arguments.out.display()))?;
        }
        Command::Vote(arguments) => {
            let (models, plan) = (arguments.models()?, arguments.split.plan()?);
            let data = for_first(&arguments.data, &models)?;
            say(&ensemble::compare(&models, &[], arguments.weights.as_deref(), &data, &plan)?.to_string())?;
        }
        Command::Plane(arguments) => return draw(&arguments),
        Command::Reproduce(arguments) => return reproduce(&arguments),
        Command::Convert(arguments) => arguments.read()?.write(&arguments.to)?,
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

/// Names the classes that a run cannot learn.
fn warn(data: &Dataset, plan: &Plan) -> Result<(), HostError> {
    let unseen = cygnet::host::run::unseen_classes(data, plan)?;
    if !unseen.is_empty() {
        let classes = if unseen.len() == 1 { "class" } else { "classes" };
        let (names, seed) = (unseen.join("`, `"), plan.seed);
        complain(&format!(
            "warning: no training sample of {classes} `{names}` with --seed {seed}: the model cannot learn it"
        ));
    }
    Ok(())
}

/// The samples that the first of several models takes, which goes for all of them.
fn for_first(data: &cli::Data, models: &[(String, SavedModel)]) -> Result<Dataset, HostError> {
    let none = || HostError::Usage("no models".to_owned());
    models.first().ok_or_else(none).and_then(|(_, model)| data.for_model(model))
}

fn draw(arguments: &cli::Plane) -> Result<ExitCode, HostError> {
    let read = |path: &PathBuf| Ok((path.display().to_string(), cli::read_model(path)?));
    let models = arguments.models.iter().map(read).collect::<Result<Vec<_>, HostError>>()?;
    let frame = plane::Frame::new(&models)?;
    let data = for_first(&arguments.data, &models)?;
    let Some((_, first)) = models.first() else { return Ok(ExitCode::SUCCESS) };
    let mut part = arguments.out.clone().into_os_string();
    part.push(".csv.part");
    output::probe(Path::new(&part))?;
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
    plan.check()?;
    let loaded = arguments.read()?;
    let data = loaded.dataset(&plan)?;
    let replicas = arguments.replicas.plan();
    replicas.iter().try_for_each(|replicas| replicas.check(&plan))?;
    let spec = plan.spec(data.train.inputs(), data.classes)?;
    plan.check_batches(data.train.len() - plan.held_out(data.train.len())?)?;
    output::prepare(&arguments.out)?;
    let stop = stop_on_ctrl_c();
    if !arguments.quiet {
        say(&cli::introduction(&plan, &spec, &data, arguments.data.path()))?;
        loaded.notes().iter().try_for_each(|note| say(&format!("{note}\n")))?;
    }
    if let Some(replicas) = replicas {
        return run_replicas(arguments, &plan, &replicas, &loaded, &stop);
    }
    let name = cli::source(arguments.data.path());
    let many = arguments.seeds > 1;
    let (mut outcomes, mut diverged) = (Vec::new(), None);
    for (plan, directory) in runs(arguments, &plan) {
        let seed = plan.seed;
        output::prepare(&directory)?;
        let mut progress = Progress::new(arguments.quiet, many.then_some(seed), plan.growth.is_some());
        let data = loaded.dataset(&plan)?;
        warn(&data, &plan)?;
        let source = page::Source { data: &data, name: &name };
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
        let saved = output::save(&directory, &outcome, &data).and_then(|()| match outcome.last_marks.regression {
            None => page::of_run(source, &plan, &outcome)?.write(&directory),
            Some(_) => Page::forget(&directory),
        });
        say(&format!("\n{}\n\n{}\n", report::comparison(&outcome), report::remark(&outcome)))?;
        if let Some(draws) = ensemble::draws(&outcome.averages, &outcome.spec) {
            say(&format!("{draws}\n"))?;
        }
        saved?;
        diverged = outcome.diverged.take();
        if diverged.is_some() {
            complain(&format!("the models of epoch {} are saved in {}", outcome.history.len(), directory.display()));
            break;
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
    if many && data.train.has_classes() {
        page::of_seeds(page::Source { data: &data, name: &name }, &plan, &outcomes)?.write(&arguments.out)?;
    } else if many {
        Page::forget(&arguments.out)?;
    }
    if !arguments.quiet && !outcomes.is_empty() {
        say(&cli::conclusion(&arguments.out, many, data.preparation.is_some(), &outcomes))?;
    }
    if let Some(error) = diverged {
        return Err(error);
    }
    // Between two seeds, too.
    let is_cut = outcomes.len() < arguments.seeds as usize;
    if is_cut || outcomes.iter().any(|(_, outcome)| outcome.interrupted) {
        complain(&format!("interrupted; what was learned so far is saved in {}", arguments.out.display()));
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(ExitCode::SUCCESS)
}

/// The plan of each seed, and where its models go.
fn runs(arguments: &cli::Train, plan: &Plan) -> impl Iterator<Item = (Plan, PathBuf)> {
    (0..arguments.seeds).map(|i| {
        let seed = plan.seed.wrapping_add(i.into());
        let out = &arguments.out;
        let directory = if arguments.seeds > 1 { out.join(format!("seed-{seed}")) } else { out.clone() };
        (Plan { seed, ..plan.clone() }, directory)
    })
}

/// Replicas, their mean, its averages, a soup and their votes in one table, for each seed.
fn run_replicas(
    arguments: &cli::Train,
    plan: &Plan,
    replicas: &ReplicaPlan,
    loaded: &cli::Loaded,
    stop: &AtomicBool,
) -> Result<ExitCode, HostError> {
    let name = cli::source(arguments.data.path());
    let many = arguments.seeds > 1;
    let (mut whole, mut links, mut first) = (Vec::new(), Vec::new(), None);
    let (mut ended, mut cut) = (Ok(()), false);
    for (plan, directory) in runs(arguments, plan) {
        output::prepare(&directory)?;
        let mut progress = Progress::new(arguments.quiet, many.then_some(plan.seed), false);
        let data = loaded.dataset(&plan)?;
        warn(&data, &plan)?;
        let source = page::Source { data: &data, name: &name };
        let trained = train_replicas(&data, &plan, replicas, &mut progress, stop);
        progress.finish();
        let trained = trained?;
        let comparison = output::save_replicas(&directory, &trained, replicas, &plan, source)?;
        say(&format!("\n{comparison}\n"))?;
        links.push(plan.seed);
        cut = trained.interrupted;
        if let Some(error) = trained.diverged {
            let epoch = trained.history.len();
            complain(&format!("the replicas of epoch {epoch} are saved in {}", directory.display()));
            ended = Err(error);
            break;
        }
        first = first.or(Some(directory));
        if !trained.interrupted {
            whole.push(comparison);
        }
        if stop.load(Relaxed) {
            break;
        }
    }
    let data = loaded.dataset(plan)?;
    let table = ensemble::seeds(&whole);
    if whole.len() > 1 {
        say(&format!("{table}\n\nMean ± standard deviation of {} seeds.\n", whole.len()))?;
    }
    if many && data.train.has_classes() {
        let source = page::Source { data: &data, name: &name };
        page::of_replica_seeds(source, plan, replicas, &table, &links)?.write(&arguments.out)?;
    } else if many {
        Page::forget(&arguments.out)?;
    }
    if replicas.is_apart() {
        say(&format!("{APART}\n"))?;
    }
    if let Some(first) = first.filter(|_| !arguments.quiet) {
        let (is_table, has_page) = (data.preparation.is_some(), data.train.has_classes());
        say(&cli::saved(&arguments.out, &first.join("average.cygnet"), is_table, has_page))?;
    }
    ended?;
    if cut || links.len() < arguments.seeds as usize {
        complain(&format!("interrupted; what was learned so far is saved in {}", arguments.out.display()));
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(ExitCode::SUCCESS)
}

/// Every way of the article to train and to predict, in one table and on one page.
fn reproduce(arguments: &cli::Reproduce) -> Result<ExitCode, HostError> {
    let data = arguments.read()?;
    let name = cli::source(arguments.path());
    let mut reproduction = Reproduction::new(&data, arguments.recipe())?;
    let plan = reproduction.recipe().plan.clone();
    let spec = plan.spec(data.train.inputs(), data.classes)?;
    output::prepare(&arguments.out)?;
    let stop = stop_on_ctrl_c();
    if !arguments.quiet {
        say(&cli::introduction(&plan, &spec, &data, arguments.path()))?;
    }
    let seeds = (0..arguments.seeds).map(|i| arguments.seed.wrapping_add(i.into()));
    seeds.clone().try_for_each(|seed| warn(&data, &Plan { seed, ..plan.clone() }))?;
    let mut trained = Ok(true);
    for (seed, stage) in seeds.flat_map(|seed| Stage::ALL.map(|stage| (seed, stage))) {
        let mut progress = Progress::new(arguments.quiet, None, stage == Stage::Growing);
        progress.begin(&format!("{}, seed {seed}:", stage.title()));
        trained = reproduction.run(stage, seed, &mut progress, &stop);
        progress.finish();
        // After each stage, since there may be no next; what training says comes first.
        let written = reproduction.write(&arguments.out);
        trained = trained.and_then(|done| written.map(|()| done));
        if !matches!(trained, Ok(true)) {
            break;
        }
    }
    let source = page::Source { data: &data, name: &name };
    let page = page::of_reproduction(source, &reproduction, arguments.seeds, trained.as_ref().err());
    let paged = page.and_then(|page| page.write(&arguments.out));
    say(&format!("\n{}", reproduction.variants.table()))?;
    if !arguments.quiet {
        let out = &arguments.out;
        let page = out.join("report.html");
        say(&format!("\n{}\n\nSaved in {}, with {} to look at.", cli::notes(), out.display(), page.display()))?;
    }
    let trained = trained?;
    paged?;
    if !trained {
        complain(&format!("interrupted; the stages that came to their end are saved in {}", arguments.out.display()));
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(ExitCode::SUCCESS)
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
