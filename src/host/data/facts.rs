//! What all rows of a table have in one column, and what kind of column that makes it.

use super::cell::{Kind, Spelling, is_no_class};
use crate::host::prelude::*;
use std::collections::{HashMap, HashSet};

/// Names under which programs export the numbers of rows, beside none at all.
const INDEX_NAMES: [&str; 6] = ["index", "rownames", "rowname", "row", "row_id", "id"];
/// More different texts than this in half of the rows are no classes of anything.
const FEW: usize = 20;

/// How what is wrong with numbers begins that f32 cannot tell apart.
pub(in crate::host) const BLURRED: &str = "the numbers from";

/// What a column holds, and what it is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColumnKind {
    /// Numbers.
    Number,
    /// Words or truth values, each in several rows.
    Words,
    /// The number or the name of each row, as programs export it.
    Index,
    /// Dates or times.
    Dates,
    /// Texts of which nearly every one is different.
    Texts,
    /// The same word in all rows.
    Constant,
    /// Nothing.
    Empty,
    /// What is to be ignored.
    Ignored,
    /// The weights of the rows in training.
    Weight,
    /// What is to be predicted.
    Target,
}

impl ColumnKind {
    /// Whether the column can be an input.
    pub(in crate::host) fn is_input(self) -> bool {
        matches!(self, Self::Number | Self::Words)
    }
}

/// What the rows have in one column.
#[derive(Clone, Debug, Default)]
pub(in crate::host) struct Facts {
    /// Whether the column has no name, below a header.
    is_nameless: bool,
    rows: usize,
    pub missing: usize,
    /// Rows of which not even a class would say anything.
    blank: usize,
    numbers: usize,
    spelt: usize,
    dates: usize,
    /// Least and largest number.
    pub range: Option<[f64; 2]>,
    /// How far the nearest f32 of a number is off at most.
    error: f64,
    /// What is no number, and in how many rows each.
    pub words: HashMap<String, usize>,
    /// The whole numbers of a column without a name, as long as each is another one.
    different: Option<HashSet<u64>>,
    /// The latest number of a column that may count the rows, as long as it does.
    counted: Option<f64>,
}

impl Facts {
    /// No rows yet, below this cell of the first line.
    pub(in crate::host) fn below(first: &str) -> Self {
        let is_nameless = is_nameless(first);
        Self { is_nameless, different: is_nameless.then(HashSet::new), ..Self::default() }
    }

    /// One more cell.
    pub(in crate::host) fn add(&mut self, cell: &str, spelling: Spelling) {
        let kind = spelling.kind(cell);
        let x = spelling.number(cell, "").ok().filter(|_| kind == Kind::Number);
        match kind {
            Kind::Missing => {
                self.missing += 1;
                self.blank += usize::from(is_no_class(cell));
            }
            Kind::Number => self.numbers += 1,
            Kind::Spelt => self.spelt += 1,
            Kind::Date => self.dates += 1,
            Kind::Name | Kind::Other => {}
        }
        if !matches!(kind, Kind::Missing | Kind::Number) {
            *self.words.entry(cell.to_owned()).or_default() += 1;
        }
        if let Some(x) = x {
            let [least, largest] = self.range.unwrap_or([x, x]);
            self.range = Some([least.min(x), largest.max(x)]);
            self.error = self.error.max((x - f64::from(x as f32)).abs());
        }
        if let Some(different) = &mut self.different
            && !cell.parse().is_ok_and(|index| different.insert(index))
        {
            self.different = None;
        }
        let follows = |x: &f64| self.rows == 0 && (*x == 0.0 || *x == 1.0) || self.counted == Some(x - 1.0);
        self.counted = x.filter(follows);
        self.rows += 1;
    }

    /// What is wrong with numbers that f32 cannot tell apart: rounding moves one by more than a hundredth of their range.
    pub(in crate::host) fn blurred(&self) -> Option<String> {
        let is_blurred = |[least, largest]: &[f64; 2]| largest > least && self.error > 0.01 * (largest - least);
        let [least, largest] = self.range.filter(is_blurred)?;
        let advice = format!("subtract {least} from all of them");
        Some(format!("{BLURRED} {least} to {largest} are too close together for f32; {advice}"))
    }

    /// What the column of this name holds.
    pub(in crate::host) fn kind(&self, name: &str, has_header: bool) -> ColumnKind {
        let (values, words) = (self.rows - self.missing, self.words.len());
        let is_of_texts = 2 * words > values && (words > FEW || words == values && values > 2);
        let is_nameless = has_header && self.is_nameless;
        let is_index_name = has_header && INDEX_NAMES.iter().any(|index| name.eq_ignore_ascii_case(index));
        let has_two = self.rows > 1;
        match () {
            // That there are no rows is said when they are read.
            () if self.rows == 0 => ColumnKind::Number,
            () if self.blank == self.rows => ColumnKind::Empty,
            () if values == 0 => ColumnKind::Constant,
            () if is_nameless && has_two && self.different.is_some() => ColumnKind::Index,
            () if is_nameless && words == self.rows && words > 2 => ColumnKind::Index,
            () if is_index_name && has_two && self.counted.is_some() => ColumnKind::Index,
            // Most of it decides: what does not fit is said when it is read.
            () if 2 * (self.numbers + self.spelt) >= values => ColumnKind::Number,
            () if 2 * self.dates > values => ColumnKind::Dates,
            () if words == 1 && values == self.rows && self.numbers == 0 => ColumnKind::Constant,
            () if is_of_texts => ColumnKind::Texts,
            () => ColumnKind::Words,
        }
    }
}

/// Whether a column has no name, or the one that pandas gives such a column.
fn is_nameless(cell: &str) -> bool {
    let number = cell.strip_prefix("Unnamed: ");
    cell.is_empty() || number.is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()))
}
