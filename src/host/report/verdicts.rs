//! What a comparison of models says: lower, higher or no difference seen, each with its 95 % interval, and which model the
//! validation samples prefer.

use super::comparison::{candidates, loss_short, measures, test_rows};
use super::table::{fixed, significant};
use crate::host::evaluation::{Change, Interval, Marks, Results, mean_and_sd};
use crate::host::prelude::*;
use crate::host::study::ensemble::{Comparison, Row};
use crate::host::training::Outcome;
use crate::{Loss, Spec};

/// The last iterate and the baseline, with which averages are compared, and their marks.
type Other = (&'static str, fn(&Outcome) -> Option<&Marks>);
const OTHERS: [Other; 2] =
    [("the last iterate", |run| Some(&run.last_marks)), ("the baseline", |run| run.baseline.as_ref())];

/// What is to be read beside the model comparison of a run: how the averages differ from the last iterate and from the
/// baseline on the test samples, which model is recommended, and whether the run learned anything.
#[must_use]
pub fn remark(outcome: &Outcome) -> String {
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
        let others = OTHERS.iter().filter_map(|(other, of)| Some((*other, &of(outcome)?.results)));
        lines.extend(others.flat_map(|other| sentences(&outcome.spec, (&name, &average.marks.results), other)));
    }
    if outcome.averages.is_empty() {
        lines.push("No average was computed.".to_owned());
    }
    lines.push(recommended(outcome));
    let has_numbers = outcome.last_marks.regression.is_some();
    if candidates(outcome)[best_of(&[outcome])].2.learned_nothing {
        let constant = if has_numbers { "the mean" } else { "the most frequent class" };
        lines.push(format!(
            "The run diverged or did not learn: lower --rate, or use more --epochs. On the training samples the model is not better than always \
             predicting {constant}."
        ));
    }
    if outcome.spec.targets() > 1 && has_numbers {
        // Labels are not scaled: their errors are those of probabilities.
        let unit = match outcome.spec.loss_kind() {
            Loss::BinaryCrossEntropy => "of the probabilities",
            _ => "in units of the standard deviation of each",
        };
        lines
            .push(format!("RMSE and MAE are means over the predicted columns, {unit}; cygnet eval shows each column."));
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

/// One model against another on the same test samples: error and loss of classes, the mean squared error of numbers.
fn sentences(spec: &Spec, (name, mine): (&str, &Results), (other, theirs): (&str, &Results)) -> Vec<String> {
    let losses = mine.losses_against(theirs);
    if mine.hits.is_empty() {
        return vec![difference(name, other, "mean squared test error", "", &losses, &significant)];
    }
    let error = mine.errors_against(theirs).map(|share| 100.0 * share);
    let mut sentences = vec![difference(name, other, "test error", " points", &error, &|x| fixed(x, 2))];
    if !mine.losses.is_empty() {
        let figure = format!("test {}", loss_short(spec));
        sentences.push(difference(name, other, &figure, "", &losses, &|x| fixed(x, 4)));
    }
    sentences
}

/// A difference in words; one that was seen is told by its size.
fn difference(
    name: &str,
    other: &str,
    figure: &str,
    unit: &str,
    of: &Interval,
    text: &dyn Fn(f64) -> String,
) -> String {
    let (word, sign) = if of.change() == Change::Lower { ("lower", -1.0) } else { ("higher", 1.0) };
    let (low, high) = if sign < 0.0 { (-of.high, -of.low) } else { (of.low, of.high) };
    let [amount, least, most] = [sign * of.estimate, low, high].map(|x| signed(x, text));
    let bounds = if low.is_finite() && high.is_finite() {
        format!("95 % interval {least} to {most}")
    } else {
        "too few test samples for an interval".to_owned()
    };
    match of.change() {
        Change::None => format!("No difference seen between {name} and {other}: {figure} {amount}{unit} ({bounds})."),
        _ => format!("The {figure} of {name} is {amount}{unit} {word} than that of {other} ({bounds})."),
    }
}

/// With a minus sign, not a hyphen, unless all digits are 0.
fn signed(x: f64, text: impl Fn(f64) -> String) -> String {
    let size = text(x.abs());
    if x < 0.0 && size.contains(|c| matches!(c, '1'..='9')) { format!("−{size}") } else { size }
}

/// Whether the models of a run go by their RMSE: numbers that are not quantiles, which are far from the values on purpose.
fn has_rmse(outcome: &Outcome) -> bool {
    outcome.last_marks.regression.is_some() && !matches!(outcome.spec.loss_kind(), Loss::Pinball(_))
}

/// The loss on the validation samples, of numbers the RMSE; NaN without validation samples. A loss tells models apart that
/// are right on the same number of samples, and early stopping goes by it, too.
fn fault(marks: &Marks, has_rmse: bool) -> f64 {
    match marks.regression.filter(|_| has_rmse) {
        Some([_, validation, _]) => validation.rmse,
        None if marks.validation.samples() == 0 => f64::NAN,
        None => marks.validation.loss().into(),
    }
}

/// Which of the [`candidates`] the validation samples of the runs prefer, in the mean. Ties, and runs without validation samples,
/// go to the first average.
fn best_of(outcomes: &[&Outcome]) -> usize {
    let all: Vec<_> = outcomes.iter().map(|outcome| (candidates(outcome), has_rmse(outcome))).collect();
    let count = all.iter().map(|(of, _)| of.len()).min().unwrap_or(0);
    // What has no figure is no better than any other.
    let faults = |i: usize| all.iter().map(|(of, has_rmse)| fault(of[i].2, *has_rmse)).collect::<Vec<_>>();
    let mean = |i: usize| mean_and_sd(&faults(i)).0.min(f64::INFINITY);
    (0..count).fold(0, |best, i| if mean(i) < mean(best) { i } else { best })
}

/// The file that the runs recommend, without its ending.
#[must_use]
pub fn preferred(outcomes: &[&Outcome]) -> String {
    outcomes.first().map_or_else(String::new, |first| candidates(first).swap_remove(best_of(outcomes)).0)
}

/// Which model the validation samples prefer, and their figures of the others.
fn recommended(outcome: &Outcome) -> String {
    let mut others = candidates(outcome);
    let (_, name, marks) = others.remove(best_of(&[outcome]));
    let has_rmse = has_rmse(outcome);
    if fault(marks, has_rmse).is_nan() || others.is_empty() {
        return format!("Recommended: the {name}.");
    }
    let (what, digits) = if has_rmse { ("RMSE", None) } else { (loss_short(&outcome.spec), Some(4)) };
    let text = |marks: &Marks| {
        let fault = fault(marks, has_rmse);
        digits.map_or_else(|| significant(fault), |digits| fixed(fault, digits))
    };
    let others: Vec<String> = others.iter().map(|(_, name, marks)| format!("{name} {}", text(marks))).collect();
    let others = others.join(", ");
    format!("Recommended by the validation samples: the {name} (validation {what} {}; {others}).", text(marks))
}

/// Mean and standard deviation of the differences within each seed: each average against the last iterate and the baseline.
#[must_use]
pub fn of_seeds(outcomes: &[&Outcome]) -> String {
    let Some(first) = outcomes.first() else { return String::new() };
    let measures = measures(&first.last_marks);
    let shown = test_rows(&first.last_marks);
    let line = |i: usize, (other, of): &Other| {
        let pairs: Vec<_> = outcomes.iter().filter_map(|run| Some((&run.averages.get(i)?.marks, of(run)?))).collect();
        let text = |&row: &usize| {
            let measure = &measures[row];
            let differences: Vec<f64> = pairs.iter().map(|(a, b)| measure.value(a) - measure.value(b)).collect();
            let (mean, sd) = mean_and_sd(&differences);
            let name = measure.name(&first.spec);
            let (name, unit) = name.strip_suffix(", %").map_or((&*name, ""), |name| (name, " points"));
            format!("{name} {} ± {}{unit}", signed(mean, |x| measure.text(x)), measure.text(sd))
        };
        let name = capital(&average_name(first, first.averages[i].name));
        let text = shown.iter().map(text).collect::<Vec<_>>().join(", ");
        (pairs.len() > 1).then(|| format!("{name} minus {other} in each of {} seeds: {text}.", pairs.len()))
    };
    let lines = (0..first.averages.len()).flat_map(|i| OTHERS.iter().map(move |other| (i, other)));
    lines.filter_map(|(i, other)| line(i, other)).collect::<Vec<_>>().join("\n")
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
