//! Tables as text: values separated by comma, semicolon or tab, with or without a header.

use super::columns::{Columns, MAX_CLASSES, Places, class_name};
use super::idx::DataError;
use std::borrow::ToOwned;
use std::collections::HashMap;
use std::format;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

/// Inputs from here on are refused, as [`Fit`](crate::Fit) does.
const LARGEST: f32 = 1e15;
/// How a missing value is spelt beside NaN, in lower case; of a class, which may be called `none`, the first two alone.
const MISSING: [&str; 7] = ["", "?", "na", "n/a", "null", "none", "-"];

/// What is wrong with a cell.
pub(super) const NO_VALUE: &str = "no value, and nothing to put there";
pub(super) const NO_INPUT: &str = "expected a number, found";
const NO_TARGET: &str = "expected a number to predict, found";

/// What a file says by itself or is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    /// Whether the first line is a header; none to see: it is one if none of its cells is a number.
    pub header: Option<bool>,
    /// What separates cells; none to see: whichever of `,`, `;` and tab the first line has most of.
    pub separator: Option<u8>,
}

/// What becomes of a row with a missing input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gaps {
    /// It stays, with NaN there.
    Keep,
    /// It is left out.
    Drop,
    /// The file is refused.
    Refuse,
}

/// A file whose first line has been looked at.
pub(super) struct Sheet {
    path: PathBuf,
    text: Vec<u8>,
    separator: u8,
    first: Vec<String>,
    pub names: Vec<String>,
    pub has_header: bool,
}

/// Rows of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    pub path: PathBuf,
    /// Line of each row, from 1 on.
    pub lines: Vec<u64>,
    /// Shape `(rows, inputs)`.
    pub inputs: Vec<f32>,
    /// The class of each row among `names`, where classes are read.
    pub labels: Vec<u16>,
    /// Classes in the order in which they came.
    pub names: Vec<String>,
    /// Shape `(rows, targets)`, where numbers are read.
    pub values: Vec<f32>,
    /// Of each input and target, over all rows that were read.
    extents: Vec<Extent>,
    /// Rows that were left out.
    pub dropped: usize,
}

impl Sheet {
    /// Reads a file and its first line.
    ///
    /// # Errors
    /// [`DataError::Io`], or [`DataError::Table`] for what is no text, or empty.
    pub(super) fn open(path: &Path, dialect: Dialect) -> Result<Self, DataError> {
        let fail = |problem: &str| DataError::table(path, problem.to_owned());
        let mut text = read(path)?;
        if let Err(error) = std::str::from_utf8(&text) {
            let line = 1 + text[..error.valid_up_to()].iter().filter(|&&b| b == b'\n').count();
            return Err(fail(&format!("line {line} is no UTF-8: save the table as such")));
        }
        if text.starts_with(b"\xef\xbb\xbf") {
            text.drain(..3);
        }
        let separator = dialect.separator.unwrap_or_else(|| most(&text));
        let mut sheet =
            Self { path: path.to_owned(), text, separator, first: Vec::new(), names: Vec::new(), has_header: false };
        let first = match sheet.records().next() {
            Some(first) => first.map_err(|e| fail(&e.to_string()))?,
            None => return Err(fail("expected a table, found nothing")),
        };
        sheet.first = first.iter().map(|cell| cell.trim().to_owned()).collect();
        let has_number = sheet.first.iter().any(|cell| cell.parse::<f32>().is_ok());
        sheet.take_header(dialect.header.unwrap_or(!has_number));
        Ok(sheet)
    }

    /// Takes the first line for a header, or for a row.
    pub(super) fn take_header(&mut self, has_header: bool) {
        let name = |(i, cell): (usize, &String)| {
            if has_header && !cell.is_empty() { cell.clone() } else { (i + 1).to_string() }
        };
        self.names = self.first.iter().enumerate().map(name).collect();
        self.has_header = has_header;
    }

    /// Whether the first line has all these names.
    pub(super) fn begins_with(&self, names: &[String]) -> bool {
        names.iter().all(|name| self.first.contains(name))
    }

    /// A problem with the file.
    pub(super) fn error(&self, problem: impl Into<String>) -> DataError {
        DataError::table(&self.path, problem)
    }

    fn records(&self) -> impl Iterator<Item = csv::Result<csv::StringRecord>> {
        let mut builder = csv::ReaderBuilder::new();
        builder.delimiter(self.separator).has_headers(false).flexible(true);
        builder.from_reader(&self.text[..]).into_records()
    }

