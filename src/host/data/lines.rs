//! Lines of a CSV file or a pipe, with their numbers: whatever ends a line, and as far as quotes go on.

use crate::host::DataError;
use crate::host::prelude::*;
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Bytes that are read at once.
const CHUNK: usize = 1 << 16;
/// Bytes that a line has at most: 65,535 inputs need a fiftieth of them.
const LONGEST: usize = 1 << 26;
/// Cells of a line at most: twice the inputs that a network can have.
pub(super) const MAX_CELLS: usize = 1 << 17;
/// Bytes of a table that is kept at most, unpacked: a pipe may have no end, and gzip makes a thousandth of some tables.
const LARGEST: usize = 1 << 32;
const BOM: &[u8] = b"\xef\xbb\xbf";

/// A table's lines. What has been taken is forgotten when more is read, so that a table of any length needs the memory of
/// one chunk.
pub(super) struct Lines {
    /// Where they come from, as errors name it.
    pub path: PathBuf,
    source: Box<dyn Read>,
    buffer: Vec<u8>,
    /// Where the next line begins, and up to where its end was looked for.
    at: usize,
    searched: usize,
    /// Whether the line before ended with CR, so that an LF belongs to it.
    after_cr: bool,
    /// Ends of lines so far.
    ends: u64,
    has_ended: bool,
    /// Whether nothing may be forgotten, so that the lines can be taken once more.
    pub is_kept: bool,
    /// Bytes that are kept at most.
    most: usize,
    /// The latest line, without its end.
    pub record: Vec<u8>,
    /// Its number, from 1 on; of a line with quoted ends of lines, that of its beginning.
    pub number: u64,
    is_quoted: bool,
}

impl Lines {
    /// The lines of a file, or of standard input where the path is `-`; they are kept.
    pub(super) fn open(path: &Path) -> Result<Self, DataError> {
        if path == Path::new("-") {
            return Self::of(Path::new("standard input"), io::stdin());
        }
        Self::of(path, File::open(path).map_err(|error| DataError::io(path, error))?)
    }

    fn of(path: &Path, source: impl Read + 'static) -> Result<Self, DataError> {
        let mut source = BufReader::new(source);
        let start = source.fill_buf().map_err(|error| DataError::io(path, error))?;
        let is_gzip = start.starts_with(&[0x1f, 0x8b]);
        Ok(Self {
            path: path.to_owned(),
            source: if is_gzip { Box::new(MultiGzDecoder::new(source)) } else { Box::new(source) },
            buffer: Vec::new(),
            at: 0,
            searched: 0,
            after_cr: false,
            ends: 0,
            has_ended: false,
            is_kept: true,
            most: LARGEST,
            record: Vec::new(),
            number: 0,
            is_quoted: false,
        })
    }

    /// Goes back to the first line.
    pub(super) fn rewind(&mut self) {
        (self.at, self.searched, self.after_cr, self.ends, self.is_quoted) = (0, 0, false, 0, false);
    }

    /// Reads some more, which may have to be waited for; `false` at the end. What is no text is an error.
    pub(super) fn fill(&mut self) -> Result<bool, DataError> {
        if self.has_ended {
            return Ok(false);
        }
        if !self.is_kept {
            self.buffer.drain(..self.at);
            (self.at, self.searched) = (0, self.searched - self.at);
        }
        if self.buffer.len() > self.most {
            let problem = format!("the table has more than {} bytes, too many to be read at once", self.most);
            return Err(DataError::table(&self.path, problem));
        }
        let failed = |error: io::Error| DataError::io(&self.path, error);
        let (is_first, before) = (self.buffer.is_empty() && self.ends == 0, self.buffer.len());
        self.buffer.try_reserve(CHUNK).map_err(|error| failed(error.into()))?;
        self.buffer.resize(before + CHUNK, 0);
        let read = loop {
            match self.source.read(&mut self.buffer[before..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other.map_err(failed)?,
            }
        };
        self.buffer.truncate(before + read);
        let new = &self.buffer[before..];
        // A device may have no end.
        if let Some((_, what, advice)) = foreign(new).filter(|_| is_first) {
            return Err(DataError::table(&self.path, format!("expected a table as text, found {what}{advice}")));
        }
        if new.contains(&0) {
            return Err(DataError::table(&self.path, "expected a table as text (UTF-8), found other bytes"));
        }
        self.has_ended = read == 0;
        Ok(!self.has_ended)
    }

    /// Takes the next line, which may have to be waited for; `false` at the end.
    pub(super) fn next(&mut self, separators: &[u8]) -> Result<bool, DataError> {
        while !self.take(separators)? {
            if !self.fill()? {
                return self.take(separators);
            }
        }
        Ok(true)
    }

    /// Takes the next line, if it is at hand in full; an error is a quote that is not closed. The last line needs no end.
    pub(super) fn take(&mut self, separators: &[u8]) -> Result<bool, DataError> {
        loop {
            if self.after_cr && self.buffer.get(self.at) == Some(&b'\n') {
                self.at += 1;
                self.after_cr = false;
            }
            self.searched = self.searched.max(self.at);
            let all = self.buffer.len();
            let found = self.buffer[self.searched..].iter().position(|b| b"\r\n".contains(b));
            let end = found.map_or(all, |found| self.searched + found);
            let is_last = self.has_ended && (self.at < all || self.is_quoted);
            self.check_length(end - self.at)?;
            if found.is_none() && !is_last {
                self.searched = all;
                return Ok(false);
            }
            self.after_cr = self.buffer.get(end) == Some(&b'\r');
            self.push(end, separators);
            self.at = all.min(end + 1);
            if !self.is_quoted {
                return Ok(true);
            }
            if found.is_none() {
                return Err(self.endless());
            }
        }
    }

    /// One more line up to `end`, which belongs to the record before if a quote goes on.
    fn push(&mut self, end: usize, separators: &[u8]) {
        let mut line = &self.buffer[self.at..end];
        if self.ends == 0 {
            line = line.strip_prefix(BOM).unwrap_or(line);
        }
        self.ends += 1;
        if self.is_quoted {
            self.record.push(b'\n');
        } else {
            self.record.clear();
            self.number = self.ends;
        }
        self.record.extend_from_slice(line);
        if self.is_quoted || line.contains(&b'"') {
            let start = if self.is_quoted { Place::Quoted } else { Place::Start };
            self.is_quoted = line.iter().fold(start, |place, &b| place.after(b, separators)) == Place::Quoted;
        }
    }

    fn check_length(&self, more: usize) -> Result<(), DataError> {
        let before = if self.is_quoted { self.record.len() } else { 0 };
        if before + more <= LONGEST { Ok(()) } else { Err(self.endless()) }
    }

    fn endless(&self) -> DataError {
        let problem = if self.is_quoted {
            format!("line {}: the quotation mark is not closed", self.number)
        } else {
            format!("line {}: the line is longer than {LONGEST} bytes", self.ends + 1)
        };
        DataError::table(&self.path, problem)
    }
}

/// Where in a cell a byte stands. Quotes begin at the beginning of a cell, or behind blanks there.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Start,
    Plain,
    Quoted,
    /// Behind a quotation mark, which closes the quote unless a second one follows.
    Closed,
}

