//! Rows to predict, read one by one from a CSV file or a pipe.

use super::cell::Kind;
use super::columns::{Columns, Places};
use super::csv::Sheet;
use super::preparation::Preparation;
use super::table::Gaps;
use crate::host::HostError;
use crate::host::prelude::*;
use crate::preprocess::Preprocess;
use std::path::Path;

/// A table whose rows are to be predicted.
pub(in crate::host) struct Questions<'a> {
    sheet: Sheet,
    places: Places,
    preparation: &'a Preparation,
    columns: Columns,
    preprocess: Preprocess<'a>,
    gaps: Gaps,
}

/// A row to predict: its line and its inputs, prepared; none where the model takes no gaps and there is one.
pub(in crate::host) struct Question {
    pub line: u64,
    pub inputs: Result<Option<Vec<f32>>, HostError>,
}

impl<'a> Questions<'a> {
    /// Reads the first line of a file, which is a header if it has the names that the model's columns have.
    pub(in crate::host) fn open(preparation: &'a Preparation, path: &Path) -> Result<Self, HostError> {
        let width = preparation.floats.len() / Preprocess::state_len(1);
        let numbered = || Columns { inputs: (1..=width).map(|i| format!("{i}")).collect(), ..Columns::default() };
        let columns = preparation.columns.clone().unwrap_or_else(numbered);
        let mut sheet = Sheet::open(path, columns.dialect())?;
        let kinds: Vec<Kind> = sheet.first.iter().map(|cell| sheet.spelling.kind(cell)).collect();
        let is_bare = kinds.len() == columns.inputs.len();
        // Among the inputs alone a word may be the value of a column of words.
        let mut names = kinds.iter().enumerate().filter(|(_, kind)| **kind == Kind::Name);
        let has_name = names.any(|(k, _)| !is_bare || !columns.has_words(k));
        let is_header = match &preparation.columns {
            // A file of the inputs alone may do without the header that the model's table had.
            Some(columns) if columns.header => sheet.begins_with(&columns.inputs) || has_name,
            Some(_) => false,
            None => has_name && !kinds.contains(&Kind::Number),
        };
        sheet.take_header(is_header);
        let (places, gaps) = (sheet.places(&columns, false)?, preparation.gaps());
        sheet.begin()?;
        let preprocess = Preprocess::new(width, &preparation.floats)?;
        Ok(Self { sheet, places, preparation, columns, preprocess, gaps })
    }

    /// The next row, if it is at hand; an error where nothing can be read beyond.
    pub(in crate::host) fn next(&mut self) -> Result<Option<Question>, HostError> {
        if !self.sheet.advance()? {
            return Ok(None);
        }
        let line = self.sheet.lines.number;
        Ok(Some(Question { line, inputs: self.inputs(line) }))
    }

    fn inputs(&self, line: u64) -> Result<Option<Vec<f32>>, HostError> {
        let Some(cells) = self.sheet.row()?.inputs(&self.places, &self.columns, self.gaps)? else { return Ok(None) };
        let mut inputs = Vec::new();
        self.columns.encode(&cells, &mut inputs);
        let refused = |error| self.preparation.refusal(error, &self.sheet.lines.path, |_| line);
        self.preprocess.apply(&mut inputs).map_err(refused)?;
        Ok(Some(inputs))
    }

    /// Reads some more, which may have to be waited for; `false` at the end.
    pub(in crate::host) fn fill(&mut self) -> Result<bool, HostError> {
        Ok(self.sheet.lines.fill()?)
    }

    /// That there was no row at all.
    pub(in crate::host) fn none(&self) -> HostError {
        self.sheet.error("expected rows, found none").into()
    }
}
