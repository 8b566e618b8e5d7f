//! What the command says before and after its work.

use cygnet::host::inspect::Verdict;
use cygnet::host::mnist::Dataset;
use cygnet::host::plan::Plan;
use cygnet::host::report;
use cygnet::host::reproduce::NOTES;
use cygnet::host::run::Outcome;
use cygnet::{Loss, Spec};
use std::path::Path;

/// What is about to happen.
pub(crate) fn introduction(plan: &Plan, spec: &Spec, data: &Dataset, directory: Option<&Path>) -> String {
    let widths: Vec<String> =
        [spec.inputs()].into_iter().chain(spec.layers().map(|l| l.outputs())).map(|w| w.to_string()).collect();
    let source = source(directory);
    let augmented = if plan.augment.is_some() { ", the others augmented" } else { "" };
    format!(
        "{} with {} parameters, on {source}:\n{} training samples ({:.0} % of them for validation{augmented}), {} for the test, {} classes\n",
        widths.join("-"),
        spec.param_len(),
        data.train.len(),
        100.0 * plan.validation,
        data.test.len(),
        data.classes,
    )
}

/// What the data are called.
pub(crate) fn source(directory: Option<&Path>) -> String {
    directory.map_or_else(|| "the embedded sample of MNIST".into(), |d| d.display().to_string())
}

/// Where everything is, and what to try next.
pub(crate) fn conclusion(out: &Path, many: bool, outcomes: &[(u64, Outcome)]) -> String {
    let directory = match outcomes.first() {
        Some((seed, _)) if many => out.join(format!("seed-{seed}")),
        _ => out.to_path_buf(),
    };
    let averaged = outcomes.first().is_some_and(|(_, outcome)| !outcome.averages.is_empty());
    let model = directory.join(if averaged { "average.cygnet" } else { "last.cygnet" });
    saved(out, &model)
}

/// Where everything of a run is, and a model of it to try.
pub(crate) fn saved(out: &Path, model: &Path) -> String {
    let page = out.join("report.html");
    format!(
        "Saved in {}, with {} to look at.\nNext: cygnet predict {} FILE.png",
        out.display(),
        page.display(),
        model.display()
    )
}

/// What the article leaves open, as numbered lines.
pub(crate) fn notes() -> String {
    let numbered = NOTES.iter().zip(1..).map(|((question, answer), i)| format!("{i}. {question}. {answer}"));
    let lines = numbered.map(|note| wrapped(&note, 100, "   "));
    ["What the article leaves open, and what is done here:".to_owned()]
        .into_iter()
        .chain(lines)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Text in lines of at most so many characters, each but the first after `indent`.
fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("{indent}{word}")),
        }
    }
    lines.join("\n")
}

/// What the model says, a line an image.
pub(crate) fn verdicts(verdicts: &[Verdict], loss: Loss) -> String {
    let sure = |v: &Verdict| {
        let mut ranked: Vec<(usize, f32)> = v.outputs.iter().copied().enumerate().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        let text = |(class, p): &(usize, f32)| match loss {
            Loss::SoftmaxCrossEntropy => format!("{class}: {:.1} %", 100.0 * p),
            _ => format!("{class}: {p:.3}"),
        };
        ranked.iter().take(3).map(text).collect::<Vec<_>>().join(", ")
    };
    let row = |(i, v): (usize, &Verdict)| vec![i.to_string(), v.class.to_string(), sure(v)];
    report::aligned(&["image", "class", "most likely"], verdicts.iter().enumerate().map(row))
}