impl Place {
    fn after(self, byte: u8, separators: &[u8]) -> Self {
        match (self, byte) {
            (Self::Quoted, b'"') => Self::Closed,
            (Self::Quoted, _) | (Self::Start | Self::Closed, b'"') => Self::Quoted,
            (Self::Start, b' ' | b'\t') => Self::Start,
            _ if separators.contains(&byte) => Self::Start,
            _ => Self::Plain,
        }
    }
}

/// The cells of a line, without blanks around them; a blank as separator stands for any run of them. Of too many there is one
/// more than [`MAX_CELLS`].
pub(super) fn cells(record: &str, separators: &[u8]) -> Vec<String> {
    let is_run = separators.contains(&b' ');
    let record = if is_run { record.trim() } else { record };
    let (mut cells, mut cell, mut place) = (Vec::new(), Vec::new(), Place::Start);
    let text = |cell: &[u8]| String::from_utf8_lossy(cell).trim().to_owned();
    for &byte in record.as_bytes() {
        let (before, is_separator) = (place, place != Place::Quoted && separators.contains(&byte));
        place = place.after(byte, separators);
        match (before, place) {
            (Place::Start, _) if is_separator && is_run => {}
            _ if is_separator => {
                cells.push(text(&cell));
                cell.clear();
                if cells.len() > MAX_CELLS {
                    return cells;
                }
            }
            (Place::Start, Place::Quoted) => cell.clear(),
            (Place::Quoted, Place::Closed) => {}
            _ => cell.push(byte),
        }
    }
    cells.push(text(&cell));
    cells
}

/// How files begin that are often taken for tables, what they are, and what to do with them.
const FOREIGN: [(&[u8], &str, &str); 11] = [
    (b"\xff\xfe", "text in UTF-16", ": save it as UTF-8"),
    (b"\xfe\xff", "text in UTF-16", ": save it as UTF-8"),
    (b"\xff\xd8\xff", "a JPEG picture", ""),
    (b"\x89PNG", "a PNG picture", ""),
    (b"GIF8", "a GIF picture", ""),
    (b"PK\x03\x04", "a workbook or a zip archive", ": save the table as CSV"),
    (b"\xd0\xcf\x11\xe0", "a workbook", ": save the table as CSV"),
    (b"%PDF", "a PDF document", ""),
    (b"PAR1", "a Parquet file", ": save the table as CSV"),
    (b"\x89CYG", "a model", ""),
    (
        b"\0\0",
        "an IDX file",
        ": --data takes the directory of the four files, --train-images and its like take them by name",
    ),
];

fn foreign(start: &[u8]) -> Option<&(&'static [u8], &'static str, &'static str)> {
    FOREIGN.iter().find(|(magic, ..)| start.starts_with(magic))
}

/// What a path leads to, as far as the first bytes tell; none of what may be a table.
#[must_use]
pub fn no_table(path: &Path) -> Option<&'static str> {
    if path.is_dir() {
        return Some("a directory");
    }
    // What is read of a pipe is gone.
    if !path.is_file() {
        return None;
    }
    let mut start = Vec::new();
    File::open(path).and_then(|file| file.take(4).read_to_end(&mut start)).ok()?;
    foreign(&start).map(|(_, what, _)| *what)
}

#[cfg(test)]
mod tests;
