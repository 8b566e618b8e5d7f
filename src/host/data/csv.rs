//! CSV files: the first line, the separator, and the rows, one after the other.

use super::cell::{Dialect, NO_INPUT, NO_TARGET, NO_WEIGHT, Spelling, is_missing, is_no_class};
use super::columns::{Choice, Columns, Places, class_name};
use super::facts::{BLURRED, Facts};
use super::header::{Survey, names};
use super::lines::{Lines, MAX_CELLS, cells};
use super::table::{Gaps, Table};
use crate::host::DataError;
use crate::host::prelude::*;
use std::path::Path;

/// What is wrong with a row that says nothing of what is predicted.
const NO_ANSWER: &str = "the value is missing, but this column is the target; use --missing drop to remove such rows, or --label \
                         to predict another column";
/// What separates cells where that is not known yet.
const UNKNOWN: &[u8] = b",;\t";

/// A file whose first line has been looked at.
pub(super) struct Sheet {
    pub lines: Lines,
    pub spelling: Spelling,
    /// The cells of the first line; until it is known, as many as it has.
    pub first: Vec<String>,
    first_line: u64,
    pub names: Vec<String>,
    pub has_header: bool,
    /// What is known of each column of a whole file.
    pub facts: Vec<Facts>,
}

impl Sheet {
    /// Reads a whole file, and decides what its first line is, which `dialect` may say: one that may be a header or not is an
    /// error.
    pub(super) fn read(path: &Path, dialect: Dialect) -> Result<Self, DataError> {
        let mut sheet = Self::open(path, dialect)?;
        while sheet.lines.fill()? {}
        let first = sheet.first.clone();
        let mut survey = Survey::new(&first, sheet.spelling);
        sheet.lines.rewind();
        while sheet.advance()? {
            let row = sheet.row()?;
            if row.line > sheet.first_line {
                survey.add(&row.cells);
            }
        }
        let Some(has_header) = dialect.header.or_else(|| survey.header()) else {
            return Err(sheet.error(format!(
                "{}: it is not clear whether this is a header; use --header yes or --header no",
                sheet.shown()
            )));
        };
        sheet.take_header(has_header);
        sheet.facts = survey.facts(has_header);
        Ok(sheet)
    }

    /// Reads the first line of a file, which is no header until [`Sheet::take_header`] says so.
    pub(super) fn open(path: &Path, dialect: Dialect) -> Result<Self, DataError> {
        let mut lines = Lines::open(path)?;
        let (mut told, mut first) = (dialect.separator, None);
        while lines.next(told.as_ref().map_or(UNKNOWN, set))? {
            let line = &lines.record[..];
            match hint(line) {
                Some(hint) if lines.number == 1 => told = told.or(Some(hint)),
                _ if line.trim_ascii().is_empty() => {}
                // The next line says how many cells a line has that is no comment.
                _ if line.starts_with(b"#") => first = first.or_else(|| Some(line.to_vec())),
                _ => {
                    first = Some(line.to_vec());
                    break;
                }
            }
        }
        let Some(first) = first else {
            return Err(DataError::table(&lines.path, "expected a table, found an empty file"));
        };
        let separator = told.unwrap_or_else(|| most(&first, dialect.decimal_comma));
        let mut sheet = Self {
            lines,
            spelling: Spelling { separator, decimal_comma: dialect.decimal_comma },
            first: cells(&String::from_utf8_lossy(&first), set(&separator)),
            first_line: 0,
            names: Vec::new(),
            has_header: false,
            facts: Vec::new(),
        };
        sheet.lines.rewind();
        sheet.advance()?;
        let first = sheet.row()?;
        (sheet.first, sheet.first_line) = (first.cells, first.line);
        sheet.take_header(false);
        Ok(sheet)
    }

    /// Takes the first line for a header, or for a row.
    pub(super) fn take_header(&mut self, has_header: bool) {
        self.names = names(&self.first, has_header);
        self.has_header = has_header;
    }