    /// Reads all rows: classes, unknown ones as they come, or numbers.
    ///
    /// # Errors
    /// [`DataError::Table`] with line and column of the first cell that is wrong.
    pub(super) fn rows(&self, places: &Places, has_classes: bool, gaps: Gaps) -> Result<Table, DataError> {
        let mut table = Table { path: self.path.clone(), ..Table::default() };
        table.extents = vec![Extent::default(); places.inputs.len() + places.targets.len()];
        let mut known = HashMap::new();
        for record in self.records().skip(self.has_header.into()) {
            let record = record.map_err(|e| self.error(e.to_string()))?;
            let row = Row { sheet: self, line: record.position().map_or(0, |at| self.line(at)), cells: &record };
            if row.is_left_out(places, has_classes, gaps)? {
                table.dropped += 1;
                continue;
            }
            let (inputs, targets) = table.extents.split_at_mut(places.inputs.len());
            for (&i, extent) in places.inputs.iter().zip(inputs) {
                table.inputs.push(if row.is_missing(i) { f32::NAN } else { extent.take(row.number(i, NO_INPUT)?) });
            }
            for (&i, extent) in places.targets.iter().zip(targets) {
                if has_classes {
                    table.labels.push(label(class_name(row.cell(i)), &mut table.names, &mut known));
                } else {
                    table.values.push(extent.take(row.number(i, NO_TARGET)?));
                }
            }
            table.lines.push(row.line);
        }
        if table.lines.is_empty() {
            let why = if table.dropped > 0 { " without missing values" } else { "" };
            return Err(self.error(format!("expected rows{why}, found none")));
        }
        Ok(table)
    }

    /// The line of a record; `csv` gives the place where the one before ends, and blank lines may follow.
    fn line(&self, at: &csv::Position) -> u64 {
        let rest = self.text.get(at.byte() as usize..).unwrap_or(&[]);
        let ends = rest.iter().take_while(|b| b"\r\n".contains(b));
        at.line() + ends.filter(|&&b| b == b'\n').count() as u64
    }
}

/// A line of a sheet.
struct Row<'a> {
    sheet: &'a Sheet,
    line: u64,
    cells: &'a csv::StringRecord,
}

impl Row<'_> {
    fn cell(&self, i: usize) -> &str {
        self.cells.get(i).unwrap_or("").trim()
    }

    fn is_missing(&self, i: usize) -> bool {
        let cell = self.cell(i);
        MISSING.iter().any(|missing| cell.eq_ignore_ascii_case(missing)) || is_nan(cell)
    }

    fn has_no_class(&self, i: usize) -> bool {
        MISSING[..2].contains(&self.cell(i)) || is_nan(self.cell(i))
    }

    fn wrong(&self, i: usize, problem: &str) -> DataError {
        self.sheet.error(format!("line {}, column `{}`: {problem}", self.line, self.sheet.names[i]))
    }

    fn number(&self, i: usize, problem: &str) -> Result<f64, DataError> {
        let cell = self.cell(i);
        match cell.parse::<f64>() {
            Ok(x) if (x as f32).abs() < LARGEST => Ok(x),
            Ok(_) => Err(self.wrong(i, &format!("`{cell}` is infinite or too large"))),
            Err(_) if cell.replacen(',', ".", 1).parse::<f64>().is_ok() => {
                Err(self.wrong(i, &format!("expected a decimal point, found `{cell}`")))
            }
            Err(_) => Err(self.wrong(i, &format!("{problem} `{cell}`"))),
        }
    }

    /// Whether it is to be left out; an error where it cannot be read.
    fn is_left_out(&self, places: &Places, has_classes: bool, gaps: Gaps) -> Result<bool, DataError> {
        let (expected, found) = (self.sheet.names.len(), self.cells.len());
        if found != expected {
            let problem = format!("line {}: expected {expected} cells as in line 1, found {found}", self.line);
            return Err(self.sheet.error(problem));
        }
        let is_no_target = |i: usize| if has_classes { self.has_no_class(i) } else { self.is_missing(i) };
        let input = places.inputs.iter().find(|&&i| self.is_missing(i));
        let target = places.targets.iter().find(|&&i| is_no_target(i));
        match (input, target, gaps) {
            (None, None, _) | (Some(_), None, Gaps::Keep) => Ok(false),
            (_, _, Gaps::Drop) => Ok(true),
            (Some(&i), _, Gaps::Refuse) => Err(self.wrong(i, NO_VALUE)),
            (_, Some(&i), _) => Err(self.wrong(i, "no value, but it is to be predicted")),
        }
    }
}

fn is_nan(cell: &str) -> bool {
    cell.parse().is_ok_and(f32::is_nan)
}

/// The number of a class among `names`, where it is put if it is new.
fn label(class: String, names: &mut Vec<String>, known: &mut HashMap<String, u16>) -> u16 {
    let next = known.len() as u16;
    // One more than there may be, so that whoever names the classes can say so.
    if known.len() > MAX_CLASSES && !known.contains_key(&class) {
        return next;
    }
    *known.entry(class).or_insert_with_key(|class| {
        names.push(class.clone());
        next
    })
}

