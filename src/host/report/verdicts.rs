//! What a comparison of models says: lower, higher or no difference seen, each with its 95 % interval, and which model the
//! validation samples prefer.

use super::comparison::{candidates, loss_short};
use super::table::significant;
use crate::Spec;
use crate::host::evaluation::{Change, Interval, Marks, Results, error_percent, mean_and_sd};
use crate::host::prelude::*;
use crate::host::study::ensemble::{Comparison, Row};
use crate::host::training::Outcome;

/// What is to be read beside the model comparison of a run: how the averages differ from the last iterate and from the
/// baseline on the test samples, which model is recommended, and whether the run learned anything.
#[must_use]
pub fn remark(outcome: &Outcome) -> String {
    let (spec, last) = (&outcome.spec, ("the last iterate", &outcome.last_marks.results));
    let mut lines = Vec::new();
    for average in &outcome.averages {
        let name = average_name(outcome, average.name);
        if average.count == 1 {
            lines.push(format!(
                "{} contains a single model: use more --epochs or an earlier --swa-start.",
                capital(&name)
            ));
            continue;
        }
        let baseline = outcome.baseline.as_ref().map(|marks| ("the baseline", &marks.results));
        let mine = (name.as_str(), &average.marks.results);
        lines.extend([Some(last), baseline].into_iter().flatten().flat_map(|other| sentences(spec, mine, other)));
    }
    if outcome.averages.is_empty() {
        lines.push("No average was computed.".to_owned());
    }
    lines.push(recommended(outcome));
    let (_, _, shown) = preferred_of(&[outcome]);
    if shown.is_some_and(|marks| marks.learned_nothing) {
        let constant =
            if shown.is_some_and(|marks| marks.regression.is_some()) { "the mean" } else { "the most frequent class" };
        lines.push(format!(
            "The run diverged or did not learn: lower --rate, or use more --epochs. On the training samples the model is not better than always \
             predicting {constant}."
        ));
    }
    if spec.outputs() > 1 && outcome.last_marks.regression.is_some() {
        lines.push(
            "RMSE and MAE are means over the predicted columns, in units of the standard deviation of each; cygnet eval shows each column."
                .to_owned(),
        );
    }
    lines.join("\n")
}

