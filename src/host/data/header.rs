//! The first line of a table: whether it names the columns, and which of them counts the rows.

use super::cell::Kind;
use crate::host::prelude::*;
use std::collections::HashSet;

/// What all lines below the first have in their columns.
pub(in crate::host) struct Survey<'a> {
    first: &'a [String],
    columns: Vec<Column>,
}

/// One column below the first line.
#[derive(Default)]
struct Column {
    has_numbers: bool,
    /// Whether there is what is neither a number, nor missing, nor what the first line has.
    has_words: bool,
    /// Whether it has what the first line has.
    repeats_first: bool,
    /// The whole numbers in a column without a name, as long as each cell is another one.
    indices: Option<HashSet<u64>>,
}

impl<'a> Survey<'a> {
    pub(in crate::host) fn new(first: &'a [String]) -> Self {
        let column = |cell: &String| Column { indices: is_nameless(cell).then(HashSet::new), ..Column::default() };
        Self { first, columns: first.iter().map(column).collect() }
    }

    /// One more line.
    pub(in crate::host) fn add(&mut self, cells: &[String]) {
        for ((column, cell), first) in self.columns.iter_mut().zip(cells).zip(self.first) {
            match Kind::of(cell) {
                _ if cell == first => column.repeats_first = true,
                Kind::Number => column.has_numbers = true,
                Kind::Missing => {}
                Kind::Name | Kind::Other => column.has_words = true,
            }
            if let Some(indices) = &mut column.indices
                && !cell.parse().is_ok_and(|index| indices.insert(index))
            {
                column.indices = None;
            }
        }
    }

    /// Whether the first line is a header; none where that cannot be seen.
    pub(in crate::host) fn header(&self) -> Option<bool> {
        let kinds: Vec<Kind> = self.first.iter().map(|cell| Kind::of(cell)).collect();
        let any = |is: &dyn Fn(Kind, &Column) -> bool| kinds.iter().zip(&self.columns).any(|(&k, c)| is(k, c));
        let has_names = any(&|kind, column| kind == Kind::Name && !column.repeats_first);
        let has_values = any(&|kind, _| matches!(kind, Kind::Number | Kind::Other));
        // A name above numbers.
        if any(&|kind, column| kind == Kind::Name && column.has_numbers && !column.has_words) {
            return Some(true);
        }
        if !has_values {
            return Some(has_names);
        }
        match self.counts(&kinds) {
            3.. => return Some(true),
            // Two numbers alone may as well be a row.
            2 if has_names => return Some(true),
            2 if kinds.len() == 2 => return None,
            _ => {}
        }
        let above_words = any(&|kind, column| kind == Kind::Number && column.has_words && !column.has_numbers);
        if has_names || above_words { None } else { Some(false) }
    }

    /// How many cells of the first line say `0, 1, 2, …`, names and one above an index aside; none where others stand there.
    fn counts(&self, kinds: &[Kind]) -> usize {
        let start = usize::from(self.indices().first() == Some(&0));
        let mut numbers = 0;
        for ((i, kind), column) in kinds.iter().enumerate().zip(&self.columns).skip(start) {
            match kind {
                Kind::Number if self.first[i] == (i - start).to_string() => numbers += 1,
                Kind::Name if !column.repeats_first => {}
                _ => return 0,
            }
        }
        numbers + start
    }

    /// The columns that count the rows, below a header: they have no name, and in each row another whole number.
    pub(in crate::host) fn indices(&self) -> Vec<usize> {
        let is_index = |column: &Column| column.indices.as_ref().is_some_and(|indices| indices.len() > 1);
        (0..self.columns.len()).filter(|&i| is_index(&self.columns[i])).collect()
    }
}

/// Whether a column has no name, or the one that pandas gives such a column.
fn is_nameless(cell: &str) -> bool {
    let number = cell.strip_prefix("Unnamed: ");
    cell.is_empty() || number.is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()))
}

/// What the columns below this first line are called; those without a name by their number from 1 on, unless another is
/// called so.
pub(in crate::host) fn names(first: &[String], has_header: bool) -> Vec<String> {
    let name = |(i, cell): (usize, &String)| {
        let mut name = (i + 1).to_string();
        match has_header {
            false => return name,
            true if !cell.is_empty() => return cell.clone(),
            true => {}
        }
        while first.contains(&name) {
            name = format!("column-{name}");
        }
        name
    };
    first.iter().enumerate().map(name).collect()
}

#[cfg(test)]
mod tests;
