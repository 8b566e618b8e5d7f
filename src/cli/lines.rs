//! Predictions as lines: a table for people, CSV or JSON for programs.

use clap::ValueEnum;
use cygnet::Loss;
use cygnet::host::HostError;
use cygnet::host::data::{Columns, is_picture};
use cygnet::host::evaluation::{Answer, SavedModel, Verdict};
use cygnet::host::report::terminal_width;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::io::{BufWriter, StdoutLock, Write};
use std::path::{Path, PathBuf};

/// Characters of a number at least, of an input's and of a value's.
const NUMBER: usize = 8;
const VALUE: usize = 12;

/// How predictions are written.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Form {
    Table,
    Csv,
    Json,
}

/// Writes lines under a header in columns whose widths are known before the first: a longer cell moves those behind it.
pub(super) struct Lines {
    out: BufWriter<StdoutLock<'static>>,
    form: Form,
    /// The columns of a table, and their widths.
    header: Vec<(String, usize)>,
    /// What the outputs are called.
    names: Vec<String>,
    has_classes: bool,
    /// What the loss makes of outputs.
    are_shares: bool,
    /// Classes in the column of the most likely ones.
    likely: usize,
    /// Whether lines begin with the file, and with the number in it, which is called so.
    has_files: bool,
    number: Option<&'static str>,
    /// Where all files are in one directory, tables leave it out.
    is_one_place: bool,
    /// Columns of the images to draw.
    drawn: Option<usize>,
    /// Of the next lines.
    pub(super) file: PathBuf,
    has_begun: bool,
}

impl Lines {
    /// For predictions of a model for these files; with `drawn`, the width of an image, each is drawn.
    pub(super) fn new(model: &SavedModel, files: &[PathBuf], form: Form, drawn: Option<usize>) -> Self {
        let (spec, is_table) = (&model.spec, model.preparation.is_some());
        let columns = model.preparation.as_ref().and_then(|preparation| preparation.columns.as_ref());
        // Without names the loss says what outputs are; several for an image are classes under any loss.
        let is_of_numbers = !matches!(spec.loss_kind(), Loss::SoftmaxCrossEntropy | Loss::BinaryCrossEntropy);
        let known = if is_table && is_of_numbers { 0 } else { spec.classes() };
        let has_classes = columns.map_or(known > 0, Columns::has_classes);
        let are_pictures = !is_table && files.iter().all(|file| is_picture(file));
        let mut lines = Self {
            out: BufWriter::new(std::io::stdout().lock()),
            form,
            header: Vec::new(),
            names: names(model, has_classes),
            has_classes,
            are_shares: spec.loss_kind() == Loss::SoftmaxCrossEntropy,
            likely: 3,
            has_files: are_pictures || files.len() > 1,
            number: (!are_pictures).then_some(if is_table { "line" } else { "image" }),
            is_one_place: files.iter().all(|file| file.parent() == files[0].parent()),
            drawn,
            file: PathBuf::new(),
            has_begun: false,
        };
        lines.set_header(files);
        lines
    }

    fn set_header(&mut self, files: &[PathBuf]) {
        if self.has_files {
            let longest = files.iter().map(|file| self.called(file).chars().count()).max();
            self.header.push(("file".to_owned(), longest.unwrap_or(0).max(NUMBER)));
        }
        self.header.extend(self.number.map(|name| (name.to_owned(), NUMBER)));
        if !self.has_classes {
            self.header.extend(self.names.iter().map(|name| (name.clone(), name.chars().count().max(VALUE))));
            return;
        }
        let mut lengths: Vec<usize> = self.names.iter().map(|name| name.chars().count()).collect();
        lengths.sort_unstable_by(|a, b| b.cmp(a));
        self.header.push(("class".to_owned(), lengths.first().copied().unwrap_or(0).max(5)));
        let used = self.header.iter().map(|(_, width)| width + 3).sum::<usize>();
        // As in `0: 12.5 %, 1: 12.5 %`; as many as the terminal has room for.
        let width = |count: usize| lengths.iter().take(count).map(|length| length + 10).sum::<usize>().max(11);
        self.likely = (1..=3).rev().find(|&count| used + width(count) < terminal_width()).unwrap_or(1);
        self.header.push(("most likely".to_owned(), width(self.likely)));
    }