/// One average is the average; several have their kinds.
fn average_name(outcome: &Outcome, kind: &str) -> String {
    if outcome.averages.len() > 1 { format!("the {kind} average") } else { "the average".to_owned() }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// One model against another on the same test samples: error and loss of classes, RMSE of numbers.
fn sentences(spec: &Spec, mine: (&str, &Results), other: (&str, &Results)) -> Vec<String> {
    let ((name, results), (other_name, others)) = (mine, other);
    if results.hits.is_empty() {
        return vec![of_numbers(name, results, other_name, others)];
    }
    let error = results.errors_against(others).map(|share| 100.0 * share);
    let mut sentences = vec![difference(name, other_name, "test error", " points", &error, &|x| format!("{x:.2}"))];
    if !results.losses.is_empty() {
        let (loss, figure) = (results.losses_against(others), format!("test {}", loss_short(spec)));
        sentences.push(difference(name, other_name, &figure, "", &loss, &|x| format!("{x:.4}")));
    }
    sentences
}

/// A difference in words.
fn difference(
    name: &str,
    other: &str,
    figure: &str,
    unit: &str,
    of: &Interval,
    text: &dyn Fn(f64) -> String,
) -> String {
    let signed = |x: f64| signed(x, text);
    let change = of.change();
    // A difference that was seen is told by its size.
    let (word, sign) = if change == Change::Lower { ("lower", -1.0) } else { ("higher", 1.0) };
    let (low, high) = if sign < 0.0 { (-of.high, -of.low) } else { (of.low, of.high) };
    let bounds = bounds(low, high, &signed);
    let amount = format!("{}{unit}", signed(sign * of.estimate));
    match change {
        Change::None => format!("No difference seen between {name} and {other}: {figure} {amount} ({bounds})."),
        _ => format!("The {figure} of {name} is {amount} {word} than that of {other} ({bounds})."),
    }
}

/// With a minus sign, not a hyphen, unless all digits are 0.
fn signed(x: f64, text: &dyn Fn(f64) -> String) -> String {
    let size = text(x.abs());
    if x < 0.0 && size.contains(|c| matches!(c, '1'..='9')) { format!("−{size}") } else { size }
}

fn bounds(low: f64, high: f64, text: &dyn Fn(f64) -> String) -> String {
    if !(low.is_finite() && high.is_finite()) {
        return "too few test samples for an interval".to_owned();
    }
    format!("95 % interval {} to {}", text(low), text(high))
}

/// The same of numbers: RMSE has the units of the target, its interval is that of the mean squared error.
fn of_numbers(name: &str, results: &Results, other: &str, others: &Results) -> String {
    let rmse = |results: &Results| significant(results.loss().estimate.sqrt());
    let of = results.losses_against(others);
    let signed = |x: f64| signed(x, &significant);
    let bounds = bounds(of.low, of.high, &signed);
    let bounds = format!("difference of the mean squared errors {}, {bounds}", signed(of.estimate));
    let (mine, theirs) = (rmse(results), rmse(others));
    match of.change() {
        Change::None => {
            format!("No difference seen between {name} and {other}: test RMSE {mine} and {theirs} ({bounds}).")
        }
        change => {
            let word = if change == Change::Lower { "lower" } else { "higher" };
            format!("The test RMSE of {name}, {mine}, is {word} than that of {other}, {theirs} ({bounds}).")
        }
    }
}

/// The loss on the validation samples, of numbers the RMSE; NaN without validation samples. A loss tells models apart that
/// are right on the same number of samples, and early stopping goes by it, too.
fn fault(marks: &Marks) -> f64 {
    match marks.regression {
        Some([_, validation, _]) => validation.rmse,
        None if marks.validation.samples() == 0 => f64::NAN,
        None => marks.validation.loss().into(),
    }
}

/// The model that the validation samples of the runs prefer, in the mean: stem of its file, name, marks in the first run. Ties,
/// and runs without validation samples, go to the first average.
fn preferred_of<'a>(outcomes: &[&'a Outcome]) -> (String, String, Option<&'a Marks>) {
    let all: Vec<_> = outcomes.iter().map(|outcome| candidates(outcome)).collect();
    let count = all.iter().map(Vec::len).min().unwrap_or(0);
    // What has no figure is no better than any other.
    let mean = |i: usize| mean_and_sd(&all.iter().map(|of| fault(of[i].2)).collect::<Vec<_>>()).0.min(f64::INFINITY);
    let first = |best: usize, i: usize| if mean(i) < mean(best) { i } else { best };
    let best = (0..count).fold(0, first);
    let found = all.first().and_then(|of| of.get(best)).cloned();
    found.map_or_else(Default::default, |(stem, name, marks)| (stem, name, Some(marks)))
}

/// The file that the runs recommend, without its ending.
#[must_use]
pub fn preferred(outcomes: &[&Outcome]) -> String {
    preferred_of(outcomes).0
}

/// Which model the validation samples prefer, and their figures of the others.
fn recommended(outcome: &Outcome) -> String {
    let (stem, name, _) = preferred_of(&[outcome]);
    let all = candidates(outcome);
    let text = |marks: &Marks| match marks.regression {
        None => format!("{:.4}", fault(marks)),
        Some(_) => significant(fault(marks)),
    };
    let what = if outcome.last_marks.regression.is_some() { "RMSE" } else { loss_short(&outcome.spec) };
    let other = |(_, name, marks): &(String, String, &Marks)| format!("{name} {}", text(marks));
    let others = all.iter().filter(|(other, ..)| *other != stem).map(other).collect::<Vec<_>>().join(", ");
    match all.iter().find(|(other, ..)| *other == stem) {
        Some((.., marks)) if !fault(marks).is_nan() && !others.is_empty() => {
            let own = text(marks);
            format!("Recommended by the validation samples: the {name} (validation {what} {own}; {others}).")
        }
        _ => format!("Recommended: the {name}."),
    }
}

