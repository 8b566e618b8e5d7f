//! The first line of a table: whether it names the columns, and which of them counts the rows.

use super::cell::{Kind, Spelling};
use super::facts::{ColumnKind, Facts};
use crate::host::prelude::*;

/// What all lines below the first have in their columns.
pub(in crate::host) struct Survey<'a> {
    first: &'a [String],
    spelling: Spelling,
    columns: Vec<Column>,
    facts: Vec<Facts>,
}

/// One column below the first line.
#[derive(Clone, Default)]
struct Column {
    has_numbers: bool,
    /// Whether there is what is neither a number, nor missing, nor what the first line has.
    has_words: bool,
    /// Whether it has what the first line has.
    repeats_first: bool,
}

impl<'a> Survey<'a> {
    pub(in crate::host) fn new(first: &'a [String], spelling: Spelling) -> Self {
        let facts = first.iter().map(|cell| Facts::below(cell)).collect();
        Self { first, spelling, columns: vec![Column::default(); first.len()], facts }
    }

    /// One more line.
    pub(in crate::host) fn add(&mut self, cells: &[String]) {
        let columns = self.columns.iter_mut().zip(&mut self.facts);
        for (((column, facts), cell), first) in columns.zip(cells).zip(self.first) {
            let kind = self.spelling.kind(cell);
            facts.add(cell, kind, self.spelling);
            match kind {
                _ if cell == first => column.repeats_first = true,
                Kind::Number => column.has_numbers = true,
                Kind::Missing => {}
                _ => column.has_words = true,
            }
        }
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
        let kinds: Vec<Kind> = self.first.iter().map(|cell| self.spelling.kind(cell)).collect();
        let any = |is: &dyn Fn(Kind, &Column) -> bool| kinds.iter().zip(&self.columns).any(|(&k, c)| is(k, c));
        let has_names = any(&|kind, column| kind == Kind::Name && !column.repeats_first);
        let has_values = any(&|kind, _| !matches!(kind, Kind::Name | Kind::Missing));
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
        let start =
            usize::from(self.facts.first().is_some_and(|facts| facts.kind(&self.first[0], true) == ColumnKind::Index));
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