    fn called(&self, file: &Path) -> String {
        let name = file.file_name().filter(|_| self.is_one_place && self.form == Form::Table);
        name.map_or_else(|| file.display().to_string(), |name| name.to_string_lossy().into_owned())
    }

    /// A prediction, or that there is none.
    pub(super) fn answer(&mut self, answer: &Answer) -> Result<(), HostError> {
        self.start()?;
        if let Some(cols) = self.drawn {
            writeln!(self.out, "\n{}", drawing(&answer.image, cols)).map_err(failed)?;
        }
        self.line(answer.number, answer.verdict.as_ref(), answer.odd.as_deref().map(|odd| ("note", odd)))
    }

    /// That there is no prediction, since a row or the file cannot be read.
    pub(super) fn refused(&mut self, number: Option<u64>, error: &HostError) -> Result<(), HostError> {
        self.start()?;
        self.line(number, None, Some(("error", &error.to_string())))
    }

    pub(super) fn flush(&mut self) -> Result<(), HostError> {
        self.out.flush().map_err(failed)
    }

    /// The header, before the first line.
    fn start(&mut self) -> Result<(), HostError> {
        if std::mem::replace(&mut self.has_begun, true) || self.form == Form::Json {
            return Ok(());
        }
        if self.form == Form::Csv {
            let ids = [self.has_files.then_some("file"), self.number, self.has_classes.then_some("class")];
            let names = ids.into_iter().flatten().map(str::to_owned).chain(self.names.iter().cloned());
            return self.row(names.collect());
        }
        let names = self.aligned(self.header.iter().map(|(name, _)| name.clone()));
        let width = self.header.iter().map(|(_, width)| width + 3).sum::<usize>();
        writeln!(self.out, "{names}\n {}", "─".repeat(width - 3)).map_err(failed)
    }

    fn line(
        &mut self,
        number: Option<u64>,
        verdict: Option<&Verdict>,
        note: Option<(&str, &str)>,
    ) -> Result<(), HostError> {
        let class = verdict.filter(|_| self.has_classes).map(|verdict| self.names[usize::from(verdict.class)].clone());
        if self.form == Form::Json {
            let pairs = verdict.map(|verdict| Pairs { names: &self.names, values: &verdict.outputs });
            let file = self.has_files.then(|| self.called(&self.file));
            let number = self.number.zip(number);
            let what = if self.has_classes && self.are_shares { "probabilities" } else { "outputs" };
            let mut serializer = serde_json::Serializer::new(&mut self.out);
            let mut object = || {
                let mut map = serializer.serialize_map(None)?;
                file.iter().try_for_each(|file| map.serialize_entry("file", file))?;
                number.iter().try_for_each(|(name, number)| map.serialize_entry(name, number))?;
                class.iter().try_for_each(|class| map.serialize_entry("class", class))?;
                pairs.iter().try_for_each(|pairs| map.serialize_entry(what, pairs))?;
                note.iter().try_for_each(|(name, note)| map.serialize_entry(name, note))?;
                map.end()
            };
            object().map_err(|error: serde_json::Error| failed(error.into()))?;
            return writeln!(self.out).map_err(failed);
        }
        let mut cells: Vec<String> = Vec::new();
        cells.extend(self.has_files.then(|| self.called(&self.file)));
        cells.extend(self.number.map(|_| number.map_or_else(String::new, |number| number.to_string())));
        match verdict {
            Some(verdict) if self.form == Form::Csv || !self.has_classes => {
                cells.extend(class);
                cells.extend(verdict.outputs.iter().map(f32::to_string));
            }
            Some(verdict) => cells.extend([class.unwrap_or_default(), self.likeliest(verdict)]),
            None if self.form == Form::Csv => {
                let rest = self.names.len() + usize::from(self.has_classes);
                cells.extend(std::iter::repeat_n(String::new(), rest));
            }
            None => cells.resize(self.header.len(), "–".to_owned()),
        }
        if self.form == Form::Csv {
            return self.row(cells);
        }
        let text = self.aligned(cells.into_iter());
        writeln!(self.out, "{text}").map_err(failed)
    }

