//! The arguments of a run: written into its `run.json`, and read from there when it is resumed.

use super::{Arguments, Command};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, CommandFactory, Parser};
use cygnet::host::HostError;
use cygnet::host::files::{Record, seen_from};
use humantime::parse_duration;
use std::any::TypeId;
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What does not belong to a run but to where it is written.
const OF_PLACE: [&str; 4] = ["out", "overwrite", "quiet", "resume"];
/// What may be another when a run is resumed.
const OF_SESSION: [&str; 2] = ["log_every", "checkpoint_every"];

/// How often the state of a run is saved.
#[derive(Clone, Copy)]
pub(crate) enum Every {
    Time(Duration),
    Updates(u64),
}

/// A number of updates, or a time.
pub(super) fn parse_every(text: &str) -> Result<Every, String> {
    let every = text.parse().map(Every::Updates).or_else(|_| parse_duration(text).map(Every::Time));
    match every {
        Ok(Every::Updates(1..)) => every.ok(),
        Ok(Every::Time(time)) => Some(time).filter(|time| !time.is_zero()).map(Every::Time),
        _ => None,
    }
    .ok_or_else(|| format!("`{text}` is not a time above 0, such as 60s or 5min, or a number of updates"))
}

impl Command {
    /// The run that is to go on.
    pub(crate) fn resumes(&self) -> Option<&Path> {
        match self {
            Self::Train(arguments) => arguments.resume.as_deref(),
            Self::Reproduce(arguments) => arguments.resume.as_deref(),
            _ => None,
        }
    }
}

/// The arguments on the command line that decide a run, behind the name of the command, each as one word; with paths as they
/// are seen from `directory`.
pub(super) fn arguments(directory: &Path) -> Vec<String> {
    let (name, words) = given(|path| seen_from(directory, path));
    let is_of_run = |(id, _): &(String, String)| !OF_PLACE.contains(&id.as_str());
    [name].into_iter().chain(words.into_iter().filter(is_of_run).map(|(_, word)| word)).collect()
}

/// The command with the arguments of a run whose files are in `directory`.
///
/// # Errors
/// [`HostError::Usage`] for other arguments beside `--resume`, and for a run of another command or without its arguments.
pub(crate) fn resumed(directory: &Path, record: &Record) -> Result<Command, HostError> {
    let usage = |problem: String| Err(HostError::Usage(problem));
    let (name, words) = given(Path::to_owned);
    let wrong = words.iter().find(|(id, _)| ![&OF_SESSION[..], &["quiet", "resume"]].concat().contains(&id.as_str()));
    if let Some((_, word)) = wrong {
        return usage(format!("--resume takes all settings from {}: leave {word} out", directory.display()));
    }
    match &record.arguments[..] {
        [] => return usage(format!("the run in {} was started by a version that cannot resume", directory.display())),
        [of_run, ..] if *of_run != name => {
            return usage(format!("the run in {0} is resumed by: cygnet {of_run} --resume {0}", directory.display()));
        }
        _ => {}
    }
    let mut command = Arguments::command();
    command.build();
    let Some(command) = command.find_subcommand(&name) else { return usage(format!("no command {name}")) };
    let here = env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
    let found = |path: &str| {
        let path = directory.join(path);
        let path = path.canonicalize().unwrap_or(path);
        match path.strip_prefix(&here) {
            Ok(within) if within.as_os_str().is_empty() => PathBuf::from("."),
            Ok(within) => within.to_owned(),
            Err(_) => path,
        }
    };
    let again = record.arguments.iter().skip(1).filter_map(|word| {
        let (long, value) = word.split_once('=').map_or((&word[..], None), |(long, value)| (long, Some(value)));
        let arg = command.get_arguments().find(|arg| arg.get_long() == long.strip_prefix("--"));
        let is_replaced = arg.is_some_and(|arg| words.iter().any(|(id, _)| *id == arg.get_id().as_str()));
        let word = match value.zip(arg).filter(|(_, arg)| is_path(arg)) {
            Some((path, _)) => format!("{long}={}", found(path).display()),
            None => word.clone(),
        };
        (!is_replaced).then_some(word)
    });
    let given = words.iter().filter(|(id, _)| id != "resume").map(|(_, word)| word.clone());
    let all = ["cygnet".to_owned(), name].into_iter().chain(again).chain(given);
    let parsed = Arguments::try_parse_from(all).map_err(|error| {
        // The rest of its text is how the command is used.
        let (text, path) = (error.to_string(), directory.join("run.json"));
        let problem = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        HostError::Usage(format!("the arguments in {}: {problem}", path.display()))
    })?;
    Ok(parsed.command)
}

/// The name of the command on the command line, and each of its arguments: what it is called here, and as one word.
fn given(path: impl Fn(&Path) -> PathBuf) -> (String, Vec<(String, String)>) {
    let mut command = Arguments::command();
    command.build();
    let matches = command.clone().get_matches();
    let Some((name, matches)) = matches.subcommand() else { return Default::default() };
    let arguments = command.find_subcommand(name).into_iter().flat_map(clap::Command::get_arguments);
    let words = arguments.filter_map(|arg| Some((arg.get_id().to_string(), word(arg, matches, &path)?)));
    (name.to_owned(), words.collect())
}

/// An argument as one word, if it is given.
fn word(arg: &Arg, matches: &ArgMatches, path: &impl Fn(&Path) -> PathBuf) -> Option<String> {
    let (id, long) = (arg.get_id().as_str(), arg.get_long()?);
    if matches.value_source(id) != Some(ValueSource::CommandLine) {
        return None;
    }
    if !arg.get_action().takes_values() {
        return Some(format!("--{long}"));
    }
    let text = |value: &OsStr| match is_path(arg) {
        true => path(Path::new(value)).to_string_lossy().into_owned(),
        false => value.to_string_lossy().into_owned(),
    };
    let values: Vec<String> = matches.get_raw(id)?.map(text).collect();
    Some(format!("--{long}={}", values.join(",")))
}

fn is_path(arg: &Arg) -> bool {
    arg.get_value_parser().type_id() == TypeId::of::<PathBuf>()
}