/// Mean and standard deviation of the differences within each seed: each average against the last iterate and the baseline.
#[must_use]
pub fn of_seeds(outcomes: &[&Outcome]) -> String {
    let Some(first) = outcomes.first() else { return String::new() };
    let (has_numbers, loss) = (first.last_marks.regression.is_some(), loss_short(&first.spec));
    let figures = |marks: &Marks| match &marks.regression {
        Some([.., test]) => [test.rmse, f64::NAN],
        None => [error_percent(&marks.test), f64::from(marks.test.loss())],
    };
    let line = |i: usize, other: &str, of: &dyn Fn(&Outcome) -> Option<[f64; 2]>| {
        let pairs = outcomes.iter().filter_map(|run| Some((figures(&run.averages.get(i)?.marks), of(run)?)));
        let differences: Vec<[f64; 2]> = pairs.map(|(mine, theirs)| [0, 1].map(|k| mine[k] - theirs[k])).collect();
        let name = average_name(first, first.averages[i].name);
        let of = |k: usize| mean_and_sd(&differences.iter().map(|pair| pair[k]).collect::<Vec<_>>());
        let ([(error, sd), (mean_loss, sd_loss)], seeds) = ([of(0), of(1)], differences.len());
        let text = if has_numbers {
            format!("test RMSE {} ± {}", signed(error, &significant), significant(sd))
        } else {
            let [error, mean_loss] = [signed(error, &|x| format!("{x:.2}")), signed(mean_loss, &|x| format!("{x:.4}"))];
            format!("test error {error} ± {sd:.2} points, test {loss} {mean_loss} ± {sd_loss:.4}")
        };
        (seeds > 1).then(|| format!("{} minus {other} in each of {seeds} seeds: {text}.", capital(&name)))
    };
    let last = |run: &Outcome| Some(figures(&run.last_marks));
    let baseline = |run: &Outcome| run.baseline.as_ref().map(figures);
    let lines = (0..first.averages.len())
        .flat_map(|i| [line(i, "the last iterate", &last), line(i, "the baseline", &baseline)]);
    lines.flatten().collect::<Vec<_>>().join("\n")
}

/// Averages and votes of several models against the best of them, by the validation samples; nothing for one model.
#[must_use]
pub fn of_ensemble(comparison: &Comparison) -> String {
    let (singles, mixes) = parts(comparison);
    let (Some(best), true) = (best(singles.iter()), singles.len() > 1) else { return String::new() };
    let sentence = |row: &Row| {
        let (mine, other) = (format!("the {}", row.name), (best.name.as_str(), &best.results));
        sentences(&comparison.spec, (&mine, &row.results), other).into_iter().next()
    };
    mixes.iter().filter_map(sentence).collect::<Vec<_>>().join("\n")
}

/// The rows of single models, and those after their mean.
fn parts(comparison: &Comparison) -> (&[Row], &[Row]) {
    let rows = &comparison.rows;
    let mean = rows.iter().position(|row| row.results == Results::default()).unwrap_or(rows.len());
    (&rows[..mean], rows.get(mean + 1..).unwrap_or(&[]))
}

/// The row with the lowest validation loss; the first of equal ones.
fn best<'a>(rows: impl Iterator<Item = &'a Row>) -> Option<&'a Row> {
    rows.reduce(|best, row| if row.sets[0][1] < best.sets[0][1] { row } else { best })
}

/// The file that replicas recommend, without its ending: the model or average that the validation samples prefer; ties go to
/// the average.
#[must_use]
pub fn preferred_replica(comparison: &Comparison) -> String {
    let (singles, mixes) = parts(comparison);
    let saved = mixes.iter().filter(|row| !row.name.contains("vote")).chain(singles);
    let name = best(saved).map_or("average", |row| row.name.split(" of ").next().unwrap_or(""));
    if name == "centre" { "average".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests;