    /// A row of CSV.
    fn row(&mut self, cells: Vec<String>) -> Result<(), HostError> {
        let mut row = csv::Writer::from_writer(Vec::new());
        let bytes = row.write_record(cells).map_err(std::io::Error::from);
        let bytes = bytes.and_then(|()| row.into_inner().map_err(|error| error.into_error()));
        bytes.and_then(|bytes| self.out.write_all(&bytes)).map_err(failed)
    }

    /// The largest outputs.
    fn likeliest(&self, verdict: &Verdict) -> String {
        let mut ranked: Vec<(&String, f32)> = self.names.iter().zip(verdict.outputs.iter().copied()).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        let text = |&(name, p): &(&String, f32)| match self.are_shares {
            true => format!("{name}: {:.1} %", 100.0 * p),
            false => format!("{name}: {p:.3}"),
        };
        ranked.iter().take(self.likely).map(text).collect::<Vec<_>>().join(", ")
    }

    /// The first cell to the left, the others to the right.
    fn aligned(&self, cells: impl Iterator<Item = String>) -> String {
        let mut line = String::new();
        for (i, (cell, (_, width))) in cells.zip(&self.header).enumerate() {
            line += &if i == 0 { format!(" {cell:<width$}") } else { format!("   {cell:>width$}") };
        }
        line
    }
}

/// What errors call a file.
pub(super) fn named(file: &Path) -> String {
    if file == Path::new("-") { "standard input".to_owned() } else { file.display().to_string() }
}

fn failed(source: std::io::Error) -> HostError {
    HostError::File { path: "standard output".into(), source }
}

/// The names of a model's classes or outputs; their numbers where they have none.
fn names(model: &SavedModel, has_classes: bool) -> Vec<String> {
    let columns = model.preparation.as_ref().and_then(|preparation| preparation.columns.as_ref());
    let targets = columns.map_or(&[][..], |columns| &columns.targets);
    let known = if has_classes { model.class_names() } else { targets };
    let count = if has_classes { model.spec.classes() } else { model.spec.outputs() };
    let named = |i: usize| known.get(i).map_or_else(|| i.to_string(), |name| name.replace(['\r', '\n'], " "));
    // Standard deviations stand behind all means.
    let name = |i: usize| match i.checked_sub(model.spec.targets()).filter(|_| !has_classes) {
        Some(i) => format!("sd of {}", named(i)),
        None => named(i),
    };
    (0..count).map(name).collect()
}

/// Outputs by name, in the order of the classes.
struct Pairs<'a> {
    names: &'a [String],
    values: &'a [f32],
}

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.names.iter().zip(self.values))
    }
}

/// An image in half blocks and shades, two rows a line, in a frame; wide ones are drawn smaller.
fn drawing(image: &[u8], cols: usize) -> String {
    let step = cols.div_ceil(terminal_width().saturating_sub(4).clamp(8, 76));
    let (rows, across) = (image.len() / cols, cols.div_ceil(step));
    // The mean of a square; black outside.
    let level = |y: usize, x: usize| {
        let square = (y * step..rows.min((y + 1) * step))
            .flat_map(|y| (x * step..cols.min((x + 1) * step)).map(move |x| (y, x)));
        let (sum, count) = square.fold((0, 0), |(sum, n), (y, x)| (sum + u32::from(image[y * cols + x]), n + 1));
        sum / u32::max(count, 1)
    };
    let cell = |y: usize, x: usize| match (level(2 * y, x), level(2 * y + 1, x)) {
        (top, bottom) if top > bottom + 100 => '▀',
        (top, bottom) if bottom > top + 100 => '▄',
        (top, bottom) => [' ', '░', '▒', '▓', '█'][((4 * (top + bottom) + 255) / 510) as usize],
    };
    let rule = "─".repeat(across);
    let lines = (0..rows.div_ceil(step).div_ceil(2)).map(|y| {
        let line: String = (0..across).map(|x| cell(y, x)).collect();
        format!(" │{line}│\n")
    });
    format!(" ┌{rule}┐\n{} └{rule}┘", lines.collect::<String>())
}
