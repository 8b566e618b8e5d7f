//! The command `cygnet`: arguments in, [`cygnet::host`] does the work, tables out.

mod cli;

use clap::Parser;
use cli::{Command, Places, Progress};
use cygnet::host::HostError;
use cygnet::host::data::Dataset;
use cygnet::host::evaluation::{Evaluation, RegressionEvaluation};
use cygnet::host::files::Place;
use cygnet::host::plan::{Plan, ReplicaPlan};
use cygnet::host::report::{self, output, page, plot};
use cygnet::host::study::{Reproduction, Stage, ensemble, plane, soup};
use cygnet::host::training::{Outcome, train, train_replicas};
use std::io::{ErrorKind, Write};
use std::path::Path;
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
            let (split, models) = (arguments.split.of_run()?, [cli::read_named(&arguments.model)?]);
            let (data, notes) = arguments.data.for_models(&models)?;
            let [(_, model)] = models;
            let text = if data.train.has_classes() {
                let evaluation = Evaluation::new(&model, &data, split)?;
                if arguments.json { report::json(&evaluation)? } else { report::of_classes(&evaluation) }
            } else {
                let evaluation = RegressionEvaluation::new(&model, &data, split)?;
                if arguments.json { report::json(&evaluation)? } else { report::of_numbers(&evaluation) }
            };
            say_noted(&notes, &text)?;
        }
        Command::Info { model } => say(&cli::info(&model)?)?,
        Command::Predict { model, file, transpose } => {
            return cli::answer(&cli::read_model(&model)?, &file, transpose);
        }
        Command::Average(arguments) => {
            let target = arguments.target()?;
            let (models, method, split) = arguments.plan()?;
            let needs_data = soup::needs_data(&models, &method);
            let (data, notes) = arguments.data.for_average(&models, needs_data)?;
            let soup = soup::average(&models, &method, data.as_ref(), split)?;
            let path = cli::write_model(&soup.average, &target)?;
            let table = report::of_average(&models, &soup);
            say_noted(&notes, &format!("{table}\n\nSaved in {}.", path.display()))?;
        }
        Command::Vote(arguments) => {
            let (models, split) = (arguments.models()?, arguments.split.of_run()?);
            let (data, notes) = arguments.data.for_models(&models)?;
            let compared = ensemble::compare(&models, &[], arguments.weights.as_deref(), &data, split)?;
            say_noted(&notes, &report::of_votes(&compared).to_string())?;
        }
        Command::Plane(arguments) => return draw(&arguments),
        Command::Reproduce(arguments) => return reproduce(&arguments),
        Command::Convert(arguments) => arguments.write()?,
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

/// Prints a result, and to standard error what is to be known of it.
fn say_noted(notes: &[String], text: &str) -> Result<(), HostError> {
    notes.iter().for_each(|note| complain(note));
    say(text)
}

/// Names the classes that a run cannot learn.
fn warn(data: &Dataset, plan: &Plan) -> Result<(), HostError> {
    let unseen = data.unseen_classes(plan.split())?;
    if !unseen.is_empty() {
        let (classes, them) = if unseen.len() == 1 { ("class", "it") } else { ("classes", "them") };
        let (names, seed) = (unseen.join("`, `"), plan.seed);
        complain(&format!(
            "warning: no training sample of {classes} `{names}` with --seed {seed}: the model cannot learn {them}"
        ));
    }
    Ok(())
}

