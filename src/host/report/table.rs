//! Tables: rows of text under a header, and the figures in their cells.

use crate::host::HostError;
use crate::host::evaluation::mean_and_sd;
use crate::host::prelude::*;
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, TableStyle};
use std::path::Path;
use std::{fmt, io};
use unicode_width::UnicodeWidthStr;

/// Blanks around a cell and behind it.
const BESIDE: usize = 3;
/// A rule under the header and nothing else: narrow, and plain in a file.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::new(' ', '─', '─', ' '));

/// Columns of the terminal that standard output goes to; as many as there are of a file or a pipe.
#[must_use]
pub fn terminal_width() -> usize {
    terminal_size::terminal_size_of(std::io::stdout()).map_or(usize::MAX, |(width, _)| width.0.into())
}

/// Rows under a header, the first column names: text in a terminal, HTML on a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Names of the columns.
    pub header: Vec<String>,
    /// The rows, a cell a column.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new<S: Into<String>>(
        header: impl IntoIterator<Item = S>,
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> Self {
        Self { header: header.into_iter().map(Into::into).collect(), rows: rows.into_iter().collect() }
    }

    /// As text in blocks of at most `width` characters, numbers to the right; columns that do not fit follow below, beside the
    /// first one again. Names and cells wrap where not even two columns fit.
    fn within(&self, width: usize) -> String {
        let length = |i: usize| {
            let cells = self.rows.iter().chain([&self.header]).filter_map(|row| row.get(i));
            cells.flat_map(|cell| cell.lines()).map(UnicodeWidthStr::width).max().unwrap_or(0) + BESIDE
        };
        let (mut blocks, mut left) = (Vec::new(), 0);
        for column in 1..self.header.len() {
            if blocks.is_empty() || length(column) > left {
                blocks.push(vec![0]);
                left = width.saturating_sub(length(0));
            }
            left = left.saturating_sub(length(column));
            blocks.last_mut().into_iter().for_each(|block| block.push(column));
        }
        let text = |block: Vec<usize>| {
            let of =
                |row: &Vec<String>| block.iter().map(|&i| row.get(i).cloned().unwrap_or_default()).collect::<Vec<_>>();
            let mut table = comfy_table::Table::new();
            table.load_style(STYLE).set_content_arrangement(ContentArrangement::Disabled);
            if block.iter().map(|&i| length(i)).sum::<usize>() > width {
                let width = u16::try_from(width).unwrap_or(u16::MAX);
                table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
            }
            table.set_header(of(&self.header)).add_rows(self.rows.iter().map(of));
            for column in table.column_iter_mut().skip(1) {
                column.set_cell_alignment(CellAlignment::Right);
            }
            table.trim_fmt()
        };
        blocks.into_iter().map(text).collect::<Vec<_>>().join("\n\n")
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.within(terminal_width()))
    }
}

/// A row of a table: a name, then cells.
pub(super) fn row(name: impl Into<String>, cells: impl IntoIterator<Item = String>) -> Vec<String> {
    [name.into()].into_iter().chain(cells).collect()
}

/// So many digits behind the point; a dash where there is no number.
pub(super) fn fixed(x: impl Into<f64>, digits: usize) -> String {
    let x = x.into();
    if x.is_nan() { "–".to_owned() } else { format!("{x:.digits$}") }
}

/// A share in percent; a dash where there is none.
pub(super) fn percent(share: f64) -> String {
    fixed(100.0 * share, 2) + if share.is_nan() { "" } else { " %" }
}

/// Four significant digits, for figures in any units; a dash for none.
pub(super) fn significant(x: f64) -> String {
    match x.abs() {
        x if x.is_nan() => "–".to_owned(),
        0.0 => "0".to_owned(),
        size if !(1e-4..1e6).contains(&size) => format!("{x:.3e}"),
        size => format!("{x:.*}", (3 - size.log10().floor() as i32).clamp(0, 7) as usize),
    }
}

/// The mean of values, with their deviation where there are several; a dash where there is none.
pub(super) fn mean_sd(values: &[f64], text: impl Fn(f64) -> String) -> String {
    let (mean, sd) = mean_and_sd(values);
    match values.len() {
        _ if mean.is_nan() => "–".to_owned(),
        1 => text(mean),
        _ => format!("{} ± {}", text(mean), text(sd)),
    }
}

/// What `write` gives a table as CSV.
pub(super) fn csv_bytes(
    write: impl FnOnce(&mut csv::Writer<Vec<u8>>) -> csv::Result<()>,
) -> Result<Vec<u8>, HostError> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = write(&mut writer).map_err(io::Error::other);
    let bytes = written.and_then(|()| writer.into_inner().map_err(|error| io::Error::other(format!("{error}"))));
    bytes.map_err(HostError::file(Path::new("CSV")))
}

/// One JSON object, in one line.
///
/// # Errors
/// None in practice: numbers, names and lists are all that there is.
pub fn json(of: &impl serde::Serialize) -> Result<String, HostError> {
    serde_json::to_string(of).map_err(|error| HostError::file(Path::new("JSON"))(error.into()))
}

#[cfg(test)]
mod tests;
