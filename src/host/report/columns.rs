//! What a table has in its columns, and what becomes of each.

use super::table::aligned;
use crate::host::data::{ColumnKind, ColumnSummary};
use crate::host::prelude::*;

/// Why a column is ignored of which nobody said so.
#[must_use]
pub fn left_out(column: &ColumnSummary) -> Option<String> {
    let why = match column.kind {
        ColumnKind::Index => "contains row numbers or names of the rows",
        ColumnKind::Dates => "contains dates or times",
        ColumnKind::Texts => "contains texts that are nearly all different",
        ColumnKind::Constant => "has the same value in all rows",
        ColumnKind::Empty => "has no values",
        _ => return None,
    };
    Some(format!("column `{}` is ignored: it {why}", column.name))
}

/// The columns of a table, and what will become of each.
#[must_use]
pub fn of_columns(columns: &[ColumnSummary]) -> String {
    let row = |(i, column): (usize, &ColumnSummary)| {
        [
            (i + 1).to_string(),
            column.name.clone(),
            holds(column.holds).to_owned(),
            column.missing.to_string(),
            values(column),
            use_of(column),
        ]
    };
    aligned(&["", "column", "contains", "missing", "values", "use"], columns.iter().enumerate().map(row).map(Vec::from))
}

fn holds(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Number => "numbers",
        ColumnKind::Index => "row index",
        ColumnKind::Dates => "dates",
        ColumnKind::Texts => "texts",
        ColumnKind::Empty => "nothing",
        _ => "words",
    }
}

/// The range of numbers, or the most frequent words.
fn values(column: &ColumnSummary) -> String {
    const SHOWN: usize = 4;
    let is_of_numbers = matches!(column.holds, ColumnKind::Number | ColumnKind::Index);
    match column.range.filter(|_| is_of_numbers) {
        Some([least, largest]) => format!("{least} to {largest}"),
        None => {
            let words = column.words.iter().take(SHOWN).map(|(word, _)| word.clone()).collect::<Vec<_>>().join(", ");
            let count = column.words.len();
            if count > SHOWN { format!("{count}: {words}, …") } else { words }
        }
    }
}

fn use_of(column: &ColumnSummary) -> String {
    let missing = if column.missing > 0 { ", filled if missing" } else { "" };
    match column.kind {
        ColumnKind::Target => "predicted".to_owned(),
        ColumnKind::Ignored => "ignored".to_owned(),
        ColumnKind::Number => format!("one input{missing}"),
        ColumnKind::Words if column.words.len() == 2 => format!("input of 0 or 1{missing}"),
        ColumnKind::Words => format!("one input for each word{missing}"),
        _ => "ignored".to_owned(),
    }
}
