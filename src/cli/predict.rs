//! The predictions of a model for each row or image of a file, printed one by one.

use super::data::check_kind;
use super::images::{note_rounded, note_sideways};
use crate::complain;
use cygnet::host::HostError;
use cygnet::host::data::Columns;
use cygnet::host::evaluation::{Event, SavedModel, Verdict, predict_file, predict_table};
use cygnet::{Loss, Spec};
use std::io::{BufWriter, ErrorKind, StdoutLock, Write};
use std::path::Path;
use std::process::ExitCode;

/// Rows that cannot be read of which each is told.
const TOLD: u64 = 10;
/// Characters of the first column, and of a number at least.
const NUMBER: usize = 8;
const VALUE: usize = 12;

/// Answers for a file. What cannot be read of a table gets a dash, its reason goes to standard error, and the command fails
/// in the end; a reader that has gone away is no error.
pub(crate) fn answer(model: &SavedModel, file: &Path, transpose: bool) -> Result<ExitCode, HostError> {
    let is_table = model.preparation.is_some();
    if is_table && transpose {
        return Err(HostError::Usage("--transpose needs images, but the model needs rows of a table".to_owned()));
    }
    let is_stdin = file == Path::new("-");
    check_kind(model, file)?;
    if !is_table && is_stdin {
        let problem = "standard input can contain only rows of a table, but the model needs images: give a file";
        return Err(HostError::Usage(problem.to_owned()));
    }
    let is_png = || file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
    if !is_table && !transpose && !is_png() {
        note_sideways(std::iter::once(file));
    }
    let mut printer = Printer::new(model);
    let mut hear = |event| printer.hear(event);
    let asked =
        if is_table { predict_table(model, file, &mut hear) } else { predict_file(model, file, transpose, &mut hear) };
    let done = asked.and_then(|()| printer.flush());
    match done {
        Err(HostError::File { source, .. }) if source.kind() == ErrorKind::BrokenPipe => {}
        // What was answered before comes first.
        Err(error) => return printer.flush().and(Err(error)),
        Ok(()) => {}
    }
    if printer.refused > TOLD {
        let file = if is_stdin { Path::new("standard input") } else { file };
        complain(&format!(
            "error: {}: {} rows cannot be read; the first {TOLD} are listed above",
            file.display(),
            printer.refused
        ));
    }
    Ok(if printer.refused > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Prints answers under a header in columns whose widths are known before the first: a longer cell moves those behind it.
struct Printer {
    out: BufWriter<StdoutLock<'static>>,
    words: Words,
    has_begun: bool,
    refused: u64,
}

impl Printer {
    fn new(model: &SavedModel) -> Self {
        let out = BufWriter::new(std::io::stdout().lock());
        Self { out, words: Words::of(model), has_begun: false, refused: 0 }
    }

    fn hear(&mut self, event: Event) -> Result<(), HostError> {
        match event {
            Event::Answer(answer) => self.line(answer.number, answer.verdict.as_ref()),
            Event::Refused(number, error) => {
                self.refused += 1;
                self.line(number, None)?;
                if self.refused <= TOLD {
                    self.flush()?;
                    complain(&format!("error: {error}"));
                }
                Ok(())
            }
            Event::Waiting => self.flush(),
            Event::Rounded => {
                note_rounded();
                Ok(())
            }
            // No other kind is known.
            _ => Ok(()),
        }
    }

    fn line(&mut self, number: u64, verdict: Option<&Verdict>) -> Result<(), HostError> {
        let mut text = self.words.row(number, verdict);
        if !self.has_begun {
            self.has_begun = true;
            text = format!("{}\n{text}", self.words.header());
        }
        writeln!(self.out, "{text}").map_err(failed)
    }

    fn flush(&mut self) -> Result<(), HostError> {
        self.out.flush().map_err(failed)
    }
}

fn failed(source: std::io::Error) -> HostError {
    HostError::File { path: "standard output".into(), source }
}

/// How the answers of a model are written.
struct Words {
    /// What is counted, and what stands in the columns behind it, with their widths.
    header: Vec<(String, usize)>,
    /// What the outputs are called.
    names: Vec<String>,
    has_classes: bool,
    /// Whether outputs are shown as percentages.
    in_percent: bool,
}

impl Words {
    fn of(model: &SavedModel) -> Self {
        let (spec, is_table) = (&model.spec, model.preparation.is_some());
        let columns = model.preparation.as_ref().and_then(|preparation| preparation.columns.as_ref());
        // Without names the loss says what outputs are; several for an image are classes under any loss.
        let is_of_numbers = matches!(spec.loss_kind(), Loss::MeanSquared | Loss::Huber(_));
        let known = if is_table && is_of_numbers { 0 } else { spec.classes() };
        let has_classes = columns.map_or(known > 0, Columns::has_classes);
        let names = names(spec, columns, has_classes);
        let mut header = vec![(if is_table { "line" } else { "image" }.to_owned(), NUMBER)];
        if has_classes {
            let mut lengths: Vec<usize> = names.iter().map(|name| name.chars().count()).collect();
            lengths.sort_unstable_by(|a, b| b.cmp(a));
            let longest = lengths.first().copied().unwrap_or(0);
            // As in `0: 0.125, 1: 0.125, 2: 0.125`.
            let likely = lengths.iter().take(3).map(|length| length + 9).sum::<usize>();
            header.push(("class".to_owned(), longest.max(5)));
            header.push(("most likely".to_owned(), likely.max(11)));
        } else {
            header.extend(names.iter().map(|name| (name.clone(), name.chars().count().max(VALUE))));
        }
        let in_percent = !is_table && spec.loss_kind() == Loss::SoftmaxCrossEntropy;
        Self { header, names, has_classes, in_percent }
    }

    /// The names of the columns, and a rule under them.
    fn header(&self) -> String {
        let names = self.header.iter().map(|(name, _)| name.clone());
        let width = self.header.iter().map(|(_, width)| width + 3).sum::<usize>();
        format!("{}\n {}", self.aligned(names), "─".repeat(width - 3))
    }

    fn row(&self, number: u64, verdict: Option<&Verdict>) -> String {
        let number = std::iter::once(number.to_string());
        match verdict {
            None => self.aligned(number.chain(self.header.iter().skip(1).map(|_| "–".to_owned()))),
            Some(verdict) if self.has_classes => {
                self.aligned(number.chain([self.names[usize::from(verdict.class)].clone(), self.likeliest(verdict)]))
            }
            Some(verdict) => self.aligned(number.chain(verdict.outputs.iter().map(f32::to_string))),
        }
    }

    /// The three largest outputs.
    fn likeliest(&self, verdict: &Verdict) -> String {
        let mut ranked: Vec<(&String, f32)> = self.names.iter().zip(verdict.outputs.iter().copied()).collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        let text = |&(name, p): &(&String, f32)| match self.in_percent {
            true => format!("{name}: {:.1} %", 100.0 * p),
            false => format!("{name}: {p:.3}"),
        };
        ranked.iter().take(3).map(text).collect::<Vec<_>>().join(", ")
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

/// The names of a model's classes or outputs; their numbers where they have none.
fn names(spec: &Spec, columns: Option<&Columns>, has_classes: bool) -> Vec<String> {
    let names = columns.map(|columns| if has_classes { &columns.classes } else { &columns.targets });
    let name = |i: usize| names.and_then(|names| names.get(i)).map(|name| name.replace(['\r', '\n'], " "));
    let count = if has_classes { spec.classes() } else { spec.outputs() };
    (0..count).map(|i| name(i).unwrap_or_else(|| i.to_string())).collect()
}
