//! What `run.json` says of how a run was started.

use super::data::Data;
use super::resume;
use cygnet::host::HostError;
use cygnet::host::data::Dataset;
use cygnet::host::files::{Record, digests};
use cygnet::host::plan::Plan;
use cygnet::host::report::page::named_settings;
use std::env;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Of a run of so many seeds on the data that the arguments name and that are called `name`; it reads these files, and its own are in
/// `target` in the end.
pub(crate) fn record(
    plan: &Plan,
    seeds: u32,
    data: (&Data, &Dataset, &str),
    files: &[PathBuf],
    target: &Path,
) -> Result<Record, HostError> {
    let (arguments, samples, name) = data;
    Ok(Record {
        command: command_line(),
        arguments: resume::arguments(target),
        inputs: digests(files, target)?,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        date: date(),
        seed: plan.seed,
        seeds,
        validation: plan.validation,
        data: arguments.recorded(target)?,
        identity: samples.identity.clone(),
        settings: named_settings(plan, name, &plan.seed.to_string()),
        ..Record::default()
    })
}

/// How this program was started, to be pasted into a shell.
pub(crate) fn command_line() -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_,.:+-/=".contains(c);
    let quoted = |word: String| match !word.is_empty() && word.chars().all(is_plain) {
        true => word,
        false => format!("'{}'", word.replace('\'', "'\\''")),
    };
    let words = env::args_os().skip(1).map(|word| quoted(word.to_string_lossy().into_owned()));
    ["cygnet".to_owned()].into_iter().chain(words).collect::<Vec<_>>().join(" ")
}

/// Now, in UTC as RFC 3339 has it, or the time that `SOURCE_DATE_EPOCH` says, so that two runs can be equal.
pub(crate) fn date() -> String {
    let said = env::var("SOURCE_DATE_EPOCH").ok().and_then(|seconds| seconds.parse().ok());
    let time = said.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
    humantime::format_rfc3339_seconds(time.unwrap_or_else(SystemTime::now)).to_string()
}