/// From where to where the numbers of a column go, and how far the nearest f32 is off at most.
#[derive(Clone, Copy, Debug)]
struct Extent {
    least: f64,
    largest: f64,
    error: f64,
}

impl Default for Extent {
    fn default() -> Self {
        Self { least: f64::INFINITY, largest: f64::NEG_INFINITY, error: 0.0 }
    }
}

impl Extent {
    /// One more number, as f32 has it.
    fn take(&mut self, x: f64) -> f32 {
        let near = x as f32;
        (self.least, self.largest) = (self.least.min(x), self.largest.max(x));
        self.error = self.error.max((x - f64::from(near)).abs());
        near
    }

    /// Whether rounding hides what they differ by: an error beyond a hundredth of the range.
    fn is_blurred(&self) -> bool {
        self.largest > self.least && self.error > 0.01 * (self.largest - self.least)
    }
}

impl Table {
    /// What is wrong with the first of the columns, inputs and then targets, whose numbers f32 cannot tell apart.
    pub(super) fn blurred(&self, columns: &Columns) -> Option<String> {
        let names = columns.inputs.iter().chain(&columns.targets);
        let (name, extent) = names.zip(&self.extents).find(|(_, extent)| extent.is_blurred())?;
        let Extent { least, largest, .. } = extent;
        Some(format!("column `{name}`: f32 hardly tells {least} and {largest} apart; subtract {least} from all"))
    }

    /// The class of each row among those of `columns`.
    ///
    /// # Errors
    /// [`DataError::Table`] for a class that is not among them.
    pub(super) fn classes(&self, columns: &Columns) -> Result<Vec<u8>, DataError> {
        let place = |name: &String| columns.classes.iter().position(|class| class == name);
        let places: Vec<Option<usize>> = self.names.iter().map(place).collect();
        let class = |(&label, &line): (&u16, &u64)| {
            let place = places.get(usize::from(label)).copied().flatten();
            place.map(|class| class as u8).ok_or_else(|| {
                let name = self.names.get(usize::from(label)).map_or("", String::as_str);
                let known = columns.classes.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
                let column = columns.targets.first().map_or("", String::as_str);
                DataError::table(
                    &self.path,
                    format!("line {line}, column `{column}`: class `{name}` is none of those learned: {known}"),
                )
            })
        };
        self.labels.iter().zip(&self.lines).map(class).collect()
    }

    /// The rows that `pick` names, of so many inputs and targets.
    pub(super) fn part(&self, pick: &[u32], [inputs, targets]: [usize; 2]) -> Self {
        let of = |all: &[f32], width: usize| -> Vec<f32> {
            let row = |&i: &u32| all.get(i as usize * width..(i as usize + 1) * width).unwrap_or(&[]);
            pick.iter().flat_map(row).copied().collect()
        };
        Self {
            path: self.path.clone(),
            lines: pick.iter().filter_map(|&i| self.lines.get(i as usize).copied()).collect(),
            inputs: of(&self.inputs, inputs),
            labels: pick.iter().filter_map(|&i| self.labels.get(i as usize).copied()).collect(),
            names: self.names.clone(),
            values: of(&self.values, targets),
            ..Self::default()
        }
    }
}

/// The bytes of a file, up to the first that is no text: a device may have no end.
fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    const CHUNK: usize = 1 << 20;
    let failed = |error| DataError::io(path, error);
    let (mut file, mut text) = (fs::File::open(path).map_err(failed)?, Vec::new());
    loop {
        let before = text.len();
        text.try_reserve(CHUNK).map_err(|error| DataError::io(path, error))?;
        let n = file.by_ref().take(CHUNK as u64).read_to_end(&mut text).map_err(failed)?;
        if text[before..].contains(&0) {
            return Err(DataError::table(path, no_text(&text)));
        }
        if n == 0 {
            return Ok(text);
        }
    }
}

/// What is wrong with bytes that are no text.
fn no_text(bytes: &[u8]) -> &'static str {
    match bytes {
        [0x1f, 0x8b, ..] => "compressed by gzip: unpack it first",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "text in UTF-16: save it as UTF-8",
        _ => "expected a table as text (UTF-8), found other bytes",
    }
}

/// Whichever separator the first line that is not blank has most of outside quotes; the comma where it has none.
fn most(text: &[u8]) -> u8 {
    let mut is_quoted = false;
    let plain = text.iter().skip_while(|b| b"\r\n".contains(b)).filter(|&&b| {
        is_quoted ^= b == b'"';
        !is_quoted
    });
    let line: Vec<u8> = plain.take_while(|&&b| b != b'\n').copied().collect();
    let count = |separator: u8| line.iter().filter(|&&b| b == separator).count();
    [b',', b';', b'\t'].into_iter().rev().max_by_key(|&separator| count(separator)).unwrap_or(b',')
}
