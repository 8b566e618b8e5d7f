//! What the command says before and after its work.

use cygnet::Spec;
use cygnet::host::data::{Dataset, Preparation};
use cygnet::host::files::Record;
use cygnet::host::plan::{Plan, widths};
use cygnet::host::report::{NOTES, page};
use std::path::Path;

/// What is about to happen, with the data from `from` and in the directory `out`.
pub(crate) fn introduction(
    plan: &Plan,
    spec: &Spec,
    data: &Dataset,
    from: Option<&Path>,
    out: Option<&Path>,
) -> String {
    let source = source(from);
    let columns = data.preparation.as_ref().and_then(|preparation| preparation.columns.as_ref());
    let predicted = match columns {
        Some(columns) if columns.has_classes() => {
            format!("{} classes of `{}`: {}", data.classes, columns.targets.join(""), few(&columns.classes))
        }
        Some(columns) => format!("{} (numbers)", columns.targets.join(", ")),
        None => format!("{} classes", data.classes),
    };
    let weights = plan.from.as_ref().map(|from| format!(", starting from {}", from.called())).unwrap_or_default();
    let augmented = if plan.augment.is_some() { ", the others are augmented" } else { "" };
    format!(
        "Network: {}, {} parameters{weights}\nData: {source}\nSamples: {} for training ({:.0} % of them held out for validation{augmented}), {} for the test\n\
         Target: {predicted}\n{}Training: {}\n{}",
        widths(spec),
        spec.param_len(),
        data.train.len(),
        100.0 * plan.validation,
        data.test.len(),
        data.preparation.as_ref().map(seen).unwrap_or_default(),
        page::training(plan),
        out.map(|out| format!("Output directory: {}\n", out.display())).unwrap_or_default(),
    )
}

/// How a table was read, so that a wrong guess shows, and which of its inputs say nothing.
fn seen(preparation: &Preparation) -> String {
    let names = preparation.input_names();
    let (header, inputs) = match &preparation.columns {
        Some(columns) => {
            (if columns.header { "with a header" } else { "without a header" }, columns.described_inputs())
        }
        None => ("without a header", names.clone()),
    };
    let constant = preparation.floats.as_chunks::<5>().0.iter().zip(names).filter(|([.., scale], _)| *scale == 0.0);
    let constant: Vec<String> = constant.map(|(_, name)| name).collect();
    let nothing = if constant.is_empty() { String::new() } else { format!("; constant: {}", few(&constant)) };
    format!("Table: {header}, inputs {}{nothing}\n", few(&inputs))
}

/// The first ten of some names.
pub(super) fn few(names: &[String]) -> String {
    const SHOWN: usize = 10;
    let more = if names.len() > SHOWN { ", …" } else { "" };
    names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ") + more
}

/// What the data are called.
pub(crate) fn source(directory: Option<&Path>) -> String {
    directory.map_or_else(|| "the embedded sample of MNIST".into(), |d| d.display().to_string())
}

/// Where everything of a run is, and a model of it to try.
pub(crate) fn saved(out: &Path, model: &Path, is_table: bool) -> String {
    let (model, page) = (model.display(), out.join("report.html"));
    let question = if is_table { "FILE.csv" } else { "FILE.png" };
    format!("Saved in {}. Report: {}\nNext: cygnet predict {model} {question}", out.display(), page.display())
}

/// Where everything is, where the user did not name it.
pub(crate) fn counted(out: &Path) -> String {
    format!("Saved in {}.", out.display())
}

/// What the article leaves open, as numbered lines.
pub(crate) fn notes() -> String {
    let numbered = NOTES.iter().zip(1..).map(|((question, answer), i)| format!("{i}. {question}. {answer}"));
    ["What the article does not specify, and what cygnet does:".to_owned()]
        .into_iter()
        .chain(numbered)
        .collect::<Vec<_>>()
        .join("\n")
}

/// The text with its long lines wrapped, except rows of tables, which are as wide as they can be, and commands to copy.
pub(crate) fn fitted(text: &str, width: usize) -> String {
    let is_as_it_is = |line: &str| line.starts_with(' ') || line.starts_with("Next:");
    let lines = text.split('\n').map(|line| if is_as_it_is(line) { line.to_owned() } else { wrapped(line, width) });
    lines.collect::<Vec<_>>().join("\n")
}

/// Text in lines of at most so many characters, where its words allow it.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

/// How and when a run was started, for its page.
pub(crate) fn origin(Record { command, date, version, .. }: &Record) -> String {
    format!("Command: `{command}`\nStarted: {date}, cygnet {version}.")
}