fn draw(arguments: &cli::Plane) -> Result<ExitCode, HostError> {
    let target = arguments.target()?;
    let models = arguments.models()?;
    let frame = plane::Frame::new(&models)?;
    let (data, notes) = arguments.data.for_models(&models)?;
    let Some((_, first)) = models.first() else { return Ok(ExitCode::SUCCESS) };
    let (stop, bar) = (stop_on_ctrl_c(), Places::new(arguments.quiet));
    let grid = plane::survey(first, &frame, arguments.view(), &data, &stop, &mut |done, total| bar.show(done, total));
    bar.finish();
    let Some(grid) = grid? else {
        complain("interrupted: no plot was written");
        return Ok(ExitCode::from(INTERRUPTED));
    };
    target.write(&plot::draw(&grid, frame.marks())?)?;
    let [svg, png, csv] = [0, 1, 2].map(|i| target.path(i).unwrap_or(Path::new("")).display());
    let drawn = format!("{}\n\nPlot saved in {svg} and {png}, its data in {csv}.", plot::least(&grid));
    say_noted(&notes, &drawn)?;
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
    plan.check_batches(data.train.len() - plan.split().held_out(data.train.len())?)?;
    let mut place = arguments.place(&plan, data.train.has_classes())?;
    let stop = stop_on_ctrl_c();
    if !arguments.quiet {
        say(&cli::introduction(&plan, &spec, &data, arguments.data.path(), place.directory()))?;
        loaded.notes().iter().try_for_each(|note| say(&format!("{note}\n")))?;
    }
    if let Some(replicas) = replicas {
        return run_replicas(arguments, &plan, &replicas, &loaded, &mut place, &stop);
    }
    let name = cli::source(arguments.data.path());
    let many = arguments.seeds > 1;
    let (mut outcomes, mut diverged) = (Vec::new(), None);
    for (plan, under) in runs(arguments, &plan) {
        let seed = plan.seed;
        let mut progress = Progress::new(arguments.quiet, many.then_some(seed), plan.growth.is_some());
        let data = loaded.dataset(&plan)?;
        warn(&data, &plan)?;
        let source = page::Source { data: &data, name: &name };
        let outcome = train(&data, &plan, &mut progress, &stop).and_then(|mut outcome| {
            if arguments.baseline && !outcome.interrupted && outcome.diverged.is_none() {
                progress.begin("Baseline (learning rate decay to zero, no averaging):");
                let baseline = train(&data, &plan.baseline(), &mut progress, &stop)?;
                outcome.baseline = (!baseline.interrupted).then_some(baseline.last_marks);
                outcome.baseline_history = baseline.history;
                outcome.interrupted = baseline.interrupted;
            }
            Ok(outcome)
        });
        progress.finish();
        let mut outcome = outcome?;
        let saved =
            output::save(&mut place, &under, &outcome, &data).and_then(|()| match outcome.last_marks.regression {
                None => page::of_run(source, &plan, &outcome)?.write(&mut place, &under),
                Some(_) => Ok(()),
            });
        say(&format!("\n{}\n\n{}\n", report::comparison(&outcome), report::remark(&outcome)))?;
        if let Some(draws) = ensemble::draws(&outcome.averages, &outcome.spec) {
            say(&format!("{}\n", report::of_votes(&draws)))?;
        }
        saved?;
        diverged = outcome.diverged.take();
        if diverged.is_some() {
            let directory = place.directory().join(under);
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
        page::of_seeds(page::Source { data: &data, name: &name }, &plan, &outcomes)?.write(&mut place, "")?;
    }
    // Between two seeds, too.
    let is_cut = outcomes.len() < arguments.seeds as usize;
    let is_cut = is_cut || outcomes.iter().any(|(_, outcome)| outcome.interrupted);
    if !is_cut {
        place.finish()?;
    }
    if !arguments.quiet && !outcomes.is_empty() {
        say(&cli::conclusion(place.directory(), many, data.preparation.is_some(), &outcomes))?;
    } else if arguments.out.is_none() {
        say(&cli::counted(place.directory()))?;
    }
    match diverged {
        Some(error) => Err(error),
        None if is_cut => Ok(interrupted(&place)),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Says that a run was stopped, and what its directory holds.
fn interrupted(place: &Place) -> ExitCode {
    complain(&format!("interrupted: the models trained so far are saved in {}", place.directory().display()));
    ExitCode::from(INTERRUPTED)
}

/// The plan of each seed, and the directory of its files within that of the run, with a `/` behind it.
fn runs(arguments: &cli::Train, plan: &Plan) -> impl Iterator<Item = (Plan, String)> {
    (0..arguments.seeds).map(|i| {
        let seed = plan.seed.wrapping_add(i.into());
        let under = if arguments.seeds > 1 { format!("seed-{seed}/") } else { String::new() };
        (Plan { seed, ..plan.clone() }, under)
    })
}

/// Replicas, their mean, its averages, a soup and their votes in one table, for each seed.
fn run_replicas(
    arguments: &cli::Train,
    plan: &Plan,
    replicas: &ReplicaPlan,
    loaded: &cli::Loaded,
    place: &mut Place,
    stop: &AtomicBool,
) -> Result<ExitCode, HostError> {
    let name = cli::source(arguments.data.path());
    let many = arguments.seeds > 1;
    let (mut whole, mut links, mut first) = (Vec::new(), Vec::new(), None);
    let (mut ended, mut cut) = (Ok(()), false);
    for (plan, under) in runs(arguments, plan) {
        let mut progress = Progress::new(arguments.quiet, many.then_some(plan.seed), false);
        let data = loaded.dataset(&plan)?;
        warn(&data, &plan)?;
        let source = page::Source { data: &data, name: &name };
        let trained = train_replicas(&data, &plan, replicas, &mut progress, stop);
        progress.finish();
        let trained = trained?;
        let comparison = output::save_replicas(place, &under, &trained, replicas, &plan, source)?;
        say(&format!("\n{}\n", report::of_votes(&comparison)))?;
        links.push(plan.seed);
        cut = trained.interrupted;
        if let Some(error) = trained.diverged {
            let epoch = trained.history.len();
            let directory = place.directory().join(under);
            complain(&format!("the replicas of epoch {epoch} are saved in {}", directory.display()));
            ended = Err(error);
            break;
        }
        first = first.or(Some(under));
        if !trained.interrupted {
            whole.push(comparison);
        }
        if stop.load(Relaxed) {
            break;
        }
    }
    let data = loaded.dataset(plan)?;
    let table = report::of_vote_seeds(&whole);
    if whole.len() > 1 {
        say(&format!("{table}\n\nMean ± standard deviation of {} seeds.\n", whole.len()))?;
    }
    if many && data.train.has_classes() {
        let source = page::Source { data: &data, name: &name };
        page::of_replica_seeds(source, plan, replicas, &table, &links)?.write(place, "")?;
    }
    if replicas.is_apart() {
        say(&format!("{}\n", report::APART))?;
    }
    let cut = cut || links.len() < arguments.seeds as usize;
    if !cut && ended.is_ok() {
        place.finish()?;
    }
    let out = place.directory();
    if let Some(first) = first.filter(|_| !arguments.quiet) {
        let (is_table, has_page) = (data.preparation.is_some(), data.train.has_classes());
        say(&cli::saved(out, &out.join(first).join("average.cygnet"), is_table, has_page))?;
    } else if arguments.out.is_none() {
        say(&cli::counted(out))?;
    }
    ended.map(|()| if cut { interrupted(place) } else { ExitCode::SUCCESS })
}

/// Every way of the article to train and to predict, in one table and on one page.
fn reproduce(arguments: &cli::Reproduce) -> Result<ExitCode, HostError> {
    let data = arguments.read()?;
    let name = cli::source(arguments.path());
    let mut reproduction = Reproduction::new(&data, arguments.recipe())?;
    let plan = reproduction.recipe().plan.clone();
    let spec = plan.spec(data.train.inputs(), data.classes)?;
    let mut place = arguments.place()?;
    let stop = stop_on_ctrl_c();
    if !arguments.quiet {
        say(&cli::introduction(&plan, &spec, &data, arguments.path(), place.directory()))?;
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
        let written = output::save_reproduction(&mut place, &reproduction);
        trained = trained.and_then(|done| written.map(|()| done));
        if !matches!(trained, Ok(true)) {
            break;
        }
    }
    let source = page::Source { data: &data, name: &name };
    let page = page::of_reproduction(source, &reproduction, arguments.seeds, trained.as_ref().err());
    let paged = page.and_then(|page| page.write(&mut place, ""));
    say(&format!("\n{}", report::of_variants(&reproduction.variants)))?;
    if paged.is_ok() && matches!(trained, Ok(true)) {
        place.finish()?;
    }
    let out = place.directory();
    if arguments.quiet && arguments.out.is_none() {
        say(&cli::counted(out))?;
    } else if !arguments.quiet {
        let page = out.join("report.html");
        say(&format!("\n{}\n\nSaved in {}. Report: {}", cli::notes(), out.display(), page.display()))?;
    }
    let trained = trained?;
    paged?;
    if !trained {
        complain(&format!("interrupted: the completed stages are saved in {}", out.display()));
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
        complain(&format!("warning: Ctrl-C will stop the program without saving ({error})"));
    }
    stop
}
