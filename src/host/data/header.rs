//! The first line of a table: whether it names the columns, and which of them counts the rows.

use super::cell::{Kind, Spelling};
use super::facts::{ColumnKind, Facts};
use crate::host::prelude::*;
use std::collections::HashSet;

/// What all lines below the first have in their columns.
pub(in crate::host) struct Survey<'a> {
    first: &'a [String],
    spelling: Spelling,
    facts: Vec<Facts>,
}

/// A cell of the first line, and what is below it.
struct Column {
    kind: Kind,
    /// Whether there are other numbers, and words, than what the first line has.
    has_numbers: bool,
    has_words: bool,
    /// Whether there is the same word.
    repeats_first: bool,
}

impl<'a> Survey<'a> {
    pub(in crate::host) fn new(first: &'a [String], spelling: Spelling) -> Self {
        Self { first, spelling, facts: first.iter().map(|cell| Facts::below(cell)).collect() }
    }

    /// One more line.
    pub(in crate::host) fn add(&mut self, cells: &[String]) {
        self.facts.iter_mut().zip(cells).for_each(|(facts, cell)| facts.add(cell, self.spelling));
    }

    fn columns(&self) -> Vec<Column> {
        let column = |(first, facts): (&String, &Facts)| {
            let same = self.spelling.number(first, "").ok().map(|x| [x, x]);
            Column {
                kind: self.spelling.kind(first),
                has_numbers: facts.range.is_some() && facts.range != same,
                has_words: facts.words.keys().any(|word| word != first),
                repeats_first: facts.words.contains_key(first),
            }
        };
        self.first.iter().zip(&self.facts).map(column).collect()
    }

    /// The facts of each column of a table whose first line is a header, or a row.
    pub(in crate::host) fn facts(mut self, has_header: bool) -> Vec<Facts> {
        if !has_header {
            self.add(self.first);
        }
        self.facts
    }

    /// Whether the first line is a header; none where that cannot be seen.
    pub(in crate::host) fn header(&self) -> Option<bool> {
        let columns = self.columns();
        let any = |is: &dyn Fn(&Column) -> bool| columns.iter().any(is);
        let has_names = any(&|c| c.kind == Kind::Name && !c.repeats_first);
        let has_values = any(&|c| !matches!(c.kind, Kind::Name | Kind::Missing));
        // A name above numbers.
        if any(&|c| c.kind == Kind::Name && c.has_numbers && !c.has_words) {
            return Some(true);
        }
        if !has_values {
            return Some(has_names);
        }
        match self.counts(&columns) {
            3.. => return Some(true),
            // Two numbers alone may as well be a row.
            2 if has_names => return Some(true),
            2 if columns.len() == 2 => return None,
            _ => {}
        }
        let above_words = any(&|c| c.kind == Kind::Number && c.has_words && !c.has_numbers);
        if has_names || above_words { None } else { Some(false) }
    }

    /// How many cells of the first line say `0, 1, 2, …`, names and one above an index aside; none where others stand there.
    fn counts(&self, columns: &[Column]) -> usize {
        let start =
            usize::from(self.facts.first().is_some_and(|facts| facts.kind(&self.first[0], true) == ColumnKind::Index));
        let mut numbers = 0;
        for (i, column) in columns.iter().enumerate().skip(start) {
            match column.kind {
                Kind::Number if self.first[i] == (i - start).to_string() => numbers += 1,
                Kind::Name if !column.repeats_first => {}
                _ => return 0,
            }
        }
        numbers + start
    }
}

/// What the columns below this first line are called; those without a name by their number from 1 on, unless another is
/// called so.
pub(in crate::host) fn names(first: &[String], has_header: bool) -> Vec<String> {
    let taken: HashSet<&String> = first.iter().collect();
    let name = |(i, cell): (usize, &String)| {
        let mut name = (i + 1).to_string();
        match has_header {
            false => return name,
            true if !cell.is_empty() => return cell.clone(),
            true => {}
        }
        while taken.contains(&name) {
            name = format!("column-{name}");
        }
        name
    };
    first.iter().enumerate().map(name).collect()
}

#[cfg(test)]
mod tests;