    /// Whether the first line, as a header, has all these names.
    pub(super) fn begins_with(&self, wanted: &[String]) -> bool {
        let found = names(&self.first, true);
        wanted.iter().all(|name| found.contains(name))
    }

    /// The first line as errors show it, cut where it is long.
    fn shown(&self) -> String {
        const SHOWN: usize = 60;
        let text = self.first.join(",").replace(['\r', '\n'], " ");
        let more = if text.chars().count() > SHOWN { "…" } else { "" };
        format!("line {}, `{}{more}`", self.first_line, text.chars().take(SHOWN).collect::<String>())
    }

    /// Where these columns are; targets only where they are asked for.
    pub(super) fn places(&self, columns: &Columns, with_targets: bool) -> Result<Places, DataError> {
        columns.among(&self.names, self.has_header, with_targets).map_err(|problem| self.error(problem))
    }

    /// A problem with the file.
    pub(super) fn error(&self, problem: impl Into<String>) -> DataError {
        DataError::table(&self.lines.path, problem)
    }

    /// Goes before the first row. What is passed from here on is forgotten.
    pub(super) fn begin(&mut self) -> Result<(), DataError> {
        self.lines.rewind();
        if self.has_header {
            self.advance()?;
        }
        self.lines.is_kept = false;
        Ok(())
    }

    /// Goes to the next row, if it is at hand: blank lines and comments are none.
    pub(super) fn advance(&mut self) -> Result<bool, DataError> {
        while self.lines.take(set(&self.spelling.separator))? {
            let line = &self.lines.record[..];
            let is_blank = line.iter().all(|&b| b == b' ' || b == b'\t' && self.spelling.separator != b'\t');
            let is_hint = || self.lines.number == 1 && hint(line).is_some();
            // A value that is missing may begin with # as well.
            let width = || cells(&String::from_utf8_lossy(line), set(&self.spelling.separator)).len();
            let is_comment = || line.starts_with(b"#") && width() != self.first.len();
            if !is_blank && !is_hint() && !is_comment() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The row that [`Sheet::advance`] went to; an error where it is no UTF-8, or has too many cells.
    pub(super) fn row(&self) -> Result<Row<'_>, DataError> {
        let Lines { record, number: line, .. } = &self.lines;
        let text = std::str::from_utf8(record).map_err(|error| {
            let before = record.iter().take(error.valid_up_to()).filter(|&&b| b == b'\n').count() as u64;
            self.error(format!("line {} is not UTF-8: save the table as UTF-8", line + before))
        })?;
        let cells = cells(text, set(&self.spelling.separator));
        if cells.len() > MAX_CELLS {
            return Err(self.error(format!("line {line} has more than {MAX_CELLS} cells")));
        }
        Ok(Row { sheet: self, line: *line, cells })
    }

    /// Reads all rows of a whole file: classes, unknown ones as they come, or numbers. An error says all that is wrong, of each
    /// column the first line; `choice` is what it may advise to change.
    pub(super) fn rows(&mut self, places: &Places, gaps: Gaps, choice: Option<&Choice>) -> Result<Table, DataError> {
        self.begin()?;
        let (mut table, mut problems) = (Table::of(&self.lines.path, places), Problems::default());
        while self.advance()? {
            let row = self.row()?;
            match row.is_left_out(places, gaps, choice.is_some()) {
                Ok(false) => {}
                Ok(true) => {
                    table.dropped += 1;
                    continue;
                }
                Err((column, problem)) => problems.add(row.line, column, problem),
            }
            if row.cells.len() != self.names.len() {
                continue;
            }
            let mut number = |i: usize, expected: &str| {
                let refused = |problem| problems.add(row.line, Some(i), problem);
                row.number(i, expected).map_err(refused).unwrap_or(f32::NAN)
            };
            for ((k, &i), &is_word) in places.inputs.iter().enumerate().zip(&places.are_words) {
                if is_word { table.push_word(k, row.word(i)) } else { table.cells.push(number(i, NO_INPUT)) }
            }
            for &i in &places.targets {
                if places.has_classes {
                    table.push_class(class_name(row.cell(i)));
                } else {
                    table.values.push(number(i, NO_TARGET));
                }
            }
            if let Some(i) = places.weight {
                let weight = number(i, NO_WEIGHT);
                table.weights.push(weight);
                if !(weight > 0.0 && weight.is_finite()) {
                    let problem =
                        if is_missing(row.cell(i)) { "the weight is missing" } else { "a weight must be above 0" };
                    problems.add(row.line, Some(i), problem.to_owned());
                }
            }
            table.lines.push(row.line);
        }
        if choice.is_some() {
            let inputs = places.inputs.iter().zip(&places.are_words).filter(|(_, is_word)| !**is_word);
            let targets = places.targets.iter().filter(|_| !places.has_classes);
            for &i in inputs.map(|(i, _)| i).chain(targets) {
                self.facts[i].blurred().into_iter().for_each(|problem| problems.add(0, Some(i), problem));
            }
        }
        if !problems.0.is_empty() {
            return Err(self.error(problems.text(&self.names, places, choice)));
        }
        if table.lines.is_empty() {
            let why = if table.dropped > 0 { " without missing values" } else { "" };
            return Err(self.error(format!("expected rows{why}, found none")));
        }
        Ok(table)
    }
}

/// A problem behind its line, if it is not 0, and its column.
fn placed(names: &[String], line: u64, column: Option<usize>, problem: &str) -> String {
    match (line, column.map(|i| &names[i])) {
        (0, Some(name)) => format!("column `{name}`: {problem}"),
        (_, Some(name)) => format!("line {line}, column `{name}`: {problem}"),
        (_, None) => format!("line {line}: {problem}"),
    }
}

/// What is wrong with a file: of each column, and of no column, what comes first, with its line or 0. Of columns beyond
/// [`TOLD`] nothing is said.
#[derive(Default)]
struct Problems(Vec<(Option<usize>, u64, String)>);

/// Columns of which problems are told.
const TOLD: usize = 100;

impl Problems {
    fn add(&mut self, line: u64, column: Option<usize>, problem: String) {
        if self.0.len() < TOLD && self.0.iter().all(|(known, ..)| *known != column) {
            self.0.push((column, line, problem));
        }
    }

