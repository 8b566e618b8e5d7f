//! What each command does with its arguments.

mod watch;
mod folds;
mod plane;
mod reproduce;
mod train;

use crate::cli::{self, Command};
use crate::{complain, is_quiet, note, print, say, say_noted};
use cygnet::host::HostError;
use cygnet::host::data::{Dataset, Split};
use cygnet::host::evaluation::{Evaluation, RegressionEvaluation};
use cygnet::host::files::{Place, check_digests};
use cygnet::host::report;
use cygnet::host::study::{ensemble, soup};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// What a shell reports of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

/// Runs the command that the arguments name.
pub(crate) fn run(command: Command) -> Result<ExitCode, HostError> {
    let (command, begun) = match command.resumes() {
        None => (command, None),
        Some(directory) => {
            let Some(place) = Place::resumed(directory)? else {
                say(&format!("The run in {} is complete: there is nothing to resume.", directory.display()))?;
                return Ok(ExitCode::SUCCESS);
            };
            let record = place.started();
            let command = cli::resumed(place.target(), &record)?;
            check_digests(&record.inputs, place.target())?;
            (command, Some(place))
        }
    };
    match command {
        Command::Train(arguments) => return train::train(&arguments, begun),
        Command::Eval(arguments) => evaluate(&arguments)?,
        Command::Info { model } => say(&cli::info(&model)?)?,
        Command::Predict(arguments) => return arguments.answer(),
        Command::Average(arguments) => {
            let target = arguments.target()?;
            let (several, method) = (&arguments.several, arguments.method());
            let (models, (split, note)) = (several.models()?, several.split()?);
            let needs_data = soup::needs_data(&models, &method);
            let (data, mut notes) = several.data.for_average(&models, needs_data)?;
            notes.extend(note.filter(|_| data.is_some()));
            let soup = soup::average(&models, &method, data.as_ref(), split)?;
            let path = cli::write_model(&soup.average, &target)?;
            let table = report::of_average(&models, &soup);
            say_noted(&notes, &format!("{table}\n\nSaved in {}.", path.display()))?;
        }
        Command::Vote(arguments) => {
            let (models, (split, note)) = (arguments.models()?, arguments.split()?);
            let (data, mut notes) = arguments.data.for_models(&models)?;
            notes.extend(note);
            let compared = ensemble::compare(&models, &[], arguments.weights.as_deref(), &data, split)?;
            let verdicts = report::of_ensemble(&compared);
            say_noted(&notes, &format!("{}\n\n{verdicts}", report::of_votes(&[compared])))?;
        }
        Command::Plane(arguments) => return plane::draw(&arguments),
        Command::Reproduce(arguments) => return reproduce::reproduce(&arguments, begun),
        Command::Convert(arguments) => arguments.write()?,
        Command::Completions { shell } => print(&cli::completions(shell))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// `cygnet eval`: metrics of a model on the samples of its run.
fn evaluate(arguments: &cli::Eval) -> Result<(), HostError> {
    let models = [arguments.model()?];
    let cli::Evaluated { data, split, notes, source } = arguments.samples(&models)?;
    let [(_, model)] = models;
    let text = if data.train.has_classes() {
        let evaluation = Evaluation::new(&model, &data, split)?;
        let evaluation = if arguments.curves { evaluation } else { evaluation.without_curves() };
        if arguments.json { report::json(&evaluation)? } else { report::of_classes(&evaluation, !is_quiet()) }
    } else {
        let evaluation = RegressionEvaluation::new(&model, &data, split)?;
        if arguments.json { report::json(&evaluation)? } else { report::of_numbers(&evaluation).to_string() }
    };
    if arguments.json {
        notes.iter().for_each(|text| note(text));
        return print(&text);
    }
    let source = source.filter(|_| !is_quiet()).map(|source| format!("{source}\n\n"));
    say_noted(&notes, &(source.unwrap_or_default() + &text))
}

/// Names the classes that a run cannot learn.
fn warn(data: &Dataset, split: Split) -> Result<(), HostError> {
    let unseen = data.unseen_classes(split)?;
    if !unseen.is_empty() {
        let (classes, them) = if unseen.len() == 1 { ("class", "it") } else { ("classes", "them") };
        let (names, seed) = (unseen.join("`, `"), split.seed);
        complain(&format!(
            "warning: no training sample of {classes} `{names}` with --seed {seed}: the model cannot learn {them}"
        ));
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
        complain(&format!("warning: Ctrl-C will stop the program without saving ({error})"));
    }
    stop
}
