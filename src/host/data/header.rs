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
mod tests {
    use super::*;

    fn cells(line: &str) -> Vec<String> {
        line.split(',').map(str::to_owned).collect()
    }

    fn header(text: &str) -> (Option<bool>, Vec<usize>) {
        let (first, rows) = text.split_once('|').unwrap();
        let first = cells(first);
        let mut survey = Survey::new(&first);
        rows.split('|').for_each(|row| survey.add(&cells(row)));
        (survey.header(), survey.indices())
    }

    #[test]
    fn a_first_line_is_a_header_a_row_or_unclear() {
        for (text, expected) in [
            // A word above numbers, whatever stands beside it.
            ("0,1,2,label|0.5,0.5,0.5,1|0.1,0.2,0.3,0", Some(true)),
            ("5,7,y|1,2,3|,2,3", Some(true)),
            // Even where files were joined, header and all.
            ("a,y|1,2|a,y|1,2", Some(true)),
            ("a,y|1,u|2,v", Some(true)),
            ("color,y|red,u|blue,v", Some(true)),
            // Columns by their numbers.
            ("0,1,2|5,6,7|8,9,1", Some(true)),
            ("0,1,label|5,6,u|8,9,v", Some(true)),
            (",0,1|0,5,6|1,5,7", Some(true)),
            // Rows.
            ("0,1|5,6|7,8", None),
            ("0,0|0,1|1,0", Some(false)),
            ("0,1,up|1,0,off|1,1,up", Some(false)),
            (",0,1|2.5,5,6|1,5,7", Some(false)),
            ("?,?,up|1,2,off|3,4,up", Some(false)),
            ("00:05,1,up|00:06,3,up", Some(false)),
            ("\"1,039\",2|983,3", Some(false)),
            // A class that comes but once, or a header?
            ("10,2,y|5,6,u|8,9,v", None),
            ("00:05,rare|00:06,up|00:07,up", None),
            // A class that is a number, or a header?
            ("10,2,3|5,6,u|8,9,v", None),
        ] {
            assert_eq!(header(&text.replace("\"1,039\"", "1'039")).0, expected, "{text}");
        }
    }

    #[test]
    fn a_nameless_column_of_different_whole_numbers_counts_the_rows() {
        for (text, expected) in [
            (",a|0,5|1,5", &[0][..]),
            ("Unnamed: 0,a|7,5|3,5", &[0]),
            ("a,|5,1|5,2", &[1]),
            (",a|0,5|0,5", &[]),
            (",a|0.5,5|1,5", &[]),
            (",a|0,5|,5", &[]),
            ("n,a|0,5|1,5", &[]),
        ] {
            assert_eq!(header(text).1, expected, "{text}");
        }
    }

    #[test]
    fn names_that_are_made_up_are_no_others() {
        assert_eq!(names(&cells(",0,1,2"), true), cells("column-1,0,1,2"));
        assert_eq!(names(&cells(",a,"), true), cells("1,a,3"));
        assert_eq!(names(&cells(",1,column-1"), true), cells("column-column-1,1,column-1"));
        assert_eq!(names(&cells("a,,1"), false), cells("1,2,3"));
    }
}