    /// All of them, and how to do without the columns that cannot be inputs as they are.
    fn text(&self, names: &[String], places: &Places, choice: Option<&Choice>) -> String {
        let told = self.0.iter().map(|(column, line, problem)| placed(names, *line, *column, problem));
        let text = told.collect::<Vec<_>>().join("; ");
        // Numbers that are only spelt in another way are not to be lost.
        let of_inputs = |begin: &str| -> Vec<usize> {
            let found = self.0.iter().filter(|(.., problem)| problem.starts_with(begin)).filter_map(|(i, ..)| *i);
            found.filter(|i| places.inputs.contains(i)).collect()
        };
        let (words, blurred) = (of_inputs(NO_INPUT), of_inputs(BLURRED));
        let Some(choice) = choice.filter(|_| !words.is_empty() || !blurred.is_empty()) else { return text };
        let (all, them) = match [words.clone(), blurred].concat() {
            one if one.len() == 1 => (one, "it"),
            several => (several, "them"),
        };
        let mut text = format!("{text}; use --ignore {} to ignore {them}", choice.ignoring(names, &all));
        if !words.is_empty() {
            let categorical = Choice { ignored: choice.categorical.clone(), ..Choice::default() };
            text += &format!(", or --categorical {} for words", categorical.ignoring(names, &words));
        }
        text
    }
}

/// A row of a sheet.
pub(super) struct Row<'a> {
    sheet: &'a Sheet,
    pub line: u64,
    cells: Vec<String>,
}

