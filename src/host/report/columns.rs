//! What a table has in its columns, and what becomes of each.

use super::table::Table;
use crate::host::data::{ColumnKind, ColumnSummary, Encoding, RARE, TablePlan, Tables};
use crate::host::prelude::*;
use crate::preprocess::Missing;

/// Characters of the values of a column that are shown.
const WIDTH: usize = 30;

/// The columns of a table, and what `plan` makes of each.
#[must_use]
pub fn of_columns(columns: &[ColumnSummary], plan: &TablePlan) -> String {
    let row = |column: &ColumnSummary| {
        let missing = if column.missing > 0 { column.missing.to_string() } else { String::new() };
        vec![column.name.clone(), contents(column), missing, becomes(column, plan)]
    };
    let table = Table::new(["column", "contains", "missing", "becomes"], columns.iter().map(row)).to_string();
    let has_gaps = columns.iter().any(|column| column.kind.is_input() && column.missing > 0);
    if has_gaps { format!("{table}\n\nMissing values {}.", gaps(plan)) } else { table }
}

/// What becomes of the columns of a table that nobody decided.
#[must_use]
pub fn remarks(tables: &Tables) -> Vec<String> {
    let (mut remarks, choice) = (Vec::new(), &tables.plan().choice);
    let (labels, summaries) = (&choice.labels[..], tables.summaries());
    if let ([], [target], [_, ..]) = (labels, &tables.columns().targets[..], summaries) {
        let is_last = tables.summaries().last().is_some_and(|column| column.name == *target);
        let why = if is_last { "the last column" } else { "chosen by its name" };
        remarks.push(format!("`{target}` is predicted: {why} (--label chooses another)"));
    }
    let ignored = |column: &ColumnSummary| Some(format!("`{}` ({})", column.name, why_ignored(column.kind)?));
    let ignored: Vec<String> = tables.summaries().iter().filter_map(ignored).collect();
    if !ignored.is_empty() {
        remarks.push(format!("Ignored: {}", ignored.join(", ")));
    }
    let with_gaps = tables.summaries().iter().filter(|column| column.kind.is_input() && column.missing > 0);
    let with_gaps: Vec<String> = with_gaps.map(|column| format!("`{}` ({})", column.name, column.missing)).collect();
    if !with_gaps.is_empty() && tables.dropped() == 0 {
        remarks.push(format!("Missing values {}: {}", gaps(tables.plan()), with_gaps.join(", ")));
    }
    if tables.dropped() > 0 {
        remarks.push(format!("{} rows with missing values are ignored", tables.dropped()));
    }
    remarks
}

/// What becomes of missing values.
fn gaps(plan: &TablePlan) -> String {
    match plan.preprocess.missing {
        _ if plan.drops_missing => "remove their rows".to_owned(),
        Missing::Constant(x) => format!("become {x}, those of words the mean of the training rows"),
        Missing::Mean if plan.marks_missing => {
            "become the mean of the training rows, and one more input marks them, if they are in 3 or more".to_owned()
        }
        Missing::Mean => "become the mean of the training rows".to_owned(),
        _ => "are an error".to_owned(),
    }
}

fn why_ignored(kind: ColumnKind) -> Option<&'static str> {
    Some(match kind {
        ColumnKind::Index => "row numbers or names",
        ColumnKind::Dates => "dates or times",
        ColumnKind::Texts => "texts, nearly all different",
        ColumnKind::Constant => "the same in all rows",
        ColumnKind::Empty => "no values",
        _ => return None,
    })
}

/// The range of numbers, or the most frequent words.
fn contents(column: &ColumnSummary) -> String {
    let is_of_numbers = column.words.is_empty() || column.holds == ColumnKind::Number;
    let text = match column.range.filter(|_| is_of_numbers) {
        Some([least, largest]) => format!("{least} to {largest}"),
        None => {
            let words: Vec<&str> = column.words.iter().take(WIDTH).map(|(word, _)| word.as_str()).collect();
            let count = column.words.len();
            if count > 2 { format!("{count}: {}", words.join(", ")) } else { words.join(", ") }
        }
    };
    let is_long = text.chars().count() > WIDTH;
    if is_long { text.chars().take(WIDTH - 1).chain(['…']).collect() } else { text }
}

fn becomes(column: &ColumnSummary, plan: &TablePlan) -> String {
    let inputs = |encoding: Encoding| {
        let missing = plan.marks_missing && column.missing >= RARE;
        match (Encoding { missing, ..encoding }).width() {
            1 => "1 input".to_owned(),
            several => format!("{several} inputs"),
        }
    };
    match column.kind {
        ColumnKind::Target => "predicted".to_owned(),
        ColumnKind::Weight => "weights in training".to_owned(),
        ColumnKind::Number if !column.words.is_empty() => format!("error: `{}` is not a number", column.words[0].0),
        ColumnKind::Number => inputs(Encoding::default()),
        ColumnKind::Words => inputs(Encoding::of_words(&column.words, plan.max_levels)),
        other => why_ignored(other).map_or_else(|| "ignored".to_owned(), |why| format!("ignored: {why}")),
    }
}