impl Row<'_> {
    fn cell(&self, i: usize) -> &str {
        self.cells.get(i).map_or("", String::as_str)
    }

    /// A number; NaN where there is none.
    fn number(&self, i: usize, problem: &str) -> Result<f32, String> {
        let cell = self.cell(i);
        if is_missing(cell) { Ok(f32::NAN) } else { self.sheet.spelling.number(cell, problem).map(|x| x as f32) }
    }

    /// A word, if there is one.
    fn word(&self, i: usize) -> Option<String> {
        Some(self.cell(i)).filter(|cell| !is_missing(cell)).map(class_name)
    }

    /// The cells of all inputs: numbers and places of words, NaN where there is none; nothing of a row that is to be left out.
    /// An error is about the first cell that is wrong.
    pub(super) fn inputs(&self, places: &Places, columns: &Columns, gaps: Gaps) -> Result<Option<Vec<f32>>, DataError> {
        if self.is_left_out(places, gaps, false).map_err(|(column, problem)| self.wrong(column, &problem))? {
            return Ok(None);
        }
        let cell = |(k, &i): (usize, &usize)| match columns.encodings.get(k).filter(|_| places.are_words[k]) {
            Some(encoding) => Ok(self.word(i).map_or(f32::NAN, |word| encoding.place(&word))),
            None => self.number(i, NO_INPUT).map_err(|problem| self.wrong(Some(i), &problem)),
        };
        places.inputs.iter().enumerate().map(cell).collect::<Result<_, _>>().map(Some)
    }

    fn wrong(&self, column: Option<usize>, problem: &str) -> DataError {
        self.sheet.error(placed(&self.sheet.names, self.line, column, problem))
    }

    /// Whether it is to be left out; an error with its column where it cannot be read.
    fn is_left_out(&self, places: &Places, gaps: Gaps, can_choose: bool) -> Result<bool, (Option<usize>, String)> {
        let (expected, found) = (self.sheet.names.len(), self.cells.len());
        if found != expected {
            let first = self.sheet.first_line;
            return Err((None, format!("expected {expected} cells as in line {first}, found {found}")));
        }
        let is_no_target = if places.has_classes { is_no_class } else { is_missing };
        let input = places.inputs.iter().find(|&&i| is_missing(self.cell(i)));
        let target = places.targets.iter().find(|&&i| is_no_target(self.cell(i)));
        match (input, target, gaps) {
            (None, None, _) | (Some(_), None, Gaps::Keep) => Ok(false),
            (_, _, Gaps::Drop) => Ok(true),
            (Some(&i), _, Gaps::Refuse) => {
                let of_model = "the model has no replacement";
                let advice = if can_choose { "use --missing mean, drop or a number" } else { of_model };
                Err((Some(i), format!("the value is missing; {advice}")))
            }
            (_, Some(&i), _) => Err((Some(i), NO_ANSWER.to_owned())),
        }
    }
}

/// The bytes that separate cells: blanks in any number, where it is a blank.
fn set(separator: &u8) -> &[u8] {
    if *separator == b' ' { b" \t" } else { std::slice::from_ref(separator) }
}

/// The separator that a first line `sep=;` names, as spreadsheets write and read it.
fn hint(line: &[u8]) -> Option<u8> {
    let line = line.strip_prefix(b"\"").map_or(line, |quoted| quoted.strip_suffix(b"\"").unwrap_or(line));
    match line {
        [s, e, p, b'=', separator] if [*s, *e, *p].eq_ignore_ascii_case(b"sep") => Some(*separator),
        _ => None,
    }
}

/// Whichever separator a line has most of outside quotes; a blank where it has none, and the comma where it has no blank.
fn most(line: &[u8], decimal_comma: bool) -> u8 {
    let mut is_quoted = false;
    let is_plain = |&&b: &&u8| {
        is_quoted ^= b == b'"';
        !is_quoted
    };
    let line: Vec<u8> = line.trim_ascii().iter().filter(is_plain).copied().collect();
    let count = |separator: u8| line.iter().filter(|&&b| b == separator).count();
    let most =
        [b',', b';', b'\t'].into_iter().skip(decimal_comma.into()).rev().max_by_key(|&separator| count(separator));
    let most = most.unwrap_or(b',');
    if count(most) == 0 && count(b' ') > 0 { b' ' } else { most }
}
